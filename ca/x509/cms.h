/* A renewal request as clients of Microsoft's certificate services send it: CMS SignedData (RFC 5652) whose content is a PKCS#10
 * and whose one signer is the key of the certificate that is to be renewed. Size, form and counts are the walker's; GnuTLS
 * verifies. Everything here is pure; whose certificate it is, is the caller's to find out. */
#ifndef CHANCERY_X509_CMS_H
#define CHANCERY_X509_CMS_H

#include "ca/x509/walk.h"

#define CMS_SIZE_MAX 131072
#define CMS_CERTIFICATES_MAX 8
#define CMS_DIGESTS_MAX 4
#define CMS_ATTRIBUTES_MAX 16

struct cms { /* everything borrowed from the octets that were read */
    struct bytes content;     /* of the encapsulated OCTET STRING */
    struct bytes issuer;      /* Name that the signer is called by, with its serial; empty: by its key identifier */
    struct serial serial;
    struct bytes key_id;
    struct bytes certificates[CMS_CERTIFICATES_MAX]; /* as sent along: nothing is known of them */
    size_t certificate_count;
};
/* Does it say that it is SignedData? For choosing a reader; says nothing of its form. */
bool cms_is_signed(struct bytes der);
/* BAD_DATA "renewal.size", "renewal.form", "renewal.digest" (a broken or unknown one) and a sentence. */
int cms_read(struct bytes der, struct cms *out, struct error *error);
/* Is it signed by the key of this certificate? der has passed cms_read. BAD_DATA "renewal.signature" otherwise. */
int cms_verify(struct bytes der, struct bytes certificate, struct error *error);
/* The certificate in the attribute of a PKCS#10 that says what is renewed (1.3.6.1.4.1.311.13.1); empty: none.
 * The PKCS#10 has passed pkcs10_read. BAD_DATA "renewal.form": more than one. */
int pkcs10_renewed_certificate(struct bytes pkcs10, struct bytes *certificate, struct error *error);

#endif
