/* A list of blocked keys: read, asked, and refused with the number of a line. */
#include <string.h>

#include "ca/x509/key_blocklist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = ERROR_NONE;
    struct key_blocklist list;
    uint8_t none[32] = {0};

    if (key_blocklist_read(bytes_of(data, size), &list, &error) == OK) {
        key_blocklist_has(&list, none);
        for (size_t i = 0; i < list.count; i++)
            if (!key_blocklist_has(&list, list.digests[i]) || (i > 0 && memcmp(list.digests[i - 1], list.digests[i], 32) >= 0))
                __builtin_trap(); /* not found, not sorted, or twice */
    } else if (!strstr(error.message, "line") && size <= KEY_BLOCKLIST_FILE_MAX) {
        __builtin_trap();
    }
    key_blocklist_free(&list);
    return 0;
}
