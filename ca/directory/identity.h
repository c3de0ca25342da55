/* From the uid of a peer to his entry in the directory. Any thread.
 *
 *   [identity]
 *   base = ou=people,dc=example,dc=com; ou=hosts,dc=example,dc=com
 *   filter = (&(objectClass=posixAccount)(uidNumber=%u))
 *   [identity.0]
 *   dn = uid=alice,ou=people,dc=example,dc=com
 *
 * The filter must name an attribute that users cannot write. A failed or ambiguous mapping is a refusal, not a guess. */
#ifndef CHANCERY_DIRECTORY_IDENTITY_H
#define CHANCERY_DIRECTORY_IDENTITY_H

#include "ca/directory/directory.h"

#define IDENTITY_ITEMS                                                                                                    \
    {"identity", "base", CONF_TEXT, NULL, "DNs under which people and hosts are searched, separated by ;", 0, 0},         \
    {"identity", "filter", CONF_TEXT, "(&(objectClass=posixAccount)(uidNumber=%u))",                                       \
     "finds the entry of a peer: %u his uid, %n his account name; never an attribute that users can write", 0, 0},         \
    {"identity.*", "dn", CONF_TEXT, NULL, "the entry of the uid that stands in the section's name; uid 0 maps by this alone", 0, 0}

/* The items alone, as the daemon checks them: DNs and the filter's letters. BAD_CONFIG. */
int identity_check(const struct conf *conf, struct error *error);
/* The entry's DN, normalised; free it. Cached for 60 s. REFUSED "identity.none"/"identity.ambiguous", TEMPORARY from the directory.
 * Without [identity] base the directory's own base is searched. */
int identity_map(struct directory *directory, const struct conf *conf, int64_t uid, const char *account, char **dn,
                 struct error *error);

#endif
