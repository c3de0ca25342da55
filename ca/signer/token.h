/* A CA key in a PKCS#11 token: it never leaves it, the token signs. Only the signer's processes call this. */
#ifndef CHANCERY_SIGNER_TOKEN_H
#define CHANCERY_SIGNER_TOKEN_H

#include <gnutls/abstract.h>

#include "ca/base/buf.h"
#include "ca/base/error.h"

/* Does it begin with "pkcs11:"? */
bool token_uri_is(const char *text);
/* Names a token and an object (RFC 7512) and holds no PIN. BAD_CONFIG "signer.pin_in_uri", "signer.uri". */
int token_uri_check(const char *uri, struct error *error);

struct token_key;
/* Logs in and finds the key. BAD_CONFIG "signer.passphrase": the PIN is wrong (it is tried once, and never where it would be the
 * last try); REFUSED "signer.key_missing": the token has no such key; TEMPORARY "signer.token": the token cannot be used. */
int token_open(const char *uri, const char *pin, struct token_key **out, struct error *error);
void token_free(struct token_key *token);
gnutls_privkey_t token_privkey(struct token_key *token); /* for its type and its public half */
/* Any thread. A session that was lost is opened again, once. TEMPORARY "signer.token". */
int token_sign(struct token_key *token, gnutls_sign_algorithm_t algorithm, const gnutls_datum_t *data, gnutls_datum_t *signature,
               struct error *error);
/* Makes a key pair in the token, under the URI's label, that cannot be taken out. */
int token_make(const char *uri, gnutls_pk_algorithm_t pk, unsigned bits, const char *pin, struct error *error);

#endif
