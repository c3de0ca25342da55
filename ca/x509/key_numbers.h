/* What a public key's numbers give away, and whether they are a key at all. Pure; nothing here reads DER, a file or a clock. */
#ifndef CHANCERY_X509_KEY_NUMBERS_H
#define CHANCERY_X509_KEY_NUMBERS_H

#include "ca/base/buf.h"

#define RSA_SMALL_FACTOR_LIMIT 8192 /* NIST SP 800-89 5.3.3 asks for 752; up to here it costs nothing more */
#define RSA_FERMAT_ROUNDS 100

/* Moduli are big-endian, without sign, at least two octets. */
/* The smallest prime factor below the limit; 0: none. */
unsigned rsa_small_factor(struct bytes modulus);
/* Has it the fingerprint of a key of Infineon's RSALib (CVE-2017-15361)? One sound key in some 150 million has it by chance. */
bool rsa_is_roca(struct bytes modulus);
/* Do RSA_FERMAT_ROUNDS of Fermat's method factor it (CVE-2022-26320)? */
bool rsa_primes_are_close(struct bytes modulus);

/* Is 04 || x || y on P-256, P-384 or P-521 (by bits)? Coordinates at or above the field's prime are not. False for other sizes. */
bool point_is_on_curve(unsigned bits, struct bytes point);
/* Are the 32 octets a point of edwards25519 in its one form, and not one of the eight of small order? RFC 8032 5.1.3. */
bool ed25519_point_is_good(struct bytes point);

#endif
