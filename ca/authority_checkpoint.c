/* Checkpoints of the audit chain (every hour, at start and stop, at the end of an export), its verification and its export. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/audit/line.h"
#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/log.h"
#include "ca/signer/checkpoint.h"

#define RETRY_S 60 /* after a checkpoint that could not be made */

/* ---- making one ---- */

static int checkpoint_store(struct store_txn *txn, void *argument, struct error *error)
{
    (void)error;
    return checkpoints_put(txn, argument);
}

/* The signer remembers what it signed: a checkpoint that could not be stored is kept, or the database would look like one that was put
 * back. Call with the lock held. */
static int checkpoint_keep(struct authority *authority, struct audit_checkpoint *checkpoint, struct error *error)
{
    int status = store_write_reserved(authority->store, checkpoint_store, checkpoint, error);
    if (!status)
        return OK;
    audit_checkpoint_free(&authority->unstored);
    authority->unstored = *checkpoint;
    *checkpoint = (struct audit_checkpoint){0};
    atomic_store(&authority->checkpoint_waits, true);
    return status;
}

/* Stores the one that was kept. Call with the lock held. */
static int checkpoint_settle(struct authority *authority, struct error *error)
{
    if (!atomic_load(&authority->checkpoint_waits))
        return OK;
    int status = store_write_reserved(authority->store, checkpoint_store, &authority->unstored, error);
    if (status)
        return status;
    audit_checkpoint_free(&authority->unstored);
    atomic_store(&authority->checkpoint_waits, false);
    return OK;
}

static int checkpoint_sign(struct authority *authority, const struct issuer *issuer, uint64_t previous, const uint8_t head[32],
                           struct audit_checkpoint *out, struct error *error)
{
    struct checkpoint said = {.number = out->number, .previous = previous, .at = clock_now()};
    memcpy(said.head, head, sizeof said.head);
    checkpoint_build(&said, &out->tbs);
    out->at = said.at;
    if (out->tbs.failed)
        return error_memory(error);
    int status = signing_check(authority, error);
    if (!status)
        status = key_identifier(buf_bytes(&issuer->spki), out->key_id, error);
    if (!status)
        status = signer_sign(authority->signer, issuer->key_index, SIGN_CHECKPOINT, buf_bytes(&out->tbs), out->number, &out->signature, error);
    if (!status)
        signing_done(authority);
    if (!status)
        status = checkpoint_keep(authority, out, error);
    return status;
}

/* One over the record that is the last now; the last one again when nothing was recorded since. Call with the lock held. */
static int checkpoint_make(struct authority *authority, struct audit_checkpoint *out, struct error *error)
{
    const struct issuer *issuer = authority_issuer(authority, error);
    uint8_t head[32];
    uint64_t number, previous;
    int status = issuer ? checkpoint_settle(authority, error) : error->status;
    if (!status)
        status = checkpoints_latest(authority->store, out, error);
    if (!status)
        status = audit_head(authority->store, &number, head, error);
    if (status || out->number == number)
        return status;
    previous = out->number;
    audit_checkpoint_free(out);
    out->number = number;
    return checkpoint_sign(authority, issuer, previous, head, out, error);
}

int checkpoint_now(struct authority *authority, struct audit_checkpoint *out, struct error *error)
{
    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&authority->checkpoint_lock);
    int status = checkpoint_make(authority, out, error);
    pthread_mutex_unlock(&authority->checkpoint_lock);
    if (status)
        audit_checkpoint_free(out);
    return status;
}

/* At the first tick too: whatever the daemon before us left unsigned is under a checkpoint then. */
void checkpoint_tick(struct authority *authority)
{
    struct audit_checkpoint made;
    struct error error = ERROR_NONE, none = ERROR_NONE;
    int64_t now = clock_monotonic_ms() / 1000;
    if ((now < authority->checkpoint_due && !atomic_load(&authority->checkpoint_waits)) || signing_locked(authority) || !authority_issuer(authority, &none))
        return;
    int status = checkpoint_now(authority, &made, &error);
    atomic_store(&authority->checkpoint_fails, status != OK);
    if (status && now < authority->checkpoint_due)
        return; /* one that waits for room is tried every second, and complained of once a minute */
    if (status) {
        authority->checkpoint_due = now + RETRY_S;
        log_error("no checkpoint could be made over the audit records, which are not proof without it: %s", error.message);
        return;
    }
    authority->checkpoint_due = now + conf_number(authority->conf, "audit", "checkpoint");
    audit_checkpoint_free(&made);
}

enum health_state checkpoint_health(struct authority *authority, int64_t now, char *message, size_t size)
{
    struct audit_checkpoint last = {0};
    struct error error = ERROR_NONE;
    uint64_t number = 0;
    uint8_t head[32];
    char at[TIME_TEXT_SIZE];
    int64_t late = 2 * conf_number(authority->conf, "audit", "checkpoint") + RETRY_S;
    enum health_state state = HEALTH_OK;
    if (checkpoints_latest(authority->store, &last, &error) || audit_head(authority->store, &number, head, &error)) {
        snprintf(message, size, "%s", error.message);
        state = HEALTH_UNKNOWN;
    } else {
        bool uncovered = number > last.number && (atomic_load(&authority->checkpoint_fails) || (last.at && now - last.at > late));
        unsigned long long after = number > last.number ? number - last.number : 0;
        state = uncovered ? HEALTH_WARNING : HEALTH_OK;
        snprintf(message, size, "%llu records, the last checkpoint over record %llu%s%s%s", (unsigned long long)number,
                 (unsigned long long)last.number, last.at ? " of " : "", last.at ? time_format(last.at, at) : "",
                 uncovered ? "; none can be made since: the daemon's log says why" : after ? "" : ", which covers them all");
    }
    audit_checkpoint_free(&last);
    return state;
}

/* ---- verifying the database ---- */

struct verification {
    struct audit_chain chain;
    struct audit_checkpoint *checkpoints; /* all there were when it began, in order */
    size_t count, next;
    uint64_t head_number;
    uint8_t head[32];
    struct error *error;
};

static int checkpoint_collect(const struct audit_checkpoint *checkpoint, void *argument)
{
    struct verification *v = argument;
    struct audit_checkpoint *more = realloc(v->checkpoints, (v->count + 1) * sizeof *more);
    if (!more)
        return error_memory(v->error);
    v->checkpoints = more;
    more += v->count++;
    *more = (struct audit_checkpoint){.number = checkpoint->number, .at = checkpoint->at};
    memcpy(more->key_id, checkpoint->key_id, sizeof more->key_id);
    buf_add(&more->tbs, checkpoint->tbs.data, checkpoint->tbs.size);
    buf_add(&more->signature, checkpoint->signature.data, checkpoint->signature.size);
    return more->tbs.failed || more->signature.failed ? error_memory(v->error) : OK;
}

static int record_verify(uint64_t number, struct bytes octets, void *argument)
{
    struct verification *v = argument;
    int status = audit_chain_record(&v->chain, number, octets, v->error);
    if (!status && v->next < v->count && v->checkpoints[v->next].number < number)
        status = error_set(v->error, REFUSED, "audit.missing", "there is a checkpoint over record %llu, and no such record",
                           (unsigned long long)v->checkpoints[v->next].number);
    if (!status && v->next < v->count && v->checkpoints[v->next].number == number)
        status = audit_chain_checkpoint(&v->chain, &v->checkpoints[v->next++], v->error);
    if (!status && number == v->head_number && memcmp(v->chain.head, v->head, sizeof v->head) != 0)
        status = error_set(v->error, REFUSED, "audit.changed", "record %llu is not the one that was written last", (unsigned long long)number);
    return status;
}

static int signer_facts(struct authority *authority, struct audit_keys *keys, uint64_t *last_checkpoint, struct error *error)
{
    struct signer_info info = {0};
    int status = signer_info(authority->signer, &info, error);
    if (!status && !info.key_count)
        status = error_set(error, TEMPORARY, "signer.locked", "the signer is locked: without its keys nothing can be verified");
    for (size_t i = 0; i < info.key_count && !status; i++)
        status = audit_keys_add(keys, buf_bytes(&info.keys[i].spki), error);
    *last_checkpoint = info.last_checkpoint;
    signer_info_free(&info);
    return status;
}

/* What the signer remembers against what the database has: one that was put back to an earlier day ends too soon. */
static int journal_verify(const struct verification *v, uint64_t signed_last, struct error *error)
{
    if (v->chain.last < v->head_number || v->next < v->count)
        return error_set(error, REFUSED, "audit.cut", "the database ends after record %llu, and record %llu was written: its end is missing",
                         (unsigned long long)v->chain.last,
                         (unsigned long long)(v->next < v->count ? v->checkpoints[v->count - 1].number : v->head_number));
    if (signed_last > v->chain.checkpoint)
        return error_set(error, REFUSED, "audit.cut", "the signer's journal has a checkpoint over record %llu, the database's last is over "
                         "record %llu: the database was put back, or checkpoints were taken out of it", (unsigned long long)signed_last,
                         (unsigned long long)v->chain.checkpoint);
    return OK;
}

int authority_audit_verify(struct authority *authority, struct audit_chain *out, struct error *error)
{
    struct verification v = {.error = error};
    struct audit_keys keys = {0};
    uint64_t signed_last = 0;
    pthread_mutex_lock(&authority->checkpoint_lock); /* none may be signed and not yet stored */
    int status = signer_facts(authority, &keys, &signed_last, error);
    if (!status)
        status = checkpoints_each(authority->store, 0, checkpoint_collect, &v, error);
    if (!status && atomic_load(&authority->checkpoint_waits)) /* for room on the disk; it proves as much */
        status = checkpoint_collect(&authority->unstored, &v);
    pthread_mutex_unlock(&authority->checkpoint_lock);
    if (!status)
        status = audit_head(authority->store, &v.head_number, v.head, error);
    audit_chain_begin(&v.chain, &keys, 0);
    if (!status)
        status = audit_octets(authority->store, 0, record_verify, &v, error);
    if (!status)
        status = journal_verify(&v, signed_last, error);
    *out = v.chain;
    out->keys = NULL;
    for (size_t i = 0; i < v.count; i++)
        audit_checkpoint_free(&v.checkpoints[i]);
    free(v.checkpoints);
    audit_keys_free(&keys);
    return status;
}

/* ---- export ---- */

struct export_order {
    struct authority *authority;
    const struct identity *caller;
    uint64_t after;
};

static int export_store(struct store_txn *txn, void *argument, struct error *error)
{
    const struct export_order *order = argument;
    struct buf detail = BUF_EMPTY;
    (void)error;
    buf_printf(&detail, "after record %llu", (unsigned long long)order->after);
    authority_audit(order->authority, txn, order->caller, "audit.export", "audit", "exported", "", buf_text(&detail));
    buf_free(&detail);
    return store_txn_failed(txn);
}

int authority_audit_export(struct authority *authority, const struct identity *caller, uint64_t after, uint64_t *until, struct buf *line,
                           struct error *error)
{
    struct export_order order = {authority, caller, after};
    struct audit_checkpoint checkpoint = {0};
    uint8_t head[32];
    int status = audit_head(authority->store, until, head, error);
    if (!status && after > *until)
        status = error_set(error, REFUSED, "audit.after", "there is no record after %llu: the last is %llu", (unsigned long long)after,
                           (unsigned long long)*until);
    if (!status)
        status = store_write_reserved(authority->store, export_store, &order, error);
    if (!status)
        status = checkpoint_now(authority, &checkpoint, error);
    *until = checkpoint.number;
    if (!status)
        status = audit_line_checkpoint(&checkpoint, line, error);
    if (status)
        authority_audit_refusal(authority, caller, "audit.export", "audit", error);
    audit_checkpoint_free(&checkpoint);
    return status;
}

struct lines {
    struct verification checkpoints;
    uint64_t until;
    struct buf *out;
    struct error *error;
};

static int line_write(uint64_t number, struct bytes octets, void *argument)
{
    struct lines *lines = argument;
    struct verification *v = &lines->checkpoints;
    if (number > lines->until)
        return EACH_END;
    int status = audit_line_record(number, octets, lines->out, lines->error);
    if (!status && v->next < v->count && v->checkpoints[v->next].number == number)
        status = audit_line_checkpoint(&v->checkpoints[v->next++], lines->out, lines->error);
    return status;
}

struct collection {
    struct verification *to;
    uint64_t until;
};

static int checkpoint_collect_until(const struct audit_checkpoint *checkpoint, void *argument)
{
    struct collection *collection = argument;
    return checkpoint->number > collection->until ? EACH_END : checkpoint_collect(checkpoint, collection->to);
}

int authority_audit_lines(struct authority *authority, uint64_t after, uint64_t until, struct buf *out, struct error *error)
{
    struct lines lines = {.checkpoints = {.error = error}, .until = until, .out = out, .error = error};
    struct collection collection = {&lines.checkpoints, until};
    if (until <= after || until - after > AUDIT_LINES_MAX)
        return error_set(error, USAGE, "api.query", "until must be above after, by %d at most", AUDIT_LINES_MAX);
    int status = checkpoints_each(authority->store, after, checkpoint_collect_until, &collection, error);
    if (!status)
        status = audit_octets(authority->store, after, line_write, &lines, error);
    for (size_t i = 0; i < lines.checkpoints.count; i++)
        audit_checkpoint_free(&lines.checkpoints.checkpoints[i]);
    free(lines.checkpoints.checkpoints);
    return status;
}
