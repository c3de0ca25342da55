/* A hash set of serials. Serials are random, but an attacker may choose them:
 * the hash is keyed once a process, so that nobody can aim at one slot. */
#include "config.h"

#include "ca/signer/serials.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define TBS_KEPT 17 /* octets of its SHA-256 */

struct serials_slot {
    uint8_t size; /* 0: free; else of the serial plus 1 */
    uint8_t octets[SERIAL_MAX];
    uint8_t tbs[TBS_KEPT];
};

static uint64_t hash_key(void)
{
    static uint64_t key; /* only ever read under the journal's lock */

    while (key == 0)
        if (getrandom(&key, sizeof key, 0) != (ssize_t)sizeof key)
            key = 0x9E3779B97F4A7C15;
    return key;
}

static uint64_t hash_of(const uint8_t *octets, size_t size)
{
    uint64_t hash = hash_key();

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ octets[i]) * 0x9E3779B97F4A7C15;
        hash ^= hash >> 29;
    }
    return hash;
}

static struct serials_slot *slot_find(const struct serials *serials, const uint8_t *octets, size_t size)
{
    size_t at = (size_t)hash_of(octets, size) & (serials->room - 1);

    while (serials->slots[at].size != 0 &&
           (serials->slots[at].size != size + 1 || memcmp(serials->slots[at].octets, octets, size) != 0))
        at = (at + 1) & (serials->room - 1);
    return &serials->slots[at];
}

static int serials_grow(struct serials *serials)
{
    struct serials larger = {.room = serials->room == 0 ? 1024 : serials->room * 2, .count = serials->count};

    larger.slots = calloc(larger.room, sizeof *larger.slots);
    if (larger.slots == NULL)
        return INTERNAL;
    for (size_t i = 0; i < serials->room; i++) {
        const struct serials_slot *slot = &serials->slots[i];

        if (slot->size != 0)
            *slot_find(&larger, slot->octets, slot->size - 1u) = *slot;
    }
    free(serials->slots);
    *serials = larger;
    return OK;
}

int serials_put(struct serials *serials, const struct serial *serial, const uint8_t tbs_sha256[32], bool *same)
{
    struct serials_slot *slot;

    if ((serials->count + 1) * 4 > serials->room * 3 && serials_grow(serials) != OK)
        return INTERNAL;
    slot = slot_find(serials, serial->octets, serial->size);
    if (slot->size != 0) {
        if (same != NULL)
            *same = memcmp(slot->tbs, tbs_sha256, TBS_KEPT) == 0;
        return REFUSED;
    }
    slot->size = (uint8_t)(serial->size + 1);
    memcpy(slot->octets, serial->octets, serial->size);
    memcpy(slot->tbs, tbs_sha256, TBS_KEPT);
    serials->count++;
    return OK;
}

void serials_free(struct serials *serials)
{
    free(serials->slots);
    *serials = (struct serials){NULL, 0, 0};
}
