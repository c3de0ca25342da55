/* The bytes of the curses back end, fed to libvterm, give the same grid, cursor included; an unchanged grid gives none. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <vterm.h>

#include "tests/tui/harness.h"
#include "tui/render.h"
#include "tui/screen.h"

struct terminal {
    FILE *in, *out;
    struct screen *screen;
    VTerm *vterm;
    VTermScreen *view;
    long fed; /* octets of out that the terminal has seen */
};

static void terminal_open(struct terminal *terminal, int rows, int cols, const char *term, const char *theme) {
    struct error error = ERROR_NONE;
    terminal->in = tmpfile();
    terminal->out = tmpfile();
    terminal->fed = 0;
    assert_true(terminal->in != NULL && terminal->out != NULL);
    struct screen_options options = {terminal->in, terminal->out, term, theme, rows, cols};
    if (screen_open(&options, &terminal->screen, &error) != OK)
        fail_msg("%s", error.message);
    terminal->vterm = vterm_new(rows, cols);
    vterm_set_utf8(terminal->vterm, 1);
    terminal->view = vterm_obtain_screen(terminal->vterm);
    vterm_screen_enable_altscreen(terminal->view, 1);
    vterm_screen_reset(terminal->view, 1);
}

static void terminal_close(struct terminal *terminal) {
    screen_close(terminal->screen);
    vterm_free(terminal->vterm);
    fclose(terminal->in);
    fclose(terminal->out);
}

/* Hands over what was written since. Returns how much it was. */
static long terminal_feed(struct terminal *terminal) {
    char octets[4096];
    long before = terminal->fed;
    ssize_t size;
    while ((size = pread(fileno(terminal->out), octets, sizeof octets, terminal->fed)) > 0) {
        vterm_input_write(terminal->vterm, octets, (size_t)size);
        terminal->fed += size;
    }
    return terminal->fed - before;
}

static void terminal_is(struct terminal *terminal, const struct grid *grid) {
    VTermPos cursor;
    for (int row = 0; row < grid->rows; row++)
        for (int col = 0; col < grid->cols; col++) {
            VTermScreenCell cell;
            const struct safe_cell *glyph = &grid_at(grid, row, col)->glyph;
            vterm_screen_get_cell(terminal->view, (VTermPos){row, col}, &cell);
            uint32_t shown = cell.chars[0] == 0 ? ' ' : cell.chars[0];
            if (glyph->scalar == 0)
                continue; /* the right half of a wide character */
            if (shown != glyph->scalar || (glyph->mark != 0 && cell.chars[1] != glyph->mark))
                fail_msg("size %dx%d row %d column %d: U+%04X is shown as U+%04X", grid->cols, grid->rows, row, col, (unsigned)glyph->scalar, (unsigned)shown);
        }
    vterm_state_get_cursorpos(vterm_obtain_state(terminal->vterm), &cursor);
    assert_int_equal(cursor.row, grid->cursor_row);
    assert_int_equal(cursor.col, grid->cursor_col);
}

static void draw(struct harness *harness, struct terminal *terminal, bool same) {
    struct grid grid;
    assert_true(grid_open(&grid, harness->model.rows, harness->model.cols, true));
    render(&harness->model, &grid);
    screen_draw(terminal->screen, &grid);
    long written = terminal_feed(terminal);
    assert_true(same ? written == 0 : written >= 0);
    terminal_is(terminal, &grid);
    grid_free(&grid);
}

static void walk(int cols, int rows, const char *term, const char *theme) {
    static const char *const steps[] = {"", "j", "j", "j", "j", "<Enter>", "<Esc>", "2", "G", "<Home>", "ja", "j", "<Esc>",
                                        "8", "9", "?", "<Esc>", "1", "i", "<Esc>", "x", "<Esc>", "fweb<Enter>", "4<Enter>"};
    struct harness harness;
    struct terminal terminal;
    harness_open(&harness);
    harness_start(&harness, cols, rows);
    terminal_open(&terminal, rows, cols, term, theme);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        harness_keys(&harness, steps[i]);
        draw(&harness, &terminal, false);
        draw(&harness, &terminal, true); /* idle and unchanged: no bytes */
    }
    terminal_close(&terminal);
    harness_close(&harness);
}

static void test_sizes(void **state) {
    static const char *const terms[] = {"xterm-256color", "tmux-256color", "vt100", "linux"};
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
        walk(80, 24, terms[i], NULL);
        walk(132, 43, terms[i], "colour-blind");
        walk(40, 10, terms[i], "mono");
        walk(20, 5, terms[i], "high-contrast");
    }
}

static void test_few_bytes_for_a_cursor_key(void **state) {
    struct harness harness;
    struct terminal terminal;
    struct grid grid;
    harness_open(&harness);
    harness_start(&harness, 80, 24);
    terminal_open(&terminal, 24, 80, "xterm-256color", NULL);
    assert_true(grid_open(&grid, 24, 80, true));
    for (int i = 0; i < 2; i++) {
        render(&harness.model, &grid);
        screen_draw(terminal.screen, &grid);
        long written = terminal_feed(&terminal);
        assert_true(written > 0 && written < (i == 0 ? 4096 : 900));
        harness_keys(&harness, "j");
    }
    grid_free(&grid);
    terminal_close(&terminal);
    harness_close(&harness);
}

static void test_refusals(void **state) {
    struct error error = ERROR_NONE;
    struct screen *screen = NULL;
    FILE *file = tmpfile();
    struct screen_options options = {file, file, "no-such-terminal", NULL, 24, 80};
    assert_int_equal(screen_open(&options, &screen, &error), BAD_CONFIG);
    error_clear(&error);
    options.theme = "pink";
    assert_int_equal(screen_open(&options, &screen, &error), USAGE);
    assert_null(screen);
    fclose(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_few_bytes_for_a_cursor_key),
        cmocka_unit_test(test_refusals),
    };
    setlocale(LC_ALL, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
