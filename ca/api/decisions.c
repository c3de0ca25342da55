/* Handlers of decisions: resubmit, deny, edits of a pending request, revoke, release.
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

int handle_set_attributes(struct call *call, struct error *error)
{
    struct seen seen = seen_of(call);
    struct strings attributes = {NULL, 0};
    uint64_t id = 0;

    int status = call_object(call, call->argument, &id, error);
    if (status == OK && body_texts(call->body, "attributes", &attributes) != OK)
        status = error_memory(error);
    if (status == OK && attributes.count == 0)
        status = error_set(error, USAGE, "api.body", "no attribute is given; one is NAME:VALUE");
    if (status == OK)
        status = authority_set_attributes(call->authority, &call->caller, id, &attributes, &seen, error);
    strings_free(&attributes);
    return status == OK ? answer_done(call, id, error) : status;
}

int handle_set_extension(struct call *call, struct error *error)
{
    struct seen seen = seen_of(call);
    struct extension_edit edit = {.oid = body_text(call->body, "oid"), .critical = body_bool(call->body, "critical"),
                                  .remove = body_bool(call->body, "remove")};
    struct buf value = BUF_EMPTY;
    uint64_t id = 0;

    if (edit.remove == (body_text(call->body, "value") != NULL) || (edit.remove && edit.critical))
        return error_set(error, USAGE, "api.body", "an extension has either a value (with critical where it is) or remove");
    int status = call_object(call, call->argument, &id, error);
    if (status == OK && !edit.remove)
        status = body_octets(call->body, "value", &value, error);
    edit.value = buf_bytes(&value);
    if (status == OK)
        status = authority_set_extension(call->authority, &call->caller, id, &edit, &seen, error);
    buf_free(&value);
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
