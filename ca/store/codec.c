/* Values to records and back, for what more than one table holds. Every octet read is checked by protobuf-c's unpacker and
 * by the bounds here: a damaged record is INTERNAL, never a crash. */
#include <stdlib.h>
#include <string.h>

#include "ca/store/internal.h"

char *text_of(const ProtobufCBinaryData *data)
{
    return strndup(data->data ? (const char *)data->data : "", data->len);
}

ProtobufCBinaryData data_of(const void *data, size_t size)
{
    return (ProtobufCBinaryData){.data = (uint8_t *)data, .len = size};
}

ProtobufCBinaryData data_of_text(const char *text)
{
    return data_of(text ? text : "", text ? strlen(text) : 0);
}

void message_pack(const ProtobufCMessage *message, struct buf *out)
{
    uint8_t *room = buf_reserve(out, protobuf_c_message_get_packed_size(message));
    if (room)
        out->size += protobuf_c_message_pack(message, room);
}

/* ---- parts ---- */

static Chancery__Attribute **attributes_encode(const struct attribute *attributes, size_t count)
{
    Chancery__Attribute *rows = calloc(count ? count : 1, sizeof *rows), **list = calloc(count ? count : 1, sizeof *list);
    for (size_t i = 0; i < count && rows && list; i++) {
        chancery__attribute__init(&rows[i]);
        rows[i].name = attributes[i].name;
        rows[i].value = data_of_text(attributes[i].value);
        rows[i].origin = attributes[i].origin;
        rows[i].has_actor = attributes[i].actor != NULL;
        rows[i].actor = data_of_text(attributes[i].actor);
        list[i] = &rows[i];
    }
    if (!rows || !list || !count) {
        free(rows);
        free(list);
        return NULL;
    }
    return list;
}

static Chancery__Extension **extensions_encode(const struct extension *extensions, size_t count)
{
    Chancery__Extension *rows = calloc(count ? count : 1, sizeof *rows), **list = calloc(count ? count : 1, sizeof *list);
    for (size_t i = 0; i < count && rows && list; i++) {
        chancery__extension__init(&rows[i]);
        rows[i].oid = extensions[i].oid;
        rows[i].critical = extensions[i].critical;
        rows[i].value = data_of(extensions[i].value, extensions[i].size);
        rows[i].origin = extensions[i].origin;
        rows[i].has_actor = extensions[i].actor != NULL;
        rows[i].actor = data_of_text(extensions[i].actor);
        list[i] = &rows[i];
    }
    if (!rows || !list || !count) {
        free(rows);
        free(list);
        return NULL;
    }
    return list;
}

static void list_free(void **list)
{
    if (list)
        free(list[0]);
    free(list);
}

static ProtobufCBinaryData *strings_encode(const struct strings *strings)
{
    ProtobufCBinaryData *list = calloc(strings->count ? strings->count : 1, sizeof *list);
    for (size_t i = 0; i < strings->count && list; i++)
        list[i] = data_of_text(strings->items[i]);
    return list;
}

static int strings_decode(size_t count, const ProtobufCBinaryData *list, struct strings *out)
{
    for (size_t i = 0; i < count; i++)
        if (strings_add_n(out, (const char *)list[i].data, list[i].len))
            return INTERNAL;
    return OK;
}

static int attributes_decode(size_t count, Chancery__Attribute **list, struct attribute **out, size_t *out_count)
{
    *out = count ? calloc(count, sizeof **out) : NULL;
    if (count && !*out)
        return INTERNAL;
    for (size_t i = 0; i < count; i++) {
        (*out)[i] = (struct attribute){.name = strdup(list[i]->name), .value = text_of(&list[i]->value),
                                       .origin = (enum origin)list[i]->origin,
                                       .actor = list[i]->has_actor ? text_of(&list[i]->actor) : NULL};
        (*out_count)++;
        if (!(*out)[i].name || !(*out)[i].value)
            return INTERNAL;
    }
    return OK;
}

static int extensions_decode(size_t count, Chancery__Extension **list, struct extension **out, size_t *out_count)
{
    *out = count ? calloc(count, sizeof **out) : NULL;
    if (count && !*out)
        return INTERNAL;
    for (size_t i = 0; i < count; i++) {
        struct extension *e = &(*out)[i];
        *e = (struct extension){.oid = strdup(list[i]->oid), .critical = list[i]->critical, .origin = (enum origin)list[i]->origin,
                                .size = list[i]->value.len, .value = malloc(list[i]->value.len + 1),
                                .actor = list[i]->has_actor ? text_of(&list[i]->actor) : NULL};
        (*out_count)++;
        if (!e->oid || !e->value)
            return INTERNAL;
        if (e->size)
            memcpy(e->value, list[i]->value.data, e->size);
    }
    return OK;
}

static int octets_copy(const ProtobufCBinaryData *data, uint8_t *out, size_t size)
{
    if (data->len != size)
        return INTERNAL;
    memcpy(out, data->data, size);
    return OK;
}

static int blob_copy(const ProtobufCBinaryData *data, uint8_t **out, size_t *size)
{
    *out = malloc(data->len + 1);
    *size = data->len;
    if (*out && data->len)
        memcpy(*out, data->data, data->len);
    return *out ? OK : INTERNAL;
}

static int serial_decode(const ProtobufCBinaryData *data, struct serial *out)
{
    if (data->len > SERIAL_MAX)
        return INTERNAL;
    out->size = (uint8_t)data->len;
    if (data->len)
        memcpy(out->octets, data->data, data->len);
    return OK;
}

/* Optional text: NULL stays NULL. */
#define SET_TEXT(record, field, text)                   \
    do {                                                \
        (record)->has_##field = (text) != NULL;         \
        (record)->field = data_of_text(text);           \
    } while (0)
#define GET_TEXT(record, field) ((record)->has_##field ? text_of(&(record)->field) : NULL)

/* ---- requests ---- */

struct request_parts {
    Chancery__Attribute **attributes;
    Chancery__Extension **extensions;
    Chancery__Approval *approvals, **approval_list;
    Chancery__Edit *edits, **edit_list;
    ProtobufCBinaryData *usages, *names;
};

/* What officers edited, what was renewed, and when it was fetched. */
static void life_fill(const struct request *request, Chancery__Request *record, struct request_parts *parts)
{
    parts->edits = calloc(request->edit_count + 1, sizeof *parts->edits);
    parts->edit_list = calloc(request->edit_count + 1, sizeof *parts->edit_list);
    for (size_t i = 0; i < request->edit_count && parts->edits && parts->edit_list; i++) {
        chancery__edit__init(&parts->edits[i]);
        parts->edits[i].account = data_of_text(request->edits[i].account);
        parts->edits[i].at = request->edits[i].at;
        parts->edits[i].what = data_of_text(request->edits[i].what);
        parts->edit_list[i] = &parts->edits[i];
        record->n_edits = i + 1;
    }
    record->edits = parts->edit_list;
    record->n_removed = request->removed.count;
    record->removed = request->removed.items;
    record->has_renewal_of = request->renewal_of != 0;
    record->renewal_of = request->renewal_of;
    record->has_retrieved_at = request->retrieved_at != 0;
    record->retrieved_at = request->retrieved_at;
}

static void request_fill(const struct request *request, Chancery__Request *record, struct request_parts *parts)
{
    chancery__request__init(record);
    record->disposition = request->disposition;
    record->submitted_at = request->submitted_at;
    record->resolved_at = request->resolved_at;
    record->requester_uid = request->requester_uid;
    record->requester = data_of_text(request->requester);
    SET_TEXT(record, requester_dn, request->requester_dn);
    SET_TEXT(record, on_behalf_of, request->on_behalf_of);
    record->has_agent_id = request->agent_id != 0;
    record->agent_id = request->agent_id;
    SET_TEXT(record, intermediary, request->intermediary);
    record->pkcs10 = data_of(request->pkcs10, request->pkcs10_size);
    record->pkcs10_sha256 = data_of(request->pkcs10_sha256, 32);
    SET_TEXT(record, attributes_original, request->attributes_original);
    record->n_attributes = request->attribute_count;
    record->attributes = parts->attributes = attributes_encode(request->attributes, request->attribute_count);
    record->n_extensions = request->extension_count;
    record->extensions = parts->extensions = extensions_encode(request->extensions, request->extension_count);
    record->n_usages = request->usages.count;
    record->usages = parts->usages = strings_encode(&request->usages);
    SET_TEXT(record, template_name, request->template_name);
    record->template_digest = data_of(request->template_digest, 32);
    SET_TEXT(record, subject, request->subject);
    record->n_names = request->names.count;
    record->names = parts->names = strings_encode(&request->names);
    SET_TEXT(record, key_text, request->key_text);
    record->spki_sha256 = data_of(request->spki_sha256, 32);
    SET_TEXT(record, decided_by, request->decided_by);
    SET_TEXT(record, message, request->message);
    SET_TEXT(record, reason, request->reason);
    parts->approvals = calloc(request->approval_count + 1, sizeof *parts->approvals);
    parts->approval_list = calloc(request->approval_count + 1, sizeof *parts->approval_list);
    for (size_t i = 0; i < request->approval_count && parts->approvals && parts->approval_list; i++) {
        chancery__approval__init(&parts->approvals[i]);
        parts->approvals[i].account = data_of_text(request->approvals[i].account);
        SET_TEXT(&parts->approvals[i], dn, request->approvals[i].dn);
        parts->approvals[i].at = request->approvals[i].at;
        parts->approval_list[i] = &parts->approvals[i];
        record->n_approvals = i + 1;
    }
    record->approvals = parts->approval_list;
    record->has_subject_replaced = true;
    record->subject_replaced = request->subject_replaced;
    record->has_serial = request->serial.size > 0;
    record->serial = data_of(request->serial.octets, request->serial.size);
    life_fill(request, record, parts);
}

static bool parts_whole(const struct request *request, const struct request_parts *parts)
{
    return (parts->attributes || !request->attribute_count) && (parts->extensions || !request->extension_count) && parts->usages &&
           parts->names && parts->approvals && parts->approval_list && parts->edits && parts->edit_list;
}

static void parts_free(struct request_parts *parts)
{
    list_free((void **)parts->attributes);
    list_free((void **)parts->extensions);
    free(parts->usages);
    free(parts->names);
    free(parts->approvals);
    free(parts->approval_list);
    free(parts->edits);
    free(parts->edit_list);
}

void request_encode(const struct request *request, struct buf *out)
{
    Chancery__Request record;
    struct request_parts parts = {0};
    request_fill(request, &record, &parts);
    if (parts_whole(request, &parts))
        message_pack(&record.base, out);
    else
        out->failed = true;
    parts_free(&parts);
}

static int approvals_decode(const Chancery__Request *record, struct request *out)
{
    out->approvals = calloc(record->n_approvals + 1, sizeof *out->approvals);
    if (!out->approvals)
        return INTERNAL;
    for (size_t i = 0; i < record->n_approvals; i++) {
        const Chancery__Approval *approval = record->approvals[i];
        out->approvals[i] = (struct approval){.account = text_of(&approval->account), .dn = GET_TEXT(approval, dn), .at = approval->at};
        out->approval_count++;
        if (!out->approvals[i].account)
            return INTERNAL;
    }
    return OK;
}

static int life_decode(const Chancery__Request *record, struct request *out)
{
    out->renewal_of = record->renewal_of;
    out->retrieved_at = record->retrieved_at;
    for (size_t i = 0; i < record->n_removed; i++)
        if (strings_add(&out->removed, record->removed[i]))
            return INTERNAL;
    out->edits = calloc(record->n_edits + 1, sizeof *out->edits);
    for (size_t i = 0; i < record->n_edits && out->edits; i++) {
        const Chancery__Edit *edit = record->edits[i];
        out->edits[i] = (struct edit){.account = text_of(&edit->account), .at = edit->at, .what = text_of(&edit->what)};
        out->edit_count++;
        if (!out->edits[i].account || !out->edits[i].what)
            return INTERNAL;
    }
    return out->edits ? OK : INTERNAL;
}

static int request_read(uint64_t id, const Chancery__Request *record, struct request *out)
{
    out->id = id;
    out->disposition = (enum disposition)record->disposition;
    out->submitted_at = record->submitted_at;
    out->resolved_at = record->resolved_at;
    out->requester_uid = record->requester_uid;
    out->requester = text_of(&record->requester);
    out->requester_dn = GET_TEXT(record, requester_dn);
    out->on_behalf_of = GET_TEXT(record, on_behalf_of);
    out->agent_id = record->has_agent_id ? record->agent_id : 0;
    out->intermediary = GET_TEXT(record, intermediary);
    out->attributes_original = GET_TEXT(record, attributes_original);
    out->template_name = GET_TEXT(record, template_name);
    out->subject = GET_TEXT(record, subject);
    out->key_text = GET_TEXT(record, key_text);
    out->decided_by = GET_TEXT(record, decided_by);
    out->message = GET_TEXT(record, message);
    out->reason = GET_TEXT(record, reason);
    out->subject_replaced = record->subject_replaced;
    if (!out->requester || blob_copy(&record->pkcs10, &out->pkcs10, &out->pkcs10_size) ||
        octets_copy(&record->pkcs10_sha256, out->pkcs10_sha256, 32) || octets_copy(&record->template_digest, out->template_digest, 32) ||
        octets_copy(&record->spki_sha256, out->spki_sha256, 32) || (record->has_serial && serial_decode(&record->serial, &out->serial)))
        return INTERNAL;
    if (attributes_decode(record->n_attributes, record->attributes, &out->attributes, &out->attribute_count) ||
        extensions_decode(record->n_extensions, record->extensions, &out->extensions, &out->extension_count) ||
        strings_decode(record->n_usages, record->usages, &out->usages) || strings_decode(record->n_names, record->names, &out->names))
        return INTERNAL;
    return approvals_decode(record, out) || life_decode(record, out) ? INTERNAL : OK;
}

int request_decode(uint64_t id, struct bytes bytes, struct request *out)
{
    memset(out, 0, sizeof *out);
    Chancery__Request *record = chancery__request__unpack(NULL, bytes.size, bytes.data);
    int status = record ? request_read(id, record, out) : INTERNAL;
    if (record)
        chancery__request__free_unpacked(record, NULL);
    if (status)
        request_free(out);
    return status;
}

/* ---- reservations ---- */

void reservation_encode(const struct reservation *reservation, struct buf *out)
{
    Chancery__Reservation record = CHANCERY__RESERVATION__INIT;
    Chancery__Request request;
    struct request_parts parts = {0};
    request_fill(&reservation->request, &request, &parts);
    record.at = reservation->at;
    record.serial = data_of(reservation->serial.octets, reservation->serial.size);
    record.tbs = data_of(reservation->tbs, reservation->tbs_size);
    record.key_index = reservation->key_index;
    record.request = &request;
    SET_TEXT(&record, publish_dn, reservation->summary.publish_dn);
    SET_TEXT(&record, template_name, reservation->summary.template_name);
    record.crl_partition = reservation->summary.crl_partition;
    if (parts_whole(&reservation->request, &parts))
        message_pack(&record.base, out);
    else
        out->failed = true;
    parts_free(&parts);
}

int reservation_decode(uint64_t id, struct bytes bytes, struct reservation *out)
{
    memset(out, 0, sizeof *out);
    Chancery__Reservation *record = chancery__reservation__unpack(NULL, bytes.size, bytes.data);
    if (!record)
        return INTERNAL;
    out->id = id;
    out->at = record->at;
    out->key_index = record->key_index;
    out->summary.crl_partition = record->crl_partition;
    out->summary.publish_dn = GET_TEXT(record, publish_dn);
    out->summary.template_name = GET_TEXT(record, template_name);
    int status = serial_decode(&record->serial, &out->serial);
    if (!status)
        status = blob_copy(&record->tbs, &out->tbs, &out->tbs_size);
    if (!status)
        status = request_read(id, record->request, &out->request);
    chancery__reservation__free_unpacked(record, NULL);
    if (status)
        reservation_free(out);
    return status;
}

void reservation_free(struct reservation *reservation)
{
    free(reservation->tbs);
    free(reservation->summary.publish_dn);
    free(reservation->summary.template_name);
    request_free(&reservation->request);
    memset(reservation, 0, sizeof *reservation);
}

/* ---- certificates ---- */

void certificate_encode(const struct certificate *certificate, struct buf *out)
{
    Chancery__Certificate record = CHANCERY__CERTIFICATE__INIT;
    record.serial = data_of(certificate->serial.octets, certificate->serial.size);
    record.der = data_of(certificate->der, certificate->der_size);
    record.sha1 = data_of(certificate->sha1, 20);
    record.sha256 = data_of(certificate->sha256, 32);
    record.spki_sha256 = data_of(certificate->spki_sha256, 32);
    record.not_before = certificate->not_before;
    record.not_after = certificate->not_after;
    record.subject = data_of_text(certificate->subject);
    record.n_names = certificate->names.count;
    record.names = strings_encode(&certificate->names);
    record.n_search = certificate->search.count;
    record.search = strings_encode(&certificate->search);
    SET_TEXT(&record, template_name, certificate->template_name);
    SET_TEXT(&record, requester, certificate->requester);
    SET_TEXT(&record, publish_dn, certificate->publish_dn);
    record.key_index = certificate->key_index;
    record.crl_partition = certificate->crl_partition;
    record.revocation_reason = certificate->revocation_reason;
    record.has_revoked_at = record.has_invalid_since = true;
    record.revoked_at = certificate->revoked_at;
    record.invalid_since = certificate->invalid_since;
    record.has_extension_origins = certificate->origin_count > 0;
    record.extension_origins = data_of(certificate->origins, certificate->origin_count);
    if (record.names && record.search)
        message_pack(&record.base, out);
    else
        out->failed = true;
    free(record.names);
    free(record.search);
}

int certificate_decode(uint64_t id, struct bytes bytes, struct certificate *out)
{
    memset(out, 0, sizeof *out);
    Chancery__Certificate *record = chancery__certificate__unpack(NULL, bytes.size, bytes.data);
    if (!record)
        return INTERNAL;
    out->id = id;
    out->not_before = record->not_before;
    out->not_after = record->not_after;
    out->subject = text_of(&record->subject);
    out->template_name = GET_TEXT(record, template_name);
    out->requester = GET_TEXT(record, requester);
    out->publish_dn = GET_TEXT(record, publish_dn);
    out->key_index = record->key_index;
    out->crl_partition = record->crl_partition;
    out->revocation_reason = record->revocation_reason;
    out->revoked_at = record->revoked_at;
    out->invalid_since = record->invalid_since;
    if (record->extension_origins.len > CERTIFICATE_EXTENSIONS_MAX)
        return INTERNAL;
    out->origin_count = (uint8_t)record->extension_origins.len;
    for (uint8_t i = 0; i < out->origin_count; i++)
        out->origins[i] = record->extension_origins.data[i];
    int status = !out->subject || serial_decode(&record->serial, &out->serial) || blob_copy(&record->der, &out->der, &out->der_size) ||
                         octets_copy(&record->sha1, out->sha1, 20) || octets_copy(&record->sha256, out->sha256, 32) ||
                         octets_copy(&record->spki_sha256, out->spki_sha256, 32) ||
                         strings_decode(record->n_names, record->names, &out->names) ||
                         strings_decode(record->n_search, record->search, &out->search)
                     ? INTERNAL : OK;
    chancery__certificate__free_unpacked(record, NULL);
    if (status)
        certificate_record_free(out);
    return status;
}

void certificate_record_free(struct certificate *certificate)
{
    free(certificate->der);
    free(certificate->subject);
    strings_free(&certificate->names);
    strings_free(&certificate->search);
    free(certificate->template_name);
    free(certificate->requester);
    free(certificate->publish_dn);
    memset(certificate, 0, sizeof *certificate);
}

/* ---- events ---- */

void event_encode(const struct event *event, struct buf *out)
{
    Chancery__Event record = CHANCERY__EVENT__INIT;
    record.kind = event->kind;
    record.at = event->at;
    record.has_request_id = event->request_id != 0;
    record.request_id = event->request_id;
    SET_TEXT(&record, requester, event->requester);
    SET_TEXT(&record, requester_dn, event->requester_dn);
    SET_TEXT(&record, publish_dn, event->publish_dn);
    SET_TEXT(&record, template_name, event->template_name);
    SET_TEXT(&record, message, event->message);
    SET_TEXT(&record, usage, event->usage);
    SET_TEXT(&record, host, event->host);
    record.has_pkcs10 = event->pkcs10 != NULL;
    record.pkcs10 = data_of(event->pkcs10, event->pkcs10_size);
    record.has_certificate = event->certificate != NULL;
    record.certificate = data_of(event->certificate, event->certificate_size);
    record.n_attributes = event->attribute_count;
    record.attributes = attributes_encode(event->attributes, event->attribute_count);
    record.n_extensions = event->extension_count;
    record.extensions = extensions_encode(event->extensions, event->extension_count);
    record.has_reason = record.has_revoked_at = record.has_crl_number = record.has_key_index = record.has_delta = true;
    record.reason = event->reason;
    record.revoked_at = event->revoked_at;
    record.crl_number = event->crl_number;
    record.key_index = event->key_index;
    record.delta = event->delta;
    record.has_superseded = event->superseded;
    record.superseded = event->superseded;
    record.has_again = event->again;
    record.again = event->again;
    record.n_templates = event->templates.count;
    record.templates = strings_encode(&event->templates);
    if (record.templates && (record.attributes || !record.n_attributes) && (record.extensions || !record.n_extensions))
        message_pack(&record.base, out);
    else
        out->failed = true;
    list_free((void **)record.attributes);
    list_free((void **)record.extensions);
    free(record.templates);
}

int event_decode(uint64_t sequence, struct bytes bytes, struct event *out)
{
    memset(out, 0, sizeof *out);
    out->crl_fd = -1;
    Chancery__Event *record = chancery__event__unpack(NULL, bytes.size, bytes.data);
    if (!record)
        return INTERNAL;
    out->sequence = sequence;
    out->kind = (enum event_kind)record->kind;
    out->at = record->at;
    out->request_id = record->request_id;
    out->requester = GET_TEXT(record, requester);
    out->requester_dn = GET_TEXT(record, requester_dn);
    out->publish_dn = GET_TEXT(record, publish_dn);
    out->template_name = GET_TEXT(record, template_name);
    out->message = GET_TEXT(record, message);
    out->usage = GET_TEXT(record, usage);
    out->host = GET_TEXT(record, host);
    out->reason = record->has_reason ? record->reason : -1;
    out->revoked_at = record->revoked_at;
    out->crl_number = record->crl_number;
    out->key_index = record->key_index;
    out->delta = record->delta;
    out->superseded = record->superseded;
    out->again = record->again;
    int status = strings_decode(record->n_templates, record->templates, &out->templates);
    if (!status && record->has_pkcs10)
        status = blob_copy(&record->pkcs10, &out->pkcs10, &out->pkcs10_size);
    if (!status && record->has_certificate)
        status = blob_copy(&record->certificate, &out->certificate, &out->certificate_size);
    if (!status)
        status = attributes_decode(record->n_attributes, record->attributes, &out->attributes, &out->attribute_count);
    if (!status)
        status = extensions_decode(record->n_extensions, record->extensions, &out->extensions, &out->extension_count);
    chancery__event__free_unpacked(record, NULL);
    if (status)
        event_free(out);
    return status;
}
