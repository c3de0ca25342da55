/* What the signer opens when it starts: signer.conf, keys, journal. Where no passphrase is to be had it waits for one, locked. */
#ifndef CHANCERY_SIGNER_OPENING_H
#define CHANCERY_SIGNER_OPENING_H

#include "ca/base/clock_watch.h"
#include "ca/signer/conf.h"
#include "ca/signer/journal.h"
#include "ca/signer/keyring.h"

struct opening { /* start zeroed */
    const struct signer_process *setup;
    struct signer_conf conf;
    struct keyring keys;
    struct buf key_files[SIGNER_KEYS_MAX]; /* as on disk, encrypted; empty: the key is in no file. For backups: nothing is opened later */
    struct journal *journal;
    struct clock_reading clock_from; /* when the keys were opened */
};
/* fd: the authority, for a locked signer to serve. *ended: it closed before anybody unlocked. From here on signals are ignored. */
int opening_open(struct opening *opening, int fd, bool *ended, struct error *error);
void opening_close(struct opening *opening);

#endif
