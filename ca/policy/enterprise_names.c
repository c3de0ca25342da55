/* Subject and alternative names: built from the requester's entry by the template's name flags, or, where the enrollee
 * supplies them, taken from the request and checked name by name. Whose names they are is asked in enterprise_unique.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/oid.h"
#include "ca/base/text.h"
#include "ca/policy/enterprise.h"

#define MAILS_MAX 16

/* ---- the requester's own values ---- */

static enum chancery_verdict missing(struct decision *d, const char *reason, const char *attribute)
{
    return decision_deny(d, reason, "%s has no %s in the directory, which template %s puts into certificates", d->entry->dn, attribute,
                         d->template->name);
}

static enum chancery_verdict bad_value(struct decision *d, const char *reason, const char *attribute)
{
    return decision_deny(d, reason, "the attribute %s of %s is not fit for a certificate; an administrator must correct it", attribute,
                         d->entry->dn);
}

/* All values, sorted: which of several stands first in the directory is not defined. */
static int values_sorted(const struct decision *d, const char *attribute, struct strings *out)
{
    const struct directory_attribute *values = directory_entry_get(d->entry, attribute);

    for (size_t i = 0; values && i < values->count; i++)
        if (strings_add_n(out, buf_text(&values->values[i]), values->values[i].size) != OK)
            return INTERNAL;
    strings_sort(out);
    return OK;
}

static char *lower(const char *text)
{
    char *copy = strdup(text);

    for (char *p = copy; p && *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return copy;
}

/* dNSHostName, one value, lower case. */
static enum chancery_verdict dns_value(struct decision *d, char **out)
{
    const struct directory_attribute *values = directory_entry_get(d->entry, "dNSHostName");

    if (!values)
        return missing(d, "subject.missing_dns", "dNSHostName");
    if (values->count != 1 || strlen(buf_text(&values->values[0])) != values->values[0].size ||
        !text_is_dns_name(buf_text(&values->values[0]), false))
        return bad_value(d, "subject.bad_dns", "dNSHostName");
    *out = lower(buf_text(&values->values[0]));
    return *out ? CHANCERY_ISSUE : decision_no_memory(d);
}

/* ---- subject ---- */

static void rdn_add(struct buf *subject, const char *type, const char *value)
{
    if (subject->size)
        buf_add_text(subject, ",");
    buf_add_text(subject, type);
    buf_add_text(subject, "=");
    text_dn_escape(subject, value, strlen(value));
}

static enum chancery_verdict subject_email(struct decision *d, struct buf *subject)
{
    struct strings mails = {NULL, 0};
    enum chancery_verdict verdict = CHANCERY_ISSUE;

    if (values_sorted(d, "mail", &mails) != OK)
        verdict = decision_no_memory(d);
    else if (mails.count == 0)
        verdict = missing(d, "subject.missing_mail", "mail");
    else if (!email_is_plain(mails.items[0]))
        verdict = bad_value(d, "subject.bad_mail", "mail");
    else
        rdn_add(subject, "emailAddress", mails.items[0]);
    strings_free(&mails);
    return verdict;
}

static enum chancery_verdict subject_common_name(struct decision *d, struct buf *subject)
{
    struct strings names = {NULL, 0};
    enum chancery_verdict verdict = CHANCERY_ISSUE;

    if (values_sorted(d, "cn", &names) != OK)
        verdict = decision_no_memory(d);
    else if (names.count == 0)
        verdict = missing(d, "subject.missing_cn", "cn");
    else if (!text_is_plain(names.items[0], strlen(names.items[0])))
        verdict = bad_value(d, "subject.text", "cn");
    else
        rdn_add(subject, "CN", names.items[0]);
    strings_free(&names);
    return verdict;
}

static enum chancery_verdict subject_dns(struct decision *d, struct buf *subject)
{
    char *dns = NULL;
    enum chancery_verdict verdict = dns_value(d, &dns);

    if (verdict == CHANCERY_ISSUE)
        rdn_add(subject, "CN", dns);
    free(dns);
    return verdict;
}

static enum chancery_verdict subject_path(struct decision *d, struct buf *subject)
{
    char *dn = NULL;

    if (!text_is_plain(d->entry->dn, strlen(d->entry->dn)))
        return decision_deny(d, "subject.text", "the requester's distinguished name is not fit for a certificate");
    if (dn_normalise(d->entry->dn, &dn, &d->error) != OK)
        return decision_again(d);
    if (subject->size)
        buf_add_text(subject, ",");
    buf_add_text(subject, dn);
    free(dn);
    return CHANCERY_ISSUE;
}

/* Most specific first, as LDAP writes names: e-mail, then the name. */
static enum chancery_verdict subject_build(struct decision *d, struct buf *subject)
{
    static const struct {
        unsigned flag;
        enum chancery_verdict (*add)(struct decision *, struct buf *);
    } parts[] = {
        {NAMEFLAG_SUBJECT_EMAIL, subject_email},
        {NAMEFLAG_SUBJECT_DIRECTORY_PATH, subject_path}, /* holds the common name already */
        {NAMEFLAG_SUBJECT_DNS_AS_CN, subject_dns},
        {NAMEFLAG_SUBJECT_COMMON_NAME, subject_common_name},
    };
    enum chancery_verdict verdict = CHANCERY_ISSUE;
    bool named = false;

    for (size_t i = 0; i < sizeof parts / sizeof *parts && verdict == CHANCERY_ISSUE && !named; i++) {
        if (!(d->template->name_flag & parts[i].flag))
            continue;
        verdict = parts[i].add(d, subject);
        named = i > 0;
    }
    return verdict;
}

/* ---- alternative names ---- */

static enum chancery_verdict san_email(struct decision *d)
{
    struct strings mails = {NULL, 0};
    enum chancery_verdict verdict = values_sorted(d, "mail", &mails) == OK ? CHANCERY_ISSUE : decision_no_memory(d);

    if (verdict == CHANCERY_ISSUE && mails.count == 0)
        verdict = missing(d, "subject.missing_mail", "mail");
    if (verdict == CHANCERY_ISSUE && mails.count > MAILS_MAX)
        verdict = bad_value(d, "subject.bad_mail", "mail");
    for (size_t i = 0; i < mails.count && verdict == CHANCERY_ISSUE; i++)
        verdict = email_is_plain(mails.items[i]) ? decision_name_add(d, NAME_EMAIL, mails.items[i]) : bad_value(d, "subject.bad_mail", "mail");
    strings_free(&mails);
    return verdict;
}

static enum chancery_verdict san_dns(struct decision *d)
{
    char *dns = NULL;
    enum chancery_verdict verdict = dns_value(d, &dns);

    if (verdict == CHANCERY_ISSUE)
        verdict = decision_name_add(d, NAME_DNS, dns);
    free(dns);
    return verdict;
}

/* A directory without UPNs still serves a template that asks for e-mail and UPN; one that gives nothing else needs it. */
static enum chancery_verdict san_upn(struct decision *d)
{
    const struct directory_attribute *values = directory_entry_get(d->entry, "userPrincipalName");

    if (!values)
        return d->properties->name_count ? CHANCERY_ISSUE : missing(d, "subject.missing_upn", "userPrincipalName");
    const char *upn = buf_text(&values->values[0]);
    if (values->count != 1 || strlen(upn) != values->values[0].size || !upn_is_plain(upn))
        return bad_value(d, "subject.bad_upn", "userPrincipalName");
    return decision_name_add(d, NAME_UPN, upn);
}

static enum chancery_verdict san_build(struct decision *d)
{
    static const struct {
        unsigned flag;
        enum chancery_verdict (*add)(struct decision *);
    } parts[] = {{NAMEFLAG_SAN_EMAIL, san_email}, {NAMEFLAG_SAN_DNS, san_dns}, {NAMEFLAG_SAN_UPN, san_upn}};
    enum chancery_verdict verdict = CHANCERY_ISSUE;

    for (size_t i = 0; i < sizeof parts / sizeof *parts && verdict == CHANCERY_ISSUE; i++)
        if (d->template->name_flag & parts[i].flag)
            verdict = parts[i].add(d);
    return verdict;
}

/* ---- the rule ---- */

enum chancery_verdict names_judge(struct decision *d)
{
    struct buf subject = BUF_EMPTY;
    enum chancery_verdict verdict = template_supplies(d->template) ? decision_san_supplied(d) : san_build(d);

    d->properties->names_origin = template_supplies(d->template) ? ORIGIN_REQUEST : ORIGIN_POLICY;
    if (verdict == CHANCERY_ISSUE)
        verdict = template_supplies_subject(d->template) ? decision_subject_supplied(d, &subject) : subject_build(d, &subject);
    if (verdict == CHANCERY_ISSUE)
        verdict = decision_subject_set(d, &subject);
    buf_free(&subject);
    return verdict;
}
