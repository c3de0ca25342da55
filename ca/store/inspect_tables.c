/* What does not hang on one request: the audit chain, the outbox, CRLs, templates and assignments. */
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "ca/store/inspect_internal.h"

/* ---- audit: each record holds the digest of the one before, the head that of the last ---- */

struct audit_look {
    struct look look; /* first */
    uint64_t number;
    uint8_t digest[32];
};

static bool is_gap(const Chancery__Audit *record)
{
    return record->action.len == strlen(AUDIT_GAP_ACTION) && memcmp(record->action.data, AUDIT_GAP_ACTION, record->action.len) == 0;
}

static int look_audit(struct look *look, struct bytes key, struct bytes value)
{
    struct audit_look *audit = (struct audit_look *)look;
    Chancery__Audit *record = key.size == 8 ? chancery__audit__unpack(NULL, value.size, value.data) : NULL;
    uint64_t number = key.size == 8 ? get_u64(key.data) : 0;
    int status = OK;
    if (!record)
        status = inspection_add(look->inspection, "audit record %llu: it is damaged", (unsigned long long)number);
    else if (number != audit->number + 1 && !is_gap(record)) /* a restore says so itself */
        status = inspection_add(look->inspection, "audit: the records %llu to %llu are missing", (unsigned long long)audit->number + 1,
                                (unsigned long long)number - 1);
    else if (record->previous.len != 32 || memcmp(record->previous.data, audit->digest, 32) != 0)
        status = inspection_add(look->inspection, "audit record %llu: it does not follow the one before it: one of the two was changed",
                                (unsigned long long)number);
    audit->number = number;
    if (!status && gnutls_hash_fast(GNUTLS_DIG_SHA256, value.data, value.size, audit->digest))
        status = INTERNAL;
    if (record)
        chancery__audit__free_unpacked(record, NULL);
    return status;
}

static int inspect_audit(struct look *look)
{
    struct audit_look audit = {.look = *look};
    struct buf head = BUF_EMPTY;
    int status = look_each(&audit.look, TABLE_AUDIT, look_audit);
    int got = look_get(look, TABLE_SETTINGS, bytes_of_text("setting/audit.head"), &head);
    bool right = got == REFUSED ? audit.number == 0
                                : head.size == 40 && get_u64(head.data) == audit.number && memcmp(head.data + 8, audit.digest, 32) == 0;
    if (!status && !right)
        status = inspection_add(look->inspection, "audit: the last record is %llu, and not the one that the head of the chain names",
                                (unsigned long long)audit.number);
    look->done = audit.look.done;
    look->error = audit.look.error;
    buf_free(&head);
    return status;
}

/* ---- outbox ---- */

#define MODULES_MAX 64
struct outbox_look {
    struct look look; /* first */
    struct {
        char name[64];
        uint64_t waiting, parked;
    } modules[MODULES_MAX];
    size_t count;
};

static size_t module_size(struct bytes key)
{
    return strnlen((const char *)key.data, key.size);
}

static int look_outbox(struct look *look, struct bytes key, struct bytes value)
{
    Chancery__Event *event = chancery__event__unpack(NULL, value.size, value.data);
    struct buf state = BUF_EMPTY;
    size_t module = module_size(key);
    int status = OK;
    if (!event || key.size != module + 9)
        status = inspection_add(look->inspection, "outbox: a row of %.*s is damaged", (int)module, (const char *)key.data);
    else
        status = look_get(look, TABLE_OUTBOX_STATE, key, &state);
    if (status == REFUSED)
        status = inspection_add(look->inspection, "outbox %.*s %llu: its state is missing", (int)module, (const char *)key.data,
                                (unsigned long long)get_u64(key.data + module + 1));
    if (!status && key.size == module + 9 && get_u64(key.data + module + 1) > look->highest_outbox)
        look->highest_outbox = get_u64(key.data + module + 1);
    if (event)
        chancery__event__free_unpacked(event, NULL);
    buf_free(&state);
    return status;
}

static void outbox_count(struct outbox_look *outbox, struct bytes key, bool parked)
{
    size_t at = 0, size = module_size(key);
    while (at < outbox->count && (strlen(outbox->modules[at].name) != size || memcmp(outbox->modules[at].name, key.data, size) != 0))
        at++;
    if (at == outbox->count) {
        if (at == MODULES_MAX || size >= sizeof outbox->modules[at].name)
            return;
        memcpy(outbox->modules[at].name, key.data, size);
        outbox->count++;
    }
    if (parked)
        outbox->modules[at].parked++;
    else
        outbox->modules[at].waiting++;
}

static int look_state(struct look *look, struct bytes key, struct bytes value)
{
    struct outbox_look *outbox = (struct outbox_look *)look;
    Chancery__OutboxState *state = chancery__outbox_state__unpack(NULL, value.size, value.data);
    struct buf row = BUF_EMPTY;
    size_t module = module_size(key);
    int status = OK;
    if (!state || key.size != module + 9) {
        status = inspection_add(look->inspection, "outbox: a state of %.*s is damaged", (int)module, (const char *)key.data);
    } else {
        outbox_count(outbox, key, state->parked);
        status = look_get(look, TABLE_OUTBOX, key, &row);
        if (status == REFUSED)
            status = inspection_add(look->inspection, "outbox %.*s %llu: its row is missing, and nothing will be published", (int)module,
                                    (const char *)key.data, (unsigned long long)get_u64(key.data + module + 1));
    }
    if (state)
        chancery__outbox_state__free_unpacked(state, NULL);
    buf_free(&row);
    return status;
}

static int look_by_request(struct look *look, struct bytes key, struct bytes value)
{
    struct buf row = BUF_EMPTY;
    (void)value;
    int status = key.size > 8 ? look_get(look, TABLE_OUTBOX, bytes_of(key.data + 8, key.size - 8), &row) : REFUSED;
    buf_free(&row);
    return status == REFUSED ? inspection_add(look->inspection, "outbox: a row is said to wait for request %llu, and is not there",
                                              key.size >= 8 ? (unsigned long long)get_u64(key.data) : 0) : status;
}

static int look_stats(struct look *look, struct bytes key, struct bytes value)
{
    struct outbox_look *outbox = (struct outbox_look *)look;
    Chancery__OutboxStats *stats = chancery__outbox_stats__unpack(NULL, value.size, value.data);
    uint64_t waiting = 0, parked = 0;
    for (size_t i = 0; i < outbox->count; i++)
        if (strlen(outbox->modules[i].name) == key.size && memcmp(outbox->modules[i].name, key.data, key.size) == 0) {
            waiting = outbox->modules[i].waiting;
            parked = outbox->modules[i].parked;
        }
    bool right = stats && stats->waiting == waiting && stats->parked == parked;
    if (stats)
        chancery__outbox_stats__free_unpacked(stats, NULL);
    return right ? OK : inspection_add(look->inspection, "outbox %.*s: %llu wait and %llu are parked, and counted otherwise", (int)key.size,
                                       (const char *)key.data, (unsigned long long)waiting, (unsigned long long)parked);
}

static int inspect_outbox(struct look *look)
{
    struct outbox_look *outbox = calloc(1, sizeof *outbox);
    if (!outbox)
        return INTERNAL;
    outbox->look = *look;
    int status = look_each(&outbox->look, TABLE_OUTBOX, look_outbox);
    if (!status)
        status = look_each(&outbox->look, TABLE_OUTBOX_STATE, look_state);
    if (!status)
        status = look_each(&outbox->look, TABLE_OUTBOX_REQUEST, look_by_request);
    if (!status)
        status = look_each(&outbox->look, TABLE_OUTBOX_STATS, look_stats);
    look->done = outbox->look.done;
    look->error = outbox->look.error;
    look->highest_outbox = outbox->look.highest_outbox;
    free(outbox);
    return status;
}

/* ---- CRLs, templates, assignments ---- */

static int look_crl(struct look *look, struct bytes key, struct bytes value)
{
    Chancery__Crl *crl = chancery__crl__unpack(NULL, value.size, value.data);
    char name[48] = "";
    int status = OK;
    if (!crl || key.size != 17)
        status = inspection_add(look->inspection, "crls: a record is damaged");
    if (!status) {
        snprintf(name, sizeof name, "setting/crl.highest.%u", get_u32(key.data));
        if (look_setting(look, name) < get_u64(key.data + 9))
            status = inspection_add(look->inspection, "CRL %llu: the highest number is said to be %llu", (unsigned long long)get_u64(key.data + 9),
                                    (unsigned long long)look_setting(look, name));
    }
    if (crl)
        chancery__crl__free_unpacked(crl, NULL);
    return status;
}

static int look_template(struct look *look, struct bytes key, struct bytes value)
{
    Chancery__Template *record = chancery__template__unpack(NULL, value.size, value.data);
    uint8_t digest[32];
    bool right = record && record->digest.len == 32 && !gnutls_hash_fast(GNUTLS_DIG_SHA256, record->canonical.data, record->canonical.len, digest) &&
                 memcmp(digest, record->digest.data, 32) == 0;
    if (record)
        chancery__template__free_unpacked(record, NULL);
    return right ? OK : inspection_add(look->inspection, "template %.*s: the adopted copy is not what its digest says", (int)key.size, (const char *)key.data);
}

static int look_assigned(struct look *look, struct bytes key, struct bytes value)
{
    struct buf record = BUF_EMPTY;
    int status = look_get(look, TABLE_ASSIGNMENTS, value, &record);
    buf_free(&record);
    return status == REFUSED ? inspection_add(look->inspection, "usage %.*s: its assignment is missing", (int)strnlen((const char *)key.data, key.size),
                                              (const char *)key.data) : status;
}

int inspect_tables(struct look *look)
{
    static int (*const parts[])(struct look *) = {inspect_audit, inspect_outbox};
    static const struct {
        enum table table;
        int (*each)(struct look *look, struct bytes key, struct bytes value);
    } tables[] = {{TABLE_CRLS, look_crl}, {TABLE_TEMPLATES, look_template}, {TABLE_ASSIGNED, look_assigned}};
    int status = OK;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !status; i++)
        status = parts[i](look);
    for (size_t i = 0; i < sizeof tables / sizeof *tables && !status; i++)
        status = look_each(look, tables[i].table, tables[i].each);
    return status;
}
