/* The authority's side of the signer: requests are numbered, a reader thread
 * gives each answer to the thread that waits for it. When the signer is gone
 * every waiting and every later call fails, with its last words. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ca/base/encode.h"
#include "ca/signer/protocol.h"

struct waiter {
    uint64_t id;
    pthread_cond_t ready;
    bool done;
    uint8_t status;
    struct buf answer;
    struct waiter *next;
};

struct signer {
    int fd;
    pthread_t reader;
    pthread_mutex_t lock;    /* waiters, next_id, last_word */
    pthread_mutex_t sending; /* a frame at a time */
    struct waiter *waiters;
    uint64_t next_id;
    atomic_bool alive;
    struct error last_word;
};

static void waiter_remove(struct signer *signer, const struct waiter *waiter)
{
    for (struct waiter **at = &signer->waiters; *at != NULL; at = &(*at)->next)
        if (*at == waiter) {
            *at = waiter->next;
            return;
        }
}

/* An answer that nobody waits for is dropped: the body goes with the frame. */
static void answer_deliver(struct signer *signer, struct frame *frame)
{
    pthread_mutex_lock(&signer->lock);
    if (frame->id == FRAME_ID_LAST_WORD && frame->verb != OK)
        failure_get(frame->verb, buf_bytes(&frame->body), &signer->last_word);
    for (struct waiter *waiter = signer->waiters; waiter != NULL; waiter = waiter->next)
        if (waiter->id == frame->id && !waiter->done) {
            waiter->status = frame->verb;
            waiter->answer = frame->body;
            frame->body = (struct buf)BUF_EMPTY;
            waiter->done = true;
            pthread_cond_signal(&waiter->ready);
        }
    pthread_mutex_unlock(&signer->lock);
}

static void *reader_run(void *argument)
{
    struct signer *signer = argument;
    struct frame frame = {.body = BUF_EMPTY, .fd = -1};

    while (frame_receive(signer->fd, &frame) == OK) {
        answer_deliver(signer, &frame);
        if (frame.fd >= 0)
            close(frame.fd);
        frame.fd = -1;
    }
    frame_free(&frame);
    pthread_mutex_lock(&signer->lock);
    atomic_store(&signer->alive, false);
    error_set(&signer->last_word, TEMPORARY, "signer.gone", "the signer has ended and the daemon stops: its own lines in the log say "
              "why; ask again when it runs again, what was begun is completed then");
    for (struct waiter *waiter = signer->waiters; waiter != NULL; waiter = waiter->next)
        pthread_cond_signal(&waiter->ready);
    pthread_mutex_unlock(&signer->lock);
    return NULL;
}

int signer_connect(int fd, struct signer **out, struct error *error)
{
    struct signer *signer = calloc(1, sizeof *signer);
    sigset_t all, before;
    int rc;

    if (signer == NULL) {
        close(fd);
        return error_memory(error);
    }
    signer->fd = fd;
    signer->next_id = FRAME_ID_LAST_WORD + 1;
    atomic_init(&signer->alive, true);
    pthread_mutex_init(&signer->lock, NULL);
    pthread_mutex_init(&signer->sending, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&signer->reader, NULL, reader_run, signer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        close(fd);
        free(signer);
        return error_set(error, TEMPORARY, "signer.thread", "no thread for the signer's answers: %s", strerror(rc));
    }
    *out = signer;
    return OK;
}

void signer_close(struct signer *signer)
{
    if (signer == NULL)
        return;
    shutdown(signer->fd, SHUT_RDWR);
    pthread_join(signer->reader, NULL);
    close(signer->fd);
    pthread_mutex_destroy(&signer->lock);
    pthread_mutex_destroy(&signer->sending);
    free(signer);
}

bool signer_alive(const struct signer *signer)
{
    return atomic_load(&signer->alive);
}

/* Sends and waits; answer->body becomes the result. */
static int signer_call(struct signer *signer, struct frame *frame, struct buf *answer, struct error *error)
{
    struct waiter waiter = {.answer = BUF_EMPTY};
    int status;

    if (frame->body.failed)
        return error_memory(error);
    if (frame->body.size > FRAME_BODY_MAX)
        return error_set(error, REFUSED, "signer.size", "what is to be signed is larger than %d octets", FRAME_BODY_MAX);
    pthread_cond_init(&waiter.ready, NULL);
    pthread_mutex_lock(&signer->lock);
    waiter.id = frame->id = signer->next_id++;
    waiter.next = signer->waiters;
    /* It leaves the list below, before this function does: waiter_remove. */
    /* cppcheck-suppress autoVariables */
    signer->waiters = &waiter;
    pthread_mutex_unlock(&signer->lock);

    pthread_mutex_lock(&signer->sending);
    /* A failure shows itself as the end that the reader sees. */
    if (frame_send(signer->fd, frame) != OK)
        shutdown(signer->fd, SHUT_WR);
    pthread_mutex_unlock(&signer->sending);

    pthread_mutex_lock(&signer->lock);
    while (!waiter.done && atomic_load(&signer->alive))
        pthread_cond_wait(&waiter.ready, &signer->lock);
    waiter_remove(signer, &waiter);
    if (!waiter.done)
        status = error_set(error, signer->last_word.status, signer->last_word.reason, "%s", signer->last_word.message);
    else if (waiter.status != OK)
        status = failure_get(waiter.status, buf_bytes(&waiter.answer), error);
    else
        status = OK;
    pthread_mutex_unlock(&signer->lock);
    pthread_cond_destroy(&waiter.ready);
    if (status == OK)
        *answer = waiter.answer;
    else
        buf_free(&waiter.answer);
    return status;
}

int signer_info(struct signer *signer, struct signer_info *out, struct error *error)
{
    struct frame frame = {.verb = VERB_INFO, .body = BUF_EMPTY, .fd = -1};
    struct buf answer = BUF_EMPTY;
    int status = signer_call(signer, &frame, &answer, error);

    memset(out, 0, sizeof *out);
    if (status == OK && info_get(buf_bytes(&answer), out) != OK) {
        signer_info_free(out);
        status = error_set(error, INTERNAL, "signer.protocol", "the signer's answer cannot be read");
    }
    buf_free(&answer);
    return status;
}

void signer_info_free(struct signer_info *info)
{
    for (size_t i = 0; i < SIGNER_KEYS_MAX; i++) {
        buf_free(&info->keys[i].spki);
        buf_free(&info->keys[i].algorithm);
    }
    memset(info, 0, sizeof *info);
}

static int sign_call(struct signer *signer, struct frame *frame, struct buf *signature, struct error *error)
{
    struct buf answer = BUF_EMPTY;
    int status = signer_call(signer, frame, &answer, error);

    if (status == OK) {
        buf_add(signature, answer.data, answer.size);
        if (signature->failed)
            status = error_memory(error);
    }
    buf_free(&answer);
    buf_free(&frame->body);
    return status;
}

int signer_sign(struct signer *signer, unsigned key_index, enum sign_kind kind, struct bytes tbs, uint64_t audit_number,
                struct buf *signature, struct error *error)
{
    struct frame frame = {.verb = VERB_SIGN, .body = BUF_EMPTY, .fd = -1};

    sign_put(&frame.body, &(struct sign_body){(uint8_t)kind, key_index, audit_number, tbs});
    return sign_call(signer, &frame, signature, error);
}

int signer_sign_crl(struct signer *signer, unsigned key_index, int fd, uint64_t audit_number, struct buf *signature,
                    struct error *error)
{
    struct frame frame = {.verb = VERB_SIGN, .body = BUF_EMPTY, .fd = fd};

    sign_put(&frame.body, &(struct sign_body){SIGN_CRL, key_index, audit_number, bytes_of("", 0)});
    return sign_call(signer, &frame, signature, error);
}

/* ---- copies ---- */

static int copy_piece(struct signer *signer, enum signer_file what, unsigned key_index, uint64_t offset, struct buf *answer,
                      struct error *error)
{
    struct frame frame = {.verb = VERB_COPY, .body = BUF_EMPTY, .fd = -1};

    copy_put(&frame.body, what, key_index, offset);
    int status = signer_call(signer, &frame, answer, error);
    if (status == OK && answer->size < 8)
        status = error_set(error, INTERNAL, "signer.protocol", "the signer's answer cannot be read");
    buf_free(&frame.body);
    return status;
}

/* The journal may grow meanwhile: what it was at the first piece is taken. */
int signer_copy(struct signer *signer, enum signer_file what, unsigned key_index, int (*take)(void *argument, struct bytes piece),
                void *argument, struct error *error)
{
    uint64_t at = 0, total = UINT64_MAX;
    int status = OK;

    while (status == OK && at < total) {
        struct buf answer = BUF_EMPTY;
        status = copy_piece(signer, what, key_index, at, &answer, error);
        if (status == OK) {
            uint64_t size = answer.size - 8;
            if (total == UINT64_MAX)
                total = get_u64(answer.data);
            if (size > total - at)
                size = total - at;
            if (size == 0 && at < total)
                status = error_set(error, INTERNAL, "signer.protocol", "the signer's answer ends too early");
            else if (size > 0 && take(argument, bytes_of(answer.data + 8, (size_t)size)) != OK)
                status = error_set(error, CANNOT_WRITE, "signer.copy", "the copy of the signer's file cannot be written");
            at += size;
        }
        buf_free(&answer);
    }
    return status;
}

/* ---- the passphrase and the clock ---- */

int signer_unlock(struct signer *signer, struct bytes passphrase, struct error *error)
{
    struct frame frame = {.verb = VERB_UNLOCK, .body = BUF_EMPTY, .fd = -1};
    struct buf answer = BUF_EMPTY;
    int status;

    buf_reserve(&frame.body, passphrase.size + 1);
    buf_add(&frame.body, passphrase.data, passphrase.size);
    status = signer_call(signer, &frame, &answer, error);
    buf_wipe(&frame.body);
    buf_free(&answer);
    return status;
}

int signer_accept_clock(struct signer *signer, uint64_t audit_number, struct error *error)
{
    struct frame frame = {.verb = VERB_CLOCK, .body = BUF_EMPTY, .fd = -1};
    struct buf answer = BUF_EMPTY;
    int status;

    sign_put(&frame.body, &(struct sign_body){.audit_number = audit_number, .tbs = bytes_of("", 0)}); /* the number alone is read */
    status = signer_call(signer, &frame, &answer, error);
    buf_free(&frame.body);
    buf_free(&answer);
    return status;
}

int signer_key_file(struct signer *signer, unsigned key_index, struct bytes pem, struct error *error)
{
    struct frame frame = {.verb = VERB_KEY_FILE, .body = BUF_EMPTY, .fd = -1};
    struct buf answer = BUF_EMPTY;
    uint8_t index[4];
    int status;

    put_u32(index, key_index);
    buf_add(&frame.body, index, sizeof index);
    buf_add(&frame.body, pem.data, pem.size);
    status = signer_call(signer, &frame, &answer, error);
    buf_free(&frame.body);
    buf_free(&answer);
    return status;
}
