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

/* ---- retention ---- */
enum purge_kind { PURGE_FAILED = 1, PURGE_DENIED, PURGE_EXPIRED };
int purge_kind_parse(const char *name, enum purge_kind *out); /* "failed", "denied", "expired": OK or USAGE */
#define PURGE_MAX 100
struct purge_page {
    uint64_t ids[PURGE_MAX]; /* that may go */
    size_t count;
    uint64_t kept;           /* old enough, but must stay: a serial was reserved, not on a complete CRL past its end yet, assigned */
    struct removal_place next;
    bool more;               /* go on from next */
};
/* What may go: decided (failed, denied) or ended (expired) before `before`, which does not lie in the future: USAGE "purge.before". */
int authority_purge_list(struct authority *authority, enum purge_kind kind, int64_t before, const struct removal_place *from,
                         struct purge_page *out, struct error *error);
/* Removes those of the ids that still may go; their serials stay taken. export: SHA-256 in hex of the file that holds them now. */
int authority_purge(struct authority *authority, const struct identity *caller, enum purge_kind kind, int64_t before,
                    const uint64_t *ids, size_t count, const char *export, uint64_t *removed, struct error *error);

/* ---- reports: made from the audit records of a time, so that what was purged is in them too ---- */
enum report_kind { REPORT_ISSUED = 1, REPORT_REVOKED, REPORT_APPROVALS, REPORT_ROLES };
int report_kind_parse(const char *name, enum report_kind *out); /* OK or USAGE */
struct report_row {
    uint64_t number;        /* of the audit record; of roles: the last one */
    int64_t at;             /* of roles: of the last one */
    char *actor, *role;
    char *what;             /* "issued", "imported", "revoked", "released", "approved", "denied"; of roles: "holds", "acted" */
    char *reason, *detail;
    uint64_t id;            /* RequestID, 0: none */
    char *requester, *template_name, *subject; /* NULL when it was purged */
    struct serial serial;
    int64_t not_after;
    int64_t first_at;       /* of roles */
    uint64_t acts, refusals; /* of roles */
};
void report_rows_free(struct report_row *rows, size_t count);
/* Rows with from <= at < to, of records after `after`. *more: ask again with after = *next (a page may have no rows and yet more
 * follow). Of roles all come in the first page; REFUSED "report.size" when there are more than limit. */
int authority_report(struct authority *authority, enum report_kind kind, int64_t from, int64_t to, uint64_t after, struct report_row *rows,
                     size_t limit, size_t *count, uint64_t *next, bool *more, struct error *error);

/* ---- the end of a CA ---- */
struct decommissioning {
    int64_t at;               /* 0: the CA is in service */
    struct crl_record crls[CA_KEYS_MAX]; /* the last ones: to the end of each key's certificates */
    size_t crl_count;
};
/* No more issuing from now on; a last CRL of each key. expect: the CA's name, REFUSED "decommission.confirm" when it is another. Called
 * again it makes the last CRLs anew. There is no way back. */
int authority_decommission(struct authority *authority, const struct identity *caller, const char *expect, struct decommissioning *out,
                           struct error *error);

#endif
