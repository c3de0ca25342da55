/* Handlers of backups and of the check of the database: both are started here and run on by themselves; a second call asks how
 * far they are. */
#include "ca/api/routes.h"

#include "ca/api/shape.h"

static json_t *error_json(const struct error *error)
{
    if (error->status == OK)
        return json_null();
    return json_pack("{s:i, s:s, s:o}", "status", error->status, "reason", error->reason, "message", json_of_text(error->message));
}

static int started(struct call *call, uint64_t number, struct error *error)
{
    return call_answer(call, json_pack("{s:o}", "number", json_of_number(number)), error);
}

int handle_backup(struct call *call, struct error *error)
{
    struct backup_order order = {.folder = body_text(call->body, "folder"), .with_key = body_bool(call->body, "with_key")};
    uint64_t number = 0;
    int status = authority_backup(call->authority, &call->caller, &order, &number, error);

    return status == OK ? started(call, number, error) : status;
}

int handle_check_database(struct call *call, struct error *error)
{
    uint64_t number = 0;
    int status = authority_check_database(call->authority, &call->caller, &number, error);

    return status == OK ? started(call, number, error) : status;
}

int handle_background(struct call *call, struct error *error)
{
    struct background_state state = {0};
    int status = authority_background(call->authority, &state, error);

    if (status == OK)
        status = call_answer(call, json_pack("{s:o, s:s, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                                             "number", json_of_number(state.number),
                                             "verb", state.verb != NULL ? state.verb : "none",
                                             "running", state.running,
                                             "phase", state.phase != NULL ? state.phase : "",
                                             "done", json_of_number(state.done),
                                             "total", json_of_number(state.total),
                                             "folder", state.folder[0] != '\0' ? json_of_text(state.folder) : json_null(),
                                             "files", json_of_number(state.files),
                                             "octets", json_of_number(state.octets),
                                             "findings", json_of_strings(&state.findings),
                                             "finding_count", json_of_number(state.finding_count),
                                             "failure", error_json(&state.error)), error);
    background_state_free(&state);
    return status;
}

int handle_restore_report(struct call *call, struct error *error)
{
    struct buf report = BUF_EMPTY;
    struct strings lines = {NULL, 0};
    bool pending = false;
    int status = authority_restore_report(call->authority, &report, &pending, error);

    if (status == OK && strings_split(&lines, buf_text(&report), "\n") != OK)
        status = error_memory(error);
    if (status == OK)
        status = call_answer(call, json_pack("{s:b, s:o}", "pending", pending, "lines", json_of_strings(&lines)), error);
    strings_free(&lines);
    buf_free(&report);
    return status;
}

int handle_restore_confirm(struct call *call, struct error *error)
{
    int status = authority_restore_confirm(call->authority, &call->caller, error);

    return status == OK ? call_answer(call, json_pack("{s:b}", "done", true), error) : status;
}
