/* The client side of the API: HTTP/1.1 over a unix socket, or over ssh to the socket of another machine.
 * Only what our own daemon says is understood: a status line, Content-Length, a body. Everything else is refused. */
#include "config.h"

#include "ca/client.h"

#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/secret.h"

#define HEADER_MAX 16384
#define TIMEOUT_DEFAULT_MS 120000

extern char **environ;

struct client {
    char *socket_path, *host, *name;
    int timeout_ms;
    int fd;    /* -1: not connected */
    pid_t ssh; /* 0: none */
};

struct client *client_open(const struct client_options *options)
{
    struct client *client = calloc(1, sizeof *client);
    struct buf name = BUF_EMPTY;

    if (client == NULL)
        return NULL;
    client->fd = -1;
    client->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : TIMEOUT_DEFAULT_MS;
    client->socket_path = strdup(options->socket_path != NULL ? options->socket_path : CLIENT_SOCKET);
    client->host = options->host != NULL ? strdup(options->host) : NULL;
    if (options->host != NULL)
        buf_printf(&name, "ssh:%s", options->host);
    else
        buf_printf(&name, "unix:%s", client->socket_path != NULL ? client->socket_path : "");
    client->name = name.failed ? NULL : strdup(buf_text(&name));
    buf_free(&name);
    if (client->socket_path == NULL || client->name == NULL || (options->host != NULL && client->host == NULL)) {
        client_close(client);
        return NULL;
    }
    return client;
}

static void disconnect(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    if (client->ssh > 0)
        waitpid(client->ssh, NULL, 0);
    client->ssh = 0;
}

void client_close(struct client *client)
{
    if (client == NULL)
        return;
    disconnect(client);
    free(client->socket_path);
    free(client->host);
    free(client->name);
    free(client);
}

const char *client_name(const struct client *client)
{
    return client->name;
}

/* ---- connecting ---- */

static int unreachable(const struct client *client, const char *why, struct error *error)
{
    if (client->host != NULL)
        return error_set(error, UNREACHABLE, "client.unreachable", "no answer through ssh %s (%s); does `ssh %s chancery info` work?",
                         client->host, why, client->host);
    return error_set(error, UNREACHABLE, "client.unreachable",
                     "no answer at %s (%s); is chanceryd running (systemctl status chanceryd), and is this its socket (--socket)?",
                     client->socket_path, why);
}

static int socket_connect(const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof address.sun_path) {
        error_set(error, UNREACHABLE, "client.unreachable", "the path of the socket is longer than %zu octets: %s",
                  sizeof address.sun_path - 1, path);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return -1;
}

/* ssh with a socket pair as its standard input and output. No shell of ours is involved, and nothing is prompted for. */
static int ssh_start(struct client *client)
{
    const char *const arguments[] = {"ssh", "-T", "-o", "BatchMode=yes", "--", client->host, "chancery", "proxy", NULL};
    posix_spawn_file_actions_t actions;
    int pair[2];

    if (client->host[0] == '-' || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pair[1], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, pair[1], STDOUT_FILENO);
    int failed = posix_spawnp(&client->ssh, "ssh", &actions, NULL, (char *const *)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pair[1]);
    if (failed != 0) {
        client->ssh = 0;
        close(pair[0]);
        errno = failed;
        return -1;
    }
    return pair[0];
}

/* A kept connection that the other side has closed, or on which something stands that nobody asked for, is useless. */
static bool is_stale(int fd)
{
    struct pollfd state = {.fd = fd, .events = POLLIN};
    return poll(&state, 1, 0) != 0;
}

static int ensure_connected(struct client *client, struct error *error)
{
    if (client->fd >= 0 && !is_stale(client->fd))
        return OK;
    disconnect(client);
    client->fd = client->host != NULL ? ssh_start(client) : socket_connect(client->socket_path, error);
    if (client->fd >= 0)
        return OK;
    return unreachable(client, strerror(errno), error);
}

/* ---- one exchange ---- */

static void request_form(struct buf *out, const char *method, const char *path, const char *body)
{
    if (body != NULL) /* room at once: what grows leaves copies of a passphrase behind */
        buf_reserve(out, strlen(body) + strlen(path) + 256);
    buf_printf(out, "%s %s HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n", method, path);
    if (body != NULL)
        buf_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    buf_add_text(out, "\r\n");
    if (body != NULL)
        buf_add_text(out, body);
}

/* Waits until the descriptor is ready. 0: ready, -1: errno says why not. */
static int wait_for(int fd, short events, int64_t deadline_ms)
{
    struct pollfd state = {.fd = fd, .events = events};

    for (;;) {
        int64_t left = deadline_ms - clock_monotonic_ms();
        int ready = left > 0 ? poll(&state, 1, (int)left) : 0;
        if (ready > 0)
            return 0;
        if (ready == 0) {
            errno = ETIMEDOUT;
            return -1;
        }
        if (errno != EINTR)
            return -1;
    }
}

/* A daemon that refuses a connection or a large body answers before it has read everything: that the rest cannot be written
 * is no failure yet, its answer says why. */
static void send_all(int fd, struct bytes data, int64_t deadline_ms)
{
    while (data.size > 0 && wait_for(fd, POLLOUT, deadline_ms) == 0) {
        ssize_t sent = send(fd, data.data, data.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (sent <= 0)
            return;
        data.data += sent;
        data.size -= (size_t)sent;
    }
}

/* Reads some octets. OK, or -1 with errno; end of file is ECONNRESET. */
static int receive_some(int fd, struct buf *in, int64_t deadline_ms)
{
    uint8_t chunk[16384];

    if (wait_for(fd, POLLIN, deadline_ms) != 0)
        return -1;
    ssize_t got = recv(fd, chunk, sizeof chunk, 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (got <= 0) {
        errno = got == 0 ? ECONNRESET : errno;
        return -1;
    }
    buf_add(in, chunk, (size_t)got);
    if (in->failed) {
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

struct answer_head {
    unsigned code;
    uint64_t length;
    size_t size; /* of the head with its empty line */
    bool close, json;
};

static int answer_error(const struct client *client, const char *why, struct error *error)
{
    return error_set(error, BAD_DATA, "client.answer", "what answers at %s is no daemon of ours: %s", client->name, why);
}

/* The value of a header line, when the line has this name. */
static const char *header_value(const char *line, const char *name)
{
    size_t size = strlen(name);

    if (strncasecmp(line, name, size) != 0 || line[size] != ':')
        return NULL;
    line += size + 1;
    return line + strspn(line, " \t");
}

static int parse_line(const struct client *client, const char *line, struct answer_head *head, bool *has_length, struct error *error)
{
    const char *value;

    if ((value = header_value(line, "Content-Length")) != NULL) {
        if (*has_length || number_parse(value, &head->length) != OK || head->length > CLIENT_ANSWER_MAX)
            return answer_error(client, "its Content-Length", error);
        *has_length = true;
    } else if (header_value(line, "Transfer-Encoding") != NULL) {
        return answer_error(client, "a transfer encoding", error);
    } else if ((value = header_value(line, "Connection")) != NULL) {
        head->close = strcasecmp(value, "close") == 0;
    } else if ((value = header_value(line, "Content-Type")) != NULL) {
        head->json = strncasecmp(value, "application/json", 16) == 0;
    }
    return OK;
}

/* text: the head as a string of its own, changed on the way. */
static int parse_head(const struct client *client, char *text, struct answer_head *head, struct error *error)
{
    bool has_length = false;
    int status = OK;
    char *next = strstr(text, "\r\n");

    if (strncmp(text, "HTTP/1.1 ", 9) != 0 || strspn(text + 9, "0123456789") != 3)
        return answer_error(client, "its first line", error);
    head->code = (unsigned)strtoul(text + 9, NULL, 10);
    while (status == OK && next != NULL && next[2] != '\0') {
        char *line = next + 2;
        next = strstr(line, "\r\n");
        if (next != NULL)
            *next = '\0';
        status = parse_line(client, line, head, &has_length, error);
    }
    if (status == OK && !has_length)
        status = answer_error(client, "no Content-Length", error);
    return status;
}

/* The head ends with an empty line; in holds what came of the body already. */
static int read_head(struct client *client, struct buf *in, struct answer_head *head, int64_t deadline_ms, struct error *error)
{
    for (;;) {
        uint8_t *end = in->size > 0 ? memmem(in->data, in->size, "\r\n\r\n", 4) : NULL;
        if (end != NULL) {
            head->size = (size_t)(end - in->data) + 4;
            char *text = strndup((const char *)in->data, head->size - 2);
            int status = text != NULL ? parse_head(client, text, head, error) : error_memory(error);
            free(text);
            return status;
        }
        if (in->size > HEADER_MAX)
            return answer_error(client, "too long a head", error);
        if (receive_some(client->fd, in, deadline_ms) != 0)
            return unreachable(client, in->size == 0 && errno == ECONNRESET ? "the connection was closed" : strerror(errno), error);
    }
}

static int exchange(struct client *client, const char *method, const char *path, const char *body, struct answer_head *head,
                    struct buf *content, struct error *error)
{
    struct buf request = BUF_EMPTY, in = BUF_EMPTY;
    int64_t deadline_ms = clock_monotonic_ms() + client->timeout_ms;

    int status = ensure_connected(client, error);
    if (status != OK)
        return status;
    request_form(&request, method, path, body);
    if (request.failed) {
        status = error_memory(error);
        goto out;
    }
    send_all(client->fd, buf_bytes(&request), deadline_ms);
    status = read_head(client, &in, head, deadline_ms, error);
    while (status == OK && in.size - head->size < head->length)
        if (receive_some(client->fd, &in, deadline_ms) != 0)
            status = unreachable(client, strerror(errno), error);
    if (status == OK && in.size - head->size != head->length)
        status = answer_error(client, "more than its Content-Length", error);
    if (status == OK) {
        buf_add(content, in.data + head->size, (size_t)head->length);
        if (content->failed)
            status = error_memory(error);
    }
out:
    if (status != OK || head->close)
        disconnect(client);
    buf_wipe(&request);
    buf_free(&in);
    return status;
}

/* The daemon's own error, as it said it. */
static int daemon_error(const struct client *client, const json_t *answer, unsigned code, struct error *error)
{
    const json_t *said = json_object_get(answer, "error");
    int status = (int)client_number(said, "status");

    if (status <= OK || status > 255) {
        char why[64];
        snprintf(why, sizeof why, "HTTP %u without an error in words", code);
        return answer_error(client, why, error);
    }
    return error_set(error, status, client_text(said, "reason"), "%s", client_text(said, "message"));
}

int client_call(struct client *client, const char *method, const char *path, json_t *body, json_t **answer, struct error *error)
{
    struct buf content = BUF_EMPTY;
    struct answer_head head = {0};
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : strcmp(method, "POST") == 0 ? strdup("{}") : NULL;

    *answer = NULL;
    if (text == NULL && strcmp(method, "GET") != 0)
        return error_memory(error);
    int status = exchange(client, method, path, text, &head, &content, error);
    secret_free(text); /* made by jansson, or as harmless */
    if (status == OK) {
        json_t *value = head.json ? json_loadb(buf_text(&content), content.size, JSON_REJECT_DUPLICATES, NULL) : NULL;
        if (!json_is_object(value))
            status = answer_error(client, "no JSON object", error);
        else if (head.code != 200)
            status = daemon_error(client, value, head.code, error);
        if (json_is_object(value) && (status == OK || json_object_size(value) > 1))
            *answer = json_incref(value);
        json_decref(value);
    }
    buf_free(&content);
    return status;
}

int client_get_bytes(struct client *client, const char *path, struct buf *out, struct error *error)
{
    struct buf content = BUF_EMPTY;
    struct answer_head head = {0};

    int status = exchange(client, "GET", path, NULL, &head, &content, error);
    if (status == OK && head.code != 200) {
        json_t *value = head.json ? json_loadb(buf_text(&content), content.size, JSON_REJECT_DUPLICATES, NULL) : NULL;
        status = daemon_error(client, value, head.code, error);
        json_decref(value);
    } else if (status == OK) {
        buf_add(out, content.data, content.size);
        status = out->failed ? error_memory(error) : OK;
    }
    buf_free(&content);
    return status;
}

/* ---- paths ---- */

static void percent_encode(struct buf *out, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') || strchr("-._~:", *at) != NULL;
        if (plain)
            buf_add_byte(out, *at);
        else
            buf_printf(out, "%%%02X", *at);
    }
}

void client_path_start(struct buf *path, const char *pattern, const char *argument)
{
    const char *hole = strstr(pattern, "%s");

    buf_clear(path);
    if (hole == NULL) {
        buf_add_text(path, pattern);
        return;
    }
    buf_add(path, pattern, (size_t)(hole - pattern));
    percent_encode(path, argument);
    buf_add_text(path, hole + 2);
}

void client_path_query(struct buf *path, const char *name, const char *value)
{
    if (value == NULL)
        return;
    buf_add_byte(path, strchr(buf_text(path), '?') == NULL ? '?' : '&');
    percent_encode(path, name);
    buf_add_byte(path, '=');
    percent_encode(path, value);
}

void client_path_query_number(struct buf *path, const char *name, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    client_path_query(path, name, text);
}

/* ---- members of answers ---- */

const char *client_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

int64_t client_number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

bool client_bool(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

int64_t client_time(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    int64_t at;

    return text != NULL && time_parse(text, clock_now(), &at) == OK ? at : 0;
}

/* ---- proxy ---- */

/* Carries what stands on one descriptor to another. 0: end of file, -1: cannot write. */
static int carry(int from, int to)
{
    uint8_t chunk[16384];
    ssize_t got = read(from, chunk, sizeof chunk);

    if (got < 0)
        return errno == EINTR || errno == EAGAIN ? 1 : 0;
    for (ssize_t done = 0; done < got;) {
        ssize_t put = write(to, chunk + done, (size_t)(got - done));
        if (put < 0 && errno != EINTR)
            return -1;
        done += put > 0 ? put : 0;
    }
    return got > 0;
}

int client_proxy(const char *socket_path, int in_fd, int out_fd, struct error *error)
{
    int fd = socket_connect(socket_path != NULL ? socket_path : CLIENT_SOCKET, error);
    int state = 1;

    if (fd < 0)
        return error_set(error, UNREACHABLE, "client.unreachable", "no answer at %s (%s); is chanceryd running here?",
                         socket_path != NULL ? socket_path : CLIENT_SOCKET, strerror(errno));
    struct pollfd ends[2] = {{.fd = in_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    while (state > 0 && (poll(ends, 2, -1) > 0 || errno == EINTR)) {
        if (ends[1].revents != 0)
            state = carry(fd, out_fd);
        if (state > 0 && ends[0].revents != 0 && carry(in_fd, fd) <= 0) {
            shutdown(fd, SHUT_WR); /* what the daemon still says comes through */
            ends[0].fd = -1;
        }
    }
    close(fd);
    return state < 0 ? error_set(error, CANNOT_WRITE, "client.proxy", "the other side has gone: %s", strerror(errno)) : OK;
}
