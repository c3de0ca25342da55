/* Imports: certificates that this CA's key signed elsewhere, one or a whole former database's. Nothing that comes with them is
 * trusted: each carries this CA's signature and an unused serial, or stays outside. An imported one has no holder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/authority_bulk.h"
#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"

#define NOBODY_UID (-2) /* -1 is the daemon itself; no peer has either */
#define CRL_NUMBER_MAX (UINT64_C(1) << 62) /* so far above any that our own still rise for ever */

struct importing {
    struct authority *authority;
    const struct identity *caller;
    const struct import *import;
    struct import_result *result;
    struct buf der;
    struct certificate_facts facts;
    struct request request;
    struct certificate certificate;
    uint64_t known; /* RequestID when it is here already */
    unsigned key_index; /* of the CA's key that signed it */
    bool writes;    /* there is something to store */
};

/* ---- may it come in? ---- */

/* The one of the CA's certificates that it was issued under; of one key any of them tells the key. */
static int issuer_find(struct importing *i, struct error *error)
{
    const struct issuer *issuers[CA_CERTIFICATES_MAX];
    size_t count = authority_issuers(i->authority, issuers);
    bool named = false;
    int status = REFUSED;
    for (size_t n = 0; n < count && status == REFUSED; n++) {
        struct error why = ERROR_NONE;
        if (!bytes_equal(buf_bytes(&i->facts.issuer_name), buf_bytes(&issuers[n]->name)))
            continue;
        named = true;
        status = certificate_check_signature(buf_bytes(&i->der), buf_bytes(&issuers[n]->certificate), &why);
        i->key_index = issuers[n]->key_index;
        if (status && status != REFUSED)
            return error_set(error, status, why.reason, "%s", why.message);
    }
    if (!named)
        return error_set(error, REFUSED, "import.issuer", "the certificate of %.200s was issued by %.200s, not by this CA", i->facts.subject,
                         i->facts.issuer);
    if (status)
        return error_set(error, REFUSED, "import.signature",
                         "the certificate of %.200s bears this CA's name, but its signature was not made by this CA's key", i->facts.subject);
    return OK;
}

static int issuer_check(struct importing *i, struct error *error)
{
    if (authority_own_key(i->authority, buf_bytes(&i->facts.spki)) >= 0)
        return error_set(error, REFUSED, "import.own_certificate", "this is a certificate of the CA itself, not one that it issued to somebody");
    int status = issuer_find(i, error);
    if (!status && i->facts.ca)
        status = error_set(error, REFUSED, "import.ca_certificate", "%.200s is a CA's certificate: subordinate CAs are not taken over by import",
                           i->facts.subject);
    return status;
}

/* *known: the request that holds this very certificate. */
static int serial_check(struct importing *i, struct error *error)
{
    struct certificate other = {0};
    struct error none = ERROR_NONE;
    char text[2 * SERIAL_MAX + 1];
    uint64_t owner = 0;
    int status = serials_owner(i->authority->store, &i->facts.serial, &owner, error);
    if (status || !owner)
        return status;
    if (!certificates_get(i->authority->store, owner, &other, &none) && memcmp(other.sha256, i->facts.sha256, 32) == 0)
        i->known = owner;
    else
        status = error_set(error, REFUSED, "import.serial", "serial %s is taken by another certificate, that of request %llu",
                           serial_text(&i->facts.serial, text), (unsigned long long)owner);
    certificate_record_free(&other);
    return status;
}

static int revocation_check(const struct import *import, int64_t now, struct error *error)
{
    if (!import->revoked)
        return OK;
    if (strcmp(revocation_reason_name(import->reason), "unknown") == 0 || import->reason == 8)
        return error_set(error, BAD_DATA, "import.reason", "revocation reason %d does not exist (RFC 5280 5.3.1)", import->reason);
    if (import->revoked_at <= 0 || import->revoked_at > now + 60 || import->invalid_since > now)
        return error_set(error, BAD_DATA, "import.date", "the date of a revocation that is taken over lies in the past");
    return OK;
}

static int import_read(struct importing *i, struct error *error)
{
    static const char *const labels[] = {"CERTIFICATE", "TRUSTED CERTIFICATE", NULL};
    struct error why = ERROR_NONE;
    int status = i->import->certificate.size > 2 * CERTIFICATE_SIZE_MAX
                     ? error_set(error, BAD_DATA, "import.form", "a certificate has at most %d KiB", CERTIFICATE_SIZE_MAX / 1024)
                     : pem_or_der(i->import->certificate, labels, &i->der, NULL, &why);
    if (!status)
        status = certificate_read(buf_bytes(&i->der), &i->facts, &why);
    if (status)
        return error_set(error, status, status == BAD_DATA ? "import.form" : why.reason, "%s", why.message);
    if (!i->facts.serial.size || (i->facts.serial.size == 1 && !i->facts.serial.octets[0]))
        return error_set(error, BAD_DATA, "import.form", "the certificate's serial number is zero (RFC 5280 4.1.2.2)");
    const struct serial *said = &i->import->serial;
    if (said->size && !bytes_equal(bytes_of(said->octets, said->size), bytes_of(i->facts.serial.octets, i->facts.serial.size)))
        return error_set(error, REFUSED, "import.serial_differs", "the certificate of %.200s has another serial number than it should",
                         i->facts.subject);
    status = serial_check(i, error);
    if (!status && i->known && !i->import->takeover)
        status = error_set(error, REFUSED, "import.known", "this certificate is here already: request %llu", (unsigned long long)i->known);
    if (!status && !i->known)
        status = issuer_check(i, error);
    return status ? status : revocation_check(i->import, clock_now(), error);
}

/* ---- the rows ---- */

static int names_text(const struct certificate_facts *facts, struct strings *names)
{
    int status = OK;
    for (size_t n = 0; n < facts->name_count && !status; n++) {
        struct buf text = BUF_EMPTY;
        buf_printf(&text, "%s:%s", name_kind_name(facts->names[n].kind), facts->names[n].value);
        status = text.failed ? INTERNAL : strings_add_n(names, buf_text(&text), text.size);
        buf_free(&text);
    }
    return status;
}

static int request_make(struct importing *i)
{
    struct request *request = &i->request;
    request->disposition = i->import->revoked ? DISPOSITION_REVOKED : DISPOSITION_FOREIGN;
    request->submitted_at = request->resolved_at = clock_now();
    request->requester_uid = NOBODY_UID;
    request->requester = strdup("");
    request->subject = strdup(i->facts.subject);
    request->key_text = strdup(i->facts.key_text);
    request->decided_by = strdup(i->caller->account);
    request->message = strdup("imported");
    request->reason = strdup("import.done");
    request->serial = i->facts.serial;
    memcpy(request->spki_sha256, i->facts.spki_sha256, 32);
    bool there = request->requester && request->subject && request->key_text && request->decided_by && request->message && request->reason;
    return there ? names_text(&i->facts, &request->names) : INTERNAL;
}

static int certificate_make(struct importing *i)
{
    struct certificate *certificate = &i->certificate;
    struct properties names = {.subject = i->facts.subject, .names = i->facts.names, .name_count = i->facts.name_count};
    certificate->serial = i->facts.serial;
    certificate->der = i->der.data; /* the record owns it now */
    certificate->der_size = i->der.size;
    i->der = (struct buf)BUF_EMPTY;
    certificate->not_before = i->facts.not_before;
    certificate->not_after = i->facts.not_after;
    certificate->key_index = i->key_index;
    certificate->revocation_reason = i->import->revoked ? i->import->reason : -1;
    certificate->revoked_at = i->import->revoked ? i->import->revoked_at : 0;
    certificate->invalid_since = i->import->revoked ? i->import->invalid_since : 0;
    memcpy(certificate->sha1, i->facts.sha1, 20);
    memcpy(certificate->sha256, i->facts.sha256, 32);
    memcpy(certificate->spki_sha256, i->facts.spki_sha256, 32);
    certificate->subject = strdup(i->facts.subject);
    certificate->requester = strdup("");
    return certificate->subject && certificate->requester ? record_names(certificate, &names) : INTERNAL;
}

static void import_audit(struct importing *i, struct store_txn *txn, const char *outcome)
{
    char serial[2 * SERIAL_MAX + 1], at[TIME_TEXT_SIZE];
    struct buf detail = BUF_EMPTY;
    buf_printf(&detail, "serial %s", serial_text(&i->facts.serial, serial));
    if (i->import->revoked)
        buf_printf(&detail, ", revoked %s (%s)", time_format(i->import->revoked_at, at), revocation_reason_name(i->import->reason));
    authority_audit(i->authority, txn, i->caller, "certificate.import", authority_object(i->certificate.id).text, outcome, "",
                    buf_text(&detail));
    buf_free(&detail);
}

/* In a closure: request and certificate are revoked as the former database had it. */
static void revocation_put(struct importing *i, struct store_txn *txn, const struct request *request, const struct certificate *certificate)
{
    struct revocation row = {.id = request->id, .serial = certificate->serial, .revoked_at = certificate->revoked_at,
                             .invalid_since = certificate->invalid_since, .not_after = certificate->not_after,
                             .reason = certificate->revocation_reason, .key_index = certificate->key_index,
                             .crl_partition = certificate->crl_partition};
    revoked_put(txn, &row);
    struct event event = authority_event(EVENT_REVOKED, request, certificate);
    authority_emit(i->authority, txn, &event);
}

static int import_new(struct store_txn *txn, struct importing *i, struct error *error)
{
    uint64_t owner = 0;
    int status = serials_owner_txn(txn, &i->facts.serial, &owner);
    if (!status && owner)
        return error_set(error, REFUSED, "import.serial", "the serial was taken meanwhile, by request %llu", (unsigned long long)owner);
    i->request.id = i->certificate.id = counter_next(txn, "request");
    requests_put(txn, &i->request);
    certificates_put(txn, &i->certificate);
    struct event event = authority_event(EVENT_IMPORTED, &i->request, &i->certificate);
    authority_emit(i->authority, txn, &event);
    if (i->import->revoked)
        revocation_put(i, txn, &i->request, &i->certificate);
    import_audit(i, txn, "imported");
    return store_txn_failed(txn);
}

/* It is here; what its former database says of its revocation is new. */
static int import_revocation(struct store_txn *txn, struct importing *i)
{
    struct request request = {0};
    struct certificate certificate = {0};
    int status = requests_get_txn(txn, i->known, &request);
    if (!status)
        status = certificates_get_txn(txn, i->known, &certificate);
    if (!status && certificate.revocation_reason < 0) {
        certificate.revocation_reason = i->import->reason;
        certificate.revoked_at = i->import->revoked_at;
        certificate.invalid_since = i->import->invalid_since;
        request.disposition = DISPOSITION_REVOKED;
        request.resolved_at = clock_now();
        certificates_put(txn, &certificate);
        requests_put(txn, &request);
        revocation_put(i, txn, &request, &certificate);
        i->certificate.id = i->known;
        import_audit(i, txn, "revoked");
        i->result->revoked = true;
    }
    certificate_record_free(&certificate);
    request_free(&request);
    return store_txn_failed(txn);
}

/* ---- a page of them: judged one by one, stored in one closure ---- */

struct import_page {
    struct importing *items;
    size_t count;
};

static int import_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct import_page *page = argument;
    (void)error;
    for (size_t n = 0; n < page->count && !store_txn_failed(txn); n++) {
        struct importing *i = &page->items[n];
        if (!i->writes)
            continue;
        error_clear(&i->result->why); /* this may run a second time */
        i->result->revoked = false;
        if (i->known)
            import_revocation(txn, i);
        else
            import_new(txn, i, &i->result->why);
    }
    return store_txn_failed(txn);
}

static void importing_free(struct importing *i)
{
    buf_free(&i->der);
    certificate_facts_free(&i->facts);
    request_free(&i->request);
    certificate_record_free(&i->certificate);
}

/* OK: it may come in, or why not stands in i->result. */
static int import_prepare(struct importing *i, struct error *error)
{
    struct import_result *result = i->result;
    int status = import_read(i, &result->why);
    i->writes = !status && (!i->known || i->import->revoked);
    result->expired = !status && i->facts.not_after < clock_now();
    result->known = !status && i->known;
    if (i->writes && !i->known && (request_make(i) || certificate_make(i)))
        return error_memory(error);
    if (status && status != REFUSED && status != BAD_DATA)
        return error_set(error, status, result->why.reason, "%s", result->why.message);
    return OK;
}

/* One that stays outside harms no other. */
static void import_finish(struct importing *i)
{
    struct import_result *result = i->result;
    if (result->why.status) {
        authority_audit_refusal(i->authority, i->caller, "certificate.import", i->facts.subject ? i->facts.subject : "", &result->why);
        return;
    }
    result->id = i->known ? i->known : i->request.id;
    result->revoked |= !i->known && i->import->revoked;
}

int authority_import(struct authority *authority, const struct identity *caller, const struct import *imports, size_t count,
                     struct import_result *results, struct error *error)
{
    struct import_page page = {.items = calloc(count ? count : 1, sizeof *page.items), .count = count};
    bool writes = false;
    int status = !authority_issuer(authority, error) ? error->status : !page.items ? error_memory(error) : OK;
    for (size_t n = 0; n < count && !status; n++) {
        results[n] = (struct import_result){.why = ERROR_NONE};
        page.items[n] = (struct importing){.authority = authority, .caller = caller, .import = &imports[n], .result = &results[n]};
        status = import_prepare(&page.items[n], error);
        writes |= page.items[n].writes;
    }
    if (!status && writes)
        status = store_write(authority->store, import_store, &page, error);
    for (size_t n = 0; n < count && !status; n++)
        import_finish(&page.items[n]);
    if (status)
        authority_audit_refusal(authority, caller, "certificate.import", "", error);
    for (size_t n = 0; n < count && page.items; n++)
        importing_free(&page.items[n]);
    free(page.items);
    return status;
}

/* ---- the CRL number ---- */

struct raising {
    struct authority *authority;
    const struct identity *caller;
    size_t keys;
    uint64_t number, highest;
};

/* Whichever of the CA's keys signed their CRLs, its series lies above theirs now: numbers have gaps anyway. */
static int raise_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct raising *r = argument;
    char object[48];
    bool raised = false;
    (void)error;
    r->highest = 0;
    for (unsigned key = 0; key < r->keys; key++) {
        uint64_t highest = crls_highest_number_txn(txn, key);
        raised |= r->number > highest;
        crls_raise_highest(txn, key, r->number);
        r->highest = highest > r->highest ? highest : r->highest;
    }
    r->highest = r->number > r->highest ? r->number : r->highest;
    snprintf(object, sizeof object, "CRL number %llu", (unsigned long long)r->number);
    if (raised)
        authority_audit(r->authority, txn, r->caller, "certificate.import", object, "raised", "", "ours lie above it from now on");
    return store_txn_failed(txn);
}

int authority_import_crl_number(struct authority *authority, const struct identity *caller, uint64_t number, uint64_t *next,
                                struct error *error)
{
    struct raising raising = {.authority = authority, .caller = caller, .number = number, .keys = authority_key_count(authority)};
    int64_t now = clock_now();
    int status = authority_issuer(authority, error) ? OK : error->status;
    if (!status && number > CRL_NUMBER_MAX)
        status = error_set(error, BAD_DATA, "import.crl_number", "CRL number %llu is too high to be true: numbers above it could run out",
                           (unsigned long long)number);
    if (!status)
        status = store_write(authority->store, raise_store, &raising, error);
    if (status)
        authority_audit_refusal(authority, caller, "certificate.import", "CRL number", error);
    *next = raising.highest + 1 > (uint64_t)now ? raising.highest + 1 : (uint64_t)now;
    return status;
}
