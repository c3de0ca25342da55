/* signer.conf: what this CA's key may sign. Root's word to the signer; the authority can neither write nor widen it. */
#ifndef CHANCERY_SIGNER_CONF_H
#define CHANCERY_SIGNER_CONF_H

#include "ca/base/buf.h"
#include "ca/base/error.h"

struct signer_conf {
    struct buf issuer;           /* Name DER */
    char *key;                   /* path, NULL: key.pem in the state folder */
    char *passphrase_file;       /* path, or the name of a systemd credential; NULL: the terminal */
    struct buf authority_key_id; /* SKI of the CA certificate; empty: SHA-1 of the key */
    int64_t validity_max_s;
    int64_t not_after_max;       /* 0: none */
    unsigned key_usages;         /* KEY_USAGE_* that may be in a certificate */
    struct strings ekus;         /* OIDs that may be in a certificate */
    struct strings ca_spki;      /* hex SHA-256 of SPKIs that may be CA:TRUE */
};
/* BAD_CONFIG with file and line, or when others than root and our own user could have written it. */
int signer_conf_load(const char *path, struct signer_conf *out, struct error *error);
/* The twin: a commented file, mode 0644, never overwriting. */
int signer_conf_write(const char *path, const struct signer_conf *conf, struct error *error);
void signer_conf_free(struct signer_conf *conf);

#endif
