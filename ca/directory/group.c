/* Groups: every group that an entry is in, itself or through groups of groups, and the question that follows from it.
 * The walk goes up level by level and never enters a group twice, so that loops end. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ca/directory/pool.h"

#define LEVELS_MAX 16
#define GROUPS_MAX 2000 /* of one entry; more is a mistake or an attack */
#define ASKED_AT_ONCE 32

static int base_needed(const struct directory *d, struct error *error)
{
    return d->base ? OK
                   : error_set(error, BAD_CONFIG, "directory.base", "[%s] needs base: the DN under which groups are searched", d->section);
}

/* (|(member=A)(uniqueMember=A)(member=B)…) for names [from, to) */
static void level_filter(const struct strings *names, size_t from, size_t to, struct buf *filter)
{
    buf_add_text(filter, "(&(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=group))(|");
    for (size_t i = from; i < to; i++) {
        buf_add_text(filter, "(member=");
        filter_escape(filter, bytes_of_text(names->items[i]));
        buf_add_text(filter, ")(uniqueMember=");
        filter_escape(filter, bytes_of_text(names->items[i]));
        buf_add_text(filter, ")");
    }
    buf_add_text(filter, "))");
}

static int groups_add(const struct directory_entries *entries, struct strings *found, struct error *error)
{
    for (size_t i = 0; i < entries->count; i++) {
        char *dn = NULL;
        int status = dn_normalise(entries->items[i].dn, &dn, error);
        if (status == OK && !strings_contain_nocase(found, dn) && strings_add(found, dn) != OK)
            status = error_memory(error);
        free(dn);
        if (status != OK)
            return status;
    }
    return OK;
}

static int groups_ask(struct directory *d, size_t from, size_t to, struct strings *found, struct error *error)
{
    static const char *const nothing[] = {LDAP_NO_ATTRS, NULL};
    struct directory_entries entries = {NULL, 0, false};
    struct buf filter = BUF_EMPTY;
    int status;

    level_filter(found, from, to, &filter);
    status = filter.failed ? error_memory(error)
                           : directory_search(d, d->base, SCOPE_SUBTREE, buf_text(&filter), nothing, GROUPS_MAX, &entries, error);
    if (status == OK && (entries.truncated || found->count + entries.count > GROUPS_MAX))
        status = error_set(error, TEMPORARY, "directory.groups",
                           "\"%s\" is in more groups than the directory tells (its size limit) or than %d", found->items[0], GROUPS_MAX);
    if (status == OK)
        status = groups_add(&entries, found, error);
    buf_free(&filter);
    directory_entries_free(&entries);
    return status;
}

/* The entry itself first, then every group above it. */
static int groups_of(struct directory *d, const char *dn, struct strings *found, struct error *error)
{
    size_t from = 0;
    int status = strings_add(found, dn) == OK ? OK : error_memory(error);

    for (int level = 0; status == OK && level < LEVELS_MAX && from < found->count; level++) {
        size_t level_end = found->count;
        while (status == OK && from < level_end) {
            size_t to = level_end - from > ASKED_AT_ONCE ? from + ASKED_AT_ONCE : level_end;
            status = groups_ask(d, from, to, found, error);
            from = to;
        }
    }
    return status;
}

static bool any_in(const struct strings *dns, const struct strings *groups)
{
    bool found = false;

    for (size_t i = 0; i < dns->count && !found; i++) {
        char *dn = NULL;
        found = dn_normalise(dns->items[i], &dn, NULL) == OK && strings_contain_nocase(groups, dn);
        free(dn);
    }
    return found;
}

int directory_is_member(struct directory *d, const char *user_dn, const struct strings *dns, bool fresh, bool *member,
                        struct error *error)
{
    struct strings groups = {NULL, 0};
    char *dn = NULL;
    int status = base_needed(d, error);

    *member = false;
    if (status == OK)
        status = dn_normalise(user_dn, &dn, error);
    if (status == OK && dns->count && (fresh || !cache_get(d->groups, dn, &groups))) {
        strings_free(&groups);
        status = groups_of(d, dn, &groups, error);
        if (status == OK)
            cache_put(d->groups, dn, &groups);
    }
    if (status == OK)
        *member = any_in(dns, &groups);
    strings_free(&groups);
    free(dn);
    return status;
}

static int entries_append(struct directory_entries *all, struct directory_entries *more)
{
    if (more->count == 0)
        return OK;
    struct directory_entry *grown = realloc(all->items, (all->count + more->count) * sizeof *grown);
    if (!grown)
        return INTERNAL;
    all->items = grown;
    memcpy(all->items + all->count, more->items, more->count * sizeof *grown);
    all->count += more->count;
    free(more->items);
    *more = (struct directory_entries){NULL, 0, false};
    return OK;
}

/* The same entry under two bases that overlap is one entry. */
static bool same_entry(const struct directory_entries *all)
{
    for (size_t i = 1; i < all->count; i++)
        if (!dn_equal(all->items[0].dn, all->items[i].dn))
            return false;
    return true;
}

int directory_find_one(struct directory *d, const struct strings *bases, const char *filter, const char *const attributes[],
                       struct directory_entries *out, struct error *error)
{
    int status = OK;

    memset(out, 0, sizeof *out);
    for (size_t i = 0; status == OK && i < bases->count; i++) {
        struct directory_entries more;
        status = directory_search(d, bases->items[i], SCOPE_SUBTREE, filter, attributes, 2, &more, error);
        if (status == OK && entries_append(out, &more) != OK)
            status = error_memory(error);
        out->truncated |= more.truncated;
        directory_entries_free(&more);
    }
    if (status == OK && out->count == 0)
        status = error_set(error, REFUSED, "identity.none", "no entry of the directory matches %s", filter);
    if (status == OK && (out->truncated || !same_entry(out)))
        status = error_set(error, REFUSED, "identity.ambiguous", "more than one entry of the directory matches %s", filter);
    if (status != OK)
        directory_entries_free(out);
    return status;
}
