/* Object identifiers as dotted text: their form, and the names of those that
 * administrators meet. Their DER is x509's. */
#include "config.h"

#include "ca/base/oid.h"

#include <stddef.h>
#include <string.h>

/* Digits of 2^128 - 1. */
#define ARC_MAX "340282366920938463463374607431768211455"

static bool arc_ok(const char *arc, size_t size)
{
    size_t most = strlen(ARC_MAX);

    if (size == 0 || size > most || (size > 1 && arc[0] == '0'))
        return false;
    if (strspn(arc, "0123456789") < size)
        return false;
    return size < most || strncmp(arc, ARC_MAX, most) <= 0;
}

/* X.660: the first arc is 0, 1 or 2; under 0 and 1 the second is at most 39. */
static bool first_arcs_ok(const char *text)
{
    size_t second = strcspn(text + 2, ".");

    if (text[0] == '2')
        return true;
    return second == 1 || (second == 2 && strncmp(text + 2, "39", 2) <= 0);
}

bool oid_is_valid(const char *text)
{
    const char *at = text;

    if (text[0] < '0' || text[0] > '2' || text[1] != '.')
        return false;
    for (;;) {
        size_t size = strcspn(at, ".");

        if (!arc_ok(at, size))
            return false;
        if (at[size] == '\0')
            break;
        at += size + 1;
    }
    return first_arcs_ok(text);
}

const char *oid_name(const char *oid)
{
    static const struct {
        const char *oid, *name;
    } names[] = {
        {OID_EXT_REQUESTER_ID, "subjectDirectoryAttributes"},
        {OID_KEY_USAGE, "keyUsage"},
        {OID_SAN, "subjectAltName"},
        {OID_BASIC_CONSTRAINTS, "basicConstraints"},
        {OID_CRL_NUMBER, "cRLNumber"},
        {OID_CRL_REASON, "reasonCode"},
        {OID_INVALIDITY_DATE, "invalidityDate"},
        {OID_DELTA_CRL, "deltaCRLIndicator"},
        {OID_IDP, "issuingDistributionPoint"},
        {OID_CDP, "cRLDistributionPoints"},
        {OID_POLICIES, "certificatePolicies"},
        {OID_AKI, "authorityKeyIdentifier"},
        {OID_SKI, "subjectKeyIdentifier"},
        {OID_EKU, "extendedKeyUsage"},
        {OID_FRESHEST_CRL, "freshestCRL"},
        {OID_AIA, "authorityInfoAccess"},
        {OID_AD_CA_ISSUERS, "caIssuers"},
        {OID_AD_OCSP, "ocsp"},
        {OID_OCSP_NOCHECK, "ocspNoCheck"},
        {OID_TEMPLATE_NAME, "templateName"},
        {OID_TEMPLATE_INFO, "templateInformation"},
        {OID_CA_VERSION, "caVersion"},
        {OID_APPLICATION_POLICIES, "applicationPolicies"},
        {OID_MS_SECURITY_ID, "securityIdentifier"},
        {OID_MS_UPN, "userPrincipalName"},
        {OID_MS_CERT_EXTENSIONS, "certExtensions"},
        {OID_EXTENSION_REQUEST, "extensionRequest"},
        {OID_SMIME_CAPABILITIES, "smimeCapabilities"},
        {OID_EKU_SERVER_AUTH, "serverAuth"},
        {OID_EKU_CLIENT_AUTH, "clientAuth"},
        {OID_EKU_CODE_SIGNING, "codeSigning"},
        {OID_EKU_EMAIL, "emailProtection"},
        {OID_EKU_OCSP, "OCSPSigning"},
        {OID_EKU_SMARTCARD, "smartcardLogon"},
        {OID_EKU_AGENT, "enrollmentAgent"},
        {OID_EKU_PKINIT, "pkinitClient"},
        {OID_EKU_ANY, "anyExtendedKeyUsage"},
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i].oid, oid) == 0)
            return names[i].name;
    return oid;
}
