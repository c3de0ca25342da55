/* One try at a time, and a wrong one costs two seconds under a lock that all keepers share: who conquered the authority and starts
 * many of them tries no faster. New files are written whole beside the old ones before the first takes a place. */
#include "config.h"

#include "ca/signer/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/base/log.h"
#include "ca/base/secret.h"
#include "ca/signer/conf.h"
#include "ca/signer/key.h"
#include "ca/signer/protocol.h"
#include "ca/signer/token.h"

#define WRONG_PAUSE_S 2
#define ANSWER_MAX_S 300

enum keeper_verb { KEEPER_PASSWD = 1, KEEPER_EXPORT };

struct keeper {
    const struct signer_process *setup;
    struct signer_conf conf;
    uint32_t key_index; /* of an export */
    struct buf present, next;
    struct keeper_passwd made;
    char *paths[SIGNER_KEYS_MAX];
};

/* ---- the body of a request: key index, present, next ---- */

static void request_put(struct buf *body, uint32_t key_index, struct bytes present, struct bytes next)
{
    uint8_t index[4];

    buf_reserve(body, present.size + next.size + 64);
    put_u32(index, key_index);
    buf_add(body, index, sizeof index);
    octets_put(body, present);
    octets_put(body, next);
}

static int request_get(struct bytes body, struct keeper *keeper)
{
    if (body.size < 4)
        return BAD_DATA;
    keeper->key_index = get_u32(body.data);
    body = bytes_of(body.data + 4, body.size - 4);
    buf_reserve(&keeper->present, body.size + 1);
    buf_reserve(&keeper->next, body.size + 1);
    return octets_get(&body, &keeper->present) == OK && octets_get(&body, &keeper->next) == OK && body.size == 0 ? OK : BAD_DATA;
}

/* ---- the process ---- */

/* What a passphrase file can hold, and a person can type. */
static int next_check(const struct buf *next, struct error *error)
{
    for (size_t i = 0; i < next->size; i++)
        if (next->data[i] < 0x20 || next->data[i] == 0x7f)
            return error_set(error, BAD_DATA, "key.passphrase", "the new passphrase holds a control character");
    if (next->size == 0 || next->size > SECRET_MAX)
        return error_set(error, BAD_DATA, "key.passphrase", "the new passphrase must have 1 to %d octets", SECRET_MAX);
    return OK;
}

static int key_recrypt(struct keeper *keeper, unsigned key_index, struct error *error)
{
    struct buf path = BUF_EMPTY;
    int status = signer_conf_key_path(&keeper->conf, keeper->setup->state_path, key_index, &path) == OK ? OK : error_memory(error);

    if (status == OK && token_uri_is(buf_text(&path)))
        status = error_set(error, REFUSED, "key.token", "key %u is in a PKCS#11 token and never leaves it; its PIN is changed with the token's "
                           "own tools", key_index);
    if (status == OK)
        status = ca_key_recrypt(buf_text(&path), buf_text(&keeper->present), buf_text(&keeper->next), &keeper->made.files[key_index], error);
    if (status == OK && (keeper->paths[key_index] = strdup(buf_text(&path))) == NULL)
        status = error_memory(error);
    buf_free(&path);
    return status;
}

static void beside(const struct keeper *keeper, unsigned key_index, struct buf *path)
{
    buf_printf(path, "%s" KEY_FILE_NEXT, keeper->paths[key_index]);
}

static void files_remove(struct keeper *keeper, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct buf path = BUF_EMPTY;

        beside(keeper, i, &path);
        unlink(buf_text(&path));
        buf_free(&path);
    }
}

/* What a crash leaves between the first and the last is put right at the next start: see keyring.c. */
static int files_place(struct keeper *keeper, struct error *error)
{
    int status = OK;

    for (unsigned i = 0; i < keeper->conf.key_count && status == OK; i++) {
        struct buf path = BUF_EMPTY;

        beside(keeper, i, &path);
        if (path.failed)
            status = error_memory(error);
        else if (rename(buf_text(&path), keeper->paths[i]) != 0)
            status = error_set(error, CANNOT_WRITE, "key.file", "%s cannot take its place: %s", buf_text(&path), strerror(errno));
        buf_free(&path);
    }
    return status;
}

static int files_write(struct keeper *keeper, struct error *error)
{
    unsigned i;
    int status = OK;

    for (i = 0; i < keeper->conf.key_count && status == OK; i++) {
        struct buf path = BUF_EMPTY;

        beside(keeper, i, &path);
        status = path.failed ? error_memory(error) : file_write(buf_text(&path), buf_bytes(&keeper->made.files[i]), 0600, true, error);
        buf_free(&path);
    }
    if (status != OK) {
        files_remove(keeper, i);
        return status;
    }
    return files_place(keeper, error);
}

static int passwd_serve(struct keeper *keeper, struct buf *answer, struct error *error)
{
    int status = OK;

    for (unsigned i = 0; i < keeper->conf.key_count && status == OK; i++)
        status = key_recrypt(keeper, i, error);
    if (status == OK)
        status = files_write(keeper, error);
    for (unsigned i = 0; i < keeper->conf.key_count && status == OK; i++)
        octets_put(answer, buf_bytes(&keeper->made.files[i]));
    if (status == OK)
        octets_put(answer, bytes_of_text(keeper->conf.passphrase_file != NULL ? keeper->conf.passphrase_file : ""));
    return status;
}

static int export_serve(struct keeper *keeper, struct buf *answer, struct error *error)
{
    int status = keeper->key_index >= keeper->conf.key_count
                     ? error_set(error, REFUSED, "signer.key_index", "the signer holds no key %u: signer.conf names %zu", keeper->key_index,
                                 keeper->conf.key_count)
                     : key_recrypt(keeper, keeper->key_index, error);

    if (status == OK)
        octets_put(answer, buf_bytes(&keeper->made.files[keeper->key_index]));
    return status;
}

static const struct {
    uint8_t verb;
    int (*serve)(struct keeper *, struct buf *, struct error *);
} verbs[] = {{KEEPER_PASSWD, passwd_serve}, {KEEPER_EXPORT, export_serve}};

static int lock_take(const struct keeper *keeper, int *fd, struct error *error)
{
    struct buf path = BUF_EMPTY;

    buf_printf(&path, "%s/keeper.lock", keeper->setup->state_path);
    *fd = open(buf_text(&path), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    int status = *fd >= 0 && flock(*fd, LOCK_EX) == 0 ? OK : error_set(error, TEMPORARY, "key.lock", "%s cannot be locked: %s", buf_text(&path), strerror(errno));
    buf_free(&path);
    return status;
}

static int request_serve(struct keeper *keeper, const struct frame *frame, struct buf *answer, struct error *error)
{
    int lock = -1;
    int status = request_get(buf_bytes(&frame->body), keeper) == OK ? lock_take(keeper, &lock, error)
                                                                    : error_set(error, BAD_DATA, "signer.protocol", "the request is too short");

    if (status == OK)
        status = signer_conf_load(keeper->setup->conf_path, &keeper->conf, error);
    if (status == OK)
        status = next_check(&keeper->next, error);
    for (size_t i = 0; status == OK && i < sizeof verbs / sizeof verbs[0]; i++)
        if (verbs[i].verb == frame->verb)
            status = verbs[i].serve(keeper, answer, error);
    if (status != OK && strcmp(error->reason, "signer.passphrase") == 0) {
        sleep(WRONG_PAUSE_S);
        error_clear(error);
        status = error_set(error, REFUSED, "signer.passphrase", "the present passphrase is wrong: nothing is done");
    }
    if (lock >= 0)
        close(lock);
    return status;
}

static void keeper_free(struct keeper *keeper)
{
    buf_wipe(&keeper->present);
    buf_wipe(&keeper->next);
    keeper_passwd_free(&keeper->made);
    for (size_t i = 0; i < SIGNER_KEYS_MAX; i++)
        free(keeper->paths[i]);
    signer_conf_free(&keeper->conf);
}

int signer_keeper_run(int fd, void *signer_process)
{
    struct keeper keeper = {.setup = signer_process};
    struct frame frame = {.body = BUF_EMPTY, .fd = -1}, answer = {.body = BUF_EMPTY, .fd = -1};
    struct error error = ERROR_NONE;
    int status = frame_receive(fd, &frame);

    if (status == OK) {
        status = request_serve(&keeper, &frame, &answer.body, &error);
        answer.id = frame.id;
        answer.verb = (uint8_t)status;
        if (status != OK) {
            buf_clear(&answer.body);
            failure_put(&answer.body, &error);
        }
        frame_send(fd, &answer);
    }
    buf_wipe(&frame.body);
    buf_free(&answer.body);
    keeper_free(&keeper);
    return status;
}

/* ---- the authority's side ---- */

static int keeper_call(int fd, enum keeper_verb verb, struct buf *body, struct buf *result, struct error *error)
{
    const struct timeval limit = {.tv_sec = ANSWER_MAX_S};
    struct frame frame = {.id = 1, .verb = (uint8_t)verb, .body = *body, .fd = -1}, answer = {.body = BUF_EMPTY, .fd = -1};
    int status = OK;

    *body = (struct buf)BUF_EMPTY;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (frame.body.failed)
        status = error_memory(error);
    else if (frame_send(fd, &frame) != OK || frame_receive(fd, &answer) != OK)
        status = error_set(error, TEMPORARY, "key.keeper", "the process that reads the key files ended without an answer: see the log");
    else if (answer.verb != OK)
        status = failure_get(answer.verb, buf_bytes(&answer.body), error);
    else
        *result = answer.body;
    if (status != OK)
        buf_free(&answer.body);
    buf_wipe(&frame.body);
    return status;
}

int keeper_passwd(int fd, struct bytes present, struct bytes next, struct keeper_passwd *out, struct error *error)
{
    struct buf body = BUF_EMPTY, result = BUF_EMPTY, last = BUF_EMPTY;
    int status;

    request_put(&body, 0, present, next);
    status = keeper_call(fd, KEEPER_PASSWD, &body, &result, error);
    struct bytes rest = buf_bytes(&result);
    /* Files, and after them where the passphrase is looked for. */
    while (status == OK && rest.size > 0 && out->count < SIGNER_KEYS_MAX) {
        buf_free(&last);
        if (octets_get(&rest, &last) != OK)
            status = error_set(error, INTERNAL, "signer.protocol", "the answer cannot be read");
        else if (rest.size > 0) {
            out->files[out->count++] = last;
            last = (struct buf)BUF_EMPTY;
        }
    }
    out->passphrase_file = last;
    buf_free(&result);
    return status;
}

void keeper_passwd_free(struct keeper_passwd *passwd)
{
    for (size_t i = 0; i < SIGNER_KEYS_MAX; i++)
        buf_free(&passwd->files[i]);
    buf_free(&passwd->passphrase_file);
}

int keeper_export(int fd, unsigned key_index, struct bytes present, struct bytes next, struct buf *pem, struct error *error)
{
    struct buf body = BUF_EMPTY, result = BUF_EMPTY;
    int status;

    request_put(&body, key_index, present, next);
    status = keeper_call(fd, KEEPER_EXPORT, &body, &result, error);
    struct bytes rest = buf_bytes(&result);
    if (status == OK && octets_get(&rest, pem) != OK)
        status = error_set(error, INTERNAL, "signer.protocol", "the answer cannot be read");
    buf_free(&result);
    return status;
}
