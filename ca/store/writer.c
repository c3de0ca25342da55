/* The one writer: takes all closures that wait into one Berkeley DB transaction, each in a nested child of it, commits once,
 * wakes the callers. Group commit without deadlocks among writers. */
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "ca/base/log.h"
#include "ca/store/internal.h"

#define BATCH_MAX 64
#define CHILD_TRIES 100 /* a millisecond apart */
#define RESERVED_FLOOR (16u << 20) /* even what may use the reserve stops here: the log must have room to end well */

struct waiter {
    store_closure closure;
    void *argument;
    struct error *error;
    bool reserved, done;
    int status;
    struct store_txn txn;
    pthread_cond_t finished;
    struct waiter *next;
};

int store_txn_failed(const struct store_txn *txn)
{
    return txn->status;
}

/* ---- one closure in a child transaction ---- */

static int child_once(struct waiter *waiter, DB_TXN *parent)
{
    struct store *store = waiter->txn.store;
    int code = store->env->txn_begin(store->env, parent, &waiter->txn.txn, 0);
    if (code)
        return db_error(code, "transaction", waiter->error);
    waiter->txn.status = OK;
    int status = waiter->closure(&waiter->txn, waiter->argument, waiter->error);
    if (!status)
        status = waiter->txn.status;
    if (status) {
        waiter->txn.txn->abort(waiter->txn.txn);
        return status;
    }
    return db_error(waiter->txn.txn->commit(waiter->txn.txn, 0), "transaction", waiter->error);
}

static void txn_forget(struct store_txn *txn)
{
    strings_free(&txn->audit_lines);
    txn->outbox_changed = txn->templates_changed = false;
    txn->revoked_sequence = 0;
}

/* A deadlock with a reader that was resolved at our cost; the closure may have said it in words of its own. */
static bool child_is_busy(const struct waiter *waiter)
{
    return waiter->status == TEMPORARY && (waiter->txn.status == TEMPORARY || strcmp(waiter->error->reason, "store.busy") == 0);
}

/* False: it must be tried again when the parent has ended. The reader may wait for a lock that the parent has of an earlier child,
 * while we wait for the reader's: as long as the parent stands every try would end alike. */
static bool child_run(struct waiter *waiter, DB_TXN *parent, bool first)
{
    const struct timespec a_moment = {0, 1000000};
    for (int try = 0; try < CHILD_TRIES; try++) {
        txn_forget(&waiter->txn);
        waiter->status = child_once(waiter, parent);
        if (!child_is_busy(waiter) || try + 1 == CHILD_TRIES)
            break;
        error_clear(waiter->error);
        if (!first)
            return false;
        nanosleep(&a_moment, NULL);
    }
    if (!waiter->status)
        return true;
    txn_forget(&waiter->txn);
    if (waiter->error->status == OK && waiter->status == TEMPORARY)
        error_set(waiter->error, TEMPORARY, "store.busy", "the database is busy, or its disk is full: try again");
    else if (waiter->error->status == OK)
        error_set(waiter->error, waiter->status, waiter->status == REFUSED ? "object.unknown" : "store.database",
                  waiter->status == REFUSED ? "there is no such object" : "the database refused the change");
    return true;
}

/* ---- a batch ---- */

static int space_check(struct store *store, bool reserved, struct error *error)
{
    struct statvfs fs;
    if (statvfs(store->path, &fs))
        return OK;
    uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
    uint64_t floor = reserved ? RESERVED_FLOOR : store->options.disk_reserve_bytes;
    if (room >= floor || (!reserved && !floor))
        return OK;
    return error_set(error, TEMPORARY, "store.disk", "only %llu MiB are free under %s: what is left is kept for revocations and CRLs",
                     (unsigned long long)(room >> 20), store->path);
}

int store_space(struct store *store, struct error *error)
{
    return space_check(store, false, error);
}

static void batch_fail(struct waiter **batch, size_t count, int code)
{
    for (size_t i = 0; i < count; i++)
        if (!batch[i]->status) {
            txn_forget(&batch[i]->txn);
            batch[i]->status = db_error(code, "commit", batch[i]->error);
        }
}

/* One transaction for as many as go into it; answers how many those are, at least one. */
static size_t batch_part(struct store *store, struct waiter **batch, size_t count)
{
    DB_TXN *parent = NULL;
    size_t good = 0, done = 0;
    bool first = true;
    int code = store->env->txn_begin(store->env, NULL, &parent, 0);
    if (code) {
        batch_fail(batch, count, code);
        return count;
    }
    for (; done < count; done++) {
        if (batch[done]->status)
            continue;
        if (!child_run(batch[done], parent, first)) {
            batch[done]->status = OK;
            break;
        }
        first = false;
        good += !batch[done]->status;
    }
    code = good ? parent->commit(parent, DB_TXN_SYNC) : parent->abort(parent);
    if (code)
        batch_fail(batch, done, code);
    return done;
}

static void batch_run(struct store *store, struct waiter **batch, size_t count)
{
    for (size_t i = 0; i < count; i++)
        batch[i]->status = space_check(store, batch[i]->reserved, batch[i]->error);
    for (size_t done = 0; done < count;)
        done += batch_part(store, batch + done, count - done);
}

/* ---- the thread ---- */

static size_t batch_take(struct store *store, struct waiter **batch)
{
    size_t count = 0;
    while (store->first && count < BATCH_MAX) {
        batch[count++] = store->first;
        store->first = store->first->next;
    }
    if (!store->first)
        store->last = NULL;
    return count;
}

/* With the lock held: what the batch changed becomes visible to those who wait for it. */
static void batch_tell(struct store *store, struct waiter **batch, size_t count)
{
    bool outbox = false;
    for (size_t i = 0; i < count; i++) {
        outbox |= batch[i]->txn.outbox_changed;
        if (batch[i]->txn.templates_changed)
            atomic_fetch_add(&store->template_generation, 1);
        if (batch[i]->txn.revoked_sequence > atomic_load(&store->revoked_sequence))
            atomic_store(&store->revoked_sequence, batch[i]->txn.revoked_sequence);
        batch[i]->done = true;
        pthread_cond_signal(&batch[i]->finished);
    }
    if (outbox) {
        store->outbox_generation++;
        pthread_cond_broadcast(&store->outbox);
    }
}

static void *writer_run(void *argument)
{
    struct store *store = argument;
    struct waiter *batch[BATCH_MAX];
    pthread_mutex_lock(&store->lock);
    for (;;) {
        while (!store->first && !store->stopping)
            pthread_cond_wait(&store->work, &store->lock);
        size_t count = batch_take(store, batch);
        if (!count)
            break; /* stopping, and nothing waits */
        pthread_mutex_unlock(&store->lock);
        batch_run(store, batch, count);
        for (size_t i = 0; i < count; i++)
            for (size_t line = 0; line < batch[i]->txn.audit_lines.count; line++)
                log_notice("audit %s", batch[i]->txn.audit_lines.items[line]);
        pthread_mutex_lock(&store->lock);
        batch_tell(store, batch, count);
    }
    pthread_mutex_unlock(&store->lock);
    return NULL;
}

int writer_start(struct store *store, struct error *error)
{
    if (pthread_create(&store->writer, NULL, writer_run, store))
        return error_set(error, INTERNAL, "store.thread", "no thread can be started for the writer");
    store->writer_runs = true;
    return OK;
}

void writer_stop(struct store *store)
{
    if (store->writer_runs)
        pthread_join(store->writer, NULL);
    store->writer_runs = false;
}

static int write_wait(struct store *store, store_closure closure, void *argument, bool reserved, struct error *error)
{
    struct waiter waiter = {.closure = closure, .argument = argument, .reserved = reserved, .txn = {.store = store}};
    struct error fresh = ERROR_NONE; /* what the caller's error held before must not be taken for the closure's */
    waiter.error = &fresh;
    pthread_cond_init(&waiter.finished, NULL);
    pthread_mutex_lock(&store->lock);
    if (store->stopping) {
        waiter.status = error_set(&fresh, TEMPORARY, "store.stopping", "the daemon is stopping");
    } else {
        if (store->last)
            store->last->next = &waiter;
        else
            store->first = &waiter;
        store->last = &waiter;
        pthread_cond_signal(&store->work);
        while (!waiter.done)
            pthread_cond_wait(&waiter.finished, &store->lock);
    }
    pthread_mutex_unlock(&store->lock);
    pthread_cond_destroy(&waiter.finished);
    strings_free(&waiter.txn.audit_lines);
    if (waiter.status)
        error_set(error, waiter.status, fresh.reason, "%s", fresh.message);
    return waiter.status;
}

int store_write(struct store *store, store_closure closure, void *argument, struct error *error)
{
    return write_wait(store, closure, argument, false, error);
}

int store_write_reserved(struct store *store, store_closure closure, void *argument, struct error *error)
{
    return write_wait(store, closure, argument, true, error);
}

/* ---- who waits for the outbox ---- */

void outbox_wait(struct store *store, const char *module, uint64_t *seen, int timeout_ms)
{
    struct timespec until;
    (void)module; /* one generation serves all modules: a wake-up too many costs one empty read */
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&store->lock);
    while (store->outbox_generation == *seen && !store->stopping && !store->woken)
        if (pthread_cond_timedwait(&store->outbox, &store->lock, &until))
            break;
    *seen = store->outbox_generation;
    pthread_mutex_unlock(&store->lock);
}

void store_wake(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    store->woken = true;
    pthread_cond_broadcast(&store->outbox);
    pthread_mutex_unlock(&store->lock);
}
