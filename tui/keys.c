/* Key codes and their names: one table read in both directions, by the help page and by scripts. */
#include "tui/keys.h"

#include <stdio.h>
#include <string.h>

static const struct key_word {
    uint32_t key;
    const char *name;
} words[] = {
    {KEYS_TAB, "Tab"},        {KEYS_ENTER, "Enter"},    {KEYS_ESC, "Esc"},        {KEYS_BACKSPACE, "Backspace"},
    {KEYS_UP, "Up"},          {KEYS_DOWN, "Down"},      {KEYS_LEFT, "Left"},      {KEYS_RIGHT, "Right"},
    {KEYS_PAGE_UP, "PgUp"},   {KEYS_PAGE_DOWN, "PgDn"}, {KEYS_HOME, "Home"},      {KEYS_END, "End"},
    {KEYS_INSERT, "Insert"},  {KEYS_DELETE, "Delete"},  {' ', "Space"},           {'<', "lt"},
    {KEYS_F(1), "F1"},        {KEYS_F(2), "F2"},        {KEYS_F(3), "F3"},        {KEYS_F(4), "F4"},
    {KEYS_F(5), "F5"},        {KEYS_F(6), "F6"},        {KEYS_F(7), "F7"},        {KEYS_F(8), "F8"},
    {KEYS_F(9), "F9"},        {KEYS_F(10), "F10"},      {KEYS_F(11), "F11"},      {KEYS_F(12), "F12"},
};
#define WORD_COUNT (sizeof words / sizeof words[0])

const char *key_name(uint32_t key, char text[KEY_NAME_SIZE]) {
    for (size_t i = 0; i < WORD_COUNT; i++)
        if (words[i].key == key && key != '<') {
            snprintf(text, KEY_NAME_SIZE, "%s", words[i].name);
            return text;
        }
    if (key < ' ')
        snprintf(text, KEY_NAME_SIZE, "^%c", (int)(key + '@'));
    else if (key < 127)
        snprintf(text, KEY_NAME_SIZE, "%c", (int)key);
    else
        snprintf(text, KEY_NAME_SIZE, "U+%04X", (unsigned)key);
    return text;
}

static size_t utf8_parse(const char *text, uint32_t *key) {
    static const struct {
        unsigned char mask, lead, bits;
    } leads[] = {{0x80, 0x00, 0x7f}, {0xe0, 0xc0, 0x1f}, {0xf0, 0xe0, 0x0f}, {0xf8, 0xf0, 0x07}};
    const unsigned char *octets = (const unsigned char *)text;
    for (size_t more = 0; more < 4; more++) {
        if ((octets[0] & leads[more].mask) != leads[more].lead)
            continue;
        uint32_t scalar = octets[0] & leads[more].bits;
        for (size_t i = 1; i <= more; i++) {
            if ((octets[i] & 0xc0) != 0x80)
                return 0;
            scalar = scalar << 6 | (octets[i] & 0x3f);
        }
        *key = scalar;
        return more + 1;
    }
    return 0;
}

size_t key_parse(const char *text, uint32_t *key) {
    if (text[0] == 0)
        return 0;
    const char *end = text[0] == '<' ? strchr(text, '>') : NULL;
    if (end == NULL)
        return utf8_parse(text, key);
    size_t size = (size_t)(end - text - 1);
    if (size == 2 && text[1] == '^') {
        *key = KEYS_CTRL(text[2]);
        return size + 2;
    }
    for (size_t i = 0; i < WORD_COUNT; i++)
        if (strlen(words[i].name) == size && memcmp(words[i].name, text + 1, size) == 0) {
            *key = words[i].key;
            return size + 2;
        }
    return 0;
}
