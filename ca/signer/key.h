/* The CA's private key: made, kept encrypted, loaded, used. Only the signer's processes call this. */
#ifndef CHANCERY_SIGNER_KEY_H
#define CHANCERY_SIGNER_KEY_H

#include "ca/signer/signer.h"

struct ca_key;
/* Makes a key of a type such as "ecdsa-p256" and keeps it encrypted in a new file. USAGE "signer.key_type". */
int ca_key_make(const char *type, const char *path, const char *passphrase, struct buf *spki, struct error *error);
#define KEY_FILE_NEXT ".next" /* beside a key's file: the same key under a new passphrase, about to take its place */
/* The key of a file, encrypted under another passphrase; read back before it counts. Errors as ca_key_load. */
int ca_key_recrypt(const char *path, const char *present, const char *next, struct buf *pem, struct error *error);
/* BAD_CONFIG "signer.passphrase" or "signer.key", naming the file. */
int ca_key_load(const char *path, const char *passphrase, struct ca_key **out, struct error *error);
void ca_key_free(struct ca_key *key);
struct bytes ca_key_spki(const struct ca_key *key);
struct bytes ca_key_algorithm(const struct ca_key *key); /* AlgorithmIdentifier DER of its signatures */
const uint8_t *ca_key_id(const struct ca_key *key);      /* 20 octets */
const char *ca_key_type(const struct ca_key *key);       /* "ecdsa-p256" */
const char *ca_key_where(const struct ca_key *key);      /* its file, or its PKCS#11 URI */
/* Any thread. */
int ca_key_sign(const struct ca_key *key, struct bytes tbs, struct buf *signature, struct error *error);

#endif
