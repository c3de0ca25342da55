/* Distinguished names and filters: what is hostile stays data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/directory/directory.h"

static void filter_metacharacters_are_data(void **state)
{
    static const struct {
        const char *in;
        size_t size;
        const char *out;
    } rows[] = {
        {"*)(uid=*", 8, "\\2a\\29\\28uid=\\2a"},
        {"a\0b", 3, "a\\00b"},
        {"\\00", 3, "\\5c00"},
        {"alice@example.com", 17, "alice@example.com"},
        {"\xc3\xa9", 2, "\\c3\\a9"},
        {"", 0, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = BUF_EMPTY;
        filter_escape(&out, bytes_of(rows[i].in, rows[i].size));
        assert_string_equal(buf_text(&out), rows[i].out);
        buf_free(&out);
    }
}

static void filter_patterns_expand(void **state)
{
    const char *const values[] = {"60001", "*)(cn=*"};
    struct buf out = BUF_EMPTY;
    struct error error = ERROR_NONE;

    assert_int_equal(filter_expand("(&(uidNumber=%u)(uid=%n)(x=100%%))", "un", values, &out, &error), OK);
    assert_string_equal(buf_text(&out), "(&(uidNumber=60001)(uid=\\2a\\29\\28cn=\\2a)(x=100%))");
    assert_int_equal(filter_expand("(uid=%x)", "un", values, &out, &error), BAD_CONFIG);
    error_clear(&error);
    assert_int_equal(filter_expand("(uid=%", "un", values, &out, &error), BAD_CONFIG);
    buf_free(&out);
}

static void names_normalise(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"UID=alice, OU=People , dc=example,dc=com", "uid=alice,ou=People,dc=example,dc=com"},
        {"cn=a+uid=b,dc=x", "cn=a+uid=b,dc=x"},
        {"uid=b+cn=a,dc=x", "cn=a+uid=b,dc=x"},
        {"cn=a\\2cb,dc=x", "cn=a\\,b,dc=x"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *out;
        assert_int_equal(dn_normalise(rows[i].in, &out, NULL), OK);
        assert_true(strcmp(out, rows[i].out) == 0 || dn_equal(out, rows[i].out));
        free(out);
    }
}

static void what_is_no_name_is_refused(void **state)
{
    struct buf many = BUF_EMPTY;
    static const char *const rows[] = {"alice", "uid=alice,,dc=x", "=x", "uid=alice,dc", "uid=\xff\xfe,dc=x"};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = ERROR_NONE;
        char *out;
        assert_int_equal(dn_normalise(rows[i], &out, &error), BAD_DATA);
        assert_string_equal(error.reason, "directory.dn");
        assert_null(out);
        assert_false(dn_equal(rows[i], rows[i]));
    }
    for (int i = 0; i < 65; i++)
        buf_add_text(&many, i ? ",dc=x" : "dc=x");
    char *out;
    assert_int_equal(dn_normalise(buf_text(&many), &out, NULL), BAD_DATA);
    buf_free(&many);
}

static void names_compare(void **state)
{
    assert_true(dn_equal("uid=Alice,dc=Example,dc=com", "UID=alice, DC=example,DC=COM"));
    assert_false(dn_equal("uid=alice,dc=com", "uid=alice,dc=org"));
    assert_false(dn_equal("uid=alice", NULL));
    assert_true(dn_is_under("uid=a,ou=people,dc=example,dc=com", "dc=example,dc=com"));
    assert_true(dn_is_under("dc=example,dc=com", "DC=example, dc=com"));
    assert_false(dn_is_under("uid=a,dc=example,dc=com", "dc=xample,dc=com"));
    assert_false(dn_is_under("dc=com", "dc=example,dc=com"));
    assert_false(dn_is_under("uid=x\\,dc=example\\,dc=com", "dc=example,dc=com"));
}

static void names_come_apart(void **state)
{
    char *text;
    struct buf value = BUF_EMPTY;

    assert_int_equal(dn_parent("uid=alice,ou=people,dc=x", &text, NULL), OK);
    assert_string_equal(text, "ou=people,dc=x");
    free(text);
    assert_int_equal(dn_parent("dc=x", &text, NULL), OK);
    assert_string_equal(text, "");
    free(text);
    assert_int_equal(dn_parent("", &text, NULL), BAD_DATA);
    assert_int_equal(dn_first_rdn("CN=a\\,b,dc=x", &text, &value, NULL), OK);
    assert_string_equal(text, "cn");
    assert_string_equal(buf_text(&value), "a,b");
    free(text);
    buf_free(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filter_metacharacters_are_data), cmocka_unit_test(filter_patterns_expand),
        cmocka_unit_test(names_normalise),                cmocka_unit_test(what_is_no_name_is_refused),
        cmocka_unit_test(names_compare),                  cmocka_unit_test(names_come_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
