/* One connection to one server: how it is opened, how long it may wait, and what libldap's results mean to us.
 * Only ca/directory includes this. A session is used by one thread at a time. */
#ifndef CHANCERY_DIRECTORY_SESSION_H
#define CHANCERY_DIRECTORY_SESSION_H

#include <ldap.h>

#include "ca/base/buf.h"
#include "ca/base/conf.h"
#include "ca/base/error.h"

enum session_bind { BIND_EXTERNAL, BIND_SIMPLE, BIND_ANONYMOUS };

struct session_settings { /* the configuration's section, checked */
    struct strings uris;
    enum session_bind bind;
    char *bind_dn;
    struct buf password;
    bool starttls;
    char *ca_file, *tls_priority;
    int64_t network_timeout_ms, operation_timeout_ms;
    LDAP *tls;     /* never connected: holds the TLS context that all sessions share; NULL where none is needed */
    void *context; /* of it; libldap counts one reference too many for ever */
};
int session_settings_read(const struct conf *conf, const char *section, struct session_settings *out, struct error *error);
void session_settings_free(struct session_settings *settings);

struct session {
    LDAP *ld;
    const char *uri;     /* of settings */
    int64_t opened_ms;   /* monotonic */
};
/* Connects, TLS where asked, binds; all within the two time limits. TEMPORARY "directory.down"/"directory.timeout"/"directory.bind". */
int session_open(const struct session_settings *settings, const char *uri, struct session *out, struct error *error);
void session_close(struct session *session);

/* Waits for the result of message id; all: until the last of a search. LDAP_SUCCESS, the operation's own result code, or what
 * libldap found (LDAP_TIMEOUT, LDAP_SERVER_DOWN, …). */
int session_wait(struct session *session, int id, int64_t deadline_ms, LDAPMessage **out);
/* Is the connection good for nothing after this code? */
bool session_is_dead(int code);
/* LDAP result code -> our vocabulary, with server, what was done, and the server's own words. OK for LDAP_SUCCESS. */
int session_error(struct session *session, int code, const char *what, struct error *error);

#endif
