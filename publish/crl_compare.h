/* Which of two CRLs stands: the one to publish or the one that is there already. Pure. */
#ifndef CHANCERY_PUBLISH_CRL_COMPARE_H
#define CHANCERY_PUBLISH_CRL_COMPARE_H

#include "ca/base/buf.h"
#include "ca/base/error.h"

enum crl_place { /* what to do with the CRL that is to be published */
    CRL_REPLACES = 1, /* there is none, an older one, or something that is no CRL */
    CRL_IS_THERE,     /* octet for octet */
    CRL_OLDER,        /* there is one of this CA with a higher number: an older one never wins */
    CRL_FOREIGN       /* there is one of another CA */
};
/* `there` may be hostile. BAD_DATA when ours is not a CRL with a number. */
int crl_compare(struct bytes ours, struct bytes there, enum crl_place *out, struct error *error);
/* The sentence for CRL_OLDER and CRL_FOREIGN; `where` is the entry or file. */
int crl_place_error(enum crl_place place, const char *where, struct error *error);
/* Reads the whole of a CRL's memfd. */
int crl_read_fd(int fd, struct buf *out, struct error *error);

#endif
