/* Reading and verifying renewal requests in CMS. RFC 5652 section 5; RFC 8419 for Ed25519. */
#include "ca/x509/cms.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/pkcs7.h>
#include <gnutls/x509.h>
#include <string.h>

#include "ca/x509/request_info.h"

#define OID_DATA "1.2.840.113549.1.7.1"
#define OID_SIGNED_DATA "1.2.840.113549.1.7.2"
#define OID_CONTENT_TYPE "1.2.840.113549.1.9.3"
#define OID_MESSAGE_DIGEST "1.2.840.113549.1.9.4"
#define OID_MS_RENEWAL_CERTIFICATE "1.3.6.1.4.1.311.13.1"

static const char *const digests[] = {"2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3"}; /* SHA-2 */

static int refuse(struct error *error, const char *what)
{
    return error_set(error, BAD_DATA, "renewal.form", "it is not a renewal request (CMS SignedData around a PKCS#10): %s", what);
}

static int expect_oid(struct bytes *rest, char oid[OID_TEXT_SIZE])
{
    struct tlv item;

    return walk_expect(rest, DER_OID, &item) == OK ? walk_oid(item.content, oid) : BAD_DATA;
}

/* ContentInfo: what stands in its [0]. */
static int open_content_info(struct bytes der, struct bytes *signed_data)
{
    char oid[OID_TEXT_SIZE];
    struct bytes rest;
    struct tlv item;

    if (walk_only(der, DER_SEQUENCE, &rest) != OK || expect_oid(&rest, oid) != OK || strcmp(oid, OID_SIGNED_DATA) != 0 ||
        walk_expect(&rest, DER_CONTEXT_OPEN(0), &item) != OK || rest.size != 0)
        return BAD_DATA;
    return walk_only(item.content, DER_SEQUENCE, signed_data);
}

bool cms_is_signed(struct bytes der)
{
    char oid[OID_TEXT_SIZE];
    struct tlv item;

    if (der.size < 2 || der.data[0] != DER_SEQUENCE)
        return false;
    if (der.data[1] == 0x80) { /* BER of indefinite length: said to be wrong by cms_read, in its words */
        der = bytes_of(der.data + 2, der.size - 2);
        return expect_oid(&der, oid) == OK && strcmp(oid, OID_SIGNED_DATA) == 0;
    }
    return walk_expect(&der, DER_SEQUENCE, &item) == OK && expect_oid(&item.content, oid) == OK && strcmp(oid, OID_SIGNED_DATA) == 0;
}

static size_t count_elements(struct bytes rest, size_t limit)
{
    struct tlv item;
    size_t count = 0;

    while (rest.size > 0 && count <= limit && walk_next(&rest, &item) == OK)
        count++;
    return count;
}

/* EncapsulatedContentInfo: id-data and the octets themselves. */
static int read_content(struct bytes *rest, struct cms *out, struct error *error)
{
    char oid[OID_TEXT_SIZE];
    struct tlv item, field;

    if (walk_expect(rest, DER_SEQUENCE, &item) != OK || expect_oid(&item.content, oid) != OK)
        return refuse(error, "the encapsulated content is malformed");
    if (strcmp(oid, OID_DATA) != 0)
        return refuse(error, "its content is not of the type id-data (a full CMC request is not taken)");
    if (item.content.size == 0)
        return refuse(error, "the request is not in it; sign with the content inside (openssl cms -sign -nodetach)");
    if (walk_expect(&item.content, DER_CONTEXT_OPEN(0), &field) != OK || item.content.size != 0 ||
        walk_only(field.content, DER_OCTETS, &out->content) != OK || out->content.size == 0)
        return refuse(error, "the encapsulated content is not one OCTET STRING");
    return OK;
}

static int read_certificates(struct bytes *rest, struct cms *out, struct error *error)
{
    struct tlv list, item;

    if (!walk_is(*rest, DER_CONTEXT_OPEN(0)))
        return OK;
    if (walk_next(rest, &list) != OK)
        return refuse(error, "the certificates in it are malformed");
    while (list.content.size > 0) {
        if (out->certificate_count == CMS_CERTIFICATES_MAX || walk_expect(&list.content, DER_SEQUENCE, &item) != OK)
            return refuse(error, "it carries more than 8 certificates, or something else among them");
        out->certificates[out->certificate_count++] = item.whole;
    }
    return OK;
}

/* SignerIdentifier: by issuer and serial, or by key identifier. */
static int read_signer_id(uint64_t version, struct bytes *rest, struct cms *out)
{
    struct tlv item, field;

    if (version == 3) {
        if (walk_expect(rest, DER_CONTEXT(0), &item) != OK || item.content.size == 0)
            return BAD_DATA;
        out->key_id = item.content;
        return OK;
    }
    if (version != 1 || walk_expect(rest, DER_SEQUENCE, &item) != OK || walk_expect(&item.content, DER_SEQUENCE, &field) != OK)
        return BAD_DATA;
    out->issuer = field.whole;
    if (walk_expect(&item.content, DER_INTEGER, &field) != OK || item.content.size != 0)
        return BAD_DATA;
    return walk_serial(field.content, &out->serial);
}

static int read_digest(struct bytes *rest, struct error *error)
{
    char oid[OID_TEXT_SIZE];
    struct tlv item;

    if (walk_expect(rest, DER_SEQUENCE, &item) != OK || expect_oid(&item.content, oid) != OK)
        return refuse(error, "the signer's digest algorithm is malformed");
    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
        if (strcmp(digests[i], oid) == 0)
            return OK;
    return error_set(error, BAD_DATA, "renewal.digest", "the renewal request is signed with the digest %s; sign it with SHA-256, SHA-384 or SHA-512", oid);
}

/* Each attribute of these two exactly once, with one value: what the signature covers must not be a matter of opinion. */
static int read_signed_attributes(struct bytes attributes, struct error *error)
{
    unsigned types = 0, messages = 0;

    if (count_elements(attributes, CMS_ATTRIBUTES_MAX) > CMS_ATTRIBUTES_MAX)
        return refuse(error, "its signer has more than 16 signed attributes");
    while (attributes.size > 0) {
        char oid[OID_TEXT_SIZE], value[OID_TEXT_SIZE];
        struct bytes values;

        if (request_attribute_next(&attributes, oid, &values) != OK)
            return refuse(error, "a signed attribute is malformed");
        bool type = strcmp(oid, OID_CONTENT_TYPE) == 0, message = strcmp(oid, OID_MESSAGE_DIGEST) == 0;
        if ((type || message) && count_elements(values, 2) != 1)
            return refuse(error, "a signed attribute has not exactly one value");
        if (type && (expect_oid(&values, value) != OK || strcmp(value, OID_DATA) != 0))
            return refuse(error, "the signed content type is not id-data");
        types += type;
        messages += message;
    }
    return types == 1 && messages == 1 ? OK : refuse(error, "its signed attributes are not one content type and one message digest");
}

static int read_signer(struct bytes signers, struct cms *out, struct error *error)
{
    struct tlv signer, item;
    struct bytes rest;
    uint64_t version;
    int status;

    if (count_elements(signers, 1) != 1 || walk_expect(&signers, DER_SEQUENCE, &signer) != OK || signers.size != 0)
        return refuse(error, "it has not exactly one signer, the key of the certificate to be renewed");
    rest = signer.content;
    if (walk_expect(&rest, DER_INTEGER, &item) != OK || walk_number(item.content, &version) != OK || read_signer_id(version, &rest, out) != OK)
        return refuse(error, "its signer is named neither by issuer and serial nor by a key identifier");
    if ((status = read_digest(&rest, error)) != OK)
        return status;
    if (walk_is(rest, DER_CONTEXT_OPEN(0))) {
        if (walk_next(&rest, &item) != OK)
            return refuse(error, "its signer is malformed");
        if ((status = read_signed_attributes(item.content, error)) != OK)
            return status;
    }
    if (walk_expect(&rest, DER_SEQUENCE, &item) != OK || walk_expect(&rest, DER_OCTETS, &item) != OK || item.content.size == 0)
        return refuse(error, "its signer has no signature");
    if (walk_is(rest, DER_CONTEXT_OPEN(1)) && walk_next(&rest, &item) != OK) /* unsigned attributes: a countersignature, say */
        return refuse(error, "its signer is malformed");
    return rest.size == 0 ? OK : refuse(error, "its signer is malformed");
}

int cms_read(struct bytes der, struct cms *out, struct error *error)
{
    struct walk_fault fault;
    struct bytes rest;
    struct tlv item;
    uint64_t version;
    int status;

    memset(out, 0, sizeof(*out));
    if (der.size > CMS_SIZE_MAX)
        return error_set(error, BAD_DATA, "renewal.size", "the renewal request has %zu octets; at most %d are taken", der.size, CMS_SIZE_MAX);
    if (walk_check(der, WALK_LIMITS, &fault) != OK)
        return error_set(error, BAD_DATA, "renewal.form", "the renewal request is not DER: at octet %zu, %s", fault.offset, fault.what);
    if (open_content_info(der, &rest) != OK || walk_expect(&rest, DER_INTEGER, &item) != OK || walk_number(item.content, &version) != OK ||
        (version != 1 && version != 3) || walk_expect(&rest, DER_SET, &item) != OK)
        return refuse(error, "the SignedData is malformed");
    if (count_elements(item.content, CMS_DIGESTS_MAX) > CMS_DIGESTS_MAX)
        return refuse(error, "it names more than 4 digest algorithms");
    if ((status = read_content(&rest, out, error)) != OK || (status = read_certificates(&rest, out, error)) != OK)
        return status;
    if (walk_is(rest, DER_CONTEXT_OPEN(1)))
        return refuse(error, "it carries revocation lists, which have no place in it");
    if (walk_expect(&rest, DER_SET, &item) != OK || rest.size != 0)
        return refuse(error, "the SignedData is malformed");
    return read_signer(item.content, out, error);
}

/* ---- the signature ---- */

static int verify(gnutls_pkcs7_t cms, gnutls_x509_crt_t signer, struct error *error)
{
    int code = gnutls_pkcs7_verify_direct(cms, signer, 0, NULL, 0);

    if (code == GNUTLS_E_MEMORY_ERROR)
        return error_memory(error);
    if (code == GNUTLS_E_INSUFFICIENT_SECURITY)
        return error_set(error, BAD_DATA, "renewal.digest", "the renewal request is signed with a broken algorithm; sign it with SHA-256");
    if (code < 0)
        return error_set(error, BAD_DATA, "renewal.signature",
                         "the renewal request is not signed by the key of the certificate that it names, or was changed after that: %s (%d)",
                         gnutls_strerror(code), code);
    return OK;
}

/* Can its key be used at all? Asked beforehand: where it cannot, GnuTLS (3.7.9) loses the memory that it took for it. */
static int check_key(gnutls_x509_crt_t signer, struct error *error)
{
    gnutls_pubkey_t key = NULL;
    int code, status = OK;

    if (gnutls_pubkey_init(&key) != 0)
        return error_memory(error);
    if ((code = gnutls_pubkey_import_x509(key, signer, 0)) < 0)
        status = error_set(error, BAD_DATA, "renewal.signature", "the key of the certificate to be renewed cannot be read: %s (%d)",
                           gnutls_strerror(code), code);
    gnutls_pubkey_deinit(key);
    return status;
}

int cms_verify(struct bytes der, struct bytes certificate, struct error *error)
{
    gnutls_datum_t octets = {(unsigned char *)der.data, (unsigned)der.size};
    gnutls_datum_t signer_octets = {(unsigned char *)certificate.data, (unsigned)certificate.size};
    gnutls_x509_crt_t signer = NULL;
    gnutls_pkcs7_t cms = NULL;
    int code, status;

    if (gnutls_pkcs7_init(&cms) != 0 || gnutls_x509_crt_init(&signer) != 0)
        status = error_memory(error);
    else if ((code = gnutls_pkcs7_import(cms, &octets, GNUTLS_X509_FMT_DER)) < 0)
        status = error_set(error, BAD_DATA, "renewal.form", "the library cannot read the renewal request: %s (%d)", gnutls_strerror(code), code);
    else if ((code = gnutls_x509_crt_import(signer, &signer_octets, GNUTLS_X509_FMT_DER)) < 0)
        status = error_set(error, BAD_DATA, "renewal.signature", "the certificate to be renewed cannot be read: %s (%d)", gnutls_strerror(code), code);
    else if ((status = check_key(signer, error)) == OK)
        status = verify(cms, signer, error);
    if (signer != NULL)
        gnutls_x509_crt_deinit(signer);
    if (cms != NULL)
        gnutls_pkcs7_deinit(cms);
    return status;
}

/* ---- what the PKCS#10 itself says ---- */

int pkcs10_renewed_certificate(struct bytes pkcs10, struct bytes *certificate, struct error *error)
{
    struct request_info info;
    struct bytes rest, values;
    struct tlv item;
    char oid[OID_TEXT_SIZE];

    *certificate = bytes_of(NULL, 0);
    if (walk_only(pkcs10, DER_SEQUENCE, &rest) != OK || walk_expect(&rest, DER_SEQUENCE, &item) != OK || request_info_split(item.whole, &info) != OK)
        return refuse(error, "the request in it is malformed");
    while (info.attributes.size > 0) {
        if (request_attribute_next(&info.attributes, oid, &values) != OK)
            return refuse(error, "an attribute of the request in it is malformed");
        if (strcmp(oid, OID_MS_RENEWAL_CERTIFICATE) != 0)
            continue;
        if (certificate->size > 0 || walk_expect(&values, DER_SEQUENCE, &item) != OK || values.size != 0)
            return refuse(error, "the request in it names more than one certificate to be renewed, or none");
        *certificate = item.whole;
    }
    return OK;
}
