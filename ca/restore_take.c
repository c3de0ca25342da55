/* Taking back what came after a backup. The signer's journal knows every serial and every CRL number; the directory has the published
 * certificates, which the journal's digests prove; the last CRL has the revocations, which its signature proves. What cannot be
 * taken back stands in the report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/restore.h"
#include "ca/signer/journal.h"
#include "ca/store/bulk.h"
#include "ca/store/restore.h"
#include "ca/x509/crl.h"
#include "ca/x509/walk.h"

#define NOBODY_UID (-2) /* no peer has it: what is taken back has no holder */
#define REQUEST_SLACK 1000 /* RequestIDs given after the last signature: pending, denied */
#define SEARCHES_MAX 20000
#define REASON_REMOVE_FROM_CRL 8

struct lost { /* a certificate that was signed and that the database does not have */
    uint64_t id;
    struct serial serial;
    uint8_t tbs[32];
    int64_t at;
    unsigned key_index;
};
struct found_crl {
    uint64_t number, delta_base;
    struct buf der;
    char where[256];
};
struct taking {
    const struct restore_order *order;
    struct store *store;
    struct directory *directory;
    struct issuer issuers[CA_CERTIFICATES_MAX];
    size_t issuer_count;
    uint64_t crl_number[SIGNER_KEYS_MAX]; /* the highest known outside the database */
    struct found_crl complete[SIGNER_KEYS_MAX], delta[SIGNER_KEYS_MAX];
    struct lost *lost;
    size_t lost_count;
    uint64_t audit_last;  /* of the journal */
    uint64_t audit_head;  /* of the database, when its records of now begin */
    uint64_t reserved, failed, issued, revoked, unknown, dropped, holds;
    struct buf *report;
    struct error *error;
};

static void say(struct taking *t, uint64_t count, const char *what)
{
    if (count)
        buf_printf(t->report, "%llu %s\n", (unsigned long long)count, what);
}

static struct audit_record record_of(const char *action, const char *object, const char *outcome, const char *reason, const char *detail)
{
    return (struct audit_record){.at = clock_now(), .actor = "root", .role = "root", .action = action, .object = object, .outcome = outcome,
                                 .reason = reason, .detail = detail};
}

/* ---- the CA's certificates ---- */

static int take_issuers(struct taking *t)
{
    int status = OK;
    while (t->issuer_count < CA_CERTIFICATES_MAX && !status) {
        struct ca_certificate certificate = {0};
        struct error none = ERROR_NONE;
        if (ca_certificates_get(t->store, (unsigned)t->issuer_count, &certificate, &none))
            break;
        status = issuer_from_certificate(buf_bytes(&certificate.der), &t->issuers[t->issuer_count], t->error);
        t->issuers[t->issuer_count].key_index = certificate.key_index;
        t->issuer_count += !status;
        ca_certificate_free(&certificate);
    }
    return status;
}

static const struct issuer *issuer_by_key(const struct taking *t, const uint8_t key_id[20])
{
    for (size_t i = t->issuer_count; i > 0; i--)
        if (memcmp(t->issuers[i - 1].key_id, key_id, 20) == 0)
            return &t->issuers[i - 1];
    return NULL;
}

/* ---- failed requests ---- */

static int request_fill(struct request *request, const struct serial *serial, int64_t at, const char *reason, const char *message)
{
    request->disposition = DISPOSITION_FAILED;
    request->submitted_at = at;
    request->resolved_at = clock_now();
    request->requester_uid = NOBODY_UID;
    request->requester = strdup("unknown");
    request->subject = strdup("");
    request->key_text = strdup("");
    request->reason = strdup(reason);
    request->message = strdup(message);
    request->serial = *serial;
    return request->requester && request->subject && request->key_text && request->reason && request->message ? OK : INTERNAL;
}

static int lost_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct lost *lost = argument;
    struct request request = {0};
    char text[2 * SERIAL_MAX + 1];
    int status = request_fill(&request, &lost->serial, lost->at, "restore.lost", "signed after the backup that was restored: its request is lost");
    if (!status) {
        request.id = lost->id = counter_next(txn, "request");
        status = serials_take(txn, &lost->serial, lost->id);
    }
    if (!status) {
        requests_put(txn, &request);
        struct audit_record record = record_of("restore.serial", authority_object(lost->id).text, "failed", "restore.lost", serial_text(&lost->serial, text));
        audit_add(txn, &record);
        status = store_txn_failed(txn);
    }
    request_free(&request);
    return status ? error_set(error, status, "restore.store", "a serial cannot be taken back") : OK;
}

/* What was begun when the backup was taken: it was ended after it, or not at all. */
static int reserved_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct reservation *reservation = argument;
    struct request *request = &reservation->request;
    (void)error;
    request->id = reservation->id;
    request->disposition = DISPOSITION_FAILED;
    request->resolved_at = clock_now();
    request->serial = reservation->serial;
    requests_put(txn, request);
    reservations_delete(txn, reservation->id);
    struct audit_record record = record_of("restore.reservation", authority_object(reservation->id).text, "failed", "restore.reserved", "");
    audit_add(txn, &record);
    return store_txn_failed(txn);
}

static int reservation_id(const struct reservation *reservation, void *argument)
{
    *(uint64_t *)argument = reservation->id;
    return INTERNAL; /* the first is enough: the walk ends */
}

static int take_reservations(struct taking *t)
{
    int status = OK;
    for (;;) {
        struct reservation reservation = {0};
        uint64_t id = 0;
        status = reservations_each(t->store, reservation_id, &id, t->error);
        if (status || !id)
            return status;
        status = reservations_get(t->store, id, &reservation, t->error);
        if (!status) {
            free(reservation.request.reason);
            free(reservation.request.message);
            reservation.request.reason = strdup("restore.reserved");
            reservation.request.message = strdup("it was being made when the backup was taken that was restored: submit again");
            status = store_write_reserved(t->store, reserved_store, &reservation, t->error);
        }
        reservation_free(&reservation);
        if (status)
            return status;
        t->reserved++;
    }
}

/* ---- the journal ---- */

static int lost_add(struct taking *t, const struct journal_entry *entry, uint64_t id, unsigned key_index)
{
    if ((t->lost_count & (t->lost_count + 1)) == 0) { /* 0, 1, 3, 7 …: full */
        struct lost *more = reallocarray(t->lost, (t->lost_count + 1) * 2, sizeof *more);
        if (!more)
            return error_memory(t->error);
        t->lost = more;
    }
    struct lost *lost = &t->lost[t->lost_count++];
    *lost = (struct lost){.id = id, .serial = entry->serial, .at = entry->at, .key_index = key_index};
    memcpy(lost->tbs, entry->tbs_sha256, 32);
    return OK;
}

static bool is_own(const struct taking *t, const struct serial *serial)
{
    bool own = false;
    for (size_t i = 0; i < t->issuer_count && !own; i++) {
        struct certificate_facts facts = {0};
        struct error none = ERROR_NONE;
        own = certificate_read(buf_bytes(&t->issuers[i].certificate), &facts, &none) == OK && facts.serial.size == serial->size &&
              memcmp(facts.serial.octets, serial->octets, serial->size) == 0;
        certificate_facts_free(&facts);
    }
    return own;
}

static int journal_certificate(struct taking *t, const struct journal_entry *entry)
{
    const struct issuer *issuer = issuer_by_key(t, entry->key_id);
    struct certificate certificate = {0};
    struct error none = ERROR_NONE;
    uint64_t id = 0;
    int status = serials_owner(t->store, &entry->serial, &id, t->error);
    if (status || (!id && is_own(t, &entry->serial)) || (id && entry->at < t->order->at))
        return status;
    bool there = id && certificates_get(t->store, id, &certificate, &none) == OK;
    certificate_record_free(&certificate);
    return there ? OK : lost_add(t, entry, id, issuer ? issuer->key_index : 0);
}

static int journal_take(void *argument, const struct journal_entry *entry)
{
    struct taking *t = argument;
    const struct issuer *issuer = issuer_by_key(t, entry->key_id);
    if (entry->audit_number > t->audit_last)
        t->audit_last = entry->audit_number;
    if (entry->kind == SIGN_CRL && issuer && issuer->key_index < SIGNER_KEYS_MAX && serial_as_number(&entry->serial) > t->crl_number[issuer->key_index])
        t->crl_number[issuer->key_index] = serial_as_number(&entry->serial);
    return entry->kind == SIGN_CERTIFICATE ? journal_certificate(t, entry) : OK;
}

struct raising {
    struct taking *taking;
    uint64_t request;
};

static int raise_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct raising *raising = argument;
    const struct taking *t = raising->taking;
    struct buf detail = BUF_EMPTY;
    (void)error;
    if (t->audit_last > t->audit_head) { /* the signer signs no checkpoint over a number that it had in the time that is lost */
        buf_printf(&detail, "the records up to number %llu are lost, and their numbers with them", (unsigned long long)t->audit_last);
        struct audit_record record = record_of(AUDIT_GAP_ACTION, t->order->backup, "lost", "", buf_text(&detail));
        audit_skip(txn, t->audit_last);
        audit_add(txn, &record);
        buf_free(&detail);
    }
    return counter_raise(txn, "request", raising->request);
}

/* Every RequestID after the backup left at least one audit record, and the journal knows the last one's number. */
static int take_journal(struct taking *t)
{
    uint8_t head[32];
    int status = journal_each(t->order->journal, journal_take, t, NULL, t->error);
    if (!status)
        status = audit_head(t->store, &t->audit_head, head, t->error);
    uint64_t later = t->audit_last > t->order->audit_number ? t->audit_last - t->order->audit_number : 0;
    struct raising raising = {t, counter_get(t->store, "request") + later + REQUEST_SLACK};
    if (!status)
        status = store_write_reserved(t->store, raise_store, &raising, t->error);
    if (!status)
        buf_printf(t->report, "RequestIDs go on above %llu, so that none is given twice\n", (unsigned long long)raising.request);
    for (size_t i = 0; i < t->lost_count && !status; i++)
        if (!t->lost[i].id) {
            status = store_write_reserved(t->store, lost_store, &t->lost[i], t->error);
            t->failed++;
        }
    return status;
}

/* ---- certificates in the directory ---- */

struct adopting {
    const struct lost *lost;
    struct request request;
    struct certificate certificate;
};

static int adopt_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct adopting *adopting = argument;
    (void)error;
    requests_put(txn, &adopting->request);
    certificates_put(txn, &adopting->certificate);
    struct audit_record record = record_of("restore.certificate", authority_object(adopting->request.id).text, "issued", "restore.directory",
                                           adopting->certificate.publish_dn);
    audit_add(txn, &record);
    return store_txn_failed(txn);
}

static bool tbs_is(struct bytes der, const uint8_t digest[32])
{
    struct bytes rest;
    struct tlv tbs;
    uint8_t own[32];
    if (walk_only(der, DER_SEQUENCE, &rest) || walk_next(&rest, &tbs))
        return false;
    sha256_of(tbs.whole, own);
    return memcmp(own, digest, 32) == 0;
}

static int adopt_fill(struct adopting *a, const struct certificate_facts *facts, struct bytes der, const char *dn)
{
    struct properties names = {.subject = facts->subject, .names = facts->names, .name_count = facts->name_count};
    struct certificate *c = &a->certificate;
    c->id = a->lost->id;
    c->serial = a->lost->serial;
    c->der = malloc(der.size);
    c->der_size = der.size;
    c->not_before = facts->not_before;
    c->not_after = facts->not_after;
    c->key_index = a->lost->key_index;
    c->revocation_reason = -1;
    memcpy(c->sha1, facts->sha1, 20);
    memcpy(c->sha256, facts->sha256, 32);
    memcpy(c->spki_sha256, facts->spki_sha256, 32);
    c->subject = strdup(facts->subject);
    c->requester = strdup(a->request.requester);
    c->publish_dn = strdup(dn);
    c->template_name = a->request.template_name ? strdup(a->request.template_name) : NULL;
    if (!c->der || !c->subject || !c->requester || !c->publish_dn || record_names(c, &names))
        return INTERNAL;
    memcpy(c->der, der.data, der.size);
    free(a->request.subject);
    free(a->request.message);
    free(a->request.reason);
    a->request.disposition = DISPOSITION_ISSUED;
    a->request.subject = strdup(facts->subject);
    a->request.message = strdup("issued after the backup that was restored; taken back from the directory");
    a->request.reason = strdup("restore.directory");
    if (!a->request.requester_dn)
        a->request.requester_dn = strdup(dn);
    memcpy(a->request.spki_sha256, facts->spki_sha256, 32);
    return a->request.subject && a->request.message && a->request.reason && a->request.requester_dn ? OK : INTERNAL;
}

static int adopt(struct taking *t, const struct lost *lost, struct bytes der, const char *dn)
{
    struct adopting adopting = {.lost = lost};
    struct certificate_facts facts = {0};
    int status = requests_get(t->store, lost->id, &adopting.request, t->error);
    if (!status)
        status = certificate_read(der, &facts, t->error);
    if (!status && adopt_fill(&adopting, &facts, der, dn))
        status = error_memory(t->error);
    if (!status)
        status = store_write_reserved(t->store, adopt_store, &adopting, t->error);
    t->issued += !status;
    certificate_facts_free(&facts);
    certificate_record_free(&adopting.certificate);
    request_free(&adopting.request);
    return status;
}

static int entry_look(struct taking *t, const struct lost *lost, const struct directory_entry *entry, bool *found)
{
    const struct directory_attribute *values = directory_entry_get(entry, "userCertificate");
    for (size_t i = 0; values && i < values->count; i++)
        if (tbs_is(buf_bytes(&values->values[i]), lost->tbs)) {
            *found = true;
            return adopt(t, lost, buf_bytes(&values->values[i]), entry->dn);
        }
    return OK;
}

/* certificateExactMatch (RFC 4523 2.1): the serial in GSER, the issuer as it is written in the certificate. */
static int directory_look(struct taking *t, const struct lost *lost, struct error *why)
{
    static const char *const attributes[] = {"userCertificate", NULL};
    struct directory_entries entries = {0};
    struct buf assertion = BUF_EMPTY, filter = BUF_EMPTY;
    bool found = false;
    buf_add_text(&assertion, "{ serialNumber '");
    hex_encode(&assertion, bytes_of(lost->serial.octets, lost->serial.size));
    buf_printf(&assertion, "'H, issuer rdnSequence:\"%s\" }", t->issuer_count ? t->issuers[0].subject : "");
    buf_add_text(&filter, "(userCertificate=");
    filter_escape(&filter, buf_bytes(&assertion));
    buf_add_text(&filter, ")");
    int status = assertion.failed || filter.failed ? error_memory(why) : OK;
    if (!status)
        status = directory_search(t->directory, directory_base(t->directory), SCOPE_SUBTREE, buf_text(&filter), attributes, 16, &entries, why);
    for (size_t i = 0; i < entries.count && !status && !found; i++)
        status = entry_look(t, lost, &entries.items[i], &found);
    directory_entries_free(&entries);
    buf_free(&assertion);
    buf_free(&filter);
    return status;
}

/* A directory that is down, or does not know the match, costs the certificates, not the restore: their serials stand. */
static int take_directory(struct taking *t)
{
    struct error why = ERROR_NONE;
    int status = OK;
    if (!t->directory || !t->lost_count)
        return OK;
    for (size_t i = 0; i < t->lost_count && i < SEARCHES_MAX && !status; i++)
        status = directory_look(t, &t->lost[i], &why);
    if (status && t->error->status)
        return t->error->status;
    if (status)
        buf_printf(t->report, "certificates were not looked for in the directory to the end: %s\n", why.message);
    if (t->lost_count > SEARCHES_MAX)
        buf_printf(t->report, "only the first %d lost certificates were looked for in the directory\n", SEARCHES_MAX);
    return OK;
}

/* ---- revocations on the CRLs that stand outside ---- */

static const struct issuer *crl_issuer(const struct taking *t, struct bytes crl, const struct crl_facts *facts)
{
    for (size_t i = t->issuer_count; i > 0; i--) {
        const struct issuer *issuer = &t->issuers[i - 1];
        if (bytes_equal(facts->issuer_name, buf_bytes(&issuer->name)) && crl_check_signature(crl, buf_bytes(&issuer->certificate), NULL) == OK)
            return issuer;
    }
    return NULL;
}

static int crl_take(void *argument, struct bytes crl, const char *where)
{
    struct taking *t = argument;
    struct crl_facts facts;
    const struct issuer *issuer = crl_walk(crl, &facts, NULL, NULL) == OK ? crl_issuer(t, crl, &facts) : NULL;
    if (!issuer || !facts.has_number || issuer->key_index >= SIGNER_KEYS_MAX)
        return OK;
    struct found_crl *found = facts.delta_base ? &t->delta[issuer->key_index] : &t->complete[issuer->key_index];
    if (facts.number > t->crl_number[issuer->key_index])
        t->crl_number[issuer->key_index] = facts.number;
    if (found->number >= facts.number)
        return OK;
    buf_free(&found->der);
    buf_add(&found->der, crl.data, crl.size);
    found->number = facts.number;
    snprintf(found->where, sizeof found->where, "%s", where);
    return found->der.failed ? error_memory(t->error) : OK;
}

struct revoking {
    struct taking *taking;
    unsigned key_index;
    const struct crl_entry *entry;
    uint64_t id; /* 0: the serial is not known */
    struct request request;
    struct certificate certificate;
};

static int revoke_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct revoking *r = argument;
    const struct crl_entry *entry = r->entry;
    (void)error;
    if (!r->id) {
        r->id = r->request.id = r->certificate.id = counter_next(txn, "request");
        serials_take(txn, &entry->serial, r->id);
    }
    struct revocation row = {.id = r->id, .serial = entry->serial, .revoked_at = entry->revoked_at, .invalid_since = entry->invalid_since,
                             .not_after = r->certificate.not_after, .reason = entry->reason, .key_index = r->certificate.key_index,
                             .crl_partition = r->certificate.crl_partition};
    r->certificate.revocation_reason = entry->reason;
    r->certificate.revoked_at = entry->revoked_at;
    r->certificate.invalid_since = entry->invalid_since;
    r->request.disposition = DISPOSITION_REVOKED;
    r->request.resolved_at = clock_now();
    revoked_put(txn, &row);
    requests_put(txn, &r->request);
    certificates_put(txn, &r->certificate);
    struct audit_record record = record_of("restore.revocation", authority_object(r->id).text, "revoked", revocation_reason_name(entry->reason), "");
    audit_add(txn, &record);
    return store_txn_failed(txn);
}

/* A failed request has no certificate: what the CRL says of its serial stands in a record without one. */
static int revoking_read(struct revoking *r)
{
    struct taking *t = r->taking;
    struct error none = ERROR_NONE;
    int status = serials_owner(t->store, &r->entry->serial, &r->id, t->error);
    if (!status && r->id && requests_get(t->store, r->id, &r->request, &none))
        return REFUSED; /* purged: expired long ago */
    if (!status && !r->id) {
        t->unknown++;
        status = request_fill(&r->request, &r->entry->serial, r->entry->revoked_at, "restore.unknown", "on a CRL, and nothing else is known of it") ? error_memory(t->error) : OK;
    }
    if (status || (r->id && certificates_get(t->store, r->id, &r->certificate, &none) == OK))
        return status;
    r->certificate = (struct certificate){.id = r->id, .serial = r->entry->serial, .not_after = INT64_MAX / 2, .revocation_reason = -1,
                                          .key_index = r->key_index};
    return OK;
}

struct crl_applying {
    struct taking *taking;
    unsigned key_index;
};

static int revocation_take(const struct crl_entry *entry, void *argument)
{
    const struct crl_applying *applying = argument;
    struct taking *t = applying->taking;
    struct revoking r = {.taking = t, .key_index = applying->key_index, .entry = entry};
    if (entry->reason == REASON_REMOVE_FROM_CRL) {
        t->holds++;
        return OK;
    }
    int status = revoking_read(&r);
    bool same = !status && r.certificate.revocation_reason == entry->reason && r.certificate.revoked_at == entry->revoked_at;
    if (!status && !same) {
        status = store_write_reserved(t->store, revoke_store, &r, t->error);
        t->revoked += !status;
    }
    certificate_record_free(&r.certificate);
    request_free(&r.request);
    return status == REFUSED ? OK : status;
}

static int apply_crl(struct taking *t, unsigned key_index, const struct found_crl *crl, const char *kind)
{
    struct crl_applying applying = {t, key_index};
    struct crl_facts facts;
    struct bytes tbs;
    if (!crl->number)
        return OK;
    buf_printf(t->report, "%s %llu of key %u was read from %s\n", kind, (unsigned long long)crl->number, key_index, crl->where);
    int status = crl_walk(buf_bytes(&crl->der), &facts, &tbs, t->error);
    return status ? status : crl_tbs_each(tbs, revocation_take, &applying);
}

static int take_crls(struct taking *t)
{
    int status = restore_crls_each(t->order->conf, t->directory, crl_take, t, t->report);
    bool some = false;
    for (unsigned key = 0; key < SIGNER_KEYS_MAX && !status; key++) {
        status = apply_crl(t, key, &t->complete[key], "CRL");
        if (!status && t->delta[key].number > t->complete[key].number)
            status = apply_crl(t, key, &t->delta[key], "delta CRL");
        some |= t->complete[key].number != 0;
    }
    if (!some)
        buf_add_text(t->report, "no CRL of this CA was found outside: revocations after the backup are not known; revoke again\n");
    return status;
}

/* ---- the end: numbers, outbox, the mark that a person must take away ---- */

static int end_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct taking *t = argument;
    struct buf at = BUF_EMPTY, detail = BUF_EMPTY;
    (void)error;
    for (unsigned key = 0; key < SIGNER_KEYS_MAX; key++)
        if (t->crl_number[key])
            crls_number_raise(txn, key, t->crl_number[key]);
    buf_printf(&at, "%lld", (long long)t->order->at);
    buf_printf(&detail, "%llu serials, %llu certificates and %llu revocations were taken back", (unsigned long long)t->failed,
               (unsigned long long)t->issued, (unsigned long long)t->revoked);
    setting_put(txn, "backup.last_at", buf_bytes(&at));
    setting_put(txn, "backup.last_folder", bytes_of_text(t->order->backup));
    setting_put(txn, "backup.partial", bytes_of_text(""));
    setting_put(txn, "restore.report", buf_bytes(t->report));
    setting_put(txn, "restore.pending", bytes_of_text("yes"));
    struct audit_record record = record_of("ca.restore", t->order->backup, "restored", "", buf_text(&detail));
    audit_add(txn, &record);
    buf_free(&at);
    buf_free(&detail);
    return store_txn_failed(txn);
}

static void report_begin(struct taking *t)
{
    char at[TIME_TEXT_SIZE];
    buf_printf(t->report, "restored from %s, as of %s\n", t->order->backup, time_format(t->order->at, at));
}

static void report_end(struct taking *t)
{
    say(t, t->reserved, "requests were being issued when the backup was taken; they failed");
    say(t, t->failed, "serials were signed after the backup and have no request any more; each is a failed request now, which can be revoked");
    say(t, t->issued, "certificates that were issued after the backup were taken back from the directory");
    say(t, t->lost_count - t->issued, "certificates that were signed after the backup are nowhere: list --disposition failed shows them");
    say(t, t->revoked, "revocations were taken back from the CRLs outside");
    say(t, t->unknown, "of them are of serials that nothing else is known of");
    say(t, t->holds, "holds were released on a delta CRL after the backup: release them again");
    say(t, t->dropped, "CRLs left the outbox: what is published is newer");
    if (t->audit_last > t->order->audit_number)
        buf_printf(t->report, "the audit records above %llu are lost; the journal names %llu: compare with syslog\n",
                   (unsigned long long)t->order->audit_number, (unsigned long long)t->audit_last);
    buf_add_text(t->report, "requests, decisions, assignments and templates of the time after the backup are lost\n");
}

static void taking_free(struct taking *t)
{
    for (size_t i = 0; i < t->issuer_count; i++)
        issuer_free(&t->issuers[i]);
    for (size_t i = 0; i < SIGNER_KEYS_MAX; i++) {
        buf_free(&t->complete[i].der);
        buf_free(&t->delta[i].der);
    }
    if (t->directory)
        directory_close(t->directory);
    if (t->store)
        store_close(t->store);
    free(t->lost);
    free(t);
}

static int take_directory_open(struct taking *t)
{
    struct error why = ERROR_NONE;
    if (!conf_text(t->order->conf, "directory", "uri"))
        return OK;
    if (!directory_open(t->order->conf, "directory", &t->directory, &why) && !directory_ping(t->directory, &why))
        return OK;
    buf_printf(t->report, "the directory was not asked: %s\n", why.message);
    if (t->directory)
        directory_close(t->directory);
    t->directory = NULL;
    return OK;
}

static int take_end(struct taking *t)
{
    int status = outbox_drop_crls(t->store, &t->dropped, t->error);
    report_end(t);
    if (!status && t->report->failed)
        status = error_memory(t->error);
    return status ? status : store_write_reserved(t->store, end_store, t, t->error);
}

int restore_take(const struct restore_order *order, struct buf *report, struct error *error)
{
    static int (*const steps[])(struct taking *) = {take_issuers, take_directory_open, take_reservations, take_journal, take_directory, take_crls, take_end};
    struct store_options options = {.path = order->database};
    struct taking *t = calloc(1, sizeof *t);
    if (!t)
        return error_memory(error);
    t->order = order;
    t->report = report;
    t->error = error;
    report_begin(t);
    int status = store_open(&options, &t->store, error);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !status; i++)
        status = steps[i](t);
    if (status)
        error_set(error, status, "restore.take", "what came after the backup cannot be taken back");
    taking_free(t);
    return status;
}
