/* Keys that must be refused, each for its own reason, and sound ones beside them: the vectors of tests/data/keys (its README says
 * where they come from); and the list of blocked keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/x509/certificate.h"
#include "ca/x509/key.h"
#include "ca/x509/key_blocklist.h"
#include "ca/x509/key_numbers.h"
#include "tests/unit/x509_fixture.h"

static void spki_rsa(const char *modulus, const char *exponent, struct buf *spki)
{
    struct buf key = BUF_EMPTY, number = BUF_EMPTY, even = BUF_EMPTY;
    size_t mark = der_open(&key, DER_SEQUENCE), inner;
    const char *numbers[] = {modulus, exponent};

    for (size_t i = 0; i < 2; i++) {
        buf_clear(&number);
        buf_clear(&even);
        buf_printf(&even, "%s%s", strlen(numbers[i]) % 2 ? "0" : "", numbers[i]);
        assert_int_equal(hex_decode(&number, buf_text(&even), even.size), OK);
        der_add_unsigned(&key, buf_bytes(&number));
    }
    der_close(&key, mark);
    mark = der_open(spki, DER_SEQUENCE);
    inner = der_open(spki, DER_SEQUENCE);
    der_add_oid(spki, DER_OID, "1.2.840.113549.1.1.1");
    der_add_null(spki);
    der_close(spki, inner);
    der_add_bits(spki, 0, buf_bytes(&key));
    der_close(spki, mark);
    buf_free(&key);
    buf_free(&number);
    buf_free(&even);
}

static void spki_point(const char *algorithm, const char *curve, const char *octets, struct buf *spki)
{
    struct buf point = BUF_EMPTY;
    size_t mark = der_open(spki, DER_SEQUENCE), inner = der_open(spki, DER_SEQUENCE);

    assert_int_equal(hex_decode(&point, octets, strlen(octets)), OK);
    der_add_oid(spki, DER_OID, algorithm);
    if (curve != NULL)
        der_add_oid(spki, DER_OID, curve);
    der_close(spki, inner);
    der_add_bits(spki, 0, buf_bytes(&point));
    der_close(spki, mark);
    buf_free(&point);
}

static void spki_make(const char *kind, const char *first, const char *second, struct buf *spki)
{
    static const struct {
        const char *kind, *curve;
    } curves[] = {{"ec256", "1.2.840.10045.3.1.7"}, {"ec384", "1.3.132.0.34"}, {"ec521", "1.3.132.0.35"}};

    if (strcmp(kind, "rsa") == 0)
        spki_rsa(first, second, spki);
    if (strcmp(kind, "ed25519") == 0)
        spki_point("1.3.101.112", NULL, first, spki);
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
        if (strcmp(kind, curves[i].kind) == 0)
            spki_point("1.2.840.10045.2.1", curves[i].curve, first, spki);
    assert_true(spki->size > 0 && !spki->failed);
}

/* Point forms of the wrong length are malformed keys for Ed25519, and no point for the others: both are refusals by name. */
static void vector_check(const char *line)
{
    char kind[16], want[32], name[32], first[2100], second[2100] = "";
    struct error error = ERROR_NONE;
    struct buf spki = BUF_EMPTY;
    struct key_facts facts;
    int fields = sscanf(line, "%15s %31s %31s %2099s %2099s", kind, want, name, first, second), status;
    bool sound = strcmp(want, "sound") == 0;

    assert_true(fields >= 4);
    spki_make(kind, first, second, &spki);
    status = key_check(buf_bytes(&spki), &facts, &error);
    if (sound ? status != OK : status != BAD_DATA || strcmp(error.reason, want) != 0)
        fail_msg("%s %s: wanted %s, got %d \"%s\": %s", kind, name, want, status, error.reason, error.message);
    buf_free(&spki);
}

static void each_vector_is_judged_by_its_reason(void **state)
{
    const char *folder = getenv("top_srcdir");
    struct buf path = BUF_EMPTY, text = BUF_EMPTY;
    struct strings lines = {NULL, 0};
    struct error error = ERROR_NONE;

    (void)state;
    buf_printf(&path, "%s/tests/data/keys/keys.txt", folder != NULL ? folder : ".");
    if (file_read(buf_text(&path), 1 << 20, &text, &error) != OK)
        fail_msg("%s", error.message);
    assert_int_equal(strings_split(&lines, buf_text(&text), "\n"), OK);
    assert_true(lines.count >= 70);
    for (size_t i = 0; i < lines.count; i++)
        vector_check(lines.items[i]);
    strings_free(&lines);
    buf_free(&path);
    buf_free(&text);
}

static void keys_of_the_library_pass(void **state)
{
    static const char *const types[] = {"ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048"};
    struct error error = ERROR_NONE;
    struct key_facts facts;
    struct test_key key;

    (void)state;
    for (int round = 0; round < 5; round++)
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
            test_key_make(&key, types[i]);
            if (key_check(buf_bytes(&key.spki), &facts, &error) != OK)
                fail_msg("%s: %s", types[i], error.message);
            test_key_free(&key);
        }
}

static void small_numbers(void **state)
{
    static const uint8_t eleven_by_thirteen[] = {0, 143}, square[] = {0x03, 0xc1}; /* 961 = 31^2 */
    static const uint8_t zero[] = {0, 0}, large_primes[] = {0x3f, 0xff, 0xd0, 0x01};

    (void)state;
    assert_int_equal(rsa_small_factor(bytes_of(eleven_by_thirteen, 2)), 11);
    assert_int_equal(rsa_small_factor(bytes_of(square, 2)), 31);
    assert_int_equal(rsa_small_factor(bytes_of(zero, 2)), 2);
    assert_true(rsa_primes_are_close(bytes_of(square, 2)));
    assert_true(rsa_primes_are_close(bytes_of(eleven_by_thirteen, 2)));
    (void)rsa_small_factor(bytes_of(large_primes, 4));
    assert_false(point_is_on_curve(256, bytes_of(zero, 2)));
    assert_false(point_is_on_curve(255, bytes_of(zero, 2)));
    assert_false(ed25519_point_is_good(bytes_of(zero, 2)));
}

/* ---- the block list ---- */

#define A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define B "ff112233445566778899aabbccddeeff00112233445566778899aabbccddee01"

static void a_block_list_is_read_strictly(void **state)
{
    static const struct {
        const char *text;
        size_t count; /* SIZE_MAX: refused */
        const char *message;
    } cases[] = {
        {"", 0, NULL},
        {"\n\n", 0, NULL},
        {"# none\n", 0, NULL},
        {A, 1, NULL},
        {A "\n" B "\n" A "\n", 2, NULL},
        {"  " B " # leaked in May\r\n\t" A "\r\n", 2, NULL},
        {A "\n" A B "\n", SIZE_MAX, "line 2"},
        {"# x\n\n" A "0\n", SIZE_MAX, "line 3"},
        {"sha256:" A "\n", SIZE_MAX, "line 1"},
        {"0011\n", SIZE_MAX, "line 1"},
        {A "\ng0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", SIZE_MAX, "line 2"},
    };
    uint8_t digest[32] = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error error = ERROR_NONE;
        struct key_blocklist list;
        int status = key_blocklist_read(bytes_of_text(cases[i].text), &list, &error);

        if (cases[i].count == SIZE_MAX ? status != BAD_CONFIG || strcmp(error.reason, "key.blocklist") || !strstr(error.message, cases[i].message)
                                       : status != OK || list.count != cases[i].count)
            fail_msg("case %zu: %d, %zu entries, %s", i, status, list.count, error.message);
        assert_false(key_blocklist_has(&list, digest));
        key_blocklist_free(&list);
    }
}

static void a_block_list_finds_what_is_on_it(void **state)
{
    struct buf text = BUF_EMPTY, hex = BUF_EMPTY, line = BUF_EMPTY;
    struct error error = ERROR_NONE;
    struct key_blocklist list;
    uint8_t digest[32];

    (void)state;
    for (unsigned i = 0; i < 1000; i += 2) {
        sha256_of(bytes_of(&i, sizeof(i)), digest);
        buf_clear(&hex);
        hex_encode(&hex, bytes_of(digest, 32));
        buf_printf(&text, "%s\n", buf_text(&hex));
    }
    assert_int_equal(key_blocklist_load(test_file("list", buf_bytes(&text)), geteuid(), &list, &error), OK);
    assert_int_equal(list.count, 500);
    for (unsigned i = 0; i < 1000; i++) {
        sha256_of(bytes_of(&i, sizeof(i)), digest);
        assert_int_equal(key_blocklist_has(&list, digest), i % 2 == 0);
    }
    key_blocklist_free(&list);
    for (size_t i = 0; i < KEY_BLOCKLIST_LINE_MAX; i++)
        buf_add_byte(&line, '#');
    buf_add_byte(&line, '\n');
    assert_int_equal(key_blocklist_read(buf_bytes(&line), &list, &error), OK);
    key_blocklist_free(&list);
    line.data[line.size - 1] = '#';
    assert_int_equal(key_blocklist_read(buf_bytes(&line), &list, &error), BAD_CONFIG);
    error_clear(&error);
    assert_int_equal(key_blocklist_load("/nonexistent/list", geteuid(), &list, &error), BAD_CONFIG);
    error_clear(&error);
    assert_int_equal(key_blocklist_load(test_file("bad", bytes_of_text("x\n")), geteuid(), &list, &error), BAD_CONFIG);
    assert_non_null(strstr(error.message, "bad: line 1"));
    buf_free(&text);
    buf_free(&hex);
    buf_free(&line);
}

static int clean(void **state)
{
    (void)state;
    test_files_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_vector_is_judged_by_its_reason), cmocka_unit_test(keys_of_the_library_pass),
        cmocka_unit_test(small_numbers), cmocka_unit_test(a_block_list_is_read_strictly),
        cmocka_unit_test(a_block_list_finds_what_is_on_it),
    };

    return cmocka_run_group_tests(tests, NULL, clean);
}
