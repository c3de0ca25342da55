/* Restoring, step by step; each is a function, and until `step_swap` nothing that was there is changed. The copy is made, recovered,
 * judged and completed beside the database, and then changes places with it in one call of the system. */
#include "ca/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/base/text.h"
#include "ca/base/tree.h"
#include "ca/check.h"
#include "ca/process/message.h"
#include "ca/signer/journal.h"
#include "ca/store/manifest.h"

#define JOURNAL_MAX ((size_t)1 << 32)

struct restore {
    const struct daemon_conf *conf;
    const char *backup, *path, *state, *signer_conf; /* DIR; [store] path; [signer] state and conf */
    char *stage;             /* beside the database: db/, journal */
    char *aside;             /* where the database before goes */
    struct manifest manifest;
    struct forker *forker;
    struct restore_order order;
    char *staged_db, *staged_journal, *backup_journal, *host_journal;
    bool journal_from_backup; /* the host has none, or a shorter one of the same */
    bool staged, yes;
    int lock_fd, staged_lock_fd;
    uint64_t findings;
    struct buf report;
};

static char *text_made(const char *folder, const char *name)
{
    struct buf path = BUF_EMPTY;
    buf_printf(&path, "%s%s", folder, name);
    char *copy = path.failed ? NULL : strdup(buf_text(&path));
    buf_free(&path);
    return copy;
}

/* ---- before anything is touched ---- */

static int step_names(struct restore *r, struct error *error)
{
    char at[TIME_TEXT_SIZE], suffix[64];
    r->path = conf_text(r->conf->conf, "store", "path");
    r->state = conf_text(r->conf->conf, "signer", "state");
    r->signer_conf = conf_text(r->conf->conf, "signer", "conf");
    snprintf(suffix, sizeof suffix, ".before-restore-%s.%d", time_format(clock_now(), at), (int)getpid()); /* two within a second */
    r->stage = text_made(r->path, ".restoring");
    r->aside = text_made(r->path, suffix);
    r->staged_db = r->stage ? text_made(r->stage, "/db") : NULL;
    r->staged_journal = r->stage ? text_made(r->stage, "/journal") : NULL;
    r->backup_journal = text_made(r->backup, "/signer/journal");
    r->host_journal = text_made(r->state, "/journal");
    return r->stage && r->aside && r->staged_db && r->staged_journal && r->backup_journal && r->host_journal ? OK : error_memory(error);
}

static int step_manifest(struct restore *r, struct error *error)
{
    const char *name = conf_text(r->conf->conf, "ca", "name");
    int status = manifest_check(r->backup, &r->manifest, NULL, NULL, error);
    if (!status && strcmp(r->manifest.ca_name, name) != 0)
        status = error_set(error, REFUSED, "restore.other_ca", "%s is a backup of the CA %s; %s says [ca] name = %s", r->backup, r->manifest.ca_name,
                           conf_path(r->conf->conf), name);
    return status;
}

static int step_lock(struct restore *r, struct error *error)
{
    return check_lock(r->path, &r->lock_fd, error);
}

/* Is the one file the beginning of the other? -1: a is of b, 1: b is of a, 0: the same, 2: neither. */
static int beginning_of(struct bytes a, struct bytes b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    if (memcmp(a.data, b.data, shorter) != 0)
        return 2;
    return a.size == b.size ? 0 : a.size < b.size ? -1 : 1;
}

/* The host's journal is the newer memory, as a rule. One that ends before the backup's is itself an old copy; one that says
 * something else is another CA's, or of a signer that worked twice. */
static int step_journal(struct restore *r, struct error *error)
{
    struct buf host = BUF_EMPTY, backup = BUF_EMPTY;
    struct stat facts;
    uint64_t whole = 0;
    bool there = stat(r->host_journal, &facts) == 0;
    int status = journal_each(r->backup_journal, NULL, NULL, NULL, error);
    r->journal_from_backup = !there;
    if (!status && there)
        status = journal_each(r->host_journal, NULL, NULL, &whole, error);
    if (!status && there)
        status = file_read(r->host_journal, JOURNAL_MAX, &host, error);
    if (!status && there)
        status = file_read(r->backup_journal, JOURNAL_MAX, &backup, error);
    if (!status && there) {
        int order = beginning_of(bytes_of(host.data, (size_t)whole), buf_bytes(&backup));
        if (order == 2)
            status = error_set(error, REFUSED, "restore.journal", "%s does not continue the journal in the backup: it is another CA's, or the "
                               "signer went on with an old copy of it", r->host_journal);
        r->journal_from_backup = order == -1;
    }
    buf_free(&host);
    buf_free(&backup);
    return status;
}

static bool is_there(const char *path)
{
    struct stat facts;
    return lstat(path, &facts) == 0;
}

/* On a new host the key comes from the backup, or was put there by hand. */
static int step_key(struct restore *r, struct error *error)
{
    char *host = text_made(r->state, "/key.pem"), *backup = text_made(r->backup, "/signer/key.pem");
    int status = host && backup ? OK : error_memory(error);
    if (!status && !is_there(host) && !is_there(backup) && !is_there(r->signer_conf))
        status = error_set(error, REFUSED, "restore.key", "there is no key in %s, and none in the backup: put the CA's key and signer.conf there first",
                           r->state);
    free(host);
    free(backup);
    return status;
}

static int step_ask(struct restore *r, struct error *error)
{
    char line[16] = "";
    char at[TIME_TEXT_SIZE];
    if (r->yes || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return OK;
    fprintf(stderr, "Restore CA %s as it was at %s, in the place of %s (which is moved aside)? [y/N] ", r->manifest.ca_name,
            time_format(r->manifest.at, at), r->path);
    if (!fgets(line, sizeof line, stdin) || (line[0] != 'y' && line[0] != 'Y'))
        return error_set(error, REFUSED, "restore.declined", "nothing was changed");
    return OK;
}

/* ---- the copy, beside the database ---- */

/* What an interrupted run left may be the database before: it is never removed here. */
static int stage_free(struct restore *r, struct error *error)
{
    char *name = NULL, at[TIME_TEXT_SIZE], suffix[64];
    if (!is_there(r->stage))
        return OK;
    snprintf(suffix, sizeof suffix, ".interrupted-restore-%s.%d", time_format(clock_now(), at), (int)getpid()); /* two within a second */
    name = text_made(r->path, suffix);
    int status = name && rename(r->stage, name) == 0 ? OK
                 : error_set(error, CANNOT_WRITE, "restore.stage", "%s is left of an interrupted restore and cannot be moved: %s", r->stage, strerror(errno));
    if (!status)
        fprintf(stderr, "chanceryd: what an interrupted restore left is now %s\n", name);
    free(name);
    return status;
}

static int step_stage(struct restore *r, struct error *error)
{
    char *database = text_made(r->backup, "/db");
    int status = database ? stage_free(r, error) : error_memory(error);
    if (!status && mkdir(r->stage, 0700))
        status = error_set(error, CANNOT_WRITE, "restore.stage", "%s cannot be made: %s", r->stage, strerror(errno));
    r->staged = !status;
    if (!status)
        status = check_copy_database(database, r->staged_db, error);
    if (!status)
        status = tree_copy_file(r->journal_from_backup ? r->backup_journal : r->host_journal, r->staged_journal, 0600, NULL, NULL, error);
    if (!status && tree_own(r->stage, r->conf->authority_uid, r->conf->authority_gid))
        status = error_set(error, CANNOT_WRITE, "restore.stage", "%s cannot be handed to the authority's user", r->stage);
    free(database);
    return status;
}

static int finding(void *argument, const char *line)
{
    struct restore *r = argument;
    struct buf shown = BUF_EMPTY;
    text_sanitise(&shown, line, strlen(line));
    r->findings++;
    fprintf(stderr, "%s\n", buf_text(&shown));
    buf_free(&shown);
    return OK;
}

static int step_check(struct restore *r, struct error *error)
{
    struct check_order order = {.folder = r->stage, .from_backup = true, .since = r->manifest.at};
    struct checking checking = {.finding = finding, .argument = r};
    int status = check_copy(r->forker, &order, &checking, error);
    if (!status && r->findings)
        status = error_set(error, REFUSED, "restore.damaged", "the database in the backup is damaged (%llu findings above): nothing was changed; "
                           "take another backup", (unsigned long long)r->findings);
    return status;
}

static int taker_run(int fd, void *argument)
{
    struct restore *r = argument;
    struct buf order = BUF_EMPTY, report = BUF_EMPTY;
    struct error error = ERROR_NONE;
    int status = message_receive(fd, &order) || order.size != 16 ? error_set(&error, INTERNAL, "restore.process", "restore ended early") : OK;
    if (!status) { /* the forker was started before the manifest was read */
        r->order = (struct restore_order){.conf = r->conf->conf, .database = r->staged_db, .journal = r->staged_journal, .backup = r->backup,
                                          .at = (int64_t)get_u64(order.data), .audit_number = get_u64(order.data + 8)};
        status = restore_take(&r->order, &report, &error);
    }
    answer_send(fd, status, &error, buf_bytes(&report));
    buf_free(&order);
    buf_free(&report);
    return status;
}

static int step_take(struct restore *r, struct error *error)
{
    uint8_t order[16];
    int fd = -1;
    pid_t pid;
    put_u64(order, (uint64_t)r->manifest.at);
    put_u64(order + 8, r->manifest.audit_number);
    int status = forker_spawn(r->forker, "taker", &fd, &pid, error);
    if (!status && message_send(fd, bytes_of(order, 16)))
        status = error_set(error, INTERNAL, "restore.process", "the process that takes back what came later ended early");
    if (!status)
        status = answer_receive(fd, "that takes back what came later", &r->report, error);
    if (fd >= 0)
        close(fd);
    return status;
}

/* ---- from here on something changes ---- */

/* Into the signer's folder what is missing there; nothing is replaced but a journal that the backup's continues. */
static int signer_file(struct restore *r, const char *name, const char *moved, struct error *error)
{
    char *from = NULL, *to = text_made(r->state, "/"), *full = to ? text_made(to, name) : NULL, *signer = text_made(r->backup, "/signer/");
    int status = full && signer && (from = text_made(signer, name)) ? OK : error_memory(error);
    if (!status && moved && is_there(full) && rename(full, moved))
        status = error_set(error, CANNOT_WRITE, "restore.signer", "%s cannot be moved aside: %s", full, strerror(errno));
    if (!status && is_there(from) && !is_there(full)) {
        status = tree_copy_file(from, full, 0600, NULL, NULL, error);
        if (!status && lchown(full, r->conf->signer_uid, r->conf->signer_gid))
            status = error_set(error, CANNOT_WRITE, "restore.signer", "%s cannot be handed to the signer's user: %s", full, strerror(errno));
        if (!status)
            buf_printf(&r->report, "%s is the backup's\n", full);
    }
    free(from);
    free(to);
    free(full);
    free(signer);
    return status;
}

static int step_signer(struct restore *r, struct error *error)
{
    char *moved = text_made(r->host_journal, r->aside + strlen(r->path)), *conf = text_made(r->backup, "/etc/signer.conf");
    int status = moved && conf ? OK : error_memory(error);
    if (!status && !is_there(r->state))
        status = directory_ensure(r->state, 0700, r->conf->signer_uid, r->conf->signer_gid, error);
    if (!status && r->journal_from_backup)
        status = signer_file(r, "journal", moved, error);
    for (unsigned i = 0; i < 16 && !status; i++) { /* SIGNER_KEYS_MAX of signer.conf */
        char name[24] = "key.pem";
        if (i)
            snprintf(name, sizeof name, "key.%u.pem", i);
        status = signer_file(r, name, NULL, error);
    }
    if (!status && !is_there(r->signer_conf)) {
        status = tree_copy_file(conf, r->signer_conf, 0644, NULL, NULL, error);
        buf_printf(&r->report, "%s is the backup's\n", r->signer_conf);
    }
    free(moved);
    free(conf);
    return status;
}

/* The staged database is held before it gets its name: whoever starts a daemon now finds it taken until we have ended. */
static int step_swap(struct restore *r, struct error *error)
{
    bool there = is_there(r->path);
    int status = check_lock(r->staged_db, &r->staged_lock_fd, error);
    if (status)
        return status;
    if (there ? renameat2(AT_FDCWD, r->staged_db, AT_FDCWD, r->path, RENAME_EXCHANGE) : rename(r->staged_db, r->path))
        return error_set(error, CANNOT_WRITE, "restore.swap", "%s cannot be put in the place of %s: %s; nothing was changed", r->staged_db, r->path,
                         strerror(errno));
    r->staged = !there || rename(r->staged_db, r->aside) == 0; /* else what is staged now is the database before: it stays */
    if (!r->staged)
        return error_set(error, CANNOT_WRITE, "restore.aside", "the backup is in place; the database before is in %s and cannot be moved to %s: %s",
                         r->staged_db, r->aside, strerror(errno));
    if (there)
        buf_printf(&r->report, "the database before is %s\n", r->aside);
    return OK;
}

static int step_forker(struct restore *r, struct error *error)
{
    static struct forker_program programs[2]; /* must outlive the process: see forker.h */
    const struct daemon_conf *conf = r->conf;
    programs[0] = (struct forker_program){CHECK_PROGRAM, conf->authority_uid, conf->authority_gid, check_process_run, NULL, "chanceryd: check", NULL};
    programs[1] = (struct forker_program){"taker", conf->authority_uid, conf->authority_gid, taker_run, r, "chanceryd: restore", NULL};
    return forker_start(programs, 2, &r->forker, error);
}

static void restore_end(struct restore *r)
{
    if (r->staged && tree_remove(r->stage))
        fprintf(stderr, "chanceryd: %s cannot be removed: remove it\n", r->stage);
    if (r->lock_fd >= 0)
        close(r->lock_fd);
    if (r->staged_lock_fd >= 0)
        close(r->staged_lock_fd);
    if (r->forker)
        forker_stop(r->forker);
    manifest_free(&r->manifest);
    free(r->stage);
    free(r->aside);
    free(r->staged_db);
    free(r->staged_journal);
    free(r->backup_journal);
    free(r->host_journal);
    buf_free(&r->report);
}

int restore_run(const struct daemon_conf *conf, const char *folder, bool yes, struct error *error)
{
    static int (*const steps[])(struct restore *, struct error *) = {
        step_names, step_forker, step_lock, step_manifest, step_journal, step_key, step_ask, step_stage, step_check, step_take, step_signer, step_swap};
    static struct restore restore; /* the process that takes back reads it after a fork */
    struct restore *r = &restore;
    *r = (struct restore){.conf = conf, .backup = folder, .yes = yes, .lock_fd = -1, .staged_lock_fd = -1};
    int status = OK;
    if (!folder)
        return error_set(error, USAGE, "restore.folder", "name the folder of the backup: chanceryd --restore DIR");
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !status; i++)
        status = steps[i](r, error);
    if (!status) {
        fputs(buf_text(&r->report), stdout);
        puts("Start chanceryd. It issues nothing until an administrator has read this and confirmed it: chancery restore confirm");
    }
    restore_end(r);
    return status;
}
