/* model -> grid, and model -> lines of text: pure. */
#ifndef CHANCERY_TUI_RENDER_H
#define CHANCERY_TUI_RENDER_H

#include "tui/grid.h"
#include "tui/model.h"

/* Draws the whole screen into a grid of the model's size. */
void render(const struct model *model, struct grid *grid);
/* The same as lines, for screen readers and pipes (--plain). */
void render_plain(const struct model *model, struct buf *out);
/* A count in at most five cells: "412", "9120", "12k", "1.2M". */
void count_short(uint64_t count, struct buf *out);

#endif
