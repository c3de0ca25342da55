/* SubjectPublicKeyInfo read by the walker, and the judgement on it. What can be told from the numbers of a key is in key_rsa.c and
 * key_point.c; keys that are somebody's or on a list are the authority's matter. */
#include "ca/x509/key.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>

#include "ca/x509/certificate.h"
#include "ca/x509/key_numbers.h"

#define OID_RSA "1.2.840.113549.1.1.1"
#define OID_EC "1.2.840.10045.2.1"
#define OID_ED25519 "1.3.101.112"

static const struct curve {
    const char *oid, *text;
    unsigned bits;
    const char *signature; /* ecdsa-with-SHA… that fits */
} curves[] = {
    {"1.2.840.10045.3.1.7", "ECDSA P-256", 256, "1.2.840.10045.4.3.2"},
    {"1.3.132.0.34", "ECDSA P-384", 384, "1.2.840.10045.4.3.3"},
    {"1.3.132.0.35", "ECDSA P-521", 521, "1.2.840.10045.4.3.4"},
};
#define CURVES (sizeof(curves) / sizeof(curves[0]))

void sha256_of(struct bytes in, uint8_t out[32])
{
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, in.data, in.size, out) != 0)
        memset(out, 0, 32);
}

void sha1_of(struct bytes in, uint8_t out[20])
{
    if (gnutls_hash_fast(GNUTLS_DIG_SHA1, in.data, in.size, out) != 0)
        memset(out, 0, 20);
}

static unsigned bit_length(struct bytes number)
{
    unsigned bits = (unsigned)number.size * 8;

    if (number.size == 0)
        return 0;
    for (unsigned mask = 0x80; mask != 0 && (number.data[0] & mask) == 0; mask >>= 1)
        bits--;
    return bits;
}

static int describe_rsa(struct bytes parameters, struct key_facts *out)
{
    struct bytes rest, null;
    struct tlv modulus, exponent;

    if (walk_only(parameters, DER_NULL, &null) != OK || null.size != 0)
        return BAD_DATA;
    if (walk_only(out->bits_octets, DER_SEQUENCE, &rest) != OK || walk_expect(&rest, DER_INTEGER, &modulus) != OK ||
        walk_expect(&rest, DER_INTEGER, &exponent) != OK || rest.size != 0 ||
        walk_unsigned(modulus.content, &out->modulus) != OK || walk_unsigned(exponent.content, &out->exponent) != OK)
        return BAD_DATA;
    out->kind = KEY_RSA;
    out->bits = bit_length(out->modulus);
    snprintf(out->algorithm, sizeof(out->algorithm), "rsa");
    snprintf(out->text, sizeof(out->text), "RSA %u", out->bits);
    return OK;
}

static const struct curve *curve_of(struct bytes parameters)
{
    char oid[OID_TEXT_SIZE];
    struct bytes content;

    if (walk_only(parameters, DER_OID, &content) != OK || walk_oid(content, oid) != OK)
        return NULL;
    for (size_t i = 0; i < CURVES; i++)
        if (strcmp(curves[i].oid, oid) == 0)
            return &curves[i];
    return NULL;
}

static int describe_ec(struct bytes parameters, struct key_facts *out)
{
    const struct curve *curve = curve_of(parameters);

    out->kind = KEY_ECDSA;
    out->bits = curve != NULL ? curve->bits : 0;
    snprintf(out->algorithm, sizeof(out->algorithm), "ecdsa");
    snprintf(out->text, sizeof(out->text), "%s", curve != NULL ? curve->text : "ECDSA, unknown curve");
    return OK;
}

static int describe_ed25519(struct bytes parameters, struct key_facts *out)
{
    if (parameters.size != 0 || out->bits_octets.size != 32)
        return BAD_DATA;
    out->kind = KEY_ED25519;
    out->bits = 256;
    snprintf(out->algorithm, sizeof(out->algorithm), "ed25519");
    snprintf(out->text, sizeof(out->text), "Ed25519");
    return OK;
}

static const struct {
    const char *oid;
    int (*describe)(struct bytes parameters, struct key_facts *out);
} kinds[] = {
    {OID_RSA, describe_rsa},
    {OID_EC, describe_ec},
    {OID_ED25519, describe_ed25519},
};

static int open_spki(struct bytes spki, char oid[OID_TEXT_SIZE], struct bytes *parameters, struct bytes *bits)
{
    struct tlv algorithm, type, key;
    struct bytes rest;
    unsigned unused;

    if (walk_only(spki, DER_SEQUENCE, &rest) != OK || walk_expect(&rest, DER_SEQUENCE, &algorithm) != OK ||
        walk_expect(&rest, DER_BITS, &key) != OK || rest.size != 0 || walk_bits(key.content, &unused, bits) != OK || unused != 0)
        return BAD_DATA;
    if (walk_expect(&algorithm.content, DER_OID, &type) != OK || walk_oid(type.content, oid) != OK)
        return BAD_DATA;
    *parameters = algorithm.content;
    return OK;
}

int key_describe(struct bytes spki, struct key_facts *out, struct error *error)
{
    struct bytes parameters = {NULL, 0};
    char oid[OID_TEXT_SIZE];
    int status;

    memset(out, 0, sizeof(*out));
    snprintf(out->algorithm, sizeof(out->algorithm), "unknown");
    if ((status = open_spki(spki, oid, &parameters, &out->bits_octets)) != OK)
        goto out;
    snprintf(out->text, sizeof(out->text), "%.31s", oid);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].oid, oid) == 0)
            status = kinds[i].describe(parameters, out);
out:
    if (status != OK)
        return error_set(error, BAD_DATA, "key.form", "the public key is malformed (SubjectPublicKeyInfo, RFC 5280 4.1.2.7)");
    return OK;
}

static int check_rsa_factors(const struct key_facts *key, struct error *error)
{
    unsigned factor = rsa_small_factor(key->modulus);

    if (factor != 0)
        return error_set(error, BAD_DATA, "key.small_factor",
                         "the RSA key's modulus is divisible by %u: it is no product of two large primes, perhaps it was damaged in "
                         "copying; make a new key", factor);
    if (rsa_is_roca(key->modulus))
        return error_set(error, BAD_DATA, "key.roca",
                         "the RSA key was made by the faulty library of CVE-2017-15361 (ROCA) and can be factored; make a new key with "
                         "other or updated hardware or software");
    if (rsa_primes_are_close(key->modulus))
        return error_set(error, BAD_DATA, "key.close_primes",
                         "the RSA key's two primes are so close together that it is factored at once (CVE-2022-26320); make a new key "
                         "with another tool");
    return OK;
}

static int check_rsa(const struct key_facts *key, struct error *error)
{
    bool small = key->exponent.size <= 1 && (key->exponent.size == 0 || key->exponent.data[0] < 3);

    if (key->bits < KEY_RSA_BITS_MIN || key->bits > KEY_RSA_BITS_MAX || key->bits % 8 != 0)
        return error_set(error, BAD_DATA, "key.size",
                         "the RSA key has %u bits; it needs %d to %d and a multiple of 8: make a new key of 3072 or 4096 bits",
                         key->bits, KEY_RSA_BITS_MIN, KEY_RSA_BITS_MAX);
    if (key->exponent.size == 0 || small || (key->exponent.data[key->exponent.size - 1] & 1) == 0 || key->exponent.size > 32)
        return error_set(error, BAD_DATA, "key.exponent",
                         "the RSA key's public exponent is even, below 3 or above 2^256; make a new key with exponent 65537");
    if ((key->modulus.data[key->modulus.size - 1] & 1) == 0)
        return error_set(error, BAD_DATA, "key.modulus", "the RSA key's modulus is even: it is no product of two primes; make a new key");
    return check_rsa_factors(key, error);
}

/* Does the library take the key? It computes the curve's equation when it checks parameters. */
static bool gnutls_takes(struct bytes spki)
{
    gnutls_datum_t datum = {(unsigned char *)spki.data, (unsigned)spki.size};
    gnutls_pubkey_t key = NULL;
    bool taken;

    if (gnutls_pubkey_init(&key) != 0)
        return false;
    taken = gnutls_pubkey_import(key, &datum, GNUTLS_X509_FMT_DER) == 0 && gnutls_pubkey_verify_params(key) == 0;
    gnutls_pubkey_deinit(key);
    return taken;
}

static int check_ec(const struct key_facts *key, struct error *error)
{
    size_t coordinate = (key->bits + 7) / 8;

    if (key->bits == 0)
        return error_set(error, BAD_DATA, "key.curve", "the ECDSA key is not on P-256, P-384 or P-521; make a new key on one of these");
    if (key->bits_octets.size != 1 + 2 * coordinate || key->bits_octets.data[0] != 0x04)
        return error_set(error, BAD_DATA, "key.point", "the ECDSA key's point is not in uncompressed form (RFC 5480 2.2)");
    if (!point_is_on_curve(key->bits, key->bits_octets))
        return error_set(error, BAD_DATA, "key.point", "the %s key's point does not lie on its curve; make a new key", key->text);
    return OK;
}

static int check_ed25519(const struct key_facts *key, struct error *error)
{
    if (!ed25519_point_is_good(key->bits_octets))
        return error_set(error, BAD_DATA, "key.point",
                         "the Ed25519 key is no point of its curve in the form of RFC 8032, or one of small order; make a new key");
    return OK;
}

int key_check(struct bytes spki, struct key_facts *out, struct error *error)
{
    static int (*const checks[])(const struct key_facts *, struct error *) = {
        [KEY_RSA] = check_rsa, [KEY_ECDSA] = check_ec, [KEY_ED25519] = check_ed25519};
    int status = key_describe(spki, out, error);

    if (status != OK)
        return status;
    if (out->kind == KEY_UNKNOWN)
        return error_set(error, BAD_DATA, "key.type", "keys of type %s are not certified; use RSA, ECDSA on P-256, P-384 or P-521, or Ed25519",
                         out->text);
    if ((status = checks[out->kind](out, error)) != OK)
        return status;
    if (!gnutls_takes(spki))
        return error_set(error, BAD_DATA, "key.library", "the library does not take the %s key as a valid one; make a new key", out->text);
    return OK;
}

int key_identifier(struct bytes spki, uint8_t out[20], struct error *error)
{
    struct key_facts key;
    int status = key_describe(spki, &key, error);

    if (status == OK)
        sha1_of(key.bits_octets, out);
    return status;
}

int key_signature_algorithm(struct bytes spki, struct buf *algorithm, struct error *error)
{
    const char *oid = NULL;
    struct key_facts key;
    size_t mark;
    int status = key_describe(spki, &key, error);

    if (status != OK)
        return status;
    for (size_t i = 0; i < CURVES && key.kind == KEY_ECDSA; i++)
        if (curves[i].bits == key.bits)
            oid = curves[i].signature;
    if (key.kind == KEY_RSA)
        oid = "1.2.840.113549.1.1.11";
    else if (key.kind == KEY_ED25519)
        oid = OID_ED25519;
    if (oid == NULL)
        return error_set(error, BAD_DATA, "key.type", "a CA key of type %s is not supported", key.text);
    mark = der_open(algorithm, DER_SEQUENCE);
    der_add_oid(algorithm, DER_OID, oid);
    if (key.kind == KEY_RSA)
        der_add_null(algorithm);
    der_close(algorithm, mark);
    return algorithm->failed ? error_memory(error) : OK;
}
