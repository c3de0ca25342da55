/* A request as a value: names of its codes, the table of legal transitions,
 * and who owns what. No database and no certificates here. */
#include "config.h"

#include "ca/request.h"

#include <stdlib.h>
#include <string.h>

#include "ca/base/encode.h"
#include "ca/base/text.h"

static const struct {
    enum disposition disposition;
    const char *name;
    const char *instead; /* what may be done with a request in this state */
} dispositions[] = {
    {DISPOSITION_ACTIVE, "active", "wait until it is decided"},
    {DISPOSITION_PENDING, "pending", "resubmit or deny it"},
    {DISPOSITION_ISSUING, "issuing", "wait until its certificate is issued"},
    {DISPOSITION_FOREIGN, "foreign", "it can be revoked"},
    {DISPOSITION_ISSUED, "issued", "its certificate can be revoked"},
    {DISPOSITION_REVOKED, "revoked", "the reason or date can be changed, a certificateHold released"},
    {DISPOSITION_FAILED, "failed", "submit a new request; a serial that was reserved can be revoked"},
    {DISPOSITION_DENIED, "denied", "an officer can resubmit it"},
};

/* AUTHORITY.md "A request's life", row by row. What depends on more than the
 * two states (a hold, a reserved serial) its caller checks besides. */
static const struct {
    enum disposition from, to;
} transitions[] = {
    {DISPOSITION_ACTIVE, DISPOSITION_PENDING},   {DISPOSITION_ACTIVE, DISPOSITION_ISSUING},
    {DISPOSITION_ACTIVE, DISPOSITION_DENIED},    {DISPOSITION_ACTIVE, DISPOSITION_FAILED},
    {DISPOSITION_PENDING, DISPOSITION_ISSUING},  {DISPOSITION_PENDING, DISPOSITION_PENDING},
    {DISPOSITION_PENDING, DISPOSITION_DENIED},   {DISPOSITION_PENDING, DISPOSITION_FAILED},
    {DISPOSITION_ISSUING, DISPOSITION_ISSUED},   {DISPOSITION_ISSUING, DISPOSITION_FAILED},
    {DISPOSITION_FOREIGN, DISPOSITION_REVOKED},  {DISPOSITION_ISSUED, DISPOSITION_REVOKED},
    {DISPOSITION_REVOKED, DISPOSITION_ISSUED},   {DISPOSITION_REVOKED, DISPOSITION_REVOKED},
    {DISPOSITION_FAILED, DISPOSITION_REVOKED},   {DISPOSITION_DENIED, DISPOSITION_ISSUING},
    {DISPOSITION_DENIED, DISPOSITION_PENDING},   {DISPOSITION_DENIED, DISPOSITION_DENIED},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

const char *disposition_name(enum disposition disposition)
{
    for (size_t i = 0; i < COUNT(dispositions); i++)
        if (dispositions[i].disposition == disposition)
            return dispositions[i].name;
    return "unknown";
}

int disposition_parse(const char *text, enum disposition *out)
{
    for (size_t i = 0; i < COUNT(dispositions); i++)
        if (text_equal_nocase(dispositions[i].name, text)) {
            *out = dispositions[i].disposition;
            return OK;
        }
    return BAD_DATA;
}

int disposition_check(enum disposition from, enum disposition to, struct error *error)
{
    const char *instead = "see its record";

    for (size_t i = 0; i < COUNT(transitions); i++)
        if (transitions[i].from == from && transitions[i].to == to)
            return OK;
    for (size_t i = 0; i < COUNT(dispositions); i++)
        if (dispositions[i].disposition == from)
            instead = dispositions[i].instead;
    return error_set(error, REFUSED, "state.transition", "the request is %s and cannot become %s: %s", disposition_name(from),
                     disposition_name(to), instead);
}

const char *origin_name(enum origin origin)
{
    static const char *const names[] = {"unknown", "request", "policy", "officer", "server"};

    return names[(unsigned)origin < COUNT(names) ? origin : 0];
}

const char *name_kind_name(enum name_kind kind)
{
    static const char *const names[] = {"unknown", "dns", "email", "upn", "ip", "uri", "dn", "other"};

    return names[(unsigned)kind < COUNT(names) ? kind : 0];
}

void identity_free(struct identity *identity)
{
    free(identity->account);
    free(identity->dn);
    *identity = (struct identity){.uid = -1};
}

int identity_copy(struct identity *to, const struct identity *from)
{
    struct identity copy = *from;

    copy.account = from->account == NULL ? NULL : strdup(from->account);
    copy.dn = from->dn == NULL ? NULL : strdup(from->dn);
    if ((from->account != NULL && copy.account == NULL) || (from->dn != NULL && copy.dn == NULL)) {
        identity_free(&copy);
        return INTERNAL;
    }
    *to = copy;
    return OK;
}

static const char *skip_ignored(const char *name)
{
    return name + strspn(name, " \t-");
}

bool attribute_name_equal(const char *a, const char *b)
{
    for (;; a++, b++) {
        char x[2] = {0}, y[2] = {0};

        a = skip_ignored(a);
        b = skip_ignored(b);
        x[0] = *a;
        y[0] = *b;
        if (!text_equal_nocase(x, y))
            return false;
        if (*a == '\0')
            return true;
    }
}

static void attributes_free(struct attribute *attributes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(attributes[i].name);
        free(attributes[i].value);
        free(attributes[i].actor);
    }
    free(attributes);
}

static void extensions_free(struct extension *extensions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(extensions[i].oid);
        free(extensions[i].value);
        free(extensions[i].actor);
    }
    free(extensions);
}

void properties_free(struct properties *properties)
{
    for (size_t i = 0; i < properties->name_count; i++)
        free(properties->names[i].value);
    free(properties->names);
    free(properties->subject);
    strings_free(&properties->ekus);
    strings_free(&properties->policies);
    strings_free(&properties->application_policies);
    strings_free(&properties->critical);
    free(properties->template_name);
    free(properties->template_oid);
    free(properties->requester_uuid);
    free(properties->requester_sid);
    free(properties->publish_dn);
    extensions_free(properties->extensions, properties->extension_count);
    memset(properties, 0, sizeof *properties);
}

int properties_add_name(struct properties *properties, enum name_kind kind, const char *value)
{
    struct general_name *names = reallocarray(properties->names, properties->name_count + 1, sizeof *names);
    char *copy = strdup(value);

    if (names != NULL)
        properties->names = names;
    if (names == NULL || copy == NULL) {
        free(copy);
        return INTERNAL;
    }
    names[properties->name_count].kind = kind;
    names[properties->name_count++].value = copy;
    return OK;
}

static int extension_fill(struct extension *extension, const char *oid, struct bytes value, const char *actor)
{
    extension->oid = strdup(oid);
    extension->value = malloc(value.size + 1);
    extension->size = value.size;
    extension->actor = actor == NULL ? NULL : strdup(actor);
    if (extension->oid == NULL || extension->value == NULL || (actor != NULL && extension->actor == NULL)) {
        free(extension->oid);
        free(extension->value);
        free(extension->actor);
        return INTERNAL;
    }
    if (value.size > 0)
        memcpy(extension->value, value.data, value.size);
    return OK;
}

static void extension_clear(struct extension *extension)
{
    free(extension->oid);
    free(extension->value);
    free(extension->actor);
}

/* Takes fresh, also when it fails. */
static int extension_put(struct extension **list, size_t *count, struct extension *fresh)
{
    struct extension *grown;

    for (size_t i = 0; i < *count; i++)
        if (strcmp((*list)[i].oid, fresh->oid) == 0) {
            extension_clear(&(*list)[i]);
            (*list)[i] = *fresh;
            return OK;
        }
    grown = reallocarray(*list, *count + 1, sizeof *grown);
    if (grown == NULL) {
        extension_clear(fresh);
        return INTERNAL;
    }
    *list = grown;
    grown[(*count)++] = *fresh;
    return OK;
}

int properties_set_extension(struct properties *properties, const char *oid, bool critical, struct bytes value, enum origin origin,
                             const char *actor)
{
    struct extension fresh = {.critical = critical, .origin = origin};

    if (extension_fill(&fresh, oid, value, actor) != OK)
        return INTERNAL;
    return extension_put(&properties->extensions, &properties->extension_count, &fresh);
}

const char *serial_text(const struct serial *serial, char text[2 * SERIAL_MAX + 1])
{
    static const char digits[] = "0123456789abcdef";
    size_t size = serial->size > SERIAL_MAX ? SERIAL_MAX : serial->size, at = 0;

    for (size_t i = 0; i < size; i++) {
        text[at++] = digits[serial->octets[i] >> 4];
        text[at++] = digits[serial->octets[i] & 15];
    }
    text[at] = '\0';
    return text;
}

int serial_parse(const char *text, struct serial *out)
{
    struct buf octets = BUF_EMPTY;
    size_t zeros = 0;
    int status = BAD_DATA;

    if (strlen(text) > 4 * SERIAL_MAX || hex_decode(&octets, text, strlen(text)) != OK)
        goto out;
    while (zeros < octets.size && octets.data[zeros] == 0)
        zeros++;
    if (octets.size == zeros || octets.size - zeros > SERIAL_MAX)
        goto out;
    *out = (struct serial){.size = (uint8_t)(octets.size - zeros)};
    memcpy(out->octets, octets.data + zeros, out->size);
    status = OK;
out:
    buf_free(&octets);
    return status;
}

const char *request_holder_dn(const struct request *request)
{
    return request->on_behalf_of ? request->on_behalf_of : request->requester_dn;
}

void request_free(struct request *request)
{
    free(request->on_behalf_of);
    for (size_t i = 0; i < request->approval_count; i++) {
        free(request->approvals[i].account);
        free(request->approvals[i].dn);
    }
    free(request->approvals);
    for (size_t i = 0; i < request->edit_count; i++) {
        free(request->edits[i].account);
        free(request->edits[i].what);
    }
    free(request->edits);
    strings_free(&request->removed);
    free(request->requester);
    free(request->requester_dn);
    free(request->intermediary);
    free(request->pkcs10);
    free(request->attributes_original);
    attributes_free(request->attributes, request->attribute_count);
    extensions_free(request->extensions, request->extension_count);
    strings_free(&request->usages);
    strings_free(&request->names);
    free(request->template_name);
    free(request->subject);
    free(request->key_text);
    free(request->decided_by);
    free(request->message);
    free(request->reason);
    memset(request, 0, sizeof *request);
}

static bool attribute_fits(const char *name, const char *value)
{
    return *skip_ignored(name) != '\0' && strlen(name) <= ATTRIBUTE_NAME_MAX && strlen(value) <= ATTRIBUTE_VALUE_MAX;
}

int request_add_attribute(struct request *request, const char *name, const char *value, enum origin origin)
{
    struct attribute *list, fresh = {NULL, NULL, origin, NULL};

    if (!attribute_fits(name, value) || request->attribute_count >= ATTRIBUTES_MAX || request_attribute(request, name) != NULL)
        return BAD_DATA;
    list = reallocarray(request->attributes, request->attribute_count + 1, sizeof *list);
    if (list != NULL)
        request->attributes = list;
    fresh.name = strdup(name);
    fresh.value = strdup(value);
    if (list == NULL || fresh.name == NULL || fresh.value == NULL) {
        free(fresh.name);
        free(fresh.value);
        return INTERNAL;
    }
    list[request->attribute_count++] = fresh;
    return OK;
}

const char *request_attribute(const struct request *request, const char *name)
{
    for (size_t i = 0; i < request->attribute_count; i++)
        if (attribute_name_equal(request->attributes[i].name, name))
            return request->attributes[i].value;
    return NULL;
}

/* ---- edits by officers ---- */

static struct attribute *attribute_find(struct request *request, const char *name)
{
    for (size_t i = 0; i < request->attribute_count; i++)
        if (attribute_name_equal(request->attributes[i].name, name))
            return &request->attributes[i];
    return NULL;
}

static void attribute_drop(struct request *request, struct attribute *attribute)
{
    size_t after = (size_t)(request->attributes + request->attribute_count - attribute) - 1;

    free(attribute->name);
    free(attribute->value);
    free(attribute->actor);
    memmove(attribute, attribute + 1, after * sizeof *attribute);
    request->attribute_count--;
}

int request_edit_attribute(struct request *request, const char *name, const char *value, const char *actor)
{
    struct attribute *attribute = attribute_find(request, name);
    char *fresh, *who;
    int status = OK;

    if (!attribute_fits(name, value))
        return BAD_DATA;
    if (*value == '\0') {
        if (attribute != NULL)
            attribute_drop(request, attribute);
        return OK;
    }
    if (attribute == NULL)
        status = request_add_attribute(request, name, value, ORIGIN_OFFICER);
    if (status != OK)
        return status;
    attribute = attribute_find(request, name);
    fresh = strdup(value);
    who = strdup(actor);
    if (attribute == NULL || fresh == NULL || who == NULL) {
        free(fresh);
        free(who);
        return INTERNAL;
    }
    free(attribute->value);
    free(attribute->actor);
    attribute->value = fresh;
    attribute->actor = who;
    attribute->origin = ORIGIN_OFFICER;
    return OK;
}

static void strings_drop(struct strings *list, const char *text)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], text) == 0)
            free(list->items[i]);
        else
            list->items[kept++] = list->items[i];
    list->count = kept;
}

int request_edit_extension(struct request *request, const char *oid, bool critical, struct bytes value, const char *actor)
{
    struct extension fresh = {.critical = critical, .origin = ORIGIN_OFFICER};

    if (extension_fill(&fresh, oid, value, actor) != OK || extension_put(&request->extensions, &request->extension_count, &fresh) != OK)
        return INTERNAL;
    strings_drop(&request->removed, oid);
    return OK;
}

bool request_drop_extension(struct request *request, const char *oid)
{
    for (size_t i = 0; i < request->extension_count; i++)
        if (strcmp(request->extensions[i].oid, oid) == 0) {
            extension_clear(&request->extensions[i]);
            memmove(&request->extensions[i], &request->extensions[i + 1],
                    (request->extension_count - i - 1) * sizeof *request->extensions);
            request->extension_count--;
            return true;
        }
    return false;
}

int request_add_edit(struct request *request, const char *account, int64_t at, const char *what)
{
    struct edit *list, fresh = {NULL, at, NULL};

    if (request->edit_count >= EDITS_MAX)
        return BAD_DATA;
    list = reallocarray(request->edits, request->edit_count + 1, sizeof *list);
    if (list != NULL)
        request->edits = list;
    fresh.account = strdup(account);
    fresh.what = strdup(what);
    if (list == NULL || fresh.account == NULL || fresh.what == NULL) {
        free(fresh.account);
        free(fresh.what);
        return INTERNAL;
    }
    list[request->edit_count++] = fresh;
    return OK;
}

void request_void_approvals(struct request *request)
{
    while (request->approval_count > 0) {
        struct approval *approval = &request->approvals[--request->approval_count];

        free(approval->account);
        free(approval->dn);
    }
}

void request_touch(struct request *request, int64_t now)
{
    request->resolved_at = now > request->resolved_at ? now : request->resolved_at + 1;
}
