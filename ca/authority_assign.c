/* Assignment: what a certificate could be assigned to and why not, the assignment itself, and its history. The checks are pure and
 * live in assign/; here they get the site's trust stores, the configuration's usages and the certificate. */
#include <stdlib.h>
#include <string.h>

#include "ca/assign/check.h"
#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"

/* ---- the certificates that a chain can be built from ---- */

#define KNOWN_MAX 12
struct known { /* not in a trust store: the CA's own certificate and what its parent's answer brought */
    struct buf der[KNOWN_MAX];
    size_t count;
};

static void known_free(struct known *known)
{
    for (size_t i = 0; i < known->count; i++)
        buf_free(&known->der[i]);
}

static int known_collect(struct authority *authority, unsigned key_index, struct known *known, struct error *error)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct buf pem = BUF_EMPTY;
    int status = authority_chain(authority, (int)key_index, &pem, error);
    struct bytes rest = buf_bytes(&pem);
    while (!status && known->count < KNOWN_MAX && rest.size && memmem(rest.data, rest.size, "-----BEGIN", 10)) {
        struct bytes next = {0};
        status = pem_or_der(rest, labels, &known->der[known->count], &next, error);
        known->count++;
        rest = next;
    }
    buf_free(&pem);
    return status;
}

struct work {
    struct authority *authority;
    uint64_t id;
    struct certificate certificate;
    struct request request;
    struct certificate_facts facts;
    struct trust_anchor *trust;
    size_t trust_count;
    struct known known;
    struct chain_anchor *anchors; /* the trust stores' first, then what is known beside them */
    size_t anchor_count;
    struct chain chain;           /* by the trust stores alone: this one decides */
    struct chain whole;           /* with what is known beside: this one is shown */
    struct usages usages;
    char *host;
    int64_t now;
};

static void work_free(struct work *work)
{
    certificate_record_free(&work->certificate);
    request_free(&work->request);
    certificate_facts_free(&work->facts);
    trust_rows_free(work->trust, work->trust_count);
    known_free(&work->known);
    free(work->anchors);
    chain_free(&work->chain);
    chain_free(&work->whole);
    usages_free(&work->usages);
    free(work->host);
}

static bool trusted_already(const struct work *work, struct bytes der)
{
    for (size_t i = 0; i < work->trust_count; i++)
        if (bytes_equal(bytes_of(work->trust[i].der, work->trust[i].der_size), der))
            return true;
    return false;
}

static int work_anchors(struct work *work, struct error *error)
{
    struct certificate_facts facts;
    int status = authority_trust_list(work->authority, &work->trust, &work->trust_count, error);
    if (!status)
        status = known_collect(work->authority, work->certificate.key_index, &work->known, error);
    work->anchors = calloc(work->trust_count + work->known.count + 1, sizeof *work->anchors);
    if (!status && !work->anchors)
        status = error_memory(error);
    for (size_t i = 0; i < work->trust_count && !status; i++)
        work->anchors[i] = (struct chain_anchor){bytes_of(work->trust[i].der, work->trust[i].der_size), work->trust[i].kind == TRUST_ROOT};
    work->anchor_count = work->trust_count;
    for (size_t i = 0; i < work->known.count && !status; i++) {
        struct bytes der = buf_bytes(&work->known.der[i]);
        if (trusted_already(work, der))
            continue;
        status = certificate_read(der, &facts, error);
        if (!status) {
            work->anchors[work->anchor_count++] = (struct chain_anchor){der, facts.self_signed};
            certificate_facts_free(&facts);
        }
    }
    return status;
}

static char *host_of(const struct work *work)
{
    for (size_t i = 0; i < work->facts.name_count; i++)
        if (work->facts.names[i].kind == NAME_DNS)
            return strdup(work->facts.names[i].value);
    return strdup(work->request.requester);
}

static int work_open(struct authority *authority, const struct identity *caller, uint64_t id, const char *host, struct work *work,
                     struct error *error)
{
    memset(work, 0, sizeof *work);
    work->authority = authority;
    work->id = id;
    work->now = clock_now();
    int status = requests_get(authority->store, id, &work->request, error);
    if (!status)
        status = authority_may_read(caller, &work->request, error);
    if (!status)
        status = certificates_get(authority->store, id, &work->certificate, error);
    struct bytes der = bytes_of(work->certificate.der, work->certificate.der_size);
    if (!status)
        status = certificate_read(der, &work->facts, error);
    if (!status)
        status = work_anchors(work, error);
    if (!status)
        status = chain_build(der, work->anchors, work->trust_count, &work->chain, error);
    if (!status)
        status = chain_build(der, work->anchors, work->anchor_count, &work->whole, error);
    if (!status)
        status = usages_load(authority->conf, &work->usages, error);
    if (!status && !(work->host = host && *host ? strdup(host) : host_of(work)))
        status = error_memory(error);
    return status;
}

static struct assign_subject work_subject(const struct work *work)
{
    return (struct assign_subject){.facts = &work->facts, .chain = &work->chain, .revocation_reason = work->certificate.revocation_reason,
                                   .revoked_at = work->certificate.revoked_at, .now = work->now};
}

/* ---- what the wizard shows ---- */

static int link_fill(const struct work *work, const struct chain_link *from, struct assign_link *to)
{
    bool trusted = from->found && from->anchor < work->trust_count;
    to->subject = strdup(from->subject ? from->subject : "");
    to->store = from->wanted == STORE_ROOT ? TRUST_ROOT : TRUST_INTERMEDIATE;
    to->state = !trusted ? 1 : from->state == LINK_WRONG_STORE ? 2 : from->state == LINK_MISSING ? 1 : 0;
    if (from->found) {
        struct bytes der = work->anchors[from->anchor].der;
        memcpy(to->sha256, from->sha256, 32);
        memcpy(to->sha1, from->sha1, 20);
        buf_add(&to->der, der.data, der.size);
    }
    return to->subject && !to->der.failed ? OK : INTERNAL;
}

static int links_fill(const struct work *work, struct assignability *out)
{
    out->links = calloc(work->whole.count + 1, sizeof *out->links);
    if (!out->links)
        return INTERNAL;
    for (size_t i = 0; i < work->whole.count; i++) {
        out->link_count++;
        if (link_fill(work, &work->whole.links[i], &out->links[i]))
            return INTERNAL;
    }
    return OK;
}

static int findings_copy(const struct finding *from, size_t count, struct assign_finding **to, size_t *to_count)
{
    *to = calloc(count + 1, sizeof **to);
    if (!*to)
        return INTERNAL;
    for (size_t i = 0; i < count; i++) {
        (*to)[i].fatal = from[i].fatal;
        memcpy((*to)[i].reason, from[i].reason, sizeof from[i].reason);
        memcpy((*to)[i].message, from[i].message, sizeof from[i].message);
    }
    *to_count = count;
    return OK;
}

static int current_take(const struct assignment *row, void *argument)
{
    struct assignability *out = argument;
    for (size_t i = 0; i < out->usage_count; i++)
        if (strcasecmp(out->usages[i].name, row->usage) == 0 && strcasecmp(out->host, row->host) == 0) {
            out->usages[i].assigned = true;
            memcpy(out->usages[i].current_sha256, row->sha256, 32);
            out->usages[i].current_since = row->effective_at;
        }
    return OK;
}

static int usages_fill(const struct work *work, struct assignability *out, struct error *error)
{
    struct finding findings[ASSIGN_FINDINGS_MAX];
    struct assign_subject subject = work_subject(work);
    int status = OK;
    out->usages = calloc(work->usages.count + 1, sizeof *out->usages);
    if (!out->usages)
        return error_memory(error);
    for (size_t i = 0; i < work->usages.count && !status; i++) {
        const struct usage *usage = &work->usages.items[i];
        struct assign_usage *to = &out->usages[out->usage_count++];
        size_t count = assign_check_usage(&subject, usage, out->host, findings);
        to->name = strdup(usage->name);
        to->title = strdup(usage->title ? usage->title : "");
        to->asked = strings_contain_nocase(&work->request.usages, usage->name);
        to->fits = !findings_fatal(findings, count);
        status = !to->name || !to->title || findings_copy(findings, count, &to->findings, &to->finding_count) ? error_memory(error) : OK;
    }
    return status ? status : assignments_each(work->authority->store, false, current_take, out, error);
}

int authority_assignability(struct authority *authority, const struct identity *caller, uint64_t id, const char *host,
                            struct assignability *out, struct error *error)
{
    struct work work;
    struct finding findings[ASSIGN_FINDINGS_MAX];
    memset(out, 0, sizeof *out);
    int status = work_open(authority, caller, id, host, &work, error);
    if (!status) {
        struct assign_subject subject = work_subject(&work);
        size_t count = assign_check_certificate(&subject, findings);
        out->complete = work.chain.complete && !findings_fatal(findings, count);
        out->host = strdup(work.host);
        if (!out->host || links_fill(&work, out) || findings_copy(findings, count, &out->findings, &out->finding_count))
            status = error_memory(error);
        if (!status)
            status = usages_fill(&work, out, error);
    }
    work_free(&work);
    if (status)
        assignability_free(out);
    return status;
}

void assignability_free(struct assignability *out)
{
    free(out->host);
    for (size_t i = 0; i < out->link_count; i++) {
        free(out->links[i].subject);
        buf_free(&out->links[i].der);
    }
    free(out->links);
    free(out->findings);
    for (size_t i = 0; i < out->usage_count; i++) {
        free(out->usages[i].name);
        free(out->usages[i].title);
        free(out->usages[i].findings);
    }
    free(out->usages);
    memset(out, 0, sizeof *out);
}

/* ---- assigning ---- */

struct assign {
    struct authority *authority;
    const struct identity *caller;
    const struct strings *usages;
    const char *host;
    uint64_t id;
    uint8_t sha256[32];
    int64_t now, effective_at;
};

static int assign_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct assign *a = argument;
    (void)error;
    for (size_t i = 0; i < a->usages->count; i++) {
        struct assignment row = {.usage = a->usages->items[i], .host = (char *)a->host, .request_id = a->id, .at = a->now,
                                 .effective_at = a->effective_at, .by = a->caller->account}; /* borrowed */
        struct event event = {.kind = EVENT_ASSIGNED, .at = a->now, .request_id = a->id, .usage = a->usages->items[i],
                              .host = (char *)a->host, .reason = -1, .crl_fd = -1};
        struct buf object = BUF_EMPTY, detail = BUF_EMPTY;
        memcpy(row.sha256, a->sha256, 32);
        assignments_put(txn, &row);
        authority_emit(a->authority, txn, &event);
        buf_printf(&object, "%s on %s", row.usage, a->host);
        if (a->id)
            buf_printf(&detail, "request %llu", (unsigned long long)a->id);
        authority_audit(a->authority, txn, a->caller, a->id ? "usage.assign" : "usage.unassign", buf_text(&object), "done", "",
                        buf_text(&detail));
        buf_free(&object);
        buf_free(&detail);
    }
    return store_txn_failed(txn);
}

static int assign_check(const struct work *work, const struct strings *names, struct error *error)
{
    struct finding findings[ASSIGN_FINDINGS_MAX];
    struct assign_subject subject = work_subject(work);
    size_t count = assign_check_certificate(&subject, findings);
    for (size_t i = 0; i < count; i++)
        if (findings[i].fatal)
            return error_set(error, REFUSED, findings[i].reason, "%s", findings[i].message);
    for (size_t n = 0; n < names->count; n++) {
        const struct usage *usage = usages_find(&work->usages, names->items[n]);
        if (!usage)
            return error_set(error, REFUSED, "assign.usage_unknown", "there is no usage %s (`chancery usage list`)", names->items[n]);
        count = assign_check_usage(&subject, usage, work->host, findings);
        for (size_t i = 0; i < count; i++)
            if (findings[i].fatal)
                return error_set(error, REFUSED, findings[i].reason, "%s: %s", usage->name, findings[i].message);
    }
    return OK;
}

int authority_assign(struct authority *authority, const struct identity *caller, uint64_t id, const struct strings *usages,
                     const char *host, int64_t effective_at, struct error *error)
{
    struct work work;
    int status = work_open(authority, caller, id, host, &work, error);
    if (!status)
        status = limits_permit(authority, caller, &work.request, error);
    if (!status && !usages->count)
        status = error_set(error, USAGE, "assign.usage", "say which usages (`chancery usage list`)");
    if (!status && strlen(work.host) > 255)
        status = error_set(error, BAD_DATA, "assign.host", "the host's name is longer than 255 octets");
    if (!status)
        status = assign_check(&work, usages, error);
    if (!status) {
        struct assign assign = {.authority = authority, .caller = caller, .usages = usages, .host = work.host, .id = id,
                                .now = work.now, .effective_at = effective_at ? effective_at : work.now};
        memcpy(assign.sha256, work.certificate.sha256, 32);
        status = store_write(authority->store, assign_store, &assign, error);
    }
    if (status)
        authority_audit_refusal(authority, caller, "usage.assign", authority_object(id).text, error);
    work_free(&work);
    return status;
}

/* ---- lists ---- */

void assignment_rows_free(struct assignment *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assignment_free(&rows[i]);
    free(rows);
}

struct assignment_list {
    struct assignment *rows;
    size_t count;
};

static int list_take(const struct assignment *row, void *argument)
{
    struct assignment_list *list = argument;
    struct assignment *more = realloc(list->rows, (list->count + 1) * sizeof *more);
    if (!more)
        return INTERNAL;
    list->rows = more;
    more += list->count++;
    *more = *row;
    more->usage = strdup(row->usage);
    more->host = strdup(row->host);
    more->by = strdup(row->by);
    return more->usage && more->host && more->by ? OK : INTERNAL;
}

int authority_assignments(struct authority *authority, bool history, struct assignment **rows, size_t *count, struct error *error)
{
    struct assignment_list list = {0};
    int status = assignments_each(authority->store, history, list_take, &list, error);
    if (status) {
        assignment_rows_free(list.rows, list.count);
        list = (struct assignment_list){0};
    }
    *rows = list.rows;
    *count = list.count;
    return status;
}

int authority_unassign(struct authority *authority, const struct identity *caller, const char *usage, const char *host,
                       struct error *error)
{
    struct assignment *rows = NULL;
    size_t count = 0, there = 0;
    struct strings usages = {0};
    int status = authority_assignments(authority, false, &rows, &count, error);
    const char *only = host;
    for (size_t i = 0; i < count && !status; i++)
        if (strcasecmp(rows[i].usage, usage) == 0 && (!host || strcasecmp(rows[i].host, host) == 0)) {
            there++;
            only = rows[i].host;
            if (!usages.count)
                status = strings_add(&usages, rows[i].usage) ? error_memory(error) : OK;
        }
    if (!status && !there)
        status = error_set(error, REFUSED, "assign.none", "nothing is assigned to %s%s%s", usage, host ? " on " : "", host ? host : "");
    if (!status && there > 1)
        status = error_set(error, REFUSED, "assign.ambiguous", "%s is assigned on %zu hosts: say which with --host", usage, there);
    if (!status) {
        struct assign assign = {.authority = authority, .caller = caller, .usages = &usages, .host = only, .now = clock_now()};
        assign.effective_at = assign.now;
        status = store_write(authority->store, assign_store, &assign, error);
    }
    if (status)
        authority_audit_refusal(authority, caller, "usage.unassign", usage, error);
    strings_free(&usages);
    assignment_rows_free(rows, count);
    return status;
}

void usage_rows_free(struct usage_row *rows, size_t count)
{
    for (size_t i = 0; rows && i < count; i++) {
        free(rows[i].name);
        free(rows[i].title);
        strings_free(&rows[i].ekus);
        strings_free(&rows[i].names);
    }
    free(rows);
}

int authority_usages(struct authority *authority, struct usage_row **rows, size_t *count, struct error *error)
{
    struct usages usages = {0};
    int status = usages_load(authority->conf, &usages, error);
    *count = 0;
    *rows = status ? NULL : calloc(usages.count + 1, sizeof **rows);
    if (!status && !*rows)
        status = error_memory(error);
    for (size_t i = 0; i < usages.count && !status; i++) {
        struct usage_row *row = &(*rows)[(*count)++];
        row->name = strdup(usages.items[i].name);
        row->title = strdup(usages.items[i].title ? usages.items[i].title : "");
        if (!row->name || !row->title || strings_copy(&row->ekus, &usages.items[i].ekus) ||
            strings_copy(&row->names, &usages.items[i].names))
            status = error_memory(error);
    }
    if (status) {
        usage_rows_free(*rows, *count);
        *rows = NULL;
        *count = 0;
    }
    usages_free(&usages);
    return status;
}
