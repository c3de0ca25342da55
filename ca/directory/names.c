/* Names: distinguished names (RFC 4514) and filters (RFC 4515), pure. libldap parses distinguished names; what it gives
 * back is put into one form, so that names can be compared as text. Nothing here talks to a server. */
#include <ldap.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ca/base/text.h"
#include "ca/directory/directory.h"

#define DN_SIZE_MAX 8192
#define DN_RDNS_MAX 64

/* Everything but letters, digits and a few harmless marks is escaped: shorter to prove than the list of what must be. */
void filter_escape(struct buf *out, struct bytes value)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .,-_@=+:/";

    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] && strchr(plain, value.data[i]))
            buf_add_byte(out, value.data[i]);
        else
            buf_printf(out, "\\%02x", value.data[i]);
    }
}

int filter_expand(const char *pattern, const char *letters, const char *const values[], struct buf *out, struct error *error)
{
    for (const char *p = pattern; *p; p++) {
        if (*p != '%') {
            buf_add_byte(out, (uint8_t)*p);
            continue;
        }
        p++;
        const char *letter = *p ? strchr(letters, *p) : NULL;
        if (*p == '%')
            buf_add_text(out, "%");
        else if (letter && values[letter - letters])
            filter_escape(out, bytes_of_text(values[letter - letters]));
        else
            return error_set(error, BAD_CONFIG, "directory.filter", "the filter %s has %%%c where one of %s can stand", pattern,
                             *p ? *p : ' ', letters);
    }
    return out->failed ? error_memory(error) : OK;
}

/* ---- distinguished names ---- */

static int ava_compare(const void *a, const void *b)
{
    const LDAPAVA *x = *(LDAPAVA *const *)a, *y = *(LDAPAVA *const *)b;
    int order = bytes_compare(bytes_of(x->la_attr.bv_val, x->la_attr.bv_len), bytes_of(y->la_attr.bv_val, y->la_attr.bv_len));

    return order ? order
                 : bytes_compare(bytes_of(x->la_value.bv_val, x->la_value.bv_len),
                                 bytes_of(y->la_value.bv_val, y->la_value.bv_len));
}

static void attribute_lower(struct berval *type)
{
    for (size_t i = 0; i < type->bv_len; i++)
        if (type->bv_val[i] >= 'A' && type->bv_val[i] <= 'Z')
            type->bv_val[i] = (char)(type->bv_val[i] - 'A' + 'a');
}

static void rdn_normalise(LDAPRDN rdn)
{
    size_t count = 0;

    for (; rdn[count]; count++)
        attribute_lower(&rdn[count]->la_attr);
    qsort(rdn, count, sizeof *rdn, ava_compare);
}

static int dn_bad(const char *dn, struct error *error)
{
    char *safe = text_safe(strnlen(dn, 256) < 256 ? dn : "(too long)");

    error_set(error, BAD_DATA, "directory.dn", "\"%s\" is not a distinguished name", safe ? safe : "");
    free(safe);
    return BAD_DATA;
}

static int dn_parse(const char *text, LDAPDN *dn, struct error *error)
{
    size_t count = 0;

    *dn = NULL;
    if (!text || strnlen(text, DN_SIZE_MAX + 1) > DN_SIZE_MAX || !text_is_utf8(text, strlen(text)))
        return dn_bad(text ? text : "", error);
    if (ldap_str2dn(text, dn, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS)
        return dn_bad(text, error);
    while (*dn && (*dn)[count])
        rdn_normalise((*dn)[count++]);
    if (count <= DN_RDNS_MAX)
        return OK;
    ldap_dnfree(*dn);
    *dn = NULL;
    return dn_bad(text, error);
}

/* From the RDN `from` on, as text of our own. */
static int dn_write(LDAPDN dn, size_t from, char **out, struct error *error)
{
    char *text = NULL;

    *out = NULL;
    if (!dn || !dn[from]) {
        *out = strdup("");
    } else if (ldap_dn2str(dn + from, &text, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS && text) {
        *out = strdup(text);
        ldap_memfree(text);
    }
    return *out ? OK : error_memory(error);
}

int dn_normalise(const char *dn, char **out, struct error *error)
{
    LDAPDN parsed;
    int status = dn_parse(dn, &parsed, error);

    *out = NULL;
    if (status == OK)
        status = dn_write(parsed, 0, out, error);
    ldap_dnfree(parsed);
    return status;
}

bool dn_equal(const char *a, const char *b)
{
    char *x = NULL, *y = NULL;
    bool equal = a && b && dn_normalise(a, &x, NULL) == OK && dn_normalise(b, &y, NULL) == OK && strcasecmp(x, y) == 0;

    free(x);
    free(y);
    return equal;
}

bool dn_is_under(const char *dn, const char *base)
{
    LDAPDN inner = NULL, outer = NULL;
    char *tail = NULL, *whole = NULL;
    size_t n = 0, m = 0;
    bool under = false;

    if (dn_parse(dn, &inner, NULL) != OK || dn_parse(base, &outer, NULL) != OK)
        goto out;
    while (inner && inner[n])
        n++;
    while (outer && outer[m])
        m++;
    if (m > n || dn_write(inner, n - m, &tail, NULL) != OK || dn_write(outer, 0, &whole, NULL) != OK)
        goto out;
    under = strcasecmp(tail, whole) == 0;
out:
    ldap_dnfree(inner);
    ldap_dnfree(outer);
    free(tail);
    free(whole);
    return under;
}

int dn_parent(const char *dn, char **out, struct error *error)
{
    LDAPDN parsed;
    int status = dn_parse(dn, &parsed, error);

    *out = NULL;
    if (status == OK)
        status = parsed && parsed[0] ? dn_write(parsed, 1, out, error) : dn_bad(dn, error);
    ldap_dnfree(parsed);
    return status;
}

int dn_first_rdn(const char *dn, char **attribute, struct buf *value, struct error *error)
{
    LDAPDN parsed;
    int status = dn_parse(dn, &parsed, error);

    *attribute = NULL;
    if (status == OK && !(parsed && parsed[0] && parsed[0][0]))
        status = dn_bad(dn, error);
    if (status == OK) {
        const LDAPAVA *ava = parsed[0][0];
        *attribute = strndup(ava->la_attr.bv_val, ava->la_attr.bv_len);
        buf_add(value, ava->la_value.bv_val, ava->la_value.bv_len);
        if (!*attribute || value->failed)
            status = error_memory(error);
    }
    ldap_dnfree(parsed);
    return status;
}

int dn_numbered(const char *dn, unsigned number, char **out, struct error *error)
{
    struct buf value = BUF_EMPTY, made = BUF_EMPTY;
    char *attribute = NULL, *parent = NULL;
    int status = dn_first_rdn(dn, &attribute, &value, error);

    if (status == OK)
        status = dn_parent(dn, &parent, error);
    if (status == OK) {
        buf_printf(&value, "(%u)", number);
        buf_printf(&made, "%s=", attribute);
        text_dn_escape(&made, buf_text(&value), value.size);
        buf_printf(&made, ",%s", parent);
        status = value.failed || made.failed ? error_memory(error) : dn_normalise(buf_text(&made), out, error);
    }
    free(attribute);
    free(parent);
    buf_free(&value);
    buf_free(&made);
    return status;
}

int dn_values(const char *dn, int (*each)(void *state, const char *attribute, struct bytes value), void *state,
              struct error *error)
{
    LDAPDN parsed;
    int status = dn_parse(dn, &parsed, error);

    for (size_t i = 0; status == OK && parsed && parsed[i]; i++)
        for (size_t j = 0; status == OK && parsed[i][j]; j++)
            status = each(state, parsed[i][j]->la_attr.bv_val,
                          bytes_of(parsed[i][j]->la_value.bv_val, parsed[i][j]->la_value.bv_len));
    ldap_dnfree(parsed);
    return status;
}
