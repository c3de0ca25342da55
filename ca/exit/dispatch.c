/* The dispatcher: one thread an exit module, which keeps the module's host alive and drains its outbox.
 * What happens in one pass is drain.c's, the host connection.c's. */
#include "ca/exit/dispatch.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "ca/base/clock.h"
#include "ca/base/log.h"
#include "ca/exit/connection.h"
#include "ca/exit/drain.h"

#define IDLE_MS 1000 /* rows that wait come due without anything being committed */

struct worker {
    struct connection connection;
    struct drain drain;
    pthread_t thread;
    bool running;
    uint64_t seen; /* outbox_wait's */
};

struct dispatch {
    struct store *store;
    atomic_bool stopping;
    struct worker *workers;
    size_t count;
};

/* Events of the daemon itself: told in passing, stored nowhere. */
static void tell(struct worker *worker, enum event_kind kind)
{
    struct event event = {.kind = kind, .at = clock_now(), .reason = -1, .crl_fd = -1};
    const struct event *events[1] = {&event};
    struct wire_answer answer;
    struct error error = ERROR_NONE;

    if ((worker->connection.ready.event_mask & (uint32_t)kind) == 0 || !connection_alive(&worker->connection))
        return;
    if (connection_deliver(&worker->connection, events, 1, &answer, &error) != OK)
        log_warn("exit module %s was not told of %s: %s", worker->connection.name, event_kind_name(kind), error.message);
}

static void worker_sleep(struct worker *worker, int64_t ms)
{
    for (int64_t until = clock_monotonic_ms() + ms; clock_monotonic_ms() < until && !atomic_load(worker->connection.stopping);)
        poll(NULL, 0, 50);
}

/* Keeps the host alive, drains, waits for more. While the host is down or the directory is, a commit wakes nobody. */
static void worker_turn(struct worker *worker, struct error *error)
{
    int pause_ms = 0;

    if (!connection_alive(&worker->connection)) {
        int64_t wait_ms = connection_start_at(&worker->connection) - clock_monotonic_ms();

        if (wait_ms > 0)
            worker_sleep(worker, wait_ms < IDLE_MS ? wait_ms : IDLE_MS);
        else if (connection_start(&worker->connection, error) != OK)
            error_clear(error); /* logged where it happened */
        return;
    }
    if (drain_pass(&worker->drain, &pause_ms, error) != OK) {
        if (strncmp(error->reason, "exit.", 5) != 0) /* of the host: logged where it happened */
            log_warn("exit module %s: %s", worker->connection.name, error->message);
        pause_ms = IDLE_MS;
    }
    if (pause_ms > 0)
        worker_sleep(worker, pause_ms);
    else
        outbox_wait(worker->drain.store, worker->connection.name, &worker->seen, IDLE_MS);
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;

    tell(worker, EVENT_STARTUP);
    while (!atomic_load(worker->connection.stopping)) {
        struct error error = ERROR_NONE;

        worker_turn(worker, &error);
    }
    return NULL;
}

static int worker_start(struct worker *worker, struct dispatch *dispatch, struct error *error)
{
    int status = connection_start(&worker->connection, error);

    if (status == OK)
        status = drain_open(&worker->drain, dispatch->store, &worker->connection, error);
    if (status == OK && pthread_create(&worker->thread, NULL, worker_main, worker) != 0)
        status = error_set(error, TEMPORARY, "exit.thread", "no thread for exit module %s", worker->connection.name);
    worker->running = status == OK;
    return status;
}

int dispatch_start(struct store *store, struct forker *forker, const char *const names[], size_t count, struct dispatch **out,
                   struct error *error)
{
    struct dispatch *dispatch = calloc(1, sizeof *dispatch);
    int status = OK;

    if (!dispatch || (count > 0 && (dispatch->workers = calloc(count, sizeof *dispatch->workers)) == NULL)) {
        free(dispatch);
        return error_memory(error);
    }
    dispatch->store = store;
    atomic_init(&dispatch->stopping, false);
    for (; dispatch->count < count; dispatch->count++)
        connection_init(&dispatch->workers[dispatch->count].connection, names[dispatch->count], forker, &dispatch->stopping);
    for (size_t i = 0; i < count && status == OK; i++)
        status = worker_start(&dispatch->workers[i], dispatch, error);
    if (status == OK)
        *out = dispatch;
    else
        dispatch_stop(dispatch);
    return status;
}

void dispatch_host_ended(struct dispatch *dispatch, const char *program, pid_t pid, int wait_status)
{
    for (size_t i = 0; i < dispatch->count; i++) {
        struct connection *connection = &dispatch->workers[i].connection;

        if (strcmp(connection->program, program) != 0)
            continue;
        atomic_store(&connection->ended, (int)pid);
        if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGALRM)
            log_error("exit module %s hung and was ended by its alarm", connection->name);
        else if (WIFSIGNALED(wait_status))
            log_error("the host of exit module %s was killed by signal %d", connection->name, WTERMSIG(wait_status));
        else if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) != 0)
            log_error("the host of exit module %s ended with status %d", connection->name, WEXITSTATUS(wait_status));
    }
}

int dispatch_probe(struct dispatch *dispatch, const char *name, const char *dn, struct strings *lines, struct error *error)
{
    for (size_t i = 0; i < dispatch->count; i++)
        if (strcmp(dispatch->workers[i].connection.name, name) == 0)
            return connection_probe(&dispatch->workers[i].connection, dn, lines, error);
    return error_set(error, REFUSED, "object.unknown", "there is no exit module %s: chancery publish status names those there are", name);
}

void dispatch_stop(struct dispatch *dispatch)
{
    if (!dispatch)
        return;
    atomic_store(&dispatch->stopping, true);
    for (size_t i = 0; i < dispatch->count; i++) {
        struct worker *worker = &dispatch->workers[i];

        if (worker->running) {
            pthread_join(worker->thread, NULL);
            tell(worker, EVENT_SHUTDOWN);
        }
        connection_close(&worker->connection);
        drain_close(&worker->drain);
    }
    free(dispatch->workers);
    free(dispatch);
}
