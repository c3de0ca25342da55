/* Measures a running CA over its API, with kept connections. Never a test of its own.
 *   bench_issue issue SOCKET CONNECTIONS COUNT   COUNT new User requests with P-256 keys, made beforehand: durable issues a second
 *   bench_issue officer SOCKET REQUEST-ID MS     laps of what an officer does all day, none of which needs the directory; a second */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/client.h"
#include "ca/x509/pkcs10.h"

#define CONNECTIONS_MAX 64

struct bench {
    const char *socket_path;
    json_t **bodies;
    int64_t *took_us;
    size_t count;
    atomic_size_t next;
    atomic_bool failed;
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct client *connect_to(const char *socket_path)
{
    struct client_options options = {.socket_path = socket_path};
    return client_open(&options);
}

/* One call; the answer matters only in that it is no error. */
static int call(struct client *client, const char *method, const char *path, json_t *body)
{
    struct error error = ERROR_NONE;
    json_t *answer = NULL;
    int status = client_call(client, method, path, body, &answer, &error);

    json_decref(answer);
    if (status != OK)
        fprintf(stderr, "%s %s: %s (%s)\n", method, path, error.message, error.reason);
    return status;
}

/* ---- issue ---- */

static json_t *body_make(const char *key)
{
    struct buf der = BUF_EMPTY, text = BUF_EMPTY;
    struct error error = ERROR_NONE;
    json_t *body = NULL;

    if (pkcs10_make(key, "CN=bench", NULL, &der, &error) == OK) {
        base64_encode(&text, buf_bytes(&der), 0);
        body = json_pack("{s:s, s:s}", "pkcs10", buf_text(&text), "template", "User");
    }
    buf_free(&der);
    buf_free(&text);
    return body;
}

static int bodies_make(struct bench *bench)
{
    struct error error = ERROR_NONE;

    bench->bodies = calloc(bench->count, sizeof *bench->bodies);
    bench->took_us = calloc(bench->count, sizeof *bench->took_us);
    if (bench->bodies == NULL || bench->took_us == NULL)
        return -1;
    for (size_t i = 0; i < bench->count; i++) {
        struct buf key = BUF_EMPTY;
        if (key_make_pem("ecdsa-p256", &key, &error) == OK)
            bench->bodies[i] = body_make(buf_text(&key));
        buf_free(&key);
        if (bench->bodies[i] == NULL)
            return -1;
    }
    return 0;
}

static void *connection_run(void *argument)
{
    struct bench *bench = argument;
    struct client *client = connect_to(bench->socket_path);
    size_t i;

    while (client != NULL && !atomic_load(&bench->failed) && (i = atomic_fetch_add(&bench->next, 1)) < bench->count) {
        int64_t begin = now_us();
        if (call(client, "POST", "/v1/requests", bench->bodies[i]) != OK)
            atomic_store(&bench->failed, true);
        bench->took_us[i] = now_us() - begin;
    }
    if (client != NULL)
        client_close(client);
    return NULL;
}

static int us_compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int issue(const char *socket_path, uint64_t connections, uint64_t count)
{
    struct bench bench = {.socket_path = socket_path, .count = count};
    pthread_t threads[CONNECTIONS_MAX];
    size_t started = 0;
    int64_t begin, took;

    if (count == 0 || bodies_make(&bench) != 0)
        return 1;
    begin = now_us();
    while (started < connections && started < CONNECTIONS_MAX && pthread_create(&threads[started], NULL, connection_run, &bench) == 0)
        started++;
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    took = now_us() - begin;
    qsort(bench.took_us, count, sizeof *bench.took_us, us_compare);
    printf("measure issue_per_s %.0f connections %zu count %llu\n", (double)count * 1e6 / (double)took, started, (unsigned long long)count);
    printf("measure issue_p50_ms %.1f\nmeasure issue_p99_ms %.1f\n", (double)bench.took_us[count / 2] / 1000,
           (double)bench.took_us[count * 99 / 100] / 1000);
    for (size_t i = 0; i < count; i++)
        json_decref(bench.bodies[i]);
    free(bench.bodies);
    free(bench.took_us);
    return atomic_load(&bench.failed) || started < connections;
}

/* ---- officer ---- */

/* What does the same work with and without a directory. Not the outbox: its answer names every row that waits, and so is longer without one. */
static int lap(struct client *client, const char *id)
{
    static const struct {
        const char *method, *path;
    } steps[] = {
        {"GET", "/v1/requests?limit=100"}, {"GET", "/v1/requests/%s?text=1"}, {"GET", "/v1/requests/%s/validity"}, {"GET", "/v1/counts"},
        {"POST", "/v1/requests/%s/revoke"}, {"POST", "/v1/crls"}, {"POST", "/v1/requests/%s/release"},
    };
    struct buf path = BUF_EMPTY, der = BUF_EMPTY;
    struct error error = ERROR_NONE;
    int status;

    client_path_start(&path, "/v1/requests/%s/certificate", id);
    status = client_get_bytes(client, buf_text(&path), &der, &error);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && status == OK; i++) {
        json_t *body = strcmp(steps[i].method, "POST") == 0 ? json_pack("{}") : NULL;
        if (strstr(steps[i].path, "/revoke"))
            json_object_set_new(body, "reason", json_string("certificateHold"));
        client_path_start(&path, steps[i].path, id);
        status = call(client, steps[i].method, buf_text(&path), body);
        json_decref(body);
    }
    buf_free(&path);
    buf_free(&der);
    return status;
}

static int officer(const char *socket_path, const char *id, uint64_t ms)
{
    struct client *client = connect_to(socket_path);
    int64_t begin = now_us(), took = 0, longest = 0;
    unsigned laps = 0;
    int status = client != NULL ? OK : INTERNAL;

    while (status == OK && took < (int64_t)ms * 1000) {
        int64_t before = took;
        status = lap(client, id);
        took = now_us() - begin;
        longest = took - before > longest ? took - before : longest;
        laps++;
    }
    printf("measure officer_laps_per_1000s %.0f longest_ms %.1f\n", laps * 1e9 / (double)took, (double)longest / 1000);
    if (client != NULL)
        client_close(client);
    return status;
}

int main(int argc, char **argv)
{
    uint64_t number, count;

    if (argc == 5 && strcmp(argv[1], "issue") == 0 && number_parse(argv[3], &number) == OK && number_parse(argv[4], &count) == OK)
        return issue(argv[2], number, count);
    if (argc == 5 && strcmp(argv[1], "officer") == 0 && number_parse(argv[4], &number) == OK)
        return officer(argv[2], argv[3], number);
    fprintf(stderr, "usage: bench_issue issue SOCKET CONNECTIONS COUNT | bench_issue officer SOCKET REQUEST-ID MS\n");
    return USAGE;
}
