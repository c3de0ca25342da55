/* The transport to the daemon: ca/client.h, nothing added. */
#include <stdlib.h>

#include "ca/client.h"
#include "tui/source.h"

static int client_transport_call(void *state, const char *method, const char *path, json_t *body, json_t **answer,
                                 struct error *error) {
    return client_call(state, method, path, body, answer, error);
}

static void client_transport_close(void *state) {
    client_close(state);
}

int transport_client_open(const char *socket_path, const char *host, struct transport *out, struct error *error) {
    struct client_options options = {.socket_path = socket_path, .host = host};
    struct client *client = client_open(&options);
    if (client == NULL)
        return error_memory(error);
    *out = (struct transport){client_transport_call, client_transport_close, client, NULL};
    return OK;
}
