/* The DER writer: lengths are patched in when an element is closed.
 * It writes what it is told; whether that may be in a certificate is for extension.c, name.c and lint.c. */
#include "ca/x509/der.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

size_t der_header(uint8_t header[DER_HEADER_MAX], uint8_t tag, uint64_t length)
{
    size_t octets = 0;

    header[0] = tag;
    if (length < 0x80) {
        header[1] = (uint8_t)length;
        return 2;
    }
    for (uint64_t left = length; left > 0; left >>= 8)
        octets++;
    header[1] = (uint8_t)(0x80 | octets);
    for (size_t i = 0; i < octets; i++)
        header[2 + i] = (uint8_t)(length >> (8 * (octets - 1 - i)));
    return 2 + octets;
}

size_t der_open(struct buf *out, uint8_t tag)
{
    size_t mark = out->size;

    buf_add_byte(out, tag);
    buf_add_byte(out, 0);
    return mark;
}

void der_close(struct buf *out, size_t mark)
{
    uint8_t header[DER_HEADER_MAX];
    size_t length, size;

    if (out->failed || out->size < mark + 2)
        return;
    length = out->size - mark - 2;
    size = der_header(header, out->data[mark], length);
    if (size > 2) {
        if (buf_reserve(out, size - 2) == NULL)
            return;
        memmove(out->data + mark + size, out->data + mark + 2, length);
        out->size += size - 2;
        out->data[out->size] = 0;
    }
    memcpy(out->data + mark, header, size);
}

void der_add(struct buf *out, uint8_t tag, struct bytes content)
{
    uint8_t header[DER_HEADER_MAX];

    buf_add(out, header, der_header(header, tag, content.size));
    buf_add(out, content.data, content.size);
}

void der_add_boolean(struct buf *out, bool value)
{
    uint8_t octet = value ? 0xff : 0;

    der_add(out, DER_BOOLEAN, bytes_of(&octet, 1));
}

void der_add_null(struct buf *out)
{
    der_add(out, DER_NULL, bytes_of(NULL, 0));
}

static void add_unsigned(struct buf *out, uint8_t tag, struct bytes value)
{
    static const uint8_t zero = 0;
    uint8_t header[DER_HEADER_MAX];
    bool pad;

    while (value.size > 1 && value.data[0] == 0) {
        value.data++;
        value.size--;
    }
    if (value.size == 0)
        value = bytes_of(&zero, 1);
    pad = (value.data[0] & 0x80) != 0;
    buf_add(out, header, der_header(header, tag, value.size + pad));
    if (pad)
        buf_add_byte(out, 0);
    buf_add(out, value.data, value.size);
}

void der_add_unsigned(struct buf *out, struct bytes value)
{
    add_unsigned(out, DER_INTEGER, value);
}

void der_add_number(struct buf *out, uint8_t tag, uint64_t value)
{
    uint8_t octets[8];

    for (size_t i = 0; i < sizeof(octets); i++)
        octets[i] = (uint8_t)(value >> (8 * (sizeof(octets) - 1 - i)));
    add_unsigned(out, tag, bytes_of(octets, sizeof(octets)));
}

void der_add_bits(struct buf *out, unsigned unused, struct bytes bits)
{
    uint8_t header[DER_HEADER_MAX];

    buf_add(out, header, der_header(header, DER_BITS, bits.size + 1));
    buf_add_byte(out, (uint8_t)unused);
    buf_add(out, bits.data, bits.size);
}

void der_add_named_bits(struct buf *out, unsigned usage)
{
    uint8_t octets[2] = {(uint8_t)usage, (uint8_t)(usage >> 8)};
    size_t size = octets[1] != 0 ? 2 : octets[0] != 0 ? 1 : 0;
    unsigned unused = 0;

    while (size > 0 && ((octets[size - 1] >> unused) & 1) == 0)
        unused++;
    der_add_bits(out, unused, bytes_of(octets, size));
}

/* One decimal arc; arcs under 2.25 are UUIDs and need 128 bits. */
static int arc_parse(const char **text, unsigned __int128 *arc)
{
    const unsigned __int128 most = ~(unsigned __int128)0;
    const char *at = *text;

    if (*at < '0' || *at > '9' || (at[0] == '0' && at[1] >= '0' && at[1] <= '9'))
        return BAD_DATA;
    for (*arc = 0; *at >= '0' && *at <= '9'; at++) {
        unsigned digit = (unsigned)(*at - '0');

        if (*arc > (most - digit) / 10)
            return BAD_DATA;
        *arc = *arc * 10 + digit;
    }
    *text = at;
    return OK;
}

static void arc_add(struct buf *out, unsigned __int128 arc)
{
    uint8_t octets[19];
    size_t at = sizeof(octets);

    octets[--at] = (uint8_t)(arc & 0x7f);
    while ((arc >>= 7) != 0)
        octets[--at] = (uint8_t)(0x80 | (arc & 0x7f));
    buf_add(out, octets + at, sizeof(octets) - at);
}

/* The first two arcs share one number, X.690 8.19.4. */
static int first_arcs(const char **text, unsigned __int128 *joined)
{
    unsigned __int128 first, second;

    if (arc_parse(text, &first) != OK || first > 2 || **text != '.')
        return BAD_DATA;
    (*text)++;
    if (arc_parse(text, &second) != OK || (first < 2 && second > 39) || second > ~(unsigned __int128)0 - 80)
        return BAD_DATA;
    *joined = first * 40 + second;
    return OK;
}

int der_add_oid(struct buf *out, uint8_t tag, const char *dotted)
{
    size_t before = out->size, mark;
    unsigned __int128 arc;
    int status = BAD_DATA;

    mark = der_open(out, tag);
    if (first_arcs(&dotted, &arc) != OK)
        goto out;
    arc_add(out, arc);
    while (*dotted == '.') {
        dotted++;
        if (arc_parse(&dotted, &arc) != OK)
            goto out;
        arc_add(out, arc);
    }
    if (*dotted == '\0')
        status = OK;
out:
    der_close(out, mark);
    if (status != OK && !out->failed)
        out->size = before;
    return status;
}

static int broken_down(int64_t at, struct tm *tm)
{
    time_t seconds = (time_t)at;

    if (gmtime_r(&seconds, tm) == NULL || tm->tm_year + 1900 < 1950 || tm->tm_year + 1900 > 9999)
        return BAD_DATA;
    return OK;
}

int der_add_generalized_time(struct buf *out, uint8_t tag, int64_t at)
{
    char text[32];
    struct tm tm;
    size_t size;

    if (broken_down(at, &tm) != OK || (size = strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm)) != 15)
        return BAD_DATA;
    der_add(out, tag, bytes_of(text, size));
    return OK;
}

int der_add_time(struct buf *out, int64_t at)
{
    char text[32];
    struct tm tm;
    size_t size;

    if (broken_down(at, &tm) != OK)
        return BAD_DATA;
    if (tm.tm_year + 1900 >= 2050)
        return der_add_generalized_time(out, DER_TIME, at);
    if ((size = strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm)) != 15)
        return BAD_DATA;
    der_add(out, DER_UTC_TIME, bytes_of(text + 2, size - 2)); /* without the century */
    return OK;
}
