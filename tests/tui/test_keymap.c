/* The rules of the key map, read from the table itself. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tui/keymap.h"

static bool starts_change(enum action action) {
    return action_row(action)->confirmation == CONFIRM_ASKS || action == ACTION_YES;
}

static void test_unique(void **state) {
    for (size_t i = 0; i < keymap_size; i++)
        for (size_t j = i + 1; j < keymap_size; j++)
            assert_false(keymap[i].place == keymap[j].place && keymap[i].key == keymap[j].key);
}

static void test_no_change_on_common_keys(void **state) {
    static const uint32_t keys[] = {KEYS_ENTER, KEYS_BACKSPACE, KEYS_DELETE, '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ' '};
    for (size_t i = 0; i < keymap_size; i++)
        for (size_t j = 0; j < sizeof keys / sizeof keys[0]; j++)
            assert_false(keymap[i].key == keys[j] && starts_change(keymap[i].action));
}

/* One that changes something is never the other case of a different action that works at the same place, but for finding
 * and finishing, which no place has both of. */
static void test_case(void **state) {
    for (int place = 0; place < PLACE_COUNT; place++)
        for (uint32_t key = 'a'; key <= 'z'; key++) {
            enum action lower = keymap_action((enum place)place, key);
            enum action upper = keymap_action((enum place)place, (uint32_t)toupper((int)key));
            if (starts_change(lower) || starts_change(upper))
                assert_true(lower == upper || lower == ACTION_NONE || upper == ACTION_NONE);
        }
}

static void test_confirming_key(void **state) {
    for (size_t i = 0; i < keymap_size; i++) {
        if (keymap[i].action == ACTION_YES) {
            assert_int_equal(keymap[i].place, PLACE_CONFIRM);
            assert_int_not_equal(keymap[i].key, KEYS_ENTER);
        }
        if (action_row(keymap[i].action)->confirmation == CONFIRM_ASKS)
            assert_int_not_equal(keymap_action(PLACE_CONFIRM, keymap[i].key), ACTION_YES);
    }
    for (int action = 0; action < ACTION_COUNT; action++) {
        const struct choice *choices = action_choices((enum action)action);
        for (; choices != NULL && choices->letter; choices++) {
            assert_int_not_equal(keymap_action(PLACE_CONFIRM, (uint32_t)choices->letter), ACTION_YES);
            assert_int_equal(keymap_action(PLACE_CHOICE, (uint32_t)choices->letter), ACTION_NONE);
        }
    }
}

static void test_every_action_is_told(void **state) {
    for (size_t i = 0; i < keymap_size; i++) {
        const struct action_row *row = action_row(keymap[i].action);
        assert_true(row->name != NULL && row->name[0]);
        assert_true(row->help != NULL && row->help[0]);
        if (row->confirmation == CONFIRM_ASKS) {
            assert_true(query_changes(row->query));
            for (const char *at = row->verb; *at; at++) /* the verb stands in capitals */
                assert_false(islower((unsigned char)*at));
        }
    }
}

static void test_names(void **state) {
    char name[KEY_NAME_SIZE], script[KEY_NAME_SIZE + 2];
    for (size_t i = 0; i < keymap_size; i++) {
        uint32_t key = 0;
        key_name(keymap[i].key, name);
        if (name[1] == 0)
            snprintf(script, sizeof script, "%s", name);
        else
            snprintf(script, sizeof script, "<%s>", name);
        assert_int_equal(key_parse(script, &key), strlen(script));
        assert_int_equal(key, keymap[i].key);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unique),         cmocka_unit_test(test_no_change_on_common_keys),
        cmocka_unit_test(test_case),           cmocka_unit_test(test_confirming_key),
        cmocka_unit_test(test_every_action_is_told), cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
