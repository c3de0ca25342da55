/* From an event and the entry as it stands to what must be changed there: pure, no connection. RFC 4523, MS-WCCE 2.2.2.11.
 *
 * What the publisher may write is a closed list (entry_may_write); a plan that is not on it is never made:
 *   entries of people and hosts   userCertificate, class pkiUser
 *   entries of this CA            cACertificate, its CRLs, and the classes that allow them
 *   enrolment service entry       what clients look up: templates, host, certificate */
#ifndef CHANCERY_PUBLISH_LDAP_ENTRY_H
#define CHANCERY_PUBLISH_LDAP_ENTRY_H

#include "ca/directory/directory.h"
#include "ca/event.h"

enum entry_target { ENTRY_HOLDER = 1, ENTRY_CA, ENTRY_ENROLLMENT };

struct entry_names { /* of this CA's own entries; normalised DNs */
    char *ca;            /* cn=NAME,ou=pki,SUFFIX */
    char *enrollment;    /* cn=NAME,cn=enrollment services,ou=pki,SUFFIX */
    char *subject;       /* as well as ca; NULL: no */
    char *base;          /* nothing outside is written; NULL: not given */
    char *ca_name;
    char *dns_host_name; /* NULL: not known */
};
struct entry_settings { /* as configured; NULL: not given */
    const char *ca_name, *base, *ca_entry, *enrollment_entry, *subject_entry, *dns_host_name;
};
/* BAD_CONFIG, naming the item, for what is no DN, lies outside base, or where two are the same entry. */
int entry_names_make(const struct entry_settings *settings, struct entry_names *out, struct error *error);
void entry_names_free(struct entry_names *names);
/* The entry that holds the CRLs of a CA key: `dn`, with (n) behind the first value of its name for a later key. */
int entry_of_key(const char *dn, unsigned key_index, char **out, struct error *error);

#define PLAN_CHANGES_MAX 8
struct entry_plan { /* values are borrowed from the event (and `extra`): the event must live longer */
    enum entry_target target;
    char *dn;
    bool create;    /* changes are the attributes of a new entry */
    struct directory_change changes[PLAN_CHANGES_MAX];
    size_t count;   /* 0: nothing to do */
    struct bytes single[PLAN_CHANGES_MAX];
    struct bytes classes[3];
    struct bytes *list; /* owned */
    struct buf name;    /* value of cn */
};
void entry_plan_free(struct entry_plan *plan);
bool entry_may_write(enum entry_target target, const char *attribute);

/* How the server wants certificates: it knows RFC 4523's classes and then ;binary too, or (Active Directory) neither. */
struct entry_style {
    bool rfc4523;
};
const char *entry_attribute(const struct entry_style *style, const char *name); /* "userCertificate;binary" */

/* The entry that the event's certificate goes to, normalised; REFUSED or BAD_DATA where none ever will. */
int entry_holder_dn(const struct event *event, const struct entry_names *names, char **dn, struct error *error);
/* `there`: the entry as read, NULL: none. Errors: REFUSED what can never be published, TEMPORARY what a person can repair. */
int entry_plan_holder(const struct event *event, const struct entry_names *names, const struct entry_style *style,
                      const struct directory_entry *there, bool remove, struct entry_plan *plan, struct error *error);
/* Adds the event's certificate beside those that are there: another CA's stays. */
int entry_plan_ca(const struct event *event, const char *dn, const struct entry_style *style, const struct directory_entry *there,
                  struct entry_plan *plan, struct error *error);
/* EVENT_COMPARE: takes out what is none of the CA's certificates, adds what is missing of them; counts both. */
int entry_plan_own(const struct event *event, const char *dn, const struct entry_style *style, const struct directory_entry *there,
                   size_t *foreign, size_t *missing, struct entry_plan *plan, struct error *error);
/* Replaces the CRL (or delta CRL): publish/crl_compare.h was asked before. */
int entry_plan_crl(const struct event *event, const char *dn, struct bytes crl, const struct entry_style *style,
                   const struct directory_entry *there, struct entry_plan *plan, struct error *error);
/* subject: of the CA certificate, RFC 4514; NULL with EVENT_TEMPLATES. */
int entry_plan_enrollment(const struct event *event, const struct entry_names *names, const char *subject,
                          const struct entry_style *style, const struct directory_entry *there, struct entry_plan *plan,
                          struct error *error);
/* The container that the enrolment service entry stands in. */
int entry_plan_container(const char *dn, struct entry_plan *plan, struct error *error);

#endif
