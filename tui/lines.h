/* Pages of text: lines made of pieces at columns, some of which wrap. Details, dialogs and the wizard are such pages; the
 * renderer puts them into the grid, --plain writes them out. The texts are still raw: the sanitiser comes with the grid. */
#ifndef CHANCERY_TUI_LINES_H
#define CHANCERY_TUI_LINES_H

#include "tui/grid.h"

struct piece {
    int col, width; /* width 0: to the right edge */
    bool wraps;
    enum style style;
    char *text;
};
#define PIECES_MAX 6
struct line {
    struct piece pieces[PIECES_MAX];
    size_t count;
};
struct lines {
    struct line *items;
    size_t count;
    int width;   /* of the screen: pages are made for it */
    bool utf8;
    int cursor;  /* line that the cursor stands on, -1: none */
};

void lines_open(struct lines *lines, int width, bool utf8);
void lines_free(struct lines *lines);
void lines_add(struct lines *lines, enum style style, const char *format, ...) __attribute__((format(printf, 3, 4))); /* wraps */
void lines_cut(struct lines *lines, enum style style, const char *format, ...) __attribute__((format(printf, 3, 4))); /* one row */
void lines_blank(struct lines *lines);
void lines_label(struct lines *lines, enum style style, const char *label, const char *value); /* the value wraps */
void lines_row(struct lines *lines); /* a line without pieces; then: */
void lines_piece(struct lines *lines, int col, int width, enum style style, const char *text);

int line_rows(const struct lines *lines, size_t index);
int lines_rows(const struct lines *lines); /* all together */
/* The scroll nearest to this one that shows the cursor's line in an area of this height. */
int lines_scroll_to_cursor(const struct lines *lines, int scroll, int height);
/* Draws rows scroll … scroll+height of the page at grid rows top …, sets the cursor onto lines->cursor. */
void lines_draw(const struct lines *lines, struct grid *grid, int top, int height, int scroll);
/* Every line as sanitised text. */
void lines_print(const struct lines *lines, struct buf *out);

#endif
