/* The one place where text becomes cells. What stands here decides what can reach a terminal:
 * allowed scalars as they are, with at most one combining mark, everything else spelt out in ASCII. */
#include "tui/sanitise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unictype.h>
#include <uniwidth.h>

#include "ca/base/text.h"

static bool cell_add(struct safe_text *out, struct safe_cell cell) {
    if (out->count == out->room) {
        size_t room = out->room ? out->room * 2 : 64;
        struct safe_cell *cells = realloc(out->cells, room * sizeof *cells);
        if (cells == NULL)
            return false;
        out->cells = cells;
        out->room = room;
    }
    out->cells[out->count++] = cell;
    return true;
}

static bool ascii_add(struct safe_text *out, const char *ascii, bool escaped) {
    bool done = true;
    for (; *ascii && done; ascii++)
        done = cell_add(out, (struct safe_cell){(unsigned char)*ascii, 0, 1, escaped});
    return done;
}

static bool escape_add(struct safe_text *out, const char *text) {
    out->escapes++;
    return ascii_add(out, text, true);
}

static bool escape_scalar(struct safe_text *out, uint32_t scalar) {
    char text[16];
    snprintf(text, sizeof text, "<U+%04X>", (unsigned)scalar);
    return escape_add(out, text);
}

static bool escape_octet(struct safe_text *out, uint8_t octet) {
    char text[8];
    snprintf(text, sizeof text, "<%02X>", octet);
    return escape_add(out, text);
}

static bool is_mark(uint32_t scalar) {
    return uc_is_general_category_withtable(scalar, UC_CATEGORY_MASK_Mn | UC_CATEGORY_MASK_Me);
}

/* Scripts with letters that pass for Latin ones. */
static bool is_lookalike(uint32_t scalar) {
    static const char *const names[] = {"Cyrillic", "Greek", "Armenian", "Cherokee", "Coptic", "Lisu", "Georgian"};
    const uc_script_t *script = scalar < 0x80 ? NULL : uc_script(scalar);
    for (size_t i = 0; script != NULL && i < sizeof names / sizeof names[0]; i++)
        if (strcmp(script->name, names[i]) == 0)
            return true;
    return false;
}

static bool is_latin(uint32_t scalar) {
    if (scalar < 0x80)
        return (scalar | 0x20) >= 'a' && (scalar | 0x20) <= 'z';
    const uc_script_t *script = uc_script(scalar);
    return script != NULL && strcmp(script->name, "Latin") == 0;
}

static bool ends_word(uint32_t scalar) {
    return scalar < 0x80 && strchr(" .,;:=+@/\\\"'()[]", (int)scalar) != NULL;
}

/* The word that begins at text: its size, and whether Latin meets a look-alike in it. */
static size_t word_read(const char *text, size_t size, bool *mixed) {
    bool latin = false, lookalike = false;
    size_t at = 0;
    while (at < size) {
        uint32_t scalar = 0;
        bool allowed = false;
        size_t taken = text_scalar(text + at, size - at, &scalar, &allowed);
        if (taken == 0)
            break;
        at += taken;
        if (allowed && ends_word(scalar))
            break;
        latin |= allowed && is_latin(scalar);
        lookalike |= allowed && is_lookalike(scalar);
    }
    *mixed = latin && lookalike;
    return at;
}

static bool scalar_add(struct safe_text *out, uint32_t scalar) {
    int width = uc_width((ucs4_t)scalar, "UTF-8");
    if (width != 1 && width != 2)
        return escape_scalar(out, scalar);
    if (!cell_add(out, (struct safe_cell){scalar, 0, (uint8_t)width, false}))
        return false;
    return width == 1 || cell_add(out, (struct safe_cell){0, 0, 0, false});
}

/* A mark goes onto the character before it, when that has none yet and is no escape. */
static bool mark_add(struct safe_text *out, uint32_t mark) {
    size_t at = out->count;
    if (at > 0 && out->cells[at - 1].width == 0)
        at--;
    struct safe_cell *base = at > 0 ? &out->cells[at - 1] : NULL;
    if (base == NULL || base->escaped || base->mark != 0 || base->scalar == ' ')
        return escape_scalar(out, mark);
    base->mark = mark;
    return true;
}

static bool one_add(struct safe_text *out, const char *at, size_t size, bool utf8, bool mixed, size_t *taken) {
    uint32_t scalar = 0;
    bool allowed = false;
    *taken = text_scalar(at, size, &scalar, &allowed);
    /* an octet that is no UTF-8 comes back alone: it cannot be a scalar below 0x80 */
    if (*taken == 0 || (*taken == 1 && (unsigned char)*at >= 0x80)) {
        *taken = 1;
        return escape_octet(out, (uint8_t)*at);
    }
    if (!allowed || (scalar >= 0x80 && !utf8) || (mixed && is_lookalike(scalar)))
        return escape_scalar(out, scalar);
    if (is_mark(scalar))
        return mark_add(out, scalar);
    return scalar_add(out, scalar);
}

bool safe_text_add(struct safe_text *out, const char *text, size_t size, bool utf8) {
    size_t at = 0, word_end = 0, taken = 0;
    bool mixed = false, done = true;
    while (at < size && done) {
        if (at >= word_end)
            word_end = at + word_read(text + at, size - at, &mixed);
        done = one_add(out, text + at, size - at, utf8, mixed, &taken);
        at += taken;
    }
    return done;
}

void safe_text_free(struct safe_text *text) {
    free(text->cells);
    *text = (struct safe_text){NULL, 0, 0, 0};
}

bool text_mixes_scripts(const char *text, size_t size) {
    bool mixed = false;
    for (size_t at = 0; at < size && !mixed;) {
        size_t taken = word_read(text + at, size - at, &mixed);
        at += taken ? taken : 1;
    }
    return mixed;
}
