/* Walks by a filter give every certificate that fits once; the record of a batch and its list come back as they were; what is
 * removed is gone from every index while its serial stays taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "ca/store/bulk.h"
#include "tests/unit/store_fixture.h"

#define ROWS 400 /* more than a page of a scan */

struct state {
    char *folder;
    struct store *store;
};

static int put_all(struct store_txn *txn, void *argument, struct error *error)
{
    (void)argument;
    for (uint64_t id = 1; id <= ROWS; id++) {
        struct request request;
        fixture_request(id, id % 5 == 0 ? DISPOSITION_REVOKED : DISPOSITION_ISSUED, &request);
        fixture_put(txn, &request, error);
        request_free(&request);
    }
    return store_txn_failed(txn);
}

/* A certificate with three names that one prefix fits. */
static int put_three_names(struct store_txn *txn, void *argument, struct error *error)
{
    struct request request;
    struct certificate certificate;

    (void)argument;
    (void)error;
    fixture_request(ROWS + 1, DISPOSITION_ISSUED, &request);
    fixture_certificate(ROWS + 1, &certificate);
    strings_add(&certificate.search, "web2.example.com");
    strings_add(&certificate.search, "web1.example.com");
    strings_add(&certificate.search, "web3.example.com");
    certificate.key_index = 3;
    requests_put(txn, &request);
    certificates_put(txn, &certificate);
    request_free(&request);
    certificate_record_free(&certificate);
    return store_txn_failed(txn);
}

static int setup(void **out)
{
    struct state *state = calloc(1, sizeof *state);
    struct error error = ERROR_NONE;

    state->folder = fixture_folder();
    state->store = fixture_open(state->folder, true);
    *out = state;
    return store_write(state->store, put_all, NULL, &error) || store_write(state->store, put_three_names, NULL, &error) ? -1 : 0;
}

static int teardown(void **in)
{
    struct state *state = *in;

    store_close(state->store);
    fixture_remove(state->folder);
    free(state);
    return 0;
}

/* ---- walks ---- */

struct seen {
    unsigned char times[ROWS + 2];
    size_t count;
};

static int see(const struct request *request, const struct certificate *certificate, void *argument)
{
    struct seen *seen = argument;

    assert_int_equal(request->id, certificate->id);
    assert_in_range(request->id, 1, ROWS + 1);
    seen->times[request->id]++;
    seen->count++;
    return OK;
}

static bool fits(const struct match *match, uint64_t id)
{
    struct request request;
    struct certificate certificate;
    char name[64];

    fixture_request(id, id <= ROWS && id % 5 == 0 ? DISPOSITION_REVOKED : DISPOSITION_ISSUED, &request);
    fixture_certificate(id, &certificate);
    snprintf(name, sizeof name, "host%d.example.com", (int)id);
    size_t size = match->name != NULL ? strcspn(match->name, "*") : 0;
    bool prefix = match->name != NULL && match->name[size] == '*';
    bool named = match->name == NULL || (prefix ? strncasecmp(name, match->name, size) == 0 : strcasecmp(name, match->name) == 0) ||
                 (id == ROWS + 1 && (strcmp(match->name, "web*") == 0 || strcmp(match->name, "WEB2.example.com") == 0));
    bool fitting = named && (match->template_name == NULL || strcasecmp(match->template_name, request.template_name) == 0) &&
                   (match->requester == NULL || strcasecmp(match->requester, request.requester) == 0) &&
                   (match->since == 0 || request.submitted_at >= match->since) && (match->until == 0 || request.submitted_at < match->until) &&
                   (match->disposition == 0 || match->disposition == (int)request.disposition) &&
                   (match->expiring_before == 0 || certificate.not_after < match->expiring_before) &&
                   (match->key_index < 0 || match->key_index == (id == ROWS + 1 ? 3 : (int64_t)certificate.key_index));
    request_free(&request);
    certificate_record_free(&certificate);
    return fitting;
}

static void test_match(void **in)
{
    static const struct match matches[] = {
        {.key_index = -1}, {.key_index = 3}, {.key_index = 9}, {.key_index = -1, .template_name = "webserver"},
        {.key_index = -1, .requester = "USER3"}, {.key_index = -1, .requester = "user3", .template_name = "User"},
        {.key_index = -1, .name = "host1*"}, {.key_index = -1, .name = "HOST77.example.com"}, {.key_index = -1, .name = "host77"},
        {.key_index = -1, .name = "web*"}, {.key_index = -1, .name = "WEB2.example.com"}, {.key_index = -1, .name = "nothing*"},
        {.key_index = -1, .name = "host2*", .requester = "user1", .disposition = DISPOSITION_REVOKED},
        {.key_index = -1, .since = 1000100, .until = 1000200}, {.key_index = -1, .disposition = DISPOSITION_REVOKED},
        {.key_index = -1, .expiring_before = 4000000300}, {.key_index = -1, .expiring_before = 4000000500, .template_name = "Computer"},
    };
    struct state *state = *in;

    for (size_t i = 0; i < sizeof matches / sizeof matches[0]; i++) {
        struct error error = ERROR_NONE;
        struct seen *seen = calloc(1, sizeof *seen);
        assert_int_equal(certificates_match(state->store, &matches[i], see, seen, &error), OK);
        for (uint64_t id = 1; id <= ROWS + 1; id++)
            if (seen->times[id] != fits(&matches[i], id))
                fail_msg("filter %zu: certificate %d came %d times", i, (int)id, seen->times[id]);
        free(seen);
    }
}

static int stop_at_ten(const struct request *request, const struct certificate *certificate, void *argument)
{
    (void)request;
    (void)certificate;
    return ++*(int *)argument == 10 ? TEMPORARY : OK;
}

static void test_match_stops(void **in)
{
    struct state *state = *in;
    struct match match = {.key_index = -1};
    struct error error = ERROR_NONE;
    int count = 0;

    assert_int_equal(certificates_match(state->store, &match, stop_at_ten, &count, &error), TEMPORARY);
    assert_int_equal(count, 10);
}

/* ---- batches ---- */

static int put_batch(struct store_txn *txn, void *argument, struct error *error)
{
    uint64_t ids[3] = {7, UINT64_MAX, 1};

    (void)error;
    batch_put(txn, argument);
    batch_listing_put(txn, 12);
    batch_page_put(txn, 11, 0, ids, 3);
    return store_txn_failed(txn);
}

static int drop_page(struct store_txn *txn, void *argument, struct error *error)
{
    (void)argument;
    (void)error;
    assert_int_equal(batch_page_delete(txn, 11, 0), OK);
    assert_int_equal(batch_page_delete(txn, 11, 0), OK); /* again: there is none */
    return store_txn_failed(txn);
}

static void test_batch(void **in)
{
    struct state *state = *in;
    struct error error = ERROR_NONE;
    char filter[] = "name=web*", actor[] = "alice";
    struct batch batch = {.number = 11, .state = BATCH_RUNNING, .filter = filter, .actor = actor, .uid = -1, .roles = 2, .reason = 4, .at = 100,
                          .invalid_since = 50, .started_at = 99, .count = 3, .position = 2, .revoked = 1, .skipped = 1, .final = 5, .expired = 1};
    struct batch got;
    uint64_t ids[BATCH_PAGE], number = 0;
    size_t count = 0;

    assert_int_equal(batch_get(state->store, &got, &error), OK);
    assert_int_equal(got.state, BATCH_NONE);
    assert_int_equal(store_write(state->store, put_batch, &batch, &error), OK);
    assert_int_equal(batch_get(state->store, &got, &error), OK);
    assert_string_equal(got.filter, "name=web*");
    assert_string_equal(got.actor, "alice");
    assert_int_equal(got.uid, -1);
    assert_true(got.number == 11 && got.state == BATCH_RUNNING && got.reason == 4 && got.at == 100 && got.invalid_since == 50 && got.count == 3 &&
                got.position == 2 && got.revoked == 1 && got.skipped == 1 && got.final == 5 && got.expired == 1 && got.roles == 2);
    batch_free(&got);
    assert_int_equal(batch_listing_get(state->store, &number, &error), OK);
    assert_int_equal(number, 12);
    assert_int_equal(batch_page_get(state->store, 11, 0, ids, &count, &error), OK);
    assert_int_equal(count, 3);
    assert_true(ids[0] == 7 && ids[1] == UINT64_MAX && ids[2] == 1);
    assert_int_equal(store_write(state->store, drop_page, NULL, &error), OK);
    assert_int_equal(batch_page_get(state->store, 11, 0, ids, &count, &error), REFUSED);
}

/* ---- removal ---- */

struct places {
    uint64_t ids[ROWS + 2];
    size_t count, stop_after;
    struct removal_place last;
};

static int place_take(uint64_t id, const struct removal_place *place, void *argument)
{
    struct places *places = argument;

    if (places->count == places->stop_after)
        return BATCH_STOP;
    places->ids[places->count++] = id;
    places->last = *place;
    return OK;
}

/* In two parts what comes in one. */
static void walk_in_parts(struct store *store, bool expired, enum disposition disposition, int64_t before, size_t expected)
{
    struct error error = ERROR_NONE;
    struct places whole = {.stop_after = SIZE_MAX}, first = {.stop_after = expected / 2}, rest = {.stop_after = SIZE_MAX};
    struct removal_place start = {0};

    assert_int_equal(removal_walk(store, expired, disposition, before, &start, place_take, &whole, &error), OK);
    assert_int_equal(whole.count, expected);
    assert_int_equal(removal_walk(store, expired, disposition, before, &start, place_take, &first, &error), OK);
    assert_int_equal(removal_walk(store, expired, disposition, before, &first.last, place_take, &rest, &error), OK);
    assert_int_equal(first.count + rest.count, expected);
    assert_memory_equal(whole.ids, first.ids, first.count * sizeof whole.ids[0]);
    assert_memory_equal(whole.ids + first.count, rest.ids, rest.count * sizeof whole.ids[0]);
}

static void test_removal_walk(void **in)
{
    struct state *state = *in;
    size_t ended = 0;

    for (uint64_t id = 1; id <= ROWS + 1; id++)
        ended += id * 7919 % 1000 < 500;
    walk_in_parts(state->store, false, DISPOSITION_REVOKED, 0, ROWS / 5);
    walk_in_parts(state->store, true, 0, 4000000500, ended);
}

static int remove_one(struct store_txn *txn, void *argument, struct error *error)
{
    (void)error;
    return requests_remove(txn, *(uint64_t *)argument);
}

static int revoke_one(struct store_txn *txn, void *argument, struct error *error)
{
    uint64_t id = *(uint64_t *)argument;
    struct revocation row = {.id = id, .serial = fixture_serial(id), .revoked_at = 3000000, .not_after = 4000000000, .reason = 1};

    (void)error;
    return revoked_put(txn, &row);
}

static int put_again(struct store_txn *txn, void *argument, struct error *error)
{
    uint64_t id = *(uint64_t *)argument;
    struct certificate certificate;

    (void)error;
    fixture_certificate(id, &certificate);
    certificate.id = ROWS + 50; /* another request with the serial of the removed one */
    certificates_put(txn, &certificate);
    certificate_record_free(&certificate);
    return store_txn_failed(txn);
}

static void test_removal(void **in)
{
    struct state *state = *in;
    struct error error = ERROR_NONE;
    struct revocation row;
    struct serial serial = fixture_serial(5);
    struct request request;
    uint64_t id = 5, owner = 0, before = 0, after = 0;
    uint64_t ids[4];
    size_t count = 0;

    assert_int_equal(store_write(state->store, revoke_one, &id, &error), OK);
    assert_int_equal(revoked_of(state->store, id, &row, &error), OK);
    assert_true(row.id == 5 && row.reason == 1 && row.revoked_at == 3000000);
    assert_int_equal(list_count(state->store, DISPOSITION_REVOKED, &before, &error), OK);
    assert_int_equal(store_write(state->store, remove_one, &id, &error), OK);
    assert_int_equal(list_count(state->store, DISPOSITION_REVOKED, &after, &error), OK);
    assert_int_equal(after, before - 1);
    assert_int_equal(requests_get(state->store, id, &request, &error), REFUSED);
    error_clear(&error);
    assert_int_equal(revoked_of(state->store, id, &row, &error), REFUSED);
    error_clear(&error);
    assert_int_equal(certificates_find(state->store, CERTIFICATE_BY_SERIAL, bytes_of(serial.octets, serial.size), ids, 4, &count, &error), OK);
    assert_int_equal(count, 0);
    assert_int_equal(serials_owner(state->store, &serial, &owner, &error), OK);
    assert_int_equal(owner, 5);
    assert_int_equal(store_write(state->store, put_again, &id, &error), REFUSED);
    error_clear(&error);
    assert_int_equal(store_write(state->store, remove_one, &id, &error), REFUSED);
    serial.octets[0] ^= 0xff;
    assert_int_equal(serials_owner(state->store, &serial, &owner, &error), OK);
    assert_int_equal(owner, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_match, setup, teardown),        cmocka_unit_test_setup_teardown(test_match_stops, setup, teardown),
        cmocka_unit_test_setup_teardown(test_batch, setup, teardown),        cmocka_unit_test_setup_teardown(test_removal_walk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_removal, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
