/* A request, its dispositions and the table of legal transitions; the properties that policy gives a certificate.
 * Plain values: no database, no directory, no certificates here. [ICertRequest, MS-WCCE] */
#ifndef CHANCERY_REQUEST_H
#define CHANCERY_REQUEST_H

#include "ca/base/buf.h"
#include "ca/base/error.h"

enum disposition {
    DISPOSITION_ACTIVE = 8,
    DISPOSITION_PENDING = 9,
    DISPOSITION_ISSUING = 10,
    DISPOSITION_FOREIGN = 12,
    DISPOSITION_ISSUED = 20,
    DISPOSITION_REVOKED = 21,
    DISPOSITION_FAILED = 30,
    DISPOSITION_DENIED = 31
};
const char *disposition_name(enum disposition disposition);          /* "pending" */
int disposition_parse(const char *text, enum disposition *out);      /* OK or BAD_DATA */
/* The one table. OK, or REFUSED with reason "state.transition" naming both states and what may be done instead. */
int disposition_check(enum disposition from, enum disposition to, struct error *error);

enum origin { ORIGIN_REQUEST = 1, ORIGIN_POLICY, ORIGIN_OFFICER, ORIGIN_SERVER };
const char *origin_name(enum origin origin);

enum role {
    ROLE_ADMINISTRATOR = 1,
    ROLE_OFFICER = 2,
    ROLE_AUDITOR = 4,
    ROLE_OPERATOR = 8,
    ROLE_READ = 0x100,
    ROLE_ENROL = 0x200,
    ROLE_CRON = 0x1000 /* the local user chancery-cron: CRLs, reconcile, backup, health */
};

/* Who asks, as the transport authenticated him. */
struct identity {
    int64_t uid;   /* of the peer; -1: the daemon itself */
    char *account; /* "alice", or "uid 65533" where the name service knows none */
    char *dn;      /* directory entry, NULL until mapped or when it maps to none */
    unsigned roles;
    unsigned refused; /* roles that he holds and role separation refuses him */
    unsigned acting;  /* of his roles those that let him call this verb; 0: anybody may */
};
void identity_free(struct identity *identity);
int identity_copy(struct identity *to, const struct identity *from);

struct attribute {
    char *name; /* at most 127 octets; compares without case, blanks and hyphens */
    char *value; /* at most 4096 */
    enum origin origin;
    char *actor; /* the officer who set it, NULL otherwise */
};
#define ATTRIBUTE_NAME_MAX 127
#define ATTRIBUTE_VALUE_MAX 4096
#define ATTRIBUTES_MAX 32
bool attribute_name_equal(const char *a, const char *b);

struct extension {
    char *oid;
    bool critical;
    uint8_t *value; /* DER of extnValue's content */
    size_t size;
    enum origin origin;
    char *actor; /* who set it, NULL for request and server */
};

enum name_kind { NAME_DNS = 1, NAME_EMAIL, NAME_UPN, NAME_IP, NAME_URI, NAME_DIRECTORY, NAME_OTHER };
struct general_name {
    enum name_kind kind;
    char *value; /* UTF-8 text: "web07.example.com", "alice@example.com", "192.0.2.1"; NAME_DIRECTORY: RFC 4514;
                    NAME_OTHER: OID, or "tag N" */
};
const char *name_kind_name(enum name_kind kind); /* "dns", "email", "upn", "ip", "uri", "dn", "other" */

/* What policy and officers decided; from this the engine forms the certificate. */
struct properties {
    char *subject;               /* RFC 4514, "" for none (then SAN is critical) */
    struct general_name *names;  /* SAN, in order */
    size_t name_count;
    int64_t validity_s;          /* from the template; 0: not set */
    int64_t not_after;           /* a further limit, 0: none */
    unsigned key_usage;          /* KEY_USAGE_*; 0: no extension */
    struct strings ekus;         /* OIDs */
    struct strings policies;     /* OIDs */
    struct strings application_policies; /* OIDs; the same as an extension of Microsoft's, beside the EKUs */
    struct strings critical;     /* OIDs of extensions that the template makes critical */
    bool ca;
    int path_length;             /* -1: none; with ca only */
    bool basic_constraints;      /* in an end-entity certificate: the empty SEQUENCE */
    char *template_name;         /* cn; as template name extension where there is no template_oid, or add_template_name */
    bool add_template_name;
    char *template_oid;          /* template information extension, NULL: none */
    unsigned template_major, template_minor;
    char *requester_uuid;        /* immutable identifier: entryUUID text, NULL: none */
    char *requester_sid;         /* or objectSid text (S-1-5-…) on Active Directory */
    bool ocsp_nocheck;
    bool no_revocation_info;
    bool publish;                /* publish to the directory */
    char *publish_dn;            /* whose entry; the requester's or, on behalf of, the target's */
    bool subject_replaced;       /* the request's subject was not used */
    unsigned approvals_needed;   /* officers that must agree: 0, 1 or 2 */
    struct extension *extensions; /* further ones, by OID */
    size_t extension_count;
    enum origin names_origin;    /* who gave the alternative names; 0: policy */
};
enum key_usage {
    KEY_USAGE_DIGITAL_SIGNATURE = 0x80, /* the octets of the X.509 BIT STRING: first octet low byte … */
    KEY_USAGE_NON_REPUDIATION = 0x40,
    KEY_USAGE_KEY_ENCIPHERMENT = 0x20,
    KEY_USAGE_DATA_ENCIPHERMENT = 0x10,
    KEY_USAGE_KEY_AGREEMENT = 0x08,
    KEY_USAGE_CERT_SIGN = 0x04,
    KEY_USAGE_CRL_SIGN = 0x02,
    KEY_USAGE_ENCIPHER_ONLY = 0x01,
    KEY_USAGE_DECIPHER_ONLY = 0x8000 /* … second octet high byte */
};
void properties_free(struct properties *properties);
int properties_add_name(struct properties *properties, enum name_kind kind, const char *value);
int properties_set_extension(struct properties *properties, const char *oid, bool critical, struct bytes value,
                             enum origin origin, const char *actor); /* replaces one of the same OID */

#define SERIAL_MAX 20
struct serial { /* of a certificate: unsigned big-endian octets without leading zeros */
    uint8_t octets[SERIAL_MAX];
    uint8_t size;
};
/* 32 hex digits for ours; as many as there are for imported ones. Returns text. */
const char *serial_text(const struct serial *serial, char text[2 * SERIAL_MAX + 1]);
int serial_parse(const char *text, struct serial *out); /* hex, colons allowed */

struct approval {
    char *account;
    char *dn;
    int64_t at;
};

/* What an officer changed of a pending request, in words for its history. */
struct edit {
    char *account;
    int64_t at;
    char *what;
};
#define EDITS_MAX 256

/* What the database keeps of a request. Owned: request_free frees everything below. */
struct request {
    uint64_t id; /* RequestID */
    enum disposition disposition;
    int64_t submitted_at, resolved_at; /* resolved: last change of disposition */
    int64_t requester_uid;
    char *requester;    /* account name */
    char *requester_dn; /* NULL: none */
    char *intermediary; /* NULL: the requester himself */
    uint8_t *pkcs10;    /* DER */
    size_t pkcs10_size;
    uint8_t pkcs10_sha256[32];
    char *attributes_original; /* as submitted, newline between, kept for ever */
    struct attribute *attributes; /* parsed and edited */
    size_t attribute_count;
    struct extension *extensions; /* set by officers while pending */
    size_t extension_count;
    struct strings usages;  /* that the request is for */
    char *template_name;    /* NULL: none named */
    uint8_t template_digest[32];
    char *subject;          /* as the request says, RFC 4514 text; "" none */
    struct strings names;   /* SANs as the request says: "dns:web07.example.com" */
    char *key_text;         /* "ECDSA P-256", "RSA 2048" */
    uint8_t spki_sha256[32];
    char *decided_by;       /* account of the officer; NULL: policy */
    char *message;          /* last verdict in words */
    char *reason;           /* its stable code */
    struct approval *approvals;
    size_t approval_count;
    bool subject_replaced;
    struct serial serial;   /* reserved or issued; size 0: none */
    char *on_behalf_of;     /* DN of the entry that an enrolment agent, the requester, asked for; NULL: for himself */
    uint64_t agent_id;      /* RequestID of the agent's certificate, with on_behalf_of */
    struct edit *edits;     /* oldest first */
    size_t edit_count;
    struct strings removed; /* OIDs of extensions that the request asks for and an officer took out */
    uint64_t renewal_of;    /* RequestID of the certificate that it renews; 0: none */
    int64_t retrieved_at;   /* when the requester fetched what had been pending; 0: not yet, or never pending */
};
/* The entry that the certificate is for: whom an agent asked for, or the requester himself. NULL: none. */
const char *request_holder_dn(const struct request *request);
void request_free(struct request *request); /* contents, not the struct itself; zeroes it */
int request_add_attribute(struct request *request, const char *name, const char *value, enum origin origin); /* limits checked */
const char *request_attribute(const struct request *request, const char *name); /* NULL: none */
/* Replaces or adds; an empty value takes the attribute out. BAD_DATA: too long or too many; INTERNAL without memory. */
int request_edit_attribute(struct request *request, const char *name, const char *value, const char *actor);
/* An officer's extension: replaces one of the same OID, and what he had taken out. */
int request_edit_extension(struct request *request, const char *oid, bool critical, struct bytes value, const char *actor);
bool request_drop_extension(struct request *request, const char *oid); /* an officer's; false: there is none */
int request_add_edit(struct request *request, const char *account, int64_t at, const char *what);
/* Approvals were given to what the request was before: none of them holds any more. */
void request_void_approvals(struct request *request);
/* The moment of a change. It always rises, so that two changes within a second are two versions. */
void request_touch(struct request *request, int64_t now);

#endif
