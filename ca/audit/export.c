/* The file, line by line. The last line must be the first one again, so that the signature is checked once, where it belongs. */
#include "ca/audit/export.h"

#include <string.h>

#include "ca/audit/line.h"

static int line_next(struct bytes *rest, struct bytes *line)
{
    const uint8_t *end = rest->size ? memchr(rest->data, '\n', rest->size) : NULL;
    if (!end)
        return BAD_DATA;
    *line = bytes_of(rest->data, (size_t)(end - rest->data) + 1);
    *rest = bytes_of(end + 1, rest->size - line->size);
    return OK;
}

static int record_take(struct audit_chain *chain, struct bytes line, struct error *error)
{
    struct buf octets = BUF_EMPTY;
    uint64_t number = 0;
    int status = audit_line_record_read(line, &number, &octets, error);
    if (!status)
        status = audit_chain_record(chain, number, buf_bytes(&octets), error);
    buf_free(&octets);
    return status;
}

static int checkpoint_take(struct audit_chain *chain, struct bytes line, struct error *error)
{
    struct audit_checkpoint checkpoint = {0};
    int status = audit_line_checkpoint_read(line, &checkpoint, error);
    if (!status)
        status = audit_chain_checkpoint(chain, &checkpoint, error);
    audit_checkpoint_free(&checkpoint);
    return status;
}

static int lines_take(struct audit_chain *chain, struct bytes head, struct bytes rest, struct error *error)
{
    struct bytes line = {NULL, 0};
    unsigned long long number = 1;
    int status = OK;
    bool ended = false;
    while (rest.size && !status) {
        number++;
        if (ended)
            status = error_set(error, REFUSED, "audit.line", "something stands after its end");
        else if (line_next(&rest, &line) != OK)
            status = error_set(error, REFUSED, "audit.cut", "it ends within a line");
        else
            status = audit_line_is_checkpoint(line) ? checkpoint_take(chain, line, error) : record_take(chain, line, error);
        ended = !status && bytes_equal(line, head);
    }
    if (status && error) {
        error_prefix(error, "line %llu", number);
        return error->status = REFUSED;
    }
    if (!ended)
        return error_set(error, REFUSED, "audit.cut", "it ends after record %llu, before the checkpoint that its first line says is its last: "
                         "its end was cut off", (unsigned long long)chain->last);
    return status;
}

int audit_export_verify(struct bytes file, const struct audit_keys *keys, uint64_t after, struct audit_chain *chain, struct error *error)
{
    struct bytes head = {NULL, 0}, rest = file;
    audit_chain_begin(chain, keys, after);
    if (line_next(&rest, &head) != OK || !audit_line_is_checkpoint(head))
        return error_set(error, REFUSED, "audit.line", "line 1: an export begins with its last checkpoint, and this file does not");
    return lines_take(chain, head, rest, error);
}
