/* A copy of the database while it is written to: databases page by page through the cache of this process, so that no page is
 * torn, and after them the log files, which hold whatever the pages were changed to meanwhile. Recovery of the copy makes one
 * state of it. Log files must not be removed until they are copied: no checkpoint runs, automatic removal is off. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/base/tree.h"
#include "ca/store/internal.h"

struct copy {
    struct store *store;
    const char *folder;
    store_backup_step step;
    void *argument;
    uint64_t done, total;
};

static uint64_t size_of(const char *folder, const char *file)
{
    struct buf path = BUF_EMPTY;
    struct stat facts;
    buf_printf(&path, "%s/%s", folder, file);
    uint64_t size = stat(buf_text(&path), &facts) == 0 ? (uint64_t)facts.st_size : 0;
    buf_free(&path);
    return size;
}

static int copy_step(void *argument, uint64_t octets)
{
    struct copy *copy = argument;
    copy->done += octets;
    if (copy->done > copy->total)
        copy->total = copy->done;
    return copy->step ? copy->step(copy->argument, copy->done, copy->total) : OK;
}

static int stopped(struct error *error)
{
    return error_set(error, TEMPORARY, "backup.stopped", "the backup was stopped before it was whole");
}

/* ---- databases ---- */

static int file_sync(const char *folder, const char *file, struct error *error)
{
    struct buf path = BUF_EMPTY;
    buf_printf(&path, "%s/%s", folder, file);
    int fd = open(buf_text(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int status = fd >= 0 && fsync(fd) == 0 ? OK : error_set(error, CANNOT_WRITE, "backup.sync", "%s cannot be synced: %s", buf_text(&path),
                                                           strerror(errno));
    if (fd >= 0)
        close(fd);
    buf_free(&path);
    return status;
}

static int copy_database(struct copy *copy, enum table table, struct error *error)
{
    char file[64];
    struct buf what = BUF_EMPTY;
    DB_ENV *env = copy->store->env;
    snprintf(file, sizeof file, "%s.db", table_names[table]);
    buf_printf(&what, "copying %s to %s", file, copy->folder);
    int code = env->dbbackup(env, file, copy->folder, DB_EXCL);
    int status = code == ENOSPC ? error_set(error, CANNOT_WRITE, "backup.disk", "%s: the disk is full", buf_text(&what))
                                : db_error(code, buf_text(&what), error);
    if (!status)
        status = file_sync(copy->folder, file, error);
    if (!status && copy_step(copy, size_of(copy->folder, file)))
        status = stopped(error);
    buf_free(&what);
    return status;
}

/* ---- log files ---- */

static int copy_log(struct copy *copy, const char *path, struct error *error)
{
    struct buf to = BUF_EMPTY;
    const char *slash = strrchr(path, '/');
    buf_printf(&to, "%s/%s", copy->folder, slash ? slash + 1 : path);
    int status = to.failed ? error_memory(error) : tree_copy_file(path, buf_text(&to), 0600, copy_step, copy, error);
    buf_free(&to);
    return status;
}

/* The last file is being written to: a record that is not whole at its end is where recovery stops, and everything that a page
 * of the copy depends on stands before it, for it was flushed before the file is read. */
static int copy_logs(struct copy *copy, struct error *error)
{
    DB_ENV *env = copy->store->env;
    char **list = NULL;
    int code = env->log_flush(env, NULL);
    if (!code)
        code = env->log_archive(env, &list, DB_ARCH_LOG | DB_ARCH_ABS);
    int status = db_error(code, "the log files", error);
    for (size_t i = 0; !status && list && list[i]; i++)
        status = copy_log(copy, list[i], error);
    free(list);
    return status;
}

/* ---- all of it ---- */

static uint64_t total_of(struct store *store)
{
    DB_ENV *env = store->env;
    char **list = NULL;
    uint64_t total = 0;
    for (int table = 0; table < TABLE_COUNT; table++) {
        char file[64];
        snprintf(file, sizeof file, "%s.db", table_names[table]);
        total += size_of(store->path, file);
    }
    if (env->log_archive(env, &list, DB_ARCH_LOG) == 0)
        for (size_t i = 0; list && list[i]; i++)
            total += size_of(store->path, list[i]);
    free(list);
    return total;
}

static int copy_all(struct copy *copy, struct error *error)
{
    struct store *store = copy->store;
    int code = store->env->log_set_config(store->env, DB_LOG_AUTO_REMOVE, 0);
    if (!code)
        code = env_checkpoint(store); /* what was written long ago need not be replayed from the log */
    int status = db_error(code, "preparing the backup", error);
    copy->total = status ? 0 : total_of(store);
    for (int table = 0; table < TABLE_COUNT && !status; table++)
        status = copy_database(copy, (enum table)table, error);
    if (!status)
        status = copy_logs(copy, error);
    if (!status)
        status = tree_sync(copy->folder) ? error_set(error, CANNOT_WRITE, "backup.sync", "%s cannot be synced", copy->folder) : OK;
    code = store->env->log_set_config(store->env, DB_LOG_AUTO_REMOVE, 1);
    return status ? status : db_error(code, "after the backup", error);
}

int store_backup(struct store *store, const char *folder, store_backup_step step, void *argument, struct error *error)
{
    struct copy copy = {.store = store, .folder = folder, .step = step, .argument = argument};
    pthread_mutex_lock(&store->checkpointing);
    int status = copy_all(&copy, error);
    pthread_mutex_unlock(&store->checkpointing);
    return status;
}
