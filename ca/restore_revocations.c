/* Revocations made after the backup, from the newest CRL and delta CRL of each key that stand outside; their signatures prove them. */
#include <stdio.h>
#include <string.h>

#include "ca/base/clock.h"
#include "ca/restore_take.h"
#include "ca/store/bulk.h"
#include "ca/store/restore.h"
#include "ca/x509/crl.h"

#define REASON_REMOVE_FROM_CRL 8

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
    struct audit_record record = restore_record("restore.revocation", authority_object(r->id).text, "revoked", revocation_reason_name(entry->reason), "");
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
        status = restore_request_fill(&r->request, &r->entry->serial, r->entry->revoked_at, "restore.unknown", "on a CRL, and nothing else is known of it") ? error_memory(t->error) : OK;
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

int restore_take_crls(struct taking *t)
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
