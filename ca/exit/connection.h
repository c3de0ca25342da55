/* The dispatcher's end of one exit host: starting it, one exchange at a time, and what to do when it is gone. */
#ifndef CHANCERY_EXIT_CONNECTION_H
#define CHANCERY_EXIT_CONNECTION_H

#include <pthread.h>
#include <stdatomic.h>

#include "ca/exit/wire.h"
#include "ca/process/forker.h"

struct connection { /* any thread through the functions below */
    char name[64], program[80];
    struct forker *forker;
    const atomic_bool *stopping;
    pthread_mutex_t lock; /* one exchange at a time, and everything below */
    int fd;               /* -1: no host */
    pid_t pid;
    struct wire_ready ready;
    unsigned failures;   /* of the host since the last exchange that went well */
    int64_t start_at_ms; /* monotonic: not started again before */
    struct error why;    /* why there is no host */
    atomic_int ended;    /* pid whose end the forker reported */
};

void connection_init(struct connection *connection, const char *name, struct forker *forker, const atomic_bool *stopping);
/* Starts the host and waits until its module is open. The module's own error otherwise. */
int connection_start(struct connection *connection, struct error *error);
bool connection_alive(struct connection *connection); /* notices an end that was reported */
int64_t connection_start_at(struct connection *connection);
/* Delivers count events and fills as many answers. Anything but OK: the host is given up, nobody knows what arrived. */
int connection_deliver(struct connection *connection, const struct event *const events[], size_t count,
                       struct wire_answer *answers, struct error *error);
int connection_probe(struct connection *connection, const char *dn, struct strings *lines, struct error *error);
void connection_close(struct connection *connection); /* tells the host to end */

#endif
