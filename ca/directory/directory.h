/* LDAP sessions: a pool of connections to the configured servers, searches with time limits, DN and filter escaping.
 * Any thread. Errors: TEMPORARY "directory.down"/"directory.timeout" naming server and cause; REFUSED "directory.ambiguous",
 * "directory.no_entry". Nothing here caches but what says so. */
#ifndef CHANCERY_DIRECTORY_DIRECTORY_H
#define CHANCERY_DIRECTORY_DIRECTORY_H

#include "ca/base/buf.h"
#include "ca/base/conf.h"
#include "ca/base/error.h"

struct directory;

/* Items for a section that describes a directory; use DIRECTORY_ITEMS("directory"). uri (list), base, bind (anonymous | external |
 * simple), bind_dn, bind_password_file, starttls (yes|no; simple bind over ldap:// without it is refused unless loopback),
 * ca_file, tls_priority, network_timeout, operation_timeout, sessions, group_cache. */
#define DIRECTORY_ITEMS(section)                                                                                            \
    {section, "uri", CONF_LIST, NULL, "servers in order of preference: ldap://, ldaps:// or ldapi://", 0, 0},                 \
    {section, "base", CONF_TEXT, NULL, "DN under which entries are searched", 0, 0},                                         \
    {section, "bind", CONF_TEXT, "external", "external (SASL over ldapi), simple, or anonymous", 0, 0},                       \
    {section, "bind_dn", CONF_TEXT, NULL, "DN to bind as, with simple", 0, 0},                                               \
    {section, "bind_password_file", CONF_PATH, NULL, "file whose first line is the password, with simple", 0, 0},            \
    {section, "starttls", CONF_BOOL, "no", "StartTLS on ldap:// connections", 0, 0},                                         \
    {section, "ca_file", CONF_PATH, NULL, "PEM file with the roots that the server's certificate must chain to", 0, 0},       \
    {section, "tls_priority", CONF_TEXT, "SECURE192:+SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", "GnuTLS priority string", 0, 0}, \
    {section, "network_timeout", CONF_DURATION, "3s", "limit for connecting", 1, 60},                                        \
    {section, "operation_timeout", CONF_DURATION, "5s", "limit for one operation", 1, 300},                                  \
    {section, "sessions", CONF_NUMBER, "4", "connections kept open", 1, 64},                                                \
    {section, "group_cache", CONF_DURATION, "300s", "a group membership that was taken away counts no longer than this; 0: asked anew each time", 0, 300}

/* Reads the section; connects to nothing. Ignores SIGPIPE from here on unless somebody handles it. BAD_CONFIG for what cannot work (simple without
 * TLS to another host) or would be no protection ("directory.tls"). */
int directory_open(const struct conf *conf, const char *section, struct directory **out, struct error *error);
void directory_close(struct directory *directory);
const char *directory_base(const struct directory *directory);

enum directory_scope { SCOPE_BASE, SCOPE_ONE, SCOPE_SUBTREE };
struct directory_attribute {
    char *name; /* as the server spells it, options included: "userCertificate;binary" */
    struct buf *values;
    size_t count;
};
struct directory_entry {
    char *dn;
    struct directory_attribute *attributes;
    size_t count;
};
struct directory_entries {
    struct directory_entry *items;
    size_t count;
    bool truncated; /* more than limit matched */
};
void directory_entries_free(struct directory_entries *entries);
/* Values of an attribute, case-blind, options ignored; NULL and 0: none. */
const struct directory_attribute *directory_entry_get(const struct directory_entry *entry, const char *name);
const char *directory_entry_text(const struct directory_entry *entry, const char *name); /* first value; NULL: none */

/* filter NULL: (objectClass=*). attributes NULL-terminated. limit: entries at most (then truncated). No such base: 0 entries. */
int directory_search(struct directory *directory, const char *base, enum directory_scope scope, const char *filter,
                     const char *const attributes[], size_t limit, struct directory_entries *out, struct error *error);
/* Is the server there? One root DSE read, at most network_timeout. */
int directory_ping(struct directory *directory, struct error *error);
/* Root DSE: supports an extension, control or feature OID; subschema knows an object class or attribute. Probed once, then cached. */
bool directory_supports(struct directory *directory, const char *oid);
bool directory_knows_class(struct directory *directory, const char *name);

enum directory_mod { MOD_ADD, MOD_DELETE, MOD_REPLACE };
struct directory_change {
    enum directory_mod op;
    const char *attribute;
    const struct bytes *values; /* count 0 with MOD_DELETE: the whole attribute */
    size_t count;
};
/* reasons: "directory.no_entry", "directory.exists" (value or entry there already), "directory.no_value", "directory.access", … */
int directory_modify(struct directory *directory, const char *dn, const struct directory_change *changes, size_t count, struct error *error);
int directory_add(struct directory *directory, const char *dn, const struct directory_change *attributes, size_t count, struct error *error);

/* ---- names: pure ---- */
void filter_escape(struct buf *out, struct bytes value);                    /* RFC 4515 */
/* Replaces %u (uid), %n (account) … : pattern characters given as pairs; values escaped. */
int filter_expand(const char *pattern, const char *letters, const char *const values[], struct buf *out, struct error *error);
int dn_normalise(const char *dn, char **out, struct error *error);          /* RFC 4514 as libldap writes it, attribute types lower case; BAD_DATA */
bool dn_equal(const char *a, const char *b);                                 /* after normalising, case-blind; false when either is not a DN */
bool dn_is_under(const char *dn, const char *base);                          /* dn == base counts */
int dn_parent(const char *dn, char **out, struct error *error);
/* The DN with "(number)" after the value of its first RDN: the entry of the CA's n-th key. */
int dn_numbered(const char *dn, unsigned number, char **out, struct error *error);
int dn_first_rdn(const char *dn, char **attribute, struct buf *value, struct error *error);
/* Every attribute value of a name, most specific first; stops at the first that is not OK and returns that. */
int dn_values(const char *dn, int (*each)(void *state, const char *attribute, struct bytes value), void *state,
              struct error *error);

/* ---- groups: nested, cached for group_cache, at most 300 s; fresh asks anew ---- */
/* Does the entry (user_dn) belong to any of these DNs: itself, or through member/uniqueMember of groups, nested to 16 levels? */
int directory_is_member(struct directory *directory, const char *user_dn, const struct strings *dns, bool fresh, bool *member, struct error *error);
/* Exactly one entry under one of the bases, else REFUSED "identity.none" / "identity.ambiguous". */
int directory_find_one(struct directory *directory, const struct strings *bases, const char *filter,
                       const char *const attributes[], struct directory_entries *out, struct error *error);

#endif
