<<<<<<< HEAD
/* The programs that the command line starts: ldapadd for `template import`; chanceryd takes its place for `init`, `restore` and `check-db --offline`. */
=======
/* The programs that the command line starts: ldapadd for `template import`; chanceryd takes its place for `init` and `renew --new-key`. */
>>>>>>> 9c0f0a0 (authority: several certificates and keys; chancery renew, with the same key; one CRL series a key)
#ifndef CHANCERY_START_H
#define CHANCERY_START_H

#include "ca/chancery_cli.h"

/* Runs ldapadd with these arguments and the LDIF on its standard input. REFUSED when it fails; its own words stand on
 * standard error. */
int start_ldapadd(struct cli *cli, const char *const *arguments, size_t count, struct bytes ldif);

<<<<<<< HEAD
/* chanceryd takes this program's place in one of its modes ("--init"), with what stood after the verb. Returns only when it cannot
 * be started. */
=======
/* chanceryd in this program's place, with the mode's option (NULL: it is among the verb's own) and the verb's arguments. Returns only
 * when it cannot be started. */
>>>>>>> 9c0f0a0 (authority: several certificates and keys; chancery renew, with the same key; one CRL series a key)
int start_daemon_mode(struct cli *cli, const char *mode);

#endif
