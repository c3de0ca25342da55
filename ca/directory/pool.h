/* The directory's inside: the pool of sessions and the caches. Only ca/directory includes this. */
#ifndef CHANCERY_DIRECTORY_POOL_H
#define CHANCERY_DIRECTORY_POOL_H

#include <pthread.h>

#include "ca/directory/cache.h"
#include "ca/directory/directory.h"
#include "ca/directory/session.h"

struct server_state {
    int64_t down_until_ms; /* monotonic; until then it is not asked */
    struct error cause;
};

struct directory {
    struct session_settings settings; /* immutable after opening, as are section and base */
    char *section, *base;
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t returned;
    struct session *idle; /* room for `most` */
    size_t idle_count, busy_count, most;
    struct server_state *servers; /* one a URI */
    bool probed;
    struct strings supported, known; /* OIDs of the root DSE; names in the subschema, lower case */
    struct cache *groups;     /* entry's DN -> DNs of all groups that it is in; 300 s */
    struct cache *identities; /* uid and account -> DN; 60 s */
};

/* One operation. start sends it (an LDAP result code, the message's id in *id); done reads the answer. Both may be called a
 * second time, when a connection that had been idle turned out to be dead. */
struct operation {
    const char *what; /* "search ou=people" */
    int (*start)(LDAP *ld, void *state, int *id);
    int (*done)(LDAP *ld, void *state, LDAPMessage *result); /* NULL: nothing to read; OK or INTERNAL */
    bool partial; /* size limit exceeded is an answer; no such object too */
    void *state;
    int code; /* out: the LDAP result code */
};
int pool_run(struct directory *directory, struct operation *operation, struct error *error);

#endif
