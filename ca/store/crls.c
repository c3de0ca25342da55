/* CRLs: a small record each, the DER in chunks beside it; the last three of a series keep their DER. */
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/base/file.h"
#include "ca/store/bulk.h"
#include "ca/store/internal.h"

#define CHUNK (1u << 20)
#define KEPT 3

/* key index, partition, delta; number; chunk */
static void crl_key(struct buf *key, const struct crl_record *record, bool with_number, int64_t chunk)
{
    uint8_t octets[4];
    put_u32(octets, record->key_index);
    buf_add(key, octets, 4);
    put_u32(octets, record->partition);
    buf_add(key, octets, 4);
    buf_add_byte(key, record->delta);
    if (with_number)
        buf_add(key, ID_KEY(record->number).octets, 8);
    if (chunk >= 0) {
        put_u32(octets, (uint32_t)chunk);
        buf_add(key, octets, 4);
    }
}

static void crl_encode(const struct crl_record *record, struct buf *out)
{
    Chancery__Crl crl = CHANCERY__CRL__INIT;
    crl.this_update = record->this_update;
    crl.next_update = record->next_update;
    crl.next_publish = record->next_publish;
    crl.sequence = record->sequence;
    crl.base_number = record->base_number;
    crl.entries = record->entries;
    crl.size = record->size;
    crl.sha256 = data_of(record->sha256, 32);
    message_pack(&crl.base, out);
}

static int crl_decode(struct bytes key, struct bytes value, struct crl_record *out)
{
    Chancery__Crl *crl = chancery__crl__unpack(NULL, value.size, value.data);
    int status = crl && key.size == 17 && crl->sha256.len == 32 ? OK : INTERNAL;
    if (!status) {
        *out = (struct crl_record){.key_index = get_u32(key.data), .partition = get_u32(key.data + 4), .delta = key.data[8] != 0,
                                   .number = get_u64(key.data + 9), .this_update = crl->this_update, .next_update = crl->next_update,
                                   .next_publish = crl->next_publish, .sequence = crl->sequence, .base_number = crl->base_number,
                                   .entries = crl->entries, .size = crl->size};
        memcpy(out->sha256, crl->sha256.data, 32);
    }
    if (crl)
        chancery__crl__free_unpacked(crl, NULL);
    return status;
}

/* ---- writing ---- */

static int chunk_read(int fd, uint8_t *room, size_t size, uint64_t offset)
{
    for (size_t got = 0; got < size;) {
        ssize_t some = pread(fd, room + got, size - got, (off_t)(offset + got));
        if (some < 0 && errno == EINTR)
            continue;
        if (some <= 0)
            return INTERNAL;
        got += (size_t)some;
    }
    return OK;
}

static int chunks_put(struct store_txn *txn, const struct crl_record *record, int fd, uint8_t sha256[32])
{
    gnutls_hash_hd_t hash = NULL;
    uint8_t *room = malloc(CHUNK);
    int status = !room || gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) ? INTERNAL : OK;
    for (uint64_t at = 0, chunk = 0; at < record->size && !status; at += CHUNK, chunk++) {
        size_t size = record->size - at < CHUNK ? (size_t)(record->size - at) : CHUNK;
        struct buf key = BUF_EMPTY;
        status = chunk_read(fd, room, size, at);
        if (!status && gnutls_hash(hash, room, size))
            status = INTERNAL;
        crl_key(&key, record, true, (int64_t)chunk);
        if (!status)
            status = txn_put(txn, TABLE_CRL_CHUNKS, buf_bytes(&key), bytes_of(room, size));
        buf_free(&key);
    }
    if (hash)
        gnutls_hash_deinit(hash, sha256);
    free(room);
    return status;
}

/* Deletes the DER of one of the series; its record stays. */
static void chunks_drop(struct store_txn *txn, const struct crl_record *old)
{
    for (uint64_t chunk = 0; chunk * CHUNK < old->size && !txn->status; chunk++) {
        struct buf key = BUF_EMPTY;
        crl_key(&key, old, true, (int64_t)chunk);
        txn_delete(txn, TABLE_CRL_CHUNKS, buf_bytes(&key)); /* REFUSED: dropped before */
        buf_free(&key);
    }
}

/* The record that stands KEPT places before the new one. In the closure's own view. */
static int old_find(struct store_txn *txn, const struct crl_record *record, struct crl_record *old)
{
    DB *db = txn->store->tables[TABLE_CRLS];
    DBC *cursor = NULL;
    struct buf key = BUF_EMPTY;
    crl_key(&key, record, true, -1);
    DBT k = {.data = key.data, .size = (u_int32_t)key.size, .flags = DB_DBT_REALLOC}, v = {.flags = DB_DBT_REALLOC};
    int code = db->cursor(db, txn->txn, &cursor, 0), found = REFUSED;
    if (!code)
        code = cursor->get(cursor, &k, &v, DB_SET);
    for (int back = 0; back < KEPT && !code; back++)
        code = cursor->get(cursor, &k, &v, DB_PREV);
    if (!code && k.size == 17 && crl_decode(bytes_of(k.data, k.size), bytes_of(v.data, v.size), old) == OK)
        found = old->key_index == record->key_index && old->partition == record->partition && old->delta == record->delta ? OK : REFUSED;
    if (cursor)
        cursor->close(cursor);
    if (code && code != DB_NOTFOUND)
        txn_fail(txn, code == DB_LOCK_DEADLOCK ? TEMPORARY : INTERNAL);
    free(k.data); /* key's memory, perhaps moved by Berkeley DB */
    free(v.data);
    return found;
}

/* The highest number of a key's CRLs stands beside them: CRLs of many years are not walked for the next. */
static void highest_name(char name[40], unsigned key_index)
{
    snprintf(name, 40, "crl.highest.%u", key_index);
}

static void highest_follow(struct store_txn *txn, const struct crl_record *record)
{
    char name[40];
    highest_name(name, record->key_index);
    if (record->number > crls_highest_number_txn(txn, record->key_index))
        setting_put(txn, name, ID_BYTES(record->number));
}

int crls_put(struct store_txn *txn, const struct crl_record *record, int fd)
{
    struct crl_record stored = *record, old;
    struct buf key = BUF_EMPTY, value = BUF_EMPTY;
    if (txn->status)
        return txn->status;
    if (chunks_put(txn, record, fd, stored.sha256))
        txn_fail(txn, INTERNAL);
    crl_key(&key, &stored, true, -1);
    crl_encode(&stored, &value);
    if (key.failed || value.failed)
        txn_fail(txn, INTERNAL);
    txn_put(txn, TABLE_CRLS, buf_bytes(&key), buf_bytes(&value));
    highest_follow(txn, &stored);
    if (!txn->status && old_find(txn, &stored, &old) == OK)
        chunks_drop(txn, &old);
    buf_free(&key);
    buf_free(&value);
    return txn->status;
}

uint64_t crls_highest_number_txn(struct store_txn *txn, unsigned key_index)
{
    struct buf value = BUF_EMPTY;
    char name[40];
    highest_name(name, key_index);
    uint64_t highest = setting_get_txn(txn, name, &value) == OK && value.size == 8 ? get_u64(value.data) : 0;
    buf_free(&value);
    return highest;
}

int crls_raise_highest(struct store_txn *txn, unsigned key_index, uint64_t number)
{
    char name[40];
    highest_name(name, key_index);
    if (!txn->status && number > crls_highest_number_txn(txn, key_index))
        setting_put(txn, name, ID_BYTES(number));
    return txn->status;
}

/* ---- reading ---- */

static int latest_one(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    (void)primary;
    return crl_decode(key, value, argument) ? INTERNAL : SCAN_END;
}

int crls_latest(struct store *store, unsigned key_index, unsigned partition, bool delta, struct crl_record *out, struct error *error)
{
    struct buf prefix = BUF_EMPTY;
    struct crl_record series = {.key_index = key_index, .partition = partition, .delta = delta};
    memset(out, 0, sizeof *out);
    crl_key(&prefix, &series, false, -1);
    struct scan scan = {.table = TABLE_CRLS, .prefix = buf_bytes(&prefix), .descending = true, .with_data = true, .each = latest_one,
                        .argument = out};
    int status = prefix.failed ? error_memory(error) : table_scan(store, &scan, error);
    buf_free(&prefix);
    if (!status && !out->number)
        status = error_set(error, REFUSED, "crl.none", "no %sCRL was made yet (`chancery crl publish`)", delta ? "delta " : "");
    return status;
}

int crls_write_to(struct store *store, const struct crl_record *record, int fd, struct error *error)
{
    int status = OK;
    for (uint64_t chunk = 0; chunk * CHUNK < record->size && !status; chunk++) {
        struct buf key = BUF_EMPTY, value = BUF_EMPTY;
        crl_key(&key, record, true, (int64_t)chunk);
        status = table_get(store, TABLE_CRL_CHUNKS, buf_bytes(&key), &value, error);
        if (!status && fd_write_all(fd, value.data, value.size))
            status = error_set(error, CANNOT_WRITE, "crl.write", "the CRL cannot be written");
        buf_free(&key);
        buf_free(&value);
    }
    return status;
}
