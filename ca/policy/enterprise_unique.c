/* Whose names are these? The names that go into the certificate must be one entry's alone over the whole base, the
 * requester's; the names that a request brings must not be another entry's. Each question is one search with OR. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/text.h"
#include "ca/policy/enterprise.h"

struct question { /* attribute=value pairs, joined by OR */
    struct buf filter;
    size_t terms;
};

static void question_add(struct question *q, const char *attribute, struct bytes value)
{
    buf_printf(&q->filter, "(%s=", attribute);
    filter_escape(&q->filter, value);
    buf_add_text(&q->filter, ")");
    q->terms++;
}

/* Mail systems and logon take one for the other: an e-mail address must not be another's UPN either. */
static void question_add_name(struct question *q, enum name_kind kind, const char *value)
{
    if (kind == NAME_DNS) {
        question_add(q, "dNSHostName", bytes_of_text(value));
    } else if (kind == NAME_EMAIL || kind == NAME_UPN) {
        question_add(q, "mail", bytes_of_text(value));
        question_add(q, "userPrincipalName", bytes_of_text(value));
    }
}

/* Is there an entry other than the requester's? And is his among them? Three are enough to know. */
static int question_ask(struct decision *d, struct question *q, bool *other, bool *own)
{
    static const char *const nothing[] = {"1.1", NULL};
    struct directory_entries entries = {NULL, 0, false};
    struct buf whole = BUF_EMPTY;
    int status = OK;

    *other = *own = false;
    buf_printf(&whole, "(|%s)", buf_text(&q->filter));
    if (whole.failed || q->filter.failed)
        status = error_memory(&d->error);
    else if (q->terms)
        status = directory_search(d->directory, directory_base(d->directory), SCOPE_SUBTREE, buf_text(&whole),
                                  nothing, 3, &entries, &d->error);
    for (size_t i = 0; status == OK && i < entries.count; i++) {
        bool same = dn_equal(entries.items[i].dn, d->entry->dn);
        *own |= same;
        *other |= !same;
    }
    *other |= entries.truncated;
    directory_entries_free(&entries);
    buf_free(&whole);
    return status;
}

/* ---- names that the directory gave ---- */

enum chancery_verdict unique_judge(struct decision *d)
{
    struct question q = {BUF_EMPTY, 0};
    const char *uid = directory_entry_text(d->entry, "uid");
    bool other, own;
    int status;

    for (size_t i = 0; i < d->properties->name_count; i++)
        if (!template_supplies(d->template) || name_is_own(d, &d->properties->names[i]))
            question_add_name(&q, d->properties->names[i].kind, d->properties->names[i].value);
    if ((d->template->name_flag & NAMEFLAG_SUBJECT_EMAIL) && directory_entry_text(d->entry, "mail"))
        for (size_t i = 0; i < directory_entry_get(d->entry, "mail")->count; i++)
            question_add_name(&q, NAME_EMAIL, buf_text(&directory_entry_get(d->entry, "mail")->values[i]));
    if ((d->template->name_flag & NAMEFLAG_SUBJECT_DNS_AS_CN) && directory_entry_text(d->entry, "dNSHostName"))
        question_add_name(&q, NAME_DNS, directory_entry_text(d->entry, "dNSHostName"));
    if ((d->template->name_flag & NAMEFLAG_SUBJECT_DIRECTORY_PATH) && uid)
        question_add(&q, "uid", bytes_of_text(uid));
    status = question_ask(d, &q, &other, &own);
    buf_free(&q.filter);
    if (status != OK)
        return decision_again(d);
    if (other)
        return decision_deny(d, "subject.not_unique",
                             "another entry of the directory has a name of %s (mail, userPrincipalName, dNSHostName or uid): "
                             "nobody gets a certificate with it until that is corrected",
                             d->entry->dn);
    if (q.terms && !own)
        return decision_deny(d, "subject.not_unique",
                             "the names of %s are not found under %s: that they are nobody else's cannot be known", d->entry->dn,
                             directory_base(d->directory));
    return CHANCERY_ISSUE;
}

/* ---- names that the request brought ---- */

/* Attribute types of a subject whose values name somebody. A type by number is one that we do not know: it may. */
static bool type_names_somebody(const char *type)
{
    static const char *const types[] = {"cn",           "commonname",        "uid",  "userid",      "emailaddress", "email", "e",
                                        "mail",         "serialnumber",      "upn",  "dnshostname", "unstructuredname",
                                        "userprincipalname", "unstructuredaddress"};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (text_equal_nocase(type, types[i]))
            return true;
    return strchr(type, '.') != NULL;
}

static bool value_is_own(const struct decision *d, const char *value)
{
    static const char *const attributes[] = {"cn", "uid", "mail", "userPrincipalName", "dNSHostName", "displayName"};

    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
        if (entry_has(d->entry, attributes[i], value))
            return true;
    return false;
}

struct subject_walk {
    struct decision *d;
    struct question *q;
};

static int subject_value(void *state, const char *type, struct bytes value)
{
    struct subject_walk *walk = state;
    struct buf text = BUF_EMPTY;

    if (!type_names_somebody(type))
        return OK;
    buf_add(&text, value.data, value.size);
    if (!value_is_own(walk->d, buf_text(&text))) {
        question_add(walk->q, "uid", value);
        question_add(walk->q, "mail", value);
        question_add(walk->q, "userPrincipalName", value);
        /* a host's name in the subject of a request that an officer looks at is what such templates are for */
        if (!template_supplies(walk->d->template) || !template_pends(walk->d->template))
            question_add(walk->q, "dNSHostName", value);
    }
    buf_free(&text);
    return OK;
}

/* The subject may be the very name of another entry, whatever its attributes. */
static enum chancery_verdict subject_is_entry(struct decision *d, bool *foreign)
{
    static const char *const nothing[] = {"1.1", NULL};
    struct directory_entries entries;
    const char *subject = d->value->subject;

    *foreign = false;
    if (!dn_is_under(subject, directory_base(d->directory)) || dn_equal(subject, d->entry->dn))
        return CHANCERY_ISSUE;
    if (directory_search(d->directory, subject, SCOPE_BASE, NULL, nothing, 1, &entries, &d->error) != OK)
        return decision_again(d);
    *foreign = entries.count > 0;
    directory_entries_free(&entries);
    return CHANCERY_ISSUE;
}

static enum chancery_verdict foreign_subject(struct decision *d)
{
    struct question q = {BUF_EMPTY, 0};
    struct subject_walk walk = {d, &q};
    bool other = false, own, entry = false;
    int status = OK;
    enum chancery_verdict verdict = CHANCERY_ISSUE;

    if (!d->value->subject || !d->value->subject[0])
        return CHANCERY_ISSUE;
    if (dn_values(d->value->subject, subject_value, &walk, NULL) != OK) {
        buf_free(&q.filter);
        return decision_deny(d, "subject.text", "the request's subject is not a distinguished name");
    }
    status = question_ask(d, &q, &other, &own);
    buf_free(&q.filter);
    if (status != OK)
        return decision_again(d);
    if (!other)
        verdict = subject_is_entry(d, &entry);
    if (verdict == CHANCERY_ISSUE && (other || entry))
        verdict = decision_deny(d, "subject.foreign", "the request's subject names another entry of the directory than %s", d->entry->dn);
    return verdict;
}

/* Another's e-mail and UPN are refused always; a host's DNS name is what an officer decides on where the request pends. */
static bool name_is_judged(const struct decision *d, const struct general_name *name)
{
    bool decided = name->kind == NAME_DNS && template_supplies(d->template) && template_pends(d->template);

    return !decided && !name_is_own(d, name);
}

static enum chancery_verdict foreign_names(struct decision *d, const struct general_name *names, size_t count)
{
    struct question q = {BUF_EMPTY, 0};
    const struct general_name *first = NULL;
    bool other, own;
    int status;

    for (size_t i = 0; i < count; i++) {
        if (!name_is_judged(d, &names[i]))
            continue;
        first = first ? first : &names[i];
        question_add_name(&q, names[i].kind, names[i].value ? names[i].value : "");
    }
    status = question_ask(d, &q, &other, &own);
    buf_free(&q.filter);
    if (status != OK)
        return decision_again(d);
    if (other)
        return decision_deny(d, "subject.foreign", "an alternative name of the request belongs to another entry than %s", d->entry->dn);
    if (first && !template_supplies(d->template)) {
        char *safe = text_safe(first->value ? first->value : "");
        decision_deny(d, "subject.san", "the alternative name %s:%.200s of the request is not one of %s", name_kind_name(first->kind),
                      safe ? safe : "", d->entry->dn);
        free(safe);
        return CHANCERY_DENY;
    }
    return CHANCERY_ISSUE;
}

enum chancery_verdict foreign_judge(struct decision *d)
{
    const struct general_name *names;
    size_t count = chancery_request_names(d->request, &names);
    enum chancery_verdict verdict = foreign_names(d, names, count);

    return verdict == CHANCERY_ISSUE ? foreign_subject(d) : verdict;
}
