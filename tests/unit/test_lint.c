/* The lint: what is as it should be passes, and each rule refuses its own offence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/oid.h"
#include "ca/x509/extension.h"
#include "tests/unit/x509_fixture.h"

struct bench { /* a CA, a subject's key, what the signer allows, and properties to change */
    struct test_ca ca;
    struct test_key key;
    struct properties properties;
    struct strings ekus, ca_spki;
    struct lint_limits limits;
    int64_t not_before, not_after;
};

static void list_spki(struct bench *bench, struct bytes spki)
{
    struct buf hex = BUF_EMPTY;
    uint8_t digest[32];

    sha256_of(spki, digest);
    hex_encode(&hex, bytes_of(digest, 32));
    strings_add(&bench->ca_spki, buf_text(&hex));
    buf_free(&hex);
}

static void bench_open(struct bench *bench)
{
    memset(bench, 0, sizeof(*bench));
    test_ca_make(&bench->ca, "CN=Example Root,C=DE", "ecdsa-p256");
    test_key_make(&bench->key, "rsa-2048");
    test_web_properties(&bench->properties);
    strings_add(&bench->ekus, OID_EKU_SERVER_AUTH);
    strings_add(&bench->ekus, OID_EKU_CLIENT_AUTH);
    test_limits(&bench->ca, &bench->ekus, &bench->ca_spki, &bench->limits);
    bench->not_before = clock_now() - 600;
    bench->not_after = clock_now() + 86400;
}

static int bench_build(struct bench *bench, struct buf *tbs)
{
    struct certificate_form form = {.properties = &bench->properties, .spki = buf_bytes(&bench->key.spki),
                                    .not_before = bench->not_before, .not_after = bench->not_after};
    struct error error = ERROR_NONE;

    assert_int_equal(serial_generate(&form.serial, NULL), OK);
    if (certificate_build_tbs(&bench->ca.issuer, &form, tbs, &error) != OK)
        fail_msg("%s", error.message);
    return OK;
}

static void judge(struct bench *bench, struct buf *tbs, const char *reason)
{
    struct error error = ERROR_NONE;
    struct serial serial = {{0}, 0};
    int status = lint_certificate(buf_bytes(tbs), &bench->limits, clock_now(), &serial, &error);

    if (strcmp(error.reason, reason) != 0 || status != (*reason == '\0' ? OK : REFUSED))
        fail_msg("wanted \"%s\", got \"%s\": %s", reason, error.reason, error.message);
    if (status == OK)
        assert_int_equal(serial.size, 16);
}

static void bench_close(struct bench *bench, struct buf *tbs)
{
    buf_free(tbs);
    properties_free(&bench->properties);
    strings_free(&bench->ekus);
    strings_free(&bench->ca_spki);
    test_key_free(&bench->key);
    test_ca_free(&bench->ca);
}

/* Builds as the bench stands, judges, and closes. */
static void bench_judge(struct bench *bench, const char *reason)
{
    struct buf tbs = BUF_EMPTY;

    bench_build(bench, &tbs);
    judge(bench, &tbs, reason);
    bench_close(bench, &tbs);
}

static void proper_certificates_pass(void **state)
{
    struct bench bench;

    bench_open(&bench);
    bench_judge(&bench, "");
    bench_open(&bench); /* no subject */
    bench.properties.subject[0] = '\0';
    bench_judge(&bench, "");
    bench_open(&bench); /* every kind of extension */
    bench.properties.basic_constraints = true;
    bench.properties.ocsp_nocheck = true;
    bench.properties.requester_sid = strdup("S-1-5-21-1-2-3-1104");
    strings_add(&bench.properties.policies, "1.2.3.4");
    strings_add(&bench.properties.policies, "1.2.3.5");
    properties_add_name(&bench.properties, NAME_UPN, "alice@EXAMPLE.COM");
    properties_add_name(&bench.properties, NAME_EMAIL, "alice@example.com");
    properties_add_name(&bench.properties, NAME_DIRECTORY, "CN=Alice,DC=example,DC=com");
    properties_add_name(&bench.properties, NAME_URI, "https://example.com/");
    bench_judge(&bench, "");
    bench_open(&bench); /* template by name */
    free(bench.properties.template_oid);
    bench.properties.template_oid = NULL;
    bench_judge(&bench, "");
    bench_open(&bench); /* beyond 2050 */
    bench.not_after = INT64_C(2600000000);
    bench.limits.validity_max_s = INT64_C(4000000000);
    bench_judge(&bench, "");
}

static void ca_certificates_only_for_listed_keys(void **state)
{
    struct bench bench;

    for (int listed = 0; listed < 2; listed++) {
        bench_open(&bench);
        bench.properties.ca = true;
        bench.properties.path_length = 0;
        bench.properties.key_usage = KEY_USAGE_CERT_SIGN | KEY_USAGE_CRL_SIGN;
        strings_free(&bench.properties.ekus);
        if (listed)
            list_spki(&bench, buf_bytes(&bench.key.spki));
        bench_judge(&bench, listed ? "" : "lint.ca_not_listed");
    }
    bench_open(&bench); /* certSign without CA:TRUE */
    bench.properties.key_usage |= KEY_USAGE_CERT_SIGN;
    bench_judge(&bench, "lint.key_usage");
    bench_open(&bench); /* CA:TRUE without certSign */
    bench.properties.ca = true;
    list_spki(&bench, buf_bytes(&bench.key.spki));
    bench_judge(&bench, "lint.key_usage");
}

static void the_root_signs_itself_when_listed(void **state)
{
    struct buf tbs = BUF_EMPTY;
    struct serial serial;
    struct bench bench;

    for (int listed = 0; listed < 2; listed++) {
        bench_open(&bench);
        if (listed)
            list_spki(&bench, buf_bytes(&bench.ca.key.spki));
        serial_generate(&serial, NULL);
        assert_int_equal(certificate_build_root_tbs("CN=Example Root,C=DE", buf_bytes(&bench.ca.key.spki), buf_bytes(&bench.ca.key.algorithm),
                                                    &serial, clock_now() - 600, clock_now() + 86400, 1, &tbs, NULL), OK);
        judge(&bench, &tbs, listed ? "" : "lint.ca_not_listed");
        bench_close(&bench, &tbs);
    }
    bench_open(&bench); /* the CA's key under another name */
    buf_clear(&bench.key.spki);
    buf_add(&bench.key.spki, bench.ca.key.spki.data, bench.ca.key.spki.size);
    bench_judge(&bench, "lint.own_key");
    bench_open(&bench); /* another key under the CA's name */
    free(bench.properties.subject);
    bench.properties.subject = strdup("CN=Example Root,C=DE");
    bench_judge(&bench, "lint.own_name");
}

static void what_signer_conf_does_not_allow_is_refused(void **state)
{
    struct bench bench;

    bench_open(&bench);
    strings_add(&bench.properties.ekus, OID_EKU_CODE_SIGNING);
    bench_judge(&bench, "lint.eku_not_allowed");
    bench_open(&bench);
    strings_add(&bench.ekus, OID_EKU_ANY);
    strings_add(&bench.properties.ekus, OID_EKU_ANY);
    bench_judge(&bench, "lint.eku_any");
    bench_open(&bench);
    strings_free(&bench.properties.ekus);
    bench_judge(&bench, "lint.eku");
    bench_open(&bench);
    bench.properties.key_usage |= KEY_USAGE_DATA_ENCIPHERMENT;
    bench_judge(&bench, "lint.key_usage");
    bench_open(&bench);
    bench.properties.key_usage = 0;
    bench_judge(&bench, "lint.key_usage");
    bench_open(&bench);
    bench.limits.validity_max_s = 3600;
    bench_judge(&bench, "lint.validity");
    bench_open(&bench);
    bench.limits.not_after_max = bench.not_after - 1;
    bench_judge(&bench, "lint.validity");
    bench_open(&bench);
    bench.not_after = clock_now() - 10;
    bench_judge(&bench, "lint.validity");
    bench_open(&bench);
    bench.not_before = clock_now() - 3 * 86400;
    bench_judge(&bench, "lint.backdated");
    bench_open(&bench);
    bench.limits.issuer_name = bench.limits.algorithm;
    bench_judge(&bench, "lint.issuer");
    bench_open(&bench);
    bench.limits.algorithm = bench.limits.issuer_name;
    bench_judge(&bench, "lint.algorithm");
    bench_open(&bench);
    bench.limits.key_id[0] ^= 1;
    bench_judge(&bench, "lint.aki");
}

/* Officers' extensions pass through certificate_build_tbs as they are: the lint is what stops the wrong ones. */
static void set(struct bench *bench, const char *oid, bool critical, const char *hex)
{
    struct buf value = BUF_EMPTY;

    bench_open(bench);
    hex_decode(&value, hex, strlen(hex));
    properties_set_extension(&bench->properties, oid, critical, buf_bytes(&value), ORIGIN_OFFICER, "bob");
    buf_free(&value);
}

static void wrong_extensions_are_refused(void **state)
{
    static const struct {
        const char *oid, *hex, *reason;
        bool critical;
    } cases[] = {
        {OID_KEY_USAGE, "03020780", "lint.extension", false},           /* not critical */
        {OID_KEY_USAGE, "0302008000", "lint.extensions", true},         /* octets after the value */
        {OID_KEY_USAGE, "03020080", "lint.key_usage", true},            /* trailing zero bits */
        {OID_KEY_USAGE, "03020204", "lint.key_usage", true},            /* certSign */
        {OID_EKU, "3000", "lint.eku", false},
        {OID_EKU, "300a06082b06010505070303", "lint.eku_not_allowed", false},
        {OID_EKU, "3006 0604551d2500", "lint.eku_any", false},
        {OID_BASIC_CONSTRAINTS, "30030101ff", "lint.ca_not_listed", true},
        {OID_BASIC_CONSTRAINTS, "3003010100", "lint.extension", true},  /* explicit DEFAULT FALSE */
        {OID_BASIC_CONSTRAINTS, "3003020100", "lint.extension", true},  /* path length without CA */
        {OID_SAN, "3003820161", "lint.san_critical", true},
        {OID_SAN, "3000", "lint.extension", false},
        {OID_SAN, "300482022e61", "lint.extension", false},             /* ".a" */
        {OID_SAN, "30058203612e2e", "lint.extension", false},
        {OID_CDP, "3000", "lint.extension", false},
        {OID_AIA, "3000", "lint.extension", false},
        {OID_POLICIES, "300a 3003 06012a 3003 06012a", "lint.extension", false},
        {OID_NAME_CONSTRAINTS, "3002a000", "lint.extension", true},     /* in no CA certificate */
        {OID_OCSP_NOCHECK, "3000", "lint.extension", false},
        {"1.2.3.4", "0c0161", "", false},
        {"1.2.3.4", "0c01ff", "lint.extensions", false},                /* not UTF-8 */
        {"1.2.3.4", "", "lint.extensions", false},
        {"2.25.99093035642563043370547096153827645545.3.9", "0c0161", "lint.import", false},
    };
    struct bench bench;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set(&bench, cases[i].oid, cases[i].critical, cases[i].hex);
        bench_judge(&bench, cases[i].reason);
    }
}

/* Replaces octets of what was built and wants the reason. */
static void patch(const char *from_hex, const char *to_hex, const char *reason)
{
    struct buf tbs = BUF_EMPTY, from = BUF_EMPTY, to = BUF_EMPTY;
    struct bench bench;
    uint8_t *at;

    bench_open(&bench);
    bench_build(&bench, &tbs);
    hex_decode(&from, from_hex, strlen(from_hex));
    hex_decode(&to, to_hex, strlen(to_hex));
    assert_int_equal(from.size, to.size);
    at = memmem(tbs.data, tbs.size, from.data, from.size);
    assert_non_null(at);
    memcpy(at, to.data, to.size);
    judge(&bench, &tbs, reason);
    buf_free(&from);
    buf_free(&to);
    bench_close(&bench, &tbs);
}

static void forms_that_the_builder_never_writes_are_refused(void **state)
{
    patch("a003020102", "a003020101", "lint.version");
    patch("a003020102", "a003020100", "lint.version");
    patch("0603551d0e", "0603551d23", "lint.duplicate");
    patch("0603551d0e", "0603551d0d", "lint.ski");
    patch("0603551d23", "0603551d0d", "lint.aki");
    patch("0c11 7765623037", "1611 7765623037", "lint.subject"); /* CN as IA5String */
    patch("0603551d0f 0101ff", "0603551d0f 010101", "lint.der");
}

static void serials_out_of_range_are_refused(void **state)
{
    static const struct {
        struct serial serial;
        const char *reason;
    } cases[] = {
        {{{0}, 1}, "lint.serial"},
        {{{0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, 20}, "lint.serial"}, /* 21 octets in DER */
    };
    struct bench bench;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct certificate_form form = {.serial = cases[i].serial};
        struct buf tbs = BUF_EMPTY;

        bench_open(&bench);
        form.properties = &bench.properties;
        form.spki = buf_bytes(&bench.key.spki);
        form.not_before = bench.not_before;
        form.not_after = bench.not_after;
        assert_int_equal(certificate_build_tbs(&bench.ca.issuer, &form, &tbs, NULL), OK);
        judge(&bench, &tbs, cases[i].reason);
        bench_close(&bench, &tbs);
    }
}

static void every_changed_bit_is_survived(void **state)
{
    struct error error = ERROR_NONE;
    struct buf tbs = BUF_EMPTY;
    struct serial serial;
    struct bench bench;

    bench_open(&bench);
    bench_build(&bench, &tbs);
    for (size_t i = 0; i < tbs.size; i++) {
        tbs.data[i] ^= (uint8_t)(1 << (i % 8));
        error_clear(&error);
        if (lint_certificate(buf_bytes(&tbs), &bench.limits, clock_now(), &serial, &error) == OK)
            assert_int_equal(error.status, OK);
        else
            assert_true(strncmp(error.reason, "lint.", 5) == 0);
        tbs.data[i] ^= (uint8_t)(1 << (i % 8));
    }
    for (size_t size = 0; size < tbs.size; size += 3)
        assert_int_equal(lint_certificate(bytes_of(tbs.data, size), &bench.limits, clock_now(), &serial, NULL), REFUSED);
    bench_close(&bench, &tbs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proper_certificates_pass),
        cmocka_unit_test(ca_certificates_only_for_listed_keys),
        cmocka_unit_test(the_root_signs_itself_when_listed),
        cmocka_unit_test(what_signer_conf_does_not_allow_is_refused),
        cmocka_unit_test(wrong_extensions_are_refused),
        cmocka_unit_test(forms_that_the_builder_never_writes_are_refused),
        cmocka_unit_test(serials_out_of_range_are_refused),
        cmocka_unit_test(every_changed_bit_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
