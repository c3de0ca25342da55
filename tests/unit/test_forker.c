/* The forker: starting, the descriptors that a child gets, reports of ends,
 * and that nothing outlives the parent, however that ends. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/base/clock.h"
#include "ca/base/file.h"
#include "ca/process/forker.h"
#include "ca/process/sandbox.h"

/* Says what it is: uid, open descriptors beside 0, 1, 2 and its own, blocked signals, no_new_privs. */
struct self {
    uid_t uid;
    int others;
    bool blocked, new_privileges;
    char argument[16];
};

static int describe_run(int fd, void *argument)
{
    struct self self = {.uid = geteuid()};
    sigset_t mask;

    for (int i = 3; i < 1024; i++)
        if (i != fd && fcntl(i, F_GETFD) >= 0)
            self.others++;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    self.blocked = sigismember(&mask, SIGCHLD) || sigismember(&mask, SIGTERM);
    self.new_privileges = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1;
    memcpy(self.argument, argument, 8);
    fd_write_all(fd, &self, sizeof self);
    return 7;
}

/* Ends when its socket does. */
static int wait_run(int fd, void *argument)
{
    char octet;

    while (read(fd, &octet, 1) > 0)
        ;
    return 3;
}

/* Listens to nothing but SIGKILL. */
static int deaf_run(int fd, void *argument)
{
    signal(SIGTERM, SIG_IGN);
    fd_write_all(fd, "x", 1);
    while (pause() < 0)
        ;
    return 0;
}

static const struct forker_program *programs(void)
{
    static struct forker_program table[3];

    table[0] = (struct forker_program){"describe", geteuid(), getegid(), describe_run, (void *)(uintptr_t)"argument", "test: describe", NULL};
    table[1] = (struct forker_program){"wait", geteuid(), getegid(), wait_run, NULL, NULL, NULL};
    table[2] = (struct forker_program){"deaf", geteuid(), getegid(), deaf_run, NULL, NULL, NULL};
    if (geteuid() == 0)
        table[0].uid = table[0].gid = 65534;
    return table;
}

struct ends {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t count;
    char name[16];
    pid_t pid;
    int status;
};

static void note_end(void *argument, const char *name, pid_t pid, int wait_status)
{
    struct ends *ends = argument;

    pthread_mutex_lock(&ends->lock);
    ends->count++;
    strncpy(ends->name, name, sizeof ends->name - 1);
    ends->pid = pid;
    ends->status = wait_status;
    pthread_cond_signal(&ends->changed);
    pthread_mutex_unlock(&ends->lock);
}

static void ends_wait(struct ends *ends, size_t count)
{
    pthread_mutex_lock(&ends->lock);
    while (ends->count < count)
        pthread_cond_wait(&ends->changed, &ends->lock);
    pthread_mutex_unlock(&ends->lock);
}

static bool gone(pid_t pid)
{
    for (int i = 0; i < 800; i++) {
        if (kill(pid, 0) != 0 && errno == ESRCH)
            return true;
        usleep(10000);
    }
    return false;
}

static void start_and_report(void **state)
{
    struct ends ends = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct error error = ERROR_NONE;
    struct forker *forker = NULL;
    struct self self;
    int fd = -1, secret = open("/etc/passwd", O_RDONLY); /* without close-on-exec: a child must not have it */
    pid_t pid = -1;

    assert_true(secret >= 0);
    assert_int_equal(forker_start(programs(), 3, &forker, &error), OK);
    assert_int_equal(forker_watch(forker, note_end, &ends, &error), OK);
    assert_int_equal(forker_spawn(forker, "describe", &fd, &pid, &error), OK);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(fd_read_all(fd, &self, sizeof self), OK);
    assert_int_equal(self.uid, geteuid() == 0 ? 65534 : geteuid());
    assert_int_equal(self.others, 0);
    assert_false(self.blocked);
    assert_false(self.new_privileges);
    assert_string_equal(self.argument, "argument");
    ends_wait(&ends, 1);
    assert_string_equal(ends.name, "describe");
    assert_int_equal(ends.pid, pid);
    assert_true(WIFEXITED(ends.status));
    assert_int_equal(WEXITSTATUS(ends.status), 7);
    close(fd);

    assert_int_equal(forker_spawn(forker, "wait", &fd, &pid, &error), OK);
    kill(pid, SIGKILL);
    ends_wait(&ends, 2);
    assert_true(WIFSIGNALED(ends.status));
    close(fd);
    assert_int_equal(forker_spawn(forker, "sh", &fd, &pid, &error), INTERNAL);
    assert_string_equal(error.reason, "forker.unknown");
    forker_stop(forker);
    close(secret);
}

static void stop_ends_children(void **state)
{
    struct error error = ERROR_NONE;
    struct forker *forker = NULL;
    pid_t waiting, deaf;
    int fds[2];
    char octet;
    int64_t start_ms;

    assert_int_equal(forker_start(programs(), 3, &forker, &error), OK);
    assert_int_equal(forker_spawn(forker, "wait", &fds[0], &waiting, &error), OK);
    assert_int_equal(forker_spawn(forker, "deaf", &fds[1], &deaf, &error), OK);
    assert_int_equal(fd_read_all(fds[1], &octet, 1), OK);
    start_ms = clock_monotonic_ms();
    forker_stop(forker); /* SIGTERM, five seconds, SIGKILL */
    assert_true(clock_monotonic_ms() - start_ms >= 4500);
    assert_true(gone(waiting) && gone(deaf));
    close(fds[0]);
    close(fds[1]);
}

/* A parent of our own that is killed: what it started goes with it. */
static void killed_parent_leaves_nothing(void **state)
{
    pid_t parent, child = -1;
    int pair[2], status;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    parent = fork();
    if (parent == 0) {
        struct error error = ERROR_NONE;
        struct forker *forker = NULL;
        int fd;

        if (forker_start(programs(), 3, &forker, &error) != OK || forker_spawn(forker, "wait", &fd, &child, &error) != OK)
            _exit(1);
        fd_write_all(pair[1], &child, sizeof child);
        for (;;)
            pause();
    }
    assert_int_equal(fd_read_all(pair[0], &child, sizeof child), OK);
    assert_int_equal(kill(child, 0), 0);
    kill(parent, SIGKILL);
    waitpid(parent, &status, 0);
    assert_true(gone(child));
    close(pair[0]);
    close(pair[1]);
}

static void killed_forker_is_reported(void **state)
{
    struct ends ends = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct error error = ERROR_NONE;
    struct forker *forker = NULL;
    pid_t pid, forker_pid = -1;
    char path[64], text[256] = "";
    int fd, stat;

    assert_int_equal(forker_start(programs(), 3, &forker, &error), OK);
    assert_int_equal(forker_watch(forker, note_end, &ends, &error), OK);
    assert_int_equal(forker_spawn(forker, "wait", &fd, &pid, &error), OK);
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    stat = open(path, O_RDONLY);
    assert_true(read(stat, text, sizeof text - 1) > 0);
    close(stat);
    assert_int_equal(sscanf(strrchr(text, ')'), ") %*c %d", &forker_pid), 1);
    assert_true(forker_pid > 1 && forker_pid != getpid());
    kill(forker_pid, SIGKILL);
    ends_wait(&ends, 1);
    assert_string_equal(ends.name, "wait");
    assert_true(gone(pid));
    close(fd);
    assert_int_equal(forker_spawn(forker, "wait", &fd, &pid, &error), TEMPORARY);
    forker_stop(forker);
}

static void users(void **state)
{
    struct error error = ERROR_NONE;
    uid_t uid = 1;
    gid_t gid = 1;

    assert_int_equal(sandbox_user("root", &uid, &gid, &error), OK);
    assert_int_equal(uid, 0);
    assert_int_equal(sandbox_user("4000000", &uid, &gid, &error), OK);
    assert_int_equal(uid, 4000000);
    assert_int_equal(gid, 4000000);
    assert_int_equal(sandbox_user("no-such-account", &uid, &gid, &error), BAD_CONFIG);
    error_clear(&error);
    assert_int_equal(sandbox_user("4294967295", &uid, &gid, &error), BAD_CONFIG);
    error_clear(&error);
    assert_int_equal(sandbox_user("", &uid, &gid, &error), BAD_CONFIG);
}

#ifdef HARDENED
static int in_child(int (*limit)(struct error *), bool (*trial)(void))
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        struct error error = ERROR_NONE;

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || limit(&error) != OK)
            _exit(9);
        _exit(trial() ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    return status;
}

static bool opens_refused(void)
{
    return open("/etc/passwd", O_RDONLY) < 0 && errno == EPERM && socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM;
}

static bool runs_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return errno == EPERM;
}

static bool opens_but_runs_nothing(void)
{
    int fd = open("/etc/passwd", O_RDONLY);

    return fd >= 0 && runs_program();
}

static void system_calls(void **state)
{
    int status;

    assert_int_equal(in_child(sandbox_signer, opens_refused), 0);
    status = in_child(sandbox_signer, runs_program);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    assert_int_equal(in_child(sandbox_exit_host, opens_but_runs_nothing), 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_and_report),
        cmocka_unit_test(stop_ends_children),
        cmocka_unit_test(killed_parent_leaves_nothing),
        cmocka_unit_test(killed_forker_is_reported),
        cmocka_unit_test(users),
#ifdef HARDENED
        cmocka_unit_test(system_calls),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
