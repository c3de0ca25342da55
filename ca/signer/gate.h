/* What may be signed: a request's octets against lint, signer.conf and journal. No key and no socket here. */
#ifndef CHANCERY_SIGNER_GATE_H
#define CHANCERY_SIGNER_GATE_H

#include "ca/signer/conf.h"
#include "ca/signer/journal.h"
#include "ca/signer/key.h"
#include "ca/x509/lint.h"

struct gate {
    struct lint_limits limits;
    struct journal *journal;
};
/* conf and key stay the caller's, for as long as the gate is used. */
void gate_init(struct gate *gate, const struct signer_conf *conf, const struct ca_key *key, struct journal *journal);
/* OK: the serial or number is taken and *entry filled in; then tbs may be signed. Any thread. */
int gate_check(const struct gate *gate, uint8_t kind, struct bytes tbs, int64_t now, struct journal_entry *entry, struct error *error);
/* A sealed memfd's contents; release with munmap. REFUSED "signer.seal" when it could still change. */
int gate_map(int fd, struct bytes *out, struct error *error);

#endif
