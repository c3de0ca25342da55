/* A folder: its columns as data, the text of its cells, and what is said about the selected row. One view_*.c each. */
#ifndef CHANCERY_TUI_VIEW_H
#define CHANCERY_TUI_VIEW_H

#include "tui/grid.h"
#include "tui/lines.h"
#include "tui/model.h"

struct column {
    const char *title;
    int width;   /* at least */
    int drop;    /* narrow screens lose the highest first; 0 stays always */
    bool stretch; /* takes what is left */
    void (*cell)(const void *item, struct buf *out, enum style *style);
};

struct view {
    enum folder folder;
    char digit;           /* 0: not in the folder line */
    const char *title;    /* "Pending" */
    const char *tag;      /* "Pend": in the folder line */
    const char *command;  /* the equal command */
    const char *query;    /* disposition as the API names it; NULL: not a list of requests */
    bool descending;      /* newest first */
    const char *empty;    /* said when there is no row */
    const struct column *columns;
    size_t column_count;
    const void *(*item)(const struct model *model, size_t index);
    void (*summary)(const struct model *model, size_t index, struct lines *out); /* at most three lines */
};
extern const struct view view_pending, view_issued, view_failed, view_revoked, view_usages, view_health, view_find;

const struct view *view_of(enum folder folder);
const char *view_empty(const struct model *model); /* what an empty list says */
const struct view *view_by_digit(char digit); /* NULL: no folder has it */

/* What views of requests share. */
const void *row_item(const struct model *model, size_t index);
void row_summary(const struct model *model, size_t index, struct lines *out);
void cell_id(const void *item, struct buf *out, enum style *style);
void cell_requester(const void *item, struct buf *out, enum style *style);
void cell_template(const void *item, struct buf *out, enum style *style);
void cell_name(const void *item, struct buf *out, enum style *style);
void cell_disposition(const void *item, struct buf *out, enum style *style);
void cell_submitted(const void *item, struct buf *out, enum style *style);
void cell_resolved(const void *item, struct buf *out, enum style *style);
void cell_expires(const void *item, struct buf *out, enum style *style);
void cell_serial(const void *item, struct buf *out, enum style *style);
void cell_message(const void *item, struct buf *out, enum style *style);
void time_short(int64_t at, struct buf *out); /* "2026-01-20 07:12", "-" for 0 */

#endif
