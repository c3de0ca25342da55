/* An exit module for tests: an event's message says what becomes of it. What was delivered is appended to $FAKE_DIR/log. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/module.h"

static bool there(const char *name, bool take)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s", getenv("FAKE_DIR"), name);
    if (access(path, F_OK) != 0)
        return false;
    if (take)
        unlink(path);
    return true;
}

static void note(const struct event *event)
{
    char path[512], line[512], crl[64] = "";
    ssize_t size = event->crl_fd >= 0 ? pread(event->crl_fd, crl, sizeof crl - 1, 0) : 0;
    int fd;

    crl[size > 0 ? size : 0] = 0;
    snprintf(path, sizeof path, "%s/log", getenv("FAKE_DIR"));
    snprintf(line, sizeof line, "%llu:%x:%s%s\n", (unsigned long long)event->sequence, event->kind, event->message ? event->message : "", crl);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || write(fd, line, strlen(line)) < 0)
        _exit(9);
    close(fd);
}

static enum chancery_outcome act(const char *message)
{
    if (strcmp(message, "die") == 0 && there("die", true))
        _exit(3);
    if (strcmp(message, "die always") == 0)
        _exit(3);
    while (strcmp(message, "hang") == 0 && there("hang", false))
        pause();
    if (strcmp(message, "gate") == 0 && !there("gate", false))
        return CHANCERY_RETRY;
    if (strcmp(message, "retry") == 0)
        return CHANCERY_RETRY;
    return strcmp(message, "give up") == 0 ? CHANCERY_GIVE_UP : CHANCERY_DONE;
}

static void fake_notify(void *state, struct chancery_delivery *deliveries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *message = deliveries[i].event->message ? deliveries[i].event->message : "";

        note(deliveries[i].event);
        deliveries[i].outcome = act(message);
        snprintf(deliveries[i].message, sizeof deliveries[i].message, "because of \"%s\"", message);
    }
}

static int fake_check(const struct conf *conf, struct error *error)
{
    return OK;
}

static int fake_open(const struct conf *conf, void **state, struct error *error)
{
    if (there("refuse", false)) {
        error->status = BAD_CONFIG;
        snprintf(error->reason, sizeof error->reason, "fake.refuse");
        snprintf(error->message, sizeof error->message, "the fake module does not open while there is a file refuse");
        return BAD_CONFIG;
    }
    *state = NULL;
    return OK;
}

static void fake_close(void *state)
{
}

static int fake_probe(void *state, const char *dn, struct strings *lines, struct error *error)
{
    error->status = REFUSED;
    snprintf(error->reason, sizeof error->reason, "fake.probe");
    snprintf(error->message, sizeof error->message, "asked for %s", dn ? dn : "nothing");
    return REFUSED;
}

extern const struct chancery_module chancery_module;
const struct chancery_module chancery_module = {
    .abi = CHANCERY_MODULE_ABI,
    .name = "publish/fake",
    .kind = CHANCERY_EXIT,
    .event_mask = EVENT_ISSUED | EVENT_PENDING | EVENT_DENIED | EVENT_RETRIEVE_PENDING | EVENT_CRL_ISSUED | EVENT_STARTUP | EVENT_SHUTDOWN,
    .check = fake_check,
    .open = fake_open,
    .close = fake_close,
    .notify = fake_notify,
    .probe = fake_probe,
};
