/* Lanes of threads over one mutex. A lane takes queries in order; slow questions (health asks the directory) have a lane of
 * their own. A cancelled lane is abandoned: it frees itself when its call comes back, and its answer is dropped. */
#include "tui/worker.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LANES 2

struct item {
    struct item *next;
    struct query query;
    struct answer answer;
};

struct lane {
    struct worker *worker;
    struct item *first, **last;
    bool stop, busy, abandoned;
    pthread_t thread;
    pthread_cond_t wake;
};

struct worker {
    pthread_mutex_t lock;
    struct lane *lanes[LANES];
    struct item *answers, **answers_last;
    int fd;
    unsigned references; /* the owner's and every running lane's */
    transport_opener opener;
    void *argument;
};

static void items_free(struct item *item) {
    while (item != NULL) {
        struct item *next = item->next;
        query_free(&item->query);
        answer_free(&item->answer);
        free(item);
        item = next;
    }
}

/* Called with the lock held; lets it go. */
static void worker_release(struct worker *worker) {
    bool last = --worker->references == 0;
    pthread_mutex_unlock(&worker->lock);
    if (!last)
        return;
    items_free(worker->answers);
    close(worker->fd);
    pthread_mutex_destroy(&worker->lock);
    free(worker);
}

static void lane_answer(struct lane *lane, struct item *item, struct transport *transport, bool *is_open) {
    struct error error = ERROR_NONE;
    if (!*is_open)
        *is_open = lane->worker->opener(lane->worker->argument, transport, &error) == 0;
    if (*is_open) {
        source_ask(transport, &item->query, &item->answer);
    } else {
        item->answer.ticket = item->query.ticket;
        item->answer.kind = item->query.kind;
        item->answer.error = error;
    }
}

static struct item *lane_next(struct lane *lane) {
    while (lane->first == NULL && !lane->stop)
        pthread_cond_wait(&lane->wake, &lane->worker->lock);
    struct item *item = lane->stop ? NULL : lane->first;
    if (item != NULL) {
        lane->first = item->next;
        item->next = NULL;
        if (lane->first == NULL)
            lane->last = &lane->first;
    }
    return item;
}

static void lane_deliver(struct lane *lane, struct item *item) {
    static const uint64_t one = 1;
    struct worker *worker = lane->worker;
    if (lane->stop) {
        items_free(item);
        return;
    }
    *worker->answers_last = item;
    worker->answers_last = &item->next;
    if (write(worker->fd, &one, sizeof one) < 0)
        return; /* the counter is full: it is readable already */
}

static void *lane_run(void *argument) {
    struct lane *lane = argument;
    struct worker *worker = lane->worker;
    struct transport transport = {NULL, NULL, NULL, NULL};
    bool is_open = false;
    struct item *item;
    pthread_mutex_lock(&worker->lock);
    while ((item = lane_next(lane)) != NULL) {
        lane->busy = true;
        pthread_mutex_unlock(&worker->lock);
        lane_answer(lane, item, &transport, &is_open);
        pthread_mutex_lock(&worker->lock);
        lane->busy = false;
        lane_deliver(lane, item);
    }
    bool abandoned = lane->abandoned;
    items_free(lane->first);
    lane->first = NULL;
    if (is_open)
        transport_close(&transport);
    if (abandoned) {
        pthread_cond_destroy(&lane->wake);
        free(lane);
    }
    worker_release(worker);
    return NULL;
}

static struct lane *lane_open(struct worker *worker) {
    struct lane *lane = calloc(1, sizeof *lane);
    if (lane == NULL)
        return NULL;
    lane->worker = worker;
    lane->last = &lane->first;
    pthread_cond_init(&lane->wake, NULL);
    if (pthread_create(&lane->thread, NULL, lane_run, lane) != 0) {
        pthread_cond_destroy(&lane->wake);
        free(lane);
        return NULL;
    }
    worker->references++;
    return lane;
}

struct worker *worker_open(transport_opener opener, void *argument) {
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL)
        return NULL;
    pthread_mutex_init(&worker->lock, NULL);
    worker->answers_last = &worker->answers;
    worker->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    worker->opener = opener;
    worker->argument = argument;
    worker->references = 1;
    pthread_mutex_lock(&worker->lock);
    for (int i = 0; i < LANES; i++)
        worker->lanes[i] = lane_open(worker);
    bool done = worker->fd >= 0 && worker->lanes[0] != NULL && worker->lanes[1] != NULL;
    pthread_mutex_unlock(&worker->lock);
    if (!done) {
        worker_close(worker);
        return NULL;
    }
    return worker;
}

/* With the lock held. A lane that is busy is left behind; true: its thread is to be joined. */
static bool lane_stop(struct lane *lane) {
    lane->stop = true;
    lane->abandoned = lane->busy;
    if (lane->abandoned)
        pthread_detach(lane->thread);
    pthread_cond_signal(&lane->wake);
    return !lane->abandoned;
}

static void lane_join(struct lane *lane) {
    pthread_join(lane->thread, NULL);
    pthread_cond_destroy(&lane->wake);
    free(lane);
}

void worker_close(struct worker *worker) {
    if (worker == NULL)
        return;
    pthread_mutex_lock(&worker->lock);
    for (int i = 0; i < LANES; i++) {
        struct lane *lane = worker->lanes[i];
        if (lane == NULL || !lane_stop(lane))
            continue;
        pthread_mutex_unlock(&worker->lock);
        lane_join(lane);
        pthread_mutex_lock(&worker->lock);
    }
    worker_release(worker);
}

void worker_ask(struct worker *worker, struct query *query) {
    struct item *item = calloc(1, sizeof *item);
    struct lane *lane = worker->lanes[query->kind == QUERY_HEALTH];
    if (item == NULL || lane == NULL) {
        query_free(query);
        free(item);
        return;
    }
    item->query = *query;
    memset(query, 0, sizeof *query);
    pthread_mutex_lock(&worker->lock);
    *lane->last = item;
    lane->last = &item->next;
    pthread_cond_signal(&lane->wake);
    pthread_mutex_unlock(&worker->lock);
}

void worker_cancel(struct worker *worker) {
    pthread_mutex_lock(&worker->lock);
    for (int i = 0; i < LANES; i++) {
        struct lane *lane = worker->lanes[i];
        items_free(lane->first);
        lane->first = NULL;
        lane->last = &lane->first;
        if (!lane->busy)
            continue;
        struct lane *fresh = lane_open(worker);
        if (fresh == NULL)
            continue; /* then the old one goes on; its answer is dropped by its ticket */
        lane_stop(lane);
        worker->lanes[i] = fresh;
    }
    pthread_mutex_unlock(&worker->lock);
}

int worker_fd(const struct worker *worker) {
    return worker->fd;
}

bool worker_answer(struct worker *worker, struct answer *answer) {
    uint64_t count;
    pthread_mutex_lock(&worker->lock);
    struct item *item = worker->answers;
    if (item != NULL) {
        worker->answers = item->next;
        if (worker->answers == NULL)
            worker->answers_last = &worker->answers;
    } else if (read(worker->fd, &count, sizeof count) < 0) {
        count = 0; /* it was empty already */
    }
    pthread_mutex_unlock(&worker->lock);
    if (item == NULL)
        return false;
    *answer = item->answer;
    query_free(&item->query);
    free(item);
    return true;
}
