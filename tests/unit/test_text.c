/* The sanitiser, over every octet and the classes that deceive; DNS names and
 * RFC 4514 escapes. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/base/text.h"

static void expect(const char *in, size_t size, const char *wanted, size_t escapes)
{
    struct buf out = BUF_EMPTY;
    size_t count = text_sanitise(&out, in, size);

    assert_string_equal(buf_text(&out), wanted);
    assert_int_equal(count, escapes);
    buf_free(&out);
}

static void every_octet(void **state)
{
    for (unsigned octet = 0; octet < 256; octet++) {
        char in = (char)octet, wanted[24];

        if (octet >= 0x20 && octet < 0x7F)
            snprintf(wanted, sizeof wanted, "%c", in);
        else
            snprintf(wanted, sizeof wanted, octet < 0x80 ? "<U+%04X>" : "<%02X>", octet + 0u);
        expect(&in, 1, wanted, octet < 0x20 || octet >= 0x7F);
    }
}

/* Every scalar of the first planes: nothing that is not visible gets through raw. */
static void deceivers(void **state)
{
    static const uint32_t never[] = {0x85,   0xA0,   0xAD,   0x061C, 0x115F, 0x180E, 0x2000, 0x200B, 0x200C, 0x200D, 0x200E,
                                     0x200F, 0x2028, 0x2029, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x202F, 0x2060, 0x2066,
                                     0x2067, 0x2068, 0x2069, 0x3000, 0x3164, 0xE000, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFFE, 0x1FFFF,
                                     0xE0001, 0xE0041, 0xE0100, 0xF0000, 0x10FFFD};

    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        char in[4], wanted[24];
        uint32_t c = never[i];
        size_t size = 0;

        if (c < 0x800) {
            in[size++] = (char)(0xC0 | c >> 6);
        } else if (c < 0x10000) {
            in[size++] = (char)(0xE0 | c >> 12);
            in[size++] = (char)(0x80 | (c >> 6 & 63));
        } else {
            in[size++] = (char)(0xF0 | c >> 18);
            in[size++] = (char)(0x80 | (c >> 12 & 63));
            in[size++] = (char)(0x80 | (c >> 6 & 63));
        }
        in[size++] = (char)(0x80 | (c & 63));
        snprintf(wanted, sizeof wanted, "<U+%04X>", c);
        expect(in, size, wanted, 1);
    }
}

static void readable(void **state)
{
    static const char *const kept[] = {"Jörg Müller", "Ωμέγα", "東京", "שלום", "€ 5,–", "e\xCC\x81", "naïve"};

    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        expect(kept[i], strlen(kept[i]), kept[i], 0);
}

static void marks(void **state)
{
    expect("e\xCC\x81\xCC\x81", 5, "e\xCC\x81<U+0301>", 1);
    expect("\xCC\x81", 2, "<U+0301>", 1);
    expect("\n\xCC\x81", 3, "<U+000A><U+0301>", 2);
    expect("a\xCC\x81" "b\xCC\x81", 6, "a\xCC\x81" "b\xCC\x81", 0);
}

static void broken_utf8(void **state)
{
    expect("\xC3", 1, "<C3>", 1);
    expect("\xC3(", 2, "<C3>(", 1);
    expect("\xC0\xAF", 2, "<C0><AF>", 2);             /* overlong */
    expect("\xED\xA0\x80", 3, "<ED><A0><80>", 3);     /* a surrogate */
    expect("\xF4\x90\x80\x80", 4, "<F4><90><80><80>", 4); /* beyond U+10FFFF */
    expect("a\0b", 3, "a<U+0000>b", 1);
    assert_false(text_is_utf8("\xC0\xAF", 2));
    assert_true(text_is_utf8("", 0));
}

static void scalars_and_copies(void **state)
{
    uint32_t scalar = 0;
    bool allowed = true;
    char *safe = text_safe("a\x1b[31m");

    assert_string_equal(safe, "a<U+001B>[31m");
    free(safe);
    assert_int_equal(text_scalar("", 0, &scalar, &allowed), 0);
    assert_int_equal(text_scalar("\xFF", 1, &scalar, &allowed), 1);
    assert_int_equal(scalar, 0xDCFF);
    assert_false(allowed);
    assert_int_equal(text_scalar("\xC3\xA4", 2, &scalar, &allowed), 2);
    assert_int_equal(scalar, 0xE4);
    assert_true(allowed);
}

static void dns_names(void **state)
{
    static const char *const good[] = {"web07.example.com", "a", "3com.example", "xn--bcher-kva.example", "A-B.example"};
    static const char *const bad[] = {"",          ".",           "a..b",        "a.",      "-a.example", "a-.example", "a_b.example",
                                      "192.0.2.1", "b\xC3\xBC.de", "ab--c.example", "xn--", "*.example.com", "a b", "*"};
    char longest[300];

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!text_is_dns_name(good[i], false))
            fail_msg("%s was refused", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (text_is_dns_name(bad[i], false))
            fail_msg("%s was taken", bad[i]);
    assert_true(text_is_dns_name("*.example.com", true));
    assert_false(text_is_dns_name("*.com", true));
    assert_false(text_is_dns_name("w*.example.com", true));
    assert_false(text_is_dns_name("a.*.example.com", true));
    memset(longest, 'a', sizeof longest);
    longest[64] = '\0';
    assert_false(text_is_dns_name(longest, false));
    longest[63] = '\0';
    assert_true(text_is_dns_name(longest, false));
    for (size_t i = 0; i < sizeof longest; i++)
        longest[i] = i % 2 ? '.' : 'a';
    longest[255] = '\0';
    assert_false(text_is_dns_name(longest, false));
    longest[253] = '\0';
    assert_true(text_is_dns_name(longest, false));
}

static void directory_names(void **state)
{
    struct buf out = BUF_EMPTY;

    text_dn_escape(&out, " #a,b+c\"\\;<>\0\n ", 15);
    assert_string_equal(buf_text(&out), "\\ #a\\,b\\+c\\\"\\\\\\;\\<\\>\\00\\0A\\ ");
    buf_clear(&out);
    text_dn_escape(&out, "#1\xFF", 3);
    assert_string_equal(buf_text(&out), "\\#1\\FF");
    buf_clear(&out);
    text_dn_escape(&out, "Jörg", 5);
    assert_string_equal(buf_text(&out), "Jörg");
    buf_free(&out);
    assert_true(text_is_printable_string("Example (1) a+b=c?", 18));
    assert_false(text_is_printable_string("a@b", 3));
    assert_false(text_is_printable_string("a\0", 2));
    assert_true(text_equal_nocase("AbC", "aBc"));
    assert_false(text_equal_nocase("ab", "abc"));
    assert_true(text_equal_nocase(NULL, NULL));
    assert_false(text_equal_nocase(NULL, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_octet), cmocka_unit_test(deceivers), cmocka_unit_test(readable), cmocka_unit_test(marks),
        cmocka_unit_test(broken_utf8), cmocka_unit_test(scalars_and_copies), cmocka_unit_test(dns_names),
        cmocka_unit_test(directory_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
