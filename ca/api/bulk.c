/* Handlers of what works on many rows: revocation by a filter, imports.
 * What may be done is the authority's to say; here are forms. */
#include "ca/api/routes.h"

#include <stdlib.h>
#include <string.h>

#include "ca/api/shape.h"
#include "ca/authority_bulk.h"
#include "ca/base/clock.h"

/* ---- revocation by a filter ---- */

static json_t *shape_batch(const struct batch *batch, bool counted)
{
    static const char *const states[] = {[BATCH_NONE] = "none", [BATCH_RUNNING] = "running", [BATCH_DONE] = "done"};
    bool there = counted || batch->state != BATCH_NONE;

    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "number", batch->number != 0 ? json_of_number(batch->number) : json_null(),
                     "state", counted ? "counted" : states[batch->state],
                     "filter", json_of_text(batch->filter),
                     "reason", there ? json_of_text(revocation_reason_name(batch->reason)) : json_null(),
                     "actor", json_of_text(batch->actor),
                     "at", json_of_time(batch->at),
                     "started_at", json_of_time(batch->started_at),
                     "ended_at", json_of_time(batch->ended_at),
                     "count", json_of_number(batch->count),
                     "position", json_of_number(batch->position),
                     "revoked", json_of_number(batch->revoked),
                     "skipped", json_of_number(batch->skipped),
                     "final", json_of_number(batch->final),
                     "expired", json_of_number(batch->expired));
}

int handle_revoke_match(struct call *call, struct error *error)
{
    const json_t *expect = json_object_get(call->body, "expect");
    struct revoke_match ask = {
        .filter = body_text(call->body, "filter"), .at = body_time(call->body, "at"),
        .invalid_since = body_time(call->body, "invalid_since"), .expected = json_is_integer(expect),
        .expect = body_number(call->body, "expect"), .dry_run = body_bool(call->body, "dry_run"),
    };
    struct batch batch = {0};

    if (revocation_reason_parse(body_text(call->body, "reason"), &ask.reason) != OK) {
        error_set(error, USAGE, "revoke.reason", "\"%.40s\" is no reason: unspecified, keyCompromise, cACompromise, affiliationChanged, "
                  "superseded, cessationOfOperation, certificateHold, privilegeWithdrawn or aACompromise", body_text(call->body, "reason"));
        authority_audit_refusal(call->authority, &call->caller, call->route->verb, ask.filter, error);
        return USAGE;
    }
    int status = authority_revoke_match(call->authority, &call->caller, &ask, &batch, error);
    if (status == OK)
        status = call_answer(call, shape_batch(&batch, ask.dry_run), error);
    batch_free(&batch);
    return status;
}

int handle_batch(struct call *call, struct error *error)
{
    struct batch batch = {0};

    int status = authority_batch(call->authority, &batch, error);
    if (status == OK)
        status = call_answer(call, shape_batch(&batch, false), error);
    batch_free(&batch);
    return status;
}

/* ---- imports ---- */

struct imports {
    struct import items[IMPORTS_MAX];
    struct import_result results[IMPORTS_MAX];
    struct buf octets[IMPORTS_MAX];
    struct strings certificates, serials, revocations;
};

static int bad_revocation(const char *text, struct error *error)
{
    return error_set(error, BAD_DATA, "api.body", "\"revocations\" has \"%.60s\", which is not \"TIME REASON [INVALID-SINCE]\"", text);
}

/* "2024-01-20T07:12:09Z superseded", "2024-… keyCompromise 2023-…", "" for one that is not revoked */
static int take_revocation(const char *text, struct import *out, struct error *error)
{
    struct strings words = {NULL, 0};
    int status = OK;

    if (*text == '\0')
        return OK;
    if (strings_split(&words, text, " ") != OK)
        status = error_memory(error);
    else if (words.count < 2 || words.count > 3 || time_parse(words.items[0], clock_now(), &out->revoked_at) != OK ||
             revocation_reason_parse(words.items[1], &out->reason) != OK ||
             (words.count == 3 && time_parse(words.items[2], clock_now(), &out->invalid_since) != OK))
        status = bad_revocation(text, error);
    out->revoked = true;
    strings_free(&words);
    return status;
}

static int take_import(const struct imports *all, size_t i, struct buf *octets, struct import *out, struct error *error)
{
    json_t *one = json_pack("{s:s}", "certificate", all->certificates.items[i]);

    int status = one == NULL ? error_memory(error) : body_octets(one, "certificate", octets, error);
    json_decref(one);
    out->certificate = buf_bytes(octets);
    if (status == OK && all->serials.count > 0 && serial_parse(all->serials.items[i], &out->serial) != OK)
        status = error_set(error, BAD_DATA, "api.body", "\"serials\" has \"%.60s\", which is no serial number", all->serials.items[i]);
    return status == OK && all->revocations.count > 0 ? take_revocation(all->revocations.items[i], out, error) : status;
}

static int take_imports(struct call *call, struct imports *imports, struct error *error)
{
    bool takeover = body_bool(call->body, "takeover");
    const struct strings *serials = &imports->serials, *revocations = &imports->revocations;
    int status = OK;

    if (body_texts(call->body, "certificates", &imports->certificates) != OK || body_texts(call->body, "serials", &imports->serials) != OK ||
        body_texts(call->body, "revocations", &imports->revocations) != OK)
        return error_memory(error);
    size_t count = imports->certificates.count;
    if ((revocations->count > 0 && revocations->count != count) || (serials->count > 0 && serials->count != count))
        return error_set(error, BAD_DATA, "api.body", "\"serials\" and \"revocations\" must have one text for each certificate");
    for (size_t i = 0; i < count && status == OK; i++) {
        status = take_import(imports, i, &imports->octets[i], &imports->items[i], error);
        imports->items[i].takeover = takeover;
    }
    return status;
}

static json_t *result_each(const void *row)
{
    const struct import_result *result = row;
    const bool refused = result->why.status != OK;

    return json_pack("{s:s, s:o, s:b, s:b, s:o, s:o}",
                     "outcome", refused ? "refused" : result->known ? "known" : "imported",
                     "id", result->id != 0 ? json_of_number(result->id) : json_null(),
                     "revoked", result->revoked,
                     "expired", result->expired,
                     "reason", refused ? json_of_text(result->why.reason) : json_null(),
                     "message", refused ? json_of_text(result->why.message) : json_null());
}

int handle_import(struct call *call, struct error *error)
{
    struct imports *imports = calloc(1, sizeof *imports);

    if (imports == NULL)
        return error_memory(error);
    int status = take_imports(call, imports, error);
    if (status != OK)
        authority_audit_refusal(call->authority, &call->caller, call->route->verb, "", error);
    else
        status = authority_import(call->authority, &call->caller, imports->items, imports->certificates.count, imports->results, error);
    if (status == OK)
        status = call_answer(call, json_pack("{s:o}", "results", shape_array(imports->results, imports->certificates.count,
                                                                           sizeof imports->results[0], result_each)), error);
    for (size_t i = 0; i < IMPORTS_MAX; i++)
        buf_free(&imports->octets[i]);
    strings_free(&imports->certificates);
    strings_free(&imports->serials);
    strings_free(&imports->revocations);
    free(imports);
    return status;
}

int handle_import_crl_number(struct call *call, struct error *error)
{
    uint64_t next = 0;

    int status = authority_import_crl_number(call->authority, &call->caller, body_number(call->body, "number"), &next, error);
    return status == OK ? call_answer(call, json_pack("{s:o}", "next", json_of_number(next)), error) : status;
}
