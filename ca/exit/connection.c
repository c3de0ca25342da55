/* One exit host as the dispatcher sees it: a process that may die, hang or lie. Rows and the outbox are drain.c's. */
#include "ca/exit/connection.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "ca/base/log.h"
#include "ca/exit/channel.h"

#define START_LIMIT_MS 60000
#define GRACE_MS 5000 /* the host's own alarm ends it first */
#define RESTART_MAX_MS 30000

void connection_init(struct connection *connection, const char *name, struct forker *forker, const atomic_bool *stopping)
{
    *connection = (struct connection){.fd = -1, .forker = forker, .stopping = stopping, .why = ERROR_NONE};
    snprintf(connection->name, sizeof connection->name, "%s", name);
    snprintf(connection->program, sizeof connection->program, "exit %s", name);
    pthread_mutex_init(&connection->lock, NULL);
}

static struct channel connection_channel(const struct connection *connection, int64_t limit_ms)
{
    return (struct channel){connection->fd, clock_monotonic_ms() + limit_ms, connection->stopping};
}

static int64_t connection_limit_ms(const struct connection *connection)
{
    return (int64_t)connection->ready.batch_limit_s * 1000 + GRACE_MS;
}

/* The host is of no use any more. It ends by itself: its socket is closed, and a module that hangs has an alarm. */
static void connection_lose(struct connection *connection, const struct error *why)
{
    int64_t wait_ms = connection->failures >= 5 ? RESTART_MAX_MS : (int64_t)1000 << connection->failures;

    if (connection->fd >= 0)
        close(connection->fd);
    connection->fd = -1;
    connection->failures++;
    connection->start_at_ms = clock_monotonic_ms() + (wait_ms < RESTART_MAX_MS ? wait_ms : RESTART_MAX_MS);
    connection->why = *why;
    if (!atomic_load(connection->stopping))
        log_warn("exit module %s: %s; publishing waits, its host is started again in %d s", connection->name, why->message,
                 (int)((connection->start_at_ms - clock_monotonic_ms() + 999) / 1000));
}

static int read_ready(struct connection *connection, struct error *error)
{
    struct channel channel = connection_channel(connection, START_LIMIT_MS);
    struct buf body = BUF_EMPTY;
    uint8_t type = 0;
    int status = channel_receive(&channel, &type, &body, NULL, error);

    if (status == OK && (type != WIRE_READY || wire_get_ready(buf_bytes(&body), &connection->ready) != OK))
        status = error_set(error, BAD_DATA, "exit.frame", "its host answered with something that is not the protocol");
    if (status == OK && connection->ready.error.status != OK)
        status = error_set(error, connection->ready.error.status, connection->ready.error.reason, "%s", connection->ready.error.message);
    buf_free(&body);
    return status;
}

int connection_start(struct connection *connection, struct error *error)
{
    struct error why = ERROR_NONE;
    int status;

    pthread_mutex_lock(&connection->lock);
    status = forker_spawn(connection->forker, connection->program, &connection->fd, &connection->pid, &why);
    if (status != OK)
        connection->fd = -1;
    else
        status = read_ready(connection, &why);
    if (status != OK) {
        connection_lose(connection, &why);
        error_set(error, status, why.reason, "exit module %s: %s", connection->name, why.message);
    }
    pthread_mutex_unlock(&connection->lock);
    return status;
}

bool connection_alive(struct connection *connection)
{
    bool alive;

    pthread_mutex_lock(&connection->lock);
    if (connection->fd >= 0 && atomic_load(&connection->ended) == (int)connection->pid) {
        struct error why = ERROR_NONE;

        error_set(&why, TEMPORARY, "exit.closed", "its host ended");
        connection_lose(connection, &why);
    }
    alive = connection->fd >= 0;
    pthread_mutex_unlock(&connection->lock);
    return alive;
}

int64_t connection_start_at(struct connection *connection)
{
    int64_t at;

    pthread_mutex_lock(&connection->lock);
    at = connection->start_at_ms;
    pthread_mutex_unlock(&connection->lock);
    return at;
}

static int connection_missing(const struct connection *connection, struct error *error)
{
    return error_set(error, TEMPORARY, "exit.down", "the host of exit module %s is not there (%s); it is started again by itself",
                     connection->name, connection->why.status ? connection->why.message : "not started yet");
}

static int send_batch(const struct channel *channel, const struct event *const events[], size_t count, struct error *error)
{
    struct buf body = BUF_EMPTY;
    int status;

    wire_put_count(&body, count);
    status = body.failed ? error_memory(error) : channel_send(channel, WIRE_BATCH, buf_bytes(&body), -1, error);
    for (size_t i = 0; i < count && status == OK; i++) {
        buf_clear(&body);
        wire_put_event(&body, events[i]);
        status = body.failed ? error_memory(error)
                             : channel_send(channel, WIRE_EVENT, buf_bytes(&body), events[i]->crl_fd, error);
    }
    buf_free(&body);
    return status;
}

static int read_answers(const struct channel *channel, struct wire_answer *answers, size_t count, struct error *error)
{
    struct buf body = BUF_EMPTY;
    uint8_t type = 0;
    int status = channel_receive(channel, &type, &body, NULL, error);

    if (status == OK && (type != WIRE_ANSWERS || wire_get_answers(buf_bytes(&body), answers, count) != OK))
        status = error_set(error, BAD_DATA, "exit.frame", "its host answered with something that is not the protocol");
    buf_free(&body);
    return status;
}

int connection_deliver(struct connection *connection, const struct event *const events[], size_t count,
                       struct wire_answer *answers, struct error *error)
{
    struct error why = ERROR_NONE;
    struct channel channel;
    int status;

    pthread_mutex_lock(&connection->lock);
    if (connection->fd < 0) {
        status = connection_missing(connection, error);
        goto out;
    }
    channel = connection_channel(connection, connection_limit_ms(connection));
    status = send_batch(&channel, events, count, &why);
    if (status == OK)
        status = read_answers(&channel, answers, count, &why);
    if (status == OK) {
        connection->failures = 0;
    } else {
        connection_lose(connection, &why);
        error_set(error, status, why.reason, "%s", why.message);
    }
out:
    pthread_mutex_unlock(&connection->lock);
    return status;
}

static int probe_exchange(const struct channel *channel, const char *dn, struct strings *lines, struct error *answer,
                          struct error *error)
{
    struct buf body = BUF_EMPTY;
    uint8_t type = 0;
    int status;

    wire_put_probe(&body, dn);
    status = body.failed ? error_memory(error) : channel_send(channel, WIRE_PROBE, buf_bytes(&body), -1, error);
    if (status == OK)
        status = channel_receive(channel, &type, &body, NULL, error);
    if (status == OK && (type != WIRE_LINES || wire_get_lines(buf_bytes(&body), answer, lines) != OK))
        status = error_set(error, BAD_DATA, "exit.frame", "its host answered with something that is not the protocol");
    buf_free(&body);
    return status;
}

int connection_probe(struct connection *connection, const char *dn, struct strings *lines, struct error *error)
{
    struct error why = ERROR_NONE, answer = ERROR_NONE;
    struct channel channel;
    int status;

    pthread_mutex_lock(&connection->lock);
    if (connection->fd < 0) {
        status = connection_missing(connection, error);
        goto out;
    }
    channel = connection_channel(connection, connection_limit_ms(connection));
    status = probe_exchange(&channel, dn, lines, &answer, &why);
    if (status != OK) {
        connection_lose(connection, &why);
        error_set(error, status, why.reason, "exit module %s: %s", connection->name, why.message);
    } else if (answer.status != OK) {
        status = error_set(error, answer.status, answer.reason, "%s", answer.message);
    }
out:
    pthread_mutex_unlock(&connection->lock);
    return status;
}

void connection_close(struct connection *connection)
{
    struct bytes nothing = {NULL, 0};
    struct error ignored = ERROR_NONE;

    pthread_mutex_lock(&connection->lock);
    if (connection->fd >= 0) {
        struct channel channel = connection_channel(connection, 1000);

        (void)channel_send(&channel, WIRE_STOP, nothing, -1, &ignored);
        close(connection->fd);
        connection->fd = -1;
    }
    pthread_mutex_unlock(&connection->lock);
    pthread_mutex_destroy(&connection->lock);
}
