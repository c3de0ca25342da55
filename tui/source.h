/* Where the model's values come from: questions in, answers out, blocking. One thread at a time.
 * source_api.c asks over a transport: the daemon (transport_client.c), or a file of canned answers (transport_fixture.c). */
#ifndef CHANCERY_TUI_SOURCE_H
#define CHANCERY_TUI_SOURCE_H

#include <jansson.h>

#include "tui/model.h"

/* One call of the API, as client_call. */
struct transport {
    int (*call)(void *state, const char *method, const char *path, json_t *body, json_t **answer, struct error *error);
    void (*close)(void *state);
    void *state;
    int64_t (*now)(void *state); /* for ages; NULL: the clock */
};

int transport_client_open(const char *socket_path, const char *host, struct transport *out, struct error *error);
int transport_fixture_open(const char *path, int64_t now, struct transport *out, struct error *error);
void transport_close(struct transport *transport);

/* Asks and fills the answer (ticket and kind are the query's); a failure stands in answer->error. */
void source_ask(struct transport *transport, const struct query *query, struct answer *answer);

#endif
