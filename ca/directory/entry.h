/* Making entries of libldap's messages. Only ca/directory includes this. */
#ifndef CHANCERY_DIRECTORY_ENTRY_H
#define CHANCERY_DIRECTORY_ENTRY_H

#include <ldap.h>

#include "ca/directory/directory.h"

/* The entries of a search's result chain; OK or INTERNAL (then free what there is). */
int entries_read(LDAP *ld, LDAPMessage *result, struct directory_entries *out);

#endif
