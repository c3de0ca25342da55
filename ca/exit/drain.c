/* From the outbox to the host and back: batches of due rows, and what becomes of each row.
 * Nothing here changes a row but through store_write_reserved, after its outcome is known: a crash only means again. */
#include "ca/exit/drain.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "ca/base/log.h"

#define ROW_AGE_MAX_S (7 * 24 * 3600) /* then a row is parked: for a person to look at */
#define HOLD_SLACK_S 60               /* an earlier row that is due is given this long to come round */
#define PAUSE_FIRST_MS 500
#define PAUSE_MAX_MS 4000

enum fate { FATE_NONE, FATE_DONE, FATE_RETRY, FATE_PARK };

struct page { /* rows that were read together */
    struct outbox_row rows[WIRE_BATCH_MAX];
    size_t count;
    enum fate fates[WIRE_BATCH_MAX];
    const char *why[WIRE_BATCH_MAX];
    int64_t next_at[WIRE_BATCH_MAX];
    struct wire_answer answers[WIRE_BATCH_MAX];
    char crl_why[256];
    size_t batch[WIRE_BATCH_MAX], batch_count; /* rows that are delivered, by their place */
};

static void page_free(struct page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        if (page->rows[i].event.crl_fd >= 0)
            close(page->rows[i].event.crl_fd);
        page->rows[i].event.crl_fd = -1;
        outbox_row_free(&page->rows[i]);
    }
    page->count = 0;
}

static int page_read(struct drain *drain, struct page *page, uint64_t after, struct error *error)
{
    int status;

    memset(page, 0, sizeof *page);
    status = outbox_due(drain->store, drain->connection->name, clock_now(), after, page->rows, WIRE_BATCH_MAX, &page->count, error);
    for (size_t i = 0; status == OK && i < page->count; i++) {
        page->rows[i].event.crl_fd = -1; /* never stored */
        page->rows[i].event.sequence = page->rows[i].sequence;
    }
    return status;
}

/* The CRL in a sealed memfd, so that the host can change nothing that another one reads. */
static int crl_descriptor(struct store *store, const struct crl_record *record, int *out, struct error *error)
{
    int fd = memfd_create("crl", MFD_CLOEXEC | MFD_ALLOW_SEALING), status;

    if (fd < 0)
        return error_set(error, TEMPORARY, "exit.memfd", "no memory for a CRL of %llu octets", (unsigned long long)record->size);
    status = crls_write_to(store, record, fd, error);
    if (status == OK && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
        status = error_set(error, INTERNAL, "exit.memfd", "the memfd with a CRL cannot be sealed");
    if (status == OK)
        *out = fd;
    else
        close(fd);
    return status;
}

/* Only the newest CRL of a series is worth delivering; its own row is or will be in the outbox, as both were written by the
 * transaction that stored it. */
static int choose_crl(struct drain *drain, struct page *page, size_t at, struct error *error)
{
    struct event *event = &page->rows[at].event;
    struct crl_record latest;
    int status = crls_latest(drain->store, event->key_index, 0, event->delta, &latest, error);

    if (status == OK && latest.number > event->crl_number) {
        page->fates[at] = FATE_DONE;
        return OK;
    }
    if (status == REFUSED || (status == OK && latest.number < event->crl_number)) {
        page->fates[at] = FATE_PARK;
        page->why[at] = "the database has no such CRL: it was restored from an older copy";
        error_clear(error);
        return OK;
    }
    if (status == OK)
        status = crl_descriptor(drain->store, &latest, &event->crl_fd, error);
    if (status == OK)
        page->batch[page->batch_count++] = at;
    return status;
}

/* A CRL that cannot be read now must not hold up what stands behind it. */
static void choose_crl_or_retry(struct drain *drain, struct page *page, size_t at)
{
    struct error error = ERROR_NONE;

    if (choose_crl(drain, page, at, &error) == OK)
        return;
    memcpy(page->crl_why, error.message, sizeof page->crl_why - 1);
    page->fates[at] = FATE_RETRY;
    page->why[at] = page->crl_why;
    page->next_at[at] = clock_now() + order_backoff_s(page->rows[at].attempts, (uint32_t)rand_r(&drain->random));
}

/* Fills the batch up to limit. Answers the sequence up to which rows were looked at. */
static uint64_t choose_rows(struct drain *drain, struct page *page, size_t limit)
{
    int64_t now = clock_now();
    uint64_t seen = 0;

    for (size_t i = 0; i < page->count && page->batch_count < limit; i++) {
        const struct outbox_row *row = &page->rows[i];

        seen = row->sequence;
        if (row->event.kind == EVENT_CRL_ISSUED)
            choose_crl_or_retry(drain, page, i);
        else if (!order_is_held(&drain->order, order_key(&row->event), row->sequence, now))
            page->batch[page->batch_count++] = i;
    }
    return seen;
}

static bool must_arrive(const struct event *event)
{
    return (event->kind & (EVENT_CRL_ISSUED | EVENT_CA_CERTIFICATE | EVENT_TEMPLATES | EVENT_COMPARE)) != 0;
}

static void judge(struct drain *drain, struct page *page, size_t at, const struct wire_answer *answer)
{
    const struct outbox_row *row = &page->rows[at];
    int64_t now = clock_now();

    page->why[at] = answer->message;
    if (answer->outcome == CHANCERY_DONE) {
        page->fates[at] = FATE_DONE;
        if (row->event.again && answer->message[0])
            log_error("exit module %s: what was published was changed by others: %s", drain->connection->name, answer->message);
    } else if (answer->outcome == CHANCERY_GIVE_UP ||
               (answer->outcome == CHANCERY_RETRY && !must_arrive(&row->event) && now - row->added_at > ROW_AGE_MAX_S)) {
        page->fates[at] = FATE_PARK;
        log_warn("exit module %s: event %llu is parked: %s (chancery publish status, publish retry)", drain->connection->name,
                 (unsigned long long)row->sequence, answer->message);
    } else if (answer->outcome == CHANCERY_RETRY) {
        page->fates[at] = FATE_RETRY;
        page->next_at[at] = now + order_backoff_s(row->attempts, (uint32_t)rand_r(&drain->random));
    }
}

struct settlement {
    const char *module;
    const struct page *page;
};

/* What was published was changed by others, and the module put it right: an alarm. */
static void alarm_add(struct store_txn *txn, const char *module, const char *message)
{
    struct audit_record record = {.at = clock_now(), .actor = module, .role = "exit", .action = "publish.compare", .object = "CA", .outcome = "repaired",
                                  .reason = "publish.repaired", .detail = message};

    audit_add(txn, &record);
}

static int settle_closure(struct store_txn *txn, void *argument, struct error *error)
{
    const struct settlement *settlement = argument;
    const struct page *page = settlement->page;

    for (size_t i = 0; i < page->count; i++) {
        uint64_t sequence = page->rows[i].sequence;

        if (page->fates[i] == FATE_DONE) {
            outbox_done(txn, settlement->module, sequence);
            if (page->rows[i].event.again && page->why[i] && page->why[i][0])
                alarm_add(txn, settlement->module, page->why[i]);
        } else if (page->fates[i] == FATE_RETRY) {
            outbox_retry(txn, settlement->module, sequence, page->next_at[i], page->why[i]);
        } else if (page->fates[i] == FATE_PARK) {
            outbox_park(txn, settlement->module, sequence, page->why[i]);
        }
    }
    return store_txn_failed(txn) ? error_set(error, store_txn_failed(txn), "outbox.write", "outcomes of publishing could not be recorded") : OK;
}

static size_t page_fates(const struct page *page, enum fate fate)
{
    size_t count = 0;

    for (size_t i = 0; i < page->count; i++)
        count += page->fates[i] == fate;
    return count;
}

static int settle(struct drain *drain, const struct page *page, struct error *error)
{
    struct settlement settlement = {drain->connection->name, page};
    int status;

    if (page_fates(page, FATE_NONE) == page->count)
        return OK;
    status = store_write_reserved(drain->store, settle_closure, &settlement, error);
    for (size_t i = 0; i < page->count && status == OK; i++) {
        uint64_t key = order_key(&page->rows[i].event);

        if (page->fates[i] == FATE_RETRY && order_hold(&drain->order, key, page->rows[i].sequence, page->next_at[i] + HOLD_SLACK_S) != OK)
            status = error_memory(error);
        else if (page->fates[i] == FATE_DONE || page->fates[i] == FATE_PARK)
            order_release(&drain->order, key, page->rows[i].sequence);
    }
    return status;
}

/* The host was lost in the middle of a batch. One of its rows may be what killed it: they go one by one from now on, and
 * the one that is alone when it happens again waits like any that failed, so that the others get by. */
static void blame(struct drain *drain, struct page *page, const struct error *why)
{
    struct wire_answer *answer = &page->answers[0];

    if (page->batch_count > 1) {
        drain->careful = page->batch_count;
        return;
    }
    answer->outcome = CHANCERY_RETRY;
    memcpy(answer->message, why->message, sizeof answer->message - 1);
    answer->message[sizeof answer->message - 1] = 0;
    judge(drain, page, page->batch[0], answer);
    /* not due before the host is back and has had the others: else the two waits keep in step for ever */
    page->next_at[page->batch[0]] += (connection_start_at(drain->connection) - clock_monotonic_ms()) / 1000 + 1;
    drain->careful -= drain->careful > 0;
}

static int deliver(struct drain *drain, struct page *page, struct error *error)
{
    const struct event *events[WIRE_BATCH_MAX];
    int status;

    if (page->batch_count == 0)
        return OK;
    for (size_t i = 0; i < page->batch_count; i++)
        events[i] = &page->rows[page->batch[i]].event;
    status = connection_deliver(drain->connection, events, page->batch_count, page->answers, error);
    if (status != OK) {
        if (!atomic_load(drain->connection->stopping) && strcmp(error->reason, "exit.down") != 0)
            blame(drain, page, error);
        return status;
    }
    for (size_t i = 0; i < page->batch_count; i++)
        judge(drain, page, page->batch[i], &page->answers[i]);
    if (drain->careful > 0)
        drain->careful -= drain->careful < page->batch_count ? drain->careful : page->batch_count;
    return OK;
}

static void consider_pause(struct drain *drain, const struct page *page, int *pause_ms)
{
    if (page->batch_count == 0)
        return;
    if (page_fates(page, FATE_RETRY) < page->batch_count) {
        drain->pauses = 0;
        return;
    }
    *pause_ms = drain->pauses > 3 ? PAUSE_MAX_MS : PAUSE_FIRST_MS << drain->pauses;
    if (*pause_ms > PAUSE_MAX_MS)
        *pause_ms = PAUSE_MAX_MS;
    drain->pauses++;
}

int drain_pass(struct drain *drain, int *pause_ms, struct error *error)
{
    struct page *page = calloc(1, sizeof *page);
    uint64_t after = 0;
    int status = page ? OK : error_memory(error);

    *pause_ms = 0;
    while (status == OK && *pause_ms == 0 && !atomic_load(drain->connection->stopping)) {
        struct error settling = ERROR_NONE;

        status = page_read(drain, page, after, error);
        if (status != OK || page->count == 0)
            break;
        after = choose_rows(drain, page, drain->careful ? 1 : WIRE_BATCH_MAX);
        status = deliver(drain, page, error);
        if (settle(drain, page, &settling) != OK && status == OK)
            status = error_set(error, settling.status, settling.reason, "%s", settling.message);
        consider_pause(drain, page, pause_ms);
        page_free(page);
    }
    if (page)
        page_free(page);
    free(page);
    return status;
}

int drain_open(struct drain *drain, struct store *store, struct connection *connection, struct error *error)
{
    struct page *page = calloc(1, sizeof *page);
    uint64_t after = 0;
    int status = page ? OK : error_memory(error);

    *drain = (struct drain){.store = store, .connection = connection, .random = (unsigned)clock_now_ms()};
    while (status == OK) {
        status = outbox_list(store, connection->name, after, page->rows, WIRE_BATCH_MAX, &page->count, error);
        if (status != OK || page->count == 0)
            break;
        for (size_t i = 0; i < page->count && status == OK; i++) {
            struct outbox_row *row = &page->rows[i];

            row->event.crl_fd = -1;
            after = row->sequence;
            if (!row->parked && row->attempts > 0 &&
                order_hold(&drain->order, order_key(&row->event), row->sequence, row->next_at + HOLD_SLACK_S) != OK)
                status = error_memory(error);
        }
        page_free(page);
    }
    if (page)
        page_free(page);
    free(page);
    return status;
}

void drain_close(struct drain *drain)
{
    order_free(&drain->order);
}
