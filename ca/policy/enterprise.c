/* The policy module "enterprise": templates and rights from the directory. A request is judged by a row of rules, each
 * of which can only refuse; nothing in a request, its attributes or the configuration widens what a template gives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/oid.h"
#include "ca/base/text.h"
#include "ca/policy/enterprise.h"

/* ---- rules, in order ---- */

static enum chancery_verdict requester_judge(struct decision *d)
{
    if (d->requester && d->requester->dn && d->requester->dn[0])
        return CHANCERY_ISSUE;
    return decision_deny(d, "identity.none", "the requester %s has no entry in the directory",
                         d->requester && d->requester->account ? d->requester->account : "");
}

static enum chancery_verdict right_judge(struct decision *d)
{
    bool member = false;

    if (directory_is_member(d->directory, d->requester->dn, &d->template->enroll,
                            chancery_request_is_resubmission(d->request), &member, &d->error) != OK)
        return decision_again(d);
    return member ? CHANCERY_ISSUE
                  : decision_deny(d, "template.no_right",
                                  "%s may not enrol for template %s: not among those named in its chanceryEnroll", d->requester->dn,
                                  d->template->name);
}

static enum chancery_verdict entry_judge(struct decision *d)
{
    static const char *const attributes[] = {"objectClass",   "cn",          "uid",       "mail",      "userPrincipalName",
                                             "dNSHostName",   "displayName", "entryUUID", "objectSid", NULL};

    if (directory_search(d->directory, d->requester->dn, SCOPE_BASE, NULL, attributes, 1, &d->found, &d->error) != OK)
        return decision_again(d);
    if (d->found.count != 1)
        return decision_deny(d, "identity.none", "the requester's entry %s is no longer in the directory", d->requester->dn);
    d->entry = &d->found.items[0];
    return CHANCERY_ISSUE;
}

/* A machine's names belong to the machine: a person who got himself a dNSHostName is not one. */
static enum chancery_verdict host_judge(struct decision *d)
{
    bool person = entry_has(d->entry, "objectClass", "person") || entry_has(d->entry, "objectClass", "inetOrgPerson");

    if (!(d->template->flags & TEMPLATE_MACHINE_TYPE) || template_supplies(d->template))
        return CHANCERY_ISSUE;
    if (person && !entry_has(d->entry, "objectClass", "computer"))
        return decision_deny(d, "subject.not_host", "template %s is for hosts, and %s is a person", d->template->name, d->entry->dn);
    return CHANCERY_ISSUE;
}

/* MS-DTYP 2.4.2: revision, count, authority (6 octets big-endian), sub-authorities (4 octets little-endian). */
static char *sid_text(const struct buf *sid)
{
    struct buf text = BUF_EMPTY;
    uint64_t authority = 0;

    if (sid->size < 12 || sid->data[0] != 1 || sid->data[1] < 1 || sid->data[1] > 15 || sid->size != 8 + 4u * sid->data[1])
        return NULL;
    for (size_t i = 2; i < 8; i++)
        authority = authority << 8 | sid->data[i];
    buf_printf(&text, "S-1-%llu", (unsigned long long)authority);
    for (size_t at = 8; at < sid->size; at += 4)
        buf_printf(&text, "-%lu",
                   (unsigned long)sid->data[at] | (unsigned long)sid->data[at + 1] << 8 | (unsigned long)sid->data[at + 2] << 16 |
                       (unsigned long)sid->data[at + 3] << 24);
    return text.failed ? NULL : (char *)text.data;
}

/* RFC 4530: 8-4-4-4-12 hexadecimal digits. */
static bool uuid_is_plain(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    if (strlen(text) != sizeof form - 1)
        return false;
    for (size_t i = 0; form[i]; i++)
        if (form[i] == '-' ? text[i] != '-' : !strchr("0123456789abcdefABCDEF", text[i]))
            return false;
    return true;
}

static enum chancery_verdict identifier_judge(struct decision *d)
{
    const struct directory_attribute *sid = directory_entry_get(d->entry, "objectSid");
    const char *uuid = directory_entry_text(d->entry, "entryUUID");

    if (!template_authenticates(d->template))
        return CHANCERY_ISSUE;
    if (uuid && uuid_is_plain(uuid))
        d->properties->requester_uuid = strdup(uuid);
    if (sid && sid->count == 1)
        d->properties->requester_sid = sid_text(&sid->values[0]);
    if (d->properties->requester_uuid || d->properties->requester_sid)
        return CHANCERY_ISSUE;
    return decision_deny(d, "subject.no_identifier",
                         "%s has no immutable identifier that the authority can read (entryUUID, objectSid), which certificates of "
                         "template %s must carry",
                         d->entry->dn, d->template->name);
}

/* ---- the module ---- */

static enum chancery_verdict enterprise_verify(void *state, struct chancery_request *request)
{
    static enum chancery_verdict (*const rules[])(struct decision *) = {
        template_judge, attributes_judge, requester_judge, right_judge,      entry_judge,    host_judge,      key_judge,
        extensions_judge, names_judge,    foreign_judge,   unique_judge,     identifier_judge, policies_judge, properties_fill,
        approvals_judge};
    struct enterprise *enterprise = state;
    struct decision d = {.directory = enterprise->directory,
                         .policies = &enterprise->policies,
                         .privileged = &enterprise->privileged,
                         .request = request,
                         .value = chancery_request_value(request),
                         .template = chancery_request_template(request),
                         .requester = chancery_request_requester(request),
                         .properties = chancery_request_properties(request)};
    enum chancery_verdict verdict = CHANCERY_ISSUE;

    for (size_t i = 0; i < sizeof rules / sizeof *rules && verdict == CHANCERY_ISSUE; i++)
        verdict = rules[i](&d);
    directory_entries_free(&d.found);
    return verdict;
}

static int enterprise_check(const struct conf *conf, struct error *error)
{
    struct strings list = {NULL, 0}, privileged = {NULL, 0};
    const char *base = conf_text(conf, "directory", "base");
    int status = decision_policies_read(conf, &list, &privileged, error);

    if (status == OK && (!base || !*base))
        status = error_set(error, BAD_CONFIG, "directory.base",
                           "[directory] needs base: names must be unique under it and groups are searched there");
    if (status == OK) { /* connects to nothing: what a start would refuse, -t says */
        struct directory *directory = NULL;
        status = directory_open(conf, "directory", &directory, error);
        directory_close(directory);
    }
    strings_free(&list);
    strings_free(&privileged);
    return status;
}

static void enterprise_close(void *state)
{
    struct enterprise *enterprise = state;

    if (!enterprise)
        return;
    directory_close(enterprise->directory);
    strings_free(&enterprise->policies);
    strings_free(&enterprise->privileged);
    free(enterprise);
}

static int enterprise_open(const struct conf *conf, void **state, struct error *error)
{
    struct enterprise *enterprise = calloc(1, sizeof *enterprise);
    int status = enterprise ? enterprise_check(conf, error) : error_memory(error);

    if (status == OK)
        status = decision_policies_read(conf, &enterprise->policies, &enterprise->privileged, error);
    if (status == OK)
        status = directory_open(conf, "directory", &enterprise->directory, error);
    if (status == OK)
        *state = enterprise;
    else
        enterprise_close(enterprise);
    return status;
}

static const struct conf_item items[] = {
    {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0}, /* what it reads is the CA's: [directory], and the policies of [certificate] */
};

extern const struct chancery_module chancery_module;
const struct chancery_module chancery_module = {
    .abi = CHANCERY_MODULE_ABI,
    .name = "enterprise",
    .kind = CHANCERY_POLICY,
    .items = items,
    .check = enterprise_check,
    .open = enterprise_open,
    .close = enterprise_close,
    .verify_request = enterprise_verify,
};
