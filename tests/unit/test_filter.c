/* The language of `revoke --match`, and index.txt of `openssl ca`: what is taken, what is refused and why. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/authority_bulk.h"
#include "ca/chancery_index.h"

#define NOW 1768893129

static void test_filter_fields(void **state)
{
    struct filter filter;
    struct error error = ERROR_NONE;

    (void)state;
    assert_int_equal(filter_parse("template=User\trequester=bob  name=web* since=-1h until=2026-01-20T07:12:09Z key-index=2 disposition=foreign",
                                  NOW, &filter, &error), OK);
    assert_string_equal(filter.match.template_name, "User");
    assert_string_equal(filter.match.requester, "bob");
    assert_string_equal(filter.match.name, "web*");
    assert_int_equal(filter.match.since, NOW - 3600);
    assert_int_equal(filter.match.until, 1768893129);
    assert_int_equal(filter.match.key_index, 2);
    assert_int_equal(filter.match.disposition, DISPOSITION_FOREIGN);
    assert_int_equal(filter.match.expiring_before, 0);
    filter_free(&filter);
    assert_int_equal(filter_parse("template=\"Web Server\" expiring=30", NOW, &filter, &error), OK);
    assert_string_equal(filter.match.template_name, "Web Server");
    assert_int_equal(filter.match.expiring_before, NOW + 30 * 86400);
    assert_int_equal(filter.match.key_index, -1);
    filter_free(&filter);
    assert_int_equal(filter_parse("name=*.example.com", NOW, &filter, &error), OK); /* a wildcard certificate's own name */
    filter_free(&filter);
}

static void test_filter_refusals(void **state)
{
    static const struct {
        const char *text, *reason;
    } bad[] = {
        {"", "filter.empty"}, {"  ", "filter.empty"}, {"template", "filter.form"}, {"template =User", "filter.form"}, {"=x", "filter.field"},
        {"colour=red", "filter.field"}, {"temp=x", "filter.field"}, {"template=", "filter.value"}, {"template=a template=b", "filter.field"},
        {"name=*", "filter.value"}, {"name=a*b", "filter.value"}, {"name=", "filter.value"}, {"requester=\"bob", "filter.form"},
        {"requester=\"bob\"x", "filter.form"}, {"requester=b\"ob", "filter.form"}, {"since=yesterday", "filter.value"}, {"until=", "filter.value"},
        {"since=-1h until=-2h", "filter.value"}, {"expiring=-1", "filter.value"}, {"expiring=40000", "filter.value"},
        {"key-index=x", "filter.value"}, {"key-index=70000", "filter.value"}, {"disposition=pending", "filter.value"},
        {"template=User or name=web", "filter.form"}, {"TEMPLATE=User", "filter.field"},
    };
    struct filter filter;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error error = ERROR_NONE;
        if (filter_parse(bad[i].text, NOW, &filter, &error) != USAGE)
            fail_msg("\"%s\" is taken", bad[i].text);
        if (strcmp(error.reason, bad[i].reason) != 0)
            fail_msg("\"%s\" is refused for %s, not %s: %s", bad[i].text, error.reason, bad[i].reason, error.message);
    }
    char *endless = malloc(3000);
    memset(endless, 'x', 2999);
    endless[2999] = '\0';
    memcpy(endless, "name=", 5);
    struct error error = ERROR_NONE;
    assert_int_equal(filter_parse(endless, NOW, &filter, &error), USAGE);
    free(endless);
}

static int line(const char *text, struct index_line *out)
{
    struct error error = ERROR_NONE;
    return index_line_read(text, strlen(text), out, &error);
}

static void test_index_lines(void **state)
{
    struct index_line entry;

    (void)state;
    assert_int_equal(line("V\t300101000000Z\t\t1000\tunknown\t/CN=x", &entry), OK);
    assert_int_equal(entry.state, 'V');
    assert_string_equal(entry.serial, "1000");
    assert_int_equal(entry.revoked_at, 0);
    assert_int_equal(line("E\t20300101000000Z\t\tab\tunknown\t/CN=x\\\ty", &entry), OK); /* an escaped tab is no seventh field */
    assert_string_equal(entry.serial, "AB");
    assert_int_equal(line("V\t300101000000Z\t\t0001\tunknown\t/CN=x", &entry), OK);
    assert_string_equal(entry.serial, "01");
    assert_int_equal(line("R\t300101000000Z\t240101000000Z\t01\tunknown\t/CN=x", &entry), OK);
    assert_string_equal(entry.reason, "unspecified");
    assert_int_equal(entry.revoked_at, 1704067200);
    assert_int_equal(line("R\t300101000000Z\t240101000000Z,CACompromise\t01\tunknown\t/CN=x", &entry), OK);
    assert_string_equal(entry.reason, "cACompromise");
    assert_int_equal(line("R\t300101000000Z\t240101000000Z,holdInstruction,holdInstructionReject\t01\tunknown\t/CN=x", &entry), OK);
    assert_string_equal(entry.reason, "certificateHold");
    assert_int_equal(line("R\t300101000000Z\t240101000000Z,keyTime,20231231235959Z\t01\tunknown\t/CN=x", &entry), OK);
    assert_string_equal(entry.reason, "keyCompromise");
    assert_int_equal(entry.invalid_since, 1704067199);
}

static void test_index_refusals(void **state)
{
    static const char *const bad[] = {
        "", "V", "V\t300101000000Z\t\t01\tunknown", "V\t300101000000Z\t\t01\tunknown\t/CN=x\tmore", "v\t300101000000Z\t\t01\tunknown\t/CN=x",
        "VV\t300101000000Z\t\t01\tunknown\t/CN=x", "V\t300101000000\t\t01\tunknown\t/CN=x", "V\t301301000000Z\t\t01\tunknown\t/CN=x",
        "V\t300231000000Z\t\t01\tunknown\t/CN=x", "V\t300101000000Z\t240101000000Z\t01\tunknown\t/CN=x", "R\t300101000000Z\t\t01\tunknown\t/CN=x",
        "R\t300101000000Z\t240101000000Z,\t01\tunknown\t/CN=x", "R\t300101000000Z\t240101000000Z,removeFromCRL\t01\tunknown\t/CN=x",
        "R\t300101000000Z\t240101000000Z,superseded,x\t01\tunknown\t/CN=x", "R\t300101000000Z\t240101000000Z,keyTime\t01\tunknown\t/CN=x",
        "V\t300101000000Z\t\t\tunknown\t/CN=x", "V\t300101000000Z\t\t1\tunknown\t/CN=x", "V\t300101000000Z\t\t0x01\tunknown\t/CN=x",
        "V\t300101000000Z\t\t../../etc/passwd\tunknown\t/CN=x", "V\t300101000000Z\t\t-1\tunknown\t/CN=x",
        "V\t300101000000Z\t\tAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\tunknown\t/CN=x", "V\t300101000000Z\t\t01\tunknown\t/CN=x\\",
    };
    struct index_line entry;
    struct error error = ERROR_NONE;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (line(bad[i], &entry) != BAD_DATA)
            fail_msg("\"%s\" is taken", bad[i]);
    assert_int_equal(index_line_read("V\t300101000000Z\t\t01\tunknown\t/CN=\0", 33, &entry, &error), BAD_DATA);
}

static void test_numbers(void **state)
{
    uint64_t number;

    (void)state;
    assert_int_equal(index_number_read("1000\n", 5, &number), OK);
    assert_int_equal(number, 0x1000);
    assert_int_equal(index_number_read("fFfFfFfFfFfFfFfF", 16, &number), OK);
    assert_true(number == UINT64_MAX);
    assert_int_equal(index_number_read("1FFFFFFFFFFFFFFFF", 17, &number), BAD_DATA);
    assert_int_equal(index_number_read("", 0, &number), BAD_DATA);
    assert_int_equal(index_number_read("12 34\n", 6, &number), BAD_DATA);
    assert_int_equal(index_number_read("-1\n", 3, &number), BAD_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filter_fields), cmocka_unit_test(test_filter_refusals), cmocka_unit_test(test_index_lines),
        cmocka_unit_test(test_index_refusals), cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
