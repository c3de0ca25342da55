/* The forker: the one process that may start others, from a fixed table read before it was forked.
 * Start it before any thread and before the database. Where it runs as root each program gets its own uid and gid, no
 * supplementary groups, no new privileges; else all run as the caller. */
#ifndef CHANCERY_PROCESS_FORKER_H
#define CHANCERY_PROCESS_FORKER_H

#include <sys/types.h>

#include "ca/base/error.h"

struct forker_program {
    const char *name;  /* "signer", "exit publish/ldap" */
    uid_t uid;
    gid_t gid;
    int (*run)(int fd, void *argument); /* child: fd is its end of a SOCK_STREAM unix socket pair; returns the exit status */
    void *argument;
    const char *title; /* "chanceryd: signer" */
    void (*prepare)(void *argument); /* child, before it becomes the user: opens what only the starter can; NULL: nothing */
};

struct forker;
typedef void (*forker_ended)(void *argument, const char *name, pid_t pid, int wait_status);

/* Forks the forker (root where started as root). programs must outlive the process. */
int forker_start(const struct forker_program *programs, size_t count, struct forker **out, struct error *error);
/* Starts one program; *fd is our end (close-on-exec). Any thread. */
int forker_spawn(struct forker *forker, const char *name, int *fd, pid_t *pid, struct error *error);
/* From now on a thread of ours reports ends of children. Call after the privileges are dropped. */
int forker_watch(struct forker *forker, forker_ended ended, void *argument, struct error *error);
/* Sends SIGTERM to what still runs, then SIGKILL after 5 s; ends the forker. */
void forker_stop(struct forker *forker);

#endif
