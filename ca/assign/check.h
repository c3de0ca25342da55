/* The checks before a certificate is assigned to a usage: pure. Every failure is a finding of its own, with a stable
 * reason and a sentence that says what to do next; the order is always the same:
 *   of the certificate  chain_missing (each link), wrong_store (each), chain_time, chain, revoked, expired, not_yet_valid, ca,
 *                       expires_soon (a warning)
 *   of a usage          eku (each), key_usage (each), name (each), host
 * Reasons carry the prefix "assign.". */
#ifndef CHANCERY_ASSIGN_CHECK_H
#define CHANCERY_ASSIGN_CHECK_H

#include "ca/assign/usage.h"
#include "ca/x509/chain.h"

struct assign_subject { /* what is to be assigned; borrowed */
    const struct certificate_facts *facts;
    const struct chain *chain; /* built with the trust stores of the site, or of the host */
    int revocation_reason;     /* -1: not revoked */
    int64_t revoked_at;
    int64_t now;
};
struct finding {
    bool fatal;
    char reason[64];
    char message[320];
};
#define ASSIGN_FINDINGS_MAX 64
#define ASSIGN_EXPIRES_SOON_S (14 * 86400)

/* Return how many findings; none that is fatal: it may be assigned. */
size_t assign_check_certificate(const struct assign_subject *subject, struct finding findings[ASSIGN_FINDINGS_MAX]);
size_t assign_check_usage(const struct assign_subject *subject, const struct usage *usage, const char *host,
                          struct finding findings[ASSIGN_FINDINGS_MAX]);
bool findings_fatal(const struct finding *findings, size_t count);

/* Does one of the certificate's names cover this DNS name? RFC 6125: a wildcard stands for one whole first label. */
bool names_cover(const struct certificate_facts *facts, const char *dns_name);

#endif
