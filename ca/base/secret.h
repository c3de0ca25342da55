/* Secrets in memory: overwritten before they are given back; and a terminal that is asked without echo. */
#ifndef CHANCERY_BASE_SECRET_H
#define CHANCERY_BASE_SECRET_H

#include "ca/base/buf.h"
#include "ca/base/error.h"

#define SECRET_MAX 1024 /* octets of a passphrase */

/* free() that overwrites the whole block first. For libraries that take an allocator (jansson), and for what they made. */
void secret_free(void *memory);
/* Is there a terminal, and are we in its foreground (who asks from the background is stopped)? */
bool terminal_there(void);
/* Asks on /dev/tty without echo; one line into out (which must be empty; wipe it). ^C, ^D on an empty line and an empty line
 * leave out empty. TEMPORARY "terminal.none": there is none; BAD_DATA "terminal.text": too long, or a NUL. */
int terminal_ask(const char *prompt, struct buf *out, struct error *error);

#endif
