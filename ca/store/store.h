/* The database: Berkeley DB environment, one writer thread with group commit, readers in short pages.
 * Only chanceryd opens it. All functions: any thread. Errors: TEMPORARY (disk full, deadlock after retries),
 * REFUSED "object.unknown" (no such record), INTERNAL (corruption; a panic ends the process).
 * Records are protobuf-c messages (records.proto); keys are big-endian; every index key ends in the RequestID. */
#ifndef CHANCERY_STORE_STORE_H
#define CHANCERY_STORE_STORE_H

#include "ca/base/buf.h"
#include "ca/base/error.h"
#include "ca/event.h"
#include "ca/request.h"

struct store;
struct store_txn; /* inside a closure; sticky: after the first failure later calls do nothing and the closure's transaction aborts */

struct store_options {
    const char *path;           /* folder, owned by us, 0700 */
    size_t cache_bytes;         /* 0: 64 MiB */
    uint64_t disk_reserve_bytes; /* below this free space ordinary writes are TEMPORARY "store.disk"; see store_write_reserved */
    int64_t checkpoint_s;       /* 60 */
    bool create;                /* for init only: otherwise a missing environment is BAD_CONFIG */
    bool from_backup;           /* a copy that a backup made, opened the first time: recovery takes every log file, not those since the
                                   last checkpoint */
    bool without_indices;       /* for inspect.h alone: tables and indices as they stand, none follows another */
};
/* Locks (a lock file: "another chanceryd (pid N) holds DIR"), refuses an unsafe or foreign DB_CONFIG, runs recovery,
 * opens tables and indices, starts writer and checkpoint threads (checkpoint, log removal). */
int store_open(const struct store_options *options, struct store **out, struct error *error);
void store_close(struct store *store); /* checkpoints; waits for the writer */

/* Copies databases and then log files into the folder (new, empty), while the store is in use; on disk when OK. Opened with
 * from_backup the copy has everything that was committed before the call, and whole transactions only. `step` is told what was
 * copied of how much, and ends the copy by being not OK: TEMPORARY "backup.stopped". CANNOT_WRITE where the folder is. */
typedef int (*store_backup_step)(void *argument, uint64_t done, uint64_t total);
int store_backup(struct store *store, const char *folder, store_backup_step step, void *argument, struct error *error);

/* ---- writing ---- */
typedef int (*store_closure)(struct store_txn *txn, void *argument, struct error *error);
/* Runs the closure on the writer thread in a (nested) transaction; returns when it is durable, or with the closure's error and
 * nothing written. Must not be called from a closure. */
int store_write(struct store *store, store_closure closure, void *argument, struct error *error);
/* The same, also when disk space is down to the reserve: revocations, CRLs, audit of refusals, acknowledgements. */
int store_write_reserved(struct store *store, store_closure closure, void *argument, struct error *error);
int store_txn_failed(const struct store_txn *txn); /* the sticky status */
/* Would store_write be refused for want of room? TEMPORARY "store.disk". */
int store_space(struct store *store, struct error *error);

/* ---- counters and settings: small named values ---- */
uint64_t counter_next(struct store_txn *txn, const char *name); /* 1, 2, …; 0 after failure */
int setting_put(struct store_txn *txn, const char *name, struct bytes value);
int setting_get(struct store *store, const char *name, struct buf *out, struct error *error);
int setting_get_txn(struct store_txn *txn, const char *name, struct buf *out);

/* ---- the CA's own certificates: only ever more of them ---- */
struct ca_certificate {
    unsigned index, key_index; /* certificate index, and which of the CA's keys it is for */
    struct buf der, chain;     /* chain: PEM of what stands above it, may be empty */
    int64_t at;                /* recorded; 0: the first one */
};
#define CA_CERTIFICATES_MAX 64
void ca_certificate_free(struct ca_certificate *certificate);
/* Its index must be the next: REFUSED "ca.index" otherwise. */
int ca_certificates_add(struct store_txn *txn, const struct ca_certificate *certificate, struct error *error);
unsigned ca_certificates_count_txn(struct store_txn *txn);
int ca_certificates_get(struct store *store, unsigned index, struct ca_certificate *out, struct error *error); /* REFUSED: none */

/* ---- requests ---- */
int requests_put(struct store_txn *txn, const struct request *request); /* id is the key; replaces */
int requests_get(struct store *store, uint64_t id, struct request *out, struct error *error);
int requests_get_txn(struct store_txn *txn, uint64_t id, struct request *out);
/* The newest request of this requester with this PKCS#10 digest submitted at or after `since`; 0: none. */
int requests_find_same(struct store *store, int64_t uid, const uint8_t pkcs10_sha256[32], int64_t since, uint64_t *id, struct error *error);

/* ---- reservations: RequestIDs that are issuing, no index ---- */
struct reservation {
    uint64_t id;
    int64_t at;
    struct serial serial;
    uint8_t *tbs;
    size_t tbs_size;
    unsigned key_index;
    struct request request;        /* as it will be stored once issued */
    struct properties_summary {    /* what completing it at a restart needs of the properties */
        char *publish_dn;          /* NULL: not published */
        char *template_name;
        unsigned crl_partition;
    } summary;
};
void reservation_free(struct reservation *reservation);
/* REFUSED "serial.used" when a certificate or reservation has this serial. */
int reservations_put(struct store_txn *txn, const struct reservation *reservation);
int reservations_delete(struct store_txn *txn, uint64_t id);
int reservations_get(struct store *store, uint64_t id, struct reservation *out, struct error *error);
/* Calls for each; stops when the callback returns non-zero. The callback must not write. */
int reservations_each(struct store *store, int (*each)(const struct reservation *, void *), void *argument, struct error *error);

/* ---- certificates: one a request at most, key RequestID ---- */
#define CERTIFICATE_EXTENSIONS_MAX 40 /* as many as the lint lets pass */
struct certificate {
    uint64_t id;
    struct serial serial;
    uint8_t *der;
    size_t der_size;
    uint8_t sha1[20], sha256[32], spki_sha256[32];
    int64_t not_before, not_after;
    char *subject;          /* RFC 4514 */
    struct strings names;   /* "dns:…" as issued; CN is in subject */
    struct strings search;  /* lower-case texts for the name index: CN and every SAN value */
    char *template_name;
    char *requester;
    char *publish_dn;       /* NULL: not published */
    unsigned key_index;
    unsigned crl_partition;
    int revocation_reason;  /* -1: not revoked */
    int64_t revoked_at, invalid_since; /* 0: not given */
    uint8_t origins[CERTIFICATE_EXTENSIONS_MAX]; /* enum origin of each extension, in the certificate's order; 0: not known */
    uint8_t origin_count;
};
void certificate_record_free(struct certificate *certificate);
int certificates_put(struct store_txn *txn, const struct certificate *certificate);
int certificates_get(struct store *store, uint64_t id, struct certificate *out, struct error *error);
int certificates_get_txn(struct store_txn *txn, uint64_t id, struct certificate *out);
enum certificate_key { CERTIFICATE_BY_SERIAL, CERTIFICATE_BY_SHA1, CERTIFICATE_BY_SHA256, CERTIFICATE_BY_SPKI };
/* Ids of at most `limit` certificates with exactly this key, rising. */
int certificates_find(struct store *store, enum certificate_key by, struct bytes key, uint64_t *ids, size_t limit, size_t *count, struct error *error);

/* ---- rows for lists: made from indices and the request record, never by parsing a certificate ---- */
/* LIST_BY_NOT_AFTER has rows with a certificate only. */
enum list_order { LIST_BY_ID, LIST_BY_NOT_AFTER, LIST_BY_REQUESTER, LIST_BY_TEMPLATE };
struct list_query {
    int disposition;        /* enum disposition, 0: any; LIST_FAILED_OR_DENIED */
    const char *template_name, *requester, *name; /* NULL: any; name: lower case, trailing * is a prefix */
    int64_t since, until;   /* submitted; 0: any */
    int64_t expiring_before; /* 0: any; issued or foreign, not_after between now and this */
    enum list_order order;
    bool descending;
    uint64_t after;         /* RequestID of the row before; 0: from the start. With an order by other columns: that row's place */
    size_t limit;           /* 1 … 1000 */
};
#define LIST_FAILED_OR_DENIED 1000
struct list_row {
    uint64_t id;
    enum disposition disposition;
    int64_t submitted_at, resolved_at, not_after, revoked_at;
    int revocation_reason;
    char *requester, *template_name, *subject, *first_name, *message;
    struct serial serial;
    uint8_t sha256[32]; /* of the certificate; zeros: none */
};
void list_rows_free(struct list_row *rows, size_t count);
/* Fills at most query->limit rows (caller's array, then list_rows_free); *more says whether there are further ones. */
int list_page(struct store *store, const struct list_query *query, struct list_row *rows, size_t *count, bool *more, struct error *error);
/* Kept incrementally, never counted: by disposition (index: enum disposition), and waiting outbox rows. */
int list_count(struct store *store, enum disposition disposition, uint64_t *count, struct error *error);

/* ---- revoked: its own primary table in order of a revocation sequence ---- */
struct revocation {
    uint64_t sequence;      /* set by revoked_put */
    uint64_t id;            /* RequestID */
    struct serial serial;
    int64_t revoked_at, invalid_since, not_after;
    int reason;             /* CRLReason; 8: released, for deltas only */
    unsigned key_index, crl_partition;
};
/* A later row of the same certificate supersedes the earlier one, which stays until revoked_prune. */
int revoked_put(struct store_txn *txn, struct revocation *revocation);
uint64_t revoked_sequence(struct store *store); /* the highest in use, durable */
/* Every row with after < sequence <= until that no row <= until supersedes, in order of sequence; constant memory. */
int revoked_each(struct store *store, uint64_t after, uint64_t until, int (*each)(const struct revocation *, void *), void *argument, struct error *error);
/* Drops superseded and released rows whose successor is <= until (they stand in a complete CRL). In bounded closures. */
int revoked_prune(struct store *store, uint64_t until, struct error *error);

/* ---- CRLs: row by (key index, partition, delta, number); the DER in chunks beside it ---- */
struct crl_record {
    uint64_t number;
    unsigned key_index, partition;
    bool delta;
    int64_t this_update, next_update, next_publish;
    uint64_t sequence;      /* revocations up to here */
    uint64_t base_number;   /* of a delta */
    uint64_t entries;
    uint64_t size;
    uint8_t sha256[32];
};
int crls_put(struct store_txn *txn, const struct crl_record *record, int fd); /* DER read from fd at 0..size; only the last 3 of a series keep their DER */
int crls_latest(struct store *store, unsigned key_index, unsigned partition, bool delta, struct crl_record *out, struct error *error); /* REFUSED "crl.none" */
int crls_write_to(struct store *store, const struct crl_record *record, int fd, struct error *error); /* DER to fd */
uint64_t crls_highest_number_txn(struct store_txn *txn, unsigned key_index);

/* ---- outbox: immutable rows (module, sequence), state beside them ---- */
int outbox_add(struct store_txn *txn, const char *module, const struct event *event);
struct outbox_row {
    char module[64];
    uint64_t sequence;
    struct event event;
    unsigned attempts;
    int64_t added_at, next_at; /* not before */
    bool parked;
    char last_error[256];
};
void outbox_row_free(struct outbox_row *row);
/* Rows of the module that are due (next_at <= now, not parked), from after_sequence on, in order. */
int outbox_due(struct store *store, const char *module, int64_t now, uint64_t after_sequence, struct outbox_row *rows, size_t limit, size_t *count, struct error *error);
/* Any row, waiting or parked, for `publish status`. module NULL: all. */
int outbox_list(struct store *store, const char *module, uint64_t after_sequence, struct outbox_row *rows, size_t limit, size_t *count, struct error *error);
/* What waits or is parked for one request, over all modules. */
int outbox_of_request(struct store *store, uint64_t request_id, struct outbox_row *rows, size_t limit, size_t *count, struct error *error);
int outbox_done(struct store_txn *txn, const char *module, uint64_t sequence); /* also counts it as published */
int outbox_drop(struct store_txn *txn, const char *module, uint64_t sequence); /* without having been published */
int outbox_retry(struct store_txn *txn, const char *module, uint64_t sequence, int64_t next_at, const char *why);
int outbox_park(struct store_txn *txn, const char *module, uint64_t sequence, const char *why);
int outbox_retry_all(struct store *store, const char *module, uint64_t *count, struct error *error); /* due at once, unparked */
struct outbox_stats {
    uint64_t waiting, parked, done;
    int64_t oldest_added_at; /* 0: none waiting */
    int64_t last_done_at;
    uint64_t last_crl_done;  /* CRL number */
};
int outbox_stats(struct store *store, const char *module, struct outbox_stats *out, struct error *error);
/* Blocks until something was committed to this module's outbox since *seen (updated), timeout, or store_wake. */
void outbox_wait(struct store *store, const char *module, uint64_t *seen, int timeout_ms);
void store_wake(struct store *store); /* ends every outbox_wait: the daemon stops */

/* ---- audit: chained by SHA-256 over the stored octets ---- */
struct audit_record {
    uint64_t number;  /* set by audit_add */
    int64_t at;
    const char *actor, *role, *action, *object, *outcome, *reason, *detail; /* borrowed for audit_add; owned when read */
};
uint64_t audit_add(struct store_txn *txn, const struct audit_record *record); /* the number; 0 after failure. Also to syslog once durable */
/* After a restore: the numbers up to this one were given in a time that is lost, and are not given again. The next record must say so,
 * by this action: nowhere else may a number be left out. Nothing happens when the chain is there already. */
#define AUDIT_GAP_ACTION "restore.gap"
int audit_skip(struct store_txn *txn, uint64_t number);
int audit_page(struct store *store, uint64_t after, struct audit_record *rows, size_t limit, size_t *count, struct error *error);
void audit_rows_free(struct audit_record *rows, size_t count);
int audit_head(struct store *store, uint64_t *number, uint8_t hash[32], struct error *error);

/* Every record after `after` as it is stored, in order of the numbers; each: OK goes on, EACH_END ends well, others are errors. */
#define EACH_END (-1)
int audit_octets(struct store *store, uint64_t after, int (*each)(uint64_t number, struct bytes octets, void *argument), void *argument,
                 struct error *error);
struct audit_checkpoint { /* a signature over the chain up to a record */
    uint64_t number; /* of that record; 0: there is no checkpoint */
    struct buf tbs, signature;
    uint8_t key_id[20]; /* of the key that signed */
    int64_t at;
};
void audit_checkpoint_free(struct audit_checkpoint *checkpoint);
int checkpoints_put(struct store_txn *txn, const struct audit_checkpoint *checkpoint);
int checkpoints_latest(struct store *store, struct audit_checkpoint *out, struct error *error);
/* Those over records after `after`, in order. */
int checkpoints_each(struct store *store, uint64_t after, int (*each)(const struct audit_checkpoint *, void *), void *argument,
                     struct error *error);

/* ---- adopted templates, trust stores, assignments ---- */
struct adopted_template {
    char *name;
    struct buf canonical; /* struct template's canonical form */
    uint8_t digest[32];   /* SHA-256 of it */
    int64_t at;
    char *by;
    char *entry_id;       /* entryUUID or objectGUID of the entry, NULL: the directory tells none */
    int64_t stopped_at;   /* 0: issued from; else since when not, and why */
    char *stop_reason;    /* "template.changed" */
};
void adopted_template_free(struct adopted_template *template);
int templates_put(struct store_txn *txn, const struct adopted_template *template);
int templates_delete(struct store_txn *txn, const char *name); /* REFUSED when there is none */
int templates_get(struct store *store, const char *name, struct adopted_template *out, struct error *error); /* name case-blind */
int templates_get_txn(struct store_txn *txn, const char *name, struct adopted_template *out); /* REFUSED when there is none */
int templates_each(struct store *store, int (*each)(const struct adopted_template *, void *), void *argument, struct error *error);
uint64_t templates_generation(struct store *store); /* rises with every change: caches compare it */

enum trust_kind { TRUST_ROOT = 1, TRUST_INTERMEDIATE };
struct trust_anchor {
    enum trust_kind kind;
    uint8_t sha256[32]; /* key */
    uint8_t *der;
    size_t der_size;
    char *subject;
    int64_t not_after, added_at;
    char *added_by;
};
void trust_anchor_free(struct trust_anchor *anchor);
int trust_put(struct store_txn *txn, const struct trust_anchor *anchor);
int trust_delete(struct store_txn *txn, const uint8_t sha256[32]);
int trust_each(struct store *store, int (*each)(const struct trust_anchor *, void *), void *argument, struct error *error);

struct assignment {
    uint64_t number;     /* set by assignments_put: history in order */
    char *usage, *host;
    uint64_t request_id; /* 0: unassigned */
    uint8_t sha256[32];  /* of the certificate */
    int64_t at, effective_at;
    char *by;
};
void assignment_free(struct assignment *assignment);
int assignments_put(struct store_txn *txn, struct assignment *assignment);
/* The current one of every (usage, host); history: all, in order. */
int assignments_each(struct store *store, bool history, int (*each)(const struct assignment *, void *), void *argument, struct error *error);

#endif
