/* The daemon's configuration: the names of the modules are read first, because the modules bring items of their own; then the
 * whole file is read strictly against all tables. */
#include "ca/chanceryd_conf.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/api/api.h"
#include "ca/assign/usage.h"
#include "ca/base/file.h"
#include "ca/directory/directory.h"
#include "ca/directory/identity.h"
#include "ca/exit/dispatch.h"
#include "ca/process/program.h"
#include "ca/process/sandbox.h"

static const struct conf_item daemon_items[] = {
    {"store", "path", CONF_PATH, CHANCERY_LOCALSTATEDIR "/lib/chancery/db", "folder of the database", 0, 0},
    {"store", "cache", CONF_NUMBER, "64", "MiB of cache", 1, 65536},
    {"store", "reserve", CONF_NUMBER, "256", "MiB of free disk kept for revocations and CRLs: below it no new request is taken", 0, 1 << 20},
    {"store", "checkpoint", CONF_DURATION, "60s", "the database is checkpointed so often", 1, 3600},
    {"signer", "conf", CONF_PATH, CHANCERY_SYSCONFDIR "/signer.conf", "the signer's own root-owned limits", 0, 0},
    {"signer", "state", CONF_PATH, CHANCERY_LOCALSTATEDIR "/lib/chancery/signer", "folder of the CA key and the signer's journal", 0, 0},
    {"process", "authority_user", CONF_TEXT, "chancery", "account or uid of the authority, when started as root", 0, 0},
    {"process", "signer_user", CONF_TEXT, "chancery-signer", "account or uid of the signer, when started as root", 0, 0},
    {"process", "exit_user", CONF_TEXT, "chancery-exit", "account or uid of exit hosts, when started as root", 0, 0},
    {"modules", "directory", CONF_PATH, CHANCERY_MODULEDIR, "the one folder that modules are loaded from", 0, 0},
    {"policy", "modules", CONF_LIST, "enterprise", "policy modules, in order", 0, 0},
    {"publish", "modules", CONF_LIST, "ldap", "exit modules: ldap is publish/ldap", 0, 0},
    DIRECTORY_ITEMS("directory"),
    {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0},
};

#define TABLES_MAX 40
struct tables {
    const struct conf_item *rows[TABLES_MAX + 1];
    size_t count;
};

static void tables_add(struct tables *tables, const struct conf_item *table)
{
    if (table && tables->count < TABLES_MAX)
        tables->rows[tables->count++] = table;
}

static void tables_collect(const struct daemon_conf *conf, struct tables *tables)
{
    memset(tables, 0, sizeof *tables);
    tables_add(tables, authority_items);
    tables_add(tables, key_items);
    tables_add(tables, daemon_items);
    tables_add(tables, identity_items);
    tables_add(tables, usage_items);
    tables_add(tables, api_items);
    for (size_t i = 0; conf->policy && i < policy_count(conf->policy); i++)
        tables_add(tables, policy_module(conf->policy, i)->items);
    for (size_t i = 0; i < conf->exit_names.count; i++)
        tables_add(tables, conf->exits[i]->items);
}

/* ---- which modules: the only three values that are read before the tables are known ---- */

struct module_names {
    char *directory, *policy, *publish;
};

static int module_name_take(void *argument, const char *section, const char *name, const char *value)
{
    struct module_names *names = argument;
    char **to = strcmp(section, "modules") == 0 && strcmp(name, "directory") == 0 ? &names->directory
                : strcmp(section, "policy") == 0 && strcmp(name, "modules") == 0  ? &names->policy
                : strcmp(section, "publish") == 0 && strcmp(name, "modules") == 0 ? &names->publish
                                                                                  : NULL;
    if (to) {
        free(*to);
        *to = strdup(value ? value : "");
    }
    return 1;
}

static int exits_describe(struct daemon_conf *conf, const char *publish, struct error *error)
{
    struct strings names = {0};
    int status = strings_split(&names, publish, " \t") ? error_memory(error) : OK;
    if (!status && names.count > EXITS_MAX)
        status = error_set(error, BAD_CONFIG, "config.modules", "[publish] modules names more than %d modules", EXITS_MAX);
    for (size_t i = 0; i < names.count && !status; i++) {
        struct buf name = BUF_EMPTY;
        buf_printf(&name, "publish/%s", names.items[i]);
        status = exit_describe(conf->module_directory, buf_text(&name), &conf->exits[i], error);
        if (!status && strings_add(&conf->exit_names, buf_text(&name)))
            status = error_memory(error);
        buf_free(&name);
    }
    strings_free(&names);
    return status;
}

static int modules_load(const char *path, struct daemon_conf *conf, struct error *error)
{
    struct module_names names = {0};
    struct strings policies = {0};
    int status = OK;
    if (ini_parse(path, module_name_take, &names) == -1)
        status = error_set(error, BAD_CONFIG, "config.file", "%s cannot be read (is it there? name another with -c)", path);
    conf->module_directory = strdup(names.directory ? names.directory : CHANCERY_MODULEDIR);
    if (!status && (!conf->module_directory || strings_split(&policies, names.policy ? names.policy : "enterprise", " \t")))
        status = error_memory(error);
    if (!status)
        status = policy_load(conf->module_directory, &policies, &conf->policy, error);
    if (!status)
        status = exits_describe(conf, names.publish ? names.publish : "ldap", error);
    strings_free(&policies);
    free(names.directory);
    free(names.policy);
    free(names.publish);
    return status;
}

/* ---- programs of policy modules: who may change one decides what is issued ---- */

static int programs_check(const struct daemon_conf *conf, struct error *error)
{
    size_t count = 0;
    int status = OK;
    for (size_t i = 0; i < policy_count(conf->policy) && !status; i++) {
        const char *section = policy_module(conf->policy, i)->program;
        const char *path = section ? conf_text(conf->conf, section, "program") : NULL;
        if (section && !path)
            status = error_set(error, BAD_CONFIG, "program.none", "%s: [%s] program is missing", conf_path(conf->conf), section);
        if (section && !status && ++count > EXECS_MAX)
            status = error_set(error, BAD_CONFIG, "config.modules", "[policy] modules names more than %d with a program", EXECS_MAX);
        if (section && !status)
            status = program_check(path, geteuid(), error);
    }
    return status;
}

/* ---- users ---- */

static int user_take(const struct conf *conf, const char *item, uid_t *uid, gid_t *gid, struct error *error)
{
    if (geteuid() != 0) {
        *uid = getuid();
        *gid = getgid();
        return OK;
    }
    if (sandbox_user(conf_text(conf, "process", item), uid, gid, error))
        return error_set(error, BAD_CONFIG, "config.user", "%s: [process] %s: no such account", conf_path(conf), item);
    if (*uid == 0)
        return error_set(error, BAD_CONFIG, "config.user", "%s: [process] %s must not be root", conf_path(conf), item);
    return OK;
}

static int users_take(struct daemon_conf *conf, struct error *error)
{
    int status = user_take(conf->conf, "authority_user", &conf->authority_uid, &conf->authority_gid, error);
    if (!status)
        status = user_take(conf->conf, "signer_user", &conf->signer_uid, &conf->signer_gid, error);
    if (!status)
        status = user_take(conf->conf, "exit_user", &conf->exit_uid, &conf->exit_gid, error);
    if (!status && geteuid() == 0 &&
        (conf->authority_uid == conf->signer_uid || conf->authority_uid == conf->exit_uid || conf->signer_uid == conf->exit_uid))
        status = error_set(error, BAD_CONFIG, "config.user", "%s: authority_user, signer_user and exit_user must be three accounts",
                           conf_path(conf->conf));
    return status;
}

int daemon_conf_load(const char *path, struct daemon_conf *out, struct error *error)
{
    struct tables tables;
    memset(out, 0, sizeof *out);
    /* it names the folder that code is loaded from: nobody but root, or we ourselves, may have written it */
    int status = access(path, R_OK) == 0 ? file_check_owner(path, geteuid(), error) : OK;
    if (!status)
        status = modules_load(path, out, error);
    tables_collect(out, &tables);
    if (!status)
        status = conf_load(path, tables.rows, &out->conf, error);
    if (!status)
        status = users_take(out, error);
    if (!status)
        status = authority_check(out->conf, error);
    return status;
}

int daemon_conf_check(const struct daemon_conf *conf, struct error *error)
{
    struct usages usages = {0};
    int status = policy_check(conf->policy, conf->conf, error);
    if (!status)
        status = programs_check(conf, error);
    for (size_t i = 0; i < conf->exit_names.count && !status; i++)
        if (conf->exits[i]->check)
            status = conf->exits[i]->check(conf->conf, error);
    if (!status && conf_text(conf->conf, "directory", "uri"))
        status = identity_check(conf->conf, error);
    if (!status)
        status = keys_check(conf->conf, error);
    if (!status)
        status = api_check(conf->conf, error);
    if (!status)
        status = usages_load(conf->conf, &usages, error);
    usages_free(&usages);
    return status;
}

void daemon_conf_free(struct daemon_conf *conf)
{
    conf_free(conf->conf);
    strings_free(&conf->exit_names);
    free(conf->module_directory);
}

void daemon_conf_print_items(const struct daemon_conf *conf)
{
    static const char *const kinds[] = {"text", "number", "duration", "boolean", "path", "list"};
    struct tables tables;
    tables_collect(conf, &tables);
    for (size_t t = 0; t < tables.count; t++)
        for (const struct conf_item *item = tables.rows[t]; item->section; item++)
            printf("%s\t%s\t%s\t%s\t%s\n", item->section, item->name, kinds[item->kind], item->fallback ? item->fallback : "-",
                   item->help);
}
