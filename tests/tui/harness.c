/* The harness: update and source without a loop, a thread or a terminal. */
#include "tests/tui/harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tui/keys.h"
#include "tui/render.h"

void harness_open(struct harness *harness) {
    const char *top = getenv("top_srcdir");
    struct error error = ERROR_NONE;
    char path[4096];
    memset(harness, 0, sizeof *harness);
    snprintf(path, sizeof path, "%s/tests/tui/fixture.json", top != NULL ? top : ".");
    if (transport_fixture_open(path, HARNESS_NOW, &harness->transport, &error) != OK)
        fail_msg("%s", error.message);
}

static void held_free(struct harness *harness) {
    for (size_t i = 0; i < harness->held_count; i++)
        query_free(&harness->held[i]);
    harness->held_count = 0;
}

void harness_close(struct harness *harness) {
    held_free(harness);
    model_free(&harness->model);
    query_free(&harness->last_change);
    transport_close(&harness->transport);
}

void harness_start(struct harness *harness, int cols, int rows) {
    held_free(harness);
    model_free(&harness->model);
    query_free(&harness->last_change);
    harness->changes = 0;
    harness->quit = false;
    model_open(&harness->model, rows, cols, true, false, HARNESS_NOW);
    harness_event(harness, (struct tui_event){.kind = EVENT_START, .now = HARNESS_NOW});
}

static void ask(struct harness *harness, struct query *query, int64_t now) {
    struct answer answer;
    source_ask(&harness->transport, query, &answer);
    harness_event(harness, (struct tui_event){.kind = EVENT_ANSWER, .now = now, .answer = &answer});
    answer_free(&answer);
}

static void change(struct harness *harness, struct query *query, int64_t now) {
    harness->changes++;
    if (harness->lets_changes)
        ask(harness, query, now);
    query_free(&harness->last_change);
    harness->last_change = *query;
    memset(query, 0, sizeof *query);
}

void harness_event(struct harness *harness, struct tui_event event) {
    struct effects effects;
    update(&harness->model, &event, &effects);
    harness->quit |= effects.quit;
    for (size_t i = 0; i < effects.count; i++) {
        struct query *query = &effects.queries[i];
        if (query_changes(query->kind)) {
            change(harness, query, event.now);
        } else if (harness->holds && harness->held_count < 32) {
            harness->held[harness->held_count++] = *query;
            memset(query, 0, sizeof *query);
        } else {
            ask(harness, query, event.now);
        }
    }
    effects_free(&effects);
}

void harness_answer(struct harness *harness, size_t index) {
    assert_true(index < harness->held_count);
    ask(harness, &harness->held[index], harness->model.now);
}

void harness_key(struct harness *harness, uint32_t key) {
    harness_event(harness, (struct tui_event){.kind = EVENT_KEY, .now = harness->model.now, .key = key});
}

void harness_keys(struct harness *harness, const char *script) {
    while (*script) {
        uint32_t key = 0;
        size_t taken = key_parse(script, &key);
        assert_true(taken > 0);
        harness_key(harness, key);
        script += taken;
    }
}

void harness_paste(struct harness *harness, const char *text, size_t size) {
    harness_event(harness, (struct tui_event){.kind = EVENT_PASTE, .now = harness->model.now, .text = text, .size = size});
}

char *harness_screen(struct harness *harness) {
    struct grid grid;
    struct buf text = BUF_EMPTY;
    assert_true(grid_open(&grid, harness->model.rows, harness->model.cols, harness->model.utf8));
    render(&harness->model, &grid);
    grid_dump(&grid, &text);
    grid_free(&grid);
    char *copy = strdup(buf_text(&text));
    buf_free(&text);
    return copy;
}
