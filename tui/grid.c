/* The grid: cells, text put into them, and its golden form. Everything that is written passes the sanitiser here. */
#include "tui/grid.h"

#include <stdlib.h>
#include <string.h>

static const char *const style_names[STYLE_COUNT] = {
    [STYLE_NORMAL] = "normal",   [STYLE_TITLE] = "title",       [STYLE_FOLDER] = "folder", [STYLE_HERE] = "here",
    [STYLE_HEADING] = "heading", [STYLE_SELECTED] = "selected", [STYLE_DIM] = "dim",       [STYLE_OK] = "ok",
    [STYLE_WARN] = "warn",       [STYLE_ERROR] = "error",       [STYLE_ESCAPED] = "escaped", [STYLE_KEY] = "key",
    [STYLE_INPUT] = "input",
};

const char *style_name(enum style style) {
    return style_names[style];
}

bool grid_open(struct grid *grid, int rows, int cols, bool utf8) {
    *grid = (struct grid){rows, cols, utf8, 0, 0, calloc((size_t)rows * (size_t)cols + 1, sizeof(struct grid_cell))};
    if (grid->cells != NULL)
        grid_clear(grid);
    return grid->cells != NULL;
}

void grid_free(struct grid *grid) {
    free(grid->cells);
    grid->cells = NULL;
}

static struct grid_cell *cell_of(const struct grid *grid, int row, int col) {
    return &grid->cells[(size_t)row * (size_t)grid->cols + (size_t)col];
}

const struct grid_cell *grid_at(const struct grid *grid, int row, int col) {
    return cell_of(grid, row, col);
}

static const struct grid_cell blank = {{' ', 0, 1, false}, STYLE_NORMAL};

void grid_clear(struct grid *grid) {
    for (int row = 0; row < grid->rows; row++)
        for (int col = 0; col < grid->cols; col++)
            *cell_of(grid, row, col) = blank;
    grid->cursor_row = grid->cursor_col = 0;
}

static void put(struct grid *grid, int row, int col, struct safe_cell glyph, enum style style) {
    if (row < 0 || row >= grid->rows || col < 0 || col >= grid->cols)
        return;
    *cell_of(grid, row, col) = (struct grid_cell){glyph, (uint8_t)(glyph.escaped ? STYLE_ESCAPED : style)};
}

/* Never leaves half of a wide character at the end. */
static int put_cells(struct grid *grid, int row, int col, int width, enum style style, const struct safe_cell *cells,
                     size_t count) {
    int used = 0;
    for (size_t i = 0; i < count && used < width; i++) {
        bool half = cells[i].width == 2 && used + 1 == width;
        put(grid, row, col + used, half ? blank.glyph : cells[i], style);
        used++;
    }
    return used;
}

static int put_cut(struct grid *grid, int row, int col, int width, enum style style, const struct safe_text *text) {
    char tail[16];
    int shown = width, size = 0;
    for (int turn = 0; turn < 2; turn++) { /* the count's own length changes the count */
        size = snprintf(tail, sizeof tail, "+%zu", text->count - (size_t)shown);
        shown = width - size > 0 ? width - size : 0;
    }
    if (shown == 0)
        return put_cells(grid, row, col, width, style, text->cells, text->count);
    size = snprintf(tail, sizeof tail, "+%zu", text->count - (size_t)shown);
    put_cells(grid, row, col, shown, style, text->cells, text->count);
    for (int i = 0; i < size && shown + i < width; i++)
        put(grid, row, col + shown + i, (struct safe_cell){(unsigned char)tail[i], 0, 1, false}, STYLE_DIM);
    return width;
}

int grid_text_n(struct grid *grid, int row, int col, int width, enum style style, const char *text, size_t size) {
    if (row < 0 || row >= grid->rows || col >= grid->cols)
        return 0;
    if (col + width > grid->cols)
        width = grid->cols - col;
    if (width <= 0)
        return 0;
    struct safe_text cells = {NULL, 0, 0, 0};
    int used = 0;
    if (safe_text_add(&cells, text, size, grid->utf8))
        used = cells.count > (size_t)width ? put_cut(grid, row, col, width, style, &cells)
                                           : put_cells(grid, row, col, width, style, cells.cells, cells.count);
    safe_text_free(&cells);
    return used;
}

int grid_text(struct grid *grid, int row, int col, int width, enum style style, const char *text) {
    return grid_text_n(grid, row, col, width, style, text, strlen(text));
}

/* Cells of one wrapped row: up to a blank in its second half, else width, or one less before a wide character that would
 * be cut. */
static size_t wrap_take(const struct safe_cell *cells, size_t count, int width) {
    size_t take = count < (size_t)width ? count : (size_t)width;
    if (take == count)
        return take;
    for (size_t at = take; at > take / 2; at--)
        if (cells[at - 1].scalar == ' ')
            return at;
    return take > 1 && cells[take - 1].width == 2 ? take - 1 : take;
}

static int wrap(struct grid *grid, int row, int col, int width, int max_rows, enum style style, const char *text, bool utf8) {
    struct safe_text cells = {NULL, 0, 0, 0};
    int rows = 0;
    if (width > 0 && safe_text_add(&cells, text, strlen(text), utf8))
        for (size_t at = 0; at < cells.count && rows < max_rows; rows++) {
            size_t take = wrap_take(cells.cells + at, cells.count - at, width);
            if (grid != NULL)
                put_cells(grid, row + rows, col, width, style, cells.cells + at, take);
            at += take;
        }
    safe_text_free(&cells);
    return rows > 0 ? rows : 1;
}

int grid_wrap(struct grid *grid, int row, int col, int width, int max_rows, enum style style, const char *text) {
    if (col + width > grid->cols)
        width = grid->cols - col;
    return wrap(grid, row, col, width, max_rows, style, text, grid->utf8);
}

int text_rows(const char *text, int width, bool utf8) {
    return wrap(NULL, 0, 0, width, 10000, STYLE_NORMAL, text, utf8);
}

int text_width(const char *text, bool utf8) {
    struct safe_text cells = {NULL, 0, 0, 0};
    safe_text_add(&cells, text, strlen(text), utf8);
    int width = (int)cells.count;
    safe_text_free(&cells);
    return width;
}

void grid_rule(struct grid *grid, int row, char line, enum style style) {
    for (int col = 0; col < grid->cols; col++)
        put(grid, row, col, (struct safe_cell){(unsigned char)line, 0, 1, false}, style);
}

void grid_restyle(struct grid *grid, int row, int col, int width, enum style style) {
    if (row < 0 || row >= grid->rows)
        return;
    for (int at = col < 0 ? 0 : col; at < col + width && at < grid->cols; at++)
        if (cell_of(grid, row, at)->style != STYLE_ESCAPED)
            cell_of(grid, row, at)->style = (uint8_t)style;
}

void grid_cursor(struct grid *grid, int row, int col) {
    grid->cursor_row = row < 0 ? 0 : row >= grid->rows ? grid->rows - 1 : row;
    grid->cursor_col = col < 0 ? 0 : col >= grid->cols ? grid->cols - 1 : col;
}

static void scalar_print(uint32_t scalar, struct buf *out) {
    if (scalar < 0x80) {
        buf_add_byte(out, (uint8_t)scalar);
        return;
    }
    int more = scalar < 0x800 ? 1 : scalar < 0x10000 ? 2 : 3;
    static const uint8_t leads[] = {0, 0xc0, 0xe0, 0xf0};
    buf_add_byte(out, (uint8_t)(leads[more] | scalar >> (6 * more)));
    while (more-- > 0)
        buf_add_byte(out, (uint8_t)(0x80 | (scalar >> (6 * more) & 0x3f)));
}

void cell_print(const struct safe_cell *cell, struct buf *out) {
    if (cell->scalar == 0)
        return;
    scalar_print(cell->scalar, out);
    if (cell->mark != 0)
        scalar_print(cell->mark, out);
}

static void dump_row(const struct grid *grid, int row, struct buf *out) {
    int last = grid->cols;
    while (last > 0 && cell_of(grid, row, last - 1)->glyph.scalar == ' ')
        last--;
    buf_add_byte(out, '|');
    for (int col = 0; col < last; col++)
        cell_print(&cell_of(grid, row, col)->glyph, out);
    buf_add_byte(out, '\n');
}

static void dump_styles(const struct grid *grid, int row, struct buf *out) {
    for (int col = 0; col < grid->cols;) {
        int from = col;
        uint8_t style = cell_of(grid, row, col)->style;
        while (col < grid->cols && cell_of(grid, row, col)->style == style)
            col++;
        if (style != STYLE_NORMAL)
            buf_printf(out, "%d:%d-%d %s\n", row, from, col - 1, style_names[style]);
    }
}

void grid_dump(const struct grid *grid, struct buf *out) {
    buf_printf(out, "size %dx%d cursor row %d column %d\n", grid->cols, grid->rows, grid->cursor_row, grid->cursor_col);
    for (int row = 0; row < grid->rows; row++)
        dump_row(grid, row, out);
    for (int row = 0; row < grid->rows; row++)
        dump_styles(grid, row, out);
}
