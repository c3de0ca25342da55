/* Revocations whose date lies ahead. Each stands in a list until its date; then its row gets a new place in the order of
 * revocations, so that the next CRL takes it, a delta as well, whatever was published meanwhile. */
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/log.h"

#define SCHEDULE "revocation.scheduled"
#define ENTRY_SIZE 16 /* RequestID and date, big-endian */
#define SCHEDULE_MAX 4096

static uint64_t entry_id(const struct buf *list, size_t at)
{
    return get_u64(list->data + at);
}

static int64_t entry_date(const struct buf *list, size_t at)
{
    return (int64_t)get_u64(list->data + at + 8);
}

/* All but this request's. */
static void entries_without(const struct buf *list, uint64_t id, struct buf *out)
{
    for (size_t at = 0; at + ENTRY_SIZE <= list->size; at += ENTRY_SIZE)
        if (entry_id(list, at) != id)
            buf_add(out, list->data + at, ENTRY_SIZE);
}

int schedule_set(struct store_txn *txn, uint64_t id, int64_t date, struct error *error)
{
    struct buf list = BUF_EMPTY, fresh = BUF_EMPTY;
    uint8_t entry[ENTRY_SIZE];
    int status = setting_get_txn(txn, SCHEDULE, &list);
    if (status == REFUSED)
        status = OK; /* nothing is scheduled yet */
    if (!status)
        entries_without(&list, id, &fresh);
    if (!status && date && fresh.size >= (size_t)ENTRY_SIZE * SCHEDULE_MAX)
        status = error_set(error, REFUSED, "revoke.scheduled", "%d revocations wait for their date already: revoke this one now", SCHEDULE_MAX);
    if (!status && date) {
        put_u64(entry, id);
        put_u64(entry + 8, (uint64_t)date);
        buf_add(&fresh, entry, sizeof entry);
    }
    if (!status && fresh.failed)
        status = error_memory(error);
    if (!status && (date || fresh.size != list.size))
        status = setting_put(txn, SCHEDULE, buf_bytes(&fresh));
    buf_free(&list);
    buf_free(&fresh);
    return status;
}

/* ---- when the date has come ---- */

struct due {
    struct authority *authority;
    uint64_t id;
    int64_t date;
};

/* Closure: the same revocation once more, as the newest. What was released or given another date meanwhile has left the list. */
static int due_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct due *due = argument;
    struct identity daemon = {.uid = -1, .account = (char *)"chanceryd"};
    struct certificate certificate = {0};
    int status = certificates_get_txn(txn, due->id, &certificate);
    if (!status && certificate.revocation_reason >= 0 && certificate.revoked_at == due->date) {
        struct revocation row = {.id = due->id, .serial = certificate.serial, .revoked_at = certificate.revoked_at,
                                 .invalid_since = certificate.invalid_since, .not_after = certificate.not_after,
                                 .reason = certificate.revocation_reason, .key_index = certificate.key_index,
                                 .crl_partition = certificate.crl_partition};
        revoked_put(txn, &row);
        authority_audit(due->authority, txn, &daemon, "certificate.revoke", authority_object(due->id).text, "in effect",
                        revocation_reason_name(row.reason), "");
    }
    if (!status)
        status = schedule_set(txn, due->id, 0, error);
    certificate_record_free(&certificate);
    return status ? status : store_txn_failed(txn);
}

void schedule_run(struct authority *authority)
{
    struct buf list = BUF_EMPTY;
    struct error error = ERROR_NONE;
    int64_t now = clock_now();
    if (setting_get(authority->store, SCHEDULE, &list, &error))
        list.size = 0; /* none, or not to be read now: the next second asks again */
    for (size_t at = 0; at + ENTRY_SIZE <= list.size; at += ENTRY_SIZE) {
        struct due due = {authority, entry_id(&list, at), entry_date(&list, at)};
        struct error why = ERROR_NONE;
        if (due.date <= now && store_write_reserved(authority->store, due_store, &due, &why))
            log_error("the revocation of request %llu is due and cannot be put down: %s", (unsigned long long)due.id, why.message);
    }
    buf_free(&list);
}
