/* Handlers of retention, reports and the end of a CA.
 * What may be done is the authority's to say; here are forms. */
#include "ca/api/routes.h"

#include <stdlib.h>
#include <string.h>

#include "ca/api/shape.h"
#include "ca/authority_bulk.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"

#define ROWS_DEFAULT 100
#define ROWS_MAX 1000

/* ---- purge ---- */

static int kind_take(const char *name, enum purge_kind *kind, struct error *error)
{
    if (name != NULL && purge_kind_parse(name, kind) == OK)
        return OK;
    return error_set(error, USAGE, "purge.kind", "kind is failed, denied or expired, not \"%.40s\"", name != NULL ? name : "");
}

/* "NOT-AFTER.ID", as the page before said. */
static int place_take(const char *text, struct removal_place *place, struct error *error)
{
    uint64_t not_after = 0;
    const char *dot = text != NULL ? strchr(text, '.') : NULL;
    char *front = dot != NULL ? strndup(text, (size_t)(dot - text)) : NULL;
    bool good = text == NULL || (front != NULL && number_parse(front, &not_after) == OK && number_parse(dot + 1, &place->id) == OK);

    place->not_after = (int64_t)not_after;
    free(front);
    return good ? OK : error_set(error, USAGE, "api.query", "after is the \"next\" of the page before, not \"%.40s\"", text);
}

/* Everything that is kept of a request: what `show` says, and the certificate itself. */
static int export_row(struct call *call, uint64_t id, json_t *rows, struct error *error)
{
    struct detail detail = {0};

    int status = authority_show(call->authority, &call->caller, id, false, &detail, error);
    if (status == REFUSED && strcmp(error->reason, "object.unknown") == 0) { /* it went meanwhile */
        error_clear(error);
        return OK;
    }
    json_t *row = status == OK ? shape_detail(&detail, false) : NULL;
    struct bytes der = detail.has_certificate ? bytes_of(detail.certificate.der, detail.certificate.der_size) : bytes_of(NULL, 0);
    if (status == OK && (json_object_set_new(row, "certificate_pem", json_of_pem("CERTIFICATE", der)) != 0 || json_array_append(rows, row) != 0))
        status = error_memory(error);
    json_decref(row);
    detail_free(&detail);
    return status;
}

int handle_purge_list(struct call *call, struct error *error)
{
    enum purge_kind kind = PURGE_FAILED;
    struct removal_place from = {0};
    struct purge_page *page = calloc(1, sizeof *page);
    json_t *rows = json_array();
    int64_t before = 0;
    char next[64] = "";

    int status = page != NULL && rows != NULL ? kind_take(call_query(call, "kind"), &kind, error) : error_memory(error);
    if (status == OK)
        status = call_query_time(call, "before", &before, error);
    if (status == OK)
        status = place_take(call_query(call, "after"), &from, error);
    if (status == OK)
        status = authority_purge_list(call->authority, kind, before, &from, page, error);
    for (size_t i = 0; status == OK && i < page->count; i++)
        status = export_row(call, page->ids[i], rows, error);
    if (status == OK && page->more)
        snprintf(next, sizeof next, "%lld.%llu", (long long)page->next.not_after, (unsigned long long)page->next.id);
    if (status == OK)
        status = call_answer(call, json_pack("{s:O, s:o, s:o}", "rows", rows, "kept", json_of_number(page->kept), "next",
                                             next[0] != '\0' ? json_of_text(next) : json_null()), error);
    json_decref(rows);
    free(page);
    return status;
}

int handle_purge(struct call *call, struct error *error)
{
    enum purge_kind kind = PURGE_FAILED;
    struct strings texts = {NULL, 0};
    uint64_t ids[PURGE_MAX], removed = 0;

    int status = kind_take(body_text(call->body, "kind"), &kind, error);
    if (status == OK && body_texts(call->body, "ids", &texts) != OK)
        status = error_memory(error);
    for (size_t i = 0; status == OK && i < texts.count; i++)
        if (i == PURGE_MAX || number_parse(texts.items[i], &ids[i]) != OK)
            status = error_set(error, BAD_DATA, "api.body", "\"ids\" has \"%.40s\", which is no RequestID", texts.items[i]);
    if (status != OK)
        authority_audit_refusal(call->authority, &call->caller, call->route->verb, "", error);
    else
        status = authority_purge(call->authority, &call->caller, kind, body_time(call->body, "before"), ids, texts.count,
                                 body_text(call->body, "export"), &removed, error);
    if (status == OK)
        status = call_answer(call, json_pack("{s:o, s:o}", "removed", json_of_number(removed), "kept", json_of_number(texts.count - removed)),
                             error);
    strings_free(&texts);
    return status;
}

/* ---- reports ---- */

static json_t *report_each(const void *value)
{
    const struct report_row *row = value;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "number", json_of_number(row->number), "at", json_of_time(row->at), "what", json_of_text(row->what),
                     "id", row->id != 0 ? json_of_number(row->id) : json_null(), "actor", json_of_text(row->actor),
                     "role", json_of_text(row->role), "requester", json_of_text(row->requester), "template", json_of_text(row->template_name),
                     "subject", json_of_text(row->subject), "serial", json_of_serial(&row->serial), "not_after", json_of_time(row->not_after),
                     "reason", json_of_text(row->reason), "detail", json_of_text(row->detail));
}

static json_t *role_each(const void *value)
{
    const struct report_row *row = value;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "actor", json_of_text(row->actor), "role", json_of_text(row->role), "what", json_of_text(row->what),
                     "first_at", json_of_time(row->first_at), "last_at", json_of_time(row->at), "acts", json_of_number(row->acts),
                     "refusals", json_of_number(row->refusals));
}

int handle_report(struct call *call, struct error *error)
{
    enum report_kind kind = REPORT_ISSUED;
    int64_t from = 1, to = clock_now() + 1;
    uint64_t after = 0, limit = ROWS_DEFAULT, next = 0;
    size_t count = 0;
    bool more = false;

    if (report_kind_parse(call->argument, &kind) != OK)
        return error_set(error, USAGE, "report.kind", "there is no report \"%.40s\": issued, revoked, approvals or roles", call->argument);
    int status = call_query_time(call, "from", &from, error);
    if (status == OK)
        status = call_query_time(call, "to", &to, error);
    if (status == OK)
        status = call_query_number(call, "after", 0, INT64_MAX, &after, error);
    if (status == OK)
        status = call_query_number(call, "limit", 1, ROWS_MAX, &limit, error);
    if (status != OK)
        return status;
    struct report_row *rows = calloc(ROWS_MAX, sizeof *rows);
    if (rows == NULL)
        return error_memory(error);
    status = authority_report(call->authority, kind, from, to, after, rows, kind == REPORT_ROLES ? ROWS_MAX : (size_t)limit, &count, &next,
                              &more, error);
    if (status == OK)
        status = call_answer(call, json_pack("{s:o, s:b, s:o}", "rows", shape_array(rows, count, sizeof *rows,
                                                                                  kind == REPORT_ROLES ? role_each : report_each),
                                             "more", more, "next", json_of_number(next)), error);
    report_rows_free(rows, count);
    free(rows);
    return status;
}

/* ---- the end ---- */

static json_t *crl_each(const void *value)
{
    return shape_crl(value);
}

int handle_decommission(struct call *call, struct error *error)
{
    struct decommissioning done;

    int status = authority_decommission(call->authority, &call->caller, body_text(call->body, "expect"), &done, error);
    if (status == OK)
        status = call_answer(call, json_pack("{s:o, s:o}", "decommissioned_at", json_of_time(done.at), "crls",
                                             shape_array(done.crls, done.crl_count, sizeof done.crls[0], crl_each)), error);
    const char *folder = body_text(call->body, "backup");
    struct backup_order order = {.folder = folder, .with_key = body_bool(call->body, "with_key")};
    uint64_t number = 0;
    if (status == OK && folder != NULL)
        status = authority_backup(call->authority, &call->caller, &order, &number, error);
    if (status == OK)
        json_object_set_new(call->answer, "backup", number != 0 ? json_of_number(number) : json_null());
    else if (status != OK && done.at != 0)
        error_prefix(error, "the CA issues no more");
    return status;
}
