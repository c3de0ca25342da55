/* The client side of the API: one connection, one call after the other; used by the command line, the console and
 * enrolment. The daemon is reached through its unix socket, or through `ssh HOST chancery proxy` on another machine.
 * Shapes of requests and answers: ca/api/openapi.yaml. A client belongs to one thread. */
#ifndef CHANCERY_CLIENT_H
#define CHANCERY_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "ca/base/buf.h"
#include "ca/base/error.h"

#define CLIENT_SOCKET CHANCERY_RUNSTATEDIR "/chancery/api.sock"
#define CLIENT_ANSWER_MAX (64u * 1024 * 1024)

struct client;

struct client_options {
    const char *socket_path; /* NULL: CLIENT_SOCKET; ignored with host */
    const char *host;        /* NULL: the socket here; else `ssh HOST chancery proxy` */
    int timeout_ms;          /* of one answer; 0: 120,000 */
};
/* Connects lazily: an unreachable daemon is known at the first call, and a lost connection is made anew at the next one
 * (a call that changes something is never sent twice). Returns NULL only without memory. */
struct client *client_open(const struct client_options *options);
void client_close(struct client *client);
/* "unix:/run/chancery/api.sock", "ssh:ca1": for messages. Lives as long as the client. */
const char *client_name(const struct client *client);

/* method "GET" or "POST"; path with query ("/v1/requests?limit=20"; build it with client_path_*). body may be NULL and stays
 * the caller's. On OK *answer (json_decref it) is the object of the answer; with an error it is NULL, except that an answer
 * with further members beside "error" (findings of a lint) is handed over as it is.
 * UNREACHABLE "client.unreachable": the message says which socket and what to check. The daemon's own errors keep status,
 * reason and message. BAD_DATA "client.answer": not what a daemon of ours says. */
int client_call(struct client *client, const char *method, const char *path, json_t *body, json_t **answer,
                struct error *error);
/* GET of raw octets (certificates and CRLs as DER or PEM). */
int client_get_bytes(struct client *client, const char *path, struct buf *out, struct error *error);

/* Paths: percent-encodes what stands there. path starts empty (BUF_EMPTY).
 *   client_path_start(&path, "/v1/requests/%s/certificate", object);   every %s is encoded
 *   client_path_query(&path, "chain", "1");                            value NULL: nothing is added */
void client_path_start(struct buf *path, const char *pattern, const char *argument);
void client_path_query(struct buf *path, const char *name, const char *value);
void client_path_query_number(struct buf *path, const char *name, uint64_t value);

/* Members of answers, for those who show them: never NULL, "" when absent, null or of another type. */
const char *client_text(const json_t *object, const char *name);
int64_t client_number(const json_t *object, const char *name); /* 0 when absent */
bool client_bool(const json_t *object, const char *name);
int64_t client_time(const json_t *object, const char *name); /* seconds since 1970; 0 when absent or null */

/* `chancery proxy`: carries octets between two descriptors and the socket until one side ends. */
int client_proxy(const char *socket_path, int in_fd, int out_fd, struct error *error);

#endif
