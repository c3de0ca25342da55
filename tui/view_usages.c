/* Folder 8, Usages: what is assigned to which named purpose on which host. */
#include "tui/view.h"

static const void *usage_item(const struct model *model, size_t index) {
    return &model->usages[index];
}

static void cell_usage(const void *item, struct buf *out, enum style *style) {
    buf_add_text(out, ((const struct usage_line *)item)->usage);
}

static void cell_host(const void *item, struct buf *out, enum style *style) {
    const struct usage_line *line = item;
    buf_add_text(out, line->host[0] ? line->host : "-");
}

static void cell_request(const void *item, struct buf *out, enum style *style) {
    const struct usage_line *line = item;
    if (line->request_id != 0)
        buf_printf(out, "%llu", (unsigned long long)line->request_id);
    else
        buf_add_byte(out, '-');
}

static void cell_since(const void *item, struct buf *out, enum style *style) {
    time_short(((const struct usage_line *)item)->at, out);
}

static void cell_state(const void *item, struct buf *out, enum style *style) {
    const struct usage_line *line = item;
    if (line->request_id == 0)
        *style = STYLE_DIM;
    buf_add_text(out, line->state);
}

static void usage_summary(const struct model *model, size_t index, struct lines *out) {
    const struct usage_line *line = &model->usages[index];
    lines_cut(out, STYLE_NORMAL, "%s: %s", line->usage, line->title);
    if (line->fingerprint[0])
        lines_cut(out, STYLE_NORMAL, "SHA-256 %s", line->fingerprint);
    if (line->by[0])
        lines_cut(out, STYLE_DIM, "assigned by %s", line->by);
}

static const struct column columns[] = {
    {"Usage", 21, 0, false, cell_usage},
    {"Host", 12, 0, true, cell_host},
    {"ReqID", 8, 1, false, cell_request},
    {"Since (UTC)", 16, 3, false, cell_since},
    {"State", 13, 2, false, cell_state},
};

const struct view view_usages = {
    FOLDER_USAGES, '8', "Usages", "Usag", "chancery assignments", NULL, false,
    "No usage is defined.", columns, sizeof columns / sizeof columns[0], usage_item, usage_summary,
};
