/* Further certificates for the CA: signed by itself (a root's renewal), asked for from a parent, and the parent's answer installed.
 * A new key is made with the daemon stopped, by ca/renew.c; the parent's answer to it is installed here. */
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/log.h"

/* ---- recording one: what the closure needs ---- */

struct recording {
    struct authority *authority;
    const struct identity *caller;
    const char *action, *outcome;
    const char *subject;
    struct ca_certificate certificate;
    struct strings templates;
};

static int record_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct recording *r = argument;
    struct event event = {.kind = EVENT_CA_CERTIFICATE, .at = clock_now(), .certificate = r->certificate.der.data,
                          .certificate_size = r->certificate.der.size, .key_index = r->certificate.index, .reason = -1, .crl_fd = -1,
                          .templates = r->templates};
    struct buf detail = BUF_EMPTY;
    int status = ca_certificates_add(txn, &r->certificate, error);
    if (status)
        return status;
    /* a late answer for an old key does not become the one that signs */
    event.superseded = r->certificate.key_index + 1 < authority_key_count(r->authority);
    authority_emit(r->authority, txn, &event);
    buf_printf(&detail, "certificate %u, key %u", r->certificate.index, r->certificate.key_index);
    authority_audit(r->authority, txn, r->caller, r->action, r->subject, r->outcome, "", buf_text(&detail));
    buf_free(&detail);
    return store_txn_failed(txn);
}

static int record_certificate(struct recording *r, struct error *error)
{
    int status = authority_template_names(r->authority, &r->templates, error);
    r->certificate.index = (unsigned)authority_certificate_count(r->authority);
    r->certificate.at = clock_now();
    if (!status)
        status = store_write(r->authority->store, record_store, r, error);
    if (!status)
        status = authority_add_issuer(r->authority, &r->certificate, error);
    if (!status)
        log_notice("CA certificate %u is in use: key %u", r->certificate.index, r->certificate.key_index);
    strings_free(&r->templates);
    return status;
}

/* ---- the parent's answer ---- */

static int install_refuse(struct error *error, const char *reason, const char *what)
{
    return error_set(error, REFUSED, reason, "%s", what);
}

static int check_form(const struct certificate_facts *facts, struct error *error)
{
    const unsigned needed = KEY_USAGE_CERT_SIGN | KEY_USAGE_CRL_SIGN;
    int64_t now = clock_now();
    if (!facts->ca)
        return install_refuse(error, "install.not_ca", "the certificate is not a CA's (basicConstraints CA:TRUE is missing)");
    if ((facts->key_usage & needed) != needed)
        return install_refuse(error, "install.key_usage", "the certificate must have key usage keyCertSign and cRLSign");
    if (facts->not_before > now || facts->not_after <= now)
        return install_refuse(error, "install.validity", "the certificate is not valid now");
    if (facts->self_signed)
        return install_refuse(error, "install.self_signed", "the certificate is self-signed: a parent's answer is signed by the parent");
    return OK;
}

static int check_first_name(struct authority *authority, const struct certificate_facts *facts, struct error *error)
{
    struct buf asked = BUF_EMPTY;
    struct error none = ERROR_NONE;
    int status = OK;
    if (!setting_get(authority->store, "ca.subject", &asked, &none) && asked.size && !dn_equal(buf_text(&asked), facts->subject))
        status = error_set(error, REFUSED, "install.subject", "the certificate's subject is %s, the request said %s", facts->subject,
                           buf_text(&asked));
    buf_free(&asked);
    return status;
}

/* What was issued names its issuer, octet for octet, and the issuer's key by its identifier: neither may change under it. */
static int check_continues(struct authority *authority, const struct certificate_facts *facts, unsigned key_index, struct error *error)
{
    struct error none = ERROR_NONE;
    const struct issuer *now = authority_issuer(authority, &none), *same_key;
    struct certificate_facts present = {0};
    int status = now ? certificate_read(buf_bytes(&now->certificate), &present, error) : check_first_name(authority, facts, error);
    if (status || !now)
        return status;
    if (present.self_signed)
        status = install_refuse(error, "install.root", "this CA signs its own certificate: it has no parent (`chancery renew`)");
    else if (!bytes_equal(buf_bytes(&facts->subject_name), buf_bytes(&now->name)))
        status = error_set(error, REFUSED, "install.subject", "the certificate's subject %s is not, octet for octet, that of the "
                           "certificates before: the parent must keep the request's name", facts->subject);
    else if (facts->path_length >= 0 && (present.path_length < 0 || facts->path_length < present.path_length))
        status = install_refuse(error, "install.path_length", "the certificate allows fewer CAs below this one than the present one does: "
                                                              "what they issued would become invalid");
    same_key = authority_issuer_of_key(authority, key_index, &none);
    if (!status && same_key && facts->key_id.size && !bytes_equal(buf_bytes(&facts->key_id), buf_bytes(&same_key->key_id_value)))
        status = install_refuse(error, "install.key_id", "the certificate has another subject key identifier than the one before for the "
                                                         "same key: what was issued would no longer find it");
    certificate_facts_free(&present);
    return status;
}

static int check_known(struct authority *authority, struct bytes der, struct error *error)
{
    const struct issuer *issuers[CA_CERTIFICATES_MAX];
    size_t count = authority_issuers(authority, issuers);
    for (size_t i = 0; i < count; i++)
        if (bytes_equal(buf_bytes(&issuers[i]->certificate), der))
            return error_set(error, REFUSED, "install.exists", "this certificate is installed already: it is CA certificate %zu", i);
    return OK;
}

static int install_check(struct authority *authority, const struct certificate_facts *facts, struct bytes der, unsigned *key_index,
                         struct error *error)
{
    int key = authority_own_key(authority, buf_bytes(&facts->spki));
    int status = check_known(authority, der, error);
    if (!status && key < 0)
        status = install_refuse(error, "install.key", "the certificate is for another key: it does not answer this CA's request");
    if (!status && (size_t)key > authority_key_count(authority))
        status = error_set(error, REFUSED, "install.key_order", "key %d waits for its certificate before key %d", key - 1, key);
    if (!status)
        status = check_form(facts, error);
    if (!status)
        status = check_continues(authority, facts, (unsigned)key, error);
    *key_index = (unsigned)key;
    return status;
}

/* ---- what stands above it ---- */

/* depth: how many CAs there are between this one and a leaf. */
static int check_parent(struct bytes below, struct bytes der, int depth, struct error *error)
{
    struct certificate_facts facts = {0};
    int64_t now = clock_now();
    int status = certificate_check_signature(below, der, error);
    if (!status)
        status = certificate_read(der, &facts, error);
    if (status)
        return status;
    if (!facts.ca || (facts.key_usage && !(facts.key_usage & KEY_USAGE_CERT_SIGN)))
        status = error_set(error, REFUSED, "install.parent", "%s is no CA: it may not sign certificates", facts.subject);
    else if (facts.not_after <= now || facts.not_before > now)
        status = error_set(error, REFUSED, "install.parent_validity", "%s, above this CA, is not valid now", facts.subject);
    else if (facts.path_length >= 0 && facts.path_length < depth)
        status = error_set(error, REFUSED, "install.parent_path_length", "%s allows a path length of %d: %d CAs stand below it", facts.subject,
                           facts.path_length, depth);
    certificate_facts_free(&facts);
    return status;
}

/* Certificates above the first in the file: each must sign the one before. */
static int install_parents(struct bytes rest, struct bytes der, struct buf *chain, struct error *error)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct buf below = BUF_EMPTY;
    int status = OK;
    buf_add(&below, der.data, der.size);
    for (int depth = 1; rest.size && memmem(rest.data, rest.size, "-----BEGIN", 10) && !status; depth++) {
        struct buf above = BUF_EMPTY;
        struct bytes next = {0};
        status = pem_or_der(rest, labels, &above, &next, error);
        if (!status)
            status = check_parent(buf_bytes(&below), buf_bytes(&above), depth, error);
        if (!status)
            pem_encode(chain, "CERTIFICATE", buf_bytes(&above));
        buf_free(&below);
        below = above;
        rest = next;
    }
    buf_free(&below);
    return status;
}

/* The answer came alone: the chain of an earlier certificate holds for it as well, when the same parent signed. */
static void parents_before(struct authority *authority, struct bytes der, struct buf *chain)
{
    size_t count = authority_certificate_count(authority);
    for (size_t i = count; i-- > 0 && !chain->size;) {
        struct ca_certificate before;
        struct error ignored = ERROR_NONE;
        if (ca_certificates_get(authority->store, (unsigned)i, &before, &ignored))
            continue;
        if (before.chain.size && install_parents(buf_bytes(&before.chain), der, chain, &ignored))
            buf_clear(chain);
        ca_certificate_free(&before);
    }
}

int authority_install_certificate(struct authority *authority, const struct identity *caller, struct bytes pem_or_der_in,
                                  struct error *error)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct bytes rest = {0};
    struct certificate_facts facts = {0};
    struct recording r = {.authority = authority, .caller = caller, .action = "ca.install_certificate", .outcome = "installed"};
    struct buf *der = &r.certificate.der;
    int status = pem_or_der(pem_or_der_in, labels, der, &rest, error);
    if (!status)
        status = certificate_read(buf_bytes(der), &facts, error);
    if (!status)
        status = install_check(authority, &facts, buf_bytes(der), &r.certificate.key_index, error);
    if (!status)
        status = install_parents(rest, buf_bytes(der), &r.certificate.chain, error);
    if (!status && !r.certificate.chain.size)
        parents_before(authority, buf_bytes(der), &r.certificate.chain);
    r.subject = facts.subject ? facts.subject : "";
    if (!status)
        status = record_certificate(&r, error);
    if (status)
        authority_audit_refusal(authority, caller, r.action, r.subject, error);
    certificate_facts_free(&facts);
    ca_certificate_free(&r.certificate);
    return status;
}

/* ---- renewal with the same key ---- */

struct renew {
    struct authority *authority;
    const struct identity *caller;
    const struct issuer *issuer;
    struct certificate_facts present;
    struct ca_form form;
    struct buf tbs, signature;
    uint64_t audit_number;
};

static int renew_begin_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct renew *renew = argument;
    char serial[2 * SERIAL_MAX + 1];
    (void)error;
    renew->audit_number = authority_audit(renew->authority, txn, renew->caller, "ca.renew", renew->issuer->subject, "begun", "",
                                          renew->form.serial.size ? serial_text(&renew->form.serial, serial) : "request");
    return store_txn_failed(txn);
}

static int renew_form(struct renew *renew, int64_t not_after, struct error *error)
{
    const struct issuer *issuer = renew->issuer;
    int64_t now = clock_now(), skew = conf_number(renew->authority->conf, "certificate", "clock_skew");
    if (!not_after)
        not_after = now + issuer->not_after - issuer->not_before - skew;
    renew->form = (struct ca_form){.name = buf_bytes(&issuer->name), .spki = buf_bytes(&issuer->spki),
                                   .algorithm = buf_bytes(&issuer->algorithm), .not_before = now - skew, .not_after = not_after,
                                   .path_length = renew->present.path_length, .key_index = issuer->key_index};
    renew->form.certificate_index = (unsigned)authority_certificate_count(renew->authority);
    if (renew->form.not_after < issuer->not_after)
        return error_set(error, REFUSED, "renew.shorter", "the new certificate would end before the present one: give more --days");
    return serial_generate(&renew->form.serial, error);
}

static int renew_self(struct renew *renew, int64_t not_after, struct error *error)
{
    struct authority *authority = renew->authority;
    struct recording r = {.authority = authority, .caller = renew->caller, .action = "ca.renew", .outcome = "issued",
                          .subject = renew->issuer->subject, .certificate = {.key_index = renew->issuer->key_index}};
    struct bytes algorithm = buf_bytes(&renew->issuer->algorithm);
    int status = renew_form(renew, not_after, error);
    if (!status)
        status = certificate_build_ca_tbs(&renew->form, &renew->tbs, error);
    if (!status)
        status = store_write(authority->store, renew_begin_store, renew, error);
    if (!status)
        status = signer_sign(authority->signer, renew->issuer->key_index, SIGN_CERTIFICATE, buf_bytes(&renew->tbs), renew->audit_number,
                             &renew->signature, error);
    if (!status)
        status = certificate_assemble(buf_bytes(&renew->tbs), algorithm, buf_bytes(&renew->signature), &r.certificate.der, error);
    if (!status)
        status = certificate_check_signature(buf_bytes(&r.certificate.der), buf_bytes(&r.certificate.der), error);
    if (!status)
        status = record_certificate(&r, error);
    ca_certificate_free(&r.certificate);
    return status;
}

static int renew_request(struct renew *renew, struct buf *pem, struct error *error)
{
    struct authority *authority = renew->authority;
    struct buf subject = BUF_EMPTY, der = BUF_EMPTY;
    int status = setting_get(authority->store, "ca.subject", &subject, error);
    if (!status)
        status = pkcs10_build_info(buf_text(&subject), buf_bytes(&renew->issuer->spki), renew->present.path_length, &renew->tbs, error);
    if (!status)
        status = store_write(authority->store, renew_begin_store, renew, error);
    if (!status)
        status = signer_sign(authority->signer, renew->issuer->key_index, SIGN_PKCS10, buf_bytes(&renew->tbs), renew->audit_number,
                             &renew->signature, error);
    if (!status)
        status = pkcs10_assemble(buf_bytes(&renew->tbs), buf_bytes(&renew->issuer->algorithm), buf_bytes(&renew->signature), &der, error);
    if (!status) {
        pem_encode(pem, "CERTIFICATE REQUEST", buf_bytes(&der));
        status = pem->failed ? error_memory(error) : OK;
    }
    buf_free(&subject);
    buf_free(&der);
    return status;
}

int authority_renew(struct authority *authority, const struct identity *caller, int64_t not_after, bool request, struct buf *pem,
                    struct error *error)
{
    struct renew renew = {.authority = authority, .caller = caller, .issuer = authority_issuer(authority, error)};
    int status = renew.issuer ? certificate_read(buf_bytes(&renew.issuer->certificate), &renew.present, error) : error->status;
    if (!status)
        status = authority_in_service(authority, error);
    if (!status && !renew.present.self_signed && !request)
        status = error_set(error, REFUSED, "renew.subordinate", "this CA's certificate comes from its parent, %s: make a request for it with "
                           "`chancery renew --csr-out FILE`, then `chancery install-cert`", renew.present.issuer);
    else if (!status && renew.present.self_signed && request)
        status = error_set(error, REFUSED, "renew.root", "this CA signs its own certificate: `chancery renew` without --csr-out");
    else if (!status && request)
        status = renew_request(&renew, pem, error);
    else if (!status)
        status = renew_self(&renew, not_after, error);
    if (status)
        authority_audit_refusal(authority, caller, "ca.renew", renew.issuer ? renew.issuer->subject : "", error);
    certificate_facts_free(&renew.present);
    buf_free(&renew.tbs);
    buf_free(&renew.signature);
    return status;
}
