/* Fingerprints for people: SHA-256 as eight lettered blocks, and their comparison by machine. */
#ifndef CHANCERY_TUI_FINGERPRINT_H
#define CHANCERY_TUI_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/base/buf.h"

/* Blocks that stand in one row of this width: 4 (the form of the manual: two rows), 3, 2 or 1. */
int fingerprint_per_row(int width);
/* Row number `row` of the lettered blocks, per_row in each: "a 52E0 B91C   b 0D7F 6A38". false: there is no such row. */
bool fingerprint_row(const uint8_t sha256[32], int per_row, int row, struct buf *out);
/* SHA-1 as Windows groups it: "3D0B A1F6 9C27 …". */
void fingerprint_sha1(const uint8_t sha1[20], struct buf *out);

enum fingerprint_match { FINGERPRINT_MATCH, FINGERPRINT_DIFFERENT, FINGERPRINT_UNREADABLE, FINGERPRINT_NO_SHA1 };
struct fingerprint_result {
    enum fingerprint_match match;
    bool sha1;          /* the digest that was recognised */
    char blocks[9];     /* letters of the SHA-256 blocks that differ; of SHA-1: numbers of the groups 1-5 */
};
/* Text in any form: hex with or without separators and labels ("SHA256 Fingerprint=…"), lettered blocks, base64. */
struct fingerprint_result fingerprint_compare(const char *text, const uint8_t sha256[32], const uint8_t *sha1);

#endif
