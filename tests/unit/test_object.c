/* OBJECT: what a text may mean, and what it may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ca/object.h"

#define HEX16 "1a000199f5000102030405060708090a"
#define HEX20 HEX16 "0b0c0d0e"
#define HEX32 HEX16 HEX16

static const struct {
    const char *text;
    enum object_kind kind;
    uint64_t id;
    size_t size;
} good[] = {
    {"17", OBJECT_REQUEST, 17, 0},
    {"req:17", OBJECT_REQUEST, 17, 0},
    {"REQ:18446744073709551615", OBJECT_REQUEST, UINT64_MAX, 0},
    {"0017", OBJECT_REQUEST, 17, 0},
    {HEX16, OBJECT_SERIAL, 0, 16},
    {"1A:00:01:99:F5:00:01:02:03:04:05:06:07:08:09:0A", OBJECT_SERIAL, 0, 16},
    {"sn:1a", OBJECT_SERIAL, 0, 1},
    {"sn:01a", OBJECT_SERIAL, 0, 1},
    {"sn:12", OBJECT_SERIAL, 0, 1},
    {"sn:00000000000000000000000000000000000000000000000001", OBJECT_SERIAL, 0, 1},
    {"sn:" HEX20, OBJECT_SERIAL, 0, 20},
    {HEX20, OBJECT_SHA1, 0, 20},
    {"fp:" HEX20, OBJECT_SHA1, 0, 20},
    {HEX32, OBJECT_SHA256, 0, 32},
    {"Fp:" HEX32, OBJECT_SHA256, 0, 32},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct object object;
        struct error error = ERROR_NONE;
        assert_int_equal(object_parse(good[i].text, &object, &error), OK);
        assert_int_equal(object.kind, good[i].kind);
        assert_int_equal(object.id, good[i].id);
        assert_int_equal(object.size, good[i].size);
    }
    struct object object;
    assert_int_equal(object_parse("sn:01a2", &object, NULL), OK);
    assert_memory_equal(object.octets, "\x01\xa2", 2);
}

static const struct {
    const char *text;
    int status;
    const char *reason;
} bad[] = {
    {"", USAGE, "object.form"},
    {"0", USAGE, "object.form"},
    {"req:", USAGE, "object.form"},
    {"req:1a", USAGE, "object.form"},
    {"req:-1", USAGE, "object.form"},
    {"18446744073709551616", USAGE, "object.form"},
    {"1a", USAGE, "object.form"},
    {"web07", USAGE, "object.form"},
    {HEX16 "a", USAGE, "object.form"},
    {"fp:" HEX16, USAGE, "object.form"},
    {"sn:", USAGE, "object.form"},
    {"sn::", USAGE, "object.form"},
    {"sn:" HEX20 "01", USAGE, "object.form"},
    {"fp:" HEX32 "00", USAGE, "object.form"},
    {"12345678901234567890123456789012", REFUSED, "object.ambiguous"},
    {"1234567890123456789012345678901234567890", REFUSED, "object.ambiguous"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct object object;
        struct error error = ERROR_NONE;
        assert_int_equal(object_parse(bad[i].text, &object, &error), bad[i].status);
        assert_string_equal(error.reason, bad[i].reason);
    }
}

static void test_readings(void **state)
{
    struct object object;
    struct error error = ERROR_NONE;

    (void)state;
    assert_int_equal(object_parse("12345678901234567890123456789012", &object, &error), REFUSED);
    assert_non_null(strstr(error.message, "req:12345678901234567890123456789012"));
    assert_non_null(strstr(error.message, "sn:12345678901234567890123456789012"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad), cmocka_unit_test(test_readings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
