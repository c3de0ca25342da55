/* Exit module publish/ldap: certificates, CRLs and the CA's entries to an LDAP directory.
 * What is to be written is ldap_entry.c's; here it is read, written, and read back. Idempotent: everything may come twice. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/base/log.h"
#include "ca/module.h"
#include "ca/x509/certificate.h"
#include "publish/crl_compare.h"
#include "publish/ldap_publisher.h"

#define SECTION "publish.ldap"

static const struct conf_item ldap_items[] = {
    DIRECTORY_ITEMS(SECTION),
    {SECTION, "ca_entry", CONF_TEXT, NULL, "DN of the CA's entry: its certificates and CRLs (default: cn=CA-NAME,ou=pki,BASE)", 0, 0},
    {SECTION, "enrollment_entry", CONF_TEXT, NULL,
     "DN of the entry that clients find the CA by (default: cn=CA-NAME,cn=enrollment services,ou=pki,BASE)", 0, 0},
    {SECTION, "subject_entry", CONF_TEXT, NULL,
     "a further DN for the CA's certificates and CRLs: its subject name, for clients that look there", 0, 0},
    {SECTION, "dns_host_name", CONF_TEXT, NULL, "host name in the enrollment entry (default: [ca] host, or this host's name)", 0, 0},
    {SECTION, "remove_revoked", CONF_BOOL, "no", "take revoked certificates out of their entries (a hold stays)", 0, 0},
    {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0},
};

/* ---- configuration ---- */

/* [publish.ldap] alone, or [directory] where it names no server. */
static const char *ldap_section(const struct conf *conf)
{
    return conf_text(conf, SECTION, "uri") ? SECTION : "directory";
}

static const char *ldap_host_name(const struct conf *conf, char *room, size_t size)
{
    const char *given = conf_text(conf, SECTION, "dns_host_name");

    if (!given)
        given = conf_text(conf, "ca", "host");
    if (given)
        return given;
    if (gethostname(room, size) != 0)
        return NULL;
    room[size - 1] = 0;
    return room;
}

static int ldap_names(const struct conf *conf, struct entry_names *names, struct error *error)
{
    char host[256];
    const char *base = conf_text(conf, SECTION, "base");
    struct entry_settings settings = {
        .ca_name = conf_text(conf, "ca", "name"),
        .base = base ? base : conf_text(conf, "directory", "base"),
        .ca_entry = conf_text(conf, SECTION, "ca_entry"),
        .enrollment_entry = conf_text(conf, SECTION, "enrollment_entry"),
        .subject_entry = conf_text(conf, SECTION, "subject_entry"),
        .dns_host_name = ldap_host_name(conf, host, sizeof host),
    };

    return entry_names_make(&settings, names, error);
}

static int ldap_check(const struct conf *conf, struct error *error)
{
    struct entry_names names;
    int status = ldap_names(conf, &names, error);

    if (status == OK) {
        struct directory *directory = NULL;
        entry_names_free(&names);
        status = directory_open(conf, ldap_section(conf), &directory, error);
        directory_close(directory);
    }
    return status;
}

static void ldap_close(void *state)
{
    struct publisher *publisher = state;

    if (!publisher)
        return;
    directory_close(publisher->directory);
    entry_names_free(&publisher->names);
    free(publisher);
}

static int ldap_open(const struct conf *conf, void **state, struct error *error)
{
    struct publisher *publisher = calloc(1, sizeof *publisher);
    int status;

    if (!publisher)
        return error_memory(error);
    publisher->remove_revoked = conf_bool(conf, SECTION, "remove_revoked");
    status = ldap_names(conf, &publisher->names, error);
    if (status == OK)
        status = directory_open(conf, ldap_section(conf), &publisher->directory, error);
    if (status == OK) {
        *state = publisher;
    } else {
        entry_names_free(&publisher->names);
        free(publisher);
    }
    return status;
}

/* ---- reading and writing ---- */
int publisher_style(struct publisher *publisher, struct error *error)
{
    int status = OK;

    if (publisher->style_known)
        return OK;
    status = directory_ping(publisher->directory, error);
    if (status == OK) {
        publisher->style.rfc4523 = directory_knows_class(publisher->directory, "pkiUser");
        publisher->style_known = true;
    }
    return status;
}

int publisher_read(struct publisher *publisher, const char *dn, const char *const attributes[], struct directory_entries *entries,
                   const struct directory_entry **there, struct error *error)
{
    int status = directory_search(publisher->directory, dn, SCOPE_BASE, NULL, attributes, 1, entries, error);

    *there = status == OK && entries->count > 0 ? &entries->items[0] : NULL;
    return status;
}

int publisher_write(struct publisher *publisher, const struct entry_plan *plan, struct error *error)
{
    int status;

    if (plan->count == 0)
        return OK;
    if (plan->create)
        status = directory_add(publisher->directory, plan->dn, plan->changes, plan->count, error);
    else
        status = directory_modify(publisher->directory, plan->dn, plan->changes, plan->count, error);
    if (status != OK)
        error_prefix(error, "%s %s", plan->create ? "creating" : "changing", plan->dn);
    return status;
}

void publisher_repaired(struct publisher *publisher, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(publisher->repaired, sizeof publisher->repaired, format, arguments);
    va_end(arguments);
}

/* ---- one function a kind of event ---- */
static int publish_holder(struct publisher *publisher, const struct event *event, bool remove, struct error *error)
{
    static const char *const attributes[] = {"objectClass", "userCertificate", NULL};
    struct directory_entries entries = {NULL, 0, false};
    const struct directory_entry *there;
    struct entry_plan plan = {.count = 0};
    char *dn = NULL;
    int status = entry_holder_dn(event, &publisher->names, &dn, error);

    if (status == OK)
        status = publisher_read(publisher, dn, attributes, &entries, &there, error);
    if (status == OK)
        status = entry_plan_holder(event, &publisher->names, &publisher->style, there, remove, &plan, error);
    if (status == OK)
        status = publisher_write(publisher, &plan, error);
    entry_plan_free(&plan);
    directory_entries_free(&entries);
    free(dn);
    return status;
}

static int publish_issued(struct publisher *publisher, const struct event *event, struct error *error)
{
    return event->publish_dn ? publish_holder(publisher, event, false, error) : OK;
}

#define REASON_HOLD 6

/* Revoked certificates stay by default: who validates a signature made before still needs them. */
static int publish_revoked(struct publisher *publisher, const struct event *event, struct error *error)
{
    if (!publisher->remove_revoked || !event->publish_dn || event->certificate_size == 0)
        return OK;
    return publish_holder(publisher, event, event->reason >= 0 && event->reason != REASON_HOLD, error);
}

/* Another CA's CRL is left alone where we never published; where we did, it is what has to go (`again`). */
static int crl_judge(const struct directory_entry *there, const char *attribute, const char *dn, struct bytes crl, bool again, bool *write,
                     struct error *error)
{
    const struct directory_attribute *now = there ? directory_entry_get(there, attribute) : NULL;

    *write = !now || now->count != 1;
    for (size_t i = 0; now && i < now->count; i++) {
        enum crl_place place;

        if (crl_compare(crl, buf_bytes(&now->values[i]), &place, error) != OK)
            return error->status;
        if (place == CRL_OLDER || (place == CRL_FOREIGN && !again))
            return crl_place_error(place, dn, error);
        if (place == CRL_REPLACES || place == CRL_FOREIGN)
            *write = true;
    }
    return OK;
}

static int crl_read_back(struct publisher *publisher, const char *dn, const char *const attributes[], struct bytes crl,
                         struct error *error)
{
    struct directory_entries entries = {NULL, 0, false};
    const struct directory_entry *there;
    const struct directory_attribute *now = NULL;
    int status = publisher_read(publisher, dn, attributes, &entries, &there, error);

    if (status == OK && there)
        now = directory_entry_get(there, attributes[0]);
    if (status == OK && (!now || now->count != 1 || !bytes_equal(buf_bytes(&now->values[0]), crl)))
        status = error_set(error, TEMPORARY, "directory.read_back",
                           "%s does not hold the CRL that was just written there: does another program write it, or is it hidden from us?", dn);
    directory_entries_free(&entries);
    return status;
}

static int publish_crl_at(struct publisher *publisher, const struct event *event, const char *dn, struct bytes crl, struct error *error)
{
    const char *const attributes[] = {event->delta ? "deltaRevocationList" : "certificateRevocationList", "objectClass", NULL};
    struct directory_entries entries = {NULL, 0, false};
    const struct directory_entry *there;
    struct entry_plan plan = {.count = 0};
    bool write = false;
    int status = publisher_read(publisher, dn, attributes, &entries, &there, error);

    if (status == OK)
        status = crl_judge(there, attributes[0], dn, crl, event->again, &write, error);
    if (status != OK || !write)
        goto out;
    status = entry_plan_crl(event, dn, crl, &publisher->style, there, &plan, error);
    if (status == OK)
        status = publisher_write(publisher, &plan, error);
    if (status == OK)
        status = crl_read_back(publisher, dn, attributes, crl, error);
    if (status == OK && event->again)
        publisher_repaired(publisher, "%s did not hold the CRL that was published there (number %llu): put back", dn,
                           (unsigned long long)event->crl_number);
out:
    entry_plan_free(&plan);
    directory_entries_free(&entries);
    return status;
}

static int publish_crl(struct publisher *publisher, const struct event *event, struct error *error)
{
    struct buf crl = BUF_EMPTY;
    char *dn = NULL;
    int status = crl_read_fd(event->crl_fd, &crl, error);

    if (status == OK)
        status = entry_of_key(publisher->names.ca, event->key_index, &dn, error);
    if (status == OK)
        status = publish_crl_at(publisher, event, dn, buf_bytes(&crl), error);
    /* one place for all keys: the newest one's stands there */
    if (status == OK && publisher->names.subject && !event->superseded)
        status = publish_crl_at(publisher, event, publisher->names.subject, buf_bytes(&crl), error);
    buf_free(&crl);
    free(dn);
    return status;
}

static int publish_ca_at(struct publisher *publisher, const struct event *event, const char *dn, struct error *error)
{
    static const char *const attributes[] = {"objectClass", "cACertificate", NULL};
    struct directory_entries entries = {NULL, 0, false};
    const struct directory_entry *there;
    struct entry_plan plan = {.count = 0};
    int status = publisher_read(publisher, dn, attributes, &entries, &there, error);

    if (status == OK)
        status = entry_plan_ca(event, dn, &publisher->style, there, &plan, error);
    if (status == OK)
        status = publisher_write(publisher, &plan, error);
    entry_plan_free(&plan);
    directory_entries_free(&entries);
    return status;
}

static int publish_container(struct publisher *publisher, const char *entry, struct error *error)
{
    static const char *const attributes[] = {"objectClass", NULL};
    struct directory_entries entries = {NULL, 0, false};
    const struct directory_entry *there = NULL;
    struct entry_plan plan = {.count = 0};
    char *dn = NULL;
    int status = dn_parent(entry, &dn, error);

    if (status == OK)
        status = publisher_read(publisher, dn, attributes, &entries, &there, error);
    if (status == OK && !there) {
        status = entry_plan_container(dn, &plan, error);
        if (status == OK)
            status = publisher_write(publisher, &plan, error);
    }
    entry_plan_free(&plan);
    directory_entries_free(&entries);
    free(dn);
    return status;
}

static int publish_enrollment(struct publisher *publisher, const struct event *event, const char *subject, struct error *error)
{
    static const char *const attributes[] = {"objectClass", "cACertificate", "cACertificateDN", "certificateTemplates", "dNSHostName", NULL};
    struct directory_entries entries = {NULL, 0, false};
    const struct directory_entry *there;
    struct entry_plan plan = {.count = 0};
    int status = publisher_read(publisher, publisher->names.enrollment, attributes, &entries, &there, error);

    if (status == OK && !there)
        status = publish_container(publisher, publisher->names.enrollment, error);
    if (status == OK)
        status = entry_plan_enrollment(event, &publisher->names, subject, &publisher->style, there, &plan, error);
    if (status == OK)
        status = publisher_write(publisher, &plan, error);
    entry_plan_free(&plan);
    directory_entries_free(&entries);
    return status;
}

static int publish_ca(struct publisher *publisher, const struct event *event, struct error *error)
{
    struct certificate_facts facts;
    int status = certificate_read(bytes_of(event->certificate, event->certificate_size), &facts, error);

    if (status != OK)
        return status;
    status = publish_ca_at(publisher, event, publisher->names.ca, error);
    if (status == OK && publisher->names.subject)
        status = publish_ca_at(publisher, event, publisher->names.subject, error);
    if (status == OK && !event->superseded && directory_knows_class(publisher->directory, "pKIEnrollmentService"))
        status = publish_enrollment(publisher, event, facts.subject, error);
    certificate_facts_free(&facts);
    return status;
}

static int publish_templates(struct publisher *publisher, const struct event *event, struct error *error)
{
    if (!directory_knows_class(publisher->directory, "pKIEnrollmentService"))
        return OK;
    return publish_enrollment(publisher, event, NULL, error);
}

static const struct {
    enum event_kind kind;
    int (*publish)(struct publisher *publisher, const struct event *event, struct error *error);
} ldap_kinds[] = {
    {EVENT_ISSUED, publish_issued},
    {EVENT_IMPORTED, publish_issued},
    {EVENT_REVOKED, publish_revoked},
    {EVENT_CRL_ISSUED, publish_crl},
    {EVENT_CA_CERTIFICATE, publish_ca},
    {EVENT_TEMPLATES, publish_templates},
    {EVENT_COMPARE, publisher_compare},
};

static int publish_event(struct publisher *publisher, const struct event *event, struct error *error)
{
    for (size_t i = 0; i < sizeof ldap_kinds / sizeof *ldap_kinds; i++)
        if (ldap_kinds[i].kind == event->kind)
            return ldap_kinds[i].publish(publisher, event, error);
    return OK;
}

/* What the directory refuses an administrator can repair there: entry, right, class. What is wrong with the event itself
 * cannot get better. */
static enum chancery_outcome outcome_of(const struct error *error)
{
    if (error->status == OK)
        return CHANCERY_DONE;
    if (error->status == TEMPORARY || error->status == INTERNAL || strncmp(error->reason, "directory.", 10) == 0)
        return CHANCERY_RETRY;
    return CHANCERY_GIVE_UP;
}

static bool is_down(const struct error *error)
{
    return strcmp(error->reason, "directory.down") == 0 || strcmp(error->reason, "directory.timeout") == 0;
}

static void delivery_answer(struct chancery_delivery *delivery, const struct error *error)
{
    delivery->outcome = outcome_of(error);
    memcpy(delivery->message, error->message, sizeof delivery->message - 1);
    delivery->message[sizeof delivery->message - 1] = 0;
}

/* Once the directory does not answer, the rest of the batch is not tried: 64 time-outs would be minutes. */
static void ldap_notify(void *state, struct chancery_delivery *deliveries, size_t count)
{
    struct publisher *publisher = state;
    struct error down = ERROR_NONE;

    (void)publisher_style(publisher, &down);
    for (size_t i = 0; i < count; i++) {
        struct error error = ERROR_NONE;

        publisher->repaired[0] = 0;
        if (down.status == OK && publish_event(publisher, deliveries[i].event, &error) != OK && is_down(&error))
            down = error;
        delivery_answer(&deliveries[i], down.status != OK ? &down : &error);
        if (deliveries[i].outcome == CHANCERY_DONE)
            snprintf(deliveries[i].message, sizeof deliveries[i].message, "%s", publisher->repaired);
    }
}

static int ldap_probe(void *state, const char *dn, struct strings *lines, struct error *error)
{
    return publisher_probe(state, dn, lines, error);
}

/* The symbol that the exit host looks up. */
extern const struct chancery_module chancery_module;
const struct chancery_module chancery_module = {
    .abi = CHANCERY_MODULE_ABI,
    .name = "publish/ldap",
    .kind = CHANCERY_EXIT,
    .event_mask = EVENT_ISSUED | EVENT_IMPORTED | EVENT_REVOKED | EVENT_CRL_ISSUED | EVENT_CA_CERTIFICATE | EVENT_TEMPLATES |
                  EVENT_COMPARE,
    .items = ldap_items,
    .check = ldap_check,
    .open = ldap_open,
    .close = ldap_close,
    .notify = ldap_notify,
    .probe = ldap_probe,
};
