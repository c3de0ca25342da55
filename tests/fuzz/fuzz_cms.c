/* Renewal requests in CMS as they come from outside: read, then verified against each certificate that they carry, as if it were
 * the one to be renewed; and the PKCS#10 inside asked what it renews. */
#include "ca/x509/cms.h"
#include "ca/x509/pkcs10.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read lies within the input: one octet outside, and the verifier would look at memory that is not ours. */
static void check_within(struct bytes part, const uint8_t *data, size_t size)
{
    if (part.size > 0 && (part.data < data || part.data + part.size > data + size))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = ERROR_NONE;
    struct bytes renewed;
    struct pkcs10 request;
    struct cms cms;

    cms_is_signed(bytes_of(data, size));
    if (cms_read(bytes_of(data, size), &cms, &error) != OK) {
        if (error.status == OK || error.reason[0] == '\0')
            __builtin_trap(); /* a refusal without a reason */
        return 0;
    }
    check_within(cms.content, data, size);
    check_within(cms.issuer, data, size);
    check_within(cms.key_id, data, size);
    if (cms.certificate_count > CMS_CERTIFICATES_MAX || cms.serial.size > SERIAL_MAX)
        __builtin_trap();
    for (size_t i = 0; i < cms.certificate_count; i++) {
        check_within(cms.certificates[i], data, size);
        error_clear(&error);
        if (cms_verify(bytes_of(data, size), cms.certificates[i], &error) != OK && error.reason[0] == '\0')
            __builtin_trap();
    }
    error_clear(&error);
    if (pkcs10_read(cms.content, &request, &error) == OK) {
        if (pkcs10_renewed_certificate(cms.content, &renewed, &error) == OK)
            check_within(renewed, data, size);
        pkcs10_free(&request);
    }
    return 0;
}
