/* Templates of a CA without a directory: files of root's in the readable form, [templates] folder/NAME.template. As from a directory they
 * are only looked at when an administrator adopts one; issuing uses the adopted copy. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ca/authority_internal.h"
#include "ca/base/file.h"
#include "ca/template_text.h"

#define SUFFIX ".template"
#define TEMPLATE_FILE_MAX 65536

static const char *folder_of(const struct authority *authority)
{
    return conf_text(authority->conf, "templates", "folder");
}

/* A name of a file in the folder and of none elsewhere. */
static bool name_is_plain(const char *name)
{
    size_t size = strlen(name);

    return size > 0 && size <= 64 && name[0] != '.' &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ._-") == size;
}

/* Whoever may write the configuration may write templates, and nobody else. */
static uid_t folder_owner(const struct authority *authority)
{
    struct stat st;

    return stat(conf_path(authority->conf), &st) == 0 ? st.st_uid : 0;
}

int template_file_fetch(struct authority *authority, const char *name, struct template *out, struct error *error)
{
    const char *folder = folder_of(authority);
    struct buf path = BUF_EMPTY, text = BUF_EMPTY;
    int status;

    if (!folder)
        return error_set(error, REFUSED, "directory.none", "no directory is configured ([directory] uri), and no [templates] folder either");
    if (!name_is_plain(name))
        return error_set(error, REFUSED, "template.unknown", "there is no template of this name under %s", folder);
    buf_printf(&path, "%s/%s" SUFFIX, folder, name);
    struct stat st;
    if (path.failed)
        status = error_memory(error);
    else if (stat(buf_text(&path), &st) != 0)
        status = error_set(error, REFUSED, "template.unknown", "there is no template %s: %s: %s", name, buf_text(&path), strerror(errno));
    else
        status = file_check_owner(buf_text(&path), folder_owner(authority), error);
    if (!status)
        status = file_read(buf_text(&path), TEMPLATE_FILE_MAX, &text, error);
    if (!status && (status = template_from_text(buf_bytes(&text), out, error)))
        error_prefix(error, "%s", buf_text(&path));
    if (!status && strcmp(out->name, name) != 0) {
        status = error_set(error, REFUSED, "template.unknown", "%s holds template %s, not %s", buf_text(&path), out->name, name);
        template_free(out);
    }
    buf_free(&path);
    buf_free(&text);
    return status;
}

int template_file_names(struct authority *authority, struct strings *out, struct error *error)
{
    const char *folder = folder_of(authority);
    DIR *dir = folder ? opendir(folder) : NULL;
    int status = OK;

    if (folder && !dir)
        return error_set(error, TEMPORARY, "template.folder", "[templates] folder %s cannot be read: %s", folder, strerror(errno));
    for (struct dirent *entry; dir && !status && (entry = readdir(dir));) {
        size_t size = strlen(entry->d_name), suffix = sizeof SUFFIX - 1;
        if (size > suffix && strcmp(entry->d_name + size - suffix, SUFFIX) == 0 &&
            strings_add_n(out, entry->d_name, size - suffix))
            status = error_memory(error);
    }
    if (dir)
        closedir(dir);
    strings_sort(out);
    return status;
}
