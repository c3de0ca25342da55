/* How one record follows from the one before, and what a checkpoint proves. */
#include "ca/audit/chain.h"

#include <stdlib.h>
#include <string.h>

#include "ca/base/encode.h"
#include "ca/signer/checkpoint.h"
#include "ca/store/records.pb-c.h"
#include "ca/x509/certificate.h"
#include "ca/x509/key.h"
#include "ca/x509/signature.h"

/* ---- keys ---- */

int audit_keys_add(struct audit_keys *keys, struct bytes spki, struct error *error)
{
    struct audit_key *more = realloc(keys->items, (keys->count + 1) * sizeof *more);
    if (!more)
        return error_memory(error);
    keys->items = more;
    more += keys->count;
    *more = (struct audit_key){.spki = BUF_EMPTY};
    int status = key_identifier(spki, more->key_id, error);
    if (status)
        return status;
    buf_add(&more->spki, spki.data, spki.size);
    keys->count++;
    return more->spki.failed ? error_memory(error) : OK;
}

int audit_keys_add_certificates(struct audit_keys *keys, struct bytes pem_or_der_in, struct error *error)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct bytes rest = pem_or_der_in;
    int status = OK;
    do {
        struct buf der = BUF_EMPTY;
        struct bytes next = {NULL, 0};
        struct certificate_facts facts = {0};
        status = pem_or_der(rest, labels, &der, &next, error);
        if (!status)
            status = certificate_read(buf_bytes(&der), &facts, error);
        if (!status)
            status = audit_keys_add(keys, buf_bytes(&facts.spki), error);
        certificate_facts_free(&facts);
        buf_free(&der);
        rest = next;
    } while (!status && rest.size && memmem(rest.data, rest.size, "-----BEGIN", 10));
    return status;
}

void audit_keys_free(struct audit_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        buf_free(&keys->items[i].spki);
    free(keys->items);
    *keys = (struct audit_keys){NULL, 0};
}

static const struct audit_key *key_find(const struct audit_keys *keys, const uint8_t key_id[20])
{
    for (size_t i = 0; i < keys->count; i++)
        if (memcmp(keys->items[i].key_id, key_id, 20) == 0)
            return &keys->items[i];
    return NULL;
}

/* ---- the chain ---- */

void audit_chain_begin(struct audit_chain *chain, const struct audit_keys *keys, uint64_t after)
{
    *chain = (struct audit_chain){.keys = keys, .after = after, .last = after};
}

static int number_check(const struct audit_chain *chain, uint64_t number, const Chancery__Audit *audit, struct error *error)
{
    bool told = audit->action.len == strlen(AUDIT_GAP_ACTION) && memcmp(audit->action.data, AUDIT_GAP_ACTION, audit->action.len) == 0;
    if (number == chain->last + 1 || (number > chain->last && told))
        return OK;
    return error_set(error, REFUSED, "audit.missing", "record %llu stands after record %llu: %s", (unsigned long long)number,
                     (unsigned long long)chain->last, number > chain->last ? "what was between them is missing" : "it was put in");
}

static int record_check(const struct audit_chain *chain, uint64_t number, struct bytes octets, struct error *error)
{
    Chancery__Audit *audit = chancery__audit__unpack(NULL, octets.size, octets.data);
    if (!audit || audit->previous.len != sizeof chain->head) {
        if (audit)
            chancery__audit__free_unpacked(audit, NULL);
        return error_set(error, REFUSED, "audit.form", "what stands as record %llu is no audit record", (unsigned long long)number);
    }
    int status = number_check(chain, number, audit, error);
    if (!status && (chain->records || !chain->after) && memcmp(audit->previous.data, chain->head, sizeof chain->head) != 0)
        status = error_set(error, REFUSED, "audit.changed", "record %llu does not continue what stands before it: record %llu was changed, "
                           "or record %llu is not the one that followed", (unsigned long long)number, (unsigned long long)number - 1,
                           (unsigned long long)number);
    chancery__audit__free_unpacked(audit, NULL);
    return status;
}

int audit_chain_record(struct audit_chain *chain, uint64_t number, struct bytes octets, struct error *error)
{
    int status = record_check(chain, number, octets, error);
    if (status)
        return status;
    sha256_of(octets, chain->head);
    chain->lost += number - chain->last - 1;
    chain->last = number;
    chain->records++;
    chain->after_checkpoint++;
    return OK;
}

static int signature_verify(const struct audit_chain *chain, const struct audit_checkpoint *checkpoint, struct error *error)
{
    const struct audit_key *key = key_find(chain->keys, checkpoint->key_id);
    struct error why = ERROR_NONE;
    if (!key)
        return error_set(error, REFUSED, "audit.key", "the checkpoint over record %llu names a key that is none of this CA's: give every "
                         "certificate that the CA ever had, or it is forged", (unsigned long long)checkpoint->number);
    if (signature_check(buf_bytes(&key->spki), buf_bytes(&checkpoint->tbs), buf_bytes(&checkpoint->signature), &why))
        return error_set(error, REFUSED, "audit.checkpoint", "the checkpoint over record %llu was not signed by the CA",
                         (unsigned long long)checkpoint->number);
    return OK;
}

int audit_chain_checkpoint(struct audit_chain *chain, const struct audit_checkpoint *checkpoint, struct error *error)
{
    struct checkpoint said;
    unsigned long long number = checkpoint->number;
    if (checkpoint_read(buf_bytes(&checkpoint->tbs), &said) != OK || said.number != checkpoint->number || said.at != checkpoint->at)
        return error_set(error, REFUSED, "audit.checkpoint", "what stands as the checkpoint over record %llu is none", number);
    int status = signature_verify(chain, checkpoint, error);
    if (status)
        return status;
    if (said.number != chain->last || memcmp(said.head, chain->head, sizeof said.head) != 0)
        return error_set(error, REFUSED, "audit.changed", "the checkpoint over record %llu was signed over something else: record %llu is "
                         "not what it was then, or is missing", number, number);
    if ((chain->checkpoints || !chain->after) && said.previous != chain->checkpoint)
        return error_set(error, REFUSED, "audit.missing", "the checkpoint over record %llu follows one over record %llu, which is missing",
                         number, (unsigned long long)said.previous);
    chain->checkpoint = said.number;
    chain->checkpoint_at = said.at;
    chain->after_checkpoint = 0;
    chain->checkpoints++;
    return OK;
}
