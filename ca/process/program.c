/* Starting a site's program and watching it: see program.h for who ends it when. */
#include "config.h"

#include "ca/process/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/process/sandbox.h"

#define ANSWER_HEAD 12      /* end, status, size: four octets each */
#define ANSWER_GRACE_MS 3000 /* the watcher's own time, on a busy machine */
#define SLICE_MS 100         /* so often is looked whether the daemon stops */

int program_check(const char *path, uid_t owner, struct error *error)
{
    char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
    int status = folder ? file_check_owner(path, owner, error) : error_memory(error);
    struct stat st;

    if (slash)
        slash[slash == folder] = '\0';
    if (status == OK && (!slash || stat(folder, &st) != 0 || (st.st_uid != 0 && st.st_uid != owner) || (st.st_mode & (S_IWGRP | S_IWOTH))))
        status = error_set(error, BAD_CONFIG, "program.folder", "the folder of %s must belong to root and be writable by nobody else", path);
    if (status == OK && (stat(path, &st) != 0 || !(st.st_mode & S_IXUSR)))
        status = error_set(error, BAD_CONFIG, "program.mode", "%s is not executable", path);
    free(folder);
    return status;
}

/* ---- the program ---- */

static void __attribute__((noreturn)) program_become(const struct program *program, int in, int out, pid_t watcher)
{
    static char *const environment[] = {(char *)"PATH=/usr/bin:/bin", (char *)"LANG=C.UTF-8", NULL};
    char *const arguments[] = {(char *)program->path, NULL};
    const struct rlimit no_core = {0, 0};

    signal(SIGPIPE, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    if (setpgid(0, 0) != 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || setrlimit(RLIMIT_CORE, &no_core) != 0 || chdir("/") != 0)
        _exit(127);
    sandbox_close_from(3, NULL, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != watcher)
        _exit(127);
    execve(program->path, arguments, environment);
    _exit(127);
}

/* ---- the watcher ---- */

struct watch {
    const struct program *program;
    int fd;               /* the daemon */
    int in, out, process; /* our ends of its pipes, and a descriptor of the process itself */
    pid_t pid;
    struct buf input, output;
    size_t written;
    int64_t deadline_ms;
    enum program_end end;
    int status;
};

static int watch_receive(struct watch *watch)
{
    uint8_t head[4], *room;
    size_t size;

    if (fd_read_all(watch->fd, head, sizeof head) != OK || (size = get_u32(head)) > PROGRAM_INPUT_MAX)
        return TEMPORARY;
    if ((room = buf_reserve(&watch->input, size)) == NULL || fd_read_all(watch->fd, room, size) != OK)
        return TEMPORARY;
    watch->input.size = size;
    return OK;
}

static int watch_start(struct watch *watch)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    struct error ignored = ERROR_NONE;
    pid_t self = getpid();

    if (program_check(watch->program->path, watch->program->owner, &ignored) != OK)
        return 0;
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || (watch->pid = fork()) < 0) {
        watch->pid = 0;
        return errno; /* the process ends right after: descriptors go with it */
    }
    if (watch->pid == 0)
        program_become(watch->program, in[0], out[1], self);
    setpgid(watch->pid, watch->pid); /* whoever comes first: it must be there before a signal is sent to it */
    close(in[0]);
    close(out[1]);
    watch->in = in[1];
    watch->out = out[0];
    fcntl(watch->in, F_SETFL, O_NONBLOCK);
    fcntl(watch->out, F_SETFL, O_NONBLOCK);
    watch->process = pidfd_open(watch->pid, 0);
    return watch->process < 0 ? errno : 0;
}

static void watch_feed(struct watch *watch)
{
    ssize_t done = write(watch->in, watch->input.data + watch->written, watch->input.size - watch->written);

    if (done > 0)
        watch->written += (size_t)done;
    if ((done < 0 && errno != EAGAIN && errno != EINTR) || watch->written == watch->input.size) { /* it need not read it all */
        close(watch->in);
        watch->in = -1;
    }
}

/* What stands in the pipe now. */
static void watch_listen(struct watch *watch)
{
    for (;;) {
        uint8_t *room = buf_reserve(&watch->output, 4096);
        ssize_t got = room ? read(watch->out, room, 4096) : -1;

        if (got > 0)
            watch->output.size += (size_t)got;
        if (watch->output.size > watch->program->output_max || watch->output.failed)
            watch->end = PROGRAM_TOO_MUCH;
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0) {
            close(watch->out);
            watch->out = -1;
        }
        if (got <= 0 || watch->end)
            return;
    }
}

static void watch_ended(struct watch *watch)
{
    int wait_status = 0;

    if (watch->out >= 0)
        watch_listen(watch);
    kill(-watch->pid, SIGKILL); /* what it left in its group; before it is waited for, as long as the number is its own */
    if (waitpid(watch->pid, &wait_status, 0) != watch->pid)
        return;
    watch->pid = 0;
    if (watch->end)
        return;
    watch->end = WIFEXITED(wait_status) ? PROGRAM_EXITED : PROGRAM_KILLED;
    watch->status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : WTERMSIG(wait_status);
}

/* False: the daemon is no longer there to be told. */
static bool watch_run(struct watch *watch)
{
    while (!watch->end) {
        int64_t left_ms = watch->deadline_ms - clock_monotonic_ms();
        struct pollfd waits[] = {{watch->process, POLLIN, 0}, {watch->out, POLLIN, 0}, {watch->in, POLLOUT, 0}, {watch->fd, POLLRDHUP, 0}};

        if (left_ms <= 0) {
            watch->end = PROGRAM_TIMEOUT;
            break;
        }
        if (poll(waits, 4, (int)left_ms) < 0 && errno != EINTR)
            break;
        if (waits[3].revents)
            return false;
        if (waits[1].revents)
            watch_listen(watch);
        if (waits[2].revents && !watch->end)
            watch_feed(watch);
        if (waits[0].revents && !watch->end)
            watch_ended(watch);
    }
    return true;
}

/* Processes that left the group came to us when their parent died (PR_SET_CHILD_SUBREAPER). */
static void strays_kill(void)
{
    char path[64];
    int child;
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    if ((file = fopen(path, "re")) == NULL)
        return;
    while (fscanf(file, "%d", &child) == 1)
        kill(child, SIGKILL);
    fclose(file);
}

static void watch_clean(struct watch *watch)
{
    if (watch->pid > 0)
        kill(-watch->pid, SIGKILL);
    for (int round = 0; round < 100; round++) { /* each round ends a generation of them */
        strays_kill();
        if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD)
            break;
    }
}

static void watch_answer(const struct watch *watch)
{
    bool whole = watch->end == PROGRAM_EXITED;
    uint8_t head[ANSWER_HEAD];

    put_u32(head, (uint32_t)watch->end);
    put_u32(head + 4, (uint32_t)watch->status);
    put_u32(head + 8, whole ? (uint32_t)watch->output.size : 0);
    if (fd_write_all(watch->fd, head, sizeof head) == OK && whole)
        fd_write_all(watch->fd, watch->output.data, watch->output.size);
}

int program_watch(int fd, void *argument)
{
    struct watch watch = {.program = argument, .fd = fd, .in = -1, .out = -1, .process = -1};
    bool heard = true;
    int failure;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, SIG_IGN); /* the daemon hangs up when it stops, and then what was started is ended in order */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (watch_receive(&watch) == OK) {
        watch.deadline_ms = clock_monotonic_ms() + watch.program->timeout_ms;
        failure = watch_start(&watch);
        if (watch.process < 0) {
            watch.end = PROGRAM_NOT_STARTED;
            watch.status = failure;
        } else {
            heard = watch_run(&watch);
        }
        watch_clean(&watch);
        if (heard)
            watch_answer(&watch);
    }
    buf_free(&watch.input);
    buf_free(&watch.output);
    return OK;
}

/* ---- the daemon's side ---- */

struct asking {
    int fd;
    int64_t deadline_ms;
    const atomic_bool *stopping;
};

static int ask_read(const struct asking *asking, void *to, size_t size, struct error *error)
{
    for (size_t at = 0; at < size;) {
        struct pollfd wait = {asking->fd, POLLIN, 0};
        ssize_t got;

        if (atomic_load(asking->stopping))
            return error_set(error, TEMPORARY, "program.stopping", "the daemon is stopping");
        if (clock_monotonic_ms() > asking->deadline_ms)
            return error_set(error, TEMPORARY, "program.silent", "what watches the program does not answer");
        if (poll(&wait, 1, SLICE_MS) <= 0)
            continue;
        got = recv(asking->fd, (uint8_t *)to + at, size - at, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return error_set(error, TEMPORARY, "program.gone", "what watches the program ended without an answer");
        at += got > 0 ? (size_t)got : 0;
    }
    return OK;
}

static int ask_answer(const struct asking *asking, struct program_answer *answer, struct error *error)
{
    uint8_t head[ANSWER_HEAD], *room;
    size_t size;
    int status = ask_read(asking, head, sizeof head, error);

    if (status != OK)
        return status;
    answer->end = (enum program_end)get_u32(head);
    answer->status = (int)get_u32(head + 4);
    size = get_u32(head + 8);
    if (answer->end < PROGRAM_EXITED || answer->end > PROGRAM_NOT_STARTED || size > PROGRAM_INPUT_MAX)
        return error_set(error, TEMPORARY, "program.gone", "what watches the program gave an answer that is none");
    if (size == 0)
        return OK;
    if ((room = buf_reserve(&answer->output, size)) == NULL)
        return error_memory(error);
    status = ask_read(asking, room, size, error);
    answer->output.size = status == OK ? size : 0;
    return status;
}

int program_ask(struct forker *forker, const char *name, struct bytes input, int64_t timeout_ms, const atomic_bool *stopping,
                struct program_answer *answer, struct error *error)
{
    struct asking asking = {.fd = -1, .deadline_ms = clock_monotonic_ms() + timeout_ms + ANSWER_GRACE_MS, .stopping = stopping};
    uint8_t head[4];
    pid_t pid;
    int status;

    *answer = (struct program_answer){.output = BUF_EMPTY};
    if (input.size > PROGRAM_INPUT_MAX)
        return error_set(error, TEMPORARY, "program.input", "there is more to tell the program than %u octets", PROGRAM_INPUT_MAX);
    if ((status = forker_spawn(forker, name, &asking.fd, &pid, error)) != OK)
        return status;
    put_u32(head, (uint32_t)input.size);
    if (fd_write_all(asking.fd, head, sizeof head) != OK || fd_write_all(asking.fd, input.data, input.size) != OK)
        status = error_set(error, TEMPORARY, "program.gone", "what watches the program ended at once");
    if (status == OK)
        status = ask_answer(&asking, answer, error);
    close(asking.fd); /* the watcher's sign to end what still runs */
    if (status != OK)
        buf_free(&answer->output);
    return status;
}
