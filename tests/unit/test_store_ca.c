/* The CA's own certificates in the database: an index after the other, the first as a CA of before kept it, none twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/store_fixture.h"

struct state {
    char *folder;
    struct store *store;
};

static int setup(void **in)
{
    struct state *state = calloc(1, sizeof *state);
    state->folder = fixture_folder();
    state->store = fixture_open(state->folder, true);
    *in = state;
    return 0;
}

static int teardown(void **in)
{
    struct state *state = *in;
    store_close(state->store);
    fixture_remove(state->folder);
    free(state);
    return 0;
}

struct adding {
    unsigned index, key_index;
    const char *der, *chain;
    int repeats; /* in the same closure */
};

static int adding_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct adding *adding = argument;
    struct ca_certificate certificate = {.index = adding->index, .key_index = adding->key_index, .at = 77};
    int status = OK;
    buf_add_text(&certificate.der, adding->der);
    buf_add_text(&certificate.chain, adding->chain);
    for (int i = 0; i <= adding->repeats && !status; i++)
        status = ca_certificates_add(txn, &certificate, error);
    ca_certificate_free(&certificate);
    return status;
}

static int add(struct store *store, struct adding adding, struct error *error)
{
    error_clear(error);
    return store_write(store, adding_store, &adding, error);
}

static void assert_there(struct store *store, unsigned index, unsigned key_index, const char *der, const char *chain)
{
    struct ca_certificate certificate;
    struct error error = ERROR_NONE;
    if (ca_certificates_get(store, index, &certificate, &error))
        fail_msg("certificate %u: %s: %s", index, error.reason, error.message);
    assert_int_equal(certificate.index, index);
    assert_int_equal(certificate.key_index, key_index);
    assert_string_equal(buf_text(&certificate.der), der);
    assert_string_equal(buf_text(&certificate.chain), chain);
    ca_certificate_free(&certificate);
}

static int first_of_before(struct store_txn *txn, void *argument, struct error *error)
{
    (void)argument;
    (void)error;
    setting_put(txn, "ca.certificate", bytes_of_text("DER of before"));
    return setting_put(txn, "ca.chain", bytes_of_text("PEM of before"));
}

static int count_store(struct store_txn *txn, void *argument, struct error *error)
{
    (void)error;
    *(unsigned *)argument = ca_certificates_count_txn(txn);
    return OK;
}

static unsigned count(struct store *store)
{
    struct error error = ERROR_NONE;
    unsigned counted = 99;
    assert_int_equal(store_write(store, count_store, &counted, &error), OK);
    return counted;
}

static void one_after_the_other(void **in)
{
    struct store *store = ((struct state *)*in)->store;
    struct error error = ERROR_NONE;
    struct ca_certificate none;
    assert_int_equal(count(store), 0);
    assert_int_equal(ca_certificates_get(store, 0, &none, &error), REFUSED);
    assert_int_equal(add(store, (struct adding){1, 0, "too early", "", 0}, &error), REFUSED);
    assert_string_equal(error.reason, "ca.index");
    assert_int_equal(add(store, (struct adding){0, 0, "zero", "", 0}, &error), OK);
    assert_int_equal(add(store, (struct adding){1, 0, "one", "parents", 0}, &error), OK);
    assert_int_equal(add(store, (struct adding){2, 1, "two", "", 0}, &error), OK);
    assert_int_equal(count(store), 3);
    assert_there(store, 0, 0, "zero", "");
    assert_there(store, 1, 0, "one", "parents");
    assert_there(store, 2, 1, "two", "");
    /* Nothing is replaced, and of two in one moment the second is refused with all that it wrote. */
    assert_int_equal(add(store, (struct adding){1, 1, "other", "", 0}, &error), REFUSED);
    assert_int_equal(add(store, (struct adding){3, 1, "twice", "", 1}, &error), REFUSED);
    assert_int_equal(count(store), 3);
    assert_there(store, 1, 0, "one", "parents");
    error_clear(&error);
    assert_int_equal(ca_certificates_get(store, 3, &none, &error), REFUSED);
}

static void after_a_database_of_before(void **in)
{
    struct store *store = ((struct state *)*in)->store;
    struct error error = ERROR_NONE;
    assert_int_equal(store_write(store, first_of_before, NULL, &error), OK);
    assert_there(store, 0, 0, "DER of before", "PEM of before");
    assert_int_equal(add(store, (struct adding){1, 1, "one", "", 0}, &error), OK);
    assert_there(store, 0, 0, "DER of before", "PEM of before");
    assert_there(store, 1, 1, "one", "");
}

static void not_without_end(void **in)
{
    struct store *store = ((struct state *)*in)->store;
    struct error error = ERROR_NONE;
    for (unsigned i = 0; i < CA_CERTIFICATES_MAX; i++)
        assert_int_equal(add(store, (struct adding){i, 0, "x", "", 0}, &error), OK);
    assert_int_equal(add(store, (struct adding){CA_CERTIFICATES_MAX, 0, "x", "", 0}, &error), REFUSED);
    assert_string_equal(error.reason, "ca.certificates");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_after_the_other, setup, teardown),
        cmocka_unit_test_setup_teardown(after_a_database_of_before, setup, teardown),
        cmocka_unit_test_setup_teardown(not_without_end, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
