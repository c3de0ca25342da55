/* Adopted templates, trust stores and assignments: small sets that are read as a whole. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ca/store/internal.h"

/* ---- templates ---- */

void adopted_template_free(struct adopted_template *template)
{
    free(template->name);
    free(template->by);
    free(template->entry_id);
    free(template->stop_reason);
    buf_free(&template->canonical);
    memset(template, 0, sizeof *template);
}

static struct bytes template_key(struct buf *key, const char *name)
{
    for (const char *c = name; *c; c++)
        buf_add_byte(key, (uint8_t)tolower((unsigned char)*c));
    return buf_bytes(key);
}

int templates_put(struct store_txn *txn, const struct adopted_template *template)
{
    Chancery__Template record = CHANCERY__TEMPLATE__INIT;
    struct buf key = BUF_EMPTY, octets = BUF_EMPTY;
    record.name = data_of_text(template->name);
    record.canonical = data_of(template->canonical.data, template->canonical.size);
    record.digest = data_of(template->digest, 32);
    record.at = template->at;
    record.by = data_of_text(template->by);
    record.has_entry_id = template->entry_id != NULL;
    if (template->entry_id)
        record.entry_id = data_of_text(template->entry_id);
    record.has_stopped_at = template->stopped_at != 0;
    record.stopped_at = template->stopped_at;
    record.has_stop_reason = template->stop_reason != NULL;
    if (template->stop_reason)
        record.stop_reason = data_of_text(template->stop_reason);
    message_pack(&record.base, &octets);
    if (octets.failed)
        txn_fail(txn, INTERNAL);
    txn_put(txn, TABLE_TEMPLATES, template_key(&key, template->name), buf_bytes(&octets));
    txn->templates_changed = true;
    buf_free(&key);
    buf_free(&octets);
    return txn->status;
}

int templates_delete(struct store_txn *txn, const char *name)
{
    struct buf key = BUF_EMPTY;
    int status = txn_delete(txn, TABLE_TEMPLATES, template_key(&key, name));
    txn->templates_changed = true;
    buf_free(&key);
    return status;
}

static int template_decode(struct bytes bytes, struct adopted_template *out)
{
    memset(out, 0, sizeof *out);
    Chancery__Template *record = chancery__template__unpack(NULL, bytes.size, bytes.data);
    if (!record || record->digest.len != 32) {
        if (record)
            chancery__template__free_unpacked(record, NULL);
        return INTERNAL;
    }
    out->name = text_of(&record->name);
    out->by = text_of(&record->by);
    out->at = record->at;
    memcpy(out->digest, record->digest.data, 32);
    buf_add(&out->canonical, record->canonical.data, record->canonical.len);
    out->entry_id = record->has_entry_id ? text_of(&record->entry_id) : NULL;
    out->stopped_at = record->has_stopped_at ? record->stopped_at : 0;
    out->stop_reason = record->has_stop_reason ? text_of(&record->stop_reason) : NULL;
    int status = out->name && out->by && !out->canonical.failed && (out->entry_id || !record->has_entry_id) &&
                         (out->stop_reason || !record->has_stop_reason)
                     ? OK
                     : INTERNAL;
    chancery__template__free_unpacked(record, NULL);
    if (status)
        adopted_template_free(out);
    return status;
}

int templates_get(struct store *store, const char *name, struct adopted_template *out, struct error *error)
{
    struct buf key = BUF_EMPTY, octets = BUF_EMPTY;
    int status = table_get(store, TABLE_TEMPLATES, template_key(&key, name), &octets, error);
    memset(out, 0, sizeof *out);
    if (!status && template_decode(buf_bytes(&octets), out))
        status = error_set(error, INTERNAL, "store.record", "template %s is damaged in the database", name);
    buf_free(&key);
    buf_free(&octets);
    return status;
}

int templates_get_txn(struct store_txn *txn, const char *name, struct adopted_template *out)
{
    struct buf key = BUF_EMPTY, octets = BUF_EMPTY;
    int status = txn_get(txn, TABLE_TEMPLATES, template_key(&key, name), &octets);
    memset(out, 0, sizeof *out);
    if (!status && template_decode(buf_bytes(&octets), out)) {
        txn_fail(txn, INTERNAL);
        status = INTERNAL;
    }
    buf_free(&key);
    buf_free(&octets);
    return status;
}

struct each_template {
    int (*each)(const struct adopted_template *, void *);
    void *argument;
};

static int template_one(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    struct each_template *each = argument;
    struct adopted_template template;
    (void)key;
    (void)primary;
    if (template_decode(value, &template))
        return INTERNAL;
    int status = each->each(&template, each->argument);
    adopted_template_free(&template);
    return status;
}

int templates_each(struct store *store, int (*each)(const struct adopted_template *, void *), void *argument, struct error *error)
{
    struct each_template e = {each, argument};
    struct scan scan = {.table = TABLE_TEMPLATES, .with_data = true, .each = template_one, .argument = &e};
    return table_scan(store, &scan, error);
}

uint64_t templates_generation(struct store *store)
{
    return atomic_load(&store->template_generation);
}

/* ---- trust stores ---- */

void trust_anchor_free(struct trust_anchor *anchor)
{
    free(anchor->der);
    free(anchor->subject);
    free(anchor->added_by);
    memset(anchor, 0, sizeof *anchor);
}

int trust_put(struct store_txn *txn, const struct trust_anchor *anchor)
{
    Chancery__Trust record = CHANCERY__TRUST__INIT;
    struct buf octets = BUF_EMPTY;
    record.kind = anchor->kind;
    record.der = data_of(anchor->der, anchor->der_size);
    record.subject = data_of_text(anchor->subject);
    record.not_after = anchor->not_after;
    record.added_at = anchor->added_at;
    record.added_by = data_of_text(anchor->added_by);
    message_pack(&record.base, &octets);
    if (octets.failed)
        txn_fail(txn, INTERNAL);
    txn_put(txn, TABLE_TRUST, bytes_of(anchor->sha256, 32), buf_bytes(&octets));
    buf_free(&octets);
    return txn->status;
}

int trust_delete(struct store_txn *txn, const uint8_t sha256[32])
{
    return txn_delete(txn, TABLE_TRUST, bytes_of(sha256, 32));
}

struct each_trust {
    int (*each)(const struct trust_anchor *, void *);
    void *argument;
};

static int trust_one(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    struct each_trust *each = argument;
    struct trust_anchor anchor = {0};
    (void)primary;
    Chancery__Trust *record = chancery__trust__unpack(NULL, value.size, value.data);
    int status = record && key.size == 32 ? OK : INTERNAL;
    if (!status) {
        anchor = (struct trust_anchor){.kind = (enum trust_kind)record->kind, .der = malloc(record->der.len + 1),
                                       .der_size = record->der.len, .subject = text_of(&record->subject),
                                       .not_after = record->not_after, .added_at = record->added_at,
                                       .added_by = text_of(&record->added_by)};
        memcpy(anchor.sha256, key.data, 32);
        if (!anchor.der || !anchor.subject || !anchor.added_by)
            status = INTERNAL;
        else if (record->der.len)
            memcpy(anchor.der, record->der.data, record->der.len);
    }
    if (!status)
        status = each->each(&anchor, each->argument);
    trust_anchor_free(&anchor);
    if (record)
        chancery__trust__free_unpacked(record, NULL);
    return status;
}

int trust_each(struct store *store, int (*each)(const struct trust_anchor *, void *), void *argument, struct error *error)
{
    struct each_trust e = {each, argument};
    struct scan scan = {.table = TABLE_TRUST, .with_data = true, .each = trust_one, .argument = &e};
    return table_scan(store, &scan, error);
}

/* ---- assignments ---- */

void assignment_free(struct assignment *assignment)
{
    free(assignment->usage);
    free(assignment->host);
    free(assignment->by);
    memset(assignment, 0, sizeof *assignment);
}

int assignments_put(struct store_txn *txn, struct assignment *assignment)
{
    Chancery__Assignment record = CHANCERY__ASSIGNMENT__INIT;
    struct buf octets = BUF_EMPTY, place = BUF_EMPTY;
    assignment->number = counter_next(txn, "assignment");
    record.usage = data_of_text(assignment->usage);
    record.host = data_of_text(assignment->host);
    record.request_id = assignment->request_id;
    record.sha256 = data_of(assignment->sha256, 32);
    record.at = assignment->at;
    record.effective_at = assignment->effective_at;
    record.by = data_of_text(assignment->by);
    message_pack(&record.base, &octets);
    buf_add_text(&place, assignment->usage);
    buf_add_byte(&place, 0);
    buf_add_text(&place, assignment->host);
    if (octets.failed || place.failed)
        txn_fail(txn, INTERNAL);
    txn_put(txn, TABLE_ASSIGNMENTS, ID_BYTES(assignment->number), buf_bytes(&octets));
    txn_put(txn, TABLE_ASSIGNED, buf_bytes(&place), ID_BYTES(assignment->number));
    buf_free(&octets);
    buf_free(&place);
    return txn->status;
}

struct each_assignment {
    struct store *store;
    int (*each)(const struct assignment *, void *);
    void *argument;
};

static int assignment_give(struct each_assignment *each, uint64_t number, struct bytes value, bool history)
{
    Chancery__Assignment *record = chancery__assignment__unpack(NULL, value.size, value.data);
    struct assignment row = {0};
    int status = record && record->sha256.len == 32 ? OK : INTERNAL;
    if (!status) {
        row = (struct assignment){.number = number, .usage = text_of(&record->usage), .host = text_of(&record->host),
                                  .request_id = record->request_id, .at = record->at, .effective_at = record->effective_at,
                                  .by = text_of(&record->by)};
        memcpy(row.sha256, record->sha256.data, 32);
        status = row.usage && row.host && row.by ? OK : INTERNAL;
    }
    if (!status && (history || row.request_id))
        status = each->each(&row, each->argument);
    assignment_free(&row);
    if (record)
        chancery__assignment__free_unpacked(record, NULL);
    return status;
}

static int history_one(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    (void)primary;
    return assignment_give(argument, get_u64(key.data), value, true);
}

static int current_one(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    struct each_assignment *each = argument;
    struct buf record = BUF_EMPTY;
    struct error none = ERROR_NONE;
    (void)key;
    (void)primary;
    int status = value.size == 8 ? table_get(each->store, TABLE_ASSIGNMENTS, value, &record, &none) : INTERNAL;
    if (!status)
        status = assignment_give(each, get_u64(value.data), buf_bytes(&record), false);
    buf_free(&record);
    return status;
}

int assignments_each(struct store *store, bool history, int (*each)(const struct assignment *, void *), void *argument,
                     struct error *error)
{
    struct each_assignment e = {store, each, argument};
    struct scan scan = {.table = history ? TABLE_ASSIGNMENTS : TABLE_ASSIGNED, .with_data = true,
                        .each = history ? history_one : current_one, .argument = &e};
    return table_scan(store, &scan, error);
}
