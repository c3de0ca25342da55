/* The audit checkpoint's DER, written and read. Reading is by building again:
 * what does not come out the same octets was not ours. */
#include "config.h"

#include "ca/signer/checkpoint.h"

#include <string.h>

#include "ca/x509/walk.h"

#define CHECKPOINT_LABEL "chancery audit checkpoint 1"

void checkpoint_build(const struct checkpoint *checkpoint, struct buf *der)
{
    size_t mark = der_open(der, DER_SEQUENCE);

    der_add(der, DER_UTF8, bytes_of_text(CHECKPOINT_LABEL));
    der_add_number(der, DER_INTEGER, checkpoint->number);
    der_add_number(der, DER_INTEGER, checkpoint->previous);
    der_add(der, DER_OCTETS, bytes_of(checkpoint->head, sizeof checkpoint->head));
    if (der_add_generalized_time(der, DER_TIME, checkpoint->at) != OK) /* a year beyond 9999 */
        der->failed = true;
    der_close(der, mark);
}

int checkpoint_read(struct bytes der, struct checkpoint *out)
{
    struct buf again = BUF_EMPTY;
    struct bytes rest;
    struct tlv label, number, previous, head, at;
    int status = BAD_DATA;

    if (walk_only(der, DER_SEQUENCE, &rest) != OK || walk_expect(&rest, DER_UTF8, &label) != OK ||
        walk_expect(&rest, DER_INTEGER, &number) != OK || walk_expect(&rest, DER_INTEGER, &previous) != OK ||
        walk_expect(&rest, DER_OCTETS, &head) != OK || walk_expect(&rest, DER_TIME, &at) != OK ||
        walk_number(number.content, &out->number) != OK || walk_number(previous.content, &out->previous) != OK ||
        head.content.size != sizeof out->head || walk_time(at.tag, at.content, &out->at) != OK)
        return BAD_DATA;
    memcpy(out->head, head.content.data, sizeof out->head);
    checkpoint_build(out, &again);
    if (!again.failed && bytes_equal(buf_bytes(&again), der))
        status = OK;
    buf_free(&again);
    return status;
}
