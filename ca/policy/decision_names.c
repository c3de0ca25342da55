/* Names that come from the request: what kinds a template takes, in what form; and what becomes of the subject. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/oid.h"
#include "ca/base/text.h"
#include "ca/policy/decision.h"

enum chancery_verdict decision_no_memory(struct decision *d)
{
    error_memory(&d->error);
    return decision_again(d);
}

/* ---- what a value must be to go into a certificate ---- */

bool text_is_plain(const char *text, size_t size)
{
    struct buf safe = BUF_EMPTY;
    bool plain = size > 0 && size <= 255 && strlen(text) == size && text_sanitise(&safe, text, size) == 0;

    buf_free(&safe);
    return plain;
}

bool email_is_plain(const char *text)
{
    const char *at = strchr(text, '@');

    if (!at || at == text || !at[1] || strchr(at + 1, '@') || strlen(text) > 254)
        return false;
    for (const char *p = text; *p; p++)
        if (*p <= ' ' || *p >= 0x7f || strchr("<>()[],;:\\\"", *p))
            return false;
    return true;
}

bool upn_is_plain(const char *text)
{
    const char *at = strchr(text, '@');

    return at && at != text && at[1] && !strchr(at + 1, '@') && !strchr(text, ' ') && text_is_plain(text, strlen(text));
}

/* ---- names ---- */

enum chancery_verdict decision_name_add(struct decision *d, enum name_kind kind, const char *value)
{
    return properties_add_name(d->properties, kind, value) == OK ? CHANCERY_ISSUE : decision_no_memory(d);
}

/* ---- names that the enrollee supplies ---- */

/* What kinds, and in what form. Addresses and URIs only where an officer looks at them. */
static bool supplied_name_fits(const struct decision *d, const struct general_name *name)
{
    bool pends = template_pends(d->template);

    switch (name->kind) {
    case NAME_DNS:
        return text_is_dns_name(name->value, pends);
    case NAME_EMAIL:
        return email_is_plain(name->value);
    case NAME_UPN:
        return upn_is_plain(name->value);
    case NAME_IP:
    case NAME_URI:
        return pends && text_is_plain(name->value, strlen(name->value));
    default:
        return false;
    }
}

enum chancery_verdict decision_san_supplied(struct decision *d)
{
    const struct general_name *names;
    size_t count = chancery_request_names(d->request, &names);
    enum chancery_verdict verdict = CHANCERY_ISSUE;

    for (size_t i = 0; i < count && verdict == CHANCERY_ISSUE; i++) {
        char *safe = text_safe(names[i].value ? names[i].value : "");
        if (!names[i].value || !supplied_name_fits(d, &names[i]))
            verdict = decision_deny(d, "subject.san", "the request's alternative name %s:%.200s is not one that template %s takes",
                                    name_kind_name(names[i].kind), safe ? safe : "", d->template->name);
        else
            verdict = decision_name_add(d, names[i].kind, names[i].value);
        free(safe);
    }
    if (verdict == CHANCERY_ISSUE && d->properties->name_count == 0 && strings_contain(&d->template->ekus, OID_EKU_SERVER_AUTH))
        verdict = decision_deny(d, "subject.no_names",
                                "the request has no alternative name; template %s needs the DNS names that the certificate is for",
                                d->template->name);
    return verdict;
}

enum chancery_verdict decision_subject_supplied(struct decision *d, struct buf *subject)
{
    const char *text = d->value->subject ? d->value->subject : "";
    struct buf safe = BUF_EMPTY;
    size_t escaped = text_sanitise(&safe, text, strlen(text));

    buf_free(&safe);
    if (escaped)
        return decision_deny(d, "subject.text", "the request's subject has characters that a name must not have");
    buf_add_text(subject, text);
    return CHANCERY_ISSUE;
}

/* ---- names in the request where the directory gives them ---- */

bool name_is_own(const struct decision *d, const struct general_name *name)
{
    static const char *const attributes[] = {[NAME_DNS] = "dNSHostName", [NAME_EMAIL] = "mail", [NAME_UPN] = "userPrincipalName"};

    return (name->kind == NAME_DNS || name->kind == NAME_EMAIL || name->kind == NAME_UPN) && name->value &&
           d->entry && entry_has(d->entry, attributes[name->kind], name->value);
}

/* ---- the subject ---- */

enum chancery_verdict decision_subject_set(struct decision *d, const struct buf *subject)
{
    const char *asked = d->value->subject ? d->value->subject : "";

    d->properties->subject = strdup(buf_text(subject));
    if (subject->failed || !d->properties->subject)
        return decision_no_memory(d);
    d->properties->subject_replaced =
        strcmp(asked, d->properties->subject) != 0 && !dn_equal(asked, d->properties->subject);
    if (subject->size == 0 && d->properties->name_count == 0)
        return decision_deny(d, "subject.no_names", "neither the request nor the directory gives the certificate a name");
    return CHANCERY_ISSUE;
}

