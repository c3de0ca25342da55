/* The policy module "standalone" over the templates that are shipped for it: what waits for how many officers, and what is denied
 * because there is no directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/base/file.h"
#include "ca/base/oid.h"
#include "ca/policy/policy.h"
#include "ca/template_text.h"

extern const struct chancery_module chancery_module; /* ca/policy/standalone.c */

struct world {
    struct conf *conf;
    struct policy *policy;
    struct template ca, web, client, entry;
};

static void template_take(const char *name, const char *from, const char *to, struct template *out)
{
    const char *folder = getenv("top_srcdir");
    struct buf path = BUF_EMPTY, text = BUF_EMPTY, changed = BUF_EMPTY;
    struct error error = ERROR_NONE;

    buf_printf(&path, "%s/conf/templates/%s.template", folder ? folder : ".", name);
    if (file_read(buf_text(&path), 65536, &text, &error) != OK)
        fail_msg("%s", error.message);
    for (const char *at = buf_text(&text); *at;) {
        const char *hit = from ? strstr(at, from) : NULL;
        size_t size = hit ? (size_t)(hit - at) : strlen(at);
        buf_add(&changed, at, size);
        at += size;
        if (hit) {
            buf_add_text(&changed, to);
            at += strlen(from);
        }
    }
    if (template_from_text(buf_bytes(&changed), out, &error) != OK)
        fail_msg("%s: %s", name, error.message);
    buf_free(&path);
    buf_free(&text);
    buf_free(&changed);
}

static int conf_make(const char *text, struct conf **conf)
{
    static const struct conf_item rows[] = {{"policy", "modules", CONF_LIST, "standalone", "", 0, 0},
                                            {"certificate", "policies", CONF_LIST, NULL, "", 0, 0},
                                            {"certificate", "privileged_policies", CONF_LIST, NULL, "", 0, 0},
                                            {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0}};
    const struct conf_item *const tables[] = {rows, chancery_module.items, NULL};
    struct error error = ERROR_NONE;
    char path[] = "/tmp/test-standalone.XXXXXX";
    int fd = mkstemp(path), status;

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd))
        return -1;
    status = conf_load(path, tables, conf, &error);
    unlink(path);
    return status;
}

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct error error = ERROR_NONE;

    if (!w || conf_make("[policy]\nmodules = standalone\n", &w->conf) != OK || policy_load(NULL, NULL, &w->policy, &error) != OK ||
        policy_add(w->policy, &chancery_module, &error) != OK || policy_check(w->policy, w->conf, &error) != OK ||
        policy_open(w->policy, w->conf, &error) != OK) {
        print_message("%s\n", error.message);
        return -1;
    }
    template_take("SubordinateCA", NULL, NULL, &w->ca);
    template_take("WebServer", NULL, NULL, &w->web);
    template_take("WebServer", "1.3.6.1.5.5.7.3.1 (serverAuth)", "1.3.6.1.5.5.7.3.2 (clientAuth)", &w->client);
    template_take("WebServer", "enrollee-supplies-subject", "subject-common-name", &w->entry);
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;

    policy_close(w->policy);
    conf_free(w->conf);
    template_free(&w->ca);
    template_free(&w->web);
    template_free(&w->client);
    template_free(&w->entry);
    free(w);
    return 0;
}

enum what { CA, WEB, CLIENT, ENTRY, NONE };
static const uint8_t ca_true[] = {0x30, 0x03, 0x01, 0x01, 0xff};

static void each_request_is_judged(void **state)
{
    static const struct {
        const char *what;
        enum what template;
        const char *subject, *dns;
        unsigned bits;
        bool ca;              /* the request asks for CA:TRUE */
        const char *officers; /* that have approved, by blanks; NULL: submitted */
        enum chancery_verdict verdict;
        const char *reason;
        unsigned needed;
    } rows[] = {
        {"a server waits", WEB, "CN=web07.example.com", "web07.example.com", 256, false, NULL, CHANCERY_PEND, "approval.needed", 1},
        {"one officer is enough", WEB, "CN=web07.example.com", "web07.example.com", 256, false, "carol", CHANCERY_ISSUE, "policy.issued", 1},
        {"not the requester himself", WEB, "CN=web07.example.com", "web07.example.com", 256, false, "bob", CHANCERY_PEND, "approval.needed", 1},
        {"approvals count when one approves", WEB, "", "web07.example.com", 256, false, "carol dave", CHANCERY_ISSUE, "policy.issued", 1},
        {"a server without names", WEB, "CN=web07.example.com", NULL, 256, false, NULL, CHANCERY_DENY, "subject.no_names", 0},
        {"a name that is none", WEB, "CN=x", "web07 example", 256, false, NULL, CHANCERY_DENY, "subject.san", 0},
        {"a small key", WEB, "CN=x", "web07.example.com", 224, false, NULL, CHANCERY_DENY, "key.size", 0},
        {"a server that would be a CA", WEB, "CN=x", "web07.example.com", 256, true, "carol dave", CHANCERY_DENY, "request.extension", 0},
        {"a CA waits for two", CA, "CN=Issuing CA,O=Example", NULL, 256, true, NULL, CHANCERY_PEND, "approval.needed", 2},
        {"a CA after one", CA, "CN=Issuing CA,O=Example", NULL, 256, true, "carol", CHANCERY_PEND, "approval.partial", 2},
        {"a CA after one and the requester", CA, "CN=Issuing CA,O=Example", NULL, 256, true, "carol bob", CHANCERY_PEND, "approval.partial", 2},
        {"a CA after the same one twice", CA, "CN=Issuing CA,O=Example", NULL, 256, true, "carol carol", CHANCERY_PEND, "approval.partial", 2},
        {"a CA after two", CA, "CN=Issuing CA,O=Example", NULL, 256, true, "carol dave", CHANCERY_ISSUE, "policy.issued", 2},
        {"a CA without a subject", CA, "", "ca.example.com", 256, true, "carol dave", CHANCERY_DENY, "subject.no_names", 0},
        {"a subject with a terminal's escape", CA, "CN=Issuing \x1b[31mCA", NULL, 256, true, NULL, CHANCERY_DENY, "subject.text", 0},
        {"for clients", CLIENT, "CN=alice", "alice.example.com", 256, false, "carol", CHANCERY_DENY, "subject.no_identifier", 0},
        {"names from an entry", ENTRY, "CN=alice", NULL, 256, false, "carol", CHANCERY_DENY, "standalone.needs_directory", 0},
        {"no such template", NONE, "CN=alice", NULL, 256, false, "carol", CHANCERY_DENY, "template.unknown", 0},
    };
    struct world *w = *state;
    const struct template *const templates[] = {&w->ca, &w->web, &w->client, &w->entry, NULL};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct identity who = {.uid = 1000, .account = (char *)"bob"};
        struct general_name name = {NAME_DNS, (char *)rows[i].dns};
        struct extension constraints = {.oid = (char *)OID_BASIC_CONSTRAINTS, .value = (uint8_t *)ca_true, .size = sizeof ca_true};
        struct approval approvals[4] = {{NULL, NULL, 0}};
        struct strings officers = {NULL, 0};
        struct policy_result result;

        if (rows[i].officers)
            strings_split(&officers, rows[i].officers, " ");
        for (size_t j = 0; j < officers.count; j++)
            approvals[j] = (struct approval){officers.items[j], NULL, 1};
        struct request request = {.template_name = (char *)"T", .subject = (char *)rows[i].subject, .requester = (char *)"bob",
                                  .approvals = approvals, .approval_count = officers.count};
        struct policy_input input = {.request = &request, .requester = &who, .resubmission = rows[i].officers != NULL,
                                     .template = templates[rows[i].template], .names = &name, .name_count = rows[i].dns != NULL,
                                     .extensions = &constraints, .extension_count = rows[i].ca, .key_algorithm = "ecdsa", .key_bits = rows[i].bits};
        policy_verify(w->policy, &input, &result);
        if (result.verdict != rows[i].verdict || strcmp(result.reason, rows[i].reason) != 0)
            fail_msg("%s: wanted %d %s, got %d %s: %s", rows[i].what, rows[i].verdict, rows[i].reason, result.verdict, result.reason, result.message);
        if (rows[i].needed && result.properties.approvals_needed != rows[i].needed)
            fail_msg("%s: wanted %u officers, got %u", rows[i].what, rows[i].needed, result.properties.approvals_needed);
        if (rows[i].verdict != CHANCERY_DENY) {
            assert_string_equal(result.properties.subject, rows[i].subject);
            assert_int_equal(result.properties.ca, rows[i].template == CA);
            assert_false(result.properties.publish);
        }
        policy_result_free(&result);
        strings_free(&officers);
    }
}

static void a_configuration_with_two_sources_of_names_does_not_start(void **state)
{
    static const struct {
        const char *text, *reason;
    } rows[] = {
        {"[policy]\nmodules = standalone\n", ""},
        {"[policy]\nmodules = standalone exec\n", ""},
        {"[policy]\nmodules = standalone enterprise\n", "policy.order"},
        {"[policy]\nmodules = enterprise standalone\n", "policy.order"},
        {"[certificate]\npolicies = 2.5.29.32.0\n", "policy.config"},
        {"[certificate]\nprivileged_policies = 1.2.3.4\n", "policy.config"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = ERROR_NONE;
        struct conf *conf = NULL;

        assert_int_equal(conf_make(rows[i].text, &conf), OK);
        chancery_module.check(conf, &error);
        if (strcmp(error.reason, rows[i].reason) != 0)
            fail_msg("%s: wanted \"%s\", got \"%s\"", rows[i].text, rows[i].reason, error.reason);
        conf_free(conf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_request_is_judged),
                                       cmocka_unit_test(a_configuration_with_two_sources_of_names_does_not_start)};

    return cmocka_run_group_tests(tests, begin, end);
}
