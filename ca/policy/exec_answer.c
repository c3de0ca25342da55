/* A program's answer: hostile JSON, read strictly, and applied so that it can only take away. Pure. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/oid.h"
#include "ca/base/text.h"
#include "ca/policy/exec.h"

#define ANSWER_MAX (1u << 20)

static const struct {
    const char *name;
    unsigned bit;
} usages[] = {
    {"digitalSignature", KEY_USAGE_DIGITAL_SIGNATURE}, {"nonRepudiation", KEY_USAGE_NON_REPUDIATION},
    {"keyEncipherment", KEY_USAGE_KEY_ENCIPHERMENT},   {"dataEncipherment", KEY_USAGE_DATA_ENCIPHERMENT},
    {"keyAgreement", KEY_USAGE_KEY_AGREEMENT},         {"keyCertSign", KEY_USAGE_CERT_SIGN},
    {"cRLSign", KEY_USAGE_CRL_SIGN},                   {"encipherOnly", KEY_USAGE_ENCIPHER_ONLY},
    {"decipherOnly", KEY_USAGE_DECIPHER_ONLY},
};

const char *exec_usage_name(size_t index, unsigned *bit)
{
    if (index >= sizeof usages / sizeof *usages)
        return NULL;
    *bit = usages[index].bit;
    return usages[index].name;
}

static int wrong(struct error *error, const char *what)
{
    return error_set(error, BAD_DATA, "policy.exec_answer", "the program's answer is not what it must be: %s", what);
}

/* ---- values ---- */

static int text_list(const json_t *value, const char *what, struct strings *out, struct error *error)
{
    if (!json_is_array(value) || json_array_size(value) > EXEC_LIST_MAX)
        return wrong(error, what);
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *text = json_string_value(json_array_get(value, i));
        if (!text || !*text || strlen(text) > 2048)
            return wrong(error, what);
        if (strings_add(out, text) != OK)
            return error_memory(error);
    }
    return OK;
}

static int read_message(const json_t *value, struct exec_answer *out, struct error *error)
{
    const char *text = json_string_value(value);
    struct buf safe = BUF_EMPTY;
    bool plain = text && strlen(text) <= EXEC_MESSAGE_MAX && text_sanitise(&safe, text, strlen(text)) == 0;

    buf_free(&safe);
    if (!plain)
        return wrong(error, "message is a text of at most 400 octets without control characters");
    out->message = strdup(text);
    return out->message ? OK : error_memory(error);
}

static int read_validity(const json_t *value, struct exec_answer *out, struct error *error)
{
    if (!json_is_integer(value) || json_integer_value(value) <= 0)
        return wrong(error, "validity_s is a number of seconds above 0");
    out->validity_s = json_integer_value(value);
    return OK;
}

static int read_not_after(const json_t *value, struct exec_answer *out, struct error *error)
{
    const char *text = json_string_value(value);

    if (!text || *text == '+' || *text == '-' || time_parse(text, 0, &out->not_after) != OK || out->not_after <= 0)
        return wrong(error, "not_after is a time such as 2027-01-31T00:00:00Z");
    return OK;
}

static int read_ekus(const json_t *value, struct exec_answer *out, struct error *error)
{
    int status = text_list(value, "ekus is a list of object identifiers", &out->ekus, error);

    for (size_t i = 0; i < out->ekus.count && status == OK; i++)
        if (!oid_is_valid(out->ekus.items[i]))
            status = wrong(error, "ekus is a list of object identifiers");
    if (status == OK && out->ekus.count == 0)
        status = wrong(error, "ekus must leave one: a certificate without any would be good for everything");
    out->has_ekus = status == OK;
    return status;
}

static int read_names(const json_t *value, struct exec_answer *out, struct error *error)
{
    int status = text_list(value, "names is a list of texts such as \"dns:web07.example.com\"", &out->names, error);

    out->has_names = status == OK;
    return status;
}

static int read_key_usage(const json_t *value, struct exec_answer *out, struct error *error)
{
    struct strings names = {NULL, 0};
    int status = text_list(value, "key_usage is a list of names of RFC 5280 4.2.1.3", &names, error);

    for (size_t i = 0; i < names.count && status == OK; i++) {
        size_t u = 0;
        while (u < sizeof usages / sizeof *usages && strcmp(usages[u].name, names.items[i]) != 0)
            u++;
        if (u == sizeof usages / sizeof *usages)
            status = wrong(error, "key_usage is a list of names of RFC 5280 4.2.1.3");
        else
            out->key_usage |= usages[u].bit;
    }
    if (status == OK && out->key_usage == 0)
        status = wrong(error, "key_usage must leave one");
    out->has_key_usage = status == OK;
    strings_free(&names);
    return status;
}

static int read_publish(const json_t *value, struct exec_answer *out, struct error *error)
{
    if (!json_is_boolean(value))
        return wrong(error, "publish is true or false");
    out->no_publishing = json_is_false(value);
    return OK;
}

/* ---- extensions ---- */

/* One value in DER, whole: tag, a length in its shortest form, and nothing after it. */
static bool der_is_whole(const struct buf *value)
{
    size_t head = 2, size;

    if (value->size < 2 || (value->data[0] & 0x1f) == 0x1f)
        return false;
    size = value->data[1];
    if (size & 0x80) {
        size_t octets = size & 0x7f;
        if (octets < 1 || octets > 2 || value->size < 2 + octets || value->data[2] == 0)
            return false;
        size = 0;
        for (size_t i = 0; i < octets; i++)
            size = size << 8 | value->data[2 + i];
        if (size < 0x80)
            return false;
        head += octets;
    }
    return value->size == head + size;
}

static int extension_fill(const json_t *item, struct extension *out, struct error *error)
{
    const char *oid = NULL, *text = NULL;
    struct buf value = BUF_EMPTY;
    int critical = 0, status = OK;

    if (json_unpack_ex((json_t *)item, NULL, JSON_STRICT, "{s:s, s:s, s?b}", "oid", &oid, "value", &text, "critical", &critical) != 0 ||
        !oid_is_valid(oid) || base64_decode(&value, text, strlen(text)) != OK || value.size > EXEC_EXTENSION_MAX || !der_is_whole(&value))
        status = wrong(error, "an extension has oid, value (base64 of DER, at most 4096 octets) and perhaps critical");
    if (status == OK) {
        out->oid = strdup(oid);
        out->critical = critical;
        out->value = value.data;
        out->size = value.size;
        out->origin = ORIGIN_POLICY;
        value = (struct buf)BUF_EMPTY;
        status = out->oid ? OK : error_memory(error);
    }
    buf_free(&value);
    return status;
}

static int read_extensions(const json_t *value, struct exec_answer *out, struct error *error)
{
    size_t count = json_array_size(value);
    int status = OK;

    if (!json_is_array(value) || count > EXEC_EXTENSIONS_MAX)
        return wrong(error, "extensions is a list of at most 16");
    if (count && !(out->extensions = calloc(count, sizeof *out->extensions)))
        return error_memory(error);
    for (size_t i = 0; i < count && status == OK; i++) {
        status = extension_fill(json_array_get(value, i), &out->extensions[i], error);
        out->extension_count = i + 1;
        for (size_t j = 0; j < i && status == OK; j++)
            if (strcmp(out->extensions[i].oid, out->extensions[j].oid) == 0)
                status = wrong(error, "an extension stands twice");
    }
    return status;
}

/* ---- the whole ---- */

struct member {
    const char *name;
    int (*read)(const json_t *value, struct exec_answer *out, struct error *error);
};

static int members_read(const json_t *object, const struct member *members, const char *what, struct exec_answer *out, struct error *error)
{
    const char *key;
    json_t *value;
    int status = OK;

    if (!json_is_object(object))
        return wrong(error, what);
    json_object_foreach((json_t *)object, key, value) {
        const struct member *m = members;
        while (m->name && strcmp(m->name, key) != 0)
            m++;
        status = m->name ? m->read(value, out, error) : wrong(error, what);
        if (status != OK)
            break;
    }
    return status;
}

static int read_properties(const json_t *value, struct exec_answer *out, struct error *error)
{
    static const struct member members[] = {
        {"validity_s", read_validity}, {"not_after", read_not_after}, {"ekus", read_ekus}, {"names", read_names},
        {"key_usage", read_key_usage}, {"publish", read_publish},     {NULL, NULL},
    };

    return members_read(value, members, "properties has validity_s, not_after, ekus, names, key_usage and publish, and nothing else", out, error);
}

int exec_answer_read(struct bytes text, struct exec_answer *out, struct error *error)
{
    static const struct member members[] = {
        {"message", read_message}, {"properties", read_properties}, {"extensions", read_extensions}, {NULL, NULL}};
    json_t *whole = NULL;
    int status = OK;

    memset(out, 0, sizeof *out);
    if (text.size == 0)
        return OK;
    if (text.size > ANSWER_MAX || !(whole = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL)))
        status = wrong(error, "it is no JSON");
    if (status == OK)
        status = members_read(whole, members, "it is an object with message, properties and extensions, and nothing else", out, error);
    json_decref(whole);
    if (status != OK)
        exec_answer_free(out);
    return status;
}

void exec_answer_free(struct exec_answer *answer)
{
    free(answer->message);
    strings_free(&answer->ekus);
    strings_free(&answer->names);
    for (size_t i = 0; i < answer->extension_count; i++) {
        free(answer->extensions[i].oid);
        free(answer->extensions[i].value);
    }
    free(answer->extensions);
    memset(answer, 0, sizeof *answer);
}

/* ---- narrowing ---- */

static int widens(struct error *error, const char *what, const char *which)
{
    return error_set(error, BAD_DATA, "policy.exec_widens", "the program's answer %s %.200s: a program can only take away", what, which);
}

static bool name_is(const struct general_name *name, const char *text)
{
    const char *kind = name_kind_name(name->kind);
    size_t size = strlen(kind);

    return name->value && strncmp(text, kind, size) == 0 && text[size] == ':' && strcmp(text + size + 1, name->value) == 0;
}

static bool names_have(const struct properties *p, const char *text)
{
    for (size_t i = 0; i < p->name_count; i++)
        if (name_is(&p->names[i], text))
            return true;
    return false;
}

static bool extension_there(const struct properties *p, const char *oid)
{
    for (size_t i = 0; i < p->extension_count; i++)
        if (strcmp(p->extensions[i].oid, oid) == 0)
            return true;
    return false;
}

static int answer_check(const struct exec_answer *a, const struct strings *allowed, const struct properties *p, struct error *error)
{
    for (size_t i = 0; i < a->ekus.count; i++)
        if (!strings_contain(&p->ekus, a->ekus.items[i]))
            return widens(error, "adds the extended key usage", a->ekus.items[i]);
    for (size_t i = 0; i < a->names.count; i++)
        if (!names_have(p, a->names.items[i]))
            return widens(error, "adds the name", a->names.items[i]);
    if (a->has_key_usage && (a->key_usage & ~p->key_usage))
        return widens(error, "adds", "a key usage");
    for (size_t i = 0; i < a->extension_count; i++) {
        const char *oid = a->extensions[i].oid;
        if (!strings_contain(allowed, oid) || extension_is_protected(oid))
            return widens(error, "sets an extension that [policy.exec] extensions does not list,", oid);
        if (extension_there(p, oid))
            return widens(error, "replaces the extension", oid);
    }
    return OK;
}

static void names_keep(struct properties *p, const struct strings *keep)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->name_count; i++) {
        bool wanted = false;
        for (size_t j = 0; j < keep->count && !wanted; j++)
            wanted = name_is(&p->names[i], keep->items[j]);
        if (wanted)
            p->names[kept++] = p->names[i];
        else
            free(p->names[i].value);
    }
    p->name_count = kept;
}

static void ekus_keep(struct properties *p, const struct strings *keep)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->ekus.count; i++)
        if (strings_contain(keep, p->ekus.items[i]))
            p->ekus.items[kept++] = p->ekus.items[i];
        else
            free(p->ekus.items[i]);
    p->ekus.count = kept;
}

static void time_narrow(int64_t asked, int64_t *set)
{
    if (asked && (*set == 0 || asked < *set))
        *set = asked;
}

int exec_answer_apply(const struct exec_answer *answer, const struct strings *allowed, struct properties *properties, struct error *error)
{
    int status = answer_check(answer, allowed, properties, error);

    for (size_t i = 0; i < answer->extension_count && status == OK; i++) { /* what can fail comes first */
        const struct extension *e = &answer->extensions[i];
        if (properties_set_extension(properties, e->oid, e->critical, bytes_of(e->value, e->size), ORIGIN_POLICY, NULL) != OK)
            status = error_memory(error);
    }
    if (status != OK)
        return status;
    time_narrow(answer->validity_s, &properties->validity_s);
    time_narrow(answer->not_after, &properties->not_after);
    if (answer->has_ekus)
        ekus_keep(properties, &answer->ekus);
    if (answer->has_names)
        names_keep(properties, &answer->names);
    if (answer->has_key_usage)
        properties->key_usage &= answer->key_usage;
    if (answer->no_publishing)
        properties->publish = false;
    return OK;
}
