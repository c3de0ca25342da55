/* A CRL with a number and a dummy signature, for the tests of the publishers. */
#ifndef CHANCERY_TESTS_PUBLISH_CRL_H
#define CHANCERY_TESTS_PUBLISH_CRL_H

#include <sys/mman.h>
#include <unistd.h>

#include "ca/base/buf.h"

static inline void crl_part(struct buf *out, uint8_t tag, const void *data, size_t size)
{
    buf_add_byte(out, tag);
    if (size > 127)
        buf_add_byte(out, 0x81);
    buf_add_byte(out, (uint8_t)size);
    buf_add(out, data, size);
}

/* issuer: one letter. */
static inline void crl_make(struct buf *out, char issuer, uint8_t number)
{
    static const uint8_t algorithm[] = {0x30, 10, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2};
    const uint8_t name[] = {0x30, 12, 0x31, 10, 0x30, 8, 0x06, 3, 0x55, 4, 3, 0x0c, 1, (uint8_t)issuer};
    const uint8_t extensions[] = {0xa0, 47,   0x30, 45, 0x30, 31,   0x06, 3,  0x55, 0x1d, 35,     0x04, 24, 0x30, 22, 0x80, 20,
                                  1,    2,    3,    4,  5,    6,    7,    8,  9,    10,   11,     12,   13, 14,   15, 16,   17,
                                  18,   19,   20,   0x30, 10, 0x06, 3,    0x55, 0x1d, 20, 0x04,   3,    2,  1,    number};
    struct buf tbs = BUF_EMPTY, all = BUF_EMPTY;

    crl_part(&tbs, 2, "\1", 1);
    buf_add(&tbs, algorithm, sizeof algorithm);
    buf_add(&tbs, name, sizeof name);
    crl_part(&tbs, 0x17, "260101000000Z", 13);
    crl_part(&tbs, 0x17, "260108000000Z", 13);
    buf_add(&tbs, extensions, sizeof extensions);
    crl_part(&all, 0x30, tbs.data, tbs.size);
    buf_add(&all, algorithm, sizeof algorithm);
    crl_part(&all, 3, "\0sig", 4);
    crl_part(out, 0x30, all.data, all.size);
    buf_free(&tbs);
    buf_free(&all);
}

static inline int crl_descriptor_of(const struct buf *crl)
{
    int fd = memfd_create("crl", 0);

    return fd >= 0 && write(fd, crl->data, crl->size) == (ssize_t)crl->size ? fd : -1;
}

#endif
