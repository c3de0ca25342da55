/* What taking back after a restore needs of the store, and nobody else may do: numbers that jump, serials without a request. */
#ifndef CHANCERY_STORE_RESTORE_H
#define CHANCERY_STORE_RESTORE_H

#include "ca/store/store.h"

uint64_t counter_get(struct store *store, const char *name);                       /* 0: never used */
int counter_raise(struct store_txn *txn, const char *name, uint64_t least);        /* never lowers it */
uint64_t crls_number(struct store *store, unsigned key_index);                     /* the highest that it knows of; 0: none */
int crls_number_raise(struct store_txn *txn, unsigned key_index, uint64_t least);  /* the next CRL's number is above it */
int serials_take(struct store_txn *txn, const struct serial *serial, uint64_t id); /* REFUSED: taken by another */
/* CRLs that wait to be published leave the outbox: they are older than what stands outside. */
int outbox_drop_crls(struct store *store, uint64_t *count, struct error *error);

#endif
