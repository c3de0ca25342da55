/* Distinguished names: RFC 4514 text to DER, DER to text, and the check of what comes in or goes out.
 * One table says each attribute's short name, string type and upper bound. Alternative names are in general_name.c. */
#include "ca/x509/name.h"

#include <stdlib.h>
#include <string.h>

#include "ca/base/encode.h"
#include "ca/base/text.h"

struct attribute_type {
    const char *name; /* as written in text */
    const char *oid;
    uint8_t tag;      /* DER_UTF8: DirectoryString, PrintableString is taken as well */
    unsigned max;     /* characters, RFC 5280 appendix A.1 and X.520 */
};
/* The first row of an OID is what name_to_text writes. */
static const struct attribute_type attribute_types[] = {
    {"CN", "2.5.4.3", DER_UTF8, 64},
    {"OU", "2.5.4.11", DER_UTF8, 64},
    {"O", "2.5.4.10", DER_UTF8, 64},
    {"DC", "0.9.2342.19200300.100.1.25", DER_IA5, 255},
    {"UID", "0.9.2342.19200300.100.1.1", DER_UTF8, 256},
    {"C", "2.5.4.6", DER_PRINTABLE, 2},
    {"L", "2.5.4.7", DER_UTF8, 128},
    {"ST", "2.5.4.8", DER_UTF8, 128},
    {"STREET", "2.5.4.9", DER_UTF8, 128},
    {"emailAddress", "1.2.840.113549.1.9.1", DER_IA5, 255},
    {"SN", "2.5.4.4", DER_UTF8, 32768},
    {"givenName", "2.5.4.42", DER_UTF8, 32768},
    {"initials", "2.5.4.43", DER_UTF8, 32768},
    {"generationQualifier", "2.5.4.44", DER_UTF8, 32768},
    {"title", "2.5.4.12", DER_UTF8, 64},
    {"serialNumber", "2.5.4.5", DER_PRINTABLE, 64},
    {"dnQualifier", "2.5.4.46", DER_PRINTABLE, 64},
    {"pseudonym", "2.5.4.65", DER_UTF8, 128},
    {"description", "2.5.4.13", DER_UTF8, 1024},
    {"businessCategory", "2.5.4.15", DER_UTF8, 128},
    {"postalCode", "2.5.4.17", DER_UTF8, 40},
    {"organizationIdentifier", "2.5.4.97", DER_UTF8, 256},
    {"unstructuredName", "1.2.840.113549.1.9.2", DER_UTF8, 255},
    /* other spellings */
    {"commonName", "2.5.4.3", DER_UTF8, 64},
    {"organizationalUnitName", "2.5.4.11", DER_UTF8, 64},
    {"organizationName", "2.5.4.10", DER_UTF8, 64},
    {"domainComponent", "0.9.2342.19200300.100.1.25", DER_IA5, 255},
    {"userid", "0.9.2342.19200300.100.1.1", DER_UTF8, 256},
    {"countryName", "2.5.4.6", DER_PRINTABLE, 2},
    {"localityName", "2.5.4.7", DER_UTF8, 128},
    {"stateOrProvinceName", "2.5.4.8", DER_UTF8, 128},
    {"S", "2.5.4.8", DER_UTF8, 128},
    {"streetAddress", "2.5.4.9", DER_UTF8, 128},
    {"email", "1.2.840.113549.1.9.1", DER_IA5, 255},
    {"E", "1.2.840.113549.1.9.1", DER_IA5, 255},
    {"surname", "2.5.4.4", DER_UTF8, 32768},
    {"GN", "2.5.4.42", DER_UTF8, 32768},
    {"T", "2.5.4.12", DER_UTF8, 64},
};
#define TYPES (sizeof(attribute_types) / sizeof(attribute_types[0]))
#define AVAS_MAX 8          /* attributes in one RDN */
#define UNKNOWN_TYPE_MAX 1024

static const struct attribute_type *type_by_name(const char *name)
{
    for (size_t i = 0; i < TYPES; i++)
        if (text_equal_nocase(attribute_types[i].name, name) || strcmp(attribute_types[i].oid, name) == 0)
            return &attribute_types[i];
    return NULL;
}

static const struct attribute_type *type_by_oid(const char *oid)
{
    for (size_t i = 0; i < TYPES; i++)
        if (strcmp(attribute_types[i].oid, oid) == 0)
            return &attribute_types[i];
    return NULL;
}

/* Characters of a UTF-8 text; *fault when one of them has no place in a name. */
static size_t characters(struct bytes text, const char **fault)
{
    size_t at = 0, count = 0;

    while (at < text.size) {
        bool allowed = false;
        uint32_t scalar = 0;
        size_t octets = text_scalar((const char *)text.data + at, text.size - at, &scalar, &allowed);

        if (!allowed || octets == 0)
            *fault = "a name holds a control, invisible or unassigned character";
        at += octets > 0 ? octets : 1;
        count++;
    }
    return count;
}

static bool is_country(struct bytes text)
{
    return text.size == 2 && text.data[0] >= 'A' && text.data[0] <= 'Z' && text.data[1] >= 'A' && text.data[1] <= 'Z';
}

/* The value of one attribute as we would write it; NULL or what is wrong. */
static const char *value_fault(const struct attribute_type *type, struct bytes text)
{
    const char *fault = NULL;
    size_t count;

    if (text.size == 0)
        return "an attribute of the name is empty";
    if (!text_is_utf8((const char *)text.data, text.size))
        return "a name is not UTF-8";
    count = characters(text, &fault);
    if (fault != NULL)
        return fault;
    if (count > (type != NULL ? type->max : UNKNOWN_TYPE_MAX))
        return "an attribute of the name is longer than its upper bound (RFC 5280 appendix A.1)";
    if (type == NULL)
        return NULL;
    if (type->tag == DER_IA5 && !walk_is_text(DER_IA5, text))
        return "a domain component or mail address in a name is not ASCII";
    if (type->tag == DER_PRINTABLE && !text_is_printable_string((const char *)text.data, text.size))
        return "a country, serial number or dnQualifier in a name is not a PrintableString";
    if (strcmp(type->oid, "2.5.4.6") == 0 && !is_country(text))
        return "a country is not two capital letters (ISO 3166)";
    return NULL;
}

/* ---- text to DER ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *parse_type(const char **text, char *name, size_t room)
{
    size_t size = 0;

    while (**text == ' ')
        (*text)++;
    for (; **text != '=' && **text != '\0'; (*text)++) {
        if (size + 1 >= room || strchr(",+\"\\<>;#", **text) != NULL)
            return "an attribute type is not a name or a dotted OID";
        name[size++] = **text;
    }
    if (**text != '=')
        return "an attribute of the name has no \"=\"";
    (*text)++;
    while (size > 0 && name[size - 1] == ' ')
        size--;
    name[size] = '\0';
    return size > 0 ? NULL : "an attribute of the name has no type";
}

/* "#" and the hexadecimal DER of the value, RFC 4514 2.4. */
static const char *parse_hex_value(const char **text, struct buf *value)
{
    struct bytes rest;
    struct tlv item;

    for (; **text != '\0' && **text != ',' && **text != '+' && **text != ' '; *text += 2) {
        int high = hex_digit((*text)[0]), low = high < 0 ? -1 : hex_digit((*text)[1]);

        if (low < 0)
            return "a \"#\" value is not hexadecimal";
        buf_add_byte(value, (uint8_t)(high << 4 | low));
    }
    while (**text == ' ')
        (*text)++;
    rest = buf_bytes(value);
    if (walk_next(&rest, &item) != OK || rest.size != 0 || !walk_is_text(item.tag, item.content))
        return "a \"#\" value is not the DER of a string";
    return NULL;
}

static const char *parse_string_value(const char **text, struct buf *value)
{
    size_t keep = 0; /* trailing blanks up to here were escaped */

    while (**text == ' ')
        (*text)++;
    while (**text != '\0' && **text != ',' && **text != '+') {
        if (strchr("\";<>", **text) != NULL)
            return "a name holds a quote, semicolon or angle bracket without a backslash";
        if (**text == '\\') {
            int high = hex_digit((*text)[1]), low = high < 0 ? -1 : hex_digit((*text)[2]);

            if (low >= 0) {
                buf_add_byte(value, (uint8_t)(high << 4 | low));
                *text += 3;
            } else if ((*text)[1] != '\0' && strchr(" \"#+,;<=>\\", (*text)[1]) != NULL) {
                buf_add_byte(value, (uint8_t)(*text)[1]);
                *text += 2;
            } else {
                return "a backslash in a name escapes nothing";
            }
            keep = value->size;
            continue;
        }
        buf_add_byte(value, (uint8_t)**text);
        (*text)++;
    }
    while (value->size > keep && value->data[value->size - 1] == ' ')
        value->size--;
    return NULL;
}

/* One AttributeTypeAndValue at *text, appended to `ava`. */
static const char *parse_ava(const char **text, struct buf *ava)
{
    const struct attribute_type *type;
    struct buf value = BUF_EMPTY;
    const char *fault;
    char name[128];
    size_t mark;
    uint8_t tag;

    if ((fault = parse_type(text, name, sizeof(name))) != NULL)
        return fault;
    type = type_by_name(name);
    mark = der_open(ava, DER_SEQUENCE);
    if (der_add_oid(ava, DER_OID, type != NULL ? type->oid : name) != OK) {
        fault = "an attribute type is unknown; write it as a dotted OID";
        goto out;
    }
    if (**text == '#' && type == NULL) {
        (*text)++;
        if ((fault = parse_hex_value(text, &value)) == NULL)
            buf_add(ava, value.data, value.size);
        goto out;
    }
    if (**text == '#') {
        fault = "a value that begins with \"#\" needs a backslash before it";
        goto out;
    }
    if ((fault = parse_string_value(text, &value)) != NULL || (fault = value_fault(type, buf_bytes(&value))) != NULL)
        goto out;
    tag = type != NULL ? type->tag : DER_UTF8;
    der_add(ava, tag, buf_bytes(&value));
out:
    der_close(ava, mark);
    buf_free(&value);
    return fault;
}

/* Same type twice in one RDN: X.501 9.3 forbids it. */
static bool same_type(struct bytes a, struct bytes b)
{
    struct bytes in_a = {NULL, 0}, in_b = {NULL, 0};
    struct tlv type_a = {0}, type_b = {0};

    return walk_only(a, DER_SEQUENCE, &in_a) == OK && walk_only(b, DER_SEQUENCE, &in_b) == OK &&
           walk_next(&in_a, &type_a) == OK && walk_next(&in_b, &type_b) == OK && bytes_equal(type_a.whole, type_b.whole);
}

/* One RDN (a SET in DER order) at *text, appended to `out`. */
static const char *parse_rdn(const char **text, struct buf *out)
{
    struct buf avas[AVAS_MAX] = {BUF_EMPTY};
    const char *fault = NULL;
    size_t count = 0, mark;

    for (;;) {
        size_t place = count++;

        if ((fault = parse_ava(text, &avas[place])) != NULL)
            goto out;
        for (; place > 0 && bytes_compare(buf_bytes(&avas[place - 1]), buf_bytes(&avas[place])) > 0; place--) {
            struct buf swap = avas[place];

            avas[place] = avas[place - 1];
            avas[place - 1] = swap;
        }
        if (**text != '+')
            break;
        (*text)++;
        if (count == AVAS_MAX) {
            fault = "an RDN of the name has too many attributes";
            goto out;
        }
    }
    mark = der_open(out, DER_SET);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && same_type(buf_bytes(&avas[i - 1]), buf_bytes(&avas[i])))
            fault = "an RDN of the name holds the same attribute twice";
        buf_add(out, avas[i].data, avas[i].size);
        out->failed = out->failed || avas[i].failed;
    }
    der_close(out, mark);
out:
    for (size_t i = 0; i < count; i++)
        buf_free(&avas[i]);
    return fault;
}

int name_from_text(const char *text, const char *reason, struct buf *der, struct error *error)
{
    size_t starts[NAME_RDNS_MAX + 1], count = 0, mark;
    struct buf rdns = BUF_EMPTY;
    const char *at = text, *fault = NULL;
    int status = OK;

    while (*at == ' ')
        at++;
    while (*at != '\0' && fault == NULL) {
        starts[count++] = rdns.size;
        fault = parse_rdn(&at, &rdns);
        if (fault == NULL && *at == ',' && *++at == '\0')
            fault = "the name ends in a comma";
        if (fault == NULL && count == NAME_RDNS_MAX && *at != '\0')
            fault = "the name has more than 64 RDNs";
    }
    if (fault != NULL) {
        status = error_set(error, BAD_DATA, reason, "the name \"%.200s\" cannot be put into DER: %s (RFC 4514)", text, fault);
        goto out;
    }
    starts[count] = rdns.size;
    mark = der_open(der, DER_SEQUENCE);
    while (count-- > 0) /* the text's last RDN is the root, which DER has first */
        buf_add(der, rdns.data + starts[count], starts[count + 1] - starts[count]);
    der_close(der, mark);
    if (rdns.failed || der->failed)
        status = error_memory(error);
out:
    buf_free(&rdns);
    return status;
}

/* ---- DER to text ---- */

static void add_scalar(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_add_byte(out, (uint8_t)c);
    } else if (c < 0x800) {
        buf_add_byte(out, (uint8_t)(0xc0 | c >> 6));
        buf_add_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
    } else {
        buf_add_byte(out, (uint8_t)(0xe0 | c >> 12));
        buf_add_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        buf_add_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
    }
}

/* The value as UTF-8; false when its type or octets do not allow it. */
static bool value_to_utf8(const struct tlv *value, struct buf *out)
{
    if (!walk_is_text(value->tag, value->content) || value->tag == DER_UNIVERSAL)
        return false;
    if (value->tag == DER_BMP) {
        for (size_t i = 0; i + 1 < value->content.size; i += 2) {
            uint32_t c = (uint32_t)value->content.data[i] << 8 | value->content.data[i + 1];

            if (c >= 0xd800 && c <= 0xdfff)
                return false;
            add_scalar(out, c);
        }
    } else if (value->tag == DER_TELETEX) { /* in practice Latin-1 */
        for (size_t i = 0; i < value->content.size; i++)
            add_scalar(out, value->content.data[i]);
    } else {
        buf_add(out, value->content.data, value->content.size);
    }
    return true;
}

static int ava_to_text(struct bytes ava, struct buf *out)
{
    const struct attribute_type *type;
    struct buf utf8 = BUF_EMPTY;
    struct tlv oid, value;
    char dotted[OID_TEXT_SIZE];
    int status = BAD_DATA;

    if (walk_expect(&ava, DER_OID, &oid) != OK || walk_oid(oid.content, dotted) != OK || walk_next(&ava, &value) != OK || ava.size != 0)
        goto out;
    type = type_by_oid(dotted);
    buf_add_text(out, type != NULL ? type->name : dotted);
    buf_add_byte(out, '=');
    if (type != NULL && value_to_utf8(&value, &utf8) && utf8.size > 0) {
        text_dn_escape(out, buf_text(&utf8), utf8.size);
    } else {
        buf_add_byte(out, '#');
        hex_encode(out, value.whole);
    }
    status = OK;
out:
    out->failed = out->failed || utf8.failed;
    buf_free(&utf8);
    return status;
}

static int rdn_to_text(struct bytes rdn, struct buf *out)
{
    struct tlv ava;
    bool first = true;

    while (rdn.size > 0) {
        if (!first)
            buf_add_byte(out, '+');
        first = false;
        if (walk_expect(&rdn, DER_SEQUENCE, &ava) != OK || ava_to_text(ava.content, out) != OK)
            return BAD_DATA;
    }
    return first ? BAD_DATA : OK;
}

int name_to_text(struct bytes der, char **text, struct error *error)
{
    struct bytes rdns[NAME_RDNS_MAX], rest;
    struct buf out = BUF_EMPTY;
    size_t count = 0;
    struct tlv rdn;
    int status = BAD_DATA;

    if (walk_only(der, DER_SEQUENCE, &rest) != OK)
        goto out;
    while (rest.size > 0) {
        if (count == NAME_RDNS_MAX || walk_expect(&rest, DER_SET, &rdn) != OK)
            goto out;
        rdns[count++] = rdn.content;
    }
    status = OK;
    for (size_t i = count; i-- > 0 && status == OK;) {
        if (i + 1 < count)
            buf_add_byte(&out, ',');
        status = rdn_to_text(rdns[i], &out);
    }
out:
    if (status != OK)
        error_set(error, BAD_DATA, "name.der", "a distinguished name is malformed or has more than %d RDNs", NAME_RDNS_MAX);
    else if (out.failed || (*text = strdup(buf_text(&out))) == NULL)
        status = error_memory(error);
    buf_free(&out);
    return status;
}

/* ---- the check ---- */

static const char *issue_fault(const struct attribute_type *type, const struct tlv *value, struct bytes utf8)
{
    const char *fault = value_fault(type, utf8);

    if (fault != NULL)
        return fault;
    if (type == NULL || type->tag == DER_UTF8)
        return value->tag == DER_UTF8 || value->tag == DER_PRINTABLE || type == NULL
                   ? NULL : "a name is neither UTF8String nor PrintableString (RFC 5280 4.1.2.4)";
    return value->tag == type->tag ? NULL : "a country, domain component or mail address has the wrong string type (RFC 5280 A.1)";
}

static const char *ava_fault(struct bytes ava, enum name_rules rules)
{
    const char *fault = NULL;
    struct buf utf8 = BUF_EMPTY;
    struct tlv oid, value;
    char dotted[OID_TEXT_SIZE];

    if (walk_expect(&ava, DER_OID, &oid) != OK || walk_oid(oid.content, dotted) != OK || walk_next(&ava, &value) != OK || ava.size != 0)
        return "an attribute of the name is malformed";
    if (value.tag == DER_TELETEX || !value_to_utf8(&value, &utf8))
        fault = "an attribute of the name has a string type that is not taken (use UTF8String)";
    else if (rules == NAME_ISSUE)
        fault = issue_fault(type_by_oid(dotted), &value, buf_bytes(&utf8));
    else if (characters(buf_bytes(&utf8), &fault) > UNKNOWN_TYPE_MAX)
        fault = "an attribute of the name is too long";
    buf_free(&utf8);
    return fault;
}

static const char *rdn_fault(struct bytes rdn, enum name_rules rules)
{
    struct tlv ava, before = {0};
    const char *fault = rdn.size == 0 ? "an RDN of the name is empty" : NULL;

    for (size_t count = 0; rdn.size > 0 && fault == NULL; count++) {
        if (count == AVAS_MAX)
            return "an RDN of the name has too many attributes";
        if (walk_expect(&rdn, DER_SEQUENCE, &ava) != OK)
            return "an RDN of the name is malformed";
        if (count > 0 && same_type(before.whole, ava.whole))
            return "an RDN of the name holds the same attribute twice";
        before = ava;
        fault = ava_fault(ava.content, rules);
    }
    return fault;
}

int name_check(struct bytes der, enum name_rules rules, const char **what)
{
    struct bytes rest;
    struct tlv rdn;

    *what = NULL;
    if (walk_only(der, DER_SEQUENCE, &rest) != OK)
        *what = "the name is malformed";
    for (size_t count = 0; *what == NULL && rest.size > 0; count++) {
        if (count == NAME_RDNS_MAX)
            *what = "the name has more than 64 RDNs";
        else if (walk_expect(&rest, DER_SET, &rdn) != OK)
            *what = "the name is malformed";
        else
            *what = rdn_fault(rdn.content, rules);
    }
    return *what == NULL ? OK : BAD_DATA;
}
