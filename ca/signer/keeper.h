/* A short-lived process as the signer's user that takes the present passphrase and encrypts the CA's keys anew: the signer itself
 * can open no file. Both passphrases come over its socket; nobody who does not know the present one gets anything. */
#ifndef CHANCERY_SIGNER_KEEPER_H
#define CHANCERY_SIGNER_KEEPER_H

#include "ca/signer/signer.h"

int signer_keeper_run(int fd, void *signer_process); /* forker_program.run: one request, then it ends */

/* The authority's side; fd stays the caller's. REFUSED "signer.passphrase": the present one is wrong. REFUSED "key.token": the key
 * is in a token. BAD_DATA "key.passphrase": the new one is none. */
struct keeper_passwd {
    struct buf files[SIGNER_KEYS_MAX]; /* the keys as they are on disk now, for the signer's copies */
    size_t count;
    struct buf passphrase_file; /* where the next start looks for the new one; empty: no file */
};
int keeper_passwd(int fd, struct bytes present, struct bytes next, struct keeper_passwd *out, struct error *error);
void keeper_passwd_free(struct keeper_passwd *passwd);
/* pem: PKCS#8, encrypted under next. */
int keeper_export(int fd, unsigned key_index, struct bytes present, struct bytes next, struct buf *pem, struct error *error);

#endif
