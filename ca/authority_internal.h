/* What the files of the authority share among themselves; nobody else includes it. */
#ifndef CHANCERY_AUTHORITY_INTERNAL_H
#define CHANCERY_AUTHORITY_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdatomic.h>

#include "ca/authority.h"
#include "ca/directory/directory.h"
#include "ca/policy/policy.h"
#include "ca/signer/signer.h"
#include "ca/x509/certificate.h"
#include "ca/x509/key.h"
#include "ca/x509/pkcs10.h"

struct template_cache;
struct template_watch;
struct refusal_log;
struct key_list;
struct roles;
struct background;
struct batch_worker;
struct signing;

struct authority {
    struct authority_options options;
    const struct conf *conf;
    struct store *store;
    struct signer *signer;
    struct policy *policy;
    struct directory *directory;
    char *name, *host, *config_string;
    struct signer_info signer_keys; /* the signer's, by key index; none while it is locked */
    pthread_rwlock_t issuer_lock;
    struct issuer *issuers[CA_CERTIFICATES_MAX]; /* by certificate index; they live as long as the authority: readers hold them */
    size_t issuer_count;
    struct template_cache *templates;
    struct template_watch *watch; /* compares the adopted copies with the directory; NULL: no directory */
    struct refusal_log *refusals;
    struct key_list *keys; /* that are never certified */
    uint64_t *unrecovered; /* reservations that a crash left; the main thread's */
    size_t unrecovered_count;
    struct signing *signing; /* locked or not, and the clock */
    pthread_mutex_t crl_lock; /* one CRL at a time */
    pthread_mutex_t checkpoint_lock; /* one checkpoint at a time; the next two are under it */
    struct audit_checkpoint unstored; /* signed, and the disk had no room for it; number 0: none */
    atomic_bool checkpoint_waits;     /* there is one */
    atomic_bool checkpoint_fails;
    int64_t checkpoint_due; /* by the monotonic clock, seconds; the main thread's */
    struct roles *roles; /* ca/authority_roles.c */
    atomic_bool restore_pending;   /* ca/authority_restore.c */
    struct background *background; /* ca/authority_backup.c */
    struct batch_worker *batches;
    atomic_int_fast64_t ended_at; /* ca/authority_end.c; 0: in service */
};

/* The issuer that signs now; TEMPORARY "ca.no_certificate" when none is installed. Lives as long as the authority. */
const struct issuer *authority_issuer(struct authority *authority, struct error *error);
/* ca/authority_issuer.c. The newest certificate of this key; REFUSED "ca.key_index". */
const struct issuer *authority_issuer_of_key(struct authority *authority, unsigned key_index, struct error *error);
/* All, by certificate index; the count. */
size_t authority_issuers(struct authority *authority, const struct issuer *out[CA_CERTIFICATES_MAX]);
size_t authority_certificate_count(struct authority *authority);
size_t authority_key_count(struct authority *authority); /* keys that have a certificate; 0: none yet */
int64_t authority_key_end(struct authority *authority, unsigned key_index); /* when the last certificate of the key expires */
int authority_own_key(struct authority *authority, struct bytes spki); /* its index, -1: none of the CA's */
/* Asks the signer for its keys and compares them with the CA certificates: at start, and when it was unlocked. */
int authority_take_keys(struct authority *authority, struct error *error);
int authority_load_issuers(struct authority *authority, struct error *error);
int authority_add_issuer(struct authority *authority, const struct ca_certificate *certificate, struct error *error);
void authority_free_issuers(struct authority *authority);
/* Puts rows for every exit module whose mask has the event's kind. In a closure. */
void authority_emit(struct authority *authority, struct store_txn *txn, const struct event *event);
/* The event of a CA certificate; borrows everything. signs: the one that issues now. */
struct event authority_ca_event(const struct issuer *issuer, const struct issuer *signs, const struct strings *templates);
/* One record for what caller did. In the closure that does it. Returns its number. */
uint64_t authority_audit(struct authority *authority, struct store_txn *txn, const struct identity *caller, const char *action,
                         const char *object, const char *outcome, const char *reason, const char *detail);
/* The event of a request as it stands; certificate may be NULL. Borrows everything: do not event_free. */
struct event authority_event(enum event_kind kind, const struct request *request, const struct certificate *certificate);
/* The text "request 17" for audit objects. */
struct object_text { char text[40]; };
struct object_text authority_object(uint64_t id);
/* NOT_PERMITTED unless it is the caller's own or he may read. */
int authority_may_read(const struct identity *caller, const struct request *request, struct error *error);
bool authority_owns(const struct identity *caller, const struct request *request);
/* Nobody decides his own request, nor one for his own entry. Maps the caller. */
int authority_may_decide(struct authority *authority, const struct identity *caller, const struct request *request,
                         struct error *error);
int seen_check(const struct seen *seen, const struct request *request, struct error *error);
/* ca/authority_compare.c: asks idle exit modules whether what they published is as it was. */
void authority_compare(struct authority *authority);
/* In a closure: is the stored request still the one that was read, and may it become `to`? REFUSED "object.changed". */
int unchanged_check(struct store_txn *txn, uint64_t id, int64_t loaded_at, enum disposition to, struct error *error);

/* ca/authority_edit.c */
/* "NAME:VALUE" taken apart, name into `name`; BAD_DATA "request.attribute…" when it is too long, unknown or no such pair. */
int attribute_split(const char *text, char name[ATTRIBUTE_NAME_MAX + 1], const char **value, struct error *error);
/* What the policy is asked about: the request's extensions without those that an officer replaced or took out. Borrows; free the
 * list alone. */
int extensions_effective(const struct request *request, const struct pkcs10 *pkcs10, struct extension **list, size_t *count);
/* The alternative names that an officer set; *set false: none, the request's hold. */
int officer_names(const struct request *request, struct general_name **names, size_t *count, bool *set, struct error *error);

/* ca/authority_renew_request.c */
#define RENEWAL_ATTRIBUTE "RenewalCertificate" /* the name of Microsoft's attribute of that purpose; the value is an OBJECT */
struct renewal { /* what was submitted, out of its envelope */
    struct buf pkcs10;
    char object[160]; /* the certificate whose key signed, in words; "": no envelope */
    uint64_t id;      /* its RequestID; 0: it is not ours */
    uint64_t agent_id; /* or: of the enrolment agent's that signed (agent_open); then there is nothing to renew in it */
};
/* BAD_DATA "renewal.form", "renewal.signature", …; a signer that is not ours is no error here but renewal_judge's. */
int renewal_open(struct authority *authority, struct bytes submitted, struct renewal *out, struct error *error);
void renewal_free(struct renewal *renewal);
int renewal_attribute(struct request *request, const struct renewal *renewal, struct error *error);
/* Sets renewal_of and, where none is named, the template of what is renewed. */
int renewal_find(struct authority *authority, const struct renewal *renewal, struct request *request, struct error *error);
struct renewal_fault {
    const char *reason; /* NULL: nothing against it */
    char message[512];
};
int renewal_judge(struct authority *authority, const struct request *request, const struct template *template,
                  struct renewal_fault *fault, struct error *error);

/* ca/authority_schedule.c: revocations whose date lies ahead */
int schedule_set(struct store_txn *txn, uint64_t id, int64_t date, struct error *error); /* in a closure; date 0: takes it off */
void schedule_run(struct authority *authority); /* what is due */

/* ca/authority_origin.c: who put an extension there */
void origins_of_tbs(const struct properties *properties, struct bytes tbs, struct certificate *record);
int detail_extensions(struct detail *detail, struct error *error);

/* ca/authority_decide.c */
#define REASON_HOLD 6 /* certificateHold */
int revoke_dates_check(int reason, int64_t at, int64_t invalid_since, int64_t now, struct error *error);
struct revoke_many {
    struct authority *authority;
    const struct identity *caller;
    int reason;
    int64_t at, invalid_since;
    uint64_t batch; /* its number, for the audit */
};
/* In a closure: revokes what can be revoked. *revoked false with OK: it was already, or is gone. */
int revoke_one_of_many(struct store_txn *txn, const struct revoke_many *many, uint64_t id, bool *revoked);

/* ca/authority_batch.c: the thread that revokes many; open takes up what a crash left */
int batches_open(struct authority *authority, struct error *error);
void batches_close(struct authority *authority);

/* ca/authority_end.c */
int end_open(struct authority *authority, struct error *error);
int64_t authority_ended_at(struct authority *authority); /* 0: in service */
int authority_in_service(struct authority *authority, struct error *error); /* REFUSED "ca.decommissioned" */
int end_check(struct store_txn *txn, struct error *error); /* the same in a closure */

/* ca/authority_issue.c: from a verdict to a durable certificate. */
struct issue {
    struct authority *authority;
    const struct identity *caller;
    struct request *request;
    struct properties *properties;
    struct bytes spki;
    bool exists; /* the request's row is in the table already (resubmission) */
    int64_t loaded_at; /* with exists: its resolved_at as it was read; it must not have changed meanwhile */
    bool validity_cut;
    struct certificate certificate; /* as stored */
};
int issue_run(struct issue *issue, struct error *error);
int record_names(struct certificate *record, const struct properties *properties); /* names and search from subject and SANs */
/* The end that attribute ExpirationDate asks for, 0: none; BAD_DATA when it is no time to come. */
int issue_expiration(const struct request *request, int64_t now, int64_t *not_after, struct error *error);
void issue_free(struct issue *issue);
/* Completes the reservations that a crash left, or makes them failed requests. issue_recover notes at start which they are;
 * issue_recover_left does it as soon as something may be signed (at start, then by the tick: the main thread's both). */
int issue_recover(struct authority *authority, struct error *error);
int issue_recover_left(struct authority *authority, struct error *error);

/* ca/authority_signing.c: whether anything may be signed now. */
int signing_open(struct authority *authority, struct error *error);
void signing_close(struct authority *authority);
bool signing_locked(const struct authority *authority);
/* TEMPORARY "clock.before_last" or "clock.jumped". */
int signing_clock(struct authority *authority, struct error *error);
/* The same, or TEMPORARY "signer.locked": asked before anything is begun. The signer judges for itself. */
int signing_check(struct authority *authority, struct error *error);
void signing_done(struct authority *authority); /* something was signed just now */
int64_t signing_last(const struct authority *authority); /* 0: nothing was yet */

/* ca/authority_template.c */
int template_cache_open(struct template_cache **out);
void template_cache_free(struct template_cache *cache);
/* A private copy of the adopted template, with its digest; REFUSED "template.unknown", or the reason for which it is stopped. */
int template_adopted(struct authority *authority, const char *name, struct template *out, uint8_t digest[32], struct error *error);
/* The row itself, stopped or not; adopted_template_free. */
int template_row(struct authority *authority, const char *name, struct adopted_template *out, struct error *error);
int template_rows(struct authority *authority, struct adopted_template **rows, size_t *count, struct error *error);
void adopted_rows_free(struct adopted_template *rows, size_t count);
/* ca/authority_template_file.c: where no directory is configured */
int template_file_fetch(struct authority *authority, const char *name, struct template *out, struct error *error);
int template_file_names(struct authority *authority, struct strings *out, struct error *error);
/* The set of those names with this one in it, or not: what exit modules are told. */
int template_names_with(struct authority *authority, const char *name, bool with, struct strings *names, struct error *error);
/* The directory's entry as it is; entry_id as directory_template_fetch has it, may be NULL. */
int template_fetch(struct authority *authority, const char *name, struct template *out, char **entry_id, struct error *error);

/* ca/authority_agent.c: enrolment agents. */
int agents_check(const struct conf *conf, struct error *error); /* the sections alone: BAD_CONFIG "config.agent" */
/* renewal_open's other half: the request out of what an agent signed, and whose certificate signed it. BAD_DATA "agent.form",
 * DENIED "agent.foreign", "agent.signature". */
struct renewal;
int agent_open(struct authority *authority, struct bytes submitted, struct renewal *out, struct error *error);
/* Whom it is for and whose certificate signed, into the request. BAD_DATA "agent.target". */
int agent_take(struct request *request, const char *on_behalf_of, uint64_t agent_id, struct error *error);
/* May the requester ask for this template on behalf of that entry, with that certificate, now? Also whether the template asks for
 * an agent where there is none. DENIED "agent.…"; TEMPORARY where the directory gives no answer. */
int agent_judge(struct authority *authority, const struct request *request, const struct template *template, struct error *error);

/* ca/authority_template_lint.c: what is wrong with it in this CA, behind the findings that are there already. */
int template_lint_here(struct authority *authority, const struct template *template,
                       struct template_finding findings[TEMPLATE_FINDINGS_MAX], size_t *count, struct error *error);

/* ca/authority_template_watch.c */
int template_watch_open(struct authority *authority, struct error *error);
void template_watch_close(struct authority *authority);

/* ca/authority_keys.c: keys that are somebody's or on a list */
struct key_fault {
    const char *reason, *message; /* NULL: nothing against the key */
};
int keys_open(struct authority *authority, struct error *error);
void keys_close(struct authority *authority);
int keys_judge(struct authority *authority, const struct request *request, struct bytes spki, struct key_fault *fault, struct error *error);

/* ca/authority_roles.c */
int roles_open(struct authority *authority, struct error *error);
void roles_close(struct authority *authority);
/* Whoever holds one of the first four by configuration or local group; some may be told twice. OK or INTERNAL. */
int roles_each_holder(struct authority *authority, void (*each)(void *argument, const char *account, const char *role), void *argument);
const char *role_name(unsigned roles); /* of the highest of them: "officer"; "requester" when there is none */
/* Does the text, an account of this host or a bare uid, stand for the uid? */
bool roles_account_is(struct authority *authority, const char *text, uint32_t uid);

/* ca/authority_limits.c: which requests an officer may decide, whose certificates revoke */
int limits_check(const struct conf *conf, struct error *error); /* the items alone */
/* OK, NOT_PERMITTED "officer.template" or "officer.requester", TEMPORARY when the directory must be asked and does not answer. */
int limits_permit(struct authority *authority, const struct identity *officer, const struct request *request, struct error *error);
/* Many at once, by a filter: NOT_PERMITTED "officer.limited" for whoever has limits. */
int limits_permit_many(struct authority *authority, const struct identity *officer, struct error *error);

/* ca/authority_checkpoint.c */
/* Signs a checkpoint over the last record, or finds the one that is there; audit_checkpoint_free. */
int checkpoint_now(struct authority *authority, struct audit_checkpoint *out, struct error *error);
void checkpoint_tick(struct authority *authority);
enum health_state checkpoint_health(struct authority *authority, int64_t now, char *message, size_t size);

/* ca/authority_digest.c: taken first, then compared and recorded in the closure of the start */
void digests_take(struct authority *authority, struct buf *out);
int digests_record(struct authority *authority, struct store_txn *txn, const struct buf *taken);

/* ca/authority_audit.c */
int refusals_open(struct authority *authority, struct error *error);
void refusals_close(struct authority *authority);
/* Writes how often refusals were repeated whose minute is over. */
void refusals_flush(struct authority *authority);

/* ca/authority_restore.c: TEMPORARY "restore.unconfirmed" until a restore's report was confirmed. */
int restore_open(struct authority *authority, struct error *error);
int restore_check(struct authority *authority, struct error *error);
/* Audits CRLs that the signer's journal alone knows of, and goes on above their numbers. */
int crls_outside(struct authority *authority, struct error *error);

/* ca/authority_backup.c: what runs in the background, a backup or a check. */
int background_open(struct authority *authority, struct error *error);
void background_since(struct store_txn *txn); /* from when on a backup is missed: the first start */
void background_close(struct authority *authority); /* ends what runs, and waits for it */

#endif
