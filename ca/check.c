/* Checking a database: the process that does it, and those who have it done. Recovery, files and records are a process each: what
 * ends one of them is a finding, and the next still says what it can. */
#include "ca/check.h"

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
#include "ca/process/message.h"
#include "ca/signer/journal.h"
#include "ca/signer/serials.h"
#include "ca/signer/signer.h"
#include "ca/store/bulk.h"
#include "ca/store/inspect.h"
#include "ca/store/manifest.h"
#include "ca/x509/certificate.h"
#include "ca/x509/walk.h"

enum step { STEP_RECOVER = 'r', STEP_FILES = 'f', STEP_RECORDS = 'd' };
#define TOLD_FINDING 'F'
#define TOLD_PROGRESS 'P'
#define TOLD_END 'E'
#define ORDER_FIXED 10 /* step, from_backup, since; the folder follows */

struct checker { /* the process */
    int fd;
    char *folder;
    bool from_backup;
    int64_t since;
    struct serials journal; /* of certificates */
    struct inspection inspection;
};

/* ---- the process ---- */

static int tell(int fd, char what, struct bytes octets)
{
    struct buf message = BUF_EMPTY;
    buf_add_byte(&message, (uint8_t)what);
    buf_add(&message, octets.data, octets.size);
    int status = message.failed ? INTERNAL : message_send(fd, buf_bytes(&message));
    buf_free(&message);
    return status;
}

static int tell_finding(void *argument, const char *line)
{
    struct checker *checker = argument;
    return tell(checker->fd, TOLD_FINDING, bytes_of_text(line));
}

static int tell_progress(void *argument, uint64_t done, uint64_t total)
{
    struct checker *checker = argument;
    uint8_t octets[16];
    put_u64(octets, done);
    put_u64(octets + 8, total);
    return tell(checker->fd, TOLD_PROGRESS, bytes_of(octets, 16));
}

/* What was signed of it: the first element of the certificate. */
static bool tbs_digest(struct bytes der, uint8_t digest[32])
{
    struct bytes rest;
    struct tlv tbs;
    if (walk_only(der, DER_SEQUENCE, &rest) || walk_next(&rest, &tbs))
        return false;
    sha256_of(tbs.whole, digest);
    return true;
}

/* Every certificate that this CA issued stands in the journal, with these very octets. Those of a failed request have none, imported
 * ones no requester. */
static int certificate_judge(void *argument, const struct certificate *certificate, enum disposition disposition)
{
    struct checker *checker = argument;
    uint8_t digest[32], whole[32];
    bool same = false;
    unsigned long long id = certificate->id;
    if (!certificate->der_size || disposition == DISPOSITION_FOREIGN || !certificate->requester || !*certificate->requester)
        return OK;
    sha256_of(bytes_of(certificate->der, certificate->der_size), whole);
    if (memcmp(whole, certificate->sha256, 32) != 0)
        return inspection_add(&checker->inspection, "certificate %llu: its octets are not those that its fingerprint names", id);
    if (!tbs_digest(bytes_of(certificate->der, certificate->der_size), digest))
        return inspection_add(&checker->inspection, "certificate %llu: its octets are no certificate", id);
    int status = serials_put(&checker->journal, &certificate->serial, digest, &same);
    if (!status)
        return inspection_add(&checker->inspection, "certificate %llu: the signer's journal knows nothing of it", id);
    if (status == REFUSED && !same)
        return inspection_add(&checker->inspection, "certificate %llu: the signer's journal has its serial for other octets", id);
    return status == REFUSED ? OK : status;
}

static int journal_take(void *argument, const struct journal_entry *entry)
{
    struct checker *checker = argument;
    if (entry->kind != SIGN_CERTIFICATE)
        return OK;
    return serials_put(&checker->journal, &entry->serial, entry->tbs_sha256, NULL) == INTERNAL ? INTERNAL : OK;
}

/* ---- the journal against the database ---- */

struct backward {
    struct checker *checker;
    struct store *store;
    struct serial own[CA_CERTIFICATES_MAX]; /* of the CA's own certificates */
    size_t own_count;
    struct error *error;
};

static void own_serials(struct backward *backward)
{
    for (unsigned i = 0; i < CA_CERTIFICATES_MAX; i++) {
        struct ca_certificate certificate = {0};
        struct certificate_facts facts = {0};
        struct error none = ERROR_NONE;
        if (ca_certificates_get(backward->store, i, &certificate, &none))
            break;
        if (!certificate_read(buf_bytes(&certificate.der), &facts, &none))
            backward->own[backward->own_count++] = facts.serial;
        certificate_facts_free(&facts);
        ca_certificate_free(&certificate);
    }
}

static bool is_own(const struct backward *backward, const struct serial *serial)
{
    for (size_t i = 0; i < backward->own_count; i++)
        if (backward->own[i].size == serial->size && memcmp(backward->own[i].octets, serial->octets, serial->size) == 0)
            return true;
    return false;
}

static int journal_judge(void *argument, const struct journal_entry *entry)
{
    struct backward *backward = argument;
    char serial[2 * SERIAL_MAX + 1], at[TIME_TEXT_SIZE];
    uint64_t id = 0;
    if (entry->kind != SIGN_CERTIFICATE || entry->at >= backward->checker->since || is_own(backward, &entry->serial))
        return OK;
    int status = serials_owner(backward->store, &entry->serial, &id, backward->error);
    if (status || id)
        return status;
    return inspection_add(&backward->checker->inspection, "serial %s: the signer signed it at %s, and the database knows nothing of it",
                          serial_text(&entry->serial, serial), time_format(entry->at, at));
}

static char *beside(const struct checker *checker, const char *name)
{
    struct buf path = BUF_EMPTY;
    buf_printf(&path, "%s/%s", checker->folder, name);
    char *copy = path.failed ? NULL : strdup(buf_text(&path));
    buf_free(&path);
    return copy;
}

static int judge_backward(struct inspection *inspection, struct store *store, struct error *error)
{
    struct checker *checker = inspection->argument;
    struct backward backward = {.checker = checker, .store = store, .error = error};
    char *journal = beside(checker, "journal");
    own_serials(&backward);
    int status = journal ? journal_each(journal, journal_judge, &backward, NULL, error) : error_memory(error);
    free(journal);
    return status;
}

static int records_step(struct checker *checker, struct error *error)
{
    char *journal = beside(checker, "journal");
    struct error why = ERROR_NONE;
    int status = journal ? journal_each(journal, journal_take, checker, NULL, &why) : error_memory(error);
    if (status == BAD_DATA)
        status = inspection_add(&checker->inspection, "the signer's journal is damaged: %s", why.message);
    checker->inspection.certificate = certificate_judge;
    if (!status)
        status = inspect_records(&checker->inspection, judge_backward, error);
    free(journal);
    return status;
}

static int checker_step(struct checker *checker, uint8_t step, struct error *error)
{
    char *folder = beside(checker, "db");
    int status = folder ? OK : error_memory(error);
    checker->inspection = (struct inspection){.folder = folder, .finding = tell_finding, .progress = tell_progress, .argument = checker};
    if (!status && step == STEP_RECOVER)
        status = inspect_recover(folder, checker->from_backup, error);
    else if (!status && step == STEP_FILES)
        status = inspect_files(&checker->inspection, error);
    else if (!status)
        status = records_step(checker, error);
    free(folder);
    return status;
}

int check_process_run(int fd, void *argument)
{
    struct checker checker = {.fd = fd};
    struct buf order = BUF_EMPTY, end = BUF_EMPTY;
    struct error error = ERROR_NONE;
    (void)argument;
    if (message_receive(fd, &order) || order.size <= ORDER_FIXED)
        return INTERNAL;
    checker.from_backup = order.data[1] != 0;
    checker.since = (int64_t)get_u64(order.data + 2);
    checker.folder = strdup((const char *)order.data + ORDER_FIXED); /* a buf ends in a NUL past its size */
    int status = checker.folder ? checker_step(&checker, order.data[0], &error) : error_memory(&error);
    buf_add_byte(&end, (uint8_t)status);
    buf_add(&end, error.reason, strlen(error.reason) + 1);
    buf_add(&end, error.message, strlen(error.message) + 1);
    tell(fd, TOLD_END, buf_bytes(&end));
    serials_free(&checker.journal);
    free(checker.folder);
    buf_free(&order);
    buf_free(&end);
    return OK;
}

/* ---- having it done ---- */

struct step_run {
    const struct check_order *order;
    const struct checking *checking;
    uint64_t findings;
};

static int finding(struct step_run *run, const char *line)
{
    run->findings++;
    return run->checking->finding(run->checking->argument, line);
}

/* One message. *ended with the last; its status is the step's. */
static int heard(struct step_run *run, struct bytes message, bool *ended, struct error *error)
{
    if (message.size && message.data[0] == TOLD_FINDING)
        return finding(run, (const char *)message.data + 1);
    if (message.size == 17 && message.data[0] == TOLD_PROGRESS) {
        bool on = !run->checking->progress ||
                  !run->checking->progress(run->checking->argument, get_u64(message.data + 1), get_u64(message.data + 9));
        return on ? OK : error_set(error, TEMPORARY, "check.stopped", "the check was stopped before its end");
    }
    *ended = true;
    if (message.size < 4 || message.data[0] != TOLD_END)
        return error_set(error, INTERNAL, "check.process", "what the process that checks says cannot be read");
    struct buf none = BUF_EMPTY;
    int status = answer_read(bytes_of(message.data + 1, message.size - 1), "that checks the database", &none, error);
    buf_free(&none);
    return status;
}

static int step_order(int fd, enum step step, const struct check_order *order)
{
    struct buf message = BUF_EMPTY;
    uint8_t since[8];
    put_u64(since, (uint64_t)order->since);
    buf_add_byte(&message, (uint8_t)step);
    buf_add_byte(&message, order->from_backup);
    buf_add(&message, since, 8);
    buf_add_text(&message, order->folder);
    int status = message.failed ? INTERNAL : message_send(fd, buf_bytes(&message));
    buf_free(&message);
    return status;
}

/* OK with *whole false: the process was ended by what it read. */
static int step_run(struct forker *forker, struct step_run *run, enum step step, bool *whole, struct error *error)
{
    int fd = -1;
    pid_t pid;
    bool ended = false;
    *whole = false;
    int status = forker_spawn(forker, CHECK_PROGRAM, &fd, &pid, error);
    if (!status && step_order(fd, step, run->order))
        ended = true;
    while (!status && !ended) {
        struct buf message = BUF_EMPTY;
        if (message_receive(fd, &message)) {
            ended = true;
        } else {
            status = heard(run, buf_bytes(&message), &ended, error);
            *whole = ended;
        }
        buf_free(&message);
    }
    if (fd >= 0)
        close(fd);
    return status;
}

int check_copy(struct forker *forker, const struct check_order *order, const struct checking *checking, struct error *error)
{
    struct step_run run = {.order = order, .checking = checking};
    struct error why = ERROR_NONE;
    bool recovered = false, whole = false;
    int status = step_run(forker, &run, STEP_RECOVER, &recovered, &why);
    if (status == TEMPORARY)
        return error_set(error, status, why.reason, "%s", why.message);
    if (status || !recovered)
        status = finding(&run, recovered ? why.message : "the database cannot be opened: recovery ended the process that tried it");
    recovered = recovered && !why.status;
    if (!status)
        status = step_run(forker, &run, STEP_FILES, &whole, error);
    if (!status && !whole)
        status = finding(&run, "the files could not be read to their end: what reads them was ended");
    if (status || !recovered || run.findings)
        return status ? status : finding(&run, "the records were not looked at, because of what stands above");
    status = step_run(forker, &run, STEP_RECORDS, &whole, error);
    return status || whole ? status : finding(&run, "the records could not be read to their end: what reads them was ended");
}

/* ---- without a daemon ---- */

int check_lock(const char *path, int *fd, struct error *error)
{
    struct buf lock = BUF_EMPTY;
    int status = OK;
    buf_printf(&lock, "%s/lock", path);
    *fd = open(buf_text(&lock), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0 && errno != ENOENT)
        status = error_set(error, errno == EACCES ? NOT_PERMITTED : BAD_CONFIG, "store.folder", "%s cannot be opened: %s", buf_text(&lock), strerror(errno));
    else if (*fd >= 0 && flock(*fd, LOCK_EX | LOCK_NB))
        status = error_set(error, REFUSED, "store.locked", "a daemon has %s in use: stop it first", path);
    if (status && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    buf_free(&lock);
    return status;
}

static bool is_database(const char *name)
{
    const char *end = strrchr(name, '.');
    return !strchr(name, '/') && end && (strcmp(end, ".db") == 0 || strncmp(name, "log.", 4) == 0);
}

int check_copy_database(const char *from, const char *to, struct error *error)
{
    struct strings files = {0};
    int status = mkdir(to, 0700) ? error_set(error, CANNOT_WRITE, "check.folder", "%s cannot be made: %s", to, strerror(errno))
                                 : tree_list(from, &files, error);
    for (size_t i = 0; i < files.count && !status; i++) {
        struct buf source = BUF_EMPTY, target = BUF_EMPTY;
        buf_printf(&source, "%s/%s", from, files.items[i]);
        buf_printf(&target, "%s/%s", to, files.items[i]);
        if (source.failed || target.failed)
            status = error_memory(error);
        else if (is_database(files.items[i]))
            status = tree_copy_file(buf_text(&source), buf_text(&target), 0600, NULL, NULL, error);
        buf_free(&source);
        buf_free(&target);
    }
    strings_free(&files);
    return status;
}

struct offline {
    const struct daemon_conf *conf;
    const char *folder; /* a backup; NULL: what [store] names */
    char *scratch;
    struct check_order order;
    uint64_t findings;
    int lock_fd;
};

static int print_finding(void *argument, const char *line)
{
    struct offline *offline = argument;
    struct buf shown = BUF_EMPTY;
    text_sanitise(&shown, line, strlen(line));
    offline->findings++;
    puts(buf_text(&shown));
    buf_free(&shown);
    return OK;
}

static int offline_copy(struct offline *offline, struct error *error)
{
    const char *path = conf_text(offline->conf->conf, "store", "path"), *state = conf_text(offline->conf->conf, "signer", "state");
    struct buf from = BUF_EMPTY, journal = BUF_EMPTY, to = BUF_EMPTY, to_journal = BUF_EMPTY;
    buf_printf(&from, "%s%s", offline->folder ? offline->folder : path, offline->folder ? "/db" : "");
    buf_printf(&journal, "%s/%s", offline->folder ? offline->folder : state, offline->folder ? "signer/journal" : "journal");
    buf_printf(&to, "%s/db", offline->scratch);
    buf_printf(&to_journal, "%s/journal", offline->scratch);
    int status = from.failed || journal.failed || to.failed || to_journal.failed ? error_memory(error) : OK;
    if (!status)
        status = check_copy_database(buf_text(&from), buf_text(&to), error);
    if (!status)
        status = tree_copy_file(buf_text(&journal), buf_text(&to_journal), 0600, NULL, NULL, error);
    if (!status && tree_own(offline->scratch, offline->conf->authority_uid, offline->conf->authority_gid))
        status = error_set(error, CANNOT_WRITE, "check.folder", "%s cannot be handed to the authority's user", offline->scratch);
    buf_free(&from);
    buf_free(&journal);
    buf_free(&to);
    buf_free(&to_journal);
    return status;
}

/* Where there is room for the database there is room for a copy; on a host without one, the folder for temporary files. */
static int scratch_make(struct offline *offline, struct error *error)
{
    const char *path = conf_text(offline->conf->conf, "store", "path"), *temporary = getenv("TMPDIR");
    struct buf name = BUF_EMPTY;
    struct stat facts;
    bool there = stat(path, &facts) == 0;
    buf_printf(&name, "%s/check-XXXXXX", there ? path : temporary && *temporary ? temporary : "/var/tmp");
    offline->scratch = name.failed ? NULL : strdup(buf_text(&name));
    buf_free(&name);
    if (!offline->scratch)
        return error_memory(error);
    if (mkdtemp(offline->scratch))
        return OK;
    int status = error_set(error, CANNOT_WRITE, "check.folder", "a folder for the copy cannot be made in %s: %s", path, strerror(errno));
    free(offline->scratch);
    offline->scratch = NULL;
    return status;
}

static int offline_source(struct offline *offline, struct error *error)
{
    struct manifest manifest = {0};
    struct error why = ERROR_NONE;
    int status = OK;
    offline->order = (struct check_order){.folder = offline->scratch, .from_backup = offline->folder != NULL, .since = INT64_MAX};
    if (!offline->folder)
        return check_lock(conf_text(offline->conf->conf, "store", "path"), &offline->lock_fd, error);
    status = manifest_check(offline->folder, &manifest, NULL, NULL, &why);
    if (status == REFUSED && strcmp(why.reason, "backup.file") == 0) /* what else is wrong is worth knowing */
        status = print_finding(offline, why.message);
    else if (status)
        status = error_set(error, status, why.reason, "%s", why.message);
    offline->order.since = manifest.at;
    manifest_free(&manifest);
    return status;
}

int check_offline(const struct daemon_conf *conf, const char *folder, struct error *error)
{
    struct offline offline = {.conf = conf, .folder = folder, .lock_fd = -1};
    static struct forker_program program; /* must outlive the process: see forker.h */
    struct checking checking = {.finding = print_finding, .argument = &offline};
    struct forker *forker = NULL;
    program = (struct forker_program){CHECK_PROGRAM, conf->authority_uid, conf->authority_gid, check_process_run, NULL, "chanceryd: check", NULL};
    int status = forker_start(&program, 1, &forker, error);
    if (!status)
        status = scratch_make(&offline, error);
    if (!status)
        status = offline_source(&offline, error);
    if (!status)
        status = offline_copy(&offline, error);
    if (!status)
        status = check_copy(forker, &offline.order, &checking, error);
    if (!status && offline.findings)
        status = error_set(error, REFUSED, "check.findings", "%llu findings: the database is damaged", (unsigned long long)offline.findings);
    else if (!status)
        puts("the database is sound");
    if (offline.scratch && tree_remove(offline.scratch))
        fprintf(stderr, "chanceryd: %s cannot be removed: remove it\n", offline.scratch);
    free(offline.scratch);
    if (offline.lock_fd >= 0)
        close(offline.lock_fd);
    if (forker)
        forker_stop(forker);
    return status;
}
