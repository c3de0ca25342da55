/* The table of keys: (place, key) -> action, with a common map behind the places that are not modal. */
#ifndef CHANCERY_TUI_KEYMAP_H
#define CHANCERY_TUI_KEYMAP_H

#include "tui/action.h"
#include "tui/keys.h"

enum place {
    PLACE_COMMON,
    PLACE_LIST, /* folders of requests */
    PLACE_DETAIL,
    PLACE_USAGES,
    PLACE_HEALTH,
    PLACE_WIZARD,
    PLACE_CONFIRM,
    PLACE_INPUT,
    PLACE_CHOICE,
    PLACE_TEXT, /* help and messages */
    PLACE_COUNT
};
struct binding {
    enum place place;
    uint32_t key;
    enum action action;
    bool footer; /* named in the footer */
};
extern const struct binding keymap[];
extern const size_t keymap_size;

enum place place_of(const struct model *model);
const char *place_name(enum place place);
bool place_is_modal(enum place place); /* the common map is not behind it */
enum action keymap_action(enum place place, uint32_t key);
/* All keys of an action at a place, "j, Down". */
void keymap_keys(enum place place, enum action action, struct buf *out);

#endif
