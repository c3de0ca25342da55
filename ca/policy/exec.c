/* The policy module "exec": a program of the site's own has a say. It gets the request as JSON on standard input; its exit status is its
 * verdict, and what it prints can only narrow what the modules before settled. Whatever goes wrong with it is "try again": a program
 * that crashes, hangs or prints rubbish neither issues nor denies. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/base/clock.h"
#include "ca/base/oid.h"
#include "ca/policy/exec.h"

struct exec {
    struct strings extensions; /* that the program may set */
    int64_t timeout_s;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    int64_t room; /* programs that may still be started beside those that run */
};

/* The same numbers as the exit status of `chancery submit`. */
static const struct {
    int status;
    enum chancery_verdict verdict;
    const char *reason, *words;
} verdicts[] = {
    {OK, CHANCERY_ISSUE, "policy.exec", NULL},
    {DENIED, CHANCERY_DENY, "policy.exec_denied", "denied by the site's program"},
    {PENDING, CHANCERY_PEND, "policy.exec_pending", "the site's program leaves it to an officer"},
    {TEMPORARY, CHANCERY_TRY_AGAIN, "policy.exec_again", "the site's program asks to try again later"},
};

static enum chancery_verdict again(struct chancery_request *request, const struct error *error)
{
    chancery_set_message(request, error->reason, "%.480s", error->message);
    return CHANCERY_TRY_AGAIN;
}

/* ---- not more at once than configured ---- */

static bool room_take(struct exec *exec)
{
    struct timespec until;
    bool taken;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += exec->timeout_s;
    pthread_mutex_lock(&exec->lock);
    while (exec->room == 0 && pthread_cond_timedwait(&exec->freed, &exec->lock, &until) == 0)
        ;
    taken = exec->room > 0;
    exec->room -= taken;
    pthread_mutex_unlock(&exec->lock);
    return taken;
}

static void room_give(struct exec *exec)
{
    pthread_mutex_lock(&exec->lock);
    exec->room++;
    pthread_cond_signal(&exec->freed);
    pthread_mutex_unlock(&exec->lock);
}

/* ---- asking ---- */

static int run(struct exec *exec, const struct chancery_request *request, struct bytes input, struct chancery_run *out, struct error *error)
{
    int status;

    if (!room_take(exec))
        return error_set(error, TEMPORARY, "policy.exec_busy", "too many of the site's programs run at once ([policy.exec] parallel)");
    status = chancery_run_program(request, input, out, error);
    room_give(exec);
    return status;
}

static int end_check(const struct chancery_run *run, struct error *error)
{
    switch (run->end) {
    case CHANCERY_RUN_EXITED:
        return OK;
    case CHANCERY_RUN_KILLED:
        return error_set(error, TEMPORARY, "policy.exec_failed", "the site's program was ended by signal %d", run->status);
    case CHANCERY_RUN_TIMEOUT:
        return error_set(error, TEMPORARY, "policy.exec_timeout", "the site's program took longer than [policy.exec] timeout and was ended");
    case CHANCERY_RUN_TOO_MUCH:
        return error_set(error, TEMPORARY, "policy.exec_output", "the site's program printed more than [policy.exec] output and was ended");
    case CHANCERY_RUN_NOT_STARTED:
    default:
        return error_set(error, TEMPORARY, "policy.exec_start", "the site's program cannot be started: %s",
                         run->status ? strerror(run->status) : "others than root could have changed it, or it is gone");
    }
}

static enum chancery_verdict verdict_say(struct chancery_request *request, size_t row, const struct exec_answer *answer)
{
    const char *words = answer->message ? answer->message : verdicts[row].words;

    if (words)
        chancery_set_message(request, verdicts[row].reason, "%s", words);
    return verdicts[row].verdict;
}

static enum chancery_verdict verdict_take(struct exec *exec, struct chancery_request *request, const struct chancery_run *run)
{
    struct error error = ERROR_NONE;
    struct exec_answer answer = {0};
    enum chancery_verdict verdict = CHANCERY_TRY_AGAIN;
    size_t row = 0;
    int status = end_check(run, &error);

    while (row < sizeof verdicts / sizeof *verdicts && verdicts[row].status != run->status)
        row++;
    if (status == OK && row == sizeof verdicts / sizeof *verdicts)
        status = error_set(&error, TEMPORARY, "policy.exec_failed", "the site's program ended with %d, which is no verdict (0, 2, 3, 75)", run->status);
    if (status == OK)
        status = exec_answer_read(buf_bytes(&run->output), &answer, &error);
    if (status == OK && answer.not_after && answer.not_after <= clock_now())
        status = error_set(&error, BAD_DATA, "policy.exec_answer", "the program's answer is not what it must be: not_after has passed");
    if (status == OK && (verdicts[row].verdict == CHANCERY_ISSUE || verdicts[row].verdict == CHANCERY_PEND))
        status = exec_answer_apply(&answer, &exec->extensions, chancery_request_properties(request), &error);
    verdict = status == OK ? verdict_say(request, row, &answer) : again(request, &error);
    exec_answer_free(&answer);
    return verdict;
}

static enum chancery_verdict exec_verify(void *state, struct chancery_request *request)
{
    struct exec *exec = state;
    struct buf input = BUF_EMPTY;
    struct chancery_run out = {.output = BUF_EMPTY};
    struct error error = ERROR_NONE;
    enum chancery_verdict verdict;
    int status = exec_request_write(request, &input, &error);

    if (status == OK)
        status = run(exec, request, buf_bytes(&input), &out, &error);
    verdict = status == OK ? verdict_take(exec, request, &out) : again(request, &error);
    buf_free(&input);
    buf_free(&out.output);
    return verdict;
}

/* ---- the module ---- */

static int extensions_read(const struct conf *conf, struct strings *out, struct error *error)
{
    int status = conf_list(conf, "policy.exec", "extensions", out) == OK ? OK : error_memory(error);

    for (size_t i = 0; i < out->count && status == OK; i++)
        if (!oid_is_valid(out->items[i]) || extension_is_protected(out->items[i]))
            status = error_set(error, BAD_CONFIG, "policy.config", "[policy.exec] extensions: %s is no identifier of an extension that a program may set",
                               out->items[i]);
    return status;
}

/* A program narrows what is there: something must be there before it. */
static int order_check(const struct conf *conf, struct error *error)
{
    struct strings modules = {NULL, 0};
    int status = conf_list(conf, "policy", "modules", &modules) == OK ? OK : error_memory(error);

    if (status == OK && modules.count && strcmp(modules.items[0], "exec") == 0)
        status = error_set(error, BAD_CONFIG, "policy.order",
                           "[policy] modules: exec gives no certificate its names and purposes; put enterprise or standalone before it");
    strings_free(&modules);
    return status;
}

static int exec_check(const struct conf *conf, struct error *error)
{
    struct strings list = {NULL, 0};
    int status = extensions_read(conf, &list, error);

    strings_free(&list);
    return status == OK ? order_check(conf, error) : status;
}

static void exec_close(void *state)
{
    struct exec *exec = state;

    strings_free(&exec->extensions);
    pthread_cond_destroy(&exec->freed);
    pthread_mutex_destroy(&exec->lock);
    free(exec);
}

static int exec_open(const struct conf *conf, void **state, struct error *error)
{
    struct exec *exec = calloc(1, sizeof *exec);
    int status;

    if (!exec)
        return error_memory(error);
    pthread_mutex_init(&exec->lock, NULL);
    pthread_cond_init(&exec->freed, NULL);
    exec->timeout_s = conf_number(conf, "policy.exec", "timeout");
    exec->room = conf_number(conf, "policy.exec", "parallel");
    status = exec_check(conf, error);
    if (status == OK)
        status = extensions_read(conf, &exec->extensions, error);
    if (status == OK)
        *state = exec;
    else
        exec_close(exec);
    return status;
}

static const struct conf_item items[] = {
    {"policy.exec", "program", CONF_PATH, NULL, "the program; it and its folder belong to root", 0, 0},
    {"policy.exec", "timeout", CONF_DURATION, "10s", "it is ended after so long, and the request is answered \"try again\"", 1, 60},
    {"policy.exec", "output", CONF_NUMBER, "65536", "octets that it may print", 256, 1048576},
    {"policy.exec", "parallel", CONF_NUMBER, "4", "so many of it may run at once", 1, 32},
    {"policy.exec", "extensions", CONF_LIST, NULL, "identifiers of the extensions that it may add to a certificate", 0, 0},
    {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0},
};

extern const struct chancery_module chancery_module;
const struct chancery_module chancery_module = {
    .abi = CHANCERY_MODULE_ABI,
    .name = "exec",
    .kind = CHANCERY_POLICY,
    .items = items,
    .program = "policy.exec",
    .check = exec_check,
    .open = exec_open,
    .close = exec_close,
    .verify_request = exec_verify,
};
