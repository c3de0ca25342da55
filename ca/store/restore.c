/* What taking back after a restore needs of the store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/store/internal.h"
#include "ca/store/restore.h"

#define DROP_BATCH 200

/* ---- numbers ---- */

uint64_t counter_get(struct store *store, const char *name)
{
    struct buf key = BUF_EMPTY, value = BUF_EMPTY;
    struct error none = ERROR_NONE;
    buf_printf(&key, "counter/%s", name);
    uint64_t number = !table_get(store, TABLE_SETTINGS, buf_bytes(&key), &value, &none) && value.size == 8 ? get_u64(value.data) : 0;
    buf_free(&key);
    buf_free(&value);
    return number;
}

static int number_raise(struct store_txn *txn, const char *key, uint64_t least)
{
    struct buf value = BUF_EMPTY;
    uint64_t now = txn_get(txn, TABLE_SETTINGS, bytes_of_text(key), &value) == OK && value.size == 8 ? get_u64(value.data) : 0;
    buf_free(&value);
    return least > now ? txn_put(txn, TABLE_SETTINGS, bytes_of_text(key), ID_BYTES(least)) : txn->status;
}

int counter_raise(struct store_txn *txn, const char *name, uint64_t least)
{
    char key[64];
    snprintf(key, sizeof key, "counter/%s", name);
    return number_raise(txn, key, least);
}

int crls_number_raise(struct store_txn *txn, unsigned key_index, uint64_t least)
{
    char key[64];
    snprintf(key, sizeof key, "setting/crl.highest.%u", key_index);
    return number_raise(txn, key, least);
}

uint64_t crls_number(struct store *store, unsigned key_index)
{
    struct buf value = BUF_EMPTY;
    struct error none = ERROR_NONE;
    char name[48];
    snprintf(name, sizeof name, "crl.highest.%u", key_index);
    uint64_t number = !setting_get(store, name, &value, &none) && value.size == 8 ? get_u64(value.data) : 0;
    buf_free(&value);
    return number;
}

int serials_take(struct store_txn *txn, const struct serial *serial, uint64_t id)
{
    return txn_insert(txn, TABLE_SERIALS, bytes_of(serial->octets, serial->size), ID_BYTES(id));
}

/* ---- CRLs of yesterday ---- */

struct dropping {
    struct outbox_row rows[DROP_BATCH];
    size_t count;
    uint64_t dropped;
};

static int drop_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct dropping *dropping = argument;
    (void)error;
    for (size_t i = 0; i < dropping->count; i++)
        if (dropping->rows[i].event.kind == EVENT_CRL_ISSUED) {
            outbox_drop(txn, dropping->rows[i].module, dropping->rows[i].sequence);
            dropping->dropped++;
        }
    return txn->status;
}

int outbox_drop_crls(struct store *store, uint64_t *count, struct error *error)
{
    struct dropping *dropping = calloc(1, sizeof *dropping);
    uint64_t after = 0;
    int status = dropping ? OK : error_memory(error);
    *count = 0;
    while (!status) {
        status = outbox_list(store, NULL, after, dropping->rows, DROP_BATCH, &dropping->count, error);
        if (status || !dropping->count)
            break;
        after = dropping->rows[dropping->count - 1].sequence;
        dropping->dropped = 0;
        status = store_write_reserved(store, drop_store, dropping, error);
        *count += dropping->dropped;
        for (size_t i = 0; i < dropping->count; i++)
            outbox_row_free(&dropping->rows[i]);
    }
    free(dropping);
    return status;
}
