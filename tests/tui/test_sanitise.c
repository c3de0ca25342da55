/* The sanitiser and the grid: whatever octets go in, no control and nothing that deceives comes out as a cell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tui/grid.h"

static void expect(const char *text, size_t size, bool utf8, const char *shown, size_t escapes) {
    struct safe_text cells = {NULL, 0, 0, 0};
    struct buf out = BUF_EMPTY;
    assert_true(safe_text_add(&cells, text, size, utf8));
    for (size_t i = 0; i < cells.count; i++)
        cell_print(&cells.cells[i], &out);
    assert_string_equal(buf_text(&out), shown);
    assert_int_equal(cells.escapes, escapes);
    safe_text_free(&cells);
    buf_free(&out);
}

#define EXPECT(text, shown, escapes) expect(text, sizeof(text) - 1, true, shown, escapes)

static void test_text(void **state) {
    EXPECT("web07.example.com", "web07.example.com", 0);
    EXPECT("a\nb\tc\rd\be", "a<U+000A>b<U+0009>c<U+000D>d<U+0008>e", 4);
    EXPECT("a\0b", "a<U+0000>b", 1);
    EXPECT("J\xc3\xb6rg \xe6\x9d\xb1\xe4\xba\xac", "J\xc3\xb6rg \xe6\x9d\xb1\xe4\xba\xac", 0);
    EXPECT("x\xe2\x80\xaegnp.exe", "x<U+202E>gnp.exe", 1);
    EXPECT("zero\xe2\x80\x8bwidth", "zero<U+200B>width", 1);
    EXPECT("no\xc2\xa0" "break", "no<U+00A0>break", 1);
    EXPECT("\xee\x80\x80", "<U+E000>", 1);
    EXPECT("\xff\xc0\x80", "<FF><C0><80>", 3);
    EXPECT("", "", 0);
}

static void test_marks(void **state) {
    EXPECT("e\xcc\x81", "e\xcc\x81", 0);
    EXPECT("e\xcc\x81\xcc\x82", "e\xcc\x81<U+0302>", 1);
    EXPECT("\xcc\x81", "<U+0301>", 1);
    EXPECT("\n\xcc\x81", "<U+000A><U+0301>", 2);
    EXPECT("\xe6\x9d\xb1\xcc\x81", "\xe6\x9d\xb1\xcc\x81", 0);
}

static void test_mixed_scripts(void **state) {
    EXPECT("p\xd0\xb0ypal.example", "p<U+0430>ypal.example", 1);
    EXPECT("\xd0\xb4\xd0\xbe\xd0\xbc.example", "\xd0\xb4\xd0\xbe\xd0\xbc.example", 0);
    assert_true(text_mixes_scripts("x.p\xd0\xb0y", 6));
    assert_false(text_mixes_scripts("\xd0\xb0.pay", 6));
}

static void test_without_utf8(void **state) {
    expect("J\xc3\xb6rg", 5, false, "J<U+00F6>rg", 1);
    expect("plain", 5, false, "plain", 0);
}

/* Every octet alone, between letters and after a lead octet: a cell is ASCII that prints, or a scalar beyond Latin-1's controls. */
static void test_every_octet(void **state) {
    for (int utf8 = 0; utf8 < 2; utf8++)
        for (int lead = 0; lead < 256; lead++)
            for (int octet = 0; octet < 256; octet++) {
                const char text[] = {'a', (char)lead, (char)octet, 'z'};
                struct safe_text cells = {NULL, 0, 0, 0};
                assert_true(safe_text_add(&cells, text, sizeof text, utf8 != 0));
                for (size_t i = 0; i < cells.count; i++) {
                    uint32_t scalar = cells.cells[i].scalar;
                    assert_true(scalar == 0 ? cells.cells[i].width == 0 : scalar >= 0x20 && (scalar < 0x7f || scalar > 0xa0));
                    assert_true(utf8 || scalar < 0x7f);
                }
                assert_int_equal(cells.cells[0].scalar, 'a');
                assert_int_equal(cells.cells[cells.count - 1].scalar, 'z');
                safe_text_free(&cells);
            }
}

static void test_bidirectional_set(void **state) {
    static const uint32_t set[] = {0x61c, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d,
                                   0x202e, 0x2060, 0x2061, 0x2066, 0x2067, 0x2068, 0x2069, 0xfeff, 0xfff9, 0xe0001, 0xe0041, 0xad,
                                   0x34f, 0x115f, 0x3164, 0x180e, 0xfe0f, 0x3000, 0x85, 0x9b};
    for (size_t i = 0; i < sizeof set / sizeof set[0]; i++) {
        struct buf text = BUF_EMPTY;
        struct safe_text cells = {NULL, 0, 0, 0};
        cell_print(&(struct safe_cell){set[i], 0, 1, false}, &text);
        assert_true(safe_text_add(&cells, buf_text(&text), text.size, true));
        assert_int_equal(cells.escapes, 1);
        assert_int_equal(cells.cells[0].scalar, '<');
        safe_text_free(&cells);
        buf_free(&text);
    }
}

static void row_is(const struct grid *grid, int row, const char *expected) {
    struct buf out = BUF_EMPTY;
    for (int col = 0; col < grid->cols; col++)
        cell_print(&grid_at(grid, row, col)->glyph, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

static void test_grid_cuts(void **state) {
    struct grid grid;
    assert_true(grid_open(&grid, 3, 10, true));
    grid_text(&grid, 0, 0, 10, STYLE_NORMAL, "p\xe2\x80\xaeypal.example.com");
    row_is(&grid, 0, "p<U+202+18");
    assert_int_equal(grid_at(&grid, 0, 2)->style, STYLE_ESCAPED);
    grid_text(&grid, 1, 0, 5, STYLE_NORMAL, "12345");
    row_is(&grid, 1, "12345     ");
    grid_text(&grid, 2, 8, 9, STYLE_NORMAL, "abcdef"); /* beyond the edge nothing is written */
    assert_int_equal(grid_text(&grid, 7, 0, 5, STYLE_NORMAL, "x"), 0);
    row_is(&grid, 2, "        ab"); /* no room for a count */
    grid_free(&grid);
}

static void test_grid_wide(void **state) {
    struct grid grid;
    assert_true(grid_open(&grid, 2, 5, true));
    grid_wrap(&grid, 0, 0, 5, 2, STYLE_NORMAL, "\xe6\x9d\xb1\xe4\xba\xac\xe6\x9d\xb1\xe4\xba\xac");
    row_is(&grid, 0, "\xe6\x9d\xb1\xe4\xba\xac ");
    row_is(&grid, 1, "\xe6\x9d\xb1\xe4\xba\xac ");
    assert_int_equal(text_rows("\xe6\x9d\xb1\xe4\xba\xac\xe6\x9d\xb1\xe4\xba\xac", 5, true), 2);
    grid_free(&grid);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),          cmocka_unit_test(test_marks),
        cmocka_unit_test(test_mixed_scripts), cmocka_unit_test(test_without_utf8),
        cmocka_unit_test(test_every_octet),   cmocka_unit_test(test_bidirectional_set),
        cmocka_unit_test(test_grid_cuts),     cmocka_unit_test(test_grid_wide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
