/* Event and entry in, modifications out. Pure: ldap.c reads the entry and carries the plan out.
 * Every value that goes into the directory comes from here, and every attribute is on the closed list below. */
#include "publish/ldap_entry.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ca/base/text.h"
#include "ca/x509/walk.h"

/* ---- what may be written ---- */
static const struct {
    enum entry_target target;
    const char *attribute;
} writable[] = {
    {ENTRY_HOLDER, "userCertificate"},
    {ENTRY_HOLDER, "objectClass"},
    {ENTRY_CA, "objectClass"},
    {ENTRY_CA, "cn"},
    {ENTRY_CA, "cACertificate"},
    {ENTRY_CA, "certificateRevocationList"},
    {ENTRY_CA, "deltaRevocationList"},
    {ENTRY_ENROLLMENT, "objectClass"},
    {ENTRY_ENROLLMENT, "cn"},
    {ENTRY_ENROLLMENT, "cACertificate"},
    {ENTRY_ENROLLMENT, "cACertificateDN"},
    {ENTRY_ENROLLMENT, "certificateTemplates"},
    {ENTRY_ENROLLMENT, "dNSHostName"},
};

bool entry_may_write(enum entry_target target, const char *attribute)
{
    size_t size = strcspn(attribute, ";");

    for (size_t i = 0; i < sizeof writable / sizeof *writable; i++)
        if (writable[i].target == target && strlen(writable[i].attribute) == size &&
            strncasecmp(writable[i].attribute, attribute, size) == 0)
            return true;
    return false;
}

/* ---- names ---- */
static int name_set(const char *item, const char *given, const char *computed, const char *base, char **out, struct error *error)
{
    struct error why = ERROR_NONE;
    const char *dn = given ? given : computed;

    if (!dn)
        return error_set(error, BAD_CONFIG, "publish.base",
                         "[publish.ldap] needs base (the suffix) or %s, the DN itself", item);
    if (dn_normalise(dn, out, &why) != OK)
        return error_set(error, BAD_CONFIG, "publish.dn", "[publish.ldap] %s = %s is not a DN: %s", item, dn, why.message);
    if (base && !dn_is_under(*out, base))
        return error_set(error, BAD_CONFIG, "publish.dn", "[publish.ldap] %s = %s is not under base %s", item, dn, base);
    return OK;
}

static int name_compute(const struct entry_settings *settings, const char *between, struct buf *out)
{
    if (!settings->base)
        return OK;
    buf_add_text(out, "cn=");
    text_dn_escape(out, settings->ca_name, strlen(settings->ca_name));
    buf_printf(out, ",%s,%s", between, settings->base);
    return out->failed ? INTERNAL : OK;
}

static int names_differ(const struct entry_names *names, struct error *error)
{
    if (dn_equal(names->ca, names->enrollment))
        return error_set(error, BAD_CONFIG, "publish.dn", "[publish.ldap] ca_entry and enrollment_entry are the same entry, %s", names->ca);
    return OK;
}

static char *copy_or_null(const char *text)
{
    return text ? strdup(text) : NULL;
}

int entry_names_make(const struct entry_settings *settings, struct entry_names *out, struct error *error)
{
    struct buf ca = BUF_EMPTY, enrollment = BUF_EMPTY;
    int status;

    *out = (struct entry_names){NULL};
    if (!settings->ca_name || !*settings->ca_name)
        return error_set(error, BAD_CONFIG, "publish.ca_name", "[ca] name is not set: the CA's entry is named after it");
    out->ca_name = strdup(settings->ca_name);
    out->dns_host_name = copy_or_null(settings->dns_host_name);
    if (!out->ca_name || name_compute(settings, "ou=pki", &ca) != OK ||
        name_compute(settings, "cn=enrollment services,ou=pki", &enrollment) != OK) {
        status = error_memory(error);
        goto out;
    }
    status = settings->base ? name_set("base", settings->base, NULL, NULL, &out->base, error) : OK;
    if (status == OK)
        status = name_set("ca_entry", settings->ca_entry, ca.size ? buf_text(&ca) : NULL, out->base, &out->ca, error);
    if (status == OK)
        status = name_set("enrollment_entry", settings->enrollment_entry, enrollment.size ? buf_text(&enrollment) : NULL, out->base,
                          &out->enrollment, error);
    if (status == OK && settings->subject_entry) /* may well be another suffix of the server */
        status = name_set("subject_entry", settings->subject_entry, NULL, NULL, &out->subject, error);
    if (status == OK)
        status = names_differ(out, error);
out:
    buf_free(&ca);
    buf_free(&enrollment);
    if (status != OK)
        entry_names_free(out);
    return status;
}

void entry_names_free(struct entry_names *names)
{
    free(names->ca);
    free(names->enrollment);
    free(names->subject);
    free(names->base);
    free(names->ca_name);
    free(names->dns_host_name);
    *names = (struct entry_names){NULL};
}

int entry_of_key(const char *dn, unsigned key_index, char **out, struct error *error)
{
    if (key_index > 0)
        return dn_numbered(dn, key_index, out, error);
    return (*out = strdup(dn)) ? OK : error_memory(error);
}

/* ---- plans ---- */
void entry_plan_free(struct entry_plan *plan)
{
    free(plan->dn);
    free(plan->list);
    buf_free(&plan->name);
    *plan = (struct entry_plan){.count = 0};
}

const char *entry_attribute(const struct entry_style *style, const char *name)
{
    static const char *const binary[][2] = {
        {"userCertificate", "userCertificate;binary"},
        {"cACertificate", "cACertificate;binary"},
        {"certificateRevocationList", "certificateRevocationList;binary"},
        {"deltaRevocationList", "deltaRevocationList;binary"},
    };

    for (size_t i = 0; style->rfc4523 && i < sizeof binary / sizeof *binary; i++)
        if (strcasecmp(binary[i][0], name) == 0)
            return binary[i][1];
    return name;
}

static int plan_begin(struct entry_plan *plan, enum entry_target target, const char *dn, const struct directory_entry *there,
                      struct error *error)
{
    *plan = (struct entry_plan){.target = target, .create = !there, .name = BUF_EMPTY};
    plan->dn = strdup(dn);
    return plan->dn ? OK : error_memory(error);
}

static int plan_change(struct entry_plan *plan, enum directory_mod op, const char *attribute, const struct bytes *values, size_t count,
                       struct error *error)
{
    if (!entry_may_write(plan->target, attribute))
        return error_set(error, REFUSED, "publish.attribute", "the publisher may not write %s at %s", attribute, plan->dn);
    if (plan->count == PLAN_CHANGES_MAX)
        return error_set(error, INTERNAL, "internal.plan", "a plan for %s has too many changes", plan->dn);
    plan->changes[plan->count++] = (struct directory_change){op, attribute, values, count};
    return OK;
}

static int plan_single(struct entry_plan *plan, enum directory_mod op, const char *attribute, struct bytes value, struct error *error)
{
    struct bytes *place = &plan->single[plan->count < PLAN_CHANGES_MAX ? plan->count : 0];

    *place = value;
    return plan_change(plan, op, attribute, place, 1, error);
}

static bool entry_has(const struct directory_entry *there, const char *attribute, struct bytes value)
{
    const struct directory_attribute *found = there ? directory_entry_get(there, attribute) : NULL;

    for (size_t i = 0; found && i < found->count; i++)
        if (bytes_equal(buf_bytes(&found->values[i]), value))
            return true;
    return false;
}

static bool entry_has_class(const struct directory_entry *there, const char *name)
{
    const struct directory_attribute *found = there ? directory_entry_get(there, "objectClass") : NULL;

    for (size_t i = 0; found && i < found->count; i++)
        if (strcasecmp(buf_text(&found->values[i]), name) == 0)
            return true;
    return false;
}

/* The class that allows the attribute, where the server knows it and the entry has it not yet. */
static int plan_class(struct entry_plan *plan, const struct entry_style *style, const struct directory_entry *there, const char *name,
                      struct error *error)
{
    if (!style->rfc4523 || entry_has_class(there, name))
        return OK;
    return plan_single(plan, MOD_ADD, "objectClass", bytes_of_text(name), error);
}

int entry_holder_dn(const struct event *event, const struct entry_names *names, char **dn, struct error *error)
{
    struct error why = ERROR_NONE;

    if (event->certificate_size == 0)
        return error_set(error, REFUSED, "publish.no_certificate", "request %llu has no certificate to publish",
                         (unsigned long long)event->request_id);
    if (dn_normalise(event->publish_dn, dn, &why) != OK) /* its reason would say that the directory can be repaired */
        return error_set(error, why.status, "publish.dn", "nothing can be published there: %s", why.message);
    if (names->base && !dn_is_under(*dn, names->base))
        error_set(error, REFUSED, "publish.outside", "%s is not under %s, so nothing is published there", *dn, names->base);
    else if (dn_equal(*dn, names->ca) || dn_equal(*dn, names->enrollment))
        error_set(error, REFUSED, "publish.outside", "%s is an entry of the CA, not of a certificate's holder", *dn);
    else
        return OK;
    free(*dn);
    *dn = NULL;
    return REFUSED;
}

int entry_plan_holder(const struct event *event, const struct entry_names *names, const struct entry_style *style,
                      const struct directory_entry *there, bool remove, struct entry_plan *plan, struct error *error)
{
    struct bytes certificate = bytes_of(event->certificate, event->certificate_size);
    bool present = entry_has(there, "userCertificate", certificate);
    char *dn = NULL;
    int status = entry_holder_dn(event, names, &dn, error);

    if (status == OK)
        status = plan_begin(plan, ENTRY_HOLDER, dn, there, error);
    if (status != OK)
        goto out;
    if (!there)
        status = error_set(error, TEMPORARY, "directory.no_entry", "there is no entry %s: create it, or have the request denied", dn);
    else if (remove && present)
        status = plan_single(plan, MOD_DELETE, entry_attribute(style, "userCertificate"), certificate, error);
    else if (!remove && !present)
        status = plan_single(plan, MOD_ADD, entry_attribute(style, "userCertificate"), certificate, error);
    if (status == OK && !remove)
        status = plan_class(plan, style, there, "pkiUser", error);
out:
    free(dn);
    return status;
}

/* objectClass and cn of a new entry of ours; its name must be a cn, which is what its class asks for. */
static int plan_new(struct entry_plan *plan, const char *const classes[], size_t class_count, struct error *error)
{
    char *attribute = NULL;
    int status = dn_first_rdn(plan->dn, &attribute, &plan->name, error);

    for (size_t i = 0; i < class_count; i++)
        plan->classes[i] = bytes_of_text(classes[i]);
    if (status == OK && strcasecmp(attribute, "cn") != 0)
        status = error_set(error, TEMPORARY, "directory.no_entry",
                           "there is no entry %s, and it is not made as its name is not a cn: create it", plan->dn);
    if (status == OK)
        status = plan_change(plan, MOD_ADD, "objectClass", plan->classes, class_count, error);
    if (status == OK)
        status = plan_single(plan, MOD_ADD, "cn", buf_bytes(&plan->name), error);
    free(attribute);
    return status;
}

/* cRLDistributionPoint is structural and is what the filter in CDP URLs asks for; pkiCA allows the CA's certificate. */
static int plan_new_ca(struct entry_plan *plan, const struct entry_style *style, struct error *error)
{
    static const char *const classes[] = {"cRLDistributionPoint", "pkiCA"};

    return plan_new(plan, classes, style->rfc4523 ? 2 : 1, error);
}

int entry_plan_ca(const struct event *event, const char *dn, const struct entry_style *style, const struct directory_entry *there,
                  struct entry_plan *plan, struct error *error)
{
    struct bytes certificate = bytes_of(event->certificate, event->certificate_size);
    int status;

    if (certificate.size == 0)
        return error_set(error, REFUSED, "publish.no_certificate", "the event has no CA certificate to publish");
    status = plan_begin(plan, ENTRY_CA, dn, there, error);
    if (status == OK)
        status = there ? plan_class(plan, style, there, "pkiCA", error) : plan_new_ca(plan, style, error);
    if (status == OK && !entry_has(there, "cACertificate", certificate))
        status = plan_single(plan, MOD_ADD, entry_attribute(style, "cACertificate"), certificate, error);
    return status;
}

#define OWN_MAX 64
/* The event's certificates, one after the other. */
static size_t own_split(const struct event *event, struct bytes own[OWN_MAX])
{
    struct bytes rest = bytes_of(event->certificate, event->certificate_size);
    struct tlv item;
    size_t count = 0;

    while (rest.size > 0 && count < OWN_MAX && walk_next(&rest, &item) == OK)
        own[count++] = item.whole;
    return rest.size == 0 ? count : 0;
}

static bool is_own(const struct bytes *own, size_t count, struct bytes value)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_equal(own[i], value))
            return true;
    return false;
}

int entry_plan_own(const struct event *event, const char *dn, const struct entry_style *style, const struct directory_entry *there,
                   size_t *foreign, size_t *missing, struct entry_plan *plan, struct error *error)
{
    const struct directory_attribute *now = there ? directory_entry_get(there, "cACertificate") : NULL;
    const char *attribute = entry_attribute(style, "cACertificate");
    struct bytes own[OWN_MAX];
    size_t count = own_split(event, own), held = now ? now->count : 0;
    int status = plan_begin(plan, ENTRY_CA, dn, there, error);

    *foreign = *missing = 0;
    if (status == OK && count == 0)
        status = error_set(error, REFUSED, "publish.no_certificate", "the event has no CA certificates to compare with");
    if (status == OK && (plan->list = calloc(held + count, sizeof *plan->list)) == NULL)
        status = error_memory(error);
    for (size_t i = 0; status == OK && i < held; i++)
        if (!is_own(own, count, buf_bytes(&now->values[i])))
            plan->list[(*foreign)++] = buf_bytes(&now->values[i]);
    for (size_t i = 0; status == OK && i < count; i++)
        if (!entry_has(there, "cACertificate", own[i]))
            plan->list[*foreign + (*missing)++] = own[i];
    if (status == OK && *missing > 0)
        status = there ? plan_class(plan, style, there, "pkiCA", error) : plan_new_ca(plan, style, error);
    if (status == OK && *foreign > 0)
        status = plan_change(plan, MOD_DELETE, attribute, plan->list, *foreign, error);
    if (status == OK && *missing > 0)
        status = plan_change(plan, MOD_ADD, attribute, plan->list + *foreign, *missing, error);
    return status;
}

/* A class under which the entry may hold the attribute, if it has none. */
static int plan_crl_class(struct entry_plan *plan, const struct entry_style *style, const struct directory_entry *there, bool delta,
                          struct error *error)
{
    if (entry_has_class(there, "cRLDistributionPoint"))
        return OK;
    return plan_class(plan, style, there, delta ? "deltaCRL" : "pkiCA", error);
}

int entry_plan_crl(const struct event *event, const char *dn, struct bytes crl, const struct entry_style *style,
                   const struct directory_entry *there, struct entry_plan *plan, struct error *error)
{
    const char *attribute = entry_attribute(style, event->delta ? "deltaRevocationList" : "certificateRevocationList");
    int status = plan_begin(plan, ENTRY_CA, dn, there, error);

    if (status == OK)
        status = there ? plan_crl_class(plan, style, there, event->delta, error) : plan_new_ca(plan, style, error);
    if (status == OK)
        status = plan_single(plan, there ? MOD_REPLACE : MOD_ADD, attribute, crl, error);
    return status;
}

static int plan_templates(const struct event *event, const struct directory_entry *there, struct entry_plan *plan, struct error *error)
{
    const struct directory_attribute *now = there ? directory_entry_get(there, "certificateTemplates") : NULL;
    size_t count = event->templates.count, same = 0;

    if (count == 0)
        return now && now->count ? plan_change(plan, MOD_DELETE, "certificateTemplates", NULL, 0, error) : OK;
    plan->list = calloc(count, sizeof *plan->list);
    if (!plan->list)
        return error_memory(error);
    for (size_t i = 0; i < count; i++) {
        plan->list[i] = bytes_of_text(event->templates.items[i]);
        same += entry_has(there, "certificateTemplates", plan->list[i]);
    }
    if (now && now->count == count && same == count)
        return OK;
    return plan_change(plan, there ? MOD_REPLACE : MOD_ADD, "certificateTemplates", plan->list, count, error);
}

/* One value that must be exactly this. */
static int plan_exactly(struct entry_plan *plan, const struct directory_entry *there, const char *attribute, const char *name,
                        struct bytes value, struct error *error)
{
    const struct directory_attribute *now = there ? directory_entry_get(there, name) : NULL;

    if (now && now->count == 1 && bytes_equal(buf_bytes(&now->values[0]), value))
        return OK;
    return plan_single(plan, there ? MOD_REPLACE : MOD_ADD, attribute, value, error);
}

int entry_plan_enrollment(const struct event *event, const struct entry_names *names, const char *subject,
                          const struct entry_style *style, const struct directory_entry *there, struct entry_plan *plan,
                          struct error *error)
{
    static const char *const classes[] = {"pKIEnrollmentService"};
    const char *other = there ? directory_entry_text(there, "cACertificateDN") : NULL;
    int status = plan_begin(plan, ENTRY_ENROLLMENT, names->enrollment, there, error);

    if (status == OK && subject && other && !dn_equal(other, subject))
        status = error_set(error, TEMPORARY, "publish.other_ca",
                           "%s is the entry of another CA, %s: remove it, or give this CA another [publish.ldap] enrollment_entry",
                           plan->dn, other);
    if (status == OK && !there)
        status = plan_new(plan, classes, 1, error);
    if (status == OK && names->dns_host_name)
        status = plan_exactly(plan, there, "dNSHostName", "dNSHostName", bytes_of_text(names->dns_host_name), error);
    if (status == OK && event->certificate_size > 0)
        status = plan_exactly(plan, there, entry_attribute(style, "cACertificate"), "cACertificate",
                              bytes_of(event->certificate, event->certificate_size), error);
    if (status == OK && subject)
        status = plan_exactly(plan, there, "cACertificateDN", "cACertificateDN", bytes_of_text(subject), error);
    if (status == OK)
        status = plan_templates(event, there, plan, error);
    return status;
}

int entry_plan_container(const char *dn, struct entry_plan *plan, struct error *error)
{
    static const char *const classes[] = {"applicationProcess"};
    int status = plan_begin(plan, ENTRY_ENROLLMENT, dn, NULL, error);

    return status == OK ? plan_new(plan, classes, 1, error) : status;
}
