/* Requests, rows and outcomes as JSON, in the shapes of openapi.yaml.
 * json_pack answers NULL when any part of it is NULL, so that only the whole is checked. */
#include "ca/api/shape.h"

#include "ca/base/oid.h"

json_t *shape_array(const void *rows, size_t count, size_t size, json_t *(*each)(const void *row))
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(array, each((const char *)rows + i * size)) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

/* CRLReason by name, null for none (-1). */
static json_t *reason_json(int reason)
{
    return reason >= 0 ? json_of_text(revocation_reason_name(reason)) : json_null();
}

json_t *shape_row(const struct list_row *row)
{
    bool revoked = row->disposition == DISPOSITION_REVOKED;

    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "id", json_of_number(row->id),
                     "disposition", json_of_text(disposition_name(row->disposition)),
                     "submitted_at", json_of_time(row->submitted_at),
                     "resolved_at", json_of_time(row->resolved_at),
                     "requester", json_of_text(row->requester),
                     "template", json_of_text(row->template_name),
                     "subject", json_of_text(row->subject),
                     "name", json_of_text(row->first_name),
                     "serial", json_of_serial(&row->serial),
                     "sha256", json_of_digest(row->sha256, sizeof row->sha256),
                     "not_after", json_of_time(row->not_after),
                     "revoked_at", revoked ? json_of_time(row->revoked_at) : json_null(),
                     "revocation_reason", revoked ? reason_json(row->revocation_reason) : json_null(),
                     "message", json_of_text(row->message));
}

static json_t *row_each(const void *row)
{
    return shape_row(row);
}

json_t *shape_rows(const struct list_row *rows, size_t count, bool more)
{
    return json_pack("{s:o, s:b}", "rows", shape_array(rows, count, sizeof *rows, row_each), "more", more);
}

json_t *shape_outcome(const struct outcome *outcome)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o}",
                     "id", json_of_number(outcome->id),
                     "disposition", json_of_text(disposition_name(outcome->disposition)),
                     "reason", json_of_text(outcome->reason),
                     "message", json_of_text(outcome->message),
                     "subject_replaced", outcome->subject_replaced,
                     "validity_cut", outcome->validity_cut,
                     "repeated", outcome->repeated,
                     "serial", json_of_serial(&outcome->serial),
                     "sha256", json_of_digest(outcome->sha256, sizeof outcome->sha256),
                     "sha1", json_of_digest(outcome->sha1, sizeof outcome->sha1),
                     "not_before", json_of_time(outcome->not_before),
                     "not_after", json_of_time(outcome->not_after));
}

static json_t *attribute_each(const void *row)
{
    const struct attribute *attribute = row;
    return json_pack("{s:o, s:o, s:o, s:o}", "name", json_of_text(attribute->name), "value", json_of_text(attribute->value), "set_by",
                     json_of_text(origin_name(attribute->origin)), "actor", json_of_text(attribute->actor));
}

static json_t *extension_each(const void *row)
{
    const struct extension *extension = row;
    return json_pack("{s:o, s:o, s:b, s:o, s:o, s:o}",
                     "oid", json_of_text(extension->oid),
                     "name", json_of_text(oid_name(extension->oid)),
                     "critical", extension->critical,
                     "value", json_of_hex(bytes_of(extension->value, extension->size)),
                     "set_by", json_of_text(origin_name(extension->origin)),
                     "actor", json_of_text(extension->actor));
}

static json_t *approval_each(const void *row)
{
    const struct approval *approval = row;
    return json_pack("{s:o, s:o, s:o}", "account", json_of_text(approval->account), "dn", json_of_text(approval->dn), "at",
                     json_of_time(approval->at));
}

static json_t *revocation_json(const struct certificate *certificate)
{
    if (certificate->revocation_reason < 0)
        return json_null();
    return json_pack("{s:o, s:o, s:o}", "reason", reason_json(certificate->revocation_reason), "revoked_at",
                     json_of_time(certificate->revoked_at), "invalid_since", json_of_time(certificate->invalid_since));
}

static json_t *certificate_json(const struct certificate *certificate)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:o}",
                     "serial", json_of_serial(&certificate->serial),
                     "sha256", json_of_digest(certificate->sha256, sizeof certificate->sha256),
                     "sha1", json_of_digest(certificate->sha1, sizeof certificate->sha1),
                     "spki_sha256", json_of_digest(certificate->spki_sha256, sizeof certificate->spki_sha256),
                     "not_before", json_of_time(certificate->not_before),
                     "not_after", json_of_time(certificate->not_after),
                     "subject", json_of_text(certificate->subject),
                     "names", json_of_strings(&certificate->names),
                     "template", json_of_text(certificate->template_name),
                     "publish_dn", json_of_text(certificate->publish_dn),
                     "key_index", (int)certificate->key_index,
                     "crl_partition", (int)certificate->crl_partition,
                     "revocation", revocation_json(certificate));
}

json_t *shape_assignment(const struct assignment *assignment)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "number", json_of_number(assignment->number),
                     "usage", json_of_text(assignment->usage),
                     "host", json_of_text(assignment->host),
                     "request_id", assignment->request_id != 0 ? json_of_number(assignment->request_id) : json_null(),
                     "sha256", json_of_digest(assignment->sha256, sizeof assignment->sha256),
                     "at", json_of_time(assignment->at),
                     "effective_at", json_of_time(assignment->effective_at),
                     "by", json_of_text(assignment->by));
}

static json_t *assignment_each(const void *row)
{
    return shape_assignment(row);
}

/* Who asked and when. */
static json_t *request_origin(const struct request *request)
{
    return json_pack("{s:o, s:o, s:i, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o}",
                     "id", json_of_number(request->id),
                     "disposition", json_of_text(disposition_name(request->disposition)),
                     "disposition_code", (int)request->disposition,
                     "submitted_at", json_of_time(request->submitted_at),
                     "resolved_at", json_of_time(request->resolved_at),
                     "requester", json_of_text(request->requester),
                     "requester_uid", (json_int_t)request->requester_uid,
                     "requester_dn", json_of_text(request->requester_dn),
                     "on_behalf_of", json_of_text(request->on_behalf_of),
                     "agent_id", request->agent_id != 0 ? json_of_number(request->agent_id) : json_null(),
                     "intermediary", json_of_text(request->intermediary),
                     "template", json_of_text(request->template_name));
}

/* What was asked for, as the request says it. */
static json_t *request_content(const struct request *request)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "usages", json_of_strings(&request->usages),
                     "subject", json_of_text(request->subject),
                     "names", json_of_strings(&request->names),
                     "key", json_of_text(request->key_text),
                     "pkcs10_sha256", json_of_digest(request->pkcs10_sha256, sizeof request->pkcs10_sha256),
                     "spki_sha256", json_of_digest(request->spki_sha256, sizeof request->spki_sha256),
                     "pkcs10", json_of_pem("CERTIFICATE REQUEST", bytes_of(request->pkcs10, request->pkcs10_size)),
                     "attributes_original", json_of_text(request->attributes_original),
                     "attributes", shape_array(request->attributes, request->attribute_count, sizeof *request->attributes, attribute_each));
}

/* What was decided. */
static json_t *request_decision(const struct request *request)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:b, s:o}",
                     "decided_by", json_of_text(request->decided_by),
                     "message", json_of_text(request->message),
                     "reason", json_of_text(request->reason),
                     "approvals", shape_array(request->approvals, request->approval_count, sizeof *request->approvals, approval_each),
                     "subject_replaced", request->subject_replaced,
                     "serial", json_of_serial(&request->serial));
}

/* Takes part. */
static int merge(json_t *whole, json_t *part)
{
    int failed = json_object_update(whole, part);
    json_decref(part);
    return failed;
}

json_t *shape_detail(const struct detail *detail, bool with_text)
{
    const struct request *request = &detail->request;
    json_t *whole = request_origin(request);
    int failed = merge(whole, request_content(request)) | merge(whole, request_decision(request));

    failed |= merge(whole, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "renewal_of", request->renewal_of != 0 ? json_of_number(request->renewal_of) : json_null(),
                     "extensions", shape_array(detail->extensions, detail->extension_count, sizeof *detail->extensions, extension_each),
                     "extensions_removed", json_of_strings(&request->removed),
                     "certificate", detail->has_certificate ? certificate_json(&detail->certificate) : json_null(),
                     "history", json_of_strings(&detail->history),
                     "publication", json_of_strings(&detail->publication),
                     "assignments", shape_array(detail->assignments, detail->assignment_count, sizeof *detail->assignments, assignment_each),
                     "text", with_text ? json_of_text(buf_text(&detail->text)) : json_null()));
    if (failed != 0) {
        json_decref(whole);
        return NULL;
    }
    return whole;
}
