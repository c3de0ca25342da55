/* The table of commands: what each verb takes, who may, and which function does it.
 * Help, usage errors and the shell completion are made from these rows; nothing else knows the options of a verb. */
#include "ca/chancery_cli.h"

#define OUT_ROW {"out", OPTION_VALUE, "FILE", "write there, by rename; an existing file is refused"}
#define FORCE_ROW {"force", OPTION_FLAG, NULL, "replace an existing file"}
#define KEY_ROW {"key", OPTION_VALUE, "N", "of the CA's key of this index; otherwise of the one that signs now"}
#define RENEW_ROW {"renew", OPTION_VALUE, "OBJECT", "it renews this certificate of yours; its template, where none is named"}
#define END_ROW {NULL, 0, NULL, NULL}

static const struct option_row no_options[] = {END_ROW};
static const struct option_row init_options[] = {
    {"name", OPTION_VALUE, "CA-NAME", "the CA's name, as certificates and the directory show it"},
    {"subject", OPTION_VALUE, "DN", "subject of the CA certificate (RFC 4514)"},
    {"key", OPTION_VALUE, "KIND", "ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096, ed25519 or a pkcs11: URI"},
    {"key-type", OPTION_VALUE, "KIND", "of a key that is made in a token, with a pkcs11: URI"},
    {"passphrase-file", OPTION_VALUE, "FILE", "the passphrase of the key; otherwise it is asked for on the terminal"},
    {"days", OPTION_VALUE, "N", "validity of a self-signed certificate (3650)"},
    {"path-length", OPTION_VALUE, "N", "how many CAs may stand below"},
    {"administrator", OPTION_VALUE, "USER", "the first administrator"},
    {"csr-out", OPTION_VALUE, "FILE", "make a request for a parent CA instead of a self-signed certificate"},
    END_ROW};
static const struct option_row renew_options[] = {
    {"new-key", OPTION_FLAG, NULL, "with a new key (root, daemon stopped): the old one goes on signing its CRLs"},
    {"key", OPTION_VALUE, "KIND", "type of the new key, otherwise that of the present one; or a pkcs11: URI"},
    {"days", OPTION_VALUE, "N", "validity of a self-signed certificate; otherwise as long as the present one"},
    {"csr-out", OPTION_VALUE, "FILE", "a subordinate CA's request for its parent, to be answered by install-cert"}, FORCE_ROW, END_ROW};
static const struct option_row config_options[] = {
    {"all", OPTION_FLAG, NULL, "those of the directory as well"}, END_ROW};
static const struct option_row request_options[] = {
    {"template", OPTION_VALUE, "NAME", "the template to enrol in"},
    {"key", OPTION_VALUE, "FILE", "the private key: used when it is there, else made (0600)"},
    {"key-type", OPTION_VALUE, "KIND", "of a new key: ecdsa-p256 (this when not given), ecdsa-p384, rsa-2048, rsa-3072, rsa-4096, ed25519"},
    {"name", OPTION_MANY, "NAME", "a name to ask for: web07.example.com, dns:…, email:…, ip:…, upn:…"},
    {"usage", OPTION_MANY, "USAGE", "a usage that the certificate is for (chancery usage list)"},
    RENEW_ROW, OUT_ROW, FORCE_ROW, END_ROW};
static const struct option_row submit_options[] = {
    {"template", OPTION_VALUE, "NAME", "the template; otherwise the request's attribute CertificateTemplate"},
    {"attr", OPTION_MANY, "NAME:VALUE", "a request attribute"},
    {"usage", OPTION_MANY, "USAGE", "a usage that the certificate is for (chancery usage list)"},
    {"on-behalf-of", OPTION_VALUE, "DN", "the entry that it is for, for enrolment agents"},
    RENEW_ROW,
    {"out", OPTION_VALUE, "FILE", "write the certificate there; with several requests a folder"},
    {"chain", OPTION_FLAG, NULL, "with the certificates of the CAs above it"}, FORCE_ROW, END_ROW};
static const struct option_row retrieve_options[] = {
    OUT_ROW, FORCE_ROW, {"chain", OPTION_FLAG, NULL, "with the certificates of the CAs above it"},
    {"der", OPTION_FLAG, NULL, "DER instead of PEM"}, END_ROW};
static const struct option_row list_options[] = {
    {"disposition", OPTION_VALUE, "D", "pending, issued, revoked, failed, denied, failed-or-denied, foreign"},
    {"template", OPTION_VALUE, "T", "of this template"},
    {"requester", OPTION_VALUE, "R", "asked for by this account"},
    {"name", OPTION_VALUE, "TEXT", "with this name, or with names that begin so when a * ends it; CN and every SAN"},
    {"expiring", OPTION_VALUE, "DAYS", "issued, ending within so many days"},
    {"since", OPTION_VALUE, "TIME", "submitted at or after it: 2026-01-20T00:00:00Z, -3d"},
    {"until", OPTION_VALUE, "TIME", "submitted before it"},
    {"sort", OPTION_VALUE, "COLUMN", "id, not_after, requester, template; a - before it turns the order round"},
    {"after", OPTION_VALUE, "ID", "the page after this RequestID"},
    {"limit", OPTION_VALUE, "N", "rows of a page, 1 to 1000 (100)"},
    {"all", OPTION_FLAG, NULL, "every page"},
    {"csv", OPTION_FLAG, NULL, "as CSV (RFC 4180)"}, END_ROW};
static const struct option_row show_options[] = {
    {"pem", OPTION_FLAG, NULL, "the certificate, or the request where there is none, as PEM as well"},
    {"text", OPTION_FLAG, NULL, "the certificate in readable form as well"}, END_ROW};
static const struct option_row deny_options[] = {
    {"message", OPTION_VALUE, "TEXT", "why; the requester sees it"}, END_ROW};
static const struct option_row set_extension_options[] = {
    {"critical", OPTION_FLAG, NULL, "the extension is critical"},
    {"remove", OPTION_FLAG, NULL, "take it out instead: an officer's, or one that the request asks for"}, END_ROW};
static const struct option_row revoke_options[] = {
    {"reason", OPTION_VALUE, "NAME", "unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation, "
     "certificateHold, privilegeWithdrawn, aACompromise"},
    {"invalid-since", OPTION_VALUE, "TIME", "when the key became suspect"},
    {"at", OPTION_VALUE, "TIME", "revoked from then on, now or later"},
    {"match", OPTION_VALUE, "FILTER", "every certificate that it fits: template=T requester=R name=web* since=T until=T expiring=DAYS "
     "key-index=N disposition=D"},
    {"expect", OPTION_VALUE, "N", "how many those are: another number changes nothing"},
    {"dry-run", OPTION_FLAG, NULL, "counts them, and changes nothing"}, END_ROW};
static const struct option_row purge_options[] = {
    {"failed", OPTION_FLAG, NULL, "requests that failed without a serial"},
    {"denied", OPTION_FLAG, NULL, "requests that were denied"},
    {"expired", OPTION_FLAG, NULL, "certificates that have ended"},
    {"before", OPTION_VALUE, "TIME", "failed, denied or ended before it: 2026-01-01T00:00:00Z, -365d"},
    {"export", OPTION_VALUE, "FILE", "what is removed, a JSON object a line; a new file"}, END_ROW};
static const struct option_row report_options[] = {
    {"from", OPTION_VALUE, "TIME", "at or after it: 2026-01-01T00:00:00Z, -30d"},
    {"to", OPTION_VALUE, "TIME", "before it (now)"},
    {"csv", OPTION_FLAG, NULL, "as CSV (RFC 4180)"}, END_ROW};
static const struct option_row decommission_options[] = {
    {"expect", OPTION_VALUE, "CA-NAME", "the CA's name, so that no other one is meant"},
    {"backup", OPTION_VALUE, "DIR", "a last backup there, on the CA's host"},
    {"with-key", OPTION_FLAG, NULL, "the encrypted key in the backup as well"}, END_ROW};
static const struct option_row import_options[] = {
    {"openssl", OPTION_VALUE, "DIR", "the whole database of `openssl ca`: index.txt, newcerts, crlnumber"}, END_ROW};
static const struct option_row crl_publish_options[] = {
    {"delta", OPTION_FLAG, NULL, "a delta CRL"},
    {"if-due", OPTION_FLAG, NULL, "only when one is due: for cron, silent when there is nothing to do"}, END_ROW};
static const struct option_row crl_show_options[] = {
    {"delta", OPTION_FLAG, NULL, "the delta CRL"}, KEY_ROW, END_ROW};
static const struct option_row crl_get_options[] = {
    {"delta", OPTION_FLAG, NULL, "the delta CRL"}, KEY_ROW, {"pem", OPTION_FLAG, NULL, "PEM instead of DER"}, OUT_ROW, FORCE_ROW, END_ROW};
static const struct option_row template_show_options[] = {
    {"directory", OPTION_FLAG, NULL, "the directory's entry as it is now, not the adopted copy"}, END_ROW};
static const struct option_row template_lint_options[] = {
    {"adopted", OPTION_FLAG, NULL, "the adopted copy, not the directory's entry"}, END_ROW};
static const struct option_row template_adopt_options[] = {
    {"digest", OPTION_VALUE, "HEX", "only if the entry still has this digest, which template diff shows"}, END_ROW};
static const struct option_row template_export_options[] = {
    {"directory", OPTION_FLAG, NULL, "the directory's entry as it is now, not the adopted copy"},
    {"ldif", OPTION_FLAG, NULL, "as LDIF instead of the readable form"}, OUT_ROW, FORCE_ROW, END_ROW};
static const struct option_row template_import_options[] = {
    {"samples", OPTION_FLAG, NULL, "the samples that come with Chancery"},
    {"base", OPTION_VALUE, "DN", "the suffix that stands in the place of dc=example,dc=com"}, OUT_ROW, FORCE_ROW, END_ROW};
static const struct option_row assign_options[] = {
    {"host", OPTION_VALUE, "H", "the host; otherwise the certificate's first DNS name"},
    {"effective", OPTION_VALUE, "TIME", "from then on (staged roll-over)"}, END_ROW};
static const struct option_row unassign_options[] = {
    {"host", OPTION_VALUE, "H", "the host; needed where the usage is assigned on more than one"}, END_ROW};
static const struct option_row assignments_options[] = {
    {"history", OPTION_FLAG, NULL, "all that ever were"}, END_ROW};
static const struct option_row trust_options[] = {
    {"root", OPTION_FLAG, NULL, "into the store of roots"},
    {"intermediate", OPTION_FLAG, NULL, "into the store of intermediates"},
    {"fingerprint", OPTION_VALUE, "HEX", "the SHA-256 that the certificate must have, from another source"}, END_ROW};
static const struct option_row audit_options[] = {
    {"since", OPTION_VALUE, "TIME", "at or after it: 2026-01-20T00:00:00Z, -3d"},
    {"until", OPTION_VALUE, "TIME", "before it"},
    {"actor", OPTION_VALUE, "ACCOUNT", "by this account; a * at the end of any of these stands for the rest"},
    {"role", OPTION_VALUE, "ROLE", "in this role: administrator, officer, auditor, operator, read, cron, requester, daemon"},
    {"action", OPTION_VALUE, "ACTION", "of this kind: request.deny, certificate.*"},
    {"object", OPTION_VALUE, "OBJECT", "on this: \"request 17\""},
    {"outcome", OPTION_VALUE, "OUTCOME", "with this end: refused, issued, denied"},
    {"reason", OPTION_VALUE, "CODE", "with this reason code"},
    {"after", OPTION_VALUE, "NUMBER", "the records after this one"},
    {"limit", OPTION_VALUE, "N", "records of a page, 1 to 1000 (100)"},
    {"all", OPTION_FLAG, NULL, "every page"},
    {"csv", OPTION_FLAG, NULL, "as CSV (RFC 4180)"}, END_ROW};
static const struct option_row backup_options[] = {
    {"with-key", OPTION_FLAG, NULL, "with the encrypted key: keep that copy where the passphrase is not"}, END_ROW};
static const struct option_row restore_options[] = {
    {"yes", OPTION_FLAG, NULL, "ask nothing, on a terminal either"}, END_ROW};
static const struct option_row check_db_options[] = {
    {"offline", OPTION_FLAG, NULL, "a backup, or with the daemon stopped its database"}, END_ROW};
static const struct option_row audit_verify_options[] = {
    {"certificate", OPTION_VALUE, "CERTIFICATES", "with a FILE: the CA's certificates, all that it ever had; otherwise the daemon is asked"},
    {"after", OPTION_VALUE, "NUMBER", "with a FILE: it begins after this record"}, END_ROW};
static const struct option_row audit_export_options[] = {
    {"after", OPTION_VALUE, "NUMBER", "only the records after this one"}, OUT_ROW, FORCE_ROW, END_ROW};
static const struct option_row key_export_options[] = {
    {"key", OPTION_VALUE, "N", "of this key index (0)"}, FORCE_ROW, END_ROW};
static const struct option_row ca_get_options[] = {
    {"index", OPTION_VALUE, "N", "the certificate of this index (default: the one that signs now)"},
    {"chain", OPTION_FLAG, NULL, "with the CAs above, in PEM"},
    {"der", OPTION_FLAG, NULL, "in DER"}, OUT_ROW, FORCE_ROW, END_ROW};
static const struct option_row help_options[] = {
    {"table", OPTION_FLAG, NULL, "every verb with its options, a line each, for shells"}, END_ROW};

const struct command commands[] = {
    {"init", "", 0, 0, "root, daemon stopped", "makes the CA: key and self-signed certificate, or a request for a parent", init_options, verb_init},
    {"install-cert", "FILE", 1, 1, "administrator", "installs the parent's answer", no_options, verb_install},
    {"renew", "", 0, 0, "administrator", "a new certificate for the CA, or a request for one to its parent", renew_options, verb_renew},
    {"info", "", 0, 0, "any", "CA name, certificates, keys, CRL state, counts", no_options, verb_info},
    {"ca get", "", 0, 0, "any", "the CA's certificate, one of them, or its chain", ca_get_options, verb_ca_get},
    {"config", "", 0, 0, "any", "configuration strings HOST\\CA-NAME known here or from the directory", config_options, verb_config},
    {"whoami", "", 0, 0, "any", "your uid, entry and roles, and why there are none", no_options, verb_whoami},
    {"request", "", 0, 0, "enrol", "makes key and request, and submits it", request_options, verb_request},
    {"submit", "CSR…", 1, -1, "enrol", "submits requests: files, folders or - for standard input", submit_options, verb_submit},
    {"retrieve", "OBJECT", 1, 1, "requester, read", "the certificate, once issued", retrieve_options, verb_retrieve},
    {"list", "", 0, 0, "read", "a page of requests", list_options, verb_list},
    {"find", "TEXT", 1, 1, "read", "a host or user name over every disposition, newest first", no_options, verb_find},
    {"show", "OBJECT", 1, 1, "requester, read", "everything about a request and its certificate", show_options, verb_show},
    {"resubmit", "ID", 1, 1, "officer", "approves a pending request: policy runs again", no_options, verb_resubmit},
    {"issue", "ID", 1, 1, "officer", "the same as resubmit", no_options, verb_resubmit},
    {"approve", "ID", 1, 1, "officer", "the same as resubmit", no_options, verb_resubmit},
    {"deny", "ID", 1, 1, "officer", "denies a pending request", deny_options, verb_deny},
    {"set-attribute", "ID NAME:VALUE…", 2, -1, "officer", "edits attributes of a pending request", no_options, verb_set_attribute},
    {"set-extension", "ID OID [FILE]", 2, 3, "officer", "sets or takes out an extension of a pending request", set_extension_options,
     verb_set_extension},
    {"revoke", "[OBJECT]", 0, 1, "officer, holder", "revokes a certificate, or changes reason or date; with --match many", revoke_options, verb_revoke},
    {"batch", "", 0, 0, "read", "the batch of revocations at work, or the last one", no_options, verb_batch},
    {"import", "[FILE]", 0, 1, "administrator", "takes over certificates that this CA's key signed elsewhere", import_options, verb_import},
    {"purge", "", 0, 0, "administrator", "exports what is old, then removes it; serials stay taken", purge_options, verb_purge},
    {"report", "issued|revoked|approvals|roles", 1, 1, "auditor", "what happened in a time, from the audit records", report_options, verb_report},
    {"decommission", "", 0, 0, "administrator", "the end of the CA: no more issuing, last CRL to the end, last backup", decommission_options,
     verb_decommission},
    {"release", "OBJECT", 1, 1, "officer", "releases from certificateHold", no_options, verb_release},
    {"isvalid", "OBJECT", 1, 1, "read", "valid, revoked (reason, date) or never issued, by the database", no_options, verb_isvalid},
    {"crl publish", "", 0, 0, "cron, officer", "makes and publishes a CRL", crl_publish_options, verb_crl_publish},
    {"crl show", "", 0, 0, "any", "facts of the latest CRL", crl_show_options, verb_crl_show},
    {"crl get", "", 0, 0, "any", "the latest CRL", crl_get_options, verb_crl_get},
    {"publish status", "", 0, 0, "read", "what waits to be published, and why", no_options, verb_publish_status},
    {"publish check", "[DN]", 0, 1, "read", "the rights that the publisher needs, each ok or missing", no_options, verb_publish_check},
    {"publish retry", "[MODULE]", 0, 1, "cron, administrator", "what waits is due at once", no_options, verb_publish_retry},
    {"template list", "", 0, 0, "read", "templates of the directory and adopted ones", no_options, verb_template_list},
    {"template show", "NAME", 1, 1, "read", "one template", template_show_options, verb_template_show},
    {"template adopt", "NAME", 1, 1, "administrator", "lints the directory's entry and issues from its copy", template_adopt_options, verb_template_adopt},
    {"template retire", "NAME", 1, 1, "administrator", "issues from it no more", no_options, verb_template_retire},
    {"template lint", "NAME", 1, 1, "read", "what would let a user become another one, and what else is wrong", template_lint_options, verb_template_lint},
    {"template diff", "NAME", 1, 1, "read", "what changed in the directory since it was adopted; exit status 1 when it differs", no_options, verb_template_diff},
    {"template export", "NAME…", 1, -1, "read", "templates in readable form, or as LDIF", template_export_options, verb_template_export},
    {"template import", "[FILE] [-- LDAPADD-OPTION…]", 0, -1, "administrator of the directory",
     "templates, LDIF or in readable form, as LDIF for a directory: printed, or with options after -- handed to ldapadd", template_import_options, verb_template_import},
    {"usage list", "", 0, 0, "read", "the named purposes of certificates", no_options, verb_usage_list},
    {"usage show", "USAGE", 1, 1, "read", "one usage and where it is assigned", no_options, verb_usage_show},
    {"assign", "OBJECT USAGE…", 2, -1, "officer", "assigns a certificate to usages on a host", assign_options, verb_assign},
    {"unassign", "USAGE", 1, 1, "officer", "takes the certificate of a usage away", unassign_options, verb_unassign},
    {"assignments", "", 0, 0, "read", "what is assigned", assignments_options, verb_assignments},
    {"trust list", "", 0, 0, "read", "the site's trust stores", no_options, verb_trust_list},
    {"trust import", "FILE", 1, 1, "administrator", "imports a root or an intermediate", trust_options, verb_trust_import},
    {"key check", "", 0, 0, "administrator", "shows by a signature that keys and certificates of the CA belong together", no_options, verb_key_check},
    {"key passwd", "", 0, 0, "administrator", "asks for the present and a new passphrase of the CA's keys", no_options, verb_key_passwd},
    {"key export", "FILE", 1, 1, "administrator", "a key of the CA, encrypted under a passphrase of its own", key_export_options, verb_key_export},
    {"unlock", "", 0, 0, "administrator", "asks for the passphrase of the CA key and opens a CA that started locked", no_options, verb_unlock},
    {"clock accept", "", 0, 0, "administrator", "the clock is right as it is, although it went back or jumped", no_options, verb_clock_accept},
    {"health", "", 0, 0, "any", "what can go wrong and whether it did; exit status 0, 1, 2 or 3 as monitoring plug-ins have it", no_options, verb_health},
    {"audit list", "", 0, 0, "auditor", "audit records", audit_options, verb_audit_list},
    {"audit verify", "[FILE]", 0, 1, "auditor; any for a FILE", "finds any changed, missing, inserted or cut record, in the database or in an exported file", audit_verify_options, verb_audit_verify},
    {"audit export", "", 0, 0, "auditor", "the records as lines of JSON, with checkpoints and their signatures", audit_export_options, verb_audit_export},
    {"backup", "DIR", 1, 1, "operator, cron", "copies database, configuration and the signer's journal into a new folder, while running",
     backup_options, verb_backup},
    {"restore report", "", 0, 0, "read", "what the last restore took back, and what it could not", no_options, verb_restore_report},
    {"restore confirm", "", 0, 0, "administrator", "the report was read: the CA may issue again", no_options, verb_restore_confirm},
    {"restore", "DIR", 1, 1, "root, daemon stopped", "puts a backup in the place of the database, and takes back what came later", restore_options, verb_restore},
    {"check-db", "[DIR]", 0, 1, "operator", "checks a copy of the database: tables, indices, journal, audit chain", check_db_options, verb_check_db},
    {"proxy", "", 0, 0, "any", "carries standard input and output to the socket, for --host", no_options, verb_proxy},
    {"help", "[VERB]", 0, 2, "any", "the verbs, or one of them", help_options, verb_help},
    {"version", "", 0, 0, "any", "the version", no_options, verb_version},
    {NULL, NULL, 0, 0, NULL, NULL, NULL, NULL},
};
