/* What a template may not ask for: whatever lets an ordinary user become another one is fatal and refuses adoption.
 * Pure: one table of rules, each a question about the template's value. What requests may not ask for is policy's. */
#include <stdio.h>
#include <string.h>

#include "ca/base/guard.h"
#include "ca/base/oid.h"
#include "ca/request.h"
#include "ca/template.h"

#define NAMEFLAG_SUPPLIES (NAMEFLAG_ENROLLEE_SUPPLIES_SUBJECT | NAMEFLAG_ENROLLEE_SUPPLIES_SAN)
#define NAMEFLAG_KNOWN_NAMES                                                                                            \
    (NAMEFLAG_SUPPLIES | NAMEFLAG_SAN_UPN | NAMEFLAG_SAN_EMAIL | NAMEFLAG_SAN_DNS | NAMEFLAG_SUBJECT_DNS_AS_CN |         \
     NAMEFLAG_SUBJECT_COMMON_NAME | NAMEFLAG_SUBJECT_DIRECTORY_PATH | NAMEFLAG_SUBJECT_EMAIL)

static bool has_eku(const struct template *t, const char *oid)
{
    return strings_contain(&t->ekus, oid) || strings_contain(&t->application_policies, oid);
}

bool template_authenticates(const struct template *t)
{
    static const char *const authenticating[] = {OID_EKU_CLIENT_AUTH, OID_EKU_SMARTCARD, OID_EKU_PKINIT, OID_EKU_ANY};

    if (t->ekus.count == 0)
        return true;
    for (size_t i = 0; i < sizeof authenticating / sizeof *authenticating; i++)
        if (has_eku(t, authenticating[i]))
            return true;
    return false;
}

static bool pends(const struct template *t)
{
    return t->enrollment_flag & ENROLL_PEND_ALL;
}

static bool is_ca(const struct template *t)
{
    return t->flags & TEMPLATE_IS_CA;
}

/* Extensions that say who somebody is or what he may do are formed by the authority alone. */
bool extension_is_protected(const char *oid)
{
    static const char *const protected_oids[] = {
        OID_KEY_USAGE, OID_SAN, OID_BASIC_CONSTRAINTS, OID_CDP, OID_POLICIES, OID_AKI, OID_SKI, OID_EKU, OID_FRESHEST_CRL,
        OID_AIA, OID_TEMPLATE_NAME, OID_TEMPLATE_INFO, OID_CA_VERSION, OID_APPLICATION_POLICIES, OID_MS_SECURITY_ID,
        OID_EXT_REQUESTER_ID, "2.5.29.18" /* issuer alternative name */, "2.5.29.30" /* name constraints */,
        "2.5.29.33" /* policy mappings */, "2.5.29.36" /* policy constraints */, "2.5.29.54" /* inhibit any policy */};

    for (size_t i = 0; i < sizeof protected_oids / sizeof *protected_oids; i++)
        if (strcmp(oid, protected_oids[i]) == 0)
            return true;
    return false;
}

static bool copies_protected_extension(const struct template *t)
{
    for (size_t i = 0; i < t->request_extensions.count; i++)
        if (extension_is_protected(t->request_extensions.items[i]))
            return true;
    return false;
}

static bool no_eku(const struct template *t) { return t->ekus.count == 0 && !is_ca(t); }
static bool any_eku(const struct template *t) { return has_eku(t, OID_EKU_ANY); }
static bool any_policy(const struct template *t) { return strings_contain(&t->policies, "2.5.29.32.0"); }

static bool supplies_without_approval(const struct template *t)
{
    return (t->name_flag & NAMEFLAG_SUPPLIES) && !pends(t) &&
           (template_authenticates(t) || has_eku(t, OID_EKU_SERVER_AUTH) || has_eku(t, OID_EKU_EMAIL) || is_ca(t));
}

static bool ca_without_two(const struct template *t) { return is_ca(t) && !(pends(t) && t->approvals >= 2); }

static bool signs_without_ca(const struct template *t)
{
    return !is_ca(t) && (t->key_usage & (KEY_USAGE_CERT_SIGN | KEY_USAGE_CRL_SIGN));
}

static bool agent_without_approval(const struct template *t) { return !pends(t) && has_eku(t, OID_EKU_AGENT); }

/* Names out of a request that an agent made are nobody's: the entry that is asked for would no longer say whose they are. */
static bool agent_names(const struct template *t)
{
    return (t->enrollment_flag & ENROLL_ON_BEHALF_OF) && (t->name_flag & NAMEFLAG_SUPPLIES);
}

static bool no_validity(const struct template *t) { return t->validity_s <= 0; }
static bool no_names(const struct template *t) { return !(t->name_flag & NAMEFLAG_KNOWN_NAMES); }

/* The e-mail of a subject stands beside a common name, never alone. */
static bool only_subject_email(const struct template *t)
{
    return (t->name_flag & NAMEFLAG_KNOWN_NAMES) == NAMEFLAG_SUBJECT_EMAIL;
}

/* ---- signatures of enrolment agents: one, by submit --on-behalf-of ---- */

static bool many_signatures(const struct template *t) { return t->ra_signatures > 1; }

static bool signature_without_agent(const struct template *t)
{
    return t->ra_signatures > 0 && !(t->enrollment_flag & ENROLL_ON_BEHALF_OF);
}

/* MS-CRTD 2.23: from schema version 3 on the attribute is a list of name`type`value`, of which policies are one. */
static bool composite_policies(const struct template *t) { return t->schema_version >= 3 && t->ra_application_policies.count > 0; }

static bool oids_only(const struct strings *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (!oid_is_valid(list->items[i]))
            return false;
    return true;
}

static bool malformed_ra_policies(const struct template *t)
{
    return !oids_only(&t->ra_policies) || (t->schema_version < 3 && !oids_only(&t->ra_application_policies));
}

static bool policies_without_signature(const struct template *t)
{
    return t->ra_signatures == 0 && (t->ra_policies.count || (t->schema_version < 3 && t->ra_application_policies.count));
}

/* ---- versions ---- */

static bool unknown_schema(const struct template *t) { return t->schema_version < 1 || t->schema_version > 4; }
static bool no_oid(const struct template *t) { return t->schema_version >= 2 && !t->oid; }

static bool supersedes_itself(const struct template *t) { return strings_contain_nocase(&t->supersedes, t->name); }

/* What may be critical: whatever else is listed would be refused by the signer's lint, or is not made. */
static bool critical_not_made(const struct template *t)
{
    static const char *const free_oids[] = {OID_KEY_USAGE, OID_EKU, OID_POLICIES, OID_APPLICATION_POLICIES, OID_BASIC_CONSTRAINTS};

    for (size_t i = 0; i < t->critical.count; i++) {
        bool known = strings_contain(&t->request_extensions, t->critical.items[i]);
        for (size_t j = 0; j < sizeof free_oids / sizeof *free_oids && !known; j++)
            known = strcmp(t->critical.items[i], free_oids[j]) == 0;
        if (!known)
            return true;
    }
    return false;
}

static bool auto_enrollment_differs(const struct template *t)
{
    return !(t->enrollment_flag & ENROLL_AUTO) != (t->auto_enroll.count == 0);
}

static bool application_policy_outside(const struct template *t)
{
    for (size_t i = 0; i < t->application_policies.count; i++)
        if (!strings_contain(&t->ekus, t->application_policies.items[i]))
            return true;
    return false;
}

static bool small_key(const struct template *t) /* up to 1024 it can be a curve's size: 256, 384, 521 */
{
    unsigned bits = t->minimal_key_size;
    return bits && (bits < 255 || (bits > 521 && bits < 2048) || bits > 16384);
}

static bool weak_overlap(const struct template *t) { return t->validity_s > 0 && t->overlap_s >= t->validity_s; }
static bool nobody(const struct template *t) { return t->enroll.count == 0; }
static bool no_key_usage(const struct template *t) { return t->key_usage == 0; }

static bool ocsp_without_approval(const struct template *t)
{
    return has_eku(t, OID_EKU_OCSP) && !pends(t);
}

static bool unrevocable(const struct template *t)
{
    return (t->enrollment_flag & (ENROLL_NO_REVOCATION_INFO | ENROLL_OCSP_NOCHECK)) && !has_eku(t, OID_EKU_OCSP);
}

static bool approvals_without_pend(const struct template *t) { return t->approvals > 0 && !pends(t); }
static bool long_validity(const struct template *t) { return !is_ca(t) && t->validity_s > INT64_C(5) * 366 * 86400; }

static const struct rule {
    bool (*found)(const struct template *t);
    bool fatal;
    const char *reason;
    const char *message;
} rules[] = {
    {no_eku, true, "template.no_eku", "it names no extended key usage: its certificates would be good for everything"},
    {any_eku, true, "template.any_eku", "it names anyExtendedKeyUsage: its certificates would be good for everything"},
    {supplies_without_approval, true, "template.supplies_names",
     "the enrollee supplies names and no officer approves: whoever may enrol could become anybody; make it pend"},
    {ca_without_two, true, "template.ca_approvals", "it makes CA certificates: it must pend and ask for two approvals"},
    {signs_without_ca, true, "template.cert_sign", "only a CA template may have keyCertSign or cRLSign"},
    {agent_without_approval, true, "template.agent", "an enrolment agent acts for others: it must pend"},
    {agent_names, true, "template.agent_names", "it is asked for on behalf of others, and the request would say whose names they are"},
    {no_validity, true, "template.no_validity", "it says no validity (pKIExpirationPeriod)"},
    {no_names, true, "template.no_names", "its name flags give a certificate neither subject nor alternative name"},
    {only_subject_email, true, "template.no_names",
     "its name flags give nothing but an e-mail address in the subject; add a common name or an alternative name"},
    {many_signatures, true, "template.ra_signatures",
     "it asks for more than one agent's signature (msPKI-RA-Signature): a request carries one"},
    {signature_without_agent, true, "template.ra_without_agent",
     "it asks for an agent's signature without allowing agents (msPKI-Enrollment-Flag 0x800): nobody could enrol"},
    {composite_policies, true, "template.ra_composite",
     "msPKI-RA-Application-Policies in the form of schema version 3 and 4 is not read here; use version 2"},
    {malformed_ra_policies, true, "template.ra_policies", "msPKI-RA-Policies or msPKI-RA-Application-Policies has what is no identifier"},
    {policies_without_signature, false, "template.ra_unused",
     "msPKI-RA-Policies and msPKI-RA-Application-Policies have no effect unless msPKI-RA-Signature is 1"},
    {unknown_schema, true, "template.schema_version", "msPKI-Template-Schema-Version is none of 1 to 4"},
    {no_oid, true, "template.no_oid", "a template of schema version 2 or later needs msPKI-Cert-Template-OID"},
    {supersedes_itself, true, "template.supersedes", "it supersedes itself"},
    {critical_not_made, true, "template.critical",
     "pKICriticalExtensions lists an extension that is not made here or must not be critical (RFC 5280 4.2)"},
    {auto_enrollment_differs, false, "template.auto_enrollment",
     "automatic enrolment is half set: the flag (0x20) and chanceryAutoEnroll go together"},
    {application_policy_outside, true, "template.application_policies",
     "msPKI-Certificate-Application-Policy names what pKIExtendedKeyUsage does not"},
    {any_policy, true, "template.any_policy", "it names anyPolicy"},
    {copies_protected_extension, true, "template.request_extension",
     "chanceryRequestExtension lists an extension that only the authority may form"},
    {small_key, true, "template.key_size", "msPKI-Minimal-Key-Size is neither a curve (256, 384, 521) nor 2048 to 16384"},
    {unrevocable, true, "template.unrevocable", "it leaves revocation information out of certificates that are not for OCSP"},
    {weak_overlap, false, "template.overlap", "renewal would begin before the certificate does"},
    {nobody, false, "template.nobody", "nobody may enrol (chanceryEnroll)"},
    {no_key_usage, false, "template.no_key_usage", "it names no key usage"},
    {ocsp_without_approval, false, "template.ocsp", "an OCSP signer speaks for the CA; it should pend"},
    {approvals_without_pend, false, "template.approvals", "chanceryApprovals has no effect unless it pends (0x2)"},
    {long_validity, false, "template.long_validity", "its certificates live for more than five years"},
};

size_t template_lint(const struct template *template, struct template_finding findings[TEMPLATE_FINDINGS_MAX])
{
    size_t count = 0;

    _Static_assert(sizeof rules / sizeof *rules + 24 <= TEMPLATE_FINDINGS_MAX, "every rule, and every flag, can find something");
    template_lint_flags(template, findings, &count);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!rules[i].found(template) || GUARD_OFF(rules[i].reason))
            continue;
        struct template_finding *finding = &findings[count++];
        finding->fatal = rules[i].fatal;
        snprintf(finding->reason, sizeof finding->reason, "%s", rules[i].reason);
        snprintf(finding->message, sizeof finding->message, "template %s: %s", template->name, rules[i].message);
    }
    return count;
}
