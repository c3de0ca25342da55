/* Where the passphrase of the CA key, or the PIN of its token, comes from. Only the signer's processes call this. Wipe what they give. */
#ifndef CHANCERY_SIGNER_PASSPHRASE_H
#define CHANCERY_SIGNER_PASSPHRASE_H

#include "ca/signer/signer.h"

#define PASSPHRASE_CREDENTIAL "chancery-passphrase" /* the systemd credential, where signer.conf names no other */

/* First line of the file or credential, or from the terminal without echo (twice: and compared). */
int passphrase_read(const struct passphrase_source *source, bool twice, struct buf *out, struct error *error);

enum passphrase_origin { PASSPHRASE_NONE, PASSPHRASE_FILE, PASSPHRASE_TERMINAL };
/* For a daemon that starts. file as in signer.conf (NULL: not named), fd a credential that is open already (0: none).
 * *origin PASSPHRASE_NONE with OK: there is none to be had, and *why says what was looked for; start locked. BAD_CONFIG
 * "signer.passphrase": a file is there and holds none. */
int passphrase_at_start(const char *file, int fd, enum passphrase_origin *origin, struct buf *out, struct error *why,
                        struct error *error);
/* The credential that file (or none) stands for, opened; 0: there is none, or file is a path. */
int passphrase_credential_open(const char *file);

#endif
