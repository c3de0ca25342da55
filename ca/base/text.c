/* The sanitiser for text from outside, and what else is asked about text:
 * UTF-8, PrintableString, DNS names, RFC 4514 escapes. The classes of
 * characters are libunistring's; which of them may be shown is decided here. */
#include "config.h"

#include "ca/base/text.h"

#include <stdlib.h>
#include <string.h>
#include <unictype.h>
#include <unistr.h>

#define NOT_UTF8 0xDC00 /* plus the octet: in the surrogates, which no scalar is */

/* The allow list: letters, marks, numbers, punctuation and symbols, and one
 * space. All else (Cc Cf Cs Co Cn Zs Zl Zp) and what a terminal may leave out
 * (default-ignorable, among them Hangul fillers, which are letters) is not. */
static bool scalar_allowed(ucs4_t scalar)
{
    const uint32_t visible = UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M | UC_CATEGORY_MASK_N | UC_CATEGORY_MASK_P | UC_CATEGORY_MASK_S;

    if (scalar >= 0x20 && scalar < 0x7F)
        return true;
    if (scalar < 0xA0)
        return false;
    return uc_is_general_category_withtable(scalar, visible) && !uc_is_property_default_ignorable_code_point(scalar);
}

size_t text_scalar(const char *text, size_t size, uint32_t *scalar, bool *allowed)
{
    ucs4_t value = 0;
    int length;

    if (size == 0)
        return 0;
    length = u8_mbtoucr(&value, (const uint8_t *)text, size);
    if (length <= 0) {
        *scalar = NOT_UTF8 + (uint8_t)text[0];
        *allowed = false;
        return 1;
    }
    *scalar = value;
    *allowed = scalar_allowed(value);
    return (size_t)length;
}

static bool is_mark(ucs4_t scalar)
{
    return scalar >= 0x300 && uc_is_general_category_withtable(scalar, UC_CATEGORY_MASK_M);
}

size_t text_sanitise(struct buf *out, const char *text, size_t size)
{
    size_t escaped = 0;
    bool base = false; /* a mark may follow: a second one, or one on nothing, may not */

    for (size_t at = 0, length; at < size; at += length) {
        uint32_t scalar = 0;
        bool allowed = false, mark;

        length = text_scalar(text + at, size - at, &scalar, &allowed);
        mark = allowed && is_mark(scalar);
        if (mark && !base)
            allowed = false;
        base = allowed && !mark;
        if (allowed) {
            buf_add(out, text + at, length);
            continue;
        }
        escaped++;
        if (scalar >= NOT_UTF8 && scalar <= NOT_UTF8 + 0xFF)
            buf_printf(out, "<%02X>", (unsigned)(scalar - NOT_UTF8));
        else
            buf_printf(out, "<U+%04X>", (unsigned)scalar);
    }
    return escaped;
}

char *text_safe(const char *text)
{
    struct buf out = BUF_EMPTY;

    text_sanitise(&out, text, strlen(text));
    buf_add(&out, "", 0);
    if (out.failed) {
        buf_free(&out);
        return NULL;
    }
    return (char *)out.data;
}

bool text_is_utf8(const char *text, size_t size)
{
    return size == 0 || u8_check((const uint8_t *)text, size) == NULL;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool text_is_printable_string(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!is_letter(text[i]) && !is_digit(text[i]) && (text[i] == '\0' || strchr(" '()+,-./:=?", text[i]) == NULL))
            return false;
    return true;
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool text_equal_nocase(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) == lower(*b);
}

void text_dn_escape(struct buf *out, const char *value, size_t size)
{
    bool utf8 = text_is_utf8(value, size);

    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)value[i];
        bool edge = (c == ' ' && (i == 0 || i == size - 1)) || (c == '#' && i == 0);

        if (c < 0x20 || c == 0x7F || (c >= 0x80 && !utf8))
            buf_printf(out, "\\%02X", c);
        else if (edge || strchr("\"+,;<>\\", c) != NULL)
            buf_add(out, (char[]){'\\', (char)c}, 2);
        else
            buf_add_byte(out, c);
    }
}

/* RFC 1034 3.5 as RFC 1123 2.1 widens it. "--" at the third place is reserved for A-labels (RFC 5890 2.3.1). */
static bool label_ok(const char *label, size_t size)
{
    if (size == 0 || size > 63 || label[0] == '-' || label[size - 1] == '-')
        return false;
    for (size_t i = 0; i < size; i++)
        if (!is_letter(label[i]) && !is_digit(label[i]) && label[i] != '-')
            return false;
    if (size >= 4 && label[2] == '-' && label[3] == '-')
        return lower(label[0]) == 'x' && lower(label[1]) == 'n' && size > 4;
    return true;
}

bool text_is_dns_name(const char *text, bool wildcard_allowed)
{
    size_t length;

    if (strlen(text) > 253)
        return false;
    if (wildcard_allowed && strncmp(text, "*.", 2) == 0) {
        text += 2;
        if (strchr(text, '.') == NULL) /* "*.com" covers what nobody owns */
            return false;
    }
    for (;; text += length + 1) {
        length = strcspn(text, ".");
        if (!label_ok(text, length))
            return false;
        if (text[length] == '\0') /* all digits at the end: an address, not a name */
            return strspn(text, "0123456789") != length;
    }
}
