/* Who is who: roles by uid and local files (never through the name service), by directory groups where the configuration names
 * them, and the entry from the directory. The officers' limits are in authority_limits.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/authority_accounts.h"
#include "ca/authority_internal.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/directory/identity.h"

#define FIRST_FOUR (ROLE_ADMINISTRATOR | ROLE_OFFICER | ROLE_AUDITOR | ROLE_OPERATOR)
#define CRON_ACCOUNT "chancery-cron"

static const struct {
    const char *item, *group, *name;
    unsigned role;
} role_sources[] = {
    {"administrators", "chancery-admin", "administrator", ROLE_ADMINISTRATOR},
    {"officers", "chancery-officer", "officer", ROLE_OFFICER},
    {"auditors", "chancery-auditor", "auditor", ROLE_AUDITOR},
    {"operators", "chancery-operator", "operator", ROLE_OPERATOR},
    {"readers", NULL, "read", ROLE_READ},
};
#define ROLE_SOURCES (sizeof role_sources / sizeof *role_sources)
#define SOURCE_ADMINISTRATOR 0
#define SOURCE_OFFICER 1

static const struct { /* groups of the directory; officer only because root's configuration names the group */
    const char *item;
    unsigned role;
} group_sources[] = {{"officer_groups", ROLE_OFFICER}, {"reader_groups", ROLE_READ}, {"enrol_groups", ROLE_ENROL}};
#define GROUP_SOURCES (sizeof group_sources / sizeof *group_sources)

struct roles {
    struct accounts *accounts;
    struct strings lists[ROLE_SOURCES];   /* accounts or uids */
    struct strings groups[GROUP_SOURCES]; /* DNs */
    bool separation;
};

/* ---- reading the configuration ---- */

static void roles_free(struct roles *roles)
{
    if (!roles)
        return;
    accounts_close(roles->accounts);
    for (size_t i = 0; i < ROLE_SOURCES; i++)
        strings_free(&roles->lists[i]);
    for (size_t i = 0; i < GROUP_SOURCES; i++)
        strings_free(&roles->groups[i]);
    free(roles);
}

static int groups_read(const struct conf *conf, const char *item, struct strings *out, struct error *error)
{
    const char *text = conf_text(conf, "roles", item);
    int status = text && strings_split(out, text, ";") ? error_memory(error) : OK;
    for (size_t i = 0; i < out->count && !status; i++) {
        char *dn = NULL;
        if (dn_normalise(out->items[i], &dn, NULL) || !*dn)
            status = error_set(error, BAD_CONFIG, "roles.group", "%s: [roles] %s: \"%s\" is not the DN of a group; several are "
                               "separated by ;", conf_path(conf), item, out->items[i]);
        free(dn);
    }
    if (!status && out->count && !conf_text(conf, "directory", "uri"))
        status = error_set(error, BAD_CONFIG, "roles.group", "%s: [roles] %s names groups of a directory, and [directory] uri none",
                           conf_path(conf), item);
    return status;
}

static int roles_read(const struct conf *conf, const char *accounts_folder, struct roles **out, struct error *error)
{
    struct roles *roles = calloc(1, sizeof *roles);
    int status = roles ? accounts_open(accounts_folder, &roles->accounts, error) : error_memory(error);
    for (size_t i = 0; i < ROLE_SOURCES && !status; i++)
        if (conf_list(conf, "roles", role_sources[i].item, &roles->lists[i]))
            status = error_memory(error);
    for (size_t i = 0; i < GROUP_SOURCES && !status; i++)
        status = groups_read(conf, group_sources[i].item, &roles->groups[i], error);
    if (status) {
        roles_free(roles);
        roles = NULL;
    } else {
        roles->separation = conf_bool(conf, "roles", "separation");
    }
    *out = roles;
    return status;
}

/* ---- who has which ---- */

static bool is_cron(const struct roles *roles, uint32_t uid)
{
    return accounts_match(roles->accounts, CRON_ACCOUNT, uid);
}

static bool source_holds(const struct roles *roles, size_t source, uint32_t uid)
{
    const struct strings *list = &roles->lists[source];
    for (size_t i = 0; i < list->count; i++)
        if (accounts_match(roles->accounts, list->items[i], uid))
            return true;
    return role_sources[source].group && accounts_in_group(roles->accounts, role_sources[source].group, uid);
}

static unsigned held_locally(const struct roles *roles, uint32_t uid)
{
    unsigned held = 0;
    if (is_cron(roles, uid)) /* and nothing else, whatever a list says */
        return ROLE_CRON;
    for (size_t i = 0; i < ROLE_SOURCES; i++)
        if (source_holds(roles, i, uid))
            held |= role_sources[i].role;
    for (size_t i = 0; i < GROUP_SOURCES; i++)
        if (group_sources[i].role == ROLE_ENROL && !roles->groups[i].count)
            held |= ROLE_ENROL;
    return held;
}

/* Role separation: two of the first four are none of them. */
static void roles_separate(const struct roles *roles, unsigned held, struct identity *identity)
{
    unsigned both = held & FIRST_FOUR;
    identity->roles = held;
    identity->refused = 0;
    if (roles->separation && (both & (both - 1))) {
        identity->roles = held & ~both;
        identity->refused = both;
    }
}

int authority_identify(struct authority *authority, uint32_t uid, uint32_t gid, struct identity *out, struct error *error)
{
    (void)gid;
    memset(out, 0, sizeof *out);
    out->uid = uid;
    out->account = accounts_name(authority->roles->accounts, uid);
    if (!out->account)
        return error_memory(error);
    roles_separate(authority->roles, held_locally(authority->roles, uid), out);
    return OK;
}

int authority_map(struct authority *authority, struct identity *identity, struct error *error)
{
    if (identity->dn || !authority->directory)
        return OK;
    return identity_map(authority->directory, authority->conf, identity->uid, identity->account, &identity->dn, error);
}

/* What the directory would have to be asked for. Who has one of the first four may read already. */
static unsigned roles_to_ask(const struct roles *roles, const struct identity *identity, unsigned wanted)
{
    unsigned held = identity->roles | identity->refused, ask = 0;
    if (roles->separation && (held & FIRST_FOUR)) /* a second one there would cost him both */
        wanted |= wanted & FIRST_FOUR ? ROLE_OFFICER : 0;
    else if (held & FIRST_FOUR)
        wanted &= ~(unsigned)ROLE_READ;
    for (size_t i = 0; i < GROUP_SOURCES; i++)
        if (roles->groups[i].count)
            ask |= wanted & group_sources[i].role & ~held;
    return held & ROLE_CRON ? 0 : ask;
}

int authority_roles(struct authority *authority, struct identity *identity, unsigned wanted, struct error *error)
{
    const struct roles *roles = authority->roles;
    unsigned ask = authority->directory ? roles_to_ask(roles, identity, wanted) : 0;
    unsigned held = identity->roles | identity->refused;
    struct error why = ERROR_NONE;
    if (!ask)
        return OK;
    int status = authority_map(authority, identity, &why);
    for (size_t i = 0; i < GROUP_SOURCES && !status; i++) {
        bool member = false;
        if (ask & group_sources[i].role)
            status = directory_is_member(authority->directory, identity->dn, &roles->groups[i], false, &member, &why);
        if (member)
            held |= group_sources[i].role;
    }
    roles_separate(roles, held, identity);
    if (!status || status == REFUSED) /* who has no entry is in no group */
        return OK;
    return error_set(error, why.status, why.reason, "%s", why.message);
}

const char *role_name(unsigned roles)
{
    for (size_t i = 0; i < ROLE_SOURCES; i++)
        if (roles & role_sources[i].role)
            return role_sources[i].name;
    return roles & ROLE_CRON ? "cron" : "requester";
}

bool roles_account_is(struct authority *authority, const char *text, uint32_t uid)
{
    return accounts_match(authority->roles->accounts, text, uid);
}

/* ---- is there anybody? ---- */

struct uid_count {
    size_t count;
};

static void uid_found(void *argument, uint32_t uid)
{
    struct uid_count *found = argument;
    (void)uid;
    found->count++;
}

struct usable {
    const struct roles *roles;
    unsigned role;
    bool found, separated;
};

static void usable_look(void *argument, uint32_t uid)
{
    struct usable *usable = argument;
    struct identity identity = {0};
    roles_separate(usable->roles, held_locally(usable->roles, uid), &identity);
    usable->found |= (identity.roles & usable->role) != 0;
    usable->separated |= (identity.refused & usable->role) != 0;
}

static void usable_search(const struct roles *roles, size_t source, struct usable *usable)
{
    *usable = (struct usable){.roles = roles, .role = role_sources[source].role};
    for (size_t i = 0; i < roles->lists[source].count; i++)
        accounts_uid_of(roles->accounts, roles->lists[source].items[i], usable_look, usable);
    accounts_members(roles->accounts, role_sources[source].group, usable_look, usable);
    for (size_t i = 0; i < GROUP_SOURCES; i++)
        usable->found |= group_sources[i].role == usable->role && roles->groups[i].count > 0;
}

static int usable_check(const struct conf *conf, const struct roles *roles, size_t source, struct error *error)
{
    const char *name = role_sources[source].name;
    struct usable usable;
    char reason[64];
    usable_search(roles, source, &usable);
    if (usable.found)
        return OK;
    snprintf(reason, sizeof reason, "roles.no_%s", name);
    if (usable.separated)
        return error_set(error, BAD_CONFIG, reason, "%s: nobody can act as %s: whoever holds the role holds another of the first four "
                         "as well, and [roles] separation = yes refuses him both", conf_path(conf), name);
    if (roles->lists[source].count)
        return error_set(error, BAD_CONFIG, reason, "%s: nobody can act as %s: [roles] %s names no account of this host and no uid, and "
                         "the group %s has no member", conf_path(conf), name, role_sources[source].item, role_sources[source].group);
    return error_set(error, BAD_CONFIG, reason, "%s: nobody is %s; name one in [roles] %s or put one into the group %s",
                     conf_path(conf), name, role_sources[source].item, role_sources[source].group);
}

/* A limit for nobody would leave the officer that was meant without one. */
static int limits_known(const struct conf *conf, const struct roles *roles, struct error *error)
{
    struct strings officers = {0};
    int status = conf_sections(conf, "officer", &officers) ? error_memory(error) : OK;
    for (size_t i = 0; i < officers.count && !status; i++) {
        struct uid_count found = {0};
        accounts_uid_of(roles->accounts, officers.items[i], uid_found, &found);
        if (!found.count)
            status = error_set(error, BAD_CONFIG, "config.officer", "%s: [officer.%s]: there is no such account on this host",
                               conf_path(conf), officers.items[i]);
    }
    strings_free(&officers);
    return status;
}

static int roles_usable(const struct conf *conf, const struct roles *roles, struct error *error)
{
    int status = usable_check(conf, roles, SOURCE_ADMINISTRATOR, error);
    if (!status)
        status = usable_check(conf, roles, SOURCE_OFFICER, error);
    return status ? status : limits_known(conf, roles, error);
}

/* The first administrator as init left him beside the database, which -t may not open. *made false: there is no CA yet. */
static int first_administrator_read(const struct conf *conf, struct strings *out, bool *made, struct error *error)
{
    struct buf path = BUF_EMPTY, name = BUF_EMPTY;
    int status = OK;
    buf_printf(&path, "%s/requests.db", conf_text(conf, "store", "path"));
    *made = !path.failed && access(buf_text(&path), F_OK) == 0;
    buf_clear(&path);
    buf_printf(&path, "%s/" FIRST_ADMINISTRATOR_FILE, conf_text(conf, "store", "path"));
    if (*made && access(buf_text(&path), F_OK) == 0 && file_read(buf_text(&path), 256, &name, NULL) == OK)
        status = strings_split(out, buf_text(&name), "\n") ? error_memory(error) : OK;
    buf_free(&path);
    buf_free(&name);
    return status;
}

int authority_check_roles(const struct conf *conf, struct error *error)
{
    struct roles *roles = NULL;
    bool made = false;
    int status = roles_read(conf, NULL, &roles, error);
    if (!status)
        status = first_administrator_read(conf, &roles->lists[SOURCE_ADMINISTRATOR], &made, error);
    if (!status && (made || roles->lists[SOURCE_ADMINISTRATOR].count))
        status = usable_check(conf, roles, SOURCE_ADMINISTRATOR, error);
    if (!status) /* before there is a CA, init names the administrator; officers nobody else does */
        status = usable_check(conf, roles, SOURCE_OFFICER, error);
    if (!status)
        status = limits_known(conf, roles, error);
    roles_free(roles);
    return status;
}

/* ---- opening ---- */

/* The administrator that `init` named. His name also lies beside the database, for -t. */
static void first_administrator(struct authority *authority)
{
    struct buf name = BUF_EMPTY, path = BUF_EMPTY;
    struct error none = ERROR_NONE;
    if (!setting_get(authority->store, "roles.administrator", &name, &none) && name.size) {
        strings_add_n(&authority->roles->lists[SOURCE_ADMINISTRATOR], (const char *)name.data, name.size);
        buf_printf(&path, "%s/" FIRST_ADMINISTRATOR_FILE, conf_text(authority->conf, "store", "path"));
        if (!path.failed && access(buf_text(&path), F_OK) != 0)
            file_write(buf_text(&path), buf_bytes(&name), 0600, false, NULL);
    }
    buf_free(&path);
    buf_free(&name);
}

int roles_open(struct authority *authority, struct error *error)
{
    int status = roles_read(authority->conf, authority->options.accounts_folder, &authority->roles, error);
    if (status)
        return status;
    first_administrator(authority);
    return roles_usable(authority->conf, authority->roles, error);
}

void roles_close(struct authority *authority)
{
    roles_free(authority->roles);
    authority->roles = NULL;
}

/* ---- who holds what ---- */

struct holders {
    const struct roles *roles;
    void (*each)(void *argument, const char *account, const char *role);
    void *argument;
    unsigned role;
    const char *name;
    bool failed;
};

static void holder_found(void *argument, uint32_t uid)
{
    struct holders *holders = argument;
    struct identity identity = {0};
    roles_separate(holders->roles, held_locally(holders->roles, uid), &identity);
    char *account = identity.roles & holders->role ? accounts_name(holders->roles->accounts, uid) : NULL;
    holders->failed |= (identity.roles & holders->role) && !account;
    if (account)
        holders->each(holders->argument, account, holders->name);
    free(account);
}

int roles_each_holder(struct authority *authority, void (*each)(void *argument, const char *account, const char *role), void *argument)
{
    const struct roles *roles = authority->roles;
    struct holders holders = {.roles = roles, .each = each, .argument = argument};
    for (size_t source = 0; source < ROLE_SOURCES; source++) {
        if (!(role_sources[source].role & FIRST_FOUR))
            continue;
        holders.role = role_sources[source].role;
        holders.name = role_sources[source].name;
        for (size_t i = 0; i < roles->lists[source].count; i++)
            accounts_uid_of(roles->accounts, roles->lists[source].items[i], holder_found, &holders);
        accounts_members(roles->accounts, role_sources[source].group, holder_found, &holders);
    }
    return holders.failed ? INTERNAL : OK;
}
