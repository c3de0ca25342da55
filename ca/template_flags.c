/* The bits of a template's four words of flags (MS-CRTD 2.4, 2.26, 2.27, 2.28): what each is called, and which of them this
 * CA does not do. Two readers: the lint, which refuses what is not done instead of passing over it, and the readable form.
 * A bit without a reason is either done here or a matter of the client's alone. */
#include <stdio.h>
#include <string.h>

#include "ca/base/guard.h"
#include "ca/template.h"

static const struct template_flag general[] = {
    {0x2, "add-email", NULL, NULL}, /* this and the next four are said again by other attributes; MS-CRTD 2.4 has them ignored here */
    {0x8, "publish", NULL, NULL},
    {0x10, "exportable-key", NULL, NULL},
    {0x20, "auto-enrollment", NULL, NULL},
    {TEMPLATE_MACHINE_TYPE, "machine", NULL, NULL},
    {TEMPLATE_IS_CA, "ca", NULL, NULL},
    {TEMPLATE_ADD_NAME, "add-template-name", NULL, NULL},
    {0x800, "cross-ca", "template.cross_ca", "it is for cross-certification, which this CA does not do (flags 0x800)"},
    {0x1000, "not-in-database", "template.not_kept",
     "it asks to keep no record of its certificates (flags 0x1000): they could not be revoked"},
    {0x10000, "default", NULL, NULL},
    {0x20000, "modified", NULL, NULL},
    {0, NULL, NULL, NULL}};

static const struct template_flag enrollment[] = {
    {ENROLL_SMIME, "smime-capabilities", NULL, NULL},
    {ENROLL_PEND_ALL, "pend", NULL, NULL},
    {0x4, "publish-to-kra", "template.kra", "it publishes to the key recovery agents' container (msPKI-Enrollment-Flag 0x4), which is not done here"},
    {ENROLL_PUBLISH_TO_DS, "publish", NULL, NULL},
    {0x10, "client-checks-directory", NULL, NULL},
    {ENROLL_AUTO, "auto-enrollment", NULL, NULL},
    {0x40, "earlier-certificate-approves", "template.reenrollment",
     "a valid earlier certificate shall replace approval or agent (msPKI-Enrollment-Flag 0x40); here every request is judged anew"},
    {0x100, "user-interaction", NULL, NULL},
    {0x400, "remove-invalid-from-store", NULL, NULL},
    {ENROLL_ON_BEHALF_OF, "on-behalf-of", NULL, NULL},
    {ENROLL_OCSP_NOCHECK, "ocsp-nocheck", NULL, NULL},
    {0x2000, "reuse-key-on-full-token", NULL, NULL},
    {ENROLL_NO_REVOCATION_INFO, "no-revocation-information", NULL, NULL},
    {ENROLL_BASIC_CONSTRAINTS_EE, "basic-constraints", NULL, NULL},
    {0x10000, "key-based-renewal", "template.key_based_renewal",
     "it asks for renewal by possession of the old key alone (msPKI-Enrollment-Flag 0x10000), which proves no right to enrol"},
    {0x20000, "policies-from-request", "template.policies_from_request",
     "it takes certificate policies from the request (msPKI-Enrollment-Flag 0x20000): they come from the template alone"},
    {0x40000, "skip-auto-renewal", NULL, NULL},
    {ENROLL_NO_SECURITY_EXTENSION, "no-identifier", "template.no_identifier",
     "it asks to leave the requester's immutable identifier out (msPKI-Enrollment-Flag 0x80000)"},
    {0, NULL, NULL, NULL}};

static const struct template_flag names[] = {
    {NAMEFLAG_ENROLLEE_SUPPLIES_SUBJECT, "enrollee-supplies-subject", NULL, NULL},
    {NAMEFLAG_OLD_CERT_SUPPLIES, "old-certificate-supplies", "template.old_certificate_names",
     "it takes names from an older certificate (msPKI-Certificate-Name-Flag 0x8): here they come from the directory"},
    {NAMEFLAG_ENROLLEE_SUPPLIES_SAN, "enrollee-supplies-san", NULL, NULL},
    {NAMEFLAG_SAN_DOMAIN_DNS, "san-domain-dns", "template.domain_dns",
     "it asks for the domain's DNS name (msPKI-Certificate-Name-Flag 0x400000), which is not made here"},
    {NAMEFLAG_SAN_SPN, "san-spn", "template.spn",
     "it asks for a service principal name (msPKI-Certificate-Name-Flag 0x800000), which is not made here"},
    {NAMEFLAG_SAN_GUID, "san-guid", "template.guid",
     "it asks for the directory GUID (msPKI-Certificate-Name-Flag 0x1000000), which is not made here"},
    {NAMEFLAG_SAN_UPN, "san-upn", NULL, NULL},
    {NAMEFLAG_SAN_EMAIL, "san-email", NULL, NULL},
    {NAMEFLAG_SAN_DNS, "san-dns", NULL, NULL},
    {NAMEFLAG_SUBJECT_DNS_AS_CN, "subject-dns-as-cn", NULL, NULL},
    {NAMEFLAG_SUBJECT_EMAIL, "subject-email", NULL, NULL},
    {NAMEFLAG_SUBJECT_COMMON_NAME, "subject-common-name", NULL, NULL},
    {NAMEFLAG_SUBJECT_DIRECTORY_PATH, "subject-directory-path", NULL, NULL},
    {0, NULL, NULL, NULL}};

#define NO_ATTESTATION "it asks for an attested key (msPKI-Private-Key-Flag 0x200 to 0x4000), which cannot be checked here"
static const struct template_flag private_key[] = {
    {0x1, "archive", "template.archival", "it asks for archival of the private key (msPKI-Private-Key-Flag 0x1), which this CA never sees"},
    {0x10, "exportable", NULL, NULL},
    {0x20, "strong-protection", NULL, NULL},
    {0x40, "alternate-signature", "template.alternate_signature",
     "it asks for signatures in another format (RSASSA-PSS, msPKI-Private-Key-Flag 0x40), which are not made here"},
    {0x80, "same-key-renewal", "template.same_key",
     "it asks for the same key at every renewal (msPKI-Private-Key-Flag 0x80), which is not enforced here"},
    {0x100, "legacy-provider", NULL, NULL},
    {0x200, "attest-trust-on-use", "template.attestation", NO_ATTESTATION},
    {0x400, "attest-certificate", "template.attestation", NO_ATTESTATION},
    {0x800, "attest-key", "template.attestation", NO_ATTESTATION},
    {0x1000, "attest-preferred", "template.attestation", NO_ATTESTATION},
    {0x2000, "attest-required", "template.attestation", NO_ATTESTATION},
    {0x4000, "attest-without-policy", "template.attestation", NO_ATTESTATION},
    {0, NULL, NULL, NULL}};

const struct template_word template_words[] = {
    {"flags", offsetof(struct template, flags), 0, general, "template.flags"},
    {"msPKI-Certificate-Name-Flag", offsetof(struct template, name_flag), 0, names, "template.name_flags"},
    {"msPKI-Enrollment-Flag", offsetof(struct template, enrollment_flag), 0, enrollment, "template.enrollment_flags"},
    /* the version of Windows that must be there, of server and client: 0x000f0000 and 0x0f000000 */
    {"msPKI-Private-Key-Flag", offsetof(struct template, private_key_flag), 0x0f0f0000, private_key, "template.private_key_flags"},
    {NULL, 0, 0, NULL, NULL}};

static unsigned word_known(const struct template_word *word)
{
    unsigned known = word->unnamed;

    for (const struct template_flag *flag = word->flags; flag->name; flag++)
        known |= flag->bit;
    return known;
}

static void finding_add(struct template_finding findings[TEMPLATE_FINDINGS_MAX], size_t *count, const struct template *t,
                        const char *reason, const char *message)
{
    if (*count == TEMPLATE_FINDINGS_MAX || (*count && strcmp(findings[*count - 1].reason, reason) == 0))
        return; /* several bits for one thing are one finding */
    struct template_finding *finding = &findings[(*count)++];
    finding->fatal = true;
    snprintf(finding->reason, sizeof finding->reason, "%s", reason);
    snprintf(finding->message, sizeof finding->message, "template %s: %s", t->name, message);
}

void template_lint_flags(const struct template *t, struct template_finding findings[TEMPLATE_FINDINGS_MAX], size_t *count)
{
    for (const struct template_word *word = template_words; word->attribute; word++) {
        unsigned set = *(const unsigned *)((const char *)t + word->offset), unknown = set & ~word_known(word);
        char message[160];

        for (const struct template_flag *flag = word->flags; flag->name; flag++)
            if ((set & flag->bit) && flag->reason && !GUARD_OFF(flag->reason))
                finding_add(findings, count, t, flag->reason, flag->why);
        if (!unknown || GUARD_OFF(word->unknown_reason))
            continue;
        snprintf(message, sizeof message, "%s has bits of which it is not known here what they ask for: 0x%x", word->attribute, unknown);
        finding_add(findings, count, t, word->unknown_reason, message);
    }
}
