/* A CertificationRequestInfo as the walker sees it. Shared by the reader and the lint. RFC 2986 section 4.1. */
#ifndef CHANCERY_X509_REQUEST_INFO_H
#define CHANCERY_X509_REQUEST_INFO_H

#include "ca/x509/walk.h"

struct request_info { /* everything borrowed */
    struct bytes subject, spki; /* whole elements */
    struct bytes attributes;    /* content of [0] */
};
int request_info_split(struct bytes info, struct request_info *out);
/* Takes one attribute off `rest`; values is the content of its SET. */
int request_attribute_next(struct bytes *rest, char oid[OID_TEXT_SIZE], struct bytes *values);
bool request_attributes_sorted(struct bytes attributes); /* X.690 11.6 */

#endif
