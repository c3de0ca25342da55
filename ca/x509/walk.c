/* The strict DER reader. No recursion, no allocation: a stack of ends, a table of forms.
 * Knows nothing of certificates: those who call say which element must stand where. */
#include "ca/x509/walk.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ca/base/text.h"

/* Reads a header at the front; says what is wrong with it, or NULL. */
static const char *header_fault(struct bytes in, struct tlv *out)
{
    size_t at = 2, length, octets;

    if (in.size < 2)
        return "an element is cut off";
    out->tag = in.data[0];
    if ((out->tag & 0x1f) == 0x1f || out->tag == 0)
        return "a tag has no place in this structure";
    length = in.data[1];
    if (length == 0x80)
        return "an indefinite length (BER, not DER)";
    if (length > 0x80) {
        octets = length & 0x7f;
        if (octets > sizeof(uint32_t) || in.size < 2 + octets)
            return octets > sizeof(uint32_t) ? "a length is absurd" : "an element is cut off";
        for (length = 0; at < 2 + octets; at++)
            length = length << 8 | in.data[at];
        if (length < 0x80 || (octets > 1 && length >> (8 * (octets - 1)) == 0))
            return "a length is not in its shortest form (BER, not DER)";
    }
    if (length > in.size - at)
        return "an element is longer than what holds it";
    out->content = bytes_of(in.data + at, length);
    out->whole = bytes_of(in.data, at + length);
    return NULL;
}

int walk_next(struct bytes *rest, struct tlv *out)
{
    if (header_fault(*rest, out) != NULL)
        return BAD_DATA;
    rest->data += out->whole.size;
    rest->size -= out->whole.size;
    return OK;
}

bool walk_is(struct bytes rest, uint8_t tag)
{
    return rest.size > 0 && rest.data[0] == tag;
}

int walk_expect(struct bytes *rest, uint8_t tag, struct tlv *out)
{
    return walk_is(*rest, tag) ? walk_next(rest, out) : BAD_DATA;
}

int walk_only(struct bytes in, uint8_t tag, struct bytes *content)
{
    struct tlv item;

    if (walk_expect(&in, tag, &item) != OK || in.size != 0)
        return BAD_DATA;
    *content = item.content;
    return OK;
}

int walk_boolean(struct bytes content, bool *value)
{
    if (content.size != 1 || (content.data[0] != 0 && content.data[0] != 0xff))
        return BAD_DATA;
    *value = content.data[0] != 0;
    return OK;
}

static bool integer_is_minimal(struct bytes content)
{
    if (content.size == 0)
        return false;
    if (content.size == 1)
        return true;
    return !(content.data[0] == 0 && (content.data[1] & 0x80) == 0) &&
           !(content.data[0] == 0xff && (content.data[1] & 0x80) != 0);
}

int walk_unsigned(struct bytes content, struct bytes *value)
{
    if (!integer_is_minimal(content) || (content.data[0] & 0x80) != 0)
        return BAD_DATA;
    *value = content;
    if (content.size > 1 && content.data[0] == 0)
        *value = bytes_of(content.data + 1, content.size - 1);
    return OK;
}

int walk_number(struct bytes content, uint64_t *value)
{
    struct bytes octets;

    if (walk_unsigned(content, &octets) != OK || octets.size > sizeof(*value))
        return BAD_DATA;
    *value = 0;
    for (size_t i = 0; i < octets.size; i++)
        *value = *value << 8 | octets.data[i];
    return OK;
}

int walk_serial(struct bytes content, struct serial *serial)
{
    struct bytes octets;

    if (content.size > SERIAL_MAX || walk_unsigned(content, &octets) != OK)
        return BAD_DATA;
    memset(serial, 0, sizeof(*serial));
    memcpy(serial->octets, octets.data, octets.size);
    serial->size = (uint8_t)octets.size;
    return OK;
}

/* Decimal digits of a 128-bit number, appended at *at. */
static void arc_write(char *text, size_t *at, unsigned __int128 arc)
{
    char digits[40];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + (int)(arc % 10));
        arc /= 10;
    } while (arc != 0);
    while (count > 0)
        text[(*at)++] = digits[--count];
}

static bool oid_is_minimal(struct bytes content)
{
    bool first = true;

    if (content.size == 0 || content.size > WALK_OID_MAX || (content.data[content.size - 1] & 0x80) != 0)
        return false;
    for (size_t i = 0; i < content.size; i++) {
        if (first && content.data[i] == 0x80)
            return false;
        first = (content.data[i] & 0x80) == 0;
    }
    return true;
}

int walk_oid(struct bytes content, char text[OID_TEXT_SIZE])
{
    unsigned __int128 arc = 0;
    size_t at = 0;

    if (!oid_is_minimal(content))
        return BAD_DATA;
    for (size_t i = 0; i < content.size; i++) {
        if (arc >> 121 != 0)
            return BAD_DATA;
        arc = arc << 7 | (content.data[i] & 0x7f);
        if ((content.data[i] & 0x80) != 0)
            continue;
        if (at == 0) { /* 40 * first + second, X.690 8.19.4 */
            unsigned first = arc < 40 ? 0 : arc < 80 ? 1 : 2;

            text[at++] = (char)('0' + first);
            arc -= 40 * first;
        }
        text[at++] = '.';
        arc_write(text, &at, arc);
        arc = 0;
    }
    text[at] = '\0';
    return OK;
}

int walk_bits(struct bytes content, unsigned *unused, struct bytes *bits)
{
    if (content.size == 0 || content.data[0] > 7 || (content.size == 1 && content.data[0] != 0))
        return BAD_DATA;
    *unused = content.data[0];
    if ((content.data[content.size - 1] & ((1u << *unused) - 1)) != 0 && content.size > 1)
        return BAD_DATA;
    *bits = bytes_of(content.data + 1, content.size - 1);
    return OK;
}

int walk_usage(struct bytes content, enum walk_rules rules, unsigned *usage)
{
    struct bytes bits;
    unsigned unused;

    if (walk_bits(content, &unused, &bits) != OK || bits.size > 2)
        return BAD_DATA;
    if (rules == WALK_STRICT && bits.size > 0 && ((bits.data[bits.size - 1] >> unused) & 1) == 0)
        return BAD_DATA;
    *usage = bits.size > 0 ? bits.data[0] : 0;
    if (bits.size > 1)
        *usage |= (unsigned)bits.data[1] << 8;
    return OK;
}

static bool take_digits(const uint8_t **at, int count, int *value)
{
    for (*value = 0; count > 0; count--, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *value = *value * 10 + (**at - '0');
    }
    return true;
}

int walk_time(uint8_t tag, struct bytes content, int64_t *out)
{
    const uint8_t *at = content.data;
    int year_digits = tag == DER_UTC_TIME ? 2 : 4;
    struct tm tm, back;
    time_t seconds;

    memset(&tm, 0, sizeof(tm));
    if ((tag != DER_UTC_TIME && tag != DER_TIME) || content.size != (size_t)year_digits + 11)
        return BAD_DATA;
    if (!take_digits(&at, year_digits, &tm.tm_year) || !take_digits(&at, 2, &tm.tm_mon) || !take_digits(&at, 2, &tm.tm_mday) ||
        !take_digits(&at, 2, &tm.tm_hour) || !take_digits(&at, 2, &tm.tm_min) || !take_digits(&at, 2, &tm.tm_sec) || *at != 'Z')
        return BAD_DATA;
    if (tag == DER_UTC_TIME)
        tm.tm_year += tm.tm_year >= 50 ? 1900 : 2000; /* RFC 5280 4.1.2.5.1 */
    tm.tm_year -= 1900;
    tm.tm_mon--;
    back = tm;
    seconds = timegm(&back);
    if (back.tm_year != tm.tm_year || back.tm_mon != tm.tm_mon || back.tm_mday != tm.tm_mday || back.tm_hour != tm.tm_hour ||
        back.tm_min != tm.tm_min || back.tm_sec != tm.tm_sec)
        return BAD_DATA; /* the 30th of February */
    *out = (int64_t)seconds;
    return OK;
}

static bool all_ascii(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] >= 0x80)
            return false;
    return true;
}

static bool all_digits(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] != ' ' && (text.data[i] < '0' || text.data[i] > '9'))
            return false;
    return true;
}

bool walk_is_text(uint8_t tag, struct bytes text)
{
    if (text.size == 0)
        return tag == DER_UTF8 || tag == DER_PRINTABLE || tag == DER_IA5 || tag == DER_NUMERIC || tag == DER_BMP ||
               tag == DER_TELETEX || tag == DER_VISIBLE || tag == DER_UNIVERSAL;
    switch (tag) {
    case DER_UTF8:
        return text_is_utf8((const char *)text.data, text.size);
    case DER_PRINTABLE:
        return text_is_printable_string((const char *)text.data, text.size);
    case DER_IA5:
    case DER_VISIBLE:
        return all_ascii(text);
    case DER_NUMERIC:
        return all_digits(text);
    case DER_BMP:
        return text.size % 2 == 0;
    case DER_UNIVERSAL:
        return text.size % 4 == 0;
    case DER_TELETEX:
        return true;
    }
    return false;
}

static const char *check_boolean(struct bytes content)
{
    bool value;

    return walk_boolean(content, &value) == OK ? NULL : "a BOOLEAN is neither 00 nor FF";
}

static const char *check_integer(struct bytes content)
{
    return integer_is_minimal(content) ? NULL : "an INTEGER is not in its shortest form";
}

static const char *check_bits(struct bytes content)
{
    struct bytes bits;
    unsigned unused;

    return walk_bits(content, &unused, &bits) == OK ? NULL : "a BIT STRING has wrong unused bits";
}

static const char *check_null(struct bytes content)
{
    return content.size == 0 ? NULL : "a NULL is not empty";
}

static const char *check_oid(struct bytes content)
{
    char text[OID_TEXT_SIZE];

    return walk_oid(content, text) == OK ? NULL : "an OBJECT IDENTIFIER is malformed, too long or not in its shortest form";
}

static const char *check_utc(struct bytes content)
{
    int64_t at;

    return walk_time(DER_UTC_TIME, content, &at) == OK ? NULL : "a UTCTime is not YYMMDDHHMMSSZ";
}

static const char *check_time(struct bytes content)
{
    int64_t at;

    return walk_time(DER_TIME, content, &at) == OK ? NULL : "a GeneralizedTime is not YYYYMMDDHHMMSSZ";
}

/* Universal types by tag number; the strings are tested by walk_is_text. */
static const struct {
    const char *(*check)(struct bytes content);
    bool known, text;
} forms[32] = {
    [DER_BOOLEAN] = {check_boolean, true, false}, [DER_INTEGER] = {check_integer, true, false},
    [DER_BITS] = {check_bits, true, false},       [DER_OCTETS] = {NULL, true, false},
    [DER_NULL] = {check_null, true, false},       [DER_OID] = {check_oid, true, false},
    [DER_ENUMERATED] = {check_integer, true, false}, [DER_UTF8] = {NULL, true, true},
    [DER_NUMERIC] = {NULL, true, true},           [DER_PRINTABLE] = {NULL, true, true},
    [DER_TELETEX] = {NULL, true, true},           [DER_IA5] = {NULL, true, true},
    [DER_UTC_TIME] = {check_utc, true, false},    [DER_TIME] = {check_time, true, false},
    [DER_VISIBLE] = {NULL, true, true},           [DER_UNIVERSAL] = {NULL, true, true},
    [DER_BMP] = {NULL, true, true},
};

static const char *form_fault(const struct tlv *item)
{
    uint8_t number = item->tag & 0x1f;

    if ((item->tag & 0xc0) == 0xc0 || (item->tag & 0xc0) == 0x40)
        return "a private or application tag has no place in this structure";
    if ((item->tag & 0xc0) != 0 || item->tag == DER_SEQUENCE || item->tag == DER_SET)
        return NULL;
    if ((item->tag & 0x20) != 0)
        return "a string is built of pieces (BER, not DER)";
    if (!forms[number].known)
        return "a type has no place in this structure";
    if (forms[number].text)
        return walk_is_text(item->tag, item->content) ? NULL : "a string holds what its type does not allow";
    return forms[number].check != NULL ? forms[number].check(item->content) : NULL;
}

struct frame {
    const uint8_t *end;
    bool set;
    struct bytes last; /* element before, in a SET */
};

int walk_check(struct bytes der, enum walk_rules rules, struct walk_fault *fault)
{
    struct frame stack[WALK_DEPTH_MAX];
    const uint8_t *at = der.data;
    unsigned depth = 0;
    struct tlv item;

    fault->what = "there is nothing";
    fault->offset = 0;
    if (der.size == 0)
        return BAD_DATA;
    stack[0] = (struct frame){der.data + der.size, false, {NULL, 0}};
    do {
        struct frame *frame = &stack[depth];

        if ((fault->what = header_fault(bytes_of(at, (size_t)(frame->end - at)), &item)) != NULL)
            break;
        if (rules == WALK_STRICT && (fault->what = form_fault(&item)) != NULL)
            break;
        if (depth == 0 && item.whole.size != der.size) {
            fault->what = "octets follow after the end";
            at = item.whole.data + item.whole.size;
            break;
        }
        if (rules == WALK_STRICT && frame->set && frame->last.data != NULL && bytes_compare(frame->last, item.whole) > 0) {
            fault->what = "the elements of a SET are not in DER order";
            break;
        }
        frame->last = item.whole;
        at = item.whole.data + item.whole.size;
        if ((item.tag & 0x20) != 0 && item.content.size > 0) {
            if (++depth == WALK_DEPTH_MAX) {
                fault->what = "elements are nested too deeply";
                break;
            }
            at = item.content.data;
            stack[depth] = (struct frame){at + item.content.size, item.tag == DER_SET, {NULL, 0}};
        }
        while (depth > 0 && at == stack[depth].end)
            depth--;
    } while (depth > 0);
    if (fault->what == NULL)
        return OK;
    fault->offset = (size_t)(at - der.data);
    return BAD_DATA;
}
