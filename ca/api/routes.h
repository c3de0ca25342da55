/* The routes: one row says method, path, who may call, what may be asked and which handler answers. Handlers know nothing
 * of HTTP: a call goes in, and JSON, octets or a descriptor come out. */
#ifndef CHANCERY_API_ROUTES_H
#define CHANCERY_API_ROUTES_H

#include "ca/api/json.h"
#include "ca/authority.h"

#define QUERY_MAX 16
#define ROLES_ANY 0u
#define ROLES_READ (ROLE_ADMINISTRATOR | ROLE_OFFICER | ROLE_AUDITOR | ROLE_OPERATOR | ROLE_READ)

/* Does the verb need the caller's directory entry? */
enum mapping {
    MAP_NO,
    MAP_TRY, /* where there is one; a caller without an entry goes on without, a directory that is down is an error */
    MAP_ROLES, /* no; but what directory groups give the caller decides what he sees or may do */
    MAP_ASK  /* the handler asks itself and shows why not */
};

struct route;
struct call {
    struct authority *authority;
    const struct route *route;
    struct identity caller;
    char *argument; /* what stands for {object} or {name}; NULL: none */
    struct {
        char *name, *value;
    } query[QUERY_MAX];
    size_t query_count;
    json_t *body; /* of POST, checked against the route's members */
    /* the answer, one of the three */
    json_t *answer;
    struct buf octets;
    int fd; /* -1: none; with fd_size */
    uint64_t fd_size;
    const char *content_type; /* of octets and fd */
};

struct route {
    const char *method, *pattern;
    unsigned roles; /* one of these suffices; ROLES_ANY: everybody */
    enum mapping mapping;
    const char *verb; /* as the audit names it */
    const char *query; /* names, by blanks */
    const struct body_member *members; /* NULL: the body must be empty or {} */
    int (*handle)(struct call *call, struct error *error);
};
extern const struct route routes[]; /* ended by method NULL */

/* The row, with *argument (free it) what stands in the place of {…}. NULL: none; *known_path when another method has the path. */
const struct route *route_find(const char *method, const char *path, char **argument, bool *known_path);
/* What a route is about, the word after /v1/ of its path: "requests", "audit". Returns kind. */
#define READ_KIND_SIZE 32
const char *route_kind(const struct route *route, char kind[READ_KIND_SIZE]);
bool route_kind_known(const char *name); /* of some route that reads */
/* OK or NOT_PERMITTED "role.missing" naming the roles that would do. */
int route_permit(const struct route *route, const struct identity *caller, struct error *error);
/* Who calls, which row, and whether he may: all that is judged before anything of the query or the body is read. OK: route,
 * caller and argument of the call are set. */
int call_enter(struct call *call, uint32_t uid, uint32_t gid, const char *method, const char *path, struct error *error);
/* Adds a parameter of the query. USAGE "api.query": unknown to the route, twice, too many. */
int call_query_add(struct call *call, const char *name, const char *value, struct error *error);
void call_free(struct call *call); /* contents */

const char *call_query(const struct call *call, const char *name); /* NULL: absent */
bool call_query_flag(const struct call *call, const char *name);   /* 1 or true */
/* Digits within min and max; fallback when absent. USAGE otherwise. */
int call_query_number(const struct call *call, const char *name, uint64_t min, uint64_t max, uint64_t *out, struct error *error);
/* RFC 3339 or relative; leaves *out when absent. */
int call_query_time(const struct call *call, const char *name, int64_t *out, struct error *error);
/* The RequestID of an OBJECT. REFUSED "object.unknown", "object.ambiguous". */
int call_object(struct call *call, const char *text, uint64_t *id, struct error *error);
/* Sets the answer: INTERNAL when value is NULL (without memory). Takes value. */
int call_answer(struct call *call, json_t *value, struct error *error);

/* "administrator", … ; *mask of a word, 0: none such */
unsigned role_parse(const char *name);
json_t *json_of_roles(unsigned roles);

/* requests.c */
int handle_submit(struct call *call, struct error *error);
int handle_list(struct call *call, struct error *error);
int handle_find(struct call *call, struct error *error);
int handle_show(struct call *call, struct error *error);
int handle_retrieve(struct call *call, struct error *error);
int handle_isvalid(struct call *call, struct error *error);
/* decisions.c */
int handle_resubmit(struct call *call, struct error *error);
int handle_deny(struct call *call, struct error *error);
int handle_set_attributes(struct call *call, struct error *error);
int handle_set_extension(struct call *call, struct error *error);
int handle_revoke(struct call *call, struct error *error);
int handle_release(struct call *call, struct error *error);
/* bulk.c */
int handle_revoke_match(struct call *call, struct error *error);
int handle_batch(struct call *call, struct error *error);
int handle_import(struct call *call, struct error *error);
int handle_import_crl_number(struct call *call, struct error *error);
/* retention.c */
int handle_purge_list(struct call *call, struct error *error);
int handle_purge(struct call *call, struct error *error);
int handle_report(struct call *call, struct error *error);
int handle_decommission(struct call *call, struct error *error);
/* ca.c */
int handle_info(struct call *call, struct error *error);
int handle_config(struct call *call, struct error *error);
int handle_whoami(struct call *call, struct error *error);
int handle_renew(struct call *call, struct error *error);
int handle_install(struct call *call, struct error *error);
int handle_crl_publish(struct call *call, struct error *error);
int handle_crl_show(struct call *call, struct error *error);
int handle_crl_der(struct call *call, struct error *error);
int handle_health(struct call *call, struct error *error);
int handle_counts(struct call *call, struct error *error);
/* keys.c */
int handle_unlock(struct call *call, struct error *error);
int handle_key_check(struct call *call, struct error *error);
int handle_key_passwd(struct call *call, struct error *error);
int handle_key_export(struct call *call, struct error *error);
int handle_clock_accept(struct call *call, struct error *error);
/* publishing.c */
int handle_publish_status(struct call *call, struct error *error);
int handle_publish_check(struct call *call, struct error *error);
int handle_publish_retry(struct call *call, struct error *error);
/* audit.c */
int handle_audit(struct call *call, struct error *error);
int handle_audit_verify(struct call *call, struct error *error);
int handle_audit_export(struct call *call, struct error *error);
int handle_audit_lines(struct call *call, struct error *error);
/* templates.c */
int handle_templates(struct call *call, struct error *error);
int handle_template_show(struct call *call, struct error *error);
int handle_template_lint(struct call *call, struct error *error);
int handle_template_diff(struct call *call, struct error *error);
int handle_template_export(struct call *call, struct error *error);
int handle_template_adopt(struct call *call, struct error *error);
int handle_template_retire(struct call *call, struct error *error);
/* assignments.c */
int handle_usages(struct call *call, struct error *error);
int handle_assignments(struct call *call, struct error *error);
int handle_assign(struct call *call, struct error *error);
int handle_unassign(struct call *call, struct error *error);
int handle_assignability(struct call *call, struct error *error);
int handle_trust(struct call *call, struct error *error);
int handle_trust_import(struct call *call, struct error *error);

/* backup.c */
int handle_backup(struct call *call, struct error *error);
int handle_check_database(struct call *call, struct error *error);
int handle_background(struct call *call, struct error *error);
int handle_restore_report(struct call *call, struct error *error);
int handle_restore_confirm(struct call *call, struct error *error);

#endif
