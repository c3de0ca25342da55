/* The manifest of a backup: what it is of, and the SHA-256 of every file in it. Written last; a folder without one, or with one
 * that does not say the truth about the folder, is no backup. Text, a line a file, sealed by the digest of what stands above. */
#ifndef CHANCERY_STORE_MANIFEST_H
#define CHANCERY_STORE_MANIFEST_H

#include "ca/base/buf.h"
#include "ca/base/error.h"

#define MANIFEST_FILE "manifest"
struct manifest {
    char *ca_name;
    int64_t at;            /* when the backup began */
    uint64_t audit_number; /* the last audit record then; the backup holds it */
    size_t files;
    uint64_t octets;
};
void manifest_free(struct manifest *manifest);
/* Reads every file of the folder and writes the manifest, on disk when OK. Fills in files and octets. */
int manifest_write(const char *folder, struct manifest *manifest, struct error *error);
/* The head alone, without looking at the files. */
int manifest_read(const char *folder, struct manifest *out, struct error *error);
/* Reads every file again. REFUSED "backup.manifest" (none, not ours, not sealed), "backup.file" (missing, changed, one too many),
 * naming the file. `progress` gets octets read; may be NULL. */
int manifest_check(const char *folder, struct manifest *out, void (*progress)(void *argument, uint64_t octets), void *argument,
                   struct error *error);

#endif
