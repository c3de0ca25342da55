/* The pieces of update, for its own files only. */
#ifndef CHANCERY_TUI_UPDATE_PARTS_H
#define CHANCERY_TUI_UPDATE_PARTS_H

#include "tui/action.h"
#include "tui/grid.h"
#include "tui/update.h"

/* update.c: takes over what the query owns, gives it a ticket. */
void effects_ask(struct effects *effects, struct model *model, struct query query);
void dialog_close(struct model *model);
void dialog_open(struct model *model, enum dialog_kind kind, enum action action, const char *title);
void view_push(struct model *model, enum page_view view);
void view_back(struct model *model, struct effects *effects);

/* update_list.c: folders, movement, pages */
void folder_open(struct model *model, enum folder folder, struct effects *effects);
void folder_refresh(struct model *model, struct effects *effects);
void list_move(struct model *model, enum action action, struct effects *effects);
void list_keep_visible(struct model *model);
void list_take_page(struct model *model, struct answer *answer);
void ask_hello(struct model *model, struct effects *effects);

/* update_act.c: everything that changes something, and the dialogs before it */
void act_start(struct model *model, enum action action, struct effects *effects);
void act_begin(struct model *model, enum action action, const struct object *object);
void act_confirmed(struct model *model, struct effects *effects);
void act_choose(struct model *model, uint32_t key);
void input_key(struct model *model, uint32_t key);
void input_paste(struct model *model, const char *text, size_t size);
void input_accept(struct model *model, struct effects *effects);
void wizard_ask(struct model *model, uint64_t id, struct effects *effects);

/* update_answer.c */
void answer_take(struct model *model, struct answer *answer, struct effects *effects);

#endif
