/* Backups and checks of the database: one at a time, in a thread of their own, because they take longer than a caller's
 * connection lasts. A backup is written beside its name and gets it at the end; a check works on a copy that it takes itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/file.h"
#include "ca/base/log.h"
#include "ca/base/tree.h"
#include "ca/store/manifest.h"

#define PARTIAL ".partial-"
#define CONF_MAX (1u << 20)

struct background {
    pthread_mutex_t lock; /* over what follows, but for `work`, which is the thread's while it runs */
    pthread_t thread;
    bool started; /* a thread is to be joined */
    bool stopping;
    struct background_state state;
    struct background_work {
        struct authority *authority;
        struct identity caller;
        bool with_key;
        char *target, *parent, *partial; /* DIR, the folder it stands in, and what it is called until it is whole */
        struct manifest manifest;
    } work;
};

static void work_free(struct background_work *work)
{
    identity_free(&work->caller);
    free(work->target);
    free(work->parent);
    free(work->partial);
    manifest_free(&work->manifest);
    memset(work, 0, sizeof *work);
}

int background_open(struct authority *authority, struct error *error)
{
    authority->background = calloc(1, sizeof *authority->background);
    if (!authority->background)
        return error_memory(error);
    pthread_mutex_init(&authority->background->lock, NULL);
    return OK;
}

void background_close(struct authority *authority)
{
    struct background *background = authority->background;
    if (!background)
        return;
    pthread_mutex_lock(&background->lock);
    background->stopping = true;
    bool started = background->started;
    pthread_mutex_unlock(&background->lock);
    if (started)
        pthread_join(background->thread, NULL);
    work_free(&background->work);
    strings_free(&background->state.findings);
    pthread_mutex_destroy(&background->lock);
    free(background);
    authority->background = NULL;
}

void background_since(struct store_txn *txn)
{
    struct buf at = BUF_EMPTY;
    if (setting_get_txn(txn, "backup.since", &at) == REFUSED) {
        buf_printf(&at, "%lld", (long long)clock_now());
        setting_put(txn, "backup.since", buf_bytes(&at));
    }
    buf_free(&at);
}

/* ---- what is told of it ---- */

static void phase(struct background *background, const char *name, uint64_t total)
{
    pthread_mutex_lock(&background->lock);
    background->state.phase = name;
    background->state.done = 0;
    background->state.total = total;
    pthread_mutex_unlock(&background->lock);
}

/* Not OK: the daemon stops. */
static int advance(void *argument, uint64_t done, uint64_t total)
{
    struct background *background = argument;
    pthread_mutex_lock(&background->lock);
    background->state.done = done;
    background->state.total = total;
    bool stopping = background->stopping;
    pthread_mutex_unlock(&background->lock);
    return stopping ? TEMPORARY : OK;
}

static int finding_add(void *argument, const char *line)
{
    struct background *background = argument;
    int status = OK;
    pthread_mutex_lock(&background->lock);
    if (background->state.finding_count++ < FINDINGS_MAX)
        status = strings_add(&background->state.findings, line);
    pthread_mutex_unlock(&background->lock);
    return status;
}

void background_state_free(struct background_state *state)
{
    strings_free(&state->findings);
}

int authority_background(struct authority *authority, struct background_state *out, struct error *error)
{
    struct background *background = authority->background;
    pthread_mutex_lock(&background->lock);
    *out = background->state;
    out->findings = (struct strings){0};
    int status = background->state.running ? OK : strings_copy(&out->findings, &background->state.findings);
    pthread_mutex_unlock(&background->lock);
    return status ? error_memory(error) : OK;
}

/* ---- copies ---- */

static int join(struct buf *out, const char *folder, const char *name, struct error *error)
{
    buf_clear(out);
    buf_printf(out, "%s/%s", folder, name);
    return out->failed ? error_memory(error) : OK;
}

static int folder_new(const char *folder, const char *name, struct error *error)
{
    struct buf path = BUF_EMPTY;
    int status = join(&path, folder, name, error);
    if (!status && mkdir(buf_text(&path), 0700))
        status = error_set(error, CANNOT_WRITE, "backup.folder", "folder %s cannot be made: %s", buf_text(&path), strerror(errno));
    buf_free(&path);
    return status;
}

static int copy_store(struct background *background, const char *folder, struct error *error)
{
    struct buf path = BUF_EMPTY;
    phase(background, "database", 0);
    int status = folder_new(folder, "db", error);
    if (!status)
        status = join(&path, folder, "db", error);
    if (!status)
        status = store_backup(background->work.authority->store, buf_text(&path), advance, background, error);
    buf_free(&path);
    return status;
}

static int write_piece(void *argument, struct bytes piece)
{
    return fd_write_all(*(int *)argument, piece.data, piece.size);
}

/* After the database: whatever stands in that, the journal knows. */
static int copy_of_signer(struct background *background, enum signer_file what, unsigned key_index, const char *folder, const char *name,
                          struct error *error)
{
    struct buf path = BUF_EMPTY;
    int status = join(&path, folder, name, error);
    int fd = status ? -1 : open(buf_text(&path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (!status && fd < 0)
        status = error_set(error, CANNOT_WRITE, "backup.write", "%s cannot be made: %s", buf_text(&path), strerror(errno));
    if (!status)
        status = signer_copy(background->work.authority->signer, what, key_index, write_piece, &fd, error);
    if (!status && fsync(fd))
        status = error_set(error, CANNOT_WRITE, "backup.write", "%s cannot be written: %s", buf_text(&path), strerror(errno));
    if (fd >= 0)
        close(fd);
    buf_free(&path);
    return status;
}

/* Every key of the CA, encrypted as it is, under the name that it has in the signer's folder when signer.conf says nothing else. */
static int copy_keys(struct background *background, const char *folder, struct error *error)
{
    struct signer_info info = {0};
    int status = signer_info(background->work.authority->signer, &info, error);
    for (unsigned i = 0; i < info.key_count && !status; i++) {
        char name[24] = "key.pem";
        if (i)
            snprintf(name, sizeof name, "key.%u.pem", i);
        status = copy_of_signer(background, SIGNER_KEY, i, folder, name, error);
    }
    signer_info_free(&info);
    return status;
}

/* chancery.conf as the daemon read it, and the signer's as it is. */
static int copy_configuration(struct authority *authority, const char *folder, struct error *error)
{
    struct buf path = BUF_EMPTY, octets = BUF_EMPTY;
    const char *signer_conf = conf_text(authority->conf, "signer", "conf");
    int status = folder_new(folder, "etc", error);
    if (!status)
        status = join(&path, folder, "etc/chancery.conf", error);
    if (!status)
        status = file_write(buf_text(&path), conf_raw(authority->conf), 0600, false, error);
    if (!status)
        status = join(&path, folder, "etc/signer.conf", error);
    if (!status)
        status = file_read(signer_conf, CONF_MAX, &octets, error);
    if (!status)
        status = file_write(buf_text(&path), buf_bytes(&octets), 0600, false, error);
    buf_free(&path);
    buf_free(&octets);
    return status;
}

/* ---- a backup ---- */

static int begun_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct background_work *work = argument;
    (void)error;
    setting_put(txn, "backup.partial", bytes_of_text(work->partial));
    authority_audit(work->authority, txn, &work->caller, "backup", work->target, "begun", "", work->with_key ? "with the key" : "");
    return store_txn_failed(txn);
}

static int done_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct background_work *work = argument;
    struct buf detail = BUF_EMPTY, at = BUF_EMPTY;
    (void)error;
    buf_printf(&detail, "%zu files, %llu octets%s", work->manifest.files, (unsigned long long)work->manifest.octets,
               work->with_key ? ", with the key" : "");
    buf_printf(&at, "%lld", (long long)work->manifest.at);
    setting_put(txn, "backup.last_at", buf_bytes(&at));
    setting_put(txn, "backup.last_folder", bytes_of_text(work->target));
    setting_put(txn, "backup.partial", bytes_of_text(""));
    authority_audit(work->authority, txn, &work->caller, "backup", work->target, "made", "", buf_text(&detail));
    buf_free(&detail);
    buf_free(&at);
    return store_txn_failed(txn);
}

/* What a backup left that a stop or a crash ended: it carries a name that only this file gives, and is of no use to anyone. */
static void partial_remove(struct authority *authority)
{
    struct buf path = BUF_EMPTY;
    struct error none = ERROR_NONE;
    if (!setting_get(authority->store, "backup.partial", &path, &none) && path.size) {
        const char *slash = strrchr(buf_text(&path), '/');
        if (slash && slash[1] == '.' && strstr(slash, PARTIAL) && tree_remove(buf_text(&path)))
            log_warn("%s is left of a backup that was interrupted, and cannot be removed: remove it", buf_text(&path));
    }
    buf_free(&path);
}

static int backup_write(struct background *background, struct error *error)
{
    struct background_work *work = &background->work;
    uint8_t head[32];
    struct buf signer = BUF_EMPTY;
    int status = audit_head(work->authority->store, &work->manifest.audit_number, head, error);
    if (!status)
        status = copy_store(background, work->partial, error);
    phase(background, "signer", 0);
    if (!status)
        status = copy_configuration(work->authority, work->partial, error);
    if (!status)
        status = folder_new(work->partial, "signer", error);
    if (!status)
        status = join(&signer, work->partial, "signer", error);
    if (!status)
        status = copy_of_signer(background, SIGNER_JOURNAL, 0, buf_text(&signer), "journal", error);
    if (!status && work->with_key)
        status = copy_keys(background, buf_text(&signer), error);
    phase(background, "manifest", 0);
    if (!status)
        status = manifest_write(work->partial, &work->manifest, error);
    if (!status && (tree_sync(buf_text(&signer)) || tree_sync(work->partial)))
        status = error_set(error, CANNOT_WRITE, "backup.sync", "%s cannot be synced", work->partial);
    buf_free(&signer);
    return status;
}

static int backup_name(const struct background_work *work, struct error *error)
{
    if (renameat2(AT_FDCWD, work->partial, AT_FDCWD, work->target, RENAME_NOREPLACE))
        return errno == EEXIST ? error_set(error, REFUSED, "backup.exists", "%s is there already and is not replaced", work->target)
                               : error_set(error, CANNOT_WRITE, "backup.rename", "%s cannot get its name: %s", work->target, strerror(errno));
    return tree_sync(work->parent) ? error_set(error, CANNOT_WRITE, "backup.sync", "%s cannot be synced", work->parent) : OK;
}

static int backup_run(struct background *background, struct error *error)
{
    struct background_work *work = &background->work;
    partial_remove(work->authority);
    work->manifest.at = clock_now();
    int status = store_write_reserved(work->authority->store, begun_store, work, error);
    bool made = !status && mkdir(work->partial, 0700) == 0;
    if (!status && !made)
        status = error_set(error, CANNOT_WRITE, "backup.folder", "%s cannot be made: %s (the user of the authority must be able to write in %s)",
                           work->partial, strerror(errno), work->parent);
    if (!status)
        status = backup_write(background, error);
    if (!status)
        status = backup_name(work, error);
    if (!status)
        status = store_write_reserved(work->authority->store, done_store, work, error);
    else if (made && tree_remove(work->partial))
        log_warn("%s is left of a backup that failed, and cannot be removed", work->partial);
    return status;
}

/* ---- a check ---- */

static int checked_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct background *background = argument;
    char detail[48];
    (void)error;
    snprintf(detail, sizeof detail, "%llu findings", (unsigned long long)background->state.finding_count);
    authority_audit(background->work.authority, txn, &background->work.caller, "check-db", background->work.authority->name,
                    background->state.finding_count ? "damaged" : "sound", "", detail);
    return store_txn_failed(txn);
}

static int check_run(struct background *background, struct error *error)
{
    struct authority *authority = background->work.authority;
    const char *folder = background->work.partial;
    struct checking checking = {.finding = finding_add, .progress = advance, .argument = background};
    int64_t since = clock_now();
    int status = tree_remove(folder) || mkdir(folder, 0700)
                     ? error_set(error, CANNOT_WRITE, "check.folder", "%s cannot be made: %s", folder, strerror(errno)) : OK;
    if (!status)
        status = copy_store(background, folder, error);
    if (!status)
        status = copy_of_signer(background, SIGNER_JOURNAL, 0, folder, "journal", error);
    phase(background, "checking", 0);
    if (!status)
        status = authority->options.check(authority->options.check_argument, folder, since, &checking, error);
    if (tree_remove(folder))
        log_warn("%s is left of a check of the database, and cannot be removed", folder);
    return status ? status : store_write_reserved(authority->store, checked_store, background, error);
}

/* ---- the thread ---- */

static void *background_run(void *argument)
{
    struct background *background = argument;
    struct background_work *work = &background->work;
    struct error error = ERROR_NONE;
    bool backup = work->target != NULL;
    int status = backup ? backup_run(background, &error) : check_run(background, &error);
    if (status)
        authority_audit_refusal(work->authority, &work->caller, backup ? "backup" : "check-db", backup ? work->target : work->authority->name,
                                &error);
    pthread_mutex_lock(&background->lock);
    background->state.error = error;
    background->state.files = work->manifest.files;
    background->state.octets = work->manifest.octets;
    background->state.running = false;
    pthread_mutex_unlock(&background->lock);
    return NULL;
}

static int background_start(struct authority *authority, struct background_work *work, uint64_t *number, struct error *error)
{
    struct background *background = authority->background;
    int status = OK;
    pthread_mutex_lock(&background->lock);
    if (background->stopping || background->state.running)
        status = error_set(error, TEMPORARY, "backup.busy", background->stopping ? "the daemon is stopping" : "a backup or a check of the "
                           "database is under way: wait for it");
    if (!status && background->started)
        pthread_join(background->thread, NULL);
    if (!status) {
        background->started = false;
        work_free(&background->work);
        background->work = *work;
        memset(work, 0, sizeof *work);
        strings_free(&background->state.findings);
        background->state = (struct background_state){.number = background->state.number + 1, .running = true, .phase = "database",
                                                      .verb = background->work.target ? "backup" : "check-db"};
        if (background->work.target)
            snprintf(background->state.folder, sizeof background->state.folder, "%s", background->work.target);
        *number = background->state.number;
        background->started = !pthread_create(&background->thread, NULL, background_run, background);
        background->state.running = background->started;
        if (!background->started)
            status = error_set(error, TEMPORARY, "backup.thread", "no thread can be started");
    }
    pthread_mutex_unlock(&background->lock);
    return status;
}

/* ---- what is asked for ---- */

static bool is_below(const char *path, const char *folder)
{
    size_t size = folder ? strlen(folder) : 0;
    return size && strncmp(path, folder, size) == 0 && (path[size] == '/' || path[size] == 0);
}

static int folder_refused(const char *folder, const char *why, struct error *error)
{
    return error_set(error, REFUSED, "backup.folder", "%.300s %s", folder, why);
}

/* The path as one without links but for its last name, which must not be there. */
static int target_choose(struct authority *authority, const char *folder, struct background_work *work, struct error *error)
{
    struct stat facts;
    struct buf path = BUF_EMPTY;
    const char *slash = strrchr(folder, '/');
    if (folder[0] != '/' || strlen(folder) > 400)
        return folder_refused(folder, "is not the full path of a folder", error);
    if (!slash[1] || strcmp(slash + 1, ".") == 0 || strcmp(slash + 1, "..") == 0 || slash[1] == '.')
        return folder_refused(folder, "does not end in the name of a new folder", error);
    char *above = slash == folder ? strdup("/") : strndup(folder, (size_t)(slash - folder));
    work->parent = above ? realpath(above, NULL) : NULL;
    free(above);
    if (!work->parent)
        return folder_refused(folder, "cannot be made: the folder above it is not there, or the authority's user may not enter it", error);
    buf_printf(&path, "%s/%s", strcmp(work->parent, "/") == 0 ? "" : work->parent, slash + 1);
    work->target = path.failed ? NULL : strdup(buf_text(&path));
    buf_free(&path);
    if (!work->target)
        return error_memory(error);
    if (is_below(work->target, conf_text(authority->conf, "store", "path")) || is_below(work->target, conf_text(authority->conf, "signer", "state")))
        return folder_refused(work->target, "lies in the CA's own data: a backup belongs elsewhere", error);
    if (lstat(work->target, &facts) == 0)
        return error_set(error, REFUSED, "backup.exists", "%s is there already and is not replaced: name a new folder", work->target);
    return OK;
}

static int backup_prepare(struct authority *authority, const struct identity *caller, const struct backup_order *order,
                          struct background_work *work, struct error *error)
{
    struct buf path = BUF_EMPTY;
    uint64_t random = 0;
    work->authority = authority;
    work->with_key = order->with_key;
    if (identity_copy(&work->caller, caller) || !(work->manifest.ca_name = strdup(authority->name)))
        return error_memory(error);
    int status = target_choose(authority, order->folder, work, error);
    if (!status && getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        random = (uint64_t)clock_now_ms();
    if (!status)
        buf_printf(&path, "%s/.%s" PARTIAL "%016llx", work->parent, strrchr(work->target, '/') + 1, (unsigned long long)random);
    if (!status && (path.failed || !(work->partial = strdup(buf_text(&path)))))
        status = error_memory(error);
    buf_free(&path);
    return status;
}

int authority_backup(struct authority *authority, const struct identity *caller, const struct backup_order *order, uint64_t *number,
                     struct error *error)
{
    struct background_work work = {0};
    int status = backup_prepare(authority, caller, order, &work, error);
    if (!status)
        status = background_start(authority, &work, number, error);
    if (status)
        authority_audit_refusal(authority, caller, "backup", order->folder, error);
    work_free(&work);
    return status;
}

int authority_check_database(struct authority *authority, const struct identity *caller, uint64_t *number, struct error *error)
{
    struct background_work work = {.authority = authority};
    struct buf path = BUF_EMPTY;
    buf_printf(&path, "%s/check", conf_text(authority->conf, "store", "path"));
    int status = identity_copy(&work.caller, caller) || path.failed || !(work.partial = strdup(buf_text(&path))) ? error_memory(error) : OK;
    if (!status && !authority->options.check)
        status = error_set(error, TEMPORARY, "check.none", "nothing here can check a database");
    if (!status)
        status = background_start(authority, &work, number, error);
    if (status)
        authority_audit_refusal(authority, caller, "check-db", authority->name, error);
    buf_free(&path);
    work_free(&work);
    return status;
}
