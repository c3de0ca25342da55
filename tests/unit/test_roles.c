/* Who has which role by the local files, role separation, what keeps the daemon from starting, the officers' limits, and refusals
 * that share a record. Directory groups are in tests/live/roles.sh. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "tests/unit/authority_fixture.h"
#include "tests/unit/store_fixture.h"

static struct identity identify(struct fixture *fixture, uint32_t uid)
{
    struct identity identity;
    struct error error = ERROR_NONE;

    assert_int_equal(authority_identify(fixture->authority, uid, uid, &identity, &error), OK);
    return identity;
}

static void expect_roles(struct fixture *fixture, uint32_t uid, const char *account, unsigned roles, unsigned refused)
{
    struct identity identity = identify(fixture, uid);

    assert_string_equal(identity.account, account);
    if (identity.roles != roles || identity.refused != refused)
        fail_msg("%s: expected roles %#x refused %#x, came %#x and %#x", account, roles, refused, identity.roles, identity.refused);
    identity_free(&identity);
}

static void reopen(struct fixture *fixture, const char *more)
{
    struct error error = ERROR_NONE;

    if (fixture_restart(fixture, more, &error) != OK)
        fail_msg("%s: %s", error.reason, error.message);
}

static void test_local(void **state)
{
    struct fixture *fixture = *state;

    expect_roles(fixture, UID_ADMINISTRATOR, "adam", ROLE_ADMINISTRATOR | ROLE_ENROL, 0);
    expect_roles(fixture, UID_OFFICER, "olga", ROLE_OFFICER | ROLE_ENROL, 0);
    expect_roles(fixture, UID_AUDITOR, "audrey", ROLE_AUDITOR | ROLE_ENROL, 0);
    expect_roles(fixture, UID_OPERATOR, "otis", ROLE_OPERATOR | ROLE_ENROL, 0);
    expect_roles(fixture, UID_READER, "rita", ROLE_READ | ROLE_ENROL, 0);
    expect_roles(fixture, UID_PERSON, "peter", ROLE_ENROL, 0);
    expect_roles(fixture, UID_BOTH, "both", ROLE_ADMINISTRATOR | ROLE_OFFICER | ROLE_ENROL, 0);
    expect_roles(fixture, UID_MEMBER, "member", ROLE_OFFICER | ROLE_ENROL, 0);
    expect_roles(fixture, UID_PRIMARY, "primary", ROLE_OFFICER | ROLE_ENROL, 0);
    /* No account of this host: whoever the group lists by that name, the files do not say that it is he. */
    expect_roles(fixture, UID_NOBODY_KNOWN, "uid 1000", ROLE_ENROL, 0);
}

/* The cron account has its role and no other, whatever a group says. */
static void test_cron(void **state)
{
    struct fixture *fixture = *state;

    expect_roles(fixture, UID_CRON, "chancery-cron", ROLE_CRON, 0);
    fixture_etc(fixture, "group", "chancery-officer:x:500:member,chancery-cron\nchancery-admin:x:501:chancery-cron\n");
    expect_roles(fixture, UID_CRON, "chancery-cron", ROLE_CRON, 0);
}

/* Who leaves a group has lost the role with the next call, without a restart. */
static void test_read_anew(void **state)
{
    struct fixture *fixture = *state;

    fixture_etc(fixture, "group", "users:x:100:\nchancery-officer:x:500:\nchancery-auditor:x:501:peter\n");
    expect_roles(fixture, UID_MEMBER, "member", ROLE_ENROL, 0);
    expect_roles(fixture, UID_PERSON, "peter", ROLE_AUDITOR | ROLE_ENROL, 0);
    fixture_etc(fixture, "group", "users:x:100:\nchancery-officer:x:500:member\n");
    expect_roles(fixture, UID_MEMBER, "member", ROLE_OFFICER | ROLE_ENROL, 0);
    expect_roles(fixture, UID_PERSON, "peter", ROLE_ENROL, 0);
}

static void test_separation(void **state)
{
    struct fixture *fixture = *state;

    reopen(fixture, "separation = yes\n");
    expect_roles(fixture, UID_BOTH, "both", ROLE_ENROL, ROLE_ADMINISTRATOR | ROLE_OFFICER);
    expect_roles(fixture, UID_OFFICER, "olga", ROLE_OFFICER | ROLE_ENROL, 0);
    fixture_etc(fixture, "group", "chancery-officer:x:500:member\nchancery-operator:x:502:olga\n");
    expect_roles(fixture, UID_OFFICER, "olga", ROLE_ENROL, ROLE_OFFICER | ROLE_OPERATOR);
    fixture_etc(fixture, "group", "users:x:100:\nchancery-officer:x:500:member\n");
    reopen(fixture, NULL);
}

/* ---- what does not start ---- */

static void expect_no_start(struct fixture *fixture, const char *more, const char *reason)
{
    struct error error = ERROR_NONE;

    assert_int_equal(fixture_restart(fixture, more, &error), BAD_CONFIG);
    if (strcmp(error.reason, reason) != 0)
        fail_msg("%s: expected %s, came %s: %s", more, reason, error.reason, error.message);
    assert_null(fixture->authority);
}

static void test_usable(void **state)
{
    static const struct {
        const char *conf, *reason;
    } cases[] = {
        {"[roles]\nofficers = olga\n", "roles.no_administrator"},
        {"[roles]\nadministrators = adam\n", "roles.no_officer"},
        {"[roles]\nadministrators = ghost\nofficers = olga\n", "roles.no_administrator"},       /* no such account */
        {"[roles]\nadministrators = adam\nofficers = chancery-cron\n", "roles.no_officer"},     /* who is that and nothing else */
        {"[roles]\nadministrators = both\nofficers = both\nseparation = yes\n", "roles.no_administrator"},
        {"[roles]\nadministrators = adam olga\nofficers = olga\nseparation = yes\n", "roles.no_officer"},
        {"[officer.ghost]\ntemplates = User\n", "config.officer"},
    };
    struct fixture *fixture = *state;

    fixture_etc(fixture, "group", "users:x:100:\n");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_no_start(fixture, cases[i].conf, cases[i].reason);
    reopen(fixture, "[roles]\nadministrators = adam olga\nofficers = olga\n");
    fixture_etc(fixture, "group", "chancery-officer:x:500:member\nchancery-admin:x:501:adam\n");
    reopen(fixture, "[roles]\nseparation = yes\n");
    reopen(fixture, NULL);
}

/* What the configuration alone is refused for; the accounts are this host's. */
static void test_configuration(void **state)
{
    static const struct {
        const char *section, *text, *reason;
    } cases[] = {
        {"roles", "officer_groups = not a dn", "roles.group"},
        {"roles", "reader_groups = cn=a,dc=b", "roles.group"}, /* and no directory */
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char more[256];
        snprintf(more, sizeof more, "%s\n", cases[i].text);
        expect_no_start(fixture, more, cases[i].reason);
    }
    reopen(fixture, NULL);
}

/* ---- limits ---- */

static int decide(struct fixture *fixture, uint32_t uid, const char *template_name, const char **reason)
{
    static struct error error;
    struct identity officer = identify(fixture, uid);
    struct request request;

    error_clear(&error);
    fixture_request(7, DISPOSITION_PENDING, &request);
    request.requester_uid = 4711;
    free(request.template_name);
    request.template_name = strdup(template_name);
    int status = authority_may_decide(fixture->authority, &officer, &request, &error);
    *reason = error.reason;
    request_free(&request);
    identity_free(&officer);
    return status;
}

static void test_limits(void **state)
{
    struct fixture *fixture = *state;
    struct identity olga, member;
    struct error error = ERROR_NONE;
    const char *reason = "";

    reopen(fixture, "[officer.olga]\ntemplates = WebServer Computer\n[officer.1008]\ntemplates = User\n");
    assert_int_equal(decide(fixture, UID_OFFICER, "webserver", &reason), OK);
    assert_int_equal(decide(fixture, UID_OFFICER, "User", &reason), NOT_PERMITTED);
    assert_string_equal(reason, "officer.template");
    assert_int_equal(decide(fixture, UID_BOTH, "User", &reason), OK); /* named by his uid */
    assert_int_equal(decide(fixture, UID_BOTH, "WebServer", &reason), NOT_PERMITTED);
    assert_int_equal(decide(fixture, UID_MEMBER, "User", &reason), OK); /* no section, no limit */
    olga = identify(fixture, UID_OFFICER);
    member = identify(fixture, UID_MEMBER);
    assert_int_equal(limits_permit_many(fixture->authority, &olga, &error), NOT_PERMITTED);
    assert_string_equal(error.reason, "officer.limited");
    assert_int_equal(limits_permit_many(fixture->authority, &member, NULL), OK);
    identity_free(&olga);
    identity_free(&member);
    reopen(fixture, NULL);
}

/* ---- refusals that share a record ---- */

static uint64_t head(struct fixture *fixture)
{
    uint64_t number = 0;
    uint8_t hash[32];

    assert_int_equal(audit_head(fixture->store, &number, hash, NULL), OK);
    return number;
}

static void refuse(struct fixture *fixture, uint32_t uid, const char *reason)
{
    struct identity caller = identify(fixture, uid);
    struct error why = ERROR_NONE;

    error_set(&why, REFUSED, reason, "no");
    authority_audit_refusal(fixture->authority, &caller, "test", "object", &why);
    identity_free(&caller);
}

/* How many repeats the records after `from` tell of. */
static unsigned repeats_told(struct fixture *fixture, uint64_t from)
{
    struct audit_record rows[400];
    struct audit_filter filter = {.action = "refusals"};
    size_t count = 0;
    unsigned told = 0, one = 0;

    assert_int_equal(authority_audit_list(fixture->authority, &filter, from, rows, 400, &count, NULL), OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(sscanf(rows[i].detail, "the refusal before was repeated %u times", &one), 1);
        told += one;
    }
    audit_rows_free(rows, count);
    return told;
}

static void test_shared_refusals(void **state)
{
    struct fixture *fixture = *state;
    uint64_t from = head(fixture);

    clock_set_offset(0);
    for (int i = 0; i < 5; i++)
        refuse(fixture, UID_PERSON, "test.first");
    assert_int_equal(head(fixture), from + 1);
    refuse(fixture, UID_PERSON, "test.second"); /* another reason, another uid: records of their own */
    refuse(fixture, UID_READER, "test.first");
    assert_int_equal(head(fixture), from + 3);
    clock_set_offset(61);
    refusals_flush(fixture->authority);
    assert_int_equal(head(fixture), from + 4);
    assert_int_equal(repeats_told(fixture, from), 4);
    refuse(fixture, UID_PERSON, "test.first");
    assert_int_equal(head(fixture), from + 5);
    clock_set_offset(0);
}

/* More reasons than there are places: a repeat is counted all the same, at the latest by the stop. */
static void test_many_refusals(void **state)
{
    struct fixture *fixture = *state;
    char reason[32];

    clock_set_offset(0);
    uint64_t from = head(fixture);
    for (int i = 0; i < 150; i++) {
        snprintf(reason, sizeof reason, "test.many_%d", i);
        refuse(fixture, UID_PERSON, reason);
        refuse(fixture, UID_PERSON, reason);
    }
    reopen(fixture, NULL);
    assert_int_equal(repeats_told(fixture, from), 150);
}

static void test_filters(void **state)
{
    static const struct {
        struct audit_filter filter;
        size_t count;
    } cases[] = {
        {{.reason = "filter.one"}, 1},          {{.reason = "filter.*"}, 2},
        {{.actor = "rita", .reason = "filter.*"}, 1}, {{.actor = "nobody"}, 0},
        {{.reason = "filter.*", .outcome = "refused", .action = "test", .object = "object"}, 2},
        {{.reason = "filter.*", .role = "requester"}, 1}, {{.reason = "filter.*", .until = 1}, 0},
        {{.reason = "filter.*", .since = 1}, 2}, {{.reason = "filter"}, 0},
    };
    struct fixture *fixture = *state;
    struct audit_record rows[10];
    size_t count = 0;

    refuse(fixture, UID_PERSON, "filter.one");
    refuse(fixture, UID_READER, "filter.two");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(authority_audit_list(fixture->authority, &cases[i].filter, 0, rows, 10, &count, NULL), OK);
        if (count != cases[i].count)
            fail_msg("filter %zu: expected %zu records, came %zu", i, cases[i].count, count);
        audit_rows_free(rows, count);
    }
}

static int begin(void **state)
{
    static struct fixture fixture;
    struct error error = ERROR_NONE;

    if (fixture_begin(&fixture, NULL, &error) != OK)
        fail_msg("%s: %s", error.reason, error.message);
    *state = &fixture;
    return 0;
}

static int end(void **state)
{
    fixture_end(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_local), cmocka_unit_test(test_cron), cmocka_unit_test(test_read_anew), cmocka_unit_test(test_separation),
        cmocka_unit_test(test_usable), cmocka_unit_test(test_configuration), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_shared_refusals), cmocka_unit_test(test_many_refusals), cmocka_unit_test(test_filters),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
