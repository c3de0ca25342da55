/* The cache of group memberships and identities: direct-mapped slots under one lock. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/clock.h"
#include "ca/directory/cache.h"

struct slot {
    char *key;
    struct strings values;
    int64_t until_ms;
};

struct cache {
    pthread_mutex_t lock;
    int64_t life_ms;
    size_t count;
    struct slot slots[];
};

struct cache *cache_new(size_t slots, int64_t life_ms)
{
    struct cache *cache = calloc(1, sizeof *cache + slots * sizeof cache->slots[0]);

    if (!cache)
        return NULL;
    pthread_mutex_init(&cache->lock, NULL);
    cache->life_ms = life_ms;
    cache->count = slots;
    return cache;
}

static void slot_clear(struct slot *slot)
{
    free(slot->key);
    slot->key = NULL;
    strings_free(&slot->values);
}

void cache_free(struct cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < cache->count; i++)
        slot_clear(&cache->slots[i]);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* FNV-1a. Whoever finds collisions makes others ask the directory again, no more. */
static struct slot *slot_of(struct cache *cache, const char *key)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (; *key; key++)
        hash = (hash ^ (uint8_t)*key) * UINT64_C(1099511628211);
    return &cache->slots[hash % cache->count];
}

bool cache_get(struct cache *cache, const char *key, struct strings *out)
{
    bool found;

    pthread_mutex_lock(&cache->lock);
    struct slot *slot = slot_of(cache, key);
    found = slot->key && strcmp(slot->key, key) == 0 && clock_monotonic_ms() < slot->until_ms &&
            strings_copy(out, &slot->values) == OK;
    pthread_mutex_unlock(&cache->lock);
    return found;
}

void cache_put(struct cache *cache, const char *key, const struct strings *values)
{
    pthread_mutex_lock(&cache->lock);
    struct slot *slot = slot_of(cache, key);
    slot_clear(slot);
    slot->key = strdup(key);
    slot->until_ms = clock_monotonic_ms() + cache->life_ms;
    if (slot->key && strings_copy(&slot->values, values) != OK)
        slot_clear(slot);
    pthread_mutex_unlock(&cache->lock);
}
