/* Handlers of usages, assignments and the site's trust stores.
 * The checks before an assignment are the authority's; here they only become JSON. */
#include "ca/api/routes.h"

#include <string.h>

#include "ca/api/shape.h"

static json_t *usage_each(const void *row)
{
    const struct usage_row *usage = row;
    return json_pack("{s:o, s:o, s:o, s:o}", "name", json_of_text(usage->name), "title", json_of_text(usage->title), "ekus",
                     json_of_oids(&usage->ekus), "names", json_of_strings(&usage->names));
}

int handle_usages(struct call *call, struct error *error)
{
    struct usage_row *rows = NULL;
    size_t count = 0;

    int status = authority_usages(call->authority, &rows, &count, error);
    if (status == OK)
        status = call_answer(call, json_pack("{s:o}", "usages", shape_array(rows, count, sizeof *rows, usage_each)), error);
    usage_rows_free(rows, count);
    return status;
}

static json_t *assignment_each(const void *row)
{
    return shape_assignment(row);
}

int handle_assignments(struct call *call, struct error *error)
{
    struct assignment *rows = NULL;
    size_t count = 0;

    int status = authority_assignments(call->authority, call_query_flag(call, "history"), &rows, &count, error);
    if (status == OK)
        status = call_answer(call, json_pack("{s:o}", "assignments", shape_array(rows, count, sizeof *rows, assignment_each)), error);
    assignment_rows_free(rows, count);
    return status;
}

int handle_assign(struct call *call, struct error *error)
{
    struct strings usages = {NULL, 0};
    uint64_t id = 0;

    int status = call_object(call, body_text(call->body, "object"), &id, error);
    if (status != OK)
        return status;
    if (body_texts(call->body, "usages", &usages) != OK)
        status = error_memory(error);
    else if (usages.count == 0)
        status = error_set(error, USAGE, "assign.usages", "no usage is named; see: chancery usage list");
    else
        status = authority_assign(call->authority, &call->caller, id, &usages, body_text(call->body, "host"),
                                  body_time(call->body, "effective_at"), error);
    strings_free(&usages);
    return status == OK ? call_answer(call, json_pack("{s:b}", "done", 1), error) : status;
}

int handle_unassign(struct call *call, struct error *error)
{
    int status = authority_unassign(call->authority, &call->caller, body_text(call->body, "usage"), body_text(call->body, "host"), error);
    return status == OK ? call_answer(call, json_pack("{s:b}", "done", 1), error) : status;
}

int handle_assignability(struct call *call, struct error *error)
{
    struct assignability value = {0};
    uint64_t id = 0;

    int status = call_object(call, call->argument, &id, error);
    if (status != OK)
        return status;
    status = authority_assignability(call->authority, &call->caller, id, call_query(call, "host"), &value, error);
    if (status == OK)
        status = call_answer(call, shape_assignability(id, &value), error);
    assignability_free(&value);
    return status;
}

static json_t *anchor_each(const void *row)
{
    return shape_anchor(row);
}

int handle_trust(struct call *call, struct error *error)
{
    struct trust_anchor *rows = NULL;
    size_t count = 0;

    int status = authority_trust_list(call->authority, &rows, &count, error);
    if (status == OK)
        status = call_answer(call, json_pack("{s:o}", "anchors", shape_array(rows, count, sizeof *rows, anchor_each)), error);
    trust_rows_free(rows, count);
    return status;
}

static int trust_kind(const char *name, int *kind, struct error *error)
{
    *kind = 0;
    if (name == NULL)
        return OK;
    if (strcmp(name, "root") == 0)
        *kind = TRUST_ROOT;
    else if (strcmp(name, "intermediate") == 0)
        *kind = TRUST_INTERMEDIATE;
    else
        return error_set(error, USAGE, "trust.kind", "kind is root or intermediate, not \"%.20s\"", name);
    return OK;
}

int handle_trust_import(struct call *call, struct error *error)
{
    struct buf certificate = BUF_EMPTY;
    struct trust_anchor anchor = {0};
    int kind = 0;

    int status = trust_kind(body_text(call->body, "kind"), &kind, error);
    if (status == OK)
        status = body_octets(call->body, "pem", &certificate, error);
    if (status == OK)
        status = authority_trust_import(call->authority, &call->caller, buf_bytes(&certificate), kind,
                                        body_text(call->body, "fingerprint"), &anchor, error);
    if (status == OK)
        status = call_answer(call, shape_anchor(&anchor), error);
    trust_anchor_free(&anchor);
    buf_free(&certificate);
    return status;
}
