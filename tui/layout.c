/* Small screens lose decoration first: the rule and the counts, then the summary, the folders, the footer; never the list. */
#include "tui/layout.h"

struct layout layout_of(const struct model *model) {
    struct layout at = {.folders = -1, .counts = -1, .headings = -1, .rule = -1, .summary_rule = -1, .footer = -1};
    int rows = model->rows, row = 1;
    at.too_small = rows < SCREEN_MIN_ROWS || model->cols < SCREEN_MIN_COLS;
    if (rows >= 8)
        at.folders = row++;
    if (rows >= 20)
        at.counts = row++;
    if (rows >= 7)
        at.headings = row++;
    if (rows >= 16)
        at.rule = row++;
    at.list_top = row;
    at.footer = rows >= 7 ? rows - 1 : -1;
    at.status = rows >= 7 ? rows - 2 : rows - 1;
    at.page_top = rows >= 16 ? 2 : 1;
    at.page_rows = at.status - at.page_top;
    at.summary_rows = rows >= 16 ? 3 : rows >= 12 ? 1 : 0;
    at.summary_top = at.status - at.summary_rows;
    at.summary_rule = rows >= 16 ? at.summary_top - 1 : -1;
    at.list_rows = (rows >= 16 ? at.summary_rule : at.summary_top) - at.list_top;
    return at;
}
