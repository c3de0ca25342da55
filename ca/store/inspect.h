/* Judging a database that may be damaged. On a copy only, and in a process of its own: Berkeley DB ends a process that reads a page
 * whose checksum is wrong. Three steps, each sensible only after the one before: recovery, each file by itself, all records. */
#ifndef CHANCERY_STORE_INSPECT_H
#define CHANCERY_STORE_INSPECT_H

#include "ca/store/store.h"

struct inspection {
    const char *folder;  /* of the copy */
    int (*finding)(void *argument, const char *line);
    int (*progress)(void *argument, uint64_t done, uint64_t total); /* NULL: not wanted; not OK ends */
    /* Each certificate that stands in the database: what its issuing left elsewhere is the caller's to judge. NULL: not wanted. */
    int (*certificate)(void *argument, const struct certificate *certificate, enum disposition disposition);
    void *argument;
    uint64_t findings;   /* counted */
};
/* Makes one state of what a backup copied. */
int inspect_recover(const char *folder, bool from_backup, struct error *error);
/* Every file as Berkeley DB sees it: pages, their order, their checksums. */
int inspect_files(struct inspection *inspection, struct error *error);
/* Every record, indices against tables, tables against each other, the audit chain. `after`, when not NULL, is called at the end with
 * the store still open, for what the caller compares it with. */
int inspect_records(struct inspection *inspection, int (*after)(struct inspection *inspection, struct store *store, struct error *error),
                    struct error *error);
int inspection_add(struct inspection *inspection, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
