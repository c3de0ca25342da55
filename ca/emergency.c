/* An emergency CRL: a process as the authority's user reads the database and hands over what is revoked, the signer signs. */
#include "ca/emergency.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/base/tree.h"
#include "ca/check.h"
#include "ca/process/message.h"
#include "ca/signer/signer.h"
#include "ca/store/manifest.h"
#include "ca/store/restore.h"
#include "ca/x509/crl.h"

#define REASON_REMOVE_FROM_CRL 8
#define ENTRY_SIZE (1 + SERIAL_MAX + 8 + 8 + 4)

struct emergency {
    const struct daemon_conf *conf;
    const struct emergency_options *options;
    char *scratch, *database; /* a copy of the backup's, or the database itself */
    bool copied;
    struct signer_process signer_process;
    struct forker *forker;
    struct signer *signer;
    struct signer_info keys;
    int reader;
    struct issuer issuer;
    uint64_t highest; /* CRL number in the database */
    struct crl_form form;
    uint64_t entries;
};

/* ---- the process that reads ---- */

struct reading {
    int fd;
    unsigned key_index;
    int64_t now;
};

static int entry_send(const struct revocation *row, void *argument)
{
    const struct reading *reading = argument;
    uint8_t octets[ENTRY_SIZE] = {row->serial.size};
    if (row->key_index != reading->key_index || row->revoked_at > reading->now || row->reason == REASON_REMOVE_FROM_CRL)
        return OK;
    memcpy(octets + 1, row->serial.octets, SERIAL_MAX);
    put_u64(octets + 21, (uint64_t)row->revoked_at);
    put_u64(octets + 29, (uint64_t)row->invalid_since);
    put_u32(octets + 37, (uint32_t)row->reason);
    return message_send(reading->fd, bytes_of(octets, sizeof octets));
}

/* The newest certificate of the key, and the highest CRL number before it. */
static int head_read(struct store *store, unsigned key_index, struct buf *out, struct error *error)
{
    struct ca_certificate certificate = {0}, newest = {0};
    struct error none = ERROR_NONE;
    for (unsigned i = 0; i < CA_CERTIFICATES_MAX && !ca_certificates_get(store, i, &certificate, &none); i++)
        if (certificate.key_index == key_index) {
            ca_certificate_free(&newest);
            newest = certificate;
        } else {
            ca_certificate_free(&certificate);
        }
    uint8_t number[8];
    put_u64(number, crls_number(store, key_index));
    buf_add(out, number, sizeof number);
    buf_add(out, newest.der.data, newest.der.size);
    bool there = newest.der.size != 0;
    ca_certificate_free(&newest);
    return there ? OK : error_set(error, REFUSED, "ca.key_index", "the CA has no certificate for a key %u", key_index);
}

static int reader_run(int fd, void *argument)
{
    struct emergency *e = argument;
    struct buf path = BUF_EMPTY, head = BUF_EMPTY;
    struct error error = ERROR_NONE;
    struct store *store = NULL;
    struct reading reading = {fd, (unsigned)e->options->key_index, clock_now()};
    int status = message_receive(fd, &path);
    struct store_options options = {.path = buf_text(&path), .from_backup = e->options->backup != NULL};
    if (!status)
        status = store_open(&options, &store, &error);
    if (!status)
        status = head_read(store, reading.key_index, &head, &error);
    answer_send(fd, status, &error, buf_bytes(&head));
    if (!status)
        status = revoked_each(store, 0, revoked_sequence(store), entry_send, &reading, &error);
    if (!status)
        status = message_send(fd, bytes_of("", 0)); /* the end: without it the list is not whole */
    if (store)
        store_close(store);
    buf_free(&path);
    buf_free(&head);
    return status;
}

/* ---- the steps ---- */

static int step_file(struct emergency *e, struct error *error)
{
    struct stat facts;
    if (lstat(e->options->file, &facts) == 0)
        return error_set(error, REFUSED, "file.exists", "%s is there already and is not replaced", e->options->file);
    return OK;
}

static int step_forker(struct emergency *e, struct error *error)
{
    static struct forker_program programs[2]; /* must outlive the process: see forker.h */
    const struct daemon_conf *conf = e->conf;
    e->signer_process = (struct signer_process){.conf_path = conf_text(conf->conf, "signer", "conf"), .state_path = conf_text(conf->conf, "signer", "state")};
    programs[0] = (struct forker_program){"signer", conf->signer_uid, conf->signer_gid, signer_process_run, &e->signer_process, "chanceryd: signer", NULL};
    programs[1] = (struct forker_program){"reader", conf->authority_uid, conf->authority_gid, reader_run, e, "chanceryd: reader", NULL};
    return forker_start(programs, 2, &e->forker, error);
}

static int step_lock(struct emergency *e, struct error *error)
{
    int fd = -1;
    int status = check_lock(conf_text(e->conf->conf, "store", "path"), &fd, error);
    if (fd >= 0)
        close(fd); /* whoever opens it next takes it */
    return status;
}

/* A backup is read from a copy: recovery would change it. */
static int copy_backup(struct emergency *e, struct error *error)
{
    const char *temporary = getenv("TMPDIR");
    struct manifest manifest = {0};
    struct buf name = BUF_EMPTY, from = BUF_EMPTY, to = BUF_EMPTY;
    buf_printf(&name, "%s/chancery-emergency-XXXXXX", temporary && *temporary ? temporary : "/var/tmp");
    buf_printf(&from, "%s/db", e->options->backup);
    e->scratch = strdup(buf_text(&name));
    int status = e->scratch ? manifest_check(e->options->backup, &manifest, NULL, NULL, error) : error_memory(error);
    if (!status && !mkdtemp(e->scratch))
        status = error_set(error, CANNOT_WRITE, "emergency.folder", "%s cannot be made: %s", e->scratch, strerror(errno));
    e->copied = !status;
    buf_printf(&to, "%s/db", e->scratch ? e->scratch : "");
    e->database = strdup(buf_text(&to));
    if (!status)
        status = e->database ? check_copy_database(buf_text(&from), e->database, error) : error_memory(error);
    if (!status && tree_own(e->scratch, e->conf->authority_uid, e->conf->authority_gid))
        status = error_set(error, CANNOT_WRITE, "emergency.folder", "%s cannot be handed to the authority's user", e->scratch);
    manifest_free(&manifest);
    buf_free(&name);
    buf_free(&from);
    buf_free(&to);
    return status;
}

static int step_database(struct emergency *e, struct error *error)
{
    if (e->options->backup)
        return copy_backup(e, error);
    e->database = strdup(conf_text(e->conf->conf, "store", "path"));
    return e->database ? OK : error_memory(error);
}

static int step_signer(struct emergency *e, struct error *error)
{
    int fd = -1;
    pid_t pid;
    int status = forker_spawn(e->forker, "signer", &fd, &pid, error);
    if (!status)
        status = signer_connect(fd, &e->signer, error);
    if (!status)
        status = signer_info(e->signer, &e->keys, error);
    if (!status && e->keys.locked)
        status = error_set(error, TEMPORARY, "signer.locked", "the CA key is locked: signer.conf names a passphrase_file, or it is asked for on a terminal");
    if (!status && (size_t)e->options->key_index >= e->keys.key_count)
        status = error_set(error, REFUSED, "signer.key_index", "the signer has no key %ld", e->options->key_index);
    return status;
}

static int step_head(struct emergency *e, struct error *error)
{
    const struct signer_key_info *key = &e->keys.keys[e->options->key_index];
    struct buf head = BUF_EMPTY;
    pid_t pid;
    int status = forker_spawn(e->forker, "reader", &e->reader, &pid, error);
    if (!status && message_send(e->reader, bytes_of_text(e->database)))
        status = error_set(error, INTERNAL, "emergency.process", "the process that reads the database ended early");
    if (!status)
        status = answer_receive(e->reader, "that reads the database", &head, error);
    if (!status)
        status = head.size > 8 ? issuer_from_certificate(bytes_of(head.data + 8, head.size - 8), &e->issuer, error)
                               : error_set(error, INTERNAL, "emergency.process", "the database has no CA certificate");
    if (!status && !bytes_equal(buf_bytes(&e->issuer.spki), buf_bytes(&key->spki)))
        status = error_set(error, BAD_CONFIG, "ca.key", "the CA certificate in the database is for another key than the signer holds");
    if (!status) {
        e->highest = get_u64(head.data);
        buf_clear(&e->issuer.algorithm); /* what this key signs with, not what its certificate was signed with */
        buf_add(&e->issuer.algorithm, key->algorithm.data, key->algorithm.size);
    }
    buf_free(&head);
    return status;
}

static void form_fill(struct emergency *e)
{
    const struct signer_key_info *key = &e->keys.keys[e->options->key_index];
    int64_t now = clock_now(), valid = e->options->hours ? e->options->hours * 3600 : conf_number(e->conf->conf, "crl", "validity");
    uint64_t highest = e->highest > key->last_crl_number ? e->highest : key->last_crl_number;
    e->form = (struct crl_form){.number = highest + 1 > (uint64_t)now ? highest + 1 : (uint64_t)now, .this_update = now, .next_update = now + valid};
    if (e->form.next_update > e->issuer.not_after)
        e->form.next_update = e->issuer.not_after;
}

/* Until the empty message: a list that was cut off must not become a CRL. */
static int entries_take(struct emergency *e, struct crl_writer *writer, struct error *error)
{
    for (;;) {
        struct buf message = BUF_EMPTY;
        int status = message_receive(e->reader, &message);
        bool end = !status && message.size == 0;
        if (!status && !end && (message.size != ENTRY_SIZE || message.data[0] > SERIAL_MAX))
            status = INTERNAL;
        if (!status && !end) {
            struct crl_entry entry = {.serial = {.size = message.data[0]}, .revoked_at = (int64_t)get_u64(message.data + 21),
                                      .invalid_since = (int64_t)get_u64(message.data + 29), .reason = (int)get_u32(message.data + 37)};
            memcpy(entry.serial.octets, message.data + 1, SERIAL_MAX);
            status = crl_writer_add(writer, &entry);
        }
        buf_free(&message);
        if (status)
            return error_set(error, status, "emergency.entries", "the revoked certificates cannot be read to their end: take a backup (--from)");
        if (end)
            return OK;
    }
}

static int crl_save(const struct emergency *e, int fd, size_t size, struct error *error)
{
    void *at = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    if (at == MAP_FAILED)
        return error_set(error, TEMPORARY, "emergency.map", "the CRL cannot be mapped");
    int status = file_write(e->options->file, bytes_of(at, size), 0644, false, error);
    munmap(at, size);
    return status;
}

static int step_crl(struct emergency *e, struct error *error)
{
    struct crl_writer *writer = NULL;
    struct buf signature = BUF_EMPTY;
    int tbs_fd = -1, crl_fd = -1;
    size_t tbs_size = 0, size = 0;
    form_fill(e);
    int status = crl_writer_open(&e->issuer, &e->form, &writer, error);
    if (status)
        return status;
    status = entries_take(e, writer, error);
    if (status)
        crl_writer_abandon(writer);
    else
        status = crl_writer_finish(writer, &tbs_fd, &tbs_size, &e->entries, error);
    if (!status)
        status = signer_sign_crl(e->signer, (unsigned)e->options->key_index, tbs_fd, 0, &signature, error);
    if (!status)
        status = crl_assemble(tbs_fd, tbs_size, buf_bytes(&e->issuer.algorithm), buf_bytes(&signature), &crl_fd, &size, error);
    if (!status)
        status = crl_save(e, crl_fd, size, error);
    if (tbs_fd >= 0)
        close(tbs_fd);
    if (crl_fd >= 0)
        close(crl_fd);
    buf_free(&signature);
    return status;
}

static void emergency_end(struct emergency *e)
{
    if (e->reader >= 0)
        close(e->reader);
    signer_info_free(&e->keys);
    signer_close(e->signer);
    if (e->forker)
        forker_stop(e->forker);
    if (e->copied && tree_remove(e->scratch))
        fprintf(stderr, "chanceryd: %s cannot be removed: remove it\n", e->scratch);
    issuer_free(&e->issuer);
    free(e->scratch);
    free(e->database);
}

int emergency_run(const struct daemon_conf *conf, const struct emergency_options *options, struct error *error)
{
    static int (*const steps[])(struct emergency *, struct error *) = {step_file, step_forker, step_lock, step_database, step_signer, step_head, step_crl};
    static struct emergency emergency; /* the process that reads has it after a fork */
    struct emergency *e = &emergency;
    char until[TIME_TEXT_SIZE];
    *e = (struct emergency){.conf = conf, .options = options, .reader = -1};
    int status = OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !status; i++)
        status = steps[i](e, error);
    if (!status)
        printf("%s: CRL %llu, %llu entries, valid until %s; publish it by hand\n", options->file, (unsigned long long)e->form.number,
               (unsigned long long)e->entries, time_format(e->form.next_update, until));
    emergency_end(e);
    return status;
}
