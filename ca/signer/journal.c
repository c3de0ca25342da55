/* The signer's journal: a file of fixed records, each bound to the one before
 * by a digest, and what follows from them in memory: serials used, highest
 * numbers. Reading decides between a torn end (a crash) and damage. */
#include "config.h"

#include "ca/signer/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/base/log.h"
#include "ca/signer/serials.h"
#include "ca/signer/signer.h"

#define MAGIC "chancery journal 1\n"
#define MAGIC_SIZE (sizeof MAGIC - 1)
#define KEY_AT 0           /* 20: which key signed */
#define KIND_AT 20         /* 1 */
#define SERIAL_SIZE_AT 21  /* 1 */
#define SERIAL_AT 22       /* 20 */
#define TBS_AT 42          /* 32 */
#define AUDIT_AT 74        /* 8 */
#define TIME_AT 82         /* 8 */
#define DIGEST_AT 90       /* 32: over all before it and the digest of the record before */
#define RECORD_SIZE 122
#define LOCK_WAIT_MS 5000

/* CRL numbers of one key. A key that signer.conf no longer names keeps its series: its number may come again, never fall. */
struct series {
    uint8_t key_id[20];
    uint64_t last, reserved;
};

struct journal {
    int fd;
    char *path;
    off_t end;
    uint8_t digest[32]; /* of the last record */
    pthread_mutex_t lock;
    struct serials serials;
    struct journal_facts facts;
    struct series *series;
    size_t series_count;
    uint64_t checkpoint_reserved;
};

void number_as_serial(uint64_t number, struct serial *out)
{
    uint8_t octets[8];
    size_t zeros = 0;

    put_u64(octets, number);
    while (zeros < sizeof octets && octets[zeros] == 0)
        zeros++;
    *out = (struct serial){.size = (uint8_t)(sizeof octets - zeros)};
    memcpy(out->octets, octets + zeros, out->size);
}

uint64_t serial_as_number(const struct serial *serial)
{
    uint64_t number = 0;

    for (size_t i = 0; i < serial->size; i++)
        number = number << 8 | serial->octets[i];
    return number;
}

/* Under the lock, once the journal is open. NULL: memory. */
static struct series *series_of(struct journal *journal, const uint8_t key_id[20])
{
    struct series *more;

    for (size_t i = 0; i < journal->series_count; i++)
        if (memcmp(journal->series[i].key_id, key_id, 20) == 0)
            return &journal->series[i];
    more = reallocarray(journal->series, journal->series_count + 1, sizeof *more);
    if (more == NULL)
        return NULL;
    journal->series = more;
    more = &journal->series[journal->series_count++];
    *more = (struct series){.last = 0};
    memcpy(more->key_id, key_id, 20);
    return more;
}

static int record_digest(const uint8_t record[RECORD_SIZE], const uint8_t before[32], uint8_t out[32])
{
    uint8_t both[DIGEST_AT + 32];

    memcpy(both, record, DIGEST_AT);
    memcpy(both + DIGEST_AT, before, 32);
    return gnutls_hash_fast(GNUTLS_DIG_SHA256, both, sizeof both, out) == 0 ? OK : INTERNAL;
}

static int record_write(const struct journal_entry *entry, const uint8_t before[32], uint8_t record[RECORD_SIZE])
{
    memset(record, 0, RECORD_SIZE);
    memcpy(record + KEY_AT, entry->key_id, 20);
    record[KIND_AT] = entry->kind;
    record[SERIAL_SIZE_AT] = entry->serial.size;
    memcpy(record + SERIAL_AT, entry->serial.octets, entry->serial.size);
    memcpy(record + TBS_AT, entry->tbs_sha256, 32);
    put_u64(record + AUDIT_AT, entry->audit_number);
    put_u64(record + TIME_AT, (uint64_t)entry->at);
    return record_digest(record, before, record + DIGEST_AT);
}

static bool record_read(const uint8_t record[RECORD_SIZE], const uint8_t before[32], struct journal_entry *entry)
{
    uint8_t digest[32];

    if (record_digest(record, before, digest) != OK || memcmp(digest, record + DIGEST_AT, 32) != 0)
        return false;
    *entry = (struct journal_entry){.kind = record[KIND_AT], .serial = {.size = record[SERIAL_SIZE_AT]}};
    if (entry->serial.size > SERIAL_MAX)
        return false;
    memcpy(entry->serial.octets, record + SERIAL_AT, entry->serial.size);
    memcpy(entry->key_id, record + KEY_AT, 20);
    memcpy(entry->tbs_sha256, record + TBS_AT, 32);
    entry->audit_number = get_u64(record + AUDIT_AT);
    entry->at = (int64_t)get_u64(record + TIME_AT);
    return true;
}

/* What a record on disk means. CRL numbers count for its own key only; serials for all: an issuer's name may span keys. */
static int entry_count(struct journal *journal, const struct journal_entry *entry)
{
    struct journal_facts *facts = &journal->facts;
    struct series *series = entry->kind == SIGN_CRL ? series_of(journal, entry->key_id) : NULL;
    uint64_t number = entry->kind == SIGN_CERTIFICATE ? 0 : serial_as_number(&entry->serial);

    if (entry->kind == JOURNAL_CLOCK) {
        facts->last_at = entry->at; /* also when that is earlier: what came before was signed under a wrong clock */
        return OK;
    }
    facts->signatures++;
    if (entry->at > facts->last_at)
        facts->last_at = entry->at;
    if (entry->kind == SIGN_CRL && series == NULL)
        return INTERNAL;
    if (series != NULL && number > series->last)
        series->last = number;
    if (entry->kind == SIGN_CHECKPOINT && number > facts->last_checkpoint)
        facts->last_checkpoint = number;
    if (entry->kind == SIGN_CERTIFICATE && serials_put(&journal->serials, &entry->serial, entry->tbs_sha256, NULL) == INTERNAL)
        return INTERNAL;
    return OK;
}

/* Each record is checked against the digest that stands in the one before: after a damaged record sound ones are still
 * recognised, and that tells damage in the middle from an end that a crash tore. */
static bool sound_after(const uint8_t *records, size_t from, size_t count)
{
    struct journal_entry ignored;

    for (size_t i = from + 1; i < count; i++)
        if (record_read(records + i * RECORD_SIZE, records + (i - 1) * RECORD_SIZE + DIGEST_AT, &ignored))
            return true;
    return false;
}

static int tail_cut(struct journal *journal, size_t sound, size_t octets, struct error *error)
{
    log_warn("%s: %zu octets at its end were not written completely when the signer last ended: cut off (they were never answered)",
             journal->path, octets);
    journal->end = (off_t)(MAGIC_SIZE + sound * RECORD_SIZE);
    if (ftruncate(journal->fd, journal->end) != 0 || fsync(journal->fd) != 0)
        return error_set(error, TEMPORARY, "signer.journal", "%s: its torn end cannot be cut: %s", journal->path, strerror(errno));
    return OK;
}

static int records_read(struct journal *journal, struct bytes raw, struct error *error)
{
    const uint8_t *records = raw.data + MAGIC_SIZE;
    size_t size = raw.size - MAGIC_SIZE, count = size / RECORD_SIZE, i;

    for (i = 0; i < count; i++) {
        const uint8_t *record = records + i * RECORD_SIZE;
        struct journal_entry entry;

        if (!record_read(record, journal->digest, &entry))
            break;
        if (entry_count(journal, &entry) != OK)
            return error_memory(error);
        memcpy(journal->digest, record + DIGEST_AT, 32);
    }
    if (i < count && (count - i > JOURNAL_BATCH_MAX || sound_after(records, i, count)))
        return error_set(error, BAD_CONFIG, "signer.journal", "%s: record %zu of %zu is damaged and records after it are not: restore "
                         "the file from its last copy before anything is signed", journal->path, i + 1, count);
    journal->end = (off_t)(MAGIC_SIZE + i * RECORD_SIZE);
    return i * RECORD_SIZE == size ? OK : tail_cut(journal, i, size - i * RECORD_SIZE, error);
}

static int journal_begin(struct journal *journal, struct error *error)
{
    journal->end = MAGIC_SIZE;
    if (ftruncate(journal->fd, 0) != 0 || pwrite(journal->fd, MAGIC, MAGIC_SIZE, 0) != (ssize_t)MAGIC_SIZE || fsync(journal->fd) != 0)
        return error_set(error, TEMPORARY, "signer.journal", "%s cannot be written: %s", journal->path, strerror(errno));
    return OK;
}

static int journal_load(struct journal *journal, struct error *error)
{
    struct stat facts;
    struct buf raw = BUF_EMPTY;
    int status;
    uint8_t *to;

    if (fstat(journal->fd, &facts) != 0)
        return error_set(error, INTERNAL, "signer.journal", "%s cannot be examined: %s", journal->path, strerror(errno));
    to = buf_reserve(&raw, (size_t)facts.st_size);
    if (to == NULL)
        return error_memory(error);
    status = fd_read_all(journal->fd, to, (size_t)facts.st_size);
    raw.size = (size_t)facts.st_size;
    if (status != OK)
        error_set(error, BAD_CONFIG, "signer.journal", "%s cannot be read", journal->path);
    else if (memcmp(to, MAGIC, raw.size < MAGIC_SIZE ? raw.size : MAGIC_SIZE) != 0)
        status = error_set(error, BAD_CONFIG, "signer.journal", "%s is not a signer's journal", journal->path);
    else if (raw.size < MAGIC_SIZE)
        status = journal_begin(journal, error);
    else
        status = records_read(journal, buf_bytes(&raw), error);
    buf_free(&raw);
    return status != OK && error->status != OK ? error->status : status;
}

/* The signer before us may still be ending. */
static int journal_lock(struct journal *journal, struct error *error)
{
    int64_t deadline_ms = clock_monotonic_ms() + LOCK_WAIT_MS;

    while (flock(journal->fd, LOCK_EX | LOCK_NB) != 0) {
        if (clock_monotonic_ms() > deadline_ms)
            return error_set(error, TEMPORARY, "signer.journal_locked", "%s is held by another signer: end it first (pgrep -af signer)",
                             journal->path);
        usleep(50000);
    }
    return OK;
}

static int folder_sync(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    int fd = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);

    if (fd >= 0)
        close(fd);
    free(folder);
    return rc;
}

int journal_open(const char *path, struct journal **out, struct error *error)
{
    struct error own = ERROR_NONE, *e = error == NULL ? &own : error;
    struct journal *journal = calloc(1, sizeof *journal);

    if (journal == NULL)
        return error_memory(e);
    pthread_mutex_init(&journal->lock, NULL);
    journal->path = strdup(path);
    journal->fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (journal->path == NULL)
        error_memory(e);
    else if (journal->fd < 0 || folder_sync(path) != 0)
        error_set(e, BAD_CONFIG, "signer.journal", "%s cannot be opened: %s", path, strerror(errno));
    else if (journal_lock(journal, e) == OK && journal_load(journal, e) == OK) {
        for (size_t i = 0; i < journal->series_count; i++)
            journal->series[i].reserved = journal->series[i].last;
        journal->checkpoint_reserved = journal->facts.last_checkpoint;
        *out = journal;
        return OK;
    }
    journal_close(journal);
    return e->status;
}

void journal_close(struct journal *journal)
{
    if (journal == NULL)
        return;
    if (journal->fd >= 0)
        close(journal->fd);
    serials_free(&journal->serials);
    free(journal->series);
    pthread_mutex_destroy(&journal->lock);
    free(journal->path);
    free(journal);
}

int journal_reserve_serial(struct journal *journal, const struct serial *serial, const uint8_t tbs_sha256[32], struct error *error)
{
    char text[2 * SERIAL_MAX + 1];
    bool same = false;
    int status;

    pthread_mutex_lock(&journal->lock);
    status = serials_put(&journal->serials, serial, tbs_sha256, &same);
    pthread_mutex_unlock(&journal->lock);
    if (status == INTERNAL)
        return error_memory(error);
    if (status == REFUSED && !same)
        return error_set(error, REFUSED, "signer.serial_used", "serial %s is in the signer's journal with another certificate: nothing "
                         "is signed; audit how the authority came to it", serial_text(serial, text));
    return OK;
}

int journal_reserve_number(struct journal *journal, const struct journal_entry *entry, uint64_t number, struct error *error)
{
    bool crl = entry->kind == SIGN_CRL;
    struct series *series;
    uint64_t *reserved, last = 0;

    pthread_mutex_lock(&journal->lock);
    series = crl ? series_of(journal, entry->key_id) : NULL;
    reserved = crl ? series == NULL ? NULL : &series->reserved : &journal->checkpoint_reserved;
    if (reserved != NULL) {
        last = *reserved;
        if (number > last)
            *reserved = number;
    }
    pthread_mutex_unlock(&journal->lock);
    if (reserved == NULL)
        return error_memory(error);
    if (number > last)
        return OK;
    return error_set(error, REFUSED, crl ? "signer.crl_number" : "signer.checkpoint_number",
                     "%s number %llu is not above %llu, the last in the signer's journal", crl ? "CRL" : "checkpoint",
                     (unsigned long long)number, (unsigned long long)last);
}

int journal_append(struct journal *journal, const struct journal_entry *entries, size_t count, struct error *error)
{
    uint8_t *records = reallocarray(NULL, count, RECORD_SIZE);
    const uint8_t *before = journal->digest;
    size_t size = count * RECORD_SIZE;
    int status = OK;

    if (records == NULL)
        return error_memory(error);
    for (size_t i = 0; i < count; i++) {
        if (record_write(&entries[i], before, records + i * RECORD_SIZE) != OK) {
            status = error_set(error, INTERNAL, "signer.journal", "SHA-256 failed");
            goto out;
        }
        before = records + i * RECORD_SIZE + DIGEST_AT;
    }
    if (pwrite(journal->fd, records, size, journal->end) != (ssize_t)size || fdatasync(journal->fd) != 0) {
        status = error_set(error, TEMPORARY, "signer.journal", "%s cannot be written (%s): nothing is signed; make room and try again",
                           journal->path, strerror(errno));
        /* What was written of the batch was not answered; the next one overwrites it. */
        if (ftruncate(journal->fd, journal->end) != 0)
            log_error("%s: the rest of a failed batch cannot be cut: %s", journal->path, strerror(errno));
        goto out;
    }
    memcpy(journal->digest, before, 32);
    pthread_mutex_lock(&journal->lock);
    journal->end += (off_t)size;
    for (size_t i = 0; i < count; i++)
        entry_count(journal, &entries[i]);
    pthread_mutex_unlock(&journal->lock);
out:
    free(records);
    return status;
}

void journal_facts(struct journal *journal, struct journal_facts *out)
{
    pthread_mutex_lock(&journal->lock);
    *out = journal->facts;
    pthread_mutex_unlock(&journal->lock);
}

uint64_t journal_crl_number(struct journal *journal, const uint8_t key_id[20])
{
    struct series *series;
    uint64_t number;

    pthread_mutex_lock(&journal->lock);
    series = series_of(journal, key_id);
    number = series == NULL ? 0 : series->last;
    pthread_mutex_unlock(&journal->lock);
    return number;
}

/* ---- copies ---- */

int journal_copy(struct journal *journal, uint64_t offset, size_t most, struct buf *out, uint64_t *size, struct error *error)
{
    pthread_mutex_lock(&journal->lock);
    *size = (uint64_t)journal->end;
    pthread_mutex_unlock(&journal->lock);
    if (offset >= *size)
        return OK;
    size_t wanted = *size - offset < most ? (size_t)(*size - offset) : most;
    uint8_t *to = buf_reserve(out, wanted);
    if (to == NULL)
        return error_memory(error);
    if (pread(journal->fd, to, wanted, (off_t)offset) != (ssize_t)wanted)
        return error_set(error, TEMPORARY, "signer.journal", "%s cannot be read: %s", journal->path, strerror(errno));
    out->size += wanted;
    return OK;
}

/* What stands after the first record that is not sound: nothing that is sound, or damage. */
static int each_tail(FILE *file, const char *path, const uint8_t bad[RECORD_SIZE], uint64_t number, struct error *error)
{
    uint8_t record[RECORD_SIZE], before[32];
    struct journal_entry ignored;
    size_t after = 0;

    memcpy(before, bad + DIGEST_AT, 32);
    while (fread(record, RECORD_SIZE, 1, file) == 1) {
        if (++after >= JOURNAL_BATCH_MAX || record_read(record, before, &ignored))
            return error_set(error, BAD_DATA, "signer.journal", "%s: record %llu is damaged and records after it are not", path,
                             (unsigned long long)number);
        memcpy(before, record + DIGEST_AT, 32);
    }
    return OK;
}

static int each_record(FILE *file, const char *path, int (*each)(void *, const struct journal_entry *), void *argument,
                       uint64_t *size, struct error *error)
{
    uint8_t record[RECORD_SIZE], before[32] = {0};
    struct journal_entry entry;
    int status = OK;

    for (uint64_t number = 1; status == OK && fread(record, RECORD_SIZE, 1, file) == 1; number++) {
        if (!record_read(record, before, &entry))
            return each_tail(file, path, record, number, error);
        memcpy(before, record + DIGEST_AT, 32);
        *size += RECORD_SIZE;
        if (each != NULL)
            status = each(argument, &entry);
    }
    return status;
}

int journal_each(const char *path, int (*each)(void *argument, const struct journal_entry *entry), void *argument,
                 uint64_t *size, struct error *error)
{
    char magic[MAGIC_SIZE];
    uint64_t own = 0;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    int status;

    if (file == NULL) {
        status = error_set(error, BAD_DATA, "signer.journal", "%s cannot be opened: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return status;
    }
    own = MAGIC_SIZE;
    if (fread(magic, MAGIC_SIZE, 1, file) != 1 || memcmp(magic, MAGIC, MAGIC_SIZE) != 0)
        status = error_set(error, BAD_DATA, "signer.journal", "%s is not a signer's journal", path);
    else
        status = each_record(file, path, each, argument, &own, error);
    fclose(file);
    if (size != NULL)
        *size = own;
    return status;
}
