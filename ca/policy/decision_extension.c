/* Extensions that a request brings, or an officer set: what lies within the template is ignored (the certificate's own are
 * formed from the template), what reaches beyond it refuses the request, what the template lists is copied.
 * A strict DER reader for the five extensions that are judged stands here, for policy knows nothing of x509. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/oid.h"
#include "ca/policy/decision.h"

#define TAG_BOOLEAN 0x01
#define TAG_BIT_STRING 0x03
#define TAG_OID 0x06
#define TAG_SEQUENCE 0x30

/* ---- DER ---- */

/* The next value off *in. Short and long definite lengths, minimal, one octet of tag. */
static bool der_next(struct bytes *in, uint8_t *tag, struct bytes *content)
{
    size_t head = 2, size;

    if (in->size < 2 || (in->data[0] & 0x1f) == 0x1f)
        return false;
    size = in->data[1];
    if (size & 0x80) {
        size_t octets = size & 0x7f;
        if (octets < 1 || octets > 3 || in->size < 2 + octets || in->data[2] == 0)
            return false;
        size = 0;
        for (size_t i = 0; i < octets; i++)
            size = size << 8 | in->data[2 + i];
        if (size < 0x80)
            return false;
        head += octets;
    }
    if (size > in->size - head)
        return false;
    *tag = in->data[0];
    *content = bytes_of(in->data + head, size);
    *in = bytes_of(in->data + head + size, in->size - head - size);
    return true;
}

/* One value of this tag and nothing after it. */
static bool der_whole(struct bytes in, uint8_t want, struct bytes *content)
{
    uint8_t tag;

    return der_next(&in, &tag, content) && tag == want && in.size == 0;
}

static void decimal_add(struct buf *out, unsigned __int128 value)
{
    char digits[40];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value);
    buf_add(out, digits + at, sizeof digits - at);
}

/* X.690 8.19, arcs of up to 128 bits. */
static bool oid_decode(struct bytes in, struct buf *out)
{
    unsigned __int128 arc = 0;
    bool first = true, within = false;

    for (size_t i = 0; i < in.size; i++) {
        if ((!within && in.data[i] == 0x80) || arc >> 121)
            return false;
        arc = arc << 7 | (in.data[i] & 0x7f);
        within = in.data[i] & 0x80;
        if (within)
            continue;
        if (first) {
            unsigned root = arc < 40 ? 0 : arc < 80 ? 1 : 2;
            buf_printf(out, "%u", root);
            arc -= root * 40u;
        }
        first = false;
        buf_add_text(out, ".");
        decimal_add(out, arc);
        arc = 0;
    }
    return !first && !within && !out->failed;
}

/* ---- what each extension may say ---- */

static const char *basic_constraints_trouble(const struct decision *d, struct bytes value)
{
    struct bytes sequence, content;
    uint8_t tag;

    if (!der_whole(value, TAG_SEQUENCE, &sequence))
        return "a malformed basicConstraints";
    if (sequence.size == 0)
        return NULL;
    if (!der_next(&sequence, &tag, &content))
        return "a malformed basicConstraints";
    if (tag == TAG_BOOLEAN && content.size == 1 && content.data[0] == 0)
        return NULL;
    return d->template->flags & TEMPLATE_IS_CA ? NULL : "CA:TRUE";
}

static const char *key_usage_trouble(const struct decision *d, struct bytes value)
{
    struct bytes bits;

    if (!der_whole(value, TAG_BIT_STRING, &bits) || bits.size < 2 || bits.size > 3)
        return "a malformed keyUsage";
    /* bits.data[0] counts unused bits; keyCertSign and cRLSign are 0x04 and 0x02 of the first octet */
    return (bits.data[1] & 0x06) && !(d->template->flags & TEMPLATE_IS_CA) ? "keyCertSign or cRLSign" : NULL;
}

/* The next OID of a SEQUENCE OF OID, or of SEQUENCE OF SEQUENCE { OID, … }. */
static bool eku_next(struct bytes *list, bool nested, struct bytes *oid)
{
    uint8_t tag;
    bool good = der_next(list, &tag, oid);

    if (good && nested) {
        struct bytes inner = *oid;
        good = tag == TAG_SEQUENCE && der_next(&inner, &tag, oid);
    }
    return good && tag == TAG_OID;
}

/* Every OID of a SEQUENCE OF OID, or of SEQUENCE OF SEQUENCE { OID, … }, is among those allowed. */
static bool oids_within(struct bytes value, bool nested, const struct strings *allowed)
{
    struct bytes list, content;
    bool within = der_whole(value, TAG_SEQUENCE, &list) && list.size > 0;

    while (within && list.size) {
        struct buf text = BUF_EMPTY;
        within = eku_next(&list, nested, &content) && oid_decode(content, &text) && strings_contain(allowed, buf_text(&text));
        buf_free(&text);
    }
    return within;
}

static const char *eku_trouble(const struct decision *d, struct bytes value)
{
    return oids_within(value, false, &d->template->ekus) ? NULL : "an extended key usage that the template does not have";
}

static const char *policies_trouble(const struct decision *d, struct bytes value)
{
    return oids_within(value, true, &d->template->policies) ? NULL : "a certificate policy that the template does not have";
}

static const char *application_policies_trouble(const struct decision *d, struct bytes value)
{
    return oids_within(value, true, &d->template->ekus) ? NULL : "an application policy that the template does not have";
}

/* Who the requester is, and by whom and for what a certificate was made, the authority says. */
static const char *reserved_trouble(const struct decision *d, struct bytes value)
{
    (void)d;
    (void)value;
    return "an extension that only the authority may form";
}

static const struct judged {
    const char *oid;
    const char *(*trouble)(const struct decision *d, struct bytes value);
} judged[] = {
    {OID_BASIC_CONSTRAINTS, basic_constraints_trouble},
    {OID_KEY_USAGE, key_usage_trouble},
    {OID_EKU, eku_trouble},
    {OID_POLICIES, policies_trouble},
    {OID_APPLICATION_POLICIES, application_policies_trouble},
    {OID_MS_SECURITY_ID, reserved_trouble},
    {OID_EXT_REQUESTER_ID, reserved_trouble},
};

static const char *extension_trouble(const struct decision *d, const struct extension *extension)
{
    for (size_t i = 0; i < sizeof judged / sizeof *judged; i++)
        if (strcmp(extension->oid, judged[i].oid) == 0)
            return judged[i].trouble(d, bytes_of(extension->value, extension->size));
    return NULL;
}

/* ---- the rule ---- */

/* What an officer may not give although the template does not: powers over this CA and others, and the power to authenticate
 * where the template has judged neither name nor identifier for it. */
static bool eku_is_power(const struct decision *d, const char *oid)
{
    static const char *const powers[] = {OID_EKU_ANY, OID_EKU_AGENT, OID_EKU_OCSP};
    static const char *const authenticating[] = {OID_EKU_CLIENT_AUTH, OID_EKU_SMARTCARD, OID_EKU_PKINIT};

    for (size_t i = 0; i < sizeof powers / sizeof *powers; i++)
        if (strcmp(powers[i], oid) == 0)
            return true;
    for (size_t i = 0; i < sizeof authenticating / sizeof *authenticating; i++)
        if (strcmp(authenticating[i], oid) == 0)
            return !template_authenticates(d->template);
    return false;
}

static const char *officer_ekus_trouble(const struct decision *d, const struct extension *extension)
{
    bool nested = strcmp(extension->oid, OID_EKU) != 0;
    struct bytes list, content;
    const char *trouble = der_whole(bytes_of(extension->value, extension->size), TAG_SEQUENCE, &list) && list.size
                              ? NULL : "a malformed extended key usage";

    while (!trouble && list.size) {
        struct buf text = BUF_EMPTY;
        if (!eku_next(&list, nested, &content) || !oid_decode(content, &text))
            trouble = "a malformed extended key usage";
        else if (!strings_contain(&d->template->ekus, buf_text(&text)) && eku_is_power(d, buf_text(&text)))
            trouble = "an extended key usage that only the template can give";
        buf_free(&text);
    }
    return trouble;
}

static enum chancery_verdict officer_judge(struct decision *d)
{
    for (size_t i = 0; i < d->value->extension_count; i++) {
        const struct extension *e = &d->value->extensions[i];
        const char *trouble = strcmp(e->oid, OID_EKU) == 0 || strcmp(e->oid, OID_APPLICATION_POLICIES) == 0
                                  ? officer_ekus_trouble(d, e) : extension_trouble(d, e);
        if (trouble)
            return decision_deny(d, "request.extension", "%s set an extension that asks for %s", e->actor ? e->actor : "an officer",
                                 trouble);
    }
    return CHANCERY_ISSUE;
}

static bool extension_is_copied(const struct template *t, const char *oid)
{
    return strings_contain(&t->request_extensions, oid) ||
           ((t->enrollment_flag & ENROLL_SMIME) && strcmp(oid, OID_SMIME_CAPABILITIES) == 0);
}

enum chancery_verdict extensions_judge(struct decision *d)
{
    const struct extension *extensions;
    size_t count = chancery_request_extensions(d->request, &extensions);

    for (size_t i = 0; i < count; i++) {
        const struct extension *e = &extensions[i];
        const char *trouble = extension_trouble(d, e);
        if (trouble)
            return decision_deny(d, "request.extension", "the request asks for %s (extension %s)", trouble, e->oid);
        bool critical = e->critical || strings_contain(&d->template->critical, e->oid);
        if (extension_is_copied(d->template, e->oid) &&
            properties_set_extension(d->properties, e->oid, critical, bytes_of(e->value, e->size), ORIGIN_REQUEST, NULL) != OK) {
            error_memory(&d->error);
            return decision_again(d);
        }
    }
    return officer_judge(d);
}
