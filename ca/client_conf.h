/* Where a client finds the daemon: what the configuration says of the socket, and nothing else of it. */
#ifndef CHANCERY_CLIENT_CONF_H
#define CHANCERY_CLIENT_CONF_H

#include "ca/base/error.h"

/* conf_path NULL: $CHANCERY_CONF, else the built-in place, which need not be there. *socket_path is owned by the caller; NULL: the
 * configuration names none. BAD_CONFIG "client.conf". */
int client_conf_socket(const char *conf_path, char **socket_path, struct error *error);

#endif
