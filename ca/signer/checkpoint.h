/* What the signer signs of the audit chain: SEQUENCE { UTF8String "chancery audit checkpoint 1", INTEGER number, INTEGER
 * previous, OCTET STRING head (SHA-256), GeneralizedTime at }. Its first element keeps it apart from every structure of RFC 5280, 2986 and 6960. */
#ifndef CHANCERY_SIGNER_CHECKPOINT_H
#define CHANCERY_SIGNER_CHECKPOINT_H

#include "ca/base/buf.h"
#include "ca/base/error.h"

struct checkpoint {
    uint64_t number;   /* of the last audit record under it */
    uint64_t previous; /* the number of the checkpoint before, 0: none: so that one that is taken out is missed */
    uint8_t head[32];
    int64_t at;
};
void checkpoint_build(const struct checkpoint *checkpoint, struct buf *der);
int checkpoint_read(struct bytes der, struct checkpoint *out); /* strict: OK or BAD_DATA */

#endif
