/* What a site's program is told of a request: the value, the requester, and the certificate as the modules before settled it. Keys and
 * forms are a contract (chancery-module(3)): new ones may come, none changes its meaning. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/policy/exec.h"

static json_t *text_json(const char *text)
{
    return text ? json_string(text) : json_null(); /* NULL, which json_object_set_new refuses, for what is not UTF-8 */
}

static json_t *base64_json(const uint8_t *data, size_t size)
{
    struct buf text = BUF_EMPTY;
    json_t *out;

    base64_encode(&text, bytes_of(data, size), 0);
    out = text.failed ? NULL : json_string(buf_text(&text));
    buf_free(&text);
    return out;
}

static json_t *hex_json(const uint8_t *data, size_t size)
{
    struct buf text = BUF_EMPTY;
    json_t *out;

    hex_encode(&text, bytes_of(data, size));
    out = text.failed ? NULL : json_string(buf_text(&text));
    buf_free(&text);
    return out;
}

static json_t *time_json(int64_t at)
{
    char text[TIME_TEXT_SIZE];

    return at ? json_string(time_format(at, text)) : json_null();
}

/* Appends or sets, and remembers a failure: a program must not judge by half a request. */
static void put(json_t *object, const char *key, json_t *value, bool *failed)
{
    if (json_object_set_new(object, key, value) != 0)
        *failed = true;
}

static void append(json_t *array, json_t *value, bool *failed)
{
    if (json_array_append_new(array, value) != 0)
        *failed = true;
}

static json_t *strings_json(const struct strings *list, bool *failed)
{
    json_t *out = json_array();

    for (size_t i = 0; i < list->count; i++)
        append(out, json_string(list->items[i]), failed);
    return out;
}

static json_t *names_json(const struct general_name *names, size_t count, bool *failed)
{
    json_t *out = json_array();

    for (size_t i = 0; i < count; i++)
        append(out, json_sprintf("%s:%s", name_kind_name(names[i].kind), names[i].value ? names[i].value : ""), failed);
    return out;
}

static json_t *extensions_json(const struct extension *list, size_t count, bool *failed)
{
    json_t *out = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *item = json_object();
        put(item, "oid", json_string(list[i].oid), failed);
        put(item, "critical", json_boolean(list[i].critical), failed);
        put(item, "value", base64_json(list[i].value, list[i].size), failed);
        put(item, "origin", json_string(origin_name(list[i].origin)), failed);
        append(out, item, failed);
    }
    return out;
}

static json_t *attributes_json(const struct request *r, bool *failed)
{
    json_t *out = json_array();

    for (size_t i = 0; i < r->attribute_count; i++) {
        json_t *item = json_object();
        put(item, "name", text_json(r->attributes[i].name), failed);
        put(item, "value", text_json(r->attributes[i].value), failed);
        append(out, item, failed);
    }
    return out;
}

static json_t *approvals_json(const struct request *r, bool *failed)
{
    json_t *out = json_array();

    for (size_t i = 0; i < r->approval_count; i++) {
        json_t *item = json_object();
        put(item, "account", text_json(r->approvals[i].account), failed);
        put(item, "at", time_json(r->approvals[i].at), failed);
        append(out, item, failed);
    }
    return out;
}

static json_t *key_json(const struct chancery_request *request, bool *failed)
{
    unsigned bits = 0;
    const char *algorithm = chancery_request_key(request, &bits);
    json_t *out = json_object();

    put(out, "algorithm", text_json(algorithm), failed);
    put(out, "bits", json_integer(bits), failed);
    put(out, "spki_sha256", hex_json(chancery_request_value(request)->spki_sha256, 32), failed);
    return out;
}

static json_t *request_json(const struct chancery_request *request, bool *failed)
{
    const struct request *r = chancery_request_value(request);
    const struct general_name *names;
    const struct extension *extensions;
    size_t name_count = chancery_request_names(request, &names), extension_count = chancery_request_extensions(request, &extensions);
    json_t *out = json_object();

    put(out, "id", r->id ? json_integer((json_int_t)r->id) : json_null(), failed);
    put(out, "resubmission", json_boolean(chancery_request_is_resubmission(request)), failed);
    put(out, "submitted_at", time_json(r->submitted_at), failed);
    put(out, "template", text_json(r->template_name), failed);
    put(out, "subject", text_json(r->subject), failed);
    put(out, "names", names_json(names, name_count, failed), failed);
    put(out, "key", key_json(request, failed), failed);
    put(out, "attributes", attributes_json(r, failed), failed);
    put(out, "extensions", extensions_json(extensions, extension_count, failed), failed);
    put(out, "officer_extensions", extensions_json(r->extensions, r->extension_count, failed), failed);
    put(out, "approvals", approvals_json(r, failed), failed);
    put(out, "usages", strings_json(&r->usages, failed), failed);
    put(out, "pkcs10", base64_json(r->pkcs10, r->pkcs10_size), failed);
    return out;
}

static json_t *requester_json(const struct chancery_request *request, bool *failed)
{
    const struct identity *who = chancery_request_requester(request);
    json_t *out = json_object();

    put(out, "uid", who ? json_integer(who->uid) : json_null(), failed);
    put(out, "account", text_json(who ? who->account : NULL), failed);
    put(out, "dn", text_json(who ? who->dn : NULL), failed);
    return out;
}

static json_t *usages_json(unsigned usage, bool *failed)
{
    json_t *out = json_array();
    const char *name;
    unsigned bit;

    for (size_t i = 0; (name = exec_usage_name(i, &bit)) != NULL; i++)
        if (usage & bit)
            append(out, json_string(name), failed);
    return out;
}

static json_t *certificate_json(const struct chancery_request *request, bool *failed)
{
    /* the accessor's properties are to be filled in; here they are only read */
    const struct properties *p = chancery_request_properties((struct chancery_request *)request);
    json_t *out = json_object();

    put(out, "subject", text_json(p->subject), failed);
    put(out, "names", names_json(p->names, p->name_count, failed), failed);
    put(out, "validity_s", p->validity_s ? json_integer(p->validity_s) : json_null(), failed);
    put(out, "not_after", time_json(p->not_after), failed);
    put(out, "key_usage", usages_json(p->key_usage, failed), failed);
    put(out, "ekus", strings_json(&p->ekus, failed), failed);
    put(out, "policies", strings_json(&p->policies, failed), failed);
    put(out, "ca", json_boolean(p->ca), failed);
    put(out, "publish", json_boolean(p->publish), failed);
    put(out, "extensions", extensions_json(p->extensions, p->extension_count, failed), failed);
    return out;
}

int exec_request_write(const struct chancery_request *request, struct buf *out, struct error *error)
{
    json_t *whole = json_object();
    bool failed = whole == NULL;
    char *text = NULL;

    put(whole, "version", json_integer(1), &failed);
    put(whole, "request", request_json(request, &failed), &failed);
    put(whole, "requester", requester_json(request, &failed), &failed);
    put(whole, "certificate", certificate_json(request, &failed), &failed);
    if (!failed && (text = json_dumps(whole, JSON_COMPACT)) != NULL) {
        buf_add_text(out, text);
        buf_add_byte(out, '\n');
    }
    free(text);
    json_decref(whole);
    return failed || !text || out->failed ? error_memory(error) : OK;
}
