/* Forming and reading certificates, with openssl and certtool as outside judges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/oid.h"
#include "tests/unit/x509_fixture.h"

static void judge(const char *key_type, const char *leaf_type)
{
    struct buf tbs = BUF_EMPTY, der = BUF_EMPTY, pem = BUF_EMPTY, root_pem = BUF_EMPTY, out = BUF_EMPTY;
    struct properties properties;
    struct test_key key;
    struct test_ca ca;
    const char *root, *leaf;

    test_ca_make(&ca, "CN=Example Root,O=Example AG,C=DE", key_type);
    test_key_make(&key, leaf_type);
    test_web_properties(&properties);
    test_issue(&ca, &key, &properties, &tbs, &der);
    pem_encode(&pem, "CERTIFICATE", buf_bytes(&der));
    pem_encode(&root_pem, "CERTIFICATE", buf_bytes(&ca.der));
    root = test_file("root.pem", buf_bytes(&root_pem));
    leaf = test_file("leaf.pem", buf_bytes(&pem));
    if (test_run(&out, (const char *[]){"openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname",
                                       "web07.example.com", "-CAfile", root, leaf, NULL}) != 0)
        fail_msg("openssl: %s", buf_text(&out));
    buf_clear(&out);
    if (test_run(&out, (const char *[]){"certtool", "--verify", "--load-ca-certificate", root, "--infile", leaf, NULL}) != 0)
        fail_msg("certtool: %s", buf_text(&out));
    assert_int_equal(certificate_check_signature(buf_bytes(&der), buf_bytes(&ca.der), NULL), OK);
    der.data[der.size - 3] ^= 1;
    assert_int_not_equal(certificate_check_signature(buf_bytes(&der), buf_bytes(&ca.der), NULL), OK);
    buf_free(&tbs);
    buf_free(&der);
    buf_free(&pem);
    buf_free(&root_pem);
    buf_free(&out);
    properties_free(&properties);
    test_key_free(&key);
    test_ca_free(&ca);
}

static void openssl_and_certtool_accept_every_kind_of_key(void **state)
{
    judge("ecdsa-p256", "ecdsa-p256");
    judge("ecdsa-p384", "rsa-2048");
    judge("rsa-2048", "ecdsa-p521");
    judge("ed25519", "ed25519");
}

static void what_was_written_is_read_back(void **state)
{
    struct buf tbs = BUF_EMPTY, der = BUF_EMPTY, text = BUF_EMPTY;
    struct error error = ERROR_NONE;
    struct certificate_facts facts;
    struct properties properties;
    struct test_key key;
    struct test_ca ca;

    test_ca_make(&ca, "CN=Example Root", "ecdsa-p256");
    test_key_make(&key, "rsa-2048");
    test_web_properties(&properties);
    test_issue(&ca, &key, &properties, &tbs, &der);
    assert_int_equal(certificate_read(buf_bytes(&der), &facts, &error), OK);
    assert_string_equal(facts.subject, properties.subject);
    assert_string_equal(facts.issuer, "CN=Example Root");
    assert_int_equal(facts.serial.size, 16);
    assert_int_equal(facts.name_count, 2);
    assert_int_equal(facts.names[0].kind, NAME_DNS);
    assert_string_equal(facts.names[0].value, "web07.example.com");
    assert_int_equal(facts.names[1].kind, NAME_IP);
    assert_string_equal(facts.names[1].value, "192.0.2.7");
    assert_int_equal(facts.key_usage, properties.key_usage);
    assert_int_equal(facts.ekus.count, 2);
    assert_false(facts.ca);
    assert_false(facts.self_signed);
    assert_string_equal(facts.key_text, "RSA 2048");
    assert_memory_equal(facts.authority_key_id.data, ca.issuer.key_id, 20);
    assert_int_equal(facts.extension_count, 9);
    assert_int_equal(certificate_print(buf_bytes(&der), &text, &error), OK);
    assert_non_null(strstr(buf_text(&text), "DNSname: web07.example.com"));
    certificate_facts_free(&facts);
    assert_int_equal(certificate_read(buf_bytes(&ca.der), &facts, &error), OK);
    assert_true(facts.ca);
    assert_true(facts.self_signed);
    assert_int_equal(facts.path_length, -1);
    certificate_facts_free(&facts);
    buf_free(&tbs);
    buf_free(&der);
    buf_free(&text);
    properties_free(&properties);
    test_key_free(&key);
    test_ca_free(&ca);
}

static const struct extension *extension_of(const struct certificate_facts *facts, const char *oid)
{
    for (size_t i = 0; i < facts->extension_count; i++)
        if (strcmp(facts->extensions[i].oid, oid) == 0)
            return &facts->extensions[i];
    return NULL;
}

static void an_empty_subject_makes_the_names_critical(void **state)
{
    struct buf tbs = BUF_EMPTY, der = BUF_EMPTY;
    struct certificate_facts facts;
    struct properties properties;
    struct test_key key;
    struct test_ca ca;

    test_ca_make(&ca, "CN=Example Root", "ecdsa-p256");
    test_key_make(&key, "ecdsa-p256");
    test_web_properties(&properties);
    properties.subject[0] = '\0';
    strings_add(&properties.critical, OID_EKU);
    properties.no_revocation_info = true;
    properties.basic_constraints = true;
    test_issue(&ca, &key, &properties, &tbs, &der);
    assert_int_equal(certificate_read(buf_bytes(&der), &facts, NULL), OK);
    assert_string_equal(facts.subject, "");
    assert_true(extension_of(&facts, OID_SAN)->critical);
    assert_true(extension_of(&facts, OID_EKU)->critical);
    assert_true(extension_of(&facts, OID_KEY_USAGE)->critical);
    assert_false(extension_of(&facts, OID_BASIC_CONSTRAINTS)->critical);
    assert_null(extension_of(&facts, OID_CDP));
    assert_non_null(extension_of(&facts, OID_AIA));
    /* an EC key cannot encipher */
    assert_int_equal(facts.key_usage, KEY_USAGE_DIGITAL_SIGNATURE);
    certificate_facts_free(&facts);
    buf_free(&tbs);
    buf_free(&der);
    properties_free(&properties);
    test_key_free(&key);
    test_ca_free(&ca);
}

static void build_fails(struct properties *properties, const char *reason)
{
    struct certificate_form form = {.properties = properties, .not_before = 1, .not_after = 2};
    struct error error = ERROR_NONE;
    struct buf tbs = BUF_EMPTY;
    struct test_key key;
    struct test_ca ca;

    test_ca_make(&ca, "CN=Example Root", "ecdsa-p256");
    test_key_make(&key, "ecdsa-p256");
    form.spki = buf_bytes(&key.spki);
    serial_generate(&form.serial, NULL);
    assert_int_equal(certificate_build_tbs(&ca.issuer, &form, &tbs, &error), BAD_DATA);
    assert_string_equal(error.reason, reason);
    buf_free(&tbs);
    test_key_free(&key);
    test_ca_free(&ca);
    properties_free(properties);
}

static void what_cannot_be_encoded_is_refused(void **state)
{
    struct properties properties;
    uint8_t null[] = {5, 0};

    test_web_properties(&properties);
    free(properties.subject);
    properties.subject = strdup("CN=a,nonsense");
    build_fails(&properties, "certificate.name");
    test_web_properties(&properties);
    properties_add_name(&properties, NAME_DNS, "web_07.example.com.");
    build_fails(&properties, "certificate.name");
    test_web_properties(&properties);
    properties.names[0].kind = NAME_OTHER;
    build_fails(&properties, "certificate.name");
    test_web_properties(&properties);
    properties.key_usage = KEY_USAGE_KEY_ENCIPHERMENT;
    build_fails(&properties, "certificate.key_usage");
    test_web_properties(&properties);
    properties_set_extension(&properties, OID_AKI, false, bytes_of(null, 2), ORIGIN_OFFICER, "bob");
    build_fails(&properties, "certificate.extension");
    test_web_properties(&properties);
    strings_add(&properties.ekus, "clientAuth");
    build_fails(&properties, "certificate.eku");
}

static void officers_extensions_replace_the_templates(void **state)
{
    uint8_t value[] = {0x03, 0x02, 0x07, 0x80}, other[] = {0x0c, 0x01, 'x'};
    struct buf tbs = BUF_EMPTY, der = BUF_EMPTY;
    struct certificate_facts facts;
    struct properties properties;
    struct test_key key;
    struct test_ca ca;

    test_ca_make(&ca, "CN=Example Root", "ecdsa-p256");
    test_key_make(&key, "rsa-2048");
    test_web_properties(&properties);
    properties_set_extension(&properties, OID_KEY_USAGE, true, bytes_of(value, sizeof(value)), ORIGIN_OFFICER, "bob");
    properties_set_extension(&properties, "1.2.3.4.5", false, bytes_of(other, sizeof(other)), ORIGIN_OFFICER, "bob");
    test_issue(&ca, &key, &properties, &tbs, &der);
    assert_int_equal(certificate_read(buf_bytes(&der), &facts, NULL), OK);
    assert_int_equal(facts.key_usage, KEY_USAGE_DIGITAL_SIGNATURE);
    assert_int_equal(extension_of(&facts, "1.2.3.4.5")->size, 3);
    certificate_facts_free(&facts);
    buf_free(&tbs);
    buf_free(&der);
    properties_free(&properties);
    test_key_free(&key);
    test_ca_free(&ca);
}

static void hostile_certificates_are_errors(void **state)
{
    struct error error = ERROR_NONE;
    struct certificate_facts facts;
    struct issuer issuer;
    struct test_ca ca;
    uint8_t garbage[] = {0x30, 0x80, 0, 0};

    assert_int_equal(certificate_read(bytes_of(garbage, sizeof(garbage)), &facts, &error), BAD_DATA);
    assert_int_equal(certificate_read(bytes_of(NULL, 0), &facts, &error), BAD_DATA);
    test_ca_make(&ca, "CN=Example Root", "ecdsa-p256");
    for (size_t size = 0; size < ca.der.size; size += 7)
        assert_int_equal(certificate_read(bytes_of(ca.der.data, size), &facts, NULL), BAD_DATA);
    buf_add_byte(&ca.der, 0);
    assert_int_equal(issuer_from_certificate(buf_bytes(&ca.der), &issuer, NULL), BAD_DATA);
    test_ca_free(&ca);
}

static void serials_are_32_digits_and_differ(void **state)
{
    char text[2 * SERIAL_MAX + 1], before[2 * SERIAL_MAX + 1] = "";
    struct serial serial;

    for (int i = 0; i < 100; i++) {
        assert_int_equal(serial_generate(&serial, NULL), OK);
        assert_int_equal(strlen(serial_text(&serial, text)), 32);
        assert_int_equal(serial.octets[0] & 0xc0, 0x40);
        assert_string_not_equal(text, before);
        memcpy(before, text, sizeof(text));
    }
}

static int clean(void **state)
{
    test_files_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_and_certtool_accept_every_kind_of_key),
        cmocka_unit_test(what_was_written_is_read_back),
        cmocka_unit_test(an_empty_subject_makes_the_names_critical),
        cmocka_unit_test(what_cannot_be_encoded_is_refused),
        cmocka_unit_test(officers_extensions_replace_the_templates),
        cmocka_unit_test(hostile_certificates_are_errors),
        cmocka_unit_test(serials_are_32_digits_and_differ),
    };

    return cmocka_run_group_tests(tests, NULL, clean);
}
