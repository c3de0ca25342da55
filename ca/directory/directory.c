/* What others ask of the directory: search, add, modify, and what the server can do. Each is one operation of the pool.
 * Groups are in group.c, names in names.c, the waiting in session.c. */
#include <ldap_schema.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/clock.h"
#include "ca/base/text.h"
#include "ca/directory/entry.h"
#include "ca/directory/pool.h"

#define IDENTITIES_LIFE_MS 60000
#define CACHE_SLOTS 1024
#define LIMIT_DEFAULT 1000

/* libldap writes to connections that the server may have closed: that is an error, not the process's end. */
static void sigpipe_ignore(void)
{
    struct sigaction now;

    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
}

int directory_open(const struct conf *conf, const char *section, struct directory **out, struct error *error)
{
    struct directory *d = calloc(1, sizeof *d);
    const char *base = conf_text(conf, section, "base");
    pthread_condattr_t monotonic;
    int status;

    *out = NULL;
    if (!d)
        return error_memory(error);
    sigpipe_ignore();
    pthread_mutex_init(&d->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&d->returned, &monotonic);
    pthread_condattr_destroy(&monotonic);
    d->most = (size_t)conf_number(conf, section, "sessions");
    if (d->most == 0)
        d->most = 1;
    status = session_settings_read(conf, section, &d->settings, error);
    if (status == OK && base && dn_normalise(base, &d->base, error) != OK)
        status = error_prefix(error, "[%s] base", section);
    d->section = strdup(section);
    d->idle = calloc(d->most, sizeof *d->idle);
    d->servers = calloc(d->settings.uris.count + 1, sizeof *d->servers);
    d->groups = cache_new(CACHE_SLOTS, conf_number(conf, section, "group_cache") * 1000);
    d->identities = cache_new(CACHE_SLOTS, IDENTITIES_LIFE_MS);
    if (status == OK && (!d->section || !d->idle || !d->servers || !d->groups || !d->identities))
        status = error_memory(error);
    if (status == OK)
        *out = d;
    else
        directory_close(d);
    return status;
}

void directory_close(struct directory *d)
{
    if (!d)
        return;
    while (d->idle_count)
        session_close(&d->idle[--d->idle_count]);
    free(d->idle);
    free(d->servers);
    free(d->section);
    free(d->base);
    strings_free(&d->supported);
    strings_free(&d->known);
    cache_free(d->groups);
    cache_free(d->identities);
    session_settings_free(&d->settings);
    pthread_cond_destroy(&d->returned);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

const char *directory_base(const struct directory *directory)
{
    return directory->base;
}

/* ---- search ---- */

struct search {
    const char *base, *filter;
    int scope;
    char **attributes;
    int limit;
    struct timeval limit_time;
    struct directory_entries *out;
};

static int search_start(LDAP *ld, void *state, int *id)
{
    struct search *s = state;

    return ldap_search_ext(ld, s->base, s->scope, s->filter, s->attributes, 0, NULL, NULL, &s->limit_time, s->limit, id);
}

static int search_done(LDAP *ld, void *state, LDAPMessage *result)
{
    struct search *s = state;

    directory_entries_free(s->out);
    return entries_read(ld, result, s->out);
}

int directory_search(struct directory *d, const char *base, enum directory_scope scope, const char *filter,
                     const char *const attributes[], size_t limit, struct directory_entries *out, struct error *error)
{
    static const int scopes[] = {LDAP_SCOPE_BASE, LDAP_SCOPE_ONELEVEL, LDAP_SCOPE_SUBTREE};
    char what[200];
    struct search search = {.base = base,
                            .filter = filter ? filter : "(objectClass=*)",
                            .scope = scopes[scope],
                            .attributes = (char **)(uintptr_t)attributes,
                            .limit = limit && limit < LIMIT_DEFAULT * 100 ? (int)limit : LIMIT_DEFAULT,
                            .limit_time = {d->settings.operation_timeout_ms / 1000 + 1, 0},
                            .out = out};
    struct operation operation = {what, search_start, search_done, true, &search, 0};
    int status;

    memset(out, 0, sizeof *out);
    snprintf(what, sizeof what, "search under \"%.150s\"", base);
    status = pool_run(d, &operation, error);
    if (status != OK)
        directory_entries_free(out);
    out->truncated = status == OK && operation.code == LDAP_SIZELIMIT_EXCEEDED;
    return status;
}

int directory_ping(struct directory *d, struct error *error)
{
    static const char *const nothing[] = {LDAP_NO_ATTRS, NULL};
    struct directory_entries entries;
    int status = directory_search(d, "", SCOPE_BASE, NULL, nothing, 1, &entries, error);

    if (status == OK)
        directory_entries_free(&entries);
    return status;
}

/* ---- add and modify ---- */

struct change_set {
    const char *dn;
    bool add;
    LDAPMod **mods; /* NULL-terminated; all of it is one allocation a modification */
};

static void mods_free(LDAPMod **mods)
{
    for (size_t i = 0; mods && mods[i]; i++) {
        for (size_t j = 0; mods[i]->mod_bvalues && mods[i]->mod_bvalues[j]; j++)
            free(mods[i]->mod_bvalues[j]);
        free(mods[i]->mod_bvalues);
        free(mods[i]);
    }
    free(mods);
}

static LDAPMod *mod_make(const struct directory_change *change, bool add)
{
    static const int ops[] = {LDAP_MOD_ADD, LDAP_MOD_DELETE, LDAP_MOD_REPLACE};
    LDAPMod *mod = calloc(1, sizeof *mod);

    if (!mod)
        return NULL;
    mod->mod_op = (add ? LDAP_MOD_ADD : ops[change->op]) | LDAP_MOD_BVALUES;
    mod->mod_type = (char *)(uintptr_t)change->attribute;
    if (change->count == 0)
        return mod;
    mod->mod_bvalues = calloc(change->count + 1, sizeof *mod->mod_bvalues);
    for (size_t i = 0; mod->mod_bvalues && i < change->count; i++) {
        mod->mod_bvalues[i] = malloc(sizeof **mod->mod_bvalues);
        if (!mod->mod_bvalues[i])
            break;
        *mod->mod_bvalues[i] = (struct berval){change->values[i].size, (char *)(uintptr_t)change->values[i].data};
    }
    return mod;
}

static bool mod_is_whole(const LDAPMod *mod, size_t count)
{
    return mod && (count == 0 || (mod->mod_bvalues && mod->mod_bvalues[count - 1]));
}

static int mods_make(const struct directory_change *changes, size_t count, bool add, LDAPMod ***out, struct error *error)
{
    LDAPMod **mods = calloc(count + 1, sizeof *mods);

    for (size_t i = 0; mods && i < count; i++) {
        mods[i] = mod_make(&changes[i], add);
        if (!mod_is_whole(mods[i], changes[i].count)) {
            mods_free(mods);
            mods = NULL;
        }
    }
    *out = mods;
    return mods ? OK : error_memory(error);
}

static int change_start(LDAP *ld, void *state, int *id)
{
    struct change_set *set = state;

    return set->add ? ldap_add_ext(ld, set->dn, set->mods, NULL, NULL, id) : ldap_modify_ext(ld, set->dn, set->mods, NULL, NULL, id);
}

static int change_run(struct directory *d, const char *dn, const struct directory_change *changes, size_t count, bool add,
                      struct error *error)
{
    char what[200];
    struct change_set set = {dn, add, NULL};
    struct operation operation = {what, change_start, NULL, false, &set, 0};
    int status = mods_make(changes, count, add, &set.mods, error);

    snprintf(what, sizeof what, "%s \"%.150s\"", add ? "add" : "modify", dn);
    if (status == OK)
        status = pool_run(d, &operation, error);
    mods_free(set.mods);
    return status;
}

int directory_modify(struct directory *d, const char *dn, const struct directory_change *changes, size_t count, struct error *error)
{
    return change_run(d, dn, changes, count, false, error);
}

int directory_add(struct directory *d, const char *dn, const struct directory_change *attributes, size_t count, struct error *error)
{
    return change_run(d, dn, attributes, count, true, error);
}

/* ---- what the server can do ---- */

static int names_add(char **names, struct strings *known)
{
    for (size_t i = 0; names && names[i]; i++)
        if (strings_add(known, names[i]) != OK)
            return INTERNAL;
    return OK;
}

static void schema_read(const struct directory_entry *entry, struct strings *known)
{
    const struct directory_attribute *classes = directory_entry_get(entry, "objectClasses");
    const struct directory_attribute *types = directory_entry_get(entry, "attributeTypes");
    const char *at;
    int code;

    for (size_t i = 0; classes && i < classes->count; i++) {
        LDAPObjectClass *class = ldap_str2objectclass(buf_text(&classes->values[i]), &code, &at, LDAP_SCHEMA_ALLOW_ALL);
        if (class)
            names_add(class->oc_names, known);
        ldap_objectclass_free(class);
    }
    for (size_t i = 0; types && i < types->count; i++) {
        LDAPAttributeType *type = ldap_str2attributetype(buf_text(&types->values[i]), &code, &at, LDAP_SCHEMA_ALLOW_ALL);
        if (type)
            names_add(type->at_names, known);
        ldap_attributetype_free(type);
    }
}

static void root_read(const struct directory_entry *entry, struct strings *supported)
{
    static const char *const attributes[] = {"supportedExtension", "supportedControl", "supportedFeatures"};

    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        const struct directory_attribute *attribute = directory_entry_get(entry, attributes[i]);
        for (size_t j = 0; attribute && j < attribute->count; j++)
            strings_add(supported, buf_text(&attribute->values[j]));
    }
}

static int probe_read(struct directory *d, struct strings *supported, struct strings *known)
{
    static const char *const root_attributes[] = {"supportedExtension", "supportedControl", "supportedFeatures",
                                                  "subschemaSubentry", NULL};
    static const char *const schema_attributes[] = {"objectClasses", "attributeTypes", NULL};
    struct directory_entries root, schema = {NULL, 0, false};
    int status = directory_search(d, "", SCOPE_BASE, NULL, root_attributes, 1, &root, NULL);

    if (status == OK && root.count == 1) {
        const char *where = directory_entry_text(&root.items[0], "subschemaSubentry");
        root_read(&root.items[0], supported);
        status = directory_search(d, where ? where : "cn=Subschema", SCOPE_BASE, NULL, schema_attributes, 1, &schema, NULL);
        if (status == OK && schema.count == 1)
            schema_read(&schema.items[0], known);
    }
    directory_entries_free(&root);
    directory_entries_free(&schema);
    return status;
}

/* Asked without the lock, for it may take long; two who ask at once both do. */
static void probe(struct directory *d)
{
    struct strings supported = {NULL, 0}, known = {NULL, 0};

    pthread_mutex_lock(&d->lock);
    bool probed = d->probed;
    pthread_mutex_unlock(&d->lock);
    if (probed || probe_read(d, &supported, &known) != OK)
        goto out;
    pthread_mutex_lock(&d->lock);
    if (!d->probed) {
        d->probed = true;
        d->supported = supported;
        d->known = known;
        supported = known = (struct strings){NULL, 0};
    }
    pthread_mutex_unlock(&d->lock);
out:
    strings_free(&supported);
    strings_free(&known);
}

bool directory_supports(struct directory *d, const char *oid)
{
    probe(d);
    pthread_mutex_lock(&d->lock);
    bool supported = strings_contain(&d->supported, oid);
    pthread_mutex_unlock(&d->lock);
    return supported;
}

bool directory_knows_class(struct directory *d, const char *name)
{
    probe(d);
    pthread_mutex_lock(&d->lock);
    bool known = strings_contain_nocase(&d->known, name);
    pthread_mutex_unlock(&d->lock);
    return known;
}
