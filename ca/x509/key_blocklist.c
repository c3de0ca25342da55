/* The list of keys that are never certified: read strictly, sorted once, asked by halving. */
#include "ca/x509/key_blocklist.h"

#include <stdlib.h>
#include <string.h>

#include "ca/base/file.h"

static int digest_compare(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

static int digit_value(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Takes one line off the text, without its comment and the blanks around it. */
static struct bytes line_next(struct bytes *rest, bool *too_long)
{
    const uint8_t *end = memchr(rest->data, '\n', rest->size);
    struct bytes line = {rest->data, end ? (size_t)(end - rest->data) : rest->size};
    const uint8_t *comment;
    size_t taken = line.size + (end != NULL);

    *too_long = line.size > KEY_BLOCKLIST_LINE_MAX;
    rest->data += taken;
    rest->size -= taken;
    if (line.size > 0 && (comment = memchr(line.data, '#', line.size)) != NULL)
        line.size = (size_t)(comment - line.data);
    while (line.size > 0 && is_blank(line.data[0]))
        line = (struct bytes){line.data + 1, line.size - 1};
    while (line.size > 0 && is_blank(line.data[line.size - 1]))
        line.size--;
    return line;
}

static bool digest_take(struct bytes line, uint8_t out[32])
{
    if (line.size != 64)
        return false;
    for (size_t i = 0; i < 32; i++) {
        int high = digit_value(line.data[2 * i]), low = digit_value(line.data[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static void list_sort(struct key_blocklist *list)
{
    size_t kept = 0;

    qsort(list->digests, list->count, 32, digest_compare);
    for (size_t i = 0; i < list->count; i++)
        if (kept == 0 || memcmp(list->digests[kept - 1], list->digests[i], 32) != 0)
            memmove(list->digests[kept++], list->digests[i], 32);
    list->count = kept;
}

int key_blocklist_read(struct bytes text, struct key_blocklist *out, struct error *error)
{
    bool too_long = false;
    size_t number = 0;
    int status = OK;

    memset(out, 0, sizeof(*out));
    if (text.size > KEY_BLOCKLIST_FILE_MAX)
        return error_set(error, BAD_CONFIG, "key.blocklist", "the block list is larger than %u MiB", KEY_BLOCKLIST_FILE_MAX >> 20);
    out->digests = calloc(text.size / 64 + 1, 32); /* no digest is shorter: enough for all */
    if (out->digests == NULL)
        return error_memory(error);
    while (text.size > 0 && status == OK) {
        struct bytes line = line_next(&text, &too_long);

        number++;
        if (too_long || (line.size > 0 && !digest_take(line, out->digests[out->count])))
            status = error_set(error, BAD_CONFIG, "key.blocklist",
                               "line %zu is no SHA-256 of a SubjectPublicKeyInfo (64 hexadecimal digits; # begins a comment)", number);
        out->count += status == OK && line.size > 0;
    }
    if (status == OK)
        list_sort(out);
    else
        key_blocklist_free(out);
    return status;
}

int key_blocklist_load(const char *path, uid_t owner, struct key_blocklist *out, struct error *error)
{
    struct buf text = BUF_EMPTY;
    int status;

    memset(out, 0, sizeof(*out));
    if ((status = file_check_owner(path, owner, error)) == OK)
        status = file_read(path, KEY_BLOCKLIST_FILE_MAX, &text, error);
    if (status == BAD_DATA) /* it cannot be read: whoever configured it must mend that */
        status = error->status = BAD_CONFIG;
    if (status == OK && (status = key_blocklist_read(buf_bytes(&text), out, error)) == BAD_CONFIG)
        error_prefix(error, "%s", path);
    buf_free(&text);
    return status;
}

bool key_blocklist_has(const struct key_blocklist *list, const uint8_t spki_sha256[32])
{
    return list->count > 0 && bsearch(spki_sha256, list->digests, list->count, 32, digest_compare) != NULL;
}

void key_blocklist_free(struct key_blocklist *list)
{
    free(list->digests);
    memset(list, 0, sizeof(*list));
}
