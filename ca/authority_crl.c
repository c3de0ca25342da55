/* Making CRLs: when one is due, what stands on it, its number, and the transaction that makes it the newest.
 * Never waits for the directory: publishing is an outbox row. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/log.h"
#include "ca/x509/crl.h"

#define REASON_REMOVE_FROM_CRL 8

struct crl_work {
    struct authority *authority;
    const struct identity *caller;
    const struct issuer *issuer;
    struct crl_writer *writer;
    struct crl_record record;
    struct crl_record previous; /* the last complete one; number 0: none */
    int crl_fd;
    bool superseded; /* another key issues now */
    uint64_t audit_number;
    uint64_t journal_number; /* the last that the signer signed: an emergency CRL stands in its journal alone */
    int64_t now;
};

/* ---- due? ---- */

struct waiting {
    unsigned key_index;
    int64_t since;
};

static int waiting_first(const struct revocation *row, void *argument)
{
    struct waiting *waiting = argument;
    if (row->key_index != waiting->key_index)
        return OK;
    if (!waiting->since || row->revoked_at < waiting->since)
        waiting->since = row->revoked_at;
    return OK;
}

/* A successor is due when the interval is over, or a revocation waits longer than crl.max_delay. */
static int crl_is_due(struct crl_work *work, const struct crl_record *last, bool *due, struct error *error)
{
    struct waiting waiting = {.key_index = work->issuer->key_index};
    int64_t delay = conf_number(work->authority->conf, "crl", "max_delay");
    *due = !last->number || work->now >= last->next_publish;
    if (*due || delay <= 0)
        return OK;
    int status = revoked_each(work->authority->store, last->sequence, revoked_sequence(work->authority->store), waiting_first, &waiting,
                              error);
    *due = !status && waiting.since && waiting.since + delay <= work->now;
    return status;
}

static int crl_last(struct authority *authority, const struct issuer *issuer, bool delta, struct crl_record *out, struct error *error)
{
    struct error none = ERROR_NONE;
    memset(out, 0, sizeof *out);
    int status = crls_latest(authority->store, issuer->key_index, 0, delta, out, &none);
    if (status == REFUSED) {
        memset(out, 0, sizeof *out);
        return OK;
    }
    return status ? error_set(error, none.status, none.reason, "%s", none.message) : OK;
}

/* ---- the form and its entries ---- */

static void crl_object(const struct crl_work *work, struct buf *out)
{
    buf_printf(out, "CRL %llu", (unsigned long long)work->record.number);
    if (work->issuer->key_index)
        buf_printf(out, " of key %u", work->issuer->key_index);
}

static int crl_number_next(struct store_txn *txn, void *argument, struct error *error)
{
    struct crl_work *work = argument;
    uint64_t highest = crls_highest_number_txn(txn, work->issuer->key_index);
    (void)error;
    if (highest < work->journal_number)
        highest = work->journal_number;
    work->record.number = highest + 1 > (uint64_t)work->now ? highest + 1 : (uint64_t)work->now;
    struct buf object = BUF_EMPTY;
    crl_object(work, &object);
    work->audit_number = authority_audit(work->authority, txn, work->caller, "crl.sign", buf_text(&object), "begun", "", "");
    buf_free(&object);
    return store_txn_failed(txn);
}

static int crl_add(const struct revocation *row, void *argument)
{
    struct crl_work *work = argument;
    bool removed = row->reason == REASON_REMOVE_FROM_CRL;
    if (row->key_index != work->record.key_index || row->revoked_at > work->now)
        return OK;
    if (removed && !work->record.delta)
        return OK;
    /* an expired certificate leaves once it stood on one complete CRL past its expiry */
    bool stood = row->sequence <= work->previous.sequence && row->revoked_at <= work->previous.this_update;
    if (stood && row->not_after < work->now && work->previous.number && row->not_after < work->previous.this_update)
        return OK;
    struct crl_entry entry = {.serial = row->serial, .revoked_at = row->revoked_at, .invalid_since = row->invalid_since,
                              .reason = row->reason};
    return crl_writer_add(work->writer, &entry);
}

static void crl_times(struct crl_work *work)
{
    const struct conf *conf = work->authority->conf;
    work->record.this_update = work->now;
    work->record.next_update = work->now + conf_number(conf, "crl", "validity");
    work->record.next_publish = work->now + conf_number(conf, "crl", "interval");
    int64_t end = authority_key_end(work->authority, work->issuer->key_index);
    if (authority_ended_at(work->authority) && !work->record.delta) /* the last one: nobody may be left to make another */
        work->record.next_update = work->record.next_publish = end;
    if (work->record.next_update > end)
        work->record.next_update = end;
}

static int crl_write(struct crl_work *work, int *tbs_fd, size_t *tbs_size, struct error *error)
{
    struct crl_form form = {.number = work->record.number, .this_update = work->record.this_update,
                            .next_update = work->record.next_update, .delta_base = work->record.base_number};
    uint64_t after = work->record.delta ? work->previous.sequence : 0;
    int status = crl_writer_open(work->issuer, &form, &work->writer, error);
    if (status)
        return status;
    status = revoked_each(work->authority->store, after, work->record.sequence, crl_add, work, error);
    if (status) {
        crl_writer_abandon(work->writer);
        return error_set(error, status, "crl.entries", "the revoked certificates cannot be read");
    }
    return crl_writer_finish(work->writer, tbs_fd, tbs_size, &work->record.entries, error);
}

static int crl_sign(struct crl_work *work, struct error *error)
{
    int tbs_fd = -1;
    size_t tbs_size = 0, size = 0;
    struct buf signature = BUF_EMPTY;
    int status = crl_write(work, &tbs_fd, &tbs_size, error);
    if (!status)
        status = signer_sign_crl(work->authority->signer, work->issuer->key_index, tbs_fd, work->audit_number, &signature, error);
    if (!status)
        signing_done(work->authority);
    if (!status)
        status = crl_assemble(tbs_fd, tbs_size, buf_bytes(&work->issuer->algorithm), buf_bytes(&signature), &work->crl_fd, &size,
                              error);
    work->record.size = size;
    if (tbs_fd >= 0)
        close(tbs_fd);
    buf_free(&signature);
    return status;
}

/* ---- the newest ---- */

static int crl_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct crl_work *work = argument;
    struct event event = {.kind = EVENT_CRL_ISSUED, .at = work->now, .crl_number = work->record.number,
                          .key_index = work->record.key_index, .delta = work->record.delta, .superseded = work->superseded, .reason = -1,
                          .crl_fd = -1};
    struct buf object = BUF_EMPTY, detail = BUF_EMPTY;
    (void)error;
    crls_put(txn, &work->record, work->crl_fd);
    authority_emit(work->authority, txn, &event);
    crl_object(work, &object);
    buf_printf(&detail, "%llu entries", (unsigned long long)work->record.entries);
    authority_audit(work->authority, txn, work->caller, "crl.publish", buf_text(&object), "issued", "", buf_text(&detail));
    buf_free(&object);
    buf_free(&detail);
    return store_txn_failed(txn);
}

static int journal_number(struct crl_work *work, struct error *error)
{
    struct signer_info info = {0};
    int status = signer_info(work->authority->signer, &info, error);
    if (!status && work->issuer->key_index < info.key_count)
        work->journal_number = info.keys[work->issuer->key_index].last_crl_number;
    signer_info_free(&info);
    return status;
}

static int crl_make(struct crl_work *work, bool if_due, bool *made, struct error *error)
{
    struct authority *authority = work->authority;
    struct crl_record last;
    bool due = true;
    int status = crl_last(authority, work->issuer, work->record.delta, &last, error);
    if (!status)
        status = crl_last(authority, work->issuer, false, &work->previous, error);
    if (!status && work->record.delta && !work->previous.number)
        status = error_set(error, REFUSED, "crl.no_base", "there is no complete CRL yet: a delta needs one (`chancery crl publish`)");
    if (!status && if_due)
        status = crl_is_due(work, &last, &due, error);
    if (status || !due)
        return status;
    work->record.key_index = work->issuer->key_index;
    work->record.base_number = work->record.delta ? work->previous.number : 0;
    work->record.sequence = revoked_sequence(authority->store);
    crl_times(work);
    status = journal_number(work, error);
    if (!status)
        status = store_write_reserved(authority->store, crl_number_next, work, error);
    if (!status)
        status = crl_sign(work, error);
    if (!status)
        status = store_write_reserved(authority->store, crl_store, work, error);
    *made = status == OK;
    if (*made && !work->record.delta && revoked_prune(authority->store, work->record.sequence, error))
        log_warn("superseded revocations are still kept: %s", error->message);
    return status;
}

/* The series of one key, when it has anything left to sign for. */
static int crl_of_key(struct crl_work *work, unsigned key_index, bool if_due, bool *made, struct error *error)
{
    bool delta = work->record.delta;
    work->record = (struct crl_record){.delta = delta};
    work->crl_fd = -1;
    work->issuer = authority_issuer_of_key(work->authority, key_index, error);
    work->superseded = key_index + 1 < authority_key_count(work->authority);
    if (!work->issuer)
        return error->status;
    int status = crl_make(work, if_due, made, error);
    if (work->crl_fd >= 0)
        close(work->crl_fd);
    return status;
}

/* A key whose certificates have all expired signs no more. One key alone is asked whatever its state, and its error said. */
static bool key_signs_crls(struct authority *authority, unsigned key_index, int64_t now)
{
    return key_index + 1 == authority_key_count(authority) || authority_key_end(authority, key_index) > now;
}

static int crl_of_all_keys(struct crl_work *work, bool if_due, struct crl_record made[CA_KEYS_MAX], size_t *count, struct error *error)
{
    size_t keys = authority_key_count(work->authority);
    int status = OK;
    for (unsigned i = 0; i < keys && i < CA_KEYS_MAX && !status; i++) {
        bool one = false;
        if (!key_signs_crls(work->authority, i, work->now))
            continue;
        status = crl_of_key(work, i, if_due, &one, error);
        if (one)
            made[(*count)++] = work->record;
    }
    return status;
}

int authority_crl_publish(struct authority *authority, const struct identity *caller, bool delta, bool if_due,
                          struct crl_record made[CA_KEYS_MAX], size_t *count, struct error *error)
{
    struct crl_work work = {.authority = authority, .caller = caller, .crl_fd = -1, .now = clock_now(), .record = {.delta = delta}};
    int status;
    *count = 0;
    if (!authority_issuer(authority, error) || signing_check(authority, error)) {
        status = error->status;
    } else if (pthread_mutex_trylock(&authority->crl_lock)) {
        status = error_set(error, if_due ? TEMPORARY : REFUSED, "crl.busy", "a CRL is being made at this moment: wait for it");
    } else {
        status = crl_of_all_keys(&work, if_due, made, count, error);
        pthread_mutex_unlock(&authority->crl_lock);
        if (!status)
            authority_compare(authority);
    }
    if (status)
        authority_audit_refusal(authority, caller, "crl.publish", "CRL", error);
    return status;
}

int authority_crl_latest(struct authority *authority, int key_index, bool delta, struct crl_record *out, struct error *error)
{
    const struct issuer *issuer = key_index < 0 ? authority_issuer(authority, error)
                                                : authority_issuer_of_key(authority, (unsigned)key_index, error);
    return issuer ? crls_latest(authority->store, issuer->key_index, 0, delta, out, error) : error->status;
}

int authority_crl_write(struct authority *authority, const struct crl_record *record, int fd, struct error *error)
{
    return crls_write_to(authority->store, record, fd, error);
}
