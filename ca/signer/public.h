/* The public halves of the CA's keys, kept beside them: what a locked signer can say of keys that it cannot open yet. */
#ifndef CHANCERY_SIGNER_PUBLIC_H
#define CHANCERY_SIGNER_PUBLIC_H

#include "ca/signer/keyring.h"

/* Writes key.pub (key.N.pub) in the state folder where it is missing or another key's. */
int public_keep(const char *state_path, const struct keyring *keys, struct error *error);
/* The keys of signer.conf by these files. BAD_CONFIG "signer.public": one is missing or no key. */
int public_read(const char *state_path, const struct signer_conf *conf, struct signer_info *info, struct error *error);
/* Are these the keys (where any were known)? BAD_CONFIG "signer.key_other". */
int public_same(const struct signer_info *info, const struct keyring *keys, struct error *error);

#endif
