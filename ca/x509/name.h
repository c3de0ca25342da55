/* Distinguished names (RFC 4514 text <-> X.501 DER) and subject alternative names (struct general_name <-> GeneralNames).
 * Text has the most specific RDN first, as LDAP writes it; DER has the root first. Pure. RFC 5280 4.1.2.4, 4.2.1.6. */
#ifndef CHANCERY_X509_NAME_H
#define CHANCERY_X509_NAME_H

#include "ca/x509/walk.h"

#define NAME_RDNS_MAX 64
#define GENERAL_NAME_SIZE_MAX 2048 /* octets of one alternative name */

/* "" gives the empty SEQUENCE. Known types get the string type and the upper bounds of RFC 5280; dotted OIDs become
 * UTF8String, or what "#hex" says. BAD_DATA with `reason`. */
int name_from_text(const char *text, const char *reason, struct buf *der, struct error *error);
/* Tolerant: whatever is well-formed gets a text that name_from_text reads back or that is at least unambiguous: types or
 * values that cannot be said become OID=#hex. *text is the caller's to free. BAD_DATA when it is not a Name at all. */
int name_to_text(struct bytes der, char **text, struct error *error);

enum name_rules {
    NAME_REQUEST, /* what may come in: bounded, known string types, no NUL or control characters */
    NAME_ISSUE    /* what we sign: also the string types and upper bounds that RFC 5280 prescribes */
};
/* OK, or BAD_DATA with a sentence in *what (a constant). der is the whole Name. */
int name_check(struct bytes der, enum name_rules rules, const char **what);

/* GeneralNames for a SAN extension. NAME_OTHER cannot be written. BAD_DATA with `reason`. */
int general_names_add(struct buf *out, const struct general_name *names, size_t count, const char *reason, struct error *error);
/* Appends the names of a GeneralNames element, *count never above limit. Strings are checked: IA5 without control characters,
 * UTF-8 where UPNs are. BAD_DATA and a sentence in *what (a constant); INTERNAL without memory. */
int general_names_read(struct bytes value, size_t limit, struct general_name **names, size_t *count, const char **what);
void general_names_free(struct general_name *names, size_t count);

#endif
