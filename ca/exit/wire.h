/* The protocol between the dispatcher and an exit host, over a SOCK_STREAM unix socket. Numbers are big-endian.
 *
 *   frame    u32 size of body, u8 type, body; a descriptor travels with the first octet of its frame (SCM_RIGHTS)
 *   text     u32 length + 1, octets without NUL; 0: NULL        octets: u32 length, octets        list: u32 count, texts
 *
 *   host -> READY    once: module open (mask, time limit of a batch), or why not; then the host ends
 *        <- BATCH    u32 count, then count frames EVENT; a CRL's memfd goes with its frame
 *        -> ANSWERS  u32 count, each u8 outcome (0: not delivered, an earlier event of its entry failed) and text
 *        <- PROBE    text DN           -> LINES   status, reason, message, list of lines
 *        <- STOP     the host closes its module and ends; so it does when the socket is closed
 *
 * Decoders are strict: every length is checked, every octet must be used, what is not known is BAD_DATA. Neither side
 * trusts the other to be well: the host runs a module that talks to the outside. */
#ifndef CHANCERY_EXIT_WIRE_H
#define CHANCERY_EXIT_WIRE_H

#include "ca/module.h"

enum wire_type { WIRE_READY = 1, WIRE_BATCH, WIRE_EVENT, WIRE_ANSWERS, WIRE_PROBE, WIRE_LINES, WIRE_STOP };

#define WIRE_FRAME_MAX (4u * 1024 * 1024) /* body of a frame */
#define WIRE_BATCH_MAX 64u
#define WIRE_NOT_DELIVERED 0 /* beside enum chancery_outcome */

struct wire_ready {
    uint32_t event_mask;
    uint32_t batch_limit_s;
    struct error error; /* status OK: the module is open */
};
struct wire_answer {
    int outcome; /* enum chancery_outcome or WIRE_NOT_DELIVERED */
    char message[256];
};

/* Each encoder appends to out (check out->failed); each decoder answers OK or BAD_DATA and frees what it made on failure. */
void wire_put_event(struct buf *out, const struct event *event);
int wire_get_event(struct bytes in, struct event *event, bool *has_crl); /* event_free; crl_fd is -1 */
void wire_put_ready(struct buf *out, const struct wire_ready *ready);
int wire_get_ready(struct bytes in, struct wire_ready *ready);
void wire_put_answers(struct buf *out, const struct wire_answer *answers, size_t count);
int wire_get_answers(struct bytes in, struct wire_answer *answers, size_t count); /* exactly count */
void wire_put_count(struct buf *out, size_t count);
int wire_get_count(struct bytes in, size_t *count); /* 1 … WIRE_BATCH_MAX */
void wire_put_probe(struct buf *out, const char *dn);
int wire_get_probe(struct bytes in, char **dn);
void wire_put_lines(struct buf *out, const struct error *error, const struct strings *lines);
int wire_get_lines(struct bytes in, struct error *error, struct strings *lines);

#endif
