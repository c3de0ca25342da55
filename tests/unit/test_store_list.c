/* Lists: every order with every filter over some hundred rows, paged, compared with what a plain sort of the same
 * values gives: no row twice, none left out, the order kept. Also the exact look-ups of certificates and requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "tests/unit/store_fixture.h"

#define ROWS 1100
static const enum disposition dispositions[] = {DISPOSITION_ISSUED, DISPOSITION_PENDING, DISPOSITION_DENIED, DISPOSITION_FAILED,
                                                DISPOSITION_REVOKED};

static enum disposition disposition_of(uint64_t id)
{
    return dispositions[id * 2654435761u / 7 % 5];
}

struct state {
    char *folder;
    struct store *store;
};

static int put_many(struct store_txn *txn, void *argument, struct error *error)
{
    uint64_t first = *(uint64_t *)argument;

    for (uint64_t id = first; id < first + 100; id++) {
        struct request request;

        fixture_request(id, disposition_of(id), &request);
        fixture_put(txn, &request, error);
        request_free(&request);
    }
    return store_txn_failed(txn);
}

static int setup(void **out)
{
    struct state *state = calloc(1, sizeof *state);
    struct error error = ERROR_NONE;

    state->folder = fixture_folder();
    state->store = fixture_open(state->folder, true);
    for (uint64_t first = 1; first <= ROWS; first += 100)
        if (store_write(state->store, put_many, &first, &error) != OK)
            return -1;
    *out = state;
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

static bool issued(uint64_t id)
{
    return disposition_of(id) == DISPOSITION_ISSUED || disposition_of(id) == DISPOSITION_REVOKED;
}

static bool wanted_disposition(int wanted, enum disposition is)
{
    return wanted == 0 || wanted == (int)is || (wanted == LIST_FAILED_OR_DENIED && (is == DISPOSITION_FAILED || is == DISPOSITION_DENIED));
}

static bool wanted(const struct list_query *query, uint64_t id)
{
    struct request request;
    struct certificate certificate;
    char host[64], alias[64];
    size_t size = query->name == NULL ? 0 : strcspn(query->name, "*");
    bool prefix = query->name != NULL && query->name[size] == '*', fits;

    fixture_request(id, disposition_of(id), &request);
    fixture_certificate(id, &certificate);
    snprintf(host, sizeof host, "host%llu.example.com", (unsigned long long)id);
    snprintf(alias, sizeof alias, "alias%llu.example.com", (unsigned long long)id);
    fits = (query->order != LIST_BY_NOT_AFTER || issued(id)) && wanted_disposition(query->disposition, request.disposition) &&
           (query->template_name == NULL || strcasecmp(query->template_name, request.template_name) == 0) &&
           (query->requester == NULL || strcmp(query->requester, request.requester) == 0) &&
           (query->since == 0 || request.submitted_at >= query->since) && (query->until == 0 || request.submitted_at < query->until) &&
           (query->expiring_before == 0 || (request.disposition == DISPOSITION_ISSUED && certificate.not_after < query->expiring_before)) &&
           (query->name == NULL || (prefix ? strncmp(host, query->name, size) == 0 || strncmp(alias, query->name, size) == 0
                                           : strcmp(host, query->name) == 0 || strcmp(alias, query->name) == 0));
    request_free(&request);
    certificate_record_free(&certificate);
    return fits;
}

static size_t count_wanted(const struct list_query *query)
{
    size_t count = 0;

    for (uint64_t id = 1; id <= ROWS; id++)
        count += wanted(query, id);
    return count;
}

/* <0, 0, >0 by the column alone. */
static int column_order(enum list_order order, const struct list_row *a, const struct list_row *b)
{
    switch (order) {
    case LIST_BY_ID:
        return a->id < b->id ? -1 : a->id > b->id;
    case LIST_BY_NOT_AFTER:
        return a->not_after < b->not_after ? -1 : a->not_after > b->not_after;
    case LIST_BY_REQUESTER:
        return strcmp(a->requester, b->requester);
    case LIST_BY_TEMPLATE:
        return strcasecmp(a->template_name, b->template_name);
    default:
        return strcasecmp(a->first_name, b->first_name);
    }
}

static void check_row(const struct list_row *row)
{
    struct certificate certificate;
    char text[64];

    fixture_certificate(row->id, &certificate);
    snprintf(text, sizeof text, "row %llu", (unsigned long long)row->id);
    assert_string_equal(row->message, text);
    assert_int_equal(row->disposition, disposition_of(row->id));
    assert_int_equal(row->not_after, issued(row->id) ? certificate.not_after : 0);
    if (issued(row->id))
        assert_memory_equal(row->sha256, certificate.sha256, 32);
    assert_int_equal(row->revocation_reason, disposition_of(row->id) == DISPOSITION_REVOKED ? 1 : -1);
    certificate_record_free(&certificate);
}

static void walk(struct store *store, struct list_query query, const char *what)
{
    static struct list_row rows[1000], last;
    bool seen[ROWS + 1] = {false}, more = true;
    size_t total = 0, expected = count_wanted(&query), count;
    struct error error = ERROR_NONE;

    query.after = 0;
    while (more) {
        if (list_page(store, &query, rows, &count, &more, &error) != OK)
            fail_msg("%s: %s", what, error.message);
        if (more && count != query.limit)
            fail_msg("%s: a page of %zu rows of %zu, and more to come", what, count, query.limit);
        for (size_t i = 0; i < count; i++) {
            struct list_row *before = i > 0 ? &rows[i - 1] : total > 0 ? &last : NULL;
            int side = before == NULL ? 0 : column_order(query.order, before, &rows[i]);

            if (rows[i].id < 1 || rows[i].id > ROWS || seen[rows[i].id] || !wanted(&query, rows[i].id))
                fail_msg("%s: row %llu is wrong or comes twice", what, (unsigned long long)rows[i].id);
            if (query.descending ? side < 0 : side > 0)
                fail_msg("%s: row %llu is out of order", what, (unsigned long long)rows[i].id);
            check_row(&rows[i]);
            seen[rows[i].id] = true;
        }
        if (count > 0) {
            if (total > 0)
                list_rows_free(&last, 1);
            last = rows[count - 1];
            query.after = last.id;
            list_rows_free(rows, count - 1);
        }
        total += count;
        if (total > expected)
            break;
    }
    if (total > 0)
        list_rows_free(&last, 1);
    if (total != expected)
        fail_msg("%s: %zu rows, not %zu", what, total, expected);
}

static const struct list_query filters[] = {
    {.disposition = 0},
    {.disposition = DISPOSITION_PENDING},
    {.disposition = LIST_FAILED_OR_DENIED},
    {.template_name = "webserver"},
    {.requester = "user3"},
    {.requester = "user3", .template_name = "User", .disposition = DISPOSITION_ISSUED},
    {.requester = "nobody"},
    {.name = "host77.example.com"},
    {.name = "host7*"},
    {.name = "alias1*", .disposition = DISPOSITION_DENIED},
    {.name = "host"},
    {.since = 1000200, .until = 1000300},
    {.since = 1000900, .disposition = DISPOSITION_REVOKED},
    {.expiring_before = 4000000300},
    {.expiring_before = 4000000500, .requester = "user2"},
};

static void test_every_order_and_filter(void **in)
{
    struct state *state = *in;
    static const size_t limits[] = {1000, 37, 5};
    char what[200];

    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        for (int order = LIST_BY_ID; order <= LIST_BY_TEMPLATE; order++)
            for (int run = 0; run < 6; run++) {
                struct list_query query = filters[i];

                if (query.expiring_before > 0 && order == LIST_BY_ID) /* what expires is listed by when it does */
                    continue;
                query.order = (enum list_order)order;
                query.descending = run % 2 == 1;
                query.limit = limits[run / 2];
                snprintf(what, sizeof what, "filter %zu, order %d, %s, pages of %zu", i, order, query.descending ? "falling" : "rising", query.limit);
                walk(state->store, query, what);
            }
}

static void test_counts(void **in)
{
    struct state *state = *in;
    struct error error = ERROR_NONE;

    for (size_t i = 0; i < sizeof dispositions / sizeof *dispositions; i++) {
        uint64_t count = 0, expected = 0;

        for (uint64_t id = 1; id <= ROWS; id++)
            expected += disposition_of(id) == dispositions[i];
        assert_int_equal(list_count(state->store, dispositions[i], &count, &error), OK);
        assert_int_equal(count, expected);
    }
}

static void test_find(void **in)
{
    struct state *state = *in;
    struct error error = ERROR_NONE;
    struct certificate certificate;
    uint64_t ids[300], id = 1;
    size_t count;

    while (!issued(id))
        id++;
    fixture_certificate(id, &certificate);
    assert_int_equal(certificates_find(state->store, CERTIFICATE_BY_SERIAL, bytes_of(certificate.serial.octets, certificate.serial.size), ids, 300, &count, &error), OK);
    assert_int_equal(count, 1);
    assert_int_equal(ids[0], id);
    assert_int_equal(certificates_find(state->store, CERTIFICATE_BY_SHA1, bytes_of(certificate.sha1, 20), ids, 300, &count, &error), OK);
    assert_int_equal(count, 1);
    assert_int_equal(certificates_find(state->store, CERTIFICATE_BY_SHA256, bytes_of(certificate.sha256, 32), ids, 300, &count, &error), OK);
    assert_int_equal(count, 1);
    assert_int_equal(certificates_find(state->store, CERTIFICATE_BY_SHA256, bytes_of(certificate.sha1, 20), ids, 300, &count, &error), OK);
    assert_int_equal(count, 0);
    assert_int_equal(certificates_find(state->store, CERTIFICATE_BY_SPKI, bytes_of(certificate.spki_sha256, 32), ids, 300, &count, &error), OK);
    assert_true(count > 10);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ids[i] % 10, id % 10);
        assert_true(i == 0 || ids[i] > ids[i - 1]);
    }
    assert_int_equal(certificates_find(state->store, CERTIFICATE_BY_SPKI, bytes_of(certificate.spki_sha256, 32), ids, 3, &count, &error), OK);
    assert_int_equal(count, 3);
    certificate_record_free(&certificate);
}

static void test_find_same(void **in)
{
    struct state *state = *in;
    struct error error = ERROR_NONE;
    struct request request;
    uint64_t id;

    fixture_request(50, DISPOSITION_ISSUED, &request);
    assert_int_equal(requests_find_same(state->store, request.requester_uid, request.pkcs10_sha256, 0, &id, &error), OK);
    assert_int_equal(id, 50);
    assert_int_equal(requests_find_same(state->store, request.requester_uid + 1, request.pkcs10_sha256, 0, &id, &error), OK);
    assert_int_equal(id, 0);
    assert_int_equal(requests_find_same(state->store, request.requester_uid, request.pkcs10_sha256, request.submitted_at + 1, &id, &error), OK);
    assert_int_equal(id, 0);
    request.id = 5000; /* the same request again: the newest counts */
    assert_int_equal(store_write(state->store, fixture_put, &request, &error), OK);
    assert_int_equal(requests_find_same(state->store, request.requester_uid, request.pkcs10_sha256, 0, &id, &error), OK);
    assert_int_equal(id, 5000);
    request_free(&request);
}

/* A row that changes leaves the indices it stood in. */
static void test_change(void **in)
{
    struct state *state = *in;
    struct error error = ERROR_NONE;
    struct list_query query = {.disposition = DISPOSITION_PENDING, .limit = 1000};
    static struct list_row rows[1000];
    struct request request;
    uint64_t before, after, id = 1;
    size_t count;
    bool more;

    while (disposition_of(id) != DISPOSITION_PENDING)
        id++;
    assert_int_equal(list_count(state->store, DISPOSITION_PENDING, &before, &error), OK);
    fixture_request(id, DISPOSITION_DENIED, &request);
    assert_int_equal(store_write(state->store, fixture_put, &request, &error), OK);
    assert_int_equal(list_count(state->store, DISPOSITION_PENDING, &after, &error), OK);
    assert_int_equal(after, before - 1);
    assert_int_equal(list_page(state->store, &query, rows, &count, &more, &error), OK);
    assert_int_equal(count, after);
    for (size_t i = 0; i < count; i++)
        assert_int_not_equal(rows[i].id, id);
    list_rows_free(rows, count);
    request_free(&request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_order_and_filter),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_find_same),
        cmocka_unit_test(test_change),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
