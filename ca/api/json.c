/* JSON at the border: bodies read with limits and checked against a table of members; plain values made into JSON.
 * What the members mean is not known here; the shapes of the answers stand in shape.c. */
#include "ca/api/json.h"

#include <stdlib.h>
#include <string.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/oid.h"
#include "ca/base/text.h"

int body_read(struct bytes text, json_t **out, struct error *error)
{
    json_error_t why;

    *out = NULL;
    if (text.size > BODY_MAX)
        return error_set(error, BAD_DATA, "api.size", "the body has more than %u KiB", BODY_MAX / 1024);
    if (text.size == 0) {
        *out = json_object();
        return *out != NULL ? OK : error_memory(error);
    }
    json_t *value = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &why);
    if (value == NULL)
        return error_set(error, BAD_DATA, "api.json", "the body is not JSON: line %d, column %d: %.100s", why.line, why.column, why.text);
    if (!json_is_object(value)) {
        json_decref(value);
        return error_set(error, BAD_DATA, "api.json", "the body is not a JSON object");
    }
    *out = value;
    return OK;
}

static bool is_time(const json_t *value)
{
    int64_t at;
    return json_is_string(value) && time_parse(json_string_value(value), clock_now(), &at) == OK && at > 0;
}

static bool is_texts(const json_t *value)
{
    if (!json_is_array(value) || json_array_size(value) > BODY_TEXTS_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!json_is_string(json_array_get(value, i)))
            return false;
    return true;
}

static bool is_version(const json_t *value)
{
    const json_t *at = json_object_get(value, "resolved_at");
    enum disposition disposition;

    return json_is_object(value) && json_object_size(value) == 2 && json_is_string(json_object_get(value, "disposition")) &&
           disposition_parse(json_string_value(json_object_get(value, "disposition")), &disposition) == OK &&
           (json_is_null(at) || is_time(at));
}

static bool is_text(const json_t *value)
{
    return json_is_string(value);
}

static bool is_number(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool is_bool(const json_t *value)
{
    return json_is_boolean(value);
}

static const struct {
    bool (*is)(const json_t *value);
    const char *what;
} kinds[] = {
    [BODY_TEXT] = {is_text, "a text"},
    [BODY_BOOL] = {is_bool, "true or false"},
    [BODY_TIME] = {is_time, "a time such as 2026-01-20T07:12:09Z"},
    [BODY_TEXTS] = {is_texts, "a list of at most 100 texts"},
    [BODY_VERSION] = {is_version, "{\"disposition\", \"resolved_at\"} as a row shows them"},
    [BODY_NUMBER] = {is_number, "a number, not negative"},
};

static const struct body_member *member_find(const struct body_member *members, const char *name)
{
    for (; members != NULL && members->name != NULL; members++)
        if (strcmp(members->name, name) == 0)
            return members;
    return NULL;
}

int body_check(const json_t *body, const struct body_member *members, struct error *error)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)body, name, value) {
        const struct body_member *member = member_find(members, name);
        if (member == NULL)
            return error_set(error, BAD_DATA, "api.body", "the body has a member \"%.60s\" that nothing here reads", name);
        if (!json_is_null(value) && !kinds[member->kind].is(value))
            return error_set(error, BAD_DATA, "api.body", "\"%s\" must be %s", name, kinds[member->kind].what);
    }
    for (const struct body_member *member = members; member != NULL && member->name != NULL; member++) {
        value = json_object_get(body, member->name);
        if (member->required && (value == NULL || json_is_null(value)))
            return error_set(error, BAD_DATA, "api.body", "the body has no \"%s\"", member->name);
    }
    return OK;
}

const char *body_text(const json_t *body, const char *name)
{
    return json_string_value(json_object_get(body, name));
}

bool body_bool(const json_t *body, const char *name)
{
    return json_is_true(json_object_get(body, name));
}

int64_t body_time(const json_t *body, const char *name)
{
    const char *text = body_text(body, name);
    int64_t at;

    return text != NULL && time_parse(text, clock_now(), &at) == OK ? at : 0;
}

uint64_t body_number(const json_t *body, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(body, name));
}

int body_texts(const json_t *body, const char *name, struct strings *out)
{
    const json_t *list = json_object_get(body, name);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (strings_add_n(out, json_string_value(item), json_string_length(item)) != OK)
            return INTERNAL;
    }
    return OK;
}

int body_octets(const json_t *body, const char *name, struct buf *out, struct error *error)
{
    const char *text = body_text(body, name);

    if (text == NULL)
        return error_set(error, BAD_DATA, "api.body", "the body has no \"%s\"", name);
    if (strstr(text, "-----BEGIN ") != NULL)
        buf_add_text(out, text);
    else if (base64_decode(out, text, strlen(text)) != OK)
        return error_set(error, BAD_DATA, "api.body", "\"%s\" is neither PEM nor base64 of DER", name);
    if (out->failed)
        return error_memory(error);
    return OK;
}

json_t *json_of_text(const char *text)
{
    if (text == NULL)
        return json_null();
    json_t *value = json_string(text);
    if (value != NULL)
        return value;
    char *safe = text_safe(text);
    value = safe != NULL ? json_string(safe) : NULL;
    free(safe);
    return value;
}

json_t *json_of_time(int64_t at)
{
    char text[TIME_TEXT_SIZE];
    return at != 0 ? json_string(time_format(at, text)) : json_null();
}

json_t *json_of_hex(struct bytes octets)
{
    struct buf hex = BUF_EMPTY;

    if (octets.size == 0)
        return json_null();
    hex_encode(&hex, octets);
    json_t *value = hex.failed ? NULL : json_string(buf_text(&hex));
    buf_free(&hex);
    return value;
}

json_t *json_of_digest(const uint8_t *digest, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (digest[i] != 0)
            return json_of_hex(bytes_of(digest, size));
    return json_null();
}

json_t *json_of_serial(const struct serial *serial)
{
    char text[2 * SERIAL_MAX + 1];
    return serial->size != 0 ? json_string(serial_text(serial, text)) : json_null();
}

json_t *json_of_number(uint64_t number)
{
    return json_integer((json_int_t)number);
}

json_t *json_of_strings(const struct strings *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++)
        if (json_array_append_new(array, json_of_text(list->items[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

json_t *json_of_pem(const char *label, struct bytes der)
{
    struct buf pem = BUF_EMPTY;

    if (der.size == 0)
        return json_null();
    pem_encode(&pem, label, der);
    json_t *value = pem.failed ? NULL : json_string(buf_text(&pem));
    buf_free(&pem);
    return value;
}

json_t *json_of_oids(const struct strings *oids)
{
    json_t *array = json_array();

    for (size_t i = 0; i < oids->count; i++) {
        json_t *oid = json_pack("{s:o, s:o}", "oid", json_of_text(oids->items[i]), "name", json_of_text(oid_name(oids->items[i])));
        if (json_array_append_new(array, oid) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

json_t *json_of_error(const struct error *error)
{
    return json_pack("{s:{s:i, s:o, s:o}}", "error", "status", error->status, "reason", json_of_text(error->reason), "message",
                     json_of_text(error->message));
}
