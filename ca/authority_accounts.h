/* Local accounts and groups: /etc/passwd and /etc/group as files, never through the name service, so that who can write a directory
 * gives himself no role. Read anew when they change. Any thread. What cannot be read holds nobody. */
#ifndef CHANCERY_AUTHORITY_ACCOUNTS_H
#define CHANCERY_AUTHORITY_ACCOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "ca/base/error.h"

#define ACCOUNTS_FOLDER "/etc"

struct accounts;
/* folder NULL: /etc. Only tests name another. */
int accounts_open(const char *folder, struct accounts **out, struct error *error);
void accounts_close(struct accounts *accounts);
/* The first account with this uid, "uid 4711" where the file has none. Free it; NULL: no memory. */
char *accounts_name(struct accounts *accounts, uint32_t uid);
/* Does the text, an account's name or a bare uid, stand for this uid? */
bool accounts_match(struct accounts *accounts, const char *text, uint32_t uid);
/* Is the uid in the local group, as a member or by its primary group? */
bool accounts_in_group(struct accounts *accounts, const char *group, uint32_t uid);
/* Calls for the uid of a name or number; of every member of a group. */
void accounts_uid_of(struct accounts *accounts, const char *text, void (*each)(void *argument, uint32_t uid), void *argument);
void accounts_members(struct accounts *accounts, const char *group, void (*each)(void *argument, uint32_t uid), void *argument);

#endif
