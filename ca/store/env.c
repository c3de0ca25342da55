/* The environment: lock file, DB_CONFIG, recovery, tables and indices, checkpoints. The regions are private to the process
 * (DB_PRIVATE): nobody else may open them, and what a killed process left in memory cannot hurt the next one. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "ca/base/log.h"
#include "ca/store/internal.h"

#define CACHE_FALLBACK (64u << 20)
#define CHECKPOINT_FALLBACK 60
#define LOCKS_MAX 200000
#define LOG_BUFFER (8u << 20)
#define LOG_FILE (64u << 20)

const char *const table_names[TABLE_COUNT] = {
    "settings", "requests", "reservations", "serials", "certificates", "revoked", "crls", "crl_chunks", "outbox", "outbox_state",
    "outbox_stats", "outbox_request", "audit", "checkpoints", "templates", "trust", "assignments", "assigned", "i_disposition", "i_requester", "i_template",
    "i_digest", "i_request_name", "i_serial", "i_sha1", "i_sha256", "i_spki", "i_not_after", "i_certificate_name", "i_revoked_id",
};

int db_error(int code, const char *what, struct error *error)
{
    switch (code) {
    case 0:
        return OK;
    case DB_NOTFOUND:
        return error_set(error, REFUSED, "object.unknown", "%s: there is no such record", what);
    case DB_LOCK_DEADLOCK:
    case DB_LOCK_NOTGRANTED:
        return error_set(error, TEMPORARY, "store.busy", "%s: the database is busy, try again", what);
    case ENOSPC:
        return error_set(error, TEMPORARY, "store.disk", "%s: the disk is full", what);
    default:
        return error_set(error, INTERNAL, "store.database", "%s: %s", what, db_strerror(code));
    }
}

static void on_event(DB_ENV *env, u_int32_t event, void *info)
{
    (void)env;
    (void)info;
    if (event == DB_EVENT_PANIC) { /* nothing can be written any more; recovery at the next start puts it right */
        log_error("Berkeley DB: panic, the daemon ends; it recovers when it is started again");
        _exit(INTERNAL);
    }
}

static void on_error(const DB_ENV *env, const char *prefix, const char *message)
{
    (void)env;
    (void)prefix;
    log_error("Berkeley DB: %s", message);
}

/* ---- one process ---- */

static int lock_take(struct store *store, struct error *error)
{
    struct buf path = BUF_EMPTY;
    char pid[32] = "";
    int status = OK;
    buf_printf(&path, "%s/lock", store->path);
    store->lock_fd = open(buf_text(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock_fd < 0) {
        status = error_set(error, BAD_CONFIG, "store.folder", "%s cannot be opened: %s (does the folder exist, is it ours?)", buf_text(&path),
                           strerror(errno));
    } else if (flock(store->lock_fd, LOCK_EX | LOCK_NB)) {
        ssize_t got = read(store->lock_fd, pid, sizeof pid - 1);
        if (got > 0)
            pid[strcspn(pid, "\n")] = 0;
        status = error_set(error, REFUSED, "store.locked", "another chanceryd (pid %s) holds %s: stop it first", got > 0 ? pid : "unknown",
                           store->path);
    } else {
        int size = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
        if (ftruncate(store->lock_fd, 0) || pwrite(store->lock_fd, pid, (size_t)size, 0) != size)
            status = error_set(error, TEMPORARY, "store.disk", "%s cannot be written: %s", buf_text(&path), strerror(errno));
    }
    buf_free(&path);
    return status;
}

/* ---- the folder is as we made it ---- */

static int folder_check(struct store *store, struct error *error)
{
    struct stat st;
    struct buf path = BUF_EMPTY;
    int status = OK;
    if (stat(store->path, &st) || !S_ISDIR(st.st_mode))
        return error_set(error, BAD_CONFIG, "store.folder", "%s is no folder: run `chancery init` first", store->path);
    if (st.st_uid != geteuid() || (st.st_mode & 077))
        return error_set(error, BAD_CONFIG, "store.folder", "%s must belong to the authority's user alone (owner uid %u, mode 0700)",
                         store->path, (unsigned)geteuid());
    buf_printf(&path, "%s/DB_CONFIG", store->path);
    if (lstat(buf_text(&path), &st) == 0) /* it could move the logs, or switch durability off */
        status = error_set(error, BAD_CONFIG, "store.db_config",
                           "%s is not ours: this database takes its settings from chancery.conf alone; remove the file", buf_text(&path));
    buf_clear(&path);
    buf_printf(&path, "%s/requests.db", store->path);
    bool there = stat(buf_text(&path), &st) == 0;
    if (!status && !there && !store->options.create)
        status = error_set(error, BAD_CONFIG, "store.missing", "there is no database in %s: run `chancery init` first", store->path);
    if (!status && there && store->options.create)
        status = error_set(error, REFUSED, "store.exists", "there is a database in %s already: it is never overwritten", store->path);
    buf_free(&path);
    return status;
}

static int env_configure(struct store *store)
{
    DB_ENV *env = store->env;
    size_t cache = store->options.cache_bytes ? store->options.cache_bytes : CACHE_FALLBACK;
    int code = env->set_cachesize(env, (u_int32_t)(cache >> 30), (u_int32_t)(cache & ((1u << 30) - 1)), 1);
    env->set_errcall(env, on_error);
    if (!code)
        code = env->set_event_notify(env, on_event);
    if (!code)
        code = env->set_lk_detect(env, DB_LOCK_MINWRITE); /* a reader loses, and tries again */
    if (!code)
        code = env->set_lk_max_locks(env, LOCKS_MAX);
    if (!code)
        code = env->set_lk_max_objects(env, LOCKS_MAX);
    if (!code)
        code = env->set_lk_max_lockers(env, 10000);
    if (!code)
        code = env->set_tx_max(env, 1000);
    if (!code)
        code = env->set_lg_bsize(env, LOG_BUFFER);
    if (!code)
        code = env->set_lg_max(env, LOG_FILE);
    if (!code)
        code = env->log_set_config(env, DB_LOG_AUTO_REMOVE, 1);
    if (!code)
        code = env->set_flags(env, DB_AUTO_COMMIT, 1);
    return code;
}

static int table_open(struct store *store, enum table table)
{
    char file[64];
    DB *db = NULL;
    int code = db_create(&db, store->env, 0);
    if (code)
        return code;
    store->tables[table] = db;
    snprintf(file, sizeof file, "%s.db", table_names[table]);
    code = db->set_flags(db, DB_CHKSUM);
    return code ? code : db->open(db, NULL, file, NULL, DB_BTREE, DB_CREATE | DB_THREAD | DB_AUTO_COMMIT, 0600);
}

int env_open(struct store *store, struct error *error)
{
    const u_int32_t flags = DB_CREATE | DB_INIT_LOCK | DB_INIT_LOG | DB_INIT_MPOOL | DB_INIT_TXN | DB_THREAD | DB_PRIVATE |
                            (store->options.from_backup ? DB_RECOVER_FATAL : DB_RECOVER);
    int status = folder_check(store, error);
    if (!status)
        status = lock_take(store, error);
    if (status)
        return status;
    int code = db_env_create(&store->env, 0);
    if (!code)
        code = env_configure(store);
    if (!code)
        code = store->env->open(store->env, store->path, flags, 0600);
    for (int table = 0; table < TABLE_COUNT && !code; table++)
        code = table_open(store, (enum table)table);
    if (code)
        return db_error(code, store->path, error);
    return store->options.without_indices ? OK : index_associate(store, error);
}

void env_close(struct store *store)
{
    for (int table = TABLE_COUNT - 1; table >= 0; table--) /* indices before their primaries */
        if (store->tables[table])
            store->tables[table]->close(store->tables[table], 0);
    if (store->env)
        store->env->close(store->env, 0);
    if (store->lock_fd >= 0)
        close(store->lock_fd);
}

/* ---- checkpoints ---- */

int env_checkpoint(struct store *store)
{
    int code = store->env->txn_checkpoint(store->env, 0, 0, 0);
    if (code)
        log_error("the database cannot be checkpointed: %s", db_strerror(code));
    return code;
}

/* A checkpoint removes log files that a backup under way still wants: then the next one does it. */
static void checkpoint(struct store *store)
{
    if (pthread_mutex_trylock(&store->checkpointing))
        return;
    env_checkpoint(store);
    pthread_mutex_unlock(&store->checkpointing);
}

static void *checkpointer_run(void *argument)
{
    struct store *store = argument;
    int64_t every = store->options.checkpoint_s ? store->options.checkpoint_s : CHECKPOINT_FALLBACK;
    pthread_mutex_lock(&store->lock);
    while (!store->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += every;
        pthread_cond_timedwait(&store->pause, &store->lock, &until);
        if (store->stopping)
            break;
        pthread_mutex_unlock(&store->lock);
        checkpoint(store);
        pthread_mutex_lock(&store->lock);
    }
    pthread_mutex_unlock(&store->lock);
    return NULL;
}

/* ---- opening and closing ---- */

static int last_sequence(struct bytes key, struct bytes primary, struct bytes value, void *argument)
{
    (void)primary;
    (void)value;
    *(uint64_t *)argument = get_u64(key.data);
    return SCAN_END;
}

static int sequences_read(struct store *store, struct error *error)
{
    uint64_t highest = 0;
    struct scan scan = {.table = TABLE_REVOKED, .descending = true, .each = last_sequence, .argument = &highest};
    int status = table_scan(store, &scan, error);
    atomic_store(&store->revoked_sequence, highest);
    return status;
}

int store_open(const struct store_options *options, struct store **out, struct error *error)
{
    struct store *store = calloc(1, sizeof *store);
    pthread_condattr_t monotonic;
    *out = NULL;
    if (!store)
        return error_memory(error);
    store->options = *options;
    store->lock_fd = -1;
    store->path = strdup(options->path);
    pthread_mutex_init(&store->lock, NULL);
    pthread_mutex_init(&store->checkpointing, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* a clock that is set must not stop a wait */
    pthread_cond_init(&store->work, NULL);
    pthread_cond_init(&store->outbox, &monotonic);
    pthread_cond_init(&store->pause, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int status = store->path ? env_open(store, error) : error_memory(error);
    if (!status)
        status = sequences_read(store, error);
    if (!status)
        status = writer_start(store, error);
    if (!status && pthread_create(&store->checkpointer, NULL, checkpointer_run, store))
        status = error_set(error, INTERNAL, "store.thread", "no thread can be started for checkpoints");
    else if (!status)
        store->checkpointer_runs = true;
    if (status)
        store_close(store);
    else
        *out = store;
    return status;
}

void store_close(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    store->stopping = true;
    pthread_cond_broadcast(&store->work);
    pthread_cond_broadcast(&store->pause);
    pthread_cond_broadcast(&store->outbox);
    pthread_mutex_unlock(&store->lock);
    writer_stop(store);
    if (store->checkpointer_runs) {
        pthread_join(store->checkpointer, NULL);
        checkpoint(store);
    }
    env_close(store);
    pthread_mutex_destroy(&store->lock);
    pthread_mutex_destroy(&store->checkpointing);
    pthread_cond_destroy(&store->work);
    pthread_cond_destroy(&store->outbox);
    pthread_cond_destroy(&store->pause);
    free(store->path);
    free(store);
}
