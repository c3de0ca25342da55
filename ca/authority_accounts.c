/* The copy of the two files in memory, and the questions about it. Which groups mean something is not known here. */
#include "ca/authority_accounts.h"

#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ca/base/buf.h"
#include "ca/base/encode.h"

#define ACCOUNT_NAME_SIZE 256

struct account {
    char name[ACCOUNT_NAME_SIZE];
    uint32_t uid, gid;
};
struct local_group {
    char name[ACCOUNT_NAME_SIZE];
    uint32_t gid;
    struct strings members;
};
struct source { /* one of the files, and how it looked when it was read */
    char *path;
    struct stat seen;
    bool read;
};
struct accounts {
    pthread_mutex_t lock;
    struct source passwd, group;
    struct account *accounts;
    size_t account_count;
    struct local_group *groups;
    size_t group_count;
};

/* ---- reading ---- */

static void accounts_forget(struct accounts *a)
{
    free(a->accounts);
    a->accounts = NULL;
    a->account_count = 0;
}

static void groups_forget(struct accounts *a)
{
    for (size_t i = 0; i < a->group_count; i++)
        strings_free(&a->groups[i].members);
    free(a->groups);
    a->groups = NULL;
    a->group_count = 0;
}

static bool account_add(struct accounts *a, const struct passwd *entry)
{
    struct account *more = realloc(a->accounts, (a->account_count + 1) * sizeof *more);
    if (!more || strlen(entry->pw_name) >= sizeof more->name) {
        a->accounts = more ? more : a->accounts;
        return more != NULL; /* a name that no program of this host would take is nobody's */
    }
    a->accounts = more;
    more += a->account_count++;
    *more = (struct account){.uid = entry->pw_uid, .gid = entry->pw_gid};
    memcpy(more->name, entry->pw_name, strlen(entry->pw_name));
    return true;
}

static bool group_add(struct accounts *a, const struct group *entry)
{
    bool good = true;
    struct local_group *more = realloc(a->groups, (a->group_count + 1) * sizeof *more);
    if (!more || strlen(entry->gr_name) >= sizeof more->name) {
        a->groups = more ? more : a->groups;
        return more != NULL;
    }
    a->groups = more;
    more += a->group_count++;
    *more = (struct local_group){.gid = entry->gr_gid};
    memcpy(more->name, entry->gr_name, strlen(entry->gr_name));
    for (char **member = entry->gr_mem; good && *member; member++)
        good = strings_add(&more->members, *member) == OK;
    return good;
}

/* fgetpwent and fgetgrent keep a buffer of their own: the lock is ours for as long. */
static void accounts_read(struct accounts *a, FILE *file)
{
    bool good = true;
    accounts_forget(a);
    for (struct passwd *entry; good && (entry = fgetpwent(file));)
        good = account_add(a, entry);
    if (!good)
        accounts_forget(a);
}

static void groups_read(struct accounts *a, FILE *file)
{
    bool good = true;
    groups_forget(a);
    for (struct group *entry; good && (entry = fgetgrent(file));)
        good = group_add(a, entry);
    if (!good)
        groups_forget(a);
}

static bool source_same(const struct source *source, const struct stat *now)
{
    const struct stat *seen = &source->seen;
    return source->read && seen->st_dev == now->st_dev && seen->st_ino == now->st_ino && seen->st_size == now->st_size &&
           seen->st_mtim.tv_sec == now->st_mtim.tv_sec && seen->st_mtim.tv_nsec == now->st_mtim.tv_nsec &&
           seen->st_ctim.tv_sec == now->st_ctim.tv_sec && seen->st_ctim.tv_nsec == now->st_ctim.tv_nsec;
}

static void source_refresh(struct accounts *a, struct source *source, void (*read)(struct accounts *, FILE *),
                           void (*forget)(struct accounts *))
{
    struct stat now;
    FILE *file = NULL;
    if (stat(source->path, &now) == 0 && source_same(source, &now))
        return;
    file = fopen(source->path, "re");
    source->read = file && fstat(fileno(file), &source->seen) == 0;
    if (source->read)
        read(a, file);
    else
        forget(a);
    if (file)
        fclose(file);
}

/* Takes the lock, and keeps it. */
static void accounts_enter(struct accounts *a)
{
    pthread_mutex_lock(&a->lock);
    source_refresh(a, &a->passwd, accounts_read, accounts_forget);
    source_refresh(a, &a->group, groups_read, groups_forget);
}

int accounts_open(const char *folder, struct accounts **out, struct error *error)
{
    struct accounts *a = calloc(1, sizeof *a);
    if (!folder)
        folder = ACCOUNTS_FOLDER;
    *out = NULL;
    if (!a)
        return error_memory(error);
    pthread_mutex_init(&a->lock, NULL);
    if (asprintf(&a->passwd.path, "%s/passwd", folder) < 0)
        a->passwd.path = NULL;
    if (asprintf(&a->group.path, "%s/group", folder) < 0)
        a->group.path = NULL;
    if (!a->passwd.path || !a->group.path) {
        accounts_close(a);
        return error_memory(error);
    }
    *out = a;
    return OK;
}

void accounts_close(struct accounts *a)
{
    if (!a)
        return;
    accounts_forget(a);
    groups_forget(a);
    free(a->passwd.path);
    free(a->group.path);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

/* ---- asking ---- */

char *accounts_name(struct accounts *a, uint32_t uid)
{
    char *name = NULL;
    accounts_enter(a);
    for (size_t i = 0; i < a->account_count && !name; i++)
        if (a->accounts[i].uid == uid)
            name = strdup(a->accounts[i].name);
    pthread_mutex_unlock(&a->lock);
    if (!name && asprintf(&name, "uid %u", uid) < 0)
        name = NULL;
    return name;
}

static bool name_is(const struct accounts *a, const char *name, uint32_t uid)
{
    for (size_t i = 0; i < a->account_count; i++)
        if (a->accounts[i].uid == uid && strcmp(a->accounts[i].name, name) == 0)
            return true;
    return false;
}

bool accounts_match(struct accounts *a, const char *text, uint32_t uid)
{
    uint64_t number;
    if (number_parse(text, &number) == OK)
        return number == uid;
    accounts_enter(a);
    bool found = name_is(a, text, uid);
    pthread_mutex_unlock(&a->lock);
    return found;
}

static bool primary_is(const struct accounts *a, uint32_t gid, uint32_t uid)
{
    for (size_t i = 0; i < a->account_count; i++)
        if (a->accounts[i].uid == uid && a->accounts[i].gid == gid)
            return true;
    return false;
}

bool accounts_in_group(struct accounts *a, const char *group, uint32_t uid)
{
    bool found = false;
    accounts_enter(a);
    for (size_t g = 0; g < a->group_count && !found; g++) {
        if (strcmp(a->groups[g].name, group) != 0)
            continue;
        found = primary_is(a, a->groups[g].gid, uid);
        for (size_t i = 0; i < a->groups[g].members.count && !found; i++)
            found = name_is(a, a->groups[g].members.items[i], uid);
    }
    pthread_mutex_unlock(&a->lock);
    return found;
}

struct uid_list {
    uint32_t *uids;
    size_t count;
};

static void uid_take(struct uid_list *list, uint32_t uid)
{
    uint32_t *more = realloc(list->uids, (list->count + 1) * sizeof *more);
    if (!more)
        return;
    list->uids = more;
    more[list->count++] = uid;
}

/* Outside the lock: what is called may ask again. */
static void uids_call(struct uid_list *list, void (*each)(void *argument, uint32_t uid), void *argument)
{
    for (size_t i = 0; i < list->count; i++)
        each(argument, list->uids[i]);
    free(list->uids);
}

void accounts_uid_of(struct accounts *a, const char *text, void (*each)(void *argument, uint32_t uid), void *argument)
{
    struct uid_list list = {0};
    uint64_t number;
    if (number_parse(text, &number) == OK) {
        if (number < UINT32_MAX)
            uid_take(&list, (uint32_t)number);
    } else {
        accounts_enter(a);
        for (size_t i = 0; i < a->account_count; i++)
            if (strcmp(a->accounts[i].name, text) == 0)
                uid_take(&list, a->accounts[i].uid);
        pthread_mutex_unlock(&a->lock);
    }
    uids_call(&list, each, argument);
}

void accounts_members(struct accounts *a, const char *group, void (*each)(void *argument, uint32_t uid), void *argument)
{
    struct uid_list list = {0};
    accounts_enter(a);
    for (size_t g = 0; g < a->group_count; g++)
        for (size_t i = 0; strcmp(a->groups[g].name, group) == 0 && i < a->account_count; i++)
            if (a->accounts[i].gid == a->groups[g].gid || strings_contain(&a->groups[g].members, a->accounts[i].name))
                uid_take(&list, a->accounts[i].uid);
    pthread_mutex_unlock(&a->lock);
    uids_call(&list, each, argument);
}
