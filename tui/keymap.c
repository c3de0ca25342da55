/* The keys. No action on Enter, Backspace, Delete or a digit changes anything; no two different actions that
 * change something differ by case alone; the confirming key is none of the starting keys (tests/tui/test_keymap.c). */
#include "tui/keymap.h"

#define CTRL(letter) ((letter)&0x1f)
#define FOLDER(digit) {PLACE_COMMON, digit, ACTION_FOLDER, false}

const struct binding keymap[] = {
    {PLACE_COMMON, '?', ACTION_HELP, true},
    {PLACE_COMMON, KEYS_F(1), ACTION_HELP, false},
    {PLACE_COMMON, 'j', ACTION_DOWN, false},
    {PLACE_COMMON, KEYS_DOWN, ACTION_DOWN, false},
    {PLACE_COMMON, 'k', ACTION_UP, false},
    {PLACE_COMMON, KEYS_UP, ACTION_UP, false},
    {PLACE_COMMON, KEYS_PAGE_DOWN, ACTION_PAGE_DOWN, false},
    {PLACE_COMMON, CTRL('F'), ACTION_PAGE_DOWN, false},
    {PLACE_COMMON, CTRL('D'), ACTION_PAGE_DOWN, false},
    {PLACE_COMMON, KEYS_PAGE_UP, ACTION_PAGE_UP, false},
    {PLACE_COMMON, CTRL('B'), ACTION_PAGE_UP, false},
    {PLACE_COMMON, CTRL('U'), ACTION_PAGE_UP, false},
    {PLACE_COMMON, 'g', ACTION_FIRST_PREFIX, false},
    {PLACE_COMMON, KEYS_HOME, ACTION_FIRST, false},
    {PLACE_COMMON, 'G', ACTION_LAST, false},
    {PLACE_COMMON, KEYS_END, ACTION_LAST, false},
    {PLACE_COMMON, KEYS_ESC, ACTION_BACK, false},
    {PLACE_COMMON, 'q', ACTION_BACK, false},
    {PLACE_COMMON, KEYS_LEFT, ACTION_BACK, false},
    {PLACE_COMMON, 'R', ACTION_REFRESH, false},
    {PLACE_COMMON, KEYS_F(5), ACTION_REFRESH, true},
    {PLACE_COMMON, 'f', ACTION_FIND, true},
    {PLACE_COMMON, '=', ACTION_COMMAND, true},
    {PLACE_COMMON, 'w', ACTION_WRITABLE, false},
    {PLACE_COMMON, 'p', ACTION_CRL, false},
    {PLACE_COMMON, KEYS_TAB, ACTION_NEXT_FOLDER, false},
    FOLDER('1'), FOLDER('2'), FOLDER('3'), FOLDER('4'), FOLDER('8'), FOLDER('9'),
    {PLACE_COMMON, KEYS_CTRL_C, ACTION_STOP, false},
    {PLACE_COMMON, 'Q', ACTION_QUIT, true},
    {PLACE_COMMON, KEYS_F(10), ACTION_QUIT, false},

    {PLACE_LIST, KEYS_ENTER, ACTION_OPEN, true},
    {PLACE_LIST, KEYS_RIGHT, ACTION_OPEN, false},
    {PLACE_LIST, 'd', ACTION_OPEN, false},
    {PLACE_LIST, 'i', ACTION_ISSUE, true},
    {PLACE_LIST, 'x', ACTION_DENY, true},
    {PLACE_LIST, '!', ACTION_REVOKE, true},
    {PLACE_LIST, 'h', ACTION_HOLD, false},
    {PLACE_LIST, '*', ACTION_RELEASE, true},
    {PLACE_LIST, 'a', ACTION_ASSIGN, true},
    {PLACE_LIST, 'v', ACTION_VERIFY, true},

    {PLACE_DETAIL, 'i', ACTION_ISSUE, true},
    {PLACE_DETAIL, 'x', ACTION_DENY, true},
    {PLACE_DETAIL, '!', ACTION_REVOKE, true},
    {PLACE_DETAIL, 'h', ACTION_HOLD, false},
    {PLACE_DETAIL, '*', ACTION_RELEASE, true},
    {PLACE_DETAIL, 'a', ACTION_ASSIGN, true},
    {PLACE_DETAIL, 'v', ACTION_VERIFY, true},

    {PLACE_USAGES, KEYS_ENTER, ACTION_OPEN, true},
    {PLACE_USAGES, KEYS_RIGHT, ACTION_OPEN, false},
    {PLACE_USAGES, 'a', ACTION_ASSIGN, true},

    {PLACE_WIZARD, 'F', ACTION_FINISH, true},
    {PLACE_WIZARD, ' ', ACTION_TICK, true},
    {PLACE_WIZARD, '+', ACTION_IMPORT, true},
    {PLACE_WIZARD, 'd', ACTION_OPEN, true},
    {PLACE_WIZARD, 'v', ACTION_VERIFY, false},
    {PLACE_WIZARD, 'j', ACTION_DOWN, false},
    {PLACE_WIZARD, KEYS_DOWN, ACTION_DOWN, false},
    {PLACE_WIZARD, 'k', ACTION_UP, false},
    {PLACE_WIZARD, KEYS_UP, ACTION_UP, false},
    {PLACE_WIZARD, KEYS_PAGE_DOWN, ACTION_PAGE_DOWN, false},
    {PLACE_WIZARD, KEYS_PAGE_UP, ACTION_PAGE_UP, false},
    {PLACE_WIZARD, KEYS_F(5), ACTION_REFRESH, false},
    {PLACE_WIZARD, 'R', ACTION_REFRESH, false},
    {PLACE_WIZARD, '=', ACTION_COMMAND, false},
    {PLACE_WIZARD, 'w', ACTION_WRITABLE, false},
    {PLACE_WIZARD, KEYS_ESC, ACTION_BACK, true},
    {PLACE_WIZARD, 'q', ACTION_BACK, false},
    {PLACE_WIZARD, KEYS_LEFT, ACTION_BACK, false},
    {PLACE_WIZARD, '?', ACTION_HELP, true},
    {PLACE_WIZARD, KEYS_F(1), ACTION_HELP, false},
    {PLACE_WIZARD, KEYS_CTRL_C, ACTION_STOP, false},
    {PLACE_WIZARD, 'Q', ACTION_QUIT, false},
    {PLACE_WIZARD, KEYS_F(10), ACTION_QUIT, false},

    {PLACE_CONFIRM, 'y', ACTION_YES, true},
    {PLACE_CONFIRM, KEYS_ENTER, ACTION_CANCEL, true},
    {PLACE_CONFIRM, KEYS_ESC, ACTION_CANCEL, true},
    {PLACE_CONFIRM, 'n', ACTION_CANCEL, false},
    {PLACE_CONFIRM, 'q', ACTION_CANCEL, false},
    {PLACE_CONFIRM, KEYS_CTRL_C, ACTION_CANCEL, false},
    {PLACE_CONFIRM, '=', ACTION_COMMAND, true},

    {PLACE_INPUT, KEYS_ENTER, ACTION_ACCEPT, true},
    {PLACE_INPUT, KEYS_ESC, ACTION_CANCEL, true},
    {PLACE_INPUT, KEYS_CTRL_C, ACTION_CANCEL, false},
    {PLACE_INPUT, KEYS_BACKSPACE, ACTION_ERASE, false},
    {PLACE_INPUT, CTRL('H'), ACTION_ERASE, false},
    {PLACE_INPUT, CTRL('U'), ACTION_ERASE_ALL, true},

    {PLACE_CHOICE, KEYS_DOWN, ACTION_DOWN, false},
    {PLACE_CHOICE, KEYS_UP, ACTION_UP, false},
    {PLACE_CHOICE, KEYS_ENTER, ACTION_CHOOSE, true},
    {PLACE_CHOICE, KEYS_ESC, ACTION_CANCEL, true},
    {PLACE_CHOICE, 'q', ACTION_CANCEL, false},
    {PLACE_CHOICE, KEYS_CTRL_C, ACTION_CANCEL, false},
    {PLACE_CHOICE, '=', ACTION_COMMAND, true},

    {PLACE_TEXT, 'j', ACTION_DOWN, false},
    {PLACE_TEXT, KEYS_DOWN, ACTION_DOWN, true},
    {PLACE_TEXT, 'k', ACTION_UP, false},
    {PLACE_TEXT, KEYS_UP, ACTION_UP, true},
    {PLACE_TEXT, KEYS_PAGE_DOWN, ACTION_PAGE_DOWN, false},
    {PLACE_TEXT, ' ', ACTION_PAGE_DOWN, false},
    {PLACE_TEXT, KEYS_PAGE_UP, ACTION_PAGE_UP, false},
    {PLACE_TEXT, KEYS_ESC, ACTION_CANCEL, true},
    {PLACE_TEXT, 'q', ACTION_CANCEL, false},
    {PLACE_TEXT, KEYS_ENTER, ACTION_CANCEL, false},
    {PLACE_TEXT, KEYS_CTRL_C, ACTION_CANCEL, false},
    {PLACE_TEXT, 'Q', ACTION_QUIT, false},
    {PLACE_TEXT, KEYS_F(10), ACTION_QUIT, false},
};
const size_t keymap_size = sizeof keymap / sizeof keymap[0];

static const struct {
    const char *name;
    bool modal;
} places[PLACE_COUNT] = {
    [PLACE_COMMON] = {"everywhere", true}, [PLACE_LIST] = {"in a list", false},
    [PLACE_DETAIL] = {"in the details", false}, [PLACE_USAGES] = {"in Usages", false},
    [PLACE_HEALTH] = {"in Health", false}, [PLACE_WIZARD] = {"when assigning", true},
    [PLACE_CONFIRM] = {"when asked", true}, [PLACE_INPUT] = {"when typing", true},
    [PLACE_CHOICE] = {"when choosing", true}, [PLACE_TEXT] = {"when reading", true},
};

enum place place_of(const struct model *model) {
    static const enum place dialogs[] = {[DIALOG_CONFIRM] = PLACE_CONFIRM, [DIALOG_INPUT] = PLACE_INPUT,
                                         [DIALOG_CHOICE] = PLACE_CHOICE, [DIALOG_HELP] = PLACE_TEXT,
                                         [DIALOG_TEXT] = PLACE_TEXT};
    if (model->dialog.kind != DIALOG_NONE)
        return dialogs[model->dialog.kind];
    if (model->view != VIEW_LIST)
        return model->view == VIEW_WIZARD ? PLACE_WIZARD : PLACE_DETAIL;
    return model->folder == FOLDER_USAGES ? PLACE_USAGES : model->folder == FOLDER_HEALTH ? PLACE_HEALTH : PLACE_LIST;
}

const char *place_name(enum place place) {
    return places[place].name;
}

bool place_is_modal(enum place place) {
    return places[place].modal;
}

static enum action map_find(enum place place, uint32_t key) {
    for (size_t i = 0; i < keymap_size; i++)
        if (keymap[i].place == place && keymap[i].key == key)
            return keymap[i].action;
    return ACTION_NONE;
}

enum action keymap_action(enum place place, uint32_t key) {
    enum action action = map_find(place, key);
    return action == ACTION_NONE && !place_is_modal(place) ? map_find(PLACE_COMMON, key) : action;
}

void keymap_keys(enum place place, enum action action, struct buf *out) {
    char name[KEY_NAME_SIZE];
    size_t before = out->size;
    for (size_t i = 0; i < keymap_size; i++)
        if (keymap[i].place == place && keymap[i].action == action)
            buf_printf(out, "%s%s", out->size > before ? ", " : "", key_name(keymap[i].key, name));
}
