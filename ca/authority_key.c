/* The CA's own keys: shown to belong to their certificates, encrypted anew, exported. What reads the key files is another process,
 * which the present passphrase alone opens. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca/authority_internal.h"
#include "ca/signer/keeper.h"
#include "ca/signer/proof.h"
#include "ca/x509/key.h"
#include "ca/x509/key_verify.h"

struct key_record {
    struct authority *authority;
    const struct identity *caller;
    const char *action, *object, *outcome, *detail;
    uint64_t number;
};

static int record_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct key_record *r = argument;
    (void)error;
    r->number = authority_audit(r->authority, txn, r->caller, r->action, r->object, r->outcome, "", r->detail);
    return store_txn_failed(txn);
}

/* ---- check ---- */

/* The newest certificate for a key; NULL: none yet. */
static const struct issuer *certificate_of(struct authority *authority, unsigned key_index)
{
    const struct issuer *issuers[CA_CERTIFICATES_MAX], *found = NULL;
    size_t count = authority_issuers(authority, issuers);
    for (size_t i = 0; i < count; i++)
        if (issuers[i]->key_index == key_index && (!found || issuers[i]->certificate_index > found->certificate_index))
            found = issuers[i];
    return found;
}

static void row_fill(struct key_proof_row *row, const struct signer_key_info *key, const struct issuer *issuer)
{
    struct key_facts facts;
    struct error none = ERROR_NONE;
    snprintf(row->type, sizeof row->type, "%s", key->key_type);
    snprintf(row->where, sizeof row->where, "%s", key->where);
    if (!key_describe(buf_bytes(&key->spki), &facts, &none))
        snprintf(row->size, sizeof row->size, "%s", facts.text);
    memcpy(row->key_id, key->key_id, sizeof row->key_id);
    row->has_certificate = issuer != NULL;
    if (issuer)
        sha256_of(buf_bytes(&issuer->certificate), row->certificate_sha256);
}

static int key_prove(struct authority *authority, struct key_proof_row *row, const struct signer_key_info *key, uint64_t audit_number,
                     struct error *error)
{
    const struct issuer *issuer = certificate_of(authority, row->index);
    struct buf challenge = BUF_EMPTY, signature = BUF_EMPTY;
    row_fill(row, key, issuer);
    int status = proof_make(&challenge, error);
    if (!status)
        status = signer_sign(authority->signer, row->index, SIGN_PROOF, buf_bytes(&challenge), audit_number, &signature, error);
    if (!status)
        signing_done(authority);
    if (!status)
        status = key_verify(issuer ? buf_bytes(&issuer->spki) : buf_bytes(&key->spki), buf_bytes(&challenge), buf_bytes(&signature), error);
    if (status == REFUSED && issuer)
        error_prefix(error, "key %u (%s) and CA certificate %u do not belong together", row->index, row->where, issuer->certificate_index);
    buf_free(&challenge);
    buf_free(&signature);
    return status;
}

int authority_key_check(struct authority *authority, const struct identity *caller, struct key_proof_row rows[KEY_PROOFS_MAX], size_t *count,
                        struct error *error)
{
    struct key_record record = {.authority = authority, .caller = caller, .action = "key.check", .object = authority->name,
                                .outcome = "begun", .detail = ""};
    struct signer_info info = {0};
    *count = 0;
    int status = signing_check(authority, error);
    if (!status)
        status = store_write_reserved(authority->store, record_store, &record, error);
    if (!status)
        status = signer_info(authority->signer, &info, error);
    for (unsigned i = 0; !status && i < info.key_count && i < KEY_PROOFS_MAX; i++) {
        memset(&rows[i], 0, sizeof rows[i]);
        rows[i].index = i;
        status = key_prove(authority, &rows[i], &info.keys[i], record.number, error);
        *count = i + 1;
    }
    record.outcome = "proven";
    if (!status)
        status = store_write_reserved(authority->store, record_store, &record, error);
    else
        authority_audit_refusal(authority, caller, "key.check", authority->name, error);
    signer_info_free(&info);
    return status;
}

/* ---- passwd, export ---- */

static int keeper_start(struct authority *authority, int *fd, struct error *error)
{
    if (!authority->options.keeper)
        return error_set(error, TEMPORARY, "key.keeper", "the process that reads the key files cannot be started here");
    return authority->options.keeper(authority->options.keeper_argument, fd, error);
}

/* The signer's copies serve backups: an old one would ask for the old passphrase. A locked signer has none. */
static int copies_renew(struct authority *authority, const struct keeper_passwd *passwd, struct error *error)
{
    int status = OK;
    for (unsigned i = 0; i < passwd->count && !signing_locked(authority) && !status; i++)
        status = signer_key_file(authority->signer, i, buf_bytes(&passwd->files[i]), error);
    return status;
}

int authority_key_passwd(struct authority *authority, const struct identity *caller, const char *present, const char *next,
                         struct buf *file, struct error *error)
{
    struct key_record record = {.authority = authority, .caller = caller, .action = "key.passwd", .object = authority->name,
                                .outcome = "begun", .detail = ""};
    struct keeper_passwd passwd = {.count = 0};
    int fd = -1;
    int status = store_write_reserved(authority->store, record_store, &record, error);
    if (!status)
        status = keeper_start(authority, &fd, error);
    if (!status)
        status = keeper_passwd(fd, bytes_of_text(present), bytes_of_text(next), &passwd, error);
    record.outcome = "changed";
    if (!status)
        status = store_write_reserved(authority->store, record_store, &record, error);
    if (!status)
        status = copies_renew(authority, &passwd, error);
    if (!status)
        buf_add(file, passwd.passphrase_file.data, passwd.passphrase_file.size);
    else
        authority_audit_refusal(authority, caller, "key.passwd", authority->name, error);
    if (fd >= 0)
        close(fd);
    keeper_passwd_free(&passwd);
    return status;
}

int authority_key_export(struct authority *authority, const struct identity *caller, unsigned key_index, const char *present,
                         const char *next, struct buf *pem, struct error *error)
{
    char object[24];
    struct key_record record = {.authority = authority, .caller = caller, .action = "key.export", .object = object,
                                .outcome = "begun", .detail = ""};
    int fd = -1;
    snprintf(object, sizeof object, "key %u", key_index);
    int status = store_write_reserved(authority->store, record_store, &record, error);
    if (!status)
        status = keeper_start(authority, &fd, error);
    if (!status)
        status = keeper_export(fd, key_index, bytes_of_text(present), bytes_of_text(next), pem, error);
    record.outcome = "exported";
    if (!status)
        status = store_write_reserved(authority->store, record_store, &record, error);
    if (status) {
        buf_free(pem);
        authority_audit_refusal(authority, caller, "key.export", object, error);
    }
    if (fd >= 0)
        close(fd);
    return status;
}
