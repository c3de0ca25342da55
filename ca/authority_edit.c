/* What an officer may change of a pending request: attributes and extensions. Each edit is checked, voids the approvals given
 * to what stood there before, is kept in the history, and is audited in its closure. What the policy makes of it is seen at
 * the resubmission. [ICertAdmin::SetRequestAttributes, SetCertificateExtension] */
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/oid.h"
#include "ca/base/text.h"
#include "ca/x509/extension.h"

#define OFFICER_EXTENSIONS_MAX 32
#define EXTENSION_VALUE_MAX 16384

/* name:value attributes that mean something here; anything else is refused (no attribute ever widens a request). What an officer
 * may not set says who renews what, which only the requester can say. */
static const struct known {
    const char *name;
    bool officer;
} known_attributes[] = {
    {"CertificateTemplate", true}, {"ExpirationDate", true}, {"ccm", true}, {"cdc", true}, {"rmd", true},
    {RENEWAL_ATTRIBUTE, false},
};

static const struct known *attribute_known(const char *name)
{
    for (size_t i = 0; i < sizeof known_attributes / sizeof *known_attributes; i++)
        if (attribute_name_equal(known_attributes[i].name, name))
            return &known_attributes[i];
    return NULL;
}

int attribute_split(const char *text, char name[ATTRIBUTE_NAME_MAX + 1], const char **value, struct error *error)
{
    const char *colon = strchr(text, ':');
    if (!colon || colon == text)
        return error_set(error, BAD_DATA, "request.attribute", "attribute \"%.60s\" is not of the form NAME:VALUE", text);
    size_t size = (size_t)(colon - text);
    if (size > ATTRIBUTE_NAME_MAX || strlen(colon + 1) > ATTRIBUTE_VALUE_MAX)
        return error_set(error, BAD_DATA, "request.attribute_size", "attribute \"%.20s…\" is too long (name %d, value %d octets)",
                         text, ATTRIBUTE_NAME_MAX, ATTRIBUTE_VALUE_MAX);
    memcpy(name, text, size);
    name[size] = 0;
    *value = colon + 1;
    if (!attribute_known(name))
        return error_set(error, BAD_DATA, "request.attribute_unknown",
                         "attribute \"%s\" is not known here; this CA takes CertificateTemplate, ExpirationDate and RenewalCertificate", name);
    return OK;
}

/* ---- one edit, whatever it is ---- */

struct edition {
    struct authority *authority;
    const struct identity *caller;
    uint64_t id;
    const struct seen *seen;
    const char *action;
    const struct strings *attributes;     /* one of the two */
    const struct extension_edit *extension;
    bool asked;                           /* the PKCS#10 asks for this extension */
    int (*apply)(struct edition *edition, struct request *request, struct buf *what, struct error *error);
};

static int editable(const struct edition *edition, const struct request *request, struct error *error)
{
    int status = seen_check(edition->seen, request, error);
    if (!status && request->disposition != DISPOSITION_PENDING)
        status = error_set(error, REFUSED, "state.edit", "request %llu is %s: attributes and extensions are edited while it is pending only",
                           (unsigned long long)request->id, disposition_name(request->disposition));
    return status;
}

static int edition_keep(const struct edition *edition, struct request *request, const struct buf *what, struct error *error)
{
    int64_t now = clock_now();
    int status = what->failed ? INTERNAL : request_add_edit(request, edition->caller->account, now, buf_text(what));
    if (status == BAD_DATA)
        return error_set(error, REFUSED, "request.edits", "request %llu was edited %d times already: deny it and have it submitted anew",
                         (unsigned long long)request->id, EDITS_MAX);
    if (status)
        return error_memory(error);
    request_void_approvals(request);
    free(request->decided_by);
    request->decided_by = NULL;
    request_touch(request, now);
    return OK;
}

static int edition_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct edition *edition = argument;
    struct request request = {0};
    struct buf what = BUF_EMPTY;
    int status = requests_get_txn(txn, edition->id, &request);
    if (!status)
        status = editable(edition, &request, error);
    if (!status)
        status = edition->apply(edition, &request, &what, error);
    if (!status)
        status = edition_keep(edition, &request, &what, error);
    if (!status) {
        requests_put(txn, &request);
        authority_audit(edition->authority, txn, edition->caller, edition->action, authority_object(edition->id).text, "edited", "",
                        buf_text(&what));
        status = store_txn_failed(txn);
    }
    buf_free(&what);
    request_free(&request);
    return status;
}

/* All that can be known without the closure is asked first, on a copy: who may, and whether the edit fits. */
static int edition_run(struct edition *edition, struct error *error)
{
    struct request request = {0};
    struct buf what = BUF_EMPTY;
    int status = requests_get(edition->authority->store, edition->id, &request, error);
    if (!status)
        status = authority_may_decide(edition->authority, edition->caller, &request, error);
    if (!status)
        status = editable(edition, &request, error);
    if (!status)
        status = edition->apply(edition, &request, &what, error);
    if (!status)
        status = store_write(edition->authority->store, edition_store, edition, error);
    if (status)
        authority_audit_refusal(edition->authority, edition->caller, edition->action, authority_object(edition->id).text, error);
    buf_free(&what);
    request_free(&request);
    return status;
}

/* ---- attributes ---- */

static int template_follow(struct request *request, const char *value, struct error *error)
{
    if (!*value || strlen(value) > 128)
        return error_set(error, BAD_DATA, "request.template", "a request must name a template, of at most 128 octets");
    free(request->template_name);
    request->template_name = strdup(value);
    return request->template_name ? OK : error_memory(error);
}

static int attribute_apply(const struct edition *edition, struct request *request, const char *text, struct buf *what,
                           struct error *error)
{
    char name[ATTRIBUTE_NAME_MAX + 1];
    const char *value;
    int status = attribute_split(text, name, &value, error);
    if (status)
        return status;
    const struct known *known = attribute_known(name);
    if (!known || !known->officer)
        return error_set(error, BAD_DATA, "request.attribute_officer", "attribute \"%s\" is the requester's alone to set", name);
    const char *before = request_attribute(request, name);
    buf_printf(what, "%sattribute %s", what->size ? "; " : "", name);
    if (before)
        buf_printf(what, " from \"%.200s\"", before);
    if (*value)
        buf_printf(what, " to \"%.200s\"", value);
    else
        buf_add_text(what, " taken out");
    if (attribute_name_equal(name, "CertificateTemplate"))
        status = template_follow(request, value, error);
    if (!status)
        status = request_edit_attribute(request, name, value, edition->caller->account);
    if (status == BAD_DATA && error->status == OK)
        error_set(error, BAD_DATA, "request.attribute_count", "more than %d attributes", ATTRIBUTES_MAX);
    return status == INTERNAL ? error_memory(error) : status;
}

static int attributes_apply(struct edition *edition, struct request *request, struct buf *what, struct error *error)
{
    int64_t ignored;
    int status = OK;
    for (size_t i = 0; i < edition->attributes->count && !status; i++)
        status = attribute_apply(edition, request, edition->attributes->items[i], what, error);
    return status ? status : issue_expiration(request, clock_now(), &ignored, error);
}

int authority_set_attributes(struct authority *authority, const struct identity *caller, uint64_t id, const struct strings *attributes,
                             const struct seen *seen, struct error *error)
{
    struct edition edition = {.authority = authority, .caller = caller, .id = id, .seen = seen, .action = "request.set-attribute",
                              .attributes = attributes, .apply = attributes_apply};
    return edition_run(&edition, error);
}

/* ---- extensions ---- */

/* A certificate with an arc of more than 64 bits is one that GnuTLS cannot read (ca/base/oid.h). */
static bool arcs_fit(const char *oid)
{
    while (*oid) {
        size_t digits = strcspn(oid, ".");
        if (digits > 19)
            return false;
        oid += digits + (oid[digits] == '.');
    }
    return true;
}

/* Form and criticality, as the signer's lint will ask for them: better said now than when a serial is already reserved. */
static int extension_fits(const struct extension_edit *edit, bool ca, struct error *error)
{
    struct extension_view view = {.critical = edit->critical, .value = edit->value};
    struct walk_fault fault;
    const char *what = NULL;
    if (!oid_is_valid(edit->oid) || strlen(edit->oid) >= sizeof view.oid || !arcs_fit(edit->oid))
        return error_set(error, BAD_DATA, "extension.oid", "\"%.60s\" is no object identifier that a certificate can carry, such as 2.5.29.37",
                         edit->oid);
    if (edit->remove)
        return OK;
    if (certificate_extension_ours(edit->oid))
        return error_set(error, BAD_DATA, "extension.ours", "the extension %s (%s) says whose key it is and who signed: it is the CA's own",
                         edit->oid, oid_name(edit->oid));
    if (edit->value.size > EXTENSION_VALUE_MAX)
        return error_set(error, BAD_DATA, "extension.size", "the extension's value has %zu octets; at most %d are taken", edit->value.size,
                         EXTENSION_VALUE_MAX);
    if (edit->value.size == 0 || walk_check(edit->value, WALK_STRICT, &fault) != OK)
        return error_set(error, BAD_DATA, "extension.der", "the extension's value is not one element in DER%s%s",
                         edit->value.size ? ": " : "", edit->value.size ? fault.what : "");
    memcpy(view.oid, edit->oid, strlen(edit->oid) + 1);
    if (extension_check(&view, ca, &what) != OK)
        return error_set(error, BAD_DATA, "extension.form", "%s", what);
    return OK;
}

static bool is_ca_template(struct authority *authority, const char *name)
{
    struct template template;
    uint8_t digest[32];
    struct error none = ERROR_NONE;
    if (!name || template_adopted(authority, name, &template, digest, &none))
        return false;
    bool ca = template.flags & TEMPLATE_IS_CA;
    template_free(&template);
    return ca;
}

/* Does the PKCS#10 ask for it? Its octets passed every check when it was submitted. */
static bool request_asks(const struct request *request, const char *oid)
{
    struct pkcs10 pkcs10;
    struct error none = ERROR_NONE;
    if (pkcs10_read(bytes_of(request->pkcs10, request->pkcs10_size), &pkcs10, &none))
        return false;
    bool asks = extension_find(pkcs10.extensions, pkcs10.extension_count, oid) != NULL;
    pkcs10_free(&pkcs10);
    return asks;
}

static int extension_remove(struct request *request, const char *oid, bool asked, struct error *error)
{
    if (request_drop_extension(request, oid))
        return OK;
    if (asked && !strings_contain(&request->removed, oid))
        return strings_add(&request->removed, oid) ? error_memory(error) : OK;
    return error_set(error, REFUSED, "extension.not_there",
                     "neither the request nor an officer asks for the extension %s (%s); what template and CA give stays", oid, oid_name(oid));
}

static int extension_put(const struct edition *edition, struct request *request, struct error *error)
{
    const struct extension_edit *edit = edition->extension;
    if (request->extension_count >= OFFICER_EXTENSIONS_MAX && !extension_find(request->extensions, request->extension_count, edit->oid))
        return error_set(error, BAD_DATA, "extension.count", "officers may set %d extensions of a request, no more", OFFICER_EXTENSIONS_MAX);
    return request_edit_extension(request, edit->oid, edit->critical, edit->value, edition->caller->account) ? error_memory(error) : OK;
}

static int extension_apply(struct edition *edition, struct request *request, struct buf *what, struct error *error)
{
    const struct extension_edit *edit = edition->extension;
    struct buf hex = BUF_EMPTY;
    int status = edit->remove ? extension_remove(request, edit->oid, edition->asked, error)
                              : extension_put(edition, request, error);
    hex_encode(&hex, edit->value);
    buf_printf(what, "extension %s (%s)%s", edit->oid, oid_name(edit->oid), edit->remove ? " taken out" : edit->critical ? ", critical, set to " : " set to ");
    if (!edit->remove)
        buf_printf(what, "%.200s%s", buf_text(&hex), hex.size > 200 ? "…" : "");
    buf_free(&hex);
    return status;
}

int authority_set_extension(struct authority *authority, const struct identity *caller, uint64_t id, const struct extension_edit *edit,
                            const struct seen *seen, struct error *error)
{
    struct edition edition = {.authority = authority, .caller = caller, .id = id, .seen = seen, .action = "request.set-extension",
                              .extension = edit, .apply = extension_apply};
    struct request request = {0};
    int status = requests_get(authority->store, id, &request, error);
    if (!status)
        status = extension_fits(edit, is_ca_template(authority, request.template_name), error);
    if (!status && edit->remove)
        edition.asked = request_asks(&request, edit->oid);
    request_free(&request);
    if (status) {
        authority_audit_refusal(authority, caller, edition.action, authority_object(id).text, error);
        return status;
    }
    return edition_run(&edition, error);
}

/* ---- what the policy is asked about ---- */

int extensions_effective(const struct request *request, const struct pkcs10 *pkcs10, struct extension **list, size_t *count)
{
    *count = 0;
    *list = calloc(pkcs10->extension_count + 1, sizeof **list);
    for (size_t i = 0; *list && i < pkcs10->extension_count; i++) {
        const char *oid = pkcs10->extensions[i].oid;
        if (!strings_contain(&request->removed, oid) && !extension_find(request->extensions, request->extension_count, oid))
            (*list)[(*count)++] = pkcs10->extensions[i];
    }
    return *list ? OK : INTERNAL;
}

int officer_names(const struct request *request, struct general_name **names, size_t *count, bool *set, struct error *error)
{
    const struct extension *san = extension_find(request->extensions, request->extension_count, OID_SAN);
    const char *what = NULL;
    *set = san != NULL || strings_contain(&request->removed, OID_SAN);
    *names = NULL;
    *count = 0;
    if (!san)
        return OK;
    int status = general_names_read(bytes_of(san->value, san->size), PKCS10_NAMES_MAX, names, count, &what);
    if (status == BAD_DATA)
        return error_set(error, BAD_DATA, "request.name", "the alternative names that %s set cannot be taken: %s",
                         san->actor ? san->actor : "an officer", what);
    return status ? error_memory(error) : OK;
}
