/* The chain of policy modules: asked in configured order, the first DENY wins, PEND beats ISSUE, and nobody is asked after the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/policy/policy.h"

struct scripted {
    enum chancery_verdict verdict;
    const char *reason, *message; /* NULL: says nothing */
    int64_t validity_s;
    bool asked;
};
static struct scripted scripts[3];

static enum chancery_verdict play(struct scripted *s, struct chancery_request *request)
{
    s->asked = true;
    if (s->reason)
        chancery_set_message(request, s->reason, "%s", s->message);
    chancery_set_validity(request, s->validity_s);
    return s->verdict;
}

static enum chancery_verdict first(void *state, struct chancery_request *r) { (void)state; return play(&scripts[0], r); }
static enum chancery_verdict second(void *state, struct chancery_request *r) { (void)state; return play(&scripts[1], r); }
static enum chancery_verdict third(void *state, struct chancery_request *r) { (void)state; return play(&scripts[2], r); }

static const struct chancery_module modules[3] = {
    {.abi = CHANCERY_MODULE_ABI, .name = "first", .kind = CHANCERY_POLICY, .verify_request = first},
    {.abi = CHANCERY_MODULE_ABI, .name = "second", .kind = CHANCERY_POLICY, .verify_request = second},
    {.abi = CHANCERY_MODULE_ABI, .name = "third", .kind = CHANCERY_POLICY, .verify_request = third},
};

static void judge(size_t count, struct policy_result *result)
{
    struct error error = ERROR_NONE;
    struct policy *policy = NULL;
    struct request request = {0};
    struct policy_input input = {.request = &request};

    assert_int_equal(policy_load(NULL, NULL, &policy, &error), OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(policy_add(policy, &modules[i], &error), OK);
    for (size_t i = 0; i < 3; i++)
        scripts[i].asked = false;
    policy_verify(policy, &input, result);
    policy_close(policy);
}

static void every_order_of_three_verdicts(void **state)
{
    static const enum chancery_verdict all[] = {CHANCERY_ISSUE, CHANCERY_DENY, CHANCERY_PEND, CHANCERY_TRY_AGAIN};

    (void)state;
    for (size_t n = 0; n < 64; n++) {
        enum chancery_verdict verdicts[3] = {all[n % 4], all[n / 4 % 4], all[n / 16]}, wanted = CHANCERY_ISSUE;
        struct policy_result result;
        size_t stop = 3;

        for (size_t i = 0; i < 3 && stop == 3; i++)
            if (verdicts[i] == CHANCERY_DENY || verdicts[i] == CHANCERY_TRY_AGAIN) {
                wanted = verdicts[i];
                stop = i;
            } else if (verdicts[i] == CHANCERY_PEND) {
                wanted = CHANCERY_PEND;
            }
        for (size_t i = 0; i < 3; i++)
            scripts[i] = (struct scripted){.verdict = verdicts[i]};
        judge(3, &result);
        if (result.verdict != wanted)
            fail_msg("%d %d %d: wanted %d, got %d", verdicts[0], verdicts[1], verdicts[2], wanted, result.verdict);
        for (size_t i = 0; i < 3; i++)
            if (scripts[i].asked != (i <= stop))
                fail_msg("%d %d %d: module %zu was %sasked", verdicts[0], verdicts[1], verdicts[2], i, scripts[i].asked ? "" : "not ");
        policy_result_free(&result);
    }
}

static void whose_words_stand(void **state)
{
    static const struct {
        struct scripted scripts[3];
        const char *reason;
    } rows[] = {
        {{{CHANCERY_ISSUE, "a", "A", 0, 0}, {CHANCERY_ISSUE, "b", "B", 0, 0}, {CHANCERY_ISSUE, NULL, NULL, 0, 0}}, "b"},
        {{{CHANCERY_ISSUE, "a", "A", 0, 0}, {CHANCERY_PEND, "b", "B", 0, 0}, {CHANCERY_ISSUE, "c", "C", 0, 0}}, "b"},
        {{{CHANCERY_PEND, "a", "A", 0, 0}, {CHANCERY_PEND, "b", "B", 0, 0}, {CHANCERY_ISSUE, "c", "C", 0, 0}}, "a"},
        {{{CHANCERY_PEND, "a", "A", 0, 0}, {CHANCERY_ISSUE, "b", "B", 0, 0}, {CHANCERY_DENY, "c", "C", 0, 0}}, "c"},
        {{{CHANCERY_DENY, "a", "A", 0, 0}, {CHANCERY_DENY, "b", "B", 0, 0}, {CHANCERY_DENY, "c", "C", 0, 0}}, "a"},
        {{{CHANCERY_ISSUE, NULL, NULL, 0, 0}, {CHANCERY_ISSUE, NULL, NULL, 0, 0}, {CHANCERY_ISSUE, NULL, NULL, 0, 0}}, "policy.first"},
        {{{CHANCERY_ISSUE, "a", "A", 0, 0}, {CHANCERY_PEND, NULL, NULL, 0, 0}, {CHANCERY_ISSUE, NULL, NULL, 0, 0}}, "policy.second"},
        {{{CHANCERY_ISSUE, "a", "A", 0, 0}, {(enum chancery_verdict)77, "b", "B", 0, 0}, {CHANCERY_ISSUE, "c", "C", 0, 0}}, "policy.verdict"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct policy_result result;

        memcpy(scripts, rows[i].scripts, sizeof scripts);
        judge(3, &result);
        if (strcmp(result.reason, rows[i].reason) != 0)
            fail_msg("row %zu: wanted %s, got %s", i, rows[i].reason, result.reason);
        policy_result_free(&result);
    }
}

static void the_shortest_validity_stands(void **state)
{
    struct policy_result result;

    (void)state;
    for (size_t i = 0; i < 3; i++)
        scripts[i] = (struct scripted){.verdict = CHANCERY_ISSUE, .validity_s = i == 1 ? 500 : 1000};
    judge(3, &result);
    assert_int_equal(result.properties.validity_s, 500);
    policy_result_free(&result);
    judge(1, &result);
    assert_int_equal(result.properties.validity_s, 1000);
    policy_result_free(&result);
}

static void without_a_module_nothing_is_issued(void **state)
{
    struct policy_result result;

    (void)state;
    judge(0, &result);
    assert_int_equal(result.verdict, CHANCERY_DENY);
    assert_string_equal(result.reason, "policy.none");
    policy_result_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order_of_three_verdicts), cmocka_unit_test(whose_words_stand),
        cmocka_unit_test(the_shortest_validity_stands), cmocka_unit_test(without_a_module_nothing_is_issued),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
