/* The lint that stands before the key: RFC 5280 to the letter, on what is about to be signed. Pure. */
#ifndef CHANCERY_X509_LINT_H
#define CHANCERY_X509_LINT_H

#include "ca/x509/crl.h"

struct lint_limits { /* from signer.conf; what this CA's key may sign */
    struct bytes issuer_name;    /* Name DER that must be the issuer */
    struct bytes algorithm;      /* inner algorithm must be this */
    struct bytes own_spki;       /* the key that signs: only its self-signed certificate may carry it */
    const struct bytes *other_spkis; /* the CA's other keys: only certificates with the CA's own name may carry them */
    size_t other_spki_count;
    uint8_t key_id[20];          /* AKI must be this or authority_key_id */
    struct bytes authority_key_id; /* empty: key_id */
    int64_t validity_max_s;
    int64_t not_after_max;       /* 0: none */
    unsigned key_usages;         /* allowed bits */
    const struct strings *ekus;  /* allowed OIDs */
    const struct strings *ca_spki; /* hex SHA-256 of SPKIs that may be CA:TRUE */
};
/* OK, or REFUSED with "lint.…" and a sentence with the RFC section. */
int lint_certificate(struct bytes tbs, const struct lint_limits *limits, int64_t now, struct serial *serial, struct error *error);
int lint_crl(struct bytes tbs, const struct lint_limits *limits, struct crl_facts *facts, struct error *error);
int lint_pkcs10(struct bytes info, const struct lint_limits *limits, struct error *error);

#endif
