/* What the authority answered. An answer that nobody waits for any more (cancelled, or overtaken by a newer question) is
 * dropped here, so that nothing appears under somebody's fingers. */
#include <string.h>

#include "tui/update_parts.h"
#include "tui/view.h"

#define MOVE(to, from, type, drop)                                                                                            \
    do {                                                                                                                      \
        drop(&(to));                                                                                                          \
        (to) = (from);                                                                                                        \
        memset(&(from), 0, sizeof(type));                                                                                     \
    } while (0)

typedef void (*answer_handler)(struct model *, struct answer *, struct effects *);

static void take_hello(struct model *model, struct answer *answer, struct effects *effects) {
    unsigned health = model->hello.health;
    bool known = model->hello.health_known;
    MOVE(model->hello, answer->hello, struct hello, hello_free);
    model->hello.health = health;
    model->hello.health_known = known;
    model->connected = true;
}

static void take_page(struct model *model, struct answer *answer, struct effects *effects) {
    list_take_page(model, answer);
}

static void take_object(struct model *model, struct answer *answer, struct effects *effects) {
    enum action intent = (enum action)model->intent;
    model->intent = 0;
    if (intent != ACTION_NONE) {
        if (model->dialog.kind == DIALOG_NONE)
            act_begin(model, intent, &answer->object);
        return;
    }
    bool same = model->view == VIEW_DETAIL && model->object.id == answer->object.id;
    MOVE(model->object, answer->object, struct object, object_free);
    if (!same)
        model->detail_scroll = 0;
    if (model->dialog.kind == DIALOG_NONE)
        view_push(model, VIEW_DETAIL);
}

static void take_returned(struct model *model, struct answer *answer, struct effects *effects) {
    bool asks = model->dialog.kind == DIALOG_CONFIRM && (model->dialog.action == ACTION_FINISH || model->dialog.action == ACTION_IMPORT);
    if (asks)
        return; /* what is being confirmed must not change under the question */
    bool same = model->view == VIEW_WIZARD && model->returned.object.id == answer->returned.object.id;
    MOVE(model->returned, answer->returned, struct returned, returned_free);
    if (!same)
        model->wizard_at = 0, model->wizard_scroll = 0;
    if (model->status_style == STYLE_NORMAL && !same)
        model->status[0] = 0;
    view_push(model, VIEW_WIZARD);
}

static void take_usages(struct model *model, struct answer *answer, struct effects *effects) {
    usage_lines_free(model->usages, model->usage_count);
    model->usages = answer->usages;
    model->usage_count = answer->usage_count;
    answer->usages = NULL;
    answer->usage_count = 0;
    model->loaded |= model->folder == FOLDER_USAGES;
    model->failed &= model->folder != FOLDER_USAGES;
}

static void take_health(struct model *model, struct answer *answer, struct effects *effects) {
    health_lines_free(model->health, model->health_count);
    model->health = answer->health;
    model->health_count = answer->health_count;
    answer->health = NULL;
    answer->health_count = 0;
    model->loaded |= model->folder == FOLDER_HEALTH;
    model->failed &= model->folder != FOLDER_HEALTH;
    model->hello.health = 0;
    model->hello.health_known = true;
    static const unsigned rank[] = {0, 1, 3, 2}; /* error is worse than unknown */
    for (size_t i = 0; i < model->health_count; i++)
        if (rank[model->health[i].state & 3] > rank[model->hello.health])
            model->hello.health = model->health[i].state & 3;
}

/* Something was changed: say what, and look again. */
static void take_done(struct model *model, struct answer *answer, struct effects *effects) {
    if (answer->kind == ACT_ISSUE && answer->issued)
        model->last_issued = answer->id;
    if (answer->kind == ACT_ASSIGN && model->view == VIEW_WIZARD)
        view_back(model, effects); /* the wizard is finished */
    folder_refresh(model, effects);
    model_status(model, answer->kind == ACT_ISSUE && !answer->issued ? STYLE_WARN : STYLE_OK, "%s",
                 answer->text != NULL ? answer->text : "Done.");
}

static const answer_handler handlers[QUERY_KINDS] = {
    [QUERY_HELLO] = take_hello, [QUERY_PAGE] = take_page, [QUERY_FIND] = take_page, [QUERY_OBJECT] = take_object,
    [QUERY_RETURNED] = take_returned, [QUERY_USAGES] = take_usages, [QUERY_HEALTH] = take_health,
    [ACT_ISSUE] = take_done, [ACT_DENY] = take_done, [ACT_REVOKE] = take_done, [ACT_RELEASE] = take_done,
    [ACT_CRL] = take_done, [ACT_IMPORT] = take_done, [ACT_ASSIGN] = take_done,
};

static void take_error(struct model *model, struct answer *answer, struct effects *effects) {
    model->intent = 0;
    bool changed = strcmp(answer->error.reason, "object.changed") == 0;
    bool selecting = answer->kind == QUERY_PAGE || answer->kind == QUERY_FIND;
    if (selecting && model->lists[model->folder].selected == SIZE_MAX)
        model->lists[model->folder].selected = 0;
    model->failed |= selecting || (answer->kind == QUERY_USAGES && model->folder == FOLDER_USAGES) ||
                     (answer->kind == QUERY_HEALTH && model->folder == FOLDER_HEALTH);
    if (changed)
        folder_refresh(model, effects);
    model_status(model, STYLE_ERROR, "%s%s", changed ? "Nothing was done, it changed meanwhile: " : "", answer->error.message);
}

void answer_take(struct model *model, struct answer *answer, struct effects *effects) {
    if (answer->kind <= QUERY_NONE || answer->kind >= QUERY_KINDS || model->waiting[answer->kind] != answer->ticket)
        return;
    model->waiting[answer->kind] = 0;
    if (answer->error.status != OK)
        take_error(model, answer, effects);
    else
        handlers[answer->kind](model, answer, effects);
}
