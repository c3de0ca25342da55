/* The site's trust stores: roots and intermediates that assignments are checked against. A certificate enters only with its
 * fingerprint said by the person who imports it. */
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"

struct trust_rows {
    struct trust_anchor *rows;
    size_t count;
};

void trust_rows_free(struct trust_anchor *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        trust_anchor_free(&rows[i]);
    free(rows);
}

static int anchor_copy(const struct trust_anchor *from, struct trust_anchor *to)
{
    *to = *from;
    to->der = malloc(from->der_size ? from->der_size : 1);
    to->subject = strdup(from->subject);
    to->added_by = strdup(from->added_by ? from->added_by : "");
    if (!to->der || !to->subject || !to->added_by)
        return INTERNAL;
    memcpy(to->der, from->der, from->der_size);
    return OK;
}

static int trust_collect(const struct trust_anchor *row, void *argument)
{
    struct trust_rows *list = argument;
    struct trust_anchor *more = realloc(list->rows, (list->count + 1) * sizeof *more);
    if (!more)
        return INTERNAL;
    list->rows = more;
    return anchor_copy(row, &more[list->count++]);
}

int authority_trust_list(struct authority *authority, struct trust_anchor **rows, size_t *count, struct error *error)
{
    struct trust_rows list = {0};
    int status = trust_each(authority->store, trust_collect, &list, error);
    *rows = list.rows;
    *count = list.count;
    if (status) {
        trust_rows_free(list.rows, list.count);
        *rows = NULL;
        *count = 0;
    }
    return status;
}

struct import {
    struct authority *authority;
    const struct identity *caller;
    struct trust_anchor *anchor;
};

static int import_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct import *import = argument;
    struct buf hex = BUF_EMPTY;
    (void)error;
    trust_put(txn, import->anchor);
    hex_encode(&hex, bytes_of(import->anchor->sha256, 32));
    authority_audit(import->authority, txn, import->caller, "trust.import", buf_text(&hex),
                    import->anchor->kind == TRUST_ROOT ? "root" : "intermediate", "", import->anchor->subject);
    buf_free(&hex);
    return store_txn_failed(txn);
}

static int import_check(const struct certificate_facts *facts, const char *fingerprint, int kind, struct error *error)
{
    struct buf said = BUF_EMPTY, is = BUF_EMPTY;
    int status = OK;
    hex_encode(&is, bytes_of(facts->sha256, 32));
    if (!fingerprint || !*fingerprint)
        status = error_set(error, USAGE, "trust.fingerprint",
                           "say the SHA-256 fingerprint that you were told by another way: --fingerprint HEX (the file's is %s)",
                           buf_text(&is));
    else if (hex_decode(&said, fingerprint, strlen(fingerprint)) || said.size != 32)
        status = error_set(error, BAD_DATA, "trust.fingerprint", "the fingerprint must be a SHA-256: 64 hex digits");
    else if (memcmp(said.data, facts->sha256, 32) != 0)
        status = error_set(error, REFUSED, "trust.fingerprint", "the certificate's SHA-256 is %s, not what you said: nothing was imported",
                           buf_text(&is));
    else if (!facts->ca)
        status = error_set(error, REFUSED, "trust.not_ca", "%s is not a CA certificate", facts->subject);
    else if (facts->not_after <= clock_now())
        status = error_set(error, REFUSED, "trust.expired", "%s has expired", facts->subject);
    else if (kind == TRUST_ROOT && !facts->self_signed)
        status = error_set(error, REFUSED, "trust.kind", "%s is not self-signed: it belongs into the intermediate store (--intermediate)",
                           facts->subject);
    buf_free(&said);
    buf_free(&is);
    return status;
}

int authority_trust_import(struct authority *authority, const struct identity *caller, struct bytes pem_or_der_in, int kind,
                           const char *fingerprint, struct trust_anchor *imported, struct error *error)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct buf der = BUF_EMPTY;
    struct certificate_facts facts = {0};
    int status = pem_or_der(pem_or_der_in, labels, &der, NULL, error);
    memset(imported, 0, sizeof *imported);
    if (!status)
        status = certificate_read(buf_bytes(&der), &facts, error);
    if (!status)
        status = import_check(&facts, fingerprint, kind, error);
    if (!status) {
        struct trust_anchor anchor = {.kind = kind ? kind : facts.self_signed ? TRUST_ROOT : TRUST_INTERMEDIATE, .der = der.data,
                                      .der_size = der.size, .subject = facts.subject, .not_after = facts.not_after,
                                      .added_at = clock_now(), .added_by = caller->account};
        struct import import = {.authority = authority, .caller = caller, .anchor = &anchor};
        memcpy(anchor.sha256, facts.sha256, 32);
        status = store_write(authority->store, import_store, &import, error);
        if (!status && anchor_copy(&anchor, imported))
            status = error_memory(error);
    }
    if (status)
        authority_audit_refusal(authority, caller, "trust.import", facts.subject ? facts.subject : "", error);
    certificate_facts_free(&facts);
    buf_free(&der);
    return status;
}
