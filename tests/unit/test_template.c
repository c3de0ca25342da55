/* Templates as values: reading is strict, the canonical form is one, the lint finds what opens a door. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/base/oid.h"
#include "ca/request.h"
#include "ca/template.h"

#define DN "cn=User,cn=templates,ou=pki,dc=example,dc=com"
#define ROWS_MAX 24

struct row { /* one attribute, one or two values; size 0: text */
    const char *name, *a, *b;
    size_t size;
};

static const struct row user[] = {
    {"objectClass", "chanceryTemplateRights", "pKICertificateTemplate", 0},
    {"cn", "User", NULL, 0},
    {"displayName", "User", NULL, 0},
    {"flags", "0", NULL, 0},
    {"revision", "100", NULL, 0},
    {"msPKI-Template-Schema-Version", "2", NULL, 0},
    {"msPKI-Template-Minor-Revision", "3", NULL, 0},
    {"msPKI-Cert-Template-OID", "1.2.3.4", NULL, 0},
    {"msPKI-Enrollment-Flag", "8", NULL, 0},
    {"msPKI-Certificate-Name-Flag", "1711276032", NULL, 0},
    {"msPKI-Minimal-Key-Size", "2048", NULL, 0},
    {"pKIKeyUsage", "\xa0", NULL, 1},
    {"pKIExpirationPeriod", "\x00\x40\x39\x87\x2e\xe1\xfe\xff", NULL, 8},
    {"pKIExtendedKeyUsage", OID_EKU_CLIENT_AUTH, OID_EKU_EMAIL, 0},
    {"chanceryEnroll", "cn=pki-users,ou=groups,dc=example,dc=com", NULL, 0},
};
#define USER_ROWS (sizeof user / sizeof *user)

/* The sample with one attribute replaced, added (not in the sample) or dropped (a NULL). */
static int make(const struct row *change, struct template *out, struct error *error)
{
    struct bytes values[ROWS_MAX][2];
    struct template_attribute attributes[ROWS_MAX];
    size_t count = 0;
    bool done = change == NULL;

    for (size_t i = 0; i < USER_ROWS + 1; i++) {
        const struct row *row = i < USER_ROWS ? &user[i] : done ? NULL : change;
        if (row && change && strcmp(row->name, change->name) == 0) {
            row = change;
            done = true;
        }
        if (!row || !row->a)
            continue;
        values[count][0] = bytes_of(row->a, row->size ? row->size : strlen(row->a));
        values[count][1] = row->b ? bytes_of_text(row->b) : bytes_of("", 0);
        attributes[count] = (struct template_attribute){row->name, values[count], row->b ? 2 : 1};
        count++;
    }
    return template_from_attributes(DN, attributes, count, out, error);
}

static void the_sample_reads(void **state)
{
    struct template t;
    struct template_finding findings[TEMPLATE_FINDINGS_MAX];
    struct error error = ERROR_NONE;

    assert_int_equal(make(NULL, &t, &error), OK);
    assert_string_equal(t.name, "User");
    assert_string_equal(t.dn, DN);
    assert_int_equal(t.validity_s, 365 * 86400);
    assert_int_equal(t.key_usage, KEY_USAGE_DIGITAL_SIGNATURE | KEY_USAGE_KEY_ENCIPHERMENT);
    assert_int_equal(t.name_flag,
                     NAMEFLAG_SUBJECT_COMMON_NAME | NAMEFLAG_SUBJECT_EMAIL | NAMEFLAG_SAN_EMAIL | NAMEFLAG_SAN_UPN);
    assert_int_equal(t.minor_revision, 3);
    assert_int_equal(t.ekus.count, 2);
    assert_true(template_authenticates(&t));
    assert_int_equal(template_lint(&t, findings), 0);
    template_free(&t);
}

static void every_name_that_is_read_is_asked_for(void **state)
{
    for (size_t i = 0; i < USER_ROWS; i++) {
        bool found = false;
        for (size_t j = 0; template_attribute_names[j]; j++)
            found |= strcmp(user[i].name, template_attribute_names[j]) == 0;
        assert_true(found);
    }
    for (size_t j = 1; template_attribute_names[j]; j++)
        assert_true(strcmp(template_attribute_names[j - 1], template_attribute_names[j]) < 0);
}

static void the_canonical_form_is_one(void **state)
{
    static const struct row swapped = {"objectClass", "pKICertificateTemplate", "chanceryTemplateRights", 0};
    struct template a, b, c;

    assert_int_equal(make(NULL, &a, NULL), OK);
    assert_int_equal(make(&swapped, &b, NULL), OK);
    assert_true(bytes_equal(buf_bytes(&a.canonical), buf_bytes(&b.canonical)));
    assert_int_equal(template_from_canonical(buf_bytes(&a.canonical), &c, NULL), OK);
    assert_true(bytes_equal(buf_bytes(&a.canonical), buf_bytes(&c.canonical)));
    assert_string_equal(c.oid, "1.2.3.4");
    assert_int_equal(c.enroll.count, 1);
    template_free(&a);
    template_free(&b);
    template_free(&c);
}

/* Every change of a named attribute changes the form, so that adoption notices. */
static void every_change_shows(void **state)
{
    static const struct row changes[] = {
        {"msPKI-Certificate-Name-Flag", "1", NULL, 0},
        {"chanceryEnroll", "cn=everybody,dc=example,dc=com", NULL, 0},
        {"chanceryApprovals", "2", NULL, 0},
        {"displayName", NULL, NULL, 0},
        {"pKIExtendedKeyUsage", OID_EKU_CLIENT_AUTH, NULL, 0},
        {"chanceryRequestExtension", "1.2.3", NULL, 0},
    };
    struct template a, b;

    assert_int_equal(make(NULL, &a, NULL), OK);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        assert_int_equal(make(&changes[i], &b, NULL), OK);
        assert_false(bytes_equal(buf_bytes(&a.canonical), buf_bytes(&b.canonical)));
        template_free(&b);
    }
    template_free(&a);
}

static void damaged_forms_are_refused(void **state)
{
    struct template a, b;
    struct buf copy = BUF_EMPTY;

    assert_int_equal(make(NULL, &a, NULL), OK);
    for (size_t cut = 0; cut < a.canonical.size; cut++)
        if (template_from_canonical(bytes_of(a.canonical.data, cut), &b, NULL) == OK) {
            /* cut at an attribute's border it is another template, never the same */
            assert_false(bytes_equal(buf_bytes(&a.canonical), buf_bytes(&b.canonical)));
            template_free(&b);
        }
    buf_add(&copy, a.canonical.data, a.canonical.size);
    buf_add_byte(&copy, 0);
    assert_int_equal(template_from_canonical(buf_bytes(&copy), &b, NULL), BAD_DATA);
    buf_free(&copy);
    template_free(&a);
}

static void wrong_values_are_refused(void **state)
{
    static const struct row bad[] = {
        {"cn", "User", "Other", 0},
        {"cn", NULL, NULL, 0},
        {"cn", "User\n", NULL, 0},
        {"cn", "../User", NULL, 0},
        {"cn", "\xe2\x80\xaeresU", NULL, 0},
        {"displayName", "\x1b[31mUser", NULL, 0},
        {"displayName", "a\0b", NULL, 3},
        {"flags", "0x40", NULL, 0},
        {"flags", "99999999999", NULL, 0},
        {"flags", "-", NULL, 0},
        {"flags", "01", NULL, 0},
        {"revision", "-1", NULL, 0},
        {"chanceryApprovals", "70000", NULL, 0},
        {"msPKI-Cert-Template-OID", "1.02", NULL, 0},
        {"pKIExtendedKeyUsage", "clientAuth", NULL, 0},
        {"pKIExpirationPeriod", "\x00\x40\x39\x87", NULL, 4},
        {"pKIExpirationPeriod", "\xff\xff\xff\xff\xff\xff\xff\x7f", NULL, 8},
        {"pKIKeyUsage", "\xa0\x01", NULL, 2},
        {"pKIKeyUsage", "\xa0\x80\x00", NULL, 3},
        {"objectClass", "person", NULL, 0},
        {"objectClass", NULL, NULL, 0},
        {"chanceryEnroll", "cn=\xff", NULL, 0},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct template t;
        struct error error = ERROR_NONE;
        assert_int_equal(make(&bad[i], &t, &error), BAD_DATA);
        assert_string_equal(error.reason, "template.attribute");
        assert_null(t.name);
    }
}

static bool finds(const struct template *t, const char *reason, bool *fatal)
{
    struct template_finding findings[TEMPLATE_FINDINGS_MAX];
    size_t count = template_lint(t, findings);

    for (size_t i = 0; i < count; i++)
        if (strcmp(findings[i].reason, reason) == 0) {
            *fatal = findings[i].fatal;
            return true;
        }
    return false;
}

static void the_lint_finds(void **state)
{
    static const struct {
        struct row change;
        const char *reason;
        bool fatal;
    } rows[] = {
        {{"pKIExtendedKeyUsage", NULL, NULL, 0}, "template.no_eku", true},
        {{"pKIExtendedKeyUsage", OID_EKU_ANY, NULL, 0}, "template.any_eku", true},
        {{"msPKI-Certificate-Name-Flag", "1", NULL, 0}, "template.supplies_names", true},
        {{"msPKI-Certificate-Name-Flag", "65536", NULL, 0}, "template.supplies_names", true},
        {{"flags", "128", NULL, 0}, "template.ca_approvals", true},
        {{"pKIKeyUsage", "\x06", NULL, 1}, "template.cert_sign", true},
        {{"msPKI-Enrollment-Flag", "524288", NULL, 0}, "template.no_identifier", true},
        {{"pKIExtendedKeyUsage", OID_EKU_AGENT, NULL, 0}, "template.agent", true},
        {{"pKIExpirationPeriod", NULL, NULL, 0}, "template.no_validity", true},
        {{"msPKI-Certificate-Name-Flag", "0", NULL, 0}, "template.no_names", true},
        {{"msPKI-Certificate-Name-Flag", "536870912", NULL, 0}, "template.no_names", true},
        {{"msPKI-Certificate-Name-Flag", "8", NULL, 0}, "template.old_certificate_names", true},
        {{"msPKI-Certificate-Name-Flag", "1077936128", NULL, 0}, "template.domain_dns", true},
        {{"msPKI-Certificate-Name-Flag", "1082130432", NULL, 0}, "template.spn", true},
        {{"msPKI-Certificate-Name-Flag", "1090519040", NULL, 0}, "template.guid", true},
        {{"msPKI-Certificate-Name-Flag", "1073741826", NULL, 0}, "template.name_flags", true},
        {{"msPKI-Enrollment-Flag", "4", NULL, 0}, "template.kra", true},
        {{"msPKI-Enrollment-Flag", "64", NULL, 0}, "template.reenrollment", true},
        {{"msPKI-Enrollment-Flag", "65536", NULL, 0}, "template.key_based_renewal", true},
        {{"msPKI-Enrollment-Flag", "131072", NULL, 0}, "template.policies_from_request", true},
        {{"msPKI-Enrollment-Flag", "128", NULL, 0}, "template.enrollment_flags", true},
        {{"msPKI-Enrollment-Flag", "32", NULL, 0}, "template.auto_enrollment", false},
        {{"msPKI-Private-Key-Flag", "1", NULL, 0}, "template.archival", true},
        {{"msPKI-Private-Key-Flag", "64", NULL, 0}, "template.alternate_signature", true},
        {{"msPKI-Private-Key-Flag", "128", NULL, 0}, "template.same_key", true},
        {{"msPKI-Private-Key-Flag", "512", NULL, 0}, "template.attestation", true},
        {{"msPKI-Private-Key-Flag", "8192", NULL, 0}, "template.attestation", true},
        {{"msPKI-Private-Key-Flag", "2097152", NULL, 0}, "template.private_key_flags", true},
        {{"flags", "2048", NULL, 0}, "template.cross_ca", true},
        {{"flags", "4096", NULL, 0}, "template.not_kept", true},
        {{"flags", "4", NULL, 0}, "template.flags", true},
        {{"msPKI-RA-Signature", "1", NULL, 0}, "template.ra_without_agent", true},
        {{"msPKI-RA-Signature", "2", NULL, 0}, "template.ra_signatures", true},
        {{"msPKI-RA-Application-Policies", "enrolment", NULL, 0}, "template.ra_policies", true},
        {{"msPKI-RA-Policies", "1.2.3", NULL, 0}, "template.ra_unused", false},
        {{"msPKI-Template-Schema-Version", "5", NULL, 0}, "template.schema_version", true},
        {{"msPKI-Template-Schema-Version", NULL, NULL, 0}, "template.schema_version", true},
        {{"msPKI-Cert-Template-OID", NULL, NULL, 0}, "template.no_oid", true},
        {{"msPKI-Supersede-Templates", "user", NULL, 0}, "template.supersedes", true},
        {{"pKICriticalExtensions", OID_SAN, NULL, 0}, "template.critical", true},
        {{"pKICriticalExtensions", OID_AIA, NULL, 0}, "template.critical", true},
        {{"msPKI-Certificate-Application-Policy", OID_EKU_SMARTCARD, NULL, 0}, "template.application_policies", true},
        {{"msPKI-Certificate-Policy", "2.5.29.32.0", NULL, 0}, "template.any_policy", true},
        {{"chanceryRequestExtension", OID_SAN, NULL, 0}, "template.request_extension", true},
        {{"chanceryRequestExtension", OID_MS_SECURITY_ID, NULL, 0}, "template.request_extension", true},
        {{"msPKI-Minimal-Key-Size", "1024", NULL, 0}, "template.key_size", true},
        {{"msPKI-Enrollment-Flag", "16384", NULL, 0}, "template.unrevocable", true},
        {{"chanceryEnroll", NULL, NULL, 0}, "template.nobody", false},
        {{"chanceryApprovals", "1", NULL, 0}, "template.approvals", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct template t;
        bool fatal = false;
        assert_int_equal(make(&rows[i].change, &t, NULL), OK);
        assert_true(finds(&t, rows[i].reason, &fatal));
        assert_int_equal(fatal, rows[i].fatal);
        template_free(&t);
    }
}

static void approval_allows_what_else_is_refused(void **state)
{
    struct template t;
    bool fatal;

    assert_int_equal(make(&(struct row){"msPKI-Certificate-Name-Flag", "1", NULL, 0}, &t, NULL), OK);
    t.enrollment_flag |= ENROLL_PEND_ALL;
    assert_false(finds(&t, "template.supplies_names", &fatal));
    t.flags |= TEMPLATE_IS_CA;
    t.approvals = 1;
    assert_true(finds(&t, "template.ca_approvals", &fatal));
    t.approvals = 2;
    assert_false(finds(&t, "template.ca_approvals", &fatal));
    template_free(&t);
}

/* Bits that a client minds, or that say which Windows there must be, are no finding: every template of a real forest has them. */
static void what_clients_mind_is_no_finding(void **state)
{
    static const struct row rows[] = {
        {"flags", "131642", NULL, 0}, /* 0x2023a */
        {"msPKI-Enrollment-Flag", "271641", NULL, 0}, /* 0x42519: 1, 8, 0x10, 0x100, 0x400, 0x2000, 0x40000 */
        {"msPKI-Private-Key-Flag", "84279600", NULL, 0}, /* 0x5060130 */
        {"msPKI-Private-Key-Flag", "16842768", NULL, 0}, /* 0x1010010, as version 2 templates have it */
        {"pKICriticalExtensions", OID_KEY_USAGE, OID_EKU, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct template t;
        struct template_finding findings[TEMPLATE_FINDINGS_MAX];
        assert_int_equal(make(&rows[i], &t, NULL), OK);
        size_t count = template_lint(&t, findings);
        if (count)
            fail_msg("%s: %s", rows[i].a, findings[0].message);
        template_free(&t);
    }
}

static void agents_sign_once(void **state)
{
    struct template t;
    bool fatal;

    assert_int_equal(make(&(struct row){"msPKI-RA-Signature", "1", NULL, 0}, &t, NULL), OK);
    t.enrollment_flag |= ENROLL_ON_BEHALF_OF;
    assert_int_equal(strings_add(&t.ra_application_policies, OID_EKU_AGENT), OK);
    assert_false(finds(&t, "template.ra_without_agent", &fatal));
    assert_false(finds(&t, "template.ra_policies", &fatal));
    assert_false(finds(&t, "template.agent", &fatal));
    t.schema_version = 3; /* there the attribute has another form, and all of it is refused */
    assert_true(finds(&t, "template.ra_composite", &fatal));
    assert_true(fatal);
    t.name_flag = NAMEFLAG_ENROLLEE_SUPPLIES_SAN;
    assert_true(finds(&t, "template.agent_names", &fatal));
    assert_true(fatal);
    template_free(&t);
}

static void everything_at_once_fits(void **state)
{
    struct template t;
    struct template_finding findings[TEMPLATE_FINDINGS_MAX];

    assert_int_equal(make(NULL, &t, NULL), OK);
    t.flags = t.name_flag = t.enrollment_flag = t.private_key_flag = UINT32_MAX;
    size_t count = template_lint(&t, findings);
    assert_in_range(count, 20, TEMPLATE_FINDINGS_MAX - 1);
    for (size_t i = 0; i < count; i++)
        assert_true(strlen(findings[i].reason) < sizeof findings[i].reason - 1 && strlen(findings[i].message) < sizeof findings[i].message - 1);
    template_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_reads),          cmocka_unit_test(every_name_that_is_read_is_asked_for),
        cmocka_unit_test(the_canonical_form_is_one), cmocka_unit_test(every_change_shows),
        cmocka_unit_test(damaged_forms_are_refused), cmocka_unit_test(wrong_values_are_refused),
        cmocka_unit_test(the_lint_finds),            cmocka_unit_test(approval_allows_what_else_is_refused),
        cmocka_unit_test(what_clients_mind_is_no_finding), cmocka_unit_test(agents_sign_once),
        cmocka_unit_test(everything_at_once_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
