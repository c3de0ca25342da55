/* The DER writer: appends TLVs to a buf. Errors are the buf's own (sticky `failed`); only what has a form of its own to be
 * wrong in (an OID's text, a year) returns a status. X.690 section 10. */
#ifndef CHANCERY_X509_DER_H
#define CHANCERY_X509_DER_H

#include "ca/base/buf.h"
#include "ca/base/error.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BITS = 0x03,
    DER_OCTETS = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_UTF8 = 0x0c,
    DER_NUMERIC = 0x12,
    DER_PRINTABLE = 0x13,
    DER_TELETEX = 0x14,
    DER_IA5 = 0x16,
    DER_UTC_TIME = 0x17,
    DER_TIME = 0x18, /* GeneralizedTime */
    DER_VISIBLE = 0x1a,
    DER_UNIVERSAL = 0x1c,
    DER_BMP = 0x1e,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31
};
#define DER_CONTEXT(n) ((uint8_t)(0x80 | (n)))       /* [n] IMPLICIT of a primitive */
#define DER_CONTEXT_OPEN(n) ((uint8_t)(0xa0 | (n)))  /* [n] EXPLICIT, or IMPLICIT of a constructed */
#define DER_HEADER_MAX 10

/* What lies between open and close becomes the content. The mark is only good for its own close. */
size_t der_open(struct buf *out, uint8_t tag);
void der_close(struct buf *out, size_t mark);
/* Tag and length alone; returns how many octets of header were written. */
size_t der_header(uint8_t header[DER_HEADER_MAX], uint8_t tag, uint64_t length);
void der_add(struct buf *out, uint8_t tag, struct bytes content);
void der_add_boolean(struct buf *out, bool value);
void der_add_null(struct buf *out);
void der_add_number(struct buf *out, uint8_t tag, uint64_t value); /* DER_INTEGER or DER_ENUMERATED */
void der_add_unsigned(struct buf *out, struct bytes value);        /* INTEGER of big-endian octets, leading zeros dropped */
void der_add_bits(struct buf *out, unsigned unused, struct bytes bits);
void der_add_named_bits(struct buf *out, unsigned usage); /* enum key_usage; trailing zero bits dropped, X.690 11.2.2 */
int der_add_oid(struct buf *out, uint8_t tag, const char *dotted); /* OK or BAD_DATA; tag DER_OID or an implicit one */
int der_add_time(struct buf *out, int64_t at); /* RFC 5280 4.1.2.5: UTCTime before 2050, else GeneralizedTime */
int der_add_generalized_time(struct buf *out, uint8_t tag, int64_t at);

#endif
