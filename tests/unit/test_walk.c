/* The DER writer and the strict reader against each other and against BER. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/base/encode.h"
#include "ca/x509/walk.h"

static int check(const char *hex, enum walk_rules rules, const char **what)
{
    struct buf der = BUF_EMPTY;
    struct walk_fault fault;
    int status;

    assert_int_equal(hex_decode(&der, hex, strlen(hex)), OK);
    status = walk_check(buf_bytes(&der), rules, &fault);
    *what = fault.what;
    buf_free(&der);
    return status;
}

static void ber_and_malformed_forms_are_refused(void **state)
{
    static const struct {
        const char *hex, *what;
    } cases[] = {
        {"", "nothing"}, {"30", "cut off"}, {"3003020101ff", "after the end"}, {"3080020101 0000", "indefinite"},
        {"308103020101", "shortest form"}, {"30820003020101", "shortest form"}, {"3005020101", "longer than"},
        {"3004020200ff05", "after the end"}, {"30850000000001", "absurd"}, {"300302017f1f", "after the end"},
        {"30031f0101", "no place"}, {"3004020200 7f", "shortest form"}, {"30040202ff80", "shortest form"}, {"30020200", "shortest form"},
        {"3003010101", "BOOLEAN"}, {"3003050100", "NULL"}, {"300406022a80", "OBJECT"}, {"3005 0603 2a8001", "OBJECT"},
        {"3002 0600", "OBJECT"}, {"3004 03020801", "unused"}, {"3004 03020101", "unused"}, {"3002 0300", "unused"},
        {"3006 2404 04020101", "pieces"}, {"3003 0c01ff", "string"}, {"3003 13012a", "string"}, {"3003 1601ff", "string"},
        {"3003 1e0141", "string"}, {"300f 170d 3236303233303031303130315a", "UTCTime"},
        {"300d 170b 323630313031303130315a", "UTCTime"}, {"3106 020102 020101", "DER order"}, {"3003 c10101", "private"},
        {"3003 090101", "no place"},
    };
    const char *what;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (check(cases[i].hex, WALK_STRICT, &what) != BAD_DATA || strstr(what, cases[i].what) == NULL)
            fail_msg("%s: %s, not %s", cases[i].hex, what != NULL ? what : "accepted", cases[i].what);
    }
    assert_int_equal(check("3000", WALK_STRICT, &what), OK);
    assert_int_equal(check("3106 020101 020102", WALK_STRICT, &what), OK);
    assert_int_equal(check("300f 170d 3236303232383031303130315a", WALK_STRICT, &what), OK);
    /* certificates of others are not held to the forms inside */
    assert_int_equal(check("3106 020102 020101", WALK_LIMITS, &what), OK);
    assert_int_equal(check("3003 13012a", WALK_LIMITS, &what), OK);
}

static void depth_is_bounded(void **state)
{
    struct buf der = BUF_EMPTY;
    struct walk_fault fault;
    size_t marks[WALK_DEPTH_MAX + 1];

    for (size_t depth = 1; depth <= WALK_DEPTH_MAX + 1; depth++) {
        buf_clear(&der);
        for (size_t i = 0; i < depth; i++)
            marks[i] = der_open(&der, DER_SEQUENCE);
        for (size_t i = depth; i-- > 0;)
            der_close(&der, marks[i]);
        /* the innermost is empty and opens nothing */
        assert_int_equal(walk_check(buf_bytes(&der), WALK_STRICT, &fault), depth <= WALK_DEPTH_MAX ? OK : BAD_DATA);
    }
    buf_free(&der);
}

static void lengths_are_patched_in(void **state)
{
    static const size_t sizes[] = {0, 1, 127, 128, 255, 256, 65535, 65536};
    struct buf der = BUF_EMPTY;
    struct bytes rest, inner;
    struct tlv item;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t outer, mark;

        buf_clear(&der);
        outer = der_open(&der, DER_SEQUENCE);
        mark = der_open(&der, DER_OCTETS);
        for (size_t n = 0; n < sizes[i]; n++)
            buf_add_byte(&der, (uint8_t)n);
        der_close(&der, mark);
        der_add_number(&der, DER_INTEGER, 128);
        der_close(&der, outer);
        assert_int_equal(walk_only(buf_bytes(&der), DER_SEQUENCE, &rest), OK);
        assert_int_equal(walk_expect(&rest, DER_OCTETS, &item), OK);
        assert_int_equal(item.content.size, sizes[i]);
        inner = item.content;
        for (size_t n = 0; n < sizes[i]; n++)
            assert_int_equal(inner.data[n], (uint8_t)n);
        assert_int_equal(walk_expect(&rest, DER_INTEGER, &item), OK);
        assert_int_equal(item.content.size, 2);
        assert_int_equal(rest.size, 0);
    }
    buf_free(&der);
}

static void identifiers_go_there_and_back(void **state)
{
    static const char *const good[] = {
        "1.2.840.113549.1.1.11", "2.5.29.17", "0.9.2342.19200300.100.1.25", "2.25.99093035642563043370547096153827645545.2.1",
        "2.999", "1.39", "0.0", "2.25.340282366920938463463374607431768211455",
    };
    static const char *const bad[] = {
        "", "1", "1.", "1..2", "3.1", "1.40", "01.2", "1.02", "1.2.", "1.2.x", "-1.2", "1.2 ", "2.25.340282366920938463463374607431768211456",
    };
    char text[OID_TEXT_SIZE];
    struct bytes content;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct buf der = BUF_EMPTY;

        assert_int_equal(der_add_oid(&der, DER_OID, good[i]), OK);
        assert_int_equal(walk_only(buf_bytes(&der), DER_OID, &content), OK);
        assert_int_equal(walk_oid(content, text), OK);
        assert_string_equal(text, good[i]);
        buf_free(&der);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buf der = BUF_EMPTY;

        assert_int_equal(der_add_oid(&der, DER_OID, bad[i]), BAD_DATA);
        assert_int_equal(der.size, 0);
        buf_free(&der);
    }
}

static void times_change_their_form_in_2050(void **state)
{
    static const struct {
        int64_t at;
        uint8_t tag;
    } cases[] = {{0, DER_UTC_TIME}, {INT64_C(2524607999), DER_UTC_TIME}, {INT64_C(2524608000), DER_TIME}, {INT64_C(253402300799), DER_TIME}};
    struct tlv item;
    int64_t back;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf der = BUF_EMPTY;
        struct bytes rest;

        assert_int_equal(der_add_time(&der, cases[i].at), OK);
        rest = buf_bytes(&der);
        assert_int_equal(walk_next(&rest, &item), OK);
        assert_int_equal(item.tag, cases[i].tag);
        assert_int_equal(walk_time(item.tag, item.content, &back), OK);
        assert_true(back == cases[i].at);
        buf_free(&der);
    }
}

static void named_bits_lose_their_trailing_zeros(void **state)
{
    static const unsigned usages[] = {0x80, 0xa0, 0x06, 0x01, 0x8000, 0x8008, 0x80ff};
    struct bytes content;
    unsigned back;

    for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++) {
        struct buf der = BUF_EMPTY;

        der_add_named_bits(&der, usages[i]);
        assert_int_equal(walk_only(buf_bytes(&der), DER_BITS, &content), OK);
        assert_int_equal(walk_usage(content, WALK_STRICT, &back), OK);
        assert_int_equal(back, usages[i]);
        buf_free(&der);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ber_and_malformed_forms_are_refused), cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(lengths_are_patched_in),              cmocka_unit_test(identifiers_go_there_and_back),
        cmocka_unit_test(times_change_their_form_in_2050),     cmocka_unit_test(named_bits_lose_their_trailing_zeros),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
