/* Chains: complete, with links missing or in the wrong store, expired, circular, too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/base/clock.h"
#include "ca/base/oid.h"
#include "ca/x509/chain.h"
#include "tests/unit/x509_fixture.h"

struct house {
    struct test_ca root;
    struct test_ca sub;  /* key and der only used; issuer made from its certificate */
    struct test_key key;
    struct buf leaf;
};

static void make_sub(const struct test_ca *issuer, struct test_ca *sub, const char *subject, int path_length)
{
    struct properties properties = {.ca = true, .path_length = path_length, .key_usage = KEY_USAGE_CERT_SIGN | KEY_USAGE_CRL_SIGN};
    struct buf tbs = BUF_EMPTY;

    memset(sub, 0, sizeof(*sub));
    test_key_make(&sub->key, "ecdsa-p256");
    properties.subject = strdup(subject);
    test_issue(issuer, &sub->key, &properties, &tbs, &sub->der);
    assert_int_equal(issuer_from_certificate(buf_bytes(&sub->der), &sub->issuer, NULL), OK);
    buf_free(&tbs);
    properties_free(&properties);
}

static void make_leaf(const struct test_ca *issuer, const struct test_key *key, struct buf *der)
{
    struct properties properties;
    struct buf tbs = BUF_EMPTY;

    test_web_properties(&properties);
    test_issue(issuer, key, &properties, &tbs, der);
    buf_free(&tbs);
    properties_free(&properties);
}

static void house_open(struct house *house)
{
    memset(house, 0, sizeof(*house));
    test_ca_make(&house->root, "CN=Root,O=Example", "ecdsa-p256");
    make_sub(&house->root, &house->sub, "CN=Issuing CA,O=Example", 0);
    test_key_make(&house->key, "ecdsa-p256");
    make_leaf(&house->sub, &house->key, &house->leaf);
}

static void house_close(struct house *house)
{
    test_ca_free(&house->root);
    test_ca_free(&house->sub);
    test_key_free(&house->key);
    buf_free(&house->leaf);
}

static void a_complete_chain_is_said_link_by_link(void **state)
{
    struct chain_anchor anchors[2];
    struct house house;
    struct chain chain;

    house_open(&house);
    anchors[0] = (struct chain_anchor){buf_bytes(&house.root.der), true};
    anchors[1] = (struct chain_anchor){buf_bytes(&house.sub.der), false};
    assert_int_equal(chain_build(buf_bytes(&house.leaf), anchors, 2, &chain, NULL), OK);
    assert_string_equal(chain.problem, "");
    assert_true(chain.complete);
    assert_int_equal(chain.count, 2);
    assert_string_equal(chain.links[0].subject, "CN=Issuing CA,O=Example");
    assert_int_equal(chain.links[0].state, LINK_PRESENT);
    assert_int_equal(chain.links[0].wanted, STORE_INTERMEDIATE);
    assert_int_equal(chain.links[0].anchor, 1);
    assert_string_equal(chain.links[1].subject, "CN=Root,O=Example");
    assert_int_equal(chain.links[1].wanted, STORE_ROOT);
    chain_free(&chain);
    /* the root itself, as a leaf */
    assert_int_equal(chain_build(buf_bytes(&house.root.der), anchors, 2, &chain, NULL), OK);
    assert_true(chain.complete);
    assert_int_equal(chain.count, 1);
    chain_free(&chain);
    assert_int_equal(chain_build(buf_bytes(&house.root.der), anchors + 1, 1, &chain, NULL), OK);
    assert_false(chain.complete);
    chain_free(&chain);
    house_close(&house);
}

static void missing_links_are_named(void **state)
{
    struct chain_anchor anchors[1];
    struct house house;
    struct chain chain;

    house_open(&house);
    assert_int_equal(chain_build(buf_bytes(&house.leaf), NULL, 0, &chain, NULL), OK);
    assert_false(chain.complete);
    assert_int_equal(chain.count, 1);
    assert_int_equal(chain.links[0].state, LINK_MISSING);
    assert_string_equal(chain.links[0].subject, "CN=Issuing CA,O=Example");
    chain_free(&chain);
    anchors[0] = (struct chain_anchor){buf_bytes(&house.sub.der), false};
    assert_int_equal(chain_build(buf_bytes(&house.leaf), anchors, 1, &chain, NULL), OK);
    assert_false(chain.complete);
    assert_int_equal(chain.count, 2);
    assert_int_equal(chain.links[0].state, LINK_PRESENT);
    assert_int_equal(chain.links[1].state, LINK_MISSING);
    assert_string_equal(chain.links[1].subject, "CN=Root,O=Example");
    assert_non_null(strstr(chain.problem, "CN=Root,O=Example"));
    chain_free(&chain);
    house_close(&house);
}

static void links_in_the_wrong_store_are_said(void **state)
{
    struct chain_anchor anchors[2];
    struct house house;
    struct chain chain;

    house_open(&house);
    anchors[0] = (struct chain_anchor){buf_bytes(&house.root.der), false};
    anchors[1] = (struct chain_anchor){buf_bytes(&house.sub.der), true};
    assert_int_equal(chain_build(buf_bytes(&house.leaf), anchors, 2, &chain, NULL), OK);
    assert_false(chain.complete);
    assert_int_equal(chain.links[0].state, LINK_WRONG_STORE);
    assert_int_equal(chain.links[1].state, LINK_WRONG_STORE);
    chain_free(&chain);
    house_close(&house);
}

static void expired_links_break_the_chain(void **state)
{
    struct chain_anchor anchors[2];
    struct house house;
    struct chain chain;

    house_open(&house);
    anchors[0] = (struct chain_anchor){buf_bytes(&house.root.der), true};
    anchors[1] = (struct chain_anchor){buf_bytes(&house.sub.der), false};
    assert_int_equal(chain_build_at(buf_bytes(&house.leaf), anchors, 2, clock_now() + 2 * INT64_C(31536000), &chain, NULL), OK);
    assert_false(chain.complete);
    assert_true(chain.links[0].expired);
    assert_false(chain.links[1].expired);
    chain_free(&chain);
    assert_int_equal(chain_build_at(buf_bytes(&house.leaf), anchors, 2, clock_now() - 86400, &chain, NULL), OK);
    assert_false(chain.complete);
    assert_true(chain.links[0].not_yet_valid);
    chain_free(&chain);
    house_close(&house);
}

/* A CA of the same name but another key is not the issuer. */
static void a_namesake_is_not_the_issuer(void **state)
{
    struct chain_anchor anchors[3];
    struct test_ca namesake;
    struct house house;
    struct chain chain;

    house_open(&house);
    test_ca_make(&namesake, "CN=Issuing CA,O=Example", "ecdsa-p256");
    anchors[0] = (struct chain_anchor){buf_bytes(&namesake.der), true};
    anchors[1] = (struct chain_anchor){buf_bytes(&house.root.der), true};
    anchors[2] = (struct chain_anchor){bytes_of_text("no certificate"), true};
    assert_int_equal(chain_build(buf_bytes(&house.leaf), anchors, 3, &chain, NULL), OK);
    assert_false(chain.complete);
    assert_int_equal(chain.count, 1);
    assert_int_equal(chain.links[0].state, LINK_MISSING);
    chain_free(&chain);
    assert_int_equal(chain_build(bytes_of_text("no certificate"), anchors, 3, &chain, NULL), BAD_DATA);
    test_ca_free(&namesake);
    house_close(&house);
}

static void long_chains_and_path_lengths_are_bounded(void **state)
{
    struct chain_anchor anchors[CHAIN_MAX + 2];
    struct test_ca cas[CHAIN_MAX + 2];
    struct test_key key;
    struct buf leaf = BUF_EMPTY;
    struct chain chain;
    char subject[32];

    test_ca_make(&cas[0], "CN=CA 0", "ecdsa-p256");
    for (int i = 1; i < CHAIN_MAX + 2; i++) {
        snprintf(subject, sizeof(subject), "CN=CA %d", i);
        make_sub(&cas[i - 1], &cas[i], subject, i == 1 ? 2 : -1);
    }
    for (int i = 0; i < CHAIN_MAX + 2; i++)
        anchors[i] = (struct chain_anchor){buf_bytes(&cas[i].der), i == 0};
    test_key_make(&key, "ecdsa-p256");
    make_leaf(&cas[3], &key, &leaf);
    assert_int_equal(chain_build(buf_bytes(&leaf), anchors, CHAIN_MAX + 2, &chain, NULL), OK);
    assert_true(chain.complete); /* two CAs under the first intermediate */
    chain_free(&chain);
    buf_clear(&leaf);
    make_leaf(&cas[4], &key, &leaf);
    assert_int_equal(chain_build(buf_bytes(&leaf), anchors, CHAIN_MAX + 2, &chain, NULL), OK);
    assert_false(chain.complete);
    assert_non_null(strstr(chain.problem, "path length"));
    chain_free(&chain);
    buf_clear(&leaf);
    make_leaf(&cas[CHAIN_MAX + 1], &key, &leaf);
    assert_int_equal(chain_build(buf_bytes(&leaf), anchors, CHAIN_MAX + 2, &chain, NULL), OK);
    assert_false(chain.complete);
    assert_int_equal(chain.count, CHAIN_MAX);
    chain_free(&chain);
    buf_free(&leaf);
    test_key_free(&key);
    for (int i = 0; i < CHAIN_MAX + 2; i++)
        test_ca_free(&cas[i]);
}

/* Two CAs that certify each other: no self-signed end. */
static void circles_end(void **state)
{
    struct properties properties = {.ca = true, .path_length = -1, .key_usage = KEY_USAGE_CERT_SIGN};
    struct chain_anchor anchors[2];
    struct buf tbs = BUF_EMPTY, first = BUF_EMPTY, second = BUF_EMPTY, leaf = BUF_EMPTY;
    struct test_ca a, b;
    struct test_key key;
    struct chain chain;

    test_ca_make(&a, "CN=A", "ecdsa-p256");
    test_ca_make(&b, "CN=B", "ecdsa-p256");
    properties.subject = strdup("CN=B");
    test_issue(&a, &b.key, &properties, &tbs, &first);
    buf_clear(&tbs);
    properties.subject[3] = 'A';
    test_issue(&b, &a.key, &properties, &tbs, &second);
    test_key_make(&key, "ecdsa-p256");
    make_leaf(&a, &key, &leaf);
    anchors[0] = (struct chain_anchor){buf_bytes(&first), false};
    anchors[1] = (struct chain_anchor){buf_bytes(&second), false};
    assert_int_equal(chain_build(buf_bytes(&leaf), anchors, 2, &chain, NULL), OK);
    assert_false(chain.complete);
    assert_int_equal(chain.count, 2);
    assert_non_null(strstr(chain.problem, "circle"));
    chain_free(&chain);
    buf_free(&tbs);
    buf_free(&first);
    buf_free(&second);
    buf_free(&leaf);
    properties_free(&properties);
    test_key_free(&key);
    test_ca_free(&a);
    test_ca_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_complete_chain_is_said_link_by_link),    cmocka_unit_test(missing_links_are_named),
        cmocka_unit_test(links_in_the_wrong_store_are_said),        cmocka_unit_test(expired_links_break_the_chain),
        cmocka_unit_test(a_namesake_is_not_the_issuer),             cmocka_unit_test(long_chains_and_path_lengths_are_bounded),
        cmocka_unit_test(circles_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
