/* Renewal requests in CMS: what openssl and certtool write is read and verified; every octet changed is noticed; what does not
 * say one thing only is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/base/file.h"
#include "ca/x509/cms.h"
#include "ca/x509/pkcs10.h"

#define OID_DATA "1.2.840.113549.1.7.1"
#define OID_SIGNED_DATA "1.2.840.113549.1.7.2"
#define OID_SHA256 "2.16.840.1.101.3.4.2.1"
#define OID_SHA1 "1.3.14.3.2.26"
#define OID_CONTENT_TYPE "1.2.840.113549.1.9.3"
#define OID_MESSAGE_DIGEST "1.2.840.113549.1.9.4"
#define OID_RENEWAL "1.3.6.1.4.1.311.13.1"

static void seed(const char *name, struct buf *der)
{
    const char *top = getenv("top_srcdir");
    struct buf path = BUF_EMPTY;
    struct error error = ERROR_NONE;

    buf_printf(&path, "%s/tests/fuzz/seeds/cms/%s", top != NULL ? top : ".", name);
    if (file_read(buf_text(&path), CMS_SIZE_MAX, der, &error) != OK)
        fail_msg("%s", error.message);
    buf_free(&path);
}

static void what_others_write_is_read_and_verified(void **state)
{
    static const struct {
        const char *name;
        size_t certificates;
        bool by_key_id;
    } seeds[] = {{"openssl-p256.der", 1, false}, {"openssl-rsa-keyid.der", 1, true}, {"openssl-chain.der", 2, false},
                 {"openssl-noattr.der", 0, false}, {"certtool-ed25519.der", 1, false}};

    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
        struct buf der = BUF_EMPTY;
        struct error error = ERROR_NONE;
        struct pkcs10 request;
        struct cms cms;
        size_t verified = 0;

        seed(seeds[i].name, &der);
        assert_true(cms_is_signed(buf_bytes(&der)));
        if (cms_read(buf_bytes(&der), &cms, &error) != OK || pkcs10_read(cms.content, &request, &error) != OK)
            fail_msg("%s: %s", seeds[i].name, error.message);
        assert_string_equal(request.subject, "CN=new");
        assert_int_equal(cms.certificate_count, seeds[i].certificates);
        assert_int_equal(cms.key_id.size > 0, seeds[i].by_key_id);
        assert_int_equal(cms.issuer.size > 0 && cms.serial.size > 0, !seeds[i].by_key_id);
        for (size_t c = 0; c < cms.certificate_count; c++) {
            error_clear(&error);
            verified += cms_verify(buf_bytes(&der), cms.certificates[c], &error) == OK;
        }
        if (verified != (seeds[i].certificates > 0)) /* by one of them: in the chain the other is a stranger */
            fail_msg("%s: %zu certificates verify it: %s", seeds[i].name, verified, error.message);
        pkcs10_free(&request);
        buf_free(&der);
    }
}

/* No octet of the content, the signed attributes or the signature can be another one. */
static void every_changed_octet_is_noticed(void **state)
{
    struct buf der = BUF_EMPTY;
    struct cms whole;
    struct error error = ERROR_NONE;

    seed("openssl-p256.der", &der);
    assert_int_equal(cms_read(buf_bytes(&der), &whole, &error), OK);
    struct buf certificate = BUF_EMPTY;
    buf_add(&certificate, whole.certificates[0].data, whole.certificates[0].size);
    size_t content = (size_t)(whole.content.data - der.data), signer = (size_t)(whole.issuer.data - der.data) + whole.issuer.size;
    for (size_t at = content; at < der.size; at++) {
        struct cms cms;

        if (at == content + whole.content.size)
            at = signer; /* the certificate sent along is not what it is verified with */
        der.data[at] ^= 1;
        error_clear(&error);
        if (cms_read(buf_bytes(&der), &cms, &error) == OK && bytes_equal(cms.issuer, whole.issuer) && cms.serial.size == whole.serial.size &&
            memcmp(cms.serial.octets, whole.serial.octets, whole.serial.size) == 0 &&
            cms_verify(buf_bytes(&der), buf_bytes(&certificate), &error) == OK)
            fail_msg("octet %zu was changed and it still verifies", at);
        der.data[at] ^= 1;
    }
    error_clear(&error);
    assert_int_equal(cms_verify(buf_bytes(&der), buf_bytes(&certificate), &error), OK); /* and unchanged it does */
    buf_free(&certificate);
    buf_free(&der);
}

/* ---- what we make ourselves, one thing wrong at a time ---- */

struct recipe {
    const char *type, *content_type, *digest;
    unsigned version, signer_version, signers, certificates, digests;
    bool detached, parts, crls, no_attributes, no_digest_attribute, two_values, two_digests, other_type, no_signature, unsigned_attributes;
    bool trailing, by_key_id, empty;
};
static const struct recipe good = {.type = OID_SIGNED_DATA, .content_type = OID_DATA, .digest = OID_SHA256, .version = 1, .signer_version = 1,
                                   .signers = 1, .digests = 1};

static void add_algorithm(struct buf *out, const char *oid)
{
    size_t mark = der_open(out, DER_SEQUENCE);

    assert_int_equal(der_add_oid(out, DER_OID, oid), OK);
    der_close(out, mark);
}

static void add_attribute(struct buf *out, const char *oid, const char *oid_value, unsigned values)
{
    size_t mark = der_open(out, DER_SEQUENCE), set;

    der_add_oid(out, DER_OID, oid);
    set = der_open(out, DER_SET);
    for (unsigned i = 0; i < values; i++)
        if (oid_value != NULL)
            der_add_oid(out, DER_OID, oid_value);
        else
            der_add(out, DER_OCTETS, bytes_of("0123456789abcdef0123456789abcdef", 32));
    der_close(out, set);
    der_close(out, mark);
}

static void add_signer(struct buf *out, const struct recipe *r)
{
    size_t mark = der_open(out, DER_SEQUENCE), part, name;

    der_add_number(out, DER_INTEGER, r->signer_version);
    if (r->by_key_id) {
        der_add(out, DER_CONTEXT(0), bytes_of("keyid", 5));
    } else {
        part = der_open(out, DER_SEQUENCE);
        name = der_open(out, DER_SEQUENCE);
        der_close(out, name);
        der_add_number(out, DER_INTEGER, 4711);
        der_close(out, part);
    }
    add_algorithm(out, r->digest);
    if (!r->no_attributes) {
        part = der_open(out, DER_CONTEXT_OPEN(0));
        add_attribute(out, OID_CONTENT_TYPE, r->other_type ? OID_SIGNED_DATA : OID_DATA, 1);
        for (unsigned i = 0; i < (r->no_digest_attribute ? 0u : r->two_digests ? 2u : 1u); i++)
            add_attribute(out, OID_MESSAGE_DIGEST, NULL, r->two_values ? 2 : 1);
        der_close(out, part);
    }
    add_algorithm(out, "1.2.840.10045.4.3.2");
    if (!r->no_signature)
        der_add(out, DER_OCTETS, bytes_of("signature", 9));
    if (r->unsigned_attributes) {
        part = der_open(out, DER_CONTEXT_OPEN(1));
        add_attribute(out, OID_CONTENT_TYPE, OID_DATA, 1);
        der_close(out, part);
    }
    der_close(out, mark);
}

static void add_content(struct buf *out, const struct recipe *r)
{
    size_t mark = der_open(out, DER_SEQUENCE), part;

    der_add_oid(out, DER_OID, r->content_type);
    if (!r->detached) {
        part = der_open(out, DER_CONTEXT_OPEN(0));
        der_add(out, r->parts ? DER_SEQUENCE : DER_OCTETS, r->empty ? bytes_of(NULL, 0) : bytes_of("\x05\x00", 2));
        der_close(out, part);
    }
    der_close(out, mark);
}

static void make(const struct recipe *r, struct buf *out)
{
    size_t info = der_open(out, DER_SEQUENCE), explicit, data, part;

    der_add_oid(out, DER_OID, r->type);
    explicit = der_open(out, DER_CONTEXT_OPEN(0));
    data = der_open(out, DER_SEQUENCE);
    der_add_number(out, DER_INTEGER, r->version);
    part = der_open(out, DER_SET);
    for (unsigned i = 0; i < r->digests; i++)
        add_algorithm(out, r->digest);
    der_close(out, part);
    add_content(out, r);
    part = der_open(out, DER_CONTEXT_OPEN(0));
    for (unsigned i = 0; i < r->certificates; i++)
        add_algorithm(out, OID_DATA); /* any SEQUENCE: it is not read here */
    der_close(out, part);
    if (r->crls)
        der_add(out, DER_CONTEXT_OPEN(1), bytes_of("\x30\x00", 2));
    part = der_open(out, DER_SET);
    for (unsigned i = 0; i < r->signers; i++)
        add_signer(out, r);
    der_close(out, part);
    der_close(out, data);
    der_close(out, explicit);
    der_close(out, info);
    if (r->trailing)
        der_add_null(out);
    assert_false(out->failed);
}

static int read_recipe(const struct recipe *r, struct error *error)
{
    struct buf der = BUF_EMPTY;
    struct cms cms;

    make(r, &der);
    int status = cms_read(buf_bytes(&der), &cms, error);
    buf_free(&der);
    return status;
}

static void what_says_more_than_one_thing_is_refused(void **state)
{
    struct recipe cases[24];
    const char *reasons[24];
    size_t count = 0;

#define CASE(why, change)            \
    do {                             \
        reasons[count] = (why);      \
        cases[count] = good;         \
        cases[count++].change;       \
    } while (0)
    CASE("renewal.form", type = OID_DATA);
    CASE("renewal.form", content_type = "1.3.6.1.5.5.7.12.2"); /* a full CMC request */
    CASE("renewal.form", version = 2);
    CASE("renewal.form", signer_version = 3); /* a key identifier belongs to it */
    CASE("renewal.form", by_key_id = true);
    CASE("renewal.form", signers = 0);
    CASE("renewal.form", signers = 2);
    CASE("renewal.form", certificates = CMS_CERTIFICATES_MAX + 1);
    CASE("renewal.form", digests = CMS_DIGESTS_MAX + 1);
    CASE("renewal.form", detached = true);
    CASE("renewal.form", parts = true);
    CASE("renewal.form", empty = true);
    CASE("renewal.form", crls = true);
    CASE("renewal.form", no_digest_attribute = true);
    CASE("renewal.form", two_values = true);
    CASE("renewal.form", two_digests = true);
    CASE("renewal.form", other_type = true);
    CASE("renewal.form", no_signature = true);
    CASE("renewal.form", trailing = true);
    CASE("renewal.digest", digest = OID_SHA1);
#undef CASE
    for (size_t i = 0; i < count; i++) {
        struct error error = ERROR_NONE;
        if (read_recipe(&cases[i], &error) != BAD_DATA || strcmp(error.reason, reasons[i]) != 0)
            fail_msg("case %zu: \"%s\", expected %s: %s", i, error.reason, reasons[i], error.message);
    }
}

static void what_is_in_order_is_read(void **state)
{
    const struct recipe key_id = {.type = OID_SIGNED_DATA, .content_type = OID_DATA, .digest = OID_SHA256, .version = 3, .signer_version = 3,
                                  .by_key_id = true, .signers = 1, .digests = CMS_DIGESTS_MAX, .certificates = CMS_CERTIFICATES_MAX};
    struct recipe plain = good, countersigned = good;
    const struct recipe *const recipes[] = {&good, &key_id, &plain, &countersigned};

    plain.no_attributes = true;
    countersigned.unsigned_attributes = true;
    for (size_t i = 0; i < sizeof recipes / sizeof recipes[0]; i++) {
        struct error error = ERROR_NONE;
        if (read_recipe(recipes[i], &error) != OK)
            fail_msg("recipe %zu: %s", i, error.message);
    }
}

/* Cut anywhere it is refused, with a reason; and what is something else is told apart. */
static void cut_and_other_things(void **state)
{
    struct buf der = BUF_EMPTY;
    struct cms cms;

    seed("openssl-rsa-keyid.der", &der);
    for (size_t size = 0; size < der.size; size++) {
        struct error error = ERROR_NONE;
        assert_int_equal(cms_read(bytes_of(der.data, size), &cms, &error), BAD_DATA);
        assert_string_equal(error.reason, "renewal.form");
    }
    assert_false(cms_is_signed(bytes_of("", 0)));
    assert_false(cms_is_signed(bytes_of("0", 1)));
    assert_false(cms_is_signed(bytes_of("\x30\x03\x06\x01\x2a", 5)));
    assert_true(cms_is_signed(bytes_of("\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", 13))); /* BER: refused in words of its own */
    buf_free(&der);
    uint8_t *huge = calloc(1, CMS_SIZE_MAX + 1);
    struct error error = ERROR_NONE;
    assert_non_null(huge);
    assert_int_equal(cms_read(bytes_of(huge, CMS_SIZE_MAX + 1), &cms, &error), BAD_DATA);
    assert_string_equal(error.reason, "renewal.size");
    free(huge);
}

/* ---- the attribute of a PKCS#10 ---- */

static void add_renewal_attribute(struct buf *out, unsigned values)
{
    size_t mark = der_open(out, DER_SEQUENCE), set;

    der_add_oid(out, DER_OID, OID_RENEWAL);
    set = der_open(out, DER_SET);
    for (unsigned i = 0; i < values; i++)
        der_add(out, DER_SEQUENCE, bytes_of("\x02\x01\x07", 3));
    der_close(out, set);
    der_close(out, mark);
}

static int renewed_by(unsigned attributes, unsigned values, struct bytes *certificate, struct buf *der)
{
    size_t whole = der_open(der, DER_SEQUENCE), info = der_open(der, DER_SEQUENCE), list;
    struct error error = ERROR_NONE;

    der_add_number(der, DER_INTEGER, 0);
    der_add(der, DER_SEQUENCE, bytes_of(NULL, 0));
    der_add(der, DER_SEQUENCE, bytes_of(NULL, 0));
    list = der_open(der, DER_CONTEXT_OPEN(0));
    add_attribute(der, OID_CONTENT_TYPE, OID_DATA, 1); /* one that says nothing here */
    for (unsigned i = 0; i < attributes; i++)
        add_renewal_attribute(der, values);
    der_close(der, list);
    der_close(der, info);
    der_close(der, whole);
    return pkcs10_renewed_certificate(buf_bytes(der), certificate, &error);
}

static void a_request_names_one_certificate(void **state)
{
    static const struct {
        unsigned attributes, values;
        int status;
        size_t size;
    } cases[] = {{0, 0, OK, 0}, {1, 1, OK, 5}, {1, 0, BAD_DATA, 0}, {1, 2, BAD_DATA, 0}, {2, 1, BAD_DATA, 0}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf der = BUF_EMPTY;
        struct bytes certificate;
        int status = renewed_by(cases[i].attributes, cases[i].values, &certificate, &der);
        if (status != cases[i].status || (status == OK && certificate.size != cases[i].size))
            fail_msg("case %zu: %d with %zu octets", i, status, certificate.size);
        buf_free(&der);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_others_write_is_read_and_verified),
        cmocka_unit_test(every_changed_octet_is_noticed),
        cmocka_unit_test(what_says_more_than_one_thing_is_refused),
        cmocka_unit_test(what_is_in_order_is_read),
        cmocka_unit_test(cut_and_other_things),
        cmocka_unit_test(a_request_names_one_certificate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
