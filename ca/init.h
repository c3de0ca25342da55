/* `chanceryd --init`: makes a CA where there is none, with no daemon alive. Each step runs as the user that will own it:
 * the key as the signer, the database as the authority, configuration as root. */
#ifndef CHANCERY_INIT_H
#define CHANCERY_INIT_H

#include "ca/chanceryd_conf.h"

struct init_options {
    const char *name;            /* must be [ca] name; NULL: that */
    const char *subject;         /* RFC 4514; NULL: CN=NAME */
    const char *key_type;        /* NULL: ecdsa-p256; or a pkcs11: URI */
    const char *token_key_type;  /* of a key that is made in a token; NULL: ecdsa-p256 */
    const char *passphrase_file; /* NULL: asked on the terminal */
    const char *administrator;   /* account or uid; NULL: none is recorded */
    const char *csr_out;         /* request for a parent instead of a self-signed certificate */
    long days;                   /* 0: 3650 */
    int path_length;             /* -1: none */
};
/* Prints what it made to standard output. What a failed run made is removed again. */
int init_run(const struct daemon_conf *conf, const struct init_options *options, struct error *error);

#endif
