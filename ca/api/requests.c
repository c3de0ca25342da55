/* Handlers of requests: submit, list, find, show, retrieve, validity.
 * Who may see what is the authority's to say; here are limits and forms. */
#include "ca/api/routes.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ca/api/shape.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX 1000

int handle_submit(struct call *call, struct error *error)
{
    struct buf pkcs10 = BUF_EMPTY;
    struct strings attributes = {NULL, 0}, usages = {NULL, 0};
    struct outcome outcome = {0};

    int status = body_octets(call->body, "pkcs10", &pkcs10, error);
    if (status != OK)
        goto out;
    if (body_texts(call->body, "attributes", &attributes) != OK || body_texts(call->body, "usages", &usages) != OK) {
        status = error_memory(error);
        goto out;
    }
    struct submission submission = {
        .pkcs10 = buf_bytes(&pkcs10),
        .template_name = body_text(call->body, "template"),
        .attributes = attributes.count > 0 ? &attributes : NULL,
        .usages = usages.count > 0 ? &usages : NULL,
        .on_behalf_of = body_text(call->body, "on_behalf_of"),
    };
    status = authority_submit(call->authority, &call->caller, &submission, &outcome, error);
    if (status == OK)
        status = call_answer(call, shape_outcome(&outcome), error);
out:
    buf_free(&pkcs10);
    strings_free(&attributes);
    strings_free(&usages);
    return status;
}

static int query_disposition(const struct call *call, struct list_query *query, struct error *error)
{
    const char *text = call_query(call, "disposition");
    enum disposition disposition;

    if (text == NULL)
        return OK;
    if (strcmp(text, "failed-or-denied") == 0) {
        query->disposition = LIST_FAILED_OR_DENIED;
        return OK;
    }
    if (disposition_parse(text, &disposition) != OK)
        return error_set(error, USAGE, "api.query", "there is no disposition \"%.40s\": active, pending, issuing, foreign, issued, "
                         "revoked, failed, denied or failed-or-denied", text);
    query->disposition = (int)disposition;
    return OK;
}

static int query_sort(const struct call *call, struct list_query *query, struct error *error)
{
    static const struct {
        const char *name;
        enum list_order order;
    } orders[] = {{"id", LIST_BY_ID}, {"submitted", LIST_BY_ID}, {"not_after", LIST_BY_NOT_AFTER}, {"requester", LIST_BY_REQUESTER},
                  {"template", LIST_BY_TEMPLATE}};
    const char *text = call_query(call, "sort");

    if (text == NULL)
        return OK;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
        if (strcmp(orders[i].name, text) == 0) {
            query->order = orders[i].order;
            return OK;
        }
    return error_set(error, USAGE, "api.query", "rows cannot be sorted by \"%.40s\": id, not_after, requester or template", text);
}

/* Names are looked up in lower case: a copy to free. NULL when there is none; *failed without memory. */
static char *lower_copy(const char *text, bool *failed)
{
    char *copy = text != NULL ? strdup(text) : NULL;

    *failed = text != NULL && copy == NULL;
    for (char *at = copy; at != NULL && *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    return copy;
}

static int query_read(const struct call *call, struct list_query *query, struct error *error)
{
    uint64_t limit = PAGE_DEFAULT, days = 0;

    int status = query_disposition(call, query, error);
    if (status == OK)
        status = query_sort(call, query, error);
    if (status == OK)
        status = call_query_number(call, "limit", 1, PAGE_MAX, &limit, error);
    if (status == OK)
        status = call_query_number(call, "after", 0, INT64_MAX, &query->after, error);
    if (status == OK)
        status = call_query_number(call, "expiring", 0, 36500, &days, error);
    if (status == OK)
        status = call_query_time(call, "since", &query->since, error);
    if (status == OK)
        status = call_query_time(call, "until", &query->until, error);
    query->template_name = call_query(call, "template");
    query->requester = call_query(call, "requester");
    query->descending = call_query_flag(call, "desc");
    query->limit = (size_t)limit;
    if (call_query(call, "expiring") != NULL)
        query->expiring_before = clock_now() + (int64_t)days * 86400;
    return status;
}

int handle_list(struct call *call, struct error *error)
{
    struct list_query query = {.order = LIST_BY_ID};
    struct list_row *rows = NULL;
    size_t count = 0;
    bool more = false, failed;
    char *name = lower_copy(call_query(call, "name"), &failed);

    int status = query_read(call, &query, error);
    if (status != OK)
        goto out;
    query.name = name;
    rows = calloc(query.limit, sizeof *rows);
    if (rows == NULL || failed) {
        status = error_memory(error);
        goto out;
    }
    status = authority_list(call->authority, &call->caller, &query, rows, &count, &more, error);
    if (status == OK)
        status = call_answer(call, shape_rows(rows, count, more), error);
out:
    if (rows != NULL)
        list_rows_free(rows, count);
    free(rows);
    free(name);
    return status;
}

int handle_find(struct call *call, struct error *error)
{
    const char *text = call_query(call, "text");
    uint64_t limit = PAGE_DEFAULT;
    size_t count = 0;

    if (text == NULL || *text == '\0')
        return error_set(error, USAGE, "api.query", "what is to be found? text=NAME is missing");
    int status = call_query_number(call, "limit", 1, PAGE_MAX, &limit, error);
    if (status != OK)
        return status;
    struct list_row *rows = calloc(limit, sizeof *rows);
    if (rows == NULL)
        return error_memory(error);
    status = authority_find(call->authority, &call->caller, text, rows, limit, &count, error);
    if (status == OK)
        status = call_answer(call, shape_rows(rows, count, count == limit), error);
    list_rows_free(rows, count);
    free(rows);
    return status;
}

int handle_show(struct call *call, struct error *error)
{
    struct detail detail = {0};
    bool with_text = call_query_flag(call, "text");
    uint64_t id = 0;

    int status = call_object(call, call->argument, &id, error);
    if (status != OK)
        return status;
    status = authority_show(call->authority, &call->caller, id, with_text, &detail, error);
    if (status == OK)
        status = call_answer(call, shape_detail(&detail, with_text), error);
    detail_free(&detail);
    return status;
}

int handle_retrieve(struct call *call, struct error *error)
{
    const char *format = call_query(call, "format");
    bool chain = call_query_flag(call, "chain"), pem = chain || (format != NULL && strcmp(format, "pem") == 0);
    uint64_t id = 0;

    if (format != NULL && strcmp(format, "pem") != 0 && strcmp(format, "der") != 0)
        return error_set(error, USAGE, "api.query", "format is pem or der, not \"%.20s\"", format);
    int status = call_object(call, call->argument, &id, error);
    if (status != OK)
        return status;
    struct buf octets = BUF_EMPTY;
    status = authority_retrieve(call->authority, &call->caller, id, chain, &octets, error);
    if (status == OK && pem && !chain) {
        pem_encode(&call->octets, "CERTIFICATE", buf_bytes(&octets));
        buf_free(&octets);
    } else {
        call->octets = octets;
    }
    call->content_type = pem ? "application/x-pem-file" : "application/pkix-cert";
    return status == OK && call->octets.failed ? error_memory(error) : status;
}

int handle_isvalid(struct call *call, struct error *error)
{
    static const char *const states[] = {[VALIDITY_NEVER_ISSUED] = "never issued", [VALIDITY_VALID] = "valid",
                                         [VALIDITY_REVOKED] = "revoked"};
    struct validity validity = {0};
    uint64_t id = 0;

    int status = call_object(call, call->argument, &id, error);
    if (status == OK)
        status = authority_isvalid(call->authority, id, &validity, error);
    if (status == REFUSED && strcmp(error->reason, "object.unknown") == 0) {
        error_clear(error); /* "never issued" is the answer to the question, not an error */
        return call_answer(call, json_pack("{s:n, s:s, s:n, s:n, s:n, s:b}", "id", "state", states[VALIDITY_NEVER_ISSUED], "reason",
                                           "revoked_at", "not_after", "expired", 0), error);
    }
    if (status != OK)
        return status;
    bool revoked = validity.state == VALIDITY_REVOKED || validity.revoked_at != 0; /* or it will be */
    return call_answer(call, json_pack("{s:o, s:s, s:o, s:o, s:o, s:b}",
                                       "id", json_of_number(validity.id != 0 ? validity.id : id),
                                       "state", states[validity.state],
                                       "reason", revoked ? json_of_text(revocation_reason_name(validity.reason)) : json_null(),
                                       "revoked_at", revoked ? json_of_time(validity.revoked_at) : json_null(),
                                       "not_after", json_of_time(validity.not_after),
                                       "expired", validity.expired), error);
}
