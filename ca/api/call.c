/* A call as the handlers see it: query, object, answer; and the names of the roles.
 * Nothing here knows HTTP; server.c fills the call in and sends what it answers. */
#include "ca/api/routes.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/object.h"

static const struct {
    unsigned role;
    const char *name;
} role_names[] = {
    {ROLE_ADMINISTRATOR, "administrator"}, {ROLE_OFFICER, "officer"}, {ROLE_AUDITOR, "auditor"}, {ROLE_OPERATOR, "operator"},
    {ROLE_READ, "read"},                   {ROLE_ENROL, "enrol"},     {ROLE_CRON, "cron"},
};
#define ROLE_COUNT (sizeof role_names / sizeof role_names[0])

unsigned role_parse(const char *name)
{
    for (size_t i = 0; i < ROLE_COUNT; i++)
        if (strcmp(role_names[i].name, name) == 0)
            return role_names[i].role;
    return 0;
}

json_t *json_of_roles(unsigned roles)
{
    json_t *array = json_array();

    for (size_t i = 0; i < ROLE_COUNT; i++)
        if ((roles & role_names[i].role) != 0)
            json_array_append_new(array, json_string(role_names[i].name));
    return array;
}

static int find_route(struct call *call, const char *method, const char *path, struct error *error)
{
    bool known_path = false;

    call->route = route_find(method, path, &call->argument, &known_path);
    if (call->route != NULL)
        return OK;
    if (known_path)
        return error_set(error, USAGE, "api.method", "%.16s is not for %.200s", method, path);
    return error_set(error, USAGE, "api.path", "there is no %.200s in this API; are command line and daemon of one version?", path);
}

/* Local files come first: who has a role by them needs no directory. */
static int permit(struct call *call, struct error *error)
{
    const struct route *route = call->route;
    unsigned wanted = route->roles != ROLES_ANY ? route->roles : route->mapping == MAP_ROLES ? ROLES_READ : 0;
    struct error why = ERROR_NONE;

    if (wanted != 0 && authority_roles(call->authority, &call->caller, wanted, &why) != OK && route->roles != ROLES_ANY &&
        (route->roles & call->caller.roles) == 0)
        return error_set(error, why.status, why.reason, "%s", why.message);
    call->caller.acting = route->roles & call->caller.roles;
    return route_permit(route, &call->caller, error);
}

int call_enter(struct call *call, uint32_t uid, uint32_t gid, const char *method, const char *path, struct error *error)
{
    int status = authority_identify(call->authority, uid, gid, &call->caller, error);
    if (status == OK)
        status = find_route(call, method, path, error);
    return status == OK ? permit(call, error) : status;
}

int route_permit(const struct route *route, const struct identity *caller, struct error *error)
{
    struct buf names = BUF_EMPTY;

    if (route->roles == ROLES_ANY || (route->roles & caller->roles) != 0)
        return OK;
    for (size_t i = 0; i < ROLE_COUNT; i++)
        if ((route->roles & role_names[i].role) != 0)
            buf_printf(&names, "%s%s", names.size > 0 ? ", " : "", role_names[i].name);
    if ((route->roles & caller->refused) != 0)
        error_set(error, NOT_PERMITTED, "role.separation", "%s holds two of administrator, officer, auditor and operator, and role "
                  "separation refuses him every one of them (see: chancery whoami)", caller->account);
    error_set(error, NOT_PERMITTED, "role.missing", "%s needs one of the roles: %s; %s has none of them (see: chancery whoami)",
              route->verb, buf_text(&names), caller->account != NULL ? caller->account : "the caller");
    buf_free(&names);
    return NOT_PERMITTED;
}

/* Is name a word of the list? */
static bool word_in(const char *list, const char *name)
{
    size_t size = strlen(name);

    for (const char *at = list; *at != '\0'; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        if (length == size && memcmp(at, name, size) == 0)
            return true;
        at += length;
    }
    return false;
}

int call_query_add(struct call *call, const char *name, const char *value, struct error *error)
{
    if (call->route == NULL || !word_in(call->route->query, name))
        return error_set(error, USAGE, "api.query", "the query has \"%.60s\", which nothing here reads", name);
    if (call_query(call, name) != NULL || call->query_count == QUERY_MAX)
        return error_set(error, USAGE, "api.query", "the query has \"%.60s\" twice", name);
    char *own_name = strdup(name), *own_value = strdup(value != NULL ? value : "");
    if (own_name == NULL || own_value == NULL) {
        free(own_name);
        free(own_value);
        return error_memory(error);
    }
    call->query[call->query_count].name = own_name;
    call->query[call->query_count++].value = own_value;
    return OK;
}

const char *call_query(const struct call *call, const char *name)
{
    for (size_t i = 0; i < call->query_count; i++)
        if (strcmp(call->query[i].name, name) == 0)
            return call->query[i].value;
    return NULL;
}

bool call_query_flag(const struct call *call, const char *name)
{
    const char *value = call_query(call, name);
    return value != NULL && (strcmp(value, "1") == 0 || strcmp(value, "true") == 0);
}

int call_query_number(const struct call *call, const char *name, uint64_t min, uint64_t max, uint64_t *out, struct error *error)
{
    const char *value = call_query(call, name);
    uint64_t number;

    if (value == NULL)
        return OK;
    if (number_parse(value, &number) != OK || number < min || number > max)
        return error_set(error, USAGE, "api.query", "%s must be a number from %llu to %llu, not \"%.40s\"", name,
                         (unsigned long long)min, (unsigned long long)max, value);
    *out = number;
    return OK;
}

int call_query_time(const struct call *call, const char *name, int64_t *out, struct error *error)
{
    const char *value = call_query(call, name);

    if (value == NULL)
        return OK;
    if (time_parse(value, clock_now(), out) != OK)
        return error_set(error, USAGE, "api.query", "%s must be a time such as 2026-01-20T07:12:09Z or -3d, not \"%.40s\"", name, value);
    return OK;
}

void call_free(struct call *call)
{
    identity_free(&call->caller);
    free(call->argument);
    for (size_t i = 0; i < call->query_count; i++) {
        free(call->query[i].name);
        free(call->query[i].value);
    }
    json_decref(call->body);
    json_decref(call->answer);
    buf_free(&call->octets);
    if (call->fd >= 0)
        close(call->fd);
    call->fd = -1;
}

static int ambiguous(const char *text, const uint64_t *ids, size_t count, struct error *error)
{
    struct buf list = BUF_EMPTY;

    for (size_t i = 0; i < count; i++)
        buf_printf(&list, "%sreq:%llu", i > 0 ? ", " : "", (unsigned long long)ids[i]);
    error_set(error, REFUSED, "object.ambiguous", "\"%s\" stands for more than one: %s; write which one is meant", text, buf_text(&list));
    buf_free(&list);
    return REFUSED;
}

int call_object(struct call *call, const char *text, uint64_t *id, struct error *error)
{
    static const enum certificate_key keys[] = {
        [OBJECT_SERIAL] = CERTIFICATE_BY_SERIAL, [OBJECT_SHA1] = CERTIFICATE_BY_SHA1, [OBJECT_SHA256] = CERTIFICATE_BY_SHA256};
    struct object object;
    uint64_t ids[8];
    size_t count = 0;

    int status = object_parse(text, &object, error);
    if (status != OK)
        return status;
    if (object.kind == OBJECT_REQUEST) {
        *id = object.id;
        return OK;
    }
    status = authority_lookup(call->authority, keys[object.kind], bytes_of(object.octets, object.size), ids, 8, &count, error);
    if (status != OK)
        return status;
    if (count == 0)
        return error_set(error, REFUSED, "object.unknown", "there is no certificate %.100s here; look for it with: chancery find", text);
    if (count > 1)
        return ambiguous(text, ids, count, error);
    *id = ids[0];
    return OK;
}

int call_answer(struct call *call, json_t *value, struct error *error)
{
    if (value == NULL)
        return error_memory(error);
    json_decref(call->answer);
    call->answer = value;
    return OK;
}
