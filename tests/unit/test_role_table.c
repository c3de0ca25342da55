/* Role by verb by ownership: every route of ca/api/routes.c has a row here, and every cell of it was judged by hand against
 * "Roles" of the design. The calls run through the API's own entry and handlers into the real authority.
 *
 * A new route: add a row to `rows`, all of one verb on one line. The eight letters of a cell are the callers, in this order:
 *     1 a person (enrol)  2 reader  3 operator  4 auditor  5 officer  6 administrator  7 chancery-cron
 *     8 one who is administrator and officer, with role separation on
 * and a letter is what he gets:
 *     +  let in     r  role.missing     s  role.separation     o  role.read: may see his own only
 *     h  role.officer: takes an officer or the holder     q  officer.own_request     e  officer.own_entry
 * A verb without {object} has one cell; with it three: his own request, one of another account for his own entry, and somebody
 * else's. Where a cell may run the handler (WITH_…), what was refused must also have changed nothing. */
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
#include "tests/unit/authority_fixture.h"
#include "tests/unit/store_fixture.h"

#define CALLERS 8
static const uint32_t callers[CALLERS] = {UID_PERSON, UID_READER, UID_OPERATOR, UID_AUDITOR, UID_OFFICER, UID_ADMINISTRATOR, UID_CRON, UID_BOTH};

enum about {
    ROUTE_ONLY,   /* no object: what the route asks for is all there is */
    WITH_PENDING, /* {object} is a pending request; the handler runs */
    WITH_ISSUED,  /* {object} is an issued certificate; the handler runs */
    WITH_ACCOUNT, /* the query names the requester; the handler runs */
};
struct row {
    const char *verb;
    enum about about;
    const char *body; /* of a POST whose handler runs */
    const char *cells[3]; /* one; or own request, own entry, another's */
};

static const struct row rows[] = {
    {"info", ROUTE_ONLY, NULL, {"++++++++"}},
    {"config", ROUTE_ONLY, NULL, {"++++++++"}},
    {"whoami", ROUTE_ONLY, NULL, {"++++++++"}},
    {"install-cert", ROUTE_ONLY, NULL, {"rrrrr+rs"}},
    {"unlock", ROUTE_ONLY, NULL, {"rrrrr+rs"}},
    {"key check", ROUTE_ONLY, NULL, {"rrrrr+rs"}},
    {"key passwd", ROUTE_ONLY, NULL, {"rrrrr+rs"}},
    {"key export", ROUTE_ONLY, NULL, {"rrrrr+rs"}},
    {"clock accept", ROUTE_ONLY, NULL, {"rrrrr+rs"}},
    {"renew", ROUTE_ONLY, NULL, {"rrrrr+rs"}},
    {"list", WITH_ACCOUNT, NULL, {"++++++++", "", "o+++++oo"}},
    {"submit", ROUTE_ONLY, NULL, {"++++++r+"}},
    {"find", ROUTE_ONLY, NULL, {"++++++++"}}, /* without a role: among his own */
    {"show", WITH_PENDING, NULL, {"++++++++", "++++++++", "o+++++oo"}},
    {"retrieve", WITH_ISSUED, NULL, {"++++++++", "++++++++", "o+++++oo"}},
    {"resubmit", WITH_PENDING, "{}", {"rrrrqrrs", "rrrrerrs", "rrrr+rrs"}},
    {"deny", WITH_PENDING, "{}", {"rrrrqrrs", "rrrrerrs", "rrrr+rrs"}},
    {"set-attribute", WITH_PENDING, "{\"attributes\": [\"cdc:dc1\"]}", {"rrrrqrrs", "rrrrerrs", "rrrr+rrs"}},
    {"set-extension", WITH_PENDING, "{\"oid\": \"1.2.3.4\", \"value\": \"BQA=\"}", {"rrrrqrrs", "rrrrerrs", "rrrr+rrs"}},
    {"revoke", WITH_ISSUED, "{\"reason\": \"superseded\"}", {"++++++++", "++++++++", "hhhh+hhh"}},
    {"release", WITH_ISSUED, "{}", {"rrrr+rrs", "rrrr+rrs", "rrrr+rrs"}},
    {"revoke.batch", ROUTE_ONLY, NULL, {"rrrr+rrs"}},
    {"batch", ROUTE_ONLY, NULL, {"r+++++rs"}},
    {"certificate.import", ROUTE_ONLY, NULL, {"rrrrr+rs"}},
    {"request.purge", ROUTE_ONLY, NULL, {"rrrrr+rs"}},
    {"isvalid", WITH_ISSUED, NULL, {"r+++++rs", "r+++++rs", "r+++++rs"}},
    {"assignability", WITH_ISSUED, NULL, {"++++++++", "++++++++", "o+++++oo"}},
    {"crl publish", ROUTE_ONLY, NULL, {"rrrr+r+s"}},
    {"crl show", ROUTE_ONLY, NULL, {"++++++++"}},
    {"crl get", ROUTE_ONLY, NULL, {"++++++++"}},
    {"publish status", ROUTE_ONLY, NULL, {"r+++++rs"}},
    {"publish check", ROUTE_ONLY, NULL, {"r+++++rs"}},
    {"publish retry", ROUTE_ONLY, NULL, {"rrrrr++s"}},
    {"template list", ROUTE_ONLY, NULL, {"r+++++rs"}},
    {"template show", ROUTE_ONLY, NULL, {"r+++++rs"}},
    {"template lint", ROUTE_ONLY, NULL, {"r+++++rs"}},
    {"template diff", ROUTE_ONLY, NULL, {"r+++++rs"}},
    {"template export", ROUTE_ONLY, NULL, {"r+++++rs"}},
    {"template adopt", ROUTE_ONLY, NULL, {"rrrrr+rs"}},
    {"template retire", ROUTE_ONLY, NULL, {"rrrrr+rs"}},
    {"usage list", ROUTE_ONLY, NULL, {"++++++++"}},
    {"assignments", ROUTE_ONLY, NULL, {"r+++++rs"}},
    {"assign", ROUTE_ONLY, NULL, {"rrrr+rrs"}},
    {"unassign", ROUTE_ONLY, NULL, {"rrrr+rrs"}},
    {"trust list", ROUTE_ONLY, NULL, {"++++++++"}},
    {"trust import", ROUTE_ONLY, NULL, {"rrrrr+rs"}},
    {"health", ROUTE_ONLY, NULL, {"++++++++"}},
    {"audit list", ROUTE_ONLY, NULL, {"rrr+rrrr"}},
    {"audit verify", ROUTE_ONLY, NULL, {"rrr+rrrr"}},
    {"audit export", ROUTE_ONLY, NULL, {"rrr+rrrr"}},
    {"report", ROUTE_ONLY, NULL, {"rrr+rrrr"}},
    {"ca.decommission", ROUTE_ONLY, NULL, {"rrrrr+rs"}},
    {"counts", ROUTE_ONLY, NULL, {"r+++++rs"}},
    {"backup", ROUTE_ONLY, NULL, {"rr+rrr+r"}},
    {"check-db", ROUTE_ONLY, NULL, {"rr+rrrrr"}},
    {"restore report", ROUTE_ONLY, NULL, {"r+++++rs"}},
    {"restore confirm", ROUTE_ONLY, NULL, {"rrrrr+rs"}},
    {"background", ROUTE_ONLY, NULL, {"rr+rr++s"}},
};
#define ROWS (sizeof rows / sizeof rows[0])

static const struct {
    char letter;
    const char *reason;
} letters[] = {
    {'r', "role.missing"}, {'s', "role.separation"}, {'o', "role.read"}, {'h', "role.officer"}, {'q', "officer.own_request"},
    {'e', "officer.own_entry"},
};
#define OWN_ENTRY "uid=shared,ou=people,dc=example,dc=com"
#define REQUEST_ID 101

static char letter_of(const struct error *error)
{
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
        if (error->status == NOT_PERMITTED && strcmp(letters[i].reason, error->reason) == 0)
            return letters[i].letter;
    return error->status == NOT_PERMITTED ? '?' : '+';
}

/* ---- one call ---- */

/* The request as it is before each call. cell 0: the caller's own, 1: another account's for his entry, 2: another's. */
static void request_reset(struct fixture *fixture, enum about about, uint32_t uid, size_t cell)
{
    struct request request;
    struct error error = ERROR_NONE;

    fixture_request(REQUEST_ID, about == WITH_PENDING ? DISPOSITION_PENDING : DISPOSITION_ISSUED, &request);
    request.requester_uid = cell == 0 ? uid : 4711;
    free(request.requester_dn);
    request.requester_dn = strdup(cell == 2 ? "uid=other,ou=people,dc=example,dc=com" : OWN_ENTRY);
    if (store_write(fixture->store, fixture_put, &request, &error) != OK)
        fail_msg("%s", error.message);
    request_free(&request);
}

static enum disposition request_disposition(struct fixture *fixture)
{
    struct request request;
    struct error error = ERROR_NONE;

    if (requests_get(fixture->store, REQUEST_ID, &request, &error) != OK)
        fail_msg("%s", error.message);
    enum disposition disposition = request.disposition;
    request_free(&request);
    return disposition;
}

static void path_of(const struct route *route, char *path, size_t size)
{
    const char *open = strchr(route->pattern, '{');

    if (open == NULL)
        snprintf(path, size, "%s", route->pattern);
    else
        snprintf(path, size, "%.*s%s%s", (int)(open - route->pattern), route->pattern,
                 strncmp(open, "{object}", 8) == 0 ? "101" : "User", strchr(open, '}') + 1);
}

static int run(struct call *call, const struct row *row, size_t cell, struct error *error)
{
    int status = OK;

    if (row->about == ROUTE_ONLY)
        return OK;
    call->caller.dn = strdup(OWN_ENTRY);
    if (row->about == WITH_ACCOUNT)
        status = call_query_add(call, "requester", cell == 0 ? call->caller.account : "somebody", error);
    if (status == OK)
        status = body_read(bytes_of_text(row->body != NULL ? row->body : ""), &call->body, error);
    if (status == OK)
        status = body_check(call->body, call->route->members, error);
    return status == OK ? call->route->handle(call, error) : status;
}

static char cell_try(struct fixture *fixture, const struct row *row, const struct route *route, size_t caller, size_t cell)
{
    struct call call = {.authority = fixture->authority, .fd = -1};
    struct error error = ERROR_NONE;
    char path[128];
    bool runs = row->about == WITH_PENDING || row->about == WITH_ISSUED;

    if (runs)
        request_reset(fixture, row->about, callers[caller], cell);
    path_of(route, path, sizeof path);
    if (call_enter(&call, callers[caller], callers[caller], route->method, path, &error) == OK)
        run(&call, row, cell, &error);
    char letter = letter_of(&error);
    if (letter == '?')
        print_error("%s: refused with %s: %s\n", row->verb, error.reason, error.message);
    if (letter != '+' && runs && request_disposition(fixture) != (row->about == WITH_PENDING ? DISPOSITION_PENDING : DISPOSITION_ISSUED))
        fail_msg("%s was refused (%s) and changed the request all the same", row->verb, error.reason);
    call_free(&call);
    return letter;
}

static void cell_check(struct fixture *fixture, const struct row *row, const struct route *route, size_t cell)
{
    static const char *const whose[] = {"his own", "another account's for his own entry", "somebody else's"};
    char got[CALLERS + 1] = "";

    if (row->cells[cell] == NULL || *row->cells[cell] == '\0')
        return;
    for (size_t caller = 0; caller < CALLERS; caller++)
        got[caller] = cell_try(fixture, row, route, caller, cell);
    if (strcmp(got, row->cells[cell]) != 0)
        fail_msg("verb \"%s\"%s%s: expected %s, came %s (columns: person reader operator auditor officer administrator cron separated)",
                 row->verb, row->about == ROUTE_ONLY ? "" : ", ", row->about == ROUTE_ONLY ? "" : whose[cell], row->cells[cell], got);
}

/* ---- the table ---- */

static const struct row *row_find(const char *verb)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(rows[i].verb, verb) == 0)
            return &rows[i];
    return NULL;
}

/* Says what to add, with the code's present behaviour for the hurried: it must be judged all the same. */
static void row_missing(struct fixture *fixture, const struct route *route)
{
    struct row asked = {.verb = route->verb, .about = ROUTE_ONLY, .cells = {"????????"}};
    char got[CALLERS + 1] = "";

    for (size_t caller = 0; caller < CALLERS; caller++)
        got[caller] = cell_try(fixture, &asked, route, caller, 0);
    print_error("%s %s (verb \"%s\") of ca/api/routes.c has no row. Add one line to `rows` in tests/unit/test_role_table.c, after that of "
                "the verb before it in routes.c, with every letter judged by the design; the route itself gives today:\n"
                "    {\"%s\", ROUTE_ONLY, NULL, {\"%s\"}},\n%s",
                route->method, route->pattern, route->verb, route->verb, got,
                strstr(route->pattern, "{object}") == NULL ? "" : "It has an {object}: use WITH_PENDING or WITH_ISSUED, a body, and three cells "
                "(own request, own entry, another's).\n");
}

static void test_every_route(void **state)
{
    struct fixture *fixture = *state;
    size_t missing = 0;

    for (const struct route *route = routes; route->method != NULL; route++) {
        const struct row *row = row_find(route->verb);
        if (row == NULL) {
            row_missing(fixture, route);
            missing++;
            continue;
        }
        if (strstr(route->pattern, "{object}") != NULL && row->about == ROUTE_ONLY)
            fail_msg("verb \"%s\" has an {object}: its row says nothing about whose (WITH_PENDING or WITH_ISSUED)", row->verb);
        for (size_t cell = 0; cell < 3; cell++)
            cell_check(fixture, row, route, cell);
    }
    if (missing > 0)
        fail_msg("%zu route(s) without a row: the lines above say which to add", missing);
}

static void test_every_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        bool found = false;
        for (const struct route *route = routes; route->method != NULL; route++)
            found = found || strcmp(route->verb, rows[i].verb) == 0;
        if (!found)
            fail_msg("the row of verb \"%s\" has no route any more: take it out", rows[i].verb);
        for (size_t cell = 0; cell < 3 && rows[i].cells[cell] != NULL; cell++)
            if (*rows[i].cells[cell] != '\0')
                assert_int_equal(strlen(rows[i].cells[cell]), CALLERS);
    }
}

static int begin(void **state)
{
    static struct fixture fixture;
    struct error error = ERROR_NONE;

    if (fixture_begin(&fixture, "separation = yes\n", &error) != OK)
        fail_msg("%s: %s", error.reason, error.message);
    *state = &fixture;
    return 0;
}

static int end(void **state)
{
    fixture_end(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_row), cmocka_unit_test(test_every_route)};
    return cmocka_run_group_tests(tests, begin, end);
}
