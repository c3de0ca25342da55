/* Object identifiers as dotted text, and the names of those we speak of. */
#ifndef CHANCERY_BASE_OID_H
#define CHANCERY_BASE_OID_H

#include <stdbool.h>

#define OID_ARC "2.25.99093035642563043370547096153827645545"
/* Identifiers of our arc have no place in certificates: GnuTLS cannot read an arc of more than 64 bits in one (tried: libtasn1
 * 4.19, "Error in DER parsing"). So the requester's entryUUID is an attribute in subjectDirectoryAttributes. */
#define OID_EXT_REQUESTER_ID "2.5.29.9" /* subjectDirectoryAttributes, RFC 5280 4.2.1.8 */
#define OID_ENTRY_UUID "1.3.6.1.1.16.4"  /* RFC 4530: OCTET STRING of 16 */

#define OID_KEY_USAGE "2.5.29.15"
#define OID_SAN "2.5.29.17"
#define OID_BASIC_CONSTRAINTS "2.5.29.19"
#define OID_CRL_NUMBER "2.5.29.20"
#define OID_CRL_REASON "2.5.29.21"
#define OID_INVALIDITY_DATE "2.5.29.24"
#define OID_DELTA_CRL "2.5.29.27"
#define OID_IDP "2.5.29.28"
#define OID_CDP "2.5.29.31"
#define OID_POLICIES "2.5.29.32"
#define OID_AKI "2.5.29.35"
#define OID_SKI "2.5.29.14"
#define OID_EKU "2.5.29.37"
#define OID_FRESHEST_CRL "2.5.29.46"
#define OID_AIA "1.3.6.1.5.5.7.1.1"
#define OID_AD_CA_ISSUERS "1.3.6.1.5.5.7.48.2"
#define OID_AD_OCSP "1.3.6.1.5.5.7.48.1"
#define OID_OCSP_NOCHECK "1.3.6.1.5.5.7.48.1.5"
#define OID_TEMPLATE_NAME "1.3.6.1.4.1.311.20.2"
#define OID_TEMPLATE_INFO "1.3.6.1.4.1.311.21.7"
#define OID_CA_VERSION "1.3.6.1.4.1.311.21.1"
#define OID_APPLICATION_POLICIES "1.3.6.1.4.1.311.21.10"
#define OID_MS_SECURITY_ID "1.3.6.1.4.1.311.25.2"
#define OID_MS_UPN "1.3.6.1.4.1.311.20.2.3"
#define OID_MS_CERT_EXTENSIONS "1.3.6.1.4.1.311.2.1.14"
#define OID_EXTENSION_REQUEST "1.2.840.113549.1.9.14"
#define OID_SMIME_CAPABILITIES "1.2.840.113549.1.9.15" /* RFC 4262 */
#define OID_EKU_SERVER_AUTH "1.3.6.1.5.5.7.3.1"
#define OID_EKU_CLIENT_AUTH "1.3.6.1.5.5.7.3.2"
#define OID_EKU_CODE_SIGNING "1.3.6.1.5.5.7.3.3"
#define OID_EKU_EMAIL "1.3.6.1.5.5.7.3.4"
#define OID_EKU_OCSP "1.3.6.1.5.5.7.3.9"
#define OID_EKU_SMARTCARD "1.3.6.1.4.1.311.20.2.2"
#define OID_EKU_AGENT "1.3.6.1.4.1.311.20.2.1"
#define OID_EKU_PKINIT "1.3.6.1.5.2.3.4"
#define OID_EKU_ANY "2.5.29.37.0"

bool oid_is_valid(const char *text); /* dotted, at least two arcs, minimal numbers, arcs as large as 128 bits */
const char *oid_name(const char *oid); /* "serverAuth"; the text itself when unknown */

#endif
