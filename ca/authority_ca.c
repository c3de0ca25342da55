/* The CA itself: opening and closing, its certificate, chain and configuration strings, and events for exit modules. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/log.h"

/* ---- the issuer ---- */

const struct issuer *authority_issuer(struct authority *authority, struct error *error)
{
    pthread_rwlock_rdlock(&authority->issuer_lock);
    const struct issuer *issuer = authority->issuer;
    pthread_rwlock_unlock(&authority->issuer_lock);
    if (!issuer)
        error_set(error, TEMPORARY, "ca.no_certificate",
                  "this CA has no certificate yet: have its request signed and run `chancery install-cert FILE`");
    return issuer;
}

/* %N the CA's name, %K "(n)" of a renewed key, %D the DN of the CA's entry; blanks become %20 (RFC 4516). */
static void url_expand(struct authority *authority, const char *pattern, unsigned key_index, struct buf *out)
{
    const char *entry = conf_text(authority->conf, "publish.ldap", "ca_entry");
    const char *base = conf_text(authority->conf, "directory", "base");
    struct buf text = BUF_EMPTY;
    for (const char *c = pattern; *c; c++) {
        if (c[0] == '%' && c[1] == 'N') {
            buf_add_text(&text, authority->name);
        } else if (c[0] == '%' && c[1] == 'K') {
            if (key_index)
                buf_printf(&text, "(%u)", key_index);
        } else if (c[0] == '%' && c[1] == 'D') {
            if (entry)
                buf_add_text(&text, entry);
            else
                buf_printf(&text, "cn=%s,ou=pki,%s", authority->name, base ? base : "");
        } else {
            buf_add_byte(&text, (uint8_t)*c);
            continue;
        }
        c++;
    }
    for (const char *c = buf_text(&text); *c; c++)
        if (*c == ' ')
            buf_add_text(out, "%20");
        else
            buf_add_byte(out, (uint8_t)*c);
    buf_free(&text);
}

static int issuer_urls(struct authority *authority, struct issuer *issuer, struct error *error)
{
    const struct {
        const char *item;
        struct strings *urls;
    } wanted[] = {{"cdp", &issuer->cdp_urls}, {"aia", &issuer->aia_urls}, {"ocsp", &issuer->ocsp_urls}};
    int status = OK;
    for (size_t w = 0; w < 3 && !status; w++) {
        struct strings patterns = {0};
        status = conf_list(authority->conf, "certificate", wanted[w].item, &patterns);
        for (size_t i = 0; i < patterns.count && !status; i++) {
            struct buf url = BUF_EMPTY;
            url_expand(authority, patterns.items[i], issuer->key_index, &url);
            status = url.failed ? INTERNAL : strings_add(wanted[w].urls, buf_text(&url));
            buf_free(&url);
        }
        strings_free(&patterns);
    }
    return status ? error_memory(error) : OK;
}

/* The issuer before stays in memory: requests under way hold it. An installation is a rare event. */
static void issuer_swap(struct authority *authority, struct issuer *next)
{
    pthread_rwlock_wrlock(&authority->issuer_lock);
    if (authority->retired)
        issuer_free(authority->retired);
    free(authority->retired);
    authority->retired = authority->issuer;
    authority->issuer = next;
    pthread_rwlock_unlock(&authority->issuer_lock);
}

static int issuer_make(struct authority *authority, struct bytes der, struct error *error)
{
    struct issuer *issuer = calloc(1, sizeof *issuer);
    int status = issuer ? issuer_from_certificate(der, issuer, error) : error_memory(error);
    if (!status && !bytes_equal(buf_bytes(&issuer->spki), buf_bytes(&authority->spki)))
        status = error_set(error, BAD_CONFIG, "ca.key", "the CA certificate is for another key than the signer holds");
    if (!status) {
        buf_clear(&issuer->algorithm); /* what this CA signs with, not what its own certificate was signed with */
        buf_add(&issuer->algorithm, authority->algorithm.data, authority->algorithm.size);
        status = issuer_urls(authority, issuer, error);
    }
    if (!status) {
        issuer_swap(authority, issuer);
    } else if (issuer) {
        issuer_free(issuer);
        free(issuer);
    }
    return status;
}

int authority_load_issuer(struct authority *authority, struct error *error)
{
    struct buf der = BUF_EMPTY;
    struct error none = ERROR_NONE;
    int status = setting_get(authority->store, "ca.certificate", &der, &none);
    if (status == REFUSED || (!status && !der.size)) {
        log_warn("this CA has no certificate yet: it answers no request until `chancery install-cert`");
        status = OK;
    } else if (!status) {
        status = issuer_make(authority, buf_bytes(&der), error);
    } else {
        status = error_set(error, none.status, none.reason, "%s", none.message);
    }
    buf_free(&der);
    return status;
}

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

struct announcement {
    struct authority *authority;
    struct event event;
};

static int announce_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct announcement *a = argument;
    struct identity daemon = {.uid = -1, .account = (char *)"chanceryd"};
    (void)error;
    if (a->event.certificate)
        authority_emit(a->authority, txn, &a->event);
    background_since(txn);
    authority_audit(a->authority, txn, &daemon, "daemon.start", a->authority->name, "started", "", "");
    return store_txn_failed(txn);
}

/* The CA's entry is told anew at every start: configuration may have changed, and what is right already stays as it is. */
static int announce_start(struct authority *authority, struct error *error)
{
    struct announcement a = {.authority = authority,
                             .event = {.kind = EVENT_CA_CERTIFICATE, .at = clock_now(), .reason = -1, .crl_fd = -1}};
    int status = template_names_adopted(authority, &a.event.templates, error);
    struct error none = ERROR_NONE;
    const struct issuer *issuer = authority_issuer(authority, &none);
    if (!status && issuer) {
        a.event.certificate = issuer->certificate.data; /* borrowed */
        a.event.certificate_size = issuer->certificate.size;
        a.event.key_index = issuer->certificate_index;
    }
    if (!status)
        status = store_write_reserved(authority->store, announce_store, &a, error);
    strings_free(&a.event.templates);
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

static int signer_open(struct authority *authority, struct error *error)
{
    struct signer_info info = {0};
    int status = signer_info(authority->signer, &info, error);
    if (!status && info.key_count) {
        snprintf(authority->key_type, sizeof authority->key_type, "%s", info.keys[0].key_type);
        buf_add(&authority->algorithm, info.keys[0].algorithm.data, info.keys[0].algorithm.size);
        buf_add(&authority->spki, info.keys[0].spki.data, info.keys[0].spki.size);
    }
    signer_info_free(&info);
    return status;
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
    int status = template_cache_open(&authority->templates) ? error_memory(error) : names_open(authority, error);
    if (!status)
        status = background_open(authority, error);
    if (!status)
        status = signer_open(authority, error);
    if (!status)
        status = authority_load_issuer(authority, error);
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
    background_close(authority);
    issuer_swap(authority, NULL);
    issuer_swap(authority, NULL);
    template_cache_free(authority->templates);
    roles_close(authority);
    keys_close(authority);
    refusals_close(authority);
    buf_free(&authority->algorithm);
    buf_free(&authority->spki);
    free(authority->name);
    free(authority->host);
    free(authority->config_string);
    pthread_rwlock_destroy(&authority->issuer_lock);
    pthread_mutex_destroy(&authority->crl_lock);
    free(authority);
}

/* ---- what is told of it ---- */

void authority_info(struct authority *authority, struct ca_info *out)
{
    struct error none = ERROR_NONE;
    const struct issuer *issuer = authority_issuer(authority, &none);
    *out = (struct ca_info){.name = authority->name, .host = authority->host, .config_string = authority->config_string,
                            .key_type = authority->key_type, .subject = ""};
    if (!issuer)
        return;
    out->subject = issuer->subject;
    out->certificate = buf_bytes(&issuer->certificate);
    out->certificate_index = issuer->certificate_index;
    out->key_index = issuer->key_index;
    out->not_before = issuer->not_before;
    out->not_after = issuer->not_after;
    sha256_of(out->certificate, out->sha256);
}

int authority_chain(struct authority *authority, struct buf *pem, struct error *error)
{
    const struct issuer *issuer = authority_issuer(authority, error);
    struct error none = ERROR_NONE;
    if (!issuer)
        return error->status;
    pem_encode(pem, "CERTIFICATE", buf_bytes(&issuer->certificate));
    struct buf above = BUF_EMPTY; /* PEM, as install-cert got it */
    if (!setting_get(authority->store, "ca.chain", &above, &none))
        buf_add(pem, above.data, above.size);
    buf_free(&above);
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

/* ---- the parent's answer ---- */

struct installation {
    struct authority *authority;
    const struct identity *caller;
    struct bytes der, chain;
    const char *subject;
    struct strings templates;
};

static int install_exists(struct error *error)
{
    return error_set(error, REFUSED, "install.exists", "this CA has a certificate already; renewing it is another step");
}

static int install_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct installation *i = argument;
    struct buf before = BUF_EMPTY;
    bool exists = !setting_get_txn(txn, "ca.certificate", &before) && before.size;
    buf_free(&before);
    if (exists) /* two at the same moment: the first one's holds, and requests use it */
        return install_exists(error);
    struct event event = {.kind = EVENT_CA_CERTIFICATE, .at = clock_now(), .certificate = (uint8_t *)i->der.data,
                          .certificate_size = i->der.size, .reason = -1, .crl_fd = -1, .templates = i->templates};
    setting_put(txn, "ca.certificate", i->der);
    setting_put(txn, "ca.chain", i->chain);
    authority_emit(i->authority, txn, &event);
    authority_audit(i->authority, txn, i->caller, "ca.install_certificate", i->subject, "installed", "", "");
    return store_txn_failed(txn);
}

static int install_check(struct authority *authority, const struct certificate_facts *facts, struct error *error)
{
    struct buf asked = BUF_EMPTY;
    struct error none = ERROR_NONE;
    int64_t now = clock_now();
    const unsigned needed = KEY_USAGE_CERT_SIGN | KEY_USAGE_CRL_SIGN;
    int status = OK;
    if (!bytes_equal(buf_bytes(&facts->spki), buf_bytes(&authority->spki)))
        status = error_set(error, REFUSED, "install.key", "the certificate is for another key: it does not answer this CA's request");
    else if (!facts->ca)
        status = error_set(error, REFUSED, "install.not_ca", "the certificate is not a CA's (basicConstraints CA:TRUE is missing)");
    else if ((facts->key_usage & needed) != needed)
        status = error_set(error, REFUSED, "install.key_usage", "the certificate must have key usage keyCertSign and cRLSign");
    else if (facts->not_before > now || facts->not_after <= now)
        status = error_set(error, REFUSED, "install.validity", "the certificate is not valid now");
    else if (!setting_get(authority->store, "ca.subject", &asked, &none) && asked.size &&
             !dn_equal(buf_text(&asked), facts->subject))
        status = error_set(error, REFUSED, "install.subject", "the certificate's subject is %s, the request said %s", facts->subject,
                           buf_text(&asked));
    buf_free(&asked);
    return status;
}

/* Certificates above the first in the file: each must sign the one before. */
static int install_parents(struct bytes rest, struct bytes der, struct buf *chain, struct error *error)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct buf below = BUF_EMPTY;
    int status = OK;
    buf_add(&below, der.data, der.size);
    while (rest.size && memmem(rest.data, rest.size, "-----BEGIN", 10) && !status) {
        struct buf above = BUF_EMPTY;
        struct bytes next = {0};
        status = pem_or_der(rest, labels, &above, &next, error);
        if (!status)
            status = certificate_check_signature(buf_bytes(&below), buf_bytes(&above), error);
        if (!status)
            pem_encode(chain, "CERTIFICATE", buf_bytes(&above));
        buf_free(&below);
        below = above;
        rest = next;
    }
    buf_free(&below);
    return status;
}

int authority_install_certificate(struct authority *authority, const struct identity *caller, struct bytes pem_or_der_in,
                                  struct error *error)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct buf der = BUF_EMPTY, chain = BUF_EMPTY;
    struct bytes rest = {0};
    struct certificate_facts facts = {0};
    struct error none = ERROR_NONE;
    struct installation installation = {.authority = authority, .caller = caller};
    int status = pem_or_der(pem_or_der_in, labels, &der, &rest, error);
    if (!status)
        status = certificate_read(buf_bytes(&der), &facts, error);
    if (!status && authority_issuer(authority, &none))
        status = install_exists(error);
    if (!status)
        status = install_check(authority, &facts, error);
    if (!status)
        status = install_parents(rest, buf_bytes(&der), &chain, error);
    if (!status)
        status = template_names_adopted(authority, &installation.templates, error);
    if (!status) {
        installation.der = buf_bytes(&der);
        installation.chain = buf_bytes(&chain);
        installation.subject = facts.subject;
        status = store_write(authority->store, install_store, &installation, error);
    }
    if (!status)
        status = issuer_make(authority, buf_bytes(&der), error);
    if (status)
        authority_audit_refusal(authority, caller, "ca.install_certificate", facts.subject ? facts.subject : "", error);
    strings_free(&installation.templates);
    certificate_facts_free(&facts);
    buf_free(&der);
    buf_free(&chain);
    return status;
}
