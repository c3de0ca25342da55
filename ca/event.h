/* What exit modules are told: a plain value. [ICertExit::Notify] */
#ifndef CHANCERY_EVENT_H
#define CHANCERY_EVENT_H

#include "ca/request.h"

enum event_kind {
    EVENT_ISSUED = 0x1,
    EVENT_PENDING = 0x2,
    EVENT_DENIED = 0x4,
    EVENT_REVOKED = 0x8, /* and released */
    EVENT_RETRIEVE_PENDING = 0x10,
    EVENT_CRL_ISSUED = 0x20,
    EVENT_SHUTDOWN = 0x40,
    EVENT_STARTUP = 0x80,
    EVENT_IMPORTED = 0x200,
    /* ours, above theirs */
    EVENT_CA_CERTIFICATE = 0x10000, /* a CA certificate is new or changed: publish the CA's entry */
    EVENT_ASSIGNED = 0x20000,       /* assignments of a usage changed */
    EVENT_TEMPLATES = 0x40000,      /* the set of adopted templates changed */
    EVENT_COMPARE = 0x80000         /* is what was published as it was? certificate: all of the CA's, DER after DER */
};
const char *event_kind_name(enum event_kind kind);

struct event {
    uint64_t sequence; /* of the outbox row; set when read back */
    enum event_kind kind;
    int64_t at;
    uint64_t request_id;   /* 0: none */
    char *requester;       /* account */
    char *requester_dn;
    char *publish_dn;      /* entry that the certificate is published to, NULL: not published */
    char *template_name;
    char *message;
    uint8_t *pkcs10;
    size_t pkcs10_size;
    uint8_t *certificate;  /* DER; of the request, or the CA's for EVENT_CA_CERTIFICATE */
    size_t certificate_size;
    struct attribute *attributes;
    size_t attribute_count;
    struct extension *extensions; /* with who set them */
    size_t extension_count;
    int reason;            /* RFC 5280 CRLReason; -1: none, or released when kind is EVENT_REVOKED */
    int64_t revoked_at;
    uint64_t crl_number;   /* EVENT_CRL_ISSUED */
    unsigned key_index;    /* CRL series; certificate index for EVENT_CA_CERTIFICATE */
    bool delta;
    bool again;            /* it was published before: what differs now was changed by others, and DONE's message says so */
    bool superseded;       /* of a CA certificate or a CRL: the CA signs with another certificate, or key, by now */
    int crl_fd;            /* sealed memfd with the CRL's DER while it is delivered; -1 otherwise, never stored */
    struct strings templates; /* EVENT_TEMPLATES, EVENT_CA_CERTIFICATE: names of the adopted templates */
    char *usage, *host;    /* EVENT_ASSIGNED */
};
void event_free(struct event *event);

#endif
