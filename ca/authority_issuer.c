/* The CA's certificates as issuers: one for each, loaded at start, more when one is installed or made. The one that signs is the
 * newest of the newest key; the others stand behind what they issued: its chain and its key's CRLs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/log.h"

/* ---- which one ---- */

static bool issuer_is_newer(const struct issuer *one, const struct issuer *than)
{
    if (one->key_index != than->key_index)
        return one->key_index > than->key_index;
    return one->certificate_index > than->certificate_index;
}

/* key: -1 for any. A late answer for an old key does not bring the old key back. */
static const struct issuer *issuer_find(struct authority *authority, int key)
{
    const struct issuer *found = NULL;
    pthread_rwlock_rdlock(&authority->issuer_lock);
    for (size_t i = 0; i < authority->issuer_count; i++) {
        const struct issuer *issuer = authority->issuers[i];
        if ((key < 0 || issuer->key_index == (unsigned)key) && (!found || issuer_is_newer(issuer, found)))
            found = issuer;
    }
    pthread_rwlock_unlock(&authority->issuer_lock);
    return found;
}

const struct issuer *authority_issuer(struct authority *authority, struct error *error)
{
    const struct issuer *issuer = issuer_find(authority, -1);
    if (!issuer)
        error_set(error, TEMPORARY, "ca.no_certificate",
                  "this CA has no certificate yet: have its request signed and run `chancery install-cert FILE`");
    return issuer;
}

const struct issuer *authority_issuer_of_key(struct authority *authority, unsigned key_index, struct error *error)
{
    const struct issuer *issuer = issuer_find(authority, (int)key_index);
    if (!issuer)
        error_set(error, REFUSED, "ca.key_index", "the CA has no certificate for a key %u (`chancery info` shows its keys)", key_index);
    return issuer;
}

size_t authority_issuers(struct authority *authority, const struct issuer *out[CA_CERTIFICATES_MAX])
{
    pthread_rwlock_rdlock(&authority->issuer_lock);
    size_t count = authority->issuer_count;
    for (size_t i = 0; i < count; i++)
        out[i] = authority->issuers[i];
    pthread_rwlock_unlock(&authority->issuer_lock);
    return count;
}

size_t authority_certificate_count(struct authority *authority)
{
    pthread_rwlock_rdlock(&authority->issuer_lock);
    size_t count = authority->issuer_count;
    pthread_rwlock_unlock(&authority->issuer_lock);
    return count;
}

size_t authority_key_count(struct authority *authority)
{
    const struct issuer *newest = issuer_find(authority, -1);
    return newest ? newest->key_index + 1 : 0;
}

int64_t authority_key_end(struct authority *authority, unsigned key_index)
{
    const struct issuer *issuers[CA_CERTIFICATES_MAX];
    size_t count = authority_issuers(authority, issuers);
    int64_t end = 0;
    for (size_t i = 0; i < count; i++)
        if (issuers[i]->key_index == key_index && issuers[i]->not_after > end)
            end = issuers[i]->not_after;
    return end;
}

/* ---- whose key ---- */

int authority_own_key(struct authority *authority, struct bytes spki)
{
    int found = -1;
    pthread_rwlock_rdlock(&authority->issuer_lock);
    for (size_t i = 0; i < authority->signer_keys.key_count; i++)
        if (bytes_equal(buf_bytes(&authority->signer_keys.keys[i].spki), spki))
            found = (int)i;
    for (size_t i = 0; i < authority->issuer_count; i++)
        if (bytes_equal(buf_bytes(&authority->issuers[i]->spki), spki))
            found = (int)authority->issuers[i]->key_index;
    pthread_rwlock_unlock(&authority->issuer_lock);
    return found;
}

/* A locked signer knows no key yet: then it is asked again once it is unlocked. */
static int issuer_check_key(struct authority *authority, const struct issuer *issuer, struct error *error)
{
    unsigned index = issuer->key_index;
    if (!authority->signer_keys.key_count)
        return OK;
    if (index >= authority->signer_keys.key_count)
        return error_set(error, BAD_CONFIG, "ca.key", "CA certificate %u is for key %u, which the signer does not hold: signer.conf lacks "
                         "its section [key.%u]", issuer->certificate_index, index, index);
    if (!bytes_equal(buf_bytes(&issuer->spki), buf_bytes(&authority->signer_keys.keys[index].spki)))
        return error_set(error, BAD_CONFIG, "ca.key", "CA certificate %u is for another key than the signer holds", issuer->certificate_index);
    return OK;
}

int authority_take_keys(struct authority *authority, struct error *error)
{
    const struct issuer *issuers[CA_CERTIFICATES_MAX];
    size_t count = authority_issuers(authority, issuers);
    struct signer_info now, before;
    int status = signer_info(authority->signer, &now, error);
    if (status)
        return status;
    pthread_rwlock_wrlock(&authority->issuer_lock);
    before = authority->signer_keys;
    authority->signer_keys = now;
    pthread_rwlock_unlock(&authority->issuer_lock);
    signer_info_free(&before);
    for (size_t i = 0; i < count && !status; i++)
        status = issuer_check_key(authority, issuers[i], error);
    return status;
}

/* ---- URLs ---- */

struct url_form {
    const char *item;
    size_t offset; /* of its list in struct issuer */
    bool of_key;   /* %K and %D count keys: each has a CRL; else certificates, which share the CA's entry */
};
static const struct url_form url_forms[] = {
    {"cdp", offsetof(struct issuer, cdp_urls), true},
    {"aia", offsetof(struct issuer, aia_urls), false},
    {"ocsp", offsetof(struct issuer, ocsp_urls), true},
};

static int entry_add(struct authority *authority, unsigned key_index, struct buf *out, struct error *error)
{
    const char *entry = conf_text(authority->conf, "publish.ldap", "ca_entry");
    const char *base = conf_text(authority->conf, "directory", "base");
    struct buf text = BUF_EMPTY;
    char *numbered = NULL;
    int status = OK;
    if (entry)
        buf_add_text(&text, entry);
    else
        buf_printf(&text, "cn=%s,ou=pki,%s", authority->name, base ? base : "");
    if (key_index)
        status = dn_numbered(buf_text(&text), key_index, &numbered, error);
    if (!status)
        buf_add_text(out, numbered ? numbered : buf_text(&text));
    free(numbered);
    buf_free(&text);
    return status;
}

/* %N the CA's name, %K "(n)", %D the DN of the CA's entry; blanks become %20 (RFC 4516). */
static int url_expand(struct authority *authority, const struct issuer *issuer, const struct url_form *form, const char *pattern,
                      struct buf *out, struct error *error)
{
    unsigned number = form->of_key ? issuer->key_index : issuer->certificate_index;
    struct buf text = BUF_EMPTY;
    int status = OK;
    for (const char *c = pattern; *c && !status; c++) {
        bool escape = c[0] == '%' && c[1] && strchr("NKD", c[1]);
        if (!escape)
            buf_add_byte(&text, (uint8_t)*c);
        else if (*++c == 'N')
            buf_add_text(&text, authority->name);
        else if (*c == 'D')
            status = entry_add(authority, form->of_key ? number : 0, &text, error);
        else if (number)
            buf_printf(&text, "(%u)", number);
    }
    for (const char *c = buf_text(&text); *c; c++)
        if (*c == ' ')
            buf_add_text(out, "%20");
        else
            buf_add_byte(out, (uint8_t)*c);
    buf_free(&text);
    return status ? status : out->failed ? error_memory(error) : OK;
}

static int issuer_urls(struct authority *authority, struct issuer *issuer, struct error *error)
{
    int status = OK;
    for (size_t f = 0; f < sizeof url_forms / sizeof *url_forms && !status; f++) {
        struct strings patterns = {0}, *urls = (struct strings *)((char *)issuer + url_forms[f].offset);
        if (conf_list(authority->conf, "certificate", url_forms[f].item, &patterns))
            status = error_memory(error);
        for (size_t i = 0; i < patterns.count && !status; i++) {
            struct buf url = BUF_EMPTY;
            status = url_expand(authority, issuer, &url_forms[f], patterns.items[i], &url, error);
            if (!status && strings_add(urls, buf_text(&url)))
                status = error_memory(error);
            buf_free(&url);
        }
        strings_free(&patterns);
    }
    return status;
}

bool cdp_pattern_is_shared(const char *pattern)
{
    return !strstr(pattern, "%K") && !strstr(pattern, "%D");
}

/* ---- loading, and a further one ---- */

int authority_add_issuer(struct authority *authority, const struct ca_certificate *certificate, struct error *error)
{
    struct issuer *issuer = calloc(1, sizeof *issuer);
    int status = issuer ? issuer_from_certificate(buf_bytes(&certificate->der), issuer, error) : error_memory(error);
    if (!status) {
        issuer->certificate_index = certificate->index; /* ours: what a parent writes of them is its own affair */
        issuer->key_index = certificate->key_index;
        status = issuer_check_key(authority, issuer, error);
    }
    if (!status)
        status = issuer_urls(authority, issuer, error);
    if (!status) {
        pthread_rwlock_wrlock(&authority->issuer_lock);
        authority->issuers[authority->issuer_count++] = issuer;
        pthread_rwlock_unlock(&authority->issuer_lock);
    } else if (issuer) {
        issuer_free(issuer);
        free(issuer);
    }
    return status;
}

int authority_load_issuers(struct authority *authority, struct error *error)
{
    int status = OK;
    while (!status && authority->issuer_count < CA_CERTIFICATES_MAX) {
        struct ca_certificate certificate;
        struct error why = ERROR_NONE;
        status = ca_certificates_get(authority->store, (unsigned)authority->issuer_count, &certificate, &why);
        if (status == REFUSED) {
            status = OK;
            break;
        }
        if (status)
            return error_set(error, status, why.reason, "%s", why.message);
        status = authority_add_issuer(authority, &certificate, error);
        ca_certificate_free(&certificate);
    }
    if (!status && !authority->issuer_count)
        log_warn("this CA has no certificate yet: it answers no request until `chancery install-cert`");
    return status;
}

void authority_free_issuers(struct authority *authority)
{
    for (size_t i = 0; i < authority->issuer_count; i++) {
        issuer_free(authority->issuers[i]);
        free(authority->issuers[i]);
    }
    authority->issuer_count = 0;
    signer_info_free(&authority->signer_keys);
}
