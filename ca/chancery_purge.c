/* purge: exports what is old into a file, a JSON object a line, and removes it when the file is on disk and has its name.
 * Pages both times, so that the memory does not grow; what is removed is read back from the file. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/base/encode.h"

#define REMOVE_MAX 100 /* in a call */

struct purge {
    struct cli *cli;
    const char *kind, *path;
    char before[21];
    char *partial; /* what the file is called until it is whole */
    FILE *file;
    gnutls_hash_hd_t hash;
    char digest[65];
    uint64_t exported, removed, kept;
};

static int write_failed(struct purge *purge, const char *path)
{
    return error_set(&purge->cli->error, CANNOT_WRITE, "purge.export", "%s cannot be written: %s; nothing was removed", path, strerror(errno));
}

/* ---- the export ---- */

static int export_open(struct purge *purge)
{
    struct buf name = BUF_EMPTY;

    if (access(purge->path, F_OK) == 0)
        return error_set(&purge->cli->error, CANNOT_WRITE, "cli.exists", "%s is there already and stays as it is: name another file", purge->path);
    buf_printf(&name, "%s.partial-%ld", purge->path, (long)getpid());
    purge->partial = name.failed ? NULL : strdup(buf_text(&name));
    buf_free(&name);
    if (purge->partial == NULL || gnutls_hash_init(&purge->hash, GNUTLS_DIG_SHA256) != 0)
        return error_memory(&purge->cli->error);
    int fd = open(purge->partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    purge->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (purge->file == NULL && fd >= 0)
        close(fd);
    return purge->file != NULL ? OK : write_failed(purge, purge->path);
}

static int export_row(struct purge *purge, const json_t *row)
{
    char *text = json_dumps(row, JSON_COMPACT | JSON_ENSURE_ASCII);

    if (text == NULL)
        return error_memory(&purge->cli->error);
    size_t size = strlen(text);
    bool good = fwrite(text, 1, size, purge->file) == size && fputc('\n', purge->file) != EOF;
    gnutls_hash(purge->hash, text, size);
    gnutls_hash(purge->hash, "\n", 1);
    free(text);
    purge->exported++;
    return good ? OK : write_failed(purge, purge->path);
}

static int export_page(struct purge *purge, char next[64])
{
    struct buf path = BUF_EMPTY;
    json_t *answer = NULL;

    client_path_start(&path, "/v1/purge", NULL);
    client_path_query(&path, "kind", purge->kind);
    client_path_query(&path, "before", purge->before);
    client_path_query(&path, "after", next[0] != '\0' ? next : NULL);
    int status = client_call(purge->cli->client, "GET", buf_text(&path), NULL, &answer, &purge->cli->error);
    const json_t *rows = json_object_get(answer, "rows");
    for (size_t i = 0; status == OK && i < json_array_size(rows); i++)
        status = export_row(purge, json_array_get(rows, i));
    purge->kept += (uint64_t)client_number(answer, "kept");
    snprintf(next, 64, "%s", client_text(answer, "next"));
    json_decref(answer);
    buf_free(&path);
    return status;
}

/* On disk, then by its name, and the name on disk: only then is anything removed. */
static int export_close(struct purge *purge)
{
    uint8_t digest[32];
    struct buf hex = BUF_EMPTY;
    bool good = fflush(purge->file) == 0 && fsync(fileno(purge->file)) == 0;

    good = fclose(purge->file) == 0 && good;
    purge->file = NULL;
    gnutls_hash_output(purge->hash, digest);
    hex_encode(&hex, bytes_of(digest, sizeof digest));
    snprintf(purge->digest, sizeof purge->digest, "%s", buf_text(&hex));
    buf_free(&hex);
    if (!good || renameat2(AT_FDCWD, purge->partial, AT_FDCWD, purge->path, RENAME_NOREPLACE) != 0)
        return write_failed(purge, purge->path);
    free(purge->partial);
    purge->partial = NULL;
    const char *slash = strrchr(purge->path, '/');
    char *folder = slash != NULL ? strndup(purge->path, (size_t)(slash - purge->path) + 1) : strdup(".");
    int fd = folder != NULL ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    free(folder);
    return good ? OK : write_failed(purge, purge->path);
}

static int export_all(struct purge *purge)
{
    char next[64] = "";

    int status = export_open(purge);
    do {
        if (status == OK)
            status = export_page(purge, next);
    } while (status == OK && next[0] != '\0');
    return status == OK && purge->exported > 0 ? export_close(purge) : status;
}

/* ---- the removal ---- */

static int remove_page(struct purge *purge, json_t *ids)
{
    json_t *answer = NULL;

    if (json_array_size(ids) == 0)
        return OK;
    int status = cli_post(purge->cli, "/v1/purge", NULL, json_pack("{s:s, s:s, s:O, s:s}", "kind", purge->kind, "before", purge->before, "ids",
                                                                 ids, "export", purge->digest), &answer);
    purge->removed += (uint64_t)client_number(answer, "removed");
    purge->kept += (uint64_t)client_number(answer, "kept");
    json_array_clear(ids);
    json_decref(answer);
    cli_progress(purge->cli, "removing", (size_t)purge->removed, (size_t)purge->exported);
    return status;
}

static int remove_line(struct purge *purge, const char *line, size_t size, json_t *ids)
{
    json_t *row = json_loadb(line, size, 0, NULL);
    char id[24];

    snprintf(id, sizeof id, "%lld", (long long)client_number(row, "id"));
    int status = json_is_object(row) && json_array_append_new(ids, json_string(id)) == 0
                     ? OK : error_set(&purge->cli->error, BAD_DATA, "purge.export", "%s is not what was written a moment ago", purge->path);
    json_decref(row);
    return status == OK && json_array_size(ids) == REMOVE_MAX ? remove_page(purge, ids) : status;
}

static int remove_all(struct purge *purge)
{
    FILE *file = fopen(purge->path, "re");
    json_t *ids = json_array();
    char *line = NULL;
    size_t room = 0;
    ssize_t size;

    int status = file == NULL ? write_failed(purge, purge->path) : ids == NULL ? error_memory(&purge->cli->error) : OK;
    while (status == OK && (size = getline(&line, &room, file)) > 0)
        status = remove_line(purge, line, (size_t)size, ids);
    if (status == OK)
        status = remove_page(purge, ids);
    if (status != OK && purge->removed > 0)
        error_prefix(&purge->cli->error, "%llu of %llu are removed, all stand in %s", (unsigned long long)purge->removed,
                     (unsigned long long)purge->exported, purge->path);
    free(line);
    json_decref(ids);
    if (file != NULL)
        fclose(file);
    return status;
}

/* ---- the verb ---- */

static void show_purged(struct cli *cli, const json_t *answer)
{
    out_member(cli, "Exported", answer, "exported");
    out_member(cli, "Removed", answer, "removed");
    out_member(cli, "Must stay", answer, "kept");
    out_member(cli, "Export", answer, "file");
    out_member(cli, "SHA-256", answer, "sha256");
}

static int purge_read(struct purge *purge)
{
    static const char *const kinds[] = {"failed", "denied", "expired"};
    struct cli *cli = purge->cli;
    bool given = false;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!option_flag(cli, kinds[i]))
            continue;
        if (purge->kind != NULL)
            return cli_usage(cli, "--%s and --%s exclude each other", purge->kind, kinds[i]);
        purge->kind = kinds[i];
    }
    purge->path = option_value(cli, "export");
    if (purge->kind == NULL || purge->path == NULL || *purge->path == '\0')
        return cli_usage(cli, "purge needs --failed, --denied or --expired, --before and --export");
    int status = option_time(cli, "before", purge->before, &given);
    return status == OK && !given ? cli_usage(cli, "purge needs --before") : status;
}

int verb_purge(struct cli *cli)
{
    struct purge purge = {.cli = cli};

    int status = purge_read(&purge);
    if (status == OK)
        status = export_all(&purge);
    if (status == OK && purge.exported > 0)
        status = remove_all(&purge);
    cli_progress(cli, "removing", 2, 2);
    if (purge.file != NULL)
        fclose(purge.file);
    if (purge.partial != NULL) {
        unlink(purge.partial);
        free(purge.partial);
    }
    if (purge.hash != NULL)
        gnutls_hash_deinit(purge.hash, NULL);
    if (status != OK)
        return status;
    if (purge.exported == 0)
        cli_note(cli, "nothing is old enough and may go: no file was written");
    return cli_json_or(cli, json_pack("{s:I, s:I, s:I, s:s?, s:s?}", "exported", (json_int_t)purge.exported, "removed", (json_int_t)purge.removed,
                                      "kept", (json_int_t)purge.kept, "file", purge.exported > 0 ? purge.path : NULL, "sha256",
                                      purge.exported > 0 ? purge.digest : NULL), show_purged);
}
