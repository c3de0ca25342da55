/* Hexadecimal, base64, PEM armour and big-endian numbers. */
#ifndef CHANCERY_BASE_ENCODE_H
#define CHANCERY_BASE_ENCODE_H

#include "ca/base/buf.h"
#include "ca/base/error.h"

void hex_encode(struct buf *out, struct bytes in);                   /* lower case */
int hex_decode(struct buf *out, const char *text, size_t size);     /* colons and blanks allowed; OK or BAD_DATA */
void base64_encode(struct buf *out, struct bytes in, size_t line);  /* line 0: one line, else wrapped with \n */
int base64_decode(struct buf *out, const char *text, size_t size);  /* white space allowed; strict otherwise */

/* PEM (RFC 7468). */
void pem_encode(struct buf *out, const char *label, struct bytes der);
/* Takes PEM with one of the labels (NULL-terminated list, the first match in the text) or, where the input begins with
 * 0x30, DER as it is. `rest`, when not NULL, gets what stands after the block. BAD_DATA with a message otherwise. */
int pem_or_der(struct bytes in, const char *const labels[], struct buf *der, struct bytes *rest, struct error *error);

void put_u32(uint8_t *to, uint32_t value); /* big-endian */
void put_u64(uint8_t *to, uint64_t value);
uint32_t get_u32(const uint8_t *from);
uint64_t get_u64(const uint8_t *from);
/* Decimal digits only, no sign, no blank, the whole text. OK or BAD_DATA. */
int number_parse(const char *text, uint64_t *out);

#endif
