/* Every decoder of the store over hostile octets: a damaged database must be told, never believed into a crash. What a
 * decoder accepts must encode again and be accepted again. */
#include "ca/store/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int status)
{
    if (status != OK)
        __builtin_trap();
}

static void try_request(struct bytes in)
{
    struct request request, again;
    struct buf out = BUF_EMPTY;

    if (request_decode(1, in, &request) != OK)
        return;
    request_encode(&request, &out);
    must(request_decode(1, buf_bytes(&out), &again));
    request_free(&again);
    request_free(&request);
    buf_free(&out);
}

static void try_certificate(struct bytes in)
{
    struct certificate certificate, again;
    struct buf out = BUF_EMPTY;

    if (certificate_decode(1, in, &certificate) != OK)
        return;
    certificate_encode(&certificate, &out);
    must(certificate_decode(1, buf_bytes(&out), &again));
    certificate_record_free(&again);
    certificate_record_free(&certificate);
    buf_free(&out);
}

static void try_reservation(struct bytes in)
{
    struct reservation reservation, again;
    struct buf out = BUF_EMPTY;

    if (reservation_decode(1, in, &reservation) != OK)
        return;
    reservation_encode(&reservation, &out);
    must(reservation_decode(1, buf_bytes(&out), &again));
    reservation_free(&again);
    reservation_free(&reservation);
    buf_free(&out);
}

static void try_event(struct bytes in)
{
    struct event event, again;
    struct buf out = BUF_EMPTY;

    if (event_decode(1, in, &event) != OK)
        return;
    event_encode(&event, &out);
    must(event_decode(1, buf_bytes(&out), &again));
    event_free(&again);
    event_free(&event);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);

    try_request(in);
    try_certificate(in);
    try_reservation(in);
    try_event(in);
    return 0;
}
