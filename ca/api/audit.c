/* Handlers of the audit: pages of records, verification, export. Reading is the auditor's alone; the rows of routes.c say so. */
#include "ca/api/routes.h"

#include <stdlib.h>
#include <string.h>

#include "ca/api/shape.h"

#define ROWS_DEFAULT 100
#define ROWS_MAX 1000

static json_t *audit_each(const void *row)
{
    const struct audit_record *record = row;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "number", json_of_number(record->number),
                     "at", json_of_time(record->at),
                     "actor", json_of_text(record->actor),
                     "role", json_of_text(record->role),
                     "action", json_of_text(record->action),
                     "object", json_of_text(record->object),
                     "outcome", json_of_text(record->outcome),
                     "reason", json_of_text(record->reason),
                     "detail", json_of_text(record->detail));
}

static int query_filter(const struct call *call, struct audit_filter *filter, struct error *error)
{
    int status = call_query_time(call, "since", &filter->since, error);
    if (status == OK)
        status = call_query_time(call, "until", &filter->until, error);
    filter->actor = call_query(call, "actor");
    filter->role = call_query(call, "role");
    filter->action = call_query(call, "action");
    filter->object = call_query(call, "object");
    filter->outcome = call_query(call, "outcome");
    filter->reason = call_query(call, "reason");
    return status;
}

int handle_audit(struct call *call, struct error *error)
{
    uint64_t after = 0, limit = ROWS_DEFAULT;
    size_t count = 0;
    struct audit_filter filter = {0};

    int status = call_query_number(call, "after", 0, INT64_MAX, &after, error);
    if (status == OK)
        status = query_filter(call, &filter, error);
    if (status == OK)
        status = call_query_number(call, "limit", 1, ROWS_MAX, &limit, error);
    if (status != OK)
        return status;
    /* One more than asked for tells whether there are further ones. */
    struct audit_record *rows = calloc(limit + 1, sizeof *rows);
    if (rows == NULL)
        return error_memory(error);
    status = authority_audit_list(call->authority, &filter, after, rows, limit + 1, &count, error);
    if (status == OK) {
        size_t shown = count > limit ? limit : count;
        status = call_answer(call, json_pack("{s:o, s:b}", "rows", shape_array(rows, shown, sizeof *rows, audit_each), "more",
                                             count > limit), error);
    }
    audit_rows_free(rows, count);
    free(rows);
    return status;
}

/* What fails is put on record like a refusal: somebody touched the database. */
int handle_audit_verify(struct call *call, struct error *error)
{
    struct audit_chain chain = {0};

    int status = authority_audit_verify(call->authority, &chain, error);
    if (status != OK) {
        authority_audit_refusal(call->authority, &call->caller, "audit.verify", "audit", error);
        return status;
    }
    return call_answer(call, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}",
                                       "records", json_of_number(chain.records),
                                       "checkpoints", json_of_number(chain.checkpoints),
                                       "checkpoint", json_of_number(chain.checkpoint),
                                       "checkpoint_at", json_of_time(chain.checkpoint_at),
                                       "after_checkpoint", json_of_number(chain.after_checkpoint),
                                       "lost", json_of_number(chain.lost)), error);
}

int handle_audit_export(struct call *call, struct error *error)
{
    uint64_t after = 0, until = 0;
    struct buf line = BUF_EMPTY;

    int status = call_query_number(call, "after", 0, INT64_MAX, &after, error);
    if (status == OK)
        status = authority_audit_export(call->authority, &call->caller, after, &until, &line, error);
    if (status == OK)
        status = call_answer(call, json_pack("{s:o, s:o}", "until", json_of_number(until), "line", json_of_text(buf_text(&line))), error);
    buf_free(&line);
    return status;
}

int handle_audit_lines(struct call *call, struct error *error)
{
    uint64_t after = 0, until = 0;

    int status = call_query_number(call, "after", 0, INT64_MAX, &after, error);
    if (status == OK)
        status = call_query_number(call, "until", 1, INT64_MAX, &until, error);
    call->content_type = "application/x-ndjson";
    return status == OK ? authority_audit_lines(call->authority, after, until, &call->octets, error) : status;
}
