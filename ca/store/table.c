/* Octets in and out of tables: on the closure's transaction with its sticky status, or in short reads of their own that try
 * again when the deadlock detector picked them. */
#include <stdlib.h>
#include <string.h>

#include "ca/store/internal.h"

#define READ_TRIES 20

void txn_fail(struct store_txn *txn, int status)
{
    if (!txn->status)
        txn->status = status;
}

static DBT dbt_of(struct bytes data)
{
    DBT dbt = {.data = (void *)data.data, .size = (u_int32_t)data.size};
    return dbt;
}

static int txn_code(struct store_txn *txn, int code)
{
    if (code)
        txn_fail(txn, code == DB_LOCK_DEADLOCK || code == DB_LOCK_NOTGRANTED || code == 28 /* ENOSPC */ ? TEMPORARY : INTERNAL);
    return txn->status;
}

int txn_put(struct store_txn *txn, enum table table, struct bytes key, struct bytes value)
{
    if (txn->status)
        return txn->status;
    DB *db = txn->store->tables[table];
    DBT k = dbt_of(key), v = dbt_of(value);
    return txn_code(txn, db->put(db, txn->txn, &k, &v, 0));
}

int txn_insert(struct store_txn *txn, enum table table, struct bytes key, struct bytes value)
{
    if (txn->status)
        return txn->status;
    DB *db = txn->store->tables[table];
    DBT k = dbt_of(key), v = dbt_of(value);
    int code = db->put(db, txn->txn, &k, &v, DB_NOOVERWRITE);
    return code == DB_KEYEXIST ? REFUSED : txn_code(txn, code);
}

int txn_delete(struct store_txn *txn, enum table table, struct bytes key)
{
    if (txn->status)
        return txn->status;
    DB *db = txn->store->tables[table];
    DBT k = dbt_of(key);
    int code = db->del(db, txn->txn, &k, 0);
    return code == DB_NOTFOUND ? REFUSED : txn_code(txn, code);
}

static int value_take(DBT *dbt, struct buf *value)
{
    buf_add(value, dbt->data, dbt->size);
    free(dbt->data);
    return value->failed ? INTERNAL : OK;
}

int txn_get(struct store_txn *txn, enum table table, struct bytes key, struct buf *value)
{
    if (txn->status)
        return txn->status;
    DB *db = txn->store->tables[table];
    DBT k = dbt_of(key), v = {.flags = DB_DBT_MALLOC};
    int code = db->get(db, txn->txn, &k, &v, 0);
    if (code == DB_NOTFOUND)
        return REFUSED;
    if (code)
        return txn_code(txn, code);
    if (value_take(&v, value))
        txn_fail(txn, INTERNAL);
    return txn->status;
}

int table_get(struct store *store, enum table table, struct bytes key, struct buf *value, struct error *error)
{
    DB *db = store->tables[table];
    int code = DB_LOCK_DEADLOCK;
    DBT v = {0};
    for (int try = 0; try < READ_TRIES && code == DB_LOCK_DEADLOCK; try++) {
        DBT k = dbt_of(key);
        v = (DBT){.flags = DB_DBT_MALLOC};
        code = db->get(db, NULL, &k, &v, DB_READ_COMMITTED);
    }
    if (code)
        return db_error(code, "reading the database", error);
    return value_take(&v, value) ? error_memory(error) : OK;
}

/* ---- scans: pages of keys, each page through a cursor of its own that holds no lock while the callback works ---- */

#define PAGE 128
struct page_row {
    struct buf key, primary, value;
};
struct page {
    struct page_row rows[PAGE];
    size_t count;
};

static void page_free(struct page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        buf_free(&page->rows[i].key);
        buf_free(&page->rows[i].primary);
        buf_free(&page->rows[i].value);
    }
    page->count = 0;
}

static int cursor_get(DBC *cursor, const struct scan *scan, DBT *key, DBT *primary, DBT *value, u_int32_t flag)
{
    if (scan->table >= INDEX_DISPOSITION)
        return cursor->pget(cursor, key, primary, value, flag);
    return cursor->get(cursor, key, value, flag);
}

/* Where a cursor starts: the first key >= from, or downwards the last key < from (or <= when there is none: the prefix's end). */
static int cursor_start(DBC *cursor, const struct scan *scan, struct bytes from, bool exclusive, DBT *key, DBT *primary, DBT *value)
{
    if (!scan->descending) {
        if (!from.size)
            return cursor_get(cursor, scan, key, primary, value, DB_FIRST);
        key->data = malloc(from.size);
        if (!key->data)
            return 12;
        memcpy(key->data, from.data, from.size);
        key->size = (u_int32_t)from.size;
        int code = cursor_get(cursor, scan, key, primary, value, DB_SET_RANGE);
        if (!code && exclusive && key->size == from.size && memcmp(key->data, from.data, from.size) == 0)
            code = cursor_get(cursor, scan, key, primary, value, DB_NEXT);
        return code;
    }
    if (!from.size)
        return cursor_get(cursor, scan, key, primary, value, DB_LAST);
    key->data = malloc(from.size);
    if (!key->data)
        return 12;
    memcpy(key->data, from.data, from.size);
    key->size = (u_int32_t)from.size;
    int code = cursor_get(cursor, scan, key, primary, value, DB_SET_RANGE);
    if (code == DB_NOTFOUND)
        return cursor_get(cursor, scan, key, primary, value, DB_LAST);
    return code ? code : cursor_get(cursor, scan, key, primary, value, DB_PREV);
}

static bool prefix_fits(struct bytes prefix, const DBT *key)
{
    return prefix.size == 0 || (key->size >= prefix.size && memcmp(key->data, prefix.data, prefix.size) == 0);
}

static int page_read(struct store *store, const struct scan *scan, struct bytes from, bool exclusive, struct page *page)
{
    DB *db = store->tables[scan->table];
    DBC *cursor = NULL;
    DBT key = {.flags = DB_DBT_REALLOC}, primary = {.flags = DB_DBT_REALLOC}, value = {.flags = DB_DBT_REALLOC};
    if (!scan->with_data && scan->table >= INDEX_DISPOSITION)
        value = (DBT){.flags = DB_DBT_PARTIAL | DB_DBT_REALLOC}; /* the primary record itself is not wanted */
    int code = db->cursor(db, NULL, &cursor, DB_READ_COMMITTED);
    if (!code)
        code = cursor_start(cursor, scan, from, exclusive, &key, &primary, &value);
    while (!code && prefix_fits(scan->prefix, &key)) {
        struct page_row *row = &page->rows[page->count++];
        memset(row, 0, sizeof *row);
        buf_add(&row->key, key.data, key.size);
        if (scan->table >= INDEX_DISPOSITION)
            buf_add(&row->primary, primary.data, primary.size);
        buf_add(&row->value, value.data, value.size);
        if (row->key.failed || row->primary.failed || row->value.failed)
            code = 12; /* ENOMEM */
        else if (page->count == PAGE)
            break;
        else
            code = cursor_get(cursor, scan, &key, &primary, &value, scan->descending ? DB_PREV : DB_NEXT);
    }
    if (cursor)
        cursor->close(cursor);
    free(key.data);
    free(primary.data);
    free(value.data);
    return code == DB_NOTFOUND ? 0 : code;
}

static int page_read_retry(struct store *store, const struct scan *scan, struct bytes from, bool exclusive, struct page *page)
{
    int code = DB_LOCK_DEADLOCK;
    for (int try = 0; try < READ_TRIES && code == DB_LOCK_DEADLOCK; try++) {
        page_free(page);
        code = page_read(store, scan, from, exclusive, page);
    }
    return code;
}

/* The smallest key above every key with this prefix; empty: there is none. */
static void prefix_end(struct bytes prefix, struct buf *end)
{
    buf_add(end, prefix.data, prefix.size);
    while (end->size && end->data[end->size - 1] == 0xff)
        end->size--;
    if (end->size)
        end->data[end->size - 1]++;
}

int table_scan(struct store *store, const struct scan *scan, struct error *error)
{
    struct page *page = calloc(1, sizeof *page);
    struct buf from = BUF_EMPTY;
    bool exclusive = false;
    int status = page ? OK : error_memory(error);
    if (scan->from.size)
        buf_add(&from, scan->from.data, scan->from.size);
    else if (scan->descending)
        prefix_end(scan->prefix, &from);
    else
        buf_add(&from, scan->prefix.data, scan->prefix.size);
    while (!status) {
        int code = page_read_retry(store, scan, buf_bytes(&from), exclusive, page);
        if (code)
            status = db_error(code, "reading the database", error);
        for (size_t i = 0; i < page->count && !status; i++) {
            const struct page_row *row = &page->rows[i];
            status = scan->each(buf_bytes(&row->key), buf_bytes(&row->primary), buf_bytes(&row->value), scan->argument);
        }
        bool full = page->count == PAGE;
        if (full && !status) {
            buf_clear(&from);
            buf_add(&from, page->rows[PAGE - 1].key.data, page->rows[PAGE - 1].key.size);
            exclusive = true;
        }
        page_free(page);
        if (!full)
            break;
    }
    buf_free(&from);
    free(page);
    return status == SCAN_END ? OK : status;
}
