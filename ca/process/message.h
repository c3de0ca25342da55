/* Messages between a process and one that the forker started for it: a length and octets; and the answer of a step. */
#ifndef CHANCERY_PROCESS_MESSAGE_H
#define CHANCERY_PROCESS_MESSAGE_H

#include "ca/base/buf.h"
#include "ca/base/error.h"

#define MESSAGE_MAX (1 << 20)
int message_send(int fd, struct bytes message);
int message_receive(int fd, struct buf *message); /* added to what stands in it; INTERNAL at the end of the other side */
/* An answer is one octet (status), the reason and the message with NULs, or the result. */
int answer_send(int fd, int status, const struct error *error, struct bytes result);
/* `who` for the message: "that makes the key". Returns the status that was sent. */
int answer_receive(int fd, const char *who, struct buf *result, struct error *error);
/* The same for a message that was received already. */
int answer_read(struct bytes message, const char *who, struct buf *result, struct error *error);

#endif
