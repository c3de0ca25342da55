/* Indices against what they are of: every key that a record has stands in the index and names the record, and nothing else does. */
#include <stdlib.h>
#include <string.h>

#include "ca/store/inspect_internal.h"

static const char *const kinds[TABLE_COUNT] = {
    [TABLE_REQUESTS] = "request", [TABLE_CERTIFICATES] = "certificate", [TABLE_REVOKED] = "revocation"};

/* One index at a time; the callbacks of look_each know of it through here. */
struct index_look {
    struct look look; /* first: what look_each hands over */
    const struct index_row *row;
    uint64_t expected, found;
};

static unsigned long long number_of(struct bytes key)
{
    return key.size == 8 ? get_u64(key.data) : 0;
}

static int key_stands(struct index_look *index, struct bytes key, struct bytes primary)
{
    struct buf value = BUF_EMPTY;
    int status = look_get(&index->look, index->row->index, key, &value);
    bool right = !status && bytes_equal(buf_bytes(&value), primary);
    buf_free(&value);
    index->expected++;
    if (right || (status && status != REFUSED))
        return status;
    return inspection_add(index->look.inspection, "index %s: a row of %s %llu %s", table_names[index->row->index], kinds[index->row->primary],
                          number_of(primary), status ? "is missing" : "names another");
}

static void keys_free(DBT *result)
{
    DBT *keys = result->data;
    if (result->flags & DB_DBT_MULTIPLE) {
        for (u_int32_t i = 0; i < result->size; i++)
            free(keys[i].data);
        free(keys);
    } else {
        free(result->data);
    }
}

static int look_primary(struct look *look, struct bytes key, struct bytes value)
{
    struct index_look *index = (struct index_look *)look;
    DBT k = {.data = (void *)(uintptr_t)key.data, .size = (u_int32_t)key.size}, v = {.data = (void *)(uintptr_t)value.data, .size = (u_int32_t)value.size};
    DBT result = {0};
    int status = OK, code = index->row->callback(NULL, &k, &v, &result);
    if (code) /* nothing to index, or a damaged record, which is told with its table */
        return OK;
    if (result.flags & DB_DBT_MULTIPLE) {
        const DBT *keys = result.data;
        for (u_int32_t i = 0; i < result.size && !status; i++)
            status = key_stands(index, bytes_of(keys[i].data, keys[i].size), key);
    } else {
        status = key_stands(index, bytes_of(result.data, result.size), key);
    }
    keys_free(&result);
    return status;
}

static int look_index(struct look *look, struct bytes key, struct bytes value)
{
    struct index_look *index = (struct index_look *)look;
    struct buf record = BUF_EMPTY;
    (void)key;
    index->found++;
    int status = look_get(look, index->row->primary, value, &record);
    buf_free(&record);
    if (status != REFUSED)
        return status;
    return inspection_add(look->inspection, "index %s: it has a row for %s %llu, which is not there", table_names[index->row->index],
                          kinds[index->row->primary], number_of(value));
}

static int inspect_index(struct look *look, const struct index_row *row)
{
    struct index_look index = {.look = *look, .row = row};
    uint64_t before = look->inspection->findings;
    int status = look_each(&index.look, row->primary, look_primary);
    if (!status)
        status = look_each(&index.look, row->index, look_index);
    if (!status && look->inspection->findings == before && index.found != index.expected)
        status = inspection_add(look->inspection, "index %s: it has %llu rows, and %llu belong there", table_names[row->index],
                                (unsigned long long)index.found, (unsigned long long)index.expected);
    look->done = index.look.done;
    look->error = index.look.error;
    return status;
}

int inspect_indices(struct look *look)
{
    int status = OK;
    for (size_t i = 0; i < index_count && !status; i++)
        status = inspect_index(look, &index_rows[i]);
    return status;
}
