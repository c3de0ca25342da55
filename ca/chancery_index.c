/* index.txt of `openssl ca`: one line into a value. */
#include "config.h"

#include "ca/chancery_index.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "ca/base/clock.h"

#define FIELDS 6 /* state, expiry, revocation, serial, file, subject */

static int bad(struct error *error, const char *what)
{
    return error_set(error, BAD_DATA, "import.index", "%s", what);
}

/* Takes count digits off the front. */
static int digits(const char **at, const char *end, int count, int *out)
{
    *out = 0;
    for (; count > 0; count--, (*at)++) {
        if (*at == end || !isdigit((unsigned char)**at))
            return BAD_DATA;
        *out = *out * 10 + (**at - '0');
    }
    return OK;
}

int index_time_read(const char *text, size_t size, int64_t *at)
{
    const char *end = text + size;
    struct tm tm = {0}, again;
    bool generalized = size == 15;

    if ((size != 13 && size != 15) || end[-1] != 'Z')
        return BAD_DATA;
    if (digits(&text, end, generalized ? 4 : 2, &tm.tm_year) != OK || digits(&text, end, 2, &tm.tm_mon) != OK ||
        digits(&text, end, 2, &tm.tm_mday) != OK || digits(&text, end, 2, &tm.tm_hour) != OK ||
        digits(&text, end, 2, &tm.tm_min) != OK || digits(&text, end, 2, &tm.tm_sec) != OK)
        return BAD_DATA;
    if (!generalized)
        tm.tm_year += tm.tm_year < 50 ? 2000 : 1900; /* RFC 5280 4.1.2.5.1 */
    tm.tm_year -= 1900;
    tm.tm_mon--;
    again = tm;
    *at = (int64_t)timegm(&again);
    bool same = again.tm_year == tm.tm_year && again.tm_mon == tm.tm_mon && again.tm_mday == tm.tm_mday && again.tm_hour == tm.tm_hour &&
                again.tm_min == tm.tm_min && again.tm_sec == tm.tm_sec; /* the 31st of February is no date */
    return same ? OK : BAD_DATA;
}

/* ---- revocation: TIME[,REASON[,MORE]] ---- */

enum more { MORE_NONE, MORE_OID, MORE_TIME };
static const struct {
    const char *word, *reason;
    enum more more;
} reasons[] = { /* as openssl ca writes them, and those that it makes of options */
    {"unspecified", "unspecified", MORE_NONE}, {"keyCompromise", "keyCompromise", MORE_NONE},
    {"CACompromise", "cACompromise", MORE_NONE}, {"affiliationChanged", "affiliationChanged", MORE_NONE},
    {"superseded", "superseded", MORE_NONE}, {"cessationOfOperation", "cessationOfOperation", MORE_NONE},
    {"certificateHold", "certificateHold", MORE_NONE}, {"holdInstruction", "certificateHold", MORE_OID},
    {"keyTime", "keyCompromise", MORE_TIME}, {"CAkeyTime", "cACompromise", MORE_TIME},
    {"privilegeWithdrawn", "privilegeWithdrawn", MORE_NONE}, {"AACompromise", "aACompromise", MORE_NONE},
};

static int reason_read(const char *text, size_t size, struct index_line *out, struct error *error)
{
    const char *comma = memchr(text, ',', size);
    size_t word = comma != NULL ? (size_t)(comma - text) : size;

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (strlen(reasons[i].word) != word || strncasecmp(reasons[i].word, text, word) != 0)
            continue;
        out->reason = reasons[i].reason;
        if ((reasons[i].more == MORE_NONE) != (comma == NULL))
            return bad(error, "what follows the reason is not openssl's");
        if (reasons[i].more == MORE_TIME && index_time_read(comma + 1, size - word - 1, &out->invalid_since) != OK)
            return bad(error, "the date since which the key is not to be trusted is no time");
        return OK;
    }
    return bad(error, "the reason of the revocation is none of openssl's");
}

static int revocation_read(const char *text, size_t size, struct index_line *out, struct error *error)
{
    const char *comma = memchr(text, ',', size);
    size_t time = comma != NULL ? (size_t)(comma - text) : size;

    if (index_time_read(text, time, &out->revoked_at) != OK)
        return bad(error, "the date of the revocation is no time");
    out->reason = "unspecified";
    return comma != NULL ? reason_read(comma + 1, size - time - 1, out, error) : OK;
}

/* ---- the line ---- */

static int serial_read(const char *text, size_t size, struct index_line *out, struct error *error)
{
    while (size > 2 && text[0] == '0' && text[1] == '0') {
        text += 2;
        size -= 2;
    }
    if (size < 2 || size > INDEX_SERIAL_MAX || size % 2 != 0)
        return bad(error, "the serial number is not an even number of digits, 40 at most");
    for (size_t i = 0; i < size; i++) {
        if (!isxdigit((unsigned char)text[i]))
            return bad(error, "the serial number is not hexadecimal");
        out->serial[i] = (char)toupper((unsigned char)text[i]);
    }
    return OK;
}

/* Where the fields stand. A backslash takes the next character's meaning, also a tab's. */
static size_t fields_find(const char *text, size_t size, const char *fields[FIELDS], size_t sizes[FIELDS])
{
    size_t count = 0, from = 0;

    for (size_t at = 0; at <= size; at++) {
        if (at < size && text[at] == '\\') {
            at++;
        } else if (at == size || text[at] == '\t') {
            if (count < FIELDS) {
                fields[count] = text + from;
                sizes[count] = at - from;
            }
            count++;
            from = at + 1;
        }
    }
    return count; /* one that ends in a backslash has a field too few */
}

int index_line_read(const char *text, size_t size, struct index_line *out, struct error *error)
{
    const char *fields[FIELDS] = {NULL};
    size_t sizes[FIELDS] = {0};
    int64_t expiry;

    memset(out, 0, sizeof *out);
    if (size > INDEX_LINE_MAX || memchr(text, '\0', size) != NULL)
        return bad(error, "the line is too long or holds a NUL");
    if (fields_find(text, size, fields, sizes) != FIELDS)
        return bad(error, "the line has not six fields with a tab between");
    if (sizes[0] != 1 || strchr("VRE", fields[0][0]) == NULL)
        return bad(error, "the state is not V, R or E");
    out->state = fields[0][0];
    if (index_time_read(fields[1], sizes[1], &expiry) != OK)
        return bad(error, "the date of expiry is no time");
    if (out->state != 'R' && sizes[2] != 0)
        return bad(error, "a certificate that is not revoked has a date of revocation");
    int status = out->state == 'R' ? revocation_read(fields[2], sizes[2], out, error) : OK;
    return status == OK ? serial_read(fields[3], sizes[3], out, error) : status;
}

int index_number_read(const char *text, size_t size, uint64_t *out)
{
    size_t seen = 0;

    *out = 0;
    while (size > 0 && isspace((unsigned char)text[size - 1]))
        size--;
    for (; seen < size; seen++) {
        unsigned char c = (unsigned char)text[seen];
        if (!isxdigit(c) || *out >> 60 != 0)
            return BAD_DATA;
        *out = *out << 4 | (unsigned)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
    }
    return seen > 0 ? OK : BAD_DATA;
}
