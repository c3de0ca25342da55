/* The library verifies; which algorithm it must be follows from the key, never from what came with the signature. */
#include "config.h"

#include "ca/x509/key_verify.h"

#include <gnutls/abstract.h>

#include "ca/x509/key.h"

static gnutls_sign_algorithm_t algorithm_of(const struct key_facts *facts)
{
    if (facts->kind == KEY_RSA)
        return GNUTLS_SIGN_RSA_SHA256;
    if (facts->kind == KEY_ED25519)
        return GNUTLS_SIGN_EDDSA_ED25519;
    return facts->bits > 256 ? GNUTLS_SIGN_ECDSA_SHA384 : GNUTLS_SIGN_ECDSA_SHA256;
}

int key_verify(struct bytes spki, struct bytes data, struct bytes signature, struct error *error)
{
    const gnutls_datum_t der = {(unsigned char *)(uintptr_t)spki.data, (unsigned)spki.size};
    const gnutls_datum_t text = {(unsigned char *)(uintptr_t)data.data, (unsigned)data.size};
    const gnutls_datum_t value = {(unsigned char *)(uintptr_t)signature.data, (unsigned)signature.size};
    struct key_facts facts;
    gnutls_pubkey_t key = NULL;
    int status = key_describe(spki, &facts, error), rc;

    if (status != OK)
        return status;
    rc = gnutls_pubkey_init(&key);
    if (rc == 0)
        rc = gnutls_pubkey_import(key, &der, GNUTLS_X509_FMT_DER);
    if (rc == 0)
        rc = gnutls_pubkey_verify_data2(key, algorithm_of(&facts), 0, &text, &value);
    gnutls_pubkey_deinit(key);
    return rc >= 0 ? OK : error_set(error, REFUSED, "key.signature", "the signature is not this key's: %s", gnutls_strerror(rc));
}
