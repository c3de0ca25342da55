/* The chain of audit records under verification: records and checkpoints go in one by one, in order, from the database or from an
 * export; the first that does not fit is an error that says which. Pure: values in, verdict out. One thread a chain.
 *
 * Each record's stored octets hold the SHA-256 over the octets of the record before; a checkpoint is the signer's signature over the
 * number and the SHA-256 of a record. So what a checkpoint covers cannot be changed, taken out, put in or moved; what stands
 * after the last one could be, by whoever owns the database. */
#ifndef CHANCERY_AUDIT_CHAIN_H
#define CHANCERY_AUDIT_CHAIN_H

#include "ca/store/store.h"

/* The keys that this CA ever signed with. */
struct audit_key {
    struct buf spki;
    uint8_t key_id[20];
};
struct audit_keys { /* start zeroed */
    struct audit_key *items;
    size_t count;
};
int audit_keys_add(struct audit_keys *keys, struct bytes spki, struct error *error);
/* Of one certificate in DER, or of as many as there are in PEM. BAD_DATA otherwise. */
int audit_keys_add_certificates(struct audit_keys *keys, struct bytes pem_or_der, struct error *error);
void audit_keys_free(struct audit_keys *keys);

struct audit_chain {
    const struct audit_keys *keys;
    uint64_t after;    /* it begins with the record after this one */
    uint64_t last;     /* number of the last record so far */
    uint8_t head[32];  /* SHA-256 of its octets */
    uint64_t records, checkpoints;
    uint64_t lost;             /* numbers that a restore left out, and said so */
    uint64_t after_checkpoint; /* records that no checkpoint covers yet */
    uint64_t checkpoint; /* number under the last checkpoint; 0: none yet */
    int64_t checkpoint_at;
};
void audit_chain_begin(struct audit_chain *chain, const struct audit_keys *keys, uint64_t after);
/* REFUSED "audit.missing" (a number is left out or comes again), "audit.changed", "audit.form". */
int audit_chain_record(struct audit_chain *chain, uint64_t number, struct bytes octets, struct error *error);
/* Over the record that came last. REFUSED "audit.checkpoint", "audit.key" (no such key of this CA). */
int audit_chain_checkpoint(struct audit_chain *chain, const struct audit_checkpoint *checkpoint, struct error *error);

#endif
