/* Requests, reservations and the counts by disposition. */
#include <stdlib.h>
#include <string.h>

#include "ca/store/internal.h"

/* ---- counters and settings ---- */

static struct bytes setting_key(struct buf *key, const char *kind, const char *name)
{
    buf_printf(key, "%s/%s", kind, name);
    return buf_bytes(key);
}

static uint64_t number_get(struct store_txn *txn, struct bytes key)
{
    struct buf value = BUF_EMPTY;
    uint64_t number = 0;
    if (txn_get(txn, TABLE_SETTINGS, key, &value) == OK && value.size == 8)
        number = get_u64(value.data);
    buf_free(&value);
    return number;
}

uint64_t counter_next(struct store_txn *txn, const char *name)
{
    struct buf key = BUF_EMPTY;
    struct bytes k = setting_key(&key, "counter", name);
    uint64_t next = number_get(txn, k) + 1;
    int status = txn_put(txn, TABLE_SETTINGS, k, ID_BYTES(next));
    buf_free(&key);
    return status ? 0 : next;
}

static void count_change(struct store_txn *txn, enum disposition disposition, int change)
{
    struct buf key = BUF_EMPTY;
    char name[16];
    snprintf(name, sizeof name, "%d", (int)disposition);
    struct bytes k = setting_key(&key, "count", name);
    uint64_t count = number_get(txn, k);
    count = change < 0 && count == 0 ? 0 : count + (uint64_t)(int64_t)change;
    txn_put(txn, TABLE_SETTINGS, k, ID_BYTES(count));
    buf_free(&key);
}

void counts_leave(struct store_txn *txn, enum disposition disposition)
{
    count_change(txn, disposition, -1);
}

int list_count(struct store *store, enum disposition disposition, uint64_t *count, struct error *error)
{
    struct buf key = BUF_EMPTY, value = BUF_EMPTY;
    struct error none = ERROR_NONE;
    char name[16];
    snprintf(name, sizeof name, "%d", (int)disposition);
    int status = table_get(store, TABLE_SETTINGS, setting_key(&key, "count", name), &value, &none);
    *count = !status && value.size == 8 ? get_u64(value.data) : 0;
    buf_free(&key);
    buf_free(&value);
    return status && status != REFUSED ? error_set(error, none.status, none.reason, "%s", none.message) : OK;
}

int setting_put(struct store_txn *txn, const char *name, struct bytes value)
{
    struct buf key = BUF_EMPTY;
    int status = txn_put(txn, TABLE_SETTINGS, setting_key(&key, "setting", name), value);
    buf_free(&key);
    return status;
}

int setting_get(struct store *store, const char *name, struct buf *out, struct error *error)
{
    struct buf key = BUF_EMPTY;
    int status = table_get(store, TABLE_SETTINGS, setting_key(&key, "setting", name), out, error);
    buf_free(&key);
    return status;
}

int setting_get_txn(struct store_txn *txn, const char *name, struct buf *out)
{
    struct buf key = BUF_EMPTY;
    int status = txn_get(txn, TABLE_SETTINGS, setting_key(&key, "setting", name), out);
    buf_free(&key);
    return status;
}

/* ---- requests ---- */

static void counts_follow(struct store_txn *txn, const struct request *request)
{
    struct buf before = BUF_EMPTY;
    if (txn_get(txn, TABLE_REQUESTS, ID_BYTES(request->id), &before) == OK) {
        Chancery__Request *old = chancery__request__unpack(NULL, before.size, before.data);
        if (old && old->disposition != (uint32_t)request->disposition) {
            count_change(txn, (enum disposition)old->disposition, -1);
            count_change(txn, request->disposition, 1);
        }
        if (old)
            chancery__request__free_unpacked(old, NULL);
        else
            txn_fail(txn, INTERNAL);
    } else {
        count_change(txn, request->disposition, 1);
    }
    buf_free(&before);
}

int requests_put(struct store_txn *txn, const struct request *request)
{
    struct buf record = BUF_EMPTY;
    if (txn->status)
        return txn->status;
    request_encode(request, &record);
    if (record.failed || !request->id) {
        txn_fail(txn, INTERNAL);
    } else {
        counts_follow(txn, request);
        txn_put(txn, TABLE_REQUESTS, ID_BYTES(request->id), buf_bytes(&record));
    }
    buf_free(&record);
    return txn->status;
}

static int damaged(uint64_t id, const char *what, struct error *error)
{
    return error_set(error, INTERNAL, "store.record", "%s %llu is damaged in the database", what, (unsigned long long)id);
}

int requests_get(struct store *store, uint64_t id, struct request *out, struct error *error)
{
    struct buf record = BUF_EMPTY;
    struct error why = ERROR_NONE;
    memset(out, 0, sizeof *out);
    int status = table_get(store, TABLE_REQUESTS, ID_BYTES(id), &record, &why);
    if (status == REFUSED)
        status = error_set(error, REFUSED, "object.unknown", "there is no request %llu", (unsigned long long)id);
    else if (status)
        status = error_set(error, status, why.reason, "%s", why.message);
    else if (request_decode(id, buf_bytes(&record), out))
        status = damaged(id, "request", error);
    buf_free(&record);
    return status;
}

int requests_get_txn(struct store_txn *txn, uint64_t id, struct request *out)
{
    struct buf record = BUF_EMPTY;
    memset(out, 0, sizeof *out);
    int status = txn_get(txn, TABLE_REQUESTS, ID_BYTES(id), &record);
    if (!status && request_decode(id, buf_bytes(&record), out)) {
        txn_fail(txn, INTERNAL);
        status = INTERNAL;
    }
    buf_free(&record);
    return status;
}

struct same {
    int64_t since;
    uint64_t id;
};

static int same_newest(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    struct same *same = argument;
    (void)key;
    Chancery__Request *record = chancery__request__unpack(NULL, value.size, value.data);
    if (!record)
        return INTERNAL;
    if (record->submitted_at >= same->since)
        same->id = get_u64(primary.data);
    chancery__request__free_unpacked(record, NULL);
    return SCAN_END;
}

int requests_find_same(struct store *store, int64_t uid, const uint8_t pkcs10_sha256[32], int64_t since, uint64_t *id,
                       struct error *error)
{
    uint8_t prefix[40];
    struct same same = {.since = since};
    put_u64(prefix, (uint64_t)uid);
    memcpy(prefix + 8, pkcs10_sha256, 32);
    struct scan scan = {.table = INDEX_DIGEST, .prefix = bytes_of(prefix, 40), .descending = true, .with_data = true,
                        .each = same_newest, .argument = &same};
    int status = table_scan(store, &scan, error);
    *id = same.id;
    return status;
}

/* ---- reservations ---- */

int reservations_put(struct store_txn *txn, const struct reservation *reservation)
{
    struct buf record = BUF_EMPTY;
    if (txn->status)
        return txn->status;
    int status = txn_insert(txn, TABLE_SERIALS, bytes_of(reservation->serial.octets, reservation->serial.size), ID_BYTES(reservation->id));
    if (status == REFUSED) {
        txn_fail(txn, REFUSED); /* a serial that is used must end the whole closure */
        return REFUSED;
    }
    reservation_encode(reservation, &record);
    if (record.failed)
        txn_fail(txn, INTERNAL);
    txn_put(txn, TABLE_RESERVATIONS, ID_BYTES(reservation->id), buf_bytes(&record));
    buf_free(&record);
    return txn->status;
}

int reservations_delete(struct store_txn *txn, uint64_t id)
{
    return txn_delete(txn, TABLE_RESERVATIONS, ID_BYTES(id));
}

int reservations_get(struct store *store, uint64_t id, struct reservation *out, struct error *error)
{
    struct buf record = BUF_EMPTY;
    memset(out, 0, sizeof *out);
    int status = table_get(store, TABLE_RESERVATIONS, ID_BYTES(id), &record, error);
    if (!status && reservation_decode(id, buf_bytes(&record), out))
        status = damaged(id, "reservation", error);
    buf_free(&record);
    return status;
}

struct reservation_each {
    int (*each)(const struct reservation *, void *);
    void *argument;
};

static int reservation_one(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    struct reservation_each *each = argument;
    struct reservation reservation;
    (void)primary;
    if (reservation_decode(get_u64(key.data), value, &reservation))
        return INTERNAL;
    int status = each->each(&reservation, each->argument);
    reservation_free(&reservation);
    return status ? SCAN_END : OK;
}

int reservations_each(struct store *store, int (*each)(const struct reservation *, void *), void *argument, struct error *error)
{
    struct reservation_each e = {each, argument};
    struct scan scan = {.table = TABLE_RESERVATIONS, .with_data = true, .each = reservation_one, .argument = &e};
    return table_scan(store, &scan, error);
}
