/* The daemon's configuration: which modules, whose items, all checked before anything starts. */
#ifndef CHANCERY_CHANCERYD_CONF_H
#define CHANCERY_CHANCERYD_CONF_H

#include <sys/types.h>

#include "ca/authority.h"
#include "ca/module.h"
#include "ca/policy/policy.h"

#define EXITS_MAX PUBLISH_MODULES_MAX
#define EXECS_MAX 4 /* policy modules with a program */

struct daemon_conf {
    struct conf *conf;
    struct policy *policy;       /* loaded, not opened */
    struct strings exit_names;   /* "publish/ldap" */
    const struct chancery_module *exits[EXITS_MAX];
    char *module_directory;
    uid_t authority_uid, signer_uid, exit_uid;
    gid_t authority_gid, signer_gid, exit_gid;
};
/* Loads modules and configuration; BAD_CONFIG with file and line otherwise. */
int daemon_conf_load(const char *path, struct daemon_conf *out, struct error *error);
/* Everything that can be judged without starting anything (-t). */
int daemon_conf_check(const struct daemon_conf *conf, struct error *error);
void daemon_conf_free(struct daemon_conf *conf);
/* One line an item: section, name, kind, fallback, help, separated by tabs; for chancery.conf(5) and its test. */
void daemon_conf_print_items(const struct daemon_conf *conf);

#endif
