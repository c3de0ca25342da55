/* Lines written and read. Reading is by finding the octets and writing the line again: what does not come out the same is refused. */
#include "ca/audit/line.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/text.h"
#include "ca/signer/checkpoint.h"
#include "ca/store/records.pb-c.h"

#define RECORD_START "{\"record\":"
#define CHECKPOINT_START "{\"checkpoint\":"

/* ---- writing ---- */

/* What is not UTF-8 is shown escaped; the octets have it as it is. */
static json_t *text_json(const ProtobufCBinaryData *data)
{
    const char *text = data->len ? (const char *)data->data : "";
    struct buf safe = BUF_EMPTY;
    json_t *value = NULL;
    if (text_is_utf8(text, data->len) && !memchr(text, '\0', data->len))
        return json_stringn(text, data->len);
    text_sanitise(&safe, text, data->len);
    value = safe.failed ? NULL : json_string(buf_text(&safe));
    buf_free(&safe);
    return value;
}

static json_t *base64_json(struct bytes octets)
{
    struct buf text = BUF_EMPTY;
    base64_encode(&text, octets, 0);
    json_t *value = text.failed ? NULL : json_string(buf_text(&text));
    buf_free(&text);
    return value;
}

static json_t *hex_json(struct bytes octets)
{
    struct buf text = BUF_EMPTY;
    hex_encode(&text, octets);
    json_t *value = text.failed ? NULL : json_string(buf_text(&text));
    buf_free(&text);
    return value;
}

static json_t *time_json(int64_t at)
{
    char text[TIME_TEXT_SIZE];
    return json_string(time_format(at, text));
}

/* Takes value. */
static int line_add(json_t *value, struct buf *out, struct error *error)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    json_decref(value);
    if (!text)
        return error_memory(error);
    buf_add_text(out, text);
    buf_add_byte(out, '\n');
    free(text);
    return out->failed ? error_memory(error) : OK;
}

int audit_line_record(uint64_t number, struct bytes octets, struct buf *out, struct error *error)
{
    Chancery__Audit *audit = chancery__audit__unpack(NULL, octets.size, octets.data);
    if (!audit)
        return error_set(error, BAD_DATA, "audit.form", "what stands as record %llu is no audit record", (unsigned long long)number);
    json_t *value = json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "record", (json_int_t)number, "at",
                              time_json(audit->at), "actor", text_json(&audit->actor), "role", text_json(&audit->role), "action",
                              text_json(&audit->action), "object", text_json(&audit->object), "outcome", text_json(&audit->outcome),
                              "reason", text_json(&audit->reason), "detail", text_json(&audit->detail), "octets", base64_json(octets));
    chancery__audit__free_unpacked(audit, NULL);
    return line_add(value, out, error);
}

int audit_line_checkpoint(const struct audit_checkpoint *checkpoint, struct buf *out, struct error *error)
{
    struct checkpoint said;
    if (checkpoint_read(buf_bytes(&checkpoint->tbs), &said) != OK)
        return error_set(error, BAD_DATA, "audit.form", "what stands as the checkpoint over record %llu is none",
                         (unsigned long long)checkpoint->number);
    json_t *value = json_pack("{s:I, s:o, s:I, s:o, s:o, s:o, s:o}", "checkpoint", (json_int_t)said.number, "at", time_json(said.at),
                              "previous", (json_int_t)said.previous, "head", hex_json(bytes_of(said.head, sizeof said.head)), "key",
                              hex_json(bytes_of(checkpoint->key_id, 20)), "tbs", base64_json(buf_bytes(&checkpoint->tbs)), "signature",
                              base64_json(buf_bytes(&checkpoint->signature)));
    return line_add(value, out, error);
}

/* ---- reading ---- */

static bool begins(struct bytes line, const char *start)
{
    return line.size > strlen(start) && memcmp(line.data, start, strlen(start)) == 0;
}

bool audit_line_is_checkpoint(struct bytes line)
{
    return begins(line, CHECKPOINT_START);
}

/* The number after the start; anything odd about its form shows when the line is made again. */
static int number_read(struct bytes line, const char *start, uint64_t *number)
{
    char digits[24];
    size_t size = 0;
    if (!begins(line, start))
        return BAD_DATA;
    for (size_t i = strlen(start); i < line.size && size + 1 < sizeof digits && line.data[i] >= '0' && line.data[i] <= '9'; i++)
        digits[size++] = (char)line.data[i];
    digits[size] = '\0';
    return number_parse(digits, number) == OK && *number <= INT64_MAX ? OK : BAD_DATA;
}

/* The text of a member whose value holds no quotes, decoded. The last of that name: in a record it stands after every text. */
static int member_read(struct bytes line, const char *name, int (*decode)(struct buf *, const char *, size_t), struct buf *out)
{
    size_t size = strlen(name);
    const char *text = (const char *)line.data;
    for (size_t at = line.size; at-- > 0;) {
        if (line.size - at < size || memcmp(text + at, name, size) != 0)
            continue;
        const char *start = text + at + size, *end = memchr(start, '"', line.size - at - size);
        return end ? decode(out, start, (size_t)(end - start)) : BAD_DATA;
    }
    return BAD_DATA;
}

static int line_refuse(struct error *error)
{
    return error_set(error, BAD_DATA, "audit.line", "it is not as this program writes it");
}

int audit_line_record_read(struct bytes line, uint64_t *number, struct buf *octets, struct error *error)
{
    struct buf again = BUF_EMPTY;
    int status = number_read(line, RECORD_START, number);
    if (!status)
        status = member_read(line, "\"octets\":\"", base64_decode, octets);
    if (!status)
        status = audit_line_record(*number, buf_bytes(octets), &again, NULL);
    if (status || !bytes_equal(buf_bytes(&again), line))
        status = line_refuse(error);
    buf_free(&again);
    return status;
}

int audit_line_checkpoint_read(struct bytes line, struct audit_checkpoint *checkpoint, struct error *error)
{
    struct buf again = BUF_EMPTY, key = BUF_EMPTY;
    struct checkpoint said = {0};
    int status = number_read(line, CHECKPOINT_START, &checkpoint->number);
    if (!status)
        status = member_read(line, "\"tbs\":\"", base64_decode, &checkpoint->tbs);
    if (!status)
        status = member_read(line, "\"signature\":\"", base64_decode, &checkpoint->signature);
    if (!status)
        status = member_read(line, "\"key\":\"", hex_decode, &key);
    if (!status && key.size == sizeof checkpoint->key_id)
        memcpy(checkpoint->key_id, key.data, key.size);
    else
        status = BAD_DATA;
    if (!status)
        status = checkpoint_read(buf_bytes(&checkpoint->tbs), &said);
    checkpoint->at = said.at;
    if (!status)
        status = audit_line_checkpoint(checkpoint, &again, NULL);
    if (status || !bytes_equal(buf_bytes(&again), line))
        status = line_refuse(error);
    buf_free(&again);
    buf_free(&key);
    return status;
}
