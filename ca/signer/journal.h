/* The signer's memory: what it signed, append-only, on disk before any answer. Not thread-safe but for journal_reserve_* (own
 * lock); append and sync are one thread's. Record: kind, serial or number, SHA-256 of the TBS, audit number, time, key, and a
 * digest over these and the record before. */
#ifndef CHANCERY_SIGNER_JOURNAL_H
#define CHANCERY_SIGNER_JOURNAL_H

#include "ca/request.h"

#define JOURNAL_BATCH_MAX 256
#define JOURNAL_CLOCK 16 /* a kind beside enum sign_kind: nothing was signed, an administrator accepted the clock */

struct journal_entry {
    uint8_t kind;         /* enum sign_kind */
    struct serial serial; /* certificates: the serial; CRLs and checkpoints: their number; else empty */
    uint8_t tbs_sha256[32];
    uint64_t audit_number;
    int64_t at;
    uint8_t key_id[20];   /* of the key that signs */
};
struct journal_facts {
    uint64_t signatures;
    uint64_t last_checkpoint;
    int64_t last_at; /* of the last signature, or when the clock was accepted after it */
};
struct journal;

/* Opens (or makes) path, holds its lock, reads it. A torn end is cut with a line in the log; damage in the middle is BAD_CONFIG. */
int journal_open(const char *path, struct journal **out, struct error *error);
void journal_close(struct journal *journal);
/* Takes a serial or number for a TBS before it is signed. A serial of another TBS: REFUSED "signer.serial_used"; the same TBS may
 * be signed again (a client that lost the answer, a daemon that was killed). A number that is not above the last, of this key for
 * CRLs: REFUSED "signer.crl_number" or "signer.checkpoint_number". */
int journal_reserve_serial(struct journal *journal, const struct serial *serial, const uint8_t tbs_sha256[32], struct error *error);
int journal_reserve_number(struct journal *journal, const struct journal_entry *entry, uint64_t number, struct error *error);
/* Writes up to JOURNAL_BATCH_MAX entries and waits until they are on disk. TEMPORARY "signer.journal": none of them is. */
int journal_append(struct journal *journal, const struct journal_entry *entries, size_t count, struct error *error);
/* Any thread: octets from offset on of what is on disk in whole records, at most `most`; *size is how many there are in all. */
int journal_copy(struct journal *journal, uint64_t offset, size_t most, struct buf *out, uint64_t *size, struct error *error);
/* Reads a copy of a journal, without key or lock: each record in order. A torn end is no error; damage
 * is BAD_DATA "signer.journal". `each` may be NULL; not OK from it ends. *size (may be NULL): octets of whole records. */
int journal_each(const char *path, int (*each)(void *argument, const struct journal_entry *entry), void *argument, uint64_t *size, struct error *error);
uint64_t serial_as_number(const struct serial *serial);
void journal_facts(struct journal *journal, struct journal_facts *out);
uint64_t journal_crl_number(struct journal *journal, const uint8_t key_id[20]); /* the last of this key; 0: none */
void number_as_serial(uint64_t number, struct serial *out);

#endif
