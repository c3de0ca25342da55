/* Entries as values: made from libldap's messages at this one place, owned, and asked by attribute. */
#include <ldap.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ca/directory/directory.h"
#include "ca/directory/entry.h"

static void attribute_free(struct directory_attribute *attribute)
{
    for (size_t i = 0; i < attribute->count; i++)
        buf_free(&attribute->values[i]);
    free(attribute->values);
    free(attribute->name);
}

static void entry_free(struct directory_entry *entry)
{
    for (size_t i = 0; i < entry->count; i++)
        attribute_free(&entry->attributes[i]);
    free(entry->attributes);
    free(entry->dn);
}

void directory_entries_free(struct directory_entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        entry_free(&entries->items[i]);
    free(entries->items);
    memset(entries, 0, sizeof *entries);
}

/* "userCertificate;binary" answers to "userCertificate". */
static bool attribute_is(const char *have, const char *want)
{
    size_t length = strcspn(have, ";");

    return strlen(want) == length && strncasecmp(have, want, length) == 0;
}

const struct directory_attribute *directory_entry_get(const struct directory_entry *entry, const char *name)
{
    for (size_t i = 0; i < entry->count; i++)
        if (entry->attributes[i].count && attribute_is(entry->attributes[i].name, name))
            return &entry->attributes[i];
    return NULL;
}

const char *directory_entry_text(const struct directory_entry *entry, const char *name)
{
    const struct directory_attribute *attribute = directory_entry_get(entry, name);

    return attribute ? buf_text(&attribute->values[0]) : NULL;
}

static int attribute_read(LDAP *ld, LDAPMessage *message, const char *name, struct directory_attribute *out)
{
    struct berval **values = ldap_get_values_len(ld, message, name);
    size_t count = values ? (size_t)ldap_count_values_len(values) : 0;
    int status = INTERNAL;

    out->name = strdup(name);
    out->values = calloc(count ? count : 1, sizeof *out->values);
    if (!out->name || !out->values)
        goto out;
    for (; out->count < count; out->count++) {
        struct buf *value = &out->values[out->count];
        buf_add(value, values[out->count]->bv_val, values[out->count]->bv_len);
        if (value->failed)
            goto out;
    }
    status = OK;
out:
    ldap_value_free_len(values);
    return status;
}

static int entry_read(LDAP *ld, LDAPMessage *message, struct directory_entry *out)
{
    BerElement *ber = NULL;
    char *dn = ldap_get_dn(ld, message);
    int status = OK;

    out->dn = dn ? strdup(dn) : NULL;
    ldap_memfree(dn);
    if (!out->dn)
        return INTERNAL;
    for (char *name = ldap_first_attribute(ld, message, &ber); name; name = ldap_next_attribute(ld, message, ber)) {
        struct directory_attribute *grown =
            status == OK ? realloc(out->attributes, (out->count + 1) * sizeof *grown) : NULL;
        if (grown) {
            out->attributes = grown;
            memset(&grown[out->count], 0, sizeof *grown);
            status = attribute_read(ld, message, name, &grown[out->count++]);
        } else {
            status = INTERNAL;
        }
        ldap_memfree(name);
    }
    ber_free(ber, 0);
    return status;
}

int entries_read(LDAP *ld, LDAPMessage *result, struct directory_entries *out)
{
    int count = ldap_count_entries(ld, result), status = OK;

    if (count <= 0)
        return OK;
    out->items = calloc((size_t)count, sizeof *out->items);
    if (!out->items)
        return INTERNAL;
    for (LDAPMessage *m = ldap_first_entry(ld, result); m && status == OK && out->count < (size_t)count; m = ldap_next_entry(ld, m))
        status = entry_read(ld, m, &out->items[out->count++]);
    return status;
}
