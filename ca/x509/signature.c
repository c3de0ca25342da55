/* One signature and one key, by the library. */
#include "config.h"

#include "ca/x509/signature.h"

#include <gnutls/abstract.h>

#include "ca/x509/key.h"

static gnutls_sign_algorithm_t algorithm_of(const struct key_facts *key)
{
    if (key->kind == KEY_RSA)
        return GNUTLS_SIGN_RSA_SHA256;
    if (key->kind == KEY_ED25519)
        return GNUTLS_SIGN_EDDSA_ED25519;
    return key->bits > 256 ? GNUTLS_SIGN_ECDSA_SHA384 : GNUTLS_SIGN_ECDSA_SHA256;
}

int signature_check(struct bytes spki, struct bytes octets, struct bytes signature, struct error *error)
{
    gnutls_datum_t der = {(unsigned char *)(uintptr_t)spki.data, (unsigned)spki.size};
    gnutls_datum_t data = {(unsigned char *)(uintptr_t)octets.data, (unsigned)octets.size};
    gnutls_datum_t bits = {(unsigned char *)(uintptr_t)signature.data, (unsigned)signature.size};
    gnutls_pubkey_t key = NULL;
    struct key_facts facts;
    int status = key_describe(spki, &facts, error);

    if (status != OK)
        return status;
    if (gnutls_pubkey_init(&key) != 0)
        return error_memory(error);
    if (facts.kind == KEY_UNKNOWN || gnutls_pubkey_import(key, &der, GNUTLS_X509_FMT_DER) != 0)
        status = error_set(error, BAD_DATA, "key.form", "this is not a key that signatures can be checked with");
    else if (gnutls_pubkey_verify_data2(key, algorithm_of(&facts), 0, &data, &bits) < 0)
        status = error_set(error, REFUSED, "signature.wrong", "the signature was not made by this key over these octets");
    gnutls_pubkey_deinit(key);
    return status;
}
