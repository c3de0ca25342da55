/* publish/ldap_entry.c: event and entry in, modifications out; and nothing that is not on the closed list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "publish/ldap_entry.h"

#define TEXT(literal) ((char *)(uintptr_t)(literal))
#define SUFFIX "dc=example,dc=com"

static uint8_t octets[] = {0x30, 3, 2, 1, 1}, others[] = {0x30, 3, 2, 1, 2};
static const struct entry_style openldap = {true}, active_directory = {false};

struct there { /* an entry as a server would give it */
    struct directory_attribute attributes[4];
    struct buf values[4][4];
    struct directory_entry entry;
};

static void there_add(struct there *there, const char *name, const void *data, size_t size)
{
    size_t at = there->entry.count;

    there->entry.attributes = there->attributes;
    for (at = 0; at < there->entry.count && strcmp(there->attributes[at].name, name) != 0; at++)
        ;
    if (at == there->entry.count) {
        there->attributes[at] = (struct directory_attribute){TEXT(name), there->values[at], 0};
        there->entry.count++;
    }
    buf_add(&there->values[at][there->attributes[at].count++], data, size);
}

static void there_add_text(struct there *there, const char *name, const char *text)
{
    there_add(there, name, text, strlen(text));
}

static void there_free(struct there *there)
{
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 4; j++)
            buf_free(&there->values[i][j]);
}

static void names_make(struct entry_names *names)
{
    struct entry_settings settings = {.ca_name = "EXAMPLE, CA", .base = SUFFIX, .dns_host_name = "ca.example.com"};
    struct error error = ERROR_NONE;

    if (entry_names_make(&settings, names, &error) != OK)
        fail_msg("%s", error.message);
}

static struct event issued(const char *dn)
{
    return (struct event){.kind = EVENT_ISSUED, .request_id = 7, .publish_dn = TEXT(dn), .certificate = octets,
                          .certificate_size = sizeof octets, .crl_fd = -1};
}

static void names_are_computed_and_checked(void **state)
{
    static const struct {
        struct entry_settings settings;
        const char *part; /* of the message */
    } rows[] = {
        {{.base = SUFFIX}, "[ca] name"},
        {{.ca_name = "X"}, "needs base"},
        {{.ca_name = "X", .base = SUFFIX, .ca_entry = "nonsense"}, "ca_entry"},
        {{.ca_name = "X", .base = SUFFIX, .ca_entry = "cn=x,dc=other"}, "not under base"},
        {{.ca_name = "X", .base = SUFFIX, .ca_entry = "cn=x," SUFFIX, .enrollment_entry = "CN=X, " SUFFIX}, "the same entry"},
    };
    struct entry_names names;
    char *dn = NULL;

    names_make(&names);
    assert_true(dn_equal(names.ca, "cn=EXAMPLE\\, CA,ou=pki," SUFFIX));
    assert_true(dn_equal(names.enrollment, "cn=EXAMPLE\\, CA,cn=enrollment services,ou=pki," SUFFIX));
    assert_int_equal(entry_of_key(names.ca, 0, &dn, NULL), OK);
    assert_string_equal(dn, names.ca);
    free(dn);
    assert_int_equal(entry_of_key(names.ca, 2, &dn, NULL), OK);
    assert_true(dn_equal(dn, "cn=EXAMPLE\\, CA(2),ou=pki," SUFFIX));
    free(dn);
    entry_names_free(&names);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = ERROR_NONE;

        assert_int_equal(entry_names_make(&rows[i].settings, &names, &error), BAD_CONFIG);
        assert_non_null(strstr(error.message, rows[i].part));
        assert_null(names.ca);
    }
}

static void the_list_is_closed(void **state)
{
    assert_true(entry_may_write(ENTRY_HOLDER, "usercertificate;binary"));
    assert_false(entry_may_write(ENTRY_HOLDER, "mail"));
    assert_false(entry_may_write(ENTRY_HOLDER, "altSecurityIdentities"));
    assert_false(entry_may_write(ENTRY_HOLDER, "cACertificate"));
    assert_false(entry_may_write(ENTRY_HOLDER, "userCertificateX"));
    assert_false(entry_may_write(ENTRY_HOLDER, ""));
    assert_false(entry_may_write(ENTRY_CA, "userPassword"));
    assert_false(entry_may_write(ENTRY_ENROLLMENT, "userCertificate"));
}

static void a_holder_gets_the_certificate_and_the_class(void **state)
{
    struct event event = issued("uid=alice,ou=people," SUFFIX);
    struct entry_names names;
    struct entry_plan plan = {.count = 0};
    struct there there = {.entry = {.count = 0}};

    names_make(&names);
    there_add_text(&there, "objectClass", "inetOrgPerson");
    there_add(&there, "userCertificate;binary", others, sizeof others);
    assert_int_equal(entry_plan_holder(&event, &names, &openldap, &there.entry, false, &plan, NULL), OK);
    assert_false(plan.create);
    assert_int_equal(plan.count, 2);
    assert_int_equal(plan.changes[0].op, MOD_ADD); /* the other one stays */
    assert_string_equal(plan.changes[0].attribute, "userCertificate;binary");
    assert_true(bytes_equal(plan.changes[0].values[0], bytes_of(octets, sizeof octets)));
    assert_string_equal(plan.changes[1].attribute, "objectClass");
    assert_true(bytes_equal(plan.changes[1].values[0], bytes_of_text("pkiUser")));
    entry_plan_free(&plan);
    assert_int_equal(entry_plan_holder(&event, &names, &active_directory, &there.entry, false, &plan, NULL), OK);
    assert_int_equal(plan.count, 1);
    assert_string_equal(plan.changes[0].attribute, "userCertificate");
    entry_plan_free(&plan);
    there_add_text(&there, "objectClass", "PKIUSER");
    there_add(&there, "userCertificate;binary", octets, sizeof octets);
    assert_int_equal(entry_plan_holder(&event, &names, &openldap, &there.entry, false, &plan, NULL), OK);
    assert_int_equal(plan.count, 0); /* a second time: nothing to do */
    entry_plan_free(&plan);
    assert_int_equal(entry_plan_holder(&event, &names, &openldap, &there.entry, true, &plan, NULL), OK);
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.changes[0].op, MOD_DELETE);
    assert_int_equal(plan.changes[0].count, 1); /* this value, never the attribute */
    entry_plan_free(&plan);
    there_free(&there);
    entry_names_free(&names);
}

static void what_is_refused_for_a_holder(void **state)
{
    static const struct {
        const char *dn, *reason;
        size_t size;
        int status;
    } rows[] = {
        {"uid=alice,ou=people," SUFFIX, "directory.no_entry", sizeof octets, TEMPORARY},
        {"uid=alice,dc=elsewhere", "publish.outside", sizeof octets, REFUSED},
        {"cn=EXAMPLE\\, CA,ou=pki," SUFFIX, "publish.outside", sizeof octets, REFUSED},
        {"uid=alice,ou=people," SUFFIX, "publish.no_certificate", 0, REFUSED},
        {"not a dn", "publish.dn", sizeof octets, BAD_DATA},
    };
    struct entry_names names;

    names_make(&names);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct event event = issued(rows[i].dn);
        struct entry_plan plan = {.count = 0};
        struct error error = ERROR_NONE;

        event.certificate_size = rows[i].size;
        assert_int_equal(entry_plan_holder(&event, &names, &openldap, NULL, false, &plan, &error), rows[i].status);
        assert_string_equal(error.reason, rows[i].reason);
        assert_int_equal(plan.count, 0);
        entry_plan_free(&plan);
    }
    entry_names_free(&names);
}

static void the_ca_entry(void **state)
{
    struct event event = {.kind = EVENT_CA_CERTIFICATE, .certificate = octets, .certificate_size = sizeof octets, .crl_fd = -1};
    const char *dn = "cn=X,ou=pki," SUFFIX;
    struct there there = {.entry = {.count = 0}};
    struct entry_plan plan = {.count = 0};
    struct error error = ERROR_NONE;

    assert_int_equal(entry_plan_ca(&event, dn, &openldap, NULL, &plan, NULL), OK);
    assert_true(plan.create);
    assert_int_equal(plan.count, 3);
    assert_string_equal(plan.changes[0].attribute, "objectClass");
    assert_true(bytes_equal(plan.changes[0].values[0], bytes_of_text("cRLDistributionPoint")));
    assert_true(bytes_equal(plan.changes[0].values[1], bytes_of_text("pkiCA")));
    assert_true(bytes_equal(plan.changes[1].values[0], bytes_of_text("X")));
    assert_string_equal(plan.changes[2].attribute, "cACertificate;binary");
    entry_plan_free(&plan);
    there_add_text(&there, "objectClass", "cRLDistributionPoint");
    there_add(&there, "cACertificate;binary", others, sizeof others);
    assert_int_equal(entry_plan_ca(&event, dn, &openldap, &there.entry, &plan, NULL), OK);
    assert_int_equal(plan.count, 2);
    assert_int_equal(plan.changes[1].op, MOD_ADD); /* another CA's, or an older one, stays */
    entry_plan_free(&plan);
    event.delta = true;
    assert_int_equal(entry_plan_crl(&event, dn, bytes_of(octets, 5), &openldap, &there.entry, &plan, NULL), OK);
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.changes[0].op, MOD_REPLACE);
    assert_string_equal(plan.changes[0].attribute, "deltaRevocationList;binary");
    entry_plan_free(&plan);
    assert_int_equal(entry_plan_ca(&event, "ou=X," SUFFIX, &openldap, NULL, &plan, &error), TEMPORARY); /* not a name that we make */
    entry_plan_free(&plan);
    there_free(&there);
}

static void the_enrollment_entry(void **state)
{
    char *templates[] = {TEXT("User"), TEXT("WebServer")};
    struct event event = {.kind = EVENT_CA_CERTIFICATE, .certificate = octets, .certificate_size = sizeof octets, .crl_fd = -1,
                          .templates = {templates, 2}};
    struct there there = {.entry = {.count = 0}};
    struct entry_plan plan = {.count = 0};
    struct entry_names names;
    struct error error = ERROR_NONE;

    names_make(&names);
    assert_int_equal(entry_plan_enrollment(&event, &names, "CN=Root", &openldap, NULL, &plan, NULL), OK);
    assert_true(plan.create);
    assert_int_equal(plan.count, 6);
    assert_string_equal(plan.changes[5].attribute, "certificateTemplates");
    assert_int_equal(plan.changes[5].count, 2);
    entry_plan_free(&plan);
    there_add_text(&there, "dNSHostName", "ca.example.com");
    there_add_text(&there, "cACertificateDN", "CN=Root");
    there_add(&there, "cACertificate;binary", octets, sizeof octets);
    there_add_text(&there, "certificateTemplates", "WebServer");
    there_add_text(&there, "certificateTemplates", "User");
    assert_int_equal(entry_plan_enrollment(&event, &names, "cn=root", &openldap, &there.entry, &plan, NULL), OK);
    assert_int_equal(plan.count, 1); /* the DN in other letters; the templates in any order are the same */
    entry_plan_free(&plan);
    event.templates.count = 1;
    event.certificate_size = 0;
    assert_int_equal(entry_plan_enrollment(&event, &names, NULL, &openldap, &there.entry, &plan, NULL), OK);
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.changes[0].op, MOD_REPLACE);
    assert_int_equal(plan.changes[0].count, 1);
    entry_plan_free(&plan);
    event.templates.count = 0;
    assert_int_equal(entry_plan_enrollment(&event, &names, NULL, &openldap, &there.entry, &plan, NULL), OK);
    assert_int_equal(plan.changes[0].op, MOD_DELETE);
    entry_plan_free(&plan);
    assert_int_equal(entry_plan_enrollment(&event, &names, "CN=Other", &openldap, &there.entry, &plan, &error), TEMPORARY);
    assert_string_equal(error.reason, "publish.other_ca");
    entry_plan_free(&plan);
    there_free(&there);
    entry_names_free(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_computed_and_checked),
        cmocka_unit_test(the_list_is_closed),
        cmocka_unit_test(a_holder_gets_the_certificate_and_the_class),
        cmocka_unit_test(what_is_refused_for_a_holder),
        cmocka_unit_test(the_ca_entry),
        cmocka_unit_test(the_enrollment_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
