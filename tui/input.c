/* The decoder of keys. The sequences of xterm, the vt family, tmux, screen, rxvt and the Linux console are one table. */
#include "tui/input.h"

#include <string.h>

static const struct sequence {
    const char *text; /* after the Esc */
    uint32_t key;
} sequences[] = {
    {"[A", KEYS_UP},       {"[B", KEYS_DOWN},     {"[C", KEYS_RIGHT},   {"[D", KEYS_LEFT},    {"[H", KEYS_HOME},
    {"[F", KEYS_END},      {"OA", KEYS_UP},       {"OB", KEYS_DOWN},    {"OC", KEYS_RIGHT},   {"OD", KEYS_LEFT},
    {"OH", KEYS_HOME},     {"OF", KEYS_END},      {"[1~", KEYS_HOME},   {"[2~", KEYS_INSERT}, {"[3~", KEYS_DELETE},
    {"[4~", KEYS_END},     {"[5~", KEYS_PAGE_UP}, {"[6~", KEYS_PAGE_DOWN}, {"[7~", KEYS_HOME}, {"[8~", KEYS_END},
    {"OP", KEYS_F(1)},     {"OQ", KEYS_F(2)},     {"OR", KEYS_F(3)},    {"OS", KEYS_F(4)},    {"[11~", KEYS_F(1)},
    {"[12~", KEYS_F(2)},   {"[13~", KEYS_F(3)},   {"[14~", KEYS_F(4)},  {"[15~", KEYS_F(5)},  {"[17~", KEYS_F(6)},
    {"[18~", KEYS_F(7)},   {"[19~", KEYS_F(8)},   {"[20~", KEYS_F(9)},  {"[21~", KEYS_F(10)}, {"[23~", KEYS_F(11)},
    {"[24~", KEYS_F(12)},  {"[[A", KEYS_F(1)},    {"[[B", KEYS_F(2)},   {"[[C", KEYS_F(3)},   {"[[D", KEYS_F(4)},
    {"[[E", KEYS_F(5)},
};
static const char paste_begin[] = "[200~", paste_end[] = "\033[201~";
#define PASTE_END_SIZE (sizeof paste_end - 1)

/* One thing decoded from the front of pending: how many octets it took (0: more must come) and what it was. */
struct decoded {
    size_t taken;
    uint32_t key; /* KEYS_NONE: nothing anybody acts on */
    bool paste;   /* a paste begins */
};

/* Length of the control sequence after Esc [ (ECMA-48 5.4), 0 while it is incomplete. */
static size_t csi_size(const uint8_t *at, size_t size) {
    if (size >= 3 && at[2] == '[')
        return size >= 4 ? 4 : 0;
    for (size_t i = 2; i < size; i++)
        if (at[i] >= 0x40 && at[i] <= 0x7e)
            return i + 1;
    return 0;
}

static struct decoded sequence_decode(const uint8_t *at, size_t size) {
    size_t length = at[1] == 'O' ? (size >= 3 ? 3 : 0) : csi_size(at, size);
    struct decoded decoded = {length, KEYS_NONE, false};
    const char *text = (const char *)at + 1;
    if (length == 0)
        return decoded;
    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++)
        if (strlen(sequences[i].text) == length - 1 && memcmp(sequences[i].text, text, length - 1) == 0)
            decoded.key = sequences[i].key;
    decoded.paste = length == sizeof paste_begin && memcmp(paste_begin, text, length - 1) == 0;
    return decoded;
}

static struct decoded escape_decode(const uint8_t *at, size_t size) {
    if (size == 1)
        return (struct decoded){0, KEYS_NONE, false};
    if (at[1] >= '0' && at[1] <= '9')
        return (struct decoded){2, KEYS_F(at[1] == '0' ? 10 : at[1] - '0'), false};
    if (at[1] == '[' || at[1] == 'O')
        return sequence_decode(at, size);
    return (struct decoded){1, KEYS_ESC, false};
}

static struct decoded utf8_decode(const uint8_t *at, size_t size) {
    size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    uint32_t scalar = at[0] & (0xffu >> (length + 1));
    if (at[0] < 0xc2 || at[0] > 0xf4)
        return (struct decoded){1, KEYS_NONE, false};
    for (size_t i = 1; i < length; i++) {
        if (i == size)
            return (struct decoded){0, KEYS_NONE, false};
        if ((at[i] & 0xc0) != 0x80)
            return (struct decoded){i, KEYS_NONE, false};
        scalar = scalar << 6 | (at[i] & 0x3f);
    }
    return (struct decoded){length, scalar < KEYS_UP ? scalar : KEYS_NONE, false};
}

static struct decoded decode(const uint8_t *at, size_t size) {
    if (at[0] == KEYS_ESC)
        return escape_decode(at, size);
    return at[0] < 0x80 ? (struct decoded){1, at[0], false} : utf8_decode(at, size);
}

static void pending_drop(struct input *input, size_t size) {
    memmove(input->pending, input->pending + size, input->size - size);
    input->size -= size;
}

static void pending_decode(struct input *input, input_sink sink, void *argument) {
    while (input->size > 0 && !input->pasting) {
        struct decoded decoded = decode(input->pending, input->size);
        if (decoded.taken == 0 && input->size == sizeof input->pending)
            decoded.taken = input->size; /* no sequence is that long */
        if (decoded.taken == 0)
            return;
        pending_drop(input, decoded.taken);
        input->pasting = decoded.paste;
        if (decoded.key != KEYS_NONE)
            sink(argument, decoded.key, NULL, 0);
    }
}

/* An octet of a paste. The end mark is recognised in the paste's tail; more than the maximum is dropped. */
static void paste_octet(struct input *input, uint8_t octet, input_sink sink, void *argument) {
    struct buf *paste = &input->paste;
    if (paste->size >= INPUT_PASTE_MAX + PASTE_END_SIZE) { /* keep a sliding tail for the mark */
        memmove(paste->data + INPUT_PASTE_MAX, paste->data + INPUT_PASTE_MAX + 1, PASTE_END_SIZE - 1);
        paste->size--;
    }
    buf_add_byte(paste, octet);
    if (paste->size < PASTE_END_SIZE || memcmp(paste->data + paste->size - PASTE_END_SIZE, paste_end, PASTE_END_SIZE) != 0)
        return;
    input->pasting = false;
    sink(argument, KEYS_NONE, (const char *)paste->data, paste->size - PASTE_END_SIZE);
    buf_clear(paste);
}

void input_feed(struct input *input, const uint8_t *octets, size_t size, int64_t now_ms, input_sink sink, void *argument) {
    input_expire(input, now_ms, sink, argument);
    for (size_t i = 0; i < size; i++) {
        if (input->pasting) {
            paste_octet(input, octets[i], sink, argument);
            continue;
        }
        input->pending[input->size++] = octets[i];
        input->since_ms = now_ms;
        pending_decode(input, sink, argument);
    }
}

static int waits_ms(const struct input *input) {
    return input->size == 1 ? INPUT_ESC_MS : INPUT_SEQUENCE_MS;
}

void input_expire(struct input *input, int64_t now_ms, input_sink sink, void *argument) {
    if (input->size == 0 || now_ms - input->since_ms < waits_ms(input))
        return;
    bool escape = input->size == 1 && input->pending[0] == KEYS_ESC;
    input->size = 0;
    if (escape)
        sink(argument, KEYS_ESC, NULL, 0);
}

int input_timeout_ms(const struct input *input, int64_t now_ms) {
    if (input->size == 0)
        return -1;
    int64_t left = waits_ms(input) - (now_ms - input->since_ms);
    return left > 0 ? (int)left : 0;
}

void input_free(struct input *input) {
    buf_free(&input->paste);
    memset(input, 0, sizeof *input);
}
