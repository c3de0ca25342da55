/* The lint before the key: what this CA's key may sign, judged on the walker's view, and for certificates once more on how
 * GnuTLS understands the same octets. Pure. A row of a table is a rule. */
#include "ca/x509/lint.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#include "ca/base/encode.h"
#include "ca/base/oid.h"
#include "ca/base/text.h"
#include "ca/x509/extension.h"
#include "ca/x509/key.h"
#include "ca/x509/request_info.h"
#include "ca/x509/tbs.h"

#define TBS_SIZE_MAX 65536
#define TBS_EXTENSIONS_MAX 40
#define BACKDATING_MAX_S 86400 /* clock skew and a slow officer; more would hide when it was signed */
#define YEAR_2050 INT64_C(2524608000)

struct view { /* one TBSCertificate as all rules see it */
    const struct lint_limits *limits;
    int64_t now;
    struct tbs_view tbs;
    struct serial serial;
    struct extension_view extensions[TBS_EXTENSIONS_MAX];
    size_t extension_count;
    bool ca, own_key, other_key, self_signed, subject_empty;
    int path_length;
    unsigned key_usage;
    struct strings ekus;
};

#define refuse(error, reason, what) error_set(error, REFUSED, reason, "the signer's lint refuses it: %s", what)

static const struct extension_view *find(const struct view *view, const char *oid)
{
    for (size_t i = 0; i < view->extension_count; i++)
        if (strcmp(view->extensions[i].oid, oid) == 0)
            return &view->extensions[i];
    return NULL;
}

/* ---- making the view ---- */

static int take_extensions(struct view *view, struct error *error)
{
    struct extension_view *next;
    struct bytes rest;
    const char *what;

    if (view->tbs.extensions.size == 0 || walk_only(view->tbs.extensions, DER_SEQUENCE, &rest) != OK || rest.size == 0)
        return refuse(error, "lint.extensions", "it has no extensions, or an empty list of them (RFC 5280 4.1.2.9)");
    while (rest.size > 0) {
        if (view->extension_count == TBS_EXTENSIONS_MAX)
            return refuse(error, "lint.extensions", "it has too many extensions");
        next = &view->extensions[view->extension_count];
        if (extension_next(&rest, WALK_STRICT, next, &what) != OK)
            return refuse(error, "lint.extensions", what);
        if (find(view, next->oid) != NULL)
            return refuse(error, "lint.duplicate", "an extension stands there twice (RFC 5280 4.2)");
        view->extension_count++;
    }
    return OK;
}

static int take_meaning(struct view *view, struct error *error)
{
    const struct extension_view *basic = find(view, OID_BASIC_CONSTRAINTS), *usage = find(view, OID_KEY_USAGE), *ekus = find(view, OID_EKU);
    int status;

    view->path_length = -1;
    if (basic != NULL && extension_read_basic_constraints(basic->value, &view->ca, &view->path_length) != OK)
        return refuse(error, "lint.basic_constraints", "basic constraints are malformed (RFC 5280 4.2.1.9)");
    if (usage != NULL && extension_read_usage(usage->value, &view->key_usage) != OK)
        return refuse(error, "lint.key_usage", "key usage is malformed (RFC 5280 4.2.1.3)");
    status = ekus != NULL ? extension_read_ekus(ekus->value, &view->ekus) : OK;
    if (status == INTERNAL)
        return error_memory(error);
    return status == OK ? OK : refuse(error, "lint.eku", "extended key usage is malformed, empty, or names one twice (RFC 5280 4.2.1.12)");
}

static int make_view(struct bytes tbs, struct view *view, struct error *error)
{
    struct bytes subject = {NULL, 0};
    struct walk_fault fault;
    const char *what;
    int status;

    if (tbs.size > TBS_SIZE_MAX)
        return refuse(error, "lint.size", "it is larger than 64 KiB");
    if (walk_check(tbs, WALK_STRICT, &fault) != OK)
        return error_set(error, REFUSED, "lint.der", "the signer's lint refuses it: not DER at octet %zu, %s", fault.offset, fault.what);
    if (tbs_split(tbs, &view->tbs, &what) != OK)
        return refuse(error, "lint.der", what);
    view->own_key = bytes_equal(view->tbs.spki, view->limits->own_spki);
    for (size_t i = 0; i < view->limits->other_spki_count; i++)
        view->other_key |= bytes_equal(view->tbs.spki, view->limits->other_spkis[i]);
    view->self_signed = view->own_key && bytes_equal(view->tbs.subject, view->tbs.issuer);
    view->subject_empty = walk_only(view->tbs.subject, DER_SEQUENCE, &subject) == OK && subject.size == 0;
    if ((status = take_extensions(view, error)) != OK)
        return status;
    return take_meaning(view, error);
}

/* ---- rules ---- */

static int rule_version(struct view *view, struct error *error)
{
    if (view->tbs.version != 3 || view->tbs.unique_ids)
        return refuse(error, "lint.version", "it is not version 3, or has unique identifiers (RFC 5280 4.1.2.1, 4.1.2.8)");
    return OK;
}

static int rule_serial(struct view *view, struct error *error)
{
    if (walk_serial(view->tbs.serial, &view->serial) != OK || (view->serial.size == 1 && view->serial.octets[0] == 0))
        return refuse(error, "lint.serial", "its serial number is not positive, or longer than 20 octets (RFC 5280 4.1.2.2)");
    return OK;
}

static int rule_algorithm(struct view *view, struct error *error)
{
    if (!bytes_equal(view->tbs.algorithm, view->limits->algorithm))
        return refuse(error, "lint.algorithm", "its signature algorithm is not that of this CA's key (RFC 5280 4.1.1.2)");
    return OK;
}

static int rule_issuer(struct view *view, struct error *error)
{
    const char *what;

    if (!bytes_equal(view->tbs.issuer, view->limits->issuer_name))
        return refuse(error, "lint.issuer", "its issuer is not this CA, octet for octet (RFC 5280 4.1.2.4)");
    if (name_check(view->tbs.subject, NAME_ISSUE, &what) != OK)
        return refuse(error, "lint.subject", what);
    return OK;
}

/* The CA's name on another key would be another CA of the same name. */
static int rule_own_name(struct view *view, struct error *error)
{
    if ((view->own_key && !view->self_signed) || (view->other_key && !bytes_equal(view->tbs.subject, view->tbs.issuer)))
        return refuse(error, "lint.own_key", "it certifies the CA's own key under another name");
    if (!view->own_key && bytes_equal(view->tbs.subject, view->tbs.issuer) && !view->ca)
        return refuse(error, "lint.own_name", "it gives the CA's own name to another key");
    return OK;
}

static bool time_form(uint8_t tag, int64_t at)
{
    return (tag == DER_UTC_TIME) == (at < YEAR_2050);
}

static int rule_validity(struct view *view, struct error *error)
{
    const struct tbs_view *tbs = &view->tbs;
    const struct lint_limits *limits = view->limits;

    if (!time_form(tbs->not_before_tag, tbs->not_before) || !time_form(tbs->not_after_tag, tbs->not_after))
        return refuse(error, "lint.time", "a time before 2050 is not UTCTime, or a later one is (RFC 5280 4.1.2.5)");
    if (tbs->not_after <= tbs->not_before || tbs->not_after <= view->now)
        return refuse(error, "lint.validity", "it ends before it begins, or has already expired (RFC 5280 4.1.2.5)");
    if (tbs->not_before < view->now - BACKDATING_MAX_S)
        return refuse(error, "lint.backdated", "its validity begins more than a day ago; compare the clocks");
    if (limits->validity_max_s > 0 && tbs->not_after - tbs->not_before > limits->validity_max_s)
        return refuse(error, "lint.validity", "it is valid for longer than signer.conf allows");
    if (limits->not_after_max != 0 && tbs->not_after > limits->not_after_max)
        return refuse(error, "lint.validity", "it outlives the CA certificate, or what signer.conf allows");
    return OK;
}

static int rule_key(struct view *view, struct error *error)
{
    struct error inner = ERROR_NONE;
    struct key_facts key;

    if (key_check(view->tbs.spki, &key, &inner) != OK)
        return refuse(error, "lint.key", inner.message);
    return OK;
}

/* Form and criticality of each, from the table in extension_read.c. */
static int rule_extensions(struct view *view, struct error *error)
{
    const char *what;

    for (size_t i = 0; i < view->extension_count; i++)
        if (extension_check(&view->extensions[i], view->ca, &what) != OK)
            return refuse(error, "lint.extension", what);
    return OK;
}

static int rule_subject_names(struct view *view, struct error *error)
{
    const struct extension_view *san = find(view, OID_SAN);

    if (view->subject_empty && (view->ca || san == NULL))
        return refuse(error, "lint.subject", "it has no subject where one is needed: CA certificates, and those without alternative names (RFC 5280 4.1.2.6)");
    if (san != NULL && san->critical != view->subject_empty)
        return refuse(error, "lint.san_critical", "its alternative names are critical although it has a subject, or not although it has none (RFC 5280 4.2.1.6)");
    return OK;
}

static int rule_key_ids(struct view *view, struct error *error)
{
    const struct extension_view *subject = find(view, OID_SKI), *authority = find(view, OID_AKI);
    struct bytes wanted = view->limits->authority_key_id, found;

    if (wanted.size == 0)
        wanted = bytes_of(view->limits->key_id, sizeof(view->limits->key_id));
    if (subject == NULL)
        return refuse(error, "lint.ski", "it has no subject key identifier (RFC 5280 4.2.1.2)");
    if (authority == NULL)
        return view->self_signed ? OK : refuse(error, "lint.aki", "it has no authority key identifier (RFC 5280 4.2.1.1)");
    if (extension_read_authority_key_id(authority->value, &found) != OK || !bytes_equal(found, wanted))
        return refuse(error, "lint.aki", "its authority key identifier is not this CA's (RFC 5280 4.2.1.1)");
    return OK;
}

static int rule_key_usage(struct view *view, struct error *error)
{
    if (view->key_usage == 0)
        return refuse(error, "lint.key_usage", "it has no key usage (RFC 5280 4.2.1.3)");
    if (!view->self_signed && (view->key_usage & ~view->limits->key_usages) != 0)
        return refuse(error, "lint.key_usage", "a key usage of it is not allowed by signer.conf");
    if (!view->ca && (view->key_usage & KEY_USAGE_CERT_SIGN) != 0)
        return refuse(error, "lint.key_usage", "it may sign certificates without being a CA (RFC 5280 4.2.1.3)");
    if (view->ca && (view->key_usage & KEY_USAGE_CERT_SIGN) == 0)
        return refuse(error, "lint.key_usage", "a CA certificate that may not sign certificates (RFC 5280 4.2.1.9)");
    return OK;
}

static int rule_ekus(struct view *view, struct error *error)
{
    char message[256];

    if (view->ekus.count == 0)
        return view->ca ? OK : refuse(error, "lint.eku", "it has no extended key usage; without one it would be good for everything");
    for (size_t i = 0; i < view->ekus.count; i++) {
        if (strcmp(view->ekus.items[i], OID_EKU_ANY) == 0)
            return refuse(error, "lint.eku_any", "anyExtendedKeyUsage is never signed");
        if (view->limits->ekus != NULL && strings_contain(view->limits->ekus, view->ekus.items[i]))
            continue;
        snprintf(message, sizeof(message), "the extended key usage %s (%s) is not allowed by signer.conf", view->ekus.items[i],
                 oid_name(view->ekus.items[i]));
        return refuse(error, "lint.eku_not_allowed", message);
    }
    return OK;
}

static int rule_ca(struct view *view, struct error *error)
{
    struct buf hex = BUF_EMPTY;
    uint8_t digest[32];
    int status = OK;
    bool listed;

    if (!view->ca)
        return view->self_signed ? refuse(error, "lint.ca", "a self-signed certificate of this CA must be a CA certificate") : OK;
    sha256_of(view->tbs.spki, digest);
    hex_encode(&hex, bytes_of(digest, sizeof(digest)));
    listed = view->limits->ca_spki != NULL && strings_contain_nocase(view->limits->ca_spki, buf_text(&hex));
    if (!listed)
        status = error_set(error, REFUSED, "lint.ca_not_listed",
                  "the signer's lint refuses it: CA:TRUE for a key that root has not listed; its SPKI has the SHA-256 %s (ca_spki in signer.conf)",
                  buf_text(&hex));
    buf_free(&hex);
    return status;
}

/* ---- the second opinion ---- */

static bool same_usage(gnutls_x509_crt_t certificate, const struct view *view)
{
    unsigned usage = 0, critical;

    return gnutls_x509_crt_get_key_usage(certificate, &usage, &critical) == 0 && (usage & 0x80ff) == view->key_usage;
}

static bool same_ca(gnutls_x509_crt_t certificate, const struct view *view)
{
    unsigned critical, ca = 0;
    int path_length = -1, code = gnutls_x509_crt_get_basic_constraints(certificate, &critical, &ca, &path_length);

    if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        return !view->ca && find(view, OID_BASIC_CONSTRAINTS) == NULL;
    return code >= 0 && (ca != 0) == view->ca && path_length == view->path_length;
}

static bool same_serial(gnutls_x509_crt_t certificate, const struct view *view)
{
    uint8_t serial[64];
    size_t size = sizeof(serial);

    return gnutls_x509_crt_get_serial(certificate, serial, &size) == 0 && bytes_equal(bytes_of(serial, size), view->tbs.serial);
}

static bool same_times(gnutls_x509_crt_t certificate, const struct view *view)
{
    return gnutls_x509_crt_get_version(certificate) == 3 && gnutls_x509_crt_get_activation_time(certificate) == view->tbs.not_before &&
           gnutls_x509_crt_get_expiration_time(certificate) == view->tbs.not_after;
}

static bool same_count(gnutls_x509_crt_t certificate, const struct view *view)
{
    char oid[OID_TEXT_SIZE];
    size_t size = sizeof(oid);
    unsigned critical;

    if (gnutls_x509_crt_get_extension_info(certificate, (unsigned)view->extension_count - 1, oid, &size, &critical) != 0)
        return false;
    size = sizeof(oid);
    return gnutls_x509_crt_get_extension_info(certificate, (unsigned)view->extension_count, oid, &size, &critical) ==
           GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
}

static int second_opinion(struct bytes tbs, const struct view *view, struct error *error)
{
    static const uint8_t dummy[64];
    gnutls_x509_crt_t certificate = NULL;
    struct buf der = BUF_EMPTY;
    gnutls_datum_t datum;
    int status;

    if ((status = certificate_assemble(tbs, view->tbs.algorithm, bytes_of(dummy, sizeof(dummy)), &der, error)) != OK)
        goto out;
    datum = (gnutls_datum_t){der.data, (unsigned)der.size};
    if (gnutls_x509_crt_init(&certificate) != 0)
        status = error_memory(error);
    else if (gnutls_x509_crt_import(certificate, &datum, GNUTLS_X509_FMT_DER) != 0)
        status = refuse(error, "lint.import", "GnuTLS does not read it as a certificate");
    else if (!same_usage(certificate, view) || !same_ca(certificate, view) || !same_serial(certificate, view) ||
             !same_times(certificate, view) || !same_count(certificate, view))
        status = refuse(error, "lint.differs", "GnuTLS understands it in another way than the strict reader does");
out:
    if (certificate != NULL)
        gnutls_x509_crt_deinit(certificate);
    buf_free(&der);
    return status;
}

static int (*const rules[])(struct view *view, struct error *error) = {
    rule_version, rule_serial,     rule_algorithm, rule_issuer,    rule_own_name, rule_validity, rule_ca,
    rule_key,     rule_extensions, rule_key_ids,   rule_key_usage, rule_ekus,     rule_subject_names,
};

int lint_certificate(struct bytes tbs, const struct lint_limits *limits, int64_t now, struct serial *serial, struct error *error)
{
    struct view view = {.limits = limits, .now = now};
    int status = make_view(tbs, &view, error);

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && status == OK; i++)
        status = rules[i](&view, error);
    if (status == OK)
        status = second_opinion(tbs, &view, error);
    if (status == OK)
        *serial = view.serial;
    strings_free(&view.ekus);
    return status;
}

int lint_crl(struct bytes tbs, const struct lint_limits *limits, struct crl_facts *facts, struct error *error)
{
    struct bytes wanted = limits->authority_key_id;
    struct error inner = ERROR_NONE;

    if (wanted.size == 0)
        wanted = bytes_of(limits->key_id, sizeof(limits->key_id));
    if (crl_tbs_walk(tbs, facts, &inner) != OK)
        return refuse(error, "lint.crl", inner.message);
    if (!bytes_equal(facts->issuer_name, limits->issuer_name))
        return refuse(error, "lint.issuer", "the CRL's issuer is not this CA, octet for octet (RFC 5280 5.1.2.3)");
    if (!bytes_equal(facts->algorithm, limits->algorithm))
        return refuse(error, "lint.algorithm", "the CRL's signature algorithm is not that of this CA's key (RFC 5280 5.1.1.2)");
    if (!facts->has_number)
        return refuse(error, "lint.crl_number", "the CRL has no number (RFC 5280 5.2.3)");
    if (facts->delta_base != 0 && facts->delta_base >= facts->number)
        return refuse(error, "lint.crl_number", "the delta CRL's base is not below its own number (RFC 5280 5.2.4)");
    if (!bytes_equal(facts->authority_key_id, wanted))
        return refuse(error, "lint.aki", "the CRL's authority key identifier is missing or not this CA's (RFC 5280 5.2.1)");
    return OK;
}

int lint_pkcs10(struct bytes info, const struct lint_limits *limits, struct error *error)
{
    struct request_info view;
    struct walk_fault fault;
    const char *what;

    if (info.size > TBS_SIZE_MAX || walk_check(info, WALK_STRICT, &fault) != OK || request_info_split(info, &view) != OK ||
        !request_attributes_sorted(view.attributes))
        return refuse(error, "lint.der", "it is not a CertificationRequestInfo in DER (RFC 2986 4.1)");
    if (name_check(view.subject, NAME_ISSUE, &what) != OK)
        return refuse(error, "lint.subject", what);
    if (!bytes_equal(view.spki, limits->own_spki))
        return refuse(error, "lint.own_key", "the request is not for this CA's own key, and this key signs requests for no other");
    return OK;
}
