/* What may be signed: a request's octets against lint, signer.conf and journal. No key and no socket here. */
#ifndef CHANCERY_SIGNER_GATE_H
#define CHANCERY_SIGNER_GATE_H

#include "ca/signer/conf.h"
#include "ca/signer/journal.h"
#include "ca/signer/keyring.h"
#include "ca/x509/lint.h"

struct gate {
    struct lint_limits limits[SIGNER_KEYS_MAX]; /* by key index */
    struct bytes others[SIGNER_KEYS_MAX][SIGNER_KEYS_MAX];
    size_t key_count;
    struct journal *journal;
};
/* conf and keys stay the caller's, for as long as the gate is used. */
void gate_init(struct gate *gate, const struct signer_conf *conf, const struct keyring *keys, struct journal *journal);
/* OK: the serial or number is taken and *entry filled in; then the key of this index may sign tbs. Any thread.
 * REFUSED "signer.key_index": there is none. */
int gate_check(const struct gate *gate, unsigned key_index, uint8_t kind, struct bytes tbs, int64_t now, struct journal_entry *entry,
               struct error *error);
/* A sealed memfd's contents; release with munmap. REFUSED "signer.seal" when it could still change. */
int gate_map(int fd, struct bytes *out, struct error *error);

#endif
