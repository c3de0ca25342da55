/* Distinguished names: text to DER and back, what is refused, what hostile DER becomes as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/base/encode.h"
#include "ca/x509/name.h"

static void names_go_there_and_back(void **state)
{
    static const struct {
        const char *in, *out; /* NULL: the same */
    } cases[] = {
        {"", NULL},
        {"CN=Alice,OU=People,DC=example,DC=com", NULL},
        {"CN=M\xc3\xbcller\\, Anna,O=\\#1 \\\"Best\\\" \\+ Co,C=DE", NULL},
        {"CN=\\ two blanks \\ ,O=a\\=b\\;c\\<d\\>e\\\\f", "CN=\\ two blanks \\ ,O=a=b\\;c\\<d\\>e\\\\f"},
        {"cn = Alice , o=Example", "CN=Alice,O=Example"},
        {"emailAddress=a@example.com+CN=Alice,O=X", "CN=Alice+emailAddress=a@example.com,O=X"},
        {"CN=Lu\\C4\\8Di\\C4\\87", "CN=Lu\xc4\x8di\xc4\x87"},
        {"1.2.3.4=abc", "1.2.3.4=#0c03616263"},
        {"1.2.3.4=#0c03616263", NULL},
        {"2.5.4.3=Alice", "CN=Alice"},
        {"CN=Alice,CN=Users,DC=ad,DC=example", NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error error = ERROR_NONE;
        struct buf der = BUF_EMPTY;
        const char *what;
        char *text;

        if (name_from_text(cases[i].in, "name", &der, &error) != OK)
            fail_msg("%s: %s", cases[i].in, error.message);
        assert_int_equal(name_check(buf_bytes(&der), NAME_ISSUE, &what), OK);
        assert_int_equal(name_to_text(buf_bytes(&der), &text, &error), OK);
        assert_string_equal(text, cases[i].out != NULL ? cases[i].out : cases[i].in);
        free(text);
        buf_free(&der);
    }
}

static void the_root_comes_first_in_der(void **state)
{
    struct buf der = BUF_EMPTY, hex = BUF_EMPTY;

    assert_int_equal(name_from_text("CN=a,C=DE", "name", &der, NULL), OK);
    hex_encode(&hex, buf_bytes(&der));
    assert_string_equal(buf_text(&hex), "3019310b3009060355040613024445310a300806035504030c0161");
    buf_free(&der);
    buf_free(&hex);
}

static void bad_text_is_refused(void **state)
{
    static const char *const cases[] = {
        "CN", "=a", "CN=", "CN=a,", "CN=a,,O=b", "C=de", "C=DEU", "nonsense=a", "CN=a\\", "CN=a\\zb", "CN=\"a\"", "CN=a;O=b",
        "CN=a\x01", "CN=a\\00b", "CN=\xff", ("CN=\xe2\x80\xae" "gnp"), "DC=m\xc3\xbcller", "CN=a+CN=b", "CN=#0c0161", "1.2.3=#zz",
        "1.2.3=#0c02", "1.2.3=#020101", "serialNumber=a_b",
        "CN=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error error = ERROR_NONE;
        struct buf der = BUF_EMPTY;

        if (name_from_text(cases[i], "certificate.name", &der, &error) != BAD_DATA)
            fail_msg("accepted: %s", cases[i]);
        assert_string_equal(error.reason, "certificate.name");
        buf_free(&der);
    }
}

static void sixty_four_rdns_and_no_more(void **state)
{
    struct buf text = BUF_EMPTY, der = BUF_EMPTY;
    const char *what;

    for (int i = 0; i < NAME_RDNS_MAX; i++)
        buf_printf(&text, "%sOU=x%d", i > 0 ? "," : "", i);
    assert_int_equal(name_from_text(buf_text(&text), "name", &der, NULL), OK);
    assert_int_equal(name_check(buf_bytes(&der), NAME_ISSUE, &what), OK);
    buf_add_text(&text, ",OU=one more");
    buf_clear(&der);
    assert_int_equal(name_from_text(buf_text(&text), "name", &der, NULL), BAD_DATA);
    buf_free(&text);
    buf_free(&der);
}

/* Name with one attribute CN of this type and these octets. */
static void make_cn(struct buf *der, uint8_t tag, const char *octets, size_t size)
{
    size_t name = der_open(der, DER_SEQUENCE), rdn = der_open(der, DER_SET), ava = der_open(der, DER_SEQUENCE);

    der_add_oid(der, DER_OID, "2.5.4.3");
    der_add(der, tag, bytes_of(octets, size));
    der_close(der, ava);
    der_close(der, rdn);
    der_close(der, name);
}

static void hostile_der_is_refused_and_said_safely(void **state)
{
    static const struct {
        uint8_t tag;
        const char *octets;
        size_t size;
        const char *text; /* as name_to_text says it */
        bool refused;
    } cases[] = {
        {DER_UTF8, "a\0b", 3, "CN=a\\00b", true},
        {DER_UTF8, "a\nO=b", 5, "CN=a\\0AO=b", true},
        {DER_UTF8, "a,O=b", 5, "CN=a\\,O=b", false},
        {DER_UTF8, "#a", 2, "CN=\\#a", false},
        {DER_UTF8, "*)(uid=*", 8, "CN=*)(uid=*", false},
        {DER_UTF8, "\xff", 1, "CN=#0c01ff", true},
        {DER_TELETEX, "M\xfcller", 6, "CN=M\xc3\xbcller", true},
        {DER_BMP, "\0M\0\xfc", 4, "CN=M\xc3\xbc", false},
        {DER_BMP, "\xd8\x00\xdc\x00", 4, "CN=#1e04d800dc00", true},
        {DER_OCTETS, "a", 1, "CN=#040161", true},
        {DER_UTF8, "\x1b[2J", 4, "CN=\\1B[2J", true},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf der = BUF_EMPTY;
        const char *what;
        char *text;

        make_cn(&der, cases[i].tag, cases[i].octets, cases[i].size);
        assert_int_equal(name_to_text(buf_bytes(&der), &text, NULL), OK);
        assert_string_equal(text, cases[i].text);
        if ((name_check(buf_bytes(&der), NAME_REQUEST, &what) != OK) != cases[i].refused)
            fail_msg("case %zu: %s", i, what != NULL ? what : "accepted");
        free(text);
        buf_free(&der);
    }
}

static void alternative_names_go_there_and_back(void **state)
{
    struct general_name names[] = {
        {NAME_DNS, (char *)"web07.example.com"}, {NAME_DNS, (char *)"*.example.com"}, {NAME_EMAIL, (char *)"alice@example.com"},
        {NAME_UPN, (char *)"\xc3\xa4lice@EXAMPLE.COM"}, {NAME_IP, (char *)"2001:db8::7"}, {NAME_URI, (char *)"urn:uuid:1"},
        {NAME_DIRECTORY, (char *)"CN=Alice,DC=example"},
    };
    const size_t count = sizeof(names) / sizeof(names[0]);
    struct general_name *back = NULL;
    struct buf der = BUF_EMPTY;
    size_t back_count = 0;
    const char *what;

    assert_int_equal(general_names_add(&der, names, count, "name", NULL), OK);
    assert_int_equal(general_names_read(buf_bytes(&der), 100, &back, &back_count, &what), OK);
    assert_int_equal(back_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(back[i].kind, names[i].kind);
        assert_string_equal(back[i].value, names[i].value);
    }
    general_names_free(back, back_count);
    back = NULL;
    back_count = 0;
    assert_int_equal(general_names_read(buf_bytes(&der), 3, &back, &back_count, &what), BAD_DATA);
    general_names_free(back, back_count);
    buf_free(&der);
}

static void bad_alternative_names_are_refused(void **state)
{
    static const char *const hex[] = {
        "3000", "3003820100", "300482020a61", "300587037f0000", "3002 8200", "30038a0161", "300482026120", "3003 8101ff", "300482016100",
    };
    struct general_name bad[] = {
        {NAME_DNS, (char *)"a b"}, {NAME_EMAIL, (char *)"alice"}, {NAME_IP, (char *)"192.0.2.256"}, {NAME_URI, (char *)"x"},
        {NAME_UPN, (char *)"a\nb"}, {NAME_OTHER, (char *)"1.2.3"}, {NAME_DIRECTORY, (char *)"nonsense"}, {NAME_EMAIL, NULL},
    };

    for (size_t i = 0; i < sizeof(hex) / sizeof(hex[0]); i++) {
        struct general_name *names = NULL;
        struct buf der = BUF_EMPTY;
        const char *what = NULL;
        size_t count = 0;

        hex_decode(&der, hex[i], strlen(hex[i]));
        if (general_names_read(buf_bytes(&der), 100, &names, &count, &what) != BAD_DATA)
            fail_msg("accepted: %s", hex[i]);
        general_names_free(names, count);
        buf_free(&der);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buf der = BUF_EMPTY;

        assert_int_equal(general_names_add(&der, &bad[i], 1, "name", NULL), BAD_DATA);
        buf_free(&der);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_go_there_and_back),      cmocka_unit_test(the_root_comes_first_in_der),
        cmocka_unit_test(bad_text_is_refused),          cmocka_unit_test(sixty_four_rdns_and_no_more),
        cmocka_unit_test(hostile_der_is_refused_and_said_safely), cmocka_unit_test(alternative_names_go_there_and_back),
        cmocka_unit_test(bad_alternative_names_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
