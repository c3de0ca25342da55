/* Text from outside becomes cells that may be drawn: the only maker of safe_cell, over ca/base/text.h.
 * What the base rule does not allow shows as <U+XXXX> (or <XX> for an octet that is not UTF-8) in cells marked escaped;
 * so do letters of a look-alike script inside a Latin word, and in a terminal without UTF-8 everything beyond ASCII. */
#ifndef CHANCERY_TUI_SANITISE_H
#define CHANCERY_TUI_SANITISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct safe_cell {
    uint32_t scalar; /* 0: the right half of a wide character */
    uint32_t mark;   /* one combining mark, 0: none */
    uint8_t width;   /* 1 or 2; 0 with scalar 0 */
    bool escaped;    /* part of a <U+XXXX> */
};

struct safe_text {
    struct safe_cell *cells;
    size_t count;
    size_t escapes; /* scalars that had to be escaped */
    size_t room;
};

/* Makes cells of size octets (NUL is data) after those there are. false: no memory. Free with safe_text_free. */
bool safe_text_add(struct safe_text *out, const char *text, size_t size, bool utf8);
void safe_text_free(struct safe_text *text);
/* A word with letters of Latin and of a script whose letters look like Latin ones. */
bool text_mixes_scripts(const char *text, size_t size);

#endif
