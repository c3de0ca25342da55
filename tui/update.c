/* The one place where events become changes of the model: what a key means is looked up, what it does stands in a table. */
#include "tui/update.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/keymap.h"
#include "tui/layout.h"
#include "tui/pages.h"
#include "tui/update_parts.h"
#include "tui/view.h"

void effects_free(struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++)
        query_free(&effects->queries[i]);
    memset(effects, 0, sizeof *effects);
}

void effects_ask(struct effects *effects, struct model *model, struct query query) {
    if (effects->count == EFFECTS_MAX) {
        query_free(&query);
        return;
    }
    query.ticket = model->next_ticket++;
    model->waiting[query.kind] = query.ticket; /* an older answer of this kind is stale now */
    effects->queries[effects->count++] = query;
}

void dialog_close(struct model *model) {
    struct dialog *dialog = &model->dialog;
    strings_free(&dialog->lines);
    free(dialog->title);
    target_free(&dialog->target);
    memset(dialog, 0, sizeof *dialog);
    dialog->choice = -1;
}

void dialog_open(struct model *model, enum dialog_kind kind, enum action action, const char *title) {
    model->dialog.kind = kind;
    model->dialog.action = (int)action;
    model->dialog.scroll = 0;
    text_set(&model->dialog.title, title);
}

void view_push(struct model *model, enum page_view view) {
    if (model->view == view)
        return;
    if (model->depth < sizeof model->back / sizeof model->back[0])
        model->back[model->depth++] = model->view;
    model->view = view;
}

void view_back(struct model *model, struct effects *effects) {
    if (model->depth > 0) {
        model->view = model->back[--model->depth];
    } else if (model->view != VIEW_LIST) {
        model->view = VIEW_LIST;
    } else if (model->folder == FOLDER_FIND) {
        folder_open(model, model->folder_before_find, effects);
    } else {
        model_status(model, STYLE_DIM, "This is the first page. Q leaves the console.");
    }
}

/* ---- what the actions do ---- */

typedef void (*action_handler)(struct model *, enum action, uint32_t key, struct effects *);

static int page_height(const struct model *model) {
    int rows = layout_of(model).page_rows;
    return rows > 1 ? rows - 1 : 1;
}

static void scroll_page(struct model *model, int *scroll, enum action action) {
    struct lines lines;
    page_build(model, &lines);
    int last = lines_rows(&lines) - layout_of(model).page_rows;
    lines_free(&lines);
    int by = action == ACTION_DOWN ? 1 : action == ACTION_UP ? -1 : action == ACTION_PAGE_DOWN ? page_height(model) : -page_height(model);
    *scroll = action == ACTION_FIRST ? 0 : action == ACTION_LAST ? last : *scroll + by;
    *scroll = *scroll > last ? last : *scroll;
    *scroll = *scroll < 0 ? 0 : *scroll;
}

static void scroll_to_cursor(const struct model *model, int *scroll) {
    struct lines lines;
    page_build(model, &lines);
    *scroll = lines_scroll_to_cursor(&lines, *scroll, layout_of(model).page_rows);
    lines_free(&lines);
}

static void choice_move(struct model *model, enum action action) {
    const struct choice *choices = action_choices((enum action)model->dialog.action);
    int count = 0;
    while (choices != NULL && choices[count].letter)
        count++;
    int at = model->dialog.choice + (action == ACTION_DOWN ? 1 : -1);
    if (at >= 0 && at < count)
        model->dialog.choice = at;
    scroll_to_cursor(model, &model->dialog.scroll);
}

static void wizard_move(struct model *model, enum action action) {
    size_t count = model->returned.complete ? model->returned.usage_count : 0;
    if (action == ACTION_DOWN && model->wizard_at + 1 < count)
        model->wizard_at++;
    else if (action == ACTION_UP && model->wizard_at > 0)
        model->wizard_at--;
    else
        scroll_page(model, &model->wizard_scroll, action);
    if (count > 0 && (action == ACTION_DOWN || action == ACTION_UP))
        scroll_to_cursor(model, &model->wizard_scroll);
}

static void do_move(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    if (model->dialog.kind == DIALOG_CHOICE)
        choice_move(model, action);
    else if (model->dialog.kind != DIALOG_NONE)
        scroll_page(model, &model->dialog.scroll, action);
    else if (model->view == VIEW_WIZARD)
        wizard_move(model, action);
    else if (model->view == VIEW_DETAIL)
        scroll_page(model, &model->detail_scroll, action);
    else
        list_move(model, action, effects);
}

static void do_first_prefix(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    if (model->g_pressed)
        do_move(model, ACTION_FIRST, key, effects);
    model->g_pressed = !model->g_pressed;
}

static uint64_t selected_id(const struct model *model) {
    const struct row *row = model_row(model);
    if (model->view == VIEW_DETAIL)
        return model->object.id;
    if (model->view == VIEW_WIZARD)
        return model->returned.object.id;
    if (model->folder == FOLDER_USAGES && model->usage_count > 0)
        return model->usages[model->lists[FOLDER_USAGES].selected].request_id;
    return row != NULL ? row->id : 0;
}

static void do_open(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    uint64_t id = selected_id(model);
    if (id == 0) {
        model_status(model, STYLE_DIM, "There is nothing to open here.");
        return;
    }
    model->intent = 0;
    effects_ask(effects, model, (struct query){.kind = QUERY_OBJECT, .id = id});
}

static void do_back(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    model->intent = 0;
    view_back(model, effects);
}

static void do_quit(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    effects->quit = true;
}

static void do_folder(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    const struct view *view = view_by_digit((char)key);
    if (view != NULL)
        folder_open(model, view->folder, effects);
}

static void do_next_folder(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    int next = (int)model->folder;
    do
        next = (next + 1) % FOLDER_COUNT;
    while (view_of((enum folder)next)->digit == 0);
    folder_open(model, (enum folder)next, effects);
}

static void do_refresh(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    folder_refresh(model, effects);
}

static void do_help(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    enum place place = place_of(model);
    dialog_open(model, DIALOG_HELP, (enum action)place, "Help");
}

static void do_command(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    struct buf command = BUF_EMPTY;
    enum action at_hand = model->dialog.kind != DIALOG_NONE ? (enum action)model->dialog.action : ACTION_NONE;
    action_command(model, at_hand, &command);
    if (model->dialog.kind != DIALOG_NONE) {
        model_status(model, STYLE_NORMAL, "Same as: %s", buf_text(&command));
    } else {
        strings_add(&model->dialog.lines, "The command line that does the same:");
        strings_add(&model->dialog.lines, buf_text(&command));
        dialog_open(model, DIALOG_TEXT, ACTION_NONE, "Command");
        model->dialog.choice = STYLE_HEADING;
    }
    buf_free(&command);
}

static void do_writable(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    model_status(model, STYLE_NORMAL, model->read_only ? "Writable again." : "The console is writable.");
    model->read_only = model->read_only_forced = false;
}

static void do_find(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    dialog_open(model, DIALOG_INPUT, ACTION_FIND, "Find");
}

static void do_stop(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    bool waits = false, changes = false;
    for (int kind = 0; kind < QUERY_KINDS; kind++) {
        waits |= model->waiting[kind] != 0;
        changes |= model->waiting[kind] != 0 && query_changes((enum query_kind)kind);
        model->waiting[kind] = 0;
    }
    model->intent = 0;
    effects->cancel = waits;
    model_status(model, STYLE_WARN, changes ? "Stopped waiting. The authority may do it all the same: R shows what became of it."
                                    : waits ? "Stopped." : "Nothing runs. Q leaves the console.");
}

static void do_tick(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    struct returned *returned = &model->returned;
    if (!returned->complete || model->wizard_at >= returned->usage_count)
        model_status(model, STYLE_DIM, "There is nothing to tick: the certificate cannot be assigned yet.");
    else if (!returned->usages[model->wizard_at].fits)
        model_status(model, STYLE_WARN, "It does not fit: %s", returned->usages[model->wizard_at].why);
    else
        returned->usages[model->wizard_at].ticked = !returned->usages[model->wizard_at].ticked;
}

static void do_act(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    act_start(model, action, effects);
}

static void do_assign(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    uint64_t id = model->last_issued != 0 ? model->last_issued : selected_id(model);
    if (model->view == VIEW_LIST && model->folder == FOLDER_USAGES)
        dialog_open(model, DIALOG_INPUT, ACTION_ASSIGN, "Assign");
    else if (id != 0)
        wizard_ask(model, id, effects);
    else
        model_status(model, STYLE_DIM, "There is nothing to assign here.");
}

static void do_yes(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    act_confirmed(model, effects);
}

static void do_cancel(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    bool reads = model->dialog.kind == DIALOG_HELP || model->dialog.kind == DIALOG_TEXT;
    dialog_close(model);
    if (!reads)
        model_status(model, STYLE_NORMAL, "Nothing was done.");
}

static void do_accept(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    input_accept(model, effects);
}

static void do_erase(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    input_key(model, action == ACTION_ERASE ? KEYS_BACKSPACE : KEYS_CTRL('U'));
}

static void do_choose(struct model *model, enum action action, uint32_t key, struct effects *effects) {
    act_choose(model, KEYS_ENTER);
}

static const action_handler handlers[ACTION_COUNT] = {
    [ACTION_UP] = do_move, [ACTION_DOWN] = do_move, [ACTION_PAGE_UP] = do_move, [ACTION_PAGE_DOWN] = do_move,
    [ACTION_FIRST] = do_move, [ACTION_LAST] = do_move, [ACTION_FIRST_PREFIX] = do_first_prefix,
    [ACTION_OPEN] = do_open, [ACTION_BACK] = do_back, [ACTION_QUIT] = do_quit, [ACTION_FOLDER] = do_folder,
    [ACTION_NEXT_FOLDER] = do_next_folder, [ACTION_REFRESH] = do_refresh, [ACTION_HELP] = do_help,
    [ACTION_COMMAND] = do_command, [ACTION_WRITABLE] = do_writable, [ACTION_FIND] = do_find, [ACTION_VERIFY] = do_act,
    [ACTION_STOP] = do_stop, [ACTION_TICK] = do_tick, [ACTION_FINISH] = do_act, [ACTION_ISSUE] = do_act,
    [ACTION_DENY] = do_act, [ACTION_REVOKE] = do_act, [ACTION_HOLD] = do_act, [ACTION_RELEASE] = do_act,
    [ACTION_CRL] = do_act, [ACTION_ASSIGN] = do_assign, [ACTION_IMPORT] = do_act, [ACTION_YES] = do_yes,
    [ACTION_CANCEL] = do_cancel, [ACTION_ACCEPT] = do_accept, [ACTION_ERASE] = do_erase, [ACTION_ERASE_ALL] = do_erase,
    [ACTION_CHOOSE] = do_choose,
};

/* ---- events ---- */

static void unknown_key(struct model *model, uint32_t key) {
    char name[KEY_NAME_SIZE];
    if (model->dialog.kind == DIALOG_CONFIRM)
        model_status(model, STYLE_NORMAL, "y does it, Enter or Esc leaves everything as it is.");
    else
        model_status(model, STYLE_DIM, "%s does nothing here. ? shows the keys.", key_name(key, name));
}

static void idle_check(struct model *model, int64_t now) {
    model->now = now;
    if (model->read_only || now - model->last_key_at < IDLE_READ_ONLY_S)
        return;
    model->read_only = true;
    model->intent = 0;
    if (model->dialog.kind == DIALOG_CONFIRM || model->dialog.kind == DIALOG_CHOICE)
        dialog_close(model);
    model_status(model, STYLE_WARN, "Read-only after 15 idle minutes. w makes the console writable again.");
}

static void handle_key(struct model *model, uint32_t key, struct effects *effects) {
    bool tiny = layout_of(model).too_small;
    enum place place = place_of(model);
    enum action action = keymap_action(place, key);
    if (tiny && action != ACTION_QUIT)
        return; /* what is not seen is not acted upon */
    model->status[0] = 0;
    if (action != ACTION_FIRST_PREFIX)
        model->g_pressed = false;
    if (action != ACTION_NONE)
        handlers[action](model, action, key, effects);
    else if (place == PLACE_INPUT)
        input_key(model, key);
    else if (place == PLACE_CHOICE)
        act_choose(model, key);
    else
        unknown_key(model, key);
    if (action != ACTION_NONE)
        model->last_issued = 0;
}

static void handle_paste(struct model *model, const char *text, size_t size) {
    if (model->dialog.kind == DIALOG_INPUT)
        input_paste(model, text, size);
    else
        model_status(model, STYLE_WARN, "Pasted text does nothing here.");
}

static void handle_start(struct model *model, struct effects *effects) {
    dialog_close(model);
    folder_open(model, FOLDER_PENDING, effects);
    effects_ask(effects, model, (struct query){.kind = QUERY_HEALTH});
}

void update(struct model *model, const struct tui_event *event, struct effects *effects) {
    memset(effects, 0, sizeof *effects);
    idle_check(model, event->now);
    switch (event->kind) {
    case EVENT_START:
        handle_start(model, effects);
        break;
    case EVENT_KEY:
        model->last_key_at = event->now;
        handle_key(model, event->key, effects);
        break;
    case EVENT_PASTE:
        model->last_key_at = event->now;
        handle_paste(model, event->text, event->size);
        break;
    case EVENT_RESIZE:
        model->rows = event->rows;
        model->cols = event->cols;
        break;
    case EVENT_ANSWER:
        answer_take(model, event->answer, effects);
        break;
    case EVENT_TICK:
        break;
    }
    list_keep_visible(model);
}
