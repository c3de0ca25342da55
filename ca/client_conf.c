/* The daemon judges its configuration as a whole; a client looks for the socket alone, by the same library, and may be unable to read more. */
#include "config.h"

#include "ca/client_conf.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONF_DEFAULT CHANCERY_SYSCONFDIR "/chancery.conf"

static int socket_item(void *argument, const char *section, const char *name, const char *value)
{
    char **socket_path = argument;

    if (strcmp(section, "api") == 0 && strcmp(name, "socket") == 0) {
        free(*socket_path);
        *socket_path = strdup(value);
    }
    return 1;
}

int client_conf_socket(const char *conf_path, char **socket_path, struct error *error)
{
    const char *asked = conf_path != NULL ? conf_path : secure_getenv("CHANCERY_CONF");
    const char *path = asked != NULL && *asked != '\0' ? asked : CONF_DEFAULT;

    *socket_path = NULL;
    if (access(path, R_OK) != 0)
        return path == asked ? error_set(error, BAD_CONFIG, "client.conf", "%s cannot be read: %s (-c or $CHANCERY_CONF names it; --socket does without)",
                                         path, strerror(errno))
                             : OK;
    int line = ini_parse(path, socket_item, socket_path);
    if (line > 0) {
        free(*socket_path);
        *socket_path = NULL;
        return error_set(error, BAD_CONFIG, "client.conf", "%s, line %d: not a configuration file; test it with: chanceryd -t -c %s", path,
                         line, path);
    }
    return OK;
}
