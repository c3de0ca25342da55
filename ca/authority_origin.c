/* Who put an extension there: request, policy, officer or server. Kept as an octet an extension in the certificate's record,
 * shown with the officer's account beside the value. */
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/oid.h"
#include "ca/x509/extension.h"
#include "ca/x509/tbs.h"

/* What the engine forms of properties that policy gave; the rest of its own are the server's. */
static const char *const from_policy[] = {OID_KEY_USAGE, OID_EKU, OID_BASIC_CONSTRAINTS, OID_POLICIES, OID_OCSP_NOCHECK, OID_APPLICATION_POLICIES};

static enum origin origin_of(const struct properties *properties, const char *oid)
{
    const struct extension *set = extension_find(properties->extensions, properties->extension_count, oid);
    if (set && set->origin)
        return set->origin;
    if (strcmp(oid, OID_SAN) == 0)
        return properties->names_origin ? properties->names_origin : ORIGIN_POLICY;
    for (size_t i = 0; i < sizeof from_policy / sizeof *from_policy; i++)
        if (strcmp(from_policy[i], oid) == 0)
            return ORIGIN_POLICY;
    return ORIGIN_SERVER;
}

void origins_of_tbs(const struct properties *properties, struct bytes tbs, struct certificate *record)
{
    struct tbs_view view;
    struct extension_view extension;
    struct bytes rest;
    const char *what;
    record->origin_count = 0;
    if (tbs_split(tbs, &view, &what) || walk_only(view.extensions, DER_SEQUENCE, &rest))
        return;
    while (rest.size && record->origin_count < CERTIFICATE_EXTENSIONS_MAX && !extension_next(&rest, WALK_LIMITS, &extension, &what))
        record->origins[record->origin_count++] = (uint8_t)origin_of(properties, extension.oid);
}

/* ---- shown ---- */

static int actor_copy(const struct request *request, struct extension *extension)
{
    const struct extension *set = extension_find(request->extensions, request->extension_count, extension->oid);
    if (extension->origin != ORIGIN_OFFICER || !set || !set->actor)
        return OK;
    extension->actor = strdup(set->actor);
    return extension->actor ? OK : INTERNAL;
}

/* The certificate's own, in its order. One of before origins were kept, or completed after a crash, says nothing of who. */
static int from_certificate(struct detail *detail)
{
    const struct certificate *certificate = &detail->certificate;
    struct bytes whole, rest = bytes_of(certificate->der, certificate->der_size);
    struct tbs_view view;
    struct tlv tbs;
    const char *what;
    if (walk_only(rest, DER_SEQUENCE, &whole) || walk_expect(&whole, DER_SEQUENCE, &tbs) || tbs_split(tbs.whole, &view, &what) ||
        !view.extensions.size)
        return OK; /* an imported one need not have any */
    int status = extensions_read(view.extensions, WALK_LIMITS, CERTIFICATE_EXTENSIONS_MAX, &detail->extensions, &detail->extension_count, &what);
    for (size_t i = 0; i < detail->extension_count && status != INTERNAL; i++) {
        detail->extensions[i].origin = i < certificate->origin_count ? (enum origin)certificate->origins[i] : 0;
        status = actor_copy(&detail->request, &detail->extensions[i]) ? INTERNAL : status;
    }
    return status == INTERNAL ? INTERNAL : OK;
}

/* What is asked for: the officers' and those of the request that they did not replace. */
static int from_request(struct detail *detail)
{
    const struct request *request = &detail->request;
    struct properties list = {0};
    struct pkcs10 pkcs10;
    struct extension *effective = NULL;
    struct error none = ERROR_NONE;
    size_t count = 0;
    if (pkcs10_read(bytes_of(request->pkcs10, request->pkcs10_size), &pkcs10, &none))
        return none.status == INTERNAL ? INTERNAL : OK;
    int status = extensions_effective(request, &pkcs10, &effective, &count);
    for (size_t i = 0; i < count && !status; i++)
        status = properties_set_extension(&list, effective[i].oid, effective[i].critical, bytes_of(effective[i].value, effective[i].size),
                                          ORIGIN_REQUEST, NULL);
    for (size_t i = 0; i < request->extension_count && !status; i++) {
        const struct extension *e = &request->extensions[i];
        status = properties_set_extension(&list, e->oid, e->critical, bytes_of(e->value, e->size), e->origin, e->actor);
    }
    detail->extensions = list.extensions;
    detail->extension_count = list.extension_count;
    free(effective);
    pkcs10_free(&pkcs10);
    return status;
}

int detail_extensions(struct detail *detail, struct error *error)
{
    int status = detail->has_certificate ? from_certificate(detail) : from_request(detail);
    return status ? error_memory(error) : OK;
}
