/* The forker: parent's side and the process itself. Orders go over one socket
 * (an index into the table; a pid and a descriptor come back), ends over
 * another. Whoever conquers the parent can start what the table holds, and
 * nothing else. */
#include "config.h"

#include "ca/process/forker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "ca/base/log.h"
#include "ca/process/sandbox.h"

#define CHILDREN_MAX 64
#define GRACE_MS 5000

struct child {
    pid_t pid;
    uint32_t program; /* row of the table */
};

struct children {
    struct child list[CHILDREN_MAX];
    size_t count;
};

struct forker {
    const struct forker_program *programs;
    size_t program_count;
    int orders, ends; /* our ends of the two sockets */
    pid_t pid;
    pthread_mutex_t lock; /* orders and children */
    struct children children;
    pthread_t watcher;
    bool watching;
    forker_ended ended;
    void *argument;
};

struct order_answer {
    pid_t pid;
    int failure; /* errno */
};

struct end_report {
    struct child child;
    int wait_status;
};

static void children_add(struct children *children, struct child child)
{
    if (children->count < CHILDREN_MAX)
        children->list[children->count++] = child;
}

static bool children_remove(struct children *children, pid_t pid, struct child *out)
{
    for (size_t i = 0; i < children->count; i++)
        if (children->list[i].pid == pid) {
            *out = children->list[i];
            children->list[i] = children->list[--children->count];
            return true;
        }
    return false;
}

/* ---- the forker process ---- */

struct forking {
    const struct forker_program *programs;
    size_t program_count;
    int orders, ends, signals;
    struct children children;
};

static void signals_set(void (*action)(int), int how)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
    sigset_t child;

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        signal(numbers[i], action);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(how, &child, NULL);
}

/* The child: everything that is not its own goes before its code runs. */
static void __attribute__((noreturn)) child_run(const struct forker_program *program, int fd, pid_t forker)
{
    struct error error = ERROR_NONE;
    sigset_t none;
    int status;

    log_forked();
    sandbox_close_from(3, &fd, 1);
    sigemptyset(&none);
    signals_set(SIG_DFL, SIG_UNBLOCK);
    signal(SIGCHLD, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (program->prepare != NULL)
        program->prepare(program->argument);
    if (geteuid() == 0)
        status = sandbox_drop(program->uid, program->gid, &error);
    else
        status = sandbox_drop(geteuid(), getegid(), &error);
    /* Only now: changing users clears it. A forker that died before leaves us to somebody else. */
    if (status == OK && (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != forker))
        status = error_set(&error, INTERNAL, "process.parent", "the forker is gone");
    if (status != OK) {
        log_error("%s is not started: %s", program->name, error.message);
        _exit(status);
    }
    if (program->title != NULL)
        sandbox_title(program->title);
    status = program->run(fd, program->argument);
#ifndef HARDENED
    exit(status); /* a sanitizer build looks for leaks there */
#endif
    _exit(status);
}

static int answer_send(int orders, struct order_answer answer, int fd)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec part = {&answer, sizeof answer};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (fd >= 0) {
        struct cmsghdr *header;

        message.msg_control = control.room;
        message.msg_controllen = sizeof control.room;
        header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    return sendmsg(orders, &message, MSG_NOSIGNAL) == (ssize_t)sizeof answer ? OK : CANNOT_WRITE;
}

static void order_obey(struct forking *forking, uint32_t index)
{
    struct order_answer answer = {-1, 0};
    pid_t self = getpid();
    int pair[2] = {-1, -1};

    if (index >= forking->program_count)
        answer.failure = EINVAL;
    else if (forking->children.count == CHILDREN_MAX)
        answer.failure = EAGAIN;
    else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        answer.failure = errno;
    if (answer.failure == 0) {
        answer.pid = fork();
        if (answer.pid == 0)
            child_run(&forking->programs[index], pair[1], self);
        if (answer.pid < 0)
            answer.failure = errno;
        else
            children_add(&forking->children, (struct child){answer.pid, index});
    }
    if (pair[1] >= 0)
        close(pair[1]);
    answer_send(forking->orders, answer, answer.failure == 0 ? pair[0] : -1);
    if (pair[0] >= 0)
        close(pair[0]);
}

static void ends_report(struct forking *forking)
{
    struct signalfd_siginfo drained;
    struct end_report report;
    pid_t pid;

    while (read(forking->signals, &drained, sizeof drained) > 0)
        ;
    memset(&report, 0, sizeof report);
    while ((pid = waitpid(-1, &report.wait_status, WNOHANG)) > 0)
        if (children_remove(&forking->children, pid, &report.child))
            /* Nobody may be reading yet: a full socket must not stop us from reaping. */
            send(forking->ends, &report, sizeof report, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void children_signal(const struct forking *forking, int number)
{
    for (size_t i = 0; i < forking->children.count; i++)
        kill(forking->children.list[i].pid, number);
}

static void children_end(struct forking *forking)
{
    int64_t deadline_ms = clock_monotonic_ms() + GRACE_MS;
    struct pollfd wait = {.fd = forking->signals, .events = POLLIN};

    children_signal(forking, SIGTERM);
    for (;;) {
        int64_t left_ms;

        ends_report(forking);
        left_ms = deadline_ms - clock_monotonic_ms();
        if (forking->children.count == 0 || left_ms <= 0)
            break;
        poll(&wait, 1, (int)left_ms);
    }
    children_signal(forking, SIGKILL);
    while (forking->children.count > 0) {
        ends_report(forking);
        if (forking->children.count > 0)
            poll(&wait, 1, GRACE_MS);
    }
}

/* Until the parent's end of the orders is closed: by forker_stop, or by its death. */
static void forker_serve(struct forking *forking)
{
    struct pollfd waits[] = {{.fd = forking->orders, .events = POLLIN}, {.fd = forking->signals, .events = POLLIN}};

    for (;;) {
        if (poll(waits, 2, -1) < 0 && errno != EINTR)
            break;
        if (waits[1].revents != 0)
            ends_report(forking);
        if (waits[0].revents != 0) {
            uint32_t index = 0;
            ssize_t got = recv(forking->orders, &index, sizeof index, 0);

            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0)
                break;
            order_obey(forking, got == (ssize_t)sizeof index ? index : UINT32_MAX);
        }
    }
    children_end(forking);
}

static void __attribute__((noreturn)) forker_run(struct forker *forker, int orders, int ends)
{
    struct forking *forking = calloc(1, sizeof *forking);
    const int keep[] = {orders, ends};
    sigset_t child;

    if (forking == NULL)
        _exit(INTERNAL);
    log_forked();
    sandbox_close_from(3, keep, 2);
    sandbox_title("chanceryd: forker");
    /* A terminal's ^C goes to everybody: the parent decides, and its end is ours. */
    signals_set(SIG_IGN, SIG_BLOCK);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    *forking = (struct forking){.programs = forker->programs, .program_count = forker->program_count, .orders = orders, .ends = ends};
    free(forker); /* the parent's side */
    forking->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (forking->signals < 0)
        _exit(INTERNAL);
    forker_serve(forking);
    _exit(0);
}

/* ---- the parent's side ---- */

int forker_start(const struct forker_program *programs, size_t count, struct forker **out, struct error *error)
{
    struct forker *forker = calloc(1, sizeof *forker);
    int orders[2] = {-1, -1}, ends[2] = {-1, -1};

    if (forker == NULL)
        return error_memory(error);
    forker->programs = programs;
    forker->program_count = count;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, orders) != 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0 || (forker->pid = fork()) < 0) {
        error_set(error, TEMPORARY, "forker.start", "the forker cannot be started: %s", strerror(errno));
        goto failed;
    }
    if (forker->pid == 0)
        forker_run(forker, orders[1], ends[1]);
    close(orders[1]);
    close(ends[1]);
    forker->orders = orders[0];
    forker->ends = ends[0];
    pthread_mutex_init(&forker->lock, NULL);
    *out = forker;
    return OK;
failed:
    for (int i = 0; i < 2; i++) {
        if (orders[i] >= 0)
            close(orders[i]);
        if (ends[i] >= 0)
            close(ends[i]);
    }
    free(forker);
    return TEMPORARY;
}

static int answer_receive(int orders, struct order_answer *answer)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec part = {answer, sizeof *answer};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    struct cmsghdr *header;
    ssize_t got;
    int fd = -1;

    do
        got = recvmsg(orders, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof *answer)
        return -1;
    header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

static int spawn_locked(struct forker *forker, uint32_t index, int *fd, pid_t *pid, struct error *error)
{
    struct order_answer answer = {-1, ECONNRESET};
    int end = -1;

    if (send(forker->orders, &index, sizeof index, MSG_NOSIGNAL) == (ssize_t)sizeof index)
        end = answer_receive(forker->orders, &answer);
    if (end < 0)
        return error_set(error, TEMPORARY, "forker.spawn", "%s cannot be started: %s", forker->programs[index].name,
                         answer.failure == ECONNRESET ? "the forker is gone; restart the daemon" : strerror(answer.failure));
    children_add(&forker->children, (struct child){answer.pid, index});
    *fd = end;
    *pid = answer.pid;
    return OK;
}

int forker_spawn(struct forker *forker, const char *name, int *fd, pid_t *pid, struct error *error)
{
    int status;

    for (uint32_t i = 0; i < forker->program_count; i++) {
        if (strcmp(forker->programs[i].name, name) != 0)
            continue;
        pthread_mutex_lock(&forker->lock);
        status = spawn_locked(forker, i, fd, pid, error);
        pthread_mutex_unlock(&forker->lock);
        return status;
    }
    return error_set(error, INTERNAL, "forker.unknown", "the forker's table has no \"%s\"", name);
}

/* A dead forker takes its children along (PR_SET_PDEATHSIG): say so for each. */
static void forker_lost(struct forker *forker)
{
    struct children lost;

    pthread_mutex_lock(&forker->lock);
    lost = forker->children;
    forker->children.count = 0;
    pthread_mutex_unlock(&forker->lock);
    for (size_t i = 0; i < lost.count; i++)
        forker->ended(forker->argument, forker->programs[lost.list[i].program].name, lost.list[i].pid, SIGKILL);
}

static void *watch_run(void *argument)
{
    struct forker *forker = argument;
    struct end_report report;
    struct child ignored;

    for (;;) {
        ssize_t got = recv(forker->ends, &report, sizeof report, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got != (ssize_t)sizeof report || report.child.program >= forker->program_count)
            break;
        /* The lock waits for a spawn that has not noted its child yet. */
        pthread_mutex_lock(&forker->lock);
        children_remove(&forker->children, report.child.pid, &ignored);
        pthread_mutex_unlock(&forker->lock);
        forker->ended(forker->argument, forker->programs[report.child.program].name, report.child.pid, report.wait_status);
    }
    forker_lost(forker);
    return NULL;
}

int forker_watch(struct forker *forker, forker_ended ended, void *argument, struct error *error)
{
    sigset_t all, before;
    int rc;

    forker->ended = ended;
    forker->argument = argument;
    /* Signals are the main thread's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&forker->watcher, NULL, watch_run, forker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return error_set(error, TEMPORARY, "forker.watch", "no thread for the ends of children: %s", strerror(rc));
    forker->watching = true;
    return OK;
}

void forker_stop(struct forker *forker)
{
    if (forker == NULL)
        return;
    /* Not only closed: a child of ours that was forked meanwhile may hold the number. */
    shutdown(forker->orders, SHUT_RDWR);
    close(forker->orders);
    while (waitpid(forker->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (forker->watching)
        pthread_join(forker->watcher, NULL);
    close(forker->ends);
    pthread_mutex_destroy(&forker->lock);
    free(forker);
}
