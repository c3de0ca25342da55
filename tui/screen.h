/* The terminal: draws grids, gives octets of keys. No curses type leaves screen.c. */
#ifndef CHANCERY_TUI_SCREEN_H
#define CHANCERY_TUI_SCREEN_H

#include <stdio.h>

#include "ca/base/error.h"
#include "tui/grid.h"

struct screen;

struct screen_options {
    FILE *in, *out;    /* a terminal; a file or pipe works as well (tests) */
    const char *term;  /* NULL: $TERM */
    const char *theme; /* default, mono, colour-blind, high-contrast; NULL: default, or mono under NO_COLOR */
    int rows, cols;    /* 0: the terminal's */
};
/* One at a time. BAD_CONFIG for a terminal that terminfo does not know or cannot move a cursor, USAGE for a theme. */
int screen_open(const struct screen_options *options, struct screen **out, struct error *error);
/* Gives the terminal back as it was. NULL is fine. */
void screen_close(struct screen *screen);
/* The terminal's size now. */
void screen_size(const struct screen *screen, int *rows, int *cols);
void screen_resize(struct screen *screen, int rows, int cols);
/* Draws what differs from what was drawn before; nothing differs, nothing is written. */
void screen_draw(struct screen *screen, const struct grid *grid);

#endif
