/* Certificate extensions: writing each one's value, taking lists of them apart, reading and checking values.
 * Faults are constant sentences; the caller gives reason and place. RFC 5280 section 4.2. */
#ifndef CHANCERY_X509_EXTENSION_H
#define CHANCERY_X509_EXTENSION_H

#include "ca/x509/name.h"

#define OID_ISSUER_ALT_NAME "2.5.29.18"
#define OID_NAME_CONSTRAINTS "2.5.29.30"
#define OID_POLICY_MAPPINGS "2.5.29.33"
#define OID_POLICY_CONSTRAINTS "2.5.29.36"
#define OID_INHIBIT_ANY_POLICY "2.5.29.54"
#define OID_MS_OBJECT_SID "1.3.6.1.4.1.311.25.2.1"

/* ---- lists of extensions ---- */
struct extension_view {
    char oid[OID_TEXT_SIZE];
    bool critical;
    struct bytes value; /* borrowed: content of the OCTET STRING */
};
/* Takes one off `rest` (the content of the SEQUENCE OF). WALK_STRICT refuses an explicit DEFAULT FALSE and a value that is not
 * exactly one DER element. */
int extension_next(struct bytes *rest, enum walk_rules rules, struct extension_view *out, const char **what);
/* Appends copies of all in a SEQUENCE OF Extension, *count never above limit; a repeated OID is BAD_DATA. */
int extensions_read(struct bytes sequence, enum walk_rules rules, size_t limit, struct extension **list, size_t *count, const char **what);
const struct extension *extension_find(const struct extension *list, size_t count, const char *oid);
void extensions_free(struct extension *list, size_t count);

/* ---- writing: value is the content of the OCTET STRING ---- */
int extension_add(struct buf *out, const char *oid, bool critical, struct bytes value); /* OK or BAD_DATA (the OID) */
void extension_write_key_id(struct buf *value, struct bytes key_id);
void extension_write_authority_key_id(struct buf *value, struct bytes key_id);
int extension_write_oids(struct buf *value, const struct strings *oids);     /* EKU */
int extension_write_policies(struct buf *value, const struct strings *oids); /* PolicyInformation without qualifiers */
void extension_write_basic_constraints(struct buf *value, bool ca, int path_length);
void extension_write_distribution_points(struct buf *value, const struct strings *urls); /* one DistributionPoint a URL */
void extension_write_access(struct buf *value, const struct strings *ca_issuers, const struct strings *ocsp);
int extension_write_template(struct buf *value, const char *oid, unsigned major, unsigned minor);
int extension_write_template_name(struct buf *value, const char *name); /* BMPString */
/* subjectDirectoryAttributes { entryUUID { OCTET STRING (16) } }; BAD_DATA when the text is no UUID. */
int extension_write_requester_id(struct buf *value, const char *uuid);
void extension_write_security_id(struct buf *value, const char *sid);

/* ---- reading: BAD_DATA when malformed ---- */
int extension_read_usage(struct bytes value, unsigned *usage);
int extension_read_ekus(struct bytes value, struct strings *ekus); /* INTERNAL without memory */
int extension_read_policies(struct bytes value, struct strings *oids); /* without their qualifiers; INTERNAL without memory */
int extension_read_basic_constraints(struct bytes value, bool *ca, int *path_length);
int extension_read_key_id(struct bytes value, struct bytes *key_id);
int extension_read_authority_key_id(struct bytes value, struct bytes *key_id); /* key_id empty when only the other fields stand */

/* The entryUUID in subjectDirectoryAttributes as text with hyphens, RFC 4530. */
#define UUID_TEXT_SIZE 37
int extension_read_requester_id(struct bytes value, char text[UUID_TEXT_SIZE]);

/* ---- checking ---- */
/* Form, criticality and place of an extension as RFC 5280 prescribes; unknown ones only need to be one DER element. */
int extension_check(const struct extension_view *extension, bool ca, const char **what);

#endif
