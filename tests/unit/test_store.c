/* The store as a whole: opening, locking, the writer and its nested transactions, the reserve of the disk. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/store_fixture.h"

struct state {
    char *folder;
    struct store *store;
};

static int setup(void **out)
{
    struct state *state = calloc(1, sizeof *state);

    state->folder = fixture_folder();
    state->store = fixture_open(state->folder, true);
    *out = state;
    return 0;
}

static int teardown(void **in)
{
    struct state *state = *in;

    if (state->store != NULL)
        store_close(state->store);
    fixture_remove(state->folder);
    free(state);
    return 0;
}

static int open_again(const char *folder, uint64_t reserve, struct store **store, struct error *error)
{
    struct store_options options = {.path = folder, .cache_bytes = 8 << 20, .disk_reserve_bytes = reserve};

    error_clear(error);
    return store_open(&options, store, error);
}

static void test_missing(void **in)
{
    char *folder = fixture_folder();
    struct store *store;
    struct error error;

    assert_int_equal(open_again(folder, 0, &store, &error), BAD_CONFIG);
    assert_null(store);
    assert_non_null(strstr(error.message, folder));
    fixture_remove(folder);
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_db_config(void **in)
{
    struct state *state = *in;
    struct error error;

    store_close(state->store);
    state->store = NULL;
    write_file(state->folder, "DB_CONFIG", "# ours\n\nset_flags DB_TXN_NOSYNC on\n");
    assert_int_equal(open_again(state->folder, 0, &state->store, &error), BAD_CONFIG);
    assert_non_null(strstr(error.message, "DB_CONFIG"));
    assert_null(state->store);
}

static void test_folder_open_to_others(void **in)
{
    struct state *state = *in;
    struct error error;

    store_close(state->store);
    state->store = NULL;
    assert_int_equal(chmod(state->folder, 0755), 0);
    assert_int_equal(open_again(state->folder, 0, &state->store, &error), BAD_CONFIG);
}

/* The child answers 0 when it is refused as it should be. */
static int second_opener(const char *folder, pid_t holder)
{
    struct store *store;
    struct error error;
    char pid[32];

    snprintf(pid, sizeof pid, "pid %ld", (long)holder);
    if (open_again(folder, 0, &store, &error) == OK)
        return 1;
    return strstr(error.message, pid) != NULL && strcmp(error.reason, "store.locked") == 0 ? 0 : 2;
}

static void test_second_opener(void **in)
{
    struct state *state = *in;
    struct store *store;
    struct error error;
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(second_opener(state->folder, getppid()));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_not_equal(open_again(state->folder, 0, &store, &error), OK); /* nor the same process twice */
}

/* ---- closures ---- */

static int put_number(struct store_txn *txn, void *argument, struct error *error)
{
    *(uint64_t *)argument = counter_next(txn, "test");
    return store_txn_failed(txn);
}

static int put_then_fail(struct store_txn *txn, void *argument, struct error *error)
{
    setting_put(txn, "half", bytes_of_text("written"));
    counter_next(txn, "test");
    return error_set(error, REFUSED, "test.refused", "no");
}

static int put_serial_twice(struct store_txn *txn, void *argument, struct error *error)
{
    struct reservation reservation = {.id = 1, .serial = fixture_serial(7)};

    fixture_request(1, DISPOSITION_ISSUING, &reservation.request);
    setting_put(txn, "before", bytes_of_text("x"));
    reservations_put(txn, &reservation);
    reservation.id = 2;
    reservations_put(txn, &reservation); /* the same serial: sticky from here on */
    setting_put(txn, "after", bytes_of_text("x"));
    assert_int_not_equal(store_txn_failed(txn), OK);
    assert_int_equal(counter_next(txn, "test"), 0);
    request_free(&reservation.request);
    return OK; /* forgets to look */
}

static void assert_no_setting(struct store *store, const char *name)
{
    struct buf value = BUF_EMPTY;
    struct error error = ERROR_NONE;

    assert_int_equal(setting_get(store, name, &value, &error), REFUSED);
    buf_free(&value);
}

static void test_abort(void **in)
{
    struct state *state = *in;
    struct error error = ERROR_NONE;
    uint64_t number;

    assert_int_equal(store_write(state->store, put_number, &number, &error), OK);
    assert_int_equal(number, 1);
    assert_int_equal(store_write(state->store, put_then_fail, NULL, &error), REFUSED);
    assert_string_equal(error.reason, "test.refused");
    assert_no_setting(state->store, "half");
    error_clear(&error);
    assert_int_equal(store_write(state->store, put_number, &number, &error), OK);
    assert_int_equal(number, 2);
}

static void test_sticky(void **in)
{
    struct state *state = *in;
    struct error error = ERROR_NONE;

    assert_int_equal(store_write(state->store, put_serial_twice, NULL, &error), REFUSED);
    assert_true(error.message[0] != '\0');
    assert_no_setting(state->store, "before");
    assert_no_setting(state->store, "after");
}

static int get_unknown(struct store_txn *txn, void *argument, struct error *error)
{
    struct request request;

    return requests_get_txn(txn, 4711, &request);
}

static void test_unknown(void **in)
{
    struct state *state = *in;
    struct error error = ERROR_NONE;
    struct request request;

    assert_int_equal(store_write(state->store, get_unknown, NULL, &error), REFUSED);
    assert_true(error.message[0] != '\0');
    error_clear(&error);
    assert_int_equal(requests_get(state->store, 4711, &request, &error), REFUSED);
    assert_string_equal(error.reason, "object.unknown");
}

/* ---- many threads, of which every third fails ---- */

#define THREADS 12
#define ROUNDS 40
struct load {
    struct store *store;
    int thread, wrong;
};

struct load_write {
    uint64_t id;
    bool fail;
};

static int load_closure(struct store_txn *txn, void *argument, struct error *error)
{
    struct load_write *write = argument;
    struct request request;
    int rc;

    counter_next(txn, "load");
    fixture_request(write->id, write->fail ? DISPOSITION_DENIED : DISPOSITION_ISSUED, &request);
    rc = fixture_put(txn, &request, error);
    request_free(&request);
    return rc != OK ? rc : write->fail ? error_set(error, REFUSED, "test.refused", "id %llu", (unsigned long long)write->id) : OK;
}

static void *load_run(void *argument)
{
    struct load *load = argument;

    for (int i = 0; i < ROUNDS; i++) {
        struct load_write write = {(uint64_t)(load->thread * ROUNDS + i + 1), (load->thread + i) % 3 == 0};
        struct error error = ERROR_NONE;
        struct request request;
        int rc = store_write(load->store, load_closure, &write, &error);

        load->wrong += rc != (write.fail ? REFUSED : OK);
        error_clear(&error);
        rc = requests_get(load->store, write.id, &request, &error);
        load->wrong += rc != (write.fail ? REFUSED : OK);
        request_free(&request);
    }
    return NULL;
}

static int read_load(struct store_txn *txn, void *argument, struct error *error)
{
    *(uint64_t *)argument = counter_next(txn, "load");
    return OK;
}

static void test_siblings(void **in)
{
    struct state *state = *in;
    struct error error = ERROR_NONE;
    pthread_t threads[THREADS];
    struct load loads[THREADS];
    uint64_t issued, denied, next, expected = 0;

    for (int i = 0; i < THREADS; i++) {
        loads[i] = (struct load){state->store, i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, load_run, &loads[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(loads[i].wrong, 0);
        for (int round = 0; round < ROUNDS; round++)
            expected += (i + round) % 3 != 0;
    }
    assert_int_equal(list_count(state->store, DISPOSITION_ISSUED, &issued, &error), OK);
    assert_int_equal(list_count(state->store, DISPOSITION_DENIED, &denied, &error), OK);
    assert_int_equal(issued, expected);
    assert_int_equal(denied, 0);
    assert_int_equal(store_write(state->store, read_load, &next, &error), OK);
    assert_int_equal(next, expected + 1);
}

static void test_reopen(void **in)
{
    struct state *state = *in;
    struct error error = ERROR_NONE;
    struct load_write write = {9, false};
    struct request request, original;

    assert_int_equal(store_write(state->store, load_closure, &write, &error), OK);
    store_close(state->store);
    assert_int_equal(open_again(state->folder, 0, &state->store, &error), OK);
    assert_int_equal(requests_get(state->store, 9, &request, &error), OK);
    fixture_request(9, DISPOSITION_ISSUED, &original);
    assert_string_equal(request.subject, original.subject);
    assert_memory_equal(request.pkcs10, original.pkcs10, original.pkcs10_size);
    assert_int_equal(request.names.count, 2);
    request_free(&request);
    request_free(&original);
}

static void test_reserve(void **in)
{
    struct state *state = *in;
    struct error error = ERROR_NONE;
    uint64_t number;

    store_close(state->store);
    state->store = NULL;
    assert_int_equal(open_again(state->folder, UINT64_MAX / 2, &state->store, &error), OK);
    assert_int_equal(store_write(state->store, put_number, &number, &error), TEMPORARY);
    assert_string_equal(error.reason, "store.disk");
    error_clear(&error);
    assert_int_equal(store_write_reserved(state->store, put_number, &number, &error), OK);
    assert_int_equal(number, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing),
        cmocka_unit_test_setup_teardown(test_db_config, setup, teardown),
        cmocka_unit_test_setup_teardown(test_folder_open_to_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_second_opener, setup, teardown),
        cmocka_unit_test_setup_teardown(test_abort, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sticky, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_siblings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reopen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reserve, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
