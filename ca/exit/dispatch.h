/* Drains the outbox: one thread an exit module reads due rows, hands batches to the exit host, and writes what came of them.
 * Order is kept within a directory entry; a newer CRL of a series makes older ones done. Retry: back-off 1 s … 30 s
 * with jitter, so that all that waits arrives within 30 s of the directory's return. */
#ifndef CHANCERY_EXIT_DISPATCH_H
#define CHANCERY_EXIT_DISPATCH_H

#include "ca/module.h"
#include "ca/process/forker.h"
#include "ca/store/store.h"

struct dispatch;

/* An exit module as the parent knows it. dlopen happens in exit/ only; the parent reads mask and items through exit_describe,
 * which loads, copies nothing, and keeps the module open (const data). */
int exit_describe(const char *directory, const char *name, const struct chancery_module **out, struct error *error);

/* What the host process needs; argument of its forker_program (run = exit_host_run). Must outlive the fork. */
struct exit_host {
    const char *module_directory;
    const char *name; /* "publish/ldap" */
    const struct conf *conf;
    unsigned batch_limit_s; /* a module that takes longer for a batch is killed; 0: 60 */
};
int exit_host_run(int fd, void *exit_host);

/* names: count exit modules; program names at the forker are "exit NAME". Waits until each host said that its module is open. */
int dispatch_start(struct store *store, struct forker *forker, const char *const names[], size_t count, struct dispatch **out, struct error *error);
/* The forker told that a host ended: it is started again with back-off. Not once dispatch_stop was called. */
void dispatch_host_ended(struct dispatch *dispatch, const char *program, pid_t pid, int wait_status);
/* Asks the host's module to probe (`publish check [DN]`). Lines are "ok …" / "missing …". */
int dispatch_probe(struct dispatch *dispatch, const char *name, const char *dn, struct strings *lines, struct error *error);
void dispatch_stop(struct dispatch *dispatch); /* store_wake first; what is in flight is finished or tried again next time */

#endif
