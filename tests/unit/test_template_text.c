/* The readable form of templates: what is shown can be read back the same, octet for octet, and what cannot stands in base64; the
 * difference of two templates is never silent when their canonical forms differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/template_text.h"

#define DN "cn=User,cn=templates,ou=pki,dc=example,dc=com"

struct row {
    const char *name, *value;
    size_t size; /* 0: text */
};
static const struct row user[] = {
    {"objectClass", "pKICertificateTemplate", 0},
    {"cn", "User", 0},
    {"flags", "64", 0},
    {"msPKI-Certificate-Name-Flag", "-2147483647", 0},
    {"msPKI-Enrollment-Flag", "10", 0},
    {"msPKI-Private-Key-Flag", "16842768", 0},
    {"pKIKeyUsage", "\xa0", 1},
    {"pKIExpirationPeriod", "\x00\x40\x39\x87\x2e\xe1\xfe\xff", 8},
    {"pKIExtendedKeyUsage", "1.3.6.1.5.5.7.3.2", 0},
    {"chanceryEnroll", "cn=pki-users,ou=groups,dc=example,dc=com", 0},
};
#define ROWS (sizeof user / sizeof *user)

static void make(const struct row *change, struct template *out)
{
    struct bytes values[ROWS + 1];
    struct template_attribute attributes[ROWS + 1];
    struct error error = ERROR_NONE;
    size_t count = 0;
    bool done = !change;

    for (size_t i = 0; i < ROWS + 1; i++) {
        const struct row *row = i < ROWS ? &user[i] : done ? NULL : change;
        if (row && change && strcmp(row->name, change->name) == 0) {
            row = change;
            done = true;
        }
        if (!row || !row->value)
            continue;
        values[count] = bytes_of(row->value, row->size ? row->size : strlen(row->value));
        attributes[count] = (struct template_attribute){row->name, &values[count], 1};
        count++;
    }
    if (template_from_attributes(DN, attributes, count, out, &error) != OK)
        fail_msg("%s", error.message);
}

static void the_readable_form(void **state)
{
    static const char wanted[] = "# chancery template: User\n"
                                 "dn: " DN "\n"
                                 "chanceryEnroll: cn=pki-users,ou=groups,dc=example,dc=com\n"
                                 "cn: User\n"
                                 "flags: machine\n"
                                 "msPKI-Certificate-Name-Flag: enrollee-supplies-subject subject-directory-path\n"
                                 "msPKI-Enrollment-Flag: pend publish\n"
                                 "msPKI-Private-Key-Flag: exportable 0x1010000\n"
                                 "objectClass: pKICertificateTemplate\n"
                                 "pKIExpirationPeriod: 365 d\n"
                                 "pKIExtendedKeyUsage: 1.3.6.1.5.5.7.3.2 (clientAuth)\n"
                                 "pKIKeyUsage: digitalSignature keyEncipherment\n";
    struct template t;
    struct buf text = BUF_EMPTY;

    make(NULL, &t);
    assert_int_equal(template_to_text(&t, &text), OK);
    assert_string_equal(buf_text(&text), wanted);
    buf_free(&text);
    template_free(&t);
}

/* Text, back to LDIF, is the LDIF that the template itself gives: nothing is lost on the way through people's hands. */
static void it_comes_back_the_same(void **state)
{
    static const struct row changes[] = {
        {"flags", "2147483647", 0},
        {"msPKI-Certificate-Name-Flag", "2147483649", 0}, /* unsigned: written otherwise than LDAP's signed integers are */
        {"msPKI-Enrollment-Flag", "0", 0},
        {"pKIKeyUsage", "\xa0\x80", 2},
        {"pKIKeyUsage", "\xa0\x00", 2}, /* a longer form of the same bits */
        {"pKIKeyUsage", "\x00", 1},
        {"pKIExpirationPeriod", "\xff\xff\xff\xff\xff\xff\xff\xff", 8}, /* 100 ns */
        {"pKIOverlapPeriod", "\x00\x00\x00\x00\x00\x00\x00\x00", 8},
        {"displayName", "N\xc3\xbctzer: <eins>", 0},
        {"displayName", ":colon", 0},
        {"displayName", "trailing ", 0},
        {"displayName", "# looks like a comment", 0},
        {"pKIExtendedKeyUsage", "1.2.3.4.5", 0},
        {"chanceryEnroll", "cn=a\\, b,dc=example,dc=com", 0},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct template t;
        struct buf text = BUF_EMPTY, ldif = BUF_EMPTY, back = BUF_EMPTY;
        struct error error = ERROR_NONE;
        make(&changes[i], &t);
        assert_int_equal(template_to_text(&t, &text), OK);
        assert_int_equal(template_to_ldif(&t, &ldif), OK);
        if (template_text_to_ldif(buf_bytes(&text), &back, &error) != OK)
            fail_msg("row %zu: %s\n%s", i, error.message, buf_text(&text));
        assert_string_equal(buf_text(&back), buf_text(&ldif));
        buf_free(&text);
        buf_free(&ldif);
        buf_free(&back);
        template_free(&t);
    }
}

static void wrong_text_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "# nothing\n",
        "cn: User\n",
        "dn: " DN "\ncn: User\n",                                                         /* no object class */
        "dn: " DN "\nobjectClass: pKICertificateTemplate\ncn: User\nuserPassword: x\n",   /* not of a template */
        "dn: " DN "\nobjectClass: pKICertificateTemplate\ncn: User\nflags: machin\n",
        "dn: " DN "\nobjectClass: pKICertificateTemplate\ncn: User\nflags: none machine\n",
        "dn: " DN "\nobjectClass: pKICertificateTemplate\ncn: User\nflags: 0xfffffffff\n",
        "dn: " DN "\nobjectClass: pKICertificateTemplate\ncn: User\npKIExpirationPeriod: 1 year\n",
        "dn: " DN "\nobjectClass: pKICertificateTemplate\ncn: User\npKIExpirationPeriod: 99999999999999 d\n",
        "dn: " DN "\nobjectClass: pKICertificateTemplate\ncn: User\npKIKeyUsage: everything\n",
        "dn: " DN "\nobjectClass: pKICertificateTemplate\ncn: User\ncn: Other\n",
        "dn: " DN "\nobjectClass: pKICertificateTemplate\ncn: User\nflags\n",
        "dn: " DN "\nobjectClass: pKICertificateTemplate\ncn: User\ndisplayName:: !!\n",
        "dn: " DN "\nobjectClass: pKICertificateTemplate\ncn:\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct buf ldif = BUF_EMPTY;
        struct error error = ERROR_NONE;
        if (template_text_to_ldif(bytes_of_text(wrong[i]), &ldif, &error) != BAD_DATA)
            fail_msg("row %zu is read: %s", i, buf_text(&ldif));
        assert_true(error.message[0]);
        buf_free(&ldif);
    }
}

static void several_templates_are_read(void **state)
{
    static const char text[] = "# chancery template: A\ndn: cn=A,dc=x\nobjectClass: pKICertificateTemplate\ncn: A\n\n"
                               "# chancery template: B\ndn: cn=B,dc=x\nOBJECTCLASS: pKICertificateTemplate\r\ncn: B\n";
    struct buf ldif = BUF_EMPTY;

    assert_int_equal(template_text_to_ldif(bytes_of_text(text), &ldif, NULL), OK);
    assert_string_equal(buf_text(&ldif), "dn: cn=A,dc=x\ncn: A\nobjectClass: pKICertificateTemplate\n\n"
                                         "dn: cn=B,dc=x\ncn: B\nobjectClass: pKICertificateTemplate\n");
    buf_free(&ldif);
}

static void every_difference_shows(void **state)
{
    static const struct {
        struct row change;
        const char *lines[2];
    } rows[] = {
        {{"flags", "0", 0}, {"-flags: machine", "+flags: none"}},
        {{"displayName", "New", 0}, {"+displayName: New", NULL}},
        {{"chanceryEnroll", NULL, 0}, {"-chanceryEnroll: cn=pki-users,ou=groups,dc=example,dc=com", NULL}},
        {{"pKIKeyUsage", "\xa0\x00", 2}, {"-pKIKeyUsage: digitalSignature keyEncipherment", "+pKIKeyUsage:: oAA="}},
        {{"flags", "64", 0}, {NULL, NULL}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct template a, b;
        struct strings lines = {NULL, 0};
        make(NULL, &a);
        make(&rows[i].change, &b);
        assert_int_equal(template_diff(&a, &b, &lines), OK);
        size_t wanted = !!rows[i].lines[0] + !!rows[i].lines[1];
        assert_int_equal(lines.count, wanted);
        for (size_t j = 0; j < wanted; j++)
            assert_string_equal(lines.items[j], rows[i].lines[j]);
        assert_int_equal(bytes_equal(buf_bytes(&a.canonical), buf_bytes(&b.canonical)), wanted == 0);
        strings_free(&lines);
        template_free(&a);
        template_free(&b);
    }
}

static void one_template_is_read_from_its_text(void **state)
{
    static const char *const wrong[] = {"", "# chancery template: x\n", "dn: cn=User\nnonsense: 1\n", "cn: User\n"};
    struct template template, back;
    struct buf text = BUF_EMPTY;
    struct error error = ERROR_NONE;

    (void)state;
    make(NULL, &template);
    assert_int_equal(template_to_text(&template, &text), OK);
    if (template_from_text(buf_bytes(&text), &back, &error) != OK)
        fail_msg("%s", error.message);
    assert_true(bytes_equal(buf_bytes(&template.canonical), buf_bytes(&back.canonical)));
    template_free(&back);
    assert_int_equal(template_to_text(&template, &text), OK); /* twice */
    assert_int_equal(template_from_text(buf_bytes(&text), &back, &error), BAD_DATA);
    assert_string_equal(error.reason, "template.text");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        error_clear(&error);
        if (template_from_text(bytes_of_text(wrong[i]), &back, &error) != BAD_DATA)
            fail_msg("\"%s\" was read as a template", wrong[i]);
    }
    template_free(&template);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_template_is_read_from_its_text), cmocka_unit_test(the_readable_form),          cmocka_unit_test(it_comes_back_the_same),
        cmocka_unit_test(wrong_text_is_refused),      cmocka_unit_test(several_templates_are_read),
        cmocka_unit_test(every_difference_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
