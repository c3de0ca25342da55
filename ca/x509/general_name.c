/* Subject alternative names: struct general_name to GeneralNames and back. RFC 5280 4.2.1.6.
 * A row a kind: how it is tagged, written and read. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/oid.h"
#include "ca/base/text.h"
#include "ca/x509/name.h"

/* No blanks: a name with one would match nothing and mislead who reads it. */
static bool is_visible_ascii(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f)
            return false;
    return text.size > 0 && text.size <= GENERAL_NAME_SIZE_MAX;
}

static bool is_clean_utf8(struct bytes text)
{
    size_t at = 0;

    while (at < text.size) {
        bool allowed = false;
        uint32_t scalar = 0;
        size_t octets = text_scalar((const char *)text.data + at, text.size - at, &scalar, &allowed);

        if (!allowed || octets == 0)
            return false;
        at += octets;
    }
    return text.size > 0 && text.size <= GENERAL_NAME_SIZE_MAX && text_is_utf8((const char *)text.data, text.size);
}

/* local@domain, RFC 5280 4.2.1.6: a Mailbox without name or brackets. */
static bool is_mailbox(struct bytes text)
{
    const uint8_t *at = text.size > 0 ? memchr(text.data, '@', text.size) : NULL;

    return is_visible_ascii(text) && at != NULL && at != text.data && at + 1 < text.data + text.size &&
           memchr(at + 1, '@', (size_t)(text.data + text.size - at - 1)) == NULL &&
           memchr(text.data, '<', text.size) == NULL && memchr(text.data, '>', text.size) == NULL;
}

/* ---- writing ---- */

static const char *write_dns(struct buf *out, const char *value)
{
    if (!text_is_dns_name(value, true))
        return "it is not a DNS name in preferred syntax (A-labels, no trailing dot)";
    der_add(out, DER_CONTEXT(2), bytes_of_text(value));
    return NULL;
}

static const char *write_email(struct buf *out, const char *value)
{
    if (!is_mailbox(bytes_of_text(value)))
        return "it is not an ASCII mailbox like alice@example.com";
    der_add(out, DER_CONTEXT(1), bytes_of_text(value));
    return NULL;
}

static const char *write_upn(struct buf *out, const char *value)
{
    size_t name, inner;

    if (!is_clean_utf8(bytes_of_text(value)))
        return "it is empty, too long or holds control characters";
    name = der_open(out, DER_CONTEXT_OPEN(0));
    der_add_oid(out, DER_OID, OID_MS_UPN);
    inner = der_open(out, DER_CONTEXT_OPEN(0));
    der_add(out, DER_UTF8, bytes_of_text(value));
    der_close(out, inner);
    der_close(out, name);
    return NULL;
}

static const char *write_ip(struct buf *out, const char *value)
{
    uint8_t octets[16];
    size_t size = 0;

    if (inet_pton(AF_INET, value, octets) == 1)
        size = 4;
    else if (inet_pton(AF_INET6, value, octets) == 1)
        size = 16;
    if (size == 0)
        return "it is not an IPv4 or IPv6 address";
    der_add(out, DER_CONTEXT(7), bytes_of(octets, size));
    return NULL;
}

static const char *write_uri(struct buf *out, const char *value)
{
    const char *colon = strchr(value, ':');

    if (!is_visible_ascii(bytes_of_text(value)) || colon == NULL || colon == value)
        return "it is not an absolute URI in ASCII";
    der_add(out, DER_CONTEXT(6), bytes_of_text(value));
    return NULL;
}

static const char *write_directory(struct buf *out, const char *value)
{
    size_t mark = der_open(out, DER_CONTEXT_OPEN(4)); /* EXPLICIT, because Name is a CHOICE */
    int status = name_from_text(value, "name", out, NULL);

    der_close(out, mark);
    return status == OK || out->failed ? NULL : "it is not a distinguished name (RFC 4514)";
}

static const struct {
    enum name_kind kind;
    const char *(*write)(struct buf *out, const char *value);
} writers[] = {
    {NAME_DNS, write_dns}, {NAME_EMAIL, write_email}, {NAME_UPN, write_upn},
    {NAME_IP, write_ip},   {NAME_URI, write_uri},     {NAME_DIRECTORY, write_directory},
};

static const char *write_name(struct buf *out, const struct general_name *name)
{
    if (name->value == NULL)
        return "it has no value";
    for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++)
        if (writers[i].kind == name->kind)
            return writers[i].write(out, name->value);
    return "names of this kind cannot be written";
}

int general_names_add(struct buf *out, const struct general_name *names, size_t count, const char *reason, struct error *error)
{
    size_t mark = der_open(out, DER_SEQUENCE);
    const char *fault = count == 0 ? "there is none" : NULL;
    size_t i = 0;

    for (; fault == NULL && i < count; i++)
        fault = write_name(out, &names[i]);
    der_close(out, mark);
    if (fault != NULL)
        return error_set(error, BAD_DATA, reason, "the alternative name %s \"%.200s\" cannot be put into a certificate: %s",
                         i > 0 ? name_kind_name(names[i - 1].kind) : "", i > 0 && names[i - 1].value != NULL ? names[i - 1].value : "", fault);
    return out->failed ? error_memory(error) : OK;
}

/* ---- reading ---- */

static int append(struct general_name **names, size_t *count, enum name_kind kind, const char *text, size_t size)
{
    struct general_name *grown = realloc(*names, (*count + 1) * sizeof(**names));
    char *value = strndup(text, size);

    if (grown != NULL)
        *names = grown;
    if (grown == NULL || value == NULL) {
        free(value);
        return INTERNAL;
    }
    grown[*count] = (struct general_name){kind, value};
    (*count)++;
    return OK;
}

static int read_other(struct bytes content, struct general_name **names, size_t *count, const char **what)
{
    char oid[OID_TEXT_SIZE];
    struct tlv type, open, value;

    if (walk_expect(&content, DER_OID, &type) != OK || walk_oid(type.content, oid) != OK ||
        walk_expect(&content, DER_CONTEXT_OPEN(0), &open) != OK || content.size != 0 ||
        walk_next(&open.content, &value) != OK || open.content.size != 0) {
        *what = "an otherName is malformed";
        return BAD_DATA;
    }
    if (strcmp(oid, OID_MS_UPN) != 0)
        return append(names, count, NAME_OTHER, oid, strlen(oid));
    if (value.tag != DER_UTF8 || !is_clean_utf8(value.content)) {
        *what = "a UPN is not a UTF8String, or holds control characters";
        return BAD_DATA;
    }
    return append(names, count, NAME_UPN, (const char *)value.content.data, value.content.size);
}

static int read_ip(struct bytes content, struct general_name **names, size_t *count, const char **what)
{
    char text[INET6_ADDRSTRLEN];

    if ((content.size != 4 && content.size != 16) ||
        inet_ntop(content.size == 4 ? AF_INET : AF_INET6, content.data, text, sizeof(text)) == NULL) {
        *what = "an IP address is neither 4 nor 16 octets long";
        return BAD_DATA;
    }
    return append(names, count, NAME_IP, text, strlen(text));
}

static int read_directory(struct bytes content, struct general_name **names, size_t *count, const char **what)
{
    struct error error = ERROR_NONE;
    char *text = NULL;
    int status;

    if (name_check(content, NAME_REQUEST, what) != OK)
        return BAD_DATA;
    if ((status = name_to_text(content, &text, &error)) == OK)
        status = append(names, count, NAME_DIRECTORY, text, strlen(text));
    else
        *what = "a directory name is malformed";
    free(text);
    return status;
}

static int read_ia5(enum name_kind kind, struct bytes content, struct general_name **names, size_t *count, const char **what)
{
    if (!is_visible_ascii(content)) {
        *what = "a DNS name, mail address or URI is empty, too long, or holds blanks, NUL, control or non-ASCII characters";
        return BAD_DATA;
    }
    return append(names, count, kind, (const char *)content.data, content.size);
}

static int read_name(const struct tlv *item, struct general_name **names, size_t *count, const char **what)
{
    char tag[16];

    switch (item->tag) {
    case DER_CONTEXT_OPEN(0):
        return read_other(item->content, names, count, what);
    case DER_CONTEXT(1):
        return read_ia5(NAME_EMAIL, item->content, names, count, what);
    case DER_CONTEXT(2):
        return read_ia5(NAME_DNS, item->content, names, count, what);
    case DER_CONTEXT_OPEN(4):
        return read_directory(item->content, names, count, what);
    case DER_CONTEXT(6):
        return read_ia5(NAME_URI, item->content, names, count, what);
    case DER_CONTEXT(7):
        return read_ip(item->content, names, count, what);
    case DER_CONTEXT_OPEN(3):
    case DER_CONTEXT_OPEN(5):
    case DER_CONTEXT(8):
        snprintf(tag, sizeof(tag), "tag %u", item->tag & 0x1fu);
        return append(names, count, NAME_OTHER, tag, strlen(tag));
    }
    *what = "an alternative name has an unknown tag";
    return BAD_DATA;
}

int general_names_read(struct bytes value, size_t limit, struct general_name **names, size_t *count, const char **what)
{
    struct bytes rest;
    struct tlv item;
    int status;

    if (walk_only(value, DER_SEQUENCE, &rest) != OK || rest.size == 0) {
        *what = "the list of alternative names is empty, malformed or followed by other octets";
        return BAD_DATA;
    }
    while (rest.size > 0) {
        if (*count >= limit) {
            *what = "there are too many alternative names";
            return BAD_DATA;
        }
        *what = "the list of alternative names is malformed";
        if (walk_next(&rest, &item) != OK)
            return BAD_DATA;
        if ((status = read_name(&item, names, count, what)) != OK)
            return status;
    }
    return OK;
}

void general_names_free(struct general_name *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i].value);
    free(names);
}
