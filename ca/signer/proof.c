/* The challenge's DER, made and recognised. */
#include "config.h"

#include "ca/signer/proof.h"

#include <gnutls/crypto.h>

#include "ca/x509/walk.h"

#define PROOF_LABEL "chancery key proof 1"

int proof_make(struct buf *der, struct error *error)
{
    uint8_t challenge[PROOF_CHALLENGE_SIZE];
    size_t mark;

    if (gnutls_rnd(GNUTLS_RND_NONCE, challenge, sizeof challenge) != 0)
        return error_set(error, INTERNAL, "signer.random", "no random octets for a challenge");
    mark = der_open(der, DER_SEQUENCE);
    der_add(der, DER_UTF8, bytes_of_text(PROOF_LABEL));
    der_add(der, DER_OCTETS, bytes_of(challenge, sizeof challenge));
    der_close(der, mark);
    return der->failed ? error_memory(error) : OK;
}

bool proof_is(struct bytes der)
{
    struct bytes rest;
    struct tlv label, challenge;

    return walk_only(der, DER_SEQUENCE, &rest) == OK && walk_expect(&rest, DER_UTF8, &label) == OK &&
           walk_expect(&rest, DER_OCTETS, &challenge) == OK && rest.size == 0 && challenge.content.size == PROOF_CHALLENGE_SIZE &&
           bytes_equal(label.content, bytes_of_text(PROOF_LABEL));
}
