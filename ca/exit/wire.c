/* What stands in the frames between dispatcher and exit host: encoders and strict decoders, twins side by side.
 * Pure: no socket here (channel.c has that). */
#include <stdlib.h>
#include <string.h>

#include "ca/base/encode.h"
#include "ca/exit/wire.h"

#define TEXT_MAX 65536u
#define OCTETS_MAX (1024u * 1024)
#define ITEMS_MAX 4096u

struct reader { /* after the first bad octet every read gives nothing */
    const uint8_t *at;
    size_t left;
    bool bad;
};

static const uint8_t *reader_take(struct reader *reader, size_t size)
{
    const uint8_t *at = reader->at;

    if (reader->bad || size > reader->left) {
        reader->bad = true;
        return NULL;
    }
    reader->at += size;
    reader->left -= size;
    return at;
}

static int reader_end(const struct reader *reader)
{
    return reader->bad || reader->left != 0 ? BAD_DATA : OK;
}

static void put_number8(struct buf *out, unsigned value)
{
    buf_add_byte(out, (uint8_t)value);
}

static unsigned get_number8(struct reader *reader)
{
    const uint8_t *at = reader_take(reader, 1);

    return at ? *at : 0;
}

static void put_number32(struct buf *out, uint32_t value)
{
    uint8_t octets[4];

    put_u32(octets, value);
    buf_add(out, octets, sizeof octets);
}

static uint32_t get_number32(struct reader *reader)
{
    const uint8_t *at = reader_take(reader, 4);

    return at ? get_u32(at) : 0;
}

static void put_number64(struct buf *out, uint64_t value)
{
    uint8_t octets[8];

    put_u64(octets, value);
    buf_add(out, octets, sizeof octets);
}

static uint64_t get_number64(struct reader *reader)
{
    const uint8_t *at = reader_take(reader, 8);

    return at ? get_u64(at) : 0;
}

static void put_flag(struct buf *out, bool value)
{
    put_number8(out, value ? 1 : 0);
}

static bool get_flag(struct reader *reader)
{
    unsigned value = get_number8(reader);

    if (value > 1)
        reader->bad = true;
    return value == 1;
}

static void put_text(struct buf *out, const char *text)
{
    size_t size = text ? strlen(text) : 0;

    put_number32(out, text ? (uint32_t)size + 1 : 0);
    buf_add(out, text ? text : "", size);
}

/* A new string, NULL where NULL was put; a NUL inside is refused, as it would cut the text at the reader's. */
static char *get_text(struct reader *reader)
{
    uint32_t length = get_number32(reader);
    const uint8_t *at;
    char *text;

    if (length == 0)
        return NULL;
    at = length - 1 > TEXT_MAX ? NULL : reader_take(reader, length - 1);
    if (!at || memchr(at, 0, length - 1) != NULL || (text = malloc(length)) == NULL) {
        reader->bad = true;
        return NULL;
    }
    memcpy(text, at, length - 1);
    text[length - 1] = 0;
    return text;
}

static void get_text_into(struct reader *reader, char *to, size_t room)
{
    char *text = get_text(reader);

    to[0] = 0;
    if (text && strlen(text) >= room)
        reader->bad = true;
    else if (text)
        memcpy(to, text, strlen(text) + 1);
    free(text);
}

static void put_octets(struct buf *out, const uint8_t *data, size_t size)
{
    put_number32(out, (uint32_t)size);
    buf_add(out, data, size);
}

static uint8_t *get_octets(struct reader *reader, size_t *size)
{
    uint32_t length = get_number32(reader);
    const uint8_t *at;
    uint8_t *copy;

    *size = 0;
    if (length == 0)
        return NULL;
    at = length > OCTETS_MAX ? NULL : reader_take(reader, length);
    if (!at || (copy = malloc(length)) == NULL) {
        reader->bad = true;
        return NULL;
    }
    memcpy(copy, at, length);
    *size = length;
    return copy;
}

/* A count of items of at least `smallest` octets each: so that a count alone cannot make us allocate. */
static size_t get_items(struct reader *reader, size_t smallest)
{
    uint32_t count = get_number32(reader);

    if (count > ITEMS_MAX || count > reader->left / smallest)
        reader->bad = true;
    return reader->bad ? 0 : count;
}

static void put_list(struct buf *out, const struct strings *list)
{
    put_number32(out, (uint32_t)list->count);
    for (size_t i = 0; i < list->count; i++)
        put_text(out, list->items[i]);
}

static void get_list(struct reader *reader, struct strings *list)
{
    size_t count = get_items(reader, 4);

    for (size_t i = 0; i < count && !reader->bad; i++) {
        char *text = get_text(reader);

        if (!text || strings_add(list, text) != OK)
            reader->bad = true;
        free(text);
    }
}

static void put_attributes(struct buf *out, const struct event *event)
{
    put_number32(out, (uint32_t)event->attribute_count);
    for (size_t i = 0; i < event->attribute_count; i++) {
        const struct attribute *attribute = &event->attributes[i];

        put_text(out, attribute->name);
        put_text(out, attribute->value);
        put_number8(out, attribute->origin);
    }
}

static enum origin get_origin(struct reader *reader)
{
    unsigned origin = get_number8(reader);

    if (origin > ORIGIN_SERVER) /* 0: not known, as in a certificate that was read */
        reader->bad = true;
    return (enum origin)origin;
}

static void get_attributes(struct reader *reader, struct event *event)
{
    size_t count = get_items(reader, 9);

    if (count == 0 || (event->attributes = calloc(count, sizeof *event->attributes)) == NULL) {
        reader->bad = reader->bad || count != 0;
        return;
    }
    event->attribute_count = count;
    for (size_t i = 0; i < count && !reader->bad; i++) {
        struct attribute *attribute = &event->attributes[i];

        attribute->name = get_text(reader);
        attribute->value = get_text(reader);
        attribute->origin = get_origin(reader);
        if (!attribute->name)
            reader->bad = true;
    }
}

static void put_extensions(struct buf *out, const struct event *event)
{
    put_number32(out, (uint32_t)event->extension_count);
    for (size_t i = 0; i < event->extension_count; i++) {
        const struct extension *extension = &event->extensions[i];

        put_text(out, extension->oid);
        put_flag(out, extension->critical);
        put_octets(out, extension->value, extension->size);
        put_number8(out, extension->origin);
        put_text(out, extension->actor);
    }
}

static void get_extensions(struct reader *reader, struct event *event)
{
    size_t count = get_items(reader, 14);

    if (count == 0 || (event->extensions = calloc(count, sizeof *event->extensions)) == NULL) {
        reader->bad = reader->bad || count != 0;
        return;
    }
    event->extension_count = count;
    for (size_t i = 0; i < count && !reader->bad; i++) {
        struct extension *extension = &event->extensions[i];

        extension->oid = get_text(reader);
        extension->critical = get_flag(reader);
        extension->value = get_octets(reader, &extension->size);
        extension->origin = get_origin(reader);
        extension->actor = get_text(reader);
        if (!extension->oid)
            reader->bad = true;
    }
}

/* ---- an event ---- */
void wire_put_event(struct buf *out, const struct event *event)
{
    put_number64(out, event->sequence);
    put_number32(out, event->kind);
    put_number64(out, (uint64_t)event->at);
    put_number64(out, event->request_id);
    put_text(out, event->requester);
    put_text(out, event->requester_dn);
    put_text(out, event->publish_dn);
    put_text(out, event->template_name);
    put_text(out, event->message);
    put_octets(out, event->pkcs10, event->pkcs10_size);
    put_octets(out, event->certificate, event->certificate_size);
    put_attributes(out, event);
    put_extensions(out, event);
    put_number32(out, (uint32_t)event->reason);
    put_number64(out, (uint64_t)event->revoked_at);
    put_number64(out, event->crl_number);
    put_number32(out, event->key_index);
    put_flag(out, event->delta);
    put_flag(out, event->superseded);
    put_flag(out, event->again);
    put_flag(out, event->crl_fd >= 0);
    put_list(out, &event->templates);
    put_text(out, event->usage);
    put_text(out, event->host);
}

static enum event_kind get_kind(struct reader *reader)
{
    static const uint32_t known = EVENT_ISSUED | EVENT_PENDING | EVENT_DENIED | EVENT_REVOKED | EVENT_RETRIEVE_PENDING |
                                  EVENT_CRL_ISSUED | EVENT_SHUTDOWN | EVENT_STARTUP | EVENT_IMPORTED | EVENT_CA_CERTIFICATE |
                                  EVENT_ASSIGNED | EVENT_TEMPLATES | EVENT_COMPARE;
    uint32_t kind = get_number32(reader);

    if (kind == 0 || (kind & (kind - 1)) != 0 || (kind & known) == 0)
        reader->bad = true;
    return (enum event_kind)kind;
}

int wire_get_event(struct bytes in, struct event *event, bool *has_crl)
{
    struct reader reader = {in.data, in.size, false};

    *event = (struct event){.crl_fd = -1};
    event->sequence = get_number64(&reader);
    event->kind = get_kind(&reader);
    event->at = (int64_t)get_number64(&reader);
    event->request_id = get_number64(&reader);
    event->requester = get_text(&reader);
    event->requester_dn = get_text(&reader);
    event->publish_dn = get_text(&reader);
    event->template_name = get_text(&reader);
    event->message = get_text(&reader);
    event->pkcs10 = get_octets(&reader, &event->pkcs10_size);
    event->certificate = get_octets(&reader, &event->certificate_size);
    get_attributes(&reader, event);
    get_extensions(&reader, event);
    event->reason = (int)get_number32(&reader);
    event->revoked_at = (int64_t)get_number64(&reader);
    event->crl_number = get_number64(&reader);
    event->key_index = get_number32(&reader);
    event->delta = get_flag(&reader);
    event->superseded = get_flag(&reader);
    event->again = get_flag(&reader);
    *has_crl = get_flag(&reader);
    get_list(&reader, &event->templates);
    event->usage = get_text(&reader);
    event->host = get_text(&reader);
    if (reader_end(&reader) != OK) {
        event_free(event);
        return BAD_DATA;
    }
    return OK;
}

/* ---- errors, as both READY and LINES have them ---- */
static void put_error(struct buf *out, const struct error *error)
{
    put_number8(out, (unsigned)error->status);
    put_text(out, error->reason);
    put_text(out, error->message);
}

static void get_error(struct reader *reader, struct error *error)
{
    error_clear(error);
    error->status = (int)get_number8(reader);
    get_text_into(reader, error->reason, sizeof error->reason);
    get_text_into(reader, error->message, sizeof error->message);
}

void wire_put_ready(struct buf *out, const struct wire_ready *ready)
{
    put_number32(out, ready->event_mask);
    put_number32(out, ready->batch_limit_s);
    put_error(out, &ready->error);
}

int wire_get_ready(struct bytes in, struct wire_ready *ready)
{
    struct reader reader = {in.data, in.size, false};

    ready->event_mask = get_number32(&reader);
    ready->batch_limit_s = get_number32(&reader);
    get_error(&reader, &ready->error);
    return ready->batch_limit_s < 1 || ready->batch_limit_s > 3600 ? BAD_DATA : reader_end(&reader);
}

/* ---- a batch and its answers ---- */
void wire_put_count(struct buf *out, size_t count)
{
    put_number32(out, (uint32_t)count);
}

int wire_get_count(struct bytes in, size_t *count)
{
    struct reader reader = {in.data, in.size, false};

    *count = get_number32(&reader);
    return *count < 1 || *count > WIRE_BATCH_MAX ? BAD_DATA : reader_end(&reader);
}

void wire_put_answers(struct buf *out, const struct wire_answer *answers, size_t count)
{
    put_number32(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        put_number8(out, (unsigned)answers[i].outcome);
        put_text(out, answers[i].message);
    }
}

int wire_get_answers(struct bytes in, struct wire_answer *answers, size_t count)
{
    struct reader reader = {in.data, in.size, false};

    if (get_number32(&reader) != count)
        return BAD_DATA;
    for (size_t i = 0; i < count; i++) {
        answers[i].outcome = (int)get_number8(&reader);
        get_text_into(&reader, answers[i].message, sizeof answers[i].message);
        if (answers[i].outcome > CHANCERY_GIVE_UP)
            reader.bad = true;
    }
    return reader_end(&reader);
}

/* ---- a probe ---- */
void wire_put_probe(struct buf *out, const char *dn)
{
    put_text(out, dn);
}

int wire_get_probe(struct bytes in, char **dn)
{
    struct reader reader = {in.data, in.size, false};

    *dn = get_text(&reader);
    if (reader_end(&reader) == OK)
        return OK;
    free(*dn);
    *dn = NULL;
    return BAD_DATA;
}

void wire_put_lines(struct buf *out, const struct error *error, const struct strings *lines)
{
    put_error(out, error);
    put_list(out, lines);
}

int wire_get_lines(struct bytes in, struct error *error, struct strings *lines)
{
    struct reader reader = {in.data, in.size, false};

    get_error(&reader, error);
    get_list(&reader, lines);
    if (reader_end(&reader) == OK)
        return OK;
    strings_free(lines);
    return BAD_DATA;
}
