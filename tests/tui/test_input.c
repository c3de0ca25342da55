/* The decoder of keys: sequences, Esc with and without a digit in time, pastes, and octets that are nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tui/input.h"

struct heard {
    uint32_t keys[64];
    size_t count, pastes, paste_size;
    char paste[256];
};

static void hear(void *argument, uint32_t key, const char *paste, size_t size) {
    struct heard *heard = argument;
    if (paste == NULL) {
        heard->keys[heard->count++ % 64] = key;
        return;
    }
    heard->pastes++;
    heard->paste_size = size;
    snprintf(heard->paste, sizeof heard->paste, "%.*s", (int)(size < 250 ? size : 250), paste);
}

static void feed(struct input *input, const char *text, int64_t now_ms, struct heard *heard) {
    input_feed(input, (const uint8_t *)text, strlen(text), now_ms, hear, heard);
}

static void one_key(const char *text, uint32_t key) {
    struct input input = {.size = 0};
    struct heard heard = {.count = 0};
    feed(&input, text, 1000, &heard);
    input_expire(&input, 9000, hear, &heard);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.keys[0], key);
    input_free(&input);
}

static void test_keys(void **state) {
    one_key("j", 'j');
    one_key("\r", KEYS_ENTER);
    one_key("\x7f", KEYS_BACKSPACE);
    one_key("\033", KEYS_ESC);
    one_key("\033[A", KEYS_UP);
    one_key("\033OB", KEYS_DOWN);
    one_key("\033[5~", KEYS_PAGE_UP);
    one_key("\033OP", KEYS_F(1));
    one_key("\033[[E", KEYS_F(5));
    one_key("\033[21~", KEYS_F(10));
    one_key("\033\x31", KEYS_F(1));
    one_key("\033\x30", KEYS_F(10));
    one_key("\xc3\xb6", 0xf6);
    one_key("\xf0\x9f\x98\x80", 0x1f600);
}

static void test_escape_in_time(void **state) {
    struct input input = {.size = 0};
    struct heard heard = {.count = 0};
    feed(&input, "\033", 1000, &heard);
    assert_int_equal(heard.count, 0);
    assert_int_equal(input_timeout_ms(&input, 1010), 40);
    feed(&input, "5", 1049, &heard);
    assert_int_equal(heard.keys[0], KEYS_F(5));
    feed(&input, "\033", 2000, &heard);
    feed(&input, "5", 2051, &heard); /* too late: Esc, then a digit */
    assert_int_equal(heard.count, 3);
    assert_int_equal(heard.keys[1], KEYS_ESC);
    assert_int_equal(heard.keys[2], '5');
    assert_int_equal(input_timeout_ms(&input, 3000), -1);
    input_free(&input);
}

/* A sequence cut in two by the network is one key; one that is unknown or never ends is none. */
static void test_sequences(void **state) {
    struct input input = {.size = 0};
    struct heard heard = {.count = 0};
    feed(&input, "\033[", 1000, &heard);
    feed(&input, "6~", 1300, &heard);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.keys[0], KEYS_PAGE_DOWN);
    feed(&input, "\033[99;99X\033[?1;2c", 2000, &heard);
    feed(&input, "\033[1;", 3000, &heard);
    input_expire(&input, 3600, hear, &heard);
    assert_int_equal(heard.count, 1);
    feed(&input, "y", 4000, &heard);
    assert_int_equal(heard.keys[1], 'y');
    input_free(&input);
}

static void test_paste(void **state) {
    struct input input = {.size = 0};
    struct heard heard = {.count = 0};
    feed(&input, "\033[200~iy\r!ky\033[21~", 1000, &heard);
    assert_int_equal(heard.count, 0);
    feed(&input, "more\033[201~j", 9000, &heard);
    assert_int_equal(heard.pastes, 1);
    assert_string_equal(heard.paste, "iy\r!ky\033[21~more");
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.keys[0], 'j');
    input_free(&input);
}

static void test_huge_paste(void **state) {
    struct input input = {.size = 0};
    struct heard heard = {.count = 0};
    feed(&input, "\033[200~", 1000, &heard);
    for (int i = 0; i < 20000; i++)
        feed(&input, "0123456789", 1000, &heard);
    feed(&input, "\033[201~", 1000, &heard);
    assert_int_equal(heard.pastes, 1);
    assert_int_equal(heard.count, 0);
    assert_true(heard.paste_size <= INPUT_PASTE_MAX);
    input_free(&input);
}

/* No octets at all make it write beyond itself or hang; what is not UTF-8 is no key. */
static void test_noise(void **state) {
    struct input input = {.size = 0};
    struct heard heard = {.count = 0};
    uint32_t seed = 12345;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 1664525 + 1013904223;
        uint8_t octet = (uint8_t)(seed >> 24);
        input_feed(&input, &octet, 1, i / 10, hear, &heard);
        assert_true(input.size < sizeof input.pending);
    }
    input_free(&input);
    one_key("\xff\xfe\xc0j", 'j');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),  cmocka_unit_test(test_escape_in_time), cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_paste), cmocka_unit_test(test_huge_paste),     cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
