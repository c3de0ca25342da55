/* The CA itself: opening and closing, its certificate, chain and configuration strings, and events for exit modules. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/log.h"

/* ---- events ---- */

struct event authority_event(enum event_kind kind, const struct request *request, const struct certificate *certificate)
{
    struct event event = {
        .kind = kind, .at = clock_now(), .request_id = request->id, .requester = request->requester,
        .requester_dn = request->requester_dn, .template_name = request->template_name, .message = request->message,
        .pkcs10 = request->pkcs10, .pkcs10_size = request->pkcs10_size, .attributes = request->attributes,
        .attribute_count = request->attribute_count, .extensions = request->extensions,
        .extension_count = request->extension_count, .reason = -1, .crl_fd = -1,
    };
    if (certificate) {
        event.certificate = certificate->der;
        event.certificate_size = certificate->der_size;
        event.publish_dn = certificate->publish_dn;
        event.reason = certificate->revocation_reason;
        event.revoked_at = certificate->revoked_at;
        event.key_index = certificate->key_index;
    }
    return event;
}

void authority_emit(struct authority *authority, struct store_txn *txn, const struct event *event)
{
    for (size_t i = 0; i < authority->options.exit_count; i++)
        if (authority->options.exits[i].event_mask & event->kind)
            outbox_add(txn, authority->options.exits[i].name, event);
}

struct event authority_ca_event(const struct issuer *issuer, const struct issuer *signs, const struct strings *templates)
{
    return (struct event){.kind = EVENT_CA_CERTIFICATE, .at = clock_now(), .reason = -1, .crl_fd = -1,
                          .certificate = issuer->certificate.data, .certificate_size = issuer->certificate.size,
                          .key_index = issuer->certificate_index, .superseded = issuer != signs, .templates = *templates};
}

struct announcement {
    struct authority *authority;
    struct strings templates;
    struct buf digests;
};

static int announce_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct announcement *a = argument;
    struct identity daemon = {.uid = -1, .account = (char *)"chanceryd"};
    const struct issuer *issuers[CA_CERTIFICATES_MAX];
    size_t count = authority_issuers(a->authority, issuers);
    struct error none = ERROR_NONE;
    const struct issuer *signs = authority_issuer(a->authority, &none);
    (void)error;
    for (size_t i = 0; i < count; i++) {
        struct event event = authority_ca_event(issuers[i], signs, &a->templates);
        authority_emit(a->authority, txn, &event);
    }
    background_since(txn);
    authority_audit(a->authority, txn, &daemon, "daemon.start", a->authority->name, "started", "", "");
    return digests_record(a->authority, txn, &a->digests);
}

/* The CA's entry is told anew at every start: configuration may have changed, and what is right already stays as it is. */
static int announce_start(struct authority *authority, struct error *error)
{
    struct announcement a = {.authority = authority, .digests = BUF_EMPTY};
    int status = authority_template_names(authority, &a.templates, error);
    if (!status) {
        digests_take(authority, &a.digests);
        status = store_write_reserved(authority->store, announce_store, &a, error);
    }
    buf_free(&a.digests);
    strings_free(&a.templates);
    return status;
}

/* ---- opening ---- */

static int names_open(struct authority *authority, struct error *error)
{
    char host[256] = "localhost";
    const char *given = conf_text(authority->conf, "ca", "host");
    struct buf text = BUF_EMPTY;
    gethostname(host, sizeof host - 1);
    authority->name = strdup(conf_text(authority->conf, "ca", "name"));
    authority->host = strdup(given ? given : host);
    if (!authority->name || !authority->host)
        return error_memory(error);
    buf_printf(&text, "%s\\%s", authority->host, authority->name);
    authority->config_string = strdup(buf_text(&text));
    buf_free(&text);
    return authority->config_string ? OK : error_memory(error);
}

int authority_open(const struct authority_options *options, struct authority **out, struct error *error)
{
    struct authority *authority = calloc(1, sizeof *authority);
    if (!authority)
        return error_memory(error);
    authority->options = *options;
    authority->conf = options->conf;
    authority->store = options->store;
    authority->signer = options->signer;
    authority->policy = options->policy;
    authority->directory = options->directory;
    pthread_rwlock_init(&authority->issuer_lock, NULL);
    pthread_mutex_init(&authority->crl_lock, NULL);
    pthread_mutex_init(&authority->checkpoint_lock, NULL);
    int status = template_cache_open(&authority->templates) ? error_memory(error) : names_open(authority, error);
    if (!status)
        status = background_open(authority, error);
    if (!status)
        status = restore_open(authority, error);
    if (!status)
        status = authority_take_keys(authority, error);
    if (!status)
        status = signing_open(authority, error);
    if (!status)
        status = authority_load_issuers(authority, error);
    if (!status)
        status = keys_open(authority, error);
    if (!status)
        status = roles_open(authority, error);
    if (!status)
        status = refusals_open(authority, error);
    if (!status)
        status = issue_recover(authority, error);
    if (!status)
        status = announce_start(authority, error);
    if (!status)
        status = crls_outside(authority, error);
    if (!status)
        status = end_open(authority, error);
    if (!status)
        status = batches_open(authority, error);
    if (!status)
        status = template_watch_open(authority, error);
    if (status) {
        authority_close(authority);
        authority = NULL;
    }
    *out = authority;
    return status;
}

void authority_close(struct authority *authority)
{
    if (!authority)
        return;
    template_watch_close(authority);
    background_close(authority);
    batches_close(authority);
    authority_free_issuers(authority);
    template_cache_free(authority->templates);
    roles_close(authority);
    keys_close(authority);
    refusals_close(authority);
    signing_close(authority);
    free(authority->unrecovered);
    free(authority->name);
    free(authority->host);
    free(authority->config_string);
    pthread_rwlock_destroy(&authority->issuer_lock);
    pthread_mutex_destroy(&authority->crl_lock);
    pthread_mutex_destroy(&authority->checkpoint_lock);
    audit_checkpoint_free(&authority->unstored);
    free(authority);
}

/* ---- what is told of it ---- */

void authority_info(struct authority *authority, struct ca_info *out)
{
    struct error none = ERROR_NONE;
    const struct issuer *issuer = authority_issuer(authority, &none);
    *out = (struct ca_info){.name = authority->name, .host = authority->host, .config_string = authority->config_string,
                            .key_type = authority->signer_keys.key_count ? authority->signer_keys.keys[0].key_type : "", .subject = "",
                            .locked = signing_locked(authority)};
    if (!issuer)
        return;
    if (issuer->key_index < authority->signer_keys.key_count)
        out->key_type = authority->signer_keys.keys[issuer->key_index].key_type;
    out->subject = issuer->subject;
    out->certificate = buf_bytes(&issuer->certificate);
    out->certificate_index = issuer->certificate_index;
    out->key_index = issuer->key_index;
    out->not_before = issuer->not_before;
    out->not_after = issuer->not_after;
    sha256_of(out->certificate, out->sha256);
}

size_t authority_ca_certificates(struct authority *authority, struct ca_certificate_row rows[CA_CERTIFICATES_MAX])
{
    const struct issuer *issuers[CA_CERTIFICATES_MAX];
    size_t count = authority_issuers(authority, issuers);
    struct error none = ERROR_NONE;
    const struct issuer *signs = authority_issuer(authority, &none);
    for (size_t i = 0; i < count; i++) {
        rows[i] = (struct ca_certificate_row){.index = issuers[i]->certificate_index, .key_index = issuers[i]->key_index,
                                              .certificate = buf_bytes(&issuers[i]->certificate), .not_before = issuers[i]->not_before,
                                              .not_after = issuers[i]->not_after, .signs = issuers[i] == signs};
        sha256_of(rows[i].certificate, rows[i].sha256);
    }
    return count;
}

size_t authority_ca_keys(struct authority *authority, struct ca_key_row rows[SIGNER_KEYS_MAX])
{
    size_t certified = authority_key_count(authority);
    size_t count = certified > authority->signer_keys.key_count ? certified : authority->signer_keys.key_count;
    for (unsigned i = 0; i < count && i < SIGNER_KEYS_MAX; i++) {
        rows[i] = (struct ca_key_row){.index = i, .ends_at = authority_key_end(authority, i), .signs = i + 1 == certified};
        if (i < authority->signer_keys.key_count)
            rows[i].key_type = authority->signer_keys.keys[i].key_type;
    }
    return count;
}

int authority_chain(struct authority *authority, int key_index, struct buf *pem, struct error *error)
{
    struct ca_certificate certificate;
    const struct issuer *issuer = key_index < 0 ? authority_issuer(authority, error)
                                                : authority_issuer_of_key(authority, (unsigned)key_index, error);
    if (!issuer)
        return error->status;
    int status = ca_certificates_get(authority->store, issuer->certificate_index, &certificate, error);
    if (status)
        return status;
    pem_encode(pem, "CERTIFICATE", buf_bytes(&issuer->certificate));
    buf_add(pem, certificate.chain.data, certificate.chain.size); /* PEM, as install-cert got it */
    ca_certificate_free(&certificate);
    return pem->failed ? error_memory(error) : OK;
}

static int config_from_directory(struct authority *authority, struct strings *out, struct error *error)
{
    static const char *const attributes[] = {"cn", "dNSHostName", NULL};
    struct directory_entries entries = {0};
    int status = directory_search(authority->directory, directory_base(authority->directory), SCOPE_SUBTREE,
                                  "(objectClass=pKIEnrollmentService)", attributes, 1000, &entries, error);
    for (size_t i = 0; i < entries.count && !status; i++) {
        const char *name = directory_entry_text(&entries.items[i], "cn");
        const char *host = directory_entry_text(&entries.items[i], "dNSHostName");
        struct buf text = BUF_EMPTY;
        if (name && host)
            buf_printf(&text, "%s\\%s", host, name);
        if (text.size && !strings_contain(out, buf_text(&text)) && strings_add(out, buf_text(&text)))
            status = error_memory(error);
        buf_free(&text);
    }
    directory_entries_free(&entries);
    return status;
}

int authority_config(struct authority *authority, bool all, struct strings *out, struct error *error)
{
    if (strings_add(out, authority->config_string))
        return error_memory(error);
    return all && authority->directory ? config_from_directory(authority, out, error) : OK;
}
