/* An exported audit log with random edits, and with every bit flipped: verification finds each of them. The log is made by the real
 * authority over a real signer, and verified by the function that `chancery audit verify FILE` calls.
 *
 * CHANCERY_AUDIT_EDITS says how many random edits (200); `make audit-edits` makes 10,000. CHANCERY_AUDIT_SEED repeats a run. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/audit/export.h"
#include "ca/audit/line.h"
#include "ca/authority_internal.h"
#include "ca/base/encode.h"
#include "tests/unit/authority_fixture.h"

struct bench {
    struct fixture fixture;
    struct audit_keys keys;
    struct buf large, small, tail; /* tail: from a record in the middle on */
    uint64_t tail_after;
};

static struct identity auditor = {.uid = UID_AUDITOR, .account = (char *)(uintptr_t)"audrey", .roles = ROLE_AUDITOR, .acting = ROLE_AUDITOR};

/* ---- a log ---- */

static int records_store(struct store_txn *txn, void *argument, struct error *error)
{
    unsigned *number = argument;
    char object[40], detail[160];

    (void)error;
    snprintf(object, sizeof object, "request %u", *number);
    snprintf(detail, sizeof detail, *number % 3 == 0 ? "what \xff came \x01 of \"%u\"" : "gr\xc3\xbc\xc3\x9f" "e %u", *number);
    struct audit_record record = {.at = 1768893129 + *number, .actor = "olga", .role = "officer", .action = "request.deny", .object = object,
                                  .outcome = "denied", .reason = "officer.denied", .detail = detail};
    audit_add(txn, &record);
    return store_txn_failed(txn);
}

static void records_add(struct fixture *fixture, unsigned count)
{
    struct error error = ERROR_NONE;

    for (unsigned i = 0; i < count; i++)
        if (store_write(fixture->store, records_store, &i, &error) != OK)
            fail_msg("%s", error.message);
}

static void checkpoint_add(struct fixture *fixture)
{
    struct audit_checkpoint made;
    struct error error = ERROR_NONE;

    if (checkpoint_now(fixture->authority, &made, &error) != OK)
        fail_msg("%s: %s", error.reason, error.message);
    audit_checkpoint_free(&made);
}

/* As `chancery audit export` puts it together. */
static void export_make(struct fixture *fixture, uint64_t after, struct buf *out)
{
    struct error error = ERROR_NONE;
    uint64_t until = 0;

    if (authority_audit_export(fixture->authority, &auditor, after, &until, out, &error) != OK)
        fail_msg("%s: %s", error.reason, error.message);
    while (after < until) {
        uint64_t to = until - after > 7 ? after + 7 : until; /* short pages: what stands at their edges is seen too */
        if (authority_audit_lines(fixture->authority, after, to, out, &error) != OK)
            fail_msg("%s: %s", error.reason, error.message);
        after = to;
    }
}

static int begin(void **state)
{
    static struct bench bench;
    struct error error = ERROR_NONE;

    if (fixture_begin(&bench.fixture, "[audit]\ncheckpoint = 3600\n", &error) != OK)
        fail_msg("%s: %s", error.reason, error.message);
    assert_int_equal(audit_keys_add_certificates(&bench.keys, buf_bytes(&bench.fixture.certificate), &error), OK);
    checkpoint_add(&bench.fixture);
    export_make(&bench.fixture, 0, &bench.small);
    records_add(&bench.fixture, 12);
    checkpoint_add(&bench.fixture);
    records_add(&bench.fixture, 9);
    checkpoint_add(&bench.fixture);
    records_add(&bench.fixture, 4);
    export_make(&bench.fixture, 0, &bench.large);
    bench.tail_after = 10;
    export_make(&bench.fixture, bench.tail_after, &bench.tail);
    *state = &bench;
    return 0;
}

static int end(void **state)
{
    struct bench *bench = *state;

    audit_keys_free(&bench->keys);
    buf_free(&bench->large);
    buf_free(&bench->small);
    buf_free(&bench->tail);
    fixture_end(&bench->fixture);
    return 0;
}

/* ---- as it was written it is good ---- */

static void expect_good(const struct bench *bench, const struct buf *file, uint64_t after, uint64_t checkpoints)
{
    struct audit_chain chain;
    struct error error = ERROR_NONE;

    if (audit_export_verify(buf_bytes(file), &bench->keys, after, &chain, &error) != OK)
        fail_msg("%s: %s", error.reason, error.message);
    assert_int_equal(chain.last, chain.checkpoint); /* an export ends in a checkpoint */
    assert_int_equal(chain.records, chain.last - after);
    assert_int_equal(chain.checkpoints, checkpoints);
}

static void test_good(void **state)
{
    const struct bench *bench = *state;

    expect_good(bench, &bench->small, 0, 2);
    expect_good(bench, &bench->large, 0, 5);
    expect_good(bench, &bench->tail, bench->tail_after, 4);
}

static void expect_bad(const struct bench *bench, struct bytes file, uint64_t after, const char *reason)
{
    struct audit_chain chain;
    struct error error = ERROR_NONE;

    assert_int_equal(audit_export_verify(file, &bench->keys, after, &chain, &error), REFUSED);
    if (reason != NULL && strcmp(error.reason, reason) != 0)
        fail_msg("expected %s, came %s: %s", reason, error.reason, error.message);
}

/* A file that begins later than it is asked for was cut at its beginning; other keys are not the CA's. */
static void test_asked_otherwise(void **state)
{
    const struct bench *bench = *state;
    struct audit_keys none = {NULL, 0};
    struct audit_chain chain;
    struct error error = ERROR_NONE;

    expect_bad(bench, buf_bytes(&bench->tail), 0, "audit.missing");
    expect_bad(bench, buf_bytes(&bench->tail), 9, "audit.missing");
    expect_bad(bench, buf_bytes(&bench->large), 1, "audit.missing");
    expect_bad(bench, bytes_of("", 0), 0, "audit.line");
    assert_int_equal(audit_export_verify(buf_bytes(&bench->small), &none, 0, &chain, &error), REFUSED);
    assert_string_equal(error.reason, "audit.key");
}

/* ---- every bit ---- */

#ifdef __SANITIZE_ADDRESS__
#define EVERY_BIT 7 /* each octet in one bit or two: it is five times slower here */
#else
#define EVERY_BIT 1
#endif

static void test_every_bit(void **state)
{
    const struct bench *bench = *state;
    struct buf copy = BUF_EMPTY;
    struct audit_chain chain;

    buf_add(&copy, bench->small.data, bench->small.size);
    for (size_t at = 0; at < 8 * copy.size; at += EVERY_BIT) {
        uint8_t *octet = &copy.data[at / 8], bit = (uint8_t)(1u << (at % 8));
        *octet ^= bit;
        if (audit_export_verify(buf_bytes(&copy), &bench->keys, 0, &chain, NULL) == OK)
            fail_msg("bit %zu of octet %zu of %zu flipped, and nobody noticed", at % 8, at / 8, copy.size);
        *octet ^= bit;
    }
    print_message("%zu octets, every %d. bit\n", copy.size, EVERY_BIT);
    expect_good(bench, &copy, 0, 2);
    buf_free(&copy);
}

/* ---- random edits ---- */

static uint64_t random_state;

static uint64_t random_below(uint64_t limit) /* xorshift: the seed repeats a run */
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

struct lines { /* of one file */
    struct bytes items[256];
    size_t count;
};

static void lines_of(const struct buf *file, struct lines *lines)
{
    struct bytes rest = buf_bytes(file);

    for (lines->count = 0; rest.size > 0 && lines->count < 256; lines->count++) {
        size_t size = (size_t)((const uint8_t *)memchr(rest.data, '\n', rest.size) - rest.data) + 1;
        lines->items[lines->count] = bytes_of(rest.data, size);
        rest = bytes_of(rest.data + size, rest.size - size);
    }
}

static void lines_join(const struct lines *lines, struct buf *out)
{
    for (size_t i = 0; i < lines->count; i++)
        buf_add(out, lines->items[i].data, lines->items[i].size);
}

static void edit_octet(const struct buf *file, struct buf *out)
{
    buf_add(out, file->data, file->size);
    out->data[random_below(out->size)] ^= (uint8_t)(1 + random_below(255));
}

static void edit_cut(const struct buf *file, struct buf *out)
{
    buf_add(out, file->data, random_below(file->size));
}

static void edit_cut_lines(const struct buf *file, struct buf *out)
{
    struct lines lines;

    lines_of(file, &lines);
    lines.count = random_below(lines.count);
    lines_join(&lines, out);
}

static void edit_remove_octets(const struct buf *file, struct buf *out)
{
    size_t at = random_below(file->size), size = 1 + random_below(file->size - at);

    buf_add(out, file->data, at);
    buf_add(out, file->data + at + size, file->size - at - size);
}

static void edit_insert_octets(const struct buf *file, struct buf *out)
{
    size_t at = random_below(file->size + 1);

    buf_add(out, file->data, at);
    for (size_t i = 0, count = 1 + random_below(4); i < count; i++)
        buf_add_byte(out, " \n\t0a\"}\\"[random_below(8)]);
    buf_add(out, file->data + at, file->size - at);
}

static void edit_remove_line(const struct buf *file, struct buf *out)
{
    struct lines lines;

    lines_of(file, &lines);
    size_t at = random_below(lines.count);
    memmove(&lines.items[at], &lines.items[at + 1], (lines.count - at - 1) * sizeof lines.items[0]);
    lines.count--;
    lines_join(&lines, out);
}

static void edit_repeat_line(const struct buf *file, struct buf *out)
{
    struct lines lines;

    lines_of(file, &lines);
    size_t at = random_below(lines.count), to = random_below(lines.count + 1);
    struct bytes line = lines.items[at];
    memmove(&lines.items[to + 1], &lines.items[to], (lines.count - to) * sizeof lines.items[0]);
    lines.items[to] = line;
    lines.count++;
    lines_join(&lines, out);
}

/* Two lines that differ, for each other. */
static void edit_swap_lines(const struct buf *file, struct buf *out)
{
    struct lines lines;
    size_t a = 0, b = 0;

    lines_of(file, &lines);
    while (bytes_equal(lines.items[a], lines.items[b])) {
        a = random_below(lines.count);
        b = random_below(lines.count);
    }
    struct bytes line = lines.items[a];
    lines.items[a] = lines.items[b];
    lines.items[b] = line;
    lines_join(&lines, out);
}

/* What a skilled hand does: another text in a record, its line made as it should be, and every record after it chained anew. Only the
 * signatures cannot be made. */
static void record_forge(struct bytes octets, uint8_t head[32], bool change, struct buf *out)
{
    uint8_t *copy = malloc(octets.size);

    assert_non_null(copy);
    memcpy(copy, octets.data, octets.size);
    memcpy(copy + 2, head, 32); /* field 1, its length, 32 octets: the predecessor */
    if (change)
        copy[octets.size - 1] ^= 1; /* the last octet of the detail */
    sha256_of(bytes_of(copy, octets.size), head);
    buf_add(out, copy, octets.size);
    free(copy);
}

static void edit_forge(const struct buf *file, struct buf *out)
{
    struct lines lines;
    uint8_t head[32] = {0};
    bool changed = false;

    lines_of(file, &lines);
    size_t victim = 1 + random_below(lines.count - 2);
    for (size_t i = 0; i < lines.count; i++) {
        struct buf octets = BUF_EMPTY, forged = BUF_EMPTY;
        uint64_t number;
        if (audit_line_is_checkpoint(lines.items[i])) {
            buf_add(out, lines.items[i].data, lines.items[i].size);
            continue;
        }
        assert_int_equal(audit_line_record_read(lines.items[i], &number, &octets, NULL), OK);
        bool now = !changed && i >= victim && octets.data[octets.size - 2] != 74; /* an empty detail has no octet to change */
        changed = changed || now;
        record_forge(buf_bytes(&octets), head, now, &forged);
        assert_int_equal(audit_line_record(number, buf_bytes(&forged), out, NULL), OK);
        buf_free(&octets);
        buf_free(&forged);
    }
    if (!changed) { /* nothing but empty details from the victim on */
        buf_clear(out);
        edit_octet(file, out);
    }
}

static void (*const edits[])(const struct buf *, struct buf *) = {
    edit_octet, edit_cut, edit_cut_lines, edit_remove_octets, edit_insert_octets, edit_remove_line, edit_repeat_line, edit_swap_lines, edit_forge,
};
#define EDITS (sizeof edits / sizeof edits[0])

static void test_random_edits(void **state)
{
    const struct bench *bench = *state;
    const char *count_text = getenv("CHANCERY_AUDIT_EDITS"), *seed_text = getenv("CHANCERY_AUDIT_SEED");
    uint64_t count = 200, seed = (uint64_t)getpid() * 2654435761u + 1;
    struct audit_chain chain;

    if (count_text != NULL)
        assert_int_equal(number_parse(count_text, &count), OK);
    if (seed_text != NULL)
        assert_int_equal(number_parse(seed_text, &seed), OK);
    random_state = seed;
    for (uint64_t i = 0; i < count; i++) {
        struct buf edited = BUF_EMPTY;
        edits[i % EDITS](&bench->large, &edited);
        if (bytes_equal(buf_bytes(&edited), buf_bytes(&bench->large)))
            fail_msg("edit %llu changed nothing", (unsigned long long)i);
        if (audit_export_verify(buf_bytes(&edited), &bench->keys, 0, &chain, NULL) == OK)
            fail_msg("edit %llu of kind %llu was not found: repeat with CHANCERY_AUDIT_SEED=%llu", (unsigned long long)i,
                     (unsigned long long)(i % EDITS), (unsigned long long)seed);
        buf_free(&edited);
    }
    print_message("%llu edits, each found\n", (unsigned long long)count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good), cmocka_unit_test(test_asked_otherwise), cmocka_unit_test(test_every_bit), cmocka_unit_test(test_random_edits),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
