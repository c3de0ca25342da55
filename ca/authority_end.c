/* The end of a CA: it issues no more, and its last CRLs are valid as long as anything that it signed. Revoking and publishing go on. */
#include <stdlib.h>
#include <string.h>

#include "ca/authority_bulk.h"
#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"

#define SETTING "decommissioned"

static int64_t setting_time(const struct buf *value)
{
    return value->size == 8 ? (int64_t)get_u64(value->data) : 0;
}

int end_open(struct authority *authority, struct error *error)
{
    struct buf value = BUF_EMPTY;
    struct error why = ERROR_NONE;
    int status = setting_get(authority->store, SETTING, &value, &why);
    atomic_store(&authority->ended_at, status ? 0 : setting_time(&value));
    buf_free(&value);
    return status == REFUSED ? OK : status ? error_set(error, status, why.reason, "%s", why.message) : OK;
}

int64_t authority_ended_at(struct authority *authority)
{
    return atomic_load(&authority->ended_at);
}

static int in_service(int64_t ended_at, struct error *error)
{
    char at[TIME_TEXT_SIZE];
    return ended_at ? error_set(error, REFUSED, "ca.decommissioned", "this CA was decommissioned %s and issues no more", time_format(ended_at, at))
                    : OK;
}

int authority_in_service(struct authority *authority, struct error *error)
{
    return in_service(authority_ended_at(authority), error);
}

int end_check(struct store_txn *txn, struct error *error)
{
    struct buf value = BUF_EMPTY;
    int64_t ended_at = setting_get_txn(txn, SETTING, &value) == OK ? setting_time(&value) : 0;
    buf_free(&value);
    return in_service(ended_at, error);
}

struct ending {
    struct authority *authority;
    const struct identity *caller;
    int64_t at;
};

static int end_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct ending *ending = argument;
    struct buf before = BUF_EMPTY;
    uint8_t octets[8];
    (void)error;
    bool again = setting_get_txn(txn, SETTING, &before) == OK && setting_time(&before);
    if (again)
        ending->at = setting_time(&before);
    put_u64(octets, (uint64_t)ending->at);
    setting_put(txn, SETTING, bytes_of(octets, 8));
    authority_audit(ending->authority, txn, ending->caller, "ca.decommission", ending->authority->name, "decommissioned", "",
                    again ? "once more: the last CRLs are made anew" : "no more issuing from now on");
    buf_free(&before);
    return store_txn_failed(txn);
}

int authority_decommission(struct authority *authority, const struct identity *caller, const char *expect, struct decommissioning *out,
                           struct error *error)
{
    struct ending ending = {.authority = authority, .caller = caller, .at = clock_now()};
    memset(out, 0, sizeof *out);
    int status = strcmp(expect, authority->name) == 0
                     ? OK : error_set(error, REFUSED, "decommission.confirm", "\"%.64s\" is not this CA's name, which is %s: nothing was done",
                                      expect, authority->name);
    if (!status && !authority_issuer(authority, error))
        status = error->status;
    if (!status)
        status = store_write_reserved(authority->store, end_store, &ending, error);
    if (status) {
        authority_audit_refusal(authority, caller, "ca.decommission", authority->name, error);
        return status;
    }
    atomic_store(&authority->ended_at, ending.at);
    out->at = ending.at;
    status = authority_crl_publish(authority, caller, false, false, out->crls, &out->crl_count, error);
    if (status)
        error_prefix(error, "the CA issues no more, but its last CRL is not made (call it again)");
    return status;
}
