/* A template in readable form, as LDIF, and the lines in which two of them differ. Pure.
 *
 *   # chancery template: User
 *   dn: cn=User,cn=templates,ou=pki,dc=example,dc=com
 *   flags: machine
 *   pKIExpirationPeriod: 365 d
 *   pKIExtendedKeyUsage: 1.3.6.1.5.5.7.3.2 (clientAuth)
 *
 * A line an attribute value, in the order of the canonical form. Words of flags, periods and key usages are spelt out; a value
 * that could not be read back the same, octet for octet, stands in base64 after two colons, as in LDIF (RFC 2849). */
#ifndef CHANCERY_TEMPLATE_TEXT_H
#define CHANCERY_TEMPLATE_TEXT_H

#include "ca/template.h"

#define TEMPLATE_TEXT_HEAD "# chancery template"

int template_to_text(const struct template *template, struct buf *out); /* appends; OK or INTERNAL */
int template_to_ldif(const struct template *template, struct buf *out);
/* The readable form of one template or several as LDIF. BAD_DATA "template.text" with the line, or what template_from_attributes says. */
int template_text_to_ldif(struct bytes text, struct buf *ldif, struct error *error);
/* The one template that the readable form holds. */
int template_from_text(struct bytes text, struct template *out, struct error *error);
/* Lines of the readable form that are only in `from` ("-…") or only in `to` ("+…"), attribute by attribute. None: the same. */
int template_diff(const struct template *from, const struct template *to, struct strings *lines);

#endif
