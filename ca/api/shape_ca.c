/* CRLs, templates, trust stores and what may be assigned as JSON, in the shapes of openapi.yaml.
 * Requests and their rows stand in shape.c. */
#include "ca/api/shape.h"

#include "ca/request.h"

json_t *shape_crl(const struct crl_record *crl)
{
    return json_pack("{s:o, s:i, s:i, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "number", json_of_number(crl->number),
                     "key_index", (int)crl->key_index,
                     "partition", (int)crl->partition,
                     "delta", crl->delta,
                     "base_number", json_of_number(crl->base_number),
                     "this_update", json_of_time(crl->this_update),
                     "next_update", json_of_time(crl->next_update),
                     "next_publish", json_of_time(crl->next_publish),
                     "entries", json_of_number(crl->entries),
                     "size", json_of_number(crl->size),
                     "sha256", json_of_digest(crl->sha256, sizeof crl->sha256));
}

static const struct {
    unsigned bit;
    const char *name; /* RFC 5280 4.2.1.3 */
} key_usages[] = {
    {KEY_USAGE_DIGITAL_SIGNATURE, "digitalSignature"}, {KEY_USAGE_NON_REPUDIATION, "nonRepudiation"},
    {KEY_USAGE_KEY_ENCIPHERMENT, "keyEncipherment"},   {KEY_USAGE_DATA_ENCIPHERMENT, "dataEncipherment"},
    {KEY_USAGE_KEY_AGREEMENT, "keyAgreement"},         {KEY_USAGE_CERT_SIGN, "keyCertSign"},
    {KEY_USAGE_CRL_SIGN, "cRLSign"},                   {KEY_USAGE_ENCIPHER_ONLY, "encipherOnly"},
    {KEY_USAGE_DECIPHER_ONLY, "decipherOnly"},
};

static json_t *key_usage_json(unsigned key_usage)
{
    json_t *array = json_array();

    for (size_t i = 0; i < sizeof key_usages / sizeof key_usages[0]; i++)
        if ((key_usage & key_usages[i].bit) != 0)
            json_array_append_new(array, json_string(key_usages[i].name));
    return array;
}

json_t *shape_template(const struct template *template, bool adopted)
{
    json_t *whole = json_pack("{s:o, s:o, s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I}",
                     "name", json_of_text(template->name),
                     "display_name", json_of_text(template->display_name),
                     "dn", json_of_text(template->dn),
                     "oid", json_of_text(template->oid),
                     "source", adopted ? "adopted" : "directory",
                     "schema_version", (json_int_t)template->schema_version,
                     "revision", (json_int_t)template->revision,
                     "minor_revision", (json_int_t)template->minor_revision,
                     "flags", (json_int_t)template->flags,
                     "enrollment_flag", (json_int_t)template->enrollment_flag,
                     "name_flag", (json_int_t)template->name_flag,
                     "private_key_flag", (json_int_t)template->private_key_flag,
                     "minimal_key_size", (json_int_t)template->minimal_key_size,
                     "ra_signatures", (json_int_t)template->ra_signatures,
                     "approvals", (json_int_t)template->approvals,
                     "key_usage", key_usage_json(template->key_usage),
                     "validity_s", (json_int_t)template->validity_s,
                     "overlap_s", (json_int_t)template->overlap_s);
    json_t *lists = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "ekus", json_of_oids(&template->ekus),
                     "policies", json_of_oids(&template->policies),
                     "application_policies", json_of_oids(&template->application_policies),
                     "critical", json_of_oids(&template->critical),
                     "request_extensions", json_of_oids(&template->request_extensions),
                     "ra_policies", json_of_strings(&template->ra_policies),
                     "ra_application_policies", json_of_strings(&template->ra_application_policies),
                     "supersedes", json_of_strings(&template->supersedes),
                     "enroll", json_of_strings(&template->enroll),
                     "auto_enroll", json_of_strings(&template->auto_enroll));
    int failed = json_object_update(whole, lists);

    json_decref(lists);
    if (failed != 0) {
        json_decref(whole);
        return NULL;
    }
    return whole;
}

static json_t *finding_json(bool fatal, const char *reason, const char *message)
{
    return json_pack("{s:b, s:o, s:o}", "fatal", fatal, "reason", json_of_text(reason), "message", json_of_text(message));
}

static json_t *template_finding_each(const void *row)
{
    const struct template_finding *finding = row;
    return finding_json(finding->fatal, finding->reason, finding->message);
}

json_t *shape_findings(const char *name, const struct template_finding *findings, size_t count)
{
    return json_pack("{s:o, s:o}", "name", json_of_text(name), "findings",
                     shape_array(findings, count, sizeof *findings, template_finding_each));
}

static const char *store_name(int kind)
{
    return kind == TRUST_ROOT ? "root" : "intermediate";
}

json_t *shape_anchor(const struct trust_anchor *anchor)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "kind", store_name((int)anchor->kind),
                     "sha256", json_of_digest(anchor->sha256, sizeof anchor->sha256),
                     "subject", json_of_text(anchor->subject),
                     "not_after", json_of_time(anchor->not_after),
                     "added_at", json_of_time(anchor->added_at),
                     "added_by", json_of_text(anchor->added_by),
                     "pem", json_of_pem("CERTIFICATE", bytes_of(anchor->der, anchor->der_size)));
}

static json_t *assign_finding_each(const void *row)
{
    const struct assign_finding *finding = row;
    return finding_json(finding->fatal, finding->reason, finding->message);
}

static json_t *link_each(const void *row)
{
    static const char *const states[] = {"present", "missing", "wrong store"};
    const struct assign_link *link = row;
    const char *state = link->state >= 0 && link->state <= 2 ? states[link->state] : states[1];

    return json_pack("{s:o, s:o, s:o, s:s, s:s, s:o}",
                     "subject", json_of_text(link->subject),
                     "sha256", json_of_digest(link->sha256, sizeof link->sha256),
                     "sha1", json_of_digest(link->sha1, sizeof link->sha1),
                     "store", store_name(link->store),
                     "state", state,
                     "pem", json_of_pem("CERTIFICATE", buf_bytes(&link->der)));
}

static json_t *assign_usage_each(const void *row)
{
    const struct assign_usage *usage = row;
    return json_pack("{s:o, s:o, s:b, s:b, s:b, s:o, s:o, s:o}",
                     "name", json_of_text(usage->name),
                     "title", json_of_text(usage->title),
                     "asked", usage->asked,
                     "fits", usage->fits,
                     "assigned", usage->assigned,
                     "current_sha256", json_of_digest(usage->current_sha256, sizeof usage->current_sha256),
                     "current_since", json_of_time(usage->current_since),
                     "findings", shape_array(usage->findings, usage->finding_count, sizeof *usage->findings, assign_finding_each));
}

json_t *shape_assignability(uint64_t id, const struct assignability *value)
{
    return json_pack("{s:o, s:o, s:b, s:o, s:o, s:o}",
                     "id", json_of_number(id),
                     "host", json_of_text(value->host),
                     "complete", value->complete,
                     "links", shape_array(value->links, value->link_count, sizeof *value->links, link_each),
                     "findings", shape_array(value->findings, value->finding_count, sizeof *value->findings, assign_finding_each),
                     "usages", shape_array(value->usages, value->usage_count, sizeof *value->usages, assign_usage_each));
}

const char *health_name(enum health_state state)
{
    static const char *const names[] = {"ok", "warning", "critical", "unknown"};
    return state <= HEALTH_UNKNOWN ? names[state] : names[HEALTH_UNKNOWN];
}
