/* The strict reader alone, names, extensions and CRLs over hostile octets. */
#include <stdlib.h>

#include "ca/x509/crl.h"
#include "ca/x509/extension.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size), tbs;
    struct general_name *names = NULL;
    struct extension *extensions = NULL;
    size_t name_count = 0, extension_count = 0;
    struct walk_fault fault;
    struct crl_facts facts;
    const char *what;
    char *text = NULL;

    walk_check(in, WALK_STRICT, &fault);
    walk_check(in, WALK_LIMITS, &fault);
    name_check(in, NAME_ISSUE, &what);
    name_to_text(in, &text, NULL);
    general_names_read(in, 100, &names, &name_count, &what);
    extensions_read(in, WALK_STRICT, 32, &extensions, &extension_count, &what);
    for (size_t i = 0; i < extension_count; i++) {
        struct extension_view view = {.value = bytes_of(extensions[i].value, extensions[i].size)};

        __builtin_strncpy(view.oid, extensions[i].oid, sizeof(view.oid) - 1);
        extension_check(&view, i % 2 == 0, &what);
    }
    crl_tbs_walk(in, &facts, NULL);
    crl_walk(in, &facts, &tbs, NULL);
    free(text);
    general_names_free(names, name_count);
    extensions_free(extensions, extension_count);
    return 0;
}
