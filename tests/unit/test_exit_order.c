/* ca/exit/order.c: keys, holds and back-off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/exit/order.h"

static uint64_t key_of(enum event_kind kind, const char *dn)
{
    struct event event = {.kind = kind, .publish_dn = (char *)(uintptr_t)dn, .crl_fd = -1};

    return order_key(&event);
}

static void keys_are_by_entry(void **state)
{
    assert_true(key_of(EVENT_ISSUED, "uid=a,dc=x") == key_of(EVENT_REVOKED, "UID=A,dc=x"));
    assert_true(key_of(EVENT_ISSUED, "uid=a,dc=x") != key_of(EVENT_ISSUED, "uid=b,dc=x"));
    assert_true(key_of(EVENT_CA_CERTIFICATE, NULL) == key_of(EVENT_TEMPLATES, NULL));
    assert_true(key_of(EVENT_CRL_ISSUED, NULL) == 0);
    assert_true(key_of(EVENT_DENIED, NULL) == 0);
}

static void a_hold_stops_later_rows_only(void **state)
{
    struct order order = {NULL, 0, 0};

    assert_false(order_is_held(&order, 7, 1, 0));
    assert_int_equal(order_hold(&order, 7, 5, 100), OK);
    assert_false(order_is_held(&order, 7, 4, 50));
    assert_false(order_is_held(&order, 7, 5, 50));
    assert_true(order_is_held(&order, 7, 6, 50));
    assert_false(order_is_held(&order, 8, 6, 50));
    assert_false(order_is_held(&order, 7, 6, 100)); /* it ends by itself */
    assert_int_equal(order_hold(&order, 7, 9, 500), OK); /* a later one does not replace the earliest */
    assert_true(order_is_held(&order, 7, 6, 50));
    order_release(&order, 7, 4);
    assert_true(order_is_held(&order, 7, 6, 50));
    order_release(&order, 7, 5);
    assert_false(order_is_held(&order, 7, 6, 50));
    order_free(&order);
}

/* Against a plain array: many keys, in and out, over growth and removal from the middle of runs. */
static void many_holds(void **state)
{
    struct order order = {NULL, 0, 0};
    bool model[5000] = {false};

    srand(1);
    for (int i = 0; i < 200000; i++) {
        size_t key = (size_t)rand() % 5000;

        if (rand() % 2) {
            assert_int_equal(order_hold(&order, key + 1, 1, 10), OK);
            model[key] = true;
        } else {
            order_release(&order, key + 1, 1);
            model[key] = false;
        }
    }
    for (size_t key = 0; key < 5000; key++)
        assert_int_equal(order_is_held(&order, key + 1, 2, 0), model[key]);
    order_free(&order);
}

static void waits_double_up_to_half_a_minute(void **state)
{
    static const int64_t least[] = {1, 2, 4, 8, 16, 24, 24, 24};

    for (unsigned attempts = 0; attempts < 8; attempts++)
        for (uint32_t random = 0; random < 100; random++) {
            int64_t wait = order_backoff_s(attempts, random);

            assert_true(wait >= least[attempts] && wait <= least[attempts] + least[attempts] / 4);
        }
    assert_true(order_backoff_s(4000000000u, 4000000000u) <= 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_by_entry),
        cmocka_unit_test(a_hold_stops_later_rows_only),
        cmocka_unit_test(many_holds),
        cmocka_unit_test(waits_double_up_to_half_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
