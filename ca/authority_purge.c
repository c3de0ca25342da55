/* Retention: which requests and certificates may be removed, and their removal. What is removed was exported by the caller before;
 * serials stay taken for ever, and nothing goes that a CRL or a service still needs. */
#include <stdlib.h>
#include <string.h>

#include "ca/authority_bulk.h"
#include "ca/authority_internal.h"
#include "ca/base/clock.h"

#define WALK_MAX 5000 /* rows that a page looks at */

static const struct {
    const char *name;
    enum purge_kind kind;
    enum disposition disposition;
} kinds[] = {{"failed", PURGE_FAILED, DISPOSITION_FAILED}, {"denied", PURGE_DENIED, DISPOSITION_DENIED}, {"expired", PURGE_EXPIRED, 0}};
#define KIND_COUNT (sizeof kinds / sizeof *kinds)

int purge_kind_parse(const char *name, enum purge_kind *out)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (strcmp(kinds[i].name, name) == 0) {
            *out = kinds[i].kind;
            return OK;
        }
    return USAGE;
}

static const char *kind_name(enum purge_kind kind)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (kinds[i].kind == kind)
            return kinds[i].name;
    return "";
}

/* ---- may it go? ---- */

struct purge {
    struct authority *authority;
    enum purge_kind kind;
    int64_t before, now;
    uint64_t *assigned; /* RequestIDs of current assignments, rising */
    size_t assigned_count;
};

static int id_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int assigned_add(const struct assignment *row, void *argument)
{
    struct purge *purge = argument;
    uint64_t *more = row->request_id ? realloc(purge->assigned, (purge->assigned_count + 1) * sizeof *more) : NULL;
    if (!row->request_id)
        return OK;
    if (!more)
        return INTERNAL;
    purge->assigned = more;
    purge->assigned[purge->assigned_count++] = row->request_id;
    return OK;
}

static int purge_open(struct purge *purge, struct error *error)
{
    purge->now = clock_now();
    if (purge->before <= 0 || purge->before > purge->now)
        return error_set(error, USAGE, "purge.before", "only what is past can be purged: the time lies in the future");
    int status = purge->kind == PURGE_EXPIRED ? assignments_each(purge->authority->store, false, assigned_add, purge, error) : OK;
    if (purge->assigned_count)
        qsort(purge->assigned, purge->assigned_count, sizeof *purge->assigned, id_compare);
    return status;
}

/* Stood its revocation on a complete CRL that was made after it had expired? */
static int revocation_is_over(const struct purge *purge, const struct certificate *certificate, bool *over, struct error *error)
{
    struct revocation row = {0};
    struct crl_record crl = {0};
    struct error none = ERROR_NONE;
    int status = revoked_of(purge->authority->store, certificate->id, &row, &none);
    *over = status == REFUSED && certificate->revocation_reason < 0; /* it was never revoked, or it is released for long */
    if (!status)
        status = crls_latest(purge->authority->store, certificate->key_index, certificate->crl_partition, false, &crl, &none);
    if (!status)
        *over = row.sequence <= crl.sequence && row.revoked_at <= crl.this_update && certificate->not_after < crl.this_update;
    return status && status != REFUSED ? error_set(error, none.status, none.reason, "%s", none.message) : OK;
}

static int expired_may_go(const struct purge *purge, uint64_t id, bool *may, struct error *error)
{
    struct certificate certificate = {0};
    struct error none = ERROR_NONE;
    bool assigned = purge->assigned_count && bsearch(&id, purge->assigned, purge->assigned_count, sizeof id, id_compare);
    int status = assigned ? REFUSED : certificates_get(purge->authority->store, id, &certificate, &none);
    if (!status && certificate.not_after < purge->before)
        status = revocation_is_over(purge, &certificate, may, error);
    else if (status == REFUSED)
        status = OK;
    else if (status)
        error_set(error, none.status, none.reason, "%s", none.message);
    certificate_record_free(&certificate);
    return status;
}

/* *seen: the version that was judged. OK with *old false: it is not of this kind, or too young. */
static int may_go(const struct purge *purge, uint64_t id, bool *old, bool *may, struct seen *seen, struct error *error)
{
    struct request request = {0};
    struct error none = ERROR_NONE;
    *old = *may = false;
    int status = requests_get(purge->authority->store, id, &request, &none);
    if (status == REFUSED)
        return OK;
    if (status)
        return error_set(error, none.status, none.reason, "%s", none.message);
    *seen = (struct seen){.given = true, .disposition = request.disposition, .resolved_at = request.resolved_at};
    if (purge->kind == PURGE_EXPIRED) {
        *old = request.disposition == DISPOSITION_ISSUED || request.disposition == DISPOSITION_FOREIGN ||
               request.disposition == DISPOSITION_REVOKED;
        status = *old ? expired_may_go(purge, id, may, error) : OK;
    } else {
        *old = request.disposition == (purge->kind == PURGE_FAILED ? DISPOSITION_FAILED : DISPOSITION_DENIED) &&
               request.resolved_at < purge->before;
        *may = *old && !request.serial.size; /* a reserved serial may stand in a certificate that nobody saw */
    }
    request_free(&request);
    return status;
}

/* ---- the list ---- */

struct listing {
    struct purge purge;
    struct purge_page *page;
    size_t walked;
    struct error error;
};

static int list_one(uint64_t id, const struct removal_place *place, void *argument)
{
    struct listing *listing = argument;
    struct purge_page *page = listing->page;
    struct seen seen;
    bool old = false, may = false;
    if (page->count == PURGE_MAX || listing->walked++ == WALK_MAX) {
        page->more = true;
        return BATCH_STOP;
    }
    int status = may_go(&listing->purge, id, &old, &may, &seen, &listing->error);
    if (may)
        page->ids[page->count++] = id;
    page->kept += old && !may;
    page->next = *place;
    return status;
}

int authority_purge_list(struct authority *authority, enum purge_kind kind, int64_t before, const struct removal_place *from,
                         struct purge_page *out, struct error *error)
{
    struct listing listing = {.purge = {.authority = authority, .kind = kind, .before = before}, .page = out};
    memset(out, 0, sizeof *out);
    out->next = *from;
    int status = purge_open(&listing.purge, error);
    if (!status)
        status = removal_walk(authority->store, kind == PURGE_EXPIRED, kind == PURGE_FAILED ? DISPOSITION_FAILED : DISPOSITION_DENIED,
                              before, from, list_one, &listing, error);
    if (listing.error.status) {
        error_clear(error);
        status = error_set(error, listing.error.status, listing.error.reason, "%s", listing.error.message);
    }
    free(listing.purge.assigned);
    return status;
}

/* ---- the removal ---- */

struct removing {
    struct authority *authority;
    const struct identity *caller;
    enum purge_kind kind;
    int64_t before;
    const char *export;
    struct {
        uint64_t id;
        struct seen seen;
    } rows[PURGE_MAX];
    size_t count;
    uint64_t removed;
};

static void removal_audit(struct removing *r, struct store_txn *txn, const struct buf *ids)
{
    struct buf object = BUF_EMPTY, detail = BUF_EMPTY;
    char at[TIME_TEXT_SIZE];
    buf_printf(&object, "%s before %s", kind_name(r->kind), time_format(r->before, at));
    buf_printf(&detail, "%llu requests, export %s:%s", (unsigned long long)r->removed, r->export, buf_text(ids));
    authority_audit(r->authority, txn, r->caller, "request.purge", buf_text(&object), "removed", "", buf_text(&detail));
    buf_free(&object);
    buf_free(&detail);
}

static int removal_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct removing *r = argument;
    struct buf ids = BUF_EMPTY;
    (void)error;
    r->removed = 0;
    for (size_t i = 0; i < r->count && !store_txn_failed(txn); i++) {
        struct request request = {0};
        struct error none = ERROR_NONE;
        int status = requests_get_txn(txn, r->rows[i].id, &request);
        if (!status && seen_check(&r->rows[i].seen, &request, &none) == OK && requests_remove(txn, r->rows[i].id) == OK) {
            buf_printf(&ids, " %llu", (unsigned long long)r->rows[i].id);
            r->removed++;
        }
        request_free(&request);
    }
    if (r->removed)
        removal_audit(r, txn, &ids);
    buf_free(&ids);
    return store_txn_failed(txn);
}

static int removal_judge(struct removing *r, const uint64_t *ids, size_t count, struct error *error)
{
    struct purge purge = {.authority = r->authority, .kind = r->kind, .before = r->before};
    int status = purge_open(&purge, error);
    for (size_t i = 0; i < count && !status; i++) {
        bool old = false, may = false;
        r->rows[r->count].id = ids[i];
        status = may_go(&purge, ids[i], &old, &may, &r->rows[r->count].seen, error);
        r->count += may;
    }
    free(purge.assigned);
    return status;
}

/* The digest of the export, as the audit keeps it: 64 hexadecimal digits. */
static bool is_digest(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

int authority_purge(struct authority *authority, const struct identity *caller, enum purge_kind kind, int64_t before,
                    const uint64_t *ids, size_t count, const char *export, uint64_t *removed, struct error *error)
{
    struct removing *r = calloc(1, sizeof *r);
    *removed = 0;
    if (!r)
        return error_memory(error);
    *r = (struct removing){.authority = authority, .caller = caller, .kind = kind, .before = before, .export = export};
    int status = count > PURGE_MAX ? error_set(error, USAGE, "purge.size", "at most %d requests are removed in a call", PURGE_MAX) : OK;
    if (!status && !is_digest(export))
        status = error_set(error, USAGE, "purge.export", "what is removed is exported before: the SHA-256 of the export is missing");
    if (!status)
        status = removal_judge(r, ids, count, error);
    if (!status && r->count)
        status = store_write(authority->store, removal_store, r, error);
    if (status)
        authority_audit_refusal(authority, caller, "request.purge", kind_name(kind), error);
    else
        *removed = r->removed;
    free(r);
    return status;
}
