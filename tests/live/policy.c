/* The directory and the enterprise policy against a real slapd, which policy.sh starts: identities, groups, fail-over,
 * time limits, and the table of verdicts. The module is loaded as the daemon loads it. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/base/clock.h"
#include "ca/base/file.h"
#include "ca/base/oid.h"
#include "ca/directory/identity.h"
#include "ca/directory/templates.h"
#include "ca/policy/policy.h"

#define PEOPLE "ou=people,dc=example,dc=com"
#define HOSTS "ou=hosts,dc=example,dc=com"
#define GROUPS "ou=groups,dc=example,dc=com"
#define TEMPLATES "cn=templates,ou=pki,dc=example,dc=com"
#define ALICE "uid=alice," PEOPLE
#define WEB07 "cn=web07," HOSTS

static const struct conf_item directory_items[] = {DIRECTORY_ITEMS("directory"),
    {"certificate", "policies", CONF_LIST, NULL, "", 0, 0}, {"certificate", "privileged_policies", CONF_LIST, NULL, "", 0, 0}, {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0}};

struct world {
    struct conf *conf;
    struct directory *directory;
    struct policy *policy;
};

static const char *env(const char *name)
{
    const char *value = getenv(name);

    if (!value)
        fail_msg("%s is not set: run tests/live/policy.sh", name);
    return value;
}

static struct conf *conf_of(struct policy *policy, const char *directory, const char *rest)
{
    struct buf text = BUF_EMPTY, path = BUF_EMPTY;
    struct conf *conf = NULL;
    struct error error = ERROR_NONE;
    const struct conf_item *tables[] = {directory_items, identity_items, policy ? policy_module(policy, 0)->items : NULL, NULL};

    buf_printf(&text, "[directory]\nbase = dc=example,dc=com\n%s\n%s\n", directory, rest);
    buf_printf(&path, "%s/test.conf", env("SLAPD_DIR"));
    assert_int_equal(file_write(buf_text(&path), buf_bytes(&text), 0600, true, &error), OK);
    if (conf_load(buf_text(&path), tables, &conf, &error) != OK)
        fail_msg("%s", error.message);
    buf_free(&text);
    buf_free(&path);
    return conf;
}

static struct directory *directory_of(const char *settings, struct error *error)
{
    struct directory *directory = NULL;
    struct conf *conf = conf_of(NULL, settings, "");

    directory_open(conf, "directory", &directory, error);
    conf_free(conf);
    return directory;
}

static int world_make(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct strings names = {NULL, 0};
    struct buf directory = BUF_EMPTY;
    struct error error = ERROR_NONE;

    strings_add(&names, "enterprise");
    buf_printf(&directory, "uri = %s\nnetwork_timeout = 1s\noperation_timeout = 2s\n", env("SLAPD_LDAPI"));
    if (policy_load(env("MODULES"), &names, &w->policy, &error) != OK)
        fail_msg("%s", error.message);
    w->conf = conf_of(w->policy, buf_text(&directory),
                      "[identity]\nbase = " PEOPLE "; " HOSTS "\n[identity.0]\ndn = UID=alice, " PEOPLE
                      "\n[certificate]\npolicies = 1.2.3.4 1.2.3.5\nprivileged_policies = 1.2.3.5\n");
    if (identity_check(w->conf, &error) || policy_check(w->policy, w->conf, &error) || policy_open(w->policy, w->conf, &error) ||
        directory_open(w->conf, "directory", &w->directory, &error))
        fail_msg("%s", error.message);
    strings_free(&names);
    buf_free(&directory);
    *state = w;
    return 0;
}

static int world_free(void **state)
{
    struct world *w = *state;

    policy_close(w->policy);
    directory_close(w->directory);
    conf_free(w->conf);
    free(w);
    return 0;
}

/* ---- identities and groups ---- */

static void identities_map(void **state)
{
    static const struct {
        int64_t uid;
        const char *dn, *reason;
    } rows[] = {
        {60001, ALICE, ""},        {60001, ALICE, ""}, /* from the cache */
        {60107, WEB07, ""},        {0, ALICE, ""},
        {60999, NULL, "identity.ambiguous"}, {61234, NULL, "identity.none"}, {-1, NULL, "identity.none"},
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = ERROR_NONE;
        char *dn = NULL;
        int status = identity_map(w->directory, w->conf, rows[i].uid, "x", &dn, &error);
        assert_int_equal(status, rows[i].dn ? OK : REFUSED);
        assert_string_equal(error.reason, rows[i].reason);
        assert_true(rows[i].dn ? dn_equal(dn, rows[i].dn) : dn == NULL);
        free(dn);
    }
}

static void root_maps_by_an_explicit_line_alone(void **state)
{
    struct world *w = *state;
    struct conf *conf = conf_of(NULL, "uri = ldapi:///", "[identity]\nfilter = (uidNumber=%u)\n");
    struct error error = ERROR_NONE;
    char *dn;

    assert_int_equal(identity_map(w->directory, conf, 0, "root", &dn, &error), REFUSED);
    assert_string_equal(error.reason, "identity.none");
    conf_free(conf);
}

static bool is_member(struct world *w, const char *dn, const char *group, bool fresh)
{
    struct strings groups = {NULL, 0};
    bool member;

    strings_add(&groups, group);
    assert_int_equal(directory_is_member(w->directory, dn, &groups, fresh, &member, NULL), OK);
    strings_free(&groups);
    return member;
}

static void groups_nest_and_loops_end(void **state)
{
    struct world *w = *state;

    assert_true(is_member(w, ALICE, "cn=pki-users," GROUPS, false));
    assert_true(is_member(w, ALICE, "CN=pki-webmasters, " GROUPS, false)); /* through web-team */
    assert_true(is_member(w, ALICE, ALICE, false));
    assert_false(is_member(w, "uid=bob," PEOPLE, "cn=pki-webmasters," GROUPS, false));
    assert_true(is_member(w, "uid=dave," PEOPLE, "cn=pki-users," GROUPS, false)); /* loop-a in loop-b in loop-a */
    assert_false(is_member(w, "uid=nobody," PEOPLE, "cn=pki-users," GROUPS, false));
}

/* What is cached stays for a while; fresh sees the change. */
static void fresh_sees_what_the_cache_does_not(void **state)
{
    struct world *w = *state;
    struct error error = ERROR_NONE;
    struct directory *admin = directory_of(env("ADMIN_CONF"), &error);
    const struct bytes member = bytes_of_text("uid=bob," PEOPLE);
    const struct directory_change add = {MOD_ADD, "member", &member, 1}, drop = {MOD_DELETE, "member", &member, 1};

    assert_false(is_member(w, "uid=bob," PEOPLE, "cn=web-team," GROUPS, false));
    assert_int_equal(directory_modify(admin, "cn=web-team," GROUPS, &add, 1, &error), OK);
    assert_int_equal(directory_modify(admin, "cn=web-team," GROUPS, &add, 1, &error), REFUSED);
    assert_string_equal(error.reason, "directory.exists");
    assert_false(is_member(w, "uid=bob," PEOPLE, "cn=web-team," GROUPS, false));
    assert_true(is_member(w, "uid=bob," PEOPLE, "cn=web-team," GROUPS, true));
    error_clear(&error);
    assert_int_equal(directory_modify(admin, "cn=web-team," GROUPS, &drop, 1, &error), OK);
    assert_false(is_member(w, "uid=bob," PEOPLE, "cn=web-team," GROUPS, true));
    directory_close(admin);
}

static void searches_say_what_they_left_out(void **state)
{
    struct world *w = *state;
    struct directory_entries entries;
    struct error error = ERROR_NONE;

    assert_int_equal(directory_search(w->directory, PEOPLE, SCOPE_ONE, NULL, NULL, 2, &entries, &error), OK);
    assert_int_equal(entries.count, 2);
    assert_true(entries.truncated);
    directory_entries_free(&entries);
    assert_int_equal(directory_search(w->directory, "ou=nowhere,dc=example,dc=com", SCOPE_SUBTREE, NULL, NULL, 2, &entries, &error), OK);
    assert_int_equal(entries.count, 0);
    assert_false(entries.truncated);
    assert_int_equal(directory_search(w->directory, PEOPLE, SCOPE_ONE, "(uid=", NULL, 2, &entries, &error), BAD_DATA);
    assert_string_equal(error.reason, "directory.filter");
    assert_true(directory_supports(w->directory, "1.3.6.1.1.21.1"));
    assert_true(directory_knows_class(w->directory, "PKICERTIFICATETEMPLATE"));
    assert_false(directory_knows_class(w->directory, "noSuchClass"));
}

static void the_authority_writes_nothing(void **state)
{
    struct world *w = *state;
    struct error error = ERROR_NONE;
    const struct bytes mail = bytes_of_text("bob@example.com");
    const struct directory_change change = {MOD_REPLACE, "mail", &mail, 1};

    assert_int_equal(directory_modify(w->directory, ALICE, &change, 1, &error), REFUSED);
    assert_string_equal(error.reason, "directory.access");
}

/* ---- connections ---- */

static void the_second_server_answers(void **state)
{
    char settings[300];
    struct error error = ERROR_NONE;

    snprintf(settings, sizeof settings, "uri = ldap://127.0.0.1:1 %s\nbind = anonymous\nnetwork_timeout = 1s\n", env("SLAPD_URI"));
    struct directory *d = directory_of(settings, &error);
    assert_non_null(d);
    assert_int_equal(directory_ping(d, &error), OK);
    directory_close(d);
}

/* A server that takes the connection and says nothing costs the operation's limit, and the next caller nothing. */
static void a_silent_server_is_left(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char settings[300];
    struct error error = ERROR_NONE;

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    snprintf(settings, sizeof settings, "uri = ldap://127.0.0.1:%d\nbind = anonymous\nnetwork_timeout = 1s\noperation_timeout = 1s\n",
             ntohs(address.sin_port));
    struct directory *d = directory_of(settings, &error);
    int64_t start = clock_monotonic_ms();
    assert_int_equal(directory_ping(d, &error), TEMPORARY);
    assert_string_equal(error.reason, "directory.timeout");
    assert_true(clock_monotonic_ms() - start < 3500);
    start = clock_monotonic_ms();
    error_clear(&error);
    assert_int_equal(directory_ping(d, &error), TEMPORARY);
    assert_true(clock_monotonic_ms() - start < 500);
    directory_close(d);
    close(fd);
}

static void clear_text_passwords_are_refused(void **state)
{
    static const struct {
        const char *settings, *reason;
    } rows[] = {
        {"uri = ldap://ldap.example.com\nbind = simple\nbind_dn = cn=x\nbind_password_file = /dev/null", "directory.cleartext"},
        {"uri = ldap://127.0.0.1.example.com\nbind = simple\nbind_dn = cn=x\nbind_password_file = /dev/null", "directory.cleartext"},
        {"uri = ldap://127.0.0.1\nbind = simple\nbind_dn = cn=x\nbind_password_file = /dev/null", "directory.config"},
        {"uri = ldap://ldap.example.com\nbind = external", "directory.config"},
        {"uri = http://ldap.example.com\nbind = anonymous", "directory.config"},
        {"uri = ldapi:///\nbind = perhaps", "directory.config"},
        {"bind = external", "directory.config"},
        {"uri = ldaps://ldap.example.com\nbind = anonymous\ntls_priority = NORMAL:-VERS-ALL:+VERS-TLS1.0", "directory.tls"},
        {"uri = ldapi:///\nbind = external\ntls_priority = NORMAL:+NULL", "directory.tls"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = ERROR_NONE;
        assert_null(directory_of(rows[i].settings, &error));
        assert_int_equal(error.status, BAD_CONFIG);
        assert_string_equal(error.reason, rows[i].reason);
    }
}

/* ldaps and StartTLS: only with a root that was named, only under the name that was asked for, only with TLS 1.2 and later. */
static void servers_must_prove_who_they_are(void **state)
{
    const char *port = strrchr(env("SLAPD_URI"), ':'), *tls_port = strrchr(env("SLAPD_LDAPS"), ':');
    char other[300], name[100], clear_name[100];
    const struct {
        const char *uri, *ca, *more;
        int status;
    } cases[] = {
        {env("SLAPD_LDAPS"), env("SLAPD_CA"), "", OK},
        {env("SLAPD_URI"), env("SLAPD_CA"), "starttls = yes", OK},
        {env("SLAPD_LDAPS"), other, "", TEMPORARY},
        {env("SLAPD_URI"), other, "starttls = yes", TEMPORARY},
        {name, env("SLAPD_CA"), "", TEMPORARY},
        {clear_name, env("SLAPD_CA"), "starttls = yes", TEMPORARY},
        {env("SLAPD_LDAPS"), env("SLAPD_CA"), "tls_priority = SECURE128:-VERS-ALL:+VERS-TLS1.2", OK},
    };

    snprintf(other, sizeof other, "%s/other.pem", env("SLAPD_DIR"));
    snprintf(name, sizeof name, "ldaps://localhost%s", tls_port); /* the certificate is for 127.0.0.1 */
    snprintf(clear_name, sizeof clear_name, "ldap://localhost%s", port);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char settings[700];
        struct error error = ERROR_NONE;
        snprintf(settings, sizeof settings, "uri = %s\nbind = anonymous\nca_file = %s\n%s\n", cases[i].uri, cases[i].ca, cases[i].more);
        struct directory *d = directory_of(settings, &error);
        if (!d || directory_ping(d, &error) != cases[i].status)
            fail_msg("case %zu: %d %s", i, error.status, error.message);
        directory_close(d);
    }
}

/* ---- templates ---- */

static void templates_are_read(void **state)
{
    struct world *w = *state;
    struct strings names = {NULL, 0};
    struct template t;
    struct template_finding findings[TEMPLATE_FINDINGS_MAX];
    struct error error = ERROR_NONE;

    assert_int_equal(directory_template_names(w->directory, TEMPLATES, &names, &error), OK);
    assert_true(names.count >= 3);
    for (size_t i = 0; i < names.count; i++) {
        if (strcmp(names.items[i], "Twice") == 0 || strcmp(names.items[i], "Other") == 0)
            continue; /* below */
        assert_int_equal(directory_template_fetch(w->directory, TEMPLATES, names.items[i], &t, NULL, &error), OK);
        assert_int_equal(template_lint(&t, findings), 0);
        template_free(&t);
    }
    strings_free(&names);
    assert_int_equal(directory_template_fetch(w->directory, TEMPLATES, "*", &t, NULL, &error), REFUSED);
    assert_string_equal(error.reason, "template.unknown");
    error_clear(&error);
    assert_int_equal(directory_template_fetch(w->directory, TEMPLATES, "Twice", &t, NULL, &error), REFUSED);
    assert_string_equal(error.reason, "template.ambiguous");
    error_clear(&error); /* one entry with two names is two truths */
    assert_int_equal(directory_template_fetch(w->directory, TEMPLATES, "Other", &t, NULL, &error), BAD_DATA);
    assert_string_equal(error.reason, "template.attribute");
}

/* ---- modules ---- */

static void modules_are_loaded_from_a_guarded_place(void **state)
{
    struct strings names = {NULL, 0};
    struct policy *policy;
    struct error error = ERROR_NONE;
    char place[300];

    snprintf(place, sizeof place, "%s/modules", env("SLAPD_DIR"));
    assert_int_equal(mkdir(place, 0700), 0);
    strings_add(&names, "../enterprise");
    assert_int_equal(policy_load(place, &names, &policy, &error), BAD_CONFIG);
    assert_string_equal(error.reason, "module.name");
    strings_free(&names);
    error_clear(&error);
    strings_add(&names, "absent");
    assert_int_equal(policy_load(place, &names, &policy, &error), BAD_CONFIG);
    error_clear(&error);
    assert_int_equal(chmod(place, 0777), 0);
    assert_int_equal(policy_load(place, &names, &policy, &error), BAD_CONFIG);
    assert_string_equal(error.reason, "module.directory");
    strings_free(&names);
}

/* ---- verdicts ---- */

struct row {
    const char *who, *template, *subject;
    struct general_name names[3];
    const char *extension, *value; /* value: DER, size octets */
    size_t size;
    unsigned rsa_bits; /* 0: ECDSA P-256 */
    enum chancery_verdict verdict;
    const char *reason;
    unsigned approvals; /* given: then it is a resubmission */
    const char *attribute;
};
#define N(k, v) {k, (char *)v}

static struct extension extension_of(const struct row *row)
{
    return (struct extension){.oid = (char *)row->extension, .value = (uint8_t *)row->value, .size = row->size, .origin = ORIGIN_REQUEST};
}

static void verdict_of(struct world *w, const struct row *row, struct policy_result *result)
{
    struct template t = {NULL};
    bool adopted = directory_template_fetch(w->directory, TEMPLATES, row->template, &t, NULL, NULL) == OK;
    struct identity who = {.uid = 1, .account = (char *)"requester", .dn = (char *)row->who};
    struct approval approvals[] = {{(char *)"carol", NULL, 1}, {(char *)"carol", NULL, 2}, {(char *)"olga", NULL, 3}};
    struct attribute attribute = {(char *)row->attribute, (char *)"upn=bob@example.com", ORIGIN_REQUEST};
    struct request request = {.template_name = (char *)row->template,
                              .subject = (char *)row->subject,
                              .requester_dn = (char *)row->who,
                              .approvals = approvals,
                              .approval_count = row->approvals,
                              .attributes = &attribute,
                              .attribute_count = row->attribute ? 1 : 0};
    struct extension extension = extension_of(row);
    struct policy_input input = {.request = &request,
                                 .requester = &who,
                                 .resubmission = row->approvals > 0,
                                 .template = adopted ? &t : NULL,
                                 .names = row->names,
                                 .extensions = &extension,
                                 .extension_count = row->extension ? 1 : 0,
                                 .key_algorithm = row->rsa_bits ? "rsa" : "ecdsa",
                                 .key_bits = row->rsa_bits ? row->rsa_bits : 256};
    while (input.name_count < 3 && row->names[input.name_count].kind)
        input.name_count++;
    policy_verify(w->policy, &input, result);
    template_free(&t);
}

#define WEB "CN=shop.example.com"
#define CA_TRUE "\x30\x03\x01\x01\xff"
#define EKU_CLIENT "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02"
#define EKU_CODE "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x03"
#define POLICY_ONE "\x30\x07\x30\x05\x06\x03\x2a\x03\x04"

static const struct row rows[] = {
    {ALICE, "User", "CN=alice", {{0}}, NULL, NULL, 0, 0, CHANCERY_ISSUE, "policy.issued", 0, NULL},
    {ALICE, "User", "", {{0}}, NULL, NULL, 0, 2048, CHANCERY_ISSUE, "policy.issued", 0, NULL},
    {ALICE, "User", "", {N(NAME_EMAIL, "ALICE@example.com"), N(NAME_UPN, "alice@example.com")}, NULL, NULL, 0, 0, CHANCERY_ISSUE,
     "policy.issued", 0, NULL},
    {ALICE, "Absent", "", {{0}}, NULL, NULL, 0, 0, CHANCERY_DENY, "template.unknown", 0, NULL},
    {NULL, "User", "", {{0}}, NULL, NULL, 0, 0, CHANCERY_DENY, "identity.none", 0, NULL},
    {"uid=gone," PEOPLE, "User", "", {{0}}, NULL, NULL, 0, 0, CHANCERY_DENY, "template.no_right", 0, NULL},
    {WEB07, "User", "", {{0}}, NULL, NULL, 0, 0, CHANCERY_DENY, "template.no_right", 0, NULL},
    {"uid=bob," PEOPLE, "WebServer", WEB, {N(NAME_DNS, "shop.example.com")}, NULL, NULL, 0, 0, CHANCERY_DENY, "template.no_right", 0, NULL},
    {"uid=dave," PEOPLE, "User", "", {{0}}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.missing_mail", 0, NULL},
    {"uid=erin," PEOPLE, "User", "", {{0}}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.not_unique", 0, NULL},
    {"uid=ctrl," PEOPLE, "User", "", {{0}}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.text", 0, NULL},
    /* 1, 6: another's names */
    {ALICE, "User", "CN=bob", {{0}}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.foreign", 0, NULL},
    {ALICE, "User", "uid=bob," PEOPLE, {{0}}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.foreign", 0, NULL},
    {ALICE, "User", "cn=web08," HOSTS, {{0}}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.foreign", 0, NULL},
    {ALICE, "User", "emailAddress=BOB@example.com", {{0}}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.foreign", 0, NULL},
    {ALICE, "User", "CN=*)(uid=*", {{0}}, NULL, NULL, 0, 0, CHANCERY_ISSUE, "policy.issued", 0, NULL},
    {ALICE, "User", "", {N(NAME_UPN, "bob@example.com")}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.foreign", 0, NULL},
    {ALICE, "User", "", {N(NAME_EMAIL, "bob@example.com")}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.foreign", 0, NULL},
    {ALICE, "User", "", {N(NAME_EMAIL, "alice@example.com"), N(NAME_DNS, "web07.example.com")}, NULL, NULL, 0, 0, CHANCERY_DENY,
     "subject.foreign", 0, NULL},
    {ALICE, "User", "", {N(NAME_EMAIL, "nobody@example.org")}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.san", 0, NULL},
    {ALICE, "User", "", {N(NAME_URI, "http://x/")}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.san", 0, NULL},
    {ALICE, "User", "", {N(NAME_OTHER, "1.2.3")}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.san", 0, NULL},
    {ALICE, "User", "", {{0}}, NULL, NULL, 0, 0, CHANCERY_DENY, "request.attribute_san", 0, "S-A N"},
    /* 2, 13, 15: extensions */
    {ALICE, "User", "", {{0}}, OID_BASIC_CONSTRAINTS, CA_TRUE, 5, 0, CHANCERY_DENY, "request.extension", 0, NULL},
    {ALICE, "User", "", {{0}}, OID_BASIC_CONSTRAINTS, "\x30\x00", 2, 0, CHANCERY_ISSUE, "policy.issued", 0, NULL},
    {ALICE, "User", "", {{0}}, OID_BASIC_CONSTRAINTS, "\x30\x80", 2, 0, CHANCERY_DENY, "request.extension", 0, NULL},
    {ALICE, "User", "", {{0}}, OID_KEY_USAGE, "\x03\x02\x05\xa0", 4, 0, CHANCERY_ISSUE, "policy.issued", 0, NULL},
    {ALICE, "User", "", {{0}}, OID_KEY_USAGE, "\x03\x02\x02\x04", 4, 0, CHANCERY_DENY, "request.extension", 0, NULL},
    {ALICE, "User", "", {{0}}, OID_EKU, EKU_CLIENT, 12, 0, CHANCERY_ISSUE, "policy.issued", 0, NULL},
    {ALICE, "User", "", {{0}}, OID_EKU, EKU_CODE, 12, 0, CHANCERY_DENY, "request.extension", 0, NULL},
    {ALICE, "User", "", {{0}}, OID_EKU, "\x30\x06\x06\x04\x55\x1d\x25\x00", 8, 0, CHANCERY_DENY, "request.extension", 0, NULL},
    {ALICE, "User", "", {{0}}, OID_EKU, "\x30\x00", 2, 0, CHANCERY_DENY, "request.extension", 0, NULL},
    {ALICE, "User", "", {{0}}, OID_POLICIES, POLICY_ONE, 9, 0, CHANCERY_DENY, "request.extension", 0, NULL},
    {ALICE, "User", "", {{0}}, OID_APPLICATION_POLICIES, POLICY_ONE, 9, 0, CHANCERY_DENY, "request.extension", 0, NULL},
    {ALICE, "User", "", {{0}}, OID_MS_SECURITY_ID, "\x30\x00", 2, 0, CHANCERY_DENY, "request.extension", 0, NULL},
    {ALICE, "User", "", {{0}}, "1.2.3.99", "\x05\x00", 2, 0, CHANCERY_ISSUE, "policy.issued", 0, NULL},
    {ALICE, "User", "", {{0}}, NULL, NULL, 0, 1024, CHANCERY_DENY, "key.size", 0, NULL},
    /* 17, 18: hosts */
    {WEB07, "Computer", "CN=web07.example.com", {N(NAME_DNS, "web07.example.com")}, NULL, NULL, 0, 0, CHANCERY_ISSUE, "policy.issued", 0, NULL},
    {WEB07, "Computer", "", {N(NAME_DNS, "web08.example.com")}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.foreign", 0, NULL},
    {WEB07, "Computer", "", {N(NAME_DNS, "*.example.com")}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.san", 0, NULL},
    {WEB07, "Computer", "", {N(NAME_DNS, "web07.example.com.")}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.san", 0, NULL},
    {WEB07, "Computer", "", {N(NAME_IP, "192.0.2.1")}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.san", 0, NULL},
    {WEB07, "Computer", "CN=web08.example.com", {{0}}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.foreign", 0, NULL},
    {"cn=web09," HOSTS, "Computer", "", {{0}}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.not_unique", 0, NULL},
    {"cn=web10," HOSTS, "Computer", "", {{0}}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.not_unique", 0, NULL},
    {"cn=web11," HOSTS, "Computer", "", {{0}}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.missing_dns", 0, NULL},
    {"uid=mallory," PEOPLE, "Computer", "", {{0}}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.not_host", 0, NULL},
    /* names from the enrollee: always an officer */
    {ALICE, "WebServer", WEB, {N(NAME_DNS, "shop.example.com")}, NULL, NULL, 0, 0, CHANCERY_PEND, "approval.needed", 0, NULL},
    {ALICE, "WebServer", WEB, {N(NAME_DNS, "shop.example.com")}, NULL, NULL, 0, 0, CHANCERY_ISSUE, "policy.issued", 1, NULL},
    {ALICE, "WebServer", "CN=web07.example.com", {N(NAME_DNS, "web07.example.com")}, NULL, NULL, 0, 0, CHANCERY_PEND, "approval.needed", 0, NULL},
    {ALICE, "WebServer", WEB, {N(NAME_DNS, "*.example.com")}, NULL, NULL, 0, 0, CHANCERY_PEND, "approval.needed", 0, NULL},
    {ALICE, "WebServer", WEB, {N(NAME_DNS, "a..example.com")}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.san", 0, NULL},
    {ALICE, "WebServer", WEB, {N(NAME_UPN, "bob@example.com")}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.foreign", 0, NULL},
    {ALICE, "WebServer", "CN=bob", {N(NAME_DNS, "shop.example.com")}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.foreign", 0, NULL},
    {ALICE, "WebServer", WEB, {{0}}, NULL, NULL, 0, 0, CHANCERY_DENY, "subject.no_names", 0, NULL},
    /* 13: a policy that means something pends for two different officers */
    {ALICE, "Privileged", "", {{0}}, NULL, NULL, 0, 0, CHANCERY_PEND, "approval.needed", 0, NULL},
    {ALICE, "Privileged", "", {{0}}, NULL, NULL, 0, 0, CHANCERY_PEND, "approval.partial", 1, NULL},
    {ALICE, "Privileged", "", {{0}}, NULL, NULL, 0, 0, CHANCERY_PEND, "approval.partial", 2, NULL}, /* one officer twice */
    {ALICE, "Privileged", "", {{0}}, NULL, NULL, 0, 0, CHANCERY_ISSUE, "policy.issued", 3, NULL},
    {ALICE, "Unlisted", "", {{0}}, NULL, NULL, 0, 0, CHANCERY_DENY, "policy.not_allowed", 0, NULL},
};

static void verdicts(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct policy_result result;
        verdict_of(*state, &rows[i], &result);
        if (result.verdict != rows[i].verdict || strcmp(result.reason, rows[i].reason) != 0)
            fail_msg("row %zu (%s, %s): verdict %d %s, expected %d %s: %s", i, rows[i].who ? rows[i].who : "nobody", rows[i].template,
                     result.verdict, result.reason, rows[i].verdict, rows[i].reason, result.message);
        assert_true(result.message[0]);
        policy_result_free(&result);
    }
}

static void the_user_gets_his_names(void **state)
{
    struct policy_result r;

    verdict_of(*state, &rows[0], &r);
    assert_string_equal(r.properties.subject, "emailAddress=alice@example.com,CN=Alice Example");
    assert_true(r.properties.subject_replaced);
    assert_int_equal(r.properties.name_count, 2);
    assert_int_equal(r.properties.names[0].kind, NAME_EMAIL);
    assert_string_equal(r.properties.names[0].value, "alice@example.com");
    assert_int_equal(r.properties.names[1].kind, NAME_UPN);
    assert_int_equal(r.properties.validity_s, 365 * 86400);
    assert_int_equal(r.properties.key_usage, KEY_USAGE_DIGITAL_SIGNATURE | KEY_USAGE_KEY_ENCIPHERMENT);
    assert_true(strings_contain(&r.properties.ekus, OID_EKU_CLIENT_AUTH));
    assert_int_equal(strlen(r.properties.requester_uuid), 36);
    assert_int_equal(r.properties.template_major, 100);
    assert_string_equal(r.properties.template_oid, OID_ARC ".4.1");
    assert_true(r.properties.publish);
    assert_string_equal(r.properties.publish_dn, ALICE);
    assert_int_equal(r.properties.approvals_needed, 0);
    assert_int_equal(r.properties.extension_count, 0);
    policy_result_free(&r);
}

static void listed_extensions_are_copied(void **state)
{
    const struct row row = {ALICE, "Privileged", "", {{0}}, "1.2.3.99", "\x05\x00", 2, 0, CHANCERY_PEND, "", 0, NULL};
    struct policy_result r;

    verdict_of(*state, &row, &r);
    assert_int_equal(r.properties.extension_count, 1);
    assert_string_equal(r.properties.extensions[0].oid, "1.2.3.99");
    assert_int_equal(r.properties.extensions[0].origin, ORIGIN_REQUEST);
    policy_result_free(&r);
}

/* What an officer sets wins over request and template, but the rules on names and powers hold for him too. */
static void officers_cannot_set_what_is_refused(void **state)
{
    static const struct {
        const char *template, *oid, *value;
        size_t size;
        enum chancery_verdict verdict;
    } cases[] = {
        {"WebServer", OID_BASIC_CONSTRAINTS, CA_TRUE, 5, CHANCERY_DENY},
        {"WebServer", OID_EKU, EKU_CLIENT, 12, CHANCERY_DENY},
        {"WebServer", OID_EKU, "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x03", 12, CHANCERY_ISSUE}, /* codeSigning */
        {"WebServer", OID_EKU, "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x09", 12, CHANCERY_DENY},  /* OCSPSigning */
        {"WebServer", OID_EKU, "\x30\x00", 2, CHANCERY_DENY},
        {"WebServer", OID_EKU, "\x30\x06\x06\x04\x55\x1d\x25\x00", 8, CHANCERY_DENY}, /* any */
        {"WebServer", OID_EKU, "\x30\x06\x06\x05\x55\x1d\x25\x00", 8, CHANCERY_DENY}, /* longer than it is */
        {"User", OID_EXT_REQUESTER_ID, "\x0c\x01x", 3, CHANCERY_DENY},
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct template t;
        struct policy_result r;
        struct error error = ERROR_NONE;
        struct general_name name = N(NAME_DNS, "shop.example.com");
        struct approval approval = {(char *)"carol", NULL, 1};
        struct extension extension = {(char *)cases[i].oid, false, (uint8_t *)cases[i].value, cases[i].size, ORIGIN_OFFICER, (char *)"carol"};
        struct identity who = {.uid = 1, .account = (char *)"alice", .dn = (char *)ALICE};
        struct request request = {.template_name = (char *)cases[i].template, .subject = (char *)"", .approvals = &approval,
                                  .approval_count = 1, .extensions = &extension, .extension_count = 1};
        struct policy_input input = {.request = &request, .requester = &who, .resubmission = true, .template = &t,
                                     .names = &name, .name_count = strcmp(cases[i].template, "User") ? 1 : 0,
                                     .key_algorithm = "ed25519", .key_bits = 256};
        assert_int_equal(directory_template_fetch(w->directory, TEMPLATES, cases[i].template, &t, NULL, &error), OK);
        policy_verify(w->policy, &input, &r);
        if (r.verdict != cases[i].verdict || (r.verdict == CHANCERY_DENY && strcmp(r.reason, "request.extension") != 0))
            fail_msg("case %zu: %d %s %s", i, r.verdict, r.reason, r.message);
        policy_result_free(&r);
        template_free(&t);
    }
}

/* Alternative names that an officer set come in the place of the request's, and are judged as those are. */
static void officers_names_are_judged_as_the_requests(void **state)
{
    static const struct {
        const char *template;
        struct general_name name;
        enum chancery_verdict verdict;
        const char *reason;
    } cases[] = {
        {"User", N(NAME_EMAIL, "alice@example.com"), CHANCERY_ISSUE, "policy.issued"},
        {"User", N(NAME_EMAIL, "bob@example.com"), CHANCERY_DENY, "subject.foreign"},
        {"User", N(NAME_DNS, "no.example.com"), CHANCERY_DENY, "subject.san"},
        {"WebServer", N(NAME_DNS, "shop.example.com"), CHANCERY_ISSUE, "policy.issued"},
        {"WebServer", N(NAME_EMAIL, "bob@example.com"), CHANCERY_DENY, "subject.foreign"},
        {"WebServer", N(NAME_OTHER, "1.2.3"), CHANCERY_DENY, "subject.san"},
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct template t;
        struct policy_result r;
        struct error error = ERROR_NONE;
        struct approval approval = {(char *)"carol", NULL, 1};
        struct extension extension = {(char *)OID_SAN, false, (uint8_t *)"\x30\x00", 2, ORIGIN_OFFICER, (char *)"carol"};
        struct identity who = {.uid = 1, .account = (char *)"alice", .dn = (char *)ALICE};
        struct request request = {.template_name = (char *)cases[i].template, .subject = (char *)"", .approvals = &approval,
                                  .approval_count = 1, .extensions = &extension, .extension_count = 1};
        struct policy_input input = {.request = &request, .requester = &who, .resubmission = true, .template = &t,
                                     .names = &cases[i].name, .name_count = 1, .key_algorithm = "ed25519", .key_bits = 256};
        assert_int_equal(directory_template_fetch(w->directory, TEMPLATES, cases[i].template, &t, NULL, &error), OK);
        policy_verify(w->policy, &input, &r);
        if (r.verdict != cases[i].verdict || strcmp(r.reason, cases[i].reason) != 0)
            fail_msg("case %zu: %d %s %s", i, r.verdict, r.reason, r.message);
        policy_result_free(&r);
        template_free(&t);
    }
}

/* An entry whose identifier cannot be read, and the same for a directory that gives nothing: no certificate. */
static void without_an_identifier_nothing_is_issued(void **state)
{
    struct world *w = *state;
    struct template t;
    struct error error = ERROR_NONE;
    struct identity who = {.uid = 1, .account = (char *)"x", .dn = (char *)"cn=Subschema"};
    struct request request = {.template_name = (char *)"User", .subject = (char *)"CN=x"};
    struct policy_input input = {.request = &request, .requester = &who, .template = &t, .key_algorithm = "ecdsa", .key_bits = 256};
    struct policy_result r;

    assert_int_equal(directory_template_fetch(w->directory, TEMPLATES, "User", &t, NULL, &error), OK);
    strings_add(&t.enroll, "cn=Subschema");
    t.name_flag = NAMEFLAG_SUBJECT_COMMON_NAME; /* the subschema entry has a cn and no entryUUID */
    policy_verify(w->policy, &input, &r);
    assert_int_equal(r.verdict, CHANCERY_DENY);
    assert_string_equal(r.reason, "subject.no_identifier");
    policy_result_free(&r);
    template_free(&t);
}

/* ---- last: the directory goes away ---- */

static void a_stopped_directory_is_no_verdict(void **state)
{
    struct world *w = *state;
    struct template t;
    struct error error = ERROR_NONE;
    struct identity who = {.uid = 1, .account = (char *)"alice", .dn = (char *)ALICE};
    struct request request = {.template_name = (char *)"User", .subject = (char *)""};
    struct policy_input input = {.request = &request, .requester = &who, .template = &t, .key_algorithm = "ecdsa", .key_bits = 256};
    struct policy_result r;
    const struct timespec moment = {0, 20000000};
    pid_t pid = (pid_t)strtol(env("SLAPD_PID"), NULL, 10);
    char *dn;

    assert_int_equal(directory_template_fetch(w->directory, TEMPLATES, "User", &t, NULL, &error), OK);
    assert_true(pid > 1);
    assert_int_equal(kill(pid, SIGTERM), 0);
    for (int i = 0; i < 250 && kill(pid, 0) == 0; i++)
        nanosleep(&moment, NULL);
    for (int i = 0; i < 3; i++) {
        int64_t start = clock_monotonic_ms();
        policy_verify(w->policy, &input, &r);
        assert_int_equal(r.verdict, CHANCERY_TRY_AGAIN);
        assert_string_equal(r.reason, "directory.down");
        assert_true(clock_monotonic_ms() - start < 2000);
        policy_result_free(&r);
    }
    assert_int_equal(identity_map(w->directory, w->conf, 60002, "bob", &dn, &error), TEMPORARY);
    assert_string_equal(error.reason, "directory.down");
    template_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identities_map),
        cmocka_unit_test(root_maps_by_an_explicit_line_alone),
        cmocka_unit_test(groups_nest_and_loops_end),
        cmocka_unit_test(fresh_sees_what_the_cache_does_not),
        cmocka_unit_test(searches_say_what_they_left_out),
        cmocka_unit_test(the_authority_writes_nothing),
        cmocka_unit_test(the_second_server_answers),
        cmocka_unit_test(a_silent_server_is_left),
        cmocka_unit_test(clear_text_passwords_are_refused),
        cmocka_unit_test(servers_must_prove_who_they_are),
        cmocka_unit_test(templates_are_read),
        cmocka_unit_test(modules_are_loaded_from_a_guarded_place),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(the_user_gets_his_names),
        cmocka_unit_test(listed_extensions_are_copied),
        cmocka_unit_test(officers_cannot_set_what_is_refused),
        cmocka_unit_test(officers_names_are_judged_as_the_requests),
        cmocka_unit_test(without_an_identifier_nothing_is_issued),
        cmocka_unit_test(a_stopped_directory_is_no_verdict),
    };
    return cmocka_run_group_tests(tests, world_make, world_free);
}
