/* The chain from a certificate up to its root, as the checks before an assignment need it: every link with its state, and
 * by name the ones that are missing. Pure: the anchors are handed in, nothing is fetched. RFC 5280 section 6.1. */
#ifndef CHANCERY_X509_CHAIN_H
#define CHANCERY_X509_CHAIN_H

#include "ca/x509/certificate.h"

#define CHAIN_MAX 10

struct chain_anchor { /* one certificate of the trust stores, borrowed */
    struct bytes der;
    bool is_root_store;
};
enum link_state { LINK_PRESENT, LINK_MISSING, LINK_WRONG_STORE };
enum link_store { STORE_ROOT, STORE_INTERMEDIATE };
struct chain_link {
    char *subject;          /* RFC 4514; of a missing one, the issuer's name as the certificate below says it */
    bool found;
    enum link_store wanted; /* where it belongs: self-signed ones are roots. Of a missing one: not known, STORE_INTERMEDIATE */
    enum link_state state;
    int64_t not_before, not_after;  /* 0 when missing */
    bool expired, not_yet_valid;    /* at the time asked */
    uint8_t sha1[20], sha256[32];
    size_t anchor;          /* index of the anchor, when found */
};
struct chain {
    struct chain_link *links; /* from the issuer of the leaf upward */
    size_t count;
    bool complete;            /* every link present, in its store, valid in time and signed by the next; the last self-signed */
    char problem[256];        /* "" when complete: the first thing that is wrong, for people */
};
/* OK also when the chain is not complete: that is what `out` says. A leaf that is self-signed is its own root: it must stand in
 * the root store. Where several anchors bear the issuer's name the one whose key verifies the signature is taken, a root before
 * an intermediate. BAD_DATA when the leaf cannot be read; anchors that cannot are passed over. */
int chain_build_at(struct bytes leaf_der, const struct chain_anchor *anchors, size_t count, int64_t at, struct chain *out, struct error *error);
int chain_build(struct bytes leaf_der, const struct chain_anchor *anchors, size_t count, struct chain *out, struct error *error); /* now */
void chain_free(struct chain *chain);
const char *link_state_name(enum link_state state); /* "present", "missing", "wrong store" */

#endif
