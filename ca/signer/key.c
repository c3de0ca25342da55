/* The CA's private key: PKCS#8 with PBES2 AES-256 on disk, GnuTLS's in memory. */
#include "config.h"

#include "ca/signer/key.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/base/file.h"
#include "ca/signer/passphrase.h"
#include "ca/signer/token.h"
#include "ca/x509/key.h"

#define KEY_FILE_MAX 65536

struct ca_key {
    gnutls_privkey_t key;     /* of a file */
    struct token_key *token;  /* or in a token; NULL */
    const struct key_type *type;
    struct buf spki, algorithm;
    char *where;
    uint8_t id[20];
};

static const struct key_type {
    const char *name;
    gnutls_pk_algorithm_t pk;
    unsigned bits; /* for gnutls_x509_privkey_generate */
    unsigned size; /* of the key itself */
    gnutls_sign_algorithm_t sign;
} types[] = {
    {"ecdsa-p256", GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 256, GNUTLS_SIGN_ECDSA_SHA256},
    {"ecdsa-p384", GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1), 384, GNUTLS_SIGN_ECDSA_SHA384},
    {"rsa-2048", GNUTLS_PK_RSA, 2048, 2048, GNUTLS_SIGN_RSA_SHA256},
    {"rsa-3072", GNUTLS_PK_RSA, 3072, 3072, GNUTLS_SIGN_RSA_SHA256},
    {"rsa-4096", GNUTLS_PK_RSA, 4096, 4096, GNUTLS_SIGN_RSA_SHA256},
    {"ed25519", GNUTLS_PK_EDDSA_ED25519, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519), 256, GNUTLS_SIGN_EDDSA_ED25519},
};
#define TYPE_COUNT (sizeof types / sizeof types[0])

/* ---- the key ---- */

static int key_failed(const char *what, int code, struct error *error)
{
    return error_set(error, INTERNAL, "signer.key", "%s: %s", what, gnutls_strerror(code));
}

static int key_public(gnutls_privkey_t key, struct buf *spki, struct error *error)
{
    gnutls_pubkey_t public = NULL;
    gnutls_datum_t der = {NULL, 0};
    int rc = gnutls_pubkey_init(&public);

    if (rc == 0)
        rc = gnutls_pubkey_import_privkey(public, key, 0, 0);
    if (rc == 0)
        rc = gnutls_pubkey_export2(public, GNUTLS_X509_FMT_DER, &der);
    if (rc == 0)
        buf_add(spki, der.data, der.size);
    gnutls_free(der.data);
    gnutls_pubkey_deinit(public);
    if (rc != 0)
        return key_failed("the public half of the CA key cannot be written", rc, error);
    return spki->failed ? error_memory(error) : OK;
}

/* privkey keeps x509's content (copied). */
static int key_wrap(gnutls_x509_privkey_t x509, gnutls_privkey_t *out, struct error *error)
{
    int rc = gnutls_privkey_init(out);

    if (rc == 0)
        rc = gnutls_privkey_import_x509(*out, x509, GNUTLS_PRIVKEY_IMPORT_COPY);
    return rc == 0 ? OK : key_failed("the CA key cannot be used", rc, error);
}

static int key_encrypt(gnutls_x509_privkey_t key, const char *passphrase, struct buf *out, struct error *error)
{
    gnutls_datum_t pem = {NULL, 0};
    int rc = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, passphrase, GNUTLS_PKCS_PBES2_AES_256, &pem);

    if (rc != 0)
        return key_failed("the CA key cannot be encrypted", rc, error);
    buf_add(out, pem.data, pem.size);
    gnutls_free(pem.data);
    return out->failed ? error_memory(error) : OK;
}

static int key_store(gnutls_x509_privkey_t key, const char *path, const char *passphrase, struct error *error)
{
    struct buf pem = BUF_EMPTY;
    int status = key_encrypt(key, passphrase, &pem, error);

    if (status == OK)
        status = file_write(path, buf_bytes(&pem), 0600, false, error);
    buf_free(&pem);
    return status;
}

static const struct key_type *type_find(const char *name)
{
    for (size_t i = 0; i < TYPE_COUNT; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

static int key_make(const struct key_type *type, const char *path, const char *passphrase, struct buf *spki, struct error *error)
{
    gnutls_x509_privkey_t x509 = NULL;
    gnutls_privkey_t key = NULL;
    int rc = gnutls_x509_privkey_init(&x509), status;

    if (rc == 0)
        rc = gnutls_x509_privkey_generate(x509, type->pk, type->bits, 0);
    status = rc == 0 ? key_wrap(x509, &key, error) : key_failed("the CA key cannot be made", rc, error);
    if (status == OK)
        status = key_public(key, spki, error);
    if (status == OK)
        status = key_store(x509, path, passphrase, error);
    gnutls_privkey_deinit(key);
    gnutls_x509_privkey_deinit(x509);
    return status;
}

static int type_unknown(const char *name, struct error *error)
{
    return error_set(error, USAGE, "signer.key_type", "a key of type \"%s\" cannot be made: ecdsa-p256, ecdsa-p384, rsa-2048, "
                     "rsa-3072, rsa-4096 or ed25519", name);
}

/* A key that is in the token already is taken as it is: it may have been made there under other eyes. */
static int key_make_in_token(const struct key_type *type, const char *uri, const char *pin, struct buf *spki, struct error *error)
{
    struct error own = ERROR_NONE;
    struct ca_key *key = NULL;
    int status = ca_key_load(uri, pin, &key, &own);

    if (status == REFUSED && strcmp(own.reason, "signer.key_missing") == 0) {
        error_clear(&own);
        status = token_make(uri, type->pk, type->bits, pin, &own);
        if (status == OK)
            status = ca_key_load(uri, pin, &key, &own);
    }
    if (status == OK)
        buf_add(spki, key->spki.data, key->spki.size);
    ca_key_free(key);
    if (status != OK)
        return error_set(error, own.status, own.reason, "%s", own.message);
    return spki->failed ? error_memory(error) : OK;
}

int ca_key_make(const char *type, const char *path, const char *passphrase, struct buf *spki, struct error *error)
{
    const struct key_type *found = type_find(type);

    if (found == NULL)
        return type_unknown(type, error);
    return token_uri_is(path) ? key_make_in_token(found, path, passphrase, spki, error) : key_make(found, path, passphrase, spki, error);
}

int signer_key_generate(const struct signer_ceremony *ceremony, struct buf *spki, struct error *error)
{
    struct buf path = BUF_EMPTY, passphrase = BUF_EMPTY;
    bool in_token = ceremony->token != NULL;
    int status = OK;

    if (type_find(ceremony->key_type) == NULL)
        return type_unknown(ceremony->key_type, error);
    if (in_token)
        buf_add_text(&path, ceremony->token);
    else
        buf_printf(&path, "%s/key.pem", ceremony->state_path);
    if (path.failed)
        status = error_memory(error);
    else if (in_token)
        status = token_uri_check(buf_text(&path), error);
    else if (access(buf_text(&path), F_OK) == 0)
        status = error_set(error, REFUSED, "signer.key_exists", "%s exists already: a CA key is never overwritten", buf_text(&path));
    if (status == OK) /* a PIN is there already: it is asked once */
        status = passphrase_read(&ceremony->passphrase, !in_token, &passphrase, error);
    if (status == OK)
        status = ca_key_make(ceremony->key_type, buf_text(&path), buf_text(&passphrase), spki, error);
    buf_wipe(&passphrase);
    buf_free(&path);
    return status;
}

static gnutls_privkey_t key_handle(const struct ca_key *key)
{
    return key->token != NULL ? token_privkey(key->token) : key->key;
}

/* By the public half: a token does not tell the size of what it keeps. */
static int key_describe_type(struct ca_key *key, const char *path, struct error *error)
{
    const gnutls_datum_t der = {key->spki.data, (unsigned)key->spki.size};
    gnutls_pubkey_t public = NULL;
    unsigned bits = 0;
    int pk = gnutls_pubkey_init(&public);

    if (pk == 0)
        pk = gnutls_pubkey_import(public, &der, GNUTLS_X509_FMT_DER);
    if (pk == 0)
        pk = gnutls_pubkey_get_pk_algorithm(public, &bits);
    gnutls_pubkey_deinit(public);
    for (size_t i = 0; i < TYPE_COUNT; i++)
        if ((int)types[i].pk == pk && types[i].size == bits)
            key->type = &types[i];
    if (key->type == NULL)
        return error_set(error, BAD_CONFIG, "signer.key", "%s: keys of this kind (%s, %u bits) are not served", path,
                         pk < 0 ? "unknown" : gnutls_pk_algorithm_get_name(pk), bits);
    return OK;
}

static int x509_import(const char *path, const gnutls_datum_t *pem, const char *passphrase, gnutls_x509_privkey_t *out,
                       struct error *error)
{
    int rc = gnutls_x509_privkey_init(out);

    if (rc == 0)
        rc = gnutls_x509_privkey_import2(*out, pem, GNUTLS_X509_FMT_PEM, passphrase, 0);
    if (rc == GNUTLS_E_DECRYPTION_FAILED)
        return error_set(error, BAD_CONFIG, "signer.passphrase", "%s cannot be decrypted: the passphrase is wrong, or the file is "
                         "damaged; see passphrase_file in signer.conf", path);
    if (rc != 0)
        return error_set(error, BAD_CONFIG, "signer.key", "%s is not a PKCS#8 key that can be read: %s", path, gnutls_strerror(rc));
    return OK;
}

static int x509_read(const char *path, const char *passphrase, gnutls_x509_privkey_t *out, struct error *error)
{
    struct error own = ERROR_NONE;
    struct buf pem = BUF_EMPTY;
    gnutls_datum_t text;
    int status;

    if (file_read(path, KEY_FILE_MAX, &pem, &own) != OK)
        status = error_set(error, BAD_CONFIG, "signer.key", "the CA key: %s", own.message);
    else {
        text = (gnutls_datum_t){pem.data, (unsigned)pem.size};
        status = x509_import(path, &text, passphrase, out, error);
    }
    buf_wipe(&pem);
    return status;
}

static int key_derive(struct ca_key *key, const char *path, struct error *error)
{
    int status = key_public(key_handle(key), &key->spki, error);

    if (status == OK)
        status = key_describe_type(key, path, error);
    if (status == OK)
        status = key_identifier(buf_bytes(&key->spki), key->id, error);
    if (status == OK)
        status = key_signature_algorithm(buf_bytes(&key->spki), &key->algorithm, error);
    return status;
}

int ca_key_load(const char *path, const char *passphrase, struct ca_key **out, struct error *error)
{
    struct ca_key *key = calloc(1, sizeof *key);
    gnutls_x509_privkey_t x509 = NULL;
    int status = key == NULL || (key->where = strdup(path)) == NULL ? error_memory(error) : OK;

    if (status == OK && token_uri_is(path))
        status = token_open(path, passphrase, &key->token, error);
    else if (status == OK && (status = x509_read(path, passphrase, &x509, error)) == OK)
        status = key_wrap(x509, &key->key, error);
    if (status == OK)
        status = key_derive(key, path, error);
    gnutls_x509_privkey_deinit(x509);
    if (status == OK)
        *out = key;
    else
        ca_key_free(key);
    return status;
}

int ca_key_recrypt(const char *path, const char *present, const char *next, struct buf *pem, struct error *error)
{
    gnutls_x509_privkey_t key = NULL, again = NULL;
    gnutls_datum_t text;
    int status = x509_read(path, present, &key, error);

    if (status == OK)
        status = key_encrypt(key, next, pem, error);
    if (status == OK) {
        text = (gnutls_datum_t){pem->data, (unsigned)pem->size};
        status = x509_import(path, &text, next, &again, error);
    }
    gnutls_x509_privkey_deinit(key);
    gnutls_x509_privkey_deinit(again);
    return status;
}

void ca_key_free(struct ca_key *key)
{
    if (key == NULL)
        return;
    gnutls_privkey_deinit(key->key);
    token_free(key->token);
    buf_free(&key->spki);
    buf_free(&key->algorithm);
    free(key->where);
    free(key);
}

struct bytes ca_key_spki(const struct ca_key *key)
{
    return buf_bytes(&key->spki);
}

struct bytes ca_key_algorithm(const struct ca_key *key)
{
    return buf_bytes(&key->algorithm);
}

const uint8_t *ca_key_id(const struct ca_key *key)
{
    return key->id;
}

const char *ca_key_type(const struct ca_key *key)
{
    return key->type->name;
}

int ca_key_sign(const struct ca_key *key, struct bytes tbs, struct buf *signature, struct error *error)
{
    const gnutls_datum_t data = {(unsigned char *)(uintptr_t)tbs.data, (unsigned)tbs.size};
    gnutls_datum_t out = {NULL, 0};
    int rc;

    if (tbs.size > INT32_MAX)
        return error_set(error, REFUSED, "signer.size", "what is to be signed is larger than 2 GiB");
    if (key->token != NULL) {
        int status = token_sign(key->token, key->type->sign, &data, &out, error);

        if (status != OK)
            return status;
    } else if ((rc = gnutls_privkey_sign_data2(key->key, key->type->sign, 0, &data, &out)) != 0) {
        return key_failed("signing failed", rc, error);
    }
    buf_add(signature, out.data, out.size);
    gnutls_free(out.data);
    return signature->failed ? error_memory(error) : OK;
}

const char *ca_key_where(const struct ca_key *key)
{
    return key->where;
}
