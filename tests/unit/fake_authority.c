/* An authority without a database: remembers what it was asked and answers with fixed values. For tests of the API.
 * Everything that ca/api asks of authority.h stands here, so that the real one is not linked. */
#include "tests/unit/fake_authority.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/base/file.h"

static int remember(struct authority *fake, const char *verb, uint64_t id, struct error *error)
{
    snprintf(fake->verb, sizeof fake->verb, "%s", verb);
    fake->id = id;
    return fake->fail_status == OK ? OK : error_set(error, fake->fail_status, fake->fail_reason, "as the test wants it");
}

static void remember_text(struct authority *fake, const char *text)
{
    snprintf(fake->text, sizeof fake->text, "%s", text != NULL ? text : "");
}

int authority_identify(struct authority *fake, uint32_t uid, uint32_t gid, struct identity *out, struct error *error)
{
    (void)gid;
    *out = (struct identity){.uid = uid, .account = strdup("tester"), .roles = fake->roles | ROLE_ENROL};
    return out->account != NULL ? OK : error_memory(error);
}

int authority_map(struct authority *fake, struct identity *identity, struct error *error)
{
    if (fake->map_status != OK)
        return error_set(error, fake->map_status, "identity.test", "the caller has no entry");
    identity->dn = strdup("uid=tester,dc=example,dc=com");
    return OK;
}

int authority_roles(struct authority *fake, struct identity *identity, unsigned wanted, struct error *error)
{
    (void)fake;
    (void)identity;
    (void)wanted;
    (void)error;
    return OK;
}

void authority_audit_refusal(struct authority *fake, const struct identity *caller, const char *action, const char *object,
                             struct error *why)
{
    (void)caller;
    (void)object;
    fake->refusals++;
    snprintf(fake->refusal_action, sizeof fake->refusal_action, "%s", action);
    snprintf(fake->refusal_reason, sizeof fake->refusal_reason, "%s", why->reason);
}

int authority_submit(struct authority *fake, const struct identity *caller, const struct submission *submission,
                     struct outcome *outcome, struct error *error)
{
    remember_text(fake, caller->dn);
    fake->pkcs10_size = submission->pkcs10.size;
    fake->usage_count = submission->usages != NULL ? submission->usages->count : 0;
    if (fake->delay_ms > 0)
        usleep(fake->delay_ms * 1000);
    *outcome = (struct outcome){.id = 17, .disposition = DISPOSITION_PENDING, .message = "waits for an officer"};
    return remember(fake, "submit", 0, error);
}

int authority_resubmit(struct authority *fake, const struct identity *caller, uint64_t id, const struct seen *seen,
                       struct outcome *outcome, struct error *error)
{
    (void)caller;
    fake->seen = *seen;
    *outcome = (struct outcome){.id = id, .disposition = DISPOSITION_ISSUED, .sha256 = {1}, .serial = {.octets = {0xab}, .size = 1}};
    return remember(fake, "resubmit", id, error);
}

int authority_deny(struct authority *fake, const struct identity *caller, uint64_t id, const char *message, const struct seen *seen,
                   struct error *error)
{
    (void)caller;
    fake->seen = *seen;
    remember_text(fake, message);
    return remember(fake, "deny", id, error);
}

int authority_set_attributes(struct authority *fake, const struct identity *caller, uint64_t id, const struct strings *attributes,
                             const struct seen *seen, struct error *error)
{
    (void)caller;
    fake->seen = *seen;
    remember_text(fake, attributes->items[attributes->count - 1]);
    return remember(fake, "set-attribute", id, error);
}

int authority_set_extension(struct authority *fake, const struct identity *caller, uint64_t id, const struct extension_edit *edit,
                            const struct seen *seen, struct error *error)
{
    (void)caller;
    fake->seen = *seen;
    fake->pkcs10_size = edit->value.size;
    fake->reason = edit->critical;
    remember_text(fake, edit->oid);
    return remember(fake, edit->remove ? "remove-extension" : "set-extension", id, error);
}

int authority_revoke(struct authority *fake, const struct identity *caller, uint64_t id, int reason, int64_t at,
                     int64_t invalid_since, const struct seen *seen, struct error *error)
{
    (void)caller;
    (void)invalid_since;
    fake->seen = *seen;
    fake->reason = reason;
    fake->at = at;
    return remember(fake, "revoke", id, error);
}

int authority_release(struct authority *fake, const struct identity *caller, uint64_t id, const struct seen *seen, struct error *error)
{
    (void)caller;
    fake->seen = *seen;
    return remember(fake, "release", id, error);
}

int authority_unlock(struct authority *fake, const struct identity *caller, const char *passphrase, struct error *error)
{
    (void)caller;
    remember_text(fake, passphrase);
    return remember(fake, "unlock", 0, error);
}

int authority_key_check(struct authority *fake, const struct identity *caller, struct key_proof_row rows[KEY_PROOFS_MAX], size_t *count,
                        struct error *error)
{
    (void)caller;
    rows[0] = (struct key_proof_row){.type = "ecdsa-p256", .size = "ECDSA P-256", .where = "/tmp/key.pem", .key_id = {1}};
    *count = 1;
    return remember(fake, "key check", 0, error);
}

int authority_key_passwd(struct authority *fake, const struct identity *caller, const char *present, const char *next, struct buf *file,
                         struct error *error)
{
    (void)caller;
    (void)present;
    remember_text(fake, next);
    buf_add_text(file, "/tmp/passphrase");
    return remember(fake, "key passwd", 0, error);
}

int authority_key_export(struct authority *fake, const struct identity *caller, unsigned key_index, const char *present, const char *next,
                         struct buf *pem, struct error *error)
{
    (void)caller;
    (void)present;
    remember_text(fake, next);
    buf_add_text(pem, "-----BEGIN");
    return remember(fake, "key export", key_index, error);
}

int authority_clock_accept(struct authority *fake, const struct identity *caller, int64_t *jump_s, struct error *error)
{
    (void)caller;
    *jump_s = -86401;
    return remember(fake, "clock accept", 0, error);
}

const char *revocation_reason_name(int reason)
{
    return reason == 1 ? "keyCompromise" : "unspecified";
}

int revocation_reason_parse(const char *name, int *reason)
{
    *reason = 1;
    return strcmp(name, "keyCompromise") == 0 ? OK : USAGE;
}

int authority_show(struct authority *fake, const struct identity *caller, uint64_t id, bool with_text, struct detail *out,
                   struct error *error)
{
    (void)fake;
    (void)caller;
    if (id != 17)
        return error_set(error, REFUSED, "object.unknown", "there is no request %llu", (unsigned long long)id);
    memset(out, 0, sizeof *out);
    out->request.id = id;
    out->request.disposition = DISPOSITION_REVOKED;
    out->request.subject = strdup("CN=evil\xff\x1b[2J");
    out->request.requester = strdup("alice");
    out->has_certificate = true;
    out->certificate.revocation_reason = 1;
    out->certificate.revoked_at = 1768893129;
    if (with_text)
        buf_add_text(&out->text, "Certificate:\n");
    return OK;
}

void detail_free(struct detail *detail)
{
    free(detail->request.subject);
    free(detail->request.requester);
    buf_free(&detail->text);
}

static void row_fill(struct list_row *row, uint64_t id)
{
    *row = (struct list_row){.id = id, .disposition = DISPOSITION_ISSUED, .submitted_at = 1768893129, .requester = strdup("alice")};
}

int authority_list(struct authority *fake, const struct identity *caller, const struct list_query *query, struct list_row *rows,
                   size_t *count, bool *more, struct error *error)
{
    (void)caller;
    fake->query = *query;
    remember_text(fake, query->name);
    for (*count = 0; *count < query->limit && *count < 3; ++*count)
        row_fill(&rows[*count], query->after + *count + 1);
    *more = query->after < 6;
    return remember(fake, "list", 0, error);
}

int authority_find(struct authority *fake, const struct identity *caller, const char *text, struct list_row *rows, size_t limit,
                   size_t *count, struct error *error)
{
    (void)caller;
    (void)limit;
    remember_text(fake, text);
    row_fill(&rows[0], 17);
    *count = 1;
    return remember(fake, "find", 0, error);
}

void list_rows_free(struct list_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(rows[i].requester);
}

int authority_lookup(struct authority *fake, enum certificate_key by, struct bytes key, uint64_t *ids, size_t limit, size_t *count,
                     struct error *error)
{
    (void)by;
    (void)key;
    (void)error;
    for (*count = 0; *count < fake->lookup_count && *count < limit; ++*count)
        ids[*count] = 17 + *count;
    return OK;
}

int authority_retrieve(struct authority *fake, const struct identity *caller, uint64_t id, bool chain, struct buf *out,
                       struct error *error)
{
    (void)caller;
    buf_add(out, chain ? "PEM" : "\x30\x00\xff", 3);
    return remember(fake, "retrieve", id, error);
}

int authority_isvalid(struct authority *fake, uint64_t id, struct validity *out, struct error *error)
{
    *out = (struct validity){.state = VALIDITY_REVOKED, .id = id, .reason = 1, .revoked_at = 1768893129};
    return remember(fake, "isvalid", id, error);
}

int authority_counts(struct authority *fake, uint64_t *pending, uint64_t *issued, uint64_t *failed, uint64_t *denied, uint64_t *revoked,
                     struct error *error)
{
    (void)fake;
    (void)error;
    *pending = 1;
    *issued = 2;
    *failed = *denied = *revoked = 0;
    return OK;
}

int authority_crl_publish(struct authority *fake, const struct identity *caller, bool delta, bool if_due,
                          struct crl_record made[CA_KEYS_MAX], size_t *count, struct error *error)
{
    (void)caller;
    (void)delta;
    made[0] = (struct crl_record){.number = 5};
    *count = !if_due;
    return remember(fake, "crl publish", 0, error);
}

size_t authority_ca_certificates(struct authority *fake, struct ca_certificate_row rows[CA_CERTIFICATES_MAX])
{
    (void)fake;
    (void)rows;
    return 0;
}

size_t authority_ca_keys(struct authority *fake, struct ca_key_row rows[CA_KEYS_MAX])
{
    (void)fake;
    rows[0] = (struct ca_key_row){.key_type = "ecdsa-p256"};
    return 1;
}

int authority_renew(struct authority *fake, const struct identity *caller, int64_t not_after, bool request, struct buf *pem,
                    struct error *error)
{
    (void)caller;
    if (request)
        buf_add_text(pem, "-----BEGIN CERTIFICATE REQUEST-----\n");
    return remember(fake, request ? "renewal request" : "renew", (uint64_t)not_after, error);
}

int authority_crl_latest(struct authority *fake, int key_index, bool delta, struct crl_record *out, struct error *error)
{
    (void)fake;
    if (key_index > 0)
        return error_set(error, REFUSED, "ca.key_index", "the CA has no certificate for a key %d", key_index);
    if (delta)
        return error_set(error, REFUSED, "crl.none", "there is no delta CRL");
    *out = (struct crl_record){.number = 4, .size = 5};
    return OK;
}

int authority_crl_write(struct authority *fake, const struct crl_record *record, int fd, struct error *error)
{
    (void)fake;
    (void)record;
    return fd_write_all(fd, "0CRL!", 5) == OK ? OK : error_set(error, TEMPORARY, "test", "cannot write");
}

void authority_info(struct authority *fake, struct ca_info *out)
{
    (void)fake;
    *out = (struct ca_info){.name = "TEST-CA", .host = "ca1", .config_string = "ca1\\TEST-CA", .subject = "CN=TEST-CA", .key_type = "ECDSA P-256"};
}

int authority_chain(struct authority *fake, int key_index, struct buf *pem, struct error *error)
{
    (void)fake;
    (void)key_index;
    (void)pem;
    return error_set(error, REFUSED, "ca.none", "no certificate yet");
}

int authority_config(struct authority *fake, bool all, struct strings *out, struct error *error)
{
    (void)fake;
    (void)error;
    return strings_add(out, all ? "all" : "ca1\\TEST-CA");
}

int authority_install_certificate(struct authority *fake, const struct identity *caller, struct bytes pem_or_der, struct error *error)
{
    (void)caller;
    (void)pem_or_der;
    return remember(fake, "install", 0, error);
}

int authority_template_names(struct authority *authority, struct strings *names, struct error *error)
{
    return strings_add(names, "User");
}

int authority_template_list(struct authority *fake, struct template_row **rows, size_t *count, struct error *error)
{
    *rows = calloc(1, sizeof **rows);
    (*rows)->name = strdup("User");
    *count = 1;
    return remember(fake, "template list", 0, error);
}

void template_rows_free(struct template_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(rows[i].name);
    free(rows);
}

int authority_template_show(struct authority *fake, const char *name, bool from_directory, struct template *out, struct error *error)
{
    (void)from_directory;
    remember_text(fake, name);
    memset(out, 0, sizeof *out);
    out->name = strdup(name);
    return remember(fake, "template show", 0, error);
}

int authority_template_lint(struct authority *fake, const char *name, bool from_directory,
                            struct template_finding findings[TEMPLATE_FINDINGS_MAX], size_t *count, struct error *error)
{
    (void)from_directory;
    remember_text(fake, name);
    findings[0] = (struct template_finding){true, "template.no_eku", "no EKU"};
    *count = 1;
    return remember(fake, "template lint", 0, error);
}

int authority_template_diff(struct authority *fake, const char *name, struct template_difference *out, struct error *error)
{
    remember_text(fake, name);
    memset(out, 0, sizeof *out);
    out->name = strdup(name);
    strings_add(&out->lines, "-flags: none");
    return remember(fake, "template diff", 0, error);
}

void template_difference_free(struct template_difference *difference)
{
    free(difference->name);
    strings_free(&difference->lines);
}

int authority_template_export(struct authority *fake, const char *name, bool from_directory, bool ldif, struct buf *out,
                              struct error *error)
{
    (void)from_directory;
    remember_text(fake, name);
    buf_add_text(out, ldif ? "dn: cn=User\n" : "# chancery template: User\n");
    return remember(fake, "template export", 0, error);
}

int authority_template_adopt(struct authority *fake, const struct identity *caller, const char *name, const uint8_t *digest,
                             struct template_finding findings[TEMPLATE_FINDINGS_MAX], size_t *count, struct error *error)
{
    (void)caller;
    (void)digest;
    remember_text(fake, name);
    findings[0] = (struct template_finding){true, "template.no_eku", "no EKU"};
    *count = 1;
    return remember(fake, "template adopt", 0, error);
}

int authority_template_retire(struct authority *fake, const struct identity *caller, const char *name, struct error *error)
{
    (void)caller;
    remember_text(fake, name);
    return remember(fake, "template retire", 0, error);
}

int authority_trust_list(struct authority *fake, struct trust_anchor **rows, size_t *count, struct error *error)
{
    *rows = NULL;
    *count = 0;
    return remember(fake, "trust list", 0, error);
}

void trust_rows_free(struct trust_anchor *rows, size_t count)
{
    (void)count;
    free(rows);
}

void trust_anchor_free(struct trust_anchor *anchor)
{
    free(anchor->subject);
}

int authority_trust_import(struct authority *fake, const struct identity *caller, struct bytes pem_or_der, int kind,
                           const char *fingerprint, struct trust_anchor *imported, struct error *error)
{
    (void)caller;
    (void)pem_or_der;
    remember_text(fake, fingerprint);
    imported->kind = kind == TRUST_INTERMEDIATE ? TRUST_INTERMEDIATE : TRUST_ROOT;
    imported->subject = strdup("CN=Root");
    return remember(fake, "trust import", 0, error);
}

int authority_usages(struct authority *fake, struct usage_row **rows, size_t *count, struct error *error)
{
    *rows = NULL;
    *count = 0;
    return remember(fake, "usage list", 0, error);
}

void usage_rows_free(struct usage_row *rows, size_t count)
{
    (void)count;
    free(rows);
}

int authority_assignability(struct authority *fake, const struct identity *caller, uint64_t id, const char *host,
                            struct assignability *out, struct error *error)
{
    static struct assign_link link = {.state = 2, .store = TRUST_ROOT};

    (void)caller;
    remember_text(fake, host);
    *out = (struct assignability){.links = &link, .link_count = 1};
    return remember(fake, "assignability", id, error);
}

void assignability_free(struct assignability *assignability)
{
    (void)assignability;
}

int authority_assign(struct authority *fake, const struct identity *caller, uint64_t id, const struct strings *usages, const char *host,
                     int64_t effective_at, struct error *error)
{
    (void)caller;
    remember_text(fake, host);
    fake->usage_count = usages->count;
    fake->at = effective_at;
    return remember(fake, "assign", id, error);
}

int authority_unassign(struct authority *fake, const struct identity *caller, const char *usage, const char *host, struct error *error)
{
    (void)caller;
    (void)host;
    remember_text(fake, usage);
    return remember(fake, "unassign", 0, error);
}

int authority_assignments(struct authority *fake, bool history, struct assignment **rows, size_t *count, struct error *error)
{
    (void)history;
    *rows = NULL;
    *count = 0;
    return remember(fake, "assignments", 0, error);
}

void assignment_rows_free(struct assignment *rows, size_t count)
{
    (void)count;
    free(rows);
}

int authority_publish_status(struct authority *fake, struct publish_status out[PUBLISH_MODULES_MAX], size_t *count, struct error *error)
{
    out[0] = (struct publish_status){.module = "publish/ldap", .stats = {.waiting = 2, .parked = 1}};
    *count = 1;
    return remember(fake, "publish status", 0, error);
}

int authority_publish_rows(struct authority *fake, struct outbox_row *rows, size_t limit, size_t *count, struct error *error)
{
    (void)limit;
    rows[0] = (struct outbox_row){.module = "publish/ldap", .sequence = 3, .event = {.kind = EVENT_ISSUED, .request_id = 17, .crl_fd = -1}};
    *count = 1;
    return remember(fake, "publish rows", 0, error);
}

void outbox_row_free(struct outbox_row *row)
{
    (void)row;
}

int authority_publish_retry(struct authority *fake, const struct identity *caller, const char *module, uint64_t *count, struct error *error)
{
    (void)caller;
    remember_text(fake, module);
    *count = 3;
    return remember(fake, "publish retry", 0, error);
}

int authority_publish_check(struct authority *fake, const char *dn, struct strings *lines, struct error *error)
{
    remember_text(fake, dn);
    strings_add(lines, "ok reading");
    strings_add(lines, "missing writing");
    return remember(fake, "publish check", 0, error);
}

enum health_state authority_health(struct authority *fake, struct health_row rows[HEALTH_ROWS_MAX], size_t *count)
{
    (void)fake;
    rows[0] = (struct health_row){HEALTH_OK, "Signer", "answers"};
    rows[1] = (struct health_row){HEALTH_WARNING, "CRL", "late | by an hour"};
    *count = 2;
    return HEALTH_WARNING;
}

int authority_backup(struct authority *fake, const struct identity *caller, const struct backup_order *order, uint64_t *number,
                     struct error *error)
{
    (void)caller;
    remember_text(fake, order->folder);
    *number = 3;
    return remember(fake, order->with_key ? "backup with key" : "backup", 0, error);
}

int authority_check_database(struct authority *fake, const struct identity *caller, uint64_t *number, struct error *error)
{
    (void)caller;
    *number = 4;
    return remember(fake, "check-db", 0, error);
}

int authority_background(struct authority *fake, struct background_state *out, struct error *error)
{
    *out = (struct background_state){.number = 4, .verb = "check-db", .phase = "checking", .done = 7, .total = 9, .finding_count = 1};
    if (strings_add(&out->findings, "index i_serial: a row is missing"))
        return error_memory(error);
    return remember(fake, "background", 0, error);
}

int authority_restore_report(struct authority *fake, struct buf *report, bool *pending, struct error *error)
{
    buf_add_text(report, "restored from /backup\n3 revocations were taken back\n");
    *pending = true;
    return remember(fake, "restore report", 0, error);
}

int authority_restore_confirm(struct authority *fake, const struct identity *caller, struct error *error)
{
    (void)caller;
    return remember(fake, "restore confirm", 0, error);
}

void background_state_free(struct background_state *state)
{
    strings_free(&state->findings);
}

int authority_audit_list(struct authority *fake, const struct audit_filter *filter, uint64_t after, struct audit_record *rows,
                         size_t limit, size_t *count, struct error *error)
{
    remember_text(fake, filter->actor);
    for (*count = 0; *count < limit && after + *count < 5; ++*count)
        rows[*count] = (struct audit_record){.number = after + *count + 1, .action = "submit"};
    return remember(fake, "audit list", 0, error);
}

int authority_audit_verify(struct authority *fake, struct audit_chain *out, struct error *error)
{
    *out = (struct audit_chain){.last = 7, .records = 7, .checkpoints = 2, .checkpoint = 5, .checkpoint_at = 1768893129};
    return remember(fake, "audit verify", 0, error);
}

int authority_audit_export(struct authority *fake, const struct identity *caller, uint64_t after, uint64_t *until, struct buf *line,
                           struct error *error)
{
    (void)caller;
    *until = after + 3;
    buf_add_text(line, "{\"checkpoint\":3}\n");
    return remember(fake, "audit export", 0, error);
}

int authority_audit_lines(struct authority *fake, uint64_t after, uint64_t until, struct buf *out, struct error *error)
{
    for (uint64_t number = after + 1; number <= until; number++)
        buf_printf(out, "{\"record\":%llu}\n", (unsigned long long)number);
    return remember(fake, "audit lines", 0, error);
}

int authority_audit_read(struct authority *fake, const struct identity *caller, const char *action, const char *object, struct error *error)
{
    (void)caller;
    (void)object;
    fake->reads++;
    snprintf(fake->read_action, sizeof fake->read_action, "%s", action);
    return fake->read_status == OK ? OK : error_set(error, fake->read_status, "store.disk", "the audit cannot be written");
}

void audit_rows_free(struct audit_record *rows, size_t count)
{
    (void)rows;
    (void)count;
}
