/* One thread, one caller, three verbs. A wrong passphrase costs time, more with each: whoever conquered the authority cannot try
 * many. The system calls are limited when there is a key to guard, after this. */
#include "config.h"

#include "ca/signer/locked.h"

#include <string.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "ca/base/log.h"
#include "ca/signer/protocol.h"

#define PAUSE_MAX_S 300

struct locked {
    int fd;
    const struct signer_info *info;
    locked_open open;
    void *argument;
    unsigned wrong;
    int64_t next_ms; /* no try before that, by the monotonic clock */
    bool opened;
};

int locked_pause_s(unsigned wrong)
{
    return wrong == 0 ? 0 : wrong > 8 ? PAUSE_MAX_S : 1 << (wrong - 1);
}

static int answer(const struct locked *locked, uint64_t id, const struct error *error, struct buf *result)
{
    struct frame frame = {.id = id, .verb = (uint8_t)error->status, .body = BUF_EMPTY, .fd = -1};
    int status;

    if (error->status != OK)
        failure_put(&frame.body, error);
    else if (result != NULL)
        buf_add(&frame.body, result->data, result->size);
    status = frame_send(locked->fd, &frame);
    buf_free(&frame.body);
    return status;
}

static void serve_info(struct locked *locked, struct frame *frame)
{
    struct error error = ERROR_NONE;
    struct buf body = BUF_EMPTY;

    info_put(&body, locked->info);
    if (body.failed)
        error_memory(&error);
    answer(locked, frame->id, &error, &body);
    buf_free(&body);
}

static void passphrase_wrong(struct locked *locked, struct error *error)
{
    int pause_s = locked_pause_s(++locked->wrong);

    locked->next_ms = clock_monotonic_ms() + (int64_t)pause_s * 1000;
    error_clear(error);
    error_set(error, REFUSED, "signer.passphrase", "the passphrase is wrong (%u wrong so far): the CA stays locked; the next one is taken "
              "in %d seconds", locked->wrong, pause_s);
    log_warn("%s", error->message);
}

static void serve_unlock(struct locked *locked, struct frame *frame)
{
    struct error error = ERROR_NONE;
    int64_t wait_ms = locked->next_ms - clock_monotonic_ms();

    if (wait_ms > 0) {
        error_set(&error, TEMPORARY, "signer.unlock_wait", "%u wrong passphrases were given: the next one is taken in %lld seconds",
                  locked->wrong, (long long)(wait_ms + 999) / 1000);
    } else if (frame->body.size == 0 || memchr(frame->body.data, '\0', frame->body.size) != NULL) {
        error_set(&error, BAD_DATA, "signer.passphrase", "the passphrase is empty or not text");
    } else if (locked->open(locked->argument, buf_text(&frame->body), &error) == OK) {
        locked->opened = true;
        log_notice("the CA key is unlocked");
    } else if (strcmp(error.reason, "signer.passphrase") == 0) {
        passphrase_wrong(locked, &error);
    }
    answer(locked, frame->id, &error, NULL);
}

static void serve_other(struct locked *locked, struct frame *frame)
{
    struct error error = ERROR_NONE;

    if (frame->verb == VERB_SIGN || frame->verb == VERB_CLOCK || frame->verb == VERB_COPY)
        error_set(&error, TEMPORARY, "signer.locked", "the CA key is locked and nothing is signed: an administrator gives its passphrase "
                  "with `chancery unlock`");
    else
        error_set(&error, BAD_DATA, "signer.protocol", "a locked signer has no verb %u", frame->verb);
    answer(locked, frame->id, &error, NULL);
}

int locked_serve(int fd, const struct signer_info *info, locked_open open, void *argument)
{
    struct locked locked = {.fd = fd, .info = info, .open = open, .argument = argument};
    struct frame frame = {.body = BUF_EMPTY, .fd = -1};
    int status = OK;

    while (!locked.opened && (status = frame_receive(fd, &frame)) == OK) {
        if (frame.verb == VERB_INFO)
            serve_info(&locked, &frame);
        else if (frame.verb == VERB_UNLOCK)
            serve_unlock(&locked, &frame);
        else
            serve_other(&locked, &frame);
        if (frame.fd >= 0)
            close(frame.fd);
        frame.fd = -1;
        buf_wipe(&frame.body);
    }
    buf_wipe(&frame.body);
    return status;
}
