/* Reading: one request with everything, pages of rows, a certificate, a verdict on validity. Changes nothing. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/log.h"
#include "ca/x509/extension.h"

#define PUBLICATION_ROWS 16

static void history_line(struct strings *history, int64_t at, const char *what, const char *who)
{
    char time[TIME_TEXT_SIZE];
    struct buf line = BUF_EMPTY;
    buf_printf(&line, "%s %s%s%s", time_format(at, time), what, who ? " by " : "", who ? who : "");
    if (!line.failed)
        strings_add(history, buf_text(&line));
    buf_free(&line);
}

static void detail_history(struct detail *detail)
{
    const struct request *request = &detail->request;
    struct buf what = BUF_EMPTY;
    history_line(&detail->history, request->submitted_at, "submitted", request->requester);
    /* an edit voids what was approved before it: every approval that still stands is younger */
    for (size_t i = 0; i < request->edit_count; i++)
        history_line(&detail->history, request->edits[i].at, request->edits[i].what, request->edits[i].account);
    for (size_t i = 0; i < request->approval_count; i++)
        history_line(&detail->history, request->approvals[i].at, "approved", request->approvals[i].account);
    if (detail->has_certificate && detail->certificate.revocation_reason >= 0) {
        buf_printf(&what, "%srevoked (%s)", detail->certificate.revoked_at > clock_now() ? "to be " : "",
                   revocation_reason_name(detail->certificate.revocation_reason));
        history_line(&detail->history, detail->certificate.revoked_at, buf_text(&what), NULL);
    } else if (request->disposition != DISPOSITION_PENDING || !request->edit_count) { /* an edit is the last line of its own */
        history_line(&detail->history, request->resolved_at, disposition_name(request->disposition), request->decided_by);
    }
    if (request->retrieved_at)
        history_line(&detail->history, request->retrieved_at, "retrieved", request->requester);
    buf_free(&what);
}

static int publication_line(struct detail *detail, const struct outbox_row *row)
{
    struct buf line = BUF_EMPTY;
    char at[TIME_TEXT_SIZE];
    buf_printf(&line, "%s: %s %s since %s, %u attempts%s%s", row->module, event_kind_name(row->event.kind),
               row->parked ? "parked" : "waiting", time_format(row->added_at, at), row->attempts, *row->last_error ? ": " : "",
               row->last_error);
    int status = line.failed ? INTERNAL : strings_add(&detail->publication, buf_text(&line));
    buf_free(&line);
    return status;
}

static int publication_done(struct detail *detail, const char *module)
{
    struct buf line = BUF_EMPTY;
    buf_printf(&line, "%s: done", module);
    int status = line.failed ? INTERNAL : strings_add(&detail->publication, buf_text(&line));
    buf_free(&line);
    return status;
}

static int detail_publication(struct authority *authority, struct detail *detail, struct error *error)
{
    struct outbox_row rows[PUBLICATION_ROWS];
    size_t count = 0;
    int status = outbox_of_request(authority->store, detail->request.id, rows, PUBLICATION_ROWS, &count, error);
    for (size_t i = 0; i < count && !status; i++)
        status = publication_line(detail, &rows[i]) ? error_memory(error) : OK;
    for (size_t m = 0; m < authority->options.exit_count && !status; m++) {
        const struct exit_interest *exit = &authority->options.exits[m];
        bool waits = false;
        for (size_t i = 0; i < count; i++)
            waits |= strcmp(rows[i].module, exit->name) == 0;
        if (!waits && detail->has_certificate && (exit->event_mask & EVENT_ISSUED) && detail->certificate.publish_dn)
            status = publication_done(detail, exit->name) ? error_memory(error) : OK;
    }
    for (size_t i = 0; i < count; i++)
        outbox_row_free(&rows[i]);
    return status;
}

struct assignment_scan {
    struct detail *detail;
    int status;
};

static int assignment_copy(const struct assignment *from, struct assignment *to)
{
    *to = *from;
    to->usage = strdup(from->usage);
    to->host = strdup(from->host);
    to->by = strdup(from->by ? from->by : "");
    return to->usage && to->host && to->by ? OK : INTERNAL;
}

static int assignment_collect(const struct assignment *row, void *argument)
{
    struct assignment_scan *scan = argument;
    struct detail *detail = scan->detail;
    if (row->request_id != detail->request.id)
        return OK;
    struct assignment *more = realloc(detail->assignments, (detail->assignment_count + 1) * sizeof *more);
    if (!more)
        return scan->status = INTERNAL;
    detail->assignments = more;
    scan->status = assignment_copy(row, &more[detail->assignment_count]);
    detail->assignment_count++;
    return scan->status;
}

static int detail_text(struct detail *detail, struct error *error)
{
    struct bytes der = detail->has_certificate ? bytes_of(detail->certificate.der, detail->certificate.der_size)
                                               : bytes_of(detail->request.pkcs10, detail->request.pkcs10_size);
    return certificate_print(der, &detail->text, error);
}

void detail_free(struct detail *detail)
{
    request_free(&detail->request);
    certificate_record_free(&detail->certificate);
    extensions_free(detail->extensions, detail->extension_count);
    strings_free(&detail->history);
    strings_free(&detail->publication);
    assignment_rows_free(detail->assignments, detail->assignment_count);
    buf_free(&detail->text);
    memset(detail, 0, sizeof *detail);
}

static bool has_certificate(const struct request *request)
{
    return request->disposition == DISPOSITION_ISSUED || request->disposition == DISPOSITION_FOREIGN ||
           request->disposition == DISPOSITION_REVOKED;
}

int authority_show(struct authority *authority, const struct identity *caller, uint64_t id, bool with_text, struct detail *out,
                   struct error *error)
{
    struct assignment_scan scan = {.detail = out};
    struct error missing = ERROR_NONE;
    memset(out, 0, sizeof *out);
    int status = requests_get(authority->store, id, &out->request, error);
    if (!status)
        status = authority_may_read(caller, &out->request, error);
    if (!status && has_certificate(&out->request)) {
        int found = certificates_get(authority->store, id, &out->certificate, &missing);
        out->has_certificate = found == OK && out->certificate.der;
        if (found && found != REFUSED)
            status = error_set(error, missing.status, missing.reason, "%s", missing.message);
    }
    if (!status) {
        detail_history(out);
        status = detail_publication(authority, out, error);
    }
    if (!status)
        status = assignments_each(authority->store, false, assignment_collect, &scan, error);
    if (!status)
        status = detail_extensions(out, error);
    if (!status && with_text)
        status = detail_text(out, error);
    if (status)
        detail_free(out);
    return status;
}

/* ---- pages ---- */

static bool reads_all(const struct identity *caller)
{
    return caller->roles & (ROLE_ADMINISTRATOR | ROLE_OFFICER | ROLE_AUDITOR | ROLE_OPERATOR | ROLE_READ);
}

int authority_list(struct authority *authority, const struct identity *caller, const struct list_query *query, struct list_row *rows,
                   size_t *count, bool *more, struct error *error)
{
    struct list_query own = *query;
    if (!reads_all(caller)) {
        if (query->requester && strcmp(query->requester, caller->account) != 0)
            return error_set(error, NOT_PERMITTED, "role.read", "%s may see his own requests only", caller->account);
        own.requester = caller->account;
    }
    if (own.limit < 1 || own.limit > 1000)
        return error_set(error, BAD_DATA, "list.limit", "a page has 1 to 1000 rows");
    return list_page(authority->store, &own, rows, count, more, error);
}

int authority_find(struct authority *authority, const struct identity *caller, const char *text, struct list_row *rows, size_t limit,
                   size_t *count, struct error *error)
{
    struct buf pattern = BUF_EMPTY;
    bool more;
    for (const char *c = text; *c; c++)
        buf_add_byte(&pattern, (uint8_t)tolower((unsigned char)*c));
    if (pattern.size && pattern.data[pattern.size - 1] != '*')
        buf_add_byte(&pattern, '*');
    struct list_query query = {.name = buf_text(&pattern), .order = LIST_BY_ID, .descending = true, .limit = limit};
    int status = pattern.size < 2 ? error_set(error, BAD_DATA, "find.text", "say what to find: the start of a host or user name")
                                  : authority_list(authority, caller, &query, rows, count, &more, error);
    buf_free(&pattern);
    return status;
}

int authority_lookup(struct authority *authority, enum certificate_key by, struct bytes key, uint64_t *ids, size_t limit,
                     size_t *count, struct error *error)
{
    return certificates_find(authority->store, by, key, ids, limit, count, error);
}

/* ---- the certificate ---- */

struct retrieval {
    struct authority *authority;
    const struct identity *caller;
    uint64_t id;
};

/* Closure: the requester fetched what had been pending. The first time only. [ICertRequest::RetrievePending] */
static int retrieval_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct retrieval *r = argument;
    struct request request = {0};
    struct certificate certificate = {0};
    (void)error;
    int status = requests_get_txn(txn, r->id, &request);
    if (!status && !request.retrieved_at)
        status = certificates_get_txn(txn, r->id, &certificate);
    if (!status && !request.retrieved_at) {
        request.retrieved_at = clock_now();
        requests_put(txn, &request);
        struct event event = authority_event(EVENT_RETRIEVE_PENDING, &request, &certificate);
        authority_emit(r->authority, txn, &event);
        authority_audit(r->authority, txn, r->caller, "request.retrieve", authority_object(r->id).text, "retrieved", "", "");
        status = store_txn_failed(txn);
    }
    certificate_record_free(&certificate);
    request_free(&request);
    return status;
}

/* He gets it also where that cannot be written down now. */
static void retrieval_note(struct authority *authority, const struct identity *caller, const struct request *request)
{
    struct retrieval retrieval = {authority, caller, request->id};
    struct error error = ERROR_NONE;
    if (request->approval_count == 0 || request->retrieved_at || !authority_owns(caller, request))
        return;
    if (store_write(authority->store, retrieval_store, &retrieval, &error))
        log_warn("request %llu: that it was retrieved cannot be put down: %s", (unsigned long long)request->id, error.message);
}

static int not_issued(const struct request *request, struct error *error)
{
    unsigned long long id = request->id;
    const char *why = request->message ? request->message : "";
    switch (request->disposition) {
    case DISPOSITION_PENDING:
        return error_set(error, PENDING, "request.pending", "request %llu is pending: %s", id, why);
    case DISPOSITION_DENIED:
        return error_set(error, DENIED, "request.denied", "request %llu was denied: %s", id, why);
    case DISPOSITION_FAILED:
        return error_set(error, REFUSED, "request.failed", "request %llu failed: %s", id, why);
    default:
        return error_set(error, TEMPORARY, "request.active", "request %llu is being processed", id);
    }
}

int authority_retrieve(struct authority *authority, const struct identity *caller, uint64_t id, bool chain, struct buf *out,
                       struct error *error)
{
    struct request request = {0};
    struct certificate certificate = {0};
    int status = requests_get(authority->store, id, &request, error);
    if (!status)
        status = authority_may_read(caller, &request, error);
    if (!status && !has_certificate(&request))
        status = not_issued(&request, error);
    if (!status)
        status = certificates_get(authority->store, id, &certificate, error);
    if (!status && !chain)
        buf_add(out, certificate.der, certificate.der_size);
    if (!status && chain) {
        pem_encode(out, "CERTIFICATE", bytes_of(certificate.der, certificate.der_size));
        status = authority_chain(authority, (int)certificate.key_index, out, error);
    }
    if (!status && out->failed)
        status = error_memory(error);
    if (!status)
        retrieval_note(authority, caller, &request);
    certificate_record_free(&certificate);
    request_free(&request);
    return status;
}

int authority_isvalid(struct authority *authority, uint64_t id, struct validity *out, struct error *error)
{
    struct request request = {0};
    struct certificate certificate = {0};
    memset(out, 0, sizeof *out);
    out->id = id;
    out->state = VALIDITY_NEVER_ISSUED;
    int status = requests_get(authority->store, id, &request, error);
    if (!status && has_certificate(&request))
        status = certificates_get(authority->store, id, &certificate, error);
    if (!status && certificate.der) {
        bool revoked = certificate.revocation_reason >= 0 && certificate.revoked_at <= clock_now();
        out->state = revoked ? VALIDITY_REVOKED : VALIDITY_VALID; /* a date to come is shown beside it */
        out->reason = certificate.revocation_reason;
        out->revoked_at = certificate.revoked_at;
        out->not_after = certificate.not_after;
        out->expired = certificate.not_after < clock_now();
    }
    certificate_record_free(&certificate);
    request_free(&request);
    return status;
}

int authority_counts(struct authority *authority, uint64_t *pending, uint64_t *issued, uint64_t *failed, uint64_t *denied,
                     uint64_t *revoked, struct error *error)
{
    const struct {
        enum disposition disposition;
        uint64_t *count;
    } wanted[] = {{DISPOSITION_PENDING, pending}, {DISPOSITION_ISSUED, issued}, {DISPOSITION_FAILED, failed},
                  {DISPOSITION_DENIED, denied}, {DISPOSITION_REVOKED, revoked}};
    int status = OK;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted && !status; i++)
        status = list_count(authority->store, wanted[i].disposition, wanted[i].count, error);
    return status;
}
