/* Reading requests: size, form, counts and names by the walker, before GnuTLS sees anything; then the key and the proof of
 * possession. Making requests is in pkcs10_make.c. RFC 2986. */
#include "ca/x509/pkcs10.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/oid.h"
#include "ca/x509/certificate.h"
#include "ca/x509/extension.h"
#include "ca/x509/key.h"
#include "ca/x509/request_info.h"

#define ATTRIBUTES_IN_REQUEST_MAX 64

int request_info_split(struct bytes info, struct request_info *out)
{
    struct tlv item;
    struct bytes rest;
    uint64_t version;

    memset(out, 0, sizeof(*out));
    if (walk_only(info, DER_SEQUENCE, &rest) != OK || walk_expect(&rest, DER_INTEGER, &item) != OK ||
        walk_number(item.content, &version) != OK || version != 0 || walk_expect(&rest, DER_SEQUENCE, &item) != OK)
        return BAD_DATA;
    out->subject = item.whole;
    if (walk_expect(&rest, DER_SEQUENCE, &item) != OK)
        return BAD_DATA;
    out->spki = item.whole;
    /* RFC 2986 wants [0] even when it is empty; some clients leave it out, and GnuTLS takes that */
    if (rest.size > 0) {
        if (walk_expect(&rest, DER_CONTEXT_OPEN(0), &item) != OK)
            return BAD_DATA;
        out->attributes = item.content;
    }
    return rest.size == 0 ? OK : BAD_DATA;
}

int request_attribute_next(struct bytes *rest, char oid[OID_TEXT_SIZE], struct bytes *values)
{
    struct tlv item, field;

    if (walk_expect(rest, DER_SEQUENCE, &item) != OK || walk_expect(&item.content, DER_OID, &field) != OK ||
        walk_oid(field.content, oid) != OK || walk_expect(&item.content, DER_SET, &field) != OK || item.content.size != 0)
        return BAD_DATA;
    *values = field.content;
    return OK;
}

bool request_attributes_sorted(struct bytes attributes)
{
    struct bytes before = {NULL, 0};
    struct tlv item;

    while (attributes.size > 0 && walk_next(&attributes, &item) == OK) {
        if (before.data != NULL && bytes_compare(before, item.whole) > 0)
            return false;
        before = item.whole;
    }
    return true;
}

static int split_request(struct bytes der, struct request_info *info, struct error *error)
{
    struct tlv whole, item;
    struct bytes rest;
    unsigned unused;
    struct bytes bits;

    if (walk_only(der, DER_SEQUENCE, &rest) != OK || walk_expect(&rest, DER_SEQUENCE, &whole) != OK ||
        walk_expect(&rest, DER_SEQUENCE, &item) != OK || walk_expect(&rest, DER_BITS, &item) != OK || rest.size != 0 ||
        walk_bits(item.content, &unused, &bits) != OK || unused != 0 || request_info_split(whole.whole, info) != OK)
        return error_set(error, BAD_DATA, "request.der", "it is not a PKCS#10 request (RFC 2986); make one with `openssl req -new` or `certtool --generate-request`");
    if (!request_attributes_sorted(info->attributes))
        return error_set(error, BAD_DATA, "request.der",
                         "the attributes of the request are not in DER order (SET OF, X.690 11.6), which the library refuses with "
                         "code -89; make the request with another tool or a newer release of this one");
    return OK;
}

static int check_form(struct bytes der, struct error *error)
{
    struct walk_fault fault;

    if (der.size > PKCS10_SIZE_MAX)
        return error_set(error, BAD_DATA, "request.size", "the request has %zu octets; at most %d are taken", der.size, PKCS10_SIZE_MAX);
    if (walk_check(der, WALK_STRICT, &fault) != OK)
        return error_set(error, BAD_DATA, "request.der", "it is not a PKCS#10 request in DER: at octet %zu, %s", fault.offset, fault.what);
    return OK;
}

/* ---- attributes and their extensions ---- */

static bool holds_extensions(const char *oid)
{
    return strcmp(oid, OID_EXTENSION_REQUEST) == 0 || strcmp(oid, OID_MS_CERT_EXTENSIONS) == 0;
}

/* Counts without reading: the limit must hold before anything is allocated. */
static size_t count_extensions(struct bytes attributes)
{
    char oid[OID_TEXT_SIZE];
    struct bytes values, list;
    struct tlv value, item;
    size_t count = 0;

    while (attributes.size > 0 && request_attribute_next(&attributes, oid, &values) == OK)
        while (holds_extensions(oid) && values.size > 0 && walk_next(&values, &value) == OK)
            for (list = value.content; list.size > 0 && walk_next(&list, &item) == OK;)
                count++;
    return count;
}

static int read_attributes(struct bytes attributes, struct pkcs10 *out, struct error *error)
{
    char oid[OID_TEXT_SIZE];
    struct bytes values;
    struct tlv value;
    const char *what = NULL;
    int status = OK;

    for (size_t count = 0; attributes.size > 0 && status == OK; count++) {
        if (count == ATTRIBUTES_IN_REQUEST_MAX || request_attribute_next(&attributes, oid, &values) != OK)
            return error_set(error, BAD_DATA, "request.der", "an attribute of the request is malformed, or there are more than %d",
                             ATTRIBUTES_IN_REQUEST_MAX);
        while (holds_extensions(oid) && values.size > 0 && status == OK) {
            if (walk_next(&values, &value) != OK)
                return error_set(error, BAD_DATA, "request.der", "an extension request is malformed");
            status = extensions_read(value.whole, WALK_STRICT, PKCS10_EXTENSIONS_MAX, &out->extensions, &out->extension_count, &what);
        }
    }
    if (status == BAD_DATA)
        return error_set(error, BAD_DATA, "request.extensions", "the extensions that the request asks for cannot be taken: %s", what);
    return status == OK ? OK : error_memory(error);
}

static int read_extensions(struct bytes attributes, struct pkcs10 *out, struct error *error)
{
    size_t count = count_extensions(attributes);
    int status;

    if (count > PKCS10_EXTENSIONS_MAX)
        return error_set(error, BAD_DATA, "request.extensions", "the request asks for %zu extensions; at most %d are taken", count, PKCS10_EXTENSIONS_MAX);
    if ((status = read_attributes(attributes, out, error)) != OK)
        return status;
    for (size_t i = 0; i < out->extension_count; i++)
        out->extensions[i].origin = ORIGIN_REQUEST;
    return OK;
}

static size_t count_names(struct bytes value)
{
    struct bytes list;
    struct tlv item;
    size_t count = 0;

    if (walk_only(value, DER_SEQUENCE, &list) == OK)
        while (list.size > 0 && walk_next(&list, &item) == OK)
            count++;
    return count;
}

static int read_names(struct pkcs10 *out, struct error *error)
{
    const struct extension *san = extension_find(out->extensions, out->extension_count, OID_SAN);
    const char *what = NULL;
    struct bytes value;
    int status;

    if (san == NULL)
        return OK;
    value = bytes_of(san->value, san->size);
    if (count_names(value) > PKCS10_NAMES_MAX)
        return error_set(error, BAD_DATA, "request.names", "the request holds %zu alternative names; at most %d are taken", count_names(value),
                         PKCS10_NAMES_MAX);
    status = general_names_read(value, PKCS10_NAMES_MAX, &out->names, &out->name_count, &what);
    if (status == BAD_DATA)
        return error_set(error, BAD_DATA, "request.name", "the alternative names in the request cannot be taken: %s", what);
    return status == OK ? OK : error_memory(error);
}

static int read_subject(struct bytes subject, struct pkcs10 *out, struct error *error)
{
    const char *what;

    if (name_check(subject, NAME_REQUEST, &what) != OK)
        return error_set(error, BAD_DATA, "request.name", "the subject in the request cannot be taken: %s", what);
    return name_to_text(subject, &out->subject, error);
}

static int read_key(struct bytes spki, struct pkcs10 *out, struct error *error)
{
    struct key_facts key;
    int status = key_check(spki, &key, error);

    if (status != OK)
        return status;
    buf_add(&out->spki, spki.data, spki.size);
    sha256_of(spki, out->spki_sha256);
    memcpy(out->key_algorithm, key.algorithm, sizeof(out->key_algorithm));
    memcpy(out->key_text, key.text, sizeof(out->key_text));
    out->key_bits = key.bits;
    return out->spki.failed ? error_memory(error) : OK;
}

/* ---- proof of possession ---- */

/* What may sign a request. The library takes SHA-1 under ECDSA (tried: 3.7.9), so its own judgement is not enough. */
static bool signature_is_sound(struct bytes algorithm)
{
    static const char *const sound[] = {
        "1.2.840.113549.1.1.11", "1.2.840.113549.1.1.12", "1.2.840.113549.1.1.13", /* RSA with SHA-256, 384, 512 */
        "1.2.840.10045.4.3.2",   "1.2.840.10045.4.3.3",   "1.2.840.10045.4.3.4",   /* ECDSA with the same */
        "1.3.101.112",                                                             /* Ed25519 */
    };
    static const char *const digests[] = {"2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3"};
    struct bytes parameters, hash;
    struct tlv item;
    char oid[OID_TEXT_SIZE];

    if (walk_expect(&algorithm, DER_OID, &item) != OK || walk_oid(item.content, oid) != OK)
        return false;
    for (size_t i = 0; i < sizeof(sound) / sizeof(sound[0]); i++)
        if (strcmp(oid, sound[i]) == 0)
            return true;
    if (strcmp(oid, "1.2.840.113549.1.1.10") != 0) /* RSASSA-PSS: its digest is a parameter, SHA-1 where none is named (RFC 4055 3.1) */
        return false;
    if (walk_only(algorithm, DER_SEQUENCE, &parameters) != OK || walk_expect(&parameters, DER_CONTEXT_OPEN(0), &item) != OK ||
        walk_only(item.content, DER_SEQUENCE, &hash) != OK || walk_expect(&hash, DER_OID, &item) != OK || walk_oid(item.content, oid) != OK)
        return false;
    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
        if (strcmp(oid, digests[i]) == 0)
            return true;
    return false;
}

/* split_request has seen that these three are there. */
static int check_signature_algorithm(struct bytes der, struct error *error)
{
    struct bytes rest = {NULL, 0};
    struct tlv item = {0};

    if (walk_only(der, DER_SEQUENCE, &rest) == OK && walk_next(&rest, &item) == OK && walk_expect(&rest, DER_SEQUENCE, &item) == OK &&
        signature_is_sound(item.content))
        return OK;
    return error_set(error, BAD_DATA, "request.signature_algorithm",
                     "the request is signed with an algorithm that is broken or not known here (MD5 and SHA-1 are broken); sign it with SHA-256");
}

static int check_signature(struct bytes der, struct error *error)
{
    gnutls_datum_t datum = {(unsigned char *)der.data, (unsigned)der.size};
    gnutls_x509_crq_t request = NULL;
    int code, status = OK;

    if (gnutls_x509_crq_init(&request) != 0)
        return error_memory(error);
    if ((code = gnutls_x509_crq_import(request, &datum, GNUTLS_X509_FMT_DER)) != 0)
        status = error_set(error, BAD_DATA, "request.der", "the library cannot read the request: %s (%d)", gnutls_strerror(code), code);
    else if ((code = gnutls_x509_crq_verify(request, 0)) == GNUTLS_E_INSUFFICIENT_SECURITY)
        status = error_set(error, BAD_DATA, "request.signature_algorithm", "the request is signed with a broken algorithm; sign it with SHA-256");
    else if (code != 0)
        status = error_set(error, BAD_DATA, "request.signature",
                           "the request's signature does not verify with its own key: whoever sent it does not show that he holds "
                           "the key, or the request was changed; make a new one");
    gnutls_x509_crq_deinit(request);
    return status;
}

int pkcs10_read(struct bytes der, struct pkcs10 *out, struct error *error)
{
    struct request_info info;
    int status;

    memset(out, 0, sizeof(*out));
    if ((status = check_form(der, error)) != OK || (status = split_request(der, &info, error)) != OK ||
        (status = read_subject(info.subject, out, error)) != OK || (status = read_extensions(info.attributes, out, error)) != OK ||
        (status = read_names(out, error)) != OK || (status = read_key(info.spki, out, error)) != OK)
        goto out;
    sha256_of(der, out->sha256);
    if ((status = check_signature_algorithm(der, error)) == OK)
        status = check_signature(der, error);
out:
    if (status != OK)
        pkcs10_free(out);
    return status;
}

void pkcs10_free(struct pkcs10 *pkcs10)
{
    free(pkcs10->subject);
    general_names_free(pkcs10->names, pkcs10->name_count);
    extensions_free(pkcs10->extensions, pkcs10->extension_count);
    buf_free(&pkcs10->spki);
    memset(pkcs10, 0, sizeof(*pkcs10));
}
