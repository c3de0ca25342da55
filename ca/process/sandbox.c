/* What a process gives up: users, descriptors, system calls; and the title
 * that ps shows. Each function does its part wholly or returns an error that
 * the caller must treat as the end of the process. */
#include "config.h"

#include "ca/process/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ca/base/encode.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

int sandbox_drop(uid_t uid, gid_t gid, struct error *error)
{
    uid_t r, e, s;

    if (geteuid() == 0 && setgroups(0, NULL) != 0)
        return error_set(error, INTERNAL, "process.groups", "supplementary groups cannot be dropped: %s", strerror(errno));
    if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return error_set(error, INTERNAL, "process.user", "cannot become uid %u gid %u: %s", (unsigned)uid, (unsigned)gid,
                         strerror(errno));
    if (getresuid(&r, &e, &s) != 0 || r != uid || e != uid || s != uid || (uid != 0 && setuid(0) == 0))
        return error_set(error, INTERNAL, "process.user", "privileges came back after becoming uid %u", (unsigned)uid);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return error_set(error, INTERNAL, "process.privileges", "no_new_privs cannot be set: %s", strerror(errno));
#ifdef HARDENED
    const unsigned long dumpable = 0;
#else
    const unsigned long dumpable = 1; /* the leak checker of a sanitizer build traces its own process */
#endif
    if (prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0) != 0)
        return error_set(error, INTERNAL, "process.dumpable", "core dumps cannot be turned off: %s", strerror(errno));
    return OK;
}

static int compare_numbers(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;

    return (x > y) - (x < y);
}

void sandbox_close_from(int lowest, const int *keep, size_t keep_count)
{
    int sorted[16];
    size_t count = keep_count < COUNT(sorted) ? keep_count : COUNT(sorted);

    if (count > 0)
        memcpy(sorted, keep, count * sizeof *keep);
    qsort(sorted, count, sizeof *sorted, compare_numbers);
    for (size_t i = 0; i < count; i++) {
        if (sorted[i] < lowest)
            continue;
        if (sorted[i] > lowest)
            close_range((unsigned)lowest, (unsigned)sorted[i] - 1, 0);
        lowest = sorted[i] + 1;
    }
    close_range((unsigned)lowest, UINT_MAX, 0);
}

#ifdef HARDENED
static int filter_load(scmp_filter_ctx filter, int rc, struct error *error)
{
    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    if (rc != 0)
        return error_set(error, INTERNAL, "process.seccomp", "system calls cannot be limited: %s", strerror(-rc));
    return OK;
}

int sandbox_signer(struct error *error)
{
    /* Reading, writing and mapping what is open; threads, memory, time, randomness; the end. */
    static const int allowed[] = {
        SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pwrite64),
        SCMP_SYS(recvmsg), SCMP_SYS(recvfrom), SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(shutdown), SCMP_SYS(poll),
        SCMP_SYS(ppoll), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(lseek), SCMP_SYS(fsync),
        SCMP_SYS(fdatasync), SCMP_SYS(ftruncate), SCMP_SYS(fcntl), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap),
        SCMP_SYS(mprotect), SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(futex), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime),
        SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrusage),
        SCMP_SYS(times), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(sched_yield),
        SCMP_SYS(sched_getaffinity), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
        SCMP_SYS(sigaltstack), SCMP_SYS(tgkill), SCMP_SYS(restart_syscall), SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(rseq),
        SCMP_SYS(set_robust_list), SCMP_SYS(set_tid_address), SCMP_SYS(prctl), SCMP_SYS(membarrier), SCMP_SYS(exit),
        SCMP_SYS(exit_group),
    };
    /* Libraries try these and live without (localtime, syslog): an error, not the end. */
    static const int denied[] = {
        SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(stat), SCMP_SYS(access),
        SCMP_SYS(readlink), SCMP_SYS(uname), SCMP_SYS(ioctl), SCMP_SYS(sysinfo),
    };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int rc = filter == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < COUNT(allowed); i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; rc == 0 && i < COUNT(denied); i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
    return filter_load(filter, rc, error);
}

static int filter_deny(struct error *error)
{
    static const int denied[] = {
        SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
        SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
        SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(keyctl), SCMP_SYS(add_key),
        SCMP_SYS(request_key), SCMP_SYS(kexec_load), SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(pidfd_getfd),
    };
    static const unsigned long spaces[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS,
                                           CLONE_NEWCGROUP};
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int rc = filter == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < COUNT(denied); i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
    for (size_t i = 0; rc == 0 && i < COUNT(spaces); i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, spaces[i], spaces[i]));
    /* clone3's flags lie behind a pointer: without it the library takes clone. */
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return filter_load(filter, rc, error);
}
int sandbox_exit_host(struct error *error)
{
    return filter_deny(error);
}

int sandbox_signer_token(struct error *error)
{
    return filter_deny(error);
}
#else
int sandbox_signer_token(struct error *error)
{
    return OK;
}

int sandbox_signer(struct error *error)
{
    return OK;
}

int sandbox_exit_host(struct error *error)
{
    return OK;
}
#endif

static int user_lookup(const char *name, uid_t *uid, gid_t *gid, struct error *error)
{
    struct passwd entry, *found = NULL;
    char room[16384];
    uint64_t number;

    if (number_parse(name, &number) == OK) {
        if (number >= (uid_t)-1)
            return error_set(error, BAD_CONFIG, "process.user", "uid %s is out of range", name);
        *uid = (uid_t)number;
        *gid = (gid_t)number;
        if (getpwuid_r(*uid, &entry, room, sizeof room, &found) == 0 && found != NULL)
            *gid = found->pw_gid;
        return OK;
    }
    if (getpwnam_r(name, &entry, room, sizeof room, &found) != 0 || found == NULL)
        return error_set(error, BAD_CONFIG, "process.user", "there is no account \"%s\" on this host: make it (systemd-sysusers)", name);
    *uid = found->pw_uid;
    *gid = found->pw_gid;
    return OK;
}

int sandbox_user(const char *name, uid_t *uid, gid_t *gid, struct error *error)
{
    if (name == NULL || *name == '\0')
        return error_set(error, BAD_CONFIG, "process.user", "no account is named");
    return user_lookup(name, uid, gid, error);
}

/* Where the kernel reads the title: the octets of argv and of what follows it. */
static struct {
    char *start;
    size_t room;
} title;

void sandbox_title_init(int argc, char **argv)
{
    extern char **environ;
    char *end;
    size_t count = 0;
    char **copy;

    if (argc < 1)
        return;
    end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
    while (environ != NULL && environ[count] != NULL)
        count++;
    copy = calloc(count + 1, sizeof *copy);
    if (copy == NULL)
        return;
    for (size_t i = 0; i < count; i++) {
        copy[i] = strdup(environ[i]);
        if (copy[i] == NULL) { /* too little memory for a nicety */
            while (i > 0)
                free(copy[--i]);
            free(copy);
            return;
        }
        if (environ[i] == end)
            end = environ[i] + strlen(environ[i]) + 1;
    }
    if (count > 0)
        environ = copy;
    else
        free(copy);
    title.start = argv[0];
    title.room = (size_t)(end - argv[0]);
}

void sandbox_title(const char *text)
{
    if (title.start == NULL)
        return;
    memset(title.start, 0, title.room);
    snprintf(title.start, title.room, "%s", text);
}
