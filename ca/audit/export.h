/* An exported audit log as a whole: its last checkpoint, the records with the checkpoints between them, and its last checkpoint
 * again. That it stands at the head says how far the file must go: a file that ends earlier was cut. Verified without a daemon,
 * with the certificates of the CA alone. */
#ifndef CHANCERY_AUDIT_EXPORT_H
#define CHANCERY_AUDIT_EXPORT_H

#include "ca/audit/chain.h"

/* after: the file begins with the record after this one, 0: with the first. *chain says what was verified. REFUSED with the reasons
 * of the chain, "audit.line" (a line that no export has) or "audit.cut"; the message names the line. */
int audit_export_verify(struct bytes file, const struct audit_keys *keys, uint64_t after, struct audit_chain *chain, struct error *error);

#endif
