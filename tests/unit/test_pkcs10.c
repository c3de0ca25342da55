/* Requests: ours and openssl's are read, hostile ones refused by limit, form, name, key and signature. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/base/oid.h"
#include "ca/x509/extension.h"
#include "ca/x509/pkcs10.h"
#include "tests/unit/x509_fixture.h"

static void ours_are_read_back_and_openssl_verifies_them(void **state)
{
    static const char *const types[] = {"ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048"};
    static const char *const texts[] = {"ECDSA P-256", "ECDSA P-384", "ECDSA P-521", "Ed25519", "RSA 2048"};
    struct strings names = {NULL, 0};

    strings_add(&names, "dns:web07.example.com");
    strings_add(&names, "ip:192.0.2.7");
    strings_add(&names, "upn:alice@EXAMPLE.COM");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct buf key = BUF_EMPTY, der = BUF_EMPTY, out = BUF_EMPTY;
        struct error error = ERROR_NONE;
        struct pkcs10 request;

        assert_int_equal(key_make_pem(types[i], &key, &error), OK);
        if (pkcs10_make(buf_text(&key), "CN=web07.example.com,O=M\xc3\xbcller", &names, &der, &error) != OK ||
            pkcs10_read(buf_bytes(&der), &request, &error) != OK)
            fail_msg("%s: %s", types[i], error.message);
        assert_string_equal(request.subject, "CN=web07.example.com,O=M\xc3\xbcller");
        assert_string_equal(request.key_text, texts[i]);
        assert_int_equal(request.name_count, 3);
        assert_int_equal(request.names[2].kind, NAME_UPN);
        assert_int_equal(request.extension_count, 1);
        assert_int_equal(request.extensions[0].origin, ORIGIN_REQUEST);
        if (test_run(&out, (const char *[]){"openssl", "req", "-verify", "-noout", "-inform", "DER", "-in", test_file("r.der", buf_bytes(&der)), NULL}) != 0)
            fail_msg("openssl: %s", buf_text(&out));
        pkcs10_free(&request);
        buf_free(&key);
        buf_free(&der);
        buf_free(&out);
    }
    strings_free(&names);
}

static void requests_of_openssl_are_read(void **state)
{
    static const char config[] = "[req]\nprompt=no\ndistinguished_name=dn\nreq_extensions=ext\nattributes=att\nstring_mask=utf8only\n"
                                 "[dn]\nC=DE\nO=Example\nCN=web08.example.com\n[att]\nchallengePassword=secret123\n"
                                 "[ext]\nsubjectAltName=DNS:web08.example.com,email:a@example.com\nkeyUsage=digitalSignature\n";
    struct buf out = BUF_EMPTY, der = BUF_EMPTY;
    struct error error = ERROR_NONE;
    struct pkcs10 request;
    const char *path = test_file("o.der", bytes_of(NULL, 0)), *key = test_file("o.key", bytes_of(NULL, 0));

    if (test_run(&out, (const char *[]){"openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config",
                                       test_file("o.cnf", bytes_of_text(config)), "-keyout", key, "-outform", "DER", "-out", path, NULL}) != 0)
        fail_msg("openssl: %s", buf_text(&out));
    assert_int_equal(file_read(path, 65536, &der, NULL), OK);
    if (pkcs10_read(buf_bytes(&der), &request, &error) != OK)
        fail_msg("%s", error.message);
    assert_string_equal(request.subject, "CN=web08.example.com,O=Example,C=DE");
    assert_int_equal(request.name_count, 2);
    assert_int_equal(request.extension_count, 2);
    pkcs10_free(&request);
    buf_free(&out);
    buf_free(&der);
}

static void the_cas_own_request_asks_to_be_a_ca(void **state)
{
    struct buf info = BUF_EMPTY, der = BUF_EMPTY, signature = BUF_EMPTY;
    struct lint_limits limits;
    struct pkcs10 request;
    struct error error = ERROR_NONE;
    struct test_ca ca, other;

    test_ca_make(&ca, "CN=Sub", "ecdsa-p384");
    test_ca_make(&other, "CN=Other", "ecdsa-p256");
    test_limits(&ca, NULL, NULL, &limits);
    assert_int_equal(pkcs10_build_info("CN=Sub CA,O=Example", buf_bytes(&ca.key.spki), 0, &info, &error), OK);
    assert_int_equal(lint_pkcs10(buf_bytes(&info), &limits, &error), OK);
    test_key_sign(&ca.key, buf_bytes(&info), &signature);
    assert_int_equal(pkcs10_assemble(buf_bytes(&info), buf_bytes(&ca.key.algorithm), buf_bytes(&signature), &der, &error), OK);
    if (pkcs10_read(buf_bytes(&der), &request, &error) != OK)
        fail_msg("%s", error.message);
    assert_int_equal(request.extension_count, 3);
    pkcs10_free(&request);
    buf_clear(&info);
    assert_int_equal(pkcs10_build_info("CN=Sub CA", buf_bytes(&other.key.spki), 0, &info, &error), OK);
    assert_int_equal(lint_pkcs10(buf_bytes(&info), &limits, &error), REFUSED);
    assert_string_equal(error.reason, "lint.own_key");
    buf_free(&info);
    buf_free(&der);
    buf_free(&signature);
    test_ca_free(&ca);
    test_ca_free(&other);
}

/* ---- hostile ones, made by hand ---- */

struct made {
    struct test_key key;
    struct buf subject, attributes; /* Name DER; content of [0] */
    struct buf spki;                /* in place of the key's, when not empty */
};

static void made_open(struct made *made)
{
    memset(made, 0, sizeof(*made));
    test_key_make(&made->key, "ecdsa-p256");
    name_from_text("CN=x", "name", &made->subject, NULL);
}

/* Signs what was made, reads it, and wants this reason; "" means accepted. Returns nothing but the verdict. */
static void made_read(struct made *made, const char *reason, struct pkcs10 *request)
{
    struct buf info = BUF_EMPTY, der = BUF_EMPTY;
    struct error error = ERROR_NONE;
    size_t mark = der_open(&info, DER_SEQUENCE), attributes;
    struct pkcs10 own;
    int status;

    if (request == NULL)
        request = &own;
    der_add_number(&info, DER_INTEGER, 0);
    buf_add(&info, made->subject.data, made->subject.size);
    buf_add(&info, made->spki.size > 0 ? made->spki.data : made->key.spki.data, made->spki.size > 0 ? made->spki.size : made->key.spki.size);
    attributes = der_open(&info, DER_CONTEXT_OPEN(0));
    buf_add(&info, made->attributes.data, made->attributes.size);
    der_close(&info, attributes);
    der_close(&info, mark);
    test_sign(&made->key, buf_bytes(&info), &der);
    status = pkcs10_read(buf_bytes(&der), request, &error);
    if (strcmp(error.reason, reason) != 0 || (status == OK) != (*reason == '\0'))
        fail_msg("wanted \"%s\", got \"%s\": %s", reason, error.reason, error.message);
    if (request == &own && status == OK)
        pkcs10_free(&own);
    buf_free(&info);
    buf_free(&der);
    buf_free(&made->subject);
    buf_free(&made->attributes);
    buf_free(&made->spki);
    test_key_free(&made->key);
}

static void add_attribute(struct buf *out, const char *oid, struct bytes extensions)
{
    size_t attribute = der_open(out, DER_SEQUENCE), set, list;

    der_add_oid(out, DER_OID, oid);
    set = der_open(out, DER_SET);
    list = der_open(out, DER_SEQUENCE);
    buf_add(out, extensions.data, extensions.size);
    der_close(out, list);
    der_close(out, set);
    der_close(out, attribute);
}

static void add_san(struct buf *extensions, const char *dns, size_t count)
{
    struct buf value = BUF_EMPTY;
    size_t mark = der_open(&value, DER_SEQUENCE);

    for (size_t i = 0; i < count; i++)
        der_add(&value, DER_CONTEXT(2), bytes_of_text(dns));
    der_close(&value, mark);
    extension_add(extensions, OID_SAN, false, buf_bytes(&value));
    buf_free(&value);
}

static void add_numbered(struct buf *extensions, unsigned from, unsigned count)
{
    static const uint8_t null[] = {5, 0};
    char oid[32];

    for (unsigned i = from; i < from + count; i++) {
        snprintf(oid, sizeof(oid), "1.2.3.%u", i);
        extension_add(extensions, oid, false, bytes_of(null, 2));
    }
}

static void every_extension_request_is_examined(void **state)
{
    struct buf extensions = BUF_EMPTY;
    struct pkcs10 request;
    struct made made;

    /* in both attributes, Microsoft's sorting first as its OID is shorter */
    made_open(&made);
    add_numbered(&extensions, 1, 2);
    add_attribute(&made.attributes, OID_EXTENSION_REQUEST, buf_bytes(&extensions));
    buf_clear(&extensions);
    add_san(&extensions, "victim.example.com", 1);
    add_attribute(&made.attributes, OID_MS_CERT_EXTENSIONS, buf_bytes(&extensions));
    made_read(&made, "", &request);
    assert_int_equal(request.extension_count, 3);
    assert_int_equal(request.name_count, 1);
    assert_string_equal(request.names[0].value, "victim.example.com");
    pkcs10_free(&request);

    /* a second SAN in a second attribute */
    buf_clear(&extensions);
    made_open(&made);
    add_san(&extensions, "a.example.com", 1);
    add_attribute(&made.attributes, OID_EXTENSION_REQUEST, buf_bytes(&extensions));
    buf_clear(&extensions);
    add_san(&extensions, "victim.example.com", 1);
    add_attribute(&made.attributes, OID_EXTENSION_REQUEST, buf_bytes(&extensions));
    made_read(&made, "request.extensions", NULL);

    /* 20 and 20 are 40 */
    buf_clear(&extensions);
    made_open(&made);
    add_numbered(&extensions, 1, 20);
    add_attribute(&made.attributes, OID_EXTENSION_REQUEST, buf_bytes(&extensions));
    buf_clear(&extensions);
    add_numbered(&extensions, 21, 20);
    add_attribute(&made.attributes, OID_EXTENSION_REQUEST, buf_bytes(&extensions));
    made_read(&made, "request.extensions", NULL);
    buf_free(&extensions);
}

static void one_extension(const char *hex, const char *reason)
{
    struct buf extensions = BUF_EMPTY;
    struct made made;

    made_open(&made);
    hex_decode(&extensions, hex, strlen(hex));
    add_attribute(&made.attributes, OID_EXTENSION_REQUEST, buf_bytes(&extensions));
    made_read(&made, reason, NULL);
    buf_free(&extensions);
}

static void malformed_extensions_are_refused(void **state)
{
    one_extension("300b 0603551d13 0404 30020500", "");
    one_extension("", "request.extensions");                                                    /* empty list */
    one_extension("300c 0603551d13 010100 0402 3000", "request.extensions");                    /* explicit DEFAULT FALSE */
    one_extension("300a 0603551d13 0403 300000", "request.extensions");                         /* octets after the value */
    one_extension("3007 0603551d13 0400", "request.extensions");                                /* empty value */
    one_extension("300b 0603551d13 0404 30800000", "request.extensions");                       /* BER in the value */
    one_extension("3009 0603551d13 0402 3000 3009 0603551d13 0402 3000", "request.extensions"); /* twice */
    one_extension("3009 0603551d11 0402 3000", "request.name");                                 /* empty SAN */
    one_extension("3005 0603551d13", "request.extensions");
}

static void names_are_bounded_and_clean(void **state)
{
    struct buf extensions = BUF_EMPTY;
    struct made made;

    made_open(&made);
    add_san(&extensions, "a.example.com", 100);
    add_attribute(&made.attributes, OID_EXTENSION_REQUEST, buf_bytes(&extensions));
    made_read(&made, "", NULL);
    buf_clear(&extensions);
    made_open(&made);
    add_san(&extensions, "a.example.com", 101);
    add_attribute(&made.attributes, OID_EXTENSION_REQUEST, buf_bytes(&extensions));
    made_read(&made, "request.names", NULL);
    buf_clear(&extensions);
    made_open(&made);
    add_san(&extensions, "a\x1b.example.com", 1);
    add_attribute(&made.attributes, OID_EXTENSION_REQUEST, buf_bytes(&extensions));
    made_read(&made, "request.name", NULL);
    made_open(&made);
    buf_clear(&made.subject);
    buf_add(&made.subject, "\x30\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x03\x61\x00\x62", 16);
    made_read(&made, "request.name", NULL);
    made_open(&made);
    buf_clear(&made.subject);
    buf_add(&made.subject, "\x30\x02\x31\x00", 4); /* an empty RDN */
    made_read(&made, "request.name", NULL);
    buf_free(&extensions);
}

static void attributes_out_of_order_are_said_so(void **state)
{
    struct buf extensions = BUF_EMPTY;
    struct made made;

    made_open(&made);
    add_numbered(&extensions, 1, 5);
    add_attribute(&made.attributes, OID_EXTENSION_REQUEST, buf_bytes(&extensions));
    add_attribute(&made.attributes, "1.2.3", bytes_of("\x30\x00", 2));
    made_read(&made, "request.der", NULL);
    made_open(&made); /* unknown attributes are kept and ignored */
    add_attribute(&made.attributes, "1.2.3", bytes_of("\x30\x00", 2));
    add_attribute(&made.attributes, OID_EXTENSION_REQUEST, buf_bytes(&extensions));
    made_read(&made, "", NULL);
    buf_free(&extensions);
}

static void key_is(const char *hex, const char *reason)
{
    struct made made;

    made_open(&made);
    hex_decode(&made.spki, hex, strlen(hex));
    made_read(&made, reason, NULL);
}

static void rsa_is(unsigned bits, unsigned exponent, const char *reason)
{
    struct buf bit_string = BUF_EMPTY;
    uint8_t modulus[512], e[2] = {(uint8_t)(exponent >> 8), (uint8_t)exponent};
    size_t size = (bits + 7) / 8, mark, inner;
    struct made made;

    made_open(&made);
    memset(modulus, 0x5b, sizeof(modulus));
    modulus[0] = (uint8_t)(1u << ((bits - 1) % 8));
    mark = der_open(&bit_string, DER_SEQUENCE);
    der_add_unsigned(&bit_string, bytes_of(modulus, size));
    der_add_unsigned(&bit_string, bytes_of(e, 2));
    der_close(&bit_string, mark);
    mark = der_open(&made.spki, DER_SEQUENCE);
    inner = der_open(&made.spki, DER_SEQUENCE);
    der_add_oid(&made.spki, DER_OID, "1.2.840.113549.1.1.1");
    der_add_null(&made.spki);
    der_close(&made.spki, inner);
    der_add_bits(&made.spki, 0, buf_bytes(&bit_string));
    der_close(&made.spki, mark);
    buf_free(&bit_string);
    made_read(&made, reason, NULL);
}

/* The key would do; whoever asks does not hold it. */
static void key_of_another_is_refused(void)
{
    struct test_key other;
    struct made made;

    made_open(&made);
    test_key_make(&other, "rsa-2048");
    buf_add(&made.spki, other.spki.data, other.spki.size);
    made_read(&made, "request.signature", NULL);
    test_key_free(&other);
}

static void weak_and_foreign_keys_are_refused(void **state)
{
    rsa_is(1024, 65537 & 0xffff, "key.size");
    rsa_is(2047, 257, "key.size");
    rsa_is(2052, 257, "key.size");
    rsa_is(2048, 1, "key.exponent");
    rsa_is(2048, 256, "key.exponent");
    rsa_is(2048, 257, "key.small_factor");
    key_of_another_is_refused();
    /* P-256 with a point off the curve */
    key_is("3059301306072a8648ce3d020106082a8648ce3d03010703420004"
           "0101010101010101010101010101010101010101010101010101010101010101"
           "0202020202020202020202020202020202020202020202020202020202020202", "key.point");
    /* compressed point */
    key_is("3039301306072a8648ce3d020106082a8648ce3d030107032200"
           "020101010101010101010101010101010101010101010101010101010101010101", "key.point");
    /* secp256k1 */
    key_is("3056301006072a8648ce3d020106052b8104000a03420004"
           "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
           "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8", "key.curve");
    /* X25519 */
    key_is("302a300506032b656e032100 0101010101010101010101010101010101010101010101010101010101010101", "key.type");
    key_is("3003 020100", "key.form");
}

/* openssl signs what it is told to; the library takes SHA-1 under ECDSA. */
static void broken_signatures_are_refused(void **state)
{
    static const struct {
        const char *key, *digest, *option, *reason;
    } cases[] = {
        {"RSA:2048", "-sha1", NULL, "request.signature_algorithm"},   {"RSA:2048", "-md5", NULL, "request.signature_algorithm"},
        {"RSA:2048", "-sha224", NULL, "request.signature_algorithm"}, {"RSA:2048", "-sha512", NULL, ""},
        {"RSA:2048", "-sha1", "rsa_padding_mode:pss", "request.signature_algorithm"},
        {"RSA:2048", "-sha256", "rsa_padding_mode:pss", ""},          {"EC:P-256", "-sha1", NULL, "request.signature_algorithm"},
        {"EC:P-256", "-sha256", NULL, ""},                            {"EC:P-384", "-sha512", NULL, ""},
    };
    static const char config[] = "[req]\nprompt=no\ndistinguished_name=dn\n[dn]\nCN=x\n";
    const char *path = test_file("s.der", bytes_of(NULL, 0)), *key = test_file("s.key", bytes_of(NULL, 0));

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool ec = cases[i].key[0] == 'E';
        struct buf out = BUF_EMPTY, der = BUF_EMPTY, curve = BUF_EMPTY;
        struct error error = ERROR_NONE;
        struct pkcs10 request = {0};

        buf_printf(&curve, "ec_paramgen_curve:%s", cases[i].key + 3);
        if (test_run(&out, (const char *[]){"openssl", "req", "-new", "-newkey", ec ? "ec" : "rsa:2048", "-pkeyopt",
                                           ec ? buf_text(&curve) : "rsa_keygen_pubexp:65537", "-nodes", "-config",
                                           test_file("s.cnf", bytes_of_text(config)), "-keyout", key, "-outform", "DER", "-out", path,
                                           cases[i].digest, cases[i].option ? "-sigopt" : NULL, cases[i].option, "-sigopt",
                                           "rsa_pss_saltlen:digest", NULL}) != 0)
            fail_msg("openssl: %s", buf_text(&out));
        assert_int_equal(file_read(path, 65536, &der, NULL), OK);
        pkcs10_read(buf_bytes(&der), &request, &error);
        if (strcmp(error.reason, cases[i].reason) != 0)
            fail_msg("%s %s: wanted \"%s\", got \"%s\": %s", cases[i].key, cases[i].digest, cases[i].reason, error.reason, error.message);
        pkcs10_free(&request);
        buf_free(&out);
        buf_free(&der);
        buf_free(&curve);
    }
}

static double milliseconds(void (*what)(struct bytes), struct bytes in)
{
    struct timespec from, to;

    clock_gettime(CLOCK_MONOTONIC, &from);
    what(in);
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
}

static void refused_for_size(struct bytes der)
{
    struct error error = ERROR_NONE;
    struct pkcs10 request;

    assert_int_equal(pkcs10_read(der, &request, &error), BAD_DATA);
    assert_string_equal(error.reason, "request.size");
}

static void refused_for_extensions(struct bytes der)
{
    struct error error = ERROR_NONE;
    struct pkcs10 request;

    assert_int_equal(pkcs10_read(der, &request, &error), BAD_DATA);
    assert_string_equal(error.reason, "request.extensions");
    assert_non_null(strstr(error.message, "2000"));
}

static void large_requests_cost_nothing(void **state)
{
    struct buf large = BUF_EMPTY, extensions = BUF_EMPTY, info = BUF_EMPTY, der = BUF_EMPTY;
    struct test_key key;
    size_t mark, attributes;

    for (int i = 0; i < 1000000; i++)
        buf_add_byte(&large, 0x30);
    assert_true(milliseconds(refused_for_size, buf_bytes(&large)) < 20);
    add_numbered(&extensions, 1, 2000);
    test_key_make(&key, "ecdsa-p256");
    mark = der_open(&info, DER_SEQUENCE);
    der_add_number(&info, DER_INTEGER, 0);
    name_from_text("CN=x", "name", &info, NULL);
    buf_add(&info, key.spki.data, key.spki.size);
    attributes = der_open(&info, DER_CONTEXT_OPEN(0));
    add_attribute(&info, OID_EXTENSION_REQUEST, buf_bytes(&extensions));
    der_close(&info, attributes);
    der_close(&info, mark);
    test_sign(&key, buf_bytes(&info), &der);
    print_message("2,000 extensions refused in %.3f ms\n", milliseconds(refused_for_extensions, buf_bytes(&der)));
    assert_true(milliseconds(refused_for_extensions, buf_bytes(&der)) < 50);
    buf_free(&large);
    buf_free(&extensions);
    buf_free(&info);
    buf_free(&der);
    test_key_free(&key);
}

static void changed_requests_are_refused(void **state)
{
    struct buf key = BUF_EMPTY, der = BUF_EMPTY;
    struct error error = ERROR_NONE;
    struct pkcs10 request;

    assert_int_equal(key_make_pem("ecdsa-p256", &key, NULL), OK);
    assert_int_equal(pkcs10_make(buf_text(&key), "CN=alice", NULL, &der, NULL), OK);
    for (size_t i = 0; i < der.size; i++)
        assert_int_equal(pkcs10_read(bytes_of(der.data, i), &request, NULL), BAD_DATA);
    for (size_t i = 0; i < der.size; i++) {
        der.data[i] ^= 1;
        assert_int_equal(pkcs10_read(buf_bytes(&der), &request, NULL), BAD_DATA);
        der.data[i] ^= 1;
    }
    memcpy(memmem(der.data, der.size, "alice", 5), "admin", 5);
    assert_int_equal(pkcs10_read(buf_bytes(&der), &request, &error), BAD_DATA);
    assert_string_equal(error.reason, "request.signature");
    error_clear(&error);
    assert_int_equal(pkcs10_read(bytes_of_text("hello"), &request, &error), BAD_DATA);
    assert_string_equal(error.reason, "request.der");
    error_clear(&error);
    assert_int_equal(pkcs10_make("nonsense", "CN=a", NULL, &key, &error), BAD_DATA);
    assert_string_equal(error.reason, "key.form");
    assert_int_equal(key_make_pem("rsa-512", &key, NULL), BAD_DATA);
    buf_free(&key);
    buf_free(&der);
}

static int clean(void **state)
{
    test_files_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ours_are_read_back_and_openssl_verifies_them),
        cmocka_unit_test(requests_of_openssl_are_read),
        cmocka_unit_test(the_cas_own_request_asks_to_be_a_ca),
        cmocka_unit_test(every_extension_request_is_examined),
        cmocka_unit_test(malformed_extensions_are_refused),
        cmocka_unit_test(names_are_bounded_and_clean),
        cmocka_unit_test(attributes_out_of_order_are_said_so),
        cmocka_unit_test(weak_and_foreign_keys_are_refused), cmocka_unit_test(broken_signatures_are_refused),
        cmocka_unit_test(large_requests_cost_nothing),
        cmocka_unit_test(changed_requests_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, clean);
}
