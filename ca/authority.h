/* The authority: request -> policy -> issue -> store -> outbox -> publish, and every verb that an officer has.
 *
 * All functions: any thread. `caller` is who the transport authenticated, with his roles (authority_identify); rules on roles that
 * need no more than the route are in the API's table, rules on ownership are here. Everything that changes something, and every
 * refusal of it, is audited here. Returned values are owned by the caller of the function and freed by the *_free named.
 * Functions return OK or a status with `error` filled in (TEMPORARY: directory, disk, signer; REFUSED: state, object, check). */
#ifndef CHANCERY_AUTHORITY_H
#define CHANCERY_AUTHORITY_H

#include "ca/audit/chain.h"
#include "ca/base/conf.h"
#include "ca/request.h"
#include "ca/store/store.h"
#include "ca/template.h"

#define CA_KEYS_MAX 16 /* as the signer has it */
struct authority;
struct policy;
struct signer;
struct directory;

struct exit_interest { /* an exit module as the authority sees it: a name and a mask */
    const char *name;
    uint32_t event_mask;
};
struct checking { /* what a check of the database tells while it runs; the functions may be called from another thread */
    int (*finding)(void *argument, const char *line);
    int (*progress)(void *argument, uint64_t done, uint64_t total); /* not OK ends the check */
    void *argument;
};
struct started_file {
    const char *name, *path; /* "publish/ldap", where it lies */
};
struct authority_options {
    const struct conf *conf;
    struct store *store;
    struct signer *signer;
    struct policy *policy;
    struct directory *directory; /* NULL: none configured */
    const struct exit_interest *exits;
    size_t exit_count;
    /* `publish check`: asks an exit host; set by chanceryd, so that the authority knows no exit code. */
    int (*probe)(void *argument, const char *module, const char *dn, struct strings *lines, struct error *error);
    void *probe_argument;
    const struct started_file *started; /* what the daemon runs besides its configuration, for the audit */
    size_t started_count;
    /* Starts the process that reads the key files; *fd is the caller's to close. NULL: none. */
    int (*keeper)(void *argument, int *fd, struct error *error);
    void *keeper_argument;
    const char *accounts_folder; /* of passwd and group; NULL: /etc. Tests alone name another */
    /* Has the copy of a database judged by a process of its own: folder/db and folder/journal, the copy begun at `since`. */
    int (*check)(void *argument, const char *folder, int64_t since, const struct checking *checking, struct error *error);
    void *check_argument;
};
/* The items that the authority reads of the configuration; ended by section NULL. */
extern const struct conf_item authority_items[];
/* Judges the configuration alone (chanceryd -t). */
int authority_check(const struct conf *conf, struct error *error);
extern const struct conf_item key_items[];
/* Reads the list of blocked keys and forgets it again. */
int keys_check(const struct conf *conf, struct error *error);
/* Reads it anew (SIGHUP); the list before stays when that fails. Audited. */
int authority_keys_reload(struct authority *authority, struct error *error);
/* Is there a usable administrator and a usable officer? Needs the local files, no database. BAD_CONFIG "roles.no_administrator",
 * "roles.no_officer". */
int authority_check_roles(const struct conf *conf, struct error *error);
#define FIRST_ADMINISTRATOR_FILE "administrator" /* in [store] path: whom init named, for authority_check_roles */
/* Loads the CA certificate, completes or fails reservations left by a crash, audits the start. */
int authority_open(const struct authority_options *options, struct authority **out, struct error *error);
/* The last records: refusals that still share one, and the stop. Before authority_close, when nobody calls any more. */
void authority_stop(struct authority *authority);
void authority_close(struct authority *authority);
/* Once a second from the daemon's main thread: clock rule, CRL lateness log. */
void authority_tick(struct authority *authority);

/* ---- who asks ---- */
/* Roles by uid and local files; no directory. Never fails but for memory. */
int authority_identify(struct authority *authority, uint32_t uid, uint32_t gid, struct identity *out, struct error *error);
/* Fills identity->dn from the directory (cached for a minute). REFUSED "identity.none"…, TEMPORARY "directory.down". */
int authority_map(struct authority *authority, struct identity *identity, struct error *error);
/* Adds the roles of `wanted` that directory groups give, where the configuration names groups and the caller does not hold them
 * already. OK also when he has no entry. TEMPORARY: the directory did not answer, his roles are the local ones. */
int authority_roles(struct authority *authority, struct identity *identity, unsigned wanted, struct error *error);
/* Audits a refusal made before a verb was reached (role missing, bad JSON). Repeats of one uid share a record a minute. */
void authority_audit_refusal(struct authority *authority, const struct identity *caller, const char *action, const char *object,
                             struct error *why);

/* ---- requests ---- */
struct submission {
    struct bytes pkcs10;             /* PEM or DER */
    const char *template_name;       /* NULL: from attribute CertificateTemplate, else refused */
    const struct strings *attributes; /* "NAME:VALUE", may be NULL */
    const struct strings *usages;    /* may be NULL: the three shipped ones */
    const char *on_behalf_of;        /* DN, NULL: none */
};
struct outcome { /* of submit and resubmit */
    uint64_t id;
    enum disposition disposition;
    char reason[64], message[512];
    bool subject_replaced;
    bool validity_cut;  /* the CA's end cut notAfter */
    bool repeated;      /* the same PKCS#10 from the same requester within a day: the first RequestID */
    struct serial serial;
    uint8_t sha256[32], sha1[20]; /* when issued */
    int64_t not_before, not_after;
};
/* OK whenever the request was stored, whatever its disposition. BAD_DATA: not stored, refusal audited. */
int authority_submit(struct authority *authority, const struct identity *caller, const struct submission *submission,
                     struct outcome *outcome, struct error *error);

struct seen { /* the version that the officer saw; given false: any */
    bool given;
    enum disposition disposition;
    int64_t resolved_at;
};
int authority_resubmit(struct authority *authority, const struct identity *caller, uint64_t id, const struct seen *seen,
                       struct outcome *outcome, struct error *error);
int authority_deny(struct authority *authority, const struct identity *caller, uint64_t id, const char *message,
                   const struct seen *seen, struct error *error);
/* While pending: "NAME:VALUE" each, an empty value takes the attribute out. What officers agreed to before holds no more. */
int authority_set_attributes(struct authority *authority, const struct identity *caller, uint64_t id, const struct strings *attributes,
                             const struct seen *seen, struct error *error);
struct extension_edit {
    const char *oid;
    bool critical, remove; /* remove: an officer's, or one that the request asks for */
    struct bytes value;    /* DER of what the OCTET STRING holds */
};
int authority_set_extension(struct authority *authority, const struct identity *caller, uint64_t id, const struct extension_edit *edit,
                            const struct seen *seen, struct error *error);
/* reason: CRLReason 0-6, 9, 10. at 0: now; invalid_since 0: none. Repeating changes reason or date. */
int authority_revoke(struct authority *authority, const struct identity *caller, uint64_t id, int reason, int64_t at,
                     int64_t invalid_since, const struct seen *seen, struct error *error);
int authority_release(struct authority *authority, const struct identity *caller, uint64_t id, const struct seen *seen,
                      struct error *error);
const char *revocation_reason_name(int reason);            /* "keyCompromise"; RFC 5280 5.3.1 */
int revocation_reason_parse(const char *name, int *reason); /* OK or USAGE */

/* ---- reading: without ROLE_READ or one of the first four roles one sees one's own requests only ---- */
struct detail {
    struct request request;
    bool has_certificate;
    struct certificate certificate;
    struct extension *extensions; /* of the certificate, else what request and officers ask for; with who set them */
    size_t extension_count;
    struct strings history;     /* lines "TIME what by whom", oldest first */
    struct strings publication; /* lines "publish/ldap: waiting since TIME, 3 attempts: why" */
    struct assignment *assignments; /* current ones of this certificate */
    size_t assignment_count;
    struct buf text;            /* the certificate, or the request, in readable form; when asked for */
};
int authority_show(struct authority *authority, const struct identity *caller, uint64_t id, bool with_text, struct detail *out,
                   struct error *error);
void detail_free(struct detail *detail);
int authority_list(struct authority *authority, const struct identity *caller, const struct list_query *query, struct list_row *rows,
                   size_t *count, bool *more, struct error *error);
/* A host or user name, prefix, any disposition, newest first. */
int authority_find(struct authority *authority, const struct identity *caller, const char *text, struct list_row *rows, size_t limit,
                   size_t *count, struct error *error);
/* RequestIDs whose certificate has this serial or fingerprint. */
int authority_lookup(struct authority *authority, enum certificate_key by, struct bytes key, uint64_t *ids, size_t limit,
                     size_t *count, struct error *error);
/* The certificate's DER, once issued; REFUSED "request.pending", "request.denied" with the reason otherwise. chain: PEM of the whole
 * chain in `out` instead of DER. */
int authority_retrieve(struct authority *authority, const struct identity *caller, uint64_t id, bool chain, struct buf *out,
                       struct error *error);
struct validity {
    enum { VALIDITY_NEVER_ISSUED = 1, VALIDITY_VALID, VALIDITY_REVOKED } state;
    uint64_t id;
    int reason;
    int64_t revoked_at, not_after;
    bool expired; /* printed, not judged */
};
int authority_isvalid(struct authority *authority, uint64_t id, struct validity *out, struct error *error);
int authority_counts(struct authority *authority, uint64_t *pending, uint64_t *issued, uint64_t *failed, uint64_t *denied,
                     uint64_t *revoked, struct error *error);

/* ---- CRLs ---- */
/* *count 0 with OK: --if-due and nothing to do. REFUSED "crl.busy": another one is under way. */
/* One of each key that still signs CRLs, the newest key's last; stops at the first that cannot be made, *count then says how many
 * are. */
int authority_crl_publish(struct authority *authority, const struct identity *caller, bool delta, bool if_due,
                          struct crl_record made[CA_KEYS_MAX], size_t *count, struct error *error);
/* key_index -1: of the key that signs now. */
int authority_crl_latest(struct authority *authority, int key_index, bool delta, struct crl_record *out, struct error *error);
int authority_crl_write(struct authority *authority, const struct crl_record *record, int fd, struct error *error); /* DER to fd */

/* ---- the CA ---- */
struct ca_info {
    const char *name, *host, *config_string; /* HOST\CA-NAME; live as long as the authority */
    const char *subject, *key_type;
    bool locked;
    struct bytes certificate;                /* DER, lives as long as the authority; empty: no certificate installed yet */
    unsigned certificate_index, key_index;
    int64_t not_before, not_after;
    uint8_t sha256[32];
};
void authority_info(struct authority *authority, struct ca_info *out);
struct ca_certificate_row { /* the CA's own certificates, by certificate index */
    unsigned index, key_index;
    struct bytes certificate; /* DER, lives as long as the authority */
    int64_t not_before, not_after;
    uint8_t sha256[32];
    bool signs; /* the one that issues now */
};
size_t authority_ca_certificates(struct authority *authority, struct ca_certificate_row rows[CA_CERTIFICATES_MAX]);
struct ca_key_row {
    unsigned index;
    const char *key_type;  /* NULL: not known while the signer is locked */
    int64_t ends_at;       /* its last certificate expires, and its CRLs end; 0: it has none yet */
    bool signs;            /* the one that issues now */
};
size_t authority_ca_keys(struct authority *authority, struct ca_key_row rows[CA_KEYS_MAX]);
/* The certificate of this key and what is known above it; key_index -1: of the key that signs now. */
int authority_chain(struct authority *authority, int key_index, struct buf *pem, struct error *error);
/* Configuration strings known here and, with `all`, from pKIEnrollmentService entries of the directory. */
int authority_config(struct authority *authority, bool all, struct strings *out, struct error *error);
/* A new certificate for the key that signs now. A root signs it itself; not_after 0: valid for as long as the present one. request: a PKCS#10
 * for the parent goes to pem instead, and nothing else changes. REFUSED "renew.subordinate", "renew.root", "renew.shorter". */
int authority_renew(struct authority *authority, const struct identity *caller, int64_t not_after, bool request, struct buf *pem,
                    struct error *error);
/* Would the CRLs of two keys stand in the same place? */
bool cdp_pattern_is_shared(const char *pattern);
/* The parent's answer, with what stands above it (PEM): to the first request, or to a renewal's. REFUSED "install.…". */
int authority_install_certificate(struct authority *authority, const struct identity *caller, struct bytes pem_or_der,
                                  struct error *error);

/* ---- the CA key and the clock ---- */
/* Opens a locked CA. Wipe the passphrase after. REFUSED "signer.passphrase", "signer.unlocked"; TEMPORARY "signer.unlock_wait". */
int authority_unlock(struct authority *authority, const struct identity *caller, const char *passphrase, struct error *error);
struct key_proof_row {
    unsigned index;
    char type[16], size[32];     /* "ecdsa-p256", "ECDSA P-256" */
    char where[256];
    uint8_t key_id[20];
    bool has_certificate;
    uint8_t certificate_sha256[32]; /* the newest for this key */
};
#define KEY_PROOFS_MAX 16
/* Every key signs a challenge, which is verified by the public key in its certificate. REFUSED "key.signature" or "key.other":
 * they do not belong together. */
int authority_key_check(struct authority *authority, const struct identity *caller, struct key_proof_row rows[KEY_PROOFS_MAX], size_t *count,
                        struct error *error);
/* Another passphrase for every key; file: where the next start looks for it, empty: asked for or a credential. Wipe both. */
int authority_key_passwd(struct authority *authority, const struct identity *caller, const char *present, const char *next,
                         struct buf *file, struct error *error);
/* One key as encrypted PKCS#8 (PEM) under a passphrase of its own. */
int authority_key_export(struct authority *authority, const struct identity *caller, unsigned key_index, const char *present,
                         const char *next, struct buf *pem, struct error *error);
/* The clock is right as it is. *jump_s: how far it stands from what it was expected to say. REFUSED "clock.good": nothing to accept. */
int authority_clock_accept(struct authority *authority, const struct identity *caller, int64_t *jump_s, struct error *error);

/* ---- templates ---- */
struct template_row {
    char *name, *display_name, *by;
    int64_t adopted_at; /* 0: in the directory only */
    bool in_directory, differs;
    bool unknown; /* the directory did not answer: neither of the two can be said */
    uint8_t digest[32];
    int64_t stopped_at; /* 0: issued from; since when it is refused because the directory's entry changed, and how */
    char *stop_reason;  /* "template.changed", "template.removed", "template.replaced", … */
};
/* Of those that are adopted and not stopped. */
int authority_template_names(struct authority *authority, struct strings *names, struct error *error);
int authority_template_list(struct authority *authority, struct template_row **rows, size_t *count, struct error *error);
void template_rows_free(struct template_row *rows, size_t count);
/* The adopted copy, or with from_directory the entry as it is now. */
int authority_template_show(struct authority *authority, const char *name, bool from_directory, struct template *out, struct error *error);
/* What the lint finds, and what is wrong with it in this CA: a policy that is not listed, another's identifier, an older revision. */
int authority_template_lint(struct authority *authority, const char *name, bool from_directory,
                            struct template_finding findings[TEMPLATE_FINDINGS_MAX], size_t *finding_count, struct error *error);
struct template_difference {
    char *name;
    struct strings lines;  /* "-…" in the adopted copy alone, "+…" in the directory alone */
    bool in_directory;
    bool replaced;         /* another object stands under the name, whatever is in it */
    uint8_t digest[32];    /* of the directory's entry, for adopting just this; zeros when it is not there */
    int64_t stopped_at;
    char *stop_reason;
};
int authority_template_diff(struct authority *authority, const char *name, struct template_difference *out, struct error *error);
void template_difference_free(struct template_difference *difference);
/* The readable form, or LDIF. */
int authority_template_export(struct authority *authority, const char *name, bool from_directory, bool ldif, struct buf *out,
                              struct error *error);
/* Lint's fatal findings refuse: REFUSED "template.lint". digest NULL: whatever stands there; else only the entry with this one
 * ("template.digest"). */
int authority_template_adopt(struct authority *authority, const struct identity *caller, const char *name, const uint8_t *digest,
                             struct template_finding findings[TEMPLATE_FINDINGS_MAX], size_t *finding_count, struct error *error);
int authority_template_retire(struct authority *authority, const struct identity *caller, const char *name, struct error *error);

/* ---- trust stores, usages, assignment ---- */
int authority_trust_list(struct authority *authority, struct trust_anchor **rows, size_t *count, struct error *error);
void trust_rows_free(struct trust_anchor *rows, size_t count);
/* kind 0: by the certificate (self-signed: root). fingerprint: hex SHA-256 that must be the certificate's. */
int authority_trust_import(struct authority *authority, const struct identity *caller, struct bytes pem_or_der, int kind,
                           const char *fingerprint, struct trust_anchor *imported, struct error *error);

struct usage_row {
    char *name, *title;
    struct strings ekus, names;
};
int authority_usages(struct authority *authority, struct usage_row **rows, size_t *count, struct error *error);
void usage_rows_free(struct usage_row *rows, size_t count);

struct assign_finding {
    bool fatal;
    char reason[64];
    char message[320]; /* with the next step */
};
struct assign_link {
    char *subject;
    uint8_t sha256[32], sha1[20]; /* zeros when the certificate is not known */
    struct buf der;               /* empty: not known anywhere */
    int store;                    /* enum trust_kind that it belongs in */
    int state;                    /* 0 present, 1 missing, 2 wrong store */
};
struct assign_usage {
    char *name, *title;
    bool asked;     /* the request names it */
    bool fits;
    bool assigned;  /* this host has a current certificate for it */
    uint8_t current_sha256[32];
    int64_t current_since;
    struct assign_finding *findings;
    size_t finding_count;
};
struct assignability {
    char *host;
    bool complete; /* chain complete and nothing fatal for the certificate itself */
    struct assign_link *links; /* issuer first */
    size_t link_count;
    struct assign_finding *findings; /* of the certificate itself: chain, validity, revocation */
    size_t finding_count;
    struct assign_usage *usages;
    size_t usage_count;
};
/* host NULL: the first DNS name of the certificate, else the requester's account. */
int authority_assignability(struct authority *authority, const struct identity *caller, uint64_t id, const char *host,
                            struct assignability *out, struct error *error);
void assignability_free(struct assignability *assignability);
int authority_assign(struct authority *authority, const struct identity *caller, uint64_t id, const struct strings *usages,
                     const char *host, int64_t effective_at, struct error *error);
int authority_unassign(struct authority *authority, const struct identity *caller, const char *usage, const char *host,
                       struct error *error);
int authority_assignments(struct authority *authority, bool history, struct assignment **rows, size_t *count, struct error *error);
void assignment_rows_free(struct assignment *rows, size_t count);

/* ---- publishing, health, audit ---- */
struct publish_status {
    char module[64];
    struct outbox_stats stats;
};
#define PUBLISH_MODULES_MAX 16
int authority_publish_status(struct authority *authority, struct publish_status out[PUBLISH_MODULES_MAX], size_t *count, struct error *error);
/* Waiting and parked rows. */
int authority_publish_rows(struct authority *authority, struct outbox_row *rows, size_t limit, size_t *count, struct error *error);
int authority_publish_retry(struct authority *authority, const struct identity *caller, const char *module /* NULL: all */,
                            uint64_t *count, struct error *error);
int authority_publish_check(struct authority *authority, const char *dn, struct strings *lines, struct error *error);

enum health_state { HEALTH_OK, HEALTH_WARNING, HEALTH_CRITICAL, HEALTH_UNKNOWN }; /* monitoring plug-in convention */
struct health_row {
    enum health_state state;
    char name[64];    /* "CA certificate 0", "CRL", "Outbox publish/ldap", "Signer", "Directory", "Disk", "Clock" */
    char message[256];
};
#define HEALTH_ROWS_MAX 64
/* The worst state; asks the directory with its network timeout. */
enum health_state authority_health(struct authority *authority, struct health_row rows[HEALTH_ROWS_MAX], size_t *count);
struct audit_filter { /* NULL and 0: any */
    int64_t since, until; /* at or after; before */
    const char *actor, *role, *action, *object, *outcome, *reason; /* exact, or a beginning when a * ends it */
};
int authority_audit_list(struct authority *authority, const struct audit_filter *filter, uint64_t after, struct audit_record *rows,
                         size_t limit, size_t *count, struct error *error);
/* The database's chain, all of it, against its checkpoints and the signer's journal. *out: what was verified, up to where it failed
 * (struct audit_chain, ca/audit/chain.h). REFUSED with the reasons there, and "audit.cut". */
int authority_audit_verify(struct authority *authority, struct audit_chain *out, struct error *error);
/* Begins an export: audits it, makes a checkpoint; *until is its record, line its line. REFUSED "audit.after". */
int authority_audit_export(struct authority *authority, const struct identity *caller, uint64_t after, uint64_t *until, struct buf *line,
                           struct error *error);
/* Lines of an export: records after < number <= until, at most AUDIT_LINES_MAX, with the checkpoints over them. */
#define AUDIT_LINES_MAX 1000
int authority_audit_lines(struct authority *authority, uint64_t after, uint64_t until, struct buf *out, struct error *error);
/* Puts a successful read on record. Whoever asked gets his answer only when that succeeded. */
int authority_audit_read(struct authority *authority, const struct identity *caller, const char *action, const char *object,
                         struct error *error);

/* ---- backups and checks of the database: in the background, one at a time ---- */
struct backup_order {
    const char *folder; /* full path of a new folder on this host */
    bool with_key;      /* the encrypted key as well */
};
/* Starts it; *number is what authority_background tells of it. REFUSED "backup.exists", "backup.folder" at once; TEMPORARY
 * "backup.busy" while another one, or a check, is under way. The folder is there when it is whole, and not before. */
int authority_backup(struct authority *authority, const struct identity *caller, const struct backup_order *order, uint64_t *number,
                     struct error *error);
/* Checks a copy that it takes itself. */
int authority_check_database(struct authority *authority, const struct identity *caller, uint64_t *number, struct error *error);
#define FINDINGS_MAX 1000
struct background_state { /* of the last one that was started */
    uint64_t number;       /* 0: none since the start */
    const char *verb;      /* "backup", "check-db" */
    bool running;
    const char *phase;     /* "database", "signer", "manifest", "checking" */
    uint64_t done, total;  /* octets of the phase */
    struct error error;    /* once it ended */
    char folder[512];      /* of a backup */
    uint64_t files, octets;
    struct strings findings; /* of a check: at most FINDINGS_MAX lines; and how many there were: */
    uint64_t finding_count;
};
int authority_background(struct authority *authority, struct background_state *out, struct error *error);
void background_state_free(struct background_state *state);

/* ---- after a restore ---- */
/* What was taken back and what was not; *pending: nobody has confirmed it yet. REFUSED "restore.none". */
int authority_restore_report(struct authority *authority, struct buf *report, bool *pending, struct error *error);
int authority_restore_confirm(struct authority *authority, const struct identity *caller, struct error *error);

#endif
