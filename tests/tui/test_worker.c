/* The worker: answers come back with their tickets and in order, what hangs is left behind, closing waits for nothing. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/base/clock.h"
#include "tui/worker.h"

struct gate { /* calls of /v1/whoami wait until it opens */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool is_open;
    int opened, closed, waiting;
};

static int gate_call(void *state, const char *method, const char *path, json_t *body, json_t **answer, struct error *error) {
    struct gate *gate = state;
    pthread_mutex_lock(&gate->lock);
    gate->waiting++;
    while (strcmp(path, "/v1/whoami") == 0 && !gate->is_open)
        pthread_cond_wait(&gate->wake, &gate->lock);
    gate->waiting--;
    pthread_mutex_unlock(&gate->lock);
    *answer = json_pack("{s:[]}", "rows");
    return OK;
}

static void gate_close(void *state) {
    struct gate *gate = state;
    pthread_mutex_lock(&gate->lock);
    gate->closed++;
    pthread_mutex_unlock(&gate->lock);
}

static int gate_open(void *argument, struct transport *out, struct error *error) {
    struct gate *gate = argument;
    pthread_mutex_lock(&gate->lock);
    gate->opened++;
    pthread_mutex_unlock(&gate->lock);
    *out = (struct transport){gate_call, gate_close, gate, NULL};
    return OK;
}

static struct gate gate_new(void) {
    return (struct gate){.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
}

static void ask(struct worker *worker, enum query_kind kind, uint64_t ticket) {
    struct query query = {.kind = kind, .ticket = ticket, .limit = 10};
    worker_ask(worker, &query);
}

/* The ticket of the next answer; 0: none came in time. */
static uint64_t hear(struct worker *worker, int timeout_ms) {
    struct answer answer;
    int64_t until = clock_monotonic_ms() + timeout_ms;
    while (!worker_answer(worker, &answer)) {
        struct pollfd fd = {worker_fd(worker), POLLIN, 0};
        int64_t left = until - clock_monotonic_ms();
        if (left <= 0)
            return 0;
        poll(&fd, 1, (int)left);
    }
    uint64_t ticket = answer.ticket;
    answer_free(&answer);
    return ticket;
}

static int numbers(struct gate *gate, int *number) {
    pthread_mutex_lock(&gate->lock);
    int value = *number;
    pthread_mutex_unlock(&gate->lock);
    return value;
}

static bool comes_to(struct gate *gate, int *number, int value) {
    for (int i = 0; i < 500 && numbers(gate, number) != value; i++)
        usleep(10000);
    return numbers(gate, number) == value;
}

static void gate_let(struct gate *gate) {
    pthread_mutex_lock(&gate->lock);
    gate->is_open = true;
    pthread_cond_broadcast(&gate->wake);
    pthread_mutex_unlock(&gate->lock);
}

static void test_order(void **state) {
    struct gate gate = gate_new();
    struct worker *worker = worker_open(gate_open, &gate);
    assert_non_null(worker);
    for (uint64_t ticket = 1; ticket <= 50; ticket++)
        ask(worker, QUERY_PAGE, ticket);
    for (uint64_t ticket = 1; ticket <= 50; ticket++)
        assert_int_equal(hear(worker, 5000), ticket);
    assert_int_equal(hear(worker, 20), 0);
    worker_close(worker);
    assert_int_equal(gate.opened, 1);
    assert_int_equal(gate.closed, 1);
}

static void test_slow_lane(void **state) {
    struct gate gate = gate_new();
    struct worker *worker = worker_open(gate_open, &gate);
    ask(worker, QUERY_HELLO, 1); /* hangs at whoami */
    ask(worker, QUERY_HEALTH, 2);
    assert_int_equal(hear(worker, 5000), 2);
    gate_let(&gate);
    assert_int_equal(hear(worker, 5000), 1);
    worker_close(worker);
}

static void test_cancel(void **state) {
    struct gate gate = gate_new();
    struct worker *worker = worker_open(gate_open, &gate);
    ask(worker, QUERY_HELLO, 1);
    ask(worker, QUERY_PAGE, 2); /* waits behind it, and is dropped with it */
    assert_true(comes_to(&gate, &gate.waiting, 1));
    worker_cancel(worker);
    ask(worker, QUERY_PAGE, 3);
    assert_int_equal(hear(worker, 5000), 3);
    assert_int_equal(gate.opened, 2);
    gate_let(&gate);
    assert_true(comes_to(&gate, &gate.closed, 1)); /* the one left behind ends by itself */
    assert_int_equal(hear(worker, 50), 0);
    worker_close(worker);
    assert_int_equal(gate.closed, 2);
}

static void test_close_while_it_hangs(void **state) {
    struct gate gate = gate_new();
    struct worker *worker = worker_open(gate_open, &gate);
    ask(worker, QUERY_HELLO, 1);
    assert_true(comes_to(&gate, &gate.waiting, 1));
    int64_t before = clock_monotonic_ms();
    worker_close(worker);
    assert_true(clock_monotonic_ms() - before < 1000);
    gate_let(&gate);
    assert_true(comes_to(&gate, &gate.closed, 1));
    usleep(50000); /* its last step is to free itself */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_slow_lane),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_close_while_it_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
