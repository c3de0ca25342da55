/* Frames over the socket between dispatcher and exit host, with a time limit and a descriptor that travels along. */
#ifndef CHANCERY_EXIT_CHANNEL_H
#define CHANCERY_EXIT_CHANNEL_H

#include <stdatomic.h>

#include "ca/base/buf.h"
#include "ca/base/error.h"

struct channel {
    int fd;
    int64_t deadline_ms;      /* monotonic; 0: none */
    const atomic_bool *hurry; /* once true, no wait lasts longer than CHANNEL_HURRY_MS more; may be NULL */
};
#define CHANNEL_HURRY_MS 3000

/* pass_fd -1: none. TEMPORARY "exit.closed" or "exit.timeout". */
int channel_send(const struct channel *channel, uint8_t type, struct bytes body, int pass_fd, struct error *error);
/* Replaces body's contents. *passed (may be NULL: then a descriptor is refused) -1: none came; the caller closes it.
 * TEMPORARY as above, BAD_DATA "exit.frame". */
int channel_receive(const struct channel *channel, uint8_t *type, struct buf *body, int *passed, struct error *error);

#endif
