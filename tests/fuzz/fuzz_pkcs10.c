/* Requests as they come from outside: read, and what was read printed and built from. */
#include "ca/x509/certificate.h"
#include "ca/x509/name.h"
#include "ca/x509/pkcs10.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = ERROR_NONE;
    struct pkcs10 request;
    struct buf name = BUF_EMPTY;

    if (pkcs10_read(bytes_of(data, size), &request, &error) == OK) {
        name_from_text(request.subject, "name", &name, NULL);
        if (request.name_count > 0)
            general_names_add(&name, request.names, request.name_count, "name", NULL);
        pkcs10_free(&request);
    } else if (error.status == OK || error.reason[0] == '\0') {
        __builtin_trap(); /* a refusal without a reason */
    }
    buf_free(&name);
    return 0;
}
