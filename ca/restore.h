/* `chanceryd --restore DIR`: a backup in the place of the database, with no daemon alive. Everything is looked at before anything
 * is touched, the database before is moved aside, and what came after the backup is taken back from where it can be known. */
#ifndef CHANCERY_RESTORE_H
#define CHANCERY_RESTORE_H

#include "ca/chanceryd_conf.h"
#include "ca/store/store.h"

/* Prints the report to standard output. Asks before it begins where there is a terminal and `yes` is not given. */
int restore_run(const struct daemon_conf *conf, const char *folder, bool yes, struct error *error);

/* ---- restore_take.c: what came after the backup, as the authority's user ---- */
struct restore_order {
    const struct conf *conf;
    const char *database;   /* the folder that will be the database */
    const char *journal;    /* a copy of the newest journal that there is */
    const char *backup;     /* for the record */
    int64_t at;             /* when the backup began */
    uint64_t audit_number;  /* the last record in it */
};
/* Opens the database and changes it. *report: lines for the person who confirms. */
int restore_take(const struct restore_order *order, struct buf *report, struct error *error);

/* restore_crl.c: CRLs that stand outside. `each` gets one at a time, with where it stands; it is not checked yet. */
struct directory;
int restore_crls_each(const struct conf *conf, struct directory *directory /* NULL: none */,
                      int (*each)(void *argument, struct bytes crl, const char *where), void *argument, struct buf *report);

#endif
