/* The programs that the command line starts: ldapadd for `template import`; chanceryd takes its place for `init`, `renew --new-key`,
 * `restore` and `check-db --offline`. */
#ifndef CHANCERY_START_H
#define CHANCERY_START_H

#include "ca/chancery_cli.h"

/* Runs ldapadd with these arguments and the LDIF on its standard input. REFUSED when it fails; its own words stand on
 * standard error. */
int start_ldapadd(struct cli *cli, const char *const *arguments, size_t count, struct bytes ldif);

/* chanceryd takes this program's place in one of its modes ("--init"; NULL: its option is among the verb's own), with what stood after
 * the verb. Returns only when it cannot be started. */
int start_daemon_mode(struct cli *cli, const char *mode);

#endif
