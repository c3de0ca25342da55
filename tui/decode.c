/* Decoding of answers. A member that is missing is "" or 0: what is not there is not shown, and no answer stops the console. */
#include "tui/decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/client.h"
#include "tui/pages.h"

static char *text_of(const json_t *object, const char *name) {
    return strdup(client_text(object, name));
}

static void digest_of(const json_t *object, const char *name, uint8_t *out, size_t size) {
    struct buf octets = BUF_EMPTY;
    const char *hex = client_text(object, name);
    if (hex_decode(&octets, hex, strlen(hex)) == OK && octets.size == size)
        memcpy(out, octets.data, size);
    buf_free(&octets);
}

static enum disposition disposition_of(const json_t *object) {
    enum disposition disposition = DISPOSITION_FAILED;
    disposition_parse(client_text(object, "disposition"), &disposition);
    return disposition;
}

static void decode_row(const json_t *row, struct row *out) {
    *out = (struct row){
        .id = (uint64_t)client_number(row, "id"),
        .disposition = disposition_of(row),
        .submitted_at = client_time(row, "submitted_at"),
        .resolved_at = client_time(row, "resolved_at"),
        .not_after = client_time(row, "not_after"),
        .revoked_at = client_time(row, "revoked_at"),
        .requester = text_of(row, "requester"),
        .template_name = text_of(row, "template"),
        .subject = text_of(row, "subject"),
        .name = text_of(row, "name"),
        .message = text_of(row, "message"),
        .serial = text_of(row, "serial"),
        .revocation_reason = text_of(row, "revocation_reason"),
    };
}

void decode_page(const json_t *rows_answer, struct page *out) {
    const json_t *rows = json_object_get(rows_answer, "rows");
    size_t count = json_array_size(rows);
    *out = (struct page){calloc(count + 1, sizeof(struct row)), 0, client_bool(rows_answer, "more")};
    for (size_t i = 0; out->rows != NULL && i < count; i++)
        decode_row(json_array_get(rows, i), &out->rows[out->count++]);
}

/* ---- the detail view ---- */

static void field_text(struct object *out, const char *label, const char *value) {
    if (value[0])
        object_add_field(out, label, value);
}

static void field_member(struct object *out, const char *label, const json_t *object, const char *name) {
    field_text(out, label, client_text(object, name));
}

static void field_list(struct object *out, const char *label, const json_t *list) {
    size_t i;
    json_t *value;
    json_array_foreach(list, i, value)
        if (json_is_string(value))
            field_text(out, i == 0 ? label : "", json_string_value(value));
}

static void heading_list(struct object *out, const char *heading, const json_t *list) {
    if (json_array_size(list) == 0)
        return;
    object_add_field(out, heading, NULL);
    field_list(out, "", list);
}

static void decode_request(const json_t *detail, struct object *out) {
    char uid[32];
    object_add_field(out, "Request", NULL);
    field_member(out, "Disposition", detail, "disposition");
    field_member(out, "Verdict", detail, "message");
    field_member(out, "Reason code", detail, "reason");
    field_member(out, "Submitted", detail, "submitted_at");
    field_member(out, "Decided", detail, "resolved_at");
    field_member(out, "Decided by", detail, "decided_by");
    field_member(out, "Requester", detail, "requester");
    snprintf(uid, sizeof uid, "%lld", (long long)client_number(detail, "requester_uid"));
    field_text(out, "Uid", uid);
    field_member(out, "Entry", detail, "requester_dn");
    field_member(out, "Intermediary", detail, "intermediary");
    field_member(out, "Template", detail, "template");
    field_list(out, "For usages", json_object_get(detail, "usages"));
    field_member(out, "Subject asked", detail, "subject");
    field_list(out, "Names asked", json_object_get(detail, "names"));
    field_member(out, "Key", detail, "key");
    field_text(out, "Subject", client_bool(detail, "subject_replaced") ? "replaced by the directory's" : "");
    field_member(out, "PKCS#10 SHA-256", detail, "pkcs10_sha256");
}

static void decode_certificate(const json_t *certificate, struct object *out) {
    const json_t *revocation = json_object_get(certificate, "revocation");
    object_add_field(out, "Certificate", NULL);
    field_member(out, "Subject", certificate, "subject");
    field_list(out, "Names", json_object_get(certificate, "names"));
    field_member(out, "Serial", certificate, "serial");
    field_member(out, "Valid from", certificate, "not_before");
    field_member(out, "Valid to", certificate, "not_after");
    field_member(out, "Published to", certificate, "publish_dn");
    field_member(out, "Revoked", revocation, "revoked_at");
    field_member(out, "For reason", revocation, "reason");
    field_member(out, "Invalid since", revocation, "invalid_since");
}

static void decode_attributes(const json_t *attributes, struct object *out) {
    size_t i;
    json_t *attribute;
    if (json_array_size(attributes) > 0)
        object_add_field(out, "Attributes", NULL);
    json_array_foreach(attributes, i, attribute) {
        struct buf value = BUF_EMPTY;
        buf_printf(&value, "%s   (%s)", client_text(attribute, "value"), client_text(attribute, "set_by"));
        object_add_field(out, client_text(attribute, "name"), buf_text(&value));
        buf_free(&value);
    }
}

static void decode_extensions(const json_t *extensions, struct object *out) {
    size_t i;
    json_t *extension;
    if (json_array_size(extensions) > 0)
        object_add_field(out, "Extensions", NULL);
    json_array_foreach(extensions, i, extension) {
        struct buf value = BUF_EMPTY;
        const char *name = client_text(extension, "name"), *actor = client_text(extension, "actor");
        buf_printf(&value, "%s%s   (%s%s%s)", client_bool(extension, "critical") ? "critical " : "",
                   client_text(extension, "value"), client_text(extension, "set_by"), actor[0] ? ", " : "", actor);
        object_add_field(out, name[0] ? name : client_text(extension, "oid"), buf_text(&value));
        buf_free(&value);
    }
}

static void decode_assignments(const json_t *assignments, struct object *out) {
    size_t i;
    json_t *assignment;
    if (json_array_size(assignments) > 0)
        object_add_field(out, "Assigned", NULL);
    json_array_foreach(assignments, i, assignment) {
        struct buf value = BUF_EMPTY;
        buf_printf(&value, "host %s since %s by %s", client_text(assignment, "host"), client_text(assignment, "at"),
                   client_text(assignment, "by"));
        object_add_field(out, client_text(assignment, "usage"), buf_text(&value));
        buf_free(&value);
    }
}

static void decode_approvals(const json_t *approvals, struct object *out) {
    size_t i;
    json_t *approval;
    json_array_foreach(approvals, i, approval) {
        struct buf value = BUF_EMPTY;
        buf_printf(&value, "%s at %s", client_text(approval, "account"), client_text(approval, "at"));
        object_add_field(out, "Approved by", buf_text(&value));
        buf_free(&value);
    }
}

void decode_object(const json_t *detail, struct object *out) {
    const json_t *certificate = json_object_get(detail, "certificate");
    memset(out, 0, sizeof *out);
    out->id = (uint64_t)client_number(detail, "id");
    out->disposition = disposition_of(detail);
    out->resolved_at = client_time(detail, "resolved_at");
    out->has_certificate = json_is_object(certificate);
    out->subject = text_of(out->has_certificate ? certificate : detail, "subject");
    out->requester = text_of(detail, "requester");
    out->template_name = text_of(detail, "template");
    out->serial = text_of(certificate, "serial");
    out->not_before = client_time(certificate, "not_before");
    out->not_after = client_time(certificate, "not_after");
    digest_of(certificate, "sha256", out->sha256, sizeof out->sha256);
    digest_of(certificate, "sha1", out->sha1, sizeof out->sha1);
    digest_of(detail, "spki_sha256", out->key_sha256, sizeof out->key_sha256);
    if (out->has_certificate)
        decode_certificate(certificate, out);
    decode_request(detail, out);
    decode_approvals(json_object_get(detail, "approvals"), out);
    decode_attributes(json_object_get(detail, "attributes"), out);
    decode_extensions(json_object_get(detail, "extensions"), out);
    decode_assignments(json_object_get(detail, "assignments"), out);
    heading_list(out, "Publication", json_object_get(detail, "publication"));
    heading_list(out, "History", json_object_get(detail, "history"));
}

/* ---- header, health, usages ---- */

static unsigned roles_of(const json_t *roles) {
    static const struct {
        const char *name;
        unsigned role;
    } names[] = {{"administrator", ROLE_ADMINISTRATOR}, {"officer", ROLE_OFFICER}, {"auditor", ROLE_AUDITOR},
                 {"operator", ROLE_OPERATOR}, {"read", ROLE_READ}, {"enrol", ROLE_ENROL}, {"cron", ROLE_CRON}};
    unsigned found = 0;
    size_t i;
    json_t *role;
    json_array_foreach(roles, i, role)
        for (size_t j = 0; j < sizeof names / sizeof names[0]; j++)
            if (json_is_string(role) && strcmp(json_string_value(role), names[j].name) == 0)
                found |= names[j].role;
    return found;
}

void decode_hello(const json_t *info, const json_t *whoami, struct hello *out) {
    const json_t *counts = json_object_get(info, "counts");
    memset(out, 0, sizeof *out);
    out->ca_name = text_of(info, "name");
    out->account = text_of(whoami, "account");
    out->roles = roles_of(json_object_get(whoami, "roles"));
    out->counted = json_is_object(counts);
    out->counts[FOLDER_PENDING] = (uint64_t)client_number(counts, "pending");
    out->counts[FOLDER_ISSUED] = (uint64_t)client_number(counts, "issued");
    out->counts[FOLDER_FAILED] = (uint64_t)client_number(counts, "failed") + (uint64_t)client_number(counts, "denied");
    out->counts[FOLDER_REVOKED] = (uint64_t)client_number(counts, "revoked");
}

void decode_health(const json_t *health, struct answer *out) {
    static const char *const states[] = {"ok", "warning", "critical"};
    const json_t *rows = json_object_get(health, "rows");
    size_t count = json_array_size(rows);
    out->health = calloc(count + 1, sizeof *out->health);
    for (size_t i = 0; out->health != NULL && i < count; i++) {
        const json_t *row = json_array_get(rows, i);
        unsigned state = 0;
        while (state < 3 && strcmp(client_text(row, "state"), states[state]) != 0)
            state++;
        out->health[out->health_count++] = (struct health_line){state, text_of(row, "name"), text_of(row, "message")};
    }
}

static void usage_add(struct answer *out, const json_t *usage, const json_t *assignment) {
    struct usage_line *lines = realloc(out->usages, (out->usage_count + 1) * sizeof *lines);
    if (lines == NULL)
        return;
    out->usages = lines;
    uint64_t id = (uint64_t)client_number(assignment, "request_id");
    bool defined = usage != NULL;
    lines[out->usage_count++] = (struct usage_line){
        .usage = defined ? text_of(usage, "name") : text_of(assignment, "usage"),
        .title = defined ? text_of(usage, "title") : strdup("not in the configuration any more"),
        .host = text_of(assignment, "host"),
        .fingerprint = text_of(assignment, "sha256"),
        .state = strdup(assignment == NULL ? "none assigned" : id == 0 ? "taken away" : "assigned"),
        .by = text_of(assignment, "by"),
        .request_id = id,
        .at = client_time(assignment, "at"),
    };
}

static bool usage_is(const json_t *usage, const json_t *assignment) {
    return strcmp(client_text(usage, "name"), client_text(assignment, "usage")) == 0;
}

/* Every usage with its assignments, one line where it has none; then assignments to usages that are gone. */
void decode_usages(const json_t *usages, const json_t *assignments, struct answer *out) {
    const json_t *usage_list = json_object_get(usages, "usages"), *list = json_object_get(assignments, "assignments");
    size_t i, j;
    json_t *usage, *assignment;
    json_array_foreach(usage_list, i, usage) {
        size_t before = out->usage_count;
        json_array_foreach(list, j, assignment)
            if (usage_is(usage, assignment))
                usage_add(out, usage, assignment);
        if (out->usage_count == before)
            usage_add(out, usage, NULL);
    }
    json_array_foreach(list, j, assignment) {
        bool defined = false;
        json_array_foreach(usage_list, i, usage)
            defined |= usage_is(usage, assignment);
        if (!defined)
            usage_add(out, NULL, assignment);
    }
}

/* ---- the wizard's page ---- */

static void decode_link(const json_t *link, struct link *out) {
    const char *state = client_text(link, "state"), *pem = client_text(link, "pem");
    *out = (struct link){
        .subject = text_of(link, "subject"),
        .root = strcmp(client_text(link, "store"), "root") == 0,
        .state = strcmp(state, "present") == 0 ? LINK_PRESENT : strcmp(state, "missing") == 0 ? LINK_MISSING : LINK_WRONG_STORE,
        .known = pem[0] != 0 && client_text(link, "sha256")[0] != 0,
        .pem = strdup(pem),
    };
    digest_of(link, "sha256", out->sha256, sizeof out->sha256);
    digest_of(link, "sha1", out->sha1, sizeof out->sha1);
}

static void findings_text(const json_t *findings, struct strings *list, struct buf *joined) {
    size_t i;
    json_t *finding;
    json_array_foreach(findings, i, finding) {
        if (list != NULL)
            strings_add(list, client_text(finding, "message"));
        if (joined != NULL)
            buf_printf(joined, "%s%s", joined->size > 0 ? "; " : "", client_text(finding, "message"));
    }
}

static void age_text(int64_t seconds, struct buf *out) {
    if (seconds >= 86400)
        buf_printf(out, "%lld d", (long long)(seconds / 86400));
    else
        buf_printf(out, "%lld h", (long long)(seconds > 0 ? seconds / 3600 : 0));
}

static void decode_choice(const json_t *usage, int64_t now, struct usage_choice *out) {
    struct buf assigned = BUF_EMPTY, why = BUF_EMPTY;
    if (client_bool(usage, "assigned")) {
        uint8_t digest[32] = {0};
        digest_of(usage, "current_sha256", digest, sizeof digest);
        usage_short(digest, &assigned);
        buf_add_text(&assigned, ", ");
        age_text(now - client_time(usage, "current_since"), &assigned);
    } else {
        buf_add_text(&assigned, "none");
    }
    findings_text(json_object_get(usage, "findings"), NULL, &why);
    *out = (struct usage_choice){.name = text_of(usage, "name"), .title = text_of(usage, "title"),
                                 .now = strdup(buf_text(&assigned)), .fits = client_bool(usage, "fits"),
                                 .asked = client_bool(usage, "asked"), .why = strdup(buf_text(&why))};
    out->ticked = out->fits && out->asked;
    buf_free(&assigned);
    buf_free(&why);
}

void decode_returned(const json_t *detail, const json_t *assignability, int64_t now, struct returned *out) {
    const json_t *links = json_object_get(assignability, "links"), *usages = json_object_get(assignability, "usages");
    memset(out, 0, sizeof *out);
    decode_object(detail, &out->object);
    out->message = text_of(detail, "message");
    out->host = text_of(assignability, "host");
    out->complete = client_bool(assignability, "complete");
    out->links = calloc(json_array_size(links) + 1, sizeof *out->links);
    out->usages = calloc(json_array_size(usages) + 1, sizeof *out->usages);
    for (size_t i = 0; out->links != NULL && i < json_array_size(links); i++)
        decode_link(json_array_get(links, i), &out->links[out->link_count++]);
    for (size_t i = 0; out->usages != NULL && i < json_array_size(usages); i++)
        decode_choice(json_array_get(usages, i), now, &out->usages[out->usage_count++]);
    findings_text(json_object_get(assignability, "findings"), &out->findings, NULL);
}
