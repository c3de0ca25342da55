/* Walking CRLs: strict, one pass, no allocation, for CRLs that are too large for any other parser.
 * Making them is in crl.c. RFC 5280 section 5. */
#include <stddef.h>
#include <string.h>

#include "ca/base/oid.h"
#include "ca/x509/crl.h"
#include "ca/x509/extension.h"

#define refuse(error, what) error_set(error, BAD_DATA, "crl.der", "the CRL is refused: %s", what)

/* RFC 5280 5.1.2.4: UTCTime before 2050, GeneralizedTime from then on. */
static int read_time(struct bytes *rest, int64_t *at)
{
    const int64_t year_2050 = INT64_C(2524608000);
    struct tlv item;

    if (walk_next(rest, &item) != OK || walk_time(item.tag, item.content, at) != OK)
        return BAD_DATA;
    return (item.tag == DER_UTC_TIME) == (*at < year_2050) ? OK : BAD_DATA;
}

/* ---- entries ---- */

static int read_reason(struct bytes value, struct crl_entry *entry)
{
    struct bytes content;
    uint64_t reason;

    if (walk_only(value, DER_ENUMERATED, &content) != OK || walk_number(content, &reason) != OK || reason == 0 || reason == 7 || reason > 10)
        return BAD_DATA;
    entry->reason = (int)reason;
    return OK;
}

static int read_invalidity(struct bytes value, struct crl_entry *entry)
{
    struct bytes content;

    return walk_only(value, DER_TIME, &content) == OK ? walk_time(DER_TIME, content, &entry->invalid_since) : BAD_DATA;
}

static const char *read_entry_extension(struct bytes *list, bool seen[2], struct crl_entry *entry)
{
    struct extension_view view;
    const char *what;
    bool reason;

    if (extension_next(list, WALK_STRICT, &view, &what) != OK)
        return what;
    reason = strcmp(view.oid, OID_CRL_REASON) == 0;
    if (!reason && strcmp(view.oid, OID_INVALIDITY_DATE) != 0)
        return "an entry has an extension other than reason and invalidity date";
    if (view.critical)
        return "a reason or invalidity date is critical (RFC 5280 5.3)";
    if (seen[reason])
        return "an entry has an extension twice";
    seen[reason] = true;
    if ((reason ? read_reason(view.value, entry) : read_invalidity(view.value, entry)) != OK)
        return "a reason (never 0 or 7) or invalidity date is malformed (RFC 5280 5.3)";
    return NULL;
}

static const char *read_entry(struct bytes *rest, struct crl_entry *entry)
{
    bool seen[2] = {false, false};
    const char *what = NULL;
    struct tlv item, field;

    memset(entry, 0, sizeof(*entry));
    if (walk_expect(rest, DER_SEQUENCE, &item) != OK || walk_expect(&item.content, DER_INTEGER, &field) != OK ||
        walk_serial(field.content, &entry->serial) != OK)
        return "an entry or its serial number is malformed";
    if (read_time(&item.content, &entry->revoked_at) != OK)
        return "a revocation date is malformed, or not UTCTime before 2050 (RFC 5280 5.1.2.6)";
    if (item.content.size == 0)
        return NULL;
    if (walk_expect(&item.content, DER_SEQUENCE, &field) != OK || item.content.size != 0 || field.content.size == 0)
        return "an entry's extensions are malformed or empty";
    while (field.content.size > 0 && what == NULL)
        what = read_entry_extension(&field.content, seen, entry);
    return what;
}

/* ---- the list's own extensions ---- */

struct scan { /* what one pass must remember */
    struct crl_facts *facts;
    bool removes;      /* an entry says removeFromCRL */
    bool freshest, idp, delta, aki;
};

static const char *take_number(struct bytes value, uint64_t *number)
{
    struct bytes content;

    if (walk_only(value, DER_INTEGER, &content) != OK || walk_number(content, number) != OK)
        return "the CRL number or delta indicator is malformed or larger than 64 bits (RFC 5280 5.2.3)";
    return NULL;
}

static const char *take_crl_number(struct scan *scan, struct bytes value)
{
    scan->facts->has_number = true;
    return take_number(value, &scan->facts->number);
}

static const char *take_delta(struct scan *scan, struct bytes value)
{
    return take_number(value, &scan->facts->delta_base);
}

static const char *take_key_id(struct scan *scan, struct bytes value)
{
    return extension_read_authority_key_id(value, &scan->facts->authority_key_id) == OK ? NULL : "the authority key identifier is malformed";
}

/* { distributionPoint [0] { fullName [0] { URI } } } and nothing else: no scope but the partition. */
static const char *take_partition(struct scan *scan, struct bytes value)
{
    struct tlv point, full, uri;
    struct bytes rest;

    if (walk_only(value, DER_SEQUENCE, &rest) != OK || walk_expect(&rest, DER_CONTEXT_OPEN(0), &point) != OK || rest.size != 0 ||
        walk_expect(&point.content, DER_CONTEXT_OPEN(0), &full) != OK || point.content.size != 0 || full.content.size == 0)
        return "the issuing distribution point is more than a name, or malformed (RFC 5280 5.2.5)";
    while (full.content.size > 0)
        if (walk_expect(&full.content, DER_CONTEXT(6), &uri) != OK || uri.content.size == 0)
            return "the issuing distribution point's name is not a URI";
    return NULL;
}

static const char *take_freshest(struct scan *scan, struct bytes value)
{
    struct extension_view view = {.oid = OID_FRESHEST_CRL, .value = value};
    const char *what;

    return extension_check(&view, false, &what) == OK ? NULL : what;
}

static const struct {
    const char *oid;
    bool critical;
    size_t seen; /* where struct scan remembers it */
    const char *(*take)(struct scan *scan, struct bytes value);
} takers[] = {
    {OID_CRL_NUMBER, false, SIZE_MAX, take_crl_number},
    {OID_AKI, false, offsetof(struct scan, aki), take_key_id},
    {OID_DELTA_CRL, true, offsetof(struct scan, delta), take_delta},
    {OID_IDP, true, offsetof(struct scan, idp), take_partition},
    {OID_FRESHEST_CRL, false, offsetof(struct scan, freshest), take_freshest},
};

static const char *take_extension(struct scan *scan, const struct extension_view *view)
{
    bool *seen;

    for (size_t i = 0; i < sizeof(takers) / sizeof(takers[0]); i++) {
        if (strcmp(takers[i].oid, view->oid) != 0)
            continue;
        seen = takers[i].seen == SIZE_MAX ? &scan->facts->has_number : (bool *)((char *)scan + takers[i].seen);
        if (*seen)
            return "an extension of the CRL stands there twice";
        if (takers[i].critical != view->critical)
            return "an extension of the CRL has the wrong criticality (RFC 5280 5.2)";
        *seen = true;
        return takers[i].take(scan, view->value);
    }
    return "the CRL has an extension that is not known here";
}

static const char *read_extensions(struct bytes open, struct scan *scan)
{
    struct extension_view view;
    const char *what = NULL;
    struct bytes list;

    if (walk_only(open, DER_SEQUENCE, &list) != OK || list.size == 0)
        return "the CRL's extensions are malformed or empty";
    while (list.size > 0 && what == NULL)
        if (extension_next(&list, WALK_STRICT, &view, &what) == OK)
            what = take_extension(scan, &view);
    if (what != NULL)
        return what;
    if (scan->delta && scan->freshest)
        return "a delta CRL names a freshest CRL (RFC 5280 5.2.6)";
    if (scan->removes && !scan->delta)
        return "removeFromCRL stands in a complete CRL (RFC 5280 5.3.1)";
    return NULL;
}

/* ---- the whole ---- */

/* The fields before the entries; *rest then begins at revokedCertificates or what follows. */
static const char *read_head(struct bytes tbs, struct crl_facts *out, struct bytes *rest)
{
    struct walk_fault fault;
    struct tlv item;
    uint64_t version;

    if (walk_only(tbs, DER_SEQUENCE, rest) != OK)
        return "it is not a TBSCertList in DER (RFC 5280 5.1)";
    if (walk_expect(rest, DER_INTEGER, &item) != OK || walk_number(item.content, &version) != OK || version != 1)
        return "it is not version 2 (RFC 5280 5.1.2.1)";
    if (walk_expect(rest, DER_SEQUENCE, &item) != OK || walk_check(item.whole, WALK_STRICT, &fault) != OK)
        return "its signature algorithm is malformed";
    out->algorithm = item.whole;
    if (walk_expect(rest, DER_SEQUENCE, &item) != OK || walk_check(item.whole, WALK_STRICT, &fault) != OK || item.content.size == 0)
        return "its issuer is malformed or empty (RFC 5280 5.1.2.3)";
    out->issuer_name = item.whole;
    if (read_time(rest, &out->this_update) != OK || read_time(rest, &out->next_update) != OK)
        return "thisUpdate or nextUpdate is missing, malformed, or not UTCTime before 2050 (RFC 5280 5.1.2.4)";
    if (out->next_update <= out->this_update)
        return "nextUpdate is not after thisUpdate";
    return NULL;
}

static const char *read_entries(struct bytes *rest, struct scan *scan)
{
    struct crl_entry entry;
    const char *what = NULL;
    struct tlv list;

    if (!walk_is(*rest, DER_SEQUENCE))
        return NULL;
    if (walk_next(rest, &list) != OK || list.content.size == 0)
        return "its list of revoked certificates is malformed, or empty where it must be left out (RFC 5280 5.1.2.6)";
    while (list.content.size > 0 && (what = read_entry(&list.content, &entry)) == NULL) {
        scan->facts->entries++;
        scan->removes = scan->removes || entry.reason == 8;
    }
    return what;
}

int crl_tbs_walk(struct bytes tbs, struct crl_facts *out, struct error *error)
{
    struct scan scan = {.facts = out};
    struct bytes rest;
    const char *what;
    struct tlv item;

    memset(out, 0, sizeof(*out));
    if ((what = read_head(tbs, out, &rest)) != NULL || (what = read_entries(&rest, &scan)) != NULL)
        return refuse(error, what);
    if (walk_expect(&rest, DER_CONTEXT_OPEN(0), &item) != OK || rest.size != 0)
        return refuse(error, "its extensions are missing, or octets follow them (RFC 5280 5.2)");
    if ((what = read_extensions(item.content, &scan)) != NULL)
        return refuse(error, what);
    return OK;
}

int crl_walk(struct bytes crl, struct crl_facts *out, struct bytes *tbs, struct error *error)
{
    struct tlv item, algorithm, signature;
    struct bytes rest, bits;
    unsigned unused;
    int status;

    if (walk_only(crl, DER_SEQUENCE, &rest) != OK || walk_expect(&rest, DER_SEQUENCE, &item) != OK ||
        walk_expect(&rest, DER_SEQUENCE, &algorithm) != OK || walk_expect(&rest, DER_BITS, &signature) != OK || rest.size != 0 ||
        walk_bits(signature.content, &unused, &bits) != OK || unused != 0)
        return refuse(error, "it is not a CertificateList in DER (RFC 5280 5.1)");
    if ((status = crl_tbs_walk(item.whole, out, error)) != OK)
        return status;
    if (!bytes_equal(out->algorithm, algorithm.whole))
        return refuse(error, "its inner and outer signature algorithms differ (RFC 5280 5.1.1.2)");
    if (tbs != NULL)
        *tbs = item.whole;
    return OK;
}

int crl_tbs_each(struct bytes tbs, int (*each)(const struct crl_entry *, void *), void *argument)
{
    struct crl_entry entry;
    struct crl_facts facts;
    struct bytes rest;
    struct tlv list;
    int status = OK;

    if (read_head(tbs, &facts, &rest) != NULL)
        return BAD_DATA;
    if (!walk_is(rest, DER_SEQUENCE))
        return OK;
    if (walk_next(&rest, &list) != OK)
        return BAD_DATA;
    while (list.content.size > 0 && status == OK) {
        if (read_entry(&list.content, &entry) != NULL)
            return BAD_DATA;
        status = each(&entry, argument);
    }
    return status;
}
