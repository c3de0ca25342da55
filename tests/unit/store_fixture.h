/* A store in a folder of its own, and values to put into it. Shared by the tests of the store and the crash test. */
#ifndef CHANCERY_TESTS_STORE_FIXTURE_H
#define CHANCERY_TESTS_STORE_FIXTURE_H

#include "ca/store/store.h"

/* Makes DIR (freed and emptied by fixture_remove). */
char *fixture_folder(void);
void fixture_remove(char *folder);
struct store *fixture_open(const char *folder, bool create); /* aborts when it does not open */

/* A request that has something in every field, each different for every id. */
void fixture_request(uint64_t id, enum disposition disposition, struct request *out);
void fixture_certificate(uint64_t id, struct certificate *out);
struct serial fixture_serial(uint64_t id);
void fixture_event(uint64_t id, enum event_kind kind, struct event *out);
/* A closure: puts the request, and its certificate when it is issued or revoked. argument: struct request. */
int fixture_put(struct store_txn *txn, void *argument, struct error *error);

#endif
