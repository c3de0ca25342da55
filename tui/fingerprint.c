/* Lettered blocks and the comparison. Reading is generous in form and strict in content: the digest is told by its
 * length, and a text that is neither 20 nor 32 octets is called unreadable, never different. */
#include "tui/fingerprint.h"

#include <ctype.h>
#include <string.h>

#include "ca/base/encode.h"

int fingerprint_per_row(int width) {
    if (width >= 57)
        return 4;
    return width >= 35 ? 3 : width >= 23 ? 2 : 1;
}

bool fingerprint_row(const uint8_t sha256[32], int per_row, int row, struct buf *out) {
    int from = row * per_row;
    if (from >= 8)
        return false;
    for (int block = from; block < from + per_row && block < 8; block++) {
        const uint8_t *octets = sha256 + 4 * block;
        buf_printf(out, "%s%c %02X%02X %02X%02X", block == from ? "" : per_row == 4 ? "   " : " ", 'a' + block, octets[0],
                   octets[1], octets[2], octets[3]);
    }
    return true;
}

void fingerprint_sha1(const uint8_t sha1[20], struct buf *out) {
    for (int i = 0; i < 20; i += 2)
        buf_printf(out, "%s%02X%02X", i == 0 ? "" : i % 4 == 0 ? "   " : " ", sha1[i], sha1[i + 1]);
}

/* Drops what programs write before a digest: "SHA256 Fingerprint=", "SHA256:", "sha1 ". */
static const char *label_skip(const char *text) {
    static const char *const algorithms[] = {"sha256", "sha-256", "sha1", "sha-1", "sha2-256"};
    while (isspace((unsigned char)*text))
        text++;
    const char *equals = strchr(text, '=');
    if (equals != NULL && equals[1] != 0 && equals[1] != '=' && strncasecmp(text, "sha", 3) == 0)
        return equals + 1;
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        size_t size = strlen(algorithms[i]);
        if (strncasecmp(text, algorithms[i], size) == 0 && (text[size] == ':' || isspace((unsigned char)text[size])))
            return text + size + 1;
    }
    return text;
}

static bool separates(char octet) {
    return isspace((unsigned char)octet) || strchr(":-.,", octet) != NULL;
}

/* A block's letter stands alone, before a group of its hex digits: "a 52E0 B91C". */
static bool is_block_letter(const char *start, const char *at) {
    bool alone = (at == start || separates(at[-1])) && (at[1] == ' ' || at[1] == '\t');
    return alone && *at >= 'a' && *at <= 'h';
}

static bool read_hex(const char *text, struct buf *out) {
    char digits[65];
    size_t count = 0;
    for (const char *at = text; *at; at++) {
        if (separates(*at) || is_block_letter(text, at))
            continue;
        if (!isxdigit((unsigned char)*at) || count == 64)
            return false;
        digits[count++] = *at;
    }
    return (count == 40 || count == 64) && hex_decode(out, digits, count) == OK;
}

static bool read_base64(const char *text, struct buf *out) {
    char padded[64];
    size_t size = strcspn(text, " \t\r\n");
    for (size_t i = size; text[i]; i++)
        if (!isspace((unsigned char)text[i]))
            return false;
    if (size > 44 || size < 27)
        return false;
    memcpy(padded, text, size);
    while (size % 4 != 0)
        padded[size++] = '='; /* ssh-keygen writes none */
    return base64_decode(out, padded, size) == OK && (out->size == 20 || out->size == 32);
}

static void compare_blocks(const uint8_t *a, const uint8_t *b, size_t size, char first, char *blocks) {
    for (size_t i = 0; i < size; i += 4)
        if (memcmp(a + i, b + i, 4) != 0)
            *blocks++ = (char)(first + (char)(i / 4));
    *blocks = 0;
}

struct fingerprint_result fingerprint_compare(const char *text, const uint8_t sha256[32], const uint8_t *sha1) {
    struct fingerprint_result result = {FINGERPRINT_UNREADABLE, false, ""};
    struct buf digest = BUF_EMPTY;
    const char *start = label_skip(text);
    bool is_read = read_hex(start, &digest);
    if (!is_read) {
        buf_clear(&digest);
        is_read = read_base64(start, &digest);
    }
    if (is_read) {
        result.sha1 = digest.size == 20;
        const uint8_t *ours = result.sha1 ? sha1 : sha256;
        result.match = FINGERPRINT_NO_SHA1;
        if (ours != NULL) {
            compare_blocks(ours, digest.data, digest.size, result.sha1 ? '1' : 'a', result.blocks);
            result.match = result.blocks[0] == 0 ? FINGERPRINT_MATCH : FINGERPRINT_DIFFERENT;
        }
    }
    buf_free(&digest);
    return result;
}
