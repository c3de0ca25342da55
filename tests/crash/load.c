/* Clients for the crash test, and the judge of what they were told.
 *   load submit SOCKET ANSWERS THREADS PAUSE-MS   until SIGTERM; a line "ID SERIAL SHA256" each time a certificate was answered
 *   load check SOCKET ANSWERS                     prints every issued certificate as a line of base64; what is wrong to stderr
 * A client that got no answer sends the same PKCS#10 again, and again, until it has one: so answers and certificates must be equal in
 * number afterwards. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ca/base/encode.h"
#include "ca/client.h"
#include "ca/x509/certificate.h"
#include "ca/x509/pkcs10.h"

#define PAGE 1000
#define THREADS_MAX 64
#define RETRY_MS 20
#define GIVE_UP_MS 60000 /* after the end was asked for: the daemon is up again by then */

struct submitter {
    const char *socket_path;
    int answers;
    long pause_ms;
};

static atomic_bool stopping;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&stopping, true);
}

static void pause_for(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static struct client *connect_to(const char *socket_path)
{
    struct client_options options = {.socket_path = socket_path, .timeout_ms = 20000};
    return client_open(&options);
}

/* ---- submit ---- */

static json_t *body_make(void)
{
    struct buf key = BUF_EMPTY, der = BUF_EMPTY, text = BUF_EMPTY;
    struct error error = ERROR_NONE;
    json_t *body = NULL;

    if (key_make_pem("ecdsa-p256", &key, &error) == OK && pkcs10_make(buf_text(&key), "CN=load", NULL, &der, &error) == OK) {
        base64_encode(&text, buf_bytes(&der), 0);
        body = json_pack("{s:s, s:s}", "pkcs10", buf_text(&text), "template", "User");
    }
    buf_free(&key);
    buf_free(&der);
    buf_free(&text);
    return body;
}

/* One write an answer: lines of several threads and processes do not mix. */
static int answer_note(int fd, const json_t *answer)
{
    char line[256];
    int size = snprintf(line, sizeof line, "%lld %s %s\n", (long long)client_number(answer, "id"), client_text(answer, "serial"),
                        client_text(answer, "sha256"));
    return write(fd, line, (size_t)size) == size ? 0 : -1;
}

/* The same request until it is answered. Anything but issued, or no answer at all, is a failure. */
static int submit_until_answered(struct client *client, const struct submitter *submitter, json_t *body)
{
    for (long waited = 0; waited < GIVE_UP_MS; waited += atomic_load(&stopping) ? RETRY_MS : 0) {
        struct error error = ERROR_NONE;
        json_t *answer = NULL;
        int status = client_call(client, "POST", "/v1/requests", body, &answer, &error);
        int failed = 0;
        if (status == OK && strcmp(client_text(answer, "disposition"), "issued") != 0)
            failed = fprintf(stderr, "not issued: %s\n", client_text(answer, "message"));
        else if (status == OK)
            failed = answer_note(submitter->answers, answer);
        json_decref(answer);
        if (status == OK)
            return failed ? -1 : 0;
        if (status != UNREACHABLE && status != TEMPORARY)
            return fprintf(stderr, "refused: %s (%s)\n", error.message, error.reason), -1;
        pause_for(RETRY_MS);
    }
    fprintf(stderr, "no answer within %d ms of the end\n", GIVE_UP_MS);
    return -1;
}

static void *submitter_run(void *argument)
{
    const struct submitter *submitter = argument;
    struct client *client = connect_to(submitter->socket_path);
    int failed = client == NULL;

    while (!failed && !atomic_load(&stopping)) {
        json_t *body = body_make();
        failed = body == NULL ? -1 : submit_until_answered(client, submitter, body);
        json_decref(body);
        pause_for(submitter->pause_ms);
    }
    if (client != NULL)
        client_close(client);
    return failed ? argument : NULL;
}

static int submit(const char *socket_path, const char *answers, uint64_t count, uint64_t pause_ms)
{
    struct submitter submitter = {socket_path, open(answers, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), (long)pause_ms};
    struct sigaction action = {.sa_handler = on_signal};
    pthread_t threads[THREADS_MAX];
    size_t started = 0;
    int failed = submitter.answers < 0;

    sigaction(SIGTERM, &action, NULL);
    while (!failed && started < count && started < THREADS_MAX && pthread_create(&threads[started], NULL, submitter_run, &submitter) == 0)
        started++;
    for (size_t i = 0; i < started; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        failed |= result != NULL;
    }
    return failed || started < count;
}

/* ---- check ---- */

struct seen {
    char (*serials)[64];
    size_t count, issued;
};

static int text_compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int fault(const char *what, const char *which)
{
    fprintf(stderr, "%s: %s\n", what, which);
    return -1;
}

static int octets_print(struct client *client, const char *id, const char *sha256)
{
    struct buf path = BUF_EMPTY, der = BUF_EMPTY, hex = BUF_EMPTY, text = BUF_EMPTY;
    struct error error = ERROR_NONE;
    uint8_t digest[32];
    int failed = 0;

    client_path_start(&path, "/v1/requests/%s/certificate", id);
    if (client_get_bytes(client, buf_text(&path), &der, &error) != OK) {
        failed = fault(error.message, id);
    } else {
        sha256_of(buf_bytes(&der), digest);
        hex_encode(&hex, bytes_of(digest, sizeof digest));
        if (strcmp(buf_text(&hex), sha256) != 0)
            failed = fault("another certificate than was answered", id);
        base64_encode(&text, buf_bytes(&der), 0);
        printf("%s\n", buf_text(&text));
    }
    buf_free(&path);
    buf_free(&der);
    buf_free(&hex);
    buf_free(&text);
    return failed;
}

static int row_check(struct client *client, const json_t *row, struct seen *seen)
{
    const char *serial = client_text(row, "serial"), *disposition = client_text(row, "disposition");
    char id[24];

    snprintf(id, sizeof id, "%lld", (long long)client_number(row, "id"));
    if (*serial) {
        char (*more)[64] = realloc(seen->serials, (seen->count + 1) * sizeof *more);
        if (more == NULL)
            return fault("no memory", id);
        seen->serials = more;
        snprintf(more[seen->count++], sizeof *more, "%s", serial);
    }
    if (strcmp(disposition, "issued") != 0)
        return strcmp(disposition, "failed") == 0 ? 0 : fault("neither issued nor failed", id);
    seen->issued++;
    return octets_print(client, id, client_text(row, "sha256"));
}

/* Pages of one thing, in rising order of `key`: calls each row, answers the last key. */
static int pages(struct client *client, const char *route, const char *key, int (*each)(struct client *, const json_t *, void *), void *argument)
{
    int64_t after = 0;
    bool more = true;
    int failed = 0;

    while (more && !failed) {
        struct buf path = BUF_EMPTY;
        struct error error = ERROR_NONE;
        json_t *answer = NULL, *row;
        size_t index;
        client_path_start(&path, route, NULL);
        client_path_query_number(&path, "after", (uint64_t)after);
        client_path_query_number(&path, "limit", PAGE);
        if (client_call(client, "GET", buf_text(&path), NULL, &answer, &error) != OK)
            failed = fault(error.message, route);
        json_array_foreach(json_object_get(answer, "rows"), index, row) {
            if (client_number(row, key) <= after)
                failed = fault("numbers do not rise", route);
            after = client_number(row, key);
            failed |= each(client, row, argument);
        }
        more = client_bool(answer, "more");
        json_decref(answer);
        buf_free(&path);
    }
    return failed;
}

static int each_row(struct client *client, const json_t *row, void *argument)
{
    return row_check(client, row, argument);
}

static int each_audit(struct client *client, const json_t *row, void *argument)
{
    int64_t *last = argument, number = client_number(row, "number");
    char text[24];

    (void)client;
    snprintf(text, sizeof text, "%lld", (long long)number);
    if (number != *last + 1)
        return fault("a gap before this audit record", text);
    *last = number;
    return 0;
}

static int answers_check(struct client *client, const char *path, size_t *count)
{
    FILE *file = fopen(path, "re");
    char id[24], serial[64], sha256[65];
    int failed = file == NULL ? fault("cannot be read", path) : 0;

    for (*count = 0; file != NULL && fscanf(file, "%23s %63s %64s", id, serial, sha256) == 3; ++*count) {
        struct buf where = BUF_EMPTY;
        struct error error = ERROR_NONE;
        json_t *answer = NULL;
        client_path_start(&where, "/v1/requests/%s", id);
        if (client_call(client, "GET", buf_text(&where), NULL, &answer, &error) != OK)
            failed |= fault(error.message, id);
        else if (strcmp(client_text(answer, "serial"), serial) != 0 ||
                 strcmp(client_text(json_object_get(answer, "certificate"), "sha256"), sha256) != 0)
            failed |= fault("what was answered is not what stands in the database", id);
        json_decref(answer);
        buf_free(&where);
    }
    if (file != NULL)
        fclose(file);
    return failed;
}

static int counts_check(struct client *client, size_t issued, size_t answered)
{
    struct error error = ERROR_NONE;
    json_t *answer = NULL;
    int failed = client_call(client, "GET", "/v1/counts", NULL, &answer, &error) != OK ? fault(error.message, "counts") : 0;

    if (!failed && ((size_t)client_number(answer, "issued") != issued || issued != answered)) {
        fprintf(stderr, "%zu answers, %zu issued in the list, %lld in the counts\n", answered, issued, (long long)client_number(answer, "issued"));
        failed = -1;
    }
    json_decref(answer);
    return failed;
}

static int check(const char *socket_path, const char *answers)
{
    struct client *client = connect_to(socket_path);
    struct seen seen = {NULL, 0, 0};
    int64_t last_audit = 0;
    size_t answered = 0;
    int failed = client == NULL ? -1 : pages(client, "/v1/requests", "id", each_row, &seen);

    if (!failed)
        failed = answers_check(client, answers, &answered);
    if (!failed)
        failed = counts_check(client, seen.issued, answered);
    if (!failed)
        failed = pages(client, "/v1/audit", "number", each_audit, &last_audit);
    qsort(seen.serials, seen.count, sizeof *seen.serials, text_compare);
    for (size_t i = 1; i < seen.count; i++)
        if (strcmp(seen.serials[i - 1], seen.serials[i]) == 0)
            failed = fault("a serial twice", seen.serials[i]);
    fprintf(stderr, "%zu answered, %zu issued, %zu failed, %lld audit records\n", answered, seen.issued, seen.count - seen.issued,
            (long long)last_audit);
    free(seen.serials);
    if (client != NULL)
        client_close(client);
    return failed != 0 || fflush(stdout) != 0;
}

int main(int argc, char **argv)
{
    uint64_t threads, pause_ms;

    if (argc == 6 && strcmp(argv[1], "submit") == 0 && number_parse(argv[4], &threads) == OK && number_parse(argv[5], &pause_ms) == OK)
        return submit(argv[2], argv[3], threads, pause_ms);
    if (argc == 4 && strcmp(argv[1], "check") == 0)
        return check(argv[2], argv[3]);
    fprintf(stderr, "usage: load submit SOCKET ANSWERS THREADS PAUSE-MS | load check SOCKET ANSWERS\n");
    return USAGE;
}
