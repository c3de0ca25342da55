/* A signature over plain octets, by the public key alone. */
#ifndef CHANCERY_X509_KEY_VERIFY_H
#define CHANCERY_X509_KEY_VERIFY_H

#include "ca/base/buf.h"
#include "ca/base/error.h"

/* Is it this key's, with the digest that its kind signs with here (key_signature_algorithm)? REFUSED "key.signature" otherwise. */
int key_verify(struct bytes spki, struct bytes data, struct bytes signature, struct error *error);

#endif
