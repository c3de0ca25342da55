/* The one vocabulary of errors.
 *
 * A function that can fail returns an enum status and, where it takes a
 * struct error *, fills it in once: the first failure stays (sticky). The
 * codes are the exit status of the command line, so that what went wrong in
 * the signer is still known to the script that called `chancery`. */
#ifndef CHANCERY_BASE_ERROR_H
#define CHANCERY_BASE_ERROR_H

#include "ca/base/guard.h"

enum status {
    OK = 0,
    REFUSED = 1,       /* refused by the CA: wrong state, no such object, a check failed */
    DENIED = 2,        /* denied by policy */
    PENDING = 3,       /* waits for an officer */
    USAGE = 64,        /* the call's own form */
    BAD_DATA = 65,     /* input that is not what it should be */
    UNREACHABLE = 69,  /* the daemon does not answer */
    INTERNAL = 70,     /* a bug, or memory */
    CANNOT_WRITE = 74, /* output */
    TEMPORARY = 75,    /* try again: directory down, disk full, signer busy */
    NOT_PERMITTED = 77,
    BAD_CONFIG = 78
};

struct error {
    int status;         /* enum status; OK: nothing went wrong yet */
    char reason[64];    /* stable code for audit and tests: "request.signature" */
    char message[1024]; /* one line: what was wrong, where, what to do; UTF-8, not sanitised */
    bool audited;       /* a record of the audit log says so already */
};

#define ERROR_NONE {OK, "", "", false}

/* Sets status, reason and message unless one is set already (error may be NULL). Returns status. */
int error_set(struct error *error, int status, const char *reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
#ifdef CHANCERY_MUTANTS
#define error_set(error, status, reason, ...) (GUARD_OFF(reason) ? OK : (error_set)(error, status, reason, __VA_ARGS__))
#endif
/* Puts "text: " before the message. Returns the status that stands. */
int error_prefix(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Starts anew. */
void error_clear(struct error *error);
/* INTERNAL, "internal.memory"; inline, so that what looks for null pointers sees that it never says OK. */
static inline int error_memory(struct error *error)
{
    int status = error_set(error, INTERNAL, "internal.memory", "out of memory; free some, or raise this process's limit");

    return status == OK ? INTERNAL : status;
}
/* The status as a word: "temporary". */
const char *status_name(int status);

#endif
