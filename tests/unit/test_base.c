/* Octets, encodings, time, errors, files and object identifiers. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/base/oid.h"

static void errors(void **state)
{
    struct error error = ERROR_NONE;
    char longest[2000];

    assert_int_equal(error_set(&error, REFUSED, "first", "the %s one", "first"), REFUSED);
    assert_int_equal(error_set(&error, INTERNAL, "second", "not kept"), REFUSED);
    assert_string_equal(error.reason, "first");
    assert_int_equal(error_prefix(&error, "%s:%d", "file", 7), REFUSED);
    assert_string_equal(error.message, "file:7: the first one");
    error_clear(&error);
    assert_int_equal(error_prefix(&error, "nothing"), OK);
    assert_int_equal(error_set(NULL, DENIED, "x", "y"), DENIED);
    /* A cut never leaves half of a scalar. */
    memset(longest, 'a', sizeof longest);
    memcpy(longest + 1022, "\xC3\xA4", 3);
    error_set(&error, BAD_DATA, "x", "%s", longest);
    assert_int_equal(strlen(error.message), 1022);
    assert_int_equal(error_prefix(&error, "%s", longest), BAD_DATA);
    assert_true(strlen(error.message) < sizeof error.message);
    assert_string_equal(status_name(TEMPORARY), "temporary");
}

static void octets(void **state)
{
    struct buf buf = BUF_EMPTY;

    assert_string_equal(buf_text(&buf), "");
    for (int i = 0; i < 1000; i++)
        buf_printf(&buf, "%03d", i);
    assert_int_equal(buf.size, 3000);
    assert_int_equal(strlen(buf_text(&buf)), 3000);
    assert_memory_equal(buf.data + 2997, "999", 4);
    assert_null(buf_reserve(&buf, SIZE_MAX - 10));
    buf_add_text(&buf, "more");
    assert_true(buf.failed);
    assert_int_equal(buf.size, 3000);
    buf_wipe(&buf);
    assert_false(buf.failed);
    buf_add(&buf, NULL, 0);
    assert_non_null(buf.data);
    buf_free(&buf);
    assert_true(bytes_compare(bytes_of("ab", 2), bytes_of("abc", 3)) < 0);
    assert_true(bytes_compare(bytes_of("b", 1), bytes_of("abc", 3)) > 0);
    assert_true(bytes_equal(bytes_of(NULL, 0), bytes_of("x", 0)));
}

static void lists(void **state)
{
    struct strings list = {NULL, 0}, copy = {NULL, 0};

    assert_int_equal(strings_split(&list, " b, a ,,b ,C", ","), OK);
    assert_int_equal(list.count, 4);
    strings_sort(&list);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.items[0], "C");
    assert_string_equal(list.items[2], "b");
    assert_false(strings_contain(&list, "c"));
    assert_true(strings_contain_nocase(&list, "c"));
    assert_int_equal(strings_copy(&copy, &list), OK);
    for (int i = 0; i < 100; i++)
        assert_int_equal(strings_add_n(&copy, "item", 2), OK);
    assert_int_equal(copy.count, 103);
    assert_string_equal(copy.items[102], "it");
    strings_sort(&copy);
    assert_int_equal(copy.count, 4);
    strings_free(&list);
    strings_free(&copy);
}

static void hexadecimal(void **state)
{
    struct buf out = BUF_EMPTY;

    hex_encode(&out, bytes_of("\x00\xff\x1a", 3));
    assert_string_equal(buf_text(&out), "00ff1a");
    buf_clear(&out);
    assert_int_equal(hex_decode(&out, "00:FF 1a", 8), OK);
    assert_int_equal(out.size, 3);
    assert_memory_equal(out.data, "\x00\xff\x1a", 3);
    assert_int_equal(hex_decode(&out, "0", 1), BAD_DATA);
    assert_int_equal(hex_decode(&out, "0:0", 3), BAD_DATA);
    assert_int_equal(hex_decode(&out, "0g", 2), BAD_DATA);
    buf_free(&out);
}

static void base64(void **state)
{
    static const char *const vectors[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}};
    static const char *const wrong[] = {"Zg", "Zg=", "Zh==", "Zm9=", "Z", "Zg==Zg==", "Zm9v=", "Zm-v", "====", "Zg===", "Zm9vZ==="};
    struct buf out = BUF_EMPTY;

    for (size_t i = 0; i < 5; i++) {
        buf_clear(&out);
        base64_encode(&out, bytes_of_text(vectors[i][0]), 0);
        assert_string_equal(buf_text(&out), vectors[i][1]);
        buf_clear(&out);
        assert_int_equal(base64_decode(&out, vectors[i][1], strlen(vectors[i][1])), OK);
        assert_string_equal(buf_text(&out), vectors[i][0]);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (base64_decode(&out, wrong[i], strlen(wrong[i])) != BAD_DATA)
            fail_msg("%s was taken", wrong[i]);
    buf_clear(&out);
    base64_encode(&out, bytes_of("0123456789", 10), 8);
    assert_string_equal(buf_text(&out), "MDEyMzQ1\nNjc4OQ==\n");
    buf_free(&out);
}

static void pem(void **state)
{
    static const char *const labels[] = {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", NULL};
    struct buf text = BUF_EMPTY, der = BUF_EMPTY;
    struct error error = ERROR_NONE;
    struct bytes rest;

    buf_add_text(&text, "a comment\n");
    pem_encode(&text, "CERTIFICATE", bytes_of("\x30\x01", 2));
    assert_int_equal(pem_or_der(buf_bytes(&text), labels, &der, &rest, &error), BAD_DATA);
    pem_encode(&text, "NEW CERTIFICATE REQUEST", bytes_of("\x30\x02", 2));
    pem_encode(&text, "CERTIFICATE REQUEST", bytes_of("\x30\x03", 2));
    error_clear(&error);
    assert_int_equal(pem_or_der(buf_bytes(&text), labels, &der, &rest, &error), OK);
    assert_memory_equal(der.data, "\x30\x02", 2); /* the first in the text, not in the list */
    buf_clear(&der);
    assert_int_equal(pem_or_der(rest, labels, &der, &rest, &error), OK);
    assert_memory_equal(der.data, "\x30\x03", 2);
    assert_int_equal(rest.size, 0);
    buf_clear(&der);
    assert_int_equal(pem_or_der(bytes_of("\x30\x00", 2), labels, &der, &rest, &error), OK);
    assert_int_equal(der.size, 2);
    assert_int_equal(pem_or_der(bytes_of_text("-----BEGIN CERTIFICATE REQUEST-----\nMA==\n"), labels, &der, NULL, &error), BAD_DATA);
    error_clear(&error);
    assert_int_equal(pem_or_der(bytes_of(NULL, 0), labels, &der, NULL, &error), BAD_DATA);
    buf_free(&text);
    buf_free(&der);
}

static void numbers(void **state)
{
    uint8_t octet[8];
    uint64_t value = 0;

    put_u64(octet, 0x0102030405060708);
    assert_int_equal(octet[0], 1);
    assert_true(get_u64(octet) == 0x0102030405060708);
    put_u32(octet, 0xFFFEFDFC);
    assert_int_equal(get_u32(octet), 0xFFFEFDFC);
    assert_int_equal(number_parse("18446744073709551615", &value), OK);
    assert_true(value == UINT64_MAX);
    assert_int_equal(number_parse("18446744073709551616", &value), BAD_DATA);
    assert_int_equal(number_parse("", &value), BAD_DATA);
    assert_int_equal(number_parse("-1", &value), BAD_DATA);
    assert_int_equal(number_parse(" 1", &value), BAD_DATA);
    assert_int_equal(number_parse("1 ", &value), BAD_DATA);
}

static void times(void **state)
{
    static const char *const wrong[] = {"", "2026-01-20", "2026-01-20T07:12:09", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
                                        "2026-01-20T24:00:00Z", "2026-01-20T07:12:09+24:00", "2026-01-20T07:12:09Zx", "+",
                                        "+x", "+-2h", "2026-01-20T07:12:09.Z", "+99999999999999999999s"};
    char text[TIME_TEXT_SIZE];
    int64_t at = 0;

    assert_int_equal(time_parse("2026-01-20T07:12:09Z", 0, &at), OK);
    assert_int_equal(at, 1768893129);
    assert_string_equal(time_format(at, text), "2026-01-20T07:12:09Z");
    assert_int_equal(time_parse("2026-01-20T09:12:09.25+02:00", 0, &at), OK);
    assert_int_equal(at, 1768893129);
    assert_int_equal(time_parse("2024-02-29T00:00:00z", 0, &at), OK);
    assert_int_equal(time_parse("-3d", 1000000, &at), OK);
    assert_int_equal(at, 1000000 - 259200);
    assert_int_equal(time_parse("+1w", 0, &at), OK);
    assert_int_equal(at, 604800);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (time_parse(wrong[i], 0, &at) != BAD_DATA)
            fail_msg("%s was taken", wrong[i]);
    assert_string_equal(time_format(INT64_MAX, text), "9999-12-31T23:59:59Z");
    clock_set_offset(1000);
    at = clock_now();
    clock_set_offset(0);
    assert_true(at - clock_now() >= 998);
}

static void durations(void **state)
{
    static const char *const wrong[] = {"", "d", "7dd", "7 d", "-7d", "7D", "9223372036854775807y", "99999999999999999999"};
    int64_t seconds = 0;

    assert_int_equal(duration_parse("90s", &seconds), OK);
    assert_int_equal(seconds, 90);
    assert_int_equal(duration_parse("1y", &seconds), OK);
    assert_int_equal(seconds, 31536000);
    assert_int_equal(duration_parse("15", &seconds), OK);
    assert_int_equal(seconds, 15);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (duration_parse(wrong[i], &seconds) != BAD_DATA)
            fail_msg("%s was taken", wrong[i]);
}

static void object_identifiers(void **state)
{
    static const char *const wrong[] = {"", "1", "1.", ".1.2", "1..2", "3.1", "1.40", "01.2", "1.02", "1.2.", "1.2.a", "1.2 ",
                                        "2.25.340282366920938463463374607431768211456"};

    assert_true(oid_is_valid(OID_ARC));
    assert_true(oid_is_valid("2.999"));
    assert_true(oid_is_valid("2.25.340282366920938463463374607431768211455"));
    assert_true(oid_is_valid("1.39"));
    assert_true(oid_is_valid("0.0"));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (oid_is_valid(wrong[i]))
            fail_msg("%s was taken", wrong[i]);
    assert_string_equal(oid_name(OID_EKU_SERVER_AUTH), "serverAuth");
    assert_string_equal(oid_name("1.2.3"), "1.2.3");
}

static void files(void **state)
{
    char folder[] = "/tmp/chancery-base-XXXXXX", path[64], below[64];
    struct error error = ERROR_NONE;
    struct buf text = BUF_EMPTY;
    struct stat facts;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(below, sizeof below, "%s/below", folder);
    assert_int_equal(file_write(path, bytes_of_text("one"), 0640, false, &error), OK);
    assert_int_equal(file_write(path, bytes_of_text("two"), 0640, false, &error), REFUSED);
    assert_string_equal(error.reason, "file.exists");
    error_clear(&error);
    assert_int_equal(file_read(path, 3, &text, &error), OK);
    assert_string_equal(buf_text(&text), "one");
    assert_int_equal(file_read(path, 2, &text, &error), BAD_DATA);
    assert_string_equal(error.reason, "file.size");
    assert_int_equal(file_write(path, bytes_of_text("two"), 0600, true, NULL), OK);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
    error_clear(&error);
    assert_int_equal(file_check_owner(path, geteuid(), &error), OK);
    assert_int_equal(chmod(path, 0620), 0);
    assert_int_equal(file_check_owner(path, geteuid(), &error), BAD_CONFIG);
    error_clear(&error);
    assert_int_equal(symlink(path, below), 0);
    assert_int_equal(file_check_owner(below, geteuid(), &error), BAD_CONFIG);
    assert_int_equal(unlink(below), 0);
    error_clear(&error);
    assert_int_equal(directory_ensure(below, 0750, (uid_t)-1, (gid_t)-1, &error), OK);
    assert_int_equal(directory_ensure(below, 0750, geteuid(), getegid(), &error), OK);
    assert_int_equal(directory_ensure(below, 0700, (uid_t)-1, (gid_t)-1, &error), BAD_CONFIG);
    error_clear(&error);
    assert_int_equal(directory_ensure(path, 0700, (uid_t)-1, (gid_t)-1, &error), BAD_CONFIG);
    error_clear(&error);
    assert_int_equal(file_write("/nonexistent/folder/file", bytes_of_text("x"), 0600, true, &error), CANNOT_WRITE);
    /* No temporary file stays behind. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(below), 0);
    assert_int_equal(rmdir(folder), 0);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors),  cmocka_unit_test(octets),  cmocka_unit_test(lists),     cmocka_unit_test(hexadecimal),
        cmocka_unit_test(base64),  cmocka_unit_test(pem),     cmocka_unit_test(numbers),   cmocka_unit_test(times),
        cmocka_unit_test(durations), cmocka_unit_test(object_identifiers), cmocka_unit_test(files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
