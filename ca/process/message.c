/* Messages between a process and one that the forker started for it. */
#include "config.h"

#include "ca/process/message.h"

#include <string.h>

#include "ca/base/encode.h"
#include "ca/base/file.h"

int message_send(int fd, struct bytes message)
{
    uint8_t size[4];

    put_u32(size, (uint32_t)message.size);
    int status = fd_write_all(fd, size, 4);
    return status != OK ? status : fd_write_all(fd, message.data, message.size);
}

int message_receive(int fd, struct buf *message)
{
    uint8_t head[4];
    int status = fd_read_all(fd, head, 4);
    size_t size = status != OK ? 0 : get_u32(head);

    if (status != OK || size > MESSAGE_MAX)
        return INTERNAL;
    uint8_t *room = buf_reserve(message, size);
    if (room == NULL)
        return INTERNAL;
    status = fd_read_all(fd, room, size);
    message->size += status != OK ? 0 : size;
    return status;
}

int answer_send(int fd, int status, const struct error *error, struct bytes result)
{
    struct buf message = BUF_EMPTY;

    buf_add_byte(&message, (uint8_t)status);
    if (status != OK) {
        buf_add(&message, error->reason, strlen(error->reason) + 1);
        buf_add(&message, error->message, strlen(error->message) + 1);
    } else {
        buf_add(&message, result.data, result.size);
    }
    int sent = message_send(fd, buf_bytes(&message));
    buf_free(&message);
    return sent;
}

int answer_read(struct bytes message, const char *who, struct buf *result, struct error *error)
{
    if (message.size == 0)
        return error_set(error, INTERNAL, "init.process", "the process %s ended without an answer", who);
    if (message.data[0] == OK) {
        buf_add(result, message.data + 1, message.size - 1);
        return result->failed ? error_memory(error) : OK;
    }
    const uint8_t *nul = memchr(message.data + 1, '\0', message.size - 1);
    const uint8_t *end = nul != NULL ? memchr(nul + 1, '\0', message.size - (size_t)(nul + 1 - message.data)) : NULL;
    if (end == NULL)
        return error_set(error, INTERNAL, "init.process", "the answer of the process %s cannot be read", who);
    return error_set(error, message.data[0], (const char *)message.data + 1, "%s", (const char *)nul + 1);
}

int answer_receive(int fd, const char *who, struct buf *result, struct error *error)
{
    struct buf message = BUF_EMPTY;
    int received = message_receive(fd, &message);
    int status = answer_read(received == OK ? buf_bytes(&message) : bytes_of(NULL, 0), who, result, error);

    buf_free(&message);
    return status;
}
