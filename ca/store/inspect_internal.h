/* What the files of the inspection share. */
#ifndef CHANCERY_STORE_INSPECT_INTERNAL_H
#define CHANCERY_STORE_INSPECT_INTERNAL_H

#include "ca/store/inspect.h"
#include "ca/store/internal.h"

struct look { /* one run over all records */
    struct inspection *inspection;
    struct store *store; /* opened without its indices' callbacks: an index is a table here */
    uint64_t done, total; /* records, for progress */
    uint64_t highest_request, highest_revocation, highest_outbox;
    uint64_t by_disposition[256];
    struct error error;
};
/* Every record of a table or index as it stands, through one cursor. */
int look_each(struct look *look, enum table table, int (*each)(struct look *look, struct bytes key, struct bytes value));
/* OK, REFUSED (none) or INTERNAL. */
int look_get(struct look *look, enum table table, struct bytes key, struct buf *value);
uint64_t look_setting(struct look *look, const char *name); /* a number; 0: none */
/* inspect_index.c: each index against what it is of. */
int inspect_indices(struct look *look);
/* inspect_tables.c: what does not hang on a request. */
int inspect_tables(struct look *look);

#endif
