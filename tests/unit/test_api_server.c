/* The server with its client over a real socket and an authority that only remembers: errors, limits, roles, versions. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/api/api.h"
#include "ca/base/file.h"
#include "ca/client.h"
#include "tests/unit/fake_authority.h"

struct place {
    char folder[64], socket_path[96], conf_path[96];
    struct conf *conf;
    struct authority fake;
    struct api *api;
    struct client *client;
};

static int setup(void **state)
{
    static const struct conf_item *const tables[] = {api_items, NULL};
    struct place *place = calloc(1, sizeof *place);
    struct buf text = BUF_EMPTY;
    struct error error = ERROR_NONE;

    snprintf(place->folder, sizeof place->folder, "/tmp/chancery-api-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->socket_path, sizeof place->socket_path, "%s/api.sock", place->folder);
    snprintf(place->conf_path, sizeof place->conf_path, "%s/conf", place->folder);
    buf_printf(&text, "[api]\nsocket = %s\nconnections = 16\nconnections_per_uid = 4\nconnections_kept = 2\ntimeout = 5s\n[audit]\nreads = requests\n", place->socket_path);
    assert_int_equal(file_write(place->conf_path, buf_bytes(&text), 0600, true, &error), OK);
    buf_free(&text);
    assert_int_equal(conf_load(place->conf_path, tables, &place->conf, &error), OK);
    assert_int_equal(api_open(place->conf, &place->fake, &place->api, &error), OK);
    struct client_options options = {.socket_path = place->socket_path, .timeout_ms = 10000};
    place->client = client_open(&options);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;

    client_close(place->client);
    api_close(place->api);
    assert_int_not_equal(access(place->socket_path, F_OK), 0); /* the socket is gone */
    conf_free(place->conf);
    unlink(place->conf_path);
    rmdir(place->folder);
    free(place);
    return 0;
}

static json_t *call_ok(struct place *place, const char *method, const char *path, json_t *body)
{
    struct error error = ERROR_NONE;
    json_t *answer = NULL;

    if (client_call(place->client, method, path, body, &answer, &error) != OK)
        fail_msg("%s %s: %s: %s", method, path, error.reason, error.message);
    json_decref(body);
    return answer;
}

static void call_fails(struct place *place, const char *method, const char *path, json_t *body, int status, const char *reason)
{
    struct error error = ERROR_NONE;
    json_t *answer = NULL;

    client_call(place->client, method, path, body, &answer, &error);
    if (error.status != status || strcmp(error.reason, reason) != 0)
        fail_msg("%s %s: %d %s: %s", method, path, error.status, error.reason, error.message);
    assert_null(answer);
    json_decref(body);
}

static void test_reading(void **state)
{
    struct place *place = *state;
    json_t *answer = call_ok(place, "GET", "/v1/info", NULL);

    assert_string_equal(client_text(answer, "config"), "ca1\\TEST-CA");
    assert_int_equal(client_number(json_object_get(answer, "crl"), "number"), 4);
    assert_true(json_is_null(json_object_get(answer, "delta_crl")));
    json_decref(answer);
    answer = call_ok(place, "GET", "/v1/whoami", NULL);
    assert_int_equal(client_number(answer, "uid"), (int64_t)getuid());
    assert_string_equal(client_text(answer, "dn"), "uid=tester,dc=example,dc=com");
    json_decref(answer);
    place->fake.map_status = REFUSED;
    answer = call_ok(place, "GET", "/v1/whoami", NULL);
    assert_true(json_is_null(json_object_get(answer, "dn")));
    assert_string_equal(client_text(answer, "mapping"), "the caller has no entry");
    json_decref(answer);
    answer = call_ok(place, "GET", "/v1/requests/17?text=1", NULL);
    assert_non_null(strstr(client_text(answer, "subject"), "<FF>")); /* not UTF-8: still an answer */
    assert_string_equal(client_text(answer, "text"), "Certificate:\n");
    assert_string_equal(client_text(json_object_get(json_object_get(answer, "certificate"), "revocation"), "reason"), "keyCompromise");
    json_decref(answer);
    call_fails(place, "GET", "/v1/requests/18", NULL, REFUSED, "object.unknown");
    answer = call_ok(place, "GET", "/v1/requests/17/assignability?host=web07", NULL);
    assert_string_equal(client_text(json_array_get(json_object_get(answer, "links"), 0), "state"), "wrong store");
    assert_string_equal(place->fake.text, "web07");
    json_decref(answer);
}

static void test_list(void **state)
{
    struct place *place = *state;
    json_t *answer = call_ok(place, "GET", "/v1/requests?name=WEB*&disposition=failed-or-denied&sort=not_after&desc=1&after=4&limit=2&since=-3d", NULL);

    assert_string_equal(place->fake.text, "web*");
    assert_int_equal(place->fake.query.disposition, LIST_FAILED_OR_DENIED);
    assert_int_equal(place->fake.query.order, LIST_BY_NOT_AFTER);
    assert_true(place->fake.query.descending);
    assert_int_equal(place->fake.query.limit, 2);
    assert_true(place->fake.query.since > 0);
    assert_int_equal(json_array_size(json_object_get(answer, "rows")), 2);
    assert_true(client_bool(answer, "more"));
    json_decref(answer);
    call_fails(place, "GET", "/v1/requests?limit=0", NULL, USAGE, "api.query");
    call_fails(place, "GET", "/v1/requests?limit=1001", NULL, USAGE, "api.query");
    call_fails(place, "GET", "/v1/requests?sort=color", NULL, USAGE, "api.query");
    call_fails(place, "GET", "/v1/requests?nmae=x", NULL, USAGE, "api.query");
    call_fails(place, "GET", "/v1/requests?name=a%00b", NULL, USAGE, "api.path");
    call_fails(place, "GET", "/v1/templates/User%00x", NULL, USAGE, "api.path");
    call_fails(place, "GET", "/v1/find", NULL, USAGE, "api.query");
}

static void test_octets(void **state)
{
    struct place *place = *state;
    struct buf out = BUF_EMPTY;
    struct error error = ERROR_NONE;

    assert_int_equal(client_get_bytes(place->client, "/v1/requests/17/certificate", &out, &error), OK);
    assert_memory_equal(out.data, "\x30\x00\xff", 3);
    buf_clear(&out);
    assert_int_equal(client_get_bytes(place->client, "/v1/requests/17/certificate?format=pem", &out, &error), OK);
    assert_non_null(strstr(buf_text(&out), "-----BEGIN CERTIFICATE-----"));
    buf_clear(&out);
    assert_int_equal(client_get_bytes(place->client, "/v1/crls/latest/der", &out, &error), OK);
    assert_int_equal(out.size, 5);
    assert_memory_equal(out.data, "0CRL!", 5);
    assert_int_equal(client_get_bytes(place->client, "/v1/crls/latest/der?delta=1", &out, &error), REFUSED);
    assert_string_equal(error.reason, "crl.none");
    buf_free(&out);
}

/* Reads of the kinds that the configuration names are on record; where the record cannot be written there is no answer. */
static void test_reads(void **state)
{
    struct place *place = *state;

    json_decref(call_ok(place, "GET", "/v1/info", NULL));
    assert_int_equal(place->fake.reads, 0);
    json_decref(call_ok(place, "GET", "/v1/requests/17", NULL));
    assert_int_equal(place->fake.reads, 1);
    assert_string_equal(place->fake.read_action, "show");
    json_decref(call_ok(place, "GET", "/v1/requests", NULL));
    assert_int_equal(place->fake.reads, 2);
    place->fake.read_status = TEMPORARY;
    call_fails(place, "GET", "/v1/requests/17", NULL, TEMPORARY, "store.disk");
    json_decref(call_ok(place, "GET", "/v1/info", NULL));
    place->fake.read_status = OK;
    place->fake.fail_status = REFUSED; /* what fails is no read */
    place->fake.fail_reason = "object.unknown";
    unsigned reads = place->fake.reads;
    call_fails(place, "GET", "/v1/requests", NULL, REFUSED, "object.unknown");
    assert_int_equal(place->fake.reads, reads);
}

static void test_roles(void **state)
{
    struct place *place = *state;

    call_fails(place, "POST", "/v1/requests/17/deny", NULL, NOT_PERMITTED, "role.missing");
    assert_int_equal(place->fake.refusals, 1);
    assert_string_equal(place->fake.refusal_action, "deny");
    call_fails(place, "GET", "/v1/audit", NULL, NOT_PERMITTED, "role.missing");
    assert_int_equal(place->fake.refusals, 2);
    place->fake.roles = ROLE_CRON;
    call_fails(place, "POST", "/v1/requests/17/deny", NULL, NOT_PERMITTED, "role.missing");
    json_decref(call_ok(place, "POST", "/v1/crls", json_pack("{s:b}", "if_due", 1)));
    assert_string_equal(place->fake.verb, "crl publish");
    place->fake.roles = ROLE_OFFICER;
    json_decref(call_ok(place, "POST", "/v1/requests/17/deny", json_pack("{s:s}", "message", "no")));
    assert_string_equal(place->fake.verb, "deny");
    assert_string_equal(place->fake.text, "no");
    assert_false(place->fake.seen.given);
    call_fails(place, "POST", "/v1/templates/User/adopt", NULL, NOT_PERMITTED, "role.missing");
}

static void test_decisions(void **state)
{
    struct place *place = *state;
    json_t *version = json_pack("{s:s, s:s}", "disposition", "pending", "resolved_at", "2026-01-20T07:12:09Z");

    place->fake.roles = ROLE_OFFICER;
    json_t *answer = call_ok(place, "POST", "/v1/requests/17/resubmit", json_pack("{s:o}", "version", version));
    assert_string_equal(client_text(answer, "disposition"), "issued");
    assert_string_equal(client_text(answer, "serial"), "ab");
    json_decref(answer);
    assert_true(place->fake.seen.given);
    assert_int_equal(place->fake.seen.disposition, DISPOSITION_PENDING);
    assert_int_equal(place->fake.seen.resolved_at, 1768893129);
    call_fails(place, "POST", "/v1/requests/17/revoke", json_pack("{s:s}", "reason", "bored"), USAGE, "revoke.reason");
    call_fails(place, "POST", "/v1/requests/17/revoke", NULL, BAD_DATA, "api.body");
    assert_string_equal(place->fake.refusal_action, "revoke");
    json_decref(call_ok(place, "POST", "/v1/requests/17/revoke",
                        json_pack("{s:s, s:s}", "reason", "keyCompromise", "at", "2026-01-20T07:12:09Z")));
    assert_int_equal(place->fake.reason, 1);
    assert_int_equal(place->fake.at, 1768893129);
    place->fake.fail_status = REFUSED;
    place->fake.fail_reason = "object.changed";
    call_fails(place, "POST", "/v1/requests/17/release", NULL, REFUSED, "object.changed");
}

static void test_objects(void **state)
{
    struct place *place = *state;
    const char *path = "/v1/requests/fp:000102030405060708090a0b0c0d0e0f10111213";
    json_t *answer;

    call_fails(place, "GET", path, NULL, REFUSED, "object.unknown");
    place->fake.lookup_count = 1;
    json_decref(call_ok(place, "GET", path, NULL));
    place->fake.lookup_count = 2;
    call_fails(place, "GET", path, NULL, REFUSED, "object.ambiguous");
    call_fails(place, "GET", "/v1/requests/web07", NULL, USAGE, "object.form");
    place->fake.roles = ROLE_READ;
    place->fake.lookup_count = 0;
    answer = call_ok(place, "GET", "/v1/requests/sn:01/validity", NULL);
    assert_string_equal(client_text(answer, "state"), "never issued");
    json_decref(answer);
}

static void test_submit(void **state)
{
    struct place *place = *state;
    json_t *answer = call_ok(place, "POST", "/v1/requests", json_pack("{s:s, s:s, s:[s,s]}", "pkcs10", "MIIB", "template", "User",
                                                                      "usages", "Default", "Web"));

    assert_int_equal(client_number(answer, "id"), 17);
    assert_string_equal(client_text(answer, "disposition"), "pending");
    json_decref(answer);
    assert_int_equal(place->fake.pkcs10_size, 3);
    assert_int_equal(place->fake.usage_count, 2);
    assert_string_equal(place->fake.text, "uid=tester,dc=example,dc=com");
    call_fails(place, "POST", "/v1/requests", json_pack("{s:s}", "pkcs10", "!"), BAD_DATA, "api.body");
    place->fake.map_status = REFUSED; /* without an entry: the authority judges */
    json_decref(call_ok(place, "POST", "/v1/requests", json_pack("{s:s}", "pkcs10", "MIIB")));
    assert_string_equal(place->fake.text, "");
    place->fake.map_status = TEMPORARY;
    call_fails(place, "POST", "/v1/requests", json_pack("{s:s}", "pkcs10", "MIIB"), TEMPORARY, "identity.test");
}

static void test_findings_beside_error(void **state)
{
    struct place *place = *state;
    struct error error = ERROR_NONE;
    json_t *answer = NULL;

    place->fake.roles = ROLE_ADMINISTRATOR;
    place->fake.fail_status = REFUSED;
    place->fake.fail_reason = "template.lint";
    assert_int_equal(client_call(place->client, "POST", "/v1/templates/User/adopt", NULL, &answer, &error), REFUSED);
    assert_string_equal(error.reason, "template.lint");
    assert_int_equal(json_array_size(json_object_get(answer, "findings")), 1);
    json_decref(answer);
}

static json_t *large_body(size_t size)
{
    char *text = malloc(size + 1);

    memset(text, 'A', size);
    text[size] = '\0';
    json_t *body = json_pack("{s:s}", "pkcs10", text);
    free(text);
    return body;
}

static void test_body_limit(void **state)
{
    struct place *place = *state;

    json_decref(call_ok(place, "POST", "/v1/requests", large_body(250 * 1024)));
    call_fails(place, "POST", "/v1/requests", large_body(256 * 1024), BAD_DATA, "api.size");
    call_fails(place, "POST", "/v1/requests", large_body(3 * 1024 * 1024), BAD_DATA, "api.size");
    json_decref(call_ok(place, "GET", "/v1/health", NULL)); /* and goes on */
}

static void test_paths(void **state)
{
    struct place *place = *state;

    call_fails(place, "GET", "/", NULL, USAGE, "api.path");
    call_fails(place, "GET", "/v1/nothing", NULL, USAGE, "api.path");
    call_fails(place, "POST", "/v1/info", NULL, USAGE, "api.method");
    call_fails(place, "DELETE", "/v1/requests/17", json_object(), USAGE, "api.method");
}

static int raw_connect(const struct place *place)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", place->socket_path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* What the server says to these octets until it hangs up. */
static void raw_exchange(const struct place *place, const char *text, char *answer, size_t room)
{
    int fd = raw_connect(place);
    size_t size = 0;
    ssize_t got;

    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    shutdown(fd, SHUT_WR);
    while (size + 1 < room && (got = recv(fd, answer + size, room - 1 - size, 0)) > 0)
        size += (size_t)got;
    answer[size] = '\0';
    close(fd);
}

static void test_http_forms(void **state)
{
    struct place *place = *state;
    char answer[4096];

    raw_exchange(place, "POST /v1/requests HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n{a}", answer, sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 422"));
    assert_non_null(strstr(answer, "api.json"));
    raw_exchange(place, "POST /v1/requests HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n", answer, sizeof answer);
    assert_non_null(strstr(answer, "api.json"));
    raw_exchange(place, "GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", answer, sizeof answer);
    assert_non_null(strstr(answer, "Cache-Control: no-store"));
    raw_exchange(place, "\x16\x03\x01\r\n\r\n", answer, sizeof answer);
    assert_null(strstr(answer, "HTTP/1.1 200"));
    json_decref(call_ok(place, "GET", "/v1/health", NULL));
}

/* Idle connections of one user fill his share; the answer says so, and officers still have theirs. */
static void test_connection_limits(void **state)
{
    struct place *place = *state;
    int fds[4];

    for (size_t i = 0; i < 4; i++)
        fds[i] = raw_connect(place);
    usleep(100000);
    call_fails(place, "GET", "/v1/info", NULL, TEMPORARY, "api.busy");
    place->fake.roles = ROLE_OFFICER;
    json_decref(call_ok(place, "GET", "/v1/info", NULL));
    place->fake.roles = 0;
    for (size_t i = 0; i < 4; i++)
        close(fds[i]);
    usleep(300000);
    client_close(place->client); /* the officer's connection as well */
    struct client_options options = {.socket_path = place->socket_path};
    place->client = client_open(&options);
    json_decref(call_ok(place, "GET", "/v1/info", NULL));
}

static void test_second_daemon(void **state)
{
    struct place *place = *state;
    struct error error = ERROR_NONE;
    struct api *second = NULL;

    assert_int_equal(api_open(place->conf, &place->fake, &second, &error), BAD_CONFIG);
    assert_string_equal(error.reason, "api.socket");
    assert_null(second);
    json_decref(call_ok(place, "GET", "/v1/info", NULL)); /* the first one has lost nothing */
}

static void test_restart(void **state)
{
    struct place *place = *state;
    struct error error = ERROR_NONE;

    json_decref(call_ok(place, "GET", "/v1/info", NULL));
    api_close(place->api);
    place->api = NULL;
    call_fails(place, "GET", "/v1/info", NULL, UNREACHABLE, "client.unreachable");
    assert_int_equal(api_open(place->conf, &place->fake, &place->api, &error), OK);
    json_decref(call_ok(place, "GET", "/v1/info", NULL)); /* the client connects anew */
}

#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER_TEST(test_reading), SERVER_TEST(test_list), SERVER_TEST(test_octets), SERVER_TEST(test_roles), SERVER_TEST(test_reads), SERVER_TEST(test_decisions),
        SERVER_TEST(test_objects), SERVER_TEST(test_submit), SERVER_TEST(test_findings_beside_error), SERVER_TEST(test_body_limit),
        SERVER_TEST(test_paths), SERVER_TEST(test_http_forms), SERVER_TEST(test_connection_limits), SERVER_TEST(test_second_daemon),
        SERVER_TEST(test_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
