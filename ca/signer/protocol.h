/* Frames between authority and signer, over a stream socket: length (u32, of what follows), id (u64), verb (u8), body.
 * An answer has its request's id; its verb is the enum status, its body the result, or "reason NUL message". Id 0 is the
 * signer's last word before it ends. A CRL's memfd comes with the first octet of its frame. */
#ifndef CHANCERY_SIGNER_PROTOCOL_H
#define CHANCERY_SIGNER_PROTOCOL_H

#include "ca/signer/signer.h"

enum signer_verb { VERB_INFO = 1, VERB_SIGN, VERB_UNLOCK, VERB_CLOCK };
#define VERB_KEY_FILE 17 /* body: u32 key index, octets: the key's file as it is on disk now */
#define VERB_COPY 16 /* body: u8 enum signer_file, u32 key index, u64 offset; answer: u64 size of the whole, octets from there on */
#define COPY_CHUNK 131072
#define FRAME_BODY_MAX 262144
#define FRAME_ID_LAST_WORD 0

struct frame {
    uint64_t id;
    uint8_t verb;
    struct buf body;
    int fd; /* -1: none; whoever receives the frame closes it */
};
/* OK or CANNOT_WRITE (the other side is gone). One writer at a time. */
int frame_send(int socket, const struct frame *frame);
/* OK, TEMPORARY (the other side closed), BAD_DATA (not the protocol) or INTERNAL (memory). body is replaced. */
int frame_receive(int socket, struct frame *frame);
void frame_free(struct frame *frame);

/* Bodies, with their twins. Readers: OK or BAD_DATA. */
struct sign_body {
    uint8_t kind; /* enum sign_kind */
    uint32_t key_index;
    uint64_t audit_number;
    struct bytes tbs; /* borrowed; empty for a CRL */
};
void sign_put(struct buf *body, const struct sign_body *sign);
int sign_get(struct bytes body, struct sign_body *sign);
void copy_put(struct buf *body, enum signer_file what, uint32_t key_index, uint64_t offset);
int copy_get(struct bytes body, uint8_t *what, uint32_t *key_index, uint64_t *offset);
void info_put(struct buf *body, const struct signer_info *info);
int info_get(struct bytes body, struct signer_info *info);
void octets_put(struct buf *body, struct bytes octets); /* u32 size, octets */
int octets_get(struct bytes *rest, struct buf *out);
void failure_put(struct buf *body, const struct error *error);
int failure_get(uint8_t status, struct bytes body, struct error *error); /* returns the status */

#endif
