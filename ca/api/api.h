/* The API: HTTP/1.1 with JSON on a unix socket over the authority (openapi.yaml). One thread a connection, bounded in
 * number altogether and by uid, some kept for officers; peer credentials come from the connection's descriptor. */
#ifndef CHANCERY_API_API_H
#define CHANCERY_API_API_H

#include "ca/authority.h"

struct api;

/* The items of the section [api]; ended by section NULL. */
extern const struct conf_item api_items[];
/* Judges the configuration alone (chanceryd -t). */
int api_check(const struct conf *conf, struct error *error);
/* Makes the socket and starts answering. BAD_CONFIG: the place of the socket, or another daemon answers there. */
int api_open(const struct conf *conf, struct authority *authority, struct api **out, struct error *error);
/* Takes no new connection, lets those that are being answered end, removes the socket. NULL is fine. */
void api_close(struct api *api);

#endif
