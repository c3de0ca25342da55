/* CRLs that stand outside the CA: in the folder of publish/file and in the CA's entry of the directory. What stands there may be
 * anything: whoever takes it checks name, signature and number. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/file.h"
#include "ca/directory/directory.h"
#include "ca/restore.h"

#define CRL_SIZE_MAX ((size_t)1 << 30)

struct taking {
    int (*each)(void *argument, struct bytes crl, const char *where);
    void *argument;
    struct buf *report;
};

/* Whatever its name is: the pattern may have been another one when it was written. */
static int from_folder(const struct conf *conf, const struct taking *taking)
{
    const char *folder = conf_text(conf, "publish.file", "directory");
    DIR *files = folder ? opendir(folder) : NULL;
    struct dirent *entry;
    int status = OK;
    if (folder && !files)
        buf_printf(taking->report, "the folder %s was not read: its CRLs are not taken into account\n", folder);
    while (files && !status && (entry = readdir(files)) != NULL) {
        const char *end = strrchr(entry->d_name, '.');
        struct buf path = BUF_EMPTY, der = BUF_EMPTY;
        struct error why = ERROR_NONE;
        buf_printf(&path, "%s/%s", folder, entry->d_name);
        if (end && strcmp(end, ".crl") == 0 && entry->d_name[0] != '.') {
            if (file_read(buf_text(&path), CRL_SIZE_MAX, &der, &why))
                buf_printf(taking->report, "%s\n", why.message);
            else
                status = taking->each(taking->argument, buf_bytes(&der), buf_text(&path));
        }
        buf_free(&path);
        buf_free(&der);
    }
    if (files)
        closedir(files);
    return status;
}

static int from_entry(const struct directory_entry *entry, const char *attribute, const struct taking *taking)
{
    const struct directory_attribute *values = directory_entry_get(entry, attribute);
    int status = OK;
    for (size_t i = 0; values && i < values->count && !status; i++)
        status = taking->each(taking->argument, buf_bytes(&values->values[i]), entry->dn);
    return status;
}

/* The CA's entry, and those of its further keys beside it. */
static int from_directory(const struct conf *conf, struct directory *directory, const struct taking *taking)
{
    static const char *const attributes[] = {"certificateRevocationList", "deltaRevocationList", NULL};
    const char *entry = conf_text(conf, "publish.ldap", "ca_entry");
    struct directory_entries entries = {0};
    struct error why = ERROR_NONE;
    char *above = NULL;
    int status = entry ? dn_parent(entry, &above, &why) : OK;
    if (!entry) {
        struct buf base = BUF_EMPTY;
        buf_printf(&base, "ou=pki,%s", directory_base(directory));
        above = base.failed ? NULL : strdup(buf_text(&base));
        buf_free(&base);
    }
    if (!status && above)
        status = directory_search(directory, above, SCOPE_ONE, "(|(certificateRevocationList=*)(deltaRevocationList=*))", attributes, 100, &entries, &why);
    if (status)
        buf_printf(taking->report, "the CRLs in the directory were not read: %s\n", why.message);
    status = OK;
    for (size_t i = 0; i < entries.count && !status; i++)
        for (size_t a = 0; attributes[a] && !status; a++)
            status = from_entry(&entries.items[i], attributes[a], taking);
    directory_entries_free(&entries);
    free(above);
    return status;
}

int restore_crls_each(const struct conf *conf, struct directory *directory, int (*each)(void *argument, struct bytes crl, const char *where),
                      void *argument, struct buf *report)
{
    struct taking taking = {each, argument, report};
    int status = from_folder(conf, &taking);
    return status || !directory ? status : from_directory(conf, directory, &taking);
}
