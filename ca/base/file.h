/* Files: whole reads with a limit, and writes that are there or not. */
#ifndef CHANCERY_BASE_FILE_H
#define CHANCERY_BASE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "ca/base/buf.h"
#include "ca/base/error.h"

/* Reads a whole file ("-": standard input) of at most limit octets. BAD_DATA when larger or unreadable, naming the path. */
int file_read(const char *path, size_t limit, struct buf *out, struct error *error);
/* Write to a temporary name in the same folder (O_EXCL|O_NOFOLLOW), fsync, rename, fsync the folder. An existing file is
 * REFUSED unless replace. CANNOT_WRITE otherwise. */
int file_write(const char *path, struct bytes data, mode_t mode, bool replace, struct error *error);
/* Makes a folder with owner and mode, or checks that the one there has them. uid/gid (uid_t)-1: leave. */
int directory_ensure(const char *path, mode_t mode, uid_t uid, gid_t gid, struct error *error);
/* OK when path is a regular file owned by root or `owner` and writable by nobody else; BAD_CONFIG otherwise. */
int file_check_owner(const char *path, uid_t owner, struct error *error);
/* All or nothing over EINTR and short counts; return OK, TEMPORARY (EOF) or CANNOT_WRITE. */
int fd_write_all(int fd, const void *data, size_t size);
int fd_read_all(int fd, void *data, size_t size);

#endif
