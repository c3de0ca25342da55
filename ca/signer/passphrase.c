/* A file that root or the signer's user wrote, a systemd credential, or a person at the terminal. */
#include "config.h"

#include "ca/signer/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/base/file.h"
#include "ca/base/secret.h"

#define PASSPHRASE_FILE_MAX 4096

static int first_line(struct buf *text, const char *where, struct error *error)
{
    size_t length = strcspn(buf_text(text), "\r\n");

    if (memchr(text->data, '\0', text->size) != NULL)
        return error_set(error, BAD_CONFIG, "signer.passphrase", "%s holds a NUL octet: a passphrase is text", where);
    if (length == 0)
        return error_set(error, BAD_CONFIG, "signer.passphrase", "the first line of %s is empty: the passphrase must stand there", where);
    explicit_bzero(text->data + length, text->size - length);
    text->size = length;
    return OK;
}

/* The path that a name stands for: a credential where it has no slash. False: memory. */
static bool path_of(const char *file, struct buf *path)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");

    if (strchr(file, '/') == NULL && credentials != NULL)
        buf_printf(path, "%s/", credentials);
    buf_add_text(path, file);
    return !path->failed;
}

static int passphrase_from_path(const char *path, struct buf *out, struct error *error)
{
    struct error own = ERROR_NONE;
    int status = OK;

    /* Room at once: a buffer that grows leaves copies behind. */
    if (buf_reserve(out, 2 * PASSPHRASE_FILE_MAX) == NULL)
        status = error_memory(&own);
    if (status == OK && file_read(path, PASSPHRASE_FILE_MAX, out, &own) == OK)
        status = first_line(out, path, &own);
    if (own.status == OK)
        return status;
    return error_set(error, BAD_CONFIG, "signer.passphrase", "the passphrase of the CA key: %s", own.message);
}

static int passphrase_from_file(const char *file, struct buf *out, struct error *error)
{
    struct buf path = BUF_EMPTY;
    int status = path_of(file, &path) ? passphrase_from_path(buf_text(&path), out, error) : error_memory(error);

    buf_free(&path);
    return status;
}

static int passphrase_from_fd(int fd, struct buf *out, struct error *error)
{
    ssize_t got = 0;

    if (buf_reserve(out, 2 * PASSPHRASE_FILE_MAX) == NULL)
        return error_memory(error);
    while (out->size < PASSPHRASE_FILE_MAX && (got = read(fd, out->data + out->size, PASSPHRASE_FILE_MAX - out->size)) > 0)
        out->size += (size_t)got;
    if (got < 0)
        return error_set(error, BAD_CONFIG, "signer.passphrase", "the credential with the passphrase cannot be read: %s", strerror(errno));
    return first_line(out, "the credential with the passphrase of the CA key", error);
}

static int passphrase_from_terminal(bool twice, struct buf *out, struct error *error)
{
    struct buf again = BUF_EMPTY;
    struct error own = ERROR_NONE;
    int status = terminal_ask("Passphrase of the CA key: ", out, &own);

    if (status == OK && out->size == 0)
        status = error_set(error, BAD_DATA, "signer.passphrase", "the passphrase is empty");
    if (status == OK && twice)
        status = terminal_ask("The same again: ", &again, &own);
    if (own.status != OK)
        status = error_set(error, BAD_CONFIG, "signer.passphrase", "%s: name a passphrase file, or start from a terminal", own.message);
    else if (status == OK && twice && !bytes_equal(buf_bytes(out), buf_bytes(&again)))
        status = error_set(error, BAD_DATA, "signer.passphrase", "the two passphrases differ: nothing was made");
    buf_wipe(&again);
    return status;
}

int passphrase_read(const struct passphrase_source *source, bool twice, struct buf *out, struct error *error)
{
    int status = source->file != NULL ? passphrase_from_file(source->file, out, error) : passphrase_from_terminal(twice, out, error);

    if (status != OK)
        buf_wipe(out);
    return status;
}

int passphrase_credential_open(const char *file)
{
    const char *name = file != NULL ? file : PASSPHRASE_CREDENTIAL;
    struct buf path = BUF_EMPTY;
    int fd = -1;

    if (strchr(name, '/') == NULL && getenv("CREDENTIALS_DIRECTORY") != NULL && path_of(name, &path))
        fd = open(buf_text(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
    buf_free(&path);
    return fd > 0 ? fd : 0;
}

/* The file that is named, where it is there. */
static int start_with_file(const char *file, enum passphrase_origin *origin, struct buf *out, struct error *why, struct error *error)
{
    struct buf path = BUF_EMPTY;
    int status = path_of(file, &path) ? OK : error_memory(error);

    if (status == OK && access(buf_text(&path), F_OK) != 0 && errno == ENOENT) {
        error_set(why, TEMPORARY, "signer.locked", "passphrase_file %s is not there", buf_text(&path));
    } else if (status == OK) {
        *origin = PASSPHRASE_FILE;
        status = passphrase_from_path(buf_text(&path), out, error);
    }
    buf_free(&path);
    return status;
}

int passphrase_at_start(const char *file, int fd, enum passphrase_origin *origin, struct buf *out, struct error *why,
                        struct error *error)
{
    int status = OK;

    *origin = PASSPHRASE_NONE;
    if (fd > 0) {
        *origin = PASSPHRASE_FILE;
        status = passphrase_from_fd(fd, out, error);
    } else if (file != NULL) {
        status = start_with_file(file, origin, out, why, error);
    } else if (!terminal_there()) {
        error_set(why, TEMPORARY, "signer.locked", "signer.conf names no passphrase_file, there is no credential and no terminal");
    } else {
        status = terminal_ask("Passphrase of the CA key (empty: start locked): ", out, error);
        *origin = status == OK && out->size > 0 ? PASSPHRASE_TERMINAL : PASSPHRASE_NONE;
        error_set(why, TEMPORARY, "signer.locked", "none was given at the terminal");
    }
    if (status != OK)
        buf_wipe(out);
    return status;
}
