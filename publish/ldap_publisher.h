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
};

/* Asks the server once what it knows. TEMPORARY while it is down. */
int publisher_style(struct publisher *publisher, struct error *error);
/* The entry with those attributes; *there NULL: none. Free entries. */
int publisher_read(struct publisher *publisher, const char *dn, const char *const attributes[], struct directory_entries *entries,
                   const struct directory_entry **there, struct error *error);
/* What the publisher may and may not do, asked of the server without changing anything (ldap_probe.c). */
int publisher_probe(struct publisher *publisher, const char *dn, struct strings *lines, struct error *error);

#endif
