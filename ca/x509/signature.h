/* Signatures over octets that are no certificate, checked with a key alone. */
#ifndef CHANCERY_X509_SIGNATURE_H
#define CHANCERY_X509_SIGNATURE_H

#include "ca/base/buf.h"
#include "ca/base/error.h"

/* Was `signature` (octets of the BIT STRING) made over the octets by the key of this SubjectPublicKeyInfo, with the algorithm that CA
 * keys of its kind sign with (key_signature_algorithm)? OK, REFUSED "signature.wrong", BAD_DATA "key.form". */
int signature_check(struct bytes spki, struct bytes octets, struct bytes signature, struct error *error);

#endif
