/* A certificate template as a value (class pKICertificateTemplate, MS-CRTD), its canonical form, and its lint.
 * Knows nothing of LDAP: it is made from attribute names and values. */
#ifndef CHANCERY_TEMPLATE_H
#define CHANCERY_TEMPLATE_H

#include "ca/base/buf.h"
#include "ca/base/error.h"

/* msPKI-Enrollment-Flag, MS-CRTD 2.26 */
#define ENROLL_SMIME 0x1u /* the request's S/MIME capabilities are copied */
#define ENROLL_PEND_ALL 0x2u
#define ENROLL_PUBLISH_TO_DS 0x8u
#define ENROLL_AUTO 0x20u
#define ENROLL_ON_BEHALF_OF 0x800u
#define ENROLL_OCSP_NOCHECK 0x1000u
#define ENROLL_NO_REVOCATION_INFO 0x4000u
#define ENROLL_BASIC_CONSTRAINTS_EE 0x8000u
#define ENROLL_NO_SECURITY_EXTENSION 0x80000u
/* msPKI-Certificate-Name-Flag, MS-CRTD 2.28 */
#define NAMEFLAG_ENROLLEE_SUPPLIES_SUBJECT 0x1u
#define NAMEFLAG_OLD_CERT_SUPPLIES 0x8u
#define NAMEFLAG_ENROLLEE_SUPPLIES_SAN 0x10000u
#define NAMEFLAG_SAN_DOMAIN_DNS 0x400000u
#define NAMEFLAG_SAN_SPN 0x800000u
#define NAMEFLAG_SAN_GUID 0x1000000u
#define NAMEFLAG_SAN_UPN 0x2000000u
#define NAMEFLAG_SAN_EMAIL 0x4000000u
#define NAMEFLAG_SAN_DNS 0x8000000u
#define NAMEFLAG_SUBJECT_DNS_AS_CN 0x10000000u
#define NAMEFLAG_SUBJECT_EMAIL 0x20000000u
#define NAMEFLAG_SUBJECT_COMMON_NAME 0x40000000u
#define NAMEFLAG_SUBJECT_DIRECTORY_PATH 0x80000000u
/* flags, MS-CRTD 2.4 */
#define TEMPLATE_MACHINE_TYPE 0x40u
#define TEMPLATE_IS_CA 0x80u
#define TEMPLATE_ADD_NAME 0x200u

struct template {
    char *name;         /* cn */
    char *display_name; /* or NULL */
    char *dn;           /* where it stood when adopted */
    char *oid;          /* msPKI-Cert-Template-OID */
    unsigned flags, enrollment_flag, name_flag, private_key_flag;
    unsigned schema_version, revision, minor_revision;
    unsigned minimal_key_size; /* bits, 0: the CA's own minimum */
    unsigned ra_signatures;    /* msPKI-RA-Signature */
    unsigned key_usage;        /* enum key_usage, from pKIKeyUsage */
    int64_t validity_s, overlap_s;
    int max_issuing_depth;
    struct strings ekus;       /* pKIExtendedKeyUsage */
    struct strings application_policies;
    struct strings policies;   /* msPKI-Certificate-Policy */
    struct strings critical;   /* pKICriticalExtensions */
    struct strings ra_policies, ra_application_policies;
    struct strings supersedes;
    struct strings request_extensions; /* OIDs that may be copied from the request (chanceryRequestExtension) */
    struct strings enroll;     /* DNs of groups or entries: chanceryEnroll */
    struct strings auto_enroll; /* chanceryAutoEnroll */
    unsigned approvals;        /* chanceryApprovals: officers needed, at least 1 where PEND_ALL */
    struct buf canonical;      /* the named attributes, sorted, length-prefixed: what is adopted */
};

/* A word of flags and its bits; both lists end with a NULL name. */
struct template_flag {
    unsigned bit;
    const char *name;        /* in the readable form */
    const char *reason, *why; /* why it refuses adoption; NULL: done here, or the client's alone */
};
struct template_word {
    const char *attribute;
    size_t offset;    /* in struct template */
    unsigned unnamed; /* bits that need no name and mean nothing to a CA */
    const struct template_flag *flags;
    const char *unknown_reason;
};
extern const struct template_word template_words[];

/* One attribute of the template's entry, as read. */
struct template_attribute {
    const char *name;
    const struct bytes *values;
    size_t count;
};
/* The attributes to ask the directory for; NULL-terminated. */
extern const char *const template_attribute_names[];

/* Makes a template of an entry, strictly: an attribute of the wrong form is BAD_DATA naming it. */
int template_from_attributes(const char *dn, const struct template_attribute *attributes, size_t count,
                             struct template *out, struct error *error);
/* The same from the canonical form that the database keeps. */
int template_from_canonical(struct bytes canonical, struct template *out, struct error *error);
void template_free(struct template *template);
/* Each value of the canonical form, attribute by attribute; stops at the first that is not OK. */
int template_each_value(const struct template *template, int (*each)(void *state, const char *name, struct bytes value), void *state);

struct template_finding {
    bool fatal;      /* refuses adoption */
    char reason[64]; /* "template.no_eku" */
    char message[256];
};
#define TEMPLATE_FINDINGS_MAX 64
/* What lets an ordinary user become another one is fatal. Returns how many findings. Pure. */
size_t template_lint(const struct template *template, struct template_finding findings[TEMPLATE_FINDINGS_MAX]);
/* Its part for the words of flags: every bit that is not done here, and those not known. */
void template_lint_flags(const struct template *template, struct template_finding findings[TEMPLATE_FINDINGS_MAX], size_t *count);
/* Can a certificate of it be used to authenticate a client? (clientAuth, smart card, PKINIT, any, none) */
bool template_authenticates(const struct template *template);
/* An extension that says who somebody is or what he may do: the authority alone forms it. */
bool extension_is_protected(const char *oid);

#endif
