/* Folders with all that stands in them: listed, copied, synced, removed. Nothing here follows a symbolic link. */
#ifndef CHANCERY_BASE_TREE_H
#define CHANCERY_BASE_TREE_H

#include <sys/types.h>

#include "ca/base/buf.h"
#include "ca/base/error.h"

/* Regular files under the folder as sorted paths below it ("db/requests.db"). REFUSED "tree.kind" for links, devices and more
 * than 4 folders above each other; BAD_DATA "tree.read". */
int tree_list(const char *folder, struct strings *files, struct error *error);
/* What every write of a copy asks before: bytes done since the last call. Not OK ends it with that status. May be NULL. */
typedef int (*tree_step)(void *argument, uint64_t octets);
/* A file whole, into a new file (never over one). Its data is on disk when OK. */
int tree_copy_file(const char *from, const char *to, mode_t mode, tree_step step, void *argument, struct error *error);
/* Everything below, and the folder itself; what is not there is fine. Returns OK or CANNOT_WRITE. */
int tree_remove(const char *folder);
/* fsync of a folder; for files see tree_copy_file. */
int tree_sync(const char *folder);
/* Both to uid and gid, the folder and all below. */
int tree_own(const char *folder, uid_t uid, gid_t gid);

#endif
