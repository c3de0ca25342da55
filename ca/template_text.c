/* The readable form of a template, read and written; LDIF; and the difference of two. See the header for its look.
 * Every value that is shown is read back before it is believed: what does not come back the same stands in base64. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ca/base/encode.h"
#include "ca/base/oid.h"
#include "ca/base/text.h"
#include "ca/request.h"
#include "ca/template_text.h"

#define ATTRIBUTES_AT_MOST 32
#define TEXT_MAX (4u * 1024 * 1024)
#define TICKS_A_SECOND 10000000

/* ---- values that are spelt out ---- */

/* Blank-separated words into bits by a table; words like 0x4 too; "none" alone. */
static bool words_parse(const char *text, unsigned (*bit_of)(const void *table, const char *word), const void *table, unsigned *out)
{
    struct strings words = {NULL, 0};
    bool good = strings_split(&words, text, " ") == OK && words.count > 0;
    unsigned bits = 0;

    for (size_t i = 0; good && i < words.count; i++) {
        unsigned bit = bit_of(table, words.items[i]);
        char *end = NULL;
        if (!bit && strncmp(words.items[i], "0x", 2) == 0) {
            unsigned long number = strtoul(words.items[i] + 2, &end, 16);
            bit = end && !*end && number <= UINT32_MAX ? (unsigned)number : 0;
        }
        good = bit || (words.count == 1 && strcmp(words.items[i], "none") == 0);
        bits |= bit;
    }
    strings_free(&words);
    *out = bits;
    return good;
}

static const struct template_word *word_of(const char *attribute)
{
    for (const struct template_word *word = template_words; word->attribute; word++)
        if (strcmp(word->attribute, attribute) == 0)
            return word;
    return NULL;
}

static unsigned flag_bit(const void *table, const char *name)
{
    for (const struct template_flag *flag = table; flag->name; flag++)
        if (strcmp(flag->name, name) == 0)
            return flag->bit;
    return 0;
}

static bool flags_show(const char *attribute, struct bytes raw, struct buf *out)
{
    char text[16];
    char *end;

    if (raw.size == 0 || raw.size >= sizeof text)
        return false;
    memcpy(text, raw.data, raw.size);
    text[raw.size] = '\0';
    unsigned bits = (unsigned)(uint32_t)strtoll(text, &end, 10), rest = bits;
    for (const struct template_flag *flag = word_of(attribute)->flags; flag->name; flag++)
        if (bits & flag->bit) {
            buf_printf(out, "%s%s", rest == bits ? "" : " ", flag->name);
            rest &= ~flag->bit;
        }
    if (rest)
        buf_printf(out, "%s0x%x", rest == bits ? "" : " ", rest);
    if (!bits)
        buf_add_text(out, "none");
    return *end == '\0';
}

static bool flags_parse(const char *attribute, const char *text, struct buf *raw)
{
    unsigned bits;
    bool good = words_parse(text, flag_bit, word_of(attribute)->flags, &bits);

    buf_printf(raw, "%" PRId32, (int32_t)bits); /* LDAP's integers here are signed ones of 32 bits */
    return good;
}

static const struct {
    const char *name;
    unsigned bit;
} usages[] = {
    {"digitalSignature", KEY_USAGE_DIGITAL_SIGNATURE}, {"nonRepudiation", KEY_USAGE_NON_REPUDIATION},
    {"keyEncipherment", KEY_USAGE_KEY_ENCIPHERMENT},   {"dataEncipherment", KEY_USAGE_DATA_ENCIPHERMENT},
    {"keyAgreement", KEY_USAGE_KEY_AGREEMENT},         {"keyCertSign", KEY_USAGE_CERT_SIGN},
    {"cRLSign", KEY_USAGE_CRL_SIGN},                   {"encipherOnly", KEY_USAGE_ENCIPHER_ONLY},
    {"decipherOnly", KEY_USAGE_DECIPHER_ONLY},
};
#define USAGES (sizeof usages / sizeof *usages)

static unsigned usage_bit(const void *table, const char *name)
{
    (void)table;
    for (size_t i = 0; i < USAGES; i++)
        if (strcmp(usages[i].name, name) == 0)
            return usages[i].bit;
    return 0;
}

static bool usage_show(const char *attribute, struct bytes raw, struct buf *out)
{
    (void)attribute;
    if (raw.size < 1 || raw.size > 2)
        return false;
    unsigned bits = raw.data[0] | (raw.size == 2 ? (unsigned)raw.data[1] << 8 : 0);
    for (size_t i = 0; i < USAGES; i++)
        if (bits & usages[i].bit)
            buf_printf(out, "%s%s", out->size ? " " : "", usages[i].name);
    if (!bits)
        buf_add_text(out, "none");
    return true;
}

static bool usage_parse(const char *attribute, const char *text, struct buf *raw)
{
    unsigned bits;
    bool good = words_parse(text, usage_bit, NULL, &bits) && bits <= 0xffff;

    (void)attribute;
    buf_add_byte(raw, (uint8_t)bits);
    if (bits >> 8)
        buf_add_byte(raw, (uint8_t)(bits >> 8));
    return good;
}

static const struct {
    const char *name;
    int64_t ticks; /* of 100 ns */
} units[] = {{"d", INT64_C(86400) * TICKS_A_SECOND}, {"h", INT64_C(3600) * TICKS_A_SECOND}, {"s", TICKS_A_SECOND}, {"ticks", 1}};
#define UNITS (sizeof units / sizeof *units)

static bool period_show(const char *attribute, struct bytes raw, struct buf *out)
{
    uint64_t value = 0;
    size_t unit = 0;

    (void)attribute;
    if (raw.size != 8)
        return false;
    for (size_t i = 0; i < 8; i++)
        value |= (uint64_t)raw.data[i] << (8 * i);
    uint64_t ticks = ~value + 1;
    while (unit + 1 < UNITS && ticks % (uint64_t)units[unit].ticks)
        unit++;
    buf_printf(out, "%" PRIu64 " %s", ticks / (uint64_t)units[unit].ticks, units[unit].name);
    return true;
}

static bool period_parse(const char *attribute, const char *text, struct buf *raw)
{
    char number[24];
    size_t digits = strspn(text, "0123456789"), blanks = strspn(text + digits, " ");
    uint64_t count;

    (void)attribute;
    if (digits == 0 || digits >= sizeof number)
        return false;
    memcpy(number, text, digits);
    number[digits] = '\0';
    for (size_t unit = 0; unit < UNITS; unit++) {
        if (strcmp(text + digits + blanks, units[unit].name) != 0)
            continue;
        if (number_parse(number, &count) != OK || count > (uint64_t)INT64_MAX / (uint64_t)units[unit].ticks)
            return false;
        uint64_t value = ~(count * (uint64_t)units[unit].ticks) + 1;
        for (size_t i = 0; i < 8; i++)
            buf_add_byte(raw, (uint8_t)(value >> (8 * i)));
        return true;
    }
    return false;
}

static bool oid_show(const char *attribute, struct bytes raw, struct buf *out)
{
    struct buf oid = BUF_EMPTY;

    (void)attribute;
    buf_add(&oid, raw.data, raw.size);
    const char *name = oid_name(buf_text(&oid));
    buf_add(out, raw.data, raw.size);
    if (strcmp(name, buf_text(&oid)) != 0)
        buf_printf(out, " (%s)", name);
    buf_free(&oid);
    return true;
}

/* What stands behind the identifier is for people. */
static bool oid_parse(const char *attribute, const char *text, struct buf *raw)
{
    (void)attribute;
    buf_add(raw, text, strcspn(text, " "));
    return raw->size > 0;
}

static const struct kind {
    const char *attribute;
    bool (*show)(const char *attribute, struct bytes raw, struct buf *out);
    bool (*parse)(const char *attribute, const char *text, struct buf *raw);
} kinds[] = {
    {"flags", flags_show, flags_parse},
    {"msPKI-Certificate-Application-Policy", oid_show, oid_parse},
    {"msPKI-Certificate-Name-Flag", flags_show, flags_parse},
    {"msPKI-Certificate-Policy", oid_show, oid_parse},
    {"msPKI-Enrollment-Flag", flags_show, flags_parse},
    {"msPKI-Private-Key-Flag", flags_show, flags_parse},
    {"pKICriticalExtensions", oid_show, oid_parse},
    {"pKIExpirationPeriod", period_show, period_parse},
    {"pKIExtendedKeyUsage", oid_show, oid_parse},
    {"pKIKeyUsage", usage_show, usage_parse},
    {"pKIOverlapPeriod", period_show, period_parse},
    {"chanceryRequestExtension", oid_show, oid_parse},
};

static const struct kind *kind_of(const char *attribute)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].attribute, attribute) == 0)
            return &kinds[i];
    return NULL;
}

/* ---- writing ---- */

/* RFC 2849 SAFE-STRING, without a blank at the end. */
static bool value_is_safe(struct bytes raw)
{
    if (raw.size == 0 || strchr(" :<", raw.data[0]) || raw.data[raw.size - 1] == ' ')
        return false;
    for (size_t i = 0; i < raw.size; i++)
        if (raw.data[i] < ' ' || raw.data[i] > '~')
            return false;
    return true;
}

static void line_add(struct buf *out, const char *name, struct bytes raw)
{
    if (value_is_safe(raw)) {
        buf_printf(out, "%s: ", name);
        buf_add(out, raw.data, raw.size);
    } else {
        buf_printf(out, "%s:: ", name);
        base64_encode(out, raw, 0);
    }
    buf_add_byte(out, '\n');
}

static int ldif_line(void *state, const char *name, struct bytes raw)
{
    line_add(state, name, raw);
    return OK;
}

static int text_line(void *state, const char *name, struct bytes raw)
{
    const struct kind *kind = kind_of(name);
    struct buf shown = BUF_EMPTY, back = BUF_EMPTY;
    struct buf *out = state;

    if (kind && kind->show(name, raw, &shown) && !shown.failed && kind->parse(name, buf_text(&shown), &back) &&
        bytes_equal(buf_bytes(&back), raw))
        buf_printf(out, "%s: %s\n", name, buf_text(&shown));
    else if (kind && kind->parse != oid_parse) { /* as it stands it would be read as something else */
        buf_printf(out, "%s:: ", name);
        base64_encode(out, raw, 0);
        buf_add_byte(out, '\n');
    } else
        line_add(out, name, raw);
    buf_free(&shown);
    buf_free(&back);
    return OK;
}

int template_to_text(const struct template *template, struct buf *out)
{
    buf_printf(out, TEMPLATE_TEXT_HEAD ": %s\n", template->name);
    line_add(out, "dn", bytes_of_text(template->dn));
    int status = template_each_value(template, text_line, out);
    return status != OK || out->failed ? INTERNAL : OK;
}

int template_to_ldif(const struct template *template, struct buf *out)
{
    line_add(out, "dn", bytes_of_text(template->dn));
    int status = template_each_value(template, ldif_line, out);
    return status != OK || out->failed ? INTERNAL : OK;
}

/* ---- reading ---- */

struct read_attribute {
    const char *name; /* of template_attribute_names */
    struct buf *values;
    size_t count;
};
struct reader {
    char *dn;
    struct read_attribute attributes[ATTRIBUTES_AT_MOST];
    size_t count, line;
    struct template *one; /* NULL: all of them as LDIF */
    size_t finished;
    struct error *error;
};

static void reader_clear(struct reader *r)
{
    for (size_t i = 0; i < r->count; i++) {
        for (size_t j = 0; j < r->attributes[i].count; j++)
            buf_free(&r->attributes[i].values[j]);
        free(r->attributes[i].values);
    }
    free(r->dn);
    r->dn = NULL;
    r->count = 0;
}

static int line_bad(struct reader *r, const char *what)
{
    return error_set(r->error, BAD_DATA, "template.text", "line %zu of the template: %s", r->line, what);
}

static const char *attribute_known(const char *name, size_t size)
{
    for (size_t i = 0; template_attribute_names[i]; i++)
        if (strlen(template_attribute_names[i]) == size && strncasecmp(template_attribute_names[i], name, size) == 0)
            return template_attribute_names[i];
    return NULL;
}

static int value_keep(struct reader *r, const char *name, struct buf *value) /* takes the value */
{
    struct read_attribute *at = NULL;

    for (size_t i = 0; i < r->count && !at; i++)
        if (r->attributes[i].name == name)
            at = &r->attributes[i];
    if (!at && r->count < ATTRIBUTES_AT_MOST) {
        at = &r->attributes[r->count++];
        *at = (struct read_attribute){.name = name};
    }
    struct buf *grown = at ? realloc(at->values, (at->count + 1) * sizeof *grown) : NULL;
    if (!grown) {
        buf_free(value);
        return error_memory(r->error);
    }
    at->values = grown;
    grown[at->count++] = *value;
    *value = (struct buf)BUF_EMPTY;
    return OK;
}

/* The value behind "name:", as octets. */
static int value_read(struct reader *r, const char *name, const char *text, struct buf *out)
{
    const struct kind *kind = name ? kind_of(name) : NULL;
    bool encoded = *text == ':';

    text += encoded ? 1 : 0;
    text += strspn(text, " ");
    if (encoded)
        return base64_decode(out, text, strlen(text)) == OK && out->size ? OK : line_bad(r, "what follows two colons is base64");
    if (kind && !kind->parse(name, text, out))
        return line_bad(r, "this value is not of the form that `template export` writes");
    if (!kind)
        buf_add_text(out, text);
    return out->failed ? error_memory(r->error) : out->size ? OK : line_bad(r, "a value is missing");
}

/* All that was read up to here is one template. */
static int reader_finish(struct reader *r, struct buf *ldif)
{
    struct template_attribute attributes[ATTRIBUTES_AT_MOST] = {{NULL, NULL, 0}};
    struct template template = {0};
    int status = OK;
    size_t made = 0;

    if (!r->dn)
        return OK;
    for (; made < r->count && status == OK; made++) {
        const struct read_attribute *from = &r->attributes[made];
        struct bytes *values = calloc(from->count, sizeof *values);
        for (size_t i = 0; values && i < from->count; i++)
            values[i] = buf_bytes(&from->values[i]);
        attributes[made] = (struct template_attribute){from->name, values, from->count};
        status = values ? OK : error_memory(r->error);
    }
    if (status == OK)
        status = template_from_attributes(r->dn, attributes, r->count, &template, r->error);
    if (status == OK && r->one && r->finished++ == 0) {
        *r->one = template;
    } else if (status == OK) {
        if (ldif->size)
            buf_add_byte(ldif, '\n');
        status = template_to_ldif(&template, ldif) == OK ? OK : error_memory(r->error);
        template_free(&template);
    }
    while (made)
        free((void *)(uintptr_t)attributes[--made].values);
    reader_clear(r);
    return status;
}

static int line_read(struct reader *r, const char *line, struct buf *ldif)
{
    const char *colon = strchr(line, ':');
    struct buf value = BUF_EMPTY;
    size_t size = colon ? (size_t)(colon - line) : 0;
    const char *name = attribute_known(line, size);
    bool is_dn = size == 2 && strncasecmp(line, "dn", 2) == 0;
    int status = OK;

    if (!colon || (!name && !is_dn))
        return line_bad(r, "neither a comment nor ATTRIBUTE: VALUE of a template");
    if (is_dn)
        status = reader_finish(r, ldif);
    else if (!r->dn)
        return line_bad(r, "a template begins with dn: and its name in the directory");
    if (status == OK)
        status = value_read(r, name, colon + 1, &value);
    if (status == OK && is_dn) {
        r->dn = strdup(buf_text(&value));
        status = r->dn ? OK : error_memory(r->error);
    } else if (status == OK) {
        status = value_keep(r, name, &value);
    }
    buf_free(&value);
    return status;
}

static int text_read(struct reader *reader, struct bytes text, struct buf *ldif)
{
    struct buf line = BUF_EMPTY;
    int status = text.size > TEXT_MAX || (text.size && memchr(text.data, 0, text.size))
                     ? error_set(reader->error, BAD_DATA, "template.text", "this is no template in readable form")
                     : OK;

    for (size_t at = 0; at < text.size && status == OK;) {
        const uint8_t *end = memchr(text.data + at, '\n', text.size - at);
        size_t size = end ? (size_t)(end - text.data) - at : text.size - at;
        reader->line++;
        buf_clear(&line);
        buf_add(&line, text.data + at, size);
        while (line.size && strchr(" \r\t", line.data[line.size - 1]))
            line.data[--line.size] = '\0';
        if (line.size && line.data[0] != '#')
            status = line_read(reader, buf_text(&line), ldif);
        at += size + 1;
    }
    if (status == OK)
        status = reader_finish(reader, ldif);
    if (status == OK && ldif->size == 0 && reader->finished == 0)
        status = error_set(reader->error, BAD_DATA, "template.text", "there is no template in it");
    reader_clear(reader);
    buf_free(&line);
    return status;
}

int template_text_to_ldif(struct bytes text, struct buf *ldif, struct error *error)
{
    struct reader reader = {.error = error};

    return text_read(&reader, text, ldif);
}

int template_from_text(struct bytes text, struct template *out, struct error *error)
{
    struct reader reader = {.error = error, .one = out};
    struct buf more = BUF_EMPTY;
    int status;

    memset(out, 0, sizeof *out);
    status = text_read(&reader, text, &more);
    if (status == OK && more.size > 0)
        status = error_set(error, BAD_DATA, "template.text", "there is more than one template in it");
    if (status != OK)
        template_free(out);
    buf_free(&more);
    return status;
}

/* ---- the difference ---- */

static int lines_of(const struct template *template, struct strings *lines)
{
    struct buf text = BUF_EMPTY;
    int status = template_to_text(template, &text);

    if (status == OK)
        status = strings_split(lines, buf_text(&text), "\n");
    buf_free(&text);
    return status;
}

static int changed_add(struct strings *lines, char sign, const char *line)
{
    struct buf text = BUF_EMPTY;

    buf_add_byte(&text, (uint8_t)sign);
    buf_add_text(&text, line);
    int status = text.failed ? INTERNAL : strings_add(lines, buf_text(&text));
    buf_free(&text);
    return status;
}

int template_diff(const struct template *from, const struct template *to, struct strings *lines)
{
    struct strings a = {NULL, 0}, b = {NULL, 0};
    int status = lines_of(from, &a);
    size_t i = 0, j = 0;

    if (status == OK)
        status = lines_of(to, &b);
    /* Both are in one order, so a line that the other has not is the only way in which they part. */
    while (status == OK && (i < a.count || j < b.count)) {
        if (i < a.count && !strings_contain(&b, a.items[i]))
            status = changed_add(lines, '-', a.items[i++]);
        else if (j < b.count && !strings_contain(&a, b.items[j]))
            status = changed_add(lines, '+', b.items[j++]);
        else {
            i += i < a.count;
            j += j < b.count;
        }
    }
    strings_free(&a);
    strings_free(&b);
    return status;
}
