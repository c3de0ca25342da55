/* Files: whole reads with a limit, writes that are there or not, and checks
 * of who could have changed what is read. Messages name the path and what the
 * system said. */
#include "config.h"

#include "ca/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_fd(int fd, const char *name, size_t limit, struct buf *out, struct error *error)
{
    size_t total = 0;

    for (;;) {
        size_t want = limit - total < 65536 ? limit - total + 1 : 65536;
        uint8_t *to = buf_reserve(out, want);
        ssize_t got;

        if (to == NULL)
            return error_memory(error);
        got = read(fd, to, want);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set(error, BAD_DATA, "file.read", "%s cannot be read: %s", name, strerror(errno));
        if (got == 0)
            return OK;
        out->size += (size_t)got;
        out->data[out->size] = '\0';
        total += (size_t)got;
        if (total > limit)
            return error_set(error, BAD_DATA, "file.size", "%s is larger than %zu octets", name, limit);
    }
}

int file_read(const char *path, size_t limit, struct buf *out, struct error *error)
{
    int fd, status;

    if (strcmp(path, "-") == 0)
        return read_fd(STDIN_FILENO, "standard input", limit, out, error);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return error_set(error, BAD_DATA, "file.open", "%s cannot be opened: %s", path, strerror(errno));
    status = read_fd(fd, path, limit, out, error);
    close(fd);
    return status;
}

/* A path as its folder, held open, and the name in it. */
struct place {
    int folder;
    const char *name;
};

static int place_open(const char *path, struct place *place, struct error *error)
{
    const char *slash = strrchr(path, '/');
    char *folder;

    place->name = slash == NULL ? path : slash + 1;
    folder = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (folder == NULL)
        return error_memory(error);
    place->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (place->folder < 0)
        error_set(error, CANNOT_WRITE, "file.folder", "folder %s cannot be opened: %s", folder, strerror(errno));
    free(folder);
    return place->folder < 0 ? CANNOT_WRITE : OK;
}

/* A hard link is refused by the system where the name is taken: no race. */
static int put_in_place(const struct place *place, const char *temporary, bool replace)
{
    if (replace)
        return renameat(place->folder, temporary, place->folder, place->name);
    if (linkat(place->folder, temporary, place->folder, place->name, 0) != 0)
        return -1;
    return unlinkat(place->folder, temporary, 0);
}

static int write_contents(int fd, struct bytes data, mode_t mode)
{
    if (fchmod(fd, mode) != 0 || fd_write_all(fd, data.data, data.size) != OK || fsync(fd) != 0)
        return -1;
    return 0;
}

int file_write(const char *path, struct bytes data, mode_t mode, bool replace, struct error *error)
{
    struct place place = {-1, NULL};
    char temporary[40];
    uint64_t random;
    int fd = -1, status;

    status = place_open(path, &place, error);
    if (status != OK)
        return status;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        random = (uint64_t)getpid();
    snprintf(temporary, sizeof temporary, ".new-%016llx", (unsigned long long)random);
    fd = openat(place.folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || write_contents(fd, data, mode) != 0 || put_in_place(&place, temporary, replace) != 0 ||
        fsync(place.folder) != 0) {
        if (errno == EEXIST && !replace)
            status = error_set(error, REFUSED, "file.exists", "%s exists already and is not replaced", path);
        else
            status = error_set(error, CANNOT_WRITE, "file.write", "%s cannot be written: %s", path, strerror(errno));
        if (fd >= 0)
            unlinkat(place.folder, temporary, 0);
    }
    if (fd >= 0)
        close(fd);
    close(place.folder);
    return status;
}

static int directory_make(const char *path, mode_t mode, uid_t uid, gid_t gid, struct error *error)
{
    if (mkdir(path, 0700) != 0)
        return error_set(error, CANNOT_WRITE, "file.folder", "folder %s cannot be made: %s", path, strerror(errno));
    if (lchown(path, uid, gid) != 0 || chmod(path, mode) != 0)
        return error_set(error, CANNOT_WRITE, "file.folder", "owner or mode of the new folder %s cannot be set: %s", path,
                         strerror(errno));
    return OK;
}

int directory_ensure(const char *path, mode_t mode, uid_t uid, gid_t gid, struct error *error)
{
    struct stat facts;

    if (lstat(path, &facts) != 0) {
        if (errno == ENOENT)
            return directory_make(path, mode, uid, gid, error);
        return error_set(error, BAD_CONFIG, "file.folder", "folder %s cannot be examined: %s", path, strerror(errno));
    }
    if (!S_ISDIR(facts.st_mode))
        return error_set(error, BAD_CONFIG, "file.folder", "%s is not a folder", path);
    if ((uid != (uid_t)-1 && facts.st_uid != uid) || (gid != (gid_t)-1 && facts.st_gid != gid))
        return error_set(error, BAD_CONFIG, "file.owner", "folder %s belongs to uid %u gid %u, it must be uid %d gid %d: chown it",
                         path, (unsigned)facts.st_uid, (unsigned)facts.st_gid, (int)uid, (int)gid);
    if ((facts.st_mode & 07777) != mode)
        return error_set(error, BAD_CONFIG, "file.mode", "folder %s has mode %04o, it must be %04o: chmod it", path,
                         (unsigned)(facts.st_mode & 07777), (unsigned)mode);
    return OK;
}

int file_check_owner(const char *path, uid_t owner, struct error *error)
{
    struct stat facts;

    if (lstat(path, &facts) != 0)
        return error_set(error, BAD_CONFIG, "file.open", "%s cannot be examined: %s", path, strerror(errno));
    if (!S_ISREG(facts.st_mode))
        return error_set(error, BAD_CONFIG, "file.kind", "%s is not a regular file", path);
    if (facts.st_uid != 0 && facts.st_uid != owner)
        return error_set(error, BAD_CONFIG, "file.owner", "%s belongs to uid %u: it must belong to root%s", path,
                         (unsigned)facts.st_uid, owner == 0 ? "" : " or to this process's user");
    if ((facts.st_mode & 022) != 0)
        return error_set(error, BAD_CONFIG, "file.mode", "%s has mode %04o: others may write it; chmod go-w %s", path,
                         (unsigned)(facts.st_mode & 07777), path);
    return OK;
}

int fd_write_all(int fd, const void *data, size_t size)
{
    const uint8_t *from = data;

    while (size > 0) {
        ssize_t done = write(fd, from, size);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return CANNOT_WRITE;
        from += done;
        size -= (size_t)done;
    }
    return OK;
}

int fd_read_all(int fd, void *data, size_t size)
{
    uint8_t *to = data;

    while (size > 0) {
        ssize_t done = read(fd, to, size);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return CANNOT_WRITE;
        if (done == 0)
            return TEMPORARY;
        to += done;
        size -= (size_t)done;
    }
    return OK;
}
