/* Checking a database: each step on a copy, in a process of its own as the authority's user, so that what a damaged file does to
 * Berkeley DB happens there. The daemon has `check-db` run so; --check-db does it with no daemon, and restore before it begins. */
#ifndef CHANCERY_CHECK_H
#define CHANCERY_CHECK_H

#include "ca/chanceryd_conf.h"
#include "ca/process/forker.h"

#define CHECK_PROGRAM "check"
/* forker_program.run */
int check_process_run(int fd, void *argument);

struct check_order {
    const char *folder; /* with db/ and journal, which the authority's user may read; db/ he may change */
    bool from_backup;   /* not made one state of yet */
    int64_t since;      /* what the journal has from then on may be missing in the database */
};
/* Findings go to checking; OK when the check could be made, whatever it found. */
int check_copy(struct forker *forker, const struct check_order *order, const struct checking *checking, struct error *error);

/* `chanceryd --check-db [DIR]`: folder is a backup; NULL: the database of a stopped daemon. Prints each finding as a line; REFUSED
 * "check.findings" when there are some. */
int check_offline(const struct daemon_conf *conf, const char *folder, struct error *error);

/* ---- what restore shares with it ---- */
/* Copies every file below from/ whose name is the database's into to/, a new folder. */
int check_copy_database(const char *from, const char *to, struct error *error);
/* Holds the database's lock; *fd -1 where there is no database. REFUSED "store.locked" while a daemon runs. */
int check_lock(const char *path, int *fd, struct error *error);

#endif
