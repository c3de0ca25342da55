/* HTTP on the unix socket: connections and their limits, bodies, peer credentials, answers. The only user of libmicrohttpd.
 * What a request means is in routes.c and the handlers; this file knows none of them by name. */
#include "config.h"

#include "ca/api/api.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ca/api/routes.h"
#include "ca/base/encode.h"
#include "ca/base/log.h"
#include "ca/base/secret.h"

#define URI_MAX 8192
#define BODY_FIRST 8192
#define OVERRUN_MAX (4 * BODY_MAX) /* a body beyond the limit is read so far for the sake of a clear answer */
#define FIRST_FOUR (ROLE_ADMINISTRATOR | ROLE_OFFICER | ROLE_AUDITOR | ROLE_OPERATOR)

const struct conf_item api_items[] = {
    {"api", "socket", CONF_PATH, CHANCERY_RUNSTATEDIR "/chancery/api.sock", "the socket of the API; anyone may connect", 0, 0},
    {"api", "connections", CONF_NUMBER, "256", "connections at once, a thread each", 16, 4096},
    {"api", "connections_per_uid", CONF_NUMBER, "32", "connections at once of one user", 1, 4096},
    {"api", "connections_kept", CONF_NUMBER, "8", "connections kept for administrators, officers, auditors and operators", 0, 64},
    {"api", "timeout", CONF_DURATION, "60s", "a connection that is silent for so long is closed", 5, 3600},
    {"audit", "reads", CONF_LIST, NULL, "kinds of successful reads that are put on record too: the word after /v1/ of their paths", 0, 0},
    {NULL, NULL, 0, NULL, NULL, 0, 0},
};

struct peer { /* of one connection */
    uint32_t uid, gid;
    bool counted;
};
struct uid_count {
    uint32_t uid;
    unsigned connections;
};
struct api {
    struct authority *authority;
    struct MHD_Daemon *daemon;
    int fd;
    char path[sizeof((struct sockaddr_un *)NULL)->sun_path];
    unsigned limit, limit_per_uid, kept;
    struct strings reads; /* kinds that are put on record */
    pthread_mutex_t lock; /* of what follows */
    unsigned connections;
    struct uid_count *uids; /* limit of them, those with connections first */
    size_t uid_count;
};
struct exchange { /* one request and its answer */
    const struct strings *reads;
    struct call call;
    struct buf body;
    size_t overrun;
    bool bad_uri, started;
};

/* ---- limits ---- */

static struct uid_count *uid_find(struct api *api, uint32_t uid)
{
    for (size_t i = 0; i < api->uid_count; i++)
        if (api->uids[i].uid == uid)
            return &api->uids[i];
    return NULL;
}

/* Counts the connection, or says why not: NULL when it may stay. Call with the lock held. */
static const char *connection_count(struct api *api, uint32_t uid, bool privileged)
{
    struct uid_count *row = uid_find(api, uid);

    if (!privileged && row != NULL && row->connections >= api->limit_per_uid)
        return "this user has as many connections as one user may have; try again when one of them has ended";
    if (!privileged && api->connections + api->kept >= api->limit)
        return "the daemon has as many connections as it may have; try again";
    if (row == NULL) {
        if (api->uid_count == api->limit)
            return "the daemon has as many connections as it may have; try again";
        row = &api->uids[api->uid_count++];
        *row = (struct uid_count){uid, 0};
    }
    row->connections++;
    api->connections++;
    return NULL;
}

static void connection_forget(struct api *api, uint32_t uid)
{
    struct uid_count *row = uid_find(api, uid);

    api->connections--;
    if (row != NULL && --row->connections == 0)
        *row = api->uids[--api->uid_count];
}

/* Is it worth keeping a place for? Local files only. */
static bool is_privileged(struct api *api, const struct peer *peer)
{
    struct identity identity = {0};
    struct error ignored = ERROR_NONE;
    bool privileged = authority_identify(api->authority, peer->uid, peer->gid, &identity, &ignored) == OK &&
                      (identity.roles & (FIRST_FOUR | ROLE_CRON)) != 0;

    identity_free(&identity);
    return privileged;
}

/* Answers at once, before any thread is made for the connection's requests, and hangs up. */
static void connection_refuse(int fd, const char *why)
{
    struct error error = ERROR_NONE;
    struct buf text = BUF_EMPTY;

    error_set(&error, TEMPORARY, "api.busy", "%s", why);
    json_t *body = json_of_error(&error);
    char *json = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    if (json != NULL) {
        buf_printf(&text, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n"
                   "Content-Length: %zu\r\n\r\n%s", strlen(json), json);
        send(fd, text.data, text.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    shutdown(fd, SHUT_RDWR);
    free(json);
    json_decref(body);
    buf_free(&text);
}

static int connection_fd(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info != NULL ? info->connect_fd : -1;
}

static void connection_start(struct api *api, struct MHD_Connection *connection, void **context)
{
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    int fd = connection_fd(connection);
    struct peer *peer = calloc(1, sizeof *peer);

    *context = peer;
    if (peer == NULL || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
        free(peer);
        *context = NULL;
        connection_refuse(fd, "the peer's credentials cannot be read; try again");
        return;
    }
    peer->uid = credentials.uid;
    peer->gid = credentials.gid;
    bool crowded;
    pthread_mutex_lock(&api->lock);
    struct uid_count *row = uid_find(api, peer->uid);
    crowded = api->connections + api->kept >= api->limit || (row != NULL && row->connections >= api->limit_per_uid);
    pthread_mutex_unlock(&api->lock);
    bool privileged = crowded && is_privileged(api, peer);
    pthread_mutex_lock(&api->lock);
    const char *why = connection_count(api, peer->uid, privileged);
    pthread_mutex_unlock(&api->lock);
    peer->counted = why == NULL;
    if (why != NULL) {
        log_debug("api: uid %u is refused a connection: %s", peer->uid, why);
        connection_refuse(fd, why);
    }
}

static void connection_notify(void *argument, struct MHD_Connection *connection, void **context,
                              enum MHD_ConnectionNotificationCode code)
{
    struct api *api = argument;
    struct peer *peer = *context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection_start(api, connection, context);
        return;
    }
    if (peer != NULL && peer->counted) {
        pthread_mutex_lock(&api->lock);
        connection_forget(api, peer->uid);
        pthread_mutex_unlock(&api->lock);
    }
    free(peer);
    *context = NULL;
}

/* ---- answers ---- */

static unsigned http_code(const struct error *error)
{
    static const struct {
        const char *reason;
        unsigned code;
    } reasons[] = {{"api.path", 404}, {"api.method", 405}, {"api.size", 413}, {"object.unknown", 404}};
    static const struct {
        int status;
        unsigned code;
    } codes[] = {{REFUSED, 409}, {DENIED, 403}, {USAGE, 400}, {BAD_DATA, 422}, {TEMPORARY, 503}, {NOT_PERMITTED, 403}};

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(reasons[i].reason, error->reason) == 0)
            return reasons[i].code;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].status == error->status)
            return codes[i].code;
    return 500;
}

static enum MHD_Result send_response(struct MHD_Connection *connection, unsigned code, const char *type, struct MHD_Response *response)
{
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result sent = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return sent;
}

static enum MHD_Result send_json(struct MHD_Connection *connection, unsigned code, const json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_COMPACT) : NULL;

    if (text == NULL)
        return MHD_NO;
    return send_response(connection, code, "application/json",
                         MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE));
}

/* An error may carry further members beside it (the findings of a lint). */
static enum MHD_Result send_error(struct MHD_Connection *connection, const struct call *call, const struct error *error)
{
    json_t *body = json_of_error(error);

    if (call != NULL && json_is_object(call->answer))
        json_object_update_missing(body, call->answer);
    enum MHD_Result sent = send_json(connection, http_code(error), body);
    json_decref(body);
    return sent;
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct call *call)
{
    if (call->fd >= 0) {
        int fd = call->fd;
        call->fd = -1; /* the response closes it */
        return send_response(connection, MHD_HTTP_OK, call->content_type, MHD_create_response_from_fd64(call->fd_size, fd));
    }
    if (call->answer != NULL)
        return send_json(connection, MHD_HTTP_OK, call->answer);
    return send_response(connection, MHD_HTTP_OK, call->content_type,
                         MHD_create_response_from_buffer(call->octets.size, call->octets.data, MHD_RESPMEM_MUST_COPY));
}

/* ---- one request ---- */

struct query_reader {
    struct call *call;
    struct error *error;
};

static enum MHD_Result query_each(void *argument, enum MHD_ValueKind kind, const char *name, size_t name_size, const char *value,
                                  size_t value_size)
{
    struct query_reader *reader = argument;

    (void)kind;
    if (strlen(name) != name_size || (value != NULL && strlen(value) != value_size))
        error_set(reader->error, USAGE, "api.query", "the query holds a NUL");
    else
        call_query_add(reader->call, name, value, reader->error);
    return reader->error->status == OK ? MHD_YES : MHD_NO;
}

static int read_query(struct MHD_Connection *connection, struct call *call, struct error *error)
{
    struct query_reader reader = {call, error};

    MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, query_each, &reader);
    return error->status;
}

/* Maps the caller where the route asks for it. Who has no entry goes on without one: what needs it refuses him there. */
static int map_caller(struct call *call, struct error *error)
{
    struct error why = ERROR_NONE;

    if (call->route->mapping != MAP_TRY || authority_map(call->authority, &call->caller, &why) == OK || why.status == REFUSED)
        return OK;
    return error_set(error, why.status, why.reason, "%s", why.message);
}

/* Changes and refusals are on record whatever the configuration says; a successful read is where it names the kind. No record, no
 * answer. */
static int record_read(struct exchange *exchange, struct error *error)
{
    struct call *call = &exchange->call;
    char kind[READ_KIND_SIZE];

    if (strcmp(call->route->method, "GET") != 0 || !strings_contain(exchange->reads, route_kind(call->route, kind)))
        return OK;
    int status = authority_audit_read(call->authority, &call->caller, call->route->verb, call->argument != NULL ? call->argument : "", error);
    if (status != OK) { /* an error's answer carries what the handler left: here that must not go out */
        json_decref(call->answer);
        call->answer = NULL;
    }
    return status;
}

static int run_call(struct exchange *exchange, struct MHD_Connection *connection, const struct peer *peer, const char *method,
                    const char *url, struct error *error)
{
    struct call *call = &exchange->call;

    int status = call_enter(call, peer->uid, peer->gid, method, exchange->bad_uri ? "(too long, or with a NUL)" : url, error);
    if (status == OK && exchange->overrun > 0)
        status = error_set(error, BAD_DATA, "api.size", "the request has more than %u KiB; nothing was read of it", BODY_MAX / 1024);
    if (status == OK)
        status = read_query(connection, call, error);
    if (status == OK)
        status = body_read(buf_bytes(&exchange->body), &call->body, error);
    if (status == OK)
        status = body_check(call->body, call->route->members, error);
    if (status != OK) {
        /* The authority has not seen it: what a changing verb was refused, and every missing role, is audited from here. */
        if (call->route != NULL && (strcmp(call->route->method, "POST") == 0 || status == NOT_PERMITTED))
            authority_audit_refusal(call->authority, &call->caller, call->route->verb, call->argument, error);
        return status;
    }
    if ((status = map_caller(call, error)) == OK)
        status = call->route->handle(call, error);
    if (status == OK)
        status = record_read(exchange, error);
    if (status != OK && status != TEMPORARY && status != INTERNAL && !error->audited &&
        (strcmp(call->route->method, "POST") == 0 || status == NOT_PERMITTED))
        authority_audit_refusal(call->authority, &call->caller, call->route->verb, call->argument, error);
    return status;
}

static enum MHD_Result process(struct exchange *exchange, struct MHD_Connection *connection, const char *method, const char *url)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    const struct peer *peer = info != NULL ? info->socket_context : NULL;
    struct error error = ERROR_NONE;

    if (peer == NULL || !peer->counted)
        return MHD_NO;
    if (exchange->body.failed)
        error_memory(&error);
    else
        run_call(exchange, connection, peer, method, url, &error);
    return error.status == OK ? send_answer(connection, &exchange->call) : send_error(connection, &exchange->call, &error);
}

/* Keeps what comes up to the limit. MHD_NO: so much beyond it that only hanging up helps. */
static enum MHD_Result take_body(struct exchange *exchange, const char *data, size_t size)
{
    if (exchange->overrun == 0 && exchange->body.size + size <= BODY_MAX) {
        if (exchange->body.size == 0) /* what grows leaves copies behind: a short one with a passphrase never does */
            buf_reserve(&exchange->body, BODY_FIRST);
        buf_add(&exchange->body, data, size);
        return MHD_YES;
    }
    exchange->overrun += size;
    buf_clear(&exchange->body);
    return exchange->overrun <= OVERRUN_MAX ? MHD_YES : MHD_NO;
}

/* A body whose declared length is far beyond the limit is not read at all. */
static bool declares_too_much(struct MHD_Connection *connection)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t size = 0;

    return length != NULL && number_parse(length, &size) == OK && size > OVERRUN_MAX;
}

static enum MHD_Result handle(void *argument, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **context)
{
    struct exchange *exchange = *context;
    struct error error = ERROR_NONE;

    (void)argument;
    (void)version;
    if (exchange == NULL)
        return MHD_NO;
    if (!exchange->started) {
        exchange->started = true;
        if (!declares_too_much(connection))
            return MHD_YES;
        error_set(&error, BAD_DATA, "api.size", "the request has more than %u KiB; nothing was read of it", BODY_MAX / 1024);
        return send_error(connection, NULL, &error);
    }
    if (*upload_size > 0) {
        size_t size = *upload_size;
        *upload_size = 0;
        enum MHD_Result taken = take_body(exchange, upload, size);
        explicit_bzero((void *)(uintptr_t)upload, size); /* it may be a passphrase; the library's memory is not seen again */
        return taken;
    }
    return process(exchange, connection, method, url);
}

/* Sees the path before it is decoded: a NUL in it would cut what the handlers read. */
static void *exchange_start(void *argument, const char *uri, struct MHD_Connection *connection)
{
    struct api *api = argument;
    struct exchange *exchange = calloc(1, sizeof *exchange);

    (void)connection;
    if (exchange == NULL)
        return NULL;
    exchange->call.authority = api->authority;
    exchange->reads = &api->reads;
    exchange->call.fd = -1;
    exchange->bad_uri = strlen(uri) > URI_MAX || strstr(uri, "%00") != NULL;
    return exchange;
}

static void exchange_end(void *argument, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode why)
{
    struct exchange *exchange = *context;

    (void)argument;
    (void)connection;
    (void)why;
    if (exchange == NULL)
        return;
    call_free(&exchange->call);
    buf_wipe(&exchange->body);
    free(exchange);
    *context = NULL;
}

__attribute__((format(printf, 2, 0))) static void log_mhd(void *argument, const char *format, va_list arguments)
{
    char line[512];

    (void)argument;
    if (vsnprintf(line, sizeof line, format, arguments) > 0) {
        line[strcspn(line, "\r\n")] = '\0';
        log_debug("api: %s", line);
    }
}

/* ---- start and stop ---- */

/* What stands at the place of the socket: nothing, or one that nobody answers any more, which is removed. */
static int socket_clear(const char *path, const struct sockaddr_un *address, struct error *error)
{
    struct stat state;

    if (lstat(path, &state) != 0)
        return errno == ENOENT ? OK : error_set(error, BAD_CONFIG, "api.socket", "%s: %m", path);
    if (!S_ISSOCK(state.st_mode))
        return error_set(error, BAD_CONFIG, "api.socket", "%s is there and is no socket; remove it or change [api] socket", path);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answered = probe >= 0 && connect(probe, (const struct sockaddr *)address, sizeof *address) == 0;
    if (probe >= 0)
        close(probe);
    if (answered)
        return error_set(error, BAD_CONFIG, "api.socket", "another daemon answers at %s; stop it first", path);
    if (unlink(path) != 0)
        return error_set(error, BAD_CONFIG, "api.socket", "%s is left over and cannot be removed: %m", path);
    return OK;
}

static int socket_open(struct api *api, const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof address.sun_path)
        return error_set(error, BAD_CONFIG, "api.socket", "the path of the socket is longer than %zu octets: %s",
                         sizeof address.sun_path - 1, path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    int status = socket_clear(path, &address, error);
    if (status != OK)
        return status;
    api->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (api->fd < 0 || bind(api->fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return error_set(error, BAD_CONFIG, "api.socket", "no socket at %s: %m; is the folder there and ours to write?", path);
    memcpy(api->path, address.sun_path, sizeof api->path);
    if (chmod(path, 0666) != 0 || listen(api->fd, 128) != 0)
        return error_set(error, BAD_CONFIG, "api.socket", "%s: %m", path);
    return OK;
}

static int daemon_start(struct api *api, unsigned timeout_s, struct error *error)
{
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG;

    api->daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle, api,
                                   MHD_OPTION_EXTERNAL_LOGGER, log_mhd, NULL,
                                   MHD_OPTION_LISTEN_SOCKET, api->fd,
                                   MHD_OPTION_CONNECTION_LIMIT, api->limit + 1,
                                   MHD_OPTION_CONNECTION_TIMEOUT, timeout_s,
                                   MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)64 * 1024,
                                   MHD_OPTION_THREAD_STACK_SIZE, (size_t)2 * 1024 * 1024,
                                   MHD_OPTION_STRICT_FOR_CLIENT, 1,
                                   MHD_OPTION_URI_LOG_CALLBACK, exchange_start, api,
                                   MHD_OPTION_NOTIFY_COMPLETED, exchange_end, api,
                                   MHD_OPTION_NOTIFY_CONNECTION, connection_notify, api,
                                   MHD_OPTION_END);
    if (api->daemon == NULL)
        return error_set(error, INTERNAL, "api.start", "the HTTP library does not start on %s: %m", api->path);
    return OK;
}

static int reads_check(const struct conf *conf, struct error *error)
{
    struct strings reads = {NULL, 0};
    int status = conf_list(conf, "audit", "reads", &reads) == OK ? OK : error_memory(error);

    for (size_t i = 0; i < reads.count && status == OK; i++)
        if (!route_kind_known(reads.items[i]))
            status = error_set(error, BAD_CONFIG, "audit.reads", "%s: [audit] reads: there are no reads of the kind \"%s\"; chancery.conf(5) "
                               "lists the kinds", conf_path(conf), reads.items[i]);
    strings_free(&reads);
    return status;
}

int api_check(const struct conf *conf, struct error *error)
{
    const char *path = conf_text(conf, "api", "socket");

    if (path == NULL || *path != '/')
        return error_set(error, BAD_CONFIG, "api.socket", "[api] socket must be an absolute path");
    if (conf_number(conf, "api", "connections_kept") >= conf_number(conf, "api", "connections"))
        return error_set(error, BAD_CONFIG, "api.connections", "[api] connections_kept must be less than connections");
    return reads_check(conf, error);
}

int api_open(const struct conf *conf, struct authority *authority, struct api **out, struct error *error)
{
    struct api *api = calloc(1, sizeof *api);

    *out = NULL;
    if (api == NULL)
        return error_memory(error);
    json_set_alloc_funcs(malloc, secret_free); /* passphrases come as JSON */
    api->fd = -1;
    api->authority = authority;
    pthread_mutex_init(&api->lock, NULL);
    int status = api_check(conf, error);
    if (status != OK)
        goto out;
    api->limit = (unsigned)conf_number(conf, "api", "connections");
    api->limit_per_uid = (unsigned)conf_number(conf, "api", "connections_per_uid");
    api->kept = (unsigned)conf_number(conf, "api", "connections_kept");
    api->uids = calloc(api->limit, sizeof *api->uids);
    if (conf_list(conf, "audit", "reads", &api->reads) != OK) {
        status = error_memory(error);
        goto out;
    }
    status = api->uids != NULL ? socket_open(api, conf_text(conf, "api", "socket"), error) : error_memory(error);
    if (status == OK)
        status = daemon_start(api, (unsigned)conf_number(conf, "api", "timeout"), error);
out:
    if (status != OK) {
        api_close(api);
        return status;
    }
    *out = api;
    return OK;
}

void api_close(struct api *api)
{
    if (api == NULL)
        return;
    /* Idle connections would hold the stop up until their timeout: stopping shuts them down, and waits for those at work. */
    if (api->path[0] != '\0')
        unlink(api->path);
    if (api->daemon != NULL)
        MHD_stop_daemon(api->daemon); /* closes the listening socket */
    else if (api->fd >= 0)
        close(api->fd);
    pthread_mutex_destroy(&api->lock);
    strings_free(&api->reads);
    free(api->uids);
    free(api);
}
