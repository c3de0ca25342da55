/* Breaks a database in a named way, for tests of check-db: what no program of ours ever does.
 *   break_store FOLDER TABLE drop|garble [NUMBER]     the NUMBERth record of a table or index (the first)
 * The change goes through log and transactions, so that only its meaning is wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/log.h"
#include "ca/store/internal.h"

struct breaking {
    enum table table;
    bool garble;
    uint64_t number;
    bool found;
};

static int break_one(struct store_txn *txn, void *argument, struct error *error)
{
    struct breaking *breaking = argument;
    DB *db = txn->store->tables[breaking->table];
    DBC *cursor = NULL;
    DBT key = {.flags = DB_DBT_REALLOC}, value = {.flags = DB_DBT_REALLOC};
    int code = db->cursor(db, txn->txn, &cursor, 0);
    for (uint64_t at = 0; !code && at < breaking->number; at++)
        code = cursor->get(cursor, &key, &value, DB_NEXT);
    breaking->found = !code;
    if (!code && breaking->garble) {
        ((uint8_t *)value.data)[value.size / 2] ^= 0x5a;
        code = cursor->put(cursor, NULL, &value, DB_CURRENT);
    } else if (!code) {
        code = cursor->del(cursor, 0);
    }
    if (cursor)
        cursor->close(cursor);
    free(key.data);
    free(value.data);
    return code ? error_set(error, INTERNAL, "break", "%s", db_strerror(code)) : OK;
}

int main(int argc, char **argv)
{
    struct breaking breaking = {.table = TABLE_COUNT, .number = 1};
    struct error error = ERROR_NONE;
    struct store *store = NULL;
    if (argc < 4 || (argc > 4 && number_parse(argv[4], &breaking.number)))
        return USAGE;
    for (int table = 0; table < TABLE_COUNT; table++)
        if (strcmp(table_names[table], argv[2]) == 0)
            breaking.table = (enum table)table;
    if (breaking.table == TABLE_COUNT)
        return USAGE;
    breaking.garble = strcmp(argv[3], "garble") == 0;
    log_open("break_store", false, false);
    struct store_options options = {.path = argv[1], .without_indices = true};
    int status = store_open(&options, &store, &error);
    if (!status)
        status = store_write(store, break_one, &breaking, &error);
    if (store)
        store_close(store);
    if (status)
        fprintf(stderr, "break_store: %s\n", error.message);
    return status;
}
