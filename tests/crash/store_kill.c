/* Durable means durable: a child writes from several threads and prints each RequestID once store_write has returned; it is
 * killed with SIGKILL after a short random time, and the store is opened again. Every printed id must be there with its
 * certificate, found by every index, and nothing may be half there. The store goes on from round to round.
 *   store_kill [ROUNDS [SEED]] */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/store_fixture.h"

#define THREADS 8
#define IDS_MAX 2000000

struct writer {
    struct store *store;
    int out;
};

static void die(const char *what, uint64_t id, const struct error *error)
{
    fprintf(stderr, "store_kill: %s (id %llu): %s\n", what, (unsigned long long)id, error == NULL ? "" : error->message);
    exit(1);
}

/* ---- the child ---- */

static int issue(struct store_txn *txn, void *argument, struct error *error)
{
    uint64_t *id = argument;
    struct request request;
    struct event event;
    struct audit_record audit = {.at = 1, .actor = "crash", .action = "request.issue", .outcome = "ok"};

    *id = counter_next(txn, "request");
    fixture_request(*id, DISPOSITION_ISSUED, &request);
    fixture_put(txn, &request, error);
    fixture_event(*id, EVENT_ISSUED, &event);
    outbox_add(txn, "ldap", &event);
    audit_add(txn, &audit);
    request_free(&request);
    event_free(&event);
    return store_txn_failed(txn);
}

static void *writer_run(void *argument)
{
    struct writer *writer = argument;

    for (;;) {
        struct error error = ERROR_NONE;
        uint64_t id;

        if (store_write(writer->store, issue, &id, &error) != OK)
            die("writing failed", id, &error);
        if (write(writer->out, &id, sizeof id) != (ssize_t)sizeof id)
            return NULL;
    }
}

static void child_run(const char *folder, int out)
{
    struct writer writer = {fixture_open(folder, false), out};
    pthread_t threads[THREADS];
    uint64_t ready = 0;

    if (write(out, &ready, sizeof ready) != (ssize_t)sizeof ready)
        _exit(1);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, writer_run, &writer) != 0)
            _exit(1);
    pause();
    _exit(1);
}

/* ---- the parent ---- */

struct seen { /* ids that were answered as stored */
    bool *printed;
    uint64_t highest, count;
};

/* Reads what the child printed to its end. Pipes keep what a killed writer wrote. */
static void drain(int in, struct seen *seen)
{
    uint64_t id;

    while (read(in, &id, sizeof id) == (ssize_t)sizeof id) {
        if (id == 0)
            continue;
        if (id >= IDS_MAX || seen->printed[id])
            die("an id was given twice", id, NULL);
        seen->printed[id] = true;
        seen->count++;
        if (id > seen->highest)
            seen->highest = id;
    }
}

static void round_run(const char *folder, unsigned pause_ms, struct seen *seen)
{
    int pipes[2], status;
    uint64_t ready;
    struct timespec wait = {0, (long)pause_ms * 1000000};
    pid_t child = -1;

    if (pipe(pipes) != 0 || (child = fork()) < 0)
        die("no process", 0, NULL);
    if (child == 0) {
        close(pipes[0]);
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(1);
        child_run(folder, pipes[1]);
    }
    close(pipes[1]);
    if (read(pipes[0], &ready, sizeof ready) != (ssize_t)sizeof ready)
        die("the store did not open after a kill", 0, NULL);
    nanosleep(&wait, NULL);
    kill(child, SIGKILL);
    drain(pipes[0], seen);
    close(pipes[0]);
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        die("the child ended by itself", (uint64_t)status, NULL);
}

static void check_found(struct store *store, enum certificate_key by, const void *key, size_t size, uint64_t id)
{
    struct error error = ERROR_NONE;
    uint64_t ids[2];
    size_t count;

    if (certificates_find(store, by, bytes_of(key, size), ids, 2, &count, &error) != OK || count != 1 || ids[0] != id)
        die("an index does not have it", id, &error);
}

/* A request is there wholly or not at all; one that was answered is there. */
static bool check_id(struct store *store, uint64_t id, bool printed)
{
    struct error error = ERROR_NONE;
    struct request request;
    struct certificate certificate;
    uint64_t same;
    int rc = requests_get(store, id, &request, &error);

    if (rc == REFUSED && !printed) {
        error_clear(&error);
        if (certificates_get(store, id, &certificate, &error) != REFUSED)
            die("a certificate without its request", id, &error);
        return false;
    }
    if (rc != OK)
        die("what was answered as stored is gone", id, &error);
    if (certificates_get(store, id, &certificate, &error) != OK)
        die("a request without its certificate", id, &error);
    check_found(store, CERTIFICATE_BY_SERIAL, certificate.serial.octets, certificate.serial.size, id);
    check_found(store, CERTIFICATE_BY_SHA256, certificate.sha256, 32, id);
    check_found(store, CERTIFICATE_BY_SHA1, certificate.sha1, 20, id);
    if (requests_find_same(store, request.requester_uid, request.pkcs10_sha256, 0, &same, &error) != OK || same != id)
        die("not found by its PKCS#10", id, &error);
    request_free(&request);
    certificate_record_free(&certificate);
    return true;
}

/* Counts, outbox and audit say the same number as there are requests. */
static void check_sums(struct store *store, uint64_t present)
{
    struct error error = ERROR_NONE;
    struct outbox_stats stats;
    uint8_t hash[32];
    uint64_t issued, audited;

    if (list_count(store, DISPOSITION_ISSUED, &issued, &error) != OK || outbox_stats(store, "ldap", &stats, &error) != OK ||
        audit_head(store, &audited, hash, &error) != OK)
        die("the figures cannot be read", 0, &error);
    if (issued != present || stats.waiting != present || audited != present) {
        fprintf(stderr, "%llu requests, but %llu counted, %llu in the outbox, %llu audited\n", (unsigned long long)present,
                (unsigned long long)issued, (unsigned long long)stats.waiting, (unsigned long long)audited);
        exit(1);
    }
}

static uint64_t check_range(const char *folder, const struct seen *seen, uint64_t from, uint64_t present_before)
{
    struct store *store = fixture_open(folder, false);
    uint64_t present = present_before;

    /* Beyond the highest printed id at most one batch a thread may be stored without having been printed. */
    for (uint64_t id = from; id <= seen->highest + 64; id++)
        present += check_id(store, id, seen->printed[id]);
    check_sums(store, present);
    store_close(store);
    return present;
}

int main(int count, char **arguments)
{
    unsigned rounds = count > 1 ? (unsigned)strtoul(arguments[1], NULL, 10) : 12;
    unsigned seed = count > 2 ? (unsigned)strtoul(arguments[2], NULL, 10) : 1;
    struct seen seen = {calloc(IDS_MAX + 65, sizeof(bool)), 0, 0};
    char *folder = fixture_folder();
    uint64_t present = 0;

    if (seen.printed == NULL)
        return 1;
    store_close(fixture_open(folder, true));
    for (unsigned round = 0; round < rounds; round++)
        round_run(folder, 20 + (unsigned)rand_r(&seed) % 180, &seen);
    present = check_range(folder, &seen, 1, 0);
    present = check_range(folder, &seen, 1, 0); /* and once more, from a store that was closed in order */
    printf("%u kills, %llu answered as stored, %llu stored\n", rounds, (unsigned long long)seen.count, (unsigned long long)present);
    free(seen.printed);
    fixture_remove(folder);
    return seen.count == 0 || present < seen.count;
}
