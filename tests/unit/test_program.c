/* A site's program under its watcher: what it is given and says, how it is ended, and that nothing of it stays. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/base/clock.h"
#include "ca/process/program.h"

#define LONG_MS 60000

enum { ROW_ECHO, ROW_DENY, ROW_HANG, ROW_FLOOD, ROW_CRASH, ROW_STRAY, ROW_QUIET, ROW_GONE, ROW_ENVIRONMENT, ROW_LATE, ROWS };

static const struct {
    const char *name, *text;
    int64_t timeout_ms;
} scripts[ROWS] = {
    [ROW_ECHO] = {"echo", "#!/bin/sh\nexec cat\n", LONG_MS},
    [ROW_DENY] = {"deny", "#!/bin/sh\nprintf '{\"message\":\"no\"}'\nexit 2\n", LONG_MS},
    [ROW_HANG] = {"hang", "#!/bin/sh\ntrap '' TERM HUP INT\nwhile :; do sleep 600; done\n", 1500},
    [ROW_FLOOD] = {"flood", "#!/bin/sh\nexec yes\n", LONG_MS},
    [ROW_CRASH] = {"crash", "#!/bin/sh\nkill -SEGV $$\n", LONG_MS},
    /* one process stays in the group with the pipe open, one leaves group and session; both say who they are */
    [ROW_STRAY] = {"stray", "#!/bin/sh\nsleep 601 &\nprintf '%s ' $!\nsetsid sleep 602 </dev/null >/dev/null 2>&1 &\nprintf '%s\\n' $!\nexit 0\n", LONG_MS},
    [ROW_QUIET] = {"quiet", "#!/bin/sh\nexec </dev/null\nexit 3\n", LONG_MS},
    [ROW_GONE] = {"gone", NULL, LONG_MS},
    [ROW_ENVIRONMENT] = {"environment", "#!/bin/sh\ncat >/dev/null\npwd\nenv | sort\nls /proc/self/fd | wc -l\n", LONG_MS},
    [ROW_LATE] = {"late", "#!/bin/sh\nprintf '%s\\n' $$ >$(dirname \"$0\")/late.pid\nexec sleep 603\n", LONG_MS},
};

struct fixture {
    char folder[64];
    char paths[ROWS][96];
    struct program programs[ROWS];
    struct forker_program rows[ROWS];
    struct forker *forker;
};
static struct fixture fixture; /* the rows must outlive the forker */
static const atomic_bool running = false;

static int begin(void **state)
{
    struct error error = ERROR_NONE;

    snprintf(fixture.folder, sizeof fixture.folder, "/tmp/test-program.XXXXXX");
    if (!mkdtemp(fixture.folder))
        return -1;
    chmod(fixture.folder, 0755);
    for (size_t i = 0; i < ROWS; i++) {
        FILE *file;
        snprintf(fixture.paths[i], sizeof fixture.paths[i], "%s/%s", fixture.folder, scripts[i].name);
        fixture.programs[i] = (struct program){fixture.paths[i], geteuid(), scripts[i].timeout_ms, 65536};
        fixture.rows[i] = (struct forker_program){scripts[i].name, geteuid(), getegid(), program_watch, &fixture.programs[i], NULL};
        if (!scripts[i].text)
            continue;
        if (!(file = fopen(fixture.paths[i], "w")))
            return -1;
        fputs(scripts[i].text, file);
        if (fclose(file) || chmod(fixture.paths[i], 0755))
            return -1;
    }
    *state = &fixture;
    return forker_start(fixture.rows, ROWS, &fixture.forker, &error);
}

static int end(void **state)
{
    char late[96];

    (void)state;
    forker_stop(fixture.forker);
    for (size_t i = 0; i < ROWS; i++)
        unlink(fixture.paths[i]);
    snprintf(late, sizeof late, "%s/late.pid", fixture.folder);
    unlink(late);
    return rmdir(fixture.folder);
}

static void ask(size_t row, struct bytes input, struct program_answer *answer)
{
    struct error error = ERROR_NONE;

    if (program_ask(fixture.forker, scripts[row].name, input, scripts[row].timeout_ms, &running, answer, &error) != OK)
        fail_msg("%s: %s", scripts[row].name, error.message);
}

static void expect_end(size_t row, enum program_end wanted, int status)
{
    struct program_answer answer;

    ask(row, bytes_of_text("{}\n"), &answer);
    if (answer.end != wanted || (status >= 0 && answer.status != status))
        fail_msg("%s: wanted end %d status %d, got %d and %d", scripts[row].name, wanted, status, answer.end, answer.status);
    buf_free(&answer.output);
}

static void what_it_reads_it_can_say(void **state)
{
    struct program_answer answer;
    struct buf large = BUF_EMPTY;

    (void)state;
    ask(ROW_ECHO, bytes_of_text("{\"version\":1}\n"), &answer);
    assert_int_equal(answer.end, PROGRAM_EXITED);
    assert_int_equal(answer.status, 0);
    assert_string_equal(buf_text(&answer.output), "{\"version\":1}\n");
    buf_free(&answer.output);
    for (size_t i = 0; i < 65536; i++) /* more than a pipe holds, as much as may be said */
        buf_add_byte(&large, (uint8_t)('a' + i % 26));
    ask(ROW_ECHO, buf_bytes(&large), &answer);
    assert_true(bytes_equal(buf_bytes(&large), buf_bytes(&answer.output)));
    buf_free(&answer.output);
    buf_add_byte(&large, 'x');
    ask(ROW_ECHO, buf_bytes(&large), &answer);
    assert_int_equal(answer.end, PROGRAM_TOO_MUCH);
    assert_int_equal(answer.output.size, 0);
    buf_free(&large);
    ask(ROW_DENY, bytes_of_text("{}"), &answer); /* reads nothing */
    assert_int_equal(answer.status, 2);
    assert_string_equal(buf_text(&answer.output), "{\"message\":\"no\"}");
    buf_free(&answer.output);
}

static void how_it_ends_is_told(void **state)
{
    int64_t before = clock_monotonic_ms();

    (void)state;
    expect_end(ROW_QUIET, PROGRAM_EXITED, 3);
    expect_end(ROW_CRASH, PROGRAM_KILLED, SIGSEGV);
    expect_end(ROW_FLOOD, PROGRAM_TOO_MUCH, -1);
    expect_end(ROW_GONE, PROGRAM_NOT_STARTED, 0);
    expect_end(ROW_HANG, PROGRAM_TIMEOUT, -1);
    assert_true(clock_monotonic_ms() - before >= 1500);
}

static void nothing_of_it_stays(void **state)
{
    struct program_answer answer;
    int first, second;

    (void)state;
    ask(ROW_STRAY, bytes_of_text(""), &answer);
    assert_int_equal(answer.end, PROGRAM_EXITED);
    assert_int_equal(sscanf(buf_text(&answer.output), "%d %d", &first, &second), 2);
    assert_true(first > 1 && second > 1);
    assert_int_equal(kill(first, 0), -1); /* the watcher has waited for them before it answered */
    assert_int_equal(kill(second, 0), -1);
    buf_free(&answer.output);
}

static void it_gets_nothing_of_ours(void **state)
{
    struct program_answer answer;

    (void)state;
    setenv("CHANCERY_SECRET", "x", 1);
    ask(ROW_ENVIRONMENT, bytes_of_text("{}"), &answer);
    assert_int_equal(answer.status, 0);
    assert_memory_equal(buf_text(&answer.output), "/\n", 2);
    assert_null(strstr(buf_text(&answer.output), "CHANCERY"));
    assert_non_null(strstr(buf_text(&answer.output), "PATH=/usr/bin:/bin\n"));
    assert_non_null(strstr(buf_text(&answer.output), "\n4\n")); /* 0, 1, 2 and the folder that ls reads */
    buf_free(&answer.output);
}

static void *stop_soon(void *argument)
{
    char path[96];
    struct stat st;

    snprintf(path, sizeof path, "%s/late.pid", fixture.folder);
    while (stat(path, &st) != 0 || st.st_size == 0) /* it runs */
        usleep(10000);
    atomic_store((atomic_bool *)argument, true);
    return NULL;
}

/* Hanging, while the daemon stops: the call comes back at once, and the program is gone soon after. */
static void it_is_ended_when_the_daemon_stops(void **state)
{
    struct program_answer answer;
    struct error error = ERROR_NONE;
    atomic_bool stopping = false;
    int64_t before = clock_monotonic_ms();
    char path[96];
    pthread_t thread;
    FILE *file;
    int pid = 0;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stopping), 0);
    assert_int_equal(program_ask(fixture.forker, "late", bytes_of_text("{}"), LONG_MS, &stopping, &answer, &error), TEMPORARY);
    assert_string_equal(error.reason, "program.stopping");
    assert_true(clock_monotonic_ms() - before < LONG_MS / 2);
    pthread_join(thread, NULL);
    snprintf(path, sizeof path, "%s/late.pid", fixture.folder);
    assert_non_null(file = fopen(path, "r"));
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    fclose(file);
    while (kill(pid, 0) == 0 && clock_monotonic_ms() - before < LONG_MS / 2)
        usleep(10000);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

static void who_could_change_it_matters(void **state)
{
    struct error error = ERROR_NONE;

    (void)state;
    assert_int_equal(program_check(fixture.paths[ROW_ECHO], geteuid(), &error), OK);
    assert_int_equal(program_check("/nonexistent/program", geteuid(), &error), BAD_CONFIG);
    error_clear(&error);
    chmod(fixture.paths[ROW_QUIET], 0777);
    assert_int_equal(program_check(fixture.paths[ROW_QUIET], geteuid(), &error), BAD_CONFIG);
    expect_end(ROW_QUIET, PROGRAM_NOT_STARTED, 0);
    chmod(fixture.paths[ROW_QUIET], 0644);
    error_clear(&error);
    assert_int_equal(program_check(fixture.paths[ROW_QUIET], geteuid(), &error), BAD_CONFIG);
    assert_string_equal(error.reason, "program.mode");
    chmod(fixture.paths[ROW_QUIET], 0755);
    chmod(fixture.folder, 0777);
    error_clear(&error);
    assert_int_equal(program_check(fixture.paths[ROW_QUIET], geteuid(), &error), BAD_CONFIG);
    assert_string_equal(error.reason, "program.folder");
    chmod(fixture.folder, 0755);
    expect_end(ROW_QUIET, PROGRAM_EXITED, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_reads_it_can_say), cmocka_unit_test(how_it_ends_is_told), cmocka_unit_test(nothing_of_it_stays),
        cmocka_unit_test(it_gets_nothing_of_ours), cmocka_unit_test(it_is_ended_when_the_daemon_stops),
        cmocka_unit_test(who_could_change_it_matters),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
