/* What a TLS priority string may allow. Pure. */
#ifndef CHANCERY_DIRECTORY_TLS_H
#define CHANCERY_DIRECTORY_TLS_H

#include "ca/base/error.h"

/* OK, or BAD_CONFIG "directory.tls" naming what the string lets in that must stay out: TLS below 1.2; NULL, RC4, DES, 3DES and export
 * ciphers; anonymous key exchange; MD5; and what turns a check off. Also when it allows nothing at all. */
int tls_priority_check(const char *section, const char *priority, struct error *error);

#endif
