/* index.txt of `openssl ca`, line by line: six fields with a tab between. Pure; nothing in it is believed, and no path is made of
 * what it says but from the serial's hexadecimal digits. */
#ifndef CHANCERY_INDEX_H
#define CHANCERY_INDEX_H

#include "ca/base/buf.h"
#include "ca/base/error.h"

#define INDEX_LINE_MAX 8192
#define INDEX_SERIAL_MAX 40 /* digits: 20 octets */
struct index_line {
    char state;                        /* V, R or E */
    char serial[INDEX_SERIAL_MAX + 1]; /* upper case, an even number of digits, as openssl names its files */
    int64_t revoked_at, invalid_since; /* with R; 0: not given */
    const char *reason;                /* with R: RFC 5280 name */
};
/* OK, or BAD_DATA "import.index" with what is wrong. text has no newline. */
int index_line_read(const char *text, size_t size, struct index_line *out, struct error *error);
/* UTCTime or GeneralizedTime in digits, Z at the end. */
int index_time_read(const char *text, size_t size, int64_t *at);
/* A number file (crlnumber): hexadecimal digits and white space. BAD_DATA also when it is larger than 64 bits. */
int index_number_read(const char *text, size_t size, uint64_t *out);

#endif
