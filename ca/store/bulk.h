/* What work on many rows needs of the store: walks over certificates by a filter, the record of a batch of revocations with the list
 * of its RequestIDs, removal of rows, whose serial it is. Walks are pages by key in constant memory that hold no lock while a callback
 * works, so that it may write. Errors and threads as in store.h. */
#ifndef CHANCERY_STORE_BULK_H
#define CHANCERY_STORE_BULK_H

#include "ca/store/store.h"

/* ---- certificates by a filter ---- */
struct match { /* what is NULL, 0 or -1 does not filter; texts borrowed */
    const char *template_name, *requester;
    const char *name;        /* of the certificate: CN and SANs; a trailing * is a prefix */
    int64_t since, until;    /* submitted */
    int64_t expiring_before; /* not_after between now and this */
    int64_t key_index;       /* -1: any */
    int disposition;         /* enum disposition, 0: any */
};
typedef int (*match_each)(const struct request *request, const struct certificate *certificate, void *argument);
/* Calls for every certificate that fits, each once. The callback's status other than OK ends the walk and is returned. */
int certificates_match(struct store *store, const struct match *match, match_each each, void *argument, struct error *error);

/* ---- a batch of revocations: one at a time; the last one's record stays until the next ---- */
enum batch_state { BATCH_NONE, BATCH_RUNNING, BATCH_DONE };
struct batch {
    uint64_t number;
    enum batch_state state;
    char *filter, *actor;
    int64_t uid;
    unsigned roles;
    int reason;
    int64_t at, invalid_since;   /* as of each revocation */
    int64_t started_at, ended_at;
    uint64_t count;              /* how many RequestIDs its list has */
    uint64_t position;           /* how many of them are done with */
    uint64_t revoked, skipped;   /* position = revoked + skipped */
    uint64_t final, expired;     /* matched: revoked for good already (not in count); past their end (in count) */
};
void batch_free(struct batch *batch);
int batch_put(struct store_txn *txn, const struct batch *batch);
int batch_get(struct store *store, struct batch *out, struct error *error); /* state BATCH_NONE: there was never one */
/* The number of the batch whose list is being made, 0: none. A crash leaves it, and the list is dropped. */
int batch_listing_put(struct store_txn *txn, uint64_t number);
int batch_listing_get(struct store *store, uint64_t *number, struct error *error);
#define BATCH_PAGE 1000 /* RequestIDs a row of the list */
int batch_page_put(struct store_txn *txn, uint64_t number, uint64_t page, const uint64_t *ids, size_t count);
int batch_page_get(struct store *store, uint64_t number, uint64_t page, uint64_t ids[BATCH_PAGE], size_t *count, struct error *error);
int batch_page_delete(struct store_txn *txn, uint64_t number, uint64_t page); /* OK also when there is none */

/* ---- serials ---- */
/* The request that has or had this serial; 0: the serial is unused. Purged requests keep theirs. */
int serials_owner(struct store *store, const struct serial *serial, uint64_t *id, struct error *error);
int serials_owner_txn(struct store_txn *txn, const struct serial *serial, uint64_t *id);

/* ---- removal ---- */
/* The row that stands for this certificate's revocation; REFUSED: none. */
int revoked_of(struct store *store, uint64_t id, struct revocation *out, struct error *error);
/* Request, certificate and revocation go; the serial stays taken. REFUSED when there is no such request. */
int requests_remove(struct store_txn *txn, uint64_t id);
/* Walks requests of one disposition by RequestID (expired false), or certificates whose end lies before `before` by it, from the
 * place on. Both of `from` are of the last row seen; zeros: from the start. */
struct removal_place {
    int64_t not_after; /* expired only */
    uint64_t id;
};
typedef int (*removal_each)(uint64_t id, const struct removal_place *place, void *argument); /* BATCH_STOP ends the walk well */
#define BATCH_STOP (-1)
int removal_walk(struct store *store, bool expired, enum disposition disposition, int64_t before, const struct removal_place *from,
                 removal_each each, void *argument, struct error *error);

/* A CRL number that must have been passed: the next of this key's series lies above it. In a closure. */
int crls_raise_highest(struct store_txn *txn, unsigned key_index, uint64_t number);

#endif
