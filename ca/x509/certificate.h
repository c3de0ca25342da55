/* Forming certificates (TBSCertificate by our DER writer), assembling them, and reading what is needed of one. RFC 5280. */
#ifndef CHANCERY_X509_CERTIFICATE_H
#define CHANCERY_X509_CERTIFICATE_H

#include "ca/request.h"

/* The CA as an issuer: made once at start from its certificate, immutable then. */
struct issuer {
    struct buf certificate; /* DER */
    struct buf name;        /* Name DER of its subject */
    struct buf spki;
    struct buf algorithm;   /* AlgorithmIdentifier DER of its signatures */
    uint8_t key_id[20];     /* its SKI value */
    struct buf key_id_value; /* SKI as in its certificate (any length) */
    char *subject;          /* RFC 4514 */
    int64_t not_before, not_after;
    unsigned certificate_index, key_index;
    struct strings cdp_urls, aia_urls, ocsp_urls; /* expanded patterns */
};
int issuer_from_certificate(struct bytes der, struct issuer *out, struct error *error);
void issuer_free(struct issuer *issuer);

struct certificate_form { /* what goes into one TBSCertificate */
    const struct properties *properties;
    struct bytes spki;
    struct serial serial;
    int64_t not_before, not_after;
};
/* Certificate for a request. Extensions in a fixed order; SAN critical exactly when the subject is empty. BAD_DATA when a name or
 * value cannot be encoded (reason "certificate.name" …). */
int certificate_build_tbs(const struct issuer *issuer, const struct certificate_form *form, struct buf *tbs, struct error *error);
/* Does it say whose key it is or who signed? Such an extension is formed by the engine alone. */
bool certificate_extension_ours(const char *oid);
struct ca_form { /* a certificate of the CA's own name: self-signed, or one of its keys certified by another */
    struct bytes name;             /* Name DER, issuer and subject */
    struct bytes spki, algorithm;  /* the subject's key; the signing key's algorithm */
    struct bytes authority_key_id; /* of the signing key; empty: self-signed, and without AKI */
    struct serial serial;
    int64_t not_before, not_after;
    int path_length;               /* -1: none */
    unsigned certificate_index, key_index;
};
/* CA:TRUE critical, keyCertSign|cRLSign|digitalSignature, SKI, CA version. */
int certificate_build_ca_tbs(const struct ca_form *form, struct buf *tbs, struct error *error);
/* The first self-signed certificate of a CA; subject RFC 4514. */
int certificate_build_root_tbs(const char *subject, struct bytes spki, struct bytes algorithm, const struct serial *serial,
                               int64_t not_before, int64_t not_after, int path_length, struct buf *tbs, struct error *error);
/* SEQUENCE { tbs, algorithm, BIT STRING signature } */
int certificate_assemble(struct bytes tbs, struct bytes algorithm, struct bytes signature, struct buf *der, struct error *error);
int serial_generate(struct serial *out, struct error *error); /* 16 octets, positive, at least 120 bits of entropy */

struct certificate_facts { /* read by GnuTLS after the walker's limits */
    char *subject, *issuer; /* RFC 4514 */
    struct buf subject_name, issuer_name; /* Name DER */
    struct serial serial;
    int64_t not_before, not_after;
    struct general_name *names;
    size_t name_count;
    struct strings ekus;
    unsigned key_usage;     /* 0: none */
    bool ca, self_signed;   /* self_signed: issuer == subject and the signature verifies with its own key */
    int path_length;
    struct buf key_id, authority_key_id; /* empty: none */
    struct buf spki;
    uint8_t spki_sha256[32], sha1[20], sha256[32];
    char key_text[32];
    struct extension *extensions; /* all, origin 0 */
    size_t extension_count;
};
#define CERTIFICATE_SIZE_MAX 131072
int certificate_read(struct bytes der, struct certificate_facts *out, struct error *error);
void certificate_facts_free(struct certificate_facts *facts);
/* OK when `der` is signed by the key of `issuer_der`; REFUSED "certificate.signature" otherwise. */
int certificate_check_signature(struct bytes der, struct bytes issuer_der, struct error *error);
/* Does spki (DER) equal the certificate's? */
void sha256_of(struct bytes in, uint8_t out[32]);
void sha1_of(struct bytes in, uint8_t out[20]);
/* Readable text of everything in a certificate or request (as certtool prints it), for `show --text`. */
int certificate_print(struct bytes der, struct buf *out, struct error *error);

#endif
