/* Audit records and checkpoints as lines of JSON, for export: readable by people and by jq, and by us back to the stored octets.
 *
 *   {"record":17,"at":"…Z","actor":"…","role":"…","action":"…","object":"…","outcome":"…","reason":"…","detail":"…","octets":"base64"}
 *   {"checkpoint":17,"at":"…Z","previous":9,"head":"hex","key":"hex","tbs":"base64","signature":"base64"}
 *
 * `octets` is the record as the database keeps it and as the chain counts it; the members before it are said again for reading. A
 * line is made of them alone and in one way only: who reads it back makes it again and compares, so that no octet of it is free. */
#ifndef CHANCERY_AUDIT_LINE_H
#define CHANCERY_AUDIT_LINE_H

#include "ca/store/store.h"

/* Append one line with its newline. BAD_DATA "audit.form": the octets are no record, the checkpoint none. */
int audit_line_record(uint64_t number, struct bytes octets, struct buf *out, struct error *error);
int audit_line_checkpoint(const struct audit_checkpoint *checkpoint, struct buf *out, struct error *error);
/* The twins: line is one line with its newline. octets, or *checkpoint, start empty. BAD_DATA "audit.line". */
int audit_line_record_read(struct bytes line, uint64_t *number, struct buf *octets, struct error *error);
int audit_line_checkpoint_read(struct bytes line, struct audit_checkpoint *checkpoint, struct error *error);
bool audit_line_is_checkpoint(struct bytes line); /* by how it begins */

#endif
