/* SubjectPublicKeyInfo: what kind of key it is, whether it may be certified, what its signatures are called; and digests.
 * Pure. RFC 3279, 5480, 8410. */
#ifndef CHANCERY_X509_KEY_H
#define CHANCERY_X509_KEY_H

#include "ca/x509/walk.h"

enum key_kind { KEY_UNKNOWN, KEY_RSA, KEY_ECDSA, KEY_ED25519 };
#define KEY_RSA_BITS_MIN 2048
#define KEY_RSA_BITS_MAX 16384

struct key_facts {
    enum key_kind kind;
    unsigned bits;
    char algorithm[16];        /* "rsa", "ecdsa", "ed25519"; "unknown" */
    char text[32];             /* "RSA 2048", "ECDSA P-256", "Ed25519" */
    struct bytes bits_octets;  /* of the subjectPublicKey BIT STRING, borrowed */
    struct bytes modulus, exponent; /* of an RSA key, borrowed, without leading zeros */
};
/* Describes, does not judge. BAD_DATA "key.form" when it is not a SubjectPublicKeyInfo. */
int key_describe(struct bytes spki, struct key_facts *out, struct error *error);
/* May it be certified? BAD_DATA with "key.type", "key.size", "key.exponent", "key.modulus",
 * "key.small_factor", "key.roca", "key.close_primes", "key.curve", "key.point", "key.library". */
int key_check(struct bytes spki, struct key_facts *out, struct error *error);
/* SHA-1 of the subjectPublicKey's octets, RFC 5280 4.2.1.2 method (1). */
int key_identifier(struct bytes spki, uint8_t out[20], struct error *error);
/* AlgorithmIdentifier DER of the signatures that a CA key of this kind makes: RSA with SHA-256, ECDSA with the hash that
 * fits the curve, Ed25519. */
int key_signature_algorithm(struct bytes spki, struct buf *algorithm, struct error *error);

#endif
