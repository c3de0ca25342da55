/* Making CRLs: entries through a buffer into a memfd, then the header before them in a second one. Constant memory.
 * Walking them is in crl_walk.c. RFC 5280 section 5. */
#include "ca/x509/crl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "ca/base/file.h"
#include "ca/base/oid.h"
#include "ca/x509/extension.h"

#define ENTRIES_BUFFER 65536

struct crl_writer {
    int fd;               /* entries, not sealed */
    uint64_t written;     /* octets in fd */
    uint64_t entries;
    bool delta;
    struct buf pending;   /* entries not yet in fd */
    struct buf before;    /* version … nextUpdate */
    struct buf after;     /* [0] crlExtensions */
    struct error error;   /* sticky */
};

static int make_memfd(const char *name, int *fd, struct error *error)
{
    if ((*fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)) < 0)
        return error_set(error, TEMPORARY, "crl.memory", "no memory file for the CRL: %s", strerror(errno));
    return OK;
}

static int put(int fd, struct bytes data, struct error *error)
{
    if (data.size > 0 && fd_write_all(fd, data.data, data.size) != OK)
        return error_set(error, TEMPORARY, "crl.memory", "the CRL could not be written to memory: %s", strerror(errno));
    return OK;
}

static int copy_all(int from, int to, uint64_t size, struct error *error)
{
    off_t at = 0;

    while ((uint64_t)at < size) {
        ssize_t done = sendfile(to, from, &at, (size_t)(size - (uint64_t)at));

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return error_set(error, TEMPORARY, "crl.memory", "the CRL could not be copied in memory: %s", done < 0 ? strerror(errno) : "it is cut off");
    }
    return OK;
}

static int seal(int fd, struct error *error)
{
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
        return error_set(error, INTERNAL, "crl.seal", "the CRL could not be sealed: %s", strerror(errno));
    return OK;
}

/* ---- the fields around the entries ---- */

static void add_extension(struct buf *out, const char *oid, bool critical, struct buf *value)
{
    extension_add(out, oid, critical, buf_bytes(value));
    out->failed = out->failed || value->failed;
    buf_clear(value);
}

/* issuingDistributionPoint with a full name alone: this CRL is for the certificates that carry the same URL. */
static void write_partition(struct buf *value, const char *url)
{
    size_t mark = der_open(value, DER_SEQUENCE), point = der_open(value, DER_CONTEXT_OPEN(0)), full = der_open(value, DER_CONTEXT_OPEN(0));

    der_add(value, DER_CONTEXT(6), bytes_of_text(url));
    der_close(value, full);
    der_close(value, point);
    der_close(value, mark);
}

static void build_extensions(const struct issuer *issuer, const struct crl_form *form, struct buf *out)
{
    size_t open = der_open(out, DER_CONTEXT_OPEN(0)), list = der_open(out, DER_SEQUENCE);
    struct bytes key_id = buf_bytes(&issuer->key_id_value);
    struct buf value = BUF_EMPTY;

    if (key_id.size == 0)
        key_id = bytes_of(issuer->key_id, sizeof(issuer->key_id));
    extension_write_authority_key_id(&value, key_id);
    add_extension(out, OID_AKI, false, &value);
    der_add_number(&value, DER_INTEGER, form->number);
    add_extension(out, OID_CRL_NUMBER, false, &value);
    if (form->delta_base != 0) {
        der_add_number(&value, DER_INTEGER, form->delta_base);
        add_extension(out, OID_DELTA_CRL, true, &value);
    }
    if (form->partition_url != NULL) {
        write_partition(&value, form->partition_url);
        add_extension(out, OID_IDP, true, &value);
    }
    if (form->delta_base == 0 && form->freshest_urls.count > 0) { /* not in deltas, RFC 5280 5.2.6 */
        extension_write_distribution_points(&value, &form->freshest_urls);
        add_extension(out, OID_FRESHEST_CRL, false, &value);
    }
    der_close(out, list);
    der_close(out, open);
    buf_free(&value);
}

static int build_fields(const struct issuer *issuer, const struct crl_form *form, struct buf *out, struct error *error)
{
    der_add_number(out, DER_INTEGER, 1); /* v2 */
    buf_add(out, issuer->algorithm.data, issuer->algorithm.size);
    buf_add(out, issuer->name.data, issuer->name.size);
    if (form->next_update <= form->this_update || der_add_time(out, form->this_update) != OK || der_add_time(out, form->next_update) != OK)
        return error_set(error, BAD_DATA, "crl.time", "the CRL's next update does not lie after this one, or outside the years 1950 to 9999");
    return OK;
}

int crl_writer_open(const struct issuer *issuer, const struct crl_form *form, struct crl_writer **out, struct error *error)
{
    struct crl_writer *writer = calloc(1, sizeof(*writer));
    int status;

    *out = NULL;
    if (writer == NULL)
        return error_memory(error);
    writer->fd = -1;
    writer->delta = form->delta_base != 0;
    status = build_fields(issuer, form, &writer->before, error);
    build_extensions(issuer, form, &writer->after);
    if (status == OK && (writer->before.failed || writer->after.failed || buf_reserve(&writer->pending, ENTRIES_BUFFER) == NULL))
        status = error_memory(error);
    if (status == OK)
        status = make_memfd("crl-entries", &writer->fd, error);
    if (status == OK)
        *out = writer;
    else
        crl_writer_abandon(writer);
    return status;
}

void crl_writer_abandon(struct crl_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->fd >= 0)
        close(writer->fd);
    buf_free(&writer->pending);
    buf_free(&writer->before);
    buf_free(&writer->after);
    free(writer);
}

/* ---- entries ---- */

/* An entry extension whose value is built by the caller in place: SEQUENCE { OID, OCTET STRING { … } }. */
static int add_entry_extensions(struct buf *out, const struct crl_entry *entry)
{
    size_t list = der_open(out, DER_SEQUENCE), item, value;
    int status = OK;

    if (entry->reason != 0) {
        item = der_open(out, DER_SEQUENCE);
        der_add_oid(out, DER_OID, OID_CRL_REASON);
        value = der_open(out, DER_OCTETS);
        der_add_number(out, DER_ENUMERATED, (uint64_t)entry->reason);
        der_close(out, value);
        der_close(out, item);
    }
    if (entry->invalid_since != 0) {
        item = der_open(out, DER_SEQUENCE);
        der_add_oid(out, DER_OID, OID_INVALIDITY_DATE);
        value = der_open(out, DER_OCTETS);
        status = der_add_generalized_time(out, DER_TIME, entry->invalid_since);
        der_close(out, value);
        der_close(out, item);
    }
    der_close(out, list);
    return status;
}

static const char *entry_fault(const struct crl_writer *writer, const struct crl_entry *entry)
{
    if (entry->serial.size == 0 || entry->serial.size > SERIAL_MAX)
        return "the serial number is empty or too long";
    if (entry->reason < 0 || entry->reason > 10 || entry->reason == 7)
        return "the reason is none of 0-6 and 8-10 (RFC 5280 5.3.1)";
    if (entry->reason == 8 && !writer->delta)
        return "removeFromCRL may only stand in a delta CRL (RFC 5280 5.3.1)";
    return NULL;
}

static void drain(struct crl_writer *writer)
{
    if (writer->pending.failed)
        error_memory(&writer->error);
    else if (put(writer->fd, buf_bytes(&writer->pending), &writer->error) == OK)
        writer->written += writer->pending.size;
    buf_clear(&writer->pending);
}

int crl_writer_add(struct crl_writer *writer, const struct crl_entry *entry)
{
    const char *fault = entry_fault(writer, entry);
    size_t mark;

    if (writer->error.status != OK)
        return writer->error.status;
    if (fault != NULL)
        return error_set(&writer->error, BAD_DATA, "crl.entry", "an entry of the CRL is refused: %s", fault);
    mark = der_open(&writer->pending, DER_SEQUENCE);
    der_add_unsigned(&writer->pending, bytes_of(entry->serial.octets, entry->serial.size));
    if (der_add_time(&writer->pending, entry->revoked_at) != OK)
        return error_set(&writer->error, BAD_DATA, "crl.entry", "a revocation date lies outside the years 1950 to 9999");
    if ((entry->reason != 0 || entry->invalid_since != 0) && add_entry_extensions(&writer->pending, entry) != OK)
        return error_set(&writer->error, BAD_DATA, "crl.entry", "an invalidity date lies outside the years 1950 to 9999");
    der_close(&writer->pending, mark);
    writer->entries++;
    if (writer->pending.failed || writer->pending.size > ENTRIES_BUFFER - 512)
        drain(writer);
    return writer->error.status;
}

/* ---- putting it together ---- */

static int write_tbs(struct crl_writer *writer, int fd, size_t *size)
{
    uint8_t outer[DER_HEADER_MAX], list[DER_HEADER_MAX];
    size_t list_header = writer->entries > 0 ? der_header(list, DER_SEQUENCE, writer->written) : 0; /* no empty list, RFC 5280 5.1.2.6 */
    uint64_t content = writer->before.size + list_header + writer->written + writer->after.size;
    size_t outer_header = der_header(outer, DER_SEQUENCE, content);
    struct error *error = &writer->error;

    *size = (size_t)(outer_header + content);
    if (content > UINT32_MAX)
        return error_set(error, REFUSED, "crl.size", "the CRL would be larger than 4 GiB; divide it with crl.partitions");
    if (put(fd, bytes_of(outer, outer_header), error) != OK || put(fd, buf_bytes(&writer->before), error) != OK ||
        put(fd, bytes_of(list, list_header), error) != OK || copy_all(writer->fd, fd, writer->written, error) != OK ||
        put(fd, buf_bytes(&writer->after), error) != OK)
        return error->status;
    return seal(fd, error);
}

int crl_writer_finish(struct crl_writer *writer, int *tbs_fd, size_t *size, uint64_t *entries, struct error *error)
{
    int fd = -1;

    *tbs_fd = -1;
    if (writer->error.status == OK)
        drain(writer);
    if (writer->error.status == OK && make_memfd("crl-tbs", &fd, &writer->error) == OK)
        write_tbs(writer, fd, size);
    if (writer->error.status == OK) {
        *tbs_fd = fd;
        *entries = writer->entries;
    } else {
        error_set(error, writer->error.status, writer->error.reason, "%s", writer->error.message);
        if (fd >= 0)
            close(fd);
    }
    crl_writer_abandon(writer);
    return *tbs_fd >= 0 ? OK : error != NULL ? error->status : INTERNAL;
}

int crl_assemble(int tbs_fd, size_t tbs_size, struct bytes algorithm, struct bytes signature, int *crl_fd, size_t *size, struct error *error)
{
    uint8_t header[DER_HEADER_MAX];
    struct buf tail = BUF_EMPTY;
    size_t header_size;
    int fd = -1, status;

    *crl_fd = -1;
    buf_add(&tail, algorithm.data, algorithm.size);
    der_add_bits(&tail, 0, signature);
    header_size = der_header(header, DER_SEQUENCE, (uint64_t)tbs_size + tail.size);
    if (tail.failed) {
        status = error_memory(error);
        goto out;
    }
    if ((status = make_memfd("crl", &fd, error)) != OK || (status = put(fd, bytes_of(header, header_size), error)) != OK ||
        (status = copy_all(tbs_fd, fd, tbs_size, error)) != OK || (status = put(fd, buf_bytes(&tail), error)) != OK)
        goto out;
    status = seal(fd, error);
out:
    if (status == OK) {
        *crl_fd = fd;
        *size = header_size + tbs_size + tail.size;
    } else if (fd >= 0) {
        close(fd);
    }
    buf_free(&tail);
    return status;
}
