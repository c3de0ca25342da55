/* Key codes: a Unicode scalar for what a key writes, and the codes below for the others.
 * Also the names that scripts, help and tests give them. No terminal in here. */
#ifndef CHANCERY_TUI_KEYS_H
#define CHANCERY_TUI_KEYS_H

#include <stddef.h>
#include <stdint.h>

enum key {
    KEYS_NONE = 0,
    KEYS_CTRL_C = 3,
    KEYS_TAB = 9,
    KEYS_ENTER = 13,
    KEYS_ESC = 27,
    KEYS_BACKSPACE = 127,
    KEYS_UP = 0x110000, /* above every scalar */
    KEYS_DOWN,
    KEYS_LEFT,
    KEYS_RIGHT,
    KEYS_PAGE_UP,
    KEYS_PAGE_DOWN,
    KEYS_HOME,
    KEYS_END,
    KEYS_INSERT,
    KEYS_DELETE,
    KEYS_F0, /* F1 is KEYS_F0 + 1 */
    KEYS_F12 = KEYS_F0 + 12,
    KEYS_LAST
};
#define KEYS_CTRL(letter) ((uint32_t)(letter)&0x1f)
#define KEYS_F(n) ((uint32_t)KEYS_F0 + (uint32_t)(n))

#define KEY_NAME_SIZE 16
/* "j", "Enter", "F10", "^F". Returns text. */
const char *key_name(uint32_t key, char text[KEY_NAME_SIZE]);
/* One key of a script at text: a character, or <Enter>, <F10>, <^F>. Returns the octets taken, 0: not a key. */
size_t key_parse(const char *text, uint32_t *key);

#endif
