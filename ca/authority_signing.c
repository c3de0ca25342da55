/* Whether anything may be signed now: is the key unlocked, and is the clock one to sign by? The signer judges both for itself;
 * here it is asked before a request is begun, so that what must wait leaves no failed request behind. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/clock_watch.h"
#include "ca/base/log.h"

struct signing {
    atomic_bool locked;
    _Atomic int64_t last_signed;
    pthread_mutex_t lock; /* from */
    struct clock_reading from;
};

int signing_open(struct authority *authority, struct error *error)
{
    struct signing *signing = calloc(1, sizeof *signing);
    struct signer_info info = {0};
    if (!signing)
        return error_memory(error);
    int status = signer_info(authority->signer, &info, error);
    atomic_init(&signing->locked, info.locked);
    atomic_init(&signing->last_signed, info.last_at);
    pthread_mutex_init(&signing->lock, NULL);
    signing->from = clock_read();
    authority->signing = signing;
    signer_info_free(&info);
    return status;
}

void signing_close(struct authority *authority)
{
    if (!authority->signing)
        return;
    pthread_mutex_destroy(&authority->signing->lock);
    free(authority->signing);
    authority->signing = NULL;
}

bool signing_locked(const struct authority *authority)
{
    return atomic_load(&authority->signing->locked);
}

static struct clock_reading signing_from(struct signing *signing)
{
    pthread_mutex_lock(&signing->lock);
    struct clock_reading from = signing->from;
    pthread_mutex_unlock(&signing->lock);
    return from;
}

int signing_clock(struct authority *authority, struct error *error)
{
    struct clock_reading from = signing_from(authority->signing), now = clock_read();
    return clock_judge(&from, atomic_load(&authority->signing->last_signed), &now, error);
}

int signing_check(struct authority *authority, struct error *error)
{
    if (signing_locked(authority))
        return error_set(error, TEMPORARY, "signer.locked", "the CA key is locked and nothing is signed: an administrator gives its "
                         "passphrase with `chancery unlock`");
    return signing_clock(authority, error);
}

int64_t signing_last(const struct authority *authority)
{
    return atomic_load(&authority->signing->last_signed);
}

void signing_done(struct authority *authority)
{
    int64_t now = clock_now(), last = atomic_load(&authority->signing->last_signed);
    while (now > last && !atomic_compare_exchange_weak(&authority->signing->last_signed, &last, now))
        ;
}

/* ---- records of both verbs ---- */

struct signing_record {
    struct authority *authority;
    const struct identity *caller;
    const char *action, *object, *outcome, *detail;
    uint64_t number;
};

static int record_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct signing_record *r = argument;
    (void)error;
    r->number = authority_audit(r->authority, txn, r->caller, r->action, r->object, r->outcome, "", r->detail);
    return store_txn_failed(txn);
}

/* ---- unlock ---- */

/* What was opened is told of as it was asked: a signer that is open and not on record is none of ours. */
int authority_unlock(struct authority *authority, const struct identity *caller, const char *passphrase, struct error *error)
{
    struct signing_record record = {.authority = authority, .caller = caller, .action = "signer.unlock", .object = authority->name,
                                    .outcome = "begun", .detail = ""};
    int status = store_write_reserved(authority->store, record_store, &record, error);
    if (!status)
        status = signer_unlock(authority->signer, bytes_of_text(passphrase), error);
    if (status && signing_locked(authority) && strcmp(error->reason, "signer.unlocked") == 0) {
        error_clear(error); /* the record of it could not be written then */
        status = OK;
    }
    if (!status)
        status = authority_take_keys(authority, error);
    record.outcome = "unlocked";
    if (!status)
        status = store_write_reserved(authority->store, record_store, &record, error);
    if (!status) {
        pthread_mutex_lock(&authority->signing->lock);
        authority->signing->from = clock_read();
        pthread_mutex_unlock(&authority->signing->lock);
        atomic_store(&authority->signing->locked, false);
        log_notice("%s unlocked the CA key", caller->account);
    } else {
        authority_audit_refusal(authority, caller, "signer.unlock", authority->name, error);
    }
    return status;
}

/* ---- the clock ---- */

static void clock_accepted(struct signing *signing)
{
    pthread_mutex_lock(&signing->lock);
    signing->from = clock_read();
    atomic_store(&signing->last_signed, signing->from.now_s);
    pthread_mutex_unlock(&signing->lock);
}

static int clock_accept(struct authority *authority, const struct identity *caller, const char *detail, struct error *error)
{
    struct signing_record record = {.authority = authority, .caller = caller, .action = "clock.accept", .object = authority->name,
                                    .outcome = "begun", .detail = detail};
    int status = store_write_reserved(authority->store, record_store, &record, error);
    if (!status)
        status = signer_accept_clock(authority->signer, record.number, error);
    if (!status) {
        clock_accepted(authority->signing);
        record.outcome = "accepted";
        status = store_write_reserved(authority->store, record_store, &record, error);
    }
    return status;
}

int authority_clock_accept(struct authority *authority, const struct identity *caller, int64_t *jump_s, struct error *error)
{
    struct clock_reading from = signing_from(authority->signing), now = clock_read();
    struct error why = ERROR_NONE;
    char at[TIME_TEXT_SIZE];
    int status = OK;
    *jump_s = clock_jump_s(&from, &now);
    if (signing_locked(authority))
        status = signing_check(authority, error);
    else if (!signing_clock(authority, &why))
        status = error_set(error, REFUSED, "clock.good", "the clock says %s and nothing is wrong with it: there is nothing to accept",
                           time_format(now.now_s, at));
    else
        status = clock_accept(authority, caller, why.message, error);
    if (status)
        authority_audit_refusal(authority, caller, "clock.accept", authority->name, error);
    return status;
}
