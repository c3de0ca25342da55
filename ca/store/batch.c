/* The record of a batch of revocations and the list of its RequestIDs, both among the settings: there is one batch at a time.
 * What a batch does is the authority's. */
#include <stdlib.h>
#include <string.h>

#include "ca/store/bulk.h"
#include "ca/store/internal.h"

void batch_free(struct batch *batch)
{
    free(batch->filter);
    free(batch->actor);
    memset(batch, 0, sizeof *batch);
}

int batch_put(struct store_txn *txn, const struct batch *batch)
{
    Chancery__Batch record = CHANCERY__BATCH__INIT;
    struct buf octets = BUF_EMPTY;
    record.number = batch->number;
    record.state = (uint32_t)batch->state;
    record.filter = data_of_text(batch->filter);
    record.actor = data_of_text(batch->actor);
    record.uid = batch->uid;
    record.roles = batch->roles;
    record.reason = batch->reason;
    record.at = batch->at;
    record.invalid_since = batch->invalid_since;
    record.started_at = batch->started_at;
    record.ended_at = batch->ended_at;
    record.count = batch->count;
    record.position = batch->position;
    record.revoked = batch->revoked;
    record.skipped = batch->skipped;
    record.final = batch->final;
    record.expired = batch->expired;
    message_pack(&record.base, &octets);
    if (octets.failed)
        txn_fail(txn, INTERNAL);
    int status = txn->status ? txn->status : setting_put(txn, "batch", buf_bytes(&octets));
    buf_free(&octets);
    return status;
}

static int batch_decode(struct bytes octets, struct batch *out)
{
    Chancery__Batch *record = chancery__batch__unpack(NULL, octets.size, octets.data);
    if (!record)
        return INTERNAL;
    *out = (struct batch){
        .number = record->number, .state = (enum batch_state)record->state, .filter = text_of(&record->filter),
        .actor = text_of(&record->actor), .uid = record->uid, .roles = record->roles, .reason = record->reason, .at = record->at,
        .invalid_since = record->invalid_since, .started_at = record->started_at, .ended_at = record->ended_at,
        .count = record->count, .position = record->position, .revoked = record->revoked, .skipped = record->skipped,
        .final = record->final, .expired = record->expired,
    };
    chancery__batch__free_unpacked(record, NULL);
    return out->filter && out->actor ? OK : INTERNAL;
}

int batch_get(struct store *store, struct batch *out, struct error *error)
{
    struct buf octets = BUF_EMPTY;
    struct error why = ERROR_NONE;
    memset(out, 0, sizeof *out);
    int status = setting_get(store, "batch", &octets, &why);
    if (status == REFUSED)
        status = OK;
    else if (status)
        error_set(error, status, why.reason, "%s", why.message);
    else if (batch_decode(buf_bytes(&octets), out))
        status = error_set(error, INTERNAL, "store.record", "the record of the batch of revocations is damaged");
    buf_free(&octets);
    return status;
}

/* ---- the list ---- */

int batch_listing_put(struct store_txn *txn, uint64_t number)
{
    return setting_put(txn, "batch.listing", ID_BYTES(number));
}

int batch_listing_get(struct store *store, uint64_t *number, struct error *error)
{
    struct buf value = BUF_EMPTY;
    struct error why = ERROR_NONE;
    int status = setting_get(store, "batch.listing", &value, &why);
    *number = !status && value.size == 8 ? get_u64(value.data) : 0;
    buf_free(&value);
    return status == REFUSED ? OK : status ? error_set(error, status, why.reason, "%s", why.message) : OK;
}

static const char *page_name(char name[64], uint64_t number, uint64_t page)
{
    snprintf(name, 64, "batch.%llu.%llu", (unsigned long long)number, (unsigned long long)page);
    return name;
}

int batch_page_put(struct store_txn *txn, uint64_t number, uint64_t page, const uint64_t *ids, size_t count)
{
    char name[64];
    struct buf octets = BUF_EMPTY;
    for (size_t i = 0; i < count; i++)
        buf_add(&octets, ID_KEY(ids[i]).octets, 8);
    if (octets.failed)
        txn_fail(txn, INTERNAL);
    int status = txn->status ? txn->status : setting_put(txn, page_name(name, number, page), buf_bytes(&octets));
    buf_free(&octets);
    return status;
}

int batch_page_get(struct store *store, uint64_t number, uint64_t page, uint64_t ids[BATCH_PAGE], size_t *count, struct error *error)
{
    char name[64];
    struct buf octets = BUF_EMPTY;
    *count = 0;
    int status = setting_get(store, page_name(name, number, page), &octets, error);
    if (!status && (octets.size % 8 || octets.size > (size_t)BATCH_PAGE * 8))
        status = error_set(error, INTERNAL, "store.record", "the list of batch %llu is damaged", (unsigned long long)number);
    for (; !status && *count < octets.size / 8; ++*count)
        ids[*count] = get_u64(octets.data + *count * 8);
    buf_free(&octets);
    return status;
}

int batch_page_delete(struct store_txn *txn, uint64_t number, uint64_t page)
{
    char name[64];
    struct buf key = BUF_EMPTY;
    buf_printf(&key, "setting/%s", page_name(name, number, page));
    int status = key.failed ? INTERNAL : txn_delete(txn, TABLE_SETTINGS, buf_bytes(&key));
    buf_free(&key);
    return status == REFUSED ? OK : status;
}
