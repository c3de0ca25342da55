/* What the signer signs to show that it holds a key: SEQUENCE { UTF8String "chancery key proof 1", OCTET STRING challenge (32) }.
 * Its first element keeps it apart from every structure of RFC 5280, 2986 and 6960. */
#ifndef CHANCERY_SIGNER_PROOF_H
#define CHANCERY_SIGNER_PROOF_H

#include "ca/base/buf.h"
#include "ca/base/error.h"

#define PROOF_CHALLENGE_SIZE 32

int proof_make(struct buf *der, struct error *error); /* with a challenge that nobody knew before */
bool proof_is(struct bytes der);                      /* strict */

#endif
