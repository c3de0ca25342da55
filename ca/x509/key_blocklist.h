/* Keys that are never certified, by the SHA-256 of their SubjectPublicKeyInfo: keys that leaked, Debian's of CVE-2008-0166, a
 * site's own. The text has one digest a line, 64 hexadecimal digits; blank lines and what follows a # do not count. Pure but for
 * key_blocklist_load. */
#ifndef CHANCERY_X509_KEY_BLOCKLIST_H
#define CHANCERY_X509_KEY_BLOCKLIST_H

#include <sys/types.h>

#include "ca/base/buf.h"
#include "ca/base/error.h"

#define KEY_BLOCKLIST_FILE_MAX (256u << 20)
#define KEY_BLOCKLIST_LINE_MAX 1024

struct key_blocklist { /* zeroed: empty. Immutable once read: any thread. */
    uint8_t (*digests)[32]; /* sorted, each once */
    size_t count;
};
/* BAD_CONFIG "key.blocklist" with the number of the line that is neither a digest nor a comment. */
int key_blocklist_read(struct bytes text, struct key_blocklist *out, struct error *error);
/* The same from a file that root or `owner` alone can write; messages name it. */
int key_blocklist_load(const char *path, uid_t owner, struct key_blocklist *out, struct error *error);
bool key_blocklist_has(const struct key_blocklist *list, const uint8_t spki_sha256[32]);
void key_blocklist_free(struct key_blocklist *list);

#endif
