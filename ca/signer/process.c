/* The signer's process: a reader (the main thread), workers that check and
 * sign, and one thread that writes the journal a batch at a time and only
 * then lets the answers go. Ends when the authority's socket does. */
#include "config.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/log.h"
#include "ca/process/sandbox.h"
#include "ca/signer/gate.h"
#include "ca/signer/opening.h"
#include "ca/signer/protocol.h"
#include "ca/signer/token.h"

#define WORKERS_MAX 16
#define QUEUE_MAX 512 /* then the reader stops reading, and the authority waits */

struct job {
    uint64_t id;
    uint8_t kind;
    unsigned key_index;
    uint64_t audit_number;
    struct buf body; /* tbs points into it, but for a CRL */
    struct bytes tbs;
    int fd;
    struct journal_entry entry;
    struct buf signature;
    struct error error;
    struct job *next;
};

/* First in, first out; closed when nothing more will come. */
struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct job *first, **last;
    size_t count;
    bool closed;
};

struct process {
    int fd;
    struct opening open;
    pthread_mutex_t clock_lock; /* open.clock_from, which changes when the clock is accepted */
    struct gate gate;
    struct queue certificates, crls, signed_jobs;
    pthread_t workers[WORKERS_MAX], crl_worker, writer;
    size_t worker_count;
    pthread_mutex_t sending;
};

static void queue_init(struct queue *queue)
{
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->changed, NULL);
    queue->first = NULL;
    queue->last = &queue->first;
    queue->count = 0;
    queue->closed = false;
}

static void queue_put(struct queue *queue, struct job *job)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->count >= QUEUE_MAX)
        pthread_cond_wait(&queue->changed, &queue->lock);
    job->next = NULL;
    *queue->last = job;
    queue->last = &job->next;
    queue->count++;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

/* Up to `most` jobs, as a list; NULL when the queue is closed and empty. */
static struct job *queue_take(struct queue *queue, size_t most)
{
    struct job *list, **end = &list;

    pthread_mutex_lock(&queue->lock);
    while (queue->first == NULL && !queue->closed)
        pthread_cond_wait(&queue->changed, &queue->lock);
    for (size_t i = 0; i < most && queue->first != NULL; i++) {
        *end = queue->first;
        end = &queue->first->next;
        queue->first = queue->first->next;
        queue->count--;
    }
    *end = NULL;
    if (queue->first == NULL)
        queue->last = &queue->first;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    return list;
}

static void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

static void queue_destroy(struct queue *queue)
{
    pthread_mutex_destroy(&queue->lock);
    pthread_cond_destroy(&queue->changed);
}

static void job_free(struct job *job)
{
    if (job->kind == SIGN_CRL && job->tbs.size > 0)
        munmap((void *)(uintptr_t)job->tbs.data, job->tbs.size);
    if (job->fd >= 0)
        close(job->fd);
    buf_free(&job->body);
    buf_free(&job->signature);
    free(job);
}

/* Where the authority is gone its answers are of no use: the reader sees it too and ends us. */
static void answer(struct process *process, uint64_t id, const struct error *error, struct buf *result)
{
    struct frame frame = {.id = id, .verb = (uint8_t)error->status, .body = BUF_EMPTY, .fd = -1};

    if (error->status != OK) {
        failure_put(&frame.body, error);
    } else if (result != NULL) {
        frame.body = *result;
        *result = (struct buf)BUF_EMPTY;
    }
    pthread_mutex_lock(&process->sending);
    frame_send(process->fd, &frame);
    pthread_mutex_unlock(&process->sending);
    buf_free(&frame.body);
}

static void job_answer(struct process *process, struct job *job)
{
    if (job->error.status != OK)
        log_warn("refused to sign: %s (%s)", job->error.message, job->error.reason);
    answer(process, job->id, &job->error, &job->signature);
    job_free(job);
}

/* ---- workers ---- */

/* What the journal has on disk is what time must not go back before. */
static int clock_check(struct process *process, struct error *error)
{
    struct clock_reading from, now = clock_read();
    struct journal_facts facts;

    pthread_mutex_lock(&process->clock_lock);
    from = process->open.clock_from;
    pthread_mutex_unlock(&process->clock_lock);
    journal_facts(process->open.journal, &facts);
    return clock_judge(&from, facts.last_at, &now, error);
}

static void clock_accepted(struct process *process)
{
    pthread_mutex_lock(&process->clock_lock);
    process->open.clock_from = clock_read();
    pthread_mutex_unlock(&process->clock_lock);
    log_notice("the clock is accepted as it is now");
}

static void job_sign(struct process *process, struct job *job)
{
    int status = clock_check(process, &job->error);

    if (status == OK && job->kind == SIGN_CRL)
        status = gate_map(job->fd, &job->tbs, &job->error);
    if (status == OK)
        status = gate_check(&process->gate, job->key_index, job->kind, job->tbs, clock_now(), &job->entry, &job->error);
    if (status == OK)
        status = ca_key_sign(process->open.keys.keys[job->key_index], job->tbs, &job->signature, &job->error);
    job->entry.audit_number = job->audit_number;
    if (status != OK && job->error.status == OK)
        error_set(&job->error, status, "signer.failed", "signing failed without a reason");
}

static void work(struct process *process, struct queue *queue)
{
    struct job *job;

    while ((job = queue_take(queue, 1)) != NULL) {
        job_sign(process, job);
        if (job->error.status == OK)
            queue_put(&process->signed_jobs, job);
        else
            job_answer(process, job);
    }
}

static void *worker_run(void *argument)
{
    struct process *process = argument;

    work(process, &process->certificates);
    return NULL;
}

static void *crl_worker_run(void *argument)
{
    struct process *process = argument;

    work(process, &process->crls);
    return NULL;
}

/* ---- the journal's thread ---- */

static void batch_write(struct process *process, struct job *list)
{
    struct journal_entry entries[JOURNAL_BATCH_MAX] = {list->entry};
    struct error error = ERROR_NONE;
    size_t count = 0;
    struct job *next;

    for (struct job *job = list; job != NULL; job = job->next)
        entries[count++] = job->entry;
    journal_append(process->open.journal, entries, count, &error);
    for (struct job *job = list; job != NULL; job = next) {
        next = job->next;
        job->error = error;
        if (job->entry.kind == JOURNAL_CLOCK && error.status == OK)
            clock_accepted(process);
        job_answer(process, job);
    }
}

static void *writer_run(void *argument)
{
    struct process *process = argument;
    struct job *list;

    while ((list = queue_take(&process->signed_jobs, JOURNAL_BATCH_MAX)) != NULL)
        batch_write(process, list);
    return NULL;
}

/* ---- the reader ---- */

static void info_key(struct process *process, const struct ca_key *key, struct signer_key_info *out)
{
    struct bytes spki = ca_key_spki(key), algorithm = ca_key_algorithm(key);

    snprintf(out->where, sizeof out->where, "%s", ca_key_where(key));
    memcpy(out->key_id, ca_key_id(key), sizeof out->key_id);
    memcpy(out->key_type, ca_key_type(key), strlen(ca_key_type(key)) + 1);
    out->last_crl_number = journal_crl_number(process->open.journal, ca_key_id(key));
    buf_add(&out->spki, spki.data, spki.size);
    buf_add(&out->algorithm, algorithm.data, algorithm.size);
}

static void serve_info(struct process *process, const struct frame *frame)
{
    struct signer_info info = {.locked = false};
    struct journal_facts facts;
    struct error error = ERROR_NONE;
    struct buf body = BUF_EMPTY;

    journal_facts(process->open.journal, &facts);
    info.signatures = facts.signatures;
    info.last_at = facts.last_at;
    info.last_checkpoint = facts.last_checkpoint;
    for (info.key_count = 0; info.key_count < process->open.keys.count; info.key_count++)
        info_key(process, process->open.keys.keys[info.key_count], &info.keys[info.key_count]);
    info_put(&body, &info);
    for (size_t i = 0; i < info.key_count; i++)
        body.failed |= info.keys[i].spki.failed || info.keys[i].algorithm.failed;
    if (body.failed)
        error_memory(&error);
    answer(process, frame->id, &error, &body);
    buf_free(&body);
    signer_info_free(&info);
}

/* A backup's copies: the journal, whole records only, and the key as it is on disk, encrypted. */
static void serve_copy(struct process *process, const struct frame *frame)
{
    struct error error = ERROR_NONE;
    struct buf body = BUF_EMPTY, octets = BUF_EMPTY;
    uint8_t what, size[8];
    uint32_t key_index;
    uint64_t offset, total = 0;

    if (copy_get(buf_bytes(&frame->body), &what, &key_index, &offset) != OK || (what != SIGNER_JOURNAL && what != SIGNER_KEY))
        error_set(&error, BAD_DATA, "signer.protocol", "the request for a copy cannot be read");
    else if (what == SIGNER_JOURNAL)
        journal_copy(process->open.journal, offset, COPY_CHUNK, &octets, &total, &error);
    else if (key_index >= SIGNER_KEYS_MAX || (total = process->open.key_files[key_index].size) == 0)
        error_set(&error, REFUSED, "signer.key_elsewhere", "the key of index %u is in no file of the signer's", (unsigned)key_index);
    else if (offset < total) /* small enough for one piece: KEY_FILE_MAX */
        buf_add(&octets, process->open.key_files[key_index].data + offset, (size_t)(total - offset));
    put_u64(size, total);
    buf_add(&body, size, sizeof size);
    buf_add(&body, octets.data, octets.size);
    if (body.failed || octets.failed)
        error_memory(&error);
    answer(process, frame->id, &error, &body);
    buf_free(&body);
    buf_free(&octets);
}

static void serve_sign(struct process *process, struct frame *frame)
{
    struct job *job = calloc(1, sizeof *job);
    struct sign_body sign = {.kind = 0};
    struct error error = ERROR_NONE;
    int got;

    if (job == NULL) {
        error_memory(&error);
        answer(process, frame->id, &error, NULL);
        return;
    }
    job->id = frame->id;
    job->fd = frame->fd;
    job->body = frame->body;
    frame->fd = -1;
    frame->body = (struct buf)BUF_EMPTY;
    got = sign_get(buf_bytes(&job->body), &sign);
    job->kind = sign.kind;
    job->key_index = sign.key_index;
    job->audit_number = sign.audit_number;
    job->tbs = sign.tbs;
    if (got != OK)
        error_set(&job->error, BAD_DATA, "signer.protocol", "the request to sign is too short");
    else if ((job->kind == SIGN_CRL) != (job->fd >= 0) || (job->kind == SIGN_CRL && job->tbs.size != 0))
        error_set(&job->error, BAD_DATA, "signer.protocol", "a CRL comes in a memfd, everything else in the frame");
    if (job->kind == SIGN_CRL) /* what job_free unmaps is what gate_map mapped */
        job->tbs = bytes_of(NULL, 0);
    if (job->error.status != OK)
        job_answer(process, job);
    else
        queue_put(job->kind == SIGN_CRL ? &process->crls : &process->certificates, job);
}

/* It takes the way of a signature that needs no key: into the journal, and only then does it hold. */
static void serve_clock(struct process *process, const struct frame *frame)
{
    struct job *job = calloc(1, sizeof *job);
    struct error error = ERROR_NONE;
    struct sign_body sign;

    if (job == NULL || sign_get(buf_bytes(&frame->body), &sign) != OK) {
        error_set(&error, BAD_DATA, "signer.protocol", "the request to accept the clock is too short");
        answer(process, frame->id, &error, NULL);
        free(job);
        return;
    }
    job->id = frame->id;
    job->fd = -1;
    job->entry.audit_number = sign.audit_number;
    job->entry.kind = JOURNAL_CLOCK;
    job->entry.at = clock_now();
    queue_put(&process->signed_jobs, job);
}

/* The reader alone touches the copies. */
static void serve_key_file(struct process *process, const struct frame *frame)
{
    struct error error = ERROR_NONE;
    uint32_t index = frame->body.size >= 4 ? get_u32(frame->body.data) : SIGNER_KEYS_MAX;
    struct buf copy = BUF_EMPTY;

    if (index < process->open.keys.count && process->open.key_files[index].size > 0) {
        buf_add(&copy, frame->body.data + 4, frame->body.size - 4);
        buf_free(&process->open.key_files[index]);
        process->open.key_files[index] = copy;
    } else {
        error_set(&error, REFUSED, "signer.key_index", "the signer keeps no file of a key %u", index);
    }
    answer(process, frame->id, &error, NULL);
}

static void serve_unlock(struct process *process, const struct frame *frame)
{
    struct error error = ERROR_NONE;

    error_set(&error, REFUSED, "signer.unlocked", "the CA key is not locked: there is nothing to unlock");
    answer(process, frame->id, &error, NULL);
}

static int serve(struct process *process)
{
    struct frame frame = {.body = BUF_EMPTY, .fd = -1};
    int status;

    while ((status = frame_receive(process->fd, &frame)) == OK) {
        struct error error = ERROR_NONE;

        if (frame.verb == VERB_SIGN)
            serve_sign(process, &frame);
        else if (frame.verb == VERB_INFO)
            serve_info(process, &frame);
        else if (frame.verb == VERB_KEY_FILE)
            serve_key_file(process, &frame);
        else if (frame.verb == VERB_COPY)
            serve_copy(process, &frame);
        else if (frame.verb == VERB_CLOCK)
            serve_clock(process, &frame);
        else if (frame.verb == VERB_UNLOCK)
            serve_unlock(process, &frame);
        else {
            error_set(&error, BAD_DATA, "signer.protocol", "the signer has no verb %u", frame.verb);
            answer(process, frame.id, &error, NULL);
        }
        if (frame.fd >= 0)
            close(frame.fd);
        frame.fd = -1;
    }
    frame_free(&frame);
    if (status != TEMPORARY)
        log_error("the signer ends: what came from the authority is not the protocol");
    return status == TEMPORARY ? OK : status; /* the authority closed */
}

/* ---- start and end ---- */

static int threads_start(struct process *process, struct error *error)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t wanted = cores < 2 ? 2 : cores > WORKERS_MAX ? WORKERS_MAX : (size_t)cores;
    int rc = pthread_create(&process->writer, NULL, writer_run, process);

    if (rc == 0)
        rc = pthread_create(&process->crl_worker, NULL, crl_worker_run, process);
    while (rc == 0 && process->worker_count < wanted) {
        rc = pthread_create(&process->workers[process->worker_count], NULL, worker_run, process);
        if (rc == 0)
            process->worker_count++;
    }
    if (rc != 0)
        return error_set(error, TEMPORARY, "signer.thread", "the signer cannot start its threads: %s", strerror(rc));
    return OK;
}

/* Workers first, so that the writer gets all they signed. */
static void threads_end(struct process *process)
{
    queue_close(&process->certificates);
    queue_close(&process->crls);
    for (size_t i = 0; i < process->worker_count; i++)
        pthread_join(process->workers[i], NULL);
    pthread_join(process->crl_worker, NULL);
    queue_close(&process->signed_jobs);
    pthread_join(process->writer, NULL);
}

/* The parent learns why from the last word; the log has it too, where the parent is gone. */
static int start_failed(struct process *process, struct error *error)
{
    log_error("the signer does not start: %s (%s)", error->message, error->reason);
    answer(process, FRAME_ID_LAST_WORD, error, NULL);
    return error->status;
}

/* A token's module opens files, devices or sockets as it needs them: then only what no signer ever needs is taken away. */
static int limits_set(const struct process *process, struct error *error)
{
    bool in_token = false;

    for (size_t i = 0; i < process->open.keys.count; i++)
        in_token |= token_uri_is(ca_key_where(process->open.keys.keys[i]));
    return in_token ? sandbox_signer_token(error) : sandbox_signer(error);
}

int signer_process_run(int fd, void *signer_process)
{
    struct process *process = calloc(1, sizeof *process);
    struct error error = ERROR_NONE;
    bool ended = false;
    int status;

    if (process == NULL)
        return INTERNAL;
    process->fd = fd;
    process->open.setup = signer_process;
    pthread_mutex_init(&process->clock_lock, NULL);
    pthread_mutex_init(&process->sending, NULL);
    queue_init(&process->certificates);
    queue_init(&process->crls);
    queue_init(&process->signed_jobs);
    status = opening_open(&process->open, fd, &ended, &error);
    gate_init(&process->gate, &process->open.conf, &process->open.keys, process->open.journal);
    if (status == OK && !ended && (threads_start(process, &error) != OK || limits_set(process, &error) != OK))
        _exit(start_failed(process, &error)); /* some threads run: nothing of theirs may be freed */
    if (status == OK && !ended) {
        status = serve(process);
        threads_end(process);
    } else if (status != OK) {
        start_failed(process, &error);
    }
    opening_close(&process->open);
    queue_destroy(&process->certificates);
    queue_destroy(&process->crls);
    queue_destroy(&process->signed_jobs);
    pthread_mutex_destroy(&process->sending);
    pthread_mutex_destroy(&process->clock_lock);
    close(fd);
    free(process);
    return status;
}
