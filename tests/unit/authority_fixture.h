/* The real authority for a test: a store, a signer's process with a key, a CA certificate, a policy module that lets everything
 * pend, accounts and groups of its own; no directory, no exit module, no API socket. */
#ifndef CHANCERY_TESTS_AUTHORITY_FIXTURE_H
#define CHANCERY_TESTS_AUTHORITY_FIXTURE_H

#include <sys/types.h>

#include "ca/authority.h"

/* Accounts of the fixture; `both` is administrator and officer, `member` is officer by the group, `primary` by his primary group. */
enum { UID_NOBODY_KNOWN = 1000, UID_ADMINISTRATOR, UID_OFFICER, UID_AUDITOR, UID_OPERATOR, UID_READER, UID_PERSON, UID_CRON, UID_BOTH,
       UID_MEMBER, UID_PRIMARY };

struct fixture {
    char folder[200], state[240], store_path[240], conf_path[240], passphrase[240], signer_conf[240];
    pid_t signer_pid;
    struct signer *signer;
    struct store *store;
    struct policy *policy;
    struct conf *conf;
    struct authority *authority;
    struct buf certificate; /* DER of the CA */
};
#define FIXTURE_CA_NAME "TEST-CA"
/* more: configuration after the fixture's own, NULL: none; it continues [roles], or begins with it and then stands for it. *error: why the authority does not open; the rest must. */
int fixture_begin(struct fixture *fixture, const char *more, struct error *error);
void fixture_end(struct fixture *fixture);
/* Ends signer, store and authority as a daemon does that stops, and starts them again on the same folder. */
int fixture_restart(struct fixture *fixture, const char *more, struct error *error);
/* Writes a file of the fixture's etc folder: "passwd", "group". */
void fixture_etc(const struct fixture *fixture, const char *name, const char *text);

#endif
