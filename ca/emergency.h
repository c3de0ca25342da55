/* `chanceryd --emergency-crl FILE`: a CRL when nothing else works. No daemon, no directory: the database, or a backup, and the key. */
#ifndef CHANCERY_EMERGENCY_H
#define CHANCERY_EMERGENCY_H

#include "ca/chanceryd_conf.h"

struct emergency_options {
    const char *file;   /* DER is written there; never overwrites */
    const char *backup; /* NULL: the database of the stopped daemon */
    long hours;         /* valid for; 0: [crl] validity */
    long key_index;
};
/* Its number is above every one that database, journal and clock know; the signer's journal keeps it, and the next start audits it. */
int emergency_run(const struct daemon_conf *conf, const struct emergency_options *options, struct error *error);

#endif
