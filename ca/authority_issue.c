/* From a verdict to a durable certificate: reservation (D1), signature, one transaction (D2); and what a restart does with
 * reservations that a crash left between the two. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/log.h"
#include "ca/base/oid.h"
#include "ca/x509/name.h"

#define RESERVATION_COMPLETE_S 3600

void issue_free(struct issue *issue)
{
    certificate_record_free(&issue->certificate);
}

/* ---- validity ---- */

int issue_expiration(const struct request *request, int64_t now, int64_t *not_after, struct error *error)
{
    const char *text = request_attribute(request, "ExpirationDate");
    *not_after = 0;
    if (!text)
        return OK;
    if (time_parse(text, now, not_after) || *not_after <= now)
        return error_set(error, BAD_DATA, "request.expiration", "ExpirationDate \"%.60s\" is not a time to come (RFC 3339, or +30d)",
                         text);
    return OK;
}

static int validity_choose(struct issue *issue, const struct issuer *issuer, struct certificate_form *form, struct error *error)
{
    int64_t now = clock_now(), asked;
    const struct properties *properties = issue->properties;
    int status = issue_expiration(issue->request, now, &asked, error);
    if (status)
        return status;
    if (properties->validity_s <= 0)
        return error_set(error, INTERNAL, "policy.validity", "the policy module gave no validity for template %s",
                         issue->request->template_name);
    form->not_before = now - conf_number(issue->authority->conf, "certificate", "clock_skew");
    if (form->not_before < issuer->not_before)
        form->not_before = issuer->not_before;
    form->not_after = now + properties->validity_s;
    if (properties->not_after && properties->not_after < form->not_after)
        form->not_after = properties->not_after;
    if (asked && asked < form->not_after)
        form->not_after = asked;
    if (issuer->not_after < form->not_after) {
        form->not_after = issuer->not_after;
        issue->validity_cut = true;
    }
    if (form->not_after <= now)
        return error_set(error, REFUSED, "ca.expired", "the CA certificate has expired: renew it");
    return OK;
}

/* ---- the record that lists and searches live on ---- */

/* The value of the first CN of an RFC 4514 text, unescaped; empty: none. */
static void common_name(const char *subject, struct buf *out)
{
    bool at_start = true;
    for (const char *c = subject; *c; c++) {
        if (at_start && strncasecmp(c, "CN=", 3) == 0) {
            for (c += 3; *c && *c != ',' && *c != '+'; c++) {
                if (*c == '\\' && isxdigit((unsigned char)c[1]) && isxdigit((unsigned char)c[2])) {
                    char hex[3] = {c[1], c[2], 0};
                    buf_add_byte(out, (uint8_t)strtoul(hex, NULL, 16));
                    c += 2;
                } else if (*c == '\\' && c[1]) {
                    buf_add_byte(out, (uint8_t)*++c);
                } else {
                    buf_add_byte(out, (uint8_t)*c);
                }
            }
            return;
        }
        at_start = *c == ',' || *c == '+';
        if (*c == '\\' && c[1])
            c++;
    }
}

static int search_add(struct strings *search, const char *text)
{
    if (!*text)
        return OK;
    char *lower = strdup(text);
    if (!lower)
        return INTERNAL;
    for (char *c = lower; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    int status = strings_contain(search, lower) ? OK : strings_add(search, lower);
    free(lower);
    return status;
}

int record_names(struct certificate *record, const struct properties *properties)
{
    struct buf text = BUF_EMPTY;
    common_name(properties->subject ? properties->subject : "", &text);
    int status = text.failed ? INTERNAL : search_add(&record->search, buf_text(&text));
    for (size_t i = 0; i < properties->name_count && !status; i++) {
        const struct general_name *name = &properties->names[i];
        buf_clear(&text);
        buf_printf(&text, "%s:%s", name_kind_name(name->kind), name->value);
        status = text.failed ? INTERNAL : strings_add(&record->names, buf_text(&text));
        if (!status)
            status = search_add(&record->search, name->value);
    }
    buf_free(&text);
    return status;
}

static char *copy_text(const char *text)
{
    return text ? strdup(text) : NULL;
}

static int record_begin(struct issue *issue, const struct certificate_form *form, const struct issuer *issuer)
{
    struct certificate *record = &issue->certificate;
    const struct properties *properties = issue->properties;
    record->serial = form->serial;
    record->not_before = form->not_before;
    record->not_after = form->not_after;
    record->key_index = issuer->key_index;
    record->revocation_reason = -1;
    memcpy(record->spki_sha256, issue->request->spki_sha256, 32);
    record->subject = strdup(properties->subject ? properties->subject : "");
    record->template_name = copy_text(issue->request->template_name);
    record->requester = copy_text(issue->request->requester);
    record->publish_dn = properties->publish ? copy_text(properties->publish_dn) : NULL;
    return record->subject && record->template_name && record->requester ? record_names(record, properties) : INTERNAL;
}

static int record_finish(struct certificate *record, struct bytes tbs, struct bytes algorithm, struct bytes signature,
                         struct error *error)
{
    struct buf der = BUF_EMPTY;
    int status = certificate_assemble(tbs, algorithm, signature, &der, error);
    if (!status) {
        sha256_of(buf_bytes(&der), record->sha256);
        sha1_of(buf_bytes(&der), record->sha1);
        record->der = der.data; /* the record owns it now */
        record->der_size = der.size;
    } else {
        buf_free(&der);
    }
    return status;
}

/* ---- D1 ---- */

struct reserve {
    struct issue *issue;
    struct reservation reservation;
    uint64_t audit_number;
};

static int reserve_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct reserve *reserve = argument;
    struct issue *issue = reserve->issue;
    struct request *request = issue->request;
    if (end_check(txn, error)) /* decided in the order of the transactions */
        return error->status;
    if (!issue->exists) {
        request->id = counter_next(txn, "request");
    } else {
        int status = unchanged_check(txn, request->id, issue->loaded_at, DISPOSITION_ISSUING, error);
        if (status)
            return status;
    }
    request->disposition = DISPOSITION_ISSUING;
    request->serial = reserve->reservation.serial;
    if (issue->exists)
        requests_put(txn, request);
    reserve->reservation.id = request->id;
    reserve->reservation.request = *request; /* borrowed: not freed with the reservation */
    reservations_put(txn, &reserve->reservation);
    reserve->audit_number = authority_audit(issue->authority, txn, issue->caller, "request.reserve",
                                            authority_object(request->id).text, "reserved", "", "");
    return store_txn_failed(txn);
}

/* ---- D2 ---- */

struct commit {
    struct authority *authority;
    const struct identity *caller;
    struct request *request;
    struct certificate *certificate;
};

static int commit_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct commit *commit = argument;
    struct request *request = commit->request;
    (void)error;
    commit->certificate->id = request->id;
    requests_put(txn, request);
    certificates_put(txn, commit->certificate);
    reservations_delete(txn, request->id);
    struct event event = authority_event(EVENT_ISSUED, request, commit->certificate);
    authority_emit(commit->authority, txn, &event);
    authority_audit(commit->authority, txn, commit->caller, "request.issue", authority_object(request->id).text, "issued",
                    request->reason, request->message);
    return store_txn_failed(txn);
}

static int fail_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct commit *commit = argument;
    struct request *request = commit->request;
    (void)error;
    request->disposition = DISPOSITION_FAILED;
    request_touch(request, clock_now());
    requests_put(txn, request);
    reservations_delete(txn, request->id);
    authority_audit(commit->authority, txn, commit->caller, "request.issue", authority_object(request->id).text, "failed",
                    request->reason, request->message);
    return store_txn_failed(txn);
}

/* The signer refused or is gone: what was reserved becomes a failed request, whose serial can be revoked. */
static void issue_failed(struct authority *authority, const struct identity *caller, struct request *request,
                         const struct error *why)
{
    struct commit commit = {.authority = authority, .caller = caller, .request = request};
    struct error error = ERROR_NONE;
    free(request->message);
    free(request->reason);
    request->message = strdup(why->message);
    request->reason = strdup(why->reason);
    if (store_write_reserved(authority->store, fail_store, &commit, &error))
        log_error("request %llu: cannot be marked as failed: %s", (unsigned long long)request->id, error.message);
}

static int sign_and_commit(struct authority *authority, const struct identity *caller, struct request *request,
                           struct certificate *record, struct bytes tbs, uint64_t audit_number, struct error *error)
{
    struct buf signature = BUF_EMPTY;
    struct commit commit = {.authority = authority, .caller = caller, .request = request, .certificate = record};
    const struct issuer *issuer = authority_issuer_of_key(authority, record->key_index, error);
    int status = !issuer ? error->status : signer_sign(authority->signer, record->key_index, SIGN_CERTIFICATE, tbs, audit_number, &signature, error);
    if (!status)
        signing_done(authority);
    if (!status)
        status = record_finish(record, tbs, buf_bytes(&issuer->algorithm), buf_bytes(&signature), error);
    if (!status) {
        request->disposition = DISPOSITION_ISSUED;
        request_touch(request, clock_now());
        status = store_write_reserved(authority->store, commit_store, &commit, error);
    } else if (strcmp(error->reason, "signer.gone") != 0) { /* then the daemon ends, and completes it when it starts again */
        issue_failed(authority, caller, request, error);
    }
    buf_free(&signature);
    return status;
}

/* The alternative names that an officer set, which the policy judged as the request's. */
static int names_merge(struct issue *issue, struct error *error)
{
    struct properties *properties = issue->properties;
    struct general_name *names = NULL;
    size_t count = 0;
    bool set = false;
    int status = officer_names(issue->request, &names, &count, &set, error);
    if (status || !count)
        return status;
    general_names_free(properties->names, properties->name_count);
    properties->names = names;
    properties->name_count = count;
    properties->names_origin = ORIGIN_OFFICER;
    return OK;
}

static int extensions_merge(struct issue *issue, struct error *error)
{
    int status = names_merge(issue, error);
    if (status)
        return status;
    for (size_t i = 0; i < issue->request->extension_count; i++) { /* an officer's win over request and template */
        const struct extension *e = &issue->request->extensions[i];
        if (strcmp(e->oid, OID_SAN) == 0)
            continue; /* as names: the engine knows when they are critical, and lists find them */
        if (properties_set_extension(issue->properties, e->oid, e->critical, bytes_of(e->value, e->size), e->origin, e->actor))
            return error_memory(error);
    }
    return OK;
}

int issue_run(struct issue *issue, struct error *error)
{
    struct authority *authority = issue->authority;
    const struct issuer *issuer = authority_issuer(authority, error);
    struct certificate_form form = {.properties = issue->properties, .spki = issue->spki};
    struct buf tbs = BUF_EMPTY;
    struct reserve reserve = {.issue = issue};
    int status = issuer ? restore_check(authority, error) : error->status;
    if (!status)
        status = validity_choose(issue, issuer, &form, error);
    if (!status)
        status = extensions_merge(issue, error);
    if (!status)
        status = serial_generate(&form.serial, error);
    if (!status)
        status = certificate_build_tbs(issuer, &form, &tbs, error);
    if (!status && record_begin(issue, &form, issuer))
        status = error_memory(error);
    if (!status)
        origins_of_tbs(issue->properties, buf_bytes(&tbs), &issue->certificate);
    if (!status) {
        reserve.reservation = (struct reservation){
            .at = clock_now(), .serial = form.serial, .tbs = tbs.data, .tbs_size = tbs.size, .key_index = issuer->key_index,
            .summary = {.publish_dn = issue->certificate.publish_dn, .template_name = issue->certificate.template_name}};
        status = store_write(authority->store, reserve_store, &reserve, error); /* D1 */
    }
    if (!status)
        status = sign_and_commit(authority, issue->caller, issue->request, &issue->certificate, buf_bytes(&tbs),
                                 reserve.audit_number, error); /* D2 */
    buf_free(&tbs);
    return status;
}

/* ---- after a crash ---- */

static int recover_collect(const struct reservation *reservation, void *argument)
{
    struct authority *authority = argument;
    uint64_t *more = realloc(authority->unrecovered, (authority->unrecovered_count + 1) * sizeof *more);
    if (!more)
        return INTERNAL;
    authority->unrecovered = more;
    more[authority->unrecovered_count++] = reservation->id;
    return OK;
}

/* Does what the reservation was made for still stand: its age, its template as adopted then? */
static bool recover_stands(struct authority *authority, const struct reservation *reservation)
{
    struct template template;
    uint8_t digest[32];
    struct error none = ERROR_NONE;
    if (clock_now() - reservation->at > RESERVATION_COMPLETE_S || !reservation->request.template_name)
        return false;
    if (template_adopted(authority, reservation->request.template_name, &template, digest, &none))
        return false;
    template_free(&template);
    return memcmp(digest, reservation->request.template_digest, 32) == 0;
}

/* The record of a reservation's certificate, read back from its TBS through a certificate with a dummy signature. */
static int recover_record(struct authority *authority, const struct reservation *r, struct certificate *record, struct error *error)
{
    uint8_t dummy[64] = {0x30, 6, 2, 1, 1, 2, 1, 1};
    struct buf der = BUF_EMPTY;
    struct certificate_facts facts = {0};
    const struct issuer *issuer = authority_issuer_of_key(authority, r->key_index, error);
    int status = issuer ? certificate_assemble(bytes_of(r->tbs, r->tbs_size), buf_bytes(&issuer->algorithm), bytes_of(dummy, 8), &der,
                                               error) : error->status;
    if (!status)
        status = certificate_read(buf_bytes(&der), &facts, error);
    if (!status) {
        struct properties names = {.subject = facts.subject, .names = facts.names, .name_count = facts.name_count};
        record->serial = r->serial;
        record->not_before = facts.not_before;
        record->not_after = facts.not_after;
        record->key_index = r->key_index;
        record->revocation_reason = -1;
        memcpy(record->spki_sha256, facts.spki_sha256, 32);
        record->subject = copy_text(facts.subject);
        record->template_name = copy_text(r->request.template_name);
        record->requester = copy_text(r->request.requester);
        record->publish_dn = copy_text(r->summary.publish_dn);
        status = record->subject && record->requester ? record_names(record, &names) : INTERNAL;
    }
    certificate_facts_free(&facts);
    buf_free(&der);
    return status;
}

static int recover_one(struct authority *authority, uint64_t id, const struct identity *daemon, struct error *error)
{
    struct reservation reservation = {0};
    struct certificate record = {0};
    struct error why = ERROR_NONE;
    int status = reservations_get(authority->store, id, &reservation, error);
    if (status)
        return status;
    reservation.request.id = id;
    if (!recover_stands(authority, &reservation)) {
        error_set(&why, REFUSED, "request.interrupted", "the CA stopped while this certificate was being made: submit again");
        issue_failed(authority, daemon, &reservation.request, &why);
    } else {
        status = recover_record(authority, &reservation, &record, &why);
        if (!status)
            status = sign_and_commit(authority, daemon, &reservation.request, &record,
                                     bytes_of(reservation.tbs, reservation.tbs_size), 0, &why);
        if (status)
            log_warn("request %llu, interrupted by a stop, could not be completed: %s", (unsigned long long)id, why.message);
        else
            log_notice("request %llu, interrupted by a stop, is issued now", (unsigned long long)id);
    }
    certificate_record_free(&record);
    reservation_free(&reservation);
    return OK;
}

int issue_recover_left(struct authority *authority, struct error *error)
{
    struct identity daemon = {.uid = -1, .account = (char *)"chanceryd"};
    struct error wait = ERROR_NONE;
    int status = OK;
    if (!authority->unrecovered_count || signing_check(authority, &wait))
        return OK;
    for (size_t i = 0; i < authority->unrecovered_count && !status; i++)
        status = recover_one(authority, authority->unrecovered[i], &daemon, error);
    authority->unrecovered_count = 0;
    return status;
}

int issue_recover(struct authority *authority, struct error *error)
{
    int status = reservations_each(authority->store, recover_collect, authority, error);
    return status ? status : issue_recover_left(authority, error);
}
