/* Mapping a peer's uid to his entry: an explicit line of the configuration, or a filter that finds exactly one entry. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/encode.h"
#include "ca/base/text.h"
#include "ca/directory/identity.h"
#include "ca/directory/pool.h"

#define FILTER_DEFAULT "(&(objectClass=posixAccount)(uidNumber=%u))"

const struct conf_item identity_items[] = {
    {"identity", "base", CONF_TEXT, NULL, "DNs under which people and hosts are searched, separated by ; (default: the directory's)", 0, 0},
    {"identity", "filter", CONF_TEXT, FILTER_DEFAULT,
     "finds the entry of a peer: %u his uid, %n his account name; never by an attribute that users can write", 0, 0},
    {"identity.*", "dn", CONF_TEXT, NULL, "the entry of the uid that the section is named after; uid 0 maps by this alone", 0, 0},
    {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0},
};

static int bases_read(const struct conf *conf, const char *fallback, struct strings *out, struct error *error)
{
    const char *text = conf_text(conf, "identity", "base");

    if (strings_split(out, text ? text : "", ";") != OK)
        return error_memory(error);
    if (out->count == 0 && fallback && strings_add(out, fallback) != OK)
        return error_memory(error);
    if (out->count == 0)
        return error_set(error, BAD_CONFIG, "identity.config", "[identity] needs base: under which DN are people found?");
    return OK;
}

static int filter_make(const struct conf *conf, int64_t uid, const char *account, struct buf *out, struct error *error)
{
    char number[24];
    const char *pattern = conf_text(conf, "identity", "filter");
    const char *const values[] = {number, account ? account : ""};

    snprintf(number, sizeof number, "%" PRId64, uid);
    if (!pattern)
        pattern = FILTER_DEFAULT;
    return filter_expand(pattern, "un", values, out, error);
}

static int explicit_check(const struct conf *conf, const char *name, struct error *error)
{
    char section[64], *dn = NULL;
    uint64_t uid;
    int status = OK;

    snprintf(section, sizeof section, "identity.%s", name);
    const char *text = conf_text(conf, section, "dn");
    if (number_parse(name, &uid) != OK || uid > UINT32_MAX || (name[0] == '0' && name[1]))
        status = error_set(error, BAD_CONFIG, "identity.config", "[identity.%s] is not named after a uid", name);
    else if (!text || dn_normalise(text, &dn, error) != OK || !*dn)
        status = error_set(error, BAD_CONFIG, "identity.config", "[%s] needs dn, the entry of uid %s", section, name);
    free(dn);
    return status == OK ? OK : BAD_CONFIG;
}

int identity_check(const struct conf *conf, struct error *error)
{
    struct strings bases = {NULL, 0}, names = {NULL, 0};
    struct buf filter = BUF_EMPTY;
    int status = bases_read(conf, "", &bases, error);

    for (size_t i = 0; status == OK && i < bases.count; i++) {
        char *dn = NULL;
        if (dn_normalise(bases.items[i], &dn, error) != OK)
            status = BAD_CONFIG;
        free(dn);
    }
    if (status == OK)
        status = filter_make(conf, 1, "account", &filter, error);
    if (status == OK)
        status = conf_sections(conf, "identity", &names);
    for (size_t i = 0; status == OK && i < names.count; i++)
        status = explicit_check(conf, names.items[i], error);
    strings_free(&bases);
    strings_free(&names);
    buf_free(&filter);
    return status;
}

static int search_one(struct directory *d, const struct conf *conf, int64_t uid, const char *account, char **dn,
                      struct error *error)
{
    static const char *const nothing[] = {LDAP_NO_ATTRS, NULL};
    struct strings bases = {NULL, 0};
    struct buf filter = BUF_EMPTY;
    struct directory_entries found = {NULL, 0, false};
    int status = bases_read(conf, directory_base(d), &bases, error);

    if (status == OK)
        status = filter_make(conf, uid, account, &filter, error);
    if (status == OK)
        status = directory_find_one(d, &bases, buf_text(&filter), nothing, &found, error);
    if (status == OK)
        status = dn_normalise(found.items[0].dn, dn, error);
    directory_entries_free(&found);
    strings_free(&bases);
    buf_free(&filter);
    return status;
}

static int map_cached(struct directory *d, const struct conf *conf, int64_t uid, const char *account, char **dn,
                      struct error *error)
{
    char key[24 + 256];
    struct strings known = {NULL, 0};
    int status = OK;

    /* a name too long for the key is simply asked each time */
    size_t length = (size_t)snprintf(key, sizeof key, "%" PRId64 " %s", uid, account ? account : "");
    if (length < sizeof key && cache_get(d->identities, key, &known) && known.count == 1) {
        *dn = strdup(known.items[0]);
        status = *dn ? OK : error_memory(error);
    } else {
        status = search_one(d, conf, uid, account, dn, error);
        strings_free(&known);
        if (status == OK && length < sizeof key && strings_add(&known, *dn) == OK)
            cache_put(d->identities, key, &known);
    }
    strings_free(&known);
    return status;
}

int identity_map(struct directory *d, const struct conf *conf, int64_t uid, const char *account, char **dn, struct error *error)
{
    char section[40];

    *dn = NULL;
    if (uid < 0 || uid > UINT32_MAX)
        return error_set(error, REFUSED, "identity.none", "there is no entry for nobody (uid %" PRId64 ")", uid);
    snprintf(section, sizeof section, "identity.%" PRId64, uid);
    const char *set = conf_text(conf, section, "dn");
    if (set)
        return dn_normalise(set, dn, error);
    if (uid == 0)
        return error_set(error, REFUSED, "identity.none",
                         "root has no entry in the directory; ask as yourself, or set dn in the configuration's section [identity.0]");
    return map_cached(d, conf, uid, account, dn, error);
}
