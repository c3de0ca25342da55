/* Request intake: limits by the walker before any parser, then what GnuTLS interprets; proof of possession. RFC 2986. */
#ifndef CHANCERY_X509_PKCS10_H
#define CHANCERY_X509_PKCS10_H

#include "ca/request.h"

#define PKCS10_SIZE_MAX 65536
#define PKCS10_EXTENSIONS_MAX 32
#define PKCS10_NAMES_MAX 100
#define PKCS10_RDNS_MAX 64

struct pkcs10 {
    char *subject; /* RFC 4514, most specific RDN first as LDAP writes it; "" none */
    struct general_name *names; /* SANs of every extensionRequest attribute (RFC 2985 and Microsoft's) */
    size_t name_count;
    struct extension *extensions; /* all of them, origin ORIGIN_REQUEST */
    size_t extension_count;
    struct buf spki;            /* DER */
    uint8_t spki_sha256[32];
    uint8_t sha256[32];         /* of the whole PKCS#10 */
    char key_algorithm[16];     /* "rsa" "ecdsa" "ed25519" */
    unsigned key_bits;
    char key_text[32];          /* "ECDSA P-256" */
};
/* BAD_DATA with reason "request.size", "request.der", "request.extensions", "request.signature", "request.signature_algorithm", …;
 * DENIED-worthy weaknesses of keys (size, exponent, type) are "key.…" with BAD_DATA as well. */
int pkcs10_read(struct bytes der, struct pkcs10 *out, struct error *error);
void pkcs10_free(struct pkcs10 *pkcs10);

/* Client side: makes a key (PKCS#8 PEM) and a PKCS#10. subject RFC 4514, names as "dns:…", "email:…", "ip:…", "upn:…". */
int pkcs10_make(const char *key_pem, const char *subject, const struct strings *names, struct buf *der, struct error *error);
int key_make_pem(const char *type, struct buf *pem, struct error *error); /* unencrypted PKCS#8 */
/* For the CA's own request (init --csr-out): CertificationRequestInfo over this SPKI, CA:TRUE asked for; then the signed whole. */
int pkcs10_build_info(const char *subject, struct bytes spki, int path_length, struct buf *info, struct error *error);
int pkcs10_assemble(struct bytes info, struct bytes algorithm, struct bytes signature, struct buf *out, struct error *error);

#endif
