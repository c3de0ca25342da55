/* The parts of taking back what came after a backup, among themselves (ca/restore_*.c). One thread; statuses go with t->error. */
#ifndef CHANCERY_RESTORE_TAKE_H
#define CHANCERY_RESTORE_TAKE_H

#include "ca/authority_internal.h"
#include "ca/restore.h"

#define NOBODY_UID (-2) /* no peer has it: what is taken back has no holder */

struct lost { /* a certificate that was signed and that the database does not have */
    uint64_t id;
    struct serial serial;
    uint8_t tbs[32];
    int64_t at;
    unsigned key_index;
};
struct found_crl {
    uint64_t number, delta_base;
    struct buf der;
    char where[256];
};
struct taking {
    const struct restore_order *order;
    struct store *store;
    struct directory *directory;
    struct issuer issuers[CA_CERTIFICATES_MAX];
    size_t issuer_count;
    uint64_t crl_number[SIGNER_KEYS_MAX]; /* the highest known outside the database */
    struct found_crl complete[SIGNER_KEYS_MAX], delta[SIGNER_KEYS_MAX];
    struct lost *lost;
    size_t lost_count;
    uint64_t audit_last;  /* of the journal */
    uint64_t audit_head;  /* of the database, when its records of now begin */
    uint64_t reserved, failed, issued, revoked, unknown, dropped, holds;
    struct buf *report;
    struct error *error;
};

/* A line of the report, where there is something to count. */
void restore_say(struct taking *t, uint64_t count, const char *what);
/* Root's record of now; borrows everything. */
struct audit_record restore_record(const char *action, const char *object, const char *outcome, const char *reason, const char *detail);
const struct issuer *restore_issuer_by_key(const struct taking *t, const uint8_t key_id[20]); /* NULL: none of ours */
/* A failed request that has this serial alone: it can be revoked. INTERNAL without memory. */
int restore_request_fill(struct request *request, const struct serial *serial, int64_t at, const char *reason, const char *message);
/* Certificates that the journal knows and the database does not, as the directory has them (restore_directory.c). */
int restore_take_directory(struct taking *t);
/* Revocations of the newest CRLs outside (restore_revocations.c). */
int restore_take_crls(struct taking *t);

#endif
