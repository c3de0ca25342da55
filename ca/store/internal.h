/* What the files of the store share among themselves. */
#ifndef CHANCERY_STORE_INTERNAL_H
#define CHANCERY_STORE_INTERNAL_H

#include <db.h>
#include <pthread.h>
#include <stdatomic.h>

#include "ca/base/encode.h"
#include "ca/store/records.pb-c.h"
#include "ca/store/store.h"

enum table {
    TABLE_SETTINGS,
    TABLE_REQUESTS,
    TABLE_RESERVATIONS,
    TABLE_SERIALS, /* serial -> RequestID: reserved, issued and imported ones */
    TABLE_CERTIFICATES,
    TABLE_REVOKED,
    TABLE_CRLS,
    TABLE_CRL_CHUNKS,
    TABLE_OUTBOX,
    TABLE_OUTBOX_STATE,
    TABLE_OUTBOX_STATS,
    TABLE_OUTBOX_REQUEST, /* RequestID, module NUL, sequence: what waits for one request */
    TABLE_AUDIT,
    TABLE_CHECKPOINTS, /* number of the audit record under it */
    TABLE_TEMPLATES,
    TABLE_TRUST,
    TABLE_ASSIGNMENTS,
    TABLE_ASSIGNED, /* usage NUL host -> number of the newest assignment */
    INDEX_DISPOSITION,
    INDEX_REQUESTER,
    INDEX_TEMPLATE,
    INDEX_DIGEST, /* uid, SHA-256 of the PKCS#10 */
    INDEX_REQUEST_NAME,
    INDEX_SERIAL,
    INDEX_SHA1,
    INDEX_SHA256,
    INDEX_SPKI,
    INDEX_NOT_AFTER,
    INDEX_CERTIFICATE_NAME,
    INDEX_REVOKED_ID,
    TABLE_COUNT
};

#define NAME_KEY_MAX 255

struct waiter;
struct store {
    DB_ENV *env;
    DB *tables[TABLE_COUNT];
    struct store_options options;
    char *path;
    int lock_fd;
    pthread_t writer, checkpointer;
    bool writer_runs, checkpointer_runs;
    pthread_mutex_t checkpointing; /* held by a checkpoint, and by a backup for as long as it needs the log files */
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t work, outbox, pause;
    struct waiter *first, *last;
    bool stopping, woken;
    uint64_t outbox_generation;
    atomic_uint_fast64_t template_generation, revoked_sequence;
};

struct store_txn {
    struct store *store;
    DB_TXN *txn;
    int status;         /* sticky */
    bool outbox_changed, templates_changed;
    uint64_t revoked_sequence;
    struct strings audit_lines; /* for syslog, once durable */
};

/* env.c */
int env_open(struct store *store, struct error *error);
void env_close(struct store *store);
extern const char *const table_names[TABLE_COUNT]; /* "requests": the file is requests.db */
int env_checkpoint(struct store *store); /* a Berkeley DB code; with `checkpointing` held */
/* A Berkeley DB code as one of ours, with what was being done. */
int db_error(int code, const char *what, struct error *error);

/* writer.c */
int writer_start(struct store *store, struct error *error);
void writer_stop(struct store *store);

/* table.c: octets in and out. In closures: on the closure's transaction, sticky. */
void txn_fail(struct store_txn *txn, int status);
int txn_put(struct store_txn *txn, enum table table, struct bytes key, struct bytes value);
int txn_insert(struct store_txn *txn, enum table table, struct bytes key, struct bytes value); /* REFUSED, not sticky, when there */
int txn_delete(struct store_txn *txn, enum table table, struct bytes key); /* REFUSED, not sticky, when there is none */
/* REFUSED, not sticky, when there is none. */
int txn_get(struct store_txn *txn, enum table table, struct bytes key, struct buf *value);
int table_get(struct store *store, enum table table, struct bytes key, struct buf *value, struct error *error);
/* Records from the first key >= from on (descending: the last key < from, downwards; from.size 0: the end), each read in a page of
 * its own transaction-free cursor. each: 0 goes on, 1 ends well, others are errors. `prefix` (may be empty) bounds the keys. For
 * index tables `primary` is the RequestID's key and value the primary record, when with_data; else value is empty. */
struct scan {
    enum table table;
    struct bytes prefix, from;
    bool descending, with_data;
    int (*each)(struct bytes key, struct bytes primary, struct bytes value, void *argument);
    void *argument;
};
#define SCAN_END EACH_END
int table_scan(struct store *store, const struct scan *scan, struct error *error);

/* index.c: callbacks for DB->associate */
struct index_row {
    enum table primary, index;
    int (*callback)(DB *, const DBT *, const DBT *, DBT *);
};
extern const struct index_row index_rows[];
extern const size_t index_count;
int index_associate(struct store *store, struct error *error);
/* lower-case text cut to NAME_KEY_MAX, and a NUL */
void index_text(struct buf *key, const char *text, size_t size);

/* requests.c: one request less of this disposition */
void counts_leave(struct store_txn *txn, enum disposition disposition);

/* codec.c: values to records and back; the caller frees what it gets */
void request_encode(const struct request *request, struct buf *out);
int request_decode(uint64_t id, struct bytes record, struct request *out);
void certificate_encode(const struct certificate *certificate, struct buf *out);
int certificate_decode(uint64_t id, struct bytes record, struct certificate *out);
void reservation_encode(const struct reservation *reservation, struct buf *out);
int reservation_decode(uint64_t id, struct bytes record, struct reservation *out);
void event_encode(const struct event *event, struct buf *out);
int event_decode(uint64_t sequence, struct bytes record, struct event *out);
char *text_of(const ProtobufCBinaryData *data);
ProtobufCBinaryData data_of(const void *data, size_t size);
ProtobufCBinaryData data_of_text(const char *text);
void message_pack(const ProtobufCMessage *message, struct buf *out);

#define ID_KEY(id) \
    (struct id_key){{(uint8_t)((id) >> 56), (uint8_t)((id) >> 48), (uint8_t)((id) >> 40), (uint8_t)((id) >> 32), \
                     (uint8_t)((id) >> 24), (uint8_t)((id) >> 16), (uint8_t)((id) >> 8), (uint8_t)(id)}}
struct id_key {
    uint8_t octets[8];
};
#define ID_BYTES(id) bytes_of(ID_KEY(id).octets, 8)

#endif
