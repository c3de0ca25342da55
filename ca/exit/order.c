/* Order within a directory entry, and how long a failed row waits. Pure: no store, no socket, no clock. */
#include "ca/exit/order.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 64

static uint64_t hash_text(const char *text)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a; ASCII case-blind, as most DNs compare */

    for (; *text; text++) {
        unsigned char octet = (unsigned char)*text;

        hash ^= octet >= 'A' && octet <= 'Z' ? octet + 32u : octet;
        hash *= 1099511628211u;
    }
    return hash ? hash : 1;
}

uint64_t order_key(const struct event *event)
{
    if (event->kind == EVENT_CRL_ISSUED)
        return 0;
    if (event->kind == EVENT_CA_CERTIFICATE || event->kind == EVENT_TEMPLATES)
        return hash_text("\ncertification authority");
    if (event->kind == EVENT_ASSIGNED)
        return hash_text(event->usage ? event->usage : "");
    if (event->publish_dn)
        return hash_text(event->publish_dn);
    return event->request_id ? event->request_id : 0;
}

static size_t slot_of(const struct order *order, uint64_t key)
{
    size_t slot = (size_t)(key * 11400714819323198485u) & (order->room - 1);

    while (order->holds[slot].key != 0 && order->holds[slot].key != key)
        slot = (slot + 1) & (order->room - 1);
    return slot;
}

static int order_grow(struct order *order)
{
    struct order bigger = {NULL, order->count, order->room ? order->room * 2 : ROOM_FIRST};

    bigger.holds = calloc(bigger.room, sizeof *bigger.holds);
    if (!bigger.holds)
        return INTERNAL;
    for (size_t i = 0; i < order->room; i++)
        if (order->holds[i].key != 0)
            bigger.holds[slot_of(&bigger, order->holds[i].key)] = order->holds[i];
    free(order->holds);
    *order = bigger;
    return OK;
}

int order_hold(struct order *order, uint64_t key, uint64_t sequence, int64_t until)
{
    struct order_hold *hold;

    if (key == 0)
        return OK;
    if (order->count * 2 >= order->room && order_grow(order) != OK)
        return INTERNAL;
    hold = &order->holds[slot_of(order, key)];
    if (hold->key == 0) {
        *hold = (struct order_hold){key, sequence, until};
        order->count++;
    } else if (sequence <= hold->sequence) {
        hold->sequence = sequence;
        hold->until = until;
    }
    return OK;
}

void order_release(struct order *order, uint64_t key, uint64_t sequence)
{
    size_t slot;

    if (key == 0 || order->room == 0)
        return;
    slot = slot_of(order, key);
    if (order->holds[slot].key == 0 || order->holds[slot].sequence > sequence)
        return;
    order->holds[slot].key = 0;
    order->count--;
    /* those behind it in the run may belong before it: put them in anew */
    for (slot = (slot + 1) & (order->room - 1); order->holds[slot].key != 0; slot = (slot + 1) & (order->room - 1)) {
        struct order_hold moved = order->holds[slot];

        order->holds[slot].key = 0;
        order->holds[slot_of(order, moved.key)] = moved;
    }
}

bool order_is_held(const struct order *order, uint64_t key, uint64_t sequence, int64_t now)
{
    const struct order_hold *hold;

    if (key == 0 || order->room == 0)
        return false;
    hold = &order->holds[slot_of(order, key)];
    return hold->key != 0 && hold->sequence < sequence && now < hold->until;
}

void order_free(struct order *order)
{
    free(order->holds);
    *order = (struct order){NULL, 0, 0};
}

int64_t order_backoff_s(unsigned attempts, uint32_t random)
{
    int64_t wait = attempts >= 5 ? 24 : (int64_t)1 << attempts;

    if (wait > 24)
        wait = 24;
    return wait + (int64_t)(random % (uint32_t)(wait / 4 + 1));
}
