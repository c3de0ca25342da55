/* Manifests of backups, written and checked: the twins side by side. */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/base/tree.h"
#include "ca/store/manifest.h"

#define TITLE "chancery backup 1"
#define MANIFEST_MAX (1u << 20)
#define CHUNK ((size_t)1 << 18)

void manifest_free(struct manifest *manifest)
{
    free(manifest->ca_name);
    memset(manifest, 0, sizeof *manifest);
}

/* ---- digests ---- */

struct progress {
    void (*tell)(void *argument, uint64_t octets);
    void *argument;
};

static int digest_fd(int fd, uint8_t digest[32], uint64_t *size, const struct progress *progress)
{
    gnutls_hash_hd_t hash = NULL;
    uint8_t *room = malloc(CHUNK);
    int status = room && !gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) ? OK : INTERNAL;
    *size = 0;
    while (!status) {
        ssize_t got = read(fd, room, CHUNK);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            status = got < 0 ? CANNOT_WRITE : OK;
            break;
        }
        *size += (uint64_t)got;
        if (gnutls_hash(hash, room, (size_t)got))
            status = INTERNAL;
        if (progress && progress->tell)
            progress->tell(progress->argument, (uint64_t)got);
    }
    if (hash)
        gnutls_hash_deinit(hash, digest);
    free(room);
    return status;
}

static int digest_file(const char *folder, const char *file, uint8_t digest[32], uint64_t *size, const struct progress *progress,
                       struct error *error)
{
    struct buf path = BUF_EMPTY;
    buf_printf(&path, "%s/%s", folder, file);
    int fd = path.failed ? -1 : open(buf_text(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
    int status = fd < 0 ? error_set(error, REFUSED, "backup.file", "%s cannot be opened: %s", buf_text(&path), strerror(errno))
                        : digest_fd(fd, digest, size, progress);
    if (status && fd >= 0)
        error_set(error, status == CANNOT_WRITE ? REFUSED : status, "backup.file", "%s cannot be read: %s", buf_text(&path), strerror(errno));
    if (fd >= 0)
        close(fd);
    buf_free(&path);
    return status && error ? error->status : status;
}

static int hex_line(struct buf *out, struct bytes octets)
{
    uint8_t digest[32];
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, octets.data, octets.size, digest))
        return INTERNAL;
    hex_encode(out, bytes_of(digest, 32));
    return out->failed ? INTERNAL : OK;
}

/* ---- writing ---- */

static int file_line(const char *folder, const char *file, struct manifest *manifest, struct buf *text, struct error *error)
{
    uint8_t digest[32];
    uint64_t size;
    int status = digest_file(folder, file, digest, &size, NULL, error);
    if (status)
        return status;
    buf_add_text(text, "file ");
    hex_encode(text, bytes_of(digest, 32));
    buf_printf(text, " %llu %s\n", (unsigned long long)size, file);
    manifest->files++;
    manifest->octets += size;
    return OK;
}

int manifest_write(const char *folder, struct manifest *manifest, struct error *error)
{
    struct buf text = BUF_EMPTY, path = BUF_EMPTY, seal = BUF_EMPTY;
    struct strings files = {0};
    char at[TIME_TEXT_SIZE];
    int status = tree_list(folder, &files, error);
    manifest->files = 0;
    manifest->octets = 0;
    buf_printf(&text, TITLE "\nca %s\nat %s\naudit %llu\n", manifest->ca_name, time_format(manifest->at, at),
               (unsigned long long)manifest->audit_number);
    for (size_t i = 0; i < files.count && !status; i++)
        status = file_line(folder, files.items[i], manifest, &text, error);
    if (!status && hex_line(&seal, buf_bytes(&text)))
        status = error_set(error, INTERNAL, "backup.digest", "SHA-256 failed");
    buf_printf(&text, "end %s\n", buf_text(&seal));
    buf_printf(&path, "%s/" MANIFEST_FILE, folder);
    if (!status && (text.failed || path.failed))
        status = error_memory(error);
    if (!status)
        status = file_write(buf_text(&path), buf_bytes(&text), 0600, false, error);
    strings_free(&files);
    buf_free(&text);
    buf_free(&path);
    buf_free(&seal);
    return status;
}

/* ---- reading ---- */

static int not_a_manifest(const char *folder, const char *why, struct error *error)
{
    return error_set(error, REFUSED, "backup.manifest", "%s is no whole backup: its manifest %s", folder, why);
}

/* The text without its seal, NUL-terminated at it. */
static int seal_check(const char *folder, struct buf *text, struct error *error)
{
    struct buf seal = BUF_EMPTY;
    char *end = text->size ? strstr((char *)text->data, "\nend ") : NULL;
    int status = OK;
    if (!end || strlen(buf_text(text)) != text->size || strncmp(buf_text(text), TITLE "\n", sizeof TITLE) != 0)
        return not_a_manifest(folder, "is not in the form that this version knows", error);
    end++;
    if (hex_line(&seal, bytes_of(text->data, (size_t)(end - (char *)text->data))))
        status = error_set(error, INTERNAL, "backup.digest", "SHA-256 failed");
    else if (strlen(end) != 4 + 64 + 1 || strncmp(end + 4, buf_text(&seal), 64) != 0)
        status = not_a_manifest(folder, "was changed after it was written", error);
    *end = 0;
    buf_free(&seal);
    return status;
}

static char *value_of(const char *text, const char *name)
{
    struct buf line = BUF_EMPTY;
    buf_printf(&line, "\n%s ", name);
    const char *found = strstr(text, buf_text(&line));
    const char *value = found ? found + line.size : "";
    char *copy = strndup(value, strcspn(value, "\n"));
    buf_free(&line);
    return copy;
}

static int head_read(const char *folder, const char *text, struct manifest *out, struct error *error)
{
    char *at = value_of(text, "at"), *audit = value_of(text, "audit");
    out->ca_name = value_of(text, "ca");
    int status = at && audit && out->ca_name ? OK : error_memory(error);
    if (!status && (time_parse(at, 0, &out->at) || number_parse(audit, &out->audit_number) || !*out->ca_name))
        status = not_a_manifest(folder, "lacks a line", error);
    free(at);
    free(audit);
    return status;
}

static int manifest_load(const char *folder, struct buf *text, struct manifest *out, struct error *error)
{
    struct buf path = BUF_EMPTY;
    struct error why = ERROR_NONE;
    memset(out, 0, sizeof *out);
    buf_printf(&path, "%s/" MANIFEST_FILE, folder);
    int status = file_read(buf_text(&path), MANIFEST_MAX, text, &why);
    if (status)
        status = error_set(error, REFUSED, "backup.manifest", "%s is no backup: %s", folder, why.message);
    if (!status)
        status = seal_check(folder, text, error);
    if (!status)
        status = head_read(folder, buf_text(text), out, error);
    buf_free(&path);
    return status;
}

int manifest_read(const char *folder, struct manifest *out, struct error *error)
{
    struct buf text = BUF_EMPTY;
    int status = manifest_load(folder, &text, out, error);
    buf_free(&text);
    return status;
}

/* One line "file DIGEST SIZE PATH" against the folder; the path is struck from what stands there. */
static int line_check(const char *folder, char *line, struct strings *there, struct manifest *out, const struct progress *progress,
                      struct error *error)
{
    struct buf hex = BUF_EMPTY;
    uint8_t digest[32];
    uint64_t said = 0, size = 0;
    char *size_text = strlen(line) > 5 + 64 + 1 ? line + 5 + 64 + 1 : line + strlen(line);
    char *path = strchr(size_text, ' ');
    bool known = false;
    if (!path)
        return not_a_manifest(folder, "has a line that is none", error);
    *path++ = 0;
    for (size_t i = 0; i < there->count && !known; i++)
        if (strcmp(there->items[i], path) == 0) {
            known = true;
            there->items[i][0] = 0;
        }
    if (number_parse(size_text, &said))
        return not_a_manifest(folder, "has a line that is none", error);
    if (!known)
        return error_set(error, REFUSED, "backup.file", "%s/%s is missing", folder, path);
    int status = digest_file(folder, path, digest, &size, progress, error);
    hex_encode(&hex, bytes_of(digest, 32));
    if (!status && (size != said || strncmp(line + 5, buf_text(&hex), 64) != 0))
        status = error_set(error, REFUSED, "backup.file", "%s/%s was changed after the backup was made", folder, path);
    out->files++;
    out->octets += size;
    buf_free(&hex);
    return status;
}

int manifest_check(const char *folder, struct manifest *out, void (*tell)(void *argument, uint64_t octets), void *argument,
                   struct error *error)
{
    struct buf text = BUF_EMPTY;
    struct strings there = {0}, lines = {0};
    const struct progress progress = {tell, argument};
    int status = manifest_load(folder, &text, out, error);
    if (!status)
        status = tree_list(folder, &there, error);
    if (!status && strings_split(&lines, buf_text(&text), "\n"))
        status = error_memory(error);
    for (size_t i = 0; i < lines.count && !status; i++)
        if (strncmp(lines.items[i], "file ", 5) == 0)
            status = line_check(folder, lines.items[i], &there, out, &progress, error);
    for (size_t i = 0; i < there.count && !status; i++)
        if (there.items[i][0] && strcmp(there.items[i], MANIFEST_FILE) != 0)
            status = error_set(error, REFUSED, "backup.file", "%s/%s is not in the manifest: the backup was changed", folder, there.items[i]);
    strings_free(&there);
    strings_free(&lines);
    buf_free(&text);
    return status;
}
