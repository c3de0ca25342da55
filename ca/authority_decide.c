/* What officers and holders do to stored requests and certificates: deny, revoke, release; and who may. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"

static const struct {
    int reason;
    const char *name;
} revocation_reasons[] = { /* RFC 5280 5.3.1; 7 is not used, 8 (removeFromCRL) is the CA's own */
    {0, "unspecified"}, {1, "keyCompromise"}, {2, "cACompromise"}, {3, "affiliationChanged"}, {4, "superseded"},
    {5, "cessationOfOperation"}, {6, "certificateHold"}, {9, "privilegeWithdrawn"}, {10, "aACompromise"},
};
#define REASON_REMOVE_FROM_CRL 8

const char *revocation_reason_name(int reason)
{
    for (size_t i = 0; i < sizeof revocation_reasons / sizeof *revocation_reasons; i++)
        if (revocation_reasons[i].reason == reason)
            return revocation_reasons[i].name;
    return reason == REASON_REMOVE_FROM_CRL ? "removeFromCRL" : "unknown";
}

int revocation_reason_parse(const char *name, int *reason)
{
    for (size_t i = 0; i < sizeof revocation_reasons / sizeof *revocation_reasons; i++)
        if (attribute_name_equal(revocation_reasons[i].name, name)) {
            *reason = revocation_reasons[i].reason;
            return OK;
        }
    return USAGE;
}

/* ---- who may ---- */

bool authority_owns(const struct identity *caller, const struct request *request)
{
    return caller->uid == request->requester_uid ||
           (caller->dn && request->requester_dn && dn_equal(caller->dn, request->requester_dn)) ||
           (caller->dn && request->on_behalf_of && dn_equal(caller->dn, request->on_behalf_of));
}

int authority_may_read(const struct identity *caller, const struct request *request, struct error *error)
{
    const unsigned any = ROLE_ADMINISTRATOR | ROLE_OFFICER | ROLE_AUDITOR | ROLE_OPERATOR | ROLE_READ;
    if ((caller->roles & any) || authority_owns(caller, request))
        return OK;
    return error_set(error, NOT_PERMITTED, "role.read", "%s may see his own requests only, and request %llu is not his",
                     caller->account, (unsigned long long)request->id);
}

int authority_may_decide(struct authority *authority, const struct identity *caller, const struct request *request,
                         struct error *error)
{
    struct identity officer = {0};
    struct error why = ERROR_NONE;
    if (caller->uid == request->requester_uid)
        return error_set(error, NOT_PERMITTED, "officer.own_request",
                         "request %llu is your own: another officer must decide it", (unsigned long long)request->id);
    if (identity_copy(&officer, caller))
        return error_memory(error);
    int status = authority_map(authority, &officer, &why);
    if (status == REFUSED) /* an officer without an entry of his own */
        status = OK;
    else if (status)
        error_set(error, why.status, why.reason, "%s", why.message);
    bool own = officer.dn && ((request->requester_dn && dn_equal(officer.dn, request->requester_dn)) ||
                              (request->on_behalf_of && dn_equal(officer.dn, request->on_behalf_of)));
    if (!status && own)
        status = error_set(error, NOT_PERMITTED, "officer.own_entry",
                           "request %llu is for your own entry %s: another officer must decide it",
                           (unsigned long long)request->id, officer.dn);
    if (!status)
        status = limits_permit(authority, caller, request, error);
    identity_free(&officer);
    return status;
}

int seen_check(const struct seen *seen, const struct request *request, struct error *error)
{
    if (!seen || !seen->given || (seen->disposition == request->disposition && seen->resolved_at == request->resolved_at))
        return OK;
    return error_set(error, REFUSED, "object.changed",
                     "request %llu has changed since you looked at it (it is %s now): nothing was done, look again",
                     (unsigned long long)request->id, disposition_name(request->disposition));
}

int unchanged_check(struct store_txn *txn, uint64_t id, int64_t loaded_at, enum disposition to, struct error *error)
{
    struct request now = {0};
    int status = requests_get_txn(txn, id, &now);
    if (!status && (now.resolved_at != loaded_at || disposition_check(now.disposition, to, NULL)))
        status = error_set(error, REFUSED, "object.changed", "request %llu changed meanwhile (it is %s now): look at it again",
                           (unsigned long long)id, disposition_name(now.disposition));
    request_free(&now);
    return status;
}

/* ---- deny ---- */

struct decision {
    struct authority *authority;
    const struct identity *caller;
    uint64_t id;
    const struct seen *seen;
    const char *message;
    int reason;
    int64_t at, invalid_since;
    bool release;
    bool keep_date; /* of a revocation that is in effect: none was given */
    uint64_t batch; /* 0: by itself */
};

static int deny_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct decision *d = argument;
    struct request request = {0};
    int status = requests_get_txn(txn, d->id, &request);
    if (!status)
        status = seen_check(d->seen, &request, error);
    if (!status && request.disposition == DISPOSITION_DENIED)
        status = error_set(error, REFUSED, "state.transition", "request %llu is denied already", (unsigned long long)d->id);
    if (!status)
        status = disposition_check(request.disposition, DISPOSITION_DENIED, error);
    if (!status) {
        free(request.message);
        free(request.reason);
        free(request.decided_by);
        request.message = strdup(d->message && *d->message ? d->message : "denied by an officer");
        request.reason = strdup("officer.denied");
        request.decided_by = strdup(d->caller->account);
        request.disposition = DISPOSITION_DENIED;
        request_void_approvals(&request);
        request_touch(&request, clock_now());
        requests_put(txn, &request);
        struct event event = authority_event(EVENT_DENIED, &request, NULL);
        authority_emit(d->authority, txn, &event);
        authority_audit(d->authority, txn, d->caller, "request.deny", authority_object(d->id).text, "denied", request.reason,
                        request.message);
        status = store_txn_failed(txn);
    }
    request_free(&request);
    return status;
}

int authority_deny(struct authority *authority, const struct identity *caller, uint64_t id, const char *message,
                   const struct seen *seen, struct error *error)
{
    struct request request = {0};
    struct decision decision = {.authority = authority, .caller = caller, .id = id, .message = message, .seen = seen};
    int status = requests_get(authority->store, id, &request, error);
    if (!status)
        status = seen_check(seen, &request, error);
    if (!status)
        status = disposition_check(request.disposition, DISPOSITION_DENIED, error);
    if (!status)
        status = authority_may_decide(authority, caller, &request, error);
    if (!status)
        status = store_write(authority->store, deny_store, &decision, error);
    if (status)
        authority_audit_refusal(authority, caller, "request.deny", authority_object(id).text, error);
    request_free(&request);
    return status;
}

/* ---- revoke and release ---- */

/* Closure: the new state of request and certificate, a row for the CRLs, audit and events. */
static int revoke_put(struct store_txn *txn, struct decision *d, struct request *request, struct certificate *certificate,
                      struct error *error)
{
    int64_t now = clock_now();
    bool again = certificate->revocation_reason >= 0 && certificate->revoked_at <= now;
    if (d->keep_date && again) /* a new reason alone does not make the time before it look good */
        d->at = certificate->revoked_at;
    int status = schedule_set(txn, d->id, !d->release && d->at > now ? d->at : 0, error);
    if (status)
        return status;
    struct revocation row = {
        .id = d->id, .serial = certificate->serial, .revoked_at = d->at, .invalid_since = d->invalid_since,
        .not_after = certificate->not_after, .reason = d->release ? REASON_REMOVE_FROM_CRL : d->reason,
        .key_index = certificate->key_index, .crl_partition = certificate->crl_partition,
    };
    certificate->revocation_reason = d->release ? -1 : d->reason;
    certificate->revoked_at = d->release ? 0 : d->at;
    certificate->invalid_since = d->release ? 0 : d->invalid_since;
    request->disposition = d->release ? DISPOSITION_ISSUED : DISPOSITION_REVOKED;
    request_touch(request, now);
    revoked_put(txn, &row);
    certificates_put(txn, certificate);
    requests_put(txn, request);
    struct event event = authority_event(EVENT_REVOKED, request, certificate);
    char detail[40] = "";
    if (d->batch)
        snprintf(detail, sizeof detail, "batch %llu", (unsigned long long)d->batch);
    authority_emit(d->authority, txn, &event);
    authority_audit(d->authority, txn, d->caller, d->release ? "certificate.release" : "certificate.revoke",
                    authority_object(d->id).text, d->release ? "released" : "revoked",
                    d->release ? "" : revocation_reason_name(d->reason), detail);
    return store_txn_failed(txn);
}

static int revoke_check(const struct decision *d, const struct request *request, const struct certificate *certificate,
                        struct error *error)
{
    if (d->release && (request->disposition != DISPOSITION_REVOKED || certificate->revocation_reason != REASON_HOLD))
        return error_set(error, REFUSED, "state.release", "request %llu is not on hold: only a hold can be released",
                         (unsigned long long)d->id);
    if (!d->release && certificate->revocation_reason >= 0 && certificate->revocation_reason != REASON_HOLD && d->reason == REASON_HOLD)
        return error_set(error, REFUSED, "revoke.to_hold",
                         "request %llu is revoked for good: it cannot be put on hold, from where it could be released",
                         (unsigned long long)d->id);
    if (!d->release && certificate->revocation_reason >= 0 && certificate->revoked_at <= clock_now() && d->at > clock_now() + 60)
        return error_set(error, REFUSED, "revoke.date", "request %llu is revoked already: its date cannot be moved into the future",
                         (unsigned long long)d->id);
    return disposition_check(request->disposition, d->release ? DISPOSITION_ISSUED : DISPOSITION_REVOKED, error);
}

/* A failed request has no certificate, but its reserved serial may stand in one that nobody saw: it is revoked by serial. */
static int failed_serial(const struct request *request, struct certificate *out, struct error *error)
{
    if (request->disposition != DISPOSITION_FAILED || !request->serial.size)
        return error_set(error, REFUSED, "object.no_certificate", "request %llu is %s: there is no certificate to revoke",
                         (unsigned long long)request->id, disposition_name(request->disposition));
    out->id = request->id;
    out->serial = request->serial;
    out->not_after = INT64_MAX / 2;
    out->revocation_reason = -1;
    return OK;
}

static int revoke_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct decision *d = argument;
    struct request request = {0};
    struct certificate certificate = {0};
    int status = requests_get_txn(txn, d->id, &request);
    bool bare = !status && request.disposition == DISPOSITION_FAILED;
    if (!status)
        status = seen_check(d->seen, &request, error);
    if (!status)
        status = bare ? failed_serial(&request, &certificate, error) : certificates_get_txn(txn, d->id, &certificate);
    if (!status && bare && d->reason == REASON_HOLD)
        status = error_set(error, REFUSED, "revoke.to_hold",
                           "request %llu has a serial and no certificate: it is revoked for good, there is nothing to release",
                           (unsigned long long)d->id);
    if (!status)
        status = revoke_check(d, &request, &certificate, error);
    if (!status)
        status = revoke_put(txn, d, &request, &certificate, error);
    certificate_record_free(&certificate);
    request_free(&request);
    return status;
}

/* The holder may revoke his own certificate for three reasons; everything else is an officer's. */
static int revoke_permitted(struct authority *authority, const struct identity *caller, uint64_t id, int reason, bool release,
                            struct error *error)
{
    struct request request = {0};
    int status = requests_get(authority->store, id, &request, error);
    bool owner = !status && authority_owns(caller, &request), holders = !release && (reason == 1 || reason == 4 || reason == 5);
    if (!status && (caller->roles & ROLE_OFFICER) && !(owner && holders))
        status = limits_permit(authority, caller, &request, error);
    else if (!status && !owner)
        status = error_set(error, NOT_PERMITTED, "role.officer", "%s may not revoke request %llu: that takes an officer or the holder",
                           caller->account, (unsigned long long)id);
    else if (!status && !holders)
        status = error_set(error, NOT_PERMITTED, "role.officer",
                           "the holder may revoke for keyCompromise, superseded or cessationOfOperation only");
    if (!status && request.disposition != DISPOSITION_ISSUED && request.disposition != DISPOSITION_REVOKED &&
        request.disposition != DISPOSITION_FAILED && request.disposition != DISPOSITION_FOREIGN)
        status = error_set(error, REFUSED, "object.no_certificate", "request %llu is %s: there is no certificate to %s",
                           (unsigned long long)id, disposition_name(request.disposition), release ? "release" : "revoke");
    request_free(&request);
    return status;
}

static int decision_revoke(struct decision *d, struct error *error)
{
    int status = revoke_permitted(d->authority, d->caller, d->id, d->reason, d->release, error);
    if (!status)
        status = store_write_reserved(d->authority->store, revoke_store, d, error);
    if (status)
        authority_audit_refusal(d->authority, d->caller, d->release ? "certificate.release" : "certificate.revoke",
                                authority_object(d->id).text, error);
    return status;
}

int revoke_dates_check(int reason, int64_t at, int64_t invalid_since, int64_t now, struct error *error)
{
    if (strcmp(revocation_reason_name(reason), "unknown") == 0 || reason == REASON_REMOVE_FROM_CRL)
        return error_set(error, BAD_DATA, "revoke.reason", "revocation reason %d does not exist (RFC 5280 5.3.1)", reason);
    if (at < now - 60)
        return error_set(error, BAD_DATA, "revoke.date",
                         "a revocation date cannot lie in the past; say since when the key is not to be trusted with --invalid-since");
    if (invalid_since > now)
        return error_set(error, BAD_DATA, "revoke.invalid_since", "the invalidity date cannot lie in the future");
    return OK;
}

int authority_revoke(struct authority *authority, const struct identity *caller, uint64_t id, int reason, int64_t at,
                     int64_t invalid_since, const struct seen *seen, struct error *error)
{
    int64_t now = clock_now();
    struct decision decision = {.authority = authority, .caller = caller, .id = id, .reason = reason, .at = at ? at : now,
                                .keep_date = !at, .invalid_since = invalid_since, .seen = seen};
    int status = revoke_dates_check(reason, decision.at, invalid_since, now, error);
    if (!status)
        return decision_revoke(&decision, error);
    authority_audit_refusal(authority, caller, "certificate.revoke", authority_object(id).text, error);
    return status;
}

/* ---- many at once: ca/authority_batch.c ---- */

int revoke_one_of_many(struct store_txn *txn, const struct revoke_many *many, uint64_t id, bool *revoked)
{
    struct decision d = {.authority = many->authority, .caller = many->caller, .id = id, .reason = many->reason, .at = many->at,
                         .invalid_since = many->invalid_since, .batch = many->batch};
    struct request request = {0};
    struct certificate certificate = {0};
    struct error none = ERROR_NONE;
    *revoked = false;
    int status = requests_get_txn(txn, id, &request);
    if (!status)
        status = certificates_get_txn(txn, id, &certificate);
    bool done = !status && (certificate.revocation_reason >= 0 && (certificate.revocation_reason != REASON_HOLD || d.reason == REASON_HOLD));
    if (!status && !done && revoke_check(&d, &request, &certificate, &none) == OK)
        *revoked = revoke_put(txn, &d, &request, &certificate, &none) == OK;
    certificate_record_free(&certificate);
    request_free(&request);
    return store_txn_failed(txn);
}

int authority_release(struct authority *authority, const struct identity *caller, uint64_t id, const struct seen *seen,
                      struct error *error)
{
    struct decision decision = {.authority = authority, .caller = caller, .id = id, .release = true, .at = clock_now(), .seen = seen};
    return decision_revoke(&decision, error);
}
