/* Audit: the record of what was done and of what was refused. Repeated refusals of one uid and reason share a record a minute. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/log.h"

#define REFUSALS_KEPT 64
#define REFUSAL_SHARE_S 60

struct refusal {
    int64_t uid, since;
    char reason[64], account[64];
    unsigned repeats;
};
struct refusal_log {
    pthread_mutex_t lock;
    struct refusal kept[REFUSALS_KEPT];
};

int refusals_open(struct authority *authority, struct error *error)
{
    authority->refusals = calloc(1, sizeof *authority->refusals);
    if (!authority->refusals)
        return error_memory(error);
    pthread_mutex_init(&authority->refusals->lock, NULL);
    return OK;
}

void refusals_close(struct authority *authority)
{
    if (authority->refusals)
        pthread_mutex_destroy(&authority->refusals->lock);
    free(authority->refusals);
}

struct object_text authority_object(uint64_t id)
{
    struct object_text object;
    snprintf(object.text, sizeof object.text, "request %llu", (unsigned long long)id);
    return object;
}

/* The role by which it was done: what the route asked for, else the highest that he has. */
static const char *acting_role(const struct identity *caller)
{
    return caller->uid < 0 ? "daemon" : role_name(caller->acting ? caller->acting : caller->roles);
}

uint64_t authority_audit(struct authority *authority, struct store_txn *txn, const struct identity *caller, const char *action,
                         const char *object, const char *outcome, const char *reason, const char *detail)
{
    (void)authority;
    struct audit_record record = {
        .at = clock_now(), .actor = caller->account, .role = acting_role(caller), .action = action,
        .object = object, .outcome = outcome, .reason = reason ? reason : "", .detail = detail ? detail : "",
    };
    return audit_add(txn, &record);
}

struct refusal_record {
    struct authority *authority;
    const struct identity *caller;
    const char *action, *object;
    const struct error *why;
};

static int refusal_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct refusal_record *r = argument;
    struct buf detail = BUF_EMPTY;
    (void)error;
    buf_add_text(&detail, r->why->message);
    authority_audit(r->authority, txn, r->caller, r->action, r->object, "refused", r->why->reason, buf_text(&detail));
    buf_free(&detail);
    return store_txn_failed(txn);
}

/* ---- repeats: one record a minute for one uid and reason ---- */

/* The place for a new one: free, else the one that is longest over; what it still counted comes out in *evicted. */
static struct refusal *refusal_place(struct refusal_log *log, struct refusal *evicted)
{
    struct refusal *place = &log->kept[0];
    for (size_t i = 0; i < REFUSALS_KEPT; i++)
        if (log->kept[i].since < place->since)
            place = &log->kept[i];
    *evicted = *place;
    return place;
}

/* True when this refusal shares the record of one just written. *before: one whose repeats must be written first (repeats 0: none). */
static bool refusal_shared(struct refusal_log *log, const struct identity *caller, const char *reason, struct refusal *before)
{
    int64_t now = clock_now();
    bool shared = false, known = false;
    before->repeats = 0;
    pthread_mutex_lock(&log->lock);
    for (size_t i = 0; i < REFUSALS_KEPT && !known; i++) {
        struct refusal *r = &log->kept[i];
        known = r->since && r->uid == caller->uid && strcmp(r->reason, reason) == 0;
        if (known && now >= r->since && now - r->since < REFUSAL_SHARE_S) {
            r->repeats++;
            shared = true;
        } else if (known) {
            *before = *r;
            r->repeats = 0;
            r->since = now;
        }
    }
    if (!known) {
        struct refusal *r = refusal_place(log, before);
        *r = (struct refusal){.uid = caller->uid, .since = now};
        snprintf(r->reason, sizeof r->reason, "%s", reason);
        snprintf(r->account, sizeof r->account, "%s", caller->account);
    }
    pthread_mutex_unlock(&log->lock);
    return shared;
}

/* One refusal that was repeated and whose minute is over at `now`; taken out. */
static bool refusal_take(struct refusal_log *log, int64_t now, struct refusal *out)
{
    bool found = false;
    pthread_mutex_lock(&log->lock);
    for (size_t i = 0; i < REFUSALS_KEPT && !found; i++) {
        struct refusal *r = &log->kept[i];
        found = r->repeats && now - r->since >= REFUSAL_SHARE_S;
        if (found) {
            *out = *r;
            r->repeats = 0;
            r->since = 0;
        }
    }
    pthread_mutex_unlock(&log->lock);
    return found;
}

/* What could not be written (a full disk) is told with the repeats, a minute later or when there is room again. */
static void refusal_owe(struct refusal_log *log, const struct refusal *owed)
{
    struct refusal evicted, *place = NULL;
    pthread_mutex_lock(&log->lock);
    for (size_t i = 0; i < REFUSALS_KEPT && !place; i++)
        if (log->kept[i].since && log->kept[i].uid == owed->uid && strcmp(log->kept[i].reason, owed->reason) == 0)
            place = &log->kept[i];
    if (place) {
        place->repeats += owed->repeats;
    } else {
        place = refusal_place(log, &evicted);
        *place = *owed;
        place->since = clock_now();
    }
    pthread_mutex_unlock(&log->lock);
}

static int repeats_write(struct authority *authority, const struct refusal *refusal)
{
    char account[sizeof refusal->account];
    struct identity caller = {.uid = refusal->uid, .account = account};
    struct error why = ERROR_NONE, error = ERROR_NONE;
    struct refusal_record record = {.authority = authority, .caller = &caller, .action = "refusals", .object = "", .why = &why};
    memcpy(account, refusal->account, sizeof account);
    error_set(&why, REFUSED, refusal->reason, "the refusal before was repeated %u times within a minute", refusal->repeats);
    int status = store_write_reserved(authority->store, refusal_store, &record, &error);
    if (status) {
        log_error("repeated refusals of %s could not be audited yet: %s", refusal->account, error.message);
        refusal_owe(authority->refusals, refusal);
    }
    return status;
}

static void refusals_flush_until(struct authority *authority, int64_t now)
{
    struct refusal refusal;
    while (refusal_take(authority->refusals, now, &refusal))
        if (repeats_write(authority, &refusal))
            return;
}

void refusals_flush(struct authority *authority)
{
    refusals_flush_until(authority, clock_now());
}

void authority_audit_refusal(struct authority *authority, const struct identity *caller, const char *action, const char *object,
                             struct error *why)
{
    struct refusal_record record = {.authority = authority, .caller = caller, .action = action, .object = object, .why = why};
    struct refusal before = {0};
    struct error error = ERROR_NONE;
    why->audited = true;
    if (why->status == PENDING || refusal_shared(authority->refusals, caller, why->reason, &before))
        return;
    if (before.repeats)
        repeats_write(authority, &before);
    if (store_write_reserved(authority->store, refusal_store, &record, &error)) {
        struct refusal owed = {.uid = caller->uid, .repeats = 1};
        snprintf(owed.reason, sizeof owed.reason, "%s", why->reason);
        snprintf(owed.account, sizeof owed.account, "%s", caller->account);
        log_error("a refusal of %s to %s could not be audited yet: %s", action, caller->account, error.message);
        refusal_owe(authority->refusals, &owed);
    }
}

/* ---- pages, with a filter ---- */

#define PAGE 256

/* Exact, or a beginning when a * ends the pattern. */
static bool text_fits(const char *pattern, const char *text)
{
    size_t size = pattern ? strlen(pattern) : 0;
    if (!pattern)
        return true;
    if (size && pattern[size - 1] == '*')
        return strncmp(pattern, text, size - 1) == 0;
    return strcmp(pattern, text) == 0;
}

static bool filter_fits(const struct audit_filter *filter, const struct audit_record *r)
{
    return (!filter->since || r->at >= filter->since) && (!filter->until || r->at < filter->until) && text_fits(filter->actor, r->actor) &&
           text_fits(filter->role, r->role) && text_fits(filter->action, r->action) && text_fits(filter->object, r->object) &&
           text_fits(filter->outcome, r->outcome) && text_fits(filter->reason, r->reason);
}

int authority_audit_list(struct authority *authority, const struct audit_filter *filter, uint64_t after, struct audit_record *rows,
                         size_t limit, size_t *count, struct error *error)
{
    struct audit_record *page = calloc(PAGE, sizeof *page);
    size_t read = PAGE;
    int status = page ? OK : error_memory(error);
    for (*count = 0; !status && read == PAGE && *count < limit;) {
        status = audit_page(authority->store, after, page, PAGE, &read, error);
        for (size_t i = 0; i < read && !status; i++) {
            after = page[i].number;
            if (*count < limit && filter_fits(filter, &page[i]))
                rows[(*count)++] = page[i]; /* and its texts with it */
            else
                audit_rows_free(&page[i], 1);
        }
    }
    free(page);
    return status;
}

/* ---- successful reads, where they are asked for ---- */

static int read_store(struct store_txn *txn, void *argument, struct error *error)
{
    const struct refusal_record *r = argument;
    (void)error;
    authority_audit(r->authority, txn, r->caller, r->action, r->object, "read", "", "");
    return store_txn_failed(txn);
}

int authority_audit_read(struct authority *authority, const struct identity *caller, const char *action, const char *object,
                         struct error *error)
{
    struct refusal_record record = {.authority = authority, .caller = caller, .action = action, .object = object};
    return store_write_reserved(authority->store, read_store, &record, error);
}

/* ---- the end ---- */

static int stop_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct authority *authority = argument;
    struct identity daemon = {.uid = -1, .account = (char *)"chanceryd"};
    (void)error;
    authority_audit(authority, txn, &daemon, "daemon.stop", authority->name, "stopped", "", "");
    return store_txn_failed(txn);
}

void authority_stop(struct authority *authority)
{
    struct error error = ERROR_NONE, none = ERROR_NONE;
    struct audit_checkpoint last = {0};
    refusals_flush_until(authority, INT64_MAX);
    if (store_write_reserved(authority->store, stop_store, authority, &error))
        log_error("the stop could not be audited: %s", error.message);
    error_clear(&error);
    if (!authority_issuer(authority, &none))
        return;
    if (checkpoint_now(authority, &last, &error))
        log_error("no last checkpoint could be made over the audit records: %s", error.message);
    audit_checkpoint_free(&last);
}
