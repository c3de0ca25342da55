/* The pool: sessions are borrowed for one operation, opened as needed on the first server that answers, and closed when they
 * went bad. A server that was found down is left alone for a second, so that callers fail at once. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/base/clock.h"
#include "ca/directory/pool.h"

#define DOWN_MS 1000
#define SESSION_LIFE_MS 300000 /* then opened again, on the preferred server if it is back */

static void server_mark(struct directory *d, const char *uri, const struct error *cause)
{
    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < d->settings.uris.count; i++)
        if (strcmp(d->settings.uris.items[i], uri) == 0) {
            d->servers[i].down_until_ms = clock_monotonic_ms() + DOWN_MS;
            d->servers[i].cause = *cause;
        }
    pthread_mutex_unlock(&d->lock);
}

static bool server_is_down(struct directory *d, size_t index, struct error *cause)
{
    bool down;

    pthread_mutex_lock(&d->lock);
    down = clock_monotonic_ms() < d->servers[index].down_until_ms;
    if (down)
        *cause = d->servers[index].cause;
    pthread_mutex_unlock(&d->lock);
    return down;
}

/* On the first server in order of preference that takes us. The message names the first one's trouble. */
static int pool_connect(struct directory *d, struct session *out, struct error *error)
{
    struct error first = ERROR_NONE;

    for (size_t i = 0; i < d->settings.uris.count; i++) {
        struct error cause = ERROR_NONE;
        if (!server_is_down(d, i, &cause)) {
            if (session_open(&d->settings, d->settings.uris.items[i], out, &cause) == OK)
                return OK;
            server_mark(d, d->settings.uris.items[i], &cause);
        }
        error_set(&first, cause.status, cause.reason, "%s", cause.message);
    }
    return error_set(error, TEMPORARY, first.reason[0] ? first.reason : "directory.down", "%s", first.message);
}

static int pool_wait(struct directory *d, const struct timespec *until)
{
    while (d->busy_count >= d->most)
        if (pthread_cond_timedwait(&d->returned, &d->lock, until) != 0 && d->busy_count >= d->most)
            return TEMPORARY;
    return OK;
}

static int pool_borrow(struct directory *d, struct session *out, struct error *error)
{
    int64_t until_ms = clock_monotonic_ms() + d->settings.operation_timeout_ms, now_ms;
    struct timespec until = {until_ms / 1000, (until_ms % 1000) * 1000000};
    struct session old[64];
    size_t old_count = 0;
    int status;

    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&d->lock);
    status = pool_wait(d, &until);
    now_ms = clock_monotonic_ms();
    while (status == OK && d->idle_count && !out->ld) {
        struct session session = d->idle[--d->idle_count];
        if (now_ms - session.opened_ms > SESSION_LIFE_MS && old_count < sizeof old / sizeof *old)
            old[old_count++] = session;
        else
            *out = session;
    }
    if (status == OK)
        d->busy_count++;
    pthread_mutex_unlock(&d->lock);
    while (old_count)
        session_close(&old[--old_count]);
    if (status != OK)
        return error_set(error, TEMPORARY, "directory.timeout", "directory %s: all %zu sessions are busy; raise [%s] sessions",
                         d->settings.uris.items[0], d->most, d->section);
    return OK;
}

static void pool_return(struct directory *d, struct session *session)
{
    pthread_mutex_lock(&d->lock);
    d->busy_count--;
    if (session->ld)
        d->idle[d->idle_count++] = *session;
    pthread_cond_signal(&d->returned);
    pthread_mutex_unlock(&d->lock);
}

static int operation_attempt(struct directory *d, struct session *session, struct operation *op, struct error *error)
{
    int64_t deadline = clock_monotonic_ms() + d->settings.operation_timeout_ms;
    LDAPMessage *result = NULL;
    int id = -1, status = OK;

    op->code = op->start(session->ld, op->state, &id);
    if (op->code == LDAP_SUCCESS)
        op->code = session_wait(session, id, deadline, &result);
    if (op->code != LDAP_SUCCESS && !(op->partial && (op->code == LDAP_SIZELIMIT_EXCEEDED || op->code == LDAP_NO_SUCH_OBJECT)))
        status = session_error(session, op->code, op->what, error);
    else if (op->done && op->done(session->ld, op->state, result) != OK)
        status = error_memory(error);
    ldap_msgfree(result);
    return status;
}

int pool_run(struct directory *d, struct operation *op, struct error *error)
{
    struct error cause = ERROR_NONE;
    struct session session;
    bool was_used;
    int status = pool_borrow(d, &session, error);

    if (status != OK)
        return status;
    do {
        error_clear(&cause);
        was_used = session.ld != NULL;
        status = session.ld ? OK : pool_connect(d, &session, &cause);
        if (status != OK)
            break;
        status = operation_attempt(d, &session, op, &cause);
        if (status == OK || !session_is_dead(op->code))
            break;
        if (!was_used || op->code == LDAP_TIMEOUT)
            server_mark(d, session.uri, &cause);
        session_close(&session);
        /* a connection that lay idle may have died unnoticed: once more on a new one; a timeout has cost enough */
    } while (was_used && op->code != LDAP_TIMEOUT);
    pool_return(d, &session);
    return status == OK ? OK : error_set(error, cause.status, cause.reason, "%s", cause.message);
}
