/* The signer before it has its passphrase: it says that it is locked, and takes one. No key is in its memory yet. */
#ifndef CHANCERY_SIGNER_LOCKED_H
#define CHANCERY_SIGNER_LOCKED_H

#include "ca/signer/signer.h"

/* Tries a passphrase: OK when all is open. BAD_CONFIG "signer.passphrase": it is wrong. It leaves nothing open after a failure. */
typedef int (*locked_open)(void *argument, const char *passphrase, struct error *error);

/* Serves until one passphrase opens: OK. TEMPORARY: the authority closed. info: what it says of itself meanwhile. */
int locked_serve(int fd, const struct signer_info *info, locked_open open, void *argument);
/* How long after so many wrong ones in a row the next is waited for: 1, 2, 4 … seconds, at most five minutes. Pure. */
int locked_pause_s(unsigned wrong);

#endif
