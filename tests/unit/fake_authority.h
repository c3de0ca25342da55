/* An authority without a database: remembers what it was asked and answers with fixed values. For tests of the API. */
#ifndef FAKE_AUTHORITY_H
#define FAKE_AUTHORITY_H

#include "ca/authority.h"

struct authority {
    unsigned roles;          /* of every caller */
    int map_status;          /* what authority_map says */
    int fail_status;         /* the next verbs fail so */
    const char *fail_reason;
    size_t lookup_count;     /* how many RequestIDs a fingerprint has */
    unsigned delay_ms;       /* a submission takes so long */
    /* what was asked */
    char verb[32];
    uint64_t id;
    struct seen seen;
    struct list_query query;
    char text[256];
    size_t pkcs10_size, usage_count;
    int64_t at;
    int reason;
    unsigned refusals, reads;
    char read_action[32];
    int read_status; /* what authority_audit_read says */
    char refusal_action[32], refusal_reason[64];
};

#endif
