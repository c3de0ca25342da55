/* Revocation of many: counted and listed first, then done in small closures by a thread of its own, so that other work goes on. List
 * and place are in the database: what a stop or a crash interrupts goes on when the daemon starts. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/authority_bulk.h"
#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/log.h"

#define STEP 200          /* revocations a closure: what waits behind one of these waits for some ten milliseconds */
#define RETRY_S 2

struct batch_worker {
    struct authority *authority;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    bool runs, stopping, pending;
    pthread_mutex_t begin; /* one call at a time looks whether a batch is at work and begins another */
};

/* ---- what a batch does to one certificate ---- */

struct step {
    struct authority *authority;
    struct batch batch; /* as it will be once this is durable */
    uint64_t ids[STEP];
    size_t count;
};

static void step_audit(struct step *step, struct store_txn *txn, const char *outcome)
{
    const struct batch *b = &step->batch;
    struct identity officer = {.uid = b->uid, .account = b->actor, .roles = b->roles};
    struct buf object = BUF_EMPTY, detail = BUF_EMPTY;
    buf_printf(&object, "batch %llu", (unsigned long long)b->number);
    buf_printf(&detail, "filter %s; %llu certificates", b->filter, (unsigned long long)b->count);
    if (b->state == BATCH_DONE)
        buf_printf(&detail, ", %llu revoked, %llu left as they were", (unsigned long long)b->revoked, (unsigned long long)b->skipped);
    authority_audit(step->authority, txn, &officer, "revoke.batch", buf_text(&object), outcome, revocation_reason_name(b->reason),
                    buf_text(&detail));
    buf_free(&object);
    buf_free(&detail);
}

static int step_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct step *step = argument;
    struct batch *b = &step->batch;
    struct batch before = *b; /* a closure that lost a deadlock runs again */
    struct identity officer = {.uid = b->uid, .account = b->actor, .roles = b->roles};
    struct revoke_many many = {.authority = step->authority, .caller = &officer, .reason = b->reason, .at = b->at,
                               .invalid_since = b->invalid_since, .batch = b->number};
    for (size_t i = 0; i < step->count && !store_txn_failed(txn); i++) {
        bool revoked = false;
        revoke_one_of_many(txn, &many, step->ids[i], &revoked);
        b->revoked += revoked;
        b->skipped += !revoked;
    }
    b->position += step->count;
    if (b->position % BATCH_PAGE == 0 || b->position == b->count)
        batch_page_delete(txn, b->number, (b->position - 1) / BATCH_PAGE);
    if (b->position == b->count) {
        b->state = BATCH_DONE;
        b->ended_at = clock_now();
        step_audit(step, txn, "done");
    }
    batch_put(txn, b);
    (void)error;
    if (store_txn_failed(txn))
        *b = before;
    return store_txn_failed(txn);
}

/* ---- the thread ---- */

static bool worker_stops(struct batch_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    bool stops = worker->stopping;
    pthread_mutex_unlock(&worker->lock);
    return stops;
}

/* One page of the list. */
static int page_run(struct batch_worker *worker, struct step *step, struct error *error)
{
    struct store *store = worker->authority->store;
    uint64_t ids[BATCH_PAGE], page = step->batch.position / BATCH_PAGE;
    size_t count = 0, at = (size_t)(step->batch.position % BATCH_PAGE);
    int status = batch_page_get(store, step->batch.number, page, ids, &count, error);
    if (!status && at >= count)
        status = error_set(error, INTERNAL, "store.record", "the list of batch %llu ends too early", (unsigned long long)step->batch.number);
    while (!status && at < count && !worker_stops(worker)) {
        step->count = count - at < STEP ? count - at : STEP;
        memcpy(step->ids, ids + at, step->count * sizeof *ids);
        status = store_write_reserved(store, step_store, step, error);
        at += step->count;
    }
    return status;
}

static int batch_work(struct batch_worker *worker, struct error *error)
{
    struct step step = {.authority = worker->authority};
    int status = batch_get(worker->authority->store, &step.batch, error);
    while (!status && step.batch.state == BATCH_RUNNING && !worker_stops(worker))
        status = page_run(worker, &step, error);
    if (!status && step.batch.state == BATCH_DONE)
        log_notice("batch %llu: %llu certificates revoked, %llu left as they were", (unsigned long long)step.batch.number,
                   (unsigned long long)step.batch.revoked, (unsigned long long)step.batch.skipped);
    batch_free(&step.batch);
    return status;
}

/* Waits for work, or after a failure for a moment. False: the daemon stops. */
static bool worker_wait(struct batch_worker *worker, bool failed)
{
    pthread_mutex_lock(&worker->lock);
    if (failed) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += RETRY_S;
        while (!worker->stopping && !pthread_cond_timedwait(&worker->wake, &worker->lock, &until)) {}
    }
    while (!failed && !worker->stopping && !worker->pending)
        pthread_cond_wait(&worker->wake, &worker->lock);
    worker->pending = false;
    bool goes_on = !worker->stopping;
    pthread_mutex_unlock(&worker->lock);
    return goes_on;
}

static void *worker_run(void *argument)
{
    struct batch_worker *worker = argument;
    bool failed = false;
    while (worker_wait(worker, failed)) {
        struct error error = ERROR_NONE;
        failed = batch_work(worker, &error) != OK;
        if (failed)
            log_error("the batch of revocations is held up and tried again: %s", error.message);
    }
    return NULL;
}

static void worker_wake(struct batch_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->pending = true;
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->lock);
}

/* ---- the list ---- */

struct collection {
    struct authority *authority;
    const struct identity *caller;
    const struct revoke_match *ask;
    struct batch batch;
    uint64_t ids[BATCH_PAGE], page;
    size_t count;
    bool listed; /* false: only counted */
    struct error error;
};

static int page_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct collection *c = argument;
    (void)error;
    return batch_page_put(txn, c->batch.number, c->page, c->ids, c->count);
}

static int page_flush(struct collection *c)
{
    int status = c->count && c->listed ? store_write_reserved(c->authority->store, page_store, c, &c->error) : OK;
    c->page += c->count > 0;
    c->count = 0;
    return status;
}

static int collect_one(const struct request *request, const struct certificate *certificate, void *argument)
{
    struct collection *c = argument;
    bool hold = certificate->revocation_reason == REASON_HOLD && c->ask->reason != REASON_HOLD;
    if (certificate->revocation_reason >= 0 && !hold) {
        c->batch.final++;
        return OK;
    }
    int status = limits_permit(c->authority, c->caller, request, &c->error); /* one that he may not revoke: none of them */
    if (status)
        return status;
    c->batch.expired += certificate->not_after < c->batch.started_at;
    c->batch.count++;
    c->ids[c->count++] = request->id;
    return c->count == BATCH_PAGE ? page_flush(c) : OK;
}

static int listing_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct collection *c = argument;
    (void)error;
    c->batch.number = counter_next(txn, "batch");
    return batch_listing_put(txn, c->batch.number);
}

static int begin_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct collection *c = argument;
    struct step step = {.authority = c->authority, .batch = c->batch};
    (void)error;
    batch_listing_put(txn, 0);
    batch_put(txn, &c->batch);
    step_audit(&step, txn, "begun");
    return store_txn_failed(txn);
}

struct forget {
    uint64_t number, from, to;
    bool last;
};

static int forget_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct forget *f = argument;
    (void)error;
    for (uint64_t page = f->from; page < f->to; page++)
        batch_page_delete(txn, f->number, page);
    if (f->last)
        batch_listing_put(txn, 0);
    return store_txn_failed(txn);
}

/* Drops the list of a batch that does not begin. */
static void listing_forget(struct store *store, uint64_t number, uint64_t pages)
{
    struct error error = ERROR_NONE;
    struct forget forget = {.number = number};
    int status = OK;
    for (; !status && !forget.last; forget.from = forget.to) {
        forget.to = pages - forget.from > STEP ? forget.from + STEP : pages;
        forget.last = forget.to == pages;
        status = store_write_reserved(store, forget_store, &forget, &error);
    }
    if (status)
        log_warn("the list of batch %llu stays in the database until the next start: %s", (unsigned long long)number, error.message);
}

static int count_check(const struct collection *c, struct error *error)
{
    const struct batch *b = &c->batch;
    if (b->count == c->ask->expect && b->count)
        return OK;
    return error_set(error, REFUSED, b->count ? "revoke.count" : "revoke.none",
                     "the filter fits %llu certificates that can be revoked (and %llu that are revoked already), not %llu: nothing was changed",
                     (unsigned long long)b->count, (unsigned long long)b->final, (unsigned long long)c->ask->expect);
}

static int collection_read(struct collection *c, const struct match *match, struct error *error)
{
    int status = certificates_match(c->authority->store, match, collect_one, c, error);
    if (!status)
        status = page_flush(c);
    if (c->error.status) { /* what stopped the walk, in its own words */
        error_clear(error);
        status = error_set(error, c->error.status, c->error.reason, "%s", c->error.message);
    }
    return status;
}

static int collection_begin(struct collection *c, const struct match *match, struct error *error)
{
    struct store *store = c->authority->store;
    struct batch now;
    int status = batch_get(store, &now, error);
    if (!status && now.state == BATCH_RUNNING)
        status = error_set(error, REFUSED, "revoke.busy", "batch %llu is at work (%llu of %llu): wait for its end (chancery batch)",
                           (unsigned long long)now.number, (unsigned long long)now.position, (unsigned long long)now.count);
    batch_free(&now);
    if (status)
        return status;
    c->listed = true;
    status = store_write_reserved(store, listing_store, c, error);
    if (status)
        return status;
    status = collection_read(c, match, error);
    if (!status)
        status = count_check(c, error);
    if (!status) {
        c->batch.state = BATCH_RUNNING;
        status = store_write_reserved(store, begin_store, c, error);
    }
    if (status)
        listing_forget(store, c->batch.number, c->page);
    return status;
}

/* ---- the verb ---- */

static int ask_check(const struct revoke_match *ask, int64_t now, struct error *error)
{
    if (!ask->dry_run && !ask->expected)
        return error_set(error, USAGE, "revoke.expect", "say how many certificates are meant with --expect N; --dry-run counts them");
    return revoke_dates_check(ask->reason, ask->at ? ask->at : now, ask->invalid_since, now, error);
}

int authority_revoke_match(struct authority *authority, const struct identity *caller, const struct revoke_match *ask,
                           struct batch *out, struct error *error)
{
    struct filter filter = {0};
    int64_t now = clock_now();
    struct collection *c = calloc(1, sizeof *c);
    memset(out, 0, sizeof *out);
    if (!c)
        return error_memory(error);
    c->authority = authority;
    c->caller = caller;
    c->ask = ask;
    c->batch = (struct batch){.filter = strdup(ask->filter), .actor = strdup(caller->account), .uid = caller->uid, .roles = caller->roles,
                              .reason = ask->reason, .at = ask->at ? ask->at : now, .invalid_since = ask->invalid_since, .started_at = now};
    int status = c->batch.filter && c->batch.actor ? limits_permit_many(authority, caller, error) : error_memory(error);
    if (!status)
        status = ask_check(ask, now, error);
    if (!status)
        status = filter_parse(ask->filter, now, &filter, error);
    if (!status && ask->dry_run) {
        status = collection_read(c, &filter.match, error);
    } else if (!status) {
        pthread_mutex_lock(&authority->batches->begin);
        status = collection_begin(c, &filter.match, error);
        pthread_mutex_unlock(&authority->batches->begin);
        if (!status)
            worker_wake(authority->batches);
    }
    if (status)
        authority_audit_refusal(authority, caller, "revoke.batch", ask->filter, error);
    else
        *out = c->batch;
    if (status)
        batch_free(&c->batch);
    filter_free(&filter);
    free(c);
    return status;
}

int authority_batch(struct authority *authority, struct batch *out, struct error *error)
{
    return batch_get(authority->store, out, error);
}

/* ---- opening and closing ---- */

/* A list that was being made when the daemon ended. */
static int listing_recover(struct store *store, struct error *error)
{
    struct error none = ERROR_NONE;
    uint64_t ids[BATCH_PAGE], number = 0, pages = 0;
    size_t count;
    int status = batch_listing_get(store, &number, error);
    if (status || !number)
        return status;
    while (!batch_page_get(store, number, pages, ids, &count, &none))
        pages++;
    listing_forget(store, number, pages);
    return OK;
}

static int batches_recover(struct batch_worker *worker, struct error *error)
{
    struct batch batch = {0};
    int status = listing_recover(worker->authority->store, error);
    if (!status)
        status = batch_get(worker->authority->store, &batch, error);
    if (!status && batch.state == BATCH_RUNNING) {
        log_notice("batch %llu goes on: %llu of %llu certificates", (unsigned long long)batch.number, (unsigned long long)batch.position,
                   (unsigned long long)batch.count);
        worker->pending = true;
    }
    batch_free(&batch);
    return status;
}

int batches_open(struct authority *authority, struct error *error)
{
    struct batch_worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return error_memory(error);
    worker->authority = authority;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_mutex_init(&worker->begin, NULL);
    pthread_cond_init(&worker->wake, NULL);
    authority->batches = worker;
    int status = batches_recover(worker, error);
    if (!status && pthread_create(&worker->thread, NULL, worker_run, worker))
        status = error_set(error, INTERNAL, "revoke.thread", "no thread can be started for batches of revocations");
    worker->runs = status == OK;
    return status;
}

void batches_close(struct authority *authority)
{
    struct batch_worker *worker = authority->batches;
    if (!worker)
        return;
    pthread_mutex_lock(&worker->lock);
    worker->stopping = true;
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->lock);
    if (worker->runs)
        pthread_join(worker->thread, NULL);
    pthread_cond_destroy(&worker->wake);
    pthread_mutex_destroy(&worker->lock);
    pthread_mutex_destroy(&worker->begin);
    free(worker);
    authority->batches = NULL;
}
