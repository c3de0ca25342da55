/* One pass over the due rows of one module's outbox: what is delivered, what waits, and what came of it. */
#ifndef CHANCERY_EXIT_DRAIN_H
#define CHANCERY_EXIT_DRAIN_H

#include "ca/exit/connection.h"
#include "ca/exit/order.h"
#include "ca/store/store.h"

struct drain { /* of one thread */
    struct store *store;
    struct connection *connection;
    struct order order;
    size_t careful;   /* so many rows are delivered one by one: among them is what the host died of */
    unsigned pauses;  /* batches that failed whole, one after the other: the directory is down, and a commit need not wake us */
    unsigned random;
};

/* Reads what waits from earlier, so that order is kept over a restart. */
int drain_open(struct drain *drain, struct store *store, struct connection *connection, struct error *error);
/* Delivers all that is due. *pause_ms: how long to leave the module alone. */
int drain_pass(struct drain *drain, int *pause_ms, struct error *error);
void drain_close(struct drain *drain);

#endif
