/* Verbs on many rows: imports, revocation by a filter, retention, reports, the end of a CA. As authority.h says of all: any thread,
 * everything that changes something and every refusal is audited, what is returned is freed by the function named. */
#ifndef CHANCERY_AUTHORITY_BULK_H
#define CHANCERY_AUTHORITY_BULK_H

#include "ca/authority.h"
#include "ca/store/bulk.h"

/* ---- filters: FIELD=VALUE FIELD=VALUE…, all of which must fit ---- */
struct filter {
    struct match match;
    struct strings texts; /* that match borrows */
};
/* template, requester, name (a trailing * is a prefix), since, until, expiring (days), key-index, disposition; each once at most. A value
 * with blanks stands in double quotes. USAGE "filter.empty", "filter.form", "filter.field", "filter.value". */
int filter_parse(const char *text, int64_t now, struct filter *out, struct error *error);
void filter_free(struct filter *filter);

/* ---- revoke --match ---- */
struct revoke_match {
    const char *filter;
    int reason;             /* as authority_revoke */
    int64_t at, invalid_since;
    bool expected;          /* false: only with dry_run */
    uint64_t expect;
    bool dry_run;           /* counts, changes nothing */
};
/* Counts; where the count is the one expected the batch is durable and its work goes on after the return, also over a restart.
 * REFUSED "revoke.count" naming the true count, "revoke.busy": another batch is at work. *out: free with batch_free. */
int authority_revoke_match(struct authority *authority, const struct identity *caller, const struct revoke_match *ask,
                           struct batch *out, struct error *error);
/* The batch at work, or the last one; state BATCH_NONE when there was none. */
int authority_batch(struct authority *authority, struct batch *out, struct error *error);

/* ---- import ---- */
struct import { /* one certificate and what its former database said of it */
    struct bytes certificate; /* PEM or DER */
    struct serial serial;     /* that it must have, size 0: any */
    bool revoked;
    int reason;               /* CRLReason, with revoked */
    int64_t revoked_at, invalid_since;
    bool takeover;            /* one that is here already is no fault; otherwise REFUSED "import.known" */
};
struct import_result {
    uint64_t id;     /* 0: refused */
    bool known;      /* it was here already */
    bool revoked;    /* its revocation was taken over now */
    bool expired;
    struct error why; /* REFUSED or BAD_DATA "import.…": why not */
};
#define IMPORTS_MAX 100
/* Each is judged by itself; OK also when some are refused: that stands in results[]. Other statuses: none was imported. */
int authority_import(struct authority *authority, const struct identity *caller, const struct import *imports, size_t count,
                     struct import_result *results, struct error *error);
/* The CRL number that a former database would have used next: ours lies above it. BAD_DATA "import.crl_number". *next: ours at least. */
int authority_import_crl_number(struct authority *authority, const struct identity *caller, uint64_t number, uint64_t *next,
                                struct error *error);

#endif
