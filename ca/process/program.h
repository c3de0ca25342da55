/* A site's own program: started by the forker, fed once, listened to once, and gone when its time is over.
 *
 * The forker's child is a watcher of ours under the exit user; the program is the watcher's child, in a process group of its own. The
 * watcher ends the program and all that descends from it when the time limit is over, when it writes more than it may, and when the
 * daemon hangs up or dies. No shell, no arguments, no environment of ours. */
#ifndef CHANCERY_PROCESS_PROGRAM_H
#define CHANCERY_PROCESS_PROGRAM_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "ca/base/buf.h"
#include "ca/base/error.h"
#include "ca/process/forker.h"

#define PROGRAM_INPUT_MAX (4u << 20)

struct program { /* a row's argument; must outlive the process */
    const char *path;
    uid_t owner; /* who besides root may own the file: the user that started the daemon */
    int64_t timeout_ms;
    size_t output_max;
};

enum program_end {
    PROGRAM_EXITED = 1,  /* status: what it exited with */
    PROGRAM_KILLED,      /* status: the signal */
    PROGRAM_TIMEOUT,
    PROGRAM_TOO_MUCH,    /* more output than it may */
    PROGRAM_NOT_STARTED  /* status: errno, 0 where the file is not what it must be */
};
struct program_answer {
    enum program_end end;
    int status;
    struct buf output; /* of PROGRAM_EXITED; buf_free */
};

/* OK when the file is executable and neither it nor its folder can be changed by others than root and owner; BAD_CONFIG otherwise. */
int program_check(const char *path, uid_t owner, struct error *error);
/* The watcher: forker_program.run, with a struct program as its argument. */
int program_watch(int fd, void *argument);
/* Parent's side, any thread: starts it, hands over the input, waits for its end. OK with the answer, or TEMPORARY when there is none:
 * the forker cannot start it, nothing came within timeout_ms and a grace, or *stopping became true. */
int program_ask(struct forker *forker, const char *name, struct bytes input, int64_t timeout_ms, const atomic_bool *stopping,
                struct program_answer *answer, struct error *error);

#endif
