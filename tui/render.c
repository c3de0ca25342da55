/* The whole screen from the model: title, folders, list or page, status, footer. Reads, never changes. */
#include "tui/render.h"

#include <string.h>

#include "tui/action.h"
#include "tui/keymap.h"
#include "tui/layout.h"
#include "tui/pages.h"
#include "tui/view.h"

void count_short(uint64_t count, struct buf *out) {
    if (count < 10000)
        buf_printf(out, "%llu", (unsigned long long)count);
    else if (count < 1000000)
        buf_printf(out, "%lluk", (unsigned long long)(count / 1000));
    else
        buf_printf(out, "%llu.%lluM", (unsigned long long)(count / 1000000), (unsigned long long)(count / 100000 % 10));
}

/* The mode is always whole; of the rest the title comes first, who one is takes what is left. */
static void render_title(const struct model *model, struct grid *grid) {
    struct buf title = BUF_EMPTY, who = BUF_EMPTY;
    bool wide = grid->cols >= 60;
    const char *mode = model->read_only ? (wide ? "[READ-ONLY]" : "[RO]") : (wide ? "[READ-WRITE]" : "[RW]");
    int mode_width = (int)strlen(mode), room = grid->cols - mode_width - 1;
    page_title(model, &title);
    if (wide) {
        buf_printf(&who, "%s: ", model->hello.account != NULL ? model->hello.account : "?");
        roles_text(model->hello.roles, &who);
    }
    int title_width = text_width(buf_text(&title), grid->utf8), who_width = text_width(buf_text(&who), grid->utf8);
    int who_least = who_width < 12 ? who_width : 12;
    if (title_width > room - who_least - 2)
        title_width = wide ? room - who_least - 2 : room;
    if (who_width > room - title_width - 2)
        who_width = room - title_width - 2;
    grid_text(grid, 0, 0, title_width, STYLE_TITLE, buf_text(&title));
    grid_text(grid, 0, room - who_width - 1, who_width, STYLE_TITLE, buf_text(&who));
    grid_text(grid, 0, grid->cols - mode_width, mode_width, STYLE_TITLE, mode);
    buf_free(&title);
    buf_free(&who);
}

static void folder_text(const struct model *model, const struct view *view, bool counts, struct buf *out) {
    static const char *const health[] = {"OK", "WRN", "ERR", "?"};
    buf_printf(out, "%c%s", view->digit, view->tag);
    if (!counts)
        return;
    if (view->folder == FOLDER_HEALTH && model->hello.health_known) {
        buf_printf(out, " %s", health[model->hello.health & 3]);
    } else if (view->query != NULL && model->hello.counted) {
        buf_add_byte(out, ' ');
        count_short(model->hello.counts[view->folder], out);
    }
}

static int folders_draw(const struct model *model, struct grid *grid, int row, bool counts) {
    int col = 0;
    for (int folder = 0; folder < FOLDER_COUNT; folder++) {
        const struct view *view = view_of((enum folder)folder);
        struct buf text = BUF_EMPTY;
        if (view->digit != 0) {
            folder_text(model, view, counts, &text);
            if (grid != NULL)
                grid_text(grid, row, col, (int)text.size, view->folder == model->folder ? STYLE_HERE : STYLE_FOLDER,
                          buf_text(&text));
            col += (int)text.size + 1;
        }
        buf_free(&text);
    }
    return col - 1;
}

static void render_folders(const struct model *model, struct grid *grid, int row) {
    bool counts = folders_draw(model, NULL, row, true) <= grid->cols;
    folders_draw(model, grid, row, counts);
}

/* Which columns this width has room for, and how wide each is: the highest drop goes first, stretching ones share the rest. */
static void column_widths(const struct view *view, int cols, int widths[]) {
    int drop = 9, used = 0, stretches = 0;
    do {
        used = 1; /* the marker */
        for (size_t i = 0; i < view->column_count; i++) {
            bool shown = view->columns[i].drop < drop;
            widths[i] = shown ? view->columns[i].width : 0;
            used += shown ? widths[i] + 1 : 0;
        }
    } while (used - 1 > cols && --drop > 0);
    for (size_t i = 0; i < view->column_count; i++)
        stretches += widths[i] > 0 && view->columns[i].stretch;
    for (size_t i = 0; i < view->column_count; i++)
        if (widths[i] > 0 && view->columns[i].stretch && used <= cols) {
            int share = (cols - used + 1) / stretches--;
            widths[i] += share;
            used += share;
        }
}

#define COLUMNS_MAX 8

static void render_headings(const struct view *view, struct grid *grid, int row, const int widths[]) {
    int col = 2;
    for (size_t i = 0; i < view->column_count; i++) {
        if (widths[i] == 0)
            continue;
        grid_text(grid, row, col, widths[i], STYLE_HEADING, view->columns[i].title);
        col += widths[i] + 1;
    }
}

static void render_row(const struct model *model, struct grid *grid, int row, size_t index, const int widths[]) {
    const struct view *view = view_of(model->folder);
    const void *item = view->item(model, index);
    bool here = index == model->lists[model->folder].selected;
    int col = 2;
    for (size_t i = 0; i < view->column_count; i++) {
        if (widths[i] == 0)
            continue;
        struct buf text = BUF_EMPTY;
        enum style style = STYLE_NORMAL;
        view->columns[i].cell(item, &text, &style);
        grid_text_n(grid, row, col, widths[i], style, buf_text(&text), text.size);
        buf_free(&text);
        col += widths[i] + 1;
    }
    if (here) {
        grid_restyle(grid, row, 0, grid->cols, STYLE_SELECTED);
        grid_text(grid, row, 0, 1, STYLE_SELECTED, ">");
        grid_cursor(grid, row, 0);
    }
}

static void render_counts(const struct model *model, struct grid *grid, int row) {
    const struct view *view = view_of(model->folder);
    struct buf text = BUF_EMPTY;
    size_t count = model_row_count(model);
    buf_printf(&text, "%zu%s", count, model->more_after || model->more_before ? "+" : "");
    if (view->query != NULL && model->hello.counted)
        buf_printf(&text, " of %llu", (unsigned long long)model->hello.counts[model->folder]);
    if (folder_has_requests(model->folder))
        buf_printf(&text, "   Sort: %s", view->descending ? "newest first" : "oldest first");
    grid_text(grid, row, 0, grid->cols, STYLE_DIM, buf_text(&text));
    buf_free(&text);
}

static void render_summary(const struct model *model, struct grid *grid, const struct layout *at) {
    size_t selected = model->lists[model->folder].selected;
    if (at->summary_rows == 0 || selected >= model_row_count(model))
        return;
    struct lines lines;
    lines_open(&lines, grid->cols, grid->utf8);
    view_of(model->folder)->summary(model, selected, &lines);
    lines_draw(&lines, grid, at->summary_top, at->summary_rows, 0);
    lines_free(&lines);
}

static void render_list(const struct model *model, struct grid *grid, const struct layout *at) {
    const struct view *view = view_of(model->folder);
    const struct list *list = &model->lists[model->folder];
    size_t count = model_row_count(model);
    int widths[COLUMNS_MAX] = {0};
    column_widths(view, grid->cols, widths);
    if (at->counts >= 0)
        render_counts(model, grid, at->counts);
    if (at->headings >= 0)
        render_headings(view, grid, at->headings, widths);
    if (at->rule >= 0)
        grid_rule(grid, at->rule, '-', STYLE_DIM);
    if (at->summary_rule >= 0)
        grid_rule(grid, at->summary_rule, '-', STYLE_DIM);
    grid_cursor(grid, at->list_top, 0);
    if (count == 0)
        grid_wrap(grid, at->list_top, 2, grid->cols - 2, at->list_rows, STYLE_DIM, view_empty(model));
    for (int i = 0; i < at->list_rows && list->top + (size_t)i < count; i++)
        render_row(model, grid, at->list_top + i, list->top + (size_t)i, widths);
    render_summary(model, grid, at);
}

static void render_page(const struct model *model, struct grid *grid, const struct layout *at, const struct lines *lines) {
    if (at->page_top == 2)
        grid_rule(grid, 1, '-', STYLE_DIM);
    grid_cursor(grid, at->page_top, 0);
    lines_draw(lines, grid, at->page_top, at->page_rows, page_scroll(model));
}

/* Does an action make sense for what is selected? Others stay out of the footer. */
static bool footer_shows(const struct model *model, enum action action) {
    unsigned mask = action_row(action)->dispositions;
    const struct row *row = model_row(model);
    if (action == ACTION_FINISH || action == ACTION_TICK)
        return model->returned.complete || action == ACTION_FINISH;
    if (action == ACTION_IMPORT)
        return !model->returned.complete;
    if (action == ACTION_ASSIGN && model->folder != FOLDER_USAGES)
        mask = DISPOSITION_BIT(DISPOSITION_ISSUED);
    if ((action == ACTION_OPEN || action == ACTION_VERIFY) && model->view == VIEW_LIST)
        return model_row_count(model) > 0;
    if (mask == 0)
        return true;
    if (model->view == VIEW_DETAIL)
        return (mask & DISPOSITION_BIT(model->object.disposition)) != 0;
    return row != NULL && (mask & DISPOSITION_BIT(row->disposition)) != 0;
}

/* The key that confirms says what it does, in capitals. */
static const char *footer_word(const struct model *model, enum action action) {
    const char *verb = action == ACTION_YES ? action_row((enum action)model->dialog.action)->verb : NULL;
    return verb != NULL ? verb : action_row(action)->name;
}

static int footer_draw(const struct model *model, struct grid *grid, int row, enum place place, int col) {
    char name[KEY_NAME_SIZE];
    for (size_t i = 0; i < keymap_size; i++) {
        if (keymap[i].place != place || !keymap[i].footer || !footer_shows(model, keymap[i].action))
            continue;
        key_name(keymap[i].key, name);
        const char *word = footer_word(model, keymap[i].action);
        int size = (int)(strlen(name) + 1 + strlen(word));
        if (col + size > grid->cols)
            break;
        grid_text(grid, row, col, (int)strlen(name), STYLE_KEY, name);
        grid_text(grid, row, col + (int)strlen(name) + 1, (int)strlen(word), STYLE_DIM, word);
        col += size + 2;
    }
    return col;
}

static void render_footer(const struct model *model, struct grid *grid, int row) {
    enum place place = place_of(model);
    int col = footer_draw(model, grid, row, place, 0);
    if (!place_is_modal(place))
        footer_draw(model, grid, row, PLACE_COMMON, col);
}

/* What does not fit into the status row takes rows above it, but never over what is being confirmed. */
static void render_status(const struct model *model, struct grid *grid, int row) {
    int rows = text_rows(model->status, grid->cols, grid->utf8), most = grid->rows / 4;
    enum style style = (enum style)model->status_style;
    if (rows <= 1 || most <= 1 || model->dialog.kind == DIALOG_CONFIRM) {
        grid_text(grid, row, 0, grid->cols, style, model->status);
        return;
    }
    rows = rows < most ? rows : most;
    for (int i = 0; i < rows; i++)
        grid_rule(grid, row - i, ' ', STYLE_NORMAL);
    grid_wrap(grid, row - rows + 1, 0, grid->cols, rows, style, model->status);
}

void render(const struct model *model, struct grid *grid) {
    struct layout at = layout_of(model);
    struct lines lines;
    grid_clear(grid);
    if (at.too_small) {
        grid_wrap(grid, 0, 0, grid->cols, grid->rows, STYLE_NORMAL, "Screen too small: 20x5 at least.");
        return;
    }
    render_title(model, grid);
    bool page = page_build(model, &lines);
    if (page) {
        render_page(model, grid, &at, &lines);
    } else {
        if (at.folders >= 0)
            render_folders(model, grid, at.folders);
        render_list(model, grid, &at);
    }
    lines_free(&lines);
    render_status(model, grid, at.status);
    if (at.footer >= 0)
        render_footer(model, grid, at.footer);
}

/* ---- the same for screen readers ---- */

static void safe_print(const struct model *model, const char *text, struct buf *out) {
    struct safe_text cells = {NULL, 0, 0, 0};
    if (safe_text_add(&cells, text, strlen(text), model->utf8))
        for (size_t i = 0; i < cells.count; i++)
            cell_print(&cells.cells[i], out);
    safe_text_free(&cells);
}

static void plain_row(const struct model *model, size_t index, struct buf *out) {
    const struct view *view = view_of(model->folder);
    const void *item = view->item(model, index);
    if (index == model->lists[model->folder].selected)
        buf_add_text(out, "selected: ");
    for (size_t i = 0; i < view->column_count; i++) {
        struct buf text = BUF_EMPTY;
        enum style style = STYLE_NORMAL;
        view->columns[i].cell(item, &text, &style);
        buf_printf(out, "%s%s ", i > 0 ? ", " : "", view->columns[i].title);
        safe_print(model, buf_text(&text), out);
        buf_free(&text);
    }
    buf_add_byte(out, '\n');
}

void render_plain(const struct model *model, struct buf *out) {
    struct buf title = BUF_EMPTY;
    struct lines lines;
    page_title(model, &title);
    safe_print(model, buf_text(&title), out);
    buf_add_text(out, model->read_only ? " [READ-ONLY]\n" : " [READ-WRITE]\n");
    size_t count = model_row_count(model), from = model->lists[model->folder].top;
    int rows = layout_of(model).list_rows;
    if (page_build(model, &lines))
        lines_print(&lines, out);
    else if (count == 0)
        buf_printf(out, "%s\n", view_empty(model));
    else
        for (size_t i = from; i < count && i < from + (size_t)(rows > 0 ? rows : 1); i++)
            plain_row(model, i, out);
    if (model->status[0]) {
        buf_add_text(out, "status: ");
        safe_print(model, model->status, out);
        buf_add_byte(out, '\n');
    }
    lines_free(&lines);
    buf_free(&title);
}
