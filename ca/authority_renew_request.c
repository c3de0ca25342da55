/* Renewal of a certificate by its holder. Which certificate, is said by the signature over the request (CMS, ca/x509/cms.h) or by
 * the attribute RenewalCertificate of the authenticated requester; the first becomes the second, so that a resubmission looks at
 * the same. Whether it may be renewed by him, now and with this template, is a verdict like the policy's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/object.h"
#include "ca/x509/cms.h"
#include "ca/x509/tbs.h"

/* ---- the certificate that a request speaks of ---- */

static int find_one(struct authority *authority, enum certificate_key by, struct bytes key, struct certificate *out, struct error *error)
{
    uint64_t ids[2];
    size_t count = 0;
    memset(out, 0, sizeof *out);
    int status = certificates_find(authority->store, by, key, ids, 2, &count, error);
    return !status && count == 1 ? certificates_get(authority->store, ids[0], out, error) : status;
}

static bool issued_by(const struct certificate *certificate, struct bytes issuer)
{
    struct bytes whole;
    struct tlv tbs;
    struct tbs_view view;
    const char *what;
    return walk_only(bytes_of(certificate->der, certificate->der_size), DER_SEQUENCE, &whole) == OK &&
           walk_expect(&whole, DER_SEQUENCE, &tbs) == OK && tbs_split(tbs.whole, &view, &what) == OK && bytes_equal(view.issuer, issuer);
}

static bool has_key_id(struct bytes der, struct bytes key_id)
{
    struct certificate_facts facts;
    struct error none = ERROR_NONE;
    if (certificate_read(der, &facts, &none))
        return false;
    bool same = bytes_equal(buf_bytes(&facts.key_id), key_id);
    certificate_facts_free(&facts);
    return same;
}

/* By key identifier only what was sent along can be meant; it must be ours to the octet. */
static int find_by_key_id(struct authority *authority, const struct cms *cms, struct certificate *out, struct error *error)
{
    uint8_t digest[32];
    int status = OK;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < cms->certificate_count && !status && !out->der; i++) {
        if (!has_key_id(cms->certificates[i], cms->key_id))
            continue;
        sha256_of(cms->certificates[i], digest);
        status = find_one(authority, CERTIFICATE_BY_SHA256, bytes_of(digest, 32), out, error);
    }
    return status;
}

/* By issuer and serial, and where the signer's certificate was sent along, it too. */
static int find_by_serial(struct authority *authority, const struct cms *cms, struct certificate *out, struct error *error)
{
    int status = find_one(authority, CERTIFICATE_BY_SERIAL, bytes_of(cms->serial.octets, cms->serial.size), out, error);
    bool ours = !status && out->der && issued_by(out, cms->issuer);
    for (size_t i = 0; i < cms->certificate_count && ours; i++) {
        struct certificate sent = {.der = (uint8_t *)cms->certificates[i].data, .der_size = cms->certificates[i].size};
        struct certificate_facts facts;
        struct error none = ERROR_NONE;
        if (!issued_by(&sent, cms->issuer) || certificate_read(cms->certificates[i], &facts, &none))
            continue;
        if (facts.serial.size == cms->serial.size && memcmp(facts.serial.octets, cms->serial.octets, cms->serial.size) == 0)
            ours = bytes_equal(cms->certificates[i], bytes_of(out->der, out->der_size));
        certificate_facts_free(&facts);
    }
    if (!ours)
        certificate_record_free(out);
    return status;
}

/* What is not ours is named in words that name no object: its serial may well be that of one of ours. */
static void named_by(const struct cms *cms, const struct certificate *old, struct renewal *out)
{
    struct buf hex = BUF_EMPTY;
    if (old->der)
        hex_encode(&hex, bytes_of(old->sha256, 32));
    else if (cms->key_id.size)
        hex_encode(&hex, cms->key_id);
    else
        hex_encode(&hex, bytes_of(cms->serial.octets, cms->serial.size));
    snprintf(out->object, sizeof out->object, "%s%.100s", old->der ? "fp:" : cms->key_id.size ? "unknown key " : "unknown serial ", buf_text(&hex));
    out->id = old->der ? old->id : 0;
    buf_free(&hex);
}

/* ---- taking the request out of its envelope ---- */

static int content_take(struct bytes content, struct buf *der, struct error *error)
{
    static const char *const labels[] = {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", NULL};
    int status = pem_or_der(content, labels, der, NULL, error);
    return status == BAD_DATA ? error_prefix(error, "the signed content is no PKCS#10 request in DER or PEM (openssl cms needs -binary)") : status;
}

static int envelope_open(struct authority *authority, struct bytes der, struct renewal *out, struct error *error)
{
    struct cms cms;
    struct certificate old = {0};
    int status = cms_read(der, &cms, error);
    if (!status)
        status = cms.key_id.size ? find_by_key_id(authority, &cms, &old, error) : find_by_serial(authority, &cms, &old, error);
    if (!status && old.der) /* of a certificate that is not ours nothing is believed: the verdict says so */
        status = cms_verify(der, bytes_of(old.der, old.der_size), error);
    if (!status)
        named_by(&cms, &old, out);
    if (!status)
        status = content_take(cms.content, &out->pkcs10, error);
    certificate_record_free(&old);
    return status;
}

int renewal_open(struct authority *authority, struct bytes submitted, struct renewal *out, struct error *error)
{
    static const char *const labels[] = {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", "CMS", "PKCS7", "PKCS #7 SIGNED DATA", NULL};
    struct buf der = BUF_EMPTY;
    memset(out, 0, sizeof *out);
    if (submitted.size > 2 * CMS_SIZE_MAX)
        return error_set(error, BAD_DATA, "request.size", "the request is larger than %d octets", PKCS10_SIZE_MAX);
    int status = pem_or_der(submitted, labels, &der, NULL, error);
    if (status == BAD_DATA)
        return error_prefix(error, "this is no PKCS#10 request");
    if (!status && cms_is_signed(buf_bytes(&der))) {
        status = envelope_open(authority, buf_bytes(&der), out, error);
        buf_free(&der);
    } else if (!status) {
        out->pkcs10 = der; /* the renewal owns it now */
    }
    return status;
}

void renewal_free(struct renewal *renewal)
{
    buf_free(&renewal->pkcs10);
    memset(renewal, 0, sizeof *renewal);
}

/* ---- what is renewed ---- */

int renewal_attribute(struct request *request, const struct renewal *renewal, struct error *error)
{
    const char *given = request_attribute(request, RENEWAL_ATTRIBUTE);
    if (!*renewal->object)
        return OK;
    if (given)
        return error_set(error, BAD_DATA, "renewal.twice",
                         "the request is signed by the certificate to be renewed and names one besides (%s): leave one of the two out",
                         RENEWAL_ATTRIBUTE);
    return request_add_attribute(request, RENEWAL_ATTRIBUTE, renewal->object, ORIGIN_SERVER) ? error_memory(error) : OK;
}

static int object_find(struct authority *authority, const char *text, struct certificate *out, struct error *error)
{
    static const enum certificate_key keys[] = {[OBJECT_SERIAL] = CERTIFICATE_BY_SERIAL, [OBJECT_SHA1] = CERTIFICATE_BY_SHA1,
                                                [OBJECT_SHA256] = CERTIFICATE_BY_SHA256};
    struct object object;
    struct error why = ERROR_NONE;
    memset(out, 0, sizeof *out);
    if (object_parse(text, &object, &why))
        return OK; /* names nothing that we could know */
    if (object.kind != OBJECT_REQUEST)
        return find_one(authority, keys[object.kind], bytes_of(object.octets, object.size), out, error);
    int status = certificates_get(authority->store, object.id, out, &why);
    return status && status != REFUSED ? error_set(error, why.status, why.reason, "%s", why.message) : OK;
}

int renewal_find(struct authority *authority, const struct renewal *renewal, struct request *request, struct error *error)
{
    const char *object = request_attribute(request, RENEWAL_ATTRIBUTE);
    struct certificate old = {0};
    int status = OK;
    if (!object)
        return OK;
    if (!*renewal->object)
        status = object_find(authority, object, &old, error);
    else if (renewal->id) /* the one whose key signed, and no other that its name could mean */
        status = certificates_get(authority->store, renewal->id, &old, error);
    request->renewal_of = !status && old.der_size ? old.id : 0;
    if (!status && request->renewal_of && old.template_name && !request->template_name && !request_attribute(request, "CertificateTemplate")) {
        request->template_name = strdup(old.template_name);
        status = request->template_name ? OK : error_memory(error);
    }
    certificate_record_free(&old);
    return status;
}

/* ---- may it be renewed? ---- */

struct renewing {
    const struct request *request;
    const struct template *template;
    struct request old;
    struct certificate certificate;
    int64_t now;
};

static bool of_another(const struct renewing *r)
{
    const char *a = request_holder_dn(&r->old), *b = request_holder_dn(r->request);
    return a && b ? !dn_equal(a, b) : a || b || r->old.requester_uid != r->request->requester_uid;
}

static bool is_revoked(const struct renewing *r)
{
    return r->certificate.revocation_reason >= 0;
}

static bool is_expired(const struct renewing *r)
{
    return r->certificate.not_after <= r->now;
}

/* The same template, or one that supersedes it. */
static bool of_another_template(const struct renewing *r)
{
    const char *before = r->certificate.template_name;
    return !before || (strcmp(before, r->template->name) != 0 && !strings_contain(&r->template->supersedes, before));
}

static int64_t allowed_from(const struct renewing *r)
{
    return r->certificate.not_after - r->template->overlap_s;
}

/* A template without an overlap period sets no limit. */
static bool is_too_early(const struct renewing *r)
{
    return r->template->overlap_s > 0 && r->now < allowed_from(r);
}

static bool names_another(const struct renewing *r)
{
    struct bytes named;
    struct error none = ERROR_NONE;
    return pkcs10_renewed_certificate(bytes_of(r->request->pkcs10, r->request->pkcs10_size), &named, &none) ||
           (named.size && !bytes_equal(named, bytes_of(r->certificate.der, r->certificate.der_size)));
}

static const struct {
    bool (*hit)(const struct renewing *r);
    const char *reason, *why;
} rules[] = {
    {of_another, "renewal.requester", "it was issued to another requester"},
    {names_another, "renewal.other_certificate", "the request itself says that it renews another certificate"},
    {is_revoked, "renewal.revoked", "it is revoked, or on hold; ask for a new certificate"},
    {is_expired, "renewal.expired", "it has expired; ask for a new certificate"},
    {of_another_template, "renewal.template", "it is of another template, which this one does not supersede"},
    {is_too_early, "renewal.too_early", "it is too early"},
};

static void rules_judge(const struct renewing *r, struct renewal_fault *fault)
{
    char text[TIME_TEXT_SIZE];
    unsigned long long id = r->old.id;
    for (size_t i = 0; i < sizeof rules / sizeof *rules && !fault->reason; i++) {
        if (!rules[i].hit(r))
            continue;
        fault->reason = rules[i].reason;
        snprintf(fault->message, sizeof fault->message, "the certificate of request %llu cannot be renewed: %s", id, rules[i].why);
        if (rules[i].hit == is_too_early)
            snprintf(fault->message, sizeof fault->message,
                     "it is too early to renew the certificate of request %llu: template %s allows it from %s", id, r->template->name,
                     time_format(allowed_from(r), text));
    }
}

int renewal_judge(struct authority *authority, const struct request *request, const struct template *template,
                  struct renewal_fault *fault, struct error *error)
{
    struct renewing r = {.request = request, .template = template, .now = clock_now()};
    const char *object = request_attribute(request, RENEWAL_ATTRIBUTE);
    memset(fault, 0, sizeof *fault);
    if (!object)
        return OK;
    if (!request->renewal_of) {
        fault->reason = "renewal.not_ours";
        snprintf(fault->message, sizeof fault->message, "%.140s names no certificate of this CA, to the octet: nothing can be renewed", object);
        return OK;
    }
    int status = requests_get(authority->store, request->renewal_of, &r.old, error);
    if (!status)
        status = certificates_get(authority->store, request->renewal_of, &r.certificate, error);
    if (!status)
        rules_judge(&r, fault);
    request_free(&r.old);
    certificate_record_free(&r.certificate);
    return status;
}
