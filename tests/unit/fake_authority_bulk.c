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
