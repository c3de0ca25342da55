/* OBJECT of the command line: what a text may mean.
 * The reading is by form alone; whether there is such an object is the authority's to say. */
#include "ca/object.h"

#include <string.h>
#include <strings.h>

#include "ca/base/buf.h"
#include "ca/base/encode.h"

#define SERIAL_OCTETS_MAX 20

struct form { /* how many octets of hexadecimal mean what */
    size_t octets;
    enum object_kind kind;
    const char *prefix;
};
static const struct form forms[] = {
    {16, OBJECT_SERIAL, "sn:"},
    {20, OBJECT_SHA1, "fp:"},
    {32, OBJECT_SHA256, "fp:"},
};
#define FORM_COUNT (sizeof forms / sizeof forms[0])

static int form_error(const char *text, struct error *error)
{
    return error_set(error, USAGE, "object.form",
                     "\"%.80s\" names no object: write a RequestID (17), a serial of 32 hex digits, a fingerprint of 40 or 64 hex "
                     "digits, or req:, sn: or fp: before it", text);
}

static const struct form *form_find(size_t octets)
{
    for (size_t i = 0; i < FORM_COUNT; i++)
        if (forms[i].octets == octets)
            return &forms[i];
    return NULL;
}

/* The hex digits without colons, with a zero in front of an odd number of them. */
static int hex_octets(const char *text, uint8_t *out, size_t room, size_t *size)
{
    char digits[2 * 64 + 2];
    size_t n = 0;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at == ':')
            continue;
        if (strchr("0123456789abcdefABCDEF", *at) == NULL || n >= 2 * room)
            return BAD_DATA;
        digits[n++] = *at;
    }
    if (n == 0)
        return BAD_DATA;
    digits[n] = '\0';

    char even[2 * 64 + 3] = "0";
    memcpy(even + n % 2, digits, n + 1);
    struct buf octets = BUF_EMPTY;
    int status = hex_decode(&octets, even, n + n % 2);
    if (status == OK && octets.size <= room && !octets.failed) {
        memcpy(out, octets.data, octets.size);
        *size = octets.size;
    } else {
        status = BAD_DATA;
    }
    buf_free(&octets);
    return status;
}

static int parse_id(const char *text, const char *digits, struct object *out, struct error *error)
{
    if (number_parse(digits, &out->id) != OK || out->id == 0)
        return form_error(text, error);
    out->kind = OBJECT_REQUEST;
    return OK;
}

static int parse_serial(const char *text, const char *hex, struct object *out, struct error *error)
{
    uint8_t octets[32]; /* zeros in front are dropped */
    size_t size = 0, zeros = 0;

    if (hex_octets(hex, octets, sizeof octets, &size) != OK)
        return form_error(text, error);
    while (zeros + 1 < size && octets[zeros] == 0)
        zeros++;
    if (size - zeros > SERIAL_OCTETS_MAX)
        return form_error(text, error);
    out->kind = OBJECT_SERIAL;
    out->size = size - zeros;
    memcpy(out->octets, octets + zeros, out->size);
    return OK;
}

static int parse_fingerprint(const char *text, const char *hex, struct object *out, struct error *error)
{
    if (hex_octets(hex, out->octets, sizeof out->octets, &out->size) != OK)
        return form_error(text, error);
    const struct form *form = form_find(out->size);
    if (form == NULL || form->kind == OBJECT_SERIAL)
        return form_error(text, error);
    out->kind = form->kind;
    return OK;
}

/* Decimal digits that are too many for a RequestID, but as many as a serial or a fingerprint has. */
static int decimal(const char *text, struct object *out, struct error *error)
{
    size_t digits = strlen(text);
    const struct form *form = digits % 2 == 0 ? form_find(digits / 2) : NULL;

    if (form != NULL && number_parse(text, &out->id) != OK)
        return error_set(error, REFUSED, "object.ambiguous",
                         "\"%s\" can be read in two ways: req:%s (too large for a RequestID) or %s%s; write which one is meant",
                         text, text, form->prefix, text);
    return parse_id(text, text, out, error);
}

static int bare_hex(const char *text, struct object *out, struct error *error)
{
    if (hex_octets(text, out->octets, sizeof out->octets, &out->size) != OK)
        return form_error(text, error);
    size_t digits = 0;
    for (const char *at = text; *at != '\0'; at++)
        digits += *at != ':';
    const struct form *form = digits % 2 == 0 ? form_find(digits / 2) : NULL;
    if (form == NULL)
        return form_error(text, error);
    return form->kind == OBJECT_SERIAL ? parse_serial(text, text, out, error) : parse_fingerprint(text, text, out, error);
}

int object_parse(const char *text, struct object *out, struct error *error)
{
    memset(out, 0, sizeof *out);
    if (strncasecmp(text, "req:", 4) == 0)
        return parse_id(text, text + 4, out, error);
    if (strncasecmp(text, "sn:", 3) == 0)
        return parse_serial(text, text + 3, out, error);
    if (strncasecmp(text, "fp:", 3) == 0)
        return parse_fingerprint(text, text + 3, out, error);
    if (*text != '\0' && text[strspn(text, "0123456789")] == '\0')
        return decimal(text, out, error);
    return bare_hex(text, out, error);
}
