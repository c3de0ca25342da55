/* Where things stand on a screen of this size: pure arithmetic that update (scrolling) and render share. */
#ifndef CHANCERY_TUI_LAYOUT_H
#define CHANCERY_TUI_LAYOUT_H

#include "tui/model.h"

#define SCREEN_MIN_COLS 20
#define SCREEN_MIN_ROWS 5
#define PAGE_COLS_WIDE 60 /* from here on pages are set in columns */

struct layout {
    bool too_small;
    int folders;                       /* row, -1: not shown */
    int counts, headings, rule;        /* rows of a list, -1: not shown */
    int list_top, list_rows;
    int summary_rule, summary_top, summary_rows;
    int page_top, page_rows;           /* details, dialogs, wizard */
    int status, footer;                /* footer -1: not shown */
};
struct layout layout_of(const struct model *model);

#endif
