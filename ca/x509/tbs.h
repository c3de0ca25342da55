/* A TBSCertificate as the walker sees it: where each field stands. Shared by the reader and the lint. RFC 5280 4.1. */
#ifndef CHANCERY_X509_TBS_H
#define CHANCERY_X509_TBS_H

#include "ca/x509/walk.h"

struct tbs_view { /* everything borrowed */
    unsigned version;          /* 1, 2 or 3 */
    struct bytes serial;       /* content of the INTEGER */
    struct bytes algorithm, issuer, subject, spki; /* whole elements */
    int64_t not_before, not_after;
    uint8_t not_before_tag, not_after_tag;
    bool unique_ids;
    struct bytes extensions;   /* the SEQUENCE OF Extension; empty: none */
};
/* OK, or BAD_DATA and a sentence in *what (a constant). */
int tbs_split(struct bytes tbs, struct tbs_view *out, const char **what);

#endif
