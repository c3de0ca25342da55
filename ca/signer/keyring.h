/* The keys of signer.conf, by key index, all under one passphrase. A key stays once it is there: it signs the CRLs of what it
 * issued until that has expired. */
#ifndef CHANCERY_SIGNER_KEYRING_H
#define CHANCERY_SIGNER_KEYRING_H

#include "ca/signer/conf.h"
#include "ca/signer/key.h"

struct keyring { /* start zeroed */
    struct ca_key *keys[SIGNER_KEYS_MAX];
    size_t count;
};
/* All of them or none. BAD_CONFIG "signer.passphrase", "signer.key", or "signer.key_other" where a file holds another key than
 * root has listed. */
int keyring_load(const struct signer_conf *conf, const char *state_path, const char *passphrase, struct keyring *out,
                 struct error *error);
void keyring_free(struct keyring *keyring);

#endif
