/* Enrolment agents: who asks for a certificate on behalf of somebody else. The request is a PKCS#10 inside a CMS SignedData,
 * signed with an agent's certificate of this CA, and [agent.NAME] in the configuration says which agent may ask for which template
 * for members of which group. Nothing else does: without such a section nobody asks for others. [agents] protected names groups
 * for whose members nobody ever does (REFUSALS 3). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/oid.h"
#include "ca/x509/cms.h"
#include "ca/x509/extension.h"

#define SECTION_SIZE 96
#define CANDIDATES_MAX 16

/* ---- the configuration ---- */

static const char *section_text(const struct conf *conf, const char *name, const char *item)
{
    char section[SECTION_SIZE];
    snprintf(section, sizeof section, "agent.%s", name);
    return conf_text(conf, section, item);
}

static int check_dn(const struct conf *conf, const char *section, const char *item, const char *text, struct error *error)
{
    char *dn = NULL;
    int status = text && *text && dn_normalise(text, &dn, NULL) == OK && *dn
                     ? OK
                     : error_set(error, BAD_CONFIG, "config.agent", "%s: [%s] %s must be the DN of an entry", conf_path(conf), section, item);
    free(dn);
    return status;
}

static int check_section(const struct conf *conf, const char *name, struct error *error)
{
    const char *template_name = section_text(conf, name, "template");
    char section[SECTION_SIZE];
    int written = snprintf(section, sizeof section, "agent.%s", name);
    if (written < 0 || (size_t)written >= sizeof section)
        return error_set(error, BAD_CONFIG, "config.agent", "%s: the section [agent.%.40s…] has too long a name", conf_path(conf), name);
    int status = check_dn(conf, section, "agent", section_text(conf, name, "agent"), error);
    if (!status)
        status = check_dn(conf, section, "targets", section_text(conf, name, "targets"), error);
    if (!status && (!template_name || !*template_name))
        status = error_set(error, BAD_CONFIG, "config.agent", "%s: [%s] template must name a template", conf_path(conf), section);
    return status;
}

static int protected_groups(const struct conf *conf, struct strings *groups)
{
    const char *text = conf_text(conf, "agents", "protected");
    return text ? strings_split(groups, text, ";") : OK;
}

int agents_check(const struct conf *conf, struct error *error)
{
    struct strings names = {0}, groups = {0};
    int status = conf_sections(conf, "agent", &names) || protected_groups(conf, &groups) ? error_memory(error) : OK;
    for (size_t i = 0; i < names.count && !status; i++)
        status = check_section(conf, names.items[i], error);
    for (size_t i = 0; i < groups.count && !status; i++)
        status = check_dn(conf, "agents", "protected", groups.items[i], error);
    if (!status && names.count && !conf_text(conf, "directory", "uri"))
        status = error_set(error, BAD_CONFIG, "config.agent", "%s: [agent.%s] names entries of a directory, and [directory] uri none",
                           conf_path(conf), names.items[0]);
    strings_free(&names);
    strings_free(&groups);
    return status;
}

/* ---- whom he may ask for ---- */

static int member_of(struct authority *authority, const char *dn, const char *group, bool *member, struct error *error)
{
    struct strings groups = {0};
    int status = strings_add(&groups, group) ? error_memory(error) : OK;
    if (!status)
        status = directory_is_member(authority->directory, dn, &groups, true, member, error);
    strings_free(&groups);
    return status;
}

/* Is there an entry agent -> template -> a group that the target is in? Asked of the directory afresh, never of a cache. */
static int entry_permits(struct authority *authority, const struct request *request, struct error *error)
{
    struct strings names = {0};
    bool permitted = false;
    int status = conf_sections(authority->conf, "agent", &names) ? error_memory(error) : OK;
    for (size_t i = 0; i < names.count && !status && !permitted; i++) {
        const char *template_name = section_text(authority->conf, names.items[i], "template");
        if (dn_equal(section_text(authority->conf, names.items[i], "agent"), request->requester_dn) &&
            strcasecmp(template_name, request->template_name) == 0)
            status = member_of(authority, request->on_behalf_of, section_text(authority->conf, names.items[i], "targets"), &permitted,
                               error);
    }
    strings_free(&names);
    if (!status && !permitted)
        status = error_set(error, DENIED, "agent.none",
                           "%s may not ask for template %s on behalf of %s: no [agent.NAME] of the configuration says so",
                           request->requester_dn, request->template_name, request->on_behalf_of);
    return status;
}

static bool is_agent_himself(struct authority *authority, const char *dn)
{
    struct strings names = {0};
    bool found = conf_sections(authority->conf, "agent", &names) != OK; /* without memory: rather too much than too little */
    for (size_t i = 0; i < names.count && !found; i++)
        found = dn_equal(section_text(authority->conf, names.items[i], "agent"), dn);
    strings_free(&names);
    return found;
}

/* An agent who could ask for another agent would be both of them. */
static int target_unprotected(struct authority *authority, const struct request *request, struct error *error)
{
    struct strings groups = {0};
    bool member = is_agent_himself(authority, request->on_behalf_of);
    int status = protected_groups(authority->conf, &groups) ? error_memory(error) : OK;
    if (!status && !member && groups.count)
        status = directory_is_member(authority->directory, request->on_behalf_of, &groups, true, &member, error);
    strings_free(&groups);
    if (!status && member)
        status = error_set(error, DENIED, "agent.protected",
                           "nobody asks for a certificate on behalf of %s: an agent, or in a protected group ([agents] protected)",
                           request->on_behalf_of);
    return status;
}

/* ---- the agent's certificate ---- */

/* Does the certificate say what the template asks of the agent who signs (msPKI-RA-*)? All of them, not one (MS-CRTD 2.22, 2.23). */
static int policies_suffice(const struct template *template, const struct certificate_facts *facts, struct error *error)
{
    struct strings policies = {0};
    const char *missing = NULL;
    const struct extension *extension = extension_find(facts->extensions, facts->extension_count, OID_POLICIES);
    int status = extension ? extension_read_policies(bytes_of(extension->value, extension->size), &policies) : OK;
    for (size_t i = 0; i < template->ra_application_policies.count && !missing; i++)
        if (!strings_contain(&facts->ekus, template->ra_application_policies.items[i]))
            missing = template->ra_application_policies.items[i];
    for (size_t i = 0; i < template->ra_policies.count && !missing; i++)
        if (!strings_contain(&policies, template->ra_policies.items[i]))
            missing = template->ra_policies.items[i];
    strings_free(&policies);
    if (status || missing)
        return error_set(error, DENIED, "agent.policies", "template %s asks for %s in the certificate of the agent who signs, which has it not",
                         template->name, missing ? missing : "certificate policies");
    return OK;
}

static int time_check(const struct certificate *certificate, struct error *error)
{
    int64_t now = clock_now();
    if (certificate->not_after > now && certificate->not_before <= now)
        return OK;
    return error_set(error, DENIED, "agent.expired", "the agent's certificate (request %llu) has expired or is not yet valid",
                     (unsigned long long)certificate->id);
}

static int standing_check(const struct certificate *certificate, const struct request *request, struct error *error)
{
    if (certificate->revocation_reason >= 0 || request->disposition == DISPOSITION_REVOKED)
        return error_set(error, DENIED, "agent.revoked", "the agent's certificate (request %llu) is revoked", (unsigned long long)certificate->id);
    if (request->disposition != DISPOSITION_ISSUED)
        return error_set(error, DENIED, "agent.foreign", "the agent's certificate (request %llu) was not issued by this CA",
                         (unsigned long long)certificate->id);
    return time_check(certificate, error);
}

/* Everything about the agent's certificate that may change between the request and its approval. */
static int certificate_check(struct authority *authority, const struct request *asked, const struct template *template, struct error *error)
{
    struct certificate certificate = {0};
    struct certificate_facts facts = {0};
    struct request request = {0};
    int status = certificates_get(authority->store, asked->agent_id, &certificate, error);
    if (!status)
        status = requests_get(authority->store, asked->agent_id, &request, error);
    if (!status)
        status = standing_check(&certificate, &request, error);
    if (!status)
        status = certificate_read(bytes_of(certificate.der, certificate.der_size), &facts, error);
    if (!status && !strings_contain(&facts.ekus, OID_EKU_AGENT))
        status = error_set(error, DENIED, "agent.not_agent", "the certificate that signed (request %llu) is no enrolment agent's (%s)",
                           (unsigned long long)asked->agent_id, OID_EKU_AGENT);
    if (!status && !dn_equal(request_holder_dn(&request), asked->requester_dn))
        status = error_set(error, DENIED, "agent.not_own", "the agent's certificate (request %llu) is that of another entry than %s, who asks",
                           (unsigned long long)asked->agent_id, asked->requester_dn);
    if (!status)
        status = policies_suffice(template, &facts, error);
    certificate_facts_free(&facts);
    certificate_record_free(&certificate);
    request_free(&request);
    return status;
}

/* ---- whose certificate signed: an exact match in our own database ---- */

static bool signer_is(const struct cms *cms, const struct certificate *certificate)
{
    struct certificate_facts facts = {0};
    bool same = certificate_read(bytes_of(certificate->der, certificate->der_size), &facts, NULL) == OK &&
                (cms->issuer.size ? bytes_equal(cms->issuer, buf_bytes(&facts.issuer_name)) && facts.serial.size == cms->serial.size &&
                                        memcmp(facts.serial.octets, cms->serial.octets, cms->serial.size) == 0
                                  : bytes_equal(cms->key_id, buf_bytes(&facts.key_id)));
    certificate_facts_free(&facts);
    return same;
}

static int signer_candidates(struct authority *authority, const struct cms *cms, uint64_t ids[CANDIDATES_MAX], size_t *count,
                             struct error *error)
{
    if (cms->issuer.size)
        return certificates_find(authority->store, CERTIFICATE_BY_SERIAL, bytes_of(cms->serial.octets, cms->serial.size), ids,
                                 CANDIDATES_MAX, count, error);
    int status = OK; /* by key identifier: one of those that were sent along, octet for octet */
    for (size_t i = 0; i < cms->certificate_count && !status && *count < CANDIDATES_MAX; i++) {
        uint8_t digest[32];
        size_t found = 0;
        sha256_of(cms->certificates[i], digest);
        status = certificates_find(authority->store, CERTIFICATE_BY_SHA256, bytes_of(digest, 32), ids + *count, 1, &found, error);
        *count += found;
    }
    return status;
}

static int signer_find(struct authority *authority, const struct cms *cms, struct bytes der, uint64_t *agent_id, struct error *error)
{
    uint64_t ids[CANDIDATES_MAX];
    size_t count = 0;
    int status = signer_candidates(authority, cms, ids, &count, error);
    *agent_id = 0;
    for (size_t i = 0; i < count && !status && !*agent_id; i++) {
        struct certificate certificate = {0};
        struct error why = ERROR_NONE;
        status = certificates_get(authority->store, ids[i], &certificate, error);
        if (!status && signer_is(cms, &certificate)) {
            *agent_id = ids[i];
            status = time_check(&certificate, error); /* first: a signature made after its end does not verify either */
            if (!status && cms_verify(der, bytes_of(certificate.der, certificate.der_size), &why))
                status = error_set(error, why.status == BAD_DATA ? DENIED : why.status, "agent.signature",
                                   "the agent's signature is not over this request, or not by his key: %s", why.message);
        }
        certificate_record_free(&certificate);
    }
    if (!status && !*agent_id)
        status = error_set(error, DENIED, "agent.foreign", "the certificate that signed the request is not one that this CA has issued");
    return status;
}

/* ---- for the pipeline ---- */

static int envelope_open(struct authority *authority, struct bytes der, struct renewal *out, struct error *error)
{
    static const char how[] = "a request on behalf of another is a PKCS#10 inside CMS SignedData (openssl cms -sign -nodetach -binary)";
    static const char *const labels[] = {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", NULL};
    struct error why = ERROR_NONE;
    struct cms cms;
    if (!cms_is_signed(der))
        return error_set(error, BAD_DATA, "agent.form", "%s; this is none", how);
    if (cms_read(der, &cms, &why) || pem_or_der(cms.content, labels, &out->pkcs10, NULL, &why))
        return error_set(error, why.status, why.status == BAD_DATA ? "agent.form" : why.reason, "%s: %.600s", how, why.message);
    return signer_find(authority, &cms, der, &out->agent_id, error);
}

int agent_open(struct authority *authority, struct bytes submitted, struct renewal *out, struct error *error)
{
    static const char *const labels[] = {"CMS", "PKCS7", "PKCS #7 SIGNED DATA", NULL};
    struct buf der = BUF_EMPTY;
    memset(out, 0, sizeof *out);
    if (submitted.size > 2 * CMS_SIZE_MAX)
        return error_set(error, BAD_DATA, "request.size", "the request is larger than %d octets", PKCS10_SIZE_MAX);
    int status = pem_or_der(submitted, labels, &der, NULL, error);
    if (status == BAD_DATA)
        error_prefix(error, "this is no CMS SignedData around a PKCS#10");
    if (!status)
        status = envelope_open(authority, buf_bytes(&der), out, error);
    buf_free(&der);
    return status;
}

int agent_take(struct request *request, const char *on_behalf_of, uint64_t agent_id, struct error *error)
{
    if (dn_normalise(on_behalf_of, &request->on_behalf_of, NULL) || !*request->on_behalf_of)
        return error_set(error, BAD_DATA, "agent.target", "on behalf of whom? \"%.100s\" is not the DN of an entry", on_behalf_of);
    request->agent_id = agent_id;
    return OK;
}

int agent_judge(struct authority *authority, const struct request *request, const struct template *template, struct error *error)
{
    int status = OK;
    if (!request->on_behalf_of)
        return template->ra_signatures ? error_set(error, DENIED, "agent.needed",
                                                   "template %s is asked for by enrolment agents only (submit --on-behalf-of)", template->name)
                                       : OK;
    if (!(template->enrollment_flag & ENROLL_ON_BEHALF_OF))
        status = error_set(error, DENIED, "agent.template", "template %s is not one that agents may ask for (msPKI-Enrollment-Flag 0x800)",
                           template->name);
    else if (!request->requester_dn || !authority->directory)
        status = error_set(error, DENIED, "agent.none", "an agent must have an entry in the directory");
    else if (dn_equal(request->on_behalf_of, request->requester_dn))
        status = error_set(error, DENIED, "agent.self", "nobody asks on behalf of himself; submit the request without an agent");
    if (!status)
        status = certificate_check(authority, request, template, error);
    if (!status)
        status = entry_permits(authority, request, error);
    return status ? status : target_unprotected(authority, request, error);
}
