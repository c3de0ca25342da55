/* ca/exit: dispatcher and host together, over a module that fails on demand: order, coalescing, retry, parking, a host
 * that dies or hangs. The store and the forker are exit_fake.c's. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/base/clock.h"
#include "ca/base/file.h"
#include "tests/unit/exit_fake.h"

#define PATIENCE_MS 20000

static char folder[] = "/tmp/chancery-exit-XXXXXX", module_folder[512];
static struct exit_host setup = {module_folder, "publish/fake", NULL, 0};
static struct dispatch *running;

static void path_of(const char *name, char path[600])
{
    snprintf(path, 600, "%s/%s", folder, name);
}

static void put(const char *name)
{
    char path[600];
    int fd;

    path_of(name, path);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void take(const char *name)
{
    char path[600];

    path_of(name, path);
    unlink(path);
}

/* What the module was given so far, a line an event; the caller frees. */
static char *delivered(void)
{
    struct buf log = BUF_EMPTY;
    char path[600], *text;

    path_of("log", path);
    if (access(path, F_OK) == 0)
        assert_int_equal(file_read(path, 1 << 20, &log, NULL), OK);
    text = strdup(buf_text(&log));
    buf_free(&log);
    return text;
}

static size_t times_delivered(const char *line)
{
    char *log = delivered();
    size_t count = 0;

    for (const char *at = strstr(log, line); at; at = strstr(at + 1, line))
        count += at == log || at[-1] == '\n';
    free(log);
    return count;
}

static void go(void)
{
    static const char *const names[] = {"publish/fake"};
    struct error error = ERROR_NONE;

    if (dispatch_start(NULL, NULL, names, 1, &running, &error) != OK)
        fail_msg("%s", error.message);
    fake_dispatch(running);
}

static int fresh(void **state)
{
    static const char *const files[] = {"log", "die", "hang", "gate", "refuse"};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        take(files[i]);
    fake_reset();
    setup.batch_limit_s = 0;
    running = NULL;
    return 0;
}

static int stop(void **state)
{
    fake_fail_writes(false);
    fake_dispatch(NULL);
    fake_wake();
    dispatch_stop(running);
    running = NULL;
    fake_wait_children();
    return 0;
}

static void delivers_all_in_batches(void **state)
{
    char dn[64];

    for (int i = 1; i <= 150; i++) {
        snprintf(dn, sizeof dn, "uid=u%d,dc=x", i);
        fake_add(EVENT_ISSUED, dn, "ok");
    }
    go();
    for (uint64_t i = 1; i <= 150; i++)
        assert_true(fake_wait_done(i, PATIENCE_MS));
    assert_int_equal(times_delivered("150:1:ok\n"), 1);
    assert_true(fake_wait_done(fake_add(EVENT_ISSUED, "uid=later,dc=x", "ok"), PATIENCE_MS));
}

static void newest_crl_alone_is_delivered(void **state)
{
    char *log;

    for (uint64_t number = 41; number <= 43; number++)
        fake_add_crl(number);
    go();
    for (uint64_t i = 1; i <= 3; i++)
        assert_true(fake_wait_done(i, PATIENCE_MS));
    log = delivered();
    assert_null(strstr(log, "crl 41"));
    assert_null(strstr(log, "crl 42"));
    assert_non_null(strstr(log, "3:20:crl 43\n"));
    free(log);
}

static void order_is_kept_within_an_entry(void **state)
{
    uint64_t first = fake_add(EVENT_ISSUED, "uid=a,dc=x", "gate"), second = fake_add(EVENT_ISSUED, "UID=A,dc=x", "second"),
             other = fake_add(EVENT_ISSUED, "uid=b,dc=x", "ok"), third;

    go();
    assert_true(fake_wait_done(other, PATIENCE_MS));
    assert_true(fake_wait_attempts(first, 1, PATIENCE_MS));
    third = fake_add(EVENT_ISSUED, "uid=a,dc=x", "third");
    assert_true(fake_wait_done(fake_add(EVENT_ISSUED, "uid=c,dc=x", "ok"), PATIENCE_MS)); /* a pass that saw third */
    assert_int_equal(times_delivered("2:1:second\n"), 0);
    assert_int_equal(times_delivered("4:1:third\n"), 0);
    assert_int_equal(fake_row(second).attempts, 0);
    put("gate");
    assert_true(fake_wait_done(third, PATIENCE_MS));
    assert_true(fake_row(first).done && fake_row(second).done);
}

static void order_is_kept_over_a_restart(void **state)
{
    uint64_t first = fake_add(EVENT_ISSUED, "uid=a,dc=x", "ok"), second = fake_add(EVENT_ISSUED, "uid=a,dc=x", "ok");

    fake_change(first, 1, clock_now(), clock_now() + 2); /* failed before the daemon was stopped */
    go();
    assert_true(fake_wait_done(fake_add(EVENT_ISSUED, "uid=c,dc=x", "ok"), PATIENCE_MS));
    assert_false(fake_row(second).done);
    assert_true(fake_wait_done(second, PATIENCE_MS));
    assert_true(fake_row(first).done);
}

static void what_cannot_be_is_parked(void **state)
{
    uint64_t hopeless = fake_add(EVENT_ISSUED, "uid=a,dc=x", "give up"), after = fake_add(EVENT_ISSUED, "uid=a,dc=x", "ok");

    go();
    assert_true(fake_wait_parked(hopeless, PATIENCE_MS));
    assert_string_equal(fake_row(hopeless).why, "because of \"give up\"");
    assert_true(fake_wait_done(after, PATIENCE_MS));
}

static void old_rows_are_parked_but_crls_never(void **state)
{
    uint64_t old = fake_add(EVENT_ISSUED, "uid=a,dc=x", "retry"), templates = fake_add(EVENT_TEMPLATES, "", "retry");

    fake_change(old, 0, clock_now() - 8 * 86400, 0);
    fake_change(templates, 0, clock_now() - 8 * 86400, 0);
    go();
    assert_true(fake_wait_parked(old, PATIENCE_MS));
    assert_true(fake_wait_attempts(templates, 1, PATIENCE_MS));
    assert_false(fake_row(templates).parked);
}

static void a_host_that_dies_once(void **state)
{
    uint64_t before = fake_add(EVENT_ISSUED, "uid=a,dc=x", "ok"), deadly = fake_add(EVENT_ISSUED, "uid=b,dc=x", "die"),
             behind = fake_add(EVENT_ISSUED, "uid=c,dc=x", "ok");

    put("die");
    go();
    assert_true(fake_wait_done(before, PATIENCE_MS));
    assert_true(fake_wait_done(deadly, PATIENCE_MS));
    assert_true(fake_wait_done(behind, PATIENCE_MS));
    assert_int_equal(fake_spawns(), 2);
    assert_int_equal(times_delivered("1:1:ok\n"), 2); /* nobody knew that it had arrived: at least once */
}

static void an_event_that_always_kills_holds_up_nothing_else(void **state)
{
    uint64_t deadly = fake_add(EVENT_ISSUED, "uid=b,dc=x", "die always"), behind = fake_add(EVENT_ISSUED, "uid=c,dc=x", "ok");

    go();
    assert_true(fake_wait_done(behind, PATIENCE_MS));
    assert_true(fake_wait_attempts(deadly, 1, PATIENCE_MS));
    assert_false(fake_row(deadly).done);
}

static void a_host_that_hangs_is_ended(void **state)
{
    uint64_t row = fake_add(EVENT_ISSUED, "uid=b,dc=x", "hang");
    int64_t began = clock_monotonic_ms();

    setup.batch_limit_s = 1;
    put("hang");
    go();
    assert_true(fake_wait_attempts(row, 1, PATIENCE_MS));
    assert_true(clock_monotonic_ms() - began >= 900);
    take("hang");
    assert_true(fake_wait_done(row, PATIENCE_MS));
    assert_true(fake_spawns() >= 2);
}

static void outcomes_that_cannot_be_written_come_again(void **state)
{
    uint64_t row;

    fake_fail_writes(true);
    row = fake_add(EVENT_ISSUED, "uid=b,dc=x", "ok");
    go();
    nanosleep(&(struct timespec){0, 300000000}, NULL);
    assert_false(fake_row(row).done);
    fake_fail_writes(false);
    assert_true(fake_wait_done(row, PATIENCE_MS));
    assert_true(times_delivered("1:1:ok\n") >= 2);
}

static void the_daemons_own_events_are_told(void **state)
{
    go();
    assert_true(fake_wait_done(fake_add(EVENT_ISSUED, "uid=b,dc=x", "ok"), PATIENCE_MS));
    assert_int_equal(times_delivered("0:80:"), 1);
    stop(NULL);
    assert_int_equal(times_delivered("0:40:"), 1);
}

static void a_probe_asks_the_module(void **state)
{
    struct strings lines = {NULL, 0};
    struct error error = ERROR_NONE;

    go();
    assert_int_equal(dispatch_probe(running, "publish/fake", "uid=a,dc=x", &lines, &error), REFUSED);
    assert_string_equal(error.message, "asked for uid=a,dc=x");
    error_clear(&error);
    assert_int_equal(dispatch_probe(running, "publish/none", NULL, &lines, &error), REFUSED);
    assert_string_equal(error.reason, "object.unknown");
    assert_true(fake_wait_done(fake_add(EVENT_ISSUED, "uid=b,dc=x", "ok"), PATIENCE_MS)); /* the connection is still good */
}

static void a_module_that_does_not_open_stops_the_start(void **state)
{
    static const char *const names[] = {"publish/fake"};
    struct error error = ERROR_NONE;

    put("refuse");
    assert_int_equal(dispatch_start(NULL, NULL, names, 1, &running, &error), BAD_CONFIG);
    assert_string_equal(error.reason, "fake.refuse");
    assert_non_null(strstr(error.message, "does not open while"));
    running = NULL;
}

static void modules_that_are_none(void **state)
{
    const struct chancery_module *module = NULL;
    struct error error = ERROR_NONE;

    assert_int_equal(exit_describe(module_folder, "publish/fake", &module, &error), OK);
    assert_int_equal(module->event_mask & EVENT_STARTUP, EVENT_STARTUP);
    assert_int_equal(exit_describe(module_folder, "../publish_fake", &module, &error), BAD_CONFIG);
    error_clear(&error);
    assert_int_equal(exit_describe(module_folder, "publish/none", &module, &error), BAD_CONFIG);
    error_clear(&error);
    assert_int_equal(chmod(folder, 0777), 0);
    assert_int_equal(exit_describe(folder, "publish/fake", &module, &error), BAD_CONFIG);
    assert_string_equal(error.reason, "exit.folder");
    assert_int_equal(chmod(folder, 0700), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(delivers_all_in_batches, fresh, stop),
        cmocka_unit_test_setup_teardown(newest_crl_alone_is_delivered, fresh, stop),
        cmocka_unit_test_setup_teardown(order_is_kept_within_an_entry, fresh, stop),
        cmocka_unit_test_setup_teardown(order_is_kept_over_a_restart, fresh, stop),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_parked, fresh, stop),
        cmocka_unit_test_setup_teardown(old_rows_are_parked_but_crls_never, fresh, stop),
        cmocka_unit_test_setup_teardown(a_host_that_dies_once, fresh, stop),
        cmocka_unit_test_setup_teardown(an_event_that_always_kills_holds_up_nothing_else, fresh, stop),
        cmocka_unit_test_setup_teardown(a_host_that_hangs_is_ended, fresh, stop),
        cmocka_unit_test_setup_teardown(outcomes_that_cannot_be_written_come_again, fresh, stop),
        cmocka_unit_test_setup_teardown(the_daemons_own_events_are_told, fresh, stop),
        cmocka_unit_test_setup_teardown(a_probe_asks_the_module, fresh, stop),
        cmocka_unit_test_setup_teardown(a_module_that_does_not_open_stops_the_start, fresh, stop),
        cmocka_unit_test_setup_teardown(modules_that_are_none, fresh, stop),
    };
    const char *top = getenv("top_builddir");
    int failures;

    snprintf(module_folder, sizeof module_folder, "%s/tests/unit/.libs", top ? top : ".");
    if (!mkdtemp(folder))
        return 99;
    setenv("FAKE_DIR", folder, 1);
    fake_setup(&setup);
    failures = cmocka_run_group_tests(tests, NULL, NULL);
    fresh(NULL);
    rmdir(folder);
    return failures;
}
