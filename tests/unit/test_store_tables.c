/* The tables one by one: what is put is read back, and each keeps its own rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/base/clock.h"
#include "tests/unit/store_fixture.h"

struct state {
    char *folder;
    struct store *store;
};

static int setup(void **out)
{
    struct state *state = calloc(1, sizeof *state);

    state->folder = fixture_folder();
    state->store = fixture_open(state->folder, true);
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

static void write_ok(struct store *store, store_closure closure, void *argument)
{
    struct error error = ERROR_NONE;

    if (store_write(store, closure, argument, &error) != OK)
        fail_msg("%s (%s)", error.message, error.reason);
}

static int write_rc(struct store *store, store_closure closure, void *argument)
{
    struct error error = ERROR_NONE;

    return store_write(store, closure, argument, &error);
}

/* ---- reservations ---- */

static int reserve(struct store_txn *txn, void *argument, struct error *error)
{
    return reservations_put(txn, argument);
}

static int unreserve(struct store_txn *txn, void *argument, struct error *error)
{
    return reservations_delete(txn, *(uint64_t *)argument);
}

static int count_reservation(const struct reservation *reservation, void *argument)
{
    (*(int *)argument)++;
    return 0;
}

static void test_reservations(void **in)
{
    struct store *store = ((struct state *)*in)->store;
    struct error error = ERROR_NONE;
    uint8_t tbs[300] = {0x30};
    struct reservation reservation = {.id = 5, .at = 99, .serial = fixture_serial(5), .tbs = tbs, .tbs_size = sizeof tbs, .key_index = 2,
                                      .summary = {.template_name = strdup("Web"), .crl_partition = 3}};
    struct reservation got;
    struct request issued;
    uint64_t id = 5;
    int count = 0;

    fixture_request(5, DISPOSITION_ISSUING, &reservation.request);
    write_ok(store, reserve, &reservation);
    assert_int_equal(reservations_get(store, 5, &got, &error), OK);
    assert_int_equal(got.tbs_size, sizeof tbs);
    assert_memory_equal(got.tbs, tbs, sizeof tbs);
    assert_string_equal(got.request.subject, reservation.request.subject);
    assert_string_equal(got.summary.template_name, "Web");
    assert_null(got.summary.publish_dn);
    assert_int_equal(got.summary.crl_partition, 3);
    assert_int_equal(got.key_index, 2);
    reservation_free(&got);
    reservation.id = 6;
    assert_int_equal(write_rc(store, reserve, &reservation), REFUSED);
    assert_int_equal(reservations_each(store, count_reservation, &count, &error), OK);
    assert_int_equal(count, 1);
    fixture_request(5, DISPOSITION_ISSUED, &issued);
    write_ok(store, fixture_put, &issued);
    write_ok(store, unreserve, &id);
    assert_int_equal(reservations_get(store, 5, &got, &error), REFUSED);
    assert_int_equal(write_rc(store, reserve, &reservation), REFUSED); /* its certificate has the serial now */
    request_free(&issued);
    reservation.tbs = NULL;
    reservation_free(&reservation);
}

/* ---- revocations ---- */

static int revoke_closure(struct store_txn *txn, void *argument, struct error *error)
{
    return revoked_put(txn, argument);
}

static uint64_t revoke_one(struct store *store, uint64_t id, int reason)
{
    struct revocation revocation = {.id = id, .serial = fixture_serial(id), .revoked_at = 10, .not_after = 20, .reason = reason};

    write_ok(store, revoke_closure, &revocation);
    return revocation.sequence;
}

struct trail { /* "id:reason " of each row */
    char text[400];
    uint64_t last;
};

static int trail_add(const struct revocation *revocation, void *argument)
{
    struct trail *trail = argument;
    size_t size = strlen(trail->text);

    assert_true(revocation->sequence > trail->last);
    trail->last = revocation->sequence;
    snprintf(trail->text + size, sizeof trail->text - size, "%llu:%d ", (unsigned long long)revocation->id, revocation->reason);
    return 0;
}

static void assert_trail(struct store *store, uint64_t after, uint64_t until, const char *expected)
{
    struct trail trail = {"", 0};
    struct error error = ERROR_NONE;

    assert_int_equal(revoked_each(store, after, until, trail_add, &trail, &error), OK);
    assert_string_equal(trail.text, expected);
}

static void test_revoked(void **in)
{
    struct store *store = ((struct state *)*in)->store;
    struct error error = ERROR_NONE;

    assert_int_equal(revoked_sequence(store), 0);
    assert_trail(store, 0, 0, "");
    assert_int_equal(revoke_one(store, 100, 6), 1); /* on hold */
    assert_int_equal(revoke_one(store, 200, 1), 2);
    assert_int_equal(revoke_one(store, 100, 8), 3); /* released */
    assert_int_equal(revoke_one(store, 300, 4), 4);
    assert_int_equal(revoke_one(store, 100, 1), 5); /* and revoked after all */
    assert_int_equal(revoke_one(store, 300, 8), 6);
    assert_int_equal(revoked_sequence(store), 6);
    assert_trail(store, 0, 1, "100:6 ");
    assert_trail(store, 0, 2, "100:6 200:1 ");
    assert_trail(store, 0, 3, "200:1 100:8 ");
    assert_trail(store, 0, 4, "200:1 100:8 300:4 ");
    assert_trail(store, 0, 6, "200:1 100:1 300:8 ");
    assert_trail(store, 2, 4, "100:8 300:4 ");
    assert_trail(store, 5, 6, "300:8 ");
    assert_int_equal(revoked_prune(store, 3, &error), OK);
    assert_trail(store, 0, 6, "200:1 100:1 300:8 ");
    assert_trail(store, 3, 4, "300:4 ");
    assert_int_equal(revoked_prune(store, 6, &error), OK);
    assert_trail(store, 0, 5, "200:1 100:1 ");
    assert_int_equal(revoke_one(store, 300, 1), 7);
    assert_trail(store, 0, 7, "200:1 100:1 300:1 ");
    assert_int_equal(revoked_sequence(store), 7);
}

/* ---- CRLs ---- */

struct crl_write {
    struct crl_record record;
    int fd;
};

static int put_crl(struct store_txn *txn, void *argument, struct error *error)
{
    struct crl_write *write = argument;

    return crls_put(txn, &write->record, write->fd);
}

static int highest_crl(struct store_txn *txn, void *argument, struct error *error)
{
    uint64_t *numbers = argument;

    numbers[0] = crls_highest_number_txn(txn, 0);
    numbers[1] = crls_highest_number_txn(txn, 1);
    return OK;
}

static uint8_t octet_at(uint64_t number, size_t i)
{
    return (uint8_t)(number * 7 + i + (i >> 12));
}

static int crl_file(uint64_t number, size_t size)
{
    int fd = memfd_create("crl", MFD_CLOEXEC);
    uint8_t *map;

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    if (size == 0)
        return fd;
    map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(map, MAP_FAILED);
    for (size_t i = 0; i < size; i++)
        map[i] = octet_at(number, i);
    munmap(map, size);
    return fd;
}

static void store_crl(struct store *store, unsigned key, bool delta, uint64_t number, size_t size)
{
    struct crl_write write = {.record = {.number = number, .key_index = key, .delta = delta, .size = size, .entries = 3, .sequence = 8},
                              .fd = crl_file(number, size)};

    write_ok(store, put_crl, &write);
    close(write.fd);
}

static void assert_crl(struct store *store, const struct crl_record *record)
{
    int out = memfd_create("out", MFD_CLOEXEC);
    struct error error = ERROR_NONE;
    uint8_t *map;

    assert_int_equal(crls_write_to(store, record, out, &error), OK);
    assert_int_equal(lseek(out, 0, SEEK_END), (off_t)record->size);
    map = mmap(NULL, record->size, PROT_READ, MAP_SHARED, out, 0);
    assert_ptr_not_equal(map, MAP_FAILED);
    for (size_t i = 0; i < record->size; i++)
        if (map[i] != octet_at(record->number, i))
            fail_msg("octet %zu differs", i);
    munmap(map, record->size);
    close(out);
}

static void test_crls(void **in)
{
    struct store *store = ((struct state *)*in)->store;
    struct error error = ERROR_NONE;
    struct crl_record record, first;
    uint64_t numbers[2];

    assert_int_equal(crls_latest(store, 0, 0, false, &record, &error), REFUSED);
    assert_string_equal(error.reason, "crl.none");
    error_clear(&error);
    store_crl(store, 0, false, 10, 40000000);
    assert_int_equal(crls_latest(store, 0, 0, false, &first, &error), OK);
    assert_int_equal(first.size, 40000000);
    assert_crl(store, &first);
    store_crl(store, 0, false, 11, 1 << 20); /* just a chunk */
    store_crl(store, 0, true, 300, 77);      /* another series does not push it out */
    store_crl(store, 1, false, 12, 99);
    store_crl(store, 0, false, 256, 5000);   /* numbers are ordered as numbers, not as text or little-endian */
    assert_crl(store, &first);
    store_crl(store, 0, false, 257, 5000);
    assert_int_not_equal(crls_write_to(store, &first, -1, &error), OK); /* the fourth from the end: gone */
    error_clear(&error);
    assert_int_equal(crls_latest(store, 0, 0, false, &record, &error), OK);
    assert_int_equal(record.number, 257);
    assert_int_equal(record.entries, 3);
    assert_int_equal(record.sequence, 8);
    assert_crl(store, &record);
    assert_int_equal(crls_latest(store, 0, 0, true, &record, &error), OK);
    assert_int_equal(record.number, 300);
    assert_int_equal(crls_latest(store, 0, 1, false, &record, &error), REFUSED);
    write_ok(store, highest_crl, numbers);
    assert_int_equal(numbers[0], 300);
    assert_int_equal(numbers[1], 12);
}

static void test_crl_too_short(void **in)
{
    struct store *store = ((struct state *)*in)->store;
    struct crl_write write = {.record = {.number = 1, .size = 3000000}, .fd = crl_file(1, 2500000)};
    struct error error = ERROR_NONE;
    struct crl_record record;

    assert_int_not_equal(write_rc(store, put_crl, &write), OK);
    assert_int_equal(crls_latest(store, 0, 0, false, &record, &error), REFUSED);
    close(write.fd);
}

/* ---- outbox ---- */

struct outbox_write {
    const char *module;
    uint64_t sequence;
    enum event_kind kind;
    int64_t next_at;
};

static int add_event(struct store_txn *txn, void *argument, struct error *error)
{
    struct outbox_write *write = argument;
    struct event event;
    int rc;

    fixture_event(write->sequence, write->kind, &event);
    rc = outbox_add(txn, write->module, &event);
    event_free(&event);
    return rc;
}

static int done_event(struct store_txn *txn, void *argument, struct error *error)
{
    struct outbox_write *write = argument;

    return outbox_done(txn, write->module, write->sequence);
}

static int retry_event(struct store_txn *txn, void *argument, struct error *error)
{
    struct outbox_write *write = argument;

    return outbox_retry(txn, write->module, write->sequence, write->next_at, "directory is down");
}

static int park_event(struct store_txn *txn, void *argument, struct error *error)
{
    struct outbox_write *write = argument;

    return outbox_park(txn, write->module, write->sequence, "no such entry");
}

static void assert_due(struct store *store, const char *module, int64_t now, uint64_t after, const char *expected)
{
    struct outbox_row rows[20];
    struct error error = ERROR_NONE;
    char got[200] = "";
    size_t count;

    assert_int_equal(outbox_due(store, module, now, after, rows, 20, &count, &error), OK);
    for (size_t i = 0; i < count; i++) {
        snprintf(got + strlen(got), sizeof got - strlen(got), "%llu ", (unsigned long long)rows[i].sequence);
        assert_string_equal(rows[i].module, module);
        assert_int_equal(rows[i].event.sequence, rows[i].sequence);
        assert_int_equal(rows[i].event.certificate_size, 900);
        outbox_row_free(&rows[i]);
    }
    assert_string_equal(got, expected);
}

static void assert_stats(struct store *store, const char *module, uint64_t waiting, uint64_t parked, uint64_t done)
{
    struct outbox_stats stats;
    struct error error = ERROR_NONE;

    assert_int_equal(outbox_stats(store, module, &stats, &error), OK);
    assert_int_equal(stats.waiting, waiting);
    assert_int_equal(stats.parked, parked);
    assert_int_equal(stats.done, done);
    assert_true((stats.oldest_added_at != 0) == (waiting > 0));
}

static void outbox_fill(struct store *store)
{
    for (uint64_t i = 1; i <= 4; i++)
        write_ok(store, add_event, &(struct outbox_write){"ldap", i, i == 4 ? EVENT_CRL_ISSUED : EVENT_ISSUED, 0});
    for (uint64_t i = 1; i <= 4; i++)
        write_ok(store, add_event, &(struct outbox_write){"ldap2", i, EVENT_ISSUED, 0});
}

/* What waits for one request: of every module, and gone with the acknowledgement. */
static void test_outbox_of_request(void **in)
{
    struct store *store = ((struct state *)*in)->store;
    struct error error = ERROR_NONE;
    struct outbox_row rows[20];
    size_t count;
    uint64_t request_id;

    outbox_fill(store);
    assert_int_equal(outbox_list(store, "ldap", 1, rows, 1, &count, &error), OK);
    assert_int_equal(count, 1);
    request_id = rows[0].event.request_id;
    assert_true(request_id != 0);
    outbox_row_free(&rows[0]);
    assert_int_equal(outbox_of_request(store, request_id, rows, 20, &count, &error), OK);
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].module, "ldap");
    assert_string_equal(rows[1].module, "ldap2");
    assert_int_equal(rows[0].event.request_id, request_id);
    write_ok(store, done_event, &(struct outbox_write){"ldap", rows[0].sequence, 0, 0});
    outbox_row_free(&rows[0]);
    outbox_row_free(&rows[1]);
    assert_int_equal(outbox_of_request(store, request_id, rows, 20, &count, &error), OK);
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].module, "ldap2");
    outbox_row_free(&rows[0]);
    assert_int_equal(outbox_of_request(store, request_id + 1000, rows, 20, &count, &error), OK);
    assert_int_equal(count, 0);
}

static void test_outbox(void **in)
{
    struct store *store = ((struct state *)*in)->store;
    struct error error = ERROR_NONE;
    struct outbox_row rows[20];
    struct outbox_stats stats;
    uint64_t count64;
    size_t count;

    outbox_fill(store);
    assert_due(store, "ldap", 50, 0, "1 2 3 4 ");
    assert_due(store, "ldap", 50, 2, "3 4 ");
    assert_due(store, "nobody", 50, 0, "");
    write_ok(store, retry_event, &(struct outbox_write){"ldap", 1, 0, 100});
    write_ok(store, park_event, &(struct outbox_write){"ldap", 2, 0, 0});
    assert_due(store, "ldap", 99, 0, "3 4 ");
    assert_due(store, "ldap", 100, 0, "1 3 4 ");
    assert_stats(store, "ldap", 3, 1, 0);
    assert_int_equal(outbox_list(store, "ldap", 0, rows, 20, &count, &error), OK);
    assert_int_equal(count, 4);
    assert_string_equal(rows[0].last_error, "directory is down");
    assert_int_equal(rows[0].attempts, 1);
    assert_true(rows[1].parked);
    assert_string_equal(rows[1].last_error, "no such entry");
    for (size_t i = 0; i < count; i++)
        outbox_row_free(&rows[i]);
    write_ok(store, done_event, &(struct outbox_write){"ldap", 4, 0, 0});
    write_rc(store, done_event, &(struct outbox_write){"ldap", 4, 0, 0}); /* an acknowledgement that comes twice counts once */
    assert_stats(store, "ldap", 2, 1, 1);
    assert_int_equal(outbox_stats(store, "ldap", &stats, &error), OK);
    assert_int_equal(stats.last_crl_done, 4);
    assert_int_equal(outbox_retry_all(store, "ldap", &count64, &error), OK);
    assert_int_equal(count64, 3);
    assert_due(store, "ldap", 1, 0, "1 2 3 ");
    assert_stats(store, "ldap", 3, 0, 1);
    assert_stats(store, "ldap2", 4, 0, 0);
    assert_int_equal(outbox_list(store, NULL, 0, rows, 20, &count, &error), OK);
    assert_int_equal(count, 7);
    for (size_t i = 0; i < count; i++)
        outbox_row_free(&rows[i]);
}

static void test_outbox_wait(void **in)
{
    struct store *store = ((struct state *)*in)->store;
    uint64_t seen = 0, before;
    int64_t started;

    outbox_wait(store, "ldap", &seen, 10);
    started = clock_monotonic_ms();
    outbox_wait(store, "ldap", &seen, 60);
    assert_true(clock_monotonic_ms() - started >= 50);
    before = seen;
    write_ok(store, add_event, &(struct outbox_write){"ldap", 1, EVENT_ISSUED, 0});
    started = clock_monotonic_ms();
    outbox_wait(store, "ldap", &seen, 10000);
    assert_true(clock_monotonic_ms() - started < 5000);
    assert_true(seen > before);
    store_wake(store);
    outbox_wait(store, "ldap", &seen, 10000);
    assert_true(clock_monotonic_ms() - started < 5000);
}

/* ---- audit ---- */

static int add_audit(struct store_txn *txn, void *argument, struct error *error)
{
    struct audit_record record = {.at = 7, .actor = "alice", .role = "officer", .action = "request.issue", .object = argument,
                                  .outcome = "ok", .detail = NULL};

    return audit_add(txn, &record) == 0 ? store_txn_failed(txn) : OK;
}

static int add_audit_then_fail(struct store_txn *txn, void *argument, struct error *error)
{
    add_audit(txn, argument, error);
    return error_set(error, REFUSED, "test.refused", "no");
}

static void test_audit(void **in)
{
    struct state *state = *in;
    struct error error = ERROR_NONE;
    struct audit_record rows[10];
    uint8_t hash[32], before[32];
    char one[] = "1", two[] = "2";
    uint64_t number;
    size_t count;

    assert_int_equal(audit_head(state->store, &number, before, &error), OK);
    assert_int_equal(number, 0);
    write_ok(state->store, add_audit, one);
    assert_int_equal(audit_head(state->store, &number, before, &error), OK);
    assert_int_equal(number, 1);
    assert_int_equal(write_rc(state->store, add_audit_then_fail, two), REFUSED);
    assert_int_equal(audit_head(state->store, &number, hash, &error), OK);
    assert_int_equal(number, 1);
    assert_memory_equal(hash, before, 32);
    store_close(state->store);
    state->store = fixture_open(state->folder, false);
    assert_int_equal(audit_head(state->store, &number, hash, &error), OK);
    assert_memory_equal(hash, before, 32);
    write_ok(state->store, add_audit, two);
    assert_int_equal(audit_head(state->store, &number, hash, &error), OK);
    assert_int_equal(number, 2);
    assert_memory_not_equal(hash, before, 32);
    assert_int_equal(audit_page(state->store, 0, rows, 10, &count, &error), OK);
    assert_int_equal(count, 2);
    assert_int_equal(rows[1].number, 2);
    assert_string_equal(rows[1].object, "2");
    assert_string_equal(rows[1].actor, "alice");
    audit_rows_free(rows, count);
    assert_int_equal(audit_page(state->store, 1, rows, 10, &count, &error), OK);
    assert_int_equal(count, 1);
    audit_rows_free(rows, count);
}

/* ---- templates, trust, assignments ---- */

static int put_template(struct store_txn *txn, void *argument, struct error *error)
{
    return templates_put(txn, argument);
}

static int delete_template(struct store_txn *txn, void *argument, struct error *error)
{
    return templates_delete(txn, argument);
}

static int count_template(const struct adopted_template *template, void *argument)
{
    (*(int *)argument)++;
    return 0;
}

static void test_templates(void **in)
{
    struct store *store = ((struct state *)*in)->store;
    struct error error = ERROR_NONE;
    char name[] = "WebServer", by[] = "alice", lower[] = "webserver";
    struct adopted_template template = {.name = name, .at = 5, .by = by}, got;
    uint64_t generation = templates_generation(store);
    int count = 0;

    buf_add(&template.canonical, "canon\0ical", 10);
    write_ok(store, put_template, &template);
    assert_true(templates_generation(store) > generation);
    generation = templates_generation(store);
    assert_int_equal(templates_get(store, "WEBSERVER", &got, &error), OK);
    assert_string_equal(got.name, "WebServer");
    assert_int_equal(got.canonical.size, 10);
    assert_memory_equal(got.canonical.data, "canon\0ical", 10);
    adopted_template_free(&got);
    assert_int_equal(templates_each(store, count_template, &count, &error), OK);
    assert_int_equal(count, 1);
    write_ok(store, delete_template, lower);
    assert_true(templates_generation(store) > generation);
    assert_int_equal(write_rc(store, delete_template, lower), REFUSED);
    assert_int_equal(templates_get(store, "WebServer", &got, &error), REFUSED);
    buf_free(&template.canonical);
}

static int put_trust(struct store_txn *txn, void *argument, struct error *error)
{
    return trust_put(txn, argument);
}

static int delete_trust(struct store_txn *txn, void *argument, struct error *error)
{
    return trust_delete(txn, argument);
}

static int see_trust(const struct trust_anchor *anchor, void *argument)
{
    assert_int_equal(anchor->sha256[0], 9);
    assert_string_equal(anchor->subject, "CN=Root");
    assert_int_equal(anchor->der_size, 3);
    (*(int *)argument)++;
    return 0;
}

static void test_trust(void **in)
{
    struct store *store = ((struct state *)*in)->store;
    struct error error = ERROR_NONE;
    uint8_t der[] = {0x30, 1, 0};
    char subject[] = "CN=Root", by[] = "alice";
    struct trust_anchor anchor = {.kind = TRUST_ROOT, .sha256 = {9}, .der = der, .der_size = 3, .subject = subject, .added_by = by};
    int count = 0;

    write_ok(store, put_trust, &anchor);
    write_ok(store, put_trust, &anchor);
    assert_int_equal(trust_each(store, see_trust, &count, &error), OK);
    assert_int_equal(count, 1);
    write_ok(store, delete_trust, anchor.sha256);
    assert_int_equal(write_rc(store, delete_trust, anchor.sha256), REFUSED);
}

static int put_assignment(struct store_txn *txn, void *argument, struct error *error)
{
    return assignments_put(txn, argument);
}

static int assignment_trail(const struct assignment *assignment, void *argument)
{
    char *text = argument;

    snprintf(text + strlen(text), 200 - strlen(text), "%s@%s=%llu ", assignment->usage, assignment->host, (unsigned long long)assignment->request_id);
    return 0;
}

static void test_assignments(void **in)
{
    struct store *store = ((struct state *)*in)->store;
    struct error error = ERROR_NONE;
    char web[] = "web", a[] = "a", b[] = "b", text[200] = "";
    struct assignment assignment = {.usage = web, .host = a, .request_id = 1};

    write_ok(store, put_assignment, &assignment);
    assert_int_equal(assignment.number, 1);
    assignment.host = b;
    write_ok(store, put_assignment, &assignment);
    assignment.host = a;
    assignment.request_id = 2;
    write_ok(store, put_assignment, &assignment);
    assert_int_equal(assignments_each(store, true, assignment_trail, text, &error), OK);
    assert_string_equal(text, "web@a=1 web@b=1 web@a=2 ");
    text[0] = '\0';
    assert_int_equal(assignments_each(store, false, assignment_trail, text, &error), OK);
    assert_string_equal(text, "web@a=2 web@b=1 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reservations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_revoked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_crls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_crl_too_short, setup, teardown),
        cmocka_unit_test_setup_teardown(test_outbox, setup, teardown),
        cmocka_unit_test_setup_teardown(test_outbox_of_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_outbox_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_audit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_templates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trust, setup, teardown),
        cmocka_unit_test_setup_teardown(test_assignments, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
