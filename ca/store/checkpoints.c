/* Checkpoints of the audit chain: what the signer signed, by the number of the record under it. */
#include <stdlib.h>
#include <string.h>

#include "ca/store/internal.h"

void audit_checkpoint_free(struct audit_checkpoint *checkpoint)
{
    buf_free(&checkpoint->tbs);
    buf_free(&checkpoint->signature);
    memset(checkpoint, 0, sizeof *checkpoint);
}

int checkpoints_put(struct store_txn *txn, const struct audit_checkpoint *checkpoint)
{
    Chancery__Checkpoint record = CHANCERY__CHECKPOINT__INIT;
    struct buf octets = BUF_EMPTY;
    record.tbs = data_of(checkpoint->tbs.data, checkpoint->tbs.size);
    record.signature = data_of(checkpoint->signature.data, checkpoint->signature.size);
    record.key_id = data_of(checkpoint->key_id, sizeof checkpoint->key_id);
    record.at = checkpoint->at;
    message_pack(&record.base, &octets);
    if (octets.failed)
        txn_fail(txn, INTERNAL);
    txn_put(txn, TABLE_CHECKPOINTS, ID_BYTES(checkpoint->number), buf_bytes(&octets));
    buf_free(&octets);
    return txn->status;
}

static int checkpoint_decode(uint64_t number, struct bytes octets, struct audit_checkpoint *out)
{
    Chancery__Checkpoint *record = chancery__checkpoint__unpack(NULL, octets.size, octets.data);
    memset(out, 0, sizeof *out);
    if (!record || record->key_id.len != sizeof out->key_id) {
        if (record)
            chancery__checkpoint__free_unpacked(record, NULL);
        return INTERNAL;
    }
    out->number = number;
    out->at = record->at;
    memcpy(out->key_id, record->key_id.data, sizeof out->key_id);
    buf_add(&out->tbs, record->tbs.data, record->tbs.len);
    buf_add(&out->signature, record->signature.data, record->signature.len);
    chancery__checkpoint__free_unpacked(record, NULL);
    return out->tbs.failed || out->signature.failed ? INTERNAL : OK;
}

struct scan_state {
    int (*each)(const struct audit_checkpoint *, void *);
    void *argument;
};

static int checkpoint_row(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    struct scan_state *state = argument;
    struct audit_checkpoint checkpoint;
    (void)primary;
    int status = checkpoint_decode(get_u64(key.data), value, &checkpoint);
    if (!status)
        status = state->each(&checkpoint, state->argument);
    audit_checkpoint_free(&checkpoint);
    return status;
}

int checkpoints_each(struct store *store, uint64_t after, int (*each)(const struct audit_checkpoint *, void *), void *argument,
                     struct error *error)
{
    struct scan_state state = {each, argument};
    struct id_key from = ID_KEY(after + 1);
    struct scan scan = {.table = TABLE_CHECKPOINTS, .from = bytes_of(from.octets, 8), .with_data = true, .each = checkpoint_row,
                        .argument = &state};
    int status = table_scan(store, &scan, error);
    return status == INTERNAL ? error_set(error, INTERNAL, "store.record", "a checkpoint in the database cannot be read") : status;
}

static int latest_row(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    (void)primary;
    int status = checkpoint_decode(get_u64(key.data), value, argument);
    return status ? status : SCAN_END;
}

int checkpoints_latest(struct store *store, struct audit_checkpoint *out, struct error *error)
{
    struct scan scan = {.table = TABLE_CHECKPOINTS, .descending = true, .with_data = true, .each = latest_row, .argument = out};
    memset(out, 0, sizeof *out);
    int status = table_scan(store, &scan, error);
    if (status)
        audit_checkpoint_free(out);
    return status == INTERNAL ? error_set(error, INTERNAL, "store.record", "the last checkpoint in the database cannot be read") : status;
}
