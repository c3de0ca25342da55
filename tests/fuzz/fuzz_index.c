/* index.txt of `openssl ca` and the language of filters over hostile text: what is taken is within its limits. */
#include <stdlib.h>
#include <string.h>

#include "ca/authority_bulk.h"
#include "ca/chancery_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const char *text, size_t size)
{
    struct index_line entry;
    struct error error = ERROR_NONE;

    if (index_line_read(text, size, &entry, &error) != OK)
        return;
    size_t digits = strlen(entry.serial); /* a file is named after it */
    if (digits < 2 || digits > INDEX_SERIAL_MAX || strspn(entry.serial, "0123456789ABCDEF") != digits)
        abort();
    if ((entry.state == 'R') != (entry.reason != NULL))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct filter filter;
    struct error error = ERROR_NONE;
    uint64_t number;
    int64_t at;
    char *text = malloc(size + 1);

    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    index_number_read(text, size, &number);
    index_time_read(text, size, &at);
    for (size_t from = 0; from < size; from += strcspn(text + from, "\n") + 1)
        check_line(text + from, strcspn(text + from, "\n"));
    check_line(text, size);
    if (filter_parse(text, 1768893129, &filter, &error) == OK)
        filter_free(&filter);
    free(text);
    return 0;
}
