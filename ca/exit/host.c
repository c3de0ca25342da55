/* The exit host: a process that opens one exit module and delivers events to it, batch by batch. It has no access to the
 * database or the signer. A module that hangs is ended by an alarm: the dispatcher, another user, could not kill it. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/base/log.h"
#include "ca/exit/channel.h"
#include "ca/exit/dispatch.h"
#include "ca/exit/order.h"
#include "ca/exit/wire.h"
#include "ca/process/sandbox.h"

#define BATCH_LIMIT_S 60

struct host {
    struct channel channel;
    const struct chancery_module *module;
    void *state;
    unsigned batch_limit_s;
    struct buf in, out;
    struct event events[WIRE_BATCH_MAX];
    size_t count;
};

static void host_alarm_ready(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    signal(SIGALRM, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int host_send(struct host *host, enum wire_type type, struct error *error)
{
    if (host->out.failed)
        return error_memory(error);
    return channel_send(&host->channel, (uint8_t)type, buf_bytes(&host->out), -1, error);
}

static int host_open(struct host *host, const struct exit_host *setup)
{
    struct wire_ready ready = {.batch_limit_s = host->batch_limit_s, .error = ERROR_NONE};
    struct error broken = ERROR_NONE;
    int status = exit_describe(setup->module_directory, setup->name, &host->module, &ready.error);

    if (status == OK) {
        ready.event_mask = host->module->event_mask;
        status = host->module->open(setup->conf, &host->state, &ready.error);
    }
    if (status == OK)
        status = sandbox_exit_host(&ready.error);
    if (status != OK && ready.error.status == OK)
        error_set(&ready.error, status, "exit.open", "exit module %s did not open and did not say why", setup->name);
    wire_put_ready(&host->out, &ready);
    if (host_send(host, WIRE_READY, &broken) != OK)
        return broken.status;
    return status;
}

static void host_forget(struct host *host)
{
    for (size_t i = 0; i < host->count; i++) {
        if (host->events[i].crl_fd >= 0)
            close(host->events[i].crl_fd);
        host->events[i].crl_fd = -1;
        event_free(&host->events[i]);
    }
    host->count = 0;
}

static int host_read_event(struct host *host, struct error *error)
{
    struct event *event = &host->events[host->count];
    uint8_t type = 0;
    int passed = -1, status = channel_receive(&host->channel, &type, &host->in, &passed, error);
    bool has_crl = false;

    if (status != OK)
        return status;
    if (type != WIRE_EVENT || wire_get_event(buf_bytes(&host->in), event, &has_crl) != OK) {
        status = error_set(error, BAD_DATA, "exit.frame", "the dispatcher sent an event that cannot be read");
    } else {
        host->count++;
        if (has_crl != (passed >= 0))
            status = error_set(error, BAD_DATA, "exit.frame", "the dispatcher sent a CRL's event without its CRL");
        event->crl_fd = passed;
        passed = -1;
    }
    if (passed >= 0)
        close(passed);
    return status;
}

/* Deliveries of the events from..until, of which none changes the same entry as another. */
static void host_deliver(struct host *host, const size_t *which, size_t count, struct wire_answer *answers)
{
    struct chancery_delivery deliveries[WIRE_BATCH_MAX];

    if (count == 0)
        return;
    memset(deliveries, 0, count * sizeof *deliveries);
    for (size_t i = 0; i < count; i++) {
        deliveries[i].event = &host->events[which[i]];
        deliveries[i].outcome = CHANCERY_RETRY;
    }
    host->module->notify(host->state, deliveries, count);
    for (size_t i = 0; i < count; i++) {
        struct wire_answer *answer = &answers[which[i]];

        answer->outcome = deliveries[i].outcome;
        if (answer->outcome < CHANCERY_DONE || answer->outcome > CHANCERY_GIVE_UP)
            answer->outcome = CHANCERY_RETRY;
        deliveries[i].message[sizeof deliveries[i].message - 1] = 0;
        memcpy(answer->message, deliveries[i].message, sizeof answer->message);
    }
}

/* Does an earlier event of this one's entry stand in the batch? Answers its place, or `at` itself. */
static size_t host_earlier(const uint64_t *keys, size_t at)
{
    for (size_t i = at; keys[at] != 0 && i-- > 0;)
        if (keys[i] == keys[at])
            return i;
    return at;
}

/* Events of different entries go to the module together; a second one of an entry waits until the first one's outcome is
 * known, and is not delivered when that is not DONE. */
static void host_deliver_in_order(struct host *host, struct wire_answer *answers)
{
    uint64_t keys[WIRE_BATCH_MAX];
    size_t which[WIRE_BATCH_MAX] = {0}, waiting = 0;

    for (size_t i = 0; i < host->count; i++)
        keys[i] = order_key(&host->events[i]);
    for (size_t i = 0; i < host->count; i++) {
        size_t earlier = host_earlier(keys, i);

        if (earlier != i && waiting > 0 && earlier >= which[0]) {
            host_deliver(host, which, waiting, answers);
            waiting = 0;
        }
        if (earlier == i || answers[earlier].outcome == CHANCERY_DONE || answers[earlier].outcome == CHANCERY_GIVE_UP)
            which[waiting++] = i;
    }
    host_deliver(host, which, waiting, answers);
}

static int host_batch(struct host *host, struct error *error)
{
    struct wire_answer answers[WIRE_BATCH_MAX];
    size_t announced;
    int status = wire_get_count(buf_bytes(&host->in), &announced);

    if (status != OK)
        return error_set(error, status, "exit.frame", "the dispatcher announced a batch of a wrong size");
    memset(answers, 0, sizeof answers);
    while (host->count < announced && status == OK)
        status = host_read_event(host, error);
    if (status != OK)
        goto out;
    alarm(host->batch_limit_s);
    host_deliver_in_order(host, answers);
    alarm(0);
    wire_put_answers(&host->out, answers, host->count);
    status = host_send(host, WIRE_ANSWERS, error);
out:
    host_forget(host);
    return status;
}

static int host_probe(struct host *host, struct error *error)
{
    struct error why = ERROR_NONE;
    struct strings lines = {NULL, 0};
    char *dn = NULL;
    int status = wire_get_probe(buf_bytes(&host->in), &dn);

    if (status != OK)
        return error_set(error, status, "exit.frame", "the dispatcher asked for a probe in a form that cannot be read");
    alarm(host->batch_limit_s);
    if (!host->module->probe)
        error_set(&why, REFUSED, "exit.no_probe", "exit module %s has nothing that could be checked", host->module->name);
    else if (host->module->probe(host->state, dn, &lines, &why) != OK)
        error_set(&why, INTERNAL, "exit.probe", "exit module %s could not check and did not say why", host->module->name);
    alarm(0);
    wire_put_lines(&host->out, &why, &lines);
    status = host_send(host, WIRE_LINES, error);
    strings_free(&lines);
    free(dn);
    return status;
}

/* One frame. OK to go on; the dispatcher's STOP and the end of its connection are TEMPORARY. */
static int host_turn(struct host *host, struct error *error)
{
    uint8_t type = 0;
    int status = channel_receive(&host->channel, &type, &host->in, NULL, error);

    buf_clear(&host->out);
    if (status != OK)
        return status;
    if (type == WIRE_BATCH)
        return host_batch(host, error);
    if (type == WIRE_PROBE)
        return host_probe(host, error);
    if (type == WIRE_STOP)
        return error_set(error, TEMPORARY, "exit.closed", "stop");
    return error_set(error, BAD_DATA, "exit.frame", "the dispatcher sent a frame of unknown type %u", type);
}

int exit_host_run(int fd, void *argument)
{
    const struct exit_host *setup = argument;
    struct host *host = calloc(1, sizeof *host);
    struct error error = ERROR_NONE;
    int status;

    if (!host)
        return INTERNAL;
    host->channel = (struct channel){fd, 0, NULL};
    host->batch_limit_s = setup->batch_limit_s ? setup->batch_limit_s : BATCH_LIMIT_S;
    host_alarm_ready();
    status = host_open(host, setup);
    while (status == OK && host_turn(host, &error) == OK)
        ;
    if (status == OK && error.status != TEMPORARY) {
        log_error("exit module %s: %s", setup->name, error.message);
        status = error.status;
    }
    if (host->state)
        host->module->close(host->state);
    buf_free(&host->in);
    buf_free(&host->out);
    free(host);
    return status;
}
