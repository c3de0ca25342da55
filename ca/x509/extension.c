/* Writing extensions and taking lists of them apart.
 * What a value must look like is in extension_read.c. */
#include "ca/x509/extension.h"

#include <stdlib.h>
#include <string.h>

#include "ca/base/encode.h"
#include "ca/base/oid.h"

int extension_next(struct bytes *rest, enum walk_rules rules, struct extension_view *out, const char **what)
{
    struct walk_fault fault;
    struct tlv item, field;

    out->critical = false;
    *what = "an extension is malformed";
    if (walk_expect(rest, DER_SEQUENCE, &item) != OK || walk_expect(&item.content, DER_OID, &field) != OK ||
        walk_oid(field.content, out->oid) != OK)
        return BAD_DATA;
    if (walk_is(item.content, DER_BOOLEAN)) {
        if (walk_next(&item.content, &field) != OK || walk_boolean(field.content, &out->critical) != OK)
            return BAD_DATA;
        if (!out->critical && rules == WALK_STRICT) {
            *what = "an extension says critical FALSE, which DER leaves out (X.690 11.5)";
            return BAD_DATA;
        }
    }
    if (walk_expect(&item.content, DER_OCTETS, &field) != OK || item.content.size != 0)
        return BAD_DATA;
    out->value = field.content;
    if (rules == WALK_STRICT && walk_check(field.content, WALK_STRICT, &fault) != OK) {
        *what = "an extension's value is empty, is not DER, or has octets after its end";
        return BAD_DATA;
    }
    return OK;
}

static int append(const struct extension_view *view, struct extension **list, size_t *count)
{
    struct extension *grown = realloc(*list, (*count + 1) * sizeof(**list)), *last;

    if (grown == NULL)
        return INTERNAL;
    *list = grown;
    last = &grown[*count];
    memset(last, 0, sizeof(*last));
    last->oid = strdup(view->oid);
    last->value = malloc(view->value.size + 1); /* never NULL for an empty value */
    if (last->oid == NULL || last->value == NULL) {
        free(last->oid);
        free(last->value);
        return INTERNAL;
    }
    if (view->value.size > 0)
        memcpy(last->value, view->value.data, view->value.size);
    last->size = view->value.size;
    last->critical = view->critical;
    (*count)++;
    return OK;
}

int extensions_read(struct bytes sequence, enum walk_rules rules, size_t limit, struct extension **list, size_t *count, const char **what)
{
    struct extension_view view;
    struct bytes rest;

    if (walk_only(sequence, DER_SEQUENCE, &rest) != OK || rest.size == 0) {
        *what = "the list of extensions is malformed, empty, or followed by other octets";
        return BAD_DATA;
    }
    while (rest.size > 0) {
        if (*count >= limit) {
            *what = "there are too many extensions";
            return BAD_DATA;
        }
        if (extension_next(&rest, rules, &view, what) != OK)
            return BAD_DATA;
        if (extension_find(*list, *count, view.oid) != NULL) {
            *what = "an extension stands there twice (RFC 5280 4.2)";
            return BAD_DATA;
        }
        if (append(&view, list, count) != OK)
            return INTERNAL;
    }
    return OK;
}

const struct extension *extension_find(const struct extension *list, size_t count, const char *oid)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].oid, oid) == 0)
            return &list[i];
    return NULL;
}

void extensions_free(struct extension *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].oid);
        free(list[i].value);
        free(list[i].actor);
    }
    free(list);
}

int extension_add(struct buf *out, const char *oid, bool critical, struct bytes value)
{
    size_t mark = der_open(out, DER_SEQUENCE);
    int status = der_add_oid(out, DER_OID, oid);

    if (critical)
        der_add_boolean(out, true);
    der_add(out, DER_OCTETS, value);
    der_close(out, mark);
    return status;
}

void extension_write_key_id(struct buf *value, struct bytes key_id)
{
    der_add(value, DER_OCTETS, key_id);
}

void extension_write_authority_key_id(struct buf *value, struct bytes key_id)
{
    size_t mark = der_open(value, DER_SEQUENCE);

    der_add(value, DER_CONTEXT(0), key_id);
    der_close(value, mark);
}

int extension_write_oids(struct buf *value, const struct strings *oids)
{
    size_t mark = der_open(value, DER_SEQUENCE);
    int status = OK;

    for (size_t i = 0; i < oids->count && status == OK; i++)
        status = der_add_oid(value, DER_OID, oids->items[i]);
    der_close(value, mark);
    return status;
}

int extension_write_policies(struct buf *value, const struct strings *oids)
{
    size_t mark = der_open(value, DER_SEQUENCE), inner;
    int status = OK;

    for (size_t i = 0; i < oids->count && status == OK; i++) {
        inner = der_open(value, DER_SEQUENCE);
        status = der_add_oid(value, DER_OID, oids->items[i]);
        der_close(value, inner);
    }
    der_close(value, mark);
    return status;
}

void extension_write_basic_constraints(struct buf *value, bool ca, int path_length)
{
    size_t mark = der_open(value, DER_SEQUENCE);

    if (ca)
        der_add_boolean(value, true);
    if (ca && path_length >= 0)
        der_add_number(value, DER_INTEGER, (uint64_t)path_length);
    der_close(value, mark);
}

void extension_write_distribution_points(struct buf *value, const struct strings *urls)
{
    size_t mark = der_open(value, DER_SEQUENCE), point, name, full;

    for (size_t i = 0; i < urls->count; i++) {
        point = der_open(value, DER_SEQUENCE);
        name = der_open(value, DER_CONTEXT_OPEN(0)); /* distributionPoint, EXPLICIT because it is a CHOICE */
        full = der_open(value, DER_CONTEXT_OPEN(0)); /* fullName */
        der_add(value, DER_CONTEXT(6), bytes_of_text(urls->items[i]));
        der_close(value, full);
        der_close(value, name);
        der_close(value, point);
    }
    der_close(value, mark);
}

static void add_access(struct buf *value, const char *method, const struct strings *urls)
{
    size_t mark;

    for (size_t i = 0; i < urls->count; i++) {
        mark = der_open(value, DER_SEQUENCE);
        der_add_oid(value, DER_OID, method);
        der_add(value, DER_CONTEXT(6), bytes_of_text(urls->items[i]));
        der_close(value, mark);
    }
}

void extension_write_access(struct buf *value, const struct strings *ca_issuers, const struct strings *ocsp)
{
    size_t mark = der_open(value, DER_SEQUENCE);

    add_access(value, OID_AD_CA_ISSUERS, ca_issuers);
    if (ocsp != NULL)
        add_access(value, OID_AD_OCSP, ocsp);
    der_close(value, mark);
}

int extension_write_template(struct buf *value, const char *oid, unsigned major, unsigned minor)
{
    size_t mark = der_open(value, DER_SEQUENCE);
    int status = der_add_oid(value, DER_OID, oid);

    der_add_number(value, DER_INTEGER, major);
    der_add_number(value, DER_INTEGER, minor);
    der_close(value, mark);
    return status;
}

/* Only ASCII: template names are LDAP cn values that MS-CRTD writes as BMPString. */
int extension_write_template_name(struct buf *value, const char *name)
{
    size_t mark = der_open(value, DER_BMP);
    int status = *name == '\0' ? BAD_DATA : OK;

    for (; *name != '\0' && status == OK; name++) {
        if ((unsigned char)*name < 0x20 || (unsigned char)*name > 0x7e)
            status = BAD_DATA;
        buf_add_byte(value, 0);
        buf_add_byte(value, (uint8_t)*name);
    }
    der_close(value, mark);
    return status;
}

int extension_write_requester_id(struct buf *value, const char *uuid)
{
    size_t list = der_open(value, DER_SEQUENCE), attribute = der_open(value, DER_SEQUENCE), values;
    struct buf digits = BUF_EMPTY, octets = BUF_EMPTY;
    int status = BAD_DATA;

    for (const char *at = uuid; *at != '\0'; at++)
        if (*at != '-')
            buf_add_byte(&digits, (uint8_t)*at);
    if (hex_decode(&octets, buf_text(&digits), digits.size) == OK && octets.size == 16)
        status = OK;
    der_add_oid(value, DER_OID, OID_ENTRY_UUID);
    values = der_open(value, DER_SET);
    der_add(value, DER_OCTETS, buf_bytes(&octets));
    der_close(value, values);
    der_close(value, attribute);
    der_close(value, list);
    value->failed = value->failed || digits.failed || octets.failed;
    buf_free(&digits);
    buf_free(&octets);
    return status;
}

void extension_write_security_id(struct buf *value, const char *sid)
{
    size_t mark = der_open(value, DER_SEQUENCE), name = der_open(value, DER_CONTEXT_OPEN(0)), inner;

    der_add_oid(value, DER_OID, OID_MS_OBJECT_SID);
    inner = der_open(value, DER_CONTEXT_OPEN(0));
    der_add(value, DER_OCTETS, bytes_of_text(sid));
    der_close(value, inner);
    der_close(value, name);
    der_close(value, mark);
}
