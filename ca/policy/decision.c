/* What enterprise and standalone have in common: the rules that need no directory, what a template gives a certificate, and how many
 * officers must agree. What names a certificate may have from a request is in decision_names.c, extensions in decision_extension.c. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/oid.h"
#include "ca/base/text.h"
#include "ca/policy/decision.h"

enum chancery_verdict (decision_deny)(struct decision *d, const char *reason, const char *format, ...)
{
    char message[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    chancery_set_message(d->request, reason, "%s", message);
    return CHANCERY_DENY;
}

enum chancery_verdict decision_again(struct decision *d)
{
    chancery_set_message(d->request, d->error.reason[0] ? d->error.reason : "directory.down", "%.480s", d->error.message);
    return CHANCERY_TRY_AGAIN;
}

bool template_supplies_subject(const struct template *t) { return t->name_flag & NAMEFLAG_ENROLLEE_SUPPLIES_SUBJECT; }
bool template_pends(const struct template *t) { return t->enrollment_flag & ENROLL_PEND_ALL; }

bool template_supplies(const struct template *t)
{
    return t->name_flag & (NAMEFLAG_ENROLLEE_SUPPLIES_SUBJECT | NAMEFLAG_ENROLLEE_SUPPLIES_SAN);
}

bool entry_has(const struct directory_entry *entry, const char *attribute, const char *text)
{
    const struct directory_attribute *values = directory_entry_get(entry, attribute);

    for (size_t i = 0; values && i < values->count; i++)
        if (strlen(buf_text(&values->values[i])) == values->values[i].size && text_equal_nocase(buf_text(&values->values[i]), text))
            return true;
    return false;
}

/* ---- rules ---- */

enum chancery_verdict template_judge(struct decision *d)
{
    struct template_finding findings[TEMPLATE_FINDINGS_MAX];

    if (!d->value->template_name)
        return decision_deny(d, "template.none", "the request names no template; add the attribute CertificateTemplate:NAME");
    if (!d->template)
        return decision_deny(d, "template.unknown",
                             "template \"%.64s\" is not one that this CA issues; an administrator can adopt it (chancery template adopt)",
                             d->value->template_name);
    /* What was adopted under an older lint must not be issued under this one. */
    size_t count = template_lint(d->template, findings);
    for (size_t i = 0; i < count; i++)
        if (findings[i].fatal)
            return decision_deny(d, findings[i].reason, "%s", findings[i].message);
    return CHANCERY_ISSUE;
}

/* Names come from the directory or, where the template says so, from the PKCS#10; never from a request's attributes. */
enum chancery_verdict attributes_judge(struct decision *d)
{
    static const char *const names[] = {"san", "SubjectAltName", "SubjectAltName2", "subject", "upn"};

    for (size_t i = 0; i < d->value->attribute_count; i++)
        for (size_t j = 0; j < sizeof names / sizeof *names; j++)
            if (attribute_name_equal(d->value->attributes[i].name, names[j]))
                return decision_deny(d, "request.attribute_san", "names are never taken from the request attribute \"%s\"", names[j]);
    return CHANCERY_ISSUE;
}

/* Up to 521 a template's minimum is a curve's size and RSA has the CA's own; above, it is a modulus, and curves answer by
 * strength (NIST SP 800-57 part 1: 3072 as 256, 7680 as 384). */
static unsigned bits_needed(const char *algorithm, unsigned minimal)
{
    if (strcmp(algorithm, "rsa") == 0)
        return minimal < 2048 ? 2048 : minimal;
    if (minimal <= 521)
        return minimal < 255 ? 255 : minimal;
    return minimal <= 3072 ? 255 : minimal <= 7680 ? 384 : 521;
}

enum chancery_verdict key_judge(struct decision *d)
{
    unsigned bits = 0;
    const char *algorithm = chancery_request_key(d->request, &bits);
    unsigned needed = bits_needed(algorithm, d->template->minimal_key_size);

    if (bits >= needed || (strcmp(algorithm, "ed25519") == 0 && needed <= 256))
        return CHANCERY_ISSUE;
    return decision_deny(d, "key.size", "the key has %u bits; template %s asks for at least %u with %s", bits, d->template->name, needed,
                         algorithm);
}

enum chancery_verdict policies_judge(struct decision *d)
{
    for (size_t i = 0; i < d->template->policies.count; i++)
        if (!strings_contain(d->policies, d->template->policies.items[i]))
            return decision_deny(d, "policy.not_allowed",
                                 "template %s names the certificate policy %s, which [certificate] policies does not list",
                                 d->template->name, d->template->policies.items[i]);
    return CHANCERY_ISSUE;
}

/* ---- properties ---- */

static char *copy_or_null(const char *text)
{
    return text ? strdup(text) : NULL;
}

enum chancery_verdict properties_fill(struct decision *d)
{
    const struct template *t = d->template;
    struct properties *p = d->properties;
    bool copied = strings_copy(&p->ekus, &t->ekus) == OK && strings_copy(&p->policies, &t->policies) == OK &&
                  strings_copy(&p->critical, &t->critical) == OK &&
                  (t->schema_version < 2 || strings_copy(&p->application_policies, &t->application_policies) == OK);

    chancery_set_validity(d->request, t->validity_s);
    p->key_usage = t->key_usage;
    p->ca = t->flags & TEMPLATE_IS_CA;
    p->path_length = p->ca ? (t->max_issuing_depth > 0 ? t->max_issuing_depth : 0) : -1;
    p->basic_constraints = t->enrollment_flag & ENROLL_BASIC_CONSTRAINTS_EE;
    p->template_name = strdup(t->name);
    p->add_template_name = t->flags & TEMPLATE_ADD_NAME;
    p->template_oid = t->schema_version >= 2 ? copy_or_null(t->oid) : NULL;
    p->template_major = p->template_oid ? t->revision : 0;
    p->template_minor = p->template_oid ? t->minor_revision : 0;
    p->ocsp_nocheck = t->enrollment_flag & ENROLL_OCSP_NOCHECK;
    p->no_revocation_info = t->enrollment_flag & ENROLL_NO_REVOCATION_INFO;
    p->publish = d->entry && (t->enrollment_flag & ENROLL_PUBLISH_TO_DS);
    p->publish_dn = strdup(d->entry ? d->entry->dn : "");
    if (copied && p->template_name && p->publish_dn && (p->template_oid || !t->oid || t->schema_version < 2))
        return CHANCERY_ISSUE;
    error_memory(&d->error);
    return decision_again(d);
}

/* ---- approvals ---- */

static unsigned approvals_needed(const struct decision *d)
{
    const struct template *t = d->template;
    unsigned needed = template_pends(t) ? (t->approvals ? t->approvals : 1) : 0;

    if (needed < d->approvals_min)
        needed = d->approvals_min;
    if ((t->flags & TEMPLATE_IS_CA) && needed < 2)
        needed = 2;
    for (size_t i = 0; i < t->policies.count && needed < 2; i++)
        if (strings_contain(d->privileged, t->policies.items[i]))
            needed = 2;
    return needed;
}

/* Different officers, none of them the requester himself: counted here once more, though the authority sees to it. */
static unsigned approvals_given(const struct decision *d)
{
    const struct request *r = d->value;
    unsigned given = 0;

    for (size_t i = 0; i < r->approval_count; i++) {
        const struct approval *a = &r->approvals[i];
        bool counts = a->account && strcmp(a->account, d->requester->account ? d->requester->account : "") != 0 &&
                      !(a->dn && dn_equal(a->dn, d->requester->dn)) && !(a->dn && r->requester_dn && dn_equal(a->dn, r->requester_dn));
        for (size_t j = 0; j < i && counts; j++)
            counts = strcmp(r->approvals[j].account, a->account) != 0 &&
                     !(a->dn && r->approvals[j].dn && dn_equal(r->approvals[j].dn, a->dn));
        given += counts;
    }
    return given;
}

enum chancery_verdict approvals_judge(struct decision *d)
{
    unsigned needed = GUARD_OFF("approval.needed") ? 0 : approvals_needed(d), given = chancery_request_is_resubmission(d->request) ? approvals_given(d) : 0;

    d->properties->approvals_needed = needed;
    if (given >= needed) {
        chancery_set_message(d->request, "policy.issued", "issued by template %s%s", d->template->name, needed ? ", approved" : "");
        return CHANCERY_ISSUE;
    }
    if (given)
        chancery_set_message(d->request, "approval.partial", "approved %u of %u", given, needed);
    else
        chancery_set_message(d->request, "approval.needed", "template %s waits for %s", d->template->name,
                             needed > 1 ? "two or more officers" : "an officer");
    return CHANCERY_PEND;
}

/* ---- configuration ---- */

static int oids_read(const struct conf *conf, const char *name, struct strings *out, struct error *error)
{
    int status = conf_list(conf, "certificate", name, out);

    for (size_t i = 0; status == OK && i < out->count; i++)
        if (!oid_is_valid(out->items[i]) || strcmp(out->items[i], "2.5.29.32.0") == 0)
            status = error_set(error, BAD_CONFIG, "policy.config", "[certificate] %s: \"%s\" is no policy's identifier", name,
                               out->items[i]);
    return status;
}

int decision_policies_read(const struct conf *conf, struct strings *policies, struct strings *privileged, struct error *error)
{
    int status = oids_read(conf, "policies", policies, error);

    if (status == OK)
        status = oids_read(conf, "privileged_policies", privileged, error);
    for (size_t i = 0; status == OK && i < privileged->count; i++)
        if (!strings_contain(policies, privileged->items[i]))
            status = error_set(error, BAD_CONFIG, "policy.config", "[certificate] privileged_policies: %s is not among policies",
                               privileged->items[i]);
    return status;
}
