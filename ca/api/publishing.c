/* Handlers of what leaves the authority: the outbox of the exit modules.
 * Nothing here talks to a directory; `publish check` asks the exit host through the authority. */
#include "ca/api/routes.h"

#include <stdlib.h>
#include <string.h>

#include "ca/api/shape.h"

#define ROWS_DEFAULT 100
#define ROWS_MAX 1000

static json_t *module_each(const void *row)
{
    const struct publish_status *status = row;
    const struct outbox_stats *stats = &status->stats;

    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "module", json_of_text(status->module),
                     "waiting", json_of_number(stats->waiting),
                     "parked", json_of_number(stats->parked),
                     "done", json_of_number(stats->done),
                     "oldest_added_at", json_of_time(stats->oldest_added_at),
                     "last_done_at", json_of_time(stats->last_done_at),
                     "last_crl", stats->last_crl_done != 0 ? json_of_number(stats->last_crl_done) : json_null());
}

static json_t *outbox_each(const void *row)
{
    const struct outbox_row *outbox = row;
    const struct event *event = &outbox->event;

    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:o, s:b, s:o}",
                     "module", json_of_text(outbox->module),
                     "sequence", json_of_number(outbox->sequence),
                     "kind", json_of_text(event_kind_name(event->kind)),
                     "request_id", event->request_id != 0 ? json_of_number(event->request_id) : json_null(),
                     "crl_number", event->crl_number != 0 ? json_of_number(event->crl_number) : json_null(),
                     "attempts", (int)outbox->attempts,
                     "added_at", json_of_time(outbox->added_at),
                     "next_at", json_of_time(outbox->next_at),
                     "parked", outbox->parked,
                     "last_error", json_of_text(outbox->last_error));
}

int handle_publish_status(struct call *call, struct error *error)
{
    struct publish_status modules[PUBLISH_MODULES_MAX];
    size_t module_count = 0, count = 0;
    uint64_t limit = ROWS_DEFAULT;

    int status = call_query_number(call, "limit", 1, ROWS_MAX, &limit, error);
    if (status != OK)
        return status;
    struct outbox_row *rows = calloc(limit, sizeof *rows);
    if (rows == NULL)
        return error_memory(error);
    status = authority_publish_status(call->authority, modules, &module_count, error);
    if (status == OK)
        status = authority_publish_rows(call->authority, rows, limit, &count, error);
    if (status == OK)
        status = call_answer(call, json_pack("{s:o, s:o}",
                                             "modules", shape_array(modules, module_count, sizeof modules[0], module_each),
                                             "rows", shape_array(rows, count, sizeof *rows, outbox_each)), error);
    for (size_t i = 0; i < count; i++)
        outbox_row_free(&rows[i]);
    free(rows);
    return status;
}

int handle_publish_check(struct call *call, struct error *error)
{
    struct strings lines = {NULL, 0};
    int missing = 0;

    int status = authority_publish_check(call->authority, call_query(call, "dn"), &lines, error);
    if (status == OK) {
        for (size_t i = 0; i < lines.count; i++)
            missing += strncmp(lines.items[i], "ok", 2) != 0;
        status = call_answer(call, json_pack("{s:o, s:i}", "lines", json_of_strings(&lines), "missing", missing), error);
    }
    strings_free(&lines);
    return status;
}

int handle_publish_retry(struct call *call, struct error *error)
{
    uint64_t count = 0;

    int status = authority_publish_retry(call->authority, &call->caller, body_text(call->body, "module"), &count, error);
    return status == OK ? call_answer(call, json_pack("{s:o}", "count", json_of_number(count)), error) : status;
}
