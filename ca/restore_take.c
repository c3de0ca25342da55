/* Taking back what came after a backup. The signer's journal knows every serial and every CRL number; the directory has the published
 * certificates, which the journal's digests prove; the last CRL has the revocations, which its signature proves. What cannot be
 * taken back stands in the report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/restore_take.h"
#include "ca/signer/journal.h"
#include "ca/store/bulk.h"
#include "ca/store/restore.h"
#include "ca/x509/crl.h"
#include "ca/x509/walk.h"

#define REQUEST_SLACK 1000 /* RequestIDs given after the last signature: pending, denied */

void restore_say(struct taking *t, uint64_t count, const char *what)
{
    if (count)
        buf_printf(t->report, "%llu %s\n", (unsigned long long)count, what);
}

struct audit_record restore_record(const char *action, const char *object, const char *outcome, const char *reason, const char *detail)
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

const struct issuer *restore_issuer_by_key(const struct taking *t, const uint8_t key_id[20])
{
    for (size_t i = t->issuer_count; i > 0; i--)
        if (memcmp(t->issuers[i - 1].key_id, key_id, 20) == 0)
            return &t->issuers[i - 1];
    return NULL;
}

/* ---- failed requests ---- */

int restore_request_fill(struct request *request, const struct serial *serial, int64_t at, const char *reason, const char *message)
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
    int status = restore_request_fill(&request, &lost->serial, lost->at, "restore.lost", "signed after the backup that was restored: its request is lost");
    if (!status) {
        request.id = lost->id = counter_next(txn, "request");
        status = serials_take(txn, &lost->serial, lost->id);
    }
    if (!status) {
        requests_put(txn, &request);
        struct audit_record record = restore_record("restore.serial", authority_object(lost->id).text, "failed", "restore.lost", serial_text(&lost->serial, text));
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
    struct audit_record record = restore_record("restore.reservation", authority_object(reservation->id).text, "failed", "restore.reserved", "");
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
    const struct issuer *issuer = restore_issuer_by_key(t, entry->key_id);
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
    const struct issuer *issuer = restore_issuer_by_key(t, entry->key_id);
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
        struct audit_record record = restore_record(AUDIT_GAP_ACTION, t->order->backup, "lost", "", buf_text(&detail));
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
    struct audit_record record = restore_record("ca.restore", t->order->backup, "restored", "", buf_text(&detail));
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
    restore_say(t, t->reserved, "requests were being issued when the backup was taken; they failed");
    restore_say(t, t->failed, "serials were signed after the backup and have no request any more; each is a failed request now, which can be revoked");
    restore_say(t, t->issued, "certificates that were issued after the backup were taken back from the directory");
    restore_say(t, t->lost_count - t->issued, "certificates that were signed after the backup are nowhere: list --disposition failed shows them");
    restore_say(t, t->revoked, "revocations were taken back from the CRLs outside");
    restore_say(t, t->unknown, "of them are of serials that nothing else is known of");
    restore_say(t, t->holds, "holds were released on a delta CRL after the backup: release them again");
    restore_say(t, t->dropped, "CRLs left the outbox: what is published is newer");
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
    static int (*const steps[])(struct taking *) = {take_issuers, take_directory_open, take_reservations, take_journal, restore_take_directory, restore_take_crls, take_end};
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
