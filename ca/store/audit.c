/* Audit records, chained: each holds the SHA-256 over its predecessor's stored octets, the head stands in the settings. */
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/clock.h"
#include "ca/store/internal.h"

/* The head: number of the last record and the hash of its octets. */
static void head_get(struct store_txn *txn, uint64_t *number, uint8_t hash[32])
{
    struct buf head = BUF_EMPTY;
    *number = 0;
    memset(hash, 0, 32);
    if (setting_get_txn(txn, "audit.head", &head) == OK) {
        if (head.size == 40) {
            *number = get_u64(head.data);
            memcpy(hash, head.data + 8, 32);
        } else {
            txn_fail(txn, INTERNAL);
        }
    }
    buf_free(&head);
}

static void head_put(struct store_txn *txn, uint64_t number, struct bytes record)
{
    uint8_t head[40];
    put_u64(head, number);
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, record.data, record.size, head + 8))
        txn_fail(txn, INTERNAL);
    setting_put(txn, "audit.head", bytes_of(head, 40));
}

int audit_skip(struct store_txn *txn, uint64_t number)
{
    uint8_t head[40];
    uint64_t last;
    head_get(txn, &last, head + 8);
    if (txn->status || number <= last)
        return txn->status;
    put_u64(head, number);
    return setting_put(txn, "audit.head", bytes_of(head, sizeof head));
}

static const char *shown(const char *text)
{
    return text && *text ? text : "-";
}

static void audit_line(struct store_txn *txn, const struct audit_record *record, uint64_t number)
{
    struct buf line = BUF_EMPTY;
    buf_printf(&line, "%llu actor=\"%s\" role=%s action=%s object=\"%s\" outcome=%s reason=%s %s", (unsigned long long)number,
               shown(record->actor), shown(record->role), shown(record->action), shown(record->object), shown(record->outcome),
               shown(record->reason), record->detail ? record->detail : "");
    if (line.failed || strings_add(&txn->audit_lines, buf_text(&line)))
        txn_fail(txn, INTERNAL);
    buf_free(&line);
}

uint64_t audit_add(struct store_txn *txn, const struct audit_record *record)
{
    Chancery__Audit audit = CHANCERY__AUDIT__INIT;
    struct buf octets = BUF_EMPTY;
    uint8_t previous[32];
    uint64_t number;
    if (txn->status)
        return 0;
    head_get(txn, &number, previous);
    audit.previous = data_of(previous, 32);
    audit.at = record->at;
    audit.actor = data_of_text(record->actor);
    audit.role = data_of_text(record->role);
    audit.action = data_of_text(record->action);
    audit.object = data_of_text(record->object);
    audit.outcome = data_of_text(record->outcome);
    audit.reason = data_of_text(record->reason);
    audit.detail = data_of_text(record->detail);
    message_pack(&audit.base, &octets);
    if (octets.failed)
        txn_fail(txn, INTERNAL);
    number++;
    txn_put(txn, TABLE_AUDIT, ID_BYTES(number), buf_bytes(&octets));
    head_put(txn, number, buf_bytes(&octets));
    audit_line(txn, record, number);
    buf_free(&octets);
    return txn->status ? 0 : number;
}

int audit_head(struct store *store, uint64_t *number, uint8_t hash[32], struct error *error)
{
    struct buf head = BUF_EMPTY;
    struct error why = ERROR_NONE;
    int status = setting_get(store, "audit.head", &head, &why);
    *number = 0;
    memset(hash, 0, 32);
    if (status == REFUSED) /* nothing was audited yet: the chain starts from zeros */
        status = OK;
    else if (status)
        error_set(error, status, why.reason, "%s", why.message);
    else if (head.size != 40)
        status = error_set(error, INTERNAL, "store.record", "the head of the audit chain is damaged");
    if (!status && head.size == 40) {
        *number = get_u64(head.data);
        memcpy(hash, head.data + 8, 32);
    }
    buf_free(&head);
    return status;
}

struct audit_page_state {
    struct audit_record *rows;
    size_t count, limit;
};

static int page_row(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    struct audit_page_state *page = argument;
    (void)primary;
    if (page->count == page->limit)
        return SCAN_END;
    Chancery__Audit *audit = chancery__audit__unpack(NULL, value.size, value.data);
    if (!audit)
        return INTERNAL;
    page->rows[page->count++] = (struct audit_record){
        .number = get_u64(key.data), .at = audit->at, .actor = text_of(&audit->actor), .role = text_of(&audit->role),
        .action = text_of(&audit->action), .object = text_of(&audit->object), .outcome = text_of(&audit->outcome),
        .reason = text_of(&audit->reason), .detail = text_of(&audit->detail)};
    chancery__audit__free_unpacked(audit, NULL);
    return OK;
}

void audit_rows_free(struct audit_record *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *const texts[] = {rows[i].actor, rows[i].role, rows[i].action, rows[i].object, rows[i].outcome, rows[i].reason, rows[i].detail};
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
            free((char *)(uintptr_t)texts[t]);
        memset(&rows[i], 0, sizeof rows[i]);
    }
}

int audit_page(struct store *store, uint64_t after, struct audit_record *rows, size_t limit, size_t *count, struct error *error)
{
    struct audit_page_state page = {.rows = rows, .limit = limit};
    struct id_key from = ID_KEY(after + 1);
    struct scan scan = {.table = TABLE_AUDIT, .from = bytes_of(from.octets, 8), .with_data = true, .each = page_row, .argument = &page};
    int status = table_scan(store, &scan, error);
    if (status) {
        audit_rows_free(rows, page.count);
        page.count = 0;
    }
    *count = page.count;
    return status;
}

struct octets_state {
    int (*each)(uint64_t number, struct bytes octets, void *argument);
    void *argument;
};

static int octets_row(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    struct octets_state *state = argument;
    (void)primary;
    return state->each(get_u64(key.data), value, state->argument);
}

int audit_octets(struct store *store, uint64_t after, int (*each)(uint64_t number, struct bytes octets, void *argument), void *argument,
                 struct error *error)
{
    struct octets_state state = {each, argument};
    struct id_key from = ID_KEY(after + 1);
    struct scan scan = {.table = TABLE_AUDIT, .from = bytes_of(from.octets, 8), .with_data = true, .each = octets_row, .argument = &state};
    return table_scan(store, &scan, error);
}
