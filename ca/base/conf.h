/* The configuration file: INI (inih), every item known by a table row, every value checked before anything starts.
 *
 *   [publish.ldap]
 *   ca_entry = cn=EXAMPLE-CA,ou=pki,dc=example,dc=com
 *
 * A row's section may end in ".*": any name stands there ([usage.WebServicesInternal]). An unknown section or name, a
 * repeated name and a value of the wrong kind are errors with file and line. Immutable after loading: any thread. */
#ifndef CHANCERY_BASE_CONF_H
#define CHANCERY_BASE_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "ca/base/buf.h"
#include "ca/base/error.h"

enum conf_kind { CONF_TEXT, CONF_NUMBER, CONF_DURATION, CONF_BOOL, CONF_PATH, CONF_LIST /* by blanks */ };

struct conf_item {
    const char *section;
    const char *name;
    enum conf_kind kind;
    const char *fallback; /* NULL: no value unless given */
    const char *help;     /* one line, for chancery.conf(5) */
    int64_t min, max;     /* for numbers and durations (seconds); both 0: no limit */
};

struct conf;

/* tables: NULL-terminated list of arrays, each ended by a row with section NULL. */
int conf_load(const char *path, const struct conf_item *const tables[], struct conf **out, struct error *error);
void conf_free(struct conf *conf);
const char *conf_path(const struct conf *conf);
const char *conf_text(const struct conf *conf, const char *section, const char *name); /* NULL: not given, no fallback */
int64_t conf_number(const struct conf *conf, const char *section, const char *name);   /* numbers, durations (s); 0 if absent */
bool conf_bool(const struct conf *conf, const char *section, const char *name);
int conf_list(const struct conf *conf, const char *section, const char *name, struct strings *out);
/* The names that stand for "*": conf_sections(conf, "usage", &names), in file order. */
int conf_sections(const struct conf *conf, const char *prefix, struct strings *out);
/* SHA-256 is not base's: the raw text of the file, for the digest in the audit record. */
struct bytes conf_raw(const struct conf *conf);

#endif
