/* The state that the parts of module publish/ldap share. One thread: the exit host's. */
#ifndef CHANCERY_PUBLISH_LDAP_PUBLISHER_H
#define CHANCERY_PUBLISH_LDAP_PUBLISHER_H

#include "publish/ldap_entry.h"

struct publisher {
    struct directory *directory;
    struct entry_names names;
    struct entry_style style;
    bool style_known; /* the server was asked */
    bool remove_revoked;
    char repaired[224]; /* what others had changed, of the event at hand; "": nothing */
};

/* Asks the server once what it knows. TEMPORARY while it is down. */
int publisher_style(struct publisher *publisher, struct error *error);
/* The entry with those attributes; *there NULL: none. Free entries. */
int publisher_read(struct publisher *publisher, const char *dn, const char *const attributes[], struct directory_entries *entries,
                   const struct directory_entry **there, struct error *error);
/* Does what was planned, nothing when that is nothing. */
int publisher_write(struct publisher *publisher, const struct entry_plan *plan, struct error *error);
void publisher_repaired(struct publisher *publisher, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* EVENT_COMPARE (ldap_compare.c) */
int publisher_compare(struct publisher *publisher, const struct event *event, struct error *error);
/* What the publisher may and may not do, asked of the server without changing anything (ldap_probe.c). */
int publisher_probe(struct publisher *publisher, const char *dn, struct strings *lines, struct error *error);

#endif
