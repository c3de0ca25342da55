/* The policy module "exec" with programs that are only told of: its answer is read strictly, can only narrow, and nothing but a program
 * that ended well gives a verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "ca/policy/exec.h"
#include "ca/policy/policy.h"

extern const struct chancery_module chancery_module; /* ca/policy/exec.c */

static void properties_make(struct properties *p)
{
    memset(p, 0, sizeof *p);
    p->subject = strdup("CN=web07");
    properties_add_name(p, NAME_DNS, "web07.example.com");
    properties_add_name(p, NAME_EMAIL, "a@example.com");
    strings_add(&p->ekus, "1.3.6.1.5.5.7.3.1");
    strings_add(&p->ekus, "1.3.6.1.5.5.7.3.2");
    p->key_usage = KEY_USAGE_DIGITAL_SIGNATURE | KEY_USAGE_KEY_ENCIPHERMENT;
    p->validity_s = 1000;
    p->publish = true;
    properties_set_extension(p, "1.2.3.1", false, bytes_of("\x05\x00", 2), ORIGIN_POLICY, NULL);
}

/* ---- the answer ---- */

static const struct {
    const char *text, *reason; /* "": taken */
} answers[] = {
    {"", ""},
    {"{}", ""},
    {"{\"message\":\"too late in the day\"}", ""},
    {"{\"message\":\"B\xc3\xbcro\",\"properties\":{},\"extensions\":[]}\n", ""},
    {"{\"properties\":{\"validity_s\":10}}", ""},
    {"{\"properties\":{\"validity_s\":99999999999}}", ""}, /* longer than what stands: changes nothing */
    {"{\"properties\":{\"not_after\":\"2099-01-01T00:00:00Z\"}}", ""},
    {"{\"properties\":{\"ekus\":[\"1.3.6.1.5.5.7.3.1\"]}}", ""},
    {"{\"properties\":{\"names\":[\"dns:web07.example.com\"]}}", ""},
    {"{\"properties\":{\"names\":[]}}", ""},
    {"{\"properties\":{\"key_usage\":[\"digitalSignature\"],\"publish\":false}}", ""},
    {"{\"properties\":{\"publish\":true}}", ""},
    {"{\"extensions\":[{\"oid\":\"1.2.3.99\",\"value\":\"BQA=\"}]}", ""},
    {"{\"extensions\":[{\"oid\":\"1.2.3.99\",\"value\":\"BQA=\",\"critical\":true}]}", ""},
    {"rubbish", "policy.exec_answer"},
    {"{\"message\":\"x\"", "policy.exec_answer"},
    {"{\"message\":\"x\"} trailing", "policy.exec_answer"},
    {"[]", "policy.exec_answer"},
    {"null", "policy.exec_answer"},
    {"{\"message\":1}", "policy.exec_answer"},
    {"{\"message\":\"a\",\"message\":\"b\"}", "policy.exec_answer"},
    {"{\"message\":\"\\u001b[31mred\"}", "policy.exec_answer"},
    {"{\"message\":\"two\\nlines\"}", "policy.exec_answer"},
    {"{\"message\":\"a\\u202eb\"}", "policy.exec_answer"},
    {"{\"message\":\"nul \\u0000\"}", "policy.exec_answer"},
    {"{\"verdict\":\"issue\"}", "policy.exec_answer"},
    {"{\"properties\":[]}", "policy.exec_answer"},
    {"{\"properties\":{\"ca\":true}}", "policy.exec_answer"},
    {"{\"properties\":{\"subject\":\"CN=root\"}}", "policy.exec_answer"},
    {"{\"properties\":{\"validity_s\":0}}", "policy.exec_answer"},
    {"{\"properties\":{\"validity_s\":-5}}", "policy.exec_answer"},
    {"{\"properties\":{\"validity_s\":\"10\"}}", "policy.exec_answer"},
    {"{\"properties\":{\"validity_s\":1e3}}", "policy.exec_answer"},
    {"{\"properties\":{\"not_after\":\"+10d\"}}", "policy.exec_answer"},
    {"{\"properties\":{\"not_after\":\"tomorrow\"}}", "policy.exec_answer"},
    {"{\"properties\":{\"ekus\":[]}}", "policy.exec_answer"},
    {"{\"properties\":{\"ekus\":[\"serverAuth\"]}}", "policy.exec_answer"},
    {"{\"properties\":{\"key_usage\":[]}}", "policy.exec_answer"},
    {"{\"properties\":{\"key_usage\":[\"root\"]}}", "policy.exec_answer"},
    {"{\"properties\":{\"names\":\"dns:web07.example.com\"}}", "policy.exec_answer"},
    {"{\"properties\":{\"publish\":0}}", "policy.exec_answer"},
    {"{\"extensions\":{}}", "policy.exec_answer"},
    {"{\"extensions\":[{\"oid\":\"1.2.3.99\"}]}", "policy.exec_answer"},
    {"{\"extensions\":[{\"oid\":\"x\",\"value\":\"BQA=\"}]}", "policy.exec_answer"},
    {"{\"extensions\":[{\"oid\":\"1.2.3.99\",\"value\":\"BQ==\"}]}", "policy.exec_answer"},
    {"{\"extensions\":[{\"oid\":\"1.2.3.99\",\"value\":\"BQAA\"}]}", "policy.exec_answer"},
    {"{\"extensions\":[{\"oid\":\"1.2.3.99\",\"value\":\"!\"}]}", "policy.exec_answer"},
    {"{\"extensions\":[{\"oid\":\"1.2.3.99\",\"value\":\"BQA=\",\"origin\":\"officer\"}]}", "policy.exec_answer"},
    {"{\"extensions\":[{\"oid\":\"1.2.3.99\",\"value\":\"BQA=\"},{\"oid\":\"1.2.3.99\",\"value\":\"BQA=\"}]}", "policy.exec_answer"},
    {"{\"properties\":{\"ekus\":[\"1.3.6.1.5.5.7.3.4\"]}}", "policy.exec_widens"},
    {"{\"properties\":{\"ekus\":[\"1.3.6.1.5.5.7.3.1\",\"2.5.29.37.0\"]}}", "policy.exec_widens"},
    {"{\"properties\":{\"names\":[\"dns:web08.example.com\"]}}", "policy.exec_widens"},
    {"{\"properties\":{\"names\":[\"dns:web07.example.com\",\"upn:root@example.com\"]}}", "policy.exec_widens"},
    {"{\"properties\":{\"names\":[\"email:web07.example.com\"]}}", "policy.exec_widens"},
    {"{\"properties\":{\"names\":[\"web07.example.com\"]}}", "policy.exec_widens"},
    {"{\"properties\":{\"key_usage\":[\"keyCertSign\"]}}", "policy.exec_widens"},
    {"{\"extensions\":[{\"oid\":\"1.2.3.98\",\"value\":\"BQA=\"}]}", "policy.exec_widens"},
    {"{\"extensions\":[{\"oid\":\"2.5.29.17\",\"value\":\"MAA=\"}]}", "policy.exec_widens"},
    {"{\"extensions\":[{\"oid\":\"2.5.29.19\",\"value\":\"MAMBAf8=\"}]}", "policy.exec_widens"},
    {"{\"extensions\":[{\"oid\":\"1.2.3.1\",\"value\":\"BQA=\"}]}", "policy.exec_widens"},
};

static void each_answer_is_read_strictly_and_narrows(void **state)
{
    struct strings allowed = {NULL, 0};

    (void)state;
    strings_add(&allowed, "1.2.3.99");
    strings_add(&allowed, "1.2.3.1");
    strings_add(&allowed, "2.5.29.19"); /* even so: the configuration would not start with it */
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct error error = ERROR_NONE;
        struct exec_answer answer;
        struct properties p;
        int status = exec_answer_read(bytes_of_text(answers[i].text), &answer, &error);

        properties_make(&p);
        if (status == OK)
            status = exec_answer_apply(&answer, &allowed, &p, &error);
        if (strcmp(error.reason, answers[i].reason) != 0 || (status == OK) != (*answers[i].reason == '\0'))
            fail_msg("%s: wanted \"%s\", got \"%s\": %s", answers[i].text, answers[i].reason, error.reason, error.message);
        assert_true(p.validity_s > 0 && p.validity_s <= 1000);
        assert_true(p.name_count <= 2 && p.ekus.count <= 2 && p.ekus.count >= 1);
        assert_false(p.ca);
        assert_string_equal(p.subject, "CN=web07");
        if (status != OK) { /* nothing changed */
            assert_int_equal(p.name_count, 2);
            assert_int_equal(p.ekus.count, 2);
            assert_int_equal(p.extension_count, 1);
            assert_int_equal(p.validity_s, 1000);
        }
        properties_free(&p);
        exec_answer_free(&answer);
    }
    strings_free(&allowed);
}

static void what_is_taken_away(void **state)
{
    static const char text[] = "{\"message\":\"less\",\"properties\":{\"validity_s\":10,\"not_after\":\"2099-01-01T00:00:00Z\","
                               "\"ekus\":[\"1.3.6.1.5.5.7.3.2\"],\"names\":[\"email:a@example.com\"],\"key_usage\":[\"digitalSignature\"],"
                               "\"publish\":false},\"extensions\":[{\"oid\":\"1.2.3.99\",\"value\":\"BQA=\",\"critical\":true}]}";
    struct strings allowed = {NULL, 0};
    struct error error = ERROR_NONE;
    struct exec_answer answer;
    struct properties p;

    (void)state;
    strings_add(&allowed, "1.2.3.99");
    properties_make(&p);
    assert_int_equal(exec_answer_read(bytes_of_text(text), &answer, &error), OK);
    assert_int_equal(exec_answer_apply(&answer, &allowed, &p, &error), OK);
    assert_int_equal(p.validity_s, 10);
    assert_true(p.not_after > 4000000000);
    assert_int_equal(p.ekus.count, 1);
    assert_string_equal(p.ekus.items[0], "1.3.6.1.5.5.7.3.2");
    assert_int_equal(p.name_count, 1);
    assert_string_equal(p.names[0].value, "a@example.com");
    assert_int_equal(p.key_usage, KEY_USAGE_DIGITAL_SIGNATURE);
    assert_false(p.publish);
    assert_int_equal(p.extension_count, 2);
    assert_true(p.extensions[1].critical && p.extensions[1].origin == ORIGIN_POLICY);
    properties_free(&p);
    exec_answer_free(&answer);
    strings_free(&allowed);
}

/* ---- the module ---- */

static struct {
    struct chancery_run run;
    const char *output;
    int status; /* of the starting itself */
    struct buf input;
} program;

static int runner(void *argument, const char *module, struct bytes input, struct chancery_run *run, struct error *error)
{
    (void)argument;
    assert_string_equal(module, "exec");
    buf_clear(&program.input);
    buf_add(&program.input, input.data, input.size);
    *run = (struct chancery_run){.end = program.run.end, .status = program.run.status, .output = BUF_EMPTY};
    buf_add_text(&run->output, program.output ? program.output : "");
    return program.status ? error_set(error, program.status, "forker.spawn", "no forker") : OK;
}

static enum chancery_verdict give_names(void *state, struct chancery_request *request)
{
    (void)state;
    properties_make(chancery_request_properties(request));
    chancery_set_message(request, "policy.issued", "issued by template User");
    return CHANCERY_ISSUE;
}

static const struct chancery_module before = {.abi = CHANCERY_MODULE_ABI, .name = "before", .kind = CHANCERY_POLICY, .verify_request = give_names};

static void conf_make(const char *text, struct conf **conf, struct error *error)
{
    static const struct conf_item policy_items[] = {{"policy", "modules", CONF_LIST, NULL, "", 0, 0}, {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0}};
    const struct conf_item *const tables[] = {policy_items, chancery_module.items, NULL};
    char path[] = "/tmp/test-exec.XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    if (conf_load(path, tables, conf, error) != OK)
        fail_msg("%s", error->message);
    unlink(path);
}

static void judge(struct policy_result *result)
{
    struct identity who = {.uid = 1000, .account = (char *)"alice", .dn = (char *)"uid=alice,dc=example,dc=com"};
    struct request request = {.id = 7, .template_name = (char *)"User", .subject = (char *)"CN=web07", .submitted_at = 1000000000};
    struct policy_input input = {.request = &request, .requester = &who, .key_algorithm = "ecdsa", .key_bits = 256};
    struct error error = ERROR_NONE;
    struct policy *policy = NULL;
    struct conf *conf = NULL;

    conf_make("[policy]\nmodules = before exec\n[policy.exec]\nprogram = /bin/true\nextensions = 1.2.3.99\n", &conf, &error);
    assert_int_equal(policy_load(NULL, NULL, &policy, &error), OK);
    assert_int_equal(policy_add(policy, &before, &error), OK);
    assert_int_equal(policy_add(policy, &chancery_module, &error), OK);
    if (policy_check(policy, conf, &error) != OK || policy_open(policy, conf, &error) != OK)
        fail_msg("%s", error.message);
    policy_set_runner(policy, runner, NULL);
    policy_verify(policy, &input, result);
    policy_close(policy);
    conf_free(conf);
}

static void only_a_good_end_is_a_verdict(void **state)
{
    static const struct {
        enum chancery_run_end end;
        int exit_status, starting;
        const char *output;
        enum chancery_verdict verdict;
        const char *reason, *message;
    } rows[] = {
        {CHANCERY_RUN_EXITED, 0, 0, "", CHANCERY_ISSUE, "policy.issued", "issued by template User"},
        {CHANCERY_RUN_EXITED, 0, 0, "{\"message\":\"fine\"}", CHANCERY_ISSUE, "policy.exec", "fine"},
        {CHANCERY_RUN_EXITED, 2, 0, "{\"message\":\"no\"}", CHANCERY_DENY, "policy.exec_denied", "no"},
        {CHANCERY_RUN_EXITED, 2, 0, "", CHANCERY_DENY, "policy.exec_denied", "denied"},
        {CHANCERY_RUN_EXITED, 3, 0, "", CHANCERY_PEND, "policy.exec_pending", "officer"},
        {CHANCERY_RUN_EXITED, 75, 0, "{\"message\":\"later\"}", CHANCERY_TRY_AGAIN, "policy.exec_again", "later"},
        {CHANCERY_RUN_EXITED, 1, 0, "", CHANCERY_TRY_AGAIN, "policy.exec_failed", "1"},
        {CHANCERY_RUN_EXITED, 127, 0, "", CHANCERY_TRY_AGAIN, "policy.exec_failed", "127"},
        {CHANCERY_RUN_EXITED, 0, 0, "yes", CHANCERY_TRY_AGAIN, "policy.exec_answer", "JSON"},
        {CHANCERY_RUN_EXITED, 2, 0, "no", CHANCERY_TRY_AGAIN, "policy.exec_answer", "JSON"},
        {CHANCERY_RUN_EXITED, 3, 0, "{\"x\":1}", CHANCERY_TRY_AGAIN, "policy.exec_answer", "nothing else"},
        {CHANCERY_RUN_EXITED, 0, 0, "{\"properties\":{\"names\":[\"dns:evil.example.com\"]}}", CHANCERY_TRY_AGAIN, "policy.exec_widens", "evil"},
        {CHANCERY_RUN_EXITED, 3, 0, "{\"properties\":{\"names\":[\"dns:evil.example.com\"]}}", CHANCERY_TRY_AGAIN, "policy.exec_widens", "evil"},
        {CHANCERY_RUN_EXITED, 0, 0, "{\"properties\":{\"not_after\":\"2001-01-01T00:00:00Z\"}}", CHANCERY_TRY_AGAIN, "policy.exec_answer", "passed"},
        {CHANCERY_RUN_KILLED, 11, 0, "", CHANCERY_TRY_AGAIN, "policy.exec_failed", "signal 11"},
        {CHANCERY_RUN_TIMEOUT, 0, 0, "", CHANCERY_TRY_AGAIN, "policy.exec_timeout", "timeout"},
        {CHANCERY_RUN_TOO_MUCH, 0, 0, "", CHANCERY_TRY_AGAIN, "policy.exec_output", "output"},
        {CHANCERY_RUN_NOT_STARTED, 0, 0, "", CHANCERY_TRY_AGAIN, "policy.exec_start", "root"},
        {CHANCERY_RUN_NOT_STARTED, 11, 0, "", CHANCERY_TRY_AGAIN, "policy.exec_start", "unavailable"},
        {CHANCERY_RUN_EXITED, 0, TEMPORARY, "", CHANCERY_TRY_AGAIN, "forker.spawn", "forker"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct policy_result result;

        program.run = (struct chancery_run){.end = rows[i].end, .status = rows[i].exit_status, .output = BUF_EMPTY};
        program.output = rows[i].output;
        program.status = rows[i].starting;
        judge(&result);
        if (result.verdict != rows[i].verdict || strcmp(result.reason, rows[i].reason) || !strstr(result.message, rows[i].message))
            fail_msg("row %zu: wanted %d %s, got %d %s: %s", i, rows[i].verdict, rows[i].reason, result.verdict, result.reason, result.message);
        policy_result_free(&result);
    }
}

static void it_is_told_the_request(void **state)
{
    const char *account = "", *template_name = "", *subject = "", *algorithm = "", *name = "";
    struct policy_result result;
    json_error_t fault;
    json_t *told;
    int version = 0, id = 0, bits = 0, resubmission = 1, validity = 0;

    (void)state;
    program.run = (struct chancery_run){.end = CHANCERY_RUN_EXITED, .output = BUF_EMPTY};
    program.output = "";
    program.status = OK;
    judge(&result);
    told = json_loads(buf_text(&program.input), 0, &fault);
    if (!told || json_unpack_ex(told, &fault, 0, "{s:i, s:{s:i, s:b, s:s, s:s, s:{s:s, s:i}}, s:{s:s}, s:{s:i, s:[s, s]}}", "version", &version,
                                "request", "id", &id, "resubmission", &resubmission, "template", &template_name, "subject", &subject, "key",
                                "algorithm", &algorithm, "bits", &bits, "requester", "account", &account, "certificate", "validity_s", &validity,
                                "names", &name, &subject) != 0)
        fail_msg("%s: %s", fault.text, buf_text(&program.input));
    assert_int_equal(version, 1);
    assert_int_equal(id, 7);
    assert_false(resubmission);
    assert_int_equal(bits, 256);
    assert_int_equal(validity, 1000);
    assert_string_equal(name, "dns:web07.example.com");
    assert_string_equal(account, "alice");
    assert_string_equal(algorithm, "ecdsa");
    json_decref(told);
    policy_result_free(&result);
}

static void a_configuration_that_would_widen_does_not_start(void **state)
{
    static const struct {
        const char *text, *reason;
    } rows[] = {
        {"[policy]\nmodules = enterprise exec\n[policy.exec]\nextensions = 1.2.3.99\n", ""},
        {"[policy]\nmodules = exec enterprise\n", "policy.order"},
        {"[policy]\nmodules = exec\n", "policy.order"},
        {"[policy]\nmodules = enterprise exec\n[policy.exec]\nextensions = 2.5.29.17\n", "policy.config"},
        {"[policy]\nmodules = enterprise exec\n[policy.exec]\nextensions = 2.5.29.19\n", "policy.config"},
        {"[policy]\nmodules = enterprise exec\n[policy.exec]\nextensions = name\n", "policy.config"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = ERROR_NONE;
        struct conf *conf = NULL;

        conf_make(rows[i].text, &conf, &error);
        chancery_module.check(conf, &error);
        if (strcmp(error.reason, rows[i].reason) != 0)
            fail_msg("%s: wanted \"%s\", got \"%s\"", rows[i].text, rows[i].reason, error.reason);
        conf_free(conf);
    }
}

static int clean(void **state)
{
    (void)state;
    buf_free(&program.input);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_is_read_strictly_and_narrows), cmocka_unit_test(what_is_taken_away),
        cmocka_unit_test(only_a_good_end_is_a_verdict), cmocka_unit_test(it_is_told_the_request),
        cmocka_unit_test(a_configuration_that_would_widen_does_not_start),
    };

    return cmocka_run_group_tests(tests, NULL, clean);
}
