/* Growing octets and lists of strings. An allocation that fails sets a flag
 * or returns INTERNAL; nothing here ends the process. What the octets mean is
 * the caller's business. */
#include "config.h"

#include "ca/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/error.h"

void buf_free(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf)BUF_EMPTY;
}

void buf_clear(struct buf *buf)
{
    buf->size = 0;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

void buf_wipe(struct buf *buf)
{
    if (buf->data != NULL)
        explicit_bzero(buf->data, buf->room);
    buf_free(buf);
}

uint8_t *buf_reserve(struct buf *buf, size_t size)
{
    size_t room;
    uint8_t *data;

    if (buf->failed)
        return NULL;
    if (buf->data != NULL && size < buf->room - buf->size)
        return buf->data + buf->size;
    if (size > SIZE_MAX / 2 - buf->size - 1) {
        buf->failed = true;
        return NULL;
    }
    room = buf->room < 64 ? 64 : buf->room;
    while (room < buf->size + size + 1)
        room *= 2;
    data = realloc(buf->data, room);
    if (data == NULL) {
        buf->failed = true;
        return NULL;
    }
    buf->data = data;
    buf->room = room;
    /* Whoever fills the reserve need not think of the NUL. */
    memset(data + buf->size, 0, room - buf->size);
    return data + buf->size;
}

void buf_add(struct buf *buf, const void *data, size_t size)
{
    uint8_t *to = buf_reserve(buf, size);

    if (to == NULL)
        return;
    if (size > 0)
        memcpy(to, data, size);
    buf->size += size;
    buf->data[buf->size] = '\0';
}

void buf_add_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_add_byte(struct buf *buf, uint8_t octet)
{
    buf_add(buf, &octet, 1);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0) {
        buf->failed = true;
        return;
    }
    if (buf_reserve(buf, (size_t)size) == NULL)
        return;
    va_start(arguments, format);
    vsnprintf((char *)buf->data + buf->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    buf->size += (size_t)size;
}

struct bytes buf_bytes(const struct buf *buf)
{
    return (struct bytes){buf->data, buf->size};
}

const char *buf_text(const struct buf *buf)
{
    return buf->data == NULL ? "" : (const char *)buf->data;
}

struct bytes bytes_of(const void *data, size_t size)
{
    return (struct bytes){data, size};
}

struct bytes bytes_of_text(const char *text)
{
    return (struct bytes){(const uint8_t *)text, text == NULL ? 0 : strlen(text)};
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    if (order != 0)
        return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

int strings_add_n(struct strings *list, const char *text, size_t size)
{
    char **items, *copy;

    /* Room doubles at powers of two, so that the struct needs no third field. */
    if ((list->count & (list->count - 1)) == 0) {
        size_t room = list->count == 0 ? 1 : list->count * 2;

        items = reallocarray(list->items, room, sizeof *items);
        if (items == NULL)
            return INTERNAL;
        list->items = items;
    }
    copy = malloc(size + 1);
    if (copy == NULL)
        return INTERNAL;
    if (size > 0)
        memcpy(copy, text, size);
    copy[size] = '\0';
    list->items[list->count++] = copy;
    return OK;
}

int strings_add(struct strings *list, const char *text)
{
    return strings_add_n(list, text, strlen(text));
}

bool strings_contain(const struct strings *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], text) == 0)
            return true;
    return false;
}

static bool equal_nocase(const char *a, const char *b)
{
    for (;; a++, b++) {
        unsigned char x = (unsigned char)*a, y = (unsigned char)*b;

        if (x >= 'A' && x <= 'Z')
            x += 'a' - 'A';
        if (y >= 'A' && y <= 'Z')
            y += 'a' - 'A';
        if (x != y)
            return false;
        if (x == '\0')
            return true;
    }
}

bool strings_contain_nocase(const struct strings *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (equal_nocase(list->items[i], text))
            return true;
    return false;
}

int strings_copy(struct strings *to, const struct strings *from)
{
    struct strings copy = {NULL, 0};

    for (size_t i = 0; i < from->count; i++)
        if (strings_add(&copy, from->items[i]) != OK) {
            strings_free(&copy);
            return INTERNAL;
        }
    *to = copy;
    return OK;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int strings_split(struct strings *list, const char *text, const char *separators)
{
    while (*text != '\0') {
        size_t length = strcspn(text, separators);
        const char *start = text, *end = text + length;

        while (start < end && is_blank(*start))
            start++;
        while (end > start && is_blank(end[-1]))
            end--;
        if (end > start && strings_add_n(list, start, (size_t)(end - start)) != OK)
            return INTERNAL;
        text += length;
        if (*text != '\0')
            text++;
    }
    return OK;
}

static int compare_items(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void strings_sort(struct strings *list)
{
    struct strings unique = {NULL, 0};

    if (list->count < 2)
        return;
    qsort(list->items, list->count, sizeof *list->items, compare_items);
    unique.items = list->items;
    for (size_t i = 0; i < list->count; i++) {
        if (unique.count > 0 && strcmp(unique.items[unique.count - 1], list->items[i]) == 0)
            free(list->items[i]);
        else
            unique.items[unique.count++] = list->items[i];
    }
    list->count = unique.count;
}

void strings_free(struct strings *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct strings){NULL, 0};
}
