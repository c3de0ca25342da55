/* Folders, movement and the window of rows: pages are asked for by key when the cursor comes near an end of the window,
 * which never holds more than WINDOW_MAX rows. */
#include <stdlib.h>
#include <string.h>

#include "tui/layout.h"
#include "tui/update_parts.h"
#include "tui/view.h"

#define PAGE_ROWS 100

static void window_free(struct model *model) {
    struct page old = {model->window, model->window_count, false};
    page_free(&old);
    model->window = NULL;
    model->window_count = 0;
}

void ask_hello(struct model *model, struct effects *effects) {
    effects_ask(effects, model, (struct query){.kind = QUERY_HELLO});
}

static void ask_page(struct model *model, struct effects *effects, enum fetch fetch, uint64_t after, bool backwards, size_t limit) {
    struct query query = {.kind = QUERY_PAGE, .folder = model->folder, .after = after, .backwards = backwards, .fetch = fetch,
                          .limit = limit};
    effects_ask(effects, model, query);
}

/* The key just before the first row of the window, so that a refresh shows the same place again. */
static uint64_t window_anchor(const struct model *model) {
    if (!model->more_before || model->window_count == 0)
        return 0;
    uint64_t first = model->window[0].id;
    return view_of(model->folder)->descending ? first + 1 : first - 1;
}

static void ask_folder(struct model *model, struct effects *effects, uint64_t after, size_t limit) {
    if (model->folder == FOLDER_USAGES) {
        effects_ask(effects, model, (struct query){.kind = QUERY_USAGES});
    } else if (model->folder == FOLDER_HEALTH) {
        effects_ask(effects, model, (struct query){.kind = QUERY_HEALTH});
    } else if (model->folder == FOLDER_FIND) {
        char *text = strdup(model->find);
        effects_ask(effects, model, (struct query){.kind = QUERY_FIND, .text = text, .limit = WINDOW_MAX});
    } else {
        ask_page(model, effects, FETCH_REPLACE, after, false, limit);
    }
}

void folder_open(struct model *model, enum folder folder, struct effects *effects) {
    window_free(model);
    model->folder = folder;
    model->view = VIEW_LIST;
    model->depth = 0;
    model->intent = 0;
    model->loaded = model->failed = model->more_before = model->more_after = false;
    model->lists[folder] = (struct list){0, 0};
    ask_folder(model, effects, 0, PAGE_ROWS);
    ask_hello(model, effects);
}

void folder_refresh(struct model *model, struct effects *effects) {
    size_t limit = model->window_count > PAGE_ROWS ? model->window_count : PAGE_ROWS;
    ask_folder(model, effects, window_anchor(model), limit);
    ask_hello(model, effects);
    if (model->folder != FOLDER_HEALTH)
        effects_ask(effects, model, (struct query){.kind = QUERY_HEALTH});
    if (model->view == VIEW_DETAIL)
        effects_ask(effects, model, (struct query){.kind = QUERY_OBJECT, .id = model->object.id});
    if (model->view == VIEW_WIZARD)
        effects_ask(effects, model, (struct query){.kind = QUERY_RETURNED, .id = model->returned.object.id});
}

static void ask_more(struct model *model, struct effects *effects) {
    const struct list *list = &model->lists[model->folder];
    size_t near = (size_t)layout_of(model).list_rows;
    if (!folder_has_requests(model->folder) || model->folder == FOLDER_FIND || model->window_count == 0 ||
        model->waiting[QUERY_PAGE] != 0)
        return;
    if (model->more_after && list->selected + near >= model->window_count)
        ask_page(model, effects, FETCH_APPEND, model->window[model->window_count - 1].id, false, PAGE_ROWS);
    else if (model->more_before && list->selected < near)
        ask_page(model, effects, FETCH_PREPEND, model->window[0].id, true, PAGE_ROWS);
}

/* The very first or last row of the folder, which may be millions of rows away: its page alone is asked for. */
static bool jump_far(struct model *model, enum action action, struct effects *effects) {
    bool first = action == ACTION_FIRST;
    if ((!first && action != ACTION_LAST) || !folder_has_requests(model->folder) || !(first ? model->more_before : model->more_after))
        return false;
    ask_page(model, effects, FETCH_REPLACE, 0, !first, PAGE_ROWS);
    model->lists[model->folder].selected = first ? 0 : SIZE_MAX;
    return true;
}

void list_move(struct model *model, enum action action, struct effects *effects) {
    struct list *list = &model->lists[model->folder];
    size_t count = model_row_count(model), height = (size_t)layout_of(model).list_rows;
    size_t page = height > 1 ? height - 1 : 1;
    model->intent = 0; /* what was begun on another row is not gone on with */
    if (count == 0 || jump_far(model, action, effects))
        return;
    if (list->selected >= count)
        list->selected = count - 1;
    size_t below = count - 1 - list->selected;
    switch (action) {
    case ACTION_UP: list->selected -= list->selected > 0; break;
    case ACTION_DOWN: list->selected += below > 0; break;
    case ACTION_PAGE_UP: list->selected -= page < list->selected ? page : list->selected; break;
    case ACTION_PAGE_DOWN: list->selected += page < below ? page : below; break;
    case ACTION_FIRST: list->selected = 0; break;
    case ACTION_LAST: list->selected = count - 1; break;
    default: break;
    }
    ask_more(model, effects);
}

void list_keep_visible(struct model *model) {
    struct list *list = &model->lists[model->folder];
    size_t count = model_row_count(model);
    int rows = layout_of(model).list_rows;
    size_t height = rows > 0 ? (size_t)rows : 1;
    if (count == 0 || list->selected == SIZE_MAX)
        return; /* the page that it stands on is under way */
    if (list->selected >= count)
        list->selected = count - 1;
    if (list->top > list->selected)
        list->top = list->selected;
    if (list->selected >= list->top + height)
        list->top = list->selected - height + 1;
    if (list->top + height > count) /* a taller screen shows more above */
        list->top = count > height ? count - height : 0;
}

/* ---- pages that arrive ---- */

static void rows_drop(struct model *model, size_t from, size_t count) {
    for (size_t i = from; i < from + count; i++)
        row_free(&model->window[i]);
    memmove(&model->window[from], &model->window[from + count], (model->window_count - from - count) * sizeof *model->window);
    model->window_count -= count;
}

static bool rows_insert(struct model *model, size_t at, struct page *page) {
    if (page->count == 0)
        return true;
    struct row *window = realloc(model->window, (model->window_count + page->count) * sizeof *window);
    if (window == NULL)
        return false;
    model->window = window;
    memmove(&window[at + page->count], &window[at], (model->window_count - at) * sizeof *window);
    memcpy(&window[at], page->rows, page->count * sizeof *window);
    model->window_count += page->count;
    page->count = 0; /* the rows are the window's now */
    return true;
}

static void take_append(struct model *model, struct page *page, bool more) {
    struct list *list = &model->lists[model->folder];
    if (!rows_insert(model, model->window_count, page))
        return;
    model->more_after = more;
    size_t over = model->window_count > WINDOW_MAX ? model->window_count - WINDOW_MAX : 0;
    if (over > list->top)
        over = list->top; /* what is on the screen stays */
    if (over == 0)
        return;
    rows_drop(model, 0, over);
    list->selected -= over;
    list->top -= over;
    model->more_before = true;
}

static void take_prepend(struct model *model, struct page *page, bool more) {
    struct list *list = &model->lists[model->folder];
    size_t count = page->count;
    if (!rows_insert(model, 0, page))
        return;
    list->selected += count;
    list->top += count;
    model->more_before = more;
    size_t keep = list->selected + 100 > WINDOW_MAX ? list->selected + 100 : WINDOW_MAX;
    if (model->window_count > keep) {
        rows_drop(model, keep, model->window_count - keep);
        model->more_after = true;
    }
}

/* The row that the cursor stood on keeps it, wherever it is now; when it is gone, its neighbour has it. */
static void take_replace(struct model *model, struct answer *answer) {
    struct list *list = &model->lists[model->folder];
    const struct row *row = model_row(model);
    uint64_t id = row != NULL ? row->id : 0;
    window_free(model);
    model->window = answer->page.rows;
    model->window_count = answer->page.count;
    answer->page.rows = NULL;
    answer->page.count = 0;
    bool whole = answer->after == 0;
    model->more_before = answer->backwards ? answer->page.more : !whole;
    model->more_after = answer->backwards ? !whole : answer->page.more;
    for (size_t i = 0; i < model->window_count && id != 0; i++)
        if (model->window[i].id == id)
            list->selected = i;
    if (list->selected >= model->window_count)
        list->selected = model->window_count > 0 ? model->window_count - 1 : 0;
}

void list_take_page(struct model *model, struct answer *answer) {
    bool here = answer->kind == QUERY_FIND ? model->folder == FOLDER_FIND : answer->folder == model->folder;
    if (!here)
        return;
    model->loaded = true;
    model->failed = false;
    if (answer->fetch == FETCH_APPEND)
        take_append(model, &answer->page, answer->page.more);
    else if (answer->fetch == FETCH_PREPEND)
        take_prepend(model, &answer->page, answer->page.more);
    else
        take_replace(model, answer);
}
