/* The table of routes against openapi.yaml, both ways; finding a row; roles; queries. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/api/routes.h"
#include "ca/base/file.h"

/* One method of one path as openapi.yaml has it; texts are pieces of the file. */
struct spec {
    char path[128], method[8];
    char text[4096]; /* everything about it */
};

static size_t read_specs(struct spec *specs, size_t room)
{
    struct buf path = BUF_EMPTY, yaml = BUF_EMPTY;
    size_t count = 0;
    char current[128] = "";

    buf_printf(&path, "%s/ca/api/openapi.yaml", getenv("top_srcdir") != NULL ? getenv("top_srcdir") : ".");
    assert_int_equal(file_read(buf_text(&path), 1 << 20, &yaml, NULL), OK);
    struct strings lines = {NULL, 0};
    for (const char *at = buf_text(&yaml); *at != '\0';) {
        size_t size = strcspn(at, "\n");
        strings_add_n(&lines, at, size);
        at += size + (at[size] == '\n');
    }
    for (size_t i = 0; i < lines.count && strcmp(lines.items[i], "components:") != 0; i++) {
        const char *line = lines.items[i];
        if (strncmp(line, "  /v1", 5) == 0) {
            snprintf(current, sizeof current, "%.*s", (int)strcspn(line + 2, ":"), line + 2);
        } else if (current[0] != '\0' && strncmp(line, "    get:", 8) == 0) {
            assert_true(count < room);
            snprintf(specs[count].path, sizeof specs[count].path, "%s", current);
            snprintf(specs[count].method, sizeof specs[count].method, "GET");
            snprintf(specs[count++].text, sizeof specs[0].text, "%s\n", line);
        } else if (current[0] != '\0' && strncmp(line, "    post:", 9) == 0) {
            assert_true(count < room);
            snprintf(specs[count].path, sizeof specs[count].path, "%s", current);
            snprintf(specs[count].method, sizeof specs[count].method, "POST");
            snprintf(specs[count++].text, sizeof specs[0].text, "%s\n", line);
        } else if (count > 0) {
            size_t used = strlen(specs[count - 1].text);
            snprintf(specs[count - 1].text + used, sizeof specs[0].text - used, "%s\n", line);
        }
    }
    strings_free(&lines);
    buf_free(&path);
    buf_free(&yaml);
    return count;
}

static const struct spec *spec_find(const struct spec *specs, size_t count, const struct route *route)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(specs[i].path, route->pattern) == 0 && strcmp(specs[i].method, route->method) == 0)
            return &specs[i];
    return NULL;
}

/* The roles after "x-roles:", up to a comma or the end of the line. */
static unsigned spec_roles(const struct spec *spec, bool *any)
{
    const char *at = strstr(spec->text, "x-roles:");
    unsigned roles = 0;

    assert_non_null(at);
    at += 8;
    struct strings words = {NULL, 0};
    char part[256];
    snprintf(part, sizeof part, "%.*s", (int)strcspn(at, ",\n"), at);
    strings_split(&words, part, " ");
    *any = words.count == 1 && strcmp(words.items[0], "any") == 0;
    for (size_t i = 0; !*any && i < words.count; i++) {
        assert_int_not_equal(role_parse(words.items[i]), 0);
        roles |= role_parse(words.items[i]);
    }
    strings_free(&words);
    return roles;
}

static size_t count_text(const char *text, const char *part)
{
    size_t count = 0;

    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        count++;
    return count;
}

static void check_query(const struct route *route, const struct spec *spec)
{
    struct strings names = {NULL, 0};
    char part[128];

    strings_split(&names, route->query, " ");
    for (size_t i = 0; i < names.count; i++) {
        snprintf(part, sizeof part, "{name: %s, in: query}", names.items[i]);
        if (strstr(spec->text, part) == NULL)
            fail_msg("%s %s: query %s is not in openapi.yaml", route->method, route->pattern, names.items[i]);
    }
    assert_int_equal(count_text(spec->text, "in: query}"), names.count);
    strings_free(&names);
}

static void check_members(const struct route *route, const struct spec *spec)
{
    const char *body = strstr(spec->text, "x-body: {");
    size_t count = 0;
    char text[1024] = "", part[64];

    if (body != NULL)
        snprintf(text, sizeof text, "%.*s", (int)strcspn(body, "\n"), body);
    for (const struct body_member *member = route->members; member != NULL && member->name != NULL; member++, count++) {
        snprintf(part, sizeof part, "%s: ", member->name);
        char *at = strstr(text, part);
        if (at == NULL)
            fail_msg("%s %s: member %s is not in openapi.yaml", route->method, route->pattern, member->name);
        at += strlen(part);
        bool optional = memmem(at, strcspn(at, ",}"), "or absent", 9) != NULL;
        bool list = *at == '['; /* lists may be empty unless required */
        if (!list && optional == member->required)
            fail_msg("%s %s: member %s: openapi.yaml and table differ in whether it is required", route->method, route->pattern, member->name);
    }
    assert_int_equal(body != NULL ? count_text(text + 9, ": ") : 0, count);
}

static void test_openapi(void **state)
{
    static struct spec specs[64];
    size_t count = read_specs(specs, 64), rows = 0;

    (void)state;
    for (const struct route *route = routes; route->method != NULL; route++, rows++) {
        const struct spec *spec = spec_find(specs, count, route);
        bool any = false;
        if (spec == NULL)
            fail_msg("%s %s is not in openapi.yaml", route->method, route->pattern);
        assert_int_equal(spec_roles(spec, &any), route->roles);
        assert_int_equal(any, route->roles == ROLES_ANY);
        check_query(route, spec);
        check_members(route, spec);
    }
    assert_true(rows > 30);
    assert_int_equal(count, rows); /* and nothing there that is not in the table */
}

static void expect_route(const char *method, const char *path, const char *verb, const char *argument)
{
    char *found = NULL;
    bool known = false;
    const struct route *route = route_find(method, path, &found, &known);

    assert_non_null(route);
    assert_string_equal(route->verb, verb);
    if (argument == NULL)
        assert_null(found);
    else
        assert_string_equal(found, argument);
    free(found);
}

static void test_find(void **state)
{
    static const char *const none[] = {"/", "/v1", "/v1/requests/", "/v1/requests/1/", "/v1/requests/1/2", "/v1/requests//deny",
                                       "/v1/requests/1/deny/", "/v2/info", "v1/info", "/v1/infos", "/v1/templates/", ""};
    char *argument = NULL;
    bool known = false;

    (void)state;
    expect_route("GET", "/v1/requests", "list", NULL);
    expect_route("POST", "/v1/requests", "submit", NULL);
    expect_route("GET", "/v1/requests/17", "show", "17");
    expect_route("GET", "/v1/requests/sn:1A:2B", "show", "sn:1A:2B");
    expect_route("POST", "/v1/requests/17/deny", "deny", "17");
    expect_route("GET", "/v1/crls/latest/der", "crl get", NULL);
    expect_route("POST", "/v1/assignments/remove", "unassign", NULL);
    expect_route("GET", "/v1/templates/Web Server/lint", "template lint", "Web Server");
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_null(route_find("GET", none[i], &argument, &known));
        assert_null(argument);
        assert_false(known);
    }
    assert_null(route_find("GET", "/v1/requests/17/deny", &argument, &known));
    assert_true(known);
    assert_null(argument);
}

/* Every verb that changes something needs a role, but for those whose ownership the authority judges. */
static void test_changing_verbs_need_roles(void **state)
{
    (void)state;
    for (const struct route *route = routes; route->method != NULL; route++)
        if (strcmp(route->method, "POST") == 0 && route->roles == ROLES_ANY)
            assert_true(strcmp(route->verb, "submit") == 0 || strcmp(route->verb, "revoke") == 0);
}

static void test_permit(void **state)
{
    char *argument = NULL;
    bool known;
    const struct route *deny = route_find("POST", "/v1/requests/17/deny", &argument, &known);
    struct identity caller = {.account = (char *)(uintptr_t)"alice", .roles = ROLE_ADMINISTRATOR | ROLE_AUDITOR | ROLE_READ | ROLE_ENROL};
    struct error error = ERROR_NONE;

    (void)state;
    free(argument);
    assert_int_equal(route_permit(deny, &caller, &error), NOT_PERMITTED);
    assert_string_equal(error.reason, "role.missing");
    assert_non_null(strstr(error.message, "officer"));
    caller.roles = ROLE_OFFICER;
    assert_int_equal(route_permit(deny, &caller, NULL), OK);
    const struct route *info = route_find("GET", "/v1/info", &argument, &known);
    caller.roles = 0;
    assert_int_equal(route_permit(info, &caller, NULL), OK);
}

static void test_query(void **state)
{
    char *argument = NULL;
    bool known;
    struct call call = {.route = route_find("GET", "/v1/requests", &argument, &known), .fd = -1};
    struct error error = ERROR_NONE;
    uint64_t number = 7;

    (void)state;
    assert_int_equal(call_query_add(&call, "limit", "20", &error), OK);
    assert_int_equal(call_query_add(&call, "limit", "30", NULL), USAGE);
    assert_int_equal(call_query_add(&call, "limi", "30", NULL), USAGE);
    assert_int_equal(call_query_add(&call, "", "30", NULL), USAGE);
    assert_int_equal(call_query_add(&call, "desc", "1", NULL), OK);
    assert_true(call_query_flag(&call, "desc"));
    assert_int_equal(call_query_number(&call, "limit", 1, 1000, &number, NULL), OK);
    assert_int_equal(number, 20);
    assert_int_equal(call_query_number(&call, "limit", 1, 10, &number, NULL), USAGE);
    assert_int_equal(call_query_number(&call, "after", 1, 10, &number, NULL), OK);
    assert_int_equal(number, 20);
    call_free(&call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openapi), cmocka_unit_test(test_find), cmocka_unit_test(test_changing_verbs_need_roles),
        cmocka_unit_test(test_permit), cmocka_unit_test(test_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
