/* Forming TBSCertificates and assembling certificates. A table says which extensions there are, in which order, who writes
 * each. What may be signed is lint.c's; reading is in certificate_read.c. */
#include "ca/x509/certificate.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#include "ca/base/oid.h"
#include "ca/x509/extension.h"
#include "ca/x509/key.h"

int serial_generate(struct serial *out, struct error *error)
{
    memset(out, 0, sizeof(*out));
    if (gnutls_rnd(GNUTLS_RND_KEY, out->octets, 16) != 0)
        return error_set(error, INTERNAL, "internal.random", "the random generator gave no serial number; look at the kernel's log");
    /* positive, and always 32 hex digits: two bits are fixed, 126 are left */
    out->octets[0] = (uint8_t)((out->octets[0] & 0x3f) | 0x40);
    out->size = 16;
    return OK;
}

int certificate_assemble(struct bytes tbs, struct bytes algorithm, struct bytes signature, struct buf *der, struct error *error)
{
    size_t mark = der_open(der, DER_SEQUENCE);

    buf_add(der, tbs.data, tbs.size);
    buf_add(der, algorithm.data, algorithm.size);
    der_add_bits(der, 0, signature);
    der_close(der, mark);
    return der->failed ? error_memory(error) : OK;
}

/* ---- extensions of a certificate for a request ---- */

struct job { /* one TBSCertificate in the making */
    const struct issuer *issuer;
    const struct properties *properties;
    const struct certificate_form *form;
    struct key_facts key;
    uint8_t key_id[20];
    struct error *error;
};

static int write_key_id(const struct job *job, struct buf *value)
{
    extension_write_key_id(value, bytes_of(job->key_id, sizeof(job->key_id)));
    return OK;
}

static int write_authority_key_id(const struct job *job, struct buf *value)
{
    struct bytes key_id = buf_bytes(&job->issuer->key_id_value);

    if (key_id.size == 0)
        key_id = bytes_of(job->issuer->key_id, sizeof(job->issuer->key_id));
    extension_write_authority_key_id(value, key_id);
    return OK;
}

/* What the key cannot do is left out: a template is for keys of every kind (RFC 8813 3, RFC 8410 5). */
static unsigned usage_of(const struct job *job)
{
    unsigned cannot = 0;

    if (job->key.kind != KEY_RSA)
        cannot = KEY_USAGE_KEY_ENCIPHERMENT | KEY_USAGE_DATA_ENCIPHERMENT;
    if (job->key.kind == KEY_ED25519)
        cannot |= KEY_USAGE_KEY_AGREEMENT | KEY_USAGE_ENCIPHER_ONLY | KEY_USAGE_DECIPHER_ONLY;
    return job->properties->key_usage & ~cannot;
}

static int write_usage(const struct job *job, struct buf *value)
{
    unsigned usage = usage_of(job);

    if (job->properties->key_usage != 0 && usage == 0)
        return error_set(job->error, BAD_DATA, "certificate.key_usage",
                         "a key of type %s can do nothing of what the template's key usage says; use an RSA key", job->key.text);
    if (usage != 0)
        der_add_named_bits(value, usage);
    return OK;
}

static int write_ekus(const struct job *job, struct buf *value)
{
    if (job->properties->ekus.count == 0)
        return OK;
    if (extension_write_oids(value, &job->properties->ekus) != OK)
        return error_set(job->error, BAD_DATA, "certificate.eku", "an extended key usage of the template is not a dotted OID");
    return OK;
}

static int write_names(const struct job *job, struct buf *value)
{
    if (job->properties->name_count == 0)
        return OK;
    return general_names_add(value, job->properties->names, job->properties->name_count, "certificate.name", job->error);
}

static int write_cdp(const struct job *job, struct buf *value)
{
    if (!job->properties->no_revocation_info && job->issuer->cdp_urls.count > 0)
        extension_write_distribution_points(value, &job->issuer->cdp_urls);
    return OK;
}

static int write_access(const struct job *job, struct buf *value)
{
    const struct strings *ocsp = job->properties->no_revocation_info ? NULL : &job->issuer->ocsp_urls;

    if (job->issuer->aia_urls.count > 0 || (ocsp != NULL && ocsp->count > 0))
        extension_write_access(value, &job->issuer->aia_urls, ocsp);
    return OK;
}

static int write_template(const struct job *job, struct buf *value)
{
    const struct properties *properties = job->properties;

    if (properties->template_oid == NULL)
        return OK;
    if (extension_write_template(value, properties->template_oid, properties->template_major, properties->template_minor) != OK)
        return error_set(job->error, BAD_DATA, "certificate.template", "the template's identifier \"%.100s\" is not a dotted OID",
                         properties->template_oid);
    return OK;
}

static int write_template_name(const struct job *job, struct buf *value)
{
    const struct properties *properties = job->properties;

    if (properties->template_name == NULL || (properties->template_oid != NULL && !properties->add_template_name))
        return OK;
    if (extension_write_template_name(value, properties->template_name) != OK)
        return error_set(job->error, BAD_DATA, "certificate.template", "the template's name \"%.100s\" is empty or not ASCII",
                         properties->template_name);
    return OK;
}

static int write_policies(const struct job *job, struct buf *value)
{
    if (job->properties->policies.count == 0)
        return OK;
    if (extension_write_policies(value, &job->properties->policies) != OK)
        return error_set(job->error, BAD_DATA, "certificate.policy", "a certificate policy of the template is not a dotted OID");
    return OK;
}

static int write_application_policies(const struct job *job, struct buf *value)
{
    if (job->properties->application_policies.count == 0)
        return OK;
    if (extension_write_policies(value, &job->properties->application_policies) != OK)
        return error_set(job->error, BAD_DATA, "certificate.policy", "an application policy of the template is not a dotted OID");
    return OK;
}

static int write_basic_constraints(const struct job *job, struct buf *value)
{
    if (job->properties->ca || job->properties->basic_constraints)
        extension_write_basic_constraints(value, job->properties->ca, job->properties->path_length);
    return OK;
}

static int write_requester_id(const struct job *job, struct buf *value)
{
    const char *uuid = job->properties->requester_uuid;

    if (uuid != NULL && extension_write_requester_id(value, uuid) != OK)
        return error_set(job->error, BAD_DATA, "certificate.requester", "the requester's identifier \"%.60s\" is not a UUID", uuid);
    return OK;
}

static int write_security_id(const struct job *job, struct buf *value)
{
    if (job->properties->requester_sid != NULL)
        extension_write_security_id(value, job->properties->requester_sid);
    return OK;
}

static int write_nocheck(const struct job *job, struct buf *value)
{
    if (job->properties->ocsp_nocheck)
        der_add_null(value);
    return OK;
}

static bool always(const struct job *job)
{
    return true;
}

static bool eku_is_critical(const struct job *job)
{
    return strings_contain(&job->properties->critical, OID_EKU);
}

static bool policies_are_critical(const struct job *job)
{
    return strings_contain(&job->properties->critical, OID_POLICIES);
}

static bool application_policies_are_critical(const struct job *job)
{
    return strings_contain(&job->properties->critical, OID_APPLICATION_POLICIES);
}

static bool subject_is_empty(const struct job *job)
{
    return job->properties->subject == NULL || job->properties->subject[0] == '\0';
}

static bool basic_constraints_are_critical(const struct job *job)
{
    return job->properties->ca || strings_contain(&job->properties->critical, OID_BASIC_CONSTRAINTS);
}

/* A row: nothing written into value means that the extension is left out. Rows that are `ours` cannot be replaced by an
 * officer or the request: they say whose key it is and who signed. */
static const struct row {
    const char *oid;
    bool ours;
    bool (*critical)(const struct job *job); /* NULL: never */
    int (*write)(const struct job *job, struct buf *value);
} rows[] = {
    {OID_SKI, true, NULL, write_key_id},
    {OID_AKI, true, NULL, write_authority_key_id},
    {OID_KEY_USAGE, false, always, write_usage},
    {OID_EKU, false, eku_is_critical, write_ekus},
    {OID_BASIC_CONSTRAINTS, false, basic_constraints_are_critical, write_basic_constraints},
    {OID_SAN, false, subject_is_empty, write_names},
    {OID_CDP, false, NULL, write_cdp},
    {OID_AIA, false, NULL, write_access},
    {OID_POLICIES, false, policies_are_critical, write_policies},
    {OID_APPLICATION_POLICIES, false, application_policies_are_critical, write_application_policies},
    {OID_TEMPLATE_INFO, true, NULL, write_template},
    {OID_TEMPLATE_NAME, true, NULL, write_template_name},
    {OID_EXT_REQUESTER_ID, true, NULL, write_requester_id},
    {OID_MS_SECURITY_ID, true, NULL, write_security_id},
    {OID_OCSP_NOCHECK, false, NULL, write_nocheck},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct row *row_of(const char *oid)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(rows[i].oid, oid) == 0)
            return &rows[i];
    return NULL;
}

bool certificate_extension_ours(const char *oid)
{
    const struct row *row = row_of(oid);

    return row != NULL && row->ours;
}

static int add_row(const struct job *job, const struct row *row, struct buf *out)
{
    const struct properties *properties = job->properties;
    const struct extension *set = extension_find(properties->extensions, properties->extension_count, row->oid);
    struct buf value = BUF_EMPTY;
    int status;

    if (set != NULL && !row->ours)
        return extension_add(out, row->oid, set->critical, bytes_of(set->value, set->size));
    status = row->write(job, &value);
    if (status == OK && value.size > 0)
        status = extension_add(out, row->oid, row->critical != NULL && row->critical(job), buf_bytes(&value));
    out->failed = out->failed || value.failed;
    buf_free(&value);
    return status;
}

static int add_further(const struct job *job, struct buf *out)
{
    const struct properties *properties = job->properties;

    for (size_t i = 0; i < properties->extension_count; i++) {
        const struct extension *extension = &properties->extensions[i];
        const struct row *row = row_of(extension->oid);

        if (row != NULL && row->ours)
            return error_set(job->error, BAD_DATA, "certificate.extension",
                             "the extension %s (%s) is the CA's own and cannot be set; take it out of the request's extensions", extension->oid,
                             oid_name(extension->oid));
        if (row == NULL && extension_add(out, extension->oid, extension->critical, bytes_of(extension->value, extension->size)) != OK)
            return error_set(job->error, BAD_DATA, "certificate.extension", "the extension \"%.100s\" is not named by a dotted OID", extension->oid);
    }
    return OK;
}

static int add_extensions(const struct job *job, struct buf *out)
{
    size_t open = der_open(out, DER_CONTEXT_OPEN(3)), list = der_open(out, DER_SEQUENCE);
    int status = OK;

    for (size_t i = 0; i < ROWS && status == OK; i++)
        status = add_row(job, &rows[i], out);
    if (status == OK)
        status = add_further(job, out);
    der_close(out, list);
    der_close(out, open);
    return status;
}

/* ---- the fields before the extensions, alike in both kinds ---- */

struct head {
    const struct serial *serial;
    struct bytes algorithm, issuer, subject, spki;
    int64_t not_before, not_after;
};

static int add_head(const struct head *head, struct buf *out, struct error *error)
{
    size_t mark = der_open(out, DER_CONTEXT_OPEN(0));
    int status;

    der_add_number(out, DER_INTEGER, 2); /* v3 */
    der_close(out, mark);
    der_add_unsigned(out, bytes_of(head->serial->octets, head->serial->size));
    buf_add(out, head->algorithm.data, head->algorithm.size);
    buf_add(out, head->issuer.data, head->issuer.size);
    mark = der_open(out, DER_SEQUENCE);
    status = der_add_time(out, head->not_before);
    if (status == OK)
        status = der_add_time(out, head->not_after);
    der_close(out, mark);
    buf_add(out, head->subject.data, head->subject.size);
    buf_add(out, head->spki.data, head->spki.size);
    if (status != OK)
        return error_set(error, BAD_DATA, "certificate.validity", "the validity lies outside the years 1950 to 9999");
    return OK;
}

int certificate_build_tbs(const struct issuer *issuer, const struct certificate_form *form, struct buf *tbs, struct error *error)
{
    struct job job = {.issuer = issuer, .properties = form->properties, .form = form, .error = error};
    struct buf subject = BUF_EMPTY;
    struct head head;
    size_t mark;
    int status;

    if ((status = key_describe(form->spki, &job.key, error)) != OK)
        goto out;
    sha1_of(job.key.bits_octets, job.key_id);
    status = name_from_text(subject_is_empty(&job) ? "" : form->properties->subject, "certificate.name", &subject, error);
    if (status != OK)
        goto out;
    if (subject_is_empty(&job) && form->properties->name_count == 0) {
        status = error_set(error, BAD_DATA, "certificate.name", "the certificate would have neither a subject nor an alternative name");
        goto out;
    }
    head = (struct head){&form->serial, buf_bytes(&issuer->algorithm), buf_bytes(&issuer->name), buf_bytes(&subject), form->spki,
                         form->not_before, form->not_after};
    mark = der_open(tbs, DER_SEQUENCE);
    status = add_head(&head, tbs, error);
    if (status == OK)
        status = add_extensions(&job, tbs);
    der_close(tbs, mark);
    if (status == OK && tbs->failed)
        status = error_memory(error);
out:
    buf_free(&subject);
    return status;
}

/* ---- the CA's own ---- */

static void add_value(struct buf *out, const char *oid, bool critical, struct buf *value)
{
    extension_add(out, oid, critical, buf_bytes(value));
    out->failed = out->failed || value->failed;
    buf_clear(value);
}

static void add_ca_extensions(struct buf *out, const struct ca_form *form, struct bytes key_id)
{
    size_t open = der_open(out, DER_CONTEXT_OPEN(3)), list = der_open(out, DER_SEQUENCE);
    struct buf value = BUF_EMPTY;

    extension_write_key_id(&value, key_id);
    add_value(out, OID_SKI, false, &value);
    if (form->authority_key_id.size > 0) {
        extension_write_authority_key_id(&value, form->authority_key_id);
        add_value(out, OID_AKI, false, &value);
    }
    der_add_named_bits(&value, KEY_USAGE_DIGITAL_SIGNATURE | KEY_USAGE_CERT_SIGN | KEY_USAGE_CRL_SIGN);
    add_value(out, OID_KEY_USAGE, true, &value);
    extension_write_basic_constraints(&value, true, form->path_length);
    add_value(out, OID_BASIC_CONSTRAINTS, true, &value);
    der_add_number(&value, DER_INTEGER, (uint64_t)form->key_index << 16 | form->certificate_index);
    add_value(out, OID_CA_VERSION, false, &value);
    der_close(out, list);
    der_close(out, open);
    buf_free(&value);
}

int certificate_build_ca_tbs(const struct ca_form *form, struct buf *tbs, struct error *error)
{
    struct head head = {&form->serial, form->algorithm, form->name, form->name, form->spki, form->not_before, form->not_after};
    uint8_t key_id[20];
    size_t mark;
    int status = key_identifier(form->spki, key_id, error);

    if (status != OK)
        return status;
    mark = der_open(tbs, DER_SEQUENCE);
    status = add_head(&head, tbs, error);
    if (status == OK)
        add_ca_extensions(tbs, form, bytes_of(key_id, sizeof(key_id)));
    der_close(tbs, mark);
    return status == OK && tbs->failed ? error_memory(error) : status;
}

int certificate_build_root_tbs(const char *subject, struct bytes spki, struct bytes algorithm, const struct serial *serial,
                               int64_t not_before, int64_t not_after, int path_length, struct buf *tbs, struct error *error)
{
    struct buf name = BUF_EMPTY;
    struct ca_form form = {.spki = spki, .algorithm = algorithm, .serial = *serial, .not_before = not_before, .not_after = not_after,
                           .path_length = path_length};
    int status;

    if (subject == NULL || *subject == '\0')
        return error_set(error, BAD_DATA, "certificate.name", "a CA needs a subject (RFC 5280 4.1.2.6), for example CN=Example CA,O=Example,C=DE");
    status = name_from_text(subject, "certificate.name", &name, error);
    form.name = buf_bytes(&name);
    if (status == OK)
        status = certificate_build_ca_tbs(&form, tbs, error);
    buf_free(&name);
    return status;
}
