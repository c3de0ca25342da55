/* What the daemon was started with: SHA-256 of its configuration, its modules and itself, compared with those of the start before. A
 * change is an audit record: nobody exchanges a module between two starts without one. */
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"

#define FILE_SIZE_MAX ((size_t)256 << 20)
#define SETTING "start.digests"

/* ---- one line an item: "HEX NAME" ---- */

static void digest_line(struct buf *out, const char *name, struct bytes content)
{
    uint8_t digest[32];
    sha256_of(content, digest);
    hex_encode(out, bytes_of(digest, sizeof digest));
    buf_printf(out, " %s\n", name);
}

static void file_line(struct buf *out, const char *name, const char *path)
{
    struct buf content = BUF_EMPTY;
    if (file_read(path, FILE_SIZE_MAX, &content, NULL) == OK)
        digest_line(out, name, buf_bytes(&content));
    else
        buf_printf(out, "unreadable %s\n", name);
    buf_free(&content);
}

void digests_take(struct authority *authority, struct buf *out)
{
    digest_line(out, "chancery.conf", conf_raw(authority->conf));
    for (size_t i = 0; i < authority->options.started_count; i++)
        file_line(out, authority->options.started[i].name, authority->options.started[i].path);
}

/* The line of this name; NULL: none. */
static const char *line_of(const struct strings *lines, const char *name)
{
    for (size_t i = 0; i < lines->count; i++) {
        const char *blank = strchr(lines->items[i], ' ');
        if (blank && strcmp(blank + 1, name) == 0)
            return lines->items[i];
    }
    return NULL;
}

/* ---- comparing ---- */

static void change_record(struct authority *authority, struct store_txn *txn, const char *name, const char *outcome, const char *before,
                          const char *now)
{
    struct identity daemon = {.uid = -1, .account = (char *)"chanceryd"};
    struct buf detail = BUF_EMPTY;
    if (before)
        buf_printf(&detail, "was %.*s", (int)strcspn(before, " "), before);
    if (now)
        buf_printf(&detail, "%sis %.*s", before ? ", " : "", (int)strcspn(now, " "), now);
    authority_audit(authority, txn, &daemon, "start.digest", name, outcome, "", buf_text(&detail));
    buf_free(&detail);
}

static void lines_compare(struct authority *authority, struct store_txn *txn, const struct strings *before, const struct strings *now)
{
    for (size_t i = 0; i < now->count; i++) {
        const char *name = strchr(now->items[i], ' ') + 1, *old = line_of(before, name);
        if (!old || strcmp(old, now->items[i]) != 0)
            change_record(authority, txn, name, old ? "changed" : "added", old, now->items[i]);
    }
    for (size_t i = 0; i < before->count; i++) {
        const char *blank = strchr(before->items[i], ' ');
        if (blank && !line_of(now, blank + 1))
            change_record(authority, txn, blank + 1, "removed", before->items[i], NULL);
    }
}

int digests_record(struct authority *authority, struct store_txn *txn, const struct buf *taken)
{
    struct buf stored = BUF_EMPTY;
    struct strings before = {0}, now = {0};
    setting_get_txn(txn, SETTING, &stored);
    int status = taken->failed || strings_split(&now, buf_text(taken), "\n") || strings_split(&before, buf_text(&stored), "\n") ? INTERNAL : OK;
    if (!status) {
        lines_compare(authority, txn, &before, &now);
        setting_put(txn, SETTING, buf_bytes(taken));
        status = store_txn_failed(txn);
    }
    strings_free(&before);
    strings_free(&now);
    buf_free(&stored);
    return status;
}
