/* Folders with all that stands in them. Names are joined into paths below a folder that others may not write; a link is never
 * followed, so that what is copied or removed lies where it seems to. */
#include "config.h"

#include "ca/base/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/base/file.h"

#define DEPTH_MAX 4
#define CHUNK ((size_t)1 << 20)

/* ---- walking ---- */

struct walk {
    struct error *error;
    struct strings *files; /* NULL: not wanted */
    int (*visit)(const char *path, bool folder, void *argument); /* after what is below; may be NULL */
    void *argument;
};

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int walk_folder(const struct walk *walk, const char *root, const char *below, int depth);

static int walk_entry(const struct walk *walk, const char *root, const char *below, const char *name, int depth)
{
    struct buf path = BUF_EMPTY, relative = BUF_EMPTY;
    struct stat facts;
    int status = OK;

    buf_printf(&relative, "%s%s%s", below, *below != '\0' ? "/" : "", name);
    buf_printf(&path, "%s/%s", root, buf_text(&relative));
    if (path.failed || relative.failed)
        status = error_memory(walk->error);
    else if (lstat(buf_text(&path), &facts) != 0)
        status = error_set(walk->error, BAD_DATA, "tree.read", "%s cannot be examined: %s", buf_text(&path), strerror(errno));
    else if (S_ISDIR(facts.st_mode))
        status = depth < DEPTH_MAX ? walk_folder(walk, root, buf_text(&relative), depth + 1)
                                   : error_set(walk->error, REFUSED, "tree.kind", "%s: too many folders above each other", buf_text(&path));
    else if (!S_ISREG(facts.st_mode) && walk->files != NULL)
        status = error_set(walk->error, REFUSED, "tree.kind", "%s is neither a file nor a folder", buf_text(&path));
    else if (walk->files != NULL && strings_add(walk->files, buf_text(&relative)) != OK)
        status = error_memory(walk->error);
    if (status == OK && walk->visit != NULL)
        status = walk->visit(buf_text(&path), S_ISDIR(facts.st_mode), walk->argument);
    buf_free(&path);
    buf_free(&relative);
    return status;
}

static int walk_folder(const struct walk *walk, const char *root, const char *below, int depth)
{
    struct buf path = BUF_EMPTY;
    struct dirent *entry;
    int status = OK;

    buf_printf(&path, "%s%s%s", root, *below != '\0' ? "/" : "", below);
    DIR *folder = path.failed ? NULL : opendir(buf_text(&path));
    if (folder == NULL)
        status = error_set(walk->error, BAD_DATA, "tree.read", "folder %s cannot be read: %s", buf_text(&path), strerror(errno));
    while (status == OK && folder != NULL && (entry = readdir(folder)) != NULL)
        if (!is_dots(entry->d_name))
            status = walk_entry(walk, root, below, entry->d_name, depth);
    if (folder != NULL)
        closedir(folder);
    buf_free(&path);
    return status;
}

int tree_list(const char *folder, struct strings *files, struct error *error)
{
    struct walk walk = {.error = error, .files = files};
    int status = walk_folder(&walk, folder, "", 1);

    strings_sort(files);
    return status;
}

static int remove_one(const char *path, bool folder, void *argument)
{
    (void)argument;
    return (folder ? rmdir(path) : unlink(path)) == 0 || errno == ENOENT ? OK : CANNOT_WRITE;
}

int tree_remove(const char *folder)
{
    struct error ignored = ERROR_NONE;
    struct walk walk = {.error = &ignored, .visit = remove_one};
    struct stat facts;

    if (lstat(folder, &facts) != 0)
        return errno == ENOENT ? OK : CANNOT_WRITE;
    if (!S_ISDIR(facts.st_mode))
        return CANNOT_WRITE;
    return walk_folder(&walk, folder, "", 1) == OK && rmdir(folder) == 0 ? OK : CANNOT_WRITE;
}

struct owner {
    uid_t uid;
    gid_t gid;
};

static int own_one(const char *path, bool folder, void *argument)
{
    const struct owner *owner = argument;

    (void)folder;
    return lchown(path, owner->uid, owner->gid) == 0 ? OK : CANNOT_WRITE;
}

int tree_own(const char *folder, uid_t uid, gid_t gid)
{
    struct error ignored = ERROR_NONE;
    struct owner owner = {uid, gid};
    struct walk walk = {.error = &ignored, .visit = own_one, .argument = &owner};

    return walk_folder(&walk, folder, "", 1) == OK && lchown(folder, uid, gid) == 0 ? OK : CANNOT_WRITE;
}

/* ---- copying ---- */

/* Nothing but zeros becomes a hole: log files are made at their full size. */
static int write_or_skip(int to, const uint8_t *octets, size_t size)
{
    if (octets[0] == 0 && memcmp(octets, octets + 1, size - 1) == 0)
        return lseek(to, (off_t)size, SEEK_CUR) < 0 ? CANNOT_WRITE : OK;
    return fd_write_all(to, octets, size);
}

static int copy_octets(int from, int to, tree_step step, void *argument)
{
    uint8_t *room = malloc(CHUNK);
    int status = room != NULL ? OK : INTERNAL;
    off_t whole = 0;

    while (status == OK) {
        ssize_t got = read(from, room, CHUNK);
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            break;
        status = got < 0 ? CANNOT_WRITE : write_or_skip(to, room, (size_t)got);
        whole += got > 0 ? got : 0;
        if (status == OK && step != NULL)
            status = step(argument, (uint64_t)got);
    }
    free(room);
    return status == OK && ftruncate(to, whole) != 0 ? CANNOT_WRITE : status;
}

int tree_copy_file(const char *from, const char *to, mode_t mode, tree_step step, void *argument, struct error *error)
{
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY), out = -1, status = OK;

    if (in < 0)
        return error_set(error, BAD_DATA, "tree.read", "%s cannot be opened: %s", from, strerror(errno));
    out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (out < 0) {
        status = error_set(error, CANNOT_WRITE, "tree.write", "%s cannot be made: %s", to, strerror(errno));
    } else {
        status = copy_octets(in, out, step, argument);
        if (status == OK && (fchmod(out, mode) != 0 || fsync(out) != 0))
            status = CANNOT_WRITE;
        if (status == CANNOT_WRITE)
            error_set(error, CANNOT_WRITE, "tree.write", "%s cannot be copied to %s: %s", from, to, strerror(errno));
        else if (status != OK)
            error_set(error, status, "tree.stopped", "copying %s was stopped", from);
    }
    if (out >= 0 && close(out) != 0 && status == OK)
        status = error_set(error, CANNOT_WRITE, "tree.write", "%s cannot be written: %s", to, strerror(errno));
    close(in);
    return status;
}

int tree_sync(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = fd >= 0 && fsync(fd) == 0 ? OK : CANNOT_WRITE;

    if (fd >= 0)
        close(fd);
    return status;
}
