/* Handlers of decisions: resubmit, deny, revoke, release.
 * Each takes the version that the officer saw; what changed meanwhile is refused by the authority. */
#include "ca/api/routes.h"

#include "ca/api/shape.h"

static struct seen seen_of(const struct call *call)
{
    const json_t *version = json_object_get(call->body, "version");
    struct seen seen = {0};

    if (!json_is_object(version))
        return seen;
    seen.given = disposition_parse(body_text(version, "disposition"), &seen.disposition) == OK;
    seen.resolved_at = body_time(version, "resolved_at");
    return seen;
}

/* The object as it stands after the decision. That it cannot be read back now does not undo what was done. */
static int answer_done(struct call *call, uint64_t id, struct error *error)
{
    struct error ignored = ERROR_NONE;
    struct detail detail = {0};
    const char *disposition = NULL;
    int64_t at = 0;

    if (authority_show(call->authority, &call->caller, id, false, &detail, &ignored) == OK) {
        disposition = disposition_name(detail.request.disposition);
        at = detail.request.resolved_at;
    }
    json_t *done = json_pack("{s:o, s:o, s:o}", "id", json_of_number(id), "disposition", json_of_text(disposition), "resolved_at",
                             json_of_time(at));
    detail_free(&detail);
    return call_answer(call, done, error);
}

int handle_resubmit(struct call *call, struct error *error)
{
    struct seen seen = seen_of(call);
    struct outcome outcome = {0};
    uint64_t id = 0;

    int status = call_object(call, call->argument, &id, error);
    if (status == OK)
        status = authority_resubmit(call->authority, &call->caller, id, &seen, &outcome, error);
    return status == OK ? call_answer(call, shape_outcome(&outcome), error) : status;
}

int handle_deny(struct call *call, struct error *error)
{
    struct seen seen = seen_of(call);
    uint64_t id = 0;

    int status = call_object(call, call->argument, &id, error);
    if (status == OK)
        status = authority_deny(call->authority, &call->caller, id, body_text(call->body, "message"), &seen, error);
    return status == OK ? answer_done(call, id, error) : status;
}

int handle_revoke(struct call *call, struct error *error)
{
    struct seen seen = seen_of(call);
    const char *name = body_text(call->body, "reason");
    uint64_t id = 0;
    int reason = -1;

    if (revocation_reason_parse(name, &reason) != OK)
        return error_set(error, USAGE, "revoke.reason", "\"%.40s\" is no reason: unspecified, keyCompromise, cACompromise, "
                         "affiliationChanged, superseded, cessationOfOperation, certificateHold, privilegeWithdrawn or aACompromise", name);
    int status = call_object(call, call->argument, &id, error);
    if (status == OK)
        status = authority_revoke(call->authority, &call->caller, id, reason, body_time(call->body, "at"),
                                  body_time(call->body, "invalid_since"), &seen, error);
    return status == OK ? answer_done(call, id, error) : status;
}

int handle_release(struct call *call, struct error *error)
{
    struct seen seen = seen_of(call);
    uint64_t id = 0;

    int status = call_object(call, call->argument, &id, error);
    if (status == OK)
        status = authority_release(call->authority, &call->caller, id, &seen, error);
    return status == OK ? answer_done(call, id, error) : status;
}
