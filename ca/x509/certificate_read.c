/* Reading certificates: limits by the walker first, fields by the walker, signatures and printing by GnuTLS.
 * Tolerant of what other CAs write as long as it is well-formed; what we sign is judged by lint.c. */
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/oid.h"
#include "ca/base/text.h"
#include "ca/x509/certificate.h"
#include "ca/x509/extension.h"
#include "ca/x509/key.h"
#include "ca/x509/tbs.h"

#define CERTIFICATE_EXTENSIONS_MAX 64
#define CERTIFICATE_NAMES_MAX 1000

int tbs_split(struct bytes tbs, struct tbs_view *out, const char **what)
{
    struct tlv item, time;
    struct bytes rest;
    uint64_t version = 0;

    memset(out, 0, sizeof(*out));
    *what = "it is not a TBSCertificate (RFC 5280 4.1)";
    if (walk_only(tbs, DER_SEQUENCE, &rest) != OK)
        return BAD_DATA;
    if (walk_is(rest, DER_CONTEXT_OPEN(0))) {
        struct bytes number;

        if (walk_next(&rest, &item) != OK || walk_only(item.content, DER_INTEGER, &number) != OK || walk_number(number, &version) != OK || version > 2)
            return BAD_DATA;
    }
    out->version = (unsigned)version + 1;
    if (walk_expect(&rest, DER_INTEGER, &item) != OK)
        return BAD_DATA;
    out->serial = item.content;
    if (walk_expect(&rest, DER_SEQUENCE, &item) != OK)
        return BAD_DATA;
    out->algorithm = item.whole;
    if (walk_expect(&rest, DER_SEQUENCE, &item) != OK)
        return BAD_DATA;
    out->issuer = item.whole;
    if (walk_expect(&rest, DER_SEQUENCE, &item) != OK)
        return BAD_DATA;
    *what = "its validity is malformed (RFC 5280 4.1.2.5)";
    if (walk_next(&item.content, &time) != OK || walk_time(out->not_before_tag = time.tag, time.content, &out->not_before) != OK ||
        walk_next(&item.content, &time) != OK || walk_time(out->not_after_tag = time.tag, time.content, &out->not_after) != OK ||
        item.content.size != 0)
        return BAD_DATA;
    *what = "it is not a TBSCertificate (RFC 5280 4.1)";
    if (walk_expect(&rest, DER_SEQUENCE, &item) != OK)
        return BAD_DATA;
    out->subject = item.whole;
    if (walk_expect(&rest, DER_SEQUENCE, &item) != OK)
        return BAD_DATA;
    out->spki = item.whole;
    for (uint8_t n = 1; n <= 2; n++) /* issuerUniqueID, subjectUniqueID */
        if (walk_is(rest, DER_CONTEXT(n))) {
            out->unique_ids = true;
            if (walk_next(&rest, &item) != OK)
                return BAD_DATA;
        }
    if (walk_is(rest, DER_CONTEXT_OPEN(3))) {
        if (walk_next(&rest, &item) != OK)
            return BAD_DATA;
        out->extensions = item.content;
    }
    return rest.size == 0 ? OK : BAD_DATA;
}

static int certificate_split(struct bytes der, struct bytes *tbs, struct bytes *algorithm)
{
    struct tlv item, signature;
    struct bytes rest;

    if (walk_only(der, DER_SEQUENCE, &rest) != OK || walk_expect(&rest, DER_SEQUENCE, &item) != OK)
        return BAD_DATA;
    *tbs = item.whole;
    if (walk_expect(&rest, DER_SEQUENCE, &item) != OK || walk_expect(&rest, DER_BITS, &signature) != OK || rest.size != 0)
        return BAD_DATA;
    *algorithm = item.whole;
    return OK;
}

static int keep(struct buf *to, struct bytes from)
{
    buf_add(to, from.data, from.size);
    return to->failed ? INTERNAL : OK;
}

/* ---- what the extensions say ---- */

static int take_names(struct certificate_facts *out, struct bytes value, const char **what)
{
    return general_names_read(value, CERTIFICATE_NAMES_MAX, &out->names, &out->name_count, what);
}

static int take_usage(struct certificate_facts *out, struct bytes value, const char **what)
{
    struct bytes content;

    *what = "its key usage is malformed";
    return walk_only(value, DER_BITS, &content) == OK ? walk_usage(content, WALK_LIMITS, &out->key_usage) : BAD_DATA;
}

static int take_ekus(struct certificate_facts *out, struct bytes value, const char **what)
{
    *what = "its extended key usage is malformed";
    return extension_read_ekus(value, &out->ekus);
}

static int take_basic(struct certificate_facts *out, struct bytes value, const char **what)
{
    *what = "its basic constraints are malformed";
    return extension_read_basic_constraints(value, &out->ca, &out->path_length);
}

static int take_key_id(struct certificate_facts *out, struct bytes value, const char **what)
{
    struct bytes key_id;

    *what = "its subject key identifier is malformed";
    return extension_read_key_id(value, &key_id) == OK ? keep(&out->key_id, key_id) : BAD_DATA;
}

static int take_authority_key_id(struct certificate_facts *out, struct bytes value, const char **what)
{
    struct bytes key_id;

    *what = "its authority key identifier is malformed";
    return extension_read_authority_key_id(value, &key_id) == OK ? keep(&out->authority_key_id, key_id) : BAD_DATA;
}

static const struct {
    const char *oid;
    int (*take)(struct certificate_facts *out, struct bytes value, const char **what);
} takers[] = {
    {OID_SAN, take_names},           {OID_KEY_USAGE, take_usage}, {OID_EKU, take_ekus},
    {OID_BASIC_CONSTRAINTS, take_basic}, {OID_SKI, take_key_id},  {OID_AKI, take_authority_key_id},
};

static int take_extensions(struct certificate_facts *out, struct bytes extensions, const char **what)
{
    int status;

    if (extensions.size == 0)
        return OK;
    status = extensions_read(extensions, WALK_LIMITS, CERTIFICATE_EXTENSIONS_MAX, &out->extensions, &out->extension_count, what);
    for (size_t i = 0; i < sizeof(takers) / sizeof(takers[0]) && status == OK; i++) {
        const struct extension *extension = extension_find(out->extensions, out->extension_count, takers[i].oid);

        if (extension != NULL)
            status = takers[i].take(out, bytes_of(extension->value, extension->size), what);
    }
    return status;
}

/* ---- signatures ---- */

static int import(struct bytes der, gnutls_x509_crt_t *out, struct error *error)
{
    gnutls_datum_t datum = {(unsigned char *)der.data, (unsigned)der.size};
    int code = gnutls_x509_crt_init(out);

    if (code != 0)
        return error_memory(error);
    if ((code = gnutls_x509_crt_import(*out, &datum, GNUTLS_X509_FMT_DER)) == 0)
        return OK;
    gnutls_x509_crt_deinit(*out);
    *out = NULL;
    return error_set(error, BAD_DATA, "certificate.der", "it is not a certificate: %s", gnutls_strerror(code));
}

static bool signed_by(gnutls_x509_crt_t certificate, gnutls_x509_crt_t issuer, struct bytes tbs)
{
    gnutls_datum_t signature = {NULL, 0}, data = {(unsigned char *)tbs.data, (unsigned)tbs.size};
    gnutls_pubkey_t key = NULL;
    size_t size = 0;
    bool good = false;

    if (gnutls_x509_crt_get_signature(certificate, NULL, &size) != GNUTLS_E_SHORT_MEMORY_BUFFER || (signature.data = malloc(size)) == NULL)
        goto out;
    if (gnutls_x509_crt_get_signature(certificate, (char *)signature.data, &size) != 0)
        goto out;
    signature.size = (unsigned)size;
    if (gnutls_pubkey_init(&key) == 0 && gnutls_pubkey_import_x509(key, issuer, 0) == 0)
        good = gnutls_pubkey_verify_data2(key, (gnutls_sign_algorithm_t)gnutls_x509_crt_get_signature_algorithm(certificate), 0, &data,
                                          &signature) >= 0;
out:
    if (key != NULL)
        gnutls_pubkey_deinit(key);
    free(signature.data);
    return good;
}

int certificate_check_signature(struct bytes der, struct bytes issuer_der, struct error *error)
{
    gnutls_x509_crt_t certificate = NULL, issuer = NULL;
    struct bytes tbs, algorithm;
    struct walk_fault fault;
    int status;

    if (der.size > CERTIFICATE_SIZE_MAX || issuer_der.size > CERTIFICATE_SIZE_MAX || walk_check(der, WALK_LIMITS, &fault) != OK ||
        walk_check(issuer_der, WALK_LIMITS, &fault) != OK || certificate_split(der, &tbs, &algorithm) != OK) {
        status = error_set(error, BAD_DATA, "certificate.der", "it is not a certificate in DER");
        goto out;
    }
    if ((status = import(der, &certificate, error)) != OK || (status = import(issuer_der, &issuer, error)) != OK)
        goto out;
    if (!signed_by(certificate, issuer, tbs))
        status = error_set(error, REFUSED, "certificate.signature",
                           "the certificate's signature was not made by the key of the certificate that should have issued it");
out:
    if (certificate != NULL)
        gnutls_x509_crt_deinit(certificate);
    if (issuer != NULL)
        gnutls_x509_crt_deinit(issuer);
    return status;
}

/* ---- reading ---- */

static int take_fields(const struct tbs_view *tbs, struct certificate_facts *out, const char **what, struct error *error)
{
    struct key_facts key;
    int status;

    if (walk_serial(tbs->serial, &out->serial) != OK) {
        *what = "its serial number is negative, longer than 20 octets or not in its shortest form";
        return BAD_DATA;
    }
    out->not_before = tbs->not_before;
    out->not_after = tbs->not_after;
    if ((status = name_to_text(tbs->subject, &out->subject, error)) != OK || (status = name_to_text(tbs->issuer, &out->issuer, error)) != OK ||
        (status = key_describe(tbs->spki, &key, error)) != OK)
        return status;
    memcpy(out->key_text, key.text, sizeof(out->key_text));
    sha256_of(tbs->spki, out->spki_sha256);
    if (keep(&out->subject_name, tbs->subject) != OK || keep(&out->issuer_name, tbs->issuer) != OK || keep(&out->spki, tbs->spki) != OK)
        return INTERNAL;
    return take_extensions(out, tbs->extensions, what);
}

int certificate_read(struct bytes der, struct certificate_facts *out, struct error *error)
{
    gnutls_x509_crt_t certificate = NULL;
    struct bytes tbs = {NULL, 0}, algorithm = {NULL, 0};
    struct walk_fault fault;
    struct tbs_view view;
    const char *what = "it is not a certificate";
    int status = BAD_DATA;

    memset(out, 0, sizeof(*out));
    out->path_length = -1;
    if (der.size > CERTIFICATE_SIZE_MAX) {
        what = "it is larger than 128 KiB";
        goto out;
    }
    if (walk_check(der, WALK_LIMITS, &fault) != OK) {
        what = fault.what;
        goto out;
    }
    if (certificate_split(der, &tbs, &algorithm) != OK || tbs_split(tbs, &view, &what) != OK)
        goto out;
    if (!bytes_equal(view.algorithm, algorithm)) {
        what = "its inner and outer signature algorithms differ (RFC 5280 4.1.1.2)";
        goto out;
    }
    if ((status = take_fields(&view, out, &what, error)) != OK || (status = import(der, &certificate, error)) != OK)
        goto out;
    out->self_signed = bytes_equal(view.subject, view.issuer) && signed_by(certificate, certificate, tbs);
    sha1_of(der, out->sha1);
    sha256_of(der, out->sha256);
out:
    if (status == BAD_DATA)
        error_set(error, BAD_DATA, "certificate.der", "the certificate cannot be read: %s", what);
    else if (status == INTERNAL)
        error_memory(error);
    if (status != OK)
        certificate_facts_free(out);
    if (certificate != NULL)
        gnutls_x509_crt_deinit(certificate);
    return status;
}

void certificate_facts_free(struct certificate_facts *facts)
{
    free(facts->subject);
    free(facts->issuer);
    buf_free(&facts->subject_name);
    buf_free(&facts->issuer_name);
    buf_free(&facts->key_id);
    buf_free(&facts->authority_key_id);
    buf_free(&facts->spki);
    general_names_free(facts->names, facts->name_count);
    extensions_free(facts->extensions, facts->extension_count);
    strings_free(&facts->ekus);
    memset(facts, 0, sizeof(*facts));
}

/* ---- the CA as an issuer ---- */

static void take_version(const struct certificate_facts *facts, struct issuer *out)
{
    const struct extension *version = extension_find(facts->extensions, facts->extension_count, OID_CA_VERSION);
    struct bytes content;
    uint64_t number;

    if (version == NULL || walk_only(bytes_of(version->value, version->size), DER_INTEGER, &content) != OK ||
        walk_number(content, &number) != OK || number > UINT32_MAX)
        return;
    out->certificate_index = (unsigned)(number & 0xffff);
    out->key_index = (unsigned)(number >> 16);
}

int issuer_from_certificate(struct bytes der, struct issuer *out, struct error *error)
{
    struct certificate_facts facts;
    int status;

    memset(out, 0, sizeof(*out));
    if ((status = certificate_read(der, &facts, error)) != OK)
        return status;
    if (!facts.ca) {
        status = error_set(error, BAD_DATA, "issuer.not_ca", "the certificate of \"%.200s\" is no CA certificate: its basic constraints do not say CA:TRUE",
                           facts.subject);
        goto out;
    }
    if ((status = key_identifier(buf_bytes(&facts.spki), out->key_id, error)) != OK ||
        (status = key_signature_algorithm(buf_bytes(&facts.spki), &out->algorithm, error)) != OK)
        goto out;
    keep(&out->certificate, der);
    keep(&out->name, buf_bytes(&facts.subject_name));
    keep(&out->spki, buf_bytes(&facts.spki));
    keep(&out->key_id_value, facts.key_id.size > 0 ? buf_bytes(&facts.key_id) : bytes_of(out->key_id, sizeof(out->key_id)));
    out->subject = strdup(facts.subject);
    out->not_before = facts.not_before;
    out->not_after = facts.not_after;
    take_version(&facts, out);
    if (out->subject == NULL || out->certificate.failed || out->name.failed || out->spki.failed || out->key_id_value.failed)
        status = error_memory(error);
out:
    certificate_facts_free(&facts);
    if (status != OK)
        issuer_free(out);
    return status;
}

void issuer_free(struct issuer *issuer)
{
    buf_free(&issuer->certificate);
    buf_free(&issuer->name);
    buf_free(&issuer->spki);
    buf_free(&issuer->algorithm);
    buf_free(&issuer->key_id_value);
    free(issuer->subject);
    strings_free(&issuer->cdp_urls);
    strings_free(&issuer->aia_urls);
    strings_free(&issuer->ocsp_urls);
    memset(issuer, 0, sizeof(*issuer));
}

/* ---- text for people ---- */

/* Line by line: the sanitiser would escape the newlines themselves, and must, because a name could bring its own. */
static void add_lines(struct buf *out, const char *text, size_t size)
{
    const char *end = text + size, *line_end;

    while (text < end && *text != '\0') {
        line_end = memchr(text, '\n', (size_t)(end - text));
        if (line_end == NULL)
            line_end = end;
        for (; text < line_end && *text == '\t'; text++)
            buf_add_text(out, "    ");
        text_sanitise(out, text, (size_t)(line_end - text));
        buf_add_byte(out, '\n');
        text = line_end < end ? line_end + 1 : end;
    }
}

static int print_request(struct bytes der, gnutls_datum_t *text)
{
    gnutls_datum_t datum = {(unsigned char *)der.data, (unsigned)der.size};
    gnutls_x509_crq_t request = NULL;
    int code = gnutls_x509_crq_init(&request);

    if (code != 0)
        return code;
    if ((code = gnutls_x509_crq_import(request, &datum, GNUTLS_X509_FMT_DER)) == 0)
        code = gnutls_x509_crq_print(request, GNUTLS_CRT_PRINT_FULL, text);
    gnutls_x509_crq_deinit(request);
    return code;
}

int certificate_print(struct bytes der, struct buf *out, struct error *error)
{
    gnutls_datum_t text = {NULL, 0};
    gnutls_x509_crt_t certificate = NULL;
    struct walk_fault fault;
    int code = GNUTLS_E_ASN1_DER_ERROR;

    if (der.size <= CERTIFICATE_SIZE_MAX && walk_check(der, WALK_LIMITS, &fault) == OK) {
        if (import(der, &certificate, NULL) == OK)
            code = gnutls_x509_crt_print(certificate, GNUTLS_CRT_PRINT_FULL, &text);
        else
            code = print_request(der, &text);
    }
    if (code == 0)
        add_lines(out, (const char *)text.data, text.size);
    if (certificate != NULL)
        gnutls_x509_crt_deinit(certificate);
    gnutls_free(text.data);
    if (code != 0)
        return error_set(error, BAD_DATA, "certificate.der", "neither a certificate nor a request: %s", gnutls_strerror(code));
    return out->failed ? error_memory(error) : OK;
}
