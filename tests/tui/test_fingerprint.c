/* Fingerprints: the lettered form, and the comparison of every form that people paste. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/base/encode.h"
#include "tui/fingerprint.h"

static uint8_t sha256[32], sha1[20];

static int setup(void **state) {
    for (int i = 0; i < 32; i++)
        sha256[i] = (uint8_t)(0x52 + i * 37);
    for (int i = 0; i < 20; i++)
        sha1[i] = (uint8_t)(0x3d + i * 11);
    return 0;
}

static void match_is(const char *text, enum fingerprint_match match, const char *blocks) {
    struct fingerprint_result result = fingerprint_compare(text, sha256, sha1);
    assert_int_equal(result.match, match);
    assert_string_equal(result.blocks, blocks);
}

static void test_blocks(void **state) {
    struct buf text = BUF_EMPTY;
    int rows = 0;
    while (fingerprint_row(sha256, 4, rows, &text)) {
        buf_add_byte(&text, '\n');
        rows++;
    }
    assert_int_equal(rows, 2);
    assert_memory_equal(buf_text(&text), "a 5277 9CC1   b E60B 3055   ", 28);
    match_is(buf_text(&text), FINGERPRINT_MATCH, ""); /* what is shown can be pasted back */
    buf_free(&text);
    for (int per_row = 1; per_row <= 4; per_row++) {
        for (rows = 0; fingerprint_row(sha256, per_row, rows, &text);)
            rows++;
        assert_int_equal(rows, (8 + per_row - 1) / per_row);
        buf_free(&text);
    }
}

static void hex_with(struct buf *out, const uint8_t *octets, size_t size, const char *separator, const char *format) {
    for (size_t i = 0; i < size; i++) {
        char pair[3];
        snprintf(pair, sizeof pair, format[0] == 'X' ? "%02X" : "%02x", octets[i]);
        buf_printf(out, "%s%s", i > 0 ? separator : "", pair);
    }
}

static void test_forms(void **state) {
    static const char *const separators[] = {"", ":", " ", "-", "\n"};
    static const char *const labels[] = {"", "SHA256 Fingerprint=", "sha256 Fingerprint=", "SHA-256: ", "  "};
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 5; j++) {
            struct buf text = BUF_EMPTY;
            buf_add_text(&text, labels[j]);
            hex_with(&text, sha256, 32, separators[i], i % 2 ? "X" : "x");
            match_is(buf_text(&text), FINGERPRINT_MATCH, "");
            buf_free(&text);
        }
    struct buf text = BUF_EMPTY;
    hex_with(&text, sha1, 20, " ", "x"); /* as Windows shows a thumbprint */
    match_is(buf_text(&text), FINGERPRINT_MATCH, "");
    assert_true(fingerprint_compare(buf_text(&text), sha256, sha1).sha1);
    buf_free(&text);
    fingerprint_sha1(sha1, &text);
    match_is(buf_text(&text), FINGERPRINT_MATCH, "");
    buf_free(&text);
}

static void test_base64(void **state) {
    struct buf text = BUF_EMPTY;
    base64_encode(&text, bytes_of(sha256, 32), 0);
    match_is(buf_text(&text), FINGERPRINT_MATCH, "");
    text.data[--text.size] = 0; /* ssh-keygen leaves the padding out */
    match_is(buf_text(&text), FINGERPRINT_MATCH, "");
    buf_free(&text);
    base64_encode(&text, bytes_of(sha1, 20), 0);
    match_is(buf_text(&text), FINGERPRINT_MATCH, "");
    buf_free(&text);
}

/* One changed octet anywhere is found, and its block is named. */
static void test_different(void **state) {
    for (size_t i = 0; i < 32; i++) {
        struct buf text = BUF_EMPTY;
        sha256[i] ^= 1;
        hex_with(&text, sha256, 32, "", "x");
        sha256[i] ^= 1;
        match_is(buf_text(&text), FINGERPRINT_DIFFERENT, (const char[]){(char)('a' + (int)(i / 4)), 0});
        buf_free(&text);
    }
}

static void test_unreadable(void **state) {
    static const char *const texts[] = {"", "abc", "hello world", "SHA256", "0123456789", "====", "zz:zz"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        match_is(texts[i], FINGERPRINT_UNREADABLE, "");
    struct buf text = BUF_EMPTY;
    hex_with(&text, sha256, 31, "", "x"); /* the ends alone are no comparison */
    match_is(buf_text(&text), FINGERPRINT_UNREADABLE, "");
    buf_free(&text);
    hex_with(&text, sha256, 32, "", "x");
    buf_add_text(&text, "00");
    match_is(buf_text(&text), FINGERPRINT_UNREADABLE, "");
    buf_free(&text);
    hex_with(&text, sha1, 20, "", "x");
    assert_int_equal(fingerprint_compare(buf_text(&text), sha256, NULL).match, FINGERPRINT_NO_SHA1);
    buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),    cmocka_unit_test(test_forms),      cmocka_unit_test(test_base64),
        cmocka_unit_test(test_different), cmocka_unit_test(test_unreadable),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
