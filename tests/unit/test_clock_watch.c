/* The rule on the clock, at its edges; and how long a locked signer lets one wait. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ca/base/clock.h"
#include "ca/base/clock_watch.h"
#include "ca/signer/locked.h"

#define NOW 1800000000
#define DAY 86400

static const struct clock_reading from = {NOW, 5000};

static void judged(int64_t last_signed, int64_t now_s, int64_t running_s, const char *reason)
{
    struct clock_reading now = {now_s, 5000 + running_s * 1000};
    struct error error = ERROR_NONE;
    int status = clock_judge(&from, last_signed, &now, &error);

    assert_string_equal(error.reason, reason == NULL ? "" : reason);
    assert_int_equal(status, reason == NULL ? OK : TEMPORARY);
}

static void before_the_last_signature(void **state)
{
    judged(0, NOW, 0, NULL);
    judged(NOW, NOW, 0, NULL);
    judged(NOW + 300, NOW, 0, NULL);
    judged(NOW + 301, NOW, 0, "clock.before_last");
    judged(NOW + 10 * DAY, NOW, 0, "clock.before_last");
    /* Both rules broken: what was signed already comes first. */
    judged(NOW, NOW - 2 * DAY, 0, "clock.before_last");
}

static void jumps(void **state)
{
    judged(0, NOW + 100 * DAY, 100 * DAY, NULL); /* it only ran */
    judged(0, NOW + DAY, 0, NULL);
    judged(0, NOW + DAY + 1, 0, "clock.jumped");
    judged(0, NOW + DAY + 1 + 60, 60, "clock.jumped");
    judged(0, NOW - DAY, 0, NULL);
    judged(0, NOW - DAY - 1, 0, "clock.jumped");
    judged(0, NOW, 2 * DAY, "clock.jumped"); /* it stood */
}

static void readings(void **state)
{
    struct clock_reading before = clock_read(), after;

    clock_set_offset(5000);
    after = clock_read();
    clock_set_offset(0);
    assert_in_range(after.running_ms - before.running_ms, 0, 60000);
    assert_in_range(clock_jump_s(&before, &after), 4998, 5002);
}

static void pauses(void **state)
{
    assert_int_equal(locked_pause_s(0), 0);
    assert_int_equal(locked_pause_s(1), 1);
    assert_int_equal(locked_pause_s(4), 8);
    assert_int_equal(locked_pause_s(8), 128);
    assert_int_equal(locked_pause_s(9), 300);
    assert_int_equal(locked_pause_s(4000000000u), 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_the_last_signature), cmocka_unit_test(jumps), cmocka_unit_test(readings), cmocka_unit_test(pauses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
