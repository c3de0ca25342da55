/* Removing rows for good, and what outlives them: the serial stays taken. Which rows may go is the authority's to judge. */
#include <stdlib.h>
#include <string.h>

#include "ca/store/bulk.h"
#include "ca/store/internal.h"

static uint64_t owner_of(const struct buf *value)
{
    return value->size == 8 ? get_u64(value->data) : UINT64_MAX;
}

int serials_owner(struct store *store, const struct serial *serial, uint64_t *id, struct error *error)
{
    struct buf value = BUF_EMPTY;
    struct error why = ERROR_NONE;
    int status = table_get(store, TABLE_SERIALS, bytes_of(serial->octets, serial->size), &value, &why);
    *id = status ? 0 : owner_of(&value);
    buf_free(&value);
    return status == REFUSED ? OK : status ? error_set(error, status, why.reason, "%s", why.message) : OK;
}

int serials_owner_txn(struct store_txn *txn, const struct serial *serial, uint64_t *id)
{
    struct buf value = BUF_EMPTY;
    int status = txn_get(txn, TABLE_SERIALS, bytes_of(serial->octets, serial->size), &value);
    *id = status ? 0 : owner_of(&value);
    buf_free(&value);
    return status == REFUSED ? OK : status;
}

/* ---- the revocation of a certificate ---- */

static int keep_first(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    uint64_t *sequence = argument;
    (void)key;
    (void)value;
    *sequence = get_u64(primary.data);
    return SCAN_END;
}

struct current {
    uint64_t id;
    struct revocation *out;
    bool found;
};

static int keep_row(const struct revocation *row, void *argument)
{
    struct current *current = argument;
    if (row->id == current->id) {
        *current->out = *row;
        current->found = true;
    }
    return OK;
}

int revoked_of(struct store *store, uint64_t id, struct revocation *out, struct error *error)
{
    uint64_t sequence = 0;
    struct current current = {.id = id, .out = out};
    struct scan scan = {.table = INDEX_REVOKED_ID, .prefix = ID_BYTES(id), .each = keep_first, .argument = &sequence};
    int status = table_scan(store, &scan, error);
    memset(out, 0, sizeof *out);
    if (!status && sequence)
        status = revoked_each(store, sequence - 1, sequence, keep_row, &current, error);
    if (!status && !current.found)
        status = error_set(error, REFUSED, "object.unknown", "request %llu has no revocation", (unsigned long long)id);
    return status;
}

static void revoked_remove(struct store_txn *txn, uint64_t id)
{
    DB *index = txn->store->tables[INDEX_REVOKED_ID];
    struct id_key wanted = ID_KEY(id);
    DBT key = {.data = wanted.octets, .size = 8}, primary = {.flags = DB_DBT_MALLOC}, value = {.flags = DB_DBT_MALLOC};
    int code = txn->status ? DB_NOTFOUND : index->pget(index, txn->txn, &key, &primary, &value, 0);
    if (!code)
        txn_delete(txn, TABLE_REVOKED, bytes_of(primary.data, primary.size));
    else if (code != DB_NOTFOUND)
        txn_fail(txn, code == DB_LOCK_DEADLOCK || code == DB_LOCK_NOTGRANTED ? TEMPORARY : INTERNAL);
    free(primary.data);
    free(value.data);
}

int requests_remove(struct store_txn *txn, uint64_t id)
{
    struct request request = {0};
    int status = requests_get_txn(txn, id, &request);
    if (!status) {
        counts_leave(txn, request.disposition);
        revoked_remove(txn, id);
        txn_delete(txn, TABLE_CERTIFICATES, ID_BYTES(id)); /* REFUSED: it has none */
        txn_delete(txn, TABLE_REQUESTS, ID_BYTES(id));
        status = txn->status;
    }
    request_free(&request);
    return status;
}

/* ---- what may go ---- */

struct removal {
    bool expired;
    int64_t before;
    removal_each each;
    void *argument;
    bool ended;
};

static int removal_row(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    struct removal *removal = argument;
    struct removal_place place = {.id = get_u64(primary.data)};
    (void)value;
    if (removal->expired) {
        place.not_after = (int64_t)get_u64(key.data);
        if (place.not_after >= removal->before)
            return SCAN_END;
    }
    int status = removal->each(place.id, &place, removal->argument);
    return status == BATCH_STOP ? SCAN_END : status;
}

int removal_walk(struct store *store, bool expired, enum disposition disposition, int64_t before, const struct removal_place *from,
                 removal_each each, void *argument, struct error *error)
{
    struct removal removal = {.expired = expired, .before = before, .each = each, .argument = argument};
    struct buf prefix = BUF_EMPTY, start = BUF_EMPTY;
    if (!expired)
        buf_add_byte(&prefix, (uint8_t)disposition);
    if (from->id) { /* the next key after the last row's */
        if (expired)
            buf_add(&start, ID_KEY((uint64_t)from->not_after).octets, 8);
        else
            buf_add_byte(&start, (uint8_t)disposition);
        buf_add(&start, ID_KEY(from->id + 1).octets, 8);
    }
    struct scan scan = {.table = expired ? INDEX_NOT_AFTER : INDEX_DISPOSITION, .prefix = buf_bytes(&prefix), .from = buf_bytes(&start),
                        .each = removal_row, .argument = &removal};
    int status = prefix.failed || start.failed ? error_memory(error) : table_scan(store, &scan, error);
    buf_free(&prefix);
    buf_free(&start);
    return status;
}
