/* The outbox: immutable rows by module and sequence, written by the transaction of the event itself; their state and the
 * numbers of each module stand beside them. */
#include <stdlib.h>
#include <string.h>

#include "ca/base/clock.h"
#include "ca/base/log.h"
#include "ca/store/internal.h"

static void module_key(struct buf *key, const char *module)
{
    buf_add_text(key, module);
    buf_add_byte(key, 0);
}

static struct bytes row_key(struct buf *key, const char *module, uint64_t sequence)
{
    module_key(key, module);
    buf_add(key, ID_KEY(sequence).octets, 8);
    return buf_bytes(key);
}

/* ---- numbers ---- */

static void stats_get(struct store_txn *txn, const char *module, struct outbox_stats *out)
{
    struct buf record = BUF_EMPTY;
    memset(out, 0, sizeof *out);
    if (txn_get(txn, TABLE_OUTBOX_STATS, bytes_of_text(module), &record) == OK) {
        Chancery__OutboxStats *stats = chancery__outbox_stats__unpack(NULL, record.size, record.data);
        if (!stats)
            txn_fail(txn, INTERNAL);
        else
            *out = (struct outbox_stats){.waiting = stats->waiting, .parked = stats->parked, .done = stats->done,
                                         .last_done_at = stats->last_done_at, .last_crl_done = stats->last_crl_done};
        if (stats)
            chancery__outbox_stats__free_unpacked(stats, NULL);
    }
    buf_free(&record);
}

static void stats_put(struct store_txn *txn, const char *module, const struct outbox_stats *in)
{
    Chancery__OutboxStats stats = CHANCERY__OUTBOX_STATS__INIT;
    struct buf record = BUF_EMPTY;
    stats.waiting = in->waiting;
    stats.parked = in->parked;
    stats.done = in->done;
    stats.last_done_at = in->last_done_at;
    stats.last_crl_done = in->last_crl_done;
    message_pack(&stats.base, &record);
    txn_put(txn, TABLE_OUTBOX_STATS, bytes_of_text(module), buf_bytes(&record));
    buf_free(&record);
}

/* ---- state of a row ---- */

struct state {
    unsigned attempts;
    int64_t added_at, next_at;
    bool parked;
    char last_error[256];
};

static int state_decode(struct bytes bytes, struct state *out)
{
    Chancery__OutboxState *record = chancery__outbox_state__unpack(NULL, bytes.size, bytes.data);
    if (!record)
        return INTERNAL;
    *out = (struct state){.attempts = record->attempts, .added_at = record->added_at, .next_at = record->next_at, .parked = record->parked};
    if (record->has_last_error)
        snprintf(out->last_error, sizeof out->last_error, "%.*s", (int)record->last_error.len, (const char *)record->last_error.data);
    chancery__outbox_state__free_unpacked(record, NULL);
    return OK;
}

static void state_put(struct store_txn *txn, struct bytes key, const struct state *in)
{
    Chancery__OutboxState state = CHANCERY__OUTBOX_STATE__INIT;
    struct buf record = BUF_EMPTY;
    state.attempts = in->attempts;
    state.added_at = in->added_at;
    state.next_at = in->next_at;
    state.parked = in->parked;
    state.has_last_error = true;
    state.last_error = data_of_text(in->last_error);
    message_pack(&state.base, &record);
    txn_put(txn, TABLE_OUTBOX_STATE, key, buf_bytes(&record));
    buf_free(&record);
}

/* REFUSED when the row is gone: somebody was faster. */
static int state_get(struct store_txn *txn, struct bytes key, struct state *out)
{
    struct buf record = BUF_EMPTY;
    int status = txn_get(txn, TABLE_OUTBOX_STATE, key, &record);
    if (!status && state_decode(buf_bytes(&record), out)) {
        txn_fail(txn, INTERNAL);
        status = INTERNAL;
    }
    buf_free(&record);
    return status;
}

/* ---- writing ---- */

static struct bytes request_key(struct buf *key, uint64_t request_id, struct bytes row)
{
    buf_add(key, ID_KEY(request_id).octets, 8);
    buf_add(key, row.data, row.size);
    return buf_bytes(key);
}

int outbox_add(struct store_txn *txn, const char *module, const struct event *event)
{
    struct buf record = BUF_EMPTY, key = BUF_EMPTY;
    struct outbox_stats stats;
    struct state state = {.added_at = clock_now()};
    uint64_t sequence = counter_next(txn, "outbox");
    if (txn->status)
        return txn->status;
    event_encode(event, &record);
    struct bytes k = row_key(&key, module, sequence);
    if (record.failed || key.failed)
        txn_fail(txn, INTERNAL);
    txn_put(txn, TABLE_OUTBOX, k, buf_bytes(&record));
    state_put(txn, k, &state);
    if (event->request_id) {
        struct buf by_request = BUF_EMPTY;
        txn_put(txn, TABLE_OUTBOX_REQUEST, request_key(&by_request, event->request_id, k), bytes_of("", 0));
        buf_free(&by_request);
    }
    stats_get(txn, module, &stats);
    stats.waiting++;
    stats_put(txn, module, &stats);
    txn->outbox_changed = true;
    buf_free(&record);
    buf_free(&key);
    return txn->status;
}

/* What a row is about: its CRL number (0: none) and its request (0: none). */
static void row_about(struct store_txn *txn, struct bytes key, uint64_t *crl_number, uint64_t *request_id)
{
    struct buf record = BUF_EMPTY;
    *crl_number = *request_id = 0;
    if (txn_get(txn, TABLE_OUTBOX, key, &record) == OK) {
        Chancery__Event *event = chancery__event__unpack(NULL, record.size, record.data);
        if (event && event->kind == EVENT_CRL_ISSUED)
            *crl_number = event->crl_number;
        if (event && event->has_request_id)
            *request_id = event->request_id;
        if (event)
            chancery__event__free_unpacked(event, NULL);
    }
    buf_free(&record);
}

/* The row goes; done: it was published. */
static int outbox_remove(struct store_txn *txn, const char *module, uint64_t sequence, bool done)
{
    struct buf key = BUF_EMPTY;
    struct state state;
    struct outbox_stats stats;
    struct bytes k = row_key(&key, module, sequence);
    int status = state_get(txn, k, &state);
    if (!status) {
        uint64_t crl, request_id;
        row_about(txn, k, &crl, &request_id);
        if (request_id) {
            struct buf by_request = BUF_EMPTY;
            txn_delete(txn, TABLE_OUTBOX_REQUEST, request_key(&by_request, request_id, k));
            buf_free(&by_request);
        }
        txn_delete(txn, TABLE_OUTBOX, k);
        txn_delete(txn, TABLE_OUTBOX_STATE, k);
        stats_get(txn, module, &stats);
        if (state.parked && stats.parked)
            stats.parked--;
        else if (!state.parked && stats.waiting)
            stats.waiting--;
        stats.done += done;
        if (done)
            stats.last_done_at = clock_now();
        if (done && crl > stats.last_crl_done)
            stats.last_crl_done = crl;
        stats_put(txn, module, &stats);
    }
    buf_free(&key);
    return txn->status; /* a row that is gone already is done */
}

int outbox_done(struct store_txn *txn, const char *module, uint64_t sequence)
{
    return outbox_remove(txn, module, sequence, true);
}

int outbox_drop(struct store_txn *txn, const char *module, uint64_t sequence)
{
    return outbox_remove(txn, module, sequence, false);
}

static int outbox_later(struct store_txn *txn, const char *module, uint64_t sequence, int64_t next_at, bool park, const char *why)
{
    struct buf key = BUF_EMPTY;
    struct state state;
    struct outbox_stats stats;
    struct bytes k = row_key(&key, module, sequence);
    if (!state_get(txn, k, &state)) {
        if (park && !state.parked) {
            stats_get(txn, module, &stats);
            stats.parked++;
            stats.waiting -= stats.waiting ? 1 : 0;
            stats_put(txn, module, &stats);
        }
        state.attempts++;
        state.next_at = next_at;
        state.parked |= park;
        snprintf(state.last_error, sizeof state.last_error, "%s", why ? why : "");
        state_put(txn, k, &state);
    }
    buf_free(&key);
    return txn->status;
}

int outbox_retry(struct store_txn *txn, const char *module, uint64_t sequence, int64_t next_at, const char *why)
{
    return outbox_later(txn, module, sequence, next_at, false, why);
}

int outbox_park(struct store_txn *txn, const char *module, uint64_t sequence, const char *why)
{
    return outbox_later(txn, module, sequence, 0, true, why);
}

/* ---- reading ---- */

void outbox_row_free(struct outbox_row *row)
{
    event_free(&row->event);
    memset(row, 0, sizeof *row);
}

struct reading {
    struct store *store;
    struct outbox_row *rows;
    size_t count, limit;
    bool due_only;
    int64_t now;
    uint64_t after; /* sequences are one series over all modules */
};

static int row_read(struct reading *reading, struct bytes key, const struct state *state)
{
    struct buf record = BUF_EMPTY;
    struct error none = ERROR_NONE;
    size_t module = strnlen((const char *)key.data, key.size);
    int status = table_get(reading->store, TABLE_OUTBOX, key, &record, &none);
    if (status == REFUSED) /* done meanwhile */
        return OK;
    struct outbox_row *row = &reading->rows[reading->count];
    memset(row, 0, sizeof *row);
    snprintf(row->module, sizeof row->module, "%s", (const char *)key.data);
    row->sequence = get_u64(key.data + module + 1);
    row->attempts = state->attempts;
    row->added_at = state->added_at;
    row->next_at = state->next_at;
    row->parked = state->parked;
    snprintf(row->last_error, sizeof row->last_error, "%s", state->last_error);
    if (!status)
        status = event_decode(row->sequence, buf_bytes(&record), &row->event);
    if (!status)
        reading->count++;
    buf_free(&record);
    return status;
}

/* Walks the states, which are small; the events of rows that count are read one by one. */
static int reading_row(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    struct reading *reading = argument;
    struct state state;
    (void)primary;
    size_t module = strnlen((const char *)key.data, key.size);
    if (state_decode(value, &state) || key.size != module + 9)
        return INTERNAL;
    if (get_u64(key.data + module + 1) <= reading->after)
        return OK;
    if (reading->due_only && (state.parked || state.next_at > reading->now))
        return OK;
    if (reading->count == reading->limit)
        return SCAN_END;
    return row_read(reading, key, &state);
}

/* One key of the table by request: its row with its state. */
static int request_row(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    struct reading *reading = argument;
    struct bytes row = bytes_of(key.data + 8, key.size - 8);
    struct buf octets = BUF_EMPTY;
    struct error none = ERROR_NONE;
    struct state state;
    (void)primary;
    (void)value;
    if (reading->count == reading->limit)
        return SCAN_END;
    int status = table_get(reading->store, TABLE_OUTBOX_STATE, row, &octets, &none);
    if (!status)
        status = state_decode(buf_bytes(&octets), &state);
    if (!status)
        status = row_read(reading, row, &state);
    buf_free(&octets);
    return status == REFUSED ? OK : status; /* done meanwhile */
}

int outbox_of_request(struct store *store, uint64_t request_id, struct outbox_row *rows, size_t limit, size_t *count, struct error *error)
{
    struct reading reading = {.store = store, .rows = rows, .limit = limit};
    struct id_key prefix = ID_KEY(request_id);
    struct scan scan = {.table = TABLE_OUTBOX_REQUEST, .prefix = bytes_of(prefix.octets, 8), .each = request_row, .argument = &reading};
    int status = table_scan(store, &scan, error);
    if (status) {
        for (size_t i = 0; i < reading.count; i++)
            outbox_row_free(&rows[i]);
        reading.count = 0;
    }
    *count = reading.count;
    return status;
}

static int outbox_read(struct reading *reading, const char *module, uint64_t after, size_t *count, struct error *error)
{
    struct buf prefix = BUF_EMPTY, from = BUF_EMPTY;
    reading->after = after;
    if (module) {
        module_key(&prefix, module);
        row_key(&from, module, after + 1);
    }
    struct scan scan = {.table = TABLE_OUTBOX_STATE, .prefix = buf_bytes(&prefix), .from = buf_bytes(&from), .with_data = true,
                        .each = reading_row, .argument = reading};
    int status = table_scan(reading->store, &scan, error);
    if (status) {
        for (size_t i = 0; i < reading->count; i++)
            outbox_row_free(&reading->rows[i]);
        reading->count = 0;
        error_set(error, status, "store.record", "the outbox cannot be read");
    }
    *count = reading->count;
    buf_free(&prefix);
    buf_free(&from);
    return status;
}

int outbox_due(struct store *store, const char *module, int64_t now, uint64_t after_sequence, struct outbox_row *rows, size_t limit,
               size_t *count, struct error *error)
{
    struct reading reading = {.store = store, .rows = rows, .limit = limit, .due_only = true, .now = now};
    return outbox_read(&reading, module, after_sequence, count, error);
}

int outbox_list(struct store *store, const char *module, uint64_t after_sequence, struct outbox_row *rows, size_t limit, size_t *count,
                struct error *error)
{
    struct reading reading = {.store = store, .rows = rows, .limit = limit};
    return outbox_read(&reading, module, after_sequence, count, error);
}

static int oldest_one(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    struct state state;
    (void)key;
    (void)primary;
    if (state_decode(value, &state))
        return INTERNAL;
    if (state.parked)
        return OK;
    *(int64_t *)argument = state.added_at;
    return SCAN_END;
}

int outbox_stats(struct store *store, const char *module, struct outbox_stats *out, struct error *error)
{
    struct buf record = BUF_EMPTY, prefix = BUF_EMPTY;
    struct error none = ERROR_NONE;
    memset(out, 0, sizeof *out);
    int status = table_get(store, TABLE_OUTBOX_STATS, bytes_of_text(module), &record, &none);
    if (!status) {
        Chancery__OutboxStats *stats = chancery__outbox_stats__unpack(NULL, record.size, record.data);
        if (stats) {
            *out = (struct outbox_stats){.waiting = stats->waiting, .parked = stats->parked, .done = stats->done,
                                         .last_done_at = stats->last_done_at, .last_crl_done = stats->last_crl_done};
            chancery__outbox_stats__free_unpacked(stats, NULL);
        } else {
            status = error_set(error, INTERNAL, "store.record", "the numbers of %s are damaged in the database", module);
        }
    } else {
        status = status == REFUSED ? OK : error_set(error, none.status, none.reason, "%s", none.message);
    }
    module_key(&prefix, module);
    struct scan scan = {.table = TABLE_OUTBOX_STATE, .prefix = buf_bytes(&prefix), .with_data = true, .each = oldest_one,
                        .argument = &out->oldest_added_at};
    if (!status && out->waiting)
        status = table_scan(store, &scan, error);
    buf_free(&record);
    buf_free(&prefix);
    return status;
}

/* ---- everything due at once ---- */

#define RETRY_BATCH 200
struct again {
    const char *module;
    struct outbox_row rows[RETRY_BATCH];
    size_t count;
};

static int again_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct again *again = argument;
    (void)error;
    for (size_t i = 0; i < again->count; i++) {
        struct buf key = BUF_EMPTY;
        struct state state;
        struct outbox_stats stats;
        struct bytes k = row_key(&key, again->rows[i].module, again->rows[i].sequence);
        if (!state_get(txn, k, &state)) {
            if (state.parked) {
                stats_get(txn, again->rows[i].module, &stats);
                stats.parked -= stats.parked ? 1 : 0;
                stats.waiting++;
                stats_put(txn, again->rows[i].module, &stats);
            }
            state.parked = false;
            state.next_at = 0;
            state_put(txn, k, &state);
        }
        buf_free(&key);
    }
    txn->outbox_changed = true;
    return txn->status;
}

int outbox_retry_all(struct store *store, const char *module, uint64_t *count, struct error *error)
{
    struct again *again = calloc(1, sizeof *again);
    uint64_t after = 0;
    int status = again ? OK : error_memory(error);
    *count = 0;
    while (!status) {
        status = outbox_list(store, module, after, again->rows, RETRY_BATCH, &again->count, error);
        if (status || !again->count)
            break;
        after = again->rows[again->count - 1].sequence;
        status = store_write_reserved(store, again_store, again, error);
        *count += again->count;
        for (size_t i = 0; i < again->count; i++)
            outbox_row_free(&again->rows[i]);
    }
    free(again);
    return status;
}
