/* CRLs: written, walked, read by openssl, and what is refused. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "tests/unit/x509_fixture.h"

#define NOW INT64_C(1800000000)

static void make_entry(struct crl_entry *entry, uint64_t number)
{
    memset(entry, 0, sizeof(*entry));
    entry->serial.size = 16;
    entry->serial.octets[0] = 0x40;
    put_u64(entry->serial.octets + 8, number);
    entry->revoked_at = NOW - 1000 - (int64_t)(number % 100000);
    entry->reason = number % 3 == 0 ? 1 : 0;
    entry->invalid_since = number % 5 == 0 ? NOW - 200000 : 0;
}

static struct bytes map_fd(int fd, size_t size)
{
    void *at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

    assert_ptr_not_equal(at, MAP_FAILED);
    return bytes_of(at, size);
}

static void write_crl(const struct test_ca *ca, const struct crl_form *form, uint64_t count, int *tbs_fd, size_t *tbs_size)
{
    struct error error = ERROR_NONE;
    struct crl_writer *writer;
    struct crl_entry entry;
    uint64_t entries;

    assert_int_equal(crl_writer_open(&ca->issuer, form, &writer, &error), OK);
    for (uint64_t i = 0; i < count; i++) {
        make_entry(&entry, i);
        assert_int_equal(crl_writer_add(writer, &entry), OK);
    }
    if (crl_writer_finish(writer, tbs_fd, tbs_size, &entries, &error) != OK)
        fail_msg("%s", error.message);
    assert_int_equal(entries, count);
}

/* Writes, walks, lints, signs, and has openssl read and verify it. */
static void round_trip(const struct crl_form *form, uint64_t count, const char *expected)
{
    struct buf signature = BUF_EMPTY, out = BUF_EMPTY, root = BUF_EMPTY;
    struct error error = ERROR_NONE;
    struct crl_facts facts;
    struct lint_limits limits;
    struct test_ca ca;
    struct bytes tbs, crl;
    size_t tbs_size, size;
    int tbs_fd, fd;

    test_ca_make(&ca, "CN=Example Root", "ecdsa-p256");
    test_limits(&ca, NULL, NULL, &limits);
    write_crl(&ca, form, count, &tbs_fd, &tbs_size);
    assert_int_equal(fcntl(tbs_fd, F_GET_SEALS), F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    tbs = map_fd(tbs_fd, tbs_size);
    if (lint_crl(tbs, &limits, &facts, &error) != OK)
        fail_msg("%s", error.message);
    assert_int_equal(facts.entries, count);
    assert_true(facts.has_number);
    assert_int_equal(facts.number, form->number);
    assert_int_equal(facts.delta_base, form->delta_base);
    assert_true(facts.this_update == form->this_update && facts.next_update == form->next_update);
    test_key_sign(&ca.key, tbs, &signature);
    assert_int_equal(crl_assemble(tbs_fd, tbs_size, buf_bytes(&ca.key.algorithm), buf_bytes(&signature), &fd, &size, &error), OK);
    crl = map_fd(fd, size);
    assert_int_equal(crl_walk(crl, &facts, NULL, &error), OK);
    pem_encode(&root, "CERTIFICATE", buf_bytes(&ca.der));
    if (test_run(&out, (const char *[]){"openssl", "crl", "-inform", "DER", "-in", test_file("crl.der", crl), "-CAfile",
                                       test_file("root.pem", buf_bytes(&root)), "-noout", count > 1000 ? "-crlnumber" : "-text", NULL}) != 0 ||
        strstr(buf_text(&out), "verify OK") == NULL || strstr(buf_text(&out), expected) == NULL)
        fail_msg("openssl: %s", buf_text(&out));
    munmap((void *)tbs.data, tbs_size);
    munmap((void *)crl.data, size);
    close(tbs_fd);
    close(fd);
    buf_free(&signature);
    buf_free(&out);
    buf_free(&root);
    test_ca_free(&ca);
}

static void openssl_reads_an_empty_list(void **state)
{
    struct crl_form form = {.number = 1, .this_update = NOW, .next_update = NOW + 604800};

    round_trip(&form, 0, "No Revoked Certificates");
}

static void openssl_reads_a_short_list(void **state)
{
    struct crl_form form = {.number = UINT64_C(0xfedcba9876543210), .this_update = NOW, .next_update = INT64_C(2600000000)};

    strings_add(&form.freshest_urls, "http://pki.example.com/EXAMPLE-CA+.crl");
    round_trip(&form, 7, "Key Compromise");
    strings_free(&form.freshest_urls);
}

static void openssl_reads_a_partition_and_a_delta(void **state)
{
    struct crl_form form = {.number = 20, .this_update = NOW, .next_update = NOW + 86400, .delta_base = 17,
                            .partition_url = "http://pki.example.com/EXAMPLE-CA-3.crl"};

    round_trip(&form, 5, "EXAMPLE-CA-3.crl");
    round_trip(&form, 5, "X509v3 Delta CRL Indicator: critical");
}

static void a_hundred_thousand_entries_take_no_time(void **state)
{
    struct crl_form form = {.number = 300, .this_update = NOW, .next_update = NOW + 86400};
    struct test_ca ca;
    struct crl_facts facts;
    struct bytes tbs;
    size_t size;
    int64_t start;
    int fd;

    test_ca_make(&ca, "CN=Example Root", "ecdsa-p256");
    start = clock_monotonic_ms();
    write_crl(&ca, &form, 100000, &fd, &size);
    tbs = map_fd(fd, size);
    assert_int_equal(crl_tbs_walk(tbs, &facts, NULL), OK);
    print_message("100,000 entries written and walked in %d ms\n", (int)(clock_monotonic_ms() - start));
    assert_true(clock_monotonic_ms() - start < 2000);
    munmap((void *)tbs.data, size);
    close(fd);
    test_ca_free(&ca);
    round_trip(&form, 100000, "crlNumber=0x012C");
}

static int count_each(const struct crl_entry *entry, void *argument)
{
    struct crl_entry wanted;
    uint64_t *count = argument;

    make_entry(&wanted, (*count)++);
    assert_memory_equal(entry->serial.octets, wanted.serial.octets, 16);
    assert_int_equal(entry->reason, wanted.reason);
    assert_true(entry->revoked_at == wanted.revoked_at && entry->invalid_since == wanted.invalid_since);
    return *count == 40 ? REFUSED : OK;
}

static void each_entry_is_handed_out_until_one_says_no(void **state)
{
    struct crl_form form = {.number = 3, .this_update = NOW, .next_update = NOW + 86400};
    uint64_t count = 0;
    struct test_ca ca;
    struct bytes tbs;
    size_t size;
    int fd;

    test_ca_make(&ca, "CN=Example Root", "ecdsa-p256");
    write_crl(&ca, &form, 50, &fd, &size);
    tbs = map_fd(fd, size);
    assert_int_equal(crl_tbs_each(tbs, count_each, &count), REFUSED);
    assert_int_equal(count, 40);
    munmap((void *)tbs.data, size);
    close(fd);
    test_ca_free(&ca);
}

static void entry_is_refused(const struct crl_form *form, int reason, uint8_t serial_size)
{
    struct crl_entry entry = {.reason = reason, .revoked_at = NOW};
    struct error error = ERROR_NONE;
    struct crl_writer *writer;
    struct test_ca ca;
    uint64_t entries;
    size_t size;
    int fd;

    test_ca_make(&ca, "CN=Example Root", "ecdsa-p256");
    entry.serial.size = serial_size;
    entry.serial.octets[0] = 1;
    assert_int_equal(crl_writer_open(&ca.issuer, form, &writer, &error), OK);
    assert_int_equal(crl_writer_add(writer, &entry), BAD_DATA);
    entry.reason = 1;
    entry.serial.size = 1;
    assert_int_equal(crl_writer_add(writer, &entry), BAD_DATA); /* sticky */
    assert_int_equal(crl_writer_finish(writer, &fd, &size, &entries, &error), BAD_DATA);
    assert_string_equal(error.reason, "crl.entry");
    assert_int_equal(fd, -1);
    test_ca_free(&ca);
}

static void entries_that_may_not_be_are_refused(void **state)
{
    struct crl_form complete = {.number = 3, .this_update = NOW, .next_update = NOW + 86400};
    struct crl_form late = {.number = 3, .this_update = NOW, .next_update = NOW};
    struct error error = ERROR_NONE;
    struct crl_writer *writer;
    struct test_ca ca;

    entry_is_refused(&complete, 7, 1);
    entry_is_refused(&complete, 8, 1); /* only in deltas */
    entry_is_refused(&complete, 11, 1);
    entry_is_refused(&complete, 1, 0);
    test_ca_make(&ca, "CN=Example Root", "ecdsa-p256");
    assert_int_equal(crl_writer_open(&ca.issuer, &late, &writer, &error), BAD_DATA);
    assert_string_equal(error.reason, "crl.time");
    test_ca_free(&ca);
}

/* Every octet of a small CRL changed and cut: the walker must not fall over, and lint must refuse the changes that matter. */
static void changed_lists_are_refused_or_understood(void **state)
{
    struct crl_form form = {.number = 3, .this_update = NOW, .next_update = NOW + 86400};
    struct crl_facts facts;
    struct lint_limits limits;
    struct test_ca ca;
    struct bytes tbs;
    uint8_t *copy;
    size_t size;
    int fd;

    test_ca_make(&ca, "CN=Example Root", "ecdsa-p256");
    test_limits(&ca, NULL, NULL, &limits);
    write_crl(&ca, &form, 4, &fd, &size);
    tbs = map_fd(fd, size);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(crl_tbs_walk(bytes_of(tbs.data, cut), &facts, NULL), BAD_DATA);
    copy = malloc(size);
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            memcpy(copy, tbs.data, size);
            copy[i] ^= (uint8_t)(1 << bit);
            crl_tbs_walk(bytes_of(copy, size), &facts, NULL);
        }
    free(copy);
    limits.issuer_name = limits.algorithm;
    assert_int_equal(lint_crl(tbs, &limits, &facts, NULL), REFUSED);
    test_limits(&ca, NULL, NULL, &limits);
    limits.key_id[3] ^= 1;
    assert_int_equal(lint_crl(tbs, &limits, &facts, NULL), REFUSED);
    munmap((void *)tbs.data, size);
    close(fd);
    test_ca_free(&ca);
}

static int clean(void **state)
{
    test_files_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_reads_an_empty_list),
        cmocka_unit_test(openssl_reads_a_short_list),
        cmocka_unit_test(openssl_reads_a_partition_and_a_delta),
        cmocka_unit_test(a_hundred_thousand_entries_take_no_time),
        cmocka_unit_test(each_entry_is_handed_out_until_one_says_no),
        cmocka_unit_test(entries_that_may_not_be_are_refused),
        cmocka_unit_test(changed_lists_are_refused_or_understood),
    };

    return cmocka_run_group_tests(tests, NULL, clean);
}
