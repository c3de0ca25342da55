/* A small cache of lists of strings by key, each good for a time. Any thread. Slots are fixed: a new key takes the slot of
 * an old one with the same hash, so that nobody can make it grow. */
#ifndef CHANCERY_DIRECTORY_CACHE_H
#define CHANCERY_DIRECTORY_CACHE_H

#include "ca/base/buf.h"

struct cache;

struct cache *cache_new(size_t slots, int64_t life_ms); /* NULL: no memory */
void cache_free(struct cache *cache);
/* A copy of what is known and still good; false: nothing. */
bool cache_get(struct cache *cache, const char *key, struct strings *out);
void cache_put(struct cache *cache, const char *key, const struct strings *values); /* without memory: forgets */

#endif
