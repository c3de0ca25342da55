/* A certificate template as a value: made of attributes or of its canonical form, which is made of the same attributes.
 * One table says what each attribute is; reading is strict, for who writes the directory is not trusted.
 * What a template may not ask for is in template_lint.c. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ca/base/encode.h"
#include "ca/base/oid.h"
#include "ca/base/text.h"
#include "ca/template.h"

#define CANONICAL_MAGIC "chancery template 1\n"
#define VALUES_MAX 1024
#define VALUE_SIZE_MAX 4096
#define VALIDITY_MAX_S (INT64_C(100) * 366 * 86400)

enum form {
    FORM_CLASS,    /* objectClass: must hold pKICertificateTemplate */
    FORM_NAME,     /* cn */
    FORM_TEXT,
    FORM_OID,
    FORM_OIDS,
    FORM_TEXTS,
    FORM_DNS,      /* distinguished names, as text */
    FORM_FLAGS,    /* signed 32 bits on the wire, a bit set here */
    FORM_COUNT,    /* 0 to 65536 */
    FORM_DEPTH,    /* int */
    FORM_PERIOD,   /* 8 octets */
    FORM_KEY_USAGE
};

struct field {
    const char *name;
    enum form form;
    size_t offset;
};
#define AT(member) offsetof(struct template, member)

/* Sorted by name: the canonical form follows this order. */
static const struct field fields[] = {
    {"chanceryApprovals", FORM_COUNT, AT(approvals)},
    {"chanceryAutoEnroll", FORM_DNS, AT(auto_enroll)},
    {"chanceryEnroll", FORM_DNS, AT(enroll)},
    {"chanceryRequestExtension", FORM_OIDS, AT(request_extensions)},
    {"cn", FORM_NAME, AT(name)},
    {"displayName", FORM_TEXT, AT(display_name)},
    {"flags", FORM_FLAGS, AT(flags)},
    {"msPKI-Cert-Template-OID", FORM_OID, AT(oid)},
    {"msPKI-Certificate-Application-Policy", FORM_OIDS, AT(application_policies)},
    {"msPKI-Certificate-Name-Flag", FORM_FLAGS, AT(name_flag)},
    {"msPKI-Certificate-Policy", FORM_OIDS, AT(policies)},
    {"msPKI-Enrollment-Flag", FORM_FLAGS, AT(enrollment_flag)},
    {"msPKI-Minimal-Key-Size", FORM_COUNT, AT(minimal_key_size)},
    {"msPKI-Private-Key-Flag", FORM_FLAGS, AT(private_key_flag)},
    {"msPKI-RA-Application-Policies", FORM_TEXTS, AT(ra_application_policies)},
    {"msPKI-RA-Policies", FORM_TEXTS, AT(ra_policies)},
    {"msPKI-RA-Signature", FORM_COUNT, AT(ra_signatures)},
    {"msPKI-Supersede-Templates", FORM_TEXTS, AT(supersedes)},
    {"msPKI-Template-Minor-Revision", FORM_COUNT, AT(minor_revision)},
    {"msPKI-Template-Schema-Version", FORM_COUNT, AT(schema_version)},
    {"objectClass", FORM_CLASS, 0},
    {"pKICriticalExtensions", FORM_OIDS, AT(critical)},
    {"pKIExpirationPeriod", FORM_PERIOD, AT(validity_s)},
    {"pKIExtendedKeyUsage", FORM_OIDS, AT(ekus)},
    {"pKIKeyUsage", FORM_KEY_USAGE, AT(key_usage)},
    {"pKIMaxIssuingDepth", FORM_DEPTH, AT(max_issuing_depth)},
    {"pKIOverlapPeriod", FORM_PERIOD, AT(overlap_s)},
    {"revision", FORM_COUNT, AT(revision)},
};
#define FIELDS (sizeof fields / sizeof *fields)

const char *const template_attribute_names[] = {
    "chanceryApprovals", "chanceryAutoEnroll", "chanceryEnroll", "chanceryRequestExtension", "cn", "displayName", "flags",
    "msPKI-Cert-Template-OID", "msPKI-Certificate-Application-Policy", "msPKI-Certificate-Name-Flag",
    "msPKI-Certificate-Policy", "msPKI-Enrollment-Flag", "msPKI-Minimal-Key-Size", "msPKI-Private-Key-Flag",
    "msPKI-RA-Application-Policies", "msPKI-RA-Policies", "msPKI-RA-Signature", "msPKI-Supersede-Templates",
    "msPKI-Template-Minor-Revision", "msPKI-Template-Schema-Version", "objectClass", "pKICriticalExtensions",
    "pKIExpirationPeriod", "pKIExtendedKeyUsage", "pKIKeyUsage", "pKIMaxIssuingDepth", "pKIOverlapPeriod", "revision",
    NULL};

/* ---- single values ---- */

static char *bytes_to_text(struct bytes value)
{
    char *text = malloc(value.size + 1);
    if (text) {
        if (value.size)
            memcpy(text, value.data, value.size);
        text[value.size] = '\0';
    }
    return text;
}

/* Printable UTF-8 of 1 to max octets: nothing that the sanitiser would have to escape. */
static bool text_is_plain(struct bytes value, size_t max)
{
    struct buf safe = BUF_EMPTY;
    bool plain = value.size > 0 && value.size <= max && !memchr(value.data, 0, value.size) &&
                 text_is_utf8((const char *)value.data, value.size) &&
                 text_sanitise(&safe, (const char *)value.data, value.size) == 0;
    buf_free(&safe);
    return plain;
}

/* The name goes into certificates, commands and messages: letters, digits, and blank . _ - inside. */
static bool name_is_valid(struct bytes value)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._- ";

    if (value.size == 0 || value.size > 64)
        return false;
    for (size_t i = 0; i < value.size; i++)
        if (value.data[i] == 0 || !strchr(allowed, value.data[i]))
            return false;
    return value.data[0] != ' ' && value.data[0] != '-' && value.data[value.size - 1] != ' ';
}

static bool oid_is_plain(struct bytes value)
{
    char text[256];

    if (value.size == 0 || value.size >= sizeof text || memchr(value.data, 0, value.size))
        return false;
    memcpy(text, value.data, value.size);
    text[value.size] = '\0';
    return oid_is_valid(text);
}

/* RFC 4517 3.3.16: an optional minus, no leading zero. */
static bool integer_parse(struct bytes value, int64_t *out)
{
    char text[16];
    bool negative = value.size > 0 && value.data[0] == '-';
    size_t skip = negative ? 1 : 0;
    uint64_t number;

    if (value.size <= skip || value.size >= sizeof text)
        return false;
    memcpy(text, value.data + skip, value.size - skip);
    text[value.size - skip] = '\0';
    if (strlen(text) != value.size - skip || number_parse(text, &number) != OK || number > UINT32_MAX)
        return false;
    if ((text[0] == '0' && text[1]) || (negative && number == 0))
        return false;
    *out = negative ? -(int64_t)number : (int64_t)number;
    return true;
}

/* Eight octets, little-endian, a negative count of 100 ns (MS-CRTD 2.11). */
static bool period_parse(struct bytes value, int64_t *seconds)
{
    uint64_t raw = 0;

    if (value.size != 8)
        return false;
    for (size_t i = 0; i < 8; i++)
        raw |= (uint64_t)value.data[i] << (8 * i);
    if (raw == 0) {
        *seconds = 0;
        return true;
    }
    if (!(raw >> 63))
        return false;
    *seconds = (int64_t)((~raw + 1) / 10000000);
    return *seconds <= VALIDITY_MAX_S;
}

static bool key_usage_parse(struct bytes value, unsigned *out)
{
    if (value.size < 1 || value.size > 2 || (value.size == 2 && (value.data[1] & 0x7f)))
        return false;
    *out = value.data[0] | (value.size == 2 ? (unsigned)value.data[1] << 8 : 0);
    return true;
}

/* ---- one attribute into its field ---- */

static bool class_is_template(const struct template_attribute *attribute)
{
    static const char class_name[] = "pKICertificateTemplate";

    for (size_t i = 0; i < attribute->count; i++)
        if (attribute->values[i].size == sizeof class_name - 1 &&
            strncasecmp((const char *)attribute->values[i].data, class_name, sizeof class_name - 1) == 0)
            return true;
    return false;
}

static int list_set(const struct template_attribute *attribute, enum form form, struct strings *list)
{
    for (size_t i = 0; i < attribute->count; i++) {
        struct bytes value = attribute->values[i];
        if (form == FORM_OIDS ? !oid_is_plain(value) : !text_is_plain(value, VALUE_SIZE_MAX))
            return BAD_DATA;
        if (strings_add_n(list, (const char *)value.data, value.size) != OK)
            return INTERNAL;
    }
    strings_sort(list);
    return OK;
}

static int text_set(struct bytes value, enum form form, char **out)
{
    bool good = form == FORM_NAME  ? name_is_valid(value)
                : form == FORM_OID ? oid_is_plain(value)
                                   : text_is_plain(value, 256);
    if (!good)
        return BAD_DATA;
    *out = bytes_to_text(value);
    return *out ? OK : INTERNAL;
}

static int number_set(struct bytes value, enum form form, void *out)
{
    int64_t number;

    if (!integer_parse(value, &number))
        return BAD_DATA;
    if (form == FORM_FLAGS) {
        if (number < INT32_MIN || number > UINT32_MAX)
            return BAD_DATA;
        *(unsigned *)out = (unsigned)(uint32_t)number;
    } else if (form == FORM_DEPTH) {
        if (number < -1 || number > 32)
            return BAD_DATA;
        *(int *)out = (int)number;
    } else {
        if (number < 0 || number > 65536)
            return BAD_DATA;
        *(unsigned *)out = (unsigned)number;
    }
    return OK;
}

static bool form_is_list(enum form form)
{
    return form == FORM_OIDS || form == FORM_TEXTS || form == FORM_DNS;
}

static int field_set(const struct field *field, const struct template_attribute *attribute, struct template *out)
{
    void *at = (char *)out + field->offset;

    if (field->form == FORM_CLASS)
        return class_is_template(attribute) ? OK : BAD_DATA;
    if (form_is_list(field->form))
        return list_set(attribute, field->form, at);
    if (attribute->count != 1) /* every other one is single-valued; two values are two truths */
        return BAD_DATA;
    struct bytes value = attribute->values[0];
    if (field->form == FORM_PERIOD)
        return period_parse(value, at) ? OK : BAD_DATA;
    if (field->form == FORM_KEY_USAGE)
        return key_usage_parse(value, at) ? OK : BAD_DATA;
    if (field->form == FORM_NAME || field->form == FORM_TEXT || field->form == FORM_OID)
        return text_set(value, field->form, at);
    return number_set(value, field->form, at);
}

/* ---- canonical form: magic, DN, then each attribute that has values: name, count, values sorted ---- */

static void put_bytes(struct buf *out, struct bytes value)
{
    uint8_t length[4];

    put_u32(length, (uint32_t)value.size);
    buf_add(out, length, sizeof length);
    buf_add(out, value.data, value.size);
}

static bool get_bytes(struct bytes *in, struct bytes *out)
{
    if (in->size < 4)
        return false;
    size_t size = get_u32(in->data);
    if (size > in->size - 4)
        return false;
    *out = bytes_of(in->data + 4, size);
    *in = bytes_of(in->data + 4 + size, in->size - 4 - size);
    return true;
}

static int value_compare(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

static int canonical_add(struct buf *out, const char *name, const struct template_attribute *attribute)
{
    uint8_t count[4];
    struct bytes *sorted = malloc(attribute->count * sizeof *sorted);

    if (!sorted)
        return INTERNAL;
    memcpy(sorted, attribute->values, attribute->count * sizeof *sorted);
    qsort(sorted, attribute->count, sizeof *sorted, value_compare);
    put_bytes(out, bytes_of_text(name));
    put_u32(count, (uint32_t)attribute->count);
    buf_add(out, count, sizeof count);
    for (size_t i = 0; i < attribute->count; i++)
        put_bytes(out, sorted[i]);
    free(sorted);
    return out->failed ? INTERNAL : OK;
}

/* ---- the whole ---- */

static int attribute_find(const struct template_attribute *attributes, size_t count, const char *name,
                          const struct template_attribute **found)
{
    *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(attributes[i].name, name) != 0 || attributes[i].count == 0)
            continue;
        if (*found)
            return BAD_DATA;
        *found = &attributes[i];
    }
    return OK;
}

static bool attribute_fits(const struct template_attribute *attribute)
{
    if (attribute->count > VALUES_MAX)
        return false;
    for (size_t i = 0; i < attribute->count; i++)
        if (attribute->values[i].size > VALUE_SIZE_MAX)
            return false;
    return true;
}

static int field_read(const struct field *field, const struct template_attribute *attributes, size_t count,
                      struct template *out, struct error *error)
{
    const struct template_attribute *attribute;
    int status = attribute_find(attributes, count, field->name, &attribute);

    if (status == OK && !attribute)
        return OK;
    if (status == OK && !attribute_fits(attribute))
        status = BAD_DATA;
    if (status == OK)
        status = field_set(field, attribute, out);
    if (status == OK)
        status = canonical_add(&out->canonical, field->name, attribute);
    if (status == BAD_DATA)
        return error_set(error, BAD_DATA, "template.attribute",
                         "template %s: attribute %s has a value that it must not have; correct the entry in the directory",
                         out->dn, field->name);
    return status == OK ? OK : error_memory(error);
}

static int template_complete(const struct template *template, const struct template_attribute *attributes, size_t count,
                             struct error *error)
{
    const struct template_attribute *class;

    if (!template->name)
        return error_set(error, BAD_DATA, "template.attribute", "template %s has no cn", template->dn);
    if (attribute_find(attributes, count, "objectClass", &class) != OK || !class)
        return error_set(error, BAD_DATA, "template.attribute",
                         "the object class of %s cannot be read: is it a pKICertificateTemplate?", template->dn);
    return template->canonical.failed ? error_memory(error) : OK;
}

int template_from_attributes(const char *dn, const struct template_attribute *attributes, size_t count, struct template *out,
                             struct error *error)
{
    int status = OK;

    memset(out, 0, sizeof *out);
    out->max_issuing_depth = -1;
    if (!text_is_plain(bytes_of_text(dn), VALUE_SIZE_MAX))
        return error_set(error, BAD_DATA, "template.dn", "a template's distinguished name has characters that it must not have");
    out->dn = strdup(dn);
    if (!out->dn)
        return error_memory(error);
    buf_add_text(&out->canonical, CANONICAL_MAGIC);
    put_bytes(&out->canonical, bytes_of_text(dn));
    for (size_t i = 0; i < FIELDS && status == OK; i++)
        status = field_read(&fields[i], attributes, count, out, error);
    if (status == OK)
        status = template_complete(out, attributes, count, error);
    if (status == OK && (out->enrollment_flag & ENROLL_PEND_ALL) && out->approvals == 0)
        out->approvals = 1;
    if (status != OK)
        template_free(out);
    return status;
}

/* The values of one attribute of the canonical form; what they point to is the form itself. */
static int canonical_attribute(struct bytes *in, char *name, size_t room, struct template_attribute *out)
{
    struct bytes title;
    size_t count;
    struct bytes *values;

    if (!get_bytes(in, &title) || title.size >= room || in->size < 4)
        return BAD_DATA;
    memcpy(name, title.data, title.size);
    name[title.size] = '\0';
    count = get_u32(in->data);
    *in = bytes_of(in->data + 4, in->size - 4);
    if (count == 0 || count > VALUES_MAX)
        return BAD_DATA;
    values = calloc(count, sizeof *values);
    if (!values)
        return INTERNAL;
    *out = (struct template_attribute){name, values, count};
    for (size_t i = 0; i < count; i++)
        if (!get_bytes(in, &values[i]))
            return BAD_DATA;
    return OK;
}

static int canonical_read(struct bytes in, char *dn, size_t dn_room, char names[][64], struct template_attribute *attributes,
                          size_t *count)
{
    const size_t magic = sizeof CANONICAL_MAGIC - 1;
    struct bytes where;
    int status = OK;

    if (in.size < magic || memcmp(in.data, CANONICAL_MAGIC, magic) != 0)
        return BAD_DATA;
    in = bytes_of(in.data + magic, in.size - magic);
    if (!get_bytes(&in, &where) || where.size >= dn_room)
        return BAD_DATA;
    memcpy(dn, where.data, where.size);
    dn[where.size] = '\0';
    while (in.size && status == OK) {
        if (*count == FIELDS)
            return BAD_DATA;
        status = canonical_attribute(&in, names[*count], sizeof names[0], &attributes[*count]);
        if (attributes[*count].values)
            (*count)++;
    }
    return status;
}

int template_from_canonical(struct bytes canonical, struct template *out, struct error *error)
{
    static const char broken[] = "the stored copy of a template is damaged; adopt the template again";
    char dn[VALUE_SIZE_MAX + 1], names[FIELDS][64];
    struct template_attribute attributes[FIELDS] = {{NULL, NULL, 0}};
    size_t count = 0;
    int status = canonical_read(canonical, dn, sizeof dn, names, attributes, &count);

    memset(out, 0, sizeof *out);
    if (status == INTERNAL)
        error_memory(error);
    else if (status != OK)
        error_set(error, BAD_DATA, "template.canonical", "%s", broken);
    if (status == OK)
        status = template_from_attributes(dn, attributes, count, out, error);
    /* Anything that would not be written the same again was not written by us. */
    if (status == OK && !bytes_equal(buf_bytes(&out->canonical), canonical)) {
        template_free(out);
        status = error_set(error, BAD_DATA, "template.canonical", "%s", broken);
    }
    for (size_t i = 0; i < count; i++)
        free((void *)attributes[i].values);
    return status;
}

int template_each_value(const struct template *template, int (*each)(void *state, const char *name, struct bytes value), void *state)
{
    char dn[VALUE_SIZE_MAX + 1], names[FIELDS][64];
    struct template_attribute attributes[FIELDS] = {{NULL, NULL, 0}};
    size_t count = 0;
    int status = canonical_read(buf_bytes(&template->canonical), dn, sizeof dn, names, attributes, &count);

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < attributes[i].count && status == OK; j++)
            status = each(state, attributes[i].name, attributes[i].values[j]);
        free((void *)(uintptr_t)attributes[i].values);
    }
    return status;
}

void template_free(struct template *template)
{
    struct strings *const lists[] = {&template->ekus,          &template->application_policies,
                                     &template->policies,      &template->critical,
                                     &template->ra_policies,   &template->ra_application_policies,
                                     &template->supersedes,    &template->request_extensions,
                                     &template->enroll,        &template->auto_enroll};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        strings_free(lists[i]);
    free(template->name);
    free(template->display_name);
    free(template->dn);
    free(template->oid);
    buf_free(&template->canonical);
    memset(template, 0, sizeof *template);
}
