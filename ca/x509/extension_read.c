/* Reading extensions' values, and the table of what RFC 5280 prescribes for each: form, criticality, place.
 * Writing is in extension.c. */
#include <stdio.h>
#include <string.h>

#include "ca/base/oid.h"
#include "ca/base/text.h"
#include "ca/x509/extension.h"

int extension_read_usage(struct bytes value, unsigned *usage)
{
    struct bytes content;

    return walk_only(value, DER_BITS, &content) == OK ? walk_usage(content, WALK_STRICT, usage) : BAD_DATA;
}

int extension_read_ekus(struct bytes value, struct strings *ekus)
{
    char text[OID_TEXT_SIZE];
    struct bytes rest;
    struct tlv oid;

    if (walk_only(value, DER_SEQUENCE, &rest) != OK || rest.size == 0)
        return BAD_DATA;
    while (rest.size > 0) {
        if (walk_expect(&rest, DER_OID, &oid) != OK || walk_oid(oid.content, text) != OK || strings_contain(ekus, text))
            return BAD_DATA;
        if (strings_add(ekus, text) != OK)
            return INTERNAL;
    }
    return OK;
}

int extension_read_policies(struct bytes value, struct strings *oids)
{
    char text[OID_TEXT_SIZE];
    struct bytes rest;
    struct tlv policy, oid;

    if (walk_only(value, DER_SEQUENCE, &rest) != OK)
        return BAD_DATA;
    while (rest.size > 0) {
        if (walk_expect(&rest, DER_SEQUENCE, &policy) != OK || walk_expect(&policy.content, DER_OID, &oid) != OK ||
            walk_oid(oid.content, text) != OK)
            return BAD_DATA;
        if (strings_add(oids, text) != OK)
            return INTERNAL;
    }
    return OK;
}

int extension_read_basic_constraints(struct bytes value, bool *ca, int *path_length)
{
    struct bytes rest;
    struct tlv field;
    uint64_t length;

    *ca = false;
    *path_length = -1;
    if (walk_only(value, DER_SEQUENCE, &rest) != OK)
        return BAD_DATA;
    if (walk_is(rest, DER_BOOLEAN) && (walk_next(&rest, &field) != OK || walk_boolean(field.content, ca) != OK))
        return BAD_DATA;
    if (walk_is(rest, DER_INTEGER)) {
        if (walk_next(&rest, &field) != OK || walk_number(field.content, &length) != OK || length > 1000)
            return BAD_DATA;
        *path_length = (int)length;
    }
    return rest.size == 0 ? OK : BAD_DATA;
}

int extension_read_key_id(struct bytes value, struct bytes *key_id)
{
    return walk_only(value, DER_OCTETS, key_id) == OK && key_id->size > 0 ? OK : BAD_DATA;
}

int extension_read_authority_key_id(struct bytes value, struct bytes *key_id)
{
    struct bytes rest;
    struct tlv field;

    *key_id = bytes_of(NULL, 0);
    if (walk_only(value, DER_SEQUENCE, &rest) != OK)
        return BAD_DATA;
    if (walk_is(rest, DER_CONTEXT(0))) {
        if (walk_next(&rest, &field) != OK)
            return BAD_DATA;
        *key_id = field.content;
    }
    if (walk_is(rest, DER_CONTEXT_OPEN(1)) && walk_next(&rest, &field) != OK)
        return BAD_DATA;
    if (walk_is(rest, DER_CONTEXT(2)) && walk_next(&rest, &field) != OK)
        return BAD_DATA;
    return rest.size == 0 ? OK : BAD_DATA;
}

int extension_read_requester_id(struct bytes value, char text[UUID_TEXT_SIZE])
{
    struct bytes rest, uuid;
    struct tlv attribute, field;
    char oid[OID_TEXT_SIZE];
    size_t at = 0;

    if (walk_only(value, DER_SEQUENCE, &rest) != OK)
        return BAD_DATA;
    while (rest.size > 0) {
        if (walk_expect(&rest, DER_SEQUENCE, &attribute) != OK || walk_expect(&attribute.content, DER_OID, &field) != OK ||
            walk_oid(field.content, oid) != OK || walk_expect(&attribute.content, DER_SET, &field) != OK)
            return BAD_DATA;
        if (strcmp(oid, OID_ENTRY_UUID) != 0)
            continue;
        if (walk_only(field.content, DER_OCTETS, &uuid) != OK || uuid.size != 16)
            return BAD_DATA;
        for (size_t i = 0; i < uuid.size; i++) {
            if (i == 4 || i == 6 || i == 8 || i == 10)
                text[at++] = '-';
            snprintf(text + at, UUID_TEXT_SIZE - at, "%02x", uuid.data[i]);
            at += 2;
        }
        return OK;
    }
    return BAD_DATA;
}

/* ---- checks of form ---- */

static bool form_usage(struct bytes value)
{
    unsigned usage;

    return extension_read_usage(value, &usage) == OK && usage != 0;
}

static bool is_oid(struct bytes *rest)
{
    char text[OID_TEXT_SIZE];
    struct tlv oid;

    return walk_expect(rest, DER_OID, &oid) == OK && walk_oid(oid.content, text) == OK;
}

static bool form_oids(struct bytes value)
{
    struct bytes rest;
    bool good = walk_only(value, DER_SEQUENCE, &rest) == OK && rest.size > 0;

    while (good && rest.size > 0)
        good = is_oid(&rest);
    return good;
}

static bool form_policies(struct bytes value)
{
    struct bytes rest, seen;
    struct tlv item, other;
    bool good = walk_only(value, DER_SEQUENCE, &rest) == OK && rest.size > 0;

    for (seen = rest; good && rest.size > 0;) {
        good = walk_expect(&rest, DER_SEQUENCE, &item) == OK && is_oid(&item.content);
        if (good && item.content.size > 0)
            good = walk_expect(&item.content, DER_SEQUENCE, &other) == OK && other.content.size > 0 && item.content.size == 0;
    }
    /* a policy must not stand there twice, RFC 5280 4.2.1.4 */
    while (good && seen.size > 0) {
        struct bytes later, oid = {NULL, 0}, later_oid = {NULL, 0};

        walk_next(&seen, &item);
        oid = item.content;
        walk_expect(&oid, DER_OID, &item);
        for (later = seen; good && later.size > 0;) {
            walk_next(&later, &other);
            later_oid = other.content;
            walk_expect(&later_oid, DER_OID, &other);
            good = !bytes_equal(item.content, other.content);
        }
    }
    return good;
}

static bool form_basic(struct bytes value)
{
    int path_length;
    struct bytes rest;
    bool ca;

    if (extension_read_basic_constraints(value, &ca, &path_length) != OK || (!ca && path_length >= 0))
        return false;
    /* DEFAULT FALSE is left out in DER, X.690 11.5 */
    return ca || (walk_only(value, DER_SEQUENCE, &rest) == OK && rest.size == 0);
}

static bool form_key_id(struct bytes value)
{
    struct bytes key_id;

    return extension_read_key_id(value, &key_id) == OK;
}

static bool form_authority_key_id(struct bytes value)
{
    struct bytes key_id;

    return extension_read_authority_key_id(value, &key_id) == OK && key_id.size > 0;
}

static bool name_is_proper(const struct tlv *item)
{
    char text[256];
    const char *what;

    if (item->tag == DER_CONTEXT(2)) {
        if (item->content.size == 0 || item->content.size >= sizeof(text))
            return false;
        memcpy(text, item->content.data, item->content.size);
        text[item->content.size] = '\0';
        return text_is_dns_name(text, true);
    }
    if (item->tag == DER_CONTEXT_OPEN(4))
        return name_check(item->content, NAME_ISSUE, &what) == OK;
    return true;
}

static bool form_names(struct bytes value)
{
    struct general_name *names = NULL;
    size_t count = 0;
    const char *what;
    struct bytes rest;
    struct tlv item;
    bool good = general_names_read(value, SIZE_MAX, &names, &count, &what) == OK && walk_only(value, DER_SEQUENCE, &rest) == OK;

    while (good && rest.size > 0)
        good = walk_next(&rest, &item) == OK && name_is_proper(&item);
    general_names_free(names, count);
    return good;
}

static bool is_uri(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f)
            return false;
    return text.size > 0 && memchr(text.data, ':', text.size) != NULL;
}

/* DistributionPoints with URIs alone, as we and nearly everybody write them. */
static bool form_points(struct bytes value)
{
    struct bytes rest;
    struct tlv point, name, full, uri;
    bool good = walk_only(value, DER_SEQUENCE, &rest) == OK && rest.size > 0;

    while (good && rest.size > 0) {
        good = walk_expect(&rest, DER_SEQUENCE, &point) == OK && walk_expect(&point.content, DER_CONTEXT_OPEN(0), &name) == OK &&
               point.content.size == 0 && walk_expect(&name.content, DER_CONTEXT_OPEN(0), &full) == OK &&
               name.content.size == 0 && full.content.size > 0;
        while (good && full.content.size > 0)
            good = walk_expect(&full.content, DER_CONTEXT(6), &uri) == OK && is_uri(uri.content);
    }
    return good;
}

static bool form_access(struct bytes value)
{
    struct bytes rest;
    struct tlv item, location;
    bool good = walk_only(value, DER_SEQUENCE, &rest) == OK && rest.size > 0;

    while (good && rest.size > 0)
        good = walk_expect(&rest, DER_SEQUENCE, &item) == OK && is_oid(&item.content) &&
               walk_next(&item.content, &location) == OK && item.content.size == 0 && location.tag == DER_CONTEXT(6) &&
               is_uri(location.content);
    return good;
}

static bool form_null(struct bytes value)
{
    struct bytes content;

    return walk_only(value, DER_NULL, &content) == OK && content.size == 0;
}

static bool form_sequence(struct bytes value)
{
    struct bytes content;

    return walk_only(value, DER_SEQUENCE, &content) == OK && content.size > 0;
}

static bool form_number(struct bytes value)
{
    struct bytes content;
    uint64_t number;

    return walk_only(value, DER_INTEGER, &content) == OK && walk_number(content, &number) == OK;
}

static bool form_template(struct bytes value)
{
    struct bytes rest;
    struct tlv number;
    uint64_t at_most;
    bool good = walk_only(value, DER_SEQUENCE, &rest) == OK && is_oid(&rest);

    for (int i = 0; good && i < 2 && rest.size > 0; i++)
        good = walk_expect(&rest, DER_INTEGER, &number) == OK && walk_number(number.content, &at_most) == OK && at_most <= UINT32_MAX;
    return good && rest.size == 0;
}

enum prescribed { FREE, MUST, NEVER, IN_CA }; /* IN_CA: critical in CA certificates, as one likes elsewhere */
static const struct rule {
    const char *oid;
    enum prescribed critical;
    bool ca_only;
    bool (*form)(struct bytes value);
    const char *malformed, *criticality;
} rules[] = {
    {OID_KEY_USAGE, MUST, false, form_usage, "key usage is malformed or empty (RFC 5280 4.2.1.3)", "key usage is not critical (RFC 5280 4.2.1.3)"},
    {OID_EKU, FREE, false, form_oids, "extended key usage is malformed or empty (RFC 5280 4.2.1.12)", NULL},
    {OID_BASIC_CONSTRAINTS, IN_CA, false, form_basic, "basic constraints are malformed (RFC 5280 4.2.1.9)",
     "basic constraints are not critical in a CA certificate (RFC 5280 4.2.1.9)"},
    {OID_SKI, NEVER, false, form_key_id, "the subject key identifier is malformed (RFC 5280 4.2.1.2)",
     "the subject key identifier is critical (RFC 5280 4.2.1.2)"},
    {OID_AKI, NEVER, false, form_authority_key_id, "the authority key identifier is malformed (RFC 5280 4.2.1.1)",
     "the authority key identifier is critical (RFC 5280 4.2.1.1)"},
    {OID_SAN, FREE, false, form_names, "the subject alternative names are malformed, or a name is not in its prescribed form (RFC 5280 4.2.1.6)", NULL},
    {OID_ISSUER_ALT_NAME, NEVER, false, form_names, "the issuer alternative names are malformed (RFC 5280 4.2.1.7)",
     "issuer alternative names are critical (RFC 5280 4.2.1.7)"},
    {OID_CDP, NEVER, false, form_points, "the CRL distribution points are malformed (RFC 5280 4.2.1.13)",
     "CRL distribution points are critical (RFC 5280 4.2.1.13)"},
    {OID_FRESHEST_CRL, NEVER, false, form_points, "the freshest CRL extension is malformed (RFC 5280 4.2.1.15)",
     "the freshest CRL extension is critical (RFC 5280 4.2.1.15)"},
    {OID_AIA, NEVER, false, form_access, "authority information access is malformed (RFC 5280 4.2.2.1)",
     "authority information access is critical (RFC 5280 4.2.2.1)"},
    {OID_POLICIES, FREE, false, form_policies, "the certificate policies are malformed or repeated (RFC 5280 4.2.1.4)", NULL},
    {OID_APPLICATION_POLICIES, FREE, false, form_policies, "the application policies are malformed or repeated", NULL},
    {OID_POLICY_MAPPINGS, FREE, true, form_sequence, "policy mappings are malformed (RFC 5280 4.2.1.5)", NULL},
    {OID_NAME_CONSTRAINTS, MUST, true, form_sequence, "name constraints are malformed (RFC 5280 4.2.1.10)",
     "name constraints are not critical (RFC 5280 4.2.1.10)"},
    {OID_POLICY_CONSTRAINTS, MUST, true, form_sequence, "policy constraints are malformed (RFC 5280 4.2.1.11)",
     "policy constraints are not critical (RFC 5280 4.2.1.11)"},
    {OID_INHIBIT_ANY_POLICY, MUST, true, form_number, "inhibit anyPolicy is malformed (RFC 5280 4.2.1.14)",
     "inhibit anyPolicy is not critical (RFC 5280 4.2.1.14)"},
    {OID_EXT_REQUESTER_ID, NEVER, false, form_sequence, "subject directory attributes are malformed (RFC 5280 4.2.1.8)",
     "subject directory attributes are critical (RFC 5280 4.2.1.8)"},
    {OID_OCSP_NOCHECK, NEVER, false, form_null, "OCSP nocheck is not NULL (RFC 6960 4.2.2.2.1)", "OCSP nocheck is critical (RFC 6960 4.2.2.2.1)"},
    {OID_TEMPLATE_INFO, NEVER, false, form_template, "template information is malformed (MS-WCCE 2.2.2.7.7.2)", "template information is critical"},
    {OID_CA_VERSION, NEVER, false, form_number, "the CA version is malformed", "the CA version is critical"},
    {OID_MS_SECURITY_ID, NEVER, false, form_sequence, "the security identifier is malformed", "the security identifier is critical"},
};

int extension_check(const struct extension_view *extension, bool ca, const char **what)
{
    const struct rule *rule = NULL;

    *what = NULL;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && rule == NULL; i++)
        if (strcmp(rules[i].oid, extension->oid) == 0)
            rule = &rules[i];
    if (rule == NULL)
        return OK;
    if (!rule->form(extension->value))
        *what = rule->malformed;
    else if ((rule->critical == MUST || (rule->critical == IN_CA && ca)) && !extension->critical)
        *what = rule->criticality;
    else if (rule->critical == NEVER && extension->critical)
        *what = rule->criticality;
    else if (rule->ca_only && !ca)
        *what = "an extension that only CA certificates may carry stands in another (RFC 5280 4.2.1)";
    return *what == NULL ? OK : BAD_DATA;
}
