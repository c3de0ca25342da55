/* Pages of text: built here, drawn into grids here. */
#include "tui/lines.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_WIDTH 15
#define LABEL_MIN_SCREEN 50 /* narrower: label and value in one text */

void lines_open(struct lines *lines, int width, bool utf8) {
    *lines = (struct lines){NULL, 0, width, utf8, -1};
}

void lines_free(struct lines *lines) {
    for (size_t i = 0; i < lines->count; i++)
        for (size_t j = 0; j < lines->items[i].count; j++)
            free(lines->items[i].pieces[j].text);
    free(lines->items);
    lines->items = NULL;
    lines->count = 0;
}

void lines_row(struct lines *lines) {
    struct line *items = realloc(lines->items, (lines->count + 1) * sizeof *items);
    if (items == NULL)
        return;
    lines->items = items;
    items[lines->count++].count = 0;
}

static void piece_add(struct lines *lines, int col, int width, bool wraps, enum style style, const char *text) {
    struct line *line = lines->count > 0 ? &lines->items[lines->count - 1] : NULL;
    char *copy = line != NULL && line->count < PIECES_MAX ? strdup(text) : NULL;
    if (copy != NULL)
        line->pieces[line->count++] = (struct piece){col, width, wraps, style, copy};
}

void lines_piece(struct lines *lines, int col, int width, enum style style, const char *text) {
    piece_add(lines, col, width, false, style, text);
}

__attribute__((format(printf, 4, 0))) static void format_add(struct lines *lines, bool wraps, enum style style,
                                                             const char *format, va_list arguments) {
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        return;
    lines_row(lines);
    piece_add(lines, 1, 0, wraps, style, text);
    free(text);
}

void lines_add(struct lines *lines, enum style style, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    format_add(lines, true, style, format, arguments);
    va_end(arguments);
}

void lines_cut(struct lines *lines, enum style style, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    format_add(lines, false, style, format, arguments);
    va_end(arguments);
}

void lines_blank(struct lines *lines) {
    lines_row(lines);
}

void lines_label(struct lines *lines, enum style style, const char *label, const char *value) {
    if (lines->width < LABEL_MIN_SCREEN) {
        lines_add(lines, style, "%s: %s", label, value);
        return;
    }
    lines_row(lines);
    piece_add(lines, 1, LABEL_WIDTH, false, STYLE_DIM, label);
    piece_add(lines, 2 + LABEL_WIDTH, 0, true, style, value);
}

static int piece_width(const struct lines *lines, const struct piece *piece) {
    int room = lines->width - piece->col;
    return piece->width > 0 && piece->width < room ? piece->width : room;
}

int line_rows(const struct lines *lines, size_t index) {
    const struct line *line = &lines->items[index];
    int rows = 1;
    for (size_t i = 0; i < line->count; i++) {
        const struct piece *piece = &line->pieces[i];
        int needed = piece->wraps ? text_rows(piece->text, piece_width(lines, piece), lines->utf8) : 1;
        rows = needed > rows ? needed : rows;
    }
    return rows;
}

int lines_rows(const struct lines *lines) {
    int rows = 0;
    for (size_t i = 0; i < lines->count; i++)
        rows += line_rows(lines, i);
    return rows;
}

int lines_scroll_to_cursor(const struct lines *lines, int scroll, int height) {
    int row = 0;
    if (lines->cursor < 0)
        return scroll;
    for (int i = 0; i < lines->cursor; i++)
        row += line_rows(lines, (size_t)i);
    int end = row + line_rows(lines, (size_t)lines->cursor);
    if (end - scroll > height)
        scroll = end - height;
    return row < scroll ? row : scroll;
}

/* A line that begins above the area is drawn into a scratch grid, so that its later rows appear at their place. */
static void line_draw(const struct lines *lines, size_t index, struct grid *grid, int row, int rows, int top, int bottom) {
    const struct line *line = &lines->items[index];
    struct grid scratch;
    if (!grid_open(&scratch, rows, grid->cols, grid->utf8))
        return;
    for (size_t i = 0; i < line->count; i++) {
        const struct piece *piece = &line->pieces[i];
        int width = piece_width(lines, piece);
        if (piece->wraps)
            grid_wrap(&scratch, 0, piece->col, width, rows, piece->style, piece->text);
        else
            grid_text(&scratch, 0, piece->col, width, piece->style, piece->text);
    }
    for (int i = 0; i < rows; i++)
        if (row + i >= top && row + i < bottom && row + i < grid->rows)
            memcpy(&grid->cells[(size_t)(row + i) * (size_t)grid->cols], &scratch.cells[(size_t)i * (size_t)grid->cols],
                   (size_t)grid->cols * sizeof *grid->cells);
    grid_free(&scratch);
}

void lines_draw(const struct lines *lines, struct grid *grid, int top, int height, int scroll) {
    int row = top - scroll;
    for (size_t i = 0; i < lines->count && row < top + height; i++) {
        int rows = line_rows(lines, i);
        if (row + rows > top)
            line_draw(lines, i, grid, row, rows, top, top + height);
        if ((int)i == lines->cursor && row >= top)
            grid_cursor(grid, row, 0);
        row += rows;
    }
}

void lines_print(const struct lines *lines, struct buf *out) {
    for (size_t i = 0; i < lines->count; i++) {
        if ((int)i == lines->cursor)
            buf_add_text(out, "> ");
        for (size_t j = 0; j < lines->items[i].count; j++) {
            struct safe_text cells = {NULL, 0, 0, 0};
            const char *text = lines->items[i].pieces[j].text;
            if (j > 0)
                buf_add_text(out, "  ");
            if (safe_text_add(&cells, text, strlen(text), lines->utf8))
                for (size_t k = 0; k < cells.count; k++)
                    cell_print(&cells.cells[k], out);
            safe_text_free(&cells);
        }
        buf_add_byte(out, '\n');
    }
}
