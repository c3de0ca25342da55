/* Who is who: roles by uid and local files (never through the name service), the entry from the directory, and the audit
 * record of a refusal (repeats of one uid and reason share a record a minute). */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/log.h"
#include "ca/directory/identity.h"

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
    size_t next;
};

/* ---- local accounts: /etc/passwd and /etc/group as files ---- */

static char *local_account(uint32_t uid)
{
    char *name = NULL, room[4096];
    struct passwd entry, *found;
    FILE *file = fopen("/etc/passwd", "re");
    if (file) {
        while (!name && fgetpwent_r(file, &entry, room, sizeof room, &found) == 0)
            if (found->pw_uid == uid)
                name = strdup(found->pw_name);
        fclose(file);
    }
    if (!name) {
        struct buf text = BUF_EMPTY;
        buf_printf(&text, "uid %u", uid);
        name = text.failed ? NULL : strdup(buf_text(&text));
        buf_free(&text);
    }
    return name;
}

static void local_group_members(const char *group, struct strings *members)
{
    FILE *file = fopen("/etc/group", "re");
    if (!file)
        return;
    for (struct group *entry; (entry = fgetgrent(file));)
        if (strcmp(entry->gr_name, group) == 0)
            for (char **member = entry->gr_mem; *member; member++)
                strings_add(members, *member);
    fclose(file);
}

static const struct {
    const char *item, *group;
    unsigned role;
} role_sources[] = {
    {"administrators", "chancery-admin", ROLE_ADMINISTRATOR},
    {"officers", "chancery-officer", ROLE_OFFICER},
    {"auditors", "chancery-auditor", ROLE_AUDITOR},
    {"operators", "chancery-operator", ROLE_OPERATOR},
    {"readers", NULL, ROLE_READ},
};
#define ROLE_SOURCES (sizeof role_sources / sizeof *role_sources)

static struct strings *role_list(struct authority *authority, size_t source)
{
    struct strings *lists[ROLE_SOURCES] = {&authority->administrators, &authority->officers, &authority->auditors,
                                           &authority->operators, &authority->readers};
    return lists[source];
}

/* The administrator that `init` named. */
static void first_administrator(struct authority *authority)
{
    struct buf name = BUF_EMPTY;
    struct error none = ERROR_NONE;
    if (!setting_get(authority->store, "roles.administrator", &name, &none) && name.size)
        strings_add_n(&authority->administrators, (const char *)name.data, name.size);
    buf_free(&name);
}

int roles_open(struct authority *authority, struct error *error)
{
    authority->role_separation = conf_bool(authority->conf, "roles", "separation");
    for (size_t i = 0; i < ROLE_SOURCES; i++) {
        if (conf_list(authority->conf, "roles", role_sources[i].item, role_list(authority, i)))
            return error_memory(error);
        if (role_sources[i].group)
            local_group_members(role_sources[i].group, role_list(authority, i));
    }
    first_administrator(authority);
    if (!authority->administrators.count)
        return error_set(error, BAD_CONFIG, "roles.no_administrator",
                         "%s: nobody is administrator; name one in [roles] administrators or put one into the group chancery-admin",
                         conf_path(authority->conf));
    if (!authority->officers.count)
        return error_set(error, BAD_CONFIG, "roles.no_officer",
                         "%s: nobody is officer; name one in [roles] officers or put one into the group chancery-officer",
                         conf_path(authority->conf));
    authority->refusals = calloc(1, sizeof *authority->refusals);
    if (!authority->refusals)
        return error_memory(error);
    pthread_mutex_init(&authority->refusals->lock, NULL);
    return OK;
}

void roles_close(struct authority *authority)
{
    for (size_t i = 0; i < ROLE_SOURCES; i++)
        strings_free(role_list(authority, i));
    if (authority->refusals)
        pthread_mutex_destroy(&authority->refusals->lock);
    free(authority->refusals);
}

static unsigned roles_of(struct authority *authority, const char *account, uint32_t uid)
{
    const unsigned disjoint = ROLE_ADMINISTRATOR | ROLE_OFFICER | ROLE_AUDITOR | ROLE_OPERATOR;
    char number[16];
    unsigned roles = ROLE_ENROL;
    snprintf(number, sizeof number, "%u", uid);
    for (size_t i = 0; i < ROLE_SOURCES; i++)
        if (strings_contain(role_list(authority, i), account) || strings_contain(role_list(authority, i), number))
            roles |= role_sources[i].role;
    if (strcmp(account, "chancery-cron") == 0)
        roles |= ROLE_CRON;
    if (authority->role_separation && __builtin_popcount(roles & disjoint) > 1)
        roles &= ~disjoint;
    return roles;
}

int authority_identify(struct authority *authority, uint32_t uid, uint32_t gid, struct identity *out, struct error *error)
{
    (void)gid;
    memset(out, 0, sizeof *out);
    out->uid = uid;
    out->account = local_account(uid);
    if (!out->account)
        return error_memory(error);
    out->roles = roles_of(authority, out->account, uid);
    return OK;
}

int authority_map(struct authority *authority, struct identity *identity, struct error *error)
{
    if (identity->dn || !authority->directory)
        return OK;
    return identity_map(authority->directory, authority->conf, identity->uid, identity->account, &identity->dn, error);
}

/* ---- audit ---- */

struct object_text authority_object(uint64_t id)
{
    struct object_text object;
    snprintf(object.text, sizeof object.text, "request %llu", (unsigned long long)id);
    return object;
}

static const char *role_name(unsigned roles)
{
    for (size_t i = 0; i < ROLE_SOURCES; i++)
        if (roles & role_sources[i].role)
            return role_sources[i].item;
    return roles & ROLE_CRON ? "cron" : "requester";
}

uint64_t authority_audit(struct authority *authority, struct store_txn *txn, const struct identity *caller, const char *action,
                         const char *object, const char *outcome, const char *reason, const char *detail)
{
    (void)authority;
    struct audit_record record = {
        .at = clock_now(), .actor = caller->account, .role = caller->uid < 0 ? "daemon" : role_name(caller->roles), .action = action,
        .object = object, .outcome = outcome, .reason = reason ? reason : "", .detail = detail ? detail : "",
    };
    return audit_add(txn, &record);
}

struct refusal_record {
    struct authority *authority;
    const struct identity *caller;
    const char *action, *object;
    const struct error *why;
    unsigned repeats;
};

static int refusal_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct refusal_record *r = argument;
    struct buf detail = BUF_EMPTY;
    (void)error;
    buf_add_text(&detail, r->why->message);
    if (r->repeats)
        buf_printf(&detail, " (and %u times more within a minute before)", r->repeats);
    authority_audit(r->authority, txn, r->caller, r->action, r->object, "refused", r->why->reason, buf_text(&detail));
    buf_free(&detail);
    return store_txn_failed(txn);
}

/* True when this refusal shares the record of one just written. *repeats: how often that happened since the last record. */
static bool refusal_shared(struct refusal_log *log, const struct identity *caller, const char *reason, unsigned *repeats)
{
    int64_t now = clock_now();
    bool shared = false, known = false;
    pthread_mutex_lock(&log->lock);
    for (size_t i = 0; i < REFUSALS_KEPT && !known; i++) {
        struct refusal *r = &log->kept[i];
        known = r->since && r->uid == caller->uid && strcmp(r->reason, reason) == 0;
        if (known && now - r->since < REFUSAL_SHARE_S) {
            r->repeats++;
            shared = true;
        } else if (known) {
            *repeats = r->repeats;
            r->repeats = 0;
            r->since = now;
        }
    }
    if (!known) {
        struct refusal *r = &log->kept[log->next++ % REFUSALS_KEPT];
        *r = (struct refusal){.uid = caller->uid, .since = now};
        snprintf(r->reason, sizeof r->reason, "%s", reason);
        snprintf(r->account, sizeof r->account, "%s", caller->account);
    }
    pthread_mutex_unlock(&log->lock);
    return shared;
}

/* One refusal whose minute is over and that was repeated; taken out. */
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

void refusals_flush(struct authority *authority)
{
    struct refusal refusal;
    while (refusal_take(authority->refusals, clock_now(), &refusal)) {
        struct identity caller = {.uid = refusal.uid, .account = refusal.account};
        struct error why = ERROR_NONE, error = ERROR_NONE;
        struct refusal_record record = {.authority = authority, .caller = &caller, .action = "refusals", .object = "", .why = &why};
        error_set(&why, REFUSED, refusal.reason, "the refusal before was repeated %u times within a minute", refusal.repeats);
        if (store_write_reserved(authority->store, refusal_store, &record, &error)) {
            log_error("repeated refusals of %s could not be audited: %s", refusal.account, error.message);
            return;
        }
    }
}

void authority_audit_refusal(struct authority *authority, const struct identity *caller, const char *action, const char *object,
                             const struct error *why)
{
    struct refusal_record record = {.authority = authority, .caller = caller, .action = action, .object = object, .why = why};
    struct error error = ERROR_NONE;
    if (why->status == PENDING || refusal_shared(authority->refusals, caller, why->reason, &record.repeats))
        return;
    if (store_write_reserved(authority->store, refusal_store, &record, &error))
        log_error("a refusal of %s to %s could not be audited: %s", action, caller->account, error.message);
}
