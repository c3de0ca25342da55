/* The sanitiser: text from outside becomes text that may be shown. Used by the console, the command line, the log and
 * mails. Everything that is not on the allow list becomes <U+XXXX> (an octet that is not UTF-8: <XX>): controls, format
 * characters, separators, any space but U+0020, default-ignorables, private use, unassigned, a second combining mark. */
#ifndef CHANCERY_BASE_TEXT_H
#define CHANCERY_BASE_TEXT_H

#include "ca/base/buf.h"

/* Appends the sanitised form of size octets (NUL is data). Returns how many scalars were escaped. */
size_t text_sanitise(struct buf *out, const char *text, size_t size);
/* As above, into a new string (free it); NULL only without memory. */
char *text_safe(const char *text);
/* One scalar at text[0..size): its octet count (0 at the end; an octet that is not UTF-8: 1 and 0xDC00 + octet), *scalar set and *allowed by the rule above (without the combining count). */
size_t text_scalar(const char *text, size_t size, uint32_t *scalar, bool *allowed);
bool text_is_utf8(const char *text, size_t size);
bool text_is_printable_string(const char *text, size_t size); /* X.680 PrintableString */
bool text_equal_nocase(const char *a, const char *b);          /* ASCII; NULLs equal each other only */
/* RFC 4514 escaping of one attribute value. */
void text_dn_escape(struct buf *out, const char *value, size_t size);
/* "A-label in preferred syntax": RFC 1034 3.5 as RFC 5280 4.2.1.6 asks; wildcard only when allowed and as a whole first label. */
bool text_is_dns_name(const char *text, bool wildcard_allowed);

#endif
