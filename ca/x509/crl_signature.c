/* A CRL's signature. The library's own CRL reader is not used: it is quadratic in the number of entries. */
#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#include "ca/x509/crl.h"
#include "ca/x509/walk.h"

static int crl_split(struct bytes crl, struct bytes *tbs, char oid[OID_TEXT_SIZE], struct bytes *signature)
{
    struct tlv item, algorithm, identifier, bits;
    struct bytes rest;
    unsigned unused;

    if (walk_only(crl, DER_SEQUENCE, &rest) != OK || walk_expect(&rest, DER_SEQUENCE, &item) != OK ||
        walk_expect(&rest, DER_SEQUENCE, &algorithm) != OK || walk_expect(&rest, DER_BITS, &bits) != OK ||
        walk_bits(bits.content, &unused, signature) != OK || unused != 0)
        return BAD_DATA;
    rest = algorithm.content;
    *tbs = item.whole;
    return walk_expect(&rest, DER_OID, &identifier) == OK ? walk_oid(identifier.content, oid) : BAD_DATA;
}

static gnutls_datum_t datum_of(struct bytes octets)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)octets.data, (unsigned)octets.size};
}

int crl_check_signature(struct bytes crl, struct bytes issuer_der, struct error *error)
{
    gnutls_datum_t issuer_data = datum_of(issuer_der), tbs_data, signature_data;
    gnutls_x509_crt_t issuer = NULL;
    gnutls_pubkey_t key = NULL;
    struct bytes tbs, signature;
    char oid[OID_TEXT_SIZE];
    bool good = false;

    if (crl_split(crl, &tbs, oid, &signature) != OK)
        return error_set(error, BAD_DATA, "crl.form", "it is not a CertificateList in DER (RFC 5280 5.1)");
    tbs_data = datum_of(tbs);
    signature_data = datum_of(signature);
    if (gnutls_x509_crt_init(&issuer) == 0 && gnutls_x509_crt_import(issuer, &issuer_data, GNUTLS_X509_FMT_DER) == 0 &&
        gnutls_pubkey_init(&key) == 0 && gnutls_pubkey_import_x509(key, issuer, 0) == 0)
        good = gnutls_pubkey_verify_data2(key, gnutls_oid_to_sign(oid), 0, &tbs_data, &signature_data) >= 0;
    if (key != NULL)
        gnutls_pubkey_deinit(key);
    if (issuer != NULL)
        gnutls_x509_crt_deinit(issuer);
    return good ? OK : error_set(error, REFUSED, "crl.signature", "the CRL's signature was not made by the CA's key");
}
