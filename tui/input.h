/* Octets of a terminal -> keys and pastes. Pure but for the time that it is told: Esc and a digit within 50 ms are that
 * F-key, an escape sequence that stays incomplete is dropped, a bracketed paste is one event and no key. */
#ifndef CHANCERY_TUI_INPUT_H
#define CHANCERY_TUI_INPUT_H

#include "ca/base/buf.h"
#include "tui/keys.h"

#define INPUT_ESC_MS 50
#define INPUT_SEQUENCE_MS 500
#define INPUT_PASTE_MAX 65536

struct input {
    uint8_t pending[64];
    size_t size;
    int64_t since_ms; /* the last octet of pending came then */
    bool pasting;
    struct buf paste;
};
/* key, or KEYS_NONE with a paste. */
typedef void (*input_sink)(void *argument, uint32_t key, const char *paste, size_t paste_size);

void input_feed(struct input *input, const uint8_t *octets, size_t size, int64_t now_ms, input_sink sink, void *argument);
/* Decides what was waited for. */
void input_expire(struct input *input, int64_t now_ms, input_sink sink, void *argument);
/* How long until input_expire has something to do; -1: nothing is waited for. */
int input_timeout_ms(const struct input *input, int64_t now_ms);
void input_free(struct input *input);

#endif
