/* Certificates that were issued after the backup, as the directory has them: only one whose TBS digest the journal holds is ours. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/encode.h"
#include "ca/restore_take.h"
#include "ca/store/bulk.h"
#include "ca/x509/walk.h"

#define SEARCHES_MAX 20000

struct adopting {
    const struct lost *lost;
    struct request request;
    struct certificate certificate;
};

static int adopt_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct adopting *adopting = argument;
    (void)error;
    requests_put(txn, &adopting->request);
    certificates_put(txn, &adopting->certificate);
    struct audit_record record = restore_record("restore.certificate", authority_object(adopting->request.id).text, "issued", "restore.directory",
                                           adopting->certificate.publish_dn);
    audit_add(txn, &record);
    return store_txn_failed(txn);
}

static bool tbs_is(struct bytes der, const uint8_t digest[32])
{
    struct bytes rest;
    struct tlv tbs;
    uint8_t own[32];
    if (walk_only(der, DER_SEQUENCE, &rest) || walk_next(&rest, &tbs))
        return false;
    sha256_of(tbs.whole, own);
    return memcmp(own, digest, 32) == 0;
}

static int adopt_fill(struct adopting *a, const struct certificate_facts *facts, struct bytes der, const char *dn)
{
    struct properties names = {.subject = facts->subject, .names = facts->names, .name_count = facts->name_count};
    struct certificate *c = &a->certificate;
    c->id = a->lost->id;
    c->serial = a->lost->serial;
    c->der = malloc(der.size);
    c->der_size = der.size;
    c->not_before = facts->not_before;
    c->not_after = facts->not_after;
    c->key_index = a->lost->key_index;
    c->revocation_reason = -1;
    memcpy(c->sha1, facts->sha1, 20);
    memcpy(c->sha256, facts->sha256, 32);
    memcpy(c->spki_sha256, facts->spki_sha256, 32);
    c->subject = strdup(facts->subject);
    c->requester = strdup(a->request.requester);
    c->publish_dn = strdup(dn);
    c->template_name = a->request.template_name ? strdup(a->request.template_name) : NULL;
    if (!c->der || !c->subject || !c->requester || !c->publish_dn || record_names(c, &names))
        return INTERNAL;
    memcpy(c->der, der.data, der.size);
    free(a->request.subject);
    free(a->request.message);
    free(a->request.reason);
    a->request.disposition = DISPOSITION_ISSUED;
    a->request.subject = strdup(facts->subject);
    a->request.message = strdup("issued after the backup that was restored; taken back from the directory");
    a->request.reason = strdup("restore.directory");
    if (!a->request.requester_dn)
        a->request.requester_dn = strdup(dn);
    memcpy(a->request.spki_sha256, facts->spki_sha256, 32);
    return a->request.subject && a->request.message && a->request.reason && a->request.requester_dn ? OK : INTERNAL;
}

static int adopt(struct taking *t, const struct lost *lost, struct bytes der, const char *dn)
{
    struct adopting adopting = {.lost = lost};
    struct certificate_facts facts = {0};
    int status = requests_get(t->store, lost->id, &adopting.request, t->error);
    if (!status)
        status = certificate_read(der, &facts, t->error);
    if (!status && adopt_fill(&adopting, &facts, der, dn))
        status = error_memory(t->error);
    if (!status)
        status = store_write_reserved(t->store, adopt_store, &adopting, t->error);
    t->issued += !status;
    certificate_facts_free(&facts);
    certificate_record_free(&adopting.certificate);
    request_free(&adopting.request);
    return status;
}

static int entry_look(struct taking *t, const struct lost *lost, const struct directory_entry *entry, bool *found)
{
    const struct directory_attribute *values = directory_entry_get(entry, "userCertificate");
    for (size_t i = 0; values && i < values->count; i++)
        if (tbs_is(buf_bytes(&values->values[i]), lost->tbs)) {
            *found = true;
            return adopt(t, lost, buf_bytes(&values->values[i]), entry->dn);
        }
    return OK;
}

/* certificateExactMatch (RFC 4523 2.1): the serial in GSER, the issuer as it is written in the certificate. */
static int directory_look(struct taking *t, const struct lost *lost, struct error *why)
{
    static const char *const attributes[] = {"userCertificate", NULL};
    struct directory_entries entries = {0};
    struct buf assertion = BUF_EMPTY, filter = BUF_EMPTY;
    bool found = false;
    buf_add_text(&assertion, "{ serialNumber '");
    hex_encode(&assertion, bytes_of(lost->serial.octets, lost->serial.size));
    buf_printf(&assertion, "'H, issuer rdnSequence:\"%s\" }", t->issuer_count ? t->issuers[0].subject : "");
    buf_add_text(&filter, "(userCertificate=");
    filter_escape(&filter, buf_bytes(&assertion));
    buf_add_text(&filter, ")");
    int status = assertion.failed || filter.failed ? error_memory(why) : OK;
    if (!status)
        status = directory_search(t->directory, directory_base(t->directory), SCOPE_SUBTREE, buf_text(&filter), attributes, 16, &entries, why);
    for (size_t i = 0; i < entries.count && !status && !found; i++)
        status = entry_look(t, lost, &entries.items[i], &found);
    directory_entries_free(&entries);
    buf_free(&assertion);
    buf_free(&filter);
    return status;
}

/* A directory that is down, or does not know the match, costs the certificates, not the restore: their serials stand. */
int restore_take_directory(struct taking *t)
{
    struct error why = ERROR_NONE;
    int status = OK;
    if (!t->directory || !t->lost_count)
        return OK;
    for (size_t i = 0; i < t->lost_count && i < SEARCHES_MAX && !status; i++)
        status = directory_look(t, &t->lost[i], &why);
    if (status && t->error->status)
        return t->error->status;
    if (status)
        buf_printf(t->report, "certificates were not looked for in the directory to the end: %s\n", why.message);
    if (t->lost_count > SEARCHES_MAX)
        buf_printf(t->report, "only the first %d lost certificates were looked for in the directory\n", SEARCHES_MAX);
    return OK;
}
