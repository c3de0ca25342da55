/* `chanceryd --new-key`: a further key for a CA that is there, with no daemon alive: the key made as the signer's user, named in
 * signer.conf as root, its certificate signed (a root) or asked for from the parent, recorded as the authority's user. Ended
 * anywhere, the CA is in its old state or in its new one, and the next run goes on from there. */
#ifndef CHANCERY_NEWKEY_H
#define CHANCERY_NEWKEY_H

#include "ca/chanceryd_conf.h"

struct newkey_options {
    const char *key_type; /* NULL: that of the present key; or a pkcs11: URI: there, of the present type */
    const char *csr_out;  /* a subordinate's request for its parent; NULL for a root, which signs itself */
    long days;            /* of a root's certificate; 0: as long as the present one */
};
/* Prints what it made to standard output. */
int newkey_run(const struct daemon_conf *conf, const struct newkey_options *options, struct error *error);

#endif
