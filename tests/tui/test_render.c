/* Rendering holds at every size and for hostile rows: it never writes beyond the grid, every cell prints, the cursor stands
 * on the selected row, a fingerprint in a confirmation is whole, and the golden numbers of the folder line are short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/tui/harness.h"
#include "tui/keys.h"
#include "tui/render.h"

static int setup(void **state) {
    struct harness *harness = calloc(1, sizeof *harness);
    harness_open(harness);
    *state = harness;
    return 0;
}

static int teardown(void **state) {
    if (*state != NULL)
        harness_close(*state);
    free(*state);
    return 0;
}

static void check_cells(const struct model *model) {
    struct grid grid;
    assert_true(grid_open(&grid, model->rows, model->cols, model->utf8));
    render(model, &grid);
    for (int row = 0; row < grid.rows; row++)
        for (int col = 0; col < grid.cols; col++) {
            uint32_t scalar = grid_at(&grid, row, col)->glyph.scalar;
            assert_true(scalar == 0 || (scalar >= 0x20 && (scalar < 0x7f || scalar > 0xa0)));
            assert_true(scalar != 0 || (col > 0 && grid_at(&grid, row, col - 1)->glyph.width == 2));
            assert_true(model->utf8 || scalar < 0x7f);
        }
    assert_true(grid.cursor_row >= 0 && grid.cursor_row < grid.rows && grid.cursor_col >= 0 && grid.cursor_col < grid.cols);
    grid_free(&grid);
}

static void test_every_size(void **state) {
    static const char *const screens[] = {"jjj", "2<Enter>", "2ja", "2a", "8", "9", "jji", "?", "x", "2!", "jjjj<Enter>"};
    struct harness *harness = *state;
    for (size_t i = 0; i < sizeof screens / sizeof screens[0]; i++) {
        harness_start(harness, 80, 24);
        harness_keys(harness, screens[i]);
        for (int rows = 1; rows < 48; rows += rows < 12 ? 1 : 7)
            for (int cols = 1; cols < 140; cols += cols < 24 ? 1 : 13) {
                harness_event(harness, (struct tui_event){.kind = EVENT_RESIZE, .now = HARNESS_NOW, .rows = rows, .cols = cols});
                harness->model.utf8 = (rows + cols) % 3 != 0;
                check_cells(&harness->model);
            }
    }
}

/* Every shown text of a row and of an object, made of any octets. */
static void hostile(char **text, uint32_t *seed) {
    char octets[48];
    for (size_t i = 0; i < sizeof octets - 1; i++) {
        *seed = *seed * 1664525 + 1013904223;
        octets[i] = (char)(1 + (*seed >> 24) % 255);
    }
    octets[sizeof octets - 1] = 0;
    text_set(text, octets);
}

static void test_hostile_texts(void **state) {
    struct harness *harness = *state;
    uint32_t seed = 99;
    for (int turn = 0; turn < 200; turn++) {
        harness_start(harness, 80, 24);
        harness_keys(harness, turn % 2 ? "2ja" : "<Enter>");
        struct model *model = &harness->model;
        for (size_t i = 0; i < model->window_count; i++) {
            char **texts[] = {&model->window[i].requester, &model->window[i].template_name, &model->window[i].subject,
                              &model->window[i].name, &model->window[i].message};
            for (size_t j = 0; j < 5; j++)
                hostile(texts[j], &seed);
        }
        for (size_t i = 0; i < model->object.field_count; i++)
            if (model->object.fields[i].value != NULL)
                hostile(&model->object.fields[i].value, &seed);
        for (size_t i = 0; i < model->returned.usage_count; i++) {
            hostile(&model->returned.usages[i].title, &seed);
            hostile(&model->returned.usages[i].why, &seed);
        }
        hostile(&model->hello.ca_name, &seed);
        hostile(&model->hello.account, &seed);
        check_cells(model);
        model->view = VIEW_LIST;
        check_cells(model);
        model->utf8 = false;
        check_cells(model);
    }
}

static void test_cursor_on_selected(void **state) {
    struct harness *harness = *state;
    harness_start(harness, 80, 24);
    for (int i = 0; i < 5; i++) {
        struct grid grid;
        assert_true(grid_open(&grid, 24, 80, true));
        render(&harness->model, &grid);
        assert_int_equal(grid.cursor_row, 5 + i);
        assert_int_equal(grid_at(&grid, grid.cursor_row, 0)->glyph.scalar, '>');
        grid_free(&grid);
        harness_keys(harness, "j");
    }
}

/* All eight blocks of the fingerprint stand on every screen that lets one decide. */
static void test_whole_fingerprint(void **state) {
    struct harness *harness = *state;
    for (int rows = 5; rows < 30; rows++)
        for (int cols = 20; cols < 100; cols++) {
            harness_start(harness, cols, rows);
            harness_keys(harness, "i");
            char *screen = harness_screen(harness);
            bool whole = true;
            for (int block = 0; block < 8; block++) {
                char text[16];
                const uint8_t *at = harness->model.dialog.target.key_sha256 + 4 * block;
                snprintf(text, sizeof text, "%c %02X%02X %02X%02X", 'a' + block, at[0], at[1], at[2], at[3]);
                whole &= strstr(screen, text) != NULL;
            }
            harness_keys(harness, "y");
            assert_int_equal(harness->changes, whole ? 1 : 0);
            free(screen);
        }
}

static void test_counts(void **state) {
    static const struct {
        uint64_t count;
        const char *text;
    } cases[] = {{0, "0"}, {412, "412"}, {9999, "9999"}, {10000, "10k"}, {999999, "999k"}, {1234567, "1.2M"}, {10000000, "10.0M"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = BUF_EMPTY;
        count_short(cases[i].count, &out);
        assert_string_equal(buf_text(&out), cases[i].text);
        buf_free(&out);
    }
}

/* A table far larger than the window: whatever one does, the window stays small and its rows stay in order. */
static void answer_page(struct harness *harness) {
    while (harness->held_count > 0) {
        struct query query = harness->held[0];
        memmove(&harness->held[0], &harness->held[1], --harness->held_count * sizeof query);
        struct answer answer = {.ticket = query.ticket, .kind = query.kind, .folder = query.folder, .after = query.after,
                                .backwards = query.backwards, .fetch = query.fetch};
        if (query.kind == QUERY_PAGE) {
            const int64_t last = 100000; /* ascending: 1 … last */
            int64_t from = query.backwards ? (query.after ? (int64_t)query.after - 1 : last) - (int64_t)query.limit + 1
                                           : (int64_t)query.after + 1;
            answer.page.rows = calloc(query.limit, sizeof(struct row));
            for (size_t i = 0; i < query.limit; i++) {
                int64_t id = from + (int64_t)i;
                if (id < 1 || id > last)
                    continue;
                struct row *row = &answer.page.rows[answer.page.count++];
                row->id = (uint64_t)id;
                row->disposition = DISPOSITION_PENDING;
                char **texts[] = {&row->requester, &row->template_name, &row->subject, &row->name,
                                  &row->message, &row->serial, &row->revocation_reason};
                for (size_t j = 0; j < 7; j++)
                    text_set(texts[j], "x");
            }
            answer.page.more = query.backwards ? from > 1 : from + (int64_t)query.limit <= last;
        }
        harness_event(harness, (struct tui_event){.kind = EVENT_ANSWER, .now = HARNESS_NOW, .answer = &answer});
        answer_free(&answer);
        query_free(&query);
    }
}

static void test_paging(void **state) {
    struct harness *harness = *state;
    harness->holds = true;
    harness_start(harness, 80, 24);
    answer_page(harness);
    uint32_t seed = 3;
    for (int step = 0; step < 6000; step++) {
        static const uint32_t keys[] = {KEYS_PAGE_DOWN, KEYS_PAGE_DOWN, KEYS_PAGE_DOWN, KEYS_PAGE_UP, 'j', 'k', KEYS_F(5)};
        seed = seed * 1664525 + 1013904223;
        uint32_t key = step % 1500 == 1499 ? 'G' : step % 1500 == 700 ? KEYS_HOME : keys[(seed >> 24) % 7];
        harness_key(harness, key);
        answer_page(harness);
        const struct model *model = &harness->model;
        assert_true(model->window_count > 0 && model->window_count <= WINDOW_MAX + 200);
        for (size_t i = 1; i < model->window_count; i++)
            assert_int_equal(model->window[i].id, model->window[i - 1].id + 1);
        const struct list *list = &model->lists[model->folder];
        assert_true(list->selected < model->window_count && list->top <= list->selected);
        if (key == 'G')
            assert_int_equal(model->window[list->selected].id, 100000);
        if (key == KEYS_HOME)
            assert_int_equal(model->window[list->selected].id, 1);
    }
    harness->holds = false;
}

/* Every row is passed, once, on the way down. */
static void test_paging_misses_nothing(void **state) {
    struct harness *harness = *state;
    harness->holds = true;
    harness_start(harness, 80, 24);
    answer_page(harness);
    for (uint64_t id = 1; id < 3000; id++) {
        assert_int_equal(model_row(&harness->model)->id, id);
        harness_key(harness, 'j');
        answer_page(harness);
    }
    for (uint64_t id = 3000; id > 1; id--) {
        assert_int_equal(model_row(&harness->model)->id, id);
        harness_key(harness, 'k');
        answer_page(harness);
    }
    harness->holds = false;
}

/* Random keys, pastes and resizes against the hostile rows of the fixture, with what they change done: nothing breaks. */
static void test_random(void **state) {
    struct harness harness;
    uint32_t seed = 2026;
    harness_open(&harness);
    harness.lets_changes = true;
    harness_start(&harness, 80, 24);
    for (int step = 0; step < 20000; step++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t value = seed >> 12;
        if (harness.quit || step % 4000 == 3999) {
            harness_start(&harness, 80, 24);
        } else if (value % 37 == 0) {
            struct tui_event event = {.kind = EVENT_RESIZE, .now = HARNESS_NOW, .rows = 1 + (int)(value / 37 % 50), .cols = 1 + (int)(value / 37 % 150)};
            harness_event(&harness, event);
        } else if (value % 41 == 0) {
            harness_paste(&harness, (const char *)&seed, sizeof seed);
        } else {
            harness_key(&harness, value % 3 ? 32 + value / 3 % 95 : value % 2 ? KEYS_UP + value / 6 % 24 : value / 6 % 32);
        }
        if (step % 5 == 0)
            check_cells(&harness.model);
    }
    harness_close(&harness);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size),        cmocka_unit_test(test_hostile_texts),
        cmocka_unit_test(test_cursor_on_selected), cmocka_unit_test(test_whole_fingerprint),
        cmocka_unit_test(test_counts),            cmocka_unit_test(test_paging),
        cmocka_unit_test(test_paging_misses_nothing), cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
