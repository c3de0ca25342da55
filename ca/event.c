/* An event for exit modules as a value: its names, and who owns what.
 * Events are made by the authority and read by exit/; nothing is sent here. */
#include "config.h"

#include "ca/event.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *event_kind_name(enum event_kind kind)
{
    static const struct {
        enum event_kind kind;
        const char *name;
    } names[] = {
        {EVENT_ISSUED, "issued"},
        {EVENT_PENDING, "pending"},
        {EVENT_DENIED, "denied"},
        {EVENT_REVOKED, "revoked"},
        {EVENT_RETRIEVE_PENDING, "retrieve-pending"},
        {EVENT_CRL_ISSUED, "crl-issued"},
        {EVENT_SHUTDOWN, "shutdown"},
        {EVENT_STARTUP, "startup"},
        {EVENT_IMPORTED, "imported"},
        {EVENT_CA_CERTIFICATE, "ca-certificate"},
        {EVENT_ASSIGNED, "assigned"},
        {EVENT_TEMPLATES, "templates"},
        {EVENT_COMPARE, "compare"},
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].kind == kind)
            return names[i].name;
    return "unknown";
}

void event_free(struct event *event)
{
    for (size_t i = 0; i < event->attribute_count; i++) {
        free(event->attributes[i].name);
        free(event->attributes[i].value);
        free(event->attributes[i].actor);
    }
    for (size_t i = 0; i < event->extension_count; i++) {
        free(event->extensions[i].oid);
        free(event->extensions[i].value);
        free(event->extensions[i].actor);
    }
    free(event->attributes);
    free(event->extensions);
    free(event->requester);
    free(event->requester_dn);
    free(event->publish_dn);
    free(event->template_name);
    free(event->message);
    free(event->pkcs10);
    free(event->certificate);
    strings_free(&event->templates);
    free(event->usage);
    free(event->host);
    /* A zeroed event never had a descriptor: 0 is standard input, not a memfd of ours. */
    if (event->crl_fd > 0)
        close(event->crl_fd);
    memset(event, 0, sizeof *event);
    event->crl_fd = -1;
}
