/* signer.conf: what this CA's key may sign. Root's word to the signer; the authority can neither write nor widen it. */
#ifndef CHANCERY_SIGNER_CONF_H
#define CHANCERY_SIGNER_CONF_H

#include "ca/base/buf.h"
#include "ca/base/error.h"
#include "ca/signer/signer.h"

struct signer_key_conf { /* one of the CA's keys: the first in [signer], further ones in [key.N] */
    char *path;                  /* NULL: key.pem, or key.N.pem, in the state folder */
    struct buf authority_key_id; /* SKI of its CA certificates; empty: SHA-1 of the key */
    char *spki;                  /* hex SHA-256 of the SPKI that it must have; NULL for the first, which ca_spki may list */
    bool self_signed;            /* further keys: as if ca_spki listed it */
};
struct signer_conf {
    struct buf issuer;           /* Name DER */
    struct signer_key_conf keys[SIGNER_KEYS_MAX]; /* by key index */
    size_t key_count;
    char *passphrase_file;       /* path, or the name of a systemd credential; NULL: the terminal */
    int64_t validity_max_s;
    int64_t not_after_max;       /* 0: none */
    unsigned key_usages;         /* KEY_USAGE_* that may be in a certificate */
    struct strings ekus;         /* OIDs that may be in a certificate */
    struct strings ca_spki;      /* hex SHA-256 of SPKIs that may be CA:TRUE, those of self_signed keys among them */
};
/* BAD_CONFIG with file and line, or when others than root and our own user could have written it. */
int signer_conf_load(const char *path, struct signer_conf *out, struct error *error);
/* The twin: a commented file, mode 0644, never overwriting. */
int signer_conf_write(const char *path, const struct signer_conf *conf, struct error *error);
/* Adds section [key.N] at the end, by rename; every octet before it stays. */
int signer_conf_add_key(const char *path, unsigned key_index, const struct signer_key_conf *key, struct error *error);
/* Where the private key is. */
int signer_conf_key_path(const struct signer_conf *conf, const char *state_path, unsigned key_index, struct buf *path);
void signer_conf_free(struct signer_conf *conf);

#endif
