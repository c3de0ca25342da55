/* The CA's own entries against what was published: a certificate there that is none of this CA's is taken out, one that is missing is
 * put back. CRLs are compared by publishing them again (ldap.c). What was changed is said in publisher->repaired. */
#include <string.h>

#include "ca/x509/walk.h"
#include "publish/ldap_publisher.h"

static int compare_at(struct publisher *publisher, const struct event *event, const char *dn, struct error *error)
{
    static const char *const attributes[] = {"objectClass", "cACertificate", NULL};
    struct directory_entries entries = {NULL, 0, false};
    const struct directory_entry *there;
    struct entry_plan plan = {.count = 0};
    size_t foreign = 0, missing = 0;
    int status = publisher_read(publisher, dn, attributes, &entries, &there, error);

    if (status == OK)
        status = entry_plan_own(event, dn, &publisher->style, there, &foreign, &missing, &plan, error);
    if (status == OK && (foreign > 0 || missing > 0))
        status = publisher_write(publisher, &plan, error);
    if (status == OK && (foreign > 0 || missing > 0))
        publisher_repaired(publisher, "%s held %zu certificates that are not this CA's and lacked %zu: put right", dn, foreign, missing);
    entry_plan_free(&plan);
    directory_entries_free(&entries);
    return status;
}

int publisher_compare(struct publisher *publisher, const struct event *event, struct error *error)
{
    int status = compare_at(publisher, event, publisher->names.ca, error);

    if (status == OK && publisher->names.subject)
        status = compare_at(publisher, event, publisher->names.subject, error);
    return status;
}
