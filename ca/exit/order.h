/* What the dispatcher and the host know about order: events of one directory entry stay in order. Pure. */
#ifndef CHANCERY_EXIT_ORDER_H
#define CHANCERY_EXIT_ORDER_H

#include "ca/event.h"

/* A number for the entry that the event changes; 0: no order (CRLs: number and coalescing decide which one stands). Two
 * entries with one number only wait for each other. */
uint64_t order_key(const struct event *event);

/* Rows that failed and wait: later rows of their entries wait for them. */
struct order_hold {
    uint64_t key, sequence;
    int64_t until; /* a hold whose row never came back (restored database) ends by itself */
};
struct order {
    struct order_hold *holds; /* open addressing, key 0: free */
    size_t count, room;
};
int order_hold(struct order *order, uint64_t key, uint64_t sequence, int64_t until); /* OK or INTERNAL; the earliest stays */
void order_release(struct order *order, uint64_t key, uint64_t sequence);
bool order_is_held(const struct order *order, uint64_t key, uint64_t sequence, int64_t now); /* by an earlier row */
void order_free(struct order *order);

/* Seconds to wait after `attempts` failures: 1, 2, 4 … at most 24, and up to a quarter more by `random`. */
int64_t order_backoff_s(unsigned attempts, uint32_t random);

#endif
