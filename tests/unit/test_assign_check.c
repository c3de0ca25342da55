/* ca/assign/check.c: one row a failure; each has its own reason, and the order is stable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/assign/check.h"
#include "ca/base/oid.h"

#define TEXT(literal) ((char *)(uintptr_t)(literal)) /* into fields that own elsewhere */
#define NOW 1800000000
#define DAY 86400

/* A certificate that fits everything, which rows then spoil. */
struct world {
    struct general_name names[2];
    char *ekus[2];
    struct certificate_facts facts;
    struct chain_link links[2];
    struct chain chain;
    struct assign_subject subject;
    char *usage_ekus[2], *usage_names[2], *usage_hosts[1];
    struct usage usage;
};

static void world_make(struct world *world)
{
    memset(world, 0, sizeof *world);
    world->names[0] = (struct general_name){NAME_DNS, TEXT("web07.example.com")};
    world->names[1] = (struct general_name){NAME_DNS, TEXT("*.apps.example.com")};
    world->ekus[0] = TEXT(OID_EKU_SERVER_AUTH);
    world->facts.names = world->names;
    world->facts.name_count = 2;
    world->facts.ekus = (struct strings){world->ekus, 1};
    world->facts.key_usage = KEY_USAGE_DIGITAL_SIGNATURE | KEY_USAGE_KEY_ENCIPHERMENT;
    world->facts.not_before = NOW - DAY;
    world->facts.not_after = NOW + 300 * (int64_t)DAY;
    world->links[0] = (struct chain_link){.subject = TEXT("CN=Issuing"), .found = true, .wanted = STORE_INTERMEDIATE, .state = LINK_PRESENT};
    world->links[1] = (struct chain_link){.subject = TEXT("CN=Root"), .found = true, .wanted = STORE_ROOT, .state = LINK_PRESENT};
    world->chain = (struct chain){world->links, 2, true, ""};
    world->subject = (struct assign_subject){&world->facts, &world->chain, -1, 0, NOW};
    world->usage_ekus[0] = TEXT(OID_EKU_SERVER_AUTH);
    world->usage_names[0] = TEXT("%H");
    world->usage = (struct usage){.name = TEXT("Default"), .title = TEXT(""), .ekus = {world->usage_ekus, 1},
                                  .key_usage = KEY_USAGE_DIGITAL_SIGNATURE, .names = {world->usage_names, 1}};
}

static void fits(struct world *w) { }
static void missing_one(struct world *w)
{
    w->links[1].state = LINK_MISSING;
    w->links[1].found = false;
    w->chain.complete = false;
}
static void missing_two(struct world *w)
{
    missing_one(w);
    w->links[0].state = LINK_MISSING;
    w->links[0].found = false;
}
static void wrong_store(struct world *w)
{
    w->links[1].state = LINK_WRONG_STORE;
    w->chain.complete = false;
}
static void chain_expired(struct world *w)
{
    w->links[0].expired = true;
    w->chain.complete = false;
}
static void chain_not_yet(struct world *w)
{
    w->links[0].not_yet_valid = true;
    w->chain.complete = false;
}
static void chain_signature(struct world *w)
{
    w->chain.complete = false;
    snprintf(w->chain.problem, sizeof w->chain.problem, "the signature of CN=Issuing does not verify");
}
static void revoked(struct world *w) { w->subject.revocation_reason = 0; w->subject.revoked_at = NOW - 60; }
static void expired(struct world *w) { w->facts.not_after = NOW - 1; }
static void last_second(struct world *w) { w->facts.not_after = NOW; }
static void not_yet(struct world *w) { w->facts.not_before = NOW + 1; }
static void is_ca(struct world *w) { w->facts.ca = true; }
static void soon(struct world *w) { w->facts.not_after = NOW + 3 * DAY; }
static void everything(struct world *w)
{
    missing_one(w);
    w->links[0].state = LINK_WRONG_STORE;
    revoked(w);
    expired(w);
    not_yet(w);
    is_ca(w);
}

static const struct {
    void (*spoil)(struct world *world);
    const char *reasons; /* in order */
    bool fatal;
} certificate_rows[] = {
    {fits, "", false},
    {missing_one, "chain_missing ", true},
    {missing_two, "chain_missing chain_missing ", true},
    {wrong_store, "wrong_store ", true},
    {chain_expired, "chain_time ", true},
    {chain_not_yet, "chain_time ", true},
    {chain_signature, "chain ", true},
    {revoked, "revoked ", true},
    {expired, "expired ", true},
    {last_second, "expires_soon ", false},
    {not_yet, "not_yet_valid ", true},
    {is_ca, "ca ", true},
    {soon, "expires_soon ", false},
    {everything, "chain_missing wrong_store revoked expired not_yet_valid ca ", true},
};

static void assert_reasons(const struct finding *findings, size_t count, const char *expected, size_t row)
{
    char got[1024] = "";

    for (size_t i = 0; i < count; i++) {
        assert_memory_equal(findings[i].reason, "assign.", 7);
        assert_true(strchr(findings[i].message, ';') != NULL); /* the next step stands behind it */
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s ", findings[i].reason + 7);
    }
    if (strcmp(got, expected) != 0)
        fail_msg("row %zu: \"%s\" instead of \"%s\"", row, got, expected);
}

static void certificate_table(void **state)
{
    for (size_t i = 0; i < sizeof certificate_rows / sizeof *certificate_rows; i++) {
        struct finding findings[ASSIGN_FINDINGS_MAX];
        struct world world;
        size_t count;

        world_make(&world);
        certificate_rows[i].spoil(&world);
        count = assign_check_certificate(&world.subject, findings);
        assert_reasons(findings, count, certificate_rows[i].reasons, i);
        assert_int_equal(findings_fatal(findings, count), certificate_rows[i].fatal);
    }
}

static void no_eku(struct world *w) { w->facts.ekus.count = 0; }
static void other_eku(struct world *w) { w->ekus[0] = TEXT(OID_EKU_CLIENT_AUTH); }
static void any_eku(struct world *w) { w->ekus[0] = TEXT(OID_EKU_ANY); }
static void two_ekus(struct world *w)
{
    w->usage_ekus[1] = TEXT(OID_EKU_CLIENT_AUTH);
    w->usage.ekus.count = 2;
}
static void no_key_usage(struct world *w) { w->facts.key_usage = 0; }
static void other_key_usage(struct world *w) { w->facts.key_usage = KEY_USAGE_KEY_ENCIPHERMENT; }
static void other_name(struct world *w) { w->names[0].value = TEXT("web08.example.com"); }
static void email_alike(struct world *w) { w->names[0].kind = NAME_EMAIL; }
static void second_name(struct world *w)
{
    w->usage_names[1] = TEXT("mail.example.com");
    w->usage.names.count = 2;
}
static void wildcard_name(struct world *w) { w->usage_names[0] = TEXT("x.apps.example.com"); }
static void wildcard_two_labels(struct world *w) { w->usage_names[0] = TEXT("x.y.apps.example.com"); }
static void wildcard_parent(struct world *w) { w->usage_names[0] = TEXT("apps.example.com"); }
static void other_host(struct world *w)
{
    w->usage_hosts[0] = TEXT("web09.example.com");
    w->usage.hosts = (struct strings){w->usage_hosts, 1};
}
static void nothing_fits(struct world *w)
{
    two_ekus(w);
    no_eku(w);
    other_key_usage(w);
    other_name(w);
    other_host(w);
}

static const struct {
    void (*spoil)(struct world *world);
    const char *reasons;
} usage_rows[] = {
    {fits, ""},
    {no_eku, "eku "},
    {other_eku, "eku "},
    {any_eku, "eku "},
    {two_ekus, "eku "},
    {no_key_usage, ""},
    {other_key_usage, "key_usage "},
    {other_name, "name "},
    {email_alike, "name "},
    {second_name, "name "},
    {wildcard_name, ""},
    {wildcard_two_labels, "name "},
    {wildcard_parent, "name "},
    {other_host, "host "},
    {nothing_fits, "eku eku key_usage name host "},
};

static void usage_table(void **state)
{
    for (size_t i = 0; i < sizeof usage_rows / sizeof *usage_rows; i++) {
        struct finding findings[ASSIGN_FINDINGS_MAX];
        struct world world;
        size_t count;

        world_make(&world);
        usage_rows[i].spoil(&world);
        count = assign_check_usage(&world.subject, &world.usage, "WEB07.example.com", findings);
        assert_reasons(findings, count, usage_rows[i].reasons, i);
        assert_int_equal(findings_fatal(findings, count), usage_rows[i].reasons[0] != 0);
    }
}

/* More links than there is room for findings, with names of any length: nothing is overrun. */
static void many_findings_stay_in_their_room(void **state)
{
    static struct chain_link links[100];
    struct finding findings[ASSIGN_FINDINGS_MAX];
    struct world world;
    char *name = malloc(5000);

    assert_non_null(name);
    memset(name, 'x', 4999);
    name[4999] = 0;
    world_make(&world);
    for (size_t i = 0; i < 100; i++)
        links[i] = (struct chain_link){.subject = name, .state = LINK_MISSING};
    world.chain = (struct chain){links, 100, false, ""};
    assert_int_equal(assign_check_certificate(&world.subject, findings), ASSIGN_FINDINGS_MAX);
    assert_true(strlen(findings[0].message) < sizeof findings[0].message);
    assert_non_null(strstr(findings[0].message, "trust import"));
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificate_table),
        cmocka_unit_test(usage_table),
        cmocka_unit_test(many_findings_stay_in_their_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
