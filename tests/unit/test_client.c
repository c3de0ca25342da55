/* The client against a server that says whatever the test wants: answers of ours, and of others. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/client.h"

struct server { /* answers one request a connection with fixed octets, then hangs up or stays */
    char folder[64], path[96];
    int fd;
    const char *answers[8]; /* one a connection; NULL: hang up without a word */
    size_t count;
    char seen[8][2048];
    pthread_t thread;
};

static void *serve(void *argument)
{
    struct server *server = argument;

    for (size_t i = 0; i < server->count; i++) {
        int fd = accept(server->fd, NULL, NULL);
        ssize_t got = recv(fd, server->seen[i], sizeof server->seen[i] - 1, 0);
        (void)got;
        if (server->answers[i] != NULL)
            send(fd, server->answers[i], strlen(server->answers[i]), MSG_NOSIGNAL);
        close(fd);
    }
    return NULL;
}

static void server_start(struct server *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(server->folder, sizeof server->folder, "/tmp/chancery-client-XXXXXX");
    assert_non_null(mkdtemp(server->folder));
    snprintf(server->path, sizeof server->path, "%s/s", server->folder);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", server->path);
    server->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->fd, 8), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
    pthread_join(server->thread, NULL);
    close(server->fd);
    unlink(server->path);
    rmdir(server->folder);
}

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

static int one_call(const char *answer, json_t **value, struct error *error)
{
    struct server server = {.answers = {answer}, .count = 1};

    server_start(&server);
    struct client_options options = {.socket_path = server.path, .timeout_ms = 3000};
    struct client *client = client_open(&options);
    int status = client_call(client, "GET", "/v1/info", NULL, value, error);
    client_close(client);
    server_stop(&server);
    return status;
}

static void test_answers(void **state)
{
    struct error error = ERROR_NONE;
    json_t *value = NULL;

    (void)state;
    assert_int_equal(one_call(OK_HEAD "Content-Length: 9\r\n\r\n{\"a\": 1}\n", &value, &error), OK);
    assert_int_equal(client_number(value, "a"), 1);
    json_decref(value);
    assert_int_equal(one_call("HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: 66\r\n\r\n"
                              "{\"error\":{\"status\":77,\"reason\":\"role.missing\",\"message\":\"no, no\"}}",
                              &value, &error), NOT_PERMITTED);
    assert_string_equal(error.reason, "role.missing");
    assert_string_equal(error.message, "no, no");
    assert_null(value);
}

static void test_strangers(void **state)
{
    static const char *const answers[] = {
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        OK_HEAD "\r\n{}",
        OK_HEAD "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        OK_HEAD "Content-Length: -2\r\n\r\n{}",
        OK_HEAD "Content-Length: 99999999999\r\n\r\n{}",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        OK_HEAD "Content-Length: 2\r\n\r\n{}{}",
        OK_HEAD "Content-Length: 2\r\n\r\n[]",
        OK_HEAD "Content-Length: 13\r\n\r\n{\"a\":1,\"a\":2}",
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 500 No\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 500 No\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n{\"error\":{\"status\":0}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct error error = ERROR_NONE;
        json_t *value = NULL;
        int status = one_call(answers[i], &value, &error);
        if (status != BAD_DATA)
            fail_msg("answer %zu: %d %s", i, status, error.message);
        assert_string_equal(error.reason, "client.answer");
        assert_null(value);
    }
}

static void test_cut_short(void **state)
{
    static const char *const answers[] = {NULL, "HTTP/1.1 200", OK_HEAD "Content-Length: 10\r\n\r\n{"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct error error = ERROR_NONE;
        json_t *value = NULL;
        assert_int_equal(one_call(answers[i], &value, &error), UNREACHABLE);
        assert_non_null(strstr(error.message, "chanceryd"));
    }
}

static void test_nobody(void **state)
{
    struct client_options options = {.socket_path = "/nonexistent/api.sock"};
    struct client *client = client_open(&options);
    struct error error = ERROR_NONE;
    json_t *value = NULL;

    (void)state;
    assert_int_equal(client_call(client, "GET", "/v1/info", NULL, &value, &error), UNREACHABLE);
    assert_non_null(strstr(error.message, "/nonexistent/api.sock"));
    client_close(client);
    options = (struct client_options){.host = "-oProxyCommand=touch /tmp/never"};
    client = client_open(&options);
    error_clear(&error);
    assert_int_equal(client_call(client, "GET", "/v1/info", NULL, &value, &error), UNREACHABLE);
    assert_int_not_equal(access("/tmp/never", F_OK), 0);
    client_close(client);
}

/* A connection that has ended meanwhile is made anew; a call that changes something goes out once only. */
static void test_reconnect(void **state)
{
    struct server server = {.answers = {OK_HEAD "Content-Length: 2\r\n\r\n{}", OK_HEAD "Content-Length: 2\r\n\r\n{}", NULL}, .count = 3};
    struct error error = ERROR_NONE;
    json_t *value = NULL, *body = json_pack("{s:s}", "reason", "x");

    (void)state;
    server_start(&server);
    struct client_options options = {.socket_path = server.path, .timeout_ms = 3000};
    struct client *client = client_open(&options);
    assert_int_equal(client_call(client, "GET", "/one", NULL, &value, &error), OK);
    json_decref(value);
    usleep(50000);
    assert_int_equal(client_call(client, "POST", "/two", body, &value, &error), OK);
    json_decref(value);
    usleep(50000);
    assert_int_equal(client_call(client, "POST", "/three", body, &value, &error), UNREACHABLE);
    client_close(client);
    server_stop(&server);
    assert_non_null(strstr(server.seen[0], "GET /one HTTP/1.1\r\n"));
    assert_non_null(strstr(server.seen[1], "Content-Length: 14\r\n\r\n{\"reason\":\"x\"}"));
    assert_non_null(strstr(server.seen[2], "POST /three"));
    json_decref(body);
}

static void test_paths(void **state)
{
    struct buf path = BUF_EMPTY;

    (void)state;
    client_path_start(&path, "/v1/requests/%s/certificate", "sn:1A/../x?y#z \n\xc3\xa4");
    client_path_query(&path, "chain", "1");
    client_path_query(&path, "none", NULL);
    client_path_query(&path, "name", "a&b=c*");
    client_path_query_number(&path, "limit", 7);
    assert_string_equal(buf_text(&path), "/v1/requests/sn:1A%2F..%2Fx%3Fy%23z%20%0A%C3%A4/certificate?chain=1&name=a%26b%3Dc%2A&limit=7");
    buf_free(&path);
}

static void test_members(void **state)
{
    json_t *object = json_pack("{s:s, s:n, s:i, s:b, s:s}", "text", "a", "null", "number", 3, "flag", 1, "at", "2026-01-20T07:12:09Z");

    (void)state;
    assert_string_equal(client_text(object, "null"), "");
    assert_string_equal(client_text(object, "number"), "");
    assert_string_equal(client_text(NULL, "number"), "");
    assert_int_equal(client_number(object, "number"), 3);
    assert_int_equal(client_number(object, "text"), 0);
    assert_true(client_bool(object, "flag"));
    assert_int_equal(client_time(object, "at"), 1768893129);
    assert_int_equal(client_time(object, "null"), 0);
    json_decref(object);
}

static void *proxy_thread(void *argument)
{
    int *fds = argument;
    struct sockaddr_un address;
    socklen_t size = sizeof address;

    getsockname(fds[2], (struct sockaddr *)&address, &size);
    client_proxy(address.sun_path, fds[0], fds[1], NULL);
    close(fds[1]);
    return NULL;
}

static void test_proxy(void **state)
{
    struct server server = {.answers = {"hello"}, .count = 1};
    int in[2], out[2];
    char text[16] = "";
    pthread_t thread;

    (void)state;
    server_start(&server);
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    int fds[3] = {in[0], out[1], server.fd};
    assert_int_equal(write(in[1], "ping", 4), 4);
    assert_int_equal(pthread_create(&thread, NULL, proxy_thread, fds), 0);
    assert_int_equal(read(out[0], text, sizeof text - 1), 5);
    assert_string_equal(text, "hello");
    close(in[1]);
    pthread_join(thread, NULL);
    server_stop(&server);
    assert_string_equal(server.seen[0], "ping");
    close(in[0]);
    close(out[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers), cmocka_unit_test(test_strangers), cmocka_unit_test(test_cut_short), cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_reconnect), cmocka_unit_test(test_paths), cmocka_unit_test(test_members), cmocka_unit_test(test_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
