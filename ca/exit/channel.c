/* Frames over the socket between dispatcher and exit host. What stands in them is wire.c's.
 * Both ends are blocking; the time limit is kept with poll, so that a host that hangs cannot hold the dispatcher. */
#include "ca/exit/channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/exit/wire.h"

#define HEADER_SIZE 5
#define SLICE_MS 250 /* how often a wait looks at `hurry` */

static int64_t channel_deadline(const struct channel *channel, int64_t *hurry_since)
{
    int64_t now = clock_monotonic_ms();
    int64_t deadline = channel->deadline_ms ? channel->deadline_ms : now + 24 * 3600 * 1000;

    if (!channel->hurry || !atomic_load(channel->hurry))
        return deadline;
    if (*hurry_since == 0)
        *hurry_since = now;
    return *hurry_since + CHANNEL_HURRY_MS < deadline ? *hurry_since + CHANNEL_HURRY_MS : deadline;
}

static int channel_wait(const struct channel *channel, short events, struct error *error)
{
    int64_t hurry_since = 0;

    for (;;) {
        struct pollfd poll_fd = {channel->fd, events, 0};
        int64_t left = channel_deadline(channel, &hurry_since) - clock_monotonic_ms();
        int ready;

        if (left <= 0)
            return error_set(error, TEMPORARY, "exit.timeout", "the exit host did not answer in time");
        ready = poll(&poll_fd, 1, left < SLICE_MS ? (int)left : SLICE_MS);
        if (ready > 0)
            return OK;
        if (ready < 0 && errno != EINTR)
            return error_set(error, INTERNAL, "exit.poll", "cannot wait for the exit host: %s", strerror(errno));
    }
}

static int channel_closed(struct error *error)
{
    return error_set(error, TEMPORARY, "exit.closed", "the exit host closed its connection: it ended or was killed");
}

/* Some octets of head and body from `done` on, the descriptor with the first. */
static ssize_t send_some(int fd, uint8_t head[HEADER_SIZE], struct bytes body, size_t done, int pass_fd)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec parts[2];
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    size_t of_head = done < HEADER_SIZE ? done : HEADER_SIZE;

    memset(&control, 0, sizeof control);
    parts[0] = (struct iovec){head + of_head, HEADER_SIZE - of_head};
    parts[1] = (struct iovec){(void *)(uintptr_t)(body.data + (done - of_head)), body.size - (done - of_head)};
    if (body.size == 0)
        message.msg_iovlen = 1;
    if (pass_fd >= 0 && done == 0) {
        message.msg_control = control.room;
        message.msg_controllen = sizeof control.room;
        control.header = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), &pass_fd, sizeof pass_fd);
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int channel_send(const struct channel *channel, uint8_t type, struct bytes body, int pass_fd, struct error *error)
{
    uint8_t head[HEADER_SIZE];
    size_t done = 0;

    if (body.size > WIRE_FRAME_MAX)
        return error_set(error, BAD_DATA, "exit.frame", "an event of %zu octets is too large for an exit module", body.size);
    put_u32(head, (uint32_t)body.size);
    head[4] = type;
    while (done < HEADER_SIZE + body.size) {
        ssize_t sent = send_some(channel->fd, head, body, done, pass_fd);

        if (sent > 0) {
            done += (size_t)sent;
        } else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (channel_wait(channel, POLLOUT, error) != OK)
                return error->status;
        } else if (sent == 0 || errno != EINTR) {
            return channel_closed(error);
        }
    }
    return OK;
}

/* The descriptor in a message; one that nobody expects is closed and makes the frame bad. */
static int take_descriptor(struct msghdr *message, int *passed)
{
    int status = message->msg_flags & MSG_CTRUNC ? BAD_DATA : OK;

    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
        int fd;

        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof fd))
            continue;
        memcpy(&fd, CMSG_DATA(header), sizeof fd);
        if (passed && *passed < 0 && status == OK) {
            *passed = fd;
        } else {
            close(fd);
            status = BAD_DATA;
        }
    }
    return status;
}

static int receive_all(const struct channel *channel, uint8_t *to, size_t size, int *passed, struct error *error)
{
    size_t done = 0;

    while (done < size) {
        union {
            struct cmsghdr header;
            char room[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec part = {to + done, size - done};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
        ssize_t got = recvmsg(channel->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

        if (got > 0) {
            done += (size_t)got;
            if (take_descriptor(&message, passed) != OK)
                return error_set(error, BAD_DATA, "exit.frame", "the peer sent a descriptor that was not asked for");
        } else if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (channel_wait(channel, POLLIN, error) != OK)
                return error->status;
        } else if (got == 0 || errno != EINTR) {
            return channel_closed(error);
        }
    }
    return OK;
}

int channel_receive(const struct channel *channel, uint8_t *type, struct buf *body, int *passed, struct error *error)
{
    uint8_t head[HEADER_SIZE], *room;
    uint32_t size;
    int status;

    if (passed)
        *passed = -1;
    buf_clear(body);
    status = receive_all(channel, head, sizeof head, passed, error);
    if (status != OK)
        goto out;
    size = get_u32(head);
    *type = head[4];
    if (size > WIRE_FRAME_MAX) {
        status = error_set(error, BAD_DATA, "exit.frame", "a frame of %u octets is longer than the protocol allows", size);
        goto out;
    }
    if (size == 0)
        goto out;
    room = buf_reserve(body, size);
    if (!room) {
        status = error_memory(error);
        goto out;
    }
    status = receive_all(channel, room, size, NULL, error);
    if (status == OK)
        body->size += size;
out:
    if (status != OK && passed && *passed >= 0) {
        close(*passed);
        *passed = -1;
    }
    return status;
}
