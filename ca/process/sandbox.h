/* What a process gives up: users, descriptors, system calls. */
#ifndef CHANCERY_PROCESS_SANDBOX_H
#define CHANCERY_PROCESS_SANDBOX_H

#include <sys/types.h>

#include "ca/base/error.h"

/* setgroups, setresgid, setresuid, no_new_privs, not dumpable. gid's supplementary groups are dropped. */
int sandbox_drop(uid_t uid, gid_t gid, struct error *error);
void sandbox_close_from(int lowest, const int *keep, size_t keep_count);
/* seccomp for the signer with a key in a file: no new files, no network, no exec. No-op in sanitizer builds. */
int sandbox_signer(struct error *error);
/* seccomp for the signer with a key in a PKCS#11 token, whose module opens what it needs: no exec, no ptrace, no namespaces. */
int sandbox_signer_token(struct error *error);
/* seccomp for an exit host: no exec, no ptrace, no namespaces. */
int sandbox_exit_host(struct error *error);
/* "alice" or "1000" -> uid and its primary gid (gid = uid for a bare number without passwd entry). */
int sandbox_user(const char *name, uid_t *uid, gid_t *gid, struct error *error);
/* The title that ps shows; call sandbox_title_init(argc, argv) first thing in main. */
void sandbox_title_init(int argc, char **argv);
void sandbox_title(const char *title);

#endif
