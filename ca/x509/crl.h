/* Making TBSCertLists of any size (to a descriptor, constant memory) and walking CRLs. RFC 5280 section 5. */
#ifndef CHANCERY_X509_CRL_H
#define CHANCERY_X509_CRL_H

#include "ca/x509/certificate.h"

struct crl_entry {
    struct serial serial;
    int64_t revoked_at, invalid_since; /* 0: none */
    int reason;                        /* 0: the extension is left out */
};
struct crl_form {
    uint64_t number;
    int64_t this_update, next_update;
    uint64_t delta_base;      /* 0: complete */
    const char *partition_url; /* issuingDistributionPoint, NULL: none */
    struct strings freshest_urls;
};
struct crl_writer;
/* Entries to a memfd as they come, then the header; finish returns a sealed memfd with the TBSCertList. */
int crl_writer_open(const struct issuer *issuer, const struct crl_form *form, struct crl_writer **out, struct error *error);
int crl_writer_add(struct crl_writer *writer, const struct crl_entry *entry);
int crl_writer_finish(struct crl_writer *writer, int *tbs_fd, size_t *size, uint64_t *entries, struct error *error); /* frees the writer */
void crl_writer_abandon(struct crl_writer *writer);
/* New sealed memfd with the whole CRL. */
int crl_assemble(int tbs_fd, size_t tbs_size, struct bytes algorithm, struct bytes signature, int *crl_fd, size_t *size, struct error *error);

struct crl_facts {
    struct bytes issuer_name; /* Name DER, borrowed from the input */
    struct bytes algorithm;   /* AlgorithmIdentifier inside the TBS */
    uint64_t number, delta_base;
    int64_t this_update, next_update;
    uint64_t entries;
    struct bytes authority_key_id;
    bool has_number;
};
/* Strict, one pass, no allocation: every entry's form, order of fields, extensions known and with prescribed criticality. */
int crl_tbs_walk(struct bytes tbs, struct crl_facts *out, struct error *error);
/* A whole CRL: the TBS as above, and where it stands. */
int crl_walk(struct bytes crl, struct crl_facts *out, struct bytes *tbs, struct error *error);
/* For each entry of a TBS that crl_tbs_walk accepted. */
int crl_tbs_each(struct bytes tbs, int (*each)(const struct crl_entry *, void *), void *argument);

/* OK when the whole CRL is signed by the key of the certificate; REFUSED "crl.signature" otherwise. The CRL passed crl_walk. */
int crl_check_signature(struct bytes crl, struct bytes issuer_der, struct error *error);

#endif
