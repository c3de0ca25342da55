/* Octets: borrowed (struct bytes), owned and growing (struct buf), and lists of strings. */
#ifndef CHANCERY_BASE_BUF_H
#define CHANCERY_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed octets: never freed through this. */
struct bytes {
    const uint8_t *data;
    size_t size;
};

/* Owned octets. Start with BUF_EMPTY. After an allocation failed `failed` is set and later calls do
 * nothing: check once at the end. data is NUL-terminated one past size whenever it is not NULL. */
struct buf {
    uint8_t *data;
    size_t size;
    size_t room;
    bool failed;
};
#define BUF_EMPTY {NULL, 0, 0, false}

void buf_free(struct buf *buf);  /* and makes it empty */
void buf_clear(struct buf *buf); /* keeps the room */
void buf_wipe(struct buf *buf);  /* overwrites, then frees: for secrets */
void buf_add(struct buf *buf, const void *data, size_t size);
void buf_add_text(struct buf *buf, const char *text);
void buf_add_byte(struct buf *buf, uint8_t octet);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint8_t *buf_reserve(struct buf *buf, size_t size); /* room for size more, NULL on failure; add with buf->size += n */
struct bytes buf_bytes(const struct buf *buf);
/* The text, never NULL; valid until the next change. */
const char *buf_text(const struct buf *buf);

struct bytes bytes_of(const void *data, size_t size);
struct bytes bytes_of_text(const char *text); /* without the NUL */
bool bytes_equal(struct bytes a, struct bytes b);
int bytes_compare(struct bytes a, struct bytes b); /* memcmp, then shorter first */

/* A growing list of owned strings. Start with {NULL, 0}. */
struct strings {
    char **items;
    size_t count;
};
int strings_add(struct strings *list, const char *text);                /* OK or INTERNAL */
int strings_add_n(struct strings *list, const char *text, size_t size); /* size octets of text */
bool strings_contain(const struct strings *list, const char *text);     /* exact */
bool strings_contain_nocase(const struct strings *list, const char *text); /* ASCII case-blind */
int strings_copy(struct strings *to, const struct strings *from);
int strings_split(struct strings *list, const char *text, const char *separators); /* empty parts dropped, blanks trimmed */
void strings_sort(struct strings *list); /* by strcmp, duplicates dropped */
void strings_free(struct strings *list);

#endif
