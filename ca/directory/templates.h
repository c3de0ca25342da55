/* Templates as they stand in the directory. Issuing never uses these: it uses the adopted copies. Any thread. */
#ifndef CHANCERY_DIRECTORY_TEMPLATES_H
#define CHANCERY_DIRECTORY_TEMPLATES_H

#include "ca/directory/directory.h"
#include "ca/template.h"

/* Exactly one pKICertificateTemplate with this cn under templates_base: else REFUSED "template.unknown" or
 * "template.ambiguous"; BAD_DATA where an attribute is not what it must be. */
/* entry_id, where not NULL: the entry's entryUUID or objectGUID as text, to be freed; NULL: the directory tells none. */
int directory_template_fetch(struct directory *directory, const char *templates_base, const char *name, struct template *out,
                             char **entry_id, struct error *error);
/* The names of all of them, sorted. REFUSED "directory.limit" when there are more than the server tells. */
int directory_template_names(struct directory *directory, const char *templates_base, struct strings *out, struct error *error);

#endif
