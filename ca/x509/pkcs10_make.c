/* Making keys and requests: the client's, and the CA's own. Reading them is in pkcs10.c. */
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
#include "ca/x509/pkcs10.h"

/* One attribute: extensionRequest with what is in `extensions` (Extension elements one after another). */
static void add_extension_request(struct buf *out, struct bytes extensions)
{
    size_t attribute = der_open(out, DER_SEQUENCE), values, list;

    der_add_oid(out, DER_OID, OID_EXTENSION_REQUEST);
    values = der_open(out, DER_SET);
    list = der_open(out, DER_SEQUENCE);
    buf_add(out, extensions.data, extensions.size);
    der_close(out, list);
    der_close(out, values);
    der_close(out, attribute);
}

static int build_info(const char *subject, struct bytes spki, const struct buf *extensions, struct buf *info, struct error *error)
{
    size_t mark = der_open(info, DER_SEQUENCE), attributes;
    int status;

    der_add_number(info, DER_INTEGER, 0);
    status = name_from_text(subject, "request.name", info, error);
    buf_add(info, spki.data, spki.size);
    attributes = der_open(info, DER_CONTEXT_OPEN(0));
    if (extensions->size > 0)
        add_extension_request(info, buf_bytes(extensions));
    der_close(info, attributes);
    der_close(info, mark);
    if (status == OK && (info->failed || extensions->failed))
        status = error_memory(error);
    return status;
}

int pkcs10_build_info(const char *subject, struct bytes spki, int path_length, struct buf *info, struct error *error)
{
    struct buf extensions = BUF_EMPTY, value = BUF_EMPTY;
    uint8_t key_id[20];
    int status;

    if (subject == NULL || *subject == '\0')
        return error_set(error, BAD_DATA, "request.name", "a CA needs a subject (RFC 5280 4.1.2.6), for example CN=Example CA,O=Example,C=DE");
    if ((status = key_identifier(spki, key_id, error)) != OK)
        return status;
    extension_write_key_id(&value, bytes_of(key_id, sizeof(key_id)));
    extension_add(&extensions, OID_SKI, false, buf_bytes(&value));
    buf_clear(&value);
    der_add_named_bits(&value, KEY_USAGE_DIGITAL_SIGNATURE | KEY_USAGE_CERT_SIGN | KEY_USAGE_CRL_SIGN);
    extension_add(&extensions, OID_KEY_USAGE, true, buf_bytes(&value));
    buf_clear(&value);
    extension_write_basic_constraints(&value, true, path_length);
    extension_add(&extensions, OID_BASIC_CONSTRAINTS, true, buf_bytes(&value));
    extensions.failed = extensions.failed || value.failed;
    status = build_info(subject, spki, &extensions, info, error);
    buf_free(&value);
    buf_free(&extensions);
    return status;
}

int pkcs10_assemble(struct bytes info, struct bytes algorithm, struct bytes signature, struct buf *out, struct error *error)
{
    return certificate_assemble(info, algorithm, signature, out, error); /* both are SEQUENCE { what, algorithm, signature } */
}

/* ---- the client's key and request ---- */

static const struct {
    const char *name;
    gnutls_pk_algorithm_t algorithm;
    unsigned bits;
} key_types[] = {
    {"ecdsa-p256", GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1)},
    {"ecdsa-p384", GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1)},
    {"ecdsa-p521", GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP521R1)},
    {"ed25519", GNUTLS_PK_EDDSA_ED25519, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519)},
    {"rsa-2048", GNUTLS_PK_RSA, 2048},
    {"rsa-3072", GNUTLS_PK_RSA, 3072},
    {"rsa-4096", GNUTLS_PK_RSA, 4096},
};
#define KEY_TYPES (sizeof(key_types) / sizeof(key_types[0]))

int key_make_pem(const char *type, struct buf *pem, struct error *error)
{
    gnutls_x509_privkey_t key = NULL;
    gnutls_datum_t text = {NULL, 0};
    int code = GNUTLS_E_INVALID_REQUEST;

    for (size_t i = 0; i < KEY_TYPES; i++)
        if (strcmp(key_types[i].name, type) == 0 && (code = gnutls_x509_privkey_init(&key)) == 0)
            code = gnutls_x509_privkey_generate(key, key_types[i].algorithm, key_types[i].bits, 0);
    if (code == GNUTLS_E_INVALID_REQUEST && key == NULL)
        return error_set(error, BAD_DATA, "key.type",
                         "\"%.60s\" is no type of key; take ecdsa-p256, ecdsa-p384, ecdsa-p521, ed25519, rsa-2048, rsa-3072 or rsa-4096", type);
    if (code == 0)
        code = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &text);
    if (code == 0)
        buf_add(pem, text.data, text.size);
    if (key != NULL)
        gnutls_x509_privkey_deinit(key);
    if (text.data != NULL)
        gnutls_memset(text.data, 0, text.size);
    gnutls_free(text.data);
    if (code != 0)
        return error_set(error, INTERNAL, "key.generate", "no key could be made: %s", gnutls_strerror(code));
    return pem->failed ? error_memory(error) : OK;
}

static int add_name(struct general_name **names, size_t *count, const char *text, struct error *error)
{
    const char *colon = strchr(text, ':');
    struct general_name *grown;
    char *value;

    for (enum name_kind kind = NAME_DNS; colon != NULL && kind < NAME_OTHER; kind++) {
        const char *prefix = name_kind_name(kind);

        if (strlen(prefix) != (size_t)(colon - text) || strncmp(prefix, text, strlen(prefix)) != 0)
            continue;
        grown = realloc(*names, (*count + 1) * sizeof(**names));
        if (grown != NULL)
            *names = grown;
        if (grown == NULL || (value = strdup(colon + 1)) == NULL)
            return error_memory(error);
        grown[(*count)++] = (struct general_name){kind, value};
        return OK;
    }
    return error_set(error, BAD_DATA, "request.name",
                     "\"%.200s\" is no alternative name; write dns:web07.example.com, email:alice@example.com, upn:…, ip:…, uri:… or dn:…", text);
}

static int build_names(const struct strings *names, struct buf *extensions, bool critical, struct error *error)
{
    struct general_name *list = NULL;
    struct buf value = BUF_EMPTY;
    size_t count = 0;
    int status = OK;

    for (size_t i = 0; names != NULL && i < names->count && status == OK; i++)
        status = add_name(&list, &count, names->items[i], error);
    if (status == OK && count > 0 && (status = general_names_add(&value, list, count, "request.name", error)) == OK)
        extension_add(extensions, OID_SAN, critical, buf_bytes(&value));
    general_names_free(list, count);
    buf_free(&value);
    return status;
}

/* PEM as it is written by others too: PKCS#8, RSA PRIVATE KEY, EC PRIVATE KEY. */
static int import_key(const char *key_pem, gnutls_privkey_t *key, struct buf *spki, struct error *error)
{
    gnutls_datum_t pem = {(unsigned char *)key_pem, (unsigned)strlen(key_pem)}, der = {NULL, 0};
    gnutls_pubkey_t public = NULL;
    int code;

    if ((code = gnutls_privkey_init(key)) == 0)
        code = gnutls_privkey_import_x509_raw(*key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (code == 0 && (code = gnutls_pubkey_init(&public)) == 0)
        code = gnutls_pubkey_import_privkey(public, *key, 0, 0);
    if (code == 0)
        code = gnutls_pubkey_export2(public, GNUTLS_X509_FMT_DER, &der);
    if (code == 0)
        buf_add(spki, der.data, der.size);
    if (public != NULL)
        gnutls_pubkey_deinit(public);
    gnutls_free(der.data);
    if (code != 0)
        return error_set(error, BAD_DATA, "key.form", "the private key cannot be read (PEM, not encrypted): %s", gnutls_strerror(code));
    return spki->failed ? error_memory(error) : OK;
}

static const struct {
    enum key_kind kind;
    unsigned bits; /* 0: any */
    gnutls_sign_algorithm_t algorithm;
} signatures[] = {
    {KEY_RSA, 0, GNUTLS_SIGN_RSA_SHA256},          {KEY_ECDSA, 256, GNUTLS_SIGN_ECDSA_SHA256},
    {KEY_ECDSA, 384, GNUTLS_SIGN_ECDSA_SHA384},    {KEY_ECDSA, 521, GNUTLS_SIGN_ECDSA_SHA512},
    {KEY_ED25519, 0, GNUTLS_SIGN_EDDSA_ED25519},
};

static int sign_info(gnutls_privkey_t key, struct bytes spki, struct bytes info, struct buf *der, struct error *error)
{
    gnutls_datum_t data = {(unsigned char *)info.data, (unsigned)info.size}, signature = {NULL, 0};
    struct buf algorithm = BUF_EMPTY;
    struct key_facts facts;
    int status, code = GNUTLS_E_INVALID_REQUEST;

    if ((status = key_check(spki, &facts, error)) != OK || (status = key_signature_algorithm(spki, &algorithm, error)) != OK)
        goto out;
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++)
        if (signatures[i].kind == facts.kind && (signatures[i].bits == 0 || signatures[i].bits == facts.bits))
            code = gnutls_privkey_sign_data2(key, signatures[i].algorithm, 0, &data, &signature);
    if (code != 0)
        status = error_set(error, INTERNAL, "key.sign", "the request could not be signed: %s", gnutls_strerror(code));
    else
        status = pkcs10_assemble(info, buf_bytes(&algorithm), bytes_of(signature.data, signature.size), der, error);
out:
    gnutls_free(signature.data);
    buf_free(&algorithm);
    return status;
}

int pkcs10_make(const char *key_pem, const char *subject, const struct strings *names, struct buf *der, struct error *error)
{
    struct buf spki = BUF_EMPTY, extensions = BUF_EMPTY, info = BUF_EMPTY;
    gnutls_privkey_t key = NULL;
    int status;

    if (subject == NULL)
        subject = "";
    if ((status = import_key(key_pem, &key, &spki, error)) != OK || (status = build_names(names, &extensions, *subject == '\0', error)) != OK ||
        (status = build_info(subject, buf_bytes(&spki), &extensions, &info, error)) != OK)
        goto out;
    status = sign_info(key, buf_bytes(&spki), buf_bytes(&info), der, error);
out:
    if (key != NULL)
        gnutls_privkey_deinit(key);
    buf_free(&info);
    buf_free(&extensions);
    buf_free(&spki);
    return status;
}
