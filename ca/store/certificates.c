/* Certificates: one a request at most; found by serial, fingerprints and key. */
#include <stdlib.h>
#include <string.h>

#include "ca/store/internal.h"

int certificates_put(struct store_txn *txn, const struct certificate *certificate)
{
    struct buf record = BUF_EMPTY, owner = BUF_EMPTY;
    if (txn->status)
        return txn->status;
    struct bytes serial = bytes_of(certificate->serial.octets, certificate->serial.size);
    int status = txn_get(txn, TABLE_SERIALS, serial, &owner);
    if (status == REFUSED)
        txn_put(txn, TABLE_SERIALS, serial, ID_BYTES(certificate->id));
    else if (!status && (owner.size != 8 || get_u64(owner.data) != certificate->id))
        txn_fail(txn, REFUSED); /* no serial twice */
    certificate_encode(certificate, &record);
    if (record.failed)
        txn_fail(txn, INTERNAL);
    txn_put(txn, TABLE_CERTIFICATES, ID_BYTES(certificate->id), buf_bytes(&record));
    buf_free(&record);
    buf_free(&owner);
    return txn->status;
}

int certificates_get(struct store *store, uint64_t id, struct certificate *out, struct error *error)
{
    struct buf record = BUF_EMPTY;
    struct error why = ERROR_NONE;
    memset(out, 0, sizeof *out);
    int status = table_get(store, TABLE_CERTIFICATES, ID_BYTES(id), &record, &why);
    if (status == REFUSED)
        status = error_set(error, REFUSED, "object.no_certificate", "request %llu has no certificate", (unsigned long long)id);
    else if (status)
        status = error_set(error, status, why.reason, "%s", why.message);
    else if (certificate_decode(id, buf_bytes(&record), out))
        status = error_set(error, INTERNAL, "store.record", "certificate %llu is damaged in the database", (unsigned long long)id);
    buf_free(&record);
    return status;
}

int certificates_get_txn(struct store_txn *txn, uint64_t id, struct certificate *out)
{
    struct buf record = BUF_EMPTY;
    memset(out, 0, sizeof *out);
    int status = txn_get(txn, TABLE_CERTIFICATES, ID_BYTES(id), &record);
    if (!status && certificate_decode(id, buf_bytes(&record), out)) {
        txn_fail(txn, INTERNAL);
        status = INTERNAL;
    }
    buf_free(&record);
    return status;
}

struct found {
    uint64_t *ids;
    size_t count, limit;
};

static int found_one(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    struct found *found = argument;
    (void)key;
    (void)value;
    if (found->count == found->limit)
        return SCAN_END;
    found->ids[found->count++] = get_u64(primary.data);
    return OK;
}

int certificates_find(struct store *store, enum certificate_key by, struct bytes key, uint64_t *ids, size_t limit, size_t *count,
                      struct error *error)
{
    static const enum table tables[] = {INDEX_SERIAL, INDEX_SHA1, INDEX_SHA256, INDEX_SPKI};
    struct buf prefix = BUF_EMPTY;
    struct found found = {.ids = ids, .limit = limit};
    buf_add_byte(&prefix, (uint8_t)key.size);
    buf_add(&prefix, key.data, key.size);
    struct scan scan = {.table = tables[by], .prefix = buf_bytes(&prefix), .each = found_one, .argument = &found};
    int status = prefix.failed ? error_memory(error) : table_scan(store, &scan, error);
    *count = found.count;
    buf_free(&prefix);
    return status;
}
