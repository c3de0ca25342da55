/* Indices: what each table is also found by. A callback gives sorted keys without duplicates (a repeated one would go in and make
 * the later deletion fail), and every key ends in the RequestID, so that it is unique and pages. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ca/store/internal.h"

void index_text(struct buf *key, const char *text, size_t size)
{
    for (size_t i = 0; i < size && i < NAME_KEY_MAX; i++)
        buf_add_byte(key, text[i] ? (uint8_t)tolower((unsigned char)text[i]) : ' ');
    buf_add_byte(key, 0);
}

/* Hands a finished key to Berkeley DB, which frees it. */
static int key_give(DBT *result, struct buf *key, const DBT *primary)
{
    buf_add(key, primary->data, primary->size);
    if (key->failed) {
        buf_free(key);
        return 12; /* ENOMEM */
    }
    *result = (DBT){.data = key->data, .size = (u_int32_t)key->size, .flags = DB_DBT_APPMALLOC};
    return 0;
}

static Chancery__Request *request_of(const DBT *value)
{
    return chancery__request__unpack(NULL, value->size, value->data);
}

static Chancery__Certificate *certificate_of(const DBT *value)
{
    return chancery__certificate__unpack(NULL, value->size, value->data);
}

static int by_disposition(DB *db, const DBT *primary, const DBT *value, DBT *result)
{
    (void)db;
    Chancery__Request *record = request_of(value);
    struct buf key = BUF_EMPTY;
    if (!record)
        return 22; /* EINVAL: the record is damaged */
    buf_add_byte(&key, (uint8_t)record->disposition);
    chancery__request__free_unpacked(record, NULL);
    return key_give(result, &key, primary);
}

static int by_text(const DBT *primary, const DBT *value, DBT *result, bool template)
{
    Chancery__Request *record = request_of(value);
    struct buf key = BUF_EMPTY;
    if (!record)
        return 22;
    const ProtobufCBinaryData *text = template ? &record->template_name : &record->requester;
    bool there = !template || record->has_template_name;
    if (there)
        index_text(&key, (const char *)text->data, text->len);
    chancery__request__free_unpacked(record, NULL);
    return there ? key_give(result, &key, primary) : DB_DONOTINDEX;
}

static int by_requester(DB *db, const DBT *primary, const DBT *value, DBT *result)
{
    (void)db;
    return by_text(primary, value, result, false);
}

static int by_template(DB *db, const DBT *primary, const DBT *value, DBT *result)
{
    (void)db;
    return by_text(primary, value, result, true);
}

static int by_digest(DB *db, const DBT *primary, const DBT *value, DBT *result)
{
    (void)db;
    Chancery__Request *record = request_of(value);
    struct buf key = BUF_EMPTY;
    if (!record)
        return 22;
    buf_add(&key, ID_KEY((uint64_t)record->requester_uid).octets, 8);
    buf_add(&key, record->pkcs10_sha256.data, record->pkcs10_sha256.len);
    chancery__request__free_unpacked(record, NULL);
    return key_give(result, &key, primary);
}

/* ---- names: several keys a record ---- */

static void name_add(struct strings *names, const char *text, size_t size)
{
    struct buf key = BUF_EMPTY;
    index_text(&key, text, size);
    if (!key.failed && key.size > 1)
        strings_add_n(names, (const char *)key.data, key.size - 1);
    buf_free(&key);
}

static int names_give(struct strings *names, const DBT *primary, DBT *result)
{
    strings_sort(names); /* and drops duplicates */
    int code = names->count ? 0 : DB_DONOTINDEX;
    DBT *keys = names->count ? calloc(names->count, sizeof *keys) : NULL;
    if (names->count && !keys)
        code = 12;
    for (size_t i = 0; i < names->count && !code; i++) {
        struct buf key = BUF_EMPTY;
        buf_add(&key, names->items[i], strlen(names->items[i]) + 1);
        code = key_give(&keys[i], &key, primary);
    }
    if (!code)
        *result = (DBT){.data = keys, .size = (u_int32_t)names->count, .flags = DB_DBT_MULTIPLE | DB_DBT_APPMALLOC};
    else
        free(keys);
    strings_free(names);
    return code;
}

/* "dns:web07.example.com" without what stands before the colon. */
static void name_add_san(struct strings *names, const ProtobufCBinaryData *san)
{
    const uint8_t *colon = memchr(san->data, ':', san->len);
    size_t skip = colon ? (size_t)(colon - san->data) + 1 : 0;
    name_add(names, (const char *)san->data + skip, san->len - skip);
}

/* The CN at the head of an RFC 4514 text, as far as no escape stands in it: enough to find a request by. */
static void name_add_subject(struct strings *names, const char *text, size_t size)
{
    for (size_t i = 0; i + 3 < size; i++) {
        bool head = i == 0 || text[i - 1] == ',' || text[i - 1] == '+';
        if (head && (text[i] == 'C' || text[i] == 'c') && (text[i + 1] == 'N' || text[i + 1] == 'n') && text[i + 2] == '=') {
            size_t from = i + 3, to = from;
            while (to < size && text[to] != ',' && text[to] != '+' && text[to] != '\\')
                to++;
            name_add(names, text + from, to - from);
            return;
        }
    }
}

static int by_request_name(DB *db, const DBT *primary, const DBT *value, DBT *result)
{
    (void)db;
    Chancery__Request *record = request_of(value);
    struct strings names = {0};
    if (!record)
        return 22;
    if (record->has_subject)
        name_add_subject(&names, (const char *)record->subject.data, record->subject.len);
    for (size_t i = 0; i < record->n_names; i++)
        name_add_san(&names, &record->names[i]);
    name_add(&names, (const char *)record->requester.data, record->requester.len);
    chancery__request__free_unpacked(record, NULL);
    return names_give(&names, primary, result);
}

static int by_certificate_name(DB *db, const DBT *primary, const DBT *value, DBT *result)
{
    (void)db;
    Chancery__Certificate *record = certificate_of(value);
    struct strings names = {0};
    if (!record)
        return 22;
    for (size_t i = 0; i < record->n_search; i++)
        name_add(&names, (const char *)record->search[i].data, record->search[i].len);
    chancery__certificate__free_unpacked(record, NULL);
    return names_give(&names, primary, result);
}

/* ---- certificates by number and fingerprint ---- */

static int by_octets(const DBT *primary, const DBT *value, DBT *result, enum table index)
{
    Chancery__Certificate *record = certificate_of(value);
    struct buf key = BUF_EMPTY;
    if (!record)
        return 22;
    const ProtobufCBinaryData *octets = index == INDEX_SERIAL ? &record->serial
                                        : index == INDEX_SHA1 ? &record->sha1
                                        : index == INDEX_SHA256 ? &record->sha256
                                                                : &record->spki_sha256;
    buf_add_byte(&key, (uint8_t)octets->len);
    buf_add(&key, octets->data, octets->len);
    chancery__certificate__free_unpacked(record, NULL);
    return key_give(result, &key, primary);
}

static int by_serial(DB *db, const DBT *primary, const DBT *value, DBT *result)
{
    (void)db;
    return by_octets(primary, value, result, INDEX_SERIAL);
}

static int by_sha1(DB *db, const DBT *primary, const DBT *value, DBT *result)
{
    (void)db;
    return by_octets(primary, value, result, INDEX_SHA1);
}

static int by_sha256(DB *db, const DBT *primary, const DBT *value, DBT *result)
{
    (void)db;
    return by_octets(primary, value, result, INDEX_SHA256);
}

static int by_spki(DB *db, const DBT *primary, const DBT *value, DBT *result)
{
    (void)db;
    return by_octets(primary, value, result, INDEX_SPKI);
}

static int by_not_after(DB *db, const DBT *primary, const DBT *value, DBT *result)
{
    (void)db;
    Chancery__Certificate *record = certificate_of(value);
    struct buf key = BUF_EMPTY;
    if (!record)
        return 22;
    buf_add(&key, ID_KEY((uint64_t)record->not_after).octets, 8);
    chancery__certificate__free_unpacked(record, NULL);
    return key_give(result, &key, primary);
}

/* Only the row that nothing supersedes is found by its RequestID. */
static int by_revoked_id(DB *db, const DBT *primary, const DBT *value, DBT *result)
{
    (void)db;
    (void)primary;
    Chancery__Revocation *record = chancery__revocation__unpack(NULL, value->size, value->data);
    struct buf key = BUF_EMPTY;
    if (!record)
        return 22;
    bool superseded = record->has_superseded_by;
    uint64_t id = record->id;
    chancery__revocation__free_unpacked(record, NULL);
    if (superseded)
        return DB_DONOTINDEX;
    buf_add(&key, ID_KEY(id).octets, 8);
    if (key.failed)
        return 12;
    *result = (DBT){.data = key.data, .size = (u_int32_t)key.size, .flags = DB_DBT_APPMALLOC};
    return 0;
}

const struct index_row index_rows[] = {
    {TABLE_REQUESTS, INDEX_DISPOSITION, by_disposition},     {TABLE_REQUESTS, INDEX_REQUESTER, by_requester},
    {TABLE_REQUESTS, INDEX_TEMPLATE, by_template},           {TABLE_REQUESTS, INDEX_DIGEST, by_digest},
    {TABLE_REQUESTS, INDEX_REQUEST_NAME, by_request_name},   {TABLE_CERTIFICATES, INDEX_SERIAL, by_serial},
    {TABLE_CERTIFICATES, INDEX_SHA1, by_sha1},               {TABLE_CERTIFICATES, INDEX_SHA256, by_sha256},
    {TABLE_CERTIFICATES, INDEX_SPKI, by_spki},               {TABLE_CERTIFICATES, INDEX_NOT_AFTER, by_not_after},
    {TABLE_CERTIFICATES, INDEX_CERTIFICATE_NAME, by_certificate_name}, {TABLE_REVOKED, INDEX_REVOKED_ID, by_revoked_id},
};

const size_t index_count = sizeof index_rows / sizeof *index_rows;

int index_associate(struct store *store, struct error *error)
{
    int code = 0;
    for (size_t i = 0; i < index_count && !code; i++) {
        DB *primary = store->tables[index_rows[i].primary];
        code = primary->associate(primary, NULL, store->tables[index_rows[i].index], index_rows[i].callback, 0);
    }
    return db_error(code, "indices", error);
}
