/* Reading templates from the directory: the entry becomes attributes, ca/template.c judges them. */
#include <stdlib.h>
#include <string.h>

#include "ca/base/encode.h"
#include "ca/directory/templates.h"

#define TEMPLATES_MAX 1000

static int template_of_entry(const struct directory_entry *entry, struct template *out, struct error *error)
{
    struct template_attribute *attributes = calloc(entry->count + 1, sizeof *attributes);
    char *dn = NULL;
    int status = attributes ? dn_normalise(entry->dn, &dn, error) : error_memory(error);

    for (size_t i = 0; status == OK && i < entry->count; i++) {
        const struct directory_attribute *from = &entry->attributes[i];
        struct bytes *values = calloc(from->count + 1, sizeof *values);
        attributes[i] = (struct template_attribute){from->name, values, from->count};
        for (size_t j = 0; values && j < from->count; j++)
            values[j] = buf_bytes(&from->values[j]);
        if (!values)
            status = error_memory(error);
    }
    if (status == OK)
        status = template_from_attributes(dn, attributes, entry->count, out, error);
    for (size_t i = 0; attributes && i < entry->count; i++)
        free((void *)(uintptr_t)attributes[i].values);
    free(attributes);
    free(dn);
    return status;
}

/* What names the entry itself, whatever is in it: one that was deleted and made again has another. */
static char *entry_identifier(const struct directory_entry *entry)
{
    const struct directory_attribute *guid = directory_entry_get(entry, "objectGUID");
    const char *uuid = directory_entry_text(entry, "entryUUID");
    struct buf text = BUF_EMPTY;

    if (uuid)
        return strlen(uuid) <= 64 ? strdup(uuid) : NULL;
    if (guid && guid->values[0].size <= 32)
        hex_encode(&text, buf_bytes(&guid->values[0]));
    return text.failed ? NULL : (char *)text.data;
}

/* The template's attributes, and what names the entry. */
static const char **attributes_wanted(void)
{
    size_t count = 0;

    while (template_attribute_names[count])
        count++;
    const char **wanted = calloc(count + 3, sizeof *wanted);
    if (wanted) {
        memcpy(wanted, template_attribute_names, count * sizeof *wanted);
        wanted[count] = "entryUUID";
        wanted[count + 1] = "objectGUID";
    }
    return wanted;
}

int directory_template_fetch(struct directory *directory, const char *templates_base, const char *name, struct template *out,
                             char **entry_id, struct error *error)
{
    const char **wanted = attributes_wanted();
    struct directory_entries found = {NULL, 0, false};
    struct buf filter = BUF_EMPTY;
    int status;

    memset(out, 0, sizeof *out);
    buf_add_text(&filter, "(&(objectClass=pKICertificateTemplate)(cn=");
    filter_escape(&filter, bytes_of_text(name));
    buf_add_text(&filter, "))");
    status = filter.failed || !wanted
                 ? error_memory(error)
                 : directory_search(directory, templates_base, SCOPE_SUBTREE, buf_text(&filter), wanted, 2, &found, error);
    if (status == OK && found.count == 0)
        status = error_set(error, REFUSED, "template.unknown", "the directory has no template \"%s\" under %s", name, templates_base);
    if (status == OK && (found.count != 1 || found.truncated))
        status = error_set(error, REFUSED, "template.ambiguous", "the directory has more than one template \"%s\" under %s", name,
                           templates_base);
    if (status == OK)
        status = template_of_entry(&found.items[0], out, error);
    if (entry_id)
        *entry_id = status == OK ? entry_identifier(&found.items[0]) : NULL;
    free(wanted);
    directory_entries_free(&found);
    buf_free(&filter);
    return status;
}

int directory_template_names(struct directory *directory, const char *templates_base, struct strings *out, struct error *error)
{
    static const char *const attributes[] = {"cn", NULL};
    struct directory_entries found;
    int status = directory_search(directory, templates_base, SCOPE_SUBTREE, "(objectClass=pKICertificateTemplate)", attributes,
                                  TEMPLATES_MAX, &found, error);

    if (status == OK && found.truncated)
        status = error_set(error, REFUSED, "directory.limit", "there are more templates under %s than the directory tells at once",
                           templates_base);
    for (size_t i = 0; status == OK && i < found.count; i++) {
        const char *name = directory_entry_text(&found.items[i], "cn");
        if (name && strings_add(out, name) != OK)
            status = error_memory(error);
    }
    if (status == OK)
        strings_sort(out);
    directory_entries_free(&found);
    return status;
}
