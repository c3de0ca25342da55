/* A grid of safe cells: what the renderer makes and the screen draws. No curses types.
 * Text enters a grid only through grid_text, which sends it through the sanitiser. */
#ifndef CHANCERY_TUI_GRID_H
#define CHANCERY_TUI_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "ca/base/buf.h"
#include "tui/sanitise.h"

enum style {
    STYLE_NORMAL,
    STYLE_TITLE,
    STYLE_FOLDER,
    STYLE_HERE, /* the open folder */
    STYLE_HEADING,
    STYLE_SELECTED,
    STYLE_DIM,
    STYLE_OK,
    STYLE_WARN,
    STYLE_ERROR,
    STYLE_ESCAPED,
    STYLE_KEY,
    STYLE_INPUT,
    STYLE_COUNT
};
const char *style_name(enum style style);

struct grid_cell {
    struct safe_cell glyph;
    uint8_t style;
};

struct grid {
    int rows, cols;
    bool utf8; /* the terminal shows UTF-8 */
    int cursor_row, cursor_col;
    struct grid_cell *cells;
};

/* false: no memory. Free with grid_free. */
bool grid_open(struct grid *grid, int rows, int cols, bool utf8);
void grid_free(struct grid *grid);
void grid_clear(struct grid *grid);
const struct grid_cell *grid_at(const struct grid *grid, int row, int col);

/* Writes text at (row, col), at most width cells; what does not fit is counted at the end: "p<U+0430>ypal.c+12".
 * Returns the cells used. Outside the grid nothing is written. */
int grid_text(struct grid *grid, int row, int col, int width, enum style style, const char *text);
int grid_text_n(struct grid *grid, int row, int col, int width, enum style style, const char *text, size_t size);
/* Writes text over as many rows as it needs, at most max_rows, broken at any cell. Returns the rows used. */
int grid_wrap(struct grid *grid, int row, int col, int width, int max_rows, enum style style, const char *text);
/* How many rows grid_wrap would need. */
int text_rows(const char *text, int width, bool utf8);
int text_width(const char *text, bool utf8);
void grid_rule(struct grid *grid, int row, char line, enum style style);
void grid_restyle(struct grid *grid, int row, int col, int width, enum style style);
void grid_cursor(struct grid *grid, int row, int col);

/* Size, cursor, every row without trailing blanks, then the runs that are not in the normal style: the golden form. */
void grid_dump(const struct grid *grid, struct buf *out);
/* One cell as UTF-8. */
void cell_print(const struct safe_cell *cell, struct buf *out);

#endif
