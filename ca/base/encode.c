/* Hexadecimal, base64, PEM armour and numbers: text forms of octets and
 * their readers. All readers are strict and take hostile input; nothing here
 * knows what stands inside. */
#include "config.h"

#include "ca/base/encode.h"

#include <string.h>

static const char base64_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void hex_encode(struct buf *out, struct bytes in)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *to;

    if (in.size > SIZE_MAX / 4) {
        out->failed = true;
        return;
    }
    to = buf_reserve(out, in.size * 2);
    if (to == NULL)
        return;
    for (size_t i = 0; i < in.size; i++) {
        *to++ = (uint8_t)digits[in.data[i] >> 4];
        *to++ = (uint8_t)digits[in.data[i] & 15];
    }
    *to = '\0';
    out->size += in.size * 2;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int hex_decode(struct buf *out, const char *text, size_t size)
{
    int high = -1;

    for (size_t i = 0; i < size; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0) {
            if (high >= 0 || (text[i] != ':' && !is_white(text[i])))
                return BAD_DATA;
            continue;
        }
        if (high < 0) {
            high = digit;
        } else {
            buf_add_byte(out, (uint8_t)(high << 4 | digit));
            high = -1;
        }
    }
    if (out->failed)
        return INTERNAL;
    return high < 0 ? OK : BAD_DATA;
}

void base64_encode(struct buf *out, struct bytes in, size_t line)
{
    size_t column = 0;

    for (size_t i = 0; i < in.size; i += 3) {
        size_t left = in.size - i;
        uint32_t group = (uint32_t)in.data[i] << 16;
        char quad[4];

        if (left > 1)
            group |= (uint32_t)in.data[i + 1] << 8;
        if (left > 2)
            group |= in.data[i + 2];
        quad[0] = base64_letters[group >> 18];
        quad[1] = base64_letters[group >> 12 & 63];
        quad[2] = left > 1 ? base64_letters[group >> 6 & 63] : '=';
        quad[3] = left > 2 ? base64_letters[group & 63] : '=';
        for (size_t j = 0; j < 4; j++) {
            buf_add_byte(out, (uint8_t)quad[j]);
            if (line != 0 && ++column == line) {
                buf_add_byte(out, '\n');
                column = 0;
            }
        }
    }
    if (column != 0)
        buf_add_byte(out, '\n');
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* Only as much padding as the digits ask for, and the bits that it hides must
 * be zero: one value has one text. */
static bool base64_tail_ok(unsigned digits, unsigned padding, uint32_t group)
{
    if (digits == 0)
        return padding == 0;
    if (digits == 2)
        return padding == 2 && (group & 15) == 0;
    return digits == 3 && padding == 1 && (group & 3) == 0;
}

int base64_decode(struct buf *out, const char *text, size_t size)
{
    uint32_t group = 0;
    unsigned digits = 0, padding = 0;

    for (size_t i = 0; i < size; i++) {
        int digit;

        if (is_white(text[i]))
            continue;
        if (text[i] == '=') {
            if (++padding > 2)
                return BAD_DATA;
            continue;
        }
        digit = base64_digit(text[i]);
        if (digit < 0 || padding > 0)
            return BAD_DATA;
        group = group << 6 | (uint32_t)digit;
        if (++digits == 4) {
            buf_add(out, (uint8_t[]){(uint8_t)(group >> 16), (uint8_t)(group >> 8), (uint8_t)group}, 3);
            digits = 0;
            group = 0;
        }
    }
    if (!base64_tail_ok(digits, padding, group))
        return BAD_DATA;
    if (digits == 2)
        buf_add_byte(out, (uint8_t)(group >> 4));
    if (digits == 3)
        buf_add(out, (uint8_t[]){(uint8_t)(group >> 10), (uint8_t)(group >> 2)}, 2);
    return out->failed ? INTERNAL : OK;
}

void pem_encode(struct buf *out, const char *label, struct bytes der)
{
    buf_printf(out, "-----BEGIN %s-----\n", label);
    base64_encode(out, der, 64);
    buf_printf(out, "-----END %s-----\n", label);
}

struct pem_block {
    const uint8_t *begin; /* of the line "-----BEGIN" */
    struct bytes body;
    const uint8_t *after;
};

static const uint8_t *find(const uint8_t *from, const uint8_t *end, const char *what)
{
    return from == NULL ? NULL : memmem(from, (size_t)(end - from), what, strlen(what));
}

/* Complete blocks only; a label is compared as a whole. */
static bool pem_find(struct bytes in, const char *label, struct pem_block *block)
{
    const uint8_t *end = in.data + in.size, *finish;
    struct buf line = BUF_EMPTY;
    bool found = false;

    buf_printf(&line, "-----BEGIN %s-----", label);
    block->begin = find(in.data, end, buf_text(&line));
    if (block->begin == NULL)
        goto out;
    block->body.data = block->begin + line.size;
    buf_clear(&line);
    buf_printf(&line, "-----END %s-----", label);
    finish = find(block->body.data, end, buf_text(&line));
    if (finish == NULL)
        goto out;
    block->body.size = (size_t)(finish - block->body.data);
    block->after = finish + line.size;
    while (block->after < end && is_white((char)*block->after))
        block->after++;
    found = !line.failed;
out:
    buf_free(&line);
    return found;
}

int pem_or_der(struct bytes in, const char *const labels[], struct buf *der, struct bytes *rest, struct error *error)
{
    struct pem_block best = {NULL}, block;
    int status;

    if (rest != NULL)
        *rest = bytes_of(in.data + in.size, 0);
    if (in.size > 0 && in.data[0] == 0x30) {
        buf_add(der, in.data, in.size);
        return der->failed ? error_memory(error) : OK;
    }
    for (size_t i = 0; in.size > 0 && labels[i] != NULL; i++)
        if (pem_find(in, labels[i], &block) && (best.begin == NULL || block.begin < best.begin))
            best = block;
    if (best.begin == NULL)
        return error_set(error, BAD_DATA, "data.pem", "neither PEM with a complete \"-----BEGIN %s-----\" block nor DER", labels[0]);
    status = base64_decode(der, (const char *)best.body.data, best.body.size);
    if (status == INTERNAL)
        return error_memory(error);
    if (status != OK)
        return error_set(error, BAD_DATA, "data.base64", "the PEM block is damaged: its body is not base64");
    if (rest != NULL)
        *rest = bytes_of(best.after, (size_t)(in.data + in.size - best.after));
    return OK;
}

void put_u32(uint8_t *to, uint32_t value)
{
    for (int i = 3; i >= 0; i--, value >>= 8)
        to[i] = (uint8_t)value;
}

void put_u64(uint8_t *to, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8)
        to[i] = (uint8_t)value;
}

uint32_t get_u32(const uint8_t *from)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++)
        value = value << 8 | from[i];
    return value;
}

uint64_t get_u64(const uint8_t *from)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value = value << 8 | from[i];
    return value;
}

int number_parse(const char *text, uint64_t *out)
{
    uint64_t value = 0;

    if (*text == '\0')
        return BAD_DATA;
    for (; *text != '\0'; text++) {
        unsigned digit = (unsigned)(unsigned char)*text - '0';

        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return BAD_DATA;
        value = value * 10 + digit;
    }
    *out = value;
    return OK;
}
