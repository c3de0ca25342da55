/* Revoked certificates in the order of a sequence that only rises. A later row of the same certificate supersedes the earlier,
 * which stays until a complete CRL has taken its successor: a CRL up to a sequence number is thus the same however long it takes. */
#include <stdlib.h>
#include <string.h>

#include "ca/store/internal.h"

#define PRUNE_BATCH 500

static void revocation_encode(const struct revocation *row, uint64_t superseded_by, struct buf *out)
{
    Chancery__Revocation record = CHANCERY__REVOCATION__INIT;
    record.id = row->id;
    record.serial = data_of(row->serial.octets, row->serial.size);
    record.revoked_at = row->revoked_at;
    record.has_invalid_since = true;
    record.invalid_since = row->invalid_since;
    record.not_after = row->not_after;
    record.reason = row->reason;
    record.key_index = row->key_index;
    record.crl_partition = row->crl_partition;
    record.has_superseded_by = superseded_by != 0;
    record.superseded_by = superseded_by;
    message_pack(&record.base, out);
}

static int revocation_decode(uint64_t sequence, struct bytes bytes, struct revocation *out, uint64_t *superseded_by)
{
    Chancery__Revocation *record = chancery__revocation__unpack(NULL, bytes.size, bytes.data);
    int status = record && record->serial.len <= SERIAL_MAX ? OK : INTERNAL;
    if (!status) {
        *out = (struct revocation){.sequence = sequence, .id = record->id, .revoked_at = record->revoked_at,
                                   .invalid_since = record->invalid_since, .not_after = record->not_after, .reason = record->reason,
                                   .key_index = record->key_index, .crl_partition = record->crl_partition};
        out->serial.size = (uint8_t)record->serial.len;
        if (record->serial.len)
            memcpy(out->serial.octets, record->serial.data, record->serial.len);
        *superseded_by = record->has_superseded_by ? record->superseded_by : 0;
    }
    if (record)
        chancery__revocation__free_unpacked(record, NULL);
    return status;
}

/* Marks the row that stood for this certificate until now. */
static void supersede(struct store_txn *txn, uint64_t id, uint64_t by)
{
    DB *index = txn->store->tables[INDEX_REVOKED_ID];
    struct id_key wanted = ID_KEY(id);
    DBT key = {.data = wanted.octets, .size = 8}, primary = {.flags = DB_DBT_MALLOC}, value = {.flags = DB_DBT_MALLOC};
    int code = index->pget(index, txn->txn, &key, &primary, &value, 0);
    if (code == DB_NOTFOUND)
        return;
    struct revocation old;
    uint64_t superseded_by;
    if (code || primary.size != 8 || revocation_decode(get_u64(primary.data), bytes_of(value.data, value.size), &old, &superseded_by)) {
        txn_fail(txn, code == DB_LOCK_DEADLOCK ? TEMPORARY : INTERNAL);
    } else {
        struct buf record = BUF_EMPTY;
        revocation_encode(&old, by, &record);
        txn_put(txn, TABLE_REVOKED, ID_BYTES(old.sequence), buf_bytes(&record));
        buf_free(&record);
    }
    free(primary.data);
    free(value.data);
}

int revoked_put(struct store_txn *txn, struct revocation *revocation)
{
    struct buf record = BUF_EMPTY;
    revocation->sequence = counter_next(txn, "revocation");
    if (txn->status)
        return txn->status;
    supersede(txn, revocation->id, revocation->sequence);
    revocation_encode(revocation, 0, &record);
    if (record.failed)
        txn_fail(txn, INTERNAL);
    txn_put(txn, TABLE_REVOKED, ID_BYTES(revocation->sequence), buf_bytes(&record));
    txn->revoked_sequence = revocation->sequence;
    buf_free(&record);
    return txn->status;
}

uint64_t revoked_sequence(struct store *store)
{
    return atomic_load(&store->revoked_sequence);
}

struct each {
    uint64_t until;
    int (*each)(const struct revocation *, void *);
    void *argument;
};

static int each_row(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    struct each *each = argument;
    struct revocation row;
    uint64_t sequence = get_u64(key.data), superseded_by;
    (void)primary;
    if (sequence > each->until)
        return SCAN_END;
    if (revocation_decode(sequence, value, &row, &superseded_by))
        return INTERNAL;
    return superseded_by && superseded_by <= each->until ? OK : each->each(&row, each->argument);
}

int revoked_each(struct store *store, uint64_t after, uint64_t until, int (*each)(const struct revocation *, void *), void *argument,
                 struct error *error)
{
    struct each e = {.until = until, .each = each, .argument = argument};
    struct id_key from = ID_KEY(after + 1);
    struct scan scan = {.table = TABLE_REVOKED, .from = bytes_of(from.octets, 8), .with_data = true, .each = each_row, .argument = &e};
    return table_scan(store, &scan, error);
}

/* ---- pruning ---- */

struct prune {
    uint64_t until, from;
    uint64_t sequences[PRUNE_BATCH];
    size_t count;
    bool more;
};

static int prune_collect(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    struct prune *prune = argument;
    struct revocation row;
    uint64_t sequence = get_u64(key.data), superseded_by;
    (void)primary;
    if (sequence > prune->until)
        return SCAN_END;
    if (revocation_decode(sequence, value, &row, &superseded_by))
        return INTERNAL;
    prune->from = sequence;
    if (superseded_by && superseded_by <= prune->until)
        prune->sequences[prune->count++] = sequence;
    if (prune->count == PRUNE_BATCH) {
        prune->more = true;
        return SCAN_END;
    }
    return OK;
}

static int prune_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct prune *prune = argument;
    (void)error;
    for (size_t i = 0; i < prune->count; i++)
        txn_delete(txn, TABLE_REVOKED, ID_BYTES(prune->sequences[i]));
    return txn->status;
}

int revoked_prune(struct store *store, uint64_t until, struct error *error)
{
    struct prune prune = {.until = until};
    int status = OK;
    do {
        struct id_key from = ID_KEY(prune.from + 1);
        struct scan scan = {.table = TABLE_REVOKED, .from = bytes_of(from.octets, 8), .with_data = true, .each = prune_collect,
                            .argument = &prune};
        prune.count = 0;
        prune.more = false;
        status = table_scan(store, &scan, error);
        if (!status && prune.count)
            status = store_write_reserved(store, prune_store, &prune, error);
    } while (!status && prune.more);
    return status;
}
