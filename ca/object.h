/* OBJECT of the command line: what a text may mean. Bare decimal digits are always a RequestID, exactly 32 hex digits a
 * serial, 40 a SHA-1 and 64 a SHA-256 fingerprint, colons allowed; "req:", "sn:" and "fp:" say it outright. Pure. */
#ifndef CHANCERY_OBJECT_H
#define CHANCERY_OBJECT_H

#include <stddef.h>
#include <stdint.h>

#include "ca/base/error.h"

enum object_kind { OBJECT_REQUEST = 1, OBJECT_SERIAL, OBJECT_SHA1, OBJECT_SHA256 };

struct object {
    enum object_kind kind;
    uint64_t id;        /* OBJECT_REQUEST */
    uint8_t octets[32]; /* serial without leading zeros, or the digest */
    size_t size;
};

/* USAGE "object.form" with what may be written, or REFUSED "object.ambiguous" with the readings. */
int object_parse(const char *text, struct object *out, struct error *error);

#endif
