/* The verbs on many rows of the authority without a database (fake_authority.c). */
#include "tests/unit/fake_authority.h"

#include <string.h>

#include "ca/authority_bulk.h"

void batch_free(struct batch *batch)
{
    memset(batch, 0, sizeof *batch);
}

int authority_revoke_match(struct authority *fake, const struct identity *caller, const struct revoke_match *ask, struct batch *out,
                           struct error *error)
{
    (void)caller;
    (void)error;
    fake->reason = ask->reason;
    fake->at = ask->at;
    *out = (struct batch){.number = 7, .state = BATCH_RUNNING, .count = ask->expect};
    return OK;
}

int authority_batch(struct authority *fake, struct batch *out, struct error *error)
{
    (void)fake;
    (void)error;
    *out = (struct batch){.state = BATCH_NONE};
    return OK;
}

int authority_import(struct authority *fake, const struct identity *caller, const struct import *imports, size_t count,
                     struct import_result *results, struct error *error)
{
    (void)fake;
    (void)caller;
    (void)error;
    for (size_t i = 0; i < count; i++)
        results[i] = (struct import_result){.id = 17 + i, .revoked = imports[i].revoked};
    return OK;
}

int authority_import_crl_number(struct authority *fake, const struct identity *caller, uint64_t number, uint64_t *next, struct error *error)
{
    (void)fake;
    (void)caller;
    (void)error;
    *next = number + 1;
    return OK;
}

int purge_kind_parse(const char *name, enum purge_kind *out)
{
    *out = PURGE_DENIED;
    return strcmp(name, "denied") == 0 ? OK : USAGE;
}

int authority_purge_list(struct authority *fake, enum purge_kind kind, int64_t before, const struct removal_place *from,
                         struct purge_page *out, struct error *error)
{
    (void)fake;
    (void)kind;
    (void)before;
    (void)error;
    *out = (struct purge_page){.ids = {17}, .count = 1, .next = *from};
    return OK;
}

int authority_purge(struct authority *fake, const struct identity *caller, enum purge_kind kind, int64_t before, const uint64_t *ids,
                    size_t count, const char *export, uint64_t *removed, struct error *error)
{
    (void)fake;
    (void)caller;
    (void)kind;
    (void)before;
    (void)ids;
    (void)export;
    (void)error;
    *removed = count;
    return OK;
}

int report_kind_parse(const char *name, enum report_kind *out)
{
    *out = REPORT_ISSUED;
    return strcmp(name, "issued") == 0 ? OK : USAGE;
}

int authority_report(struct authority *fake, enum report_kind kind, int64_t from, int64_t to, uint64_t after, struct report_row *rows,
                     size_t limit, size_t *count, uint64_t *next, bool *more, struct error *error)
{
    (void)fake;
    (void)kind;
    (void)from;
    (void)to;
    (void)rows;
    (void)limit;
    (void)error;
    *count = 0;
    *next = after;
    *more = false;
    return OK;
}

void report_rows_free(struct report_row *rows, size_t count)
{
    (void)rows;
    (void)count;
}

int authority_decommission(struct authority *fake, const struct identity *caller, const char *expect, struct decommissioning *out,
                           struct error *error)
{
    (void)fake;
    (void)caller;
    (void)expect;
    (void)error;
    *out = (struct decommissioning){.at = 1768893129};
    return OK;
}
