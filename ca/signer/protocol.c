/* Frames between authority and signer, and what stands in them. Lengths are
 * checked on both sides: neither trusts the other. */
#include "config.h"

#include "ca/signer/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ca/base/encode.h"
#include "ca/base/file.h"

#define HEAD_SIZE 13 /* length, id, verb */
#define HEAD_COUNTED 9

union rights {
    char room[CMSG_SPACE(sizeof(int) * 4)];
    struct cmsghdr align;
};

static int send_all(int socket, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t done = send(socket, data, size, MSG_NOSIGNAL);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return CANNOT_WRITE;
        data += done;
        size -= (size_t)done;
    }
    return OK;
}

/* The descriptor goes with the head's octets. */
static int send_head(int socket, const uint8_t head[HEAD_SIZE], int fd)
{
    union rights control;
    struct iovec part = {(void *)(uintptr_t)head, HEAD_SIZE};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    struct cmsghdr *header;
    ssize_t done;

    memset(&control, 0, sizeof control);
    message.msg_control = control.room;
    message.msg_controllen = CMSG_SPACE(sizeof fd);
    header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    do
        done = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (done < 0 && errno == EINTR);
    return done <= 0 ? CANNOT_WRITE : send_all(socket, head + done, HEAD_SIZE - (size_t)done);
}

int frame_send(int socket, const struct frame *frame)
{
    uint8_t head[HEAD_SIZE];
    int status;

    if (frame->body.failed || frame->body.size > FRAME_BODY_MAX)
        return CANNOT_WRITE;
    put_u32(head, (uint32_t)(HEAD_COUNTED + frame->body.size));
    put_u64(head + 4, frame->id);
    head[12] = frame->verb;
    if (frame->fd >= 0)
        status = send_head(socket, head, frame->fd);
    else
        status = send_all(socket, head, HEAD_SIZE);
    return status == OK ? send_all(socket, frame->body.data, frame->body.size) : status;
}

/* One descriptor is kept, any other closed. */
static void take_rights(struct msghdr *message, int *fd)
{
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
        size_t count;

        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int number;

            memcpy(&number, CMSG_DATA(header) + i * sizeof number, sizeof number);
            if (*fd < 0)
                *fd = number;
            else
                close(number);
        }
    }
}

static int receive_head(int socket, uint8_t head[HEAD_SIZE], int *fd)
{
    size_t have = 0;

    while (have < HEAD_SIZE) {
        union rights control;
        struct iovec part = {head + have, HEAD_SIZE - have};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
        ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return TEMPORARY;
        take_rights(&message, fd);
        have += (size_t)got;
    }
    return OK;
}

int frame_receive(int socket, struct frame *frame)
{
    uint8_t head[HEAD_SIZE];
    size_t size;
    uint8_t *to;
    int status;

    buf_clear(&frame->body);
    frame->fd = -1;
    status = receive_head(socket, head, &frame->fd);
    if (status != OK)
        return status;
    size = get_u32(head);
    frame->id = get_u64(head + 4);
    frame->verb = head[12];
    if (size < HEAD_COUNTED || size - HEAD_COUNTED > FRAME_BODY_MAX)
        return BAD_DATA;
    size -= HEAD_COUNTED;
    to = buf_reserve(&frame->body, size);
    if (to == NULL)
        return INTERNAL;
    status = fd_read_all(socket, to, size);
    if (status != OK)
        return TEMPORARY;
    frame->body.size = size;
    frame->body.data[size] = '\0';
    return OK;
}

void frame_free(struct frame *frame)
{
    buf_free(&frame->body);
    if (frame->fd >= 0)
        close(frame->fd);
    frame->fd = -1;
}

#define SIGN_FIXED (1 + 4 + 8)

void sign_put(struct buf *body, const struct sign_body *sign)
{
    uint8_t fixed[SIGN_FIXED];

    fixed[0] = sign->kind;
    put_u32(fixed + 1, sign->key_index);
    put_u64(fixed + 5, sign->audit_number);
    buf_add(body, fixed, sizeof fixed);
    buf_add(body, sign->tbs.data, sign->tbs.size);
}

int sign_get(struct bytes body, struct sign_body *sign)
{
    if (body.size < SIGN_FIXED)
        return BAD_DATA;
    sign->kind = body.data[0];
    sign->key_index = get_u32(body.data + 1);
    sign->audit_number = get_u64(body.data + 5);
    sign->tbs = bytes_of(body.data + SIGN_FIXED, body.size - SIGN_FIXED);
    return OK;
}

void copy_put(struct buf *body, enum signer_file what, uint32_t key_index, uint64_t offset)
{
    uint8_t octets[13] = {(uint8_t)what};

    put_u32(octets + 1, key_index);
    put_u64(octets + 5, offset);
    buf_add(body, octets, sizeof octets);
}

int copy_get(struct bytes body, uint8_t *what, uint32_t *key_index, uint64_t *offset)
{
    if (body.size != 13)
        return BAD_DATA;
    *what = body.data[0];
    *key_index = get_u32(body.data + 1);
    *offset = get_u64(body.data + 5);
    return OK;
}

void octets_put(struct buf *body, struct bytes octets)
{
    uint8_t size[4];

    put_u32(size, (uint32_t)octets.size);
    buf_add(body, size, sizeof size);
    buf_add(body, octets.data, octets.size);
}

int octets_get(struct bytes *rest, struct buf *out)
{
    uint32_t size;

    if (rest->size < 4 || (size = get_u32(rest->data)) > rest->size - 4)
        return BAD_DATA;
    buf_add(out, rest->data + 4, size);
    *rest = bytes_of(rest->data + 4 + size, rest->size - 4 - size);
    return out->failed ? BAD_DATA : OK;
}

#define INFO_FIXED (1 + 8 + 8 + 4 + 8)
#define KEY_FIXED (20 + 16 + 8)

static void key_put(struct buf *body, const struct signer_key_info *key)
{
    uint8_t fixed[KEY_FIXED];

    memcpy(fixed, key->key_id, 20);
    memcpy(fixed + 20, key->key_type, 16);
    put_u64(fixed + 36, key->last_crl_number);
    buf_add(body, fixed, sizeof fixed);
    octets_put(body, buf_bytes(&key->spki));
    octets_put(body, buf_bytes(&key->algorithm));
    octets_put(body, bytes_of_text(key->where));
}

static int key_get(struct bytes *rest, struct signer_key_info *key)
{
    struct buf where = BUF_EMPTY;

    if (rest->size < KEY_FIXED)
        return BAD_DATA;
    memcpy(key->key_id, rest->data, 20);
    memcpy(key->key_type, rest->data + 20, 16);
    key->key_type[15] = '\0';
    key->last_crl_number = get_u64(rest->data + 36);
    *rest = bytes_of(rest->data + KEY_FIXED, rest->size - KEY_FIXED);
    if (octets_get(rest, &key->spki) != OK || octets_get(rest, &key->algorithm) != OK || octets_get(rest, &where) != OK)
        return BAD_DATA;
    snprintf(key->where, sizeof key->where, "%s", buf_text(&where));
    buf_free(&where);
    return OK;
}

void info_put(struct buf *body, const struct signer_info *info)
{
    uint8_t fixed[INFO_FIXED];

    fixed[0] = info->locked;
    put_u64(fixed + 1, info->signatures);
    put_u64(fixed + 9, (uint64_t)info->last_at);
    put_u32(fixed + 17, (uint32_t)info->key_count);
    put_u64(fixed + 21, info->last_checkpoint);
    buf_add(body, fixed, sizeof fixed);
    for (size_t i = 0; i < info->key_count; i++)
        key_put(body, &info->keys[i]);
}

int info_get(struct bytes body, struct signer_info *info)
{
    const uint8_t *fixed = body.data;
    struct bytes rest;
    size_t count;

    if (body.size < INFO_FIXED || (count = get_u32(fixed + 17)) > SIGNER_KEYS_MAX)
        return BAD_DATA;
    info->locked = fixed[0] != 0;
    info->signatures = get_u64(fixed + 1);
    info->last_at = (int64_t)get_u64(fixed + 9);
    info->last_checkpoint = get_u64(fixed + 21);
    rest = bytes_of(fixed + INFO_FIXED, body.size - INFO_FIXED);
    for (info->key_count = 0; info->key_count < count; info->key_count++)
        if (key_get(&rest, &info->keys[info->key_count]) != OK)
            return BAD_DATA;
    return rest.size == 0 ? OK : BAD_DATA;
}

void failure_put(struct buf *body, const struct error *error)
{
    buf_add(body, error->reason, strlen(error->reason) + 1);
    buf_add_text(body, error->message);
}

int failure_get(uint8_t status, struct bytes body, struct error *error)
{
    const uint8_t *nul = body.size == 0 ? NULL : memchr(body.data, '\0', body.size);
    char message[sizeof error->message];

    if (status == OK || nul == NULL)
        return error_set(error, INTERNAL, "signer.protocol", "the signer's answer cannot be read");
    snprintf(message, sizeof message, "%.*s", (int)(body.size - (size_t)(nul + 1 - body.data)), (const char *)nul + 1);
    return error_set(error, status, (const char *)body.data, "%s", message);
}
