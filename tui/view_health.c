/* Folder 9, Health: everything that can go wrong, and whether it did. */
#include "tui/view.h"

static const struct {
    const char *word;
    enum style style;
} states[] = {{"OK", STYLE_OK}, {"WRN", STYLE_WARN}, {"ERR", STYLE_ERROR}, {"?", STYLE_DIM}};

static const void *health_item(const struct model *model, size_t index) {
    return &model->health[index];
}

static void cell_state(const void *item, struct buf *out, enum style *style) {
    unsigned state = ((const struct health_line *)item)->state & 3;
    *style = states[state].style;
    buf_add_text(out, states[state].word);
}

static void cell_what(const void *item, struct buf *out, enum style *style) {
    buf_add_text(out, ((const struct health_line *)item)->name);
}

static void cell_said(const void *item, struct buf *out, enum style *style) {
    buf_add_text(out, ((const struct health_line *)item)->message);
}

static void health_summary(const struct model *model, size_t index, struct lines *out) {
    size_t counts[4] = {0, 0, 0, 0};
    for (size_t i = 0; i < model->health_count; i++)
        counts[model->health[i].state & 3]++;
    const struct health_line *line = &model->health[index];
    lines_cut(out, STYLE_NORMAL, "%zu ok, %zu warning, %zu error, %zu unknown", counts[0], counts[1], counts[2], counts[3]);
    lines_add(out, STYLE_NORMAL, "%s: %s", line->name, line->message);
}

static const struct column columns[] = {
    {"", 3, 0, false, cell_state},
    {"What", 20, 0, false, cell_what},
    {"State", 16, 1, true, cell_said},
};

const struct view view_health = {
    FOLDER_HEALTH, '9', "Health", "Health", "chancery health", NULL, false,
    "No health was reported.", columns, sizeof columns / sizeof columns[0], health_item, health_summary,
};
