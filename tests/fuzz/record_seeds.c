/* Writes a record of each kind into a folder: seeds for fuzz_record, always of the form that this program writes. */
#include <stdio.h>
#include <stdlib.h>

#include "ca/base/file.h"
#include "ca/store/internal.h"
#include "tests/unit/store_fixture.h"

static int save(const char *folder, const char *name, struct buf *record)
{
    struct buf path = BUF_EMPTY;
    struct error error = ERROR_NONE;

    buf_printf(&path, "%s/%s", folder, name);
    if (file_write(buf_text(&path), buf_bytes(record), 0644, true, &error) != OK)
        fprintf(stderr, "%s\n", error.message);
    buf_free(&path);
    buf_clear(record);
    return error.status;
}

int main(int count, char **arguments)
{
    struct reservation reservation = {.id = 1, .serial = fixture_serial(1)};
    struct certificate certificate;
    struct event event;
    struct buf out = BUF_EMPTY;
    int rc;

    if (count != 2)
        return USAGE;
    fixture_request(1, DISPOSITION_ISSUED, &reservation.request);
    fixture_certificate(1, &certificate);
    fixture_event(1, EVENT_ISSUED, &event);
    request_encode(&reservation.request, &out);
    rc = save(arguments[1], "request", &out);
    reservation_encode(&reservation, &out);
    rc |= save(arguments[1], "reservation", &out);
    certificate_encode(&certificate, &out);
    rc |= save(arguments[1], "certificate", &out);
    event_encode(&event, &out);
    rc |= save(arguments[1], "event", &out);
    reservation_free(&reservation);
    certificate_record_free(&certificate);
    event_free(&event);
    buf_free(&out);
    return rc;
}
