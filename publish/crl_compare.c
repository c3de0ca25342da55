/* Comparing the CRL to publish with the one that is there, so that an older one never wins.
 * The walker is strict and allocates nothing: what stands in a directory may be anything. */
#include "publish/crl_compare.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/x509/crl.h"

#define CRL_SIZE_MAX ((off_t)1 << 30)

int crl_compare(struct bytes ours, struct bytes there, enum crl_place *out, struct error *error)
{
    struct crl_facts mine, other;
    struct bytes tbs;

    *out = CRL_REPLACES;
    if (crl_walk(ours, &mine, &tbs, error) != OK)
        return error->status;
    if (!mine.has_number)
        return error_set(error, BAD_DATA, "crl.number", "the CRL to publish has no number");
    if (there.size == 0)
        return OK;
    if (bytes_equal(ours, there)) {
        *out = CRL_IS_THERE;
        return OK;
    }
    if (crl_walk(there, &other, &tbs, NULL) != OK)
        return OK;
    if (!bytes_equal(mine.issuer_name, other.issuer_name))
        *out = CRL_FOREIGN;
    else if (other.has_number && other.number > mine.number)
        *out = CRL_OLDER;
    return OK;
}

int crl_place_error(enum crl_place place, const char *where, struct error *error)
{
    if (place == CRL_OLDER)
        return error_set(error, REFUSED, "crl.older",
                         "%s holds a CRL of this CA with a higher number: it is not replaced; publish a newer CRL (chancery crl publish), or "
                         "remove that one if it is not of this CA's making",
                         where);
    return error_set(error, TEMPORARY, "crl.foreign", "%s holds a CRL of another CA: remove it, or publish this CA's elsewhere", where);
}

int crl_read_fd(int fd, struct buf *out, struct error *error)
{
    struct stat info;
    uint8_t *room;

    if (fd < 0 || fstat(fd, &info) != 0 || info.st_size <= 0 || info.st_size > CRL_SIZE_MAX)
        return error_set(error, BAD_DATA, "crl.none", "the event came without its CRL");
    room = buf_reserve(out, (size_t)info.st_size);
    if (!room)
        return error_memory(error);
    while (out->size < (size_t)info.st_size) {
        ssize_t got = pread(fd, out->data + out->size, (size_t)info.st_size - out->size, (off_t)out->size);

        if (got <= 0 && !(got < 0 && errno == EINTR))
            return error_set(error, BAD_DATA, "crl.none", "the CRL that came with the event cannot be read");
        if (got > 0)
            out->size += (size_t)got;
    }
    return OK;
}
