/* What must hold of update: nothing changes without its confirmation, nothing acts twice, nothing acts late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/base/text.h"
#include "tests/tui/harness.h"
#include "tui/keymap.h"

/* Ways to every screen: folders, details, wizard in both forms, and each dialog. */
static const struct screen_path {
    const char *keys;
    bool asks; /* it is a confirmation: one press of y is meant to act */
} screens[] = {
    {"", false},      {"2", false},       {"3", false},      {"4", false},      {"8", false},      {"9", false},
    {"fweb<Enter>", false}, {"<Enter>", false}, {"2<Enter>", false}, {"4<Enter>", false}, {"2ja", false}, {"2a", false},
    {"a", false},     {"f", false},       {"v", false},      {"x", false},      {"2!", false},     {"p", false},
    {"?", false},     {"=", false},       {"8a", false},     {"2!<Down>", false}, {"i", true},     {"x<Enter>", true},
    {"2!s", true},    {"2h", true},       {"4*", true},      {"pc", true},      {"2jaF", true},    {"2a+", true},
};
#define SCREENS (sizeof screens / sizeof screens[0])

static size_t all_keys(uint32_t keys[], size_t room) {
    size_t count = 0;
    for (uint32_t key = 1; key < 127; key++)
        keys[count++] = key;
    for (uint32_t key = KEYS_UP; key < KEYS_LAST && count < room; key++)
        keys[count++] = key;
    keys[count++] = KEYS_BACKSPACE;
    keys[count++] = 0xf6;
    return count;
}

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

static void go(struct harness *harness, const struct screen_path *screen) {
    harness_start(harness, 80, 24);
    harness_keys(harness, screen->keys);
    assert_int_equal(harness->changes, 0);
    assert_int_equal(screen->asks, harness->model.dialog.kind == DIALOG_CONFIRM);
}

static void test_doubled_keys(void **state) {
    struct harness *harness = *state;
    uint32_t keys[256];
    size_t count = all_keys(keys, 200);
    for (size_t i = 0; i < SCREENS; i++)
        for (size_t j = 0; j < count; j++) {
            go(harness, &screens[i]);
            harness_key(harness, keys[j]);
            harness_key(harness, keys[j]);
            assert_int_equal(harness->changes, screens[i].asks && keys[j] == 'y' ? 1 : 0);
        }
}

/* Of all pairs, only a starting key and then its confirmation reach a change. */
static void test_pairs(void **state) {
    struct harness *harness = *state;
    static const size_t some[] = {0, 7, 10}; /* a list, details, the wizard */
    uint32_t keys[256];
    size_t count = all_keys(keys, 200);
    for (size_t s = 0; s < sizeof some / sizeof some[0]; s++)
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < count; j++) {
                /* where nothing is asked, a second key that no table has does nothing: unknown_key */
                go(harness, &screens[some[s]]);
                harness_key(harness, keys[i]);
                bool asks = harness->model.dialog.kind == DIALOG_CONFIRM;
                if (!asks && keymap_action(place_of(&harness->model), keys[j]) == ACTION_NONE)
                    continue;
                harness_key(harness, keys[j]);
                assert_int_equal(harness->changes, asks && keys[j] == 'y' ? 1 : 0);
            }
}

static void test_pastes(void **state) {
    struct harness *harness = *state;
    static const char *const crafted[] = {"y", "yy", "\r", "y\r", "i\ry\r", "!sy", "\033y", "py", "Fy", "y\ny\ny\n", "\t", "\001"};
    uint32_t seed = 7;
    for (size_t i = 0; i < SCREENS; i++) {
        go(harness, &screens[i]);
        for (size_t j = 0; j < sizeof crafted / sizeof crafted[0]; j++)
            harness_paste(harness, crafted[j], strlen(crafted[j]));
        for (int j = 0; j < 350; j++) {
            char text[24];
            for (size_t k = 0; k < sizeof text; k++) {
                seed = seed * 1664525 + 1013904223;
                text[k] = (char)(seed >> 24);
            }
            harness_paste(harness, text, (seed >> 16) % sizeof text);
        }
        assert_int_equal(harness->changes, 0);
    }
}

static void test_pasted_text_is_typed(void **state) {
    struct harness *harness = *state;
    harness_start(harness, 80, 24);
    harness_keys(harness, "x");
    harness_paste(harness, "no\r\nreason", 10);
    assert_string_equal(harness->model.dialog.input, "no  reason");
    assert_int_equal(harness->model.dialog.kind, DIALOG_INPUT);
    harness_keys(harness, "<Enter>y");
    assert_int_equal(harness->last_change.kind, ACT_DENY);
    assert_string_equal(harness->last_change.text, "no  reason");
}

/* What cannot be sent as UTF-8 does not get into the line, however it is cut. */
static void test_pasted_octets(void **state) {
    struct harness *harness = *state;
    harness_start(harness, 80, 24);
    harness_keys(harness, "x");
    harness_paste(harness, "a\xff\xc3\xb6\xc3", 5);
    assert_string_equal(harness->model.dialog.input, "a?\xc3\xb6?");
    for (int i = 0; i < 600; i++)
        harness_paste(harness, "\xe6\x9d\xb1", 3);
    assert_true(text_is_utf8(harness->model.dialog.input, harness->model.dialog.input_size));
    harness_keys(harness, "<Backspace>");
    assert_true(text_is_utf8(harness->model.dialog.input, harness->model.dialog.input_size));
}

static void test_identity_and_version(void **state) {
    struct harness *harness = *state;
    harness_start(harness, 80, 24);
    harness_keys(harness, "jjiy");
    assert_int_equal(harness->last_change.kind, ACT_ISSUE);
    assert_int_equal(harness->last_change.id, 104993);
    assert_int_equal(harness->last_change.seen, DISPOSITION_PENDING);
    assert_int_equal(harness->last_change.seen_resolved_at, 0);
    harness_start(harness, 80, 24);
    harness_keys(harness, "2!sy");
    assert_int_equal(harness->last_change.kind, ACT_REVOKE);
    assert_string_equal(harness->last_change.text, "superseded");
    assert_int_equal(harness->last_change.seen_resolved_at, 1768898520);
}

static void test_no_reason_preselected(void **state) {
    struct harness *harness = *state;
    harness_start(harness, 80, 24);
    harness_keys(harness, "2!<Enter>");
    assert_int_equal(harness->model.dialog.kind, DIALOG_CHOICE);
    assert_int_equal(harness->model.dialog.choice, -1);
    harness_keys(harness, "<Enter>y");
    assert_int_equal(harness->changes, 0);
}

/* A question that was begun on one row is not asked when the cursor has left it. */
static void test_late_object(void **state) {
    struct harness *harness = *state;
    harness_start(harness, 80, 24);
    harness->holds = true;
    harness_keys(harness, "i");
    assert_int_equal(harness->held_count, 1);
    harness_keys(harness, "j");
    harness_answer(harness, 0);
    assert_int_not_equal(harness->model.dialog.kind, DIALOG_CONFIRM);
    harness_keys(harness, "y");
    assert_int_equal(harness->changes, 0);
    harness->holds = false;
}

/* After ^C no answer of before appears. */
static void test_stop(void **state) {
    struct harness *harness = *state;
    harness_start(harness, 80, 24);
    harness->holds = true;
    harness_keys(harness, "<Enter><^C>");
    harness_answer(harness, 0);
    assert_int_equal(harness->model.view, VIEW_LIST);
    assert_false(harness->quit);
    harness->holds = false;
}

/* While an action runs no other is sent. */
static void test_one_at_a_time(void **state) {
    struct harness *harness = *state;
    harness_start(harness, 80, 24);
    harness_keys(harness, "iyjiy"); /* the harness never answers the first */
    assert_int_equal(harness->changes, 1);
}

static void test_changed_meanwhile(void **state) {
    struct harness harness;
    harness_open(&harness);
    harness_start(&harness, 80, 24);
    harness_keys(&harness, "i"); /* shown as pending; then somebody else denies it */
    struct query other = {.kind = ACT_DENY, .id = 104981, .seen = DISPOSITION_PENDING, .text = strdup("other")};
    struct answer answer;
    source_ask(&harness.transport, &other, &answer);
    assert_int_equal(answer.error.status, OK);
    answer_free(&answer);
    query_free(&other);
    harness.lets_changes = true;
    harness_keys(&harness, "y");
    assert_non_null(strstr(harness.model.status, "changed meanwhile"));
    assert_non_null(strstr(harness.model.status, "denied"));
    assert_int_equal(harness.model.window_count, 4); /* and the list was read again */
    harness_close(&harness);
}

static void test_read_only(void **state) {
    struct harness *harness = *state;
    uint32_t keys[256];
    size_t count = all_keys(keys, 200);
    for (size_t i = 0; i < SCREENS; i++)
        for (size_t j = 0; j < count; j++) {
            if (screens[i].asks || keys[j] == 'w')
                continue;
            go(harness, &screens[i]);
            harness->model.read_only = true;
            harness_key(harness, keys[j]);
            harness_key(harness, 'y');
            assert_int_equal(harness->changes, 0);
        }
}

static void test_idle(void **state) {
    struct harness *harness = *state;
    harness_start(harness, 80, 24);
    harness_keys(harness, "i");
    harness_event(harness, (struct tui_event){.kind = EVENT_TICK, .now = HARNESS_NOW + 899});
    assert_false(harness->model.read_only);
    harness_event(harness, (struct tui_event){.kind = EVENT_KEY, .now = HARNESS_NOW + 901, .key = 'y'});
    assert_true(harness->model.read_only);
    assert_int_equal(harness->changes, 0);
    harness_keys(harness, "w");
    assert_false(harness->model.read_only);
    harness_keys(harness, "iy");
    assert_int_equal(harness->changes, 1);
}

static void test_too_small_to_decide(void **state) {
    struct harness *harness = *state;
    static const struct {
        int cols, rows;
        size_t changes;
    } sizes[] = {{40, 10, 1}, {80, 24, 1}, {36, 8, 0}, {20, 5, 0}, {19, 24, 0}, {80, 4, 0}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        harness_start(harness, sizes[i].cols, sizes[i].rows);
        harness_keys(harness, "iy");
        assert_int_equal(harness->changes, sizes[i].changes);
    }
}

static void test_roles(void **state) {
    struct harness *harness = *state;
    harness_start(harness, 80, 24);
    harness->model.hello.roles = ROLE_AUDITOR;
    harness_keys(harness, "iy");
    assert_int_equal(harness->changes, 0);
    harness_keys(harness, "i");
    assert_non_null(strstr(harness->model.status, "needs the role officer; you have: auditor"));
}

static void test_assign_after_issue(void **state) {
    struct harness harness;
    harness_open(&harness);
    harness.lets_changes = true;
    harness_start(&harness, 80, 24);
    harness_keys(&harness, "jiy");
    assert_non_null(strstr(harness.model.status, "ISSUED request 104982"));
    assert_int_equal(harness.model.last_issued, 104982);
    harness_close(&harness);
}

/* Import link by link, each asked for, then the assignment. */
static void test_import_then_assign(void **state) {
    struct harness harness;
    harness_open(&harness);
    harness.lets_changes = true;
    harness_start(&harness, 80, 24);
    harness_keys(&harness, "2aF"); /* not complete: F assigns nothing */
    assert_int_equal(harness.changes, 0);
    harness_keys(&harness, "a+y+y");
    assert_int_equal(harness.changes, 2);
    assert_true(harness.model.returned.complete);
    harness_keys(&harness, "jj F");
    assert_int_equal(harness.model.dialog.kind, DIALOG_CONFIRM);
    harness_keys(&harness, "y");
    assert_int_equal(harness.last_change.kind, ACT_ASSIGN);
    assert_int_equal(harness.last_change.usages.count, 2);
    assert_string_equal(harness.last_change.usages.items[1], "WebServicesInternal");
    assert_string_equal(harness.last_change.text, "web09");
    harness_close(&harness);
}

static void test_verify(void **state) {
    struct harness *harness = *state;
    harness_start(harness, 80, 24);
    harness_keys(harness, "2<Enter>v");
    char hex[65];
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02X", harness->model.object.sha256[i]);
    harness_paste(harness, hex, 64);
    harness_keys(harness, "<Enter>");
    assert_non_null(strstr(harness->model.dialog.lines.items[0], "MATCH: it is the SHA-256 of the certificate"));
    hex[20] = hex[20] == '0' ? '1' : '0';
    harness_keys(harness, "<Esc>v");
    harness_paste(harness, hex, 64);
    harness_keys(harness, "<Enter>");
    assert_non_null(strstr(harness->model.dialog.lines.items[0], "differs in block c"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doubled_keys),       cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_pastes),             cmocka_unit_test(test_pasted_text_is_typed),
        cmocka_unit_test(test_pasted_octets),      cmocka_unit_test(test_identity_and_version), cmocka_unit_test(test_no_reason_preselected),
        cmocka_unit_test(test_late_object),        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_one_at_a_time),      cmocka_unit_test(test_changed_meanwhile),
        cmocka_unit_test(test_read_only),          cmocka_unit_test(test_idle),
        cmocka_unit_test(test_too_small_to_decide), cmocka_unit_test(test_roles),
        cmocka_unit_test(test_assign_after_issue), cmocka_unit_test(test_import_then_assign),
        cmocka_unit_test(test_verify),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
