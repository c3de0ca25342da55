/* Reports: what was issued, revoked and approved in a time, and who acted in which role. The audit records say it, in order of time; what
 * still stands in the database is put beside them. Constant memory: pages by the number of the record. */
#include <stdlib.h>
#include <string.h>

#include "ca/authority_bulk.h"
#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"

#define PAGE 200
#define SCAN_MAX 20000    /* records that a page of a report looks at */
#define CLOCK_SLACK 86400 /* a clock that was set back: records of a day stand out of order */

struct reading {
    struct authority *authority;
    int64_t from, to;
    struct report_row *rows;
    size_t count, limit;
    struct error error;
};

void report_rows_free(struct report_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *const texts[] = {rows[i].actor, rows[i].role, rows[i].what, rows[i].reason, rows[i].detail,
                               rows[i].requester, rows[i].template_name, rows[i].subject};
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
            free(texts[t]);
        memset(&rows[i], 0, sizeof rows[i]);
    }
}

/* ---- what a record means ---- */

/* "request 17" */
static uint64_t object_id(const char *object)
{
    uint64_t id = 0;
    return strncmp(object, "request ", 8) == 0 && number_parse(object + 8, &id) == OK ? id : 0;
}

static bool is_act(const struct audit_record *record, const char *action, const char *outcome)
{
    return strcmp(record->action, action) == 0 && strcmp(record->outcome, outcome) == 0;
}

static const char *what_issued(const struct audit_record *record, const struct request *request)
{
    (void)request;
    return is_act(record, "request.issue", "issued") ? "issued" : is_act(record, "certificate.import", "imported") ? "imported" : NULL;
}

static const char *what_revoked(const struct audit_record *record, const struct request *request)
{
    (void)request;
    if (is_act(record, "certificate.revoke", "revoked") || is_act(record, "certificate.import", "revoked"))
        return "revoked";
    if (is_act(record, "certificate.import", "imported") && strstr(record->detail, ", revoked "))
        return "revoked";
    return is_act(record, "certificate.release", "released") ? "released" : NULL;
}

/* An officer's yes is in the record of what followed from it; a request that is issued at once was approved by nobody. */
static bool approved_by(const struct audit_record *record, const struct request *request)
{
    for (size_t i = 0; request && i < request->approval_count; i++)
        if (strcmp(request->approvals[i].account, record->actor) == 0)
            return true;
    return !request && strcmp(record->role, "officer") == 0; /* purged: the role must do */
}

static const char *what_approved(const struct audit_record *record, const struct request *request)
{
    if (is_act(record, "request.deny", "denied"))
        return "denied";
    if (is_act(record, "request.resubmit", "pending"))
        return "approved";
    return is_act(record, "request.issue", "issued") && approved_by(record, request) ? "approved" : NULL;
}

static const struct report {
    const char *name;
    enum report_kind kind;
    const char *(*what)(const struct audit_record *record, const struct request *request); /* NULL of roles */
} reports[] = {{"issued", REPORT_ISSUED, what_issued}, {"revoked", REPORT_REVOKED, what_revoked},
               {"approvals", REPORT_APPROVALS, what_approved}, {"roles", REPORT_ROLES, NULL}};
#define REPORT_COUNT (sizeof reports / sizeof *reports)

int report_kind_parse(const char *name, enum report_kind *out)
{
    for (size_t i = 0; i < REPORT_COUNT; i++)
        if (strcmp(reports[i].name, name) == 0) {
            *out = reports[i].kind;
            return OK;
        }
    return USAGE;
}

static const struct report *report_of(enum report_kind kind)
{
    for (size_t i = 0; i < REPORT_COUNT; i++)
        if (reports[i].kind == kind)
            return &reports[i];
    return NULL;
}

/* ---- a row of a request ---- */

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

static int row_fill(struct report_row *row, const struct audit_record *record, const char *what, const struct request *request,
                    const struct certificate *certificate)
{
    *row = (struct report_row){
        .number = record->number, .at = record->at, .actor = copy(record->actor), .role = copy(record->role), .what = copy(what),
        .reason = copy(record->reason), .detail = copy(record->detail), .id = object_id(record->object),
        .requester = request ? copy(request->requester) : NULL, .template_name = request ? copy(request->template_name) : NULL,
        .subject = request ? copy(certificate->der ? certificate->subject : request->subject) : NULL,
        .not_after = certificate->not_after,
    };
    if (request)
        row->serial = request->serial;
    return row->actor && row->role && row->what && row->reason && row->detail ? OK : INTERNAL;
}

static int take_record(struct reading *reading, const struct report *report, const struct audit_record *record)
{
    struct request request = {0};
    struct certificate certificate = {0};
    struct error none = ERROR_NONE;
    uint64_t id = object_id(record->object);
    bool in_time = record->at >= reading->from && record->at < reading->to;
    int status = OK;
    if (!in_time || !id || strcmp(record->outcome, "refused") == 0)
        return OK;
    bool there = requests_get(reading->authority->store, id, &request, &none) == OK;
    const char *what = report->what(record, there ? &request : NULL);
    if (what && there && certificates_get(reading->authority->store, id, &certificate, &none) && none.status != REFUSED)
        status = error_set(&reading->error, none.status, none.reason, "%s", none.message);
    if (what && !status && row_fill(&reading->rows[reading->count++], record, what, there ? &request : NULL, &certificate))
        status = error_memory(&reading->error);
    certificate_record_free(&certificate);
    request_free(&request);
    return status;
}

/* ---- in order of the records ---- */

/* The number of the last record before the time: the search halves, so it does not read what is long past. */
static int first_before(struct store *store, int64_t at, uint64_t *out, struct error *error)
{
    uint8_t hash[32];
    uint64_t low = 0, high = 0;
    int status = audit_head(store, &high, hash, error);
    while (!status && low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct audit_record record;
        size_t count = 0;
        status = audit_page(store, middle, &record, 1, &count, error);
        if (count && record.at < at)
            low = middle + 1;
        else
            high = middle;
        audit_rows_free(&record, count);
    }
    *out = low;
    return status;
}

/* Calls take for each record after *after, as long as it is true and the time is not over; *after is the last one's number then. */
static int records_each(struct reading *reading, uint64_t *after, size_t limit, bool *more, bool (*take)(const struct audit_record *, void *),
                        void *argument, struct error *error)
{
    struct audit_record *page = calloc(PAGE, sizeof *page);
    bool goes_on = true;
    size_t count = PAGE;
    int status = page ? OK : error_memory(error);
    *more = false;
    for (size_t seen = 0; !status && goes_on && count == PAGE; seen += count) {
        if (seen >= limit) {
            *more = true;
            break;
        }
        status = audit_page(reading->authority->store, *after, page, PAGE, &count, error);
        for (size_t i = 0; i < count && !status && goes_on; i++) {
            goes_on = page[i].at < reading->to + CLOCK_SLACK;
            if (goes_on && !take(&page[i], argument)) {
                *more = true;
                goes_on = false;
            } else {
                *after = page[i].number;
            }
        }
        audit_rows_free(page, count);
    }
    free(page);
    return status ? status : reading->error.status;
}

struct taking {
    struct reading *reading;
    const struct report *report;
};

static bool take_row(const struct audit_record *record, void *argument)
{
    struct taking *taking = argument;
    if (taking->reading->count == taking->reading->limit)
        return false;
    return take_record(taking->reading, taking->report, record) == OK;
}

/* ---- roles: who holds one, who acted in one ---- */

static struct report_row *role_row(struct reading *reading, const char *actor, const char *role)
{
    for (size_t i = 0; i < reading->count; i++)
        if (strcmp(reading->rows[i].actor, actor) == 0 && strcmp(reading->rows[i].role, role) == 0)
            return &reading->rows[i];
    if (reading->count == reading->limit) {
        error_set(&reading->error, REFUSED, "report.size", "more than %zu accounts acted in a role: ask for a shorter time", reading->limit);
        return NULL;
    }
    struct report_row *row = &reading->rows[reading->count++];
    *row = (struct report_row){.actor = strdup(actor), .role = strdup(role), .what = strdup("acted")};
    if (!row->actor || !row->role || !row->what)
        error_memory(&reading->error);
    return reading->error.status ? NULL : row;
}

static bool take_actor(const struct audit_record *record, void *argument)
{
    struct reading *reading = argument;
    if (record->at < reading->from || record->at >= reading->to)
        return true;
    struct report_row *row = role_row(reading, record->actor, record->role);
    if (!row)
        return false;
    bool refused = strcmp(record->outcome, "refused") == 0;
    row->number = record->number;
    row->at = record->at;
    row->first_at = row->first_at ? row->first_at : record->at;
    row->acts += !refused;
    row->refusals += refused;
    return true;
}

static void take_holder(void *argument, const char *account, const char *role)
{
    struct reading *reading = argument;
    struct report_row *row = reading->error.status ? NULL : role_row(reading, account, role);
    if (!row)
        return;
    free(row->what);
    row->what = strdup("holds");
    if (!row->what)
        error_memory(&reading->error);
}

static int report_roles(struct reading *reading, uint64_t after, struct error *error)
{
    bool more = true;
    int status = roles_each_holder(reading->authority, take_holder, reading) ? error_memory(error) : reading->error.status;
    while (!status && more) {
        uint64_t before = after;
        status = records_each(reading, &after, SCAN_MAX, &more, take_actor, reading, error);
        more = more && after != before;
    }
    return status;
}

/* ---- the verb ---- */

int authority_report(struct authority *authority, enum report_kind kind, int64_t from, int64_t to, uint64_t after, struct report_row *rows,
                     size_t limit, size_t *count, uint64_t *next, bool *more, struct error *error)
{
    struct reading reading = {.authority = authority, .from = from, .to = to, .rows = rows, .limit = limit};
    struct taking taking = {.reading = &reading, .report = report_of(kind)};
    int status = from >= to ? error_set(error, USAGE, "report.time", "the report's --from is not before its --to") : OK;
    *more = false;
    *next = after;
    if (!status && !after)
        status = first_before(authority->store, from - CLOCK_SLACK, next, error);
    if (!status && kind == REPORT_ROLES)
        status = report_roles(&reading, *next, error);
    else if (!status)
        status = records_each(&reading, next, SCAN_MAX, more, take_row, &taking, error);
    if (reading.error.status) {
        error_clear(error);
        status = error_set(error, reading.error.status, reading.error.reason, "%s", reading.error.message);
    }
    if (status) {
        report_rows_free(rows, reading.count);
        reading.count = 0;
    }
    *count = reading.count;
    return status;
}
