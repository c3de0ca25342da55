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

/* For the daemon's table; ended by section NULL. */
extern const struct conf_item identity_items[];

/* The items alone, as the daemon checks them: DNs and the filter's letters. BAD_CONFIG. */
int identity_check(const struct conf *conf, struct error *error);
/* The entry's DN, normalised; free it. Cached for 60 s. REFUSED "identity.none"/"identity.ambiguous", TEMPORARY from the directory.
 * Without [identity] base the directory's own base is searched. */
int identity_map(struct directory *directory, const struct conf *conf, int64_t uid, const char *account, char **dn,
                 struct error *error);

#endif
