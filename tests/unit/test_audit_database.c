/* What `chancery audit verify` finds in a database that somebody wrote to behind the daemon's back, and what it says of records that
 * no checkpoint covers yet; start, stop and what changed between them are on record. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/authority_internal.h"
#include "ca/store/internal.h"
#include "tests/unit/authority_fixture.h"

/* ---- records ---- */

static int record_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct audit_record record = {.at = 1768893129, .actor = "olga", .role = "officer", .action = "test", .object = "", .outcome = "done",
                                  .reason = "", .detail = argument};
    (void)error;
    audit_add(txn, &record);
    return store_txn_failed(txn);
}

static void record_add(struct fixture *fixture, const char *detail)
{
    struct error error = ERROR_NONE;

    if (store_write(fixture->store, record_store, (void *)(uintptr_t)detail, &error) != OK)
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

static struct audit_chain verify(struct fixture *fixture)
{
    struct audit_chain chain;
    struct error error = ERROR_NONE;

    if (authority_audit_verify(fixture->authority, &chain, &error) != OK)
        fail_msg("%s: %s", error.reason, error.message);
    return chain;
}

static void expect_found(struct fixture *fixture, const char *what, const char *reason)
{
    struct audit_chain chain;
    struct error error = ERROR_NONE;

    if (authority_audit_verify(fixture->authority, &chain, &error) != REFUSED || strcmp(error.reason, reason) != 0)
        fail_msg("%s: expected %s, came %s: %s", what, reason, error.status == OK ? "nothing" : error.reason, error.message);
}

static void test_good(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 10; i++)
        record_add(fixture, "before");
    checkpoint_add(fixture);
    struct audit_chain chain = verify(fixture);
    assert_int_equal(chain.last, chain.checkpoint);
    record_add(fixture, "after");
    record_add(fixture, "after");
    chain = verify(fixture);
    assert_int_equal(chain.after_checkpoint, 2); /* how many could be forged */
    checkpoint_add(fixture);
    uint64_t checkpoints = chain.checkpoints;
    chain = verify(fixture);
    assert_int_equal(chain.after_checkpoint, 0);
    assert_int_equal(chain.checkpoints, checkpoints + 1);
    checkpoint_add(fixture); /* nothing was recorded since: none is made, and the signer is not asked */
    assert_int_equal(verify(fixture).checkpoints, checkpoints + 1);
}

/* ---- behind the daemon's back: raw rows ---- */

struct row {
    enum table table;
    uint64_t number;
    struct buf value; /* empty: take the row out */
    struct buf head;  /* the setting too, when not empty */
};

static int row_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct row *row = argument;

    (void)error;
    if (row->value.size == 0)
        txn_delete(txn, row->table, ID_BYTES(row->number));
    else
        txn_put(txn, row->table, ID_BYTES(row->number), buf_bytes(&row->value));
    if (row->head.size > 0)
        setting_put(txn, "audit.head", buf_bytes(&row->head));
    return store_txn_failed(txn);
}

static void row_write(struct fixture *fixture, struct row *row)
{
    assert_int_equal(store_write(fixture->store, row_store, row, NULL), OK);
}

static void row_read(struct fixture *fixture, enum table table, uint64_t number, struct row *row)
{
    *row = (struct row){.table = table, .number = number, .value = BUF_EMPTY, .head = BUF_EMPTY};
    assert_int_equal(table_get(fixture->store, table, ID_BYTES(number), &row->value, NULL), OK);
}

/* The row changed in one octet, or taken out; found; put back; good again. */
static void tamper(struct fixture *fixture, enum table table, uint64_t number, size_t octet, const char *what, const char *reason)
{
    struct row row, changed;

    row_read(fixture, table, number, &row);
    row_read(fixture, table, number, &changed);
    if (octet == SIZE_MAX)
        buf_clear(&changed.value);
    else
        changed.value.data[octet < changed.value.size ? octet : changed.value.size - 1] ^= 1;
    row_write(fixture, &changed);
    expect_found(fixture, what, reason);
    row_write(fixture, &row);
    verify(fixture);
    buf_free(&row.value);
    buf_free(&changed.value);
}

static void test_tampered(void **state)
{
    struct fixture *fixture = *state;
    uint64_t last = verify(fixture).checkpoint;

    tamper(fixture, TABLE_AUDIT, 5, 1000, "a record's last octet", "audit.changed");
    tamper(fixture, TABLE_AUDIT, 5, 10, "what a record says of the one before", "audit.changed");
    tamper(fixture, TABLE_AUDIT, 1, 44, "the first record", "audit.changed");
    tamper(fixture, TABLE_AUDIT, last, 1000, "the last record", "audit.changed");
    tamper(fixture, TABLE_AUDIT, 5, SIZE_MAX, "a record taken out", "audit.missing");
    tamper(fixture, TABLE_AUDIT, 1, SIZE_MAX, "the first record taken out", "audit.missing");
    tamper(fixture, TABLE_AUDIT, last, SIZE_MAX, "the last record taken out", "audit.cut");
    tamper(fixture, TABLE_CHECKPOINTS, last, SIZE_MAX, "the last checkpoint taken out", "audit.cut");
    tamper(fixture, TABLE_CHECKPOINTS, last, 40, "the last checkpoint changed", "audit.checkpoint");
}

static void test_inserted(void **state)
{
    struct fixture *fixture = *state;
    uint64_t last = verify(fixture).last;
    struct row row;

    row_read(fixture, TABLE_AUDIT, last, &row);
    row.number = last + 1; /* a copy of the last record after it, and the head left alone */
    row_write(fixture, &row);
    expect_found(fixture, "a record put in", "audit.changed");
    buf_clear(&row.value);
    row_write(fixture, &row);
    verify(fixture);
    buf_free(&row.value);
}

/* The end cut off with everything set right that lies in the database: the signer's journal knows better. */
static void test_put_back(void **state)
{
    struct fixture *fixture = *state;
    struct row records[3], checkpoint, previous;
    uint64_t before = verify(fixture).checkpoint;
    struct buf head_now = BUF_EMPTY;
    uint8_t head[40];

    record_add(fixture, "lost");
    record_add(fixture, "lost");
    record_add(fixture, "lost");
    checkpoint_add(fixture);
    assert_int_equal(setting_get(fixture->store, "audit.head", &head_now, NULL), OK);
    row_read(fixture, TABLE_CHECKPOINTS, before + 3, &checkpoint);
    row_read(fixture, TABLE_AUDIT, before, &previous);
    put_u64(head, before);
    sha256_of(buf_bytes(&previous.value), head + 8);
    for (uint64_t i = 0; i < 3; i++)
        row_read(fixture, TABLE_AUDIT, before + 1 + i, &records[i]);
    struct row gone = checkpoint;
    gone.value = (struct buf)BUF_EMPTY;
    buf_add(&gone.head, head, sizeof head);
    row_write(fixture, &gone);
    for (uint64_t i = 0; i < 3; i++) {
        struct row out = {.table = TABLE_AUDIT, .number = before + 1 + i, .value = BUF_EMPTY, .head = BUF_EMPTY};
        row_write(fixture, &out);
    }
    expect_found(fixture, "the database put back", "audit.cut");
    for (size_t i = 0; i < 3; i++) {
        row_write(fixture, &records[i]);
        buf_free(&records[i].value);
    }
    buf_add(&checkpoint.head, head_now.data, head_now.size);
    row_write(fixture, &checkpoint);
    verify(fixture);
    buf_free(&checkpoint.value);
    buf_free(&checkpoint.head);
    buf_free(&gone.head);
    buf_free(&previous.value);
    buf_free(&head_now);
}

/* ---- a restore leaves numbers out, and says so ---- */

struct skip {
    uint64_t to;
    const char *action;
};

static int skip_store(struct store_txn *txn, void *argument, struct error *error)
{
    const struct skip *skip = argument;
    struct audit_record record = {.at = 1768893129, .actor = "root", .role = "root", .action = skip->action, .object = "", .outcome = "lost",
                                  .reason = "", .detail = ""};
    (void)error;
    audit_skip(txn, skip->to);
    audit_add(txn, &record);
    return store_txn_failed(txn);
}

static void test_restored(void **state)
{
    struct fixture *fixture = *state;
    uint64_t last = verify(fixture).last;
    struct skip told = {last + 100, AUDIT_GAP_ACTION}, back = {5, "test"};

    assert_int_equal(store_write(fixture->store, skip_store, &told, NULL), OK);
    checkpoint_add(fixture);
    struct audit_chain chain = verify(fixture);
    assert_int_equal(chain.last, last + 101);
    assert_int_equal(chain.lost, 100);
    assert_int_equal(chain.after_checkpoint, 0);
    assert_int_equal(store_write(fixture->store, skip_store, &back, NULL), OK); /* never downwards */
    chain = verify(fixture);
    assert_int_equal(chain.last, last + 102);
    assert_int_equal(chain.lost, 100);
}

/* The same without saying so is a record that is missing. The last test: the chain stays as it is then. */
static void test_gap_untold(void **state)
{
    struct fixture *fixture = *state;
    struct skip untold = {verify(fixture).last + 100, "test"};

    assert_int_equal(store_write(fixture->store, skip_store, &untold, NULL), OK);
    expect_found(fixture, "numbers left out", "audit.missing");
}

/* ---- start, stop, and what changed between ---- */

static size_t count_records(struct fixture *fixture, const char *action, const char *outcome, uint64_t after)
{
    struct audit_record rows[50];
    struct audit_filter filter = {.action = action, .outcome = outcome};
    size_t count = 0;

    assert_int_equal(authority_audit_list(fixture->authority, &filter, after, rows, 50, &count, NULL), OK);
    audit_rows_free(rows, count);
    return count;
}

static void restart(struct fixture *fixture, const char *more)
{
    struct error error = ERROR_NONE;

    if (fixture_restart(fixture, more, &error) != OK)
        fail_msg("%s: %s", error.reason, error.message);
}

static void test_start_and_stop(void **state)
{
    struct fixture *fixture = *state;
    uint64_t last = verify(fixture).last;

    restart(fixture, NULL);
    struct audit_chain chain = verify(fixture);
    assert_int_equal(count_records(fixture, "daemon.stop", "stopped", last), 1);
    assert_int_equal(count_records(fixture, "daemon.start", "started", last), 1);
    assert_int_equal(count_records(fixture, "start.digest", NULL, last), 0); /* nothing changed */
    assert_int_equal(chain.checkpoint, last + 1);                            /* the stop is under a checkpoint */
    authority_tick(fixture->authority);
    chain = verify(fixture);
    assert_int_equal(chain.checkpoint, chain.last); /* and the start soon is */
    last = chain.last;
    restart(fixture, "[audit]\ncheckpoint = 30m\n");
    assert_int_equal(count_records(fixture, "start.digest", "changed", last), 1);
    verify(fixture);
}

static int begin(void **state)
{
    static struct fixture fixture;
    struct error error = ERROR_NONE;

    if (fixture_begin(&fixture, NULL, &error) != OK)
        fail_msg("%s: %s", error.reason, error.message);
    *state = &fixture;
    return 0;
}

static int end(void **state)
{
    fixture_end(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good), cmocka_unit_test(test_tampered), cmocka_unit_test(test_inserted), cmocka_unit_test(test_put_back),
        cmocka_unit_test(test_restored), cmocka_unit_test(test_start_and_stop), cmocka_unit_test(test_gap_untold),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
