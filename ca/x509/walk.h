/* The strict DER reader: iterative, without allocation, over borrowed octets. It stands before every other parser.
 * Everything here is pure; statuses are OK or BAD_DATA, and the caller says in its own words what was wrong. X.690. */
#ifndef CHANCERY_X509_WALK_H
#define CHANCERY_X509_WALK_H

#include "ca/request.h"
#include "ca/x509/der.h"

struct tlv {
    uint8_t tag;
    struct bytes content;
    struct bytes whole; /* with tag and length */
};

#define WALK_DEPTH_MAX 16
#define WALK_OID_MAX 64                        /* octets of content */
#define OID_TEXT_SIZE (4 * WALK_OID_MAX + 4)

enum walk_rules {
    WALK_LIMITS, /* lengths, tags and depth: for certificates of others, which are not always DER inside */
    WALK_STRICT  /* also every primitive's form, and the order of SETs */
};
struct walk_fault {
    const char *what; /* "a length is not in its shortest form" */
    size_t offset;
};
/* The whole input is one well-formed element and nothing after it. */
int walk_check(struct bytes der, enum walk_rules rules, struct walk_fault *fault);

/* Each takes one element off the front of `rest`. */
int walk_next(struct bytes *rest, struct tlv *out);
int walk_expect(struct bytes *rest, uint8_t tag, struct tlv *out);
bool walk_is(struct bytes rest, uint8_t tag); /* is the next element's tag this? */
/* The input is exactly one element of this tag. */
int walk_only(struct bytes in, uint8_t tag, struct bytes *content);

/* What is in an element's content. */
int walk_boolean(struct bytes content, bool *value);
int walk_number(struct bytes content, uint64_t *value);         /* non-negative INTEGER or ENUMERATED */
int walk_unsigned(struct bytes content, struct bytes *value);   /* non-negative, minimal: its octets without a leading zero */
int walk_serial(struct bytes content, struct serial *serial);   /* non-negative, at most 20 octets as encoded */
int walk_oid(struct bytes content, char text[OID_TEXT_SIZE]);
int walk_bits(struct bytes content, unsigned *unused, struct bytes *bits);
/* Named bits as enum key_usage; strictly the last bit is a one (X.690 11.2.2), which even known roots do not heed. */
int walk_usage(struct bytes content, enum walk_rules rules, unsigned *usage);
int walk_time(uint8_t tag, struct bytes content, int64_t *at);  /* UTCTime or GeneralizedTime, with seconds and Z */
bool walk_is_text(uint8_t tag, struct bytes content);           /* a string type whose octets are in its alphabet */

#endif
