/* After a restore: nothing is issued until an administrator has read its report and said so. Revocations and CRLs go on. */
#include <stdatomic.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/store/restore.h"

int restore_open(struct authority *authority, struct error *error)
{
    struct buf value = BUF_EMPTY;
    struct error why = ERROR_NONE;
    int status = setting_get(authority->store, "restore.pending", &value, &why);
    atomic_store(&authority->restore_pending, !status && value.size != 0);
    buf_free(&value);
    return !status || status == REFUSED ? OK : error_set(error, status, why.reason, "%s", why.message);
}

int restore_check(struct authority *authority, struct error *error)
{
    if (!atomic_load(&authority->restore_pending))
        return OK;
    return error_set(error, TEMPORARY, "restore.unconfirmed", "this CA was restored from a backup, and issues nothing until an administrator has "
                     "confirmed the report (chancery restore report, chancery restore confirm)");
}

int authority_restore_report(struct authority *authority, struct buf *report, bool *pending, struct error *error)
{
    struct error why = ERROR_NONE;
    int status = setting_get(authority->store, "restore.report", report, &why);
    *pending = atomic_load(&authority->restore_pending);
    if (status == REFUSED)
        return error_set(error, REFUSED, "restore.none", "this CA was never restored");
    return status ? error_set(error, status, why.reason, "%s", why.message) : OK;
}

/* CRLs that only the signer's journal knows of: made by --emergency-crl, or by a daemon that ended before it could store them. */
struct outside {
    struct authority *authority;
    unsigned key_index;
    uint64_t number;
};

static int outside_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct outside *o = argument;
    struct identity daemon = {.uid = -1, .account = (char *)"chanceryd"};
    struct buf object = BUF_EMPTY;
    (void)error;
    crls_number_raise(txn, o->key_index, o->number);
    buf_printf(&object, "CRL %llu of key %u", (unsigned long long)o->number, o->key_index);
    authority_audit(o->authority, txn, &daemon, "crl.outside", buf_text(&object), "signed", "crl.outside",
                    "the signer's journal has it, the database does not: an emergency CRL, or one that was interrupted");
    buf_free(&object);
    return store_txn_failed(txn);
}

int crls_outside(struct authority *authority, struct error *error)
{
    struct signer_info info = {0};
    int status = signer_info(authority->signer, &info, error);
    for (unsigned i = 0; i < info.key_count && !status; i++) {
        struct outside outside = {authority, i, info.keys[i].last_crl_number};
        if (outside.number > crls_number(authority->store, i))
            status = store_write_reserved(authority->store, outside_store, &outside, error);
    }
    signer_info_free(&info);
    return status;
}

struct confirming {
    struct authority *authority;
    const struct identity *caller;
};

static int confirm_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct confirming *c = argument;
    struct buf value = BUF_EMPTY;
    bool pending = !setting_get_txn(txn, "restore.pending", &value) && value.size;
    buf_free(&value);
    if (!pending)
        return error_set(error, REFUSED, "restore.none", "there is no restore that waits to be confirmed");
    setting_put(txn, "restore.pending", bytes_of_text(""));
    authority_audit(c->authority, txn, c->caller, "restore.confirm", c->authority->name, "confirmed", "", "");
    return store_txn_failed(txn);
}

int authority_restore_confirm(struct authority *authority, const struct identity *caller, struct error *error)
{
    struct confirming confirming = {authority, caller};
    int status = store_write_reserved(authority->store, confirm_store, &confirming, error);
    if (status)
        authority_audit_refusal(authority, caller, "restore.confirm", authority->name, error);
    else
        atomic_store(&authority->restore_pending, false);
    return status;
}
