/* The pipeline: request -> policy -> issue -> store -> outbox (publishing is the dispatcher's).
 * pipeline_run reads like that sentence. Decisions of officers on stored requests are in authority_decide.c, the way from a
 * verdict to a durable certificate in authority_issue.c. */
#include "ca/authority.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/log.h"
#include "ca/x509/name.h"

#define SAME_REQUEST_S (24 * 3600)

struct pipeline {
    struct authority *authority;
    const struct identity *caller;  /* who acts: the requester, or the officer that resubmits */
    struct identity requester;
    struct request request;
    struct pkcs10 pkcs10;
    struct template template;
    bool has_template;
    bool resubmission;
    int64_t loaded_at; /* of a resubmission: the request's resolved_at as it was read */
    struct policy_result verdict;
    struct issue issue;
};

static void pipeline_free(struct pipeline *p)
{
    identity_free(&p->requester);
    request_free(&p->request);
    pkcs10_free(&p->pkcs10);
    if (p->has_template)
        template_free(&p->template);
    policy_result_free(&p->verdict);
    issue_free(&p->issue);
}

/* ---- request: what the client sent becomes a value ---- */

static int attribute_take(struct request *request, const char *text, struct error *error)
{
    char name[ATTRIBUTE_NAME_MAX + 1];
    const char *value;
    int status = attribute_split(text, name, &value, error);
    if (!status && request_add_attribute(request, name, value, ORIGIN_REQUEST))
        status = error_set(error, BAD_DATA, "request.attribute_count", "more than %d attributes, or one of them twice", ATTRIBUTES_MAX);
    return status;
}

/* The attribute string as it is kept for ever. */
static void attributes_join(const struct strings *attributes, struct buf *original)
{
    for (size_t i = 0; attributes && i < attributes->count; i++) {
        buf_add_text(original, attributes->items[i]);
        buf_add_byte(original, '\n');
    }
}

static int attributes_take(struct request *request, const struct strings *attributes, struct error *error)
{
    struct buf original = BUF_EMPTY;
    int status = OK;
    for (size_t i = 0; attributes && i < attributes->count && !status; i++)
        status = attribute_take(request, attributes->items[i], error);
    attributes_join(attributes, &original);
    if (!status && !(request->attributes_original = strdup(buf_text(&original))))
        status = error_memory(error);
    buf_free(&original);
    return status;
}

static int template_choose(struct request *request, const char *given, struct error *error)
{
    const char *attribute = request_attribute(request, "CertificateTemplate");
    if (given && attribute && strcmp(given, attribute) != 0)
        return error_set(error, BAD_DATA, "request.template", "two templates are named: %s and %s", given, attribute);
    const char *name = given ? given : attribute ? attribute : request->template_name /* of what is renewed */;
    if (!name || !*name)
        return error_set(error, BAD_DATA, "request.template",
                         "no template is named; use --template NAME (`chancery template list` shows them)");
    if (strlen(name) > 128)
        return error_set(error, BAD_DATA, "request.template", "the template's name is longer than 128 octets");
    char *copy = strdup(name);
    free(request->template_name);
    request->template_name = copy;
    return copy ? OK : error_memory(error);
}

static int names_take(struct request *request, const struct pkcs10 *pkcs10)
{
    int status = OK;
    for (size_t i = 0; i < pkcs10->name_count && !status; i++) {
        struct buf text = BUF_EMPTY;
        buf_printf(&text, "%s:%s", name_kind_name(pkcs10->names[i].kind), pkcs10->names[i].value);
        status = text.failed ? INTERNAL : strings_add_n(&request->names, buf_text(&text), text.size);
        buf_free(&text);
    }
    return status;
}

static int requester_take(struct pipeline *p, struct error *error)
{
    struct request *request = &p->request;
    request->requester_uid = p->requester.uid;
    request->requester = strdup(p->requester.account);
    if (p->requester.dn)
        request->requester_dn = strdup(p->requester.dn);
    return request->requester && (!p->requester.dn || request->requester_dn) ? OK : error_memory(error);
}

static int pkcs10_take(struct pipeline *p, struct bytes der, struct error *error)
{
    struct request *request = &p->request;
    int status = pkcs10_read(der, &p->pkcs10, error);
    if (status)
        return status;
    request->pkcs10 = malloc(der.size);
    request->subject = strdup(p->pkcs10.subject);
    request->key_text = strdup(p->pkcs10.key_text);
    if (!request->pkcs10 || !request->subject || !request->key_text || names_take(request, &p->pkcs10))
        return error_memory(error);
    memcpy(request->pkcs10, der.data, der.size);
    request->pkcs10_size = der.size;
    memcpy(request->pkcs10_sha256, p->pkcs10.sha256, 32);
    memcpy(request->spki_sha256, p->pkcs10.spki_sha256, 32);
    return OK;
}

static int usages_take(struct request *request, const struct strings *usages)
{
    static const char *const shipped[] = {"Default", "WebServicesInternal", "WebServicesExternal"};
    if (usages && usages->count)
        return strings_copy(&request->usages, usages);
    for (size_t i = 0; i < sizeof shipped / sizeof *shipped; i++)
        if (strings_add(&request->usages, shipped[i]))
            return INTERNAL;
    return OK;
}

static int pipeline_request(struct pipeline *p, const struct submission *submission, const struct renewal *renewal, struct error *error)
{
    int status = pkcs10_take(p, buf_bytes(&renewal->pkcs10), error);
    if (!status)
        status = attributes_take(&p->request, submission->attributes, error);
    if (!status)
        status = renewal_attribute(&p->request, renewal, error);
    if (!status)
        status = renewal_find(p->authority, renewal, &p->request, error);
    if (!status)
        status = template_choose(&p->request, submission->template_name, error);
    if (!status)
        status = issue_expiration(&p->request, clock_now(), &(int64_t){0}, error);
    if (!status && usages_take(&p->request, submission->usages))
        status = error_memory(error);
    if (!status)
        status = authority_map(p->authority, &p->requester, error);
    if (status == REFUSED) { /* a failed or ambiguous mapping is a refusal, not a guess */
        error->status = DENIED;
        status = DENIED;
    }
    if (!status)
        status = requester_take(p, error);
    if (!status && submission->on_behalf_of)
        status = agent_take(&p->request, submission->on_behalf_of, renewal->agent_id, error);
    p->request.submitted_at = p->request.resolved_at = clock_now();
    p->request.disposition = DISPOSITION_ACTIVE;
    return status;
}

/* ---- policy: a verdict, with the rules on keys that hold whatever a module says ---- */

static void verdict_deny(struct policy_result *verdict, const char *reason, const char *message)
{
    verdict->verdict = CHANCERY_DENY;
    snprintf(verdict->reason, sizeof verdict->reason, "%s", reason);
    snprintf(verdict->message, sizeof verdict->message, "%.511s", message);
}

/* The subject and names that policy settled on must be such as the lint lets through: said now, before a RequestID is used. */
static int names_check(const struct properties *properties, struct error *error)
{
    const char *what = NULL;
    struct buf der = BUF_EMPTY;
    int status = name_from_text(properties->subject ? properties->subject : "", "subject.form", &der, error);
    if (!status && name_check(buf_bytes(&der), NAME_ISSUE, &what))
        status = error_set(error, BAD_DATA, "subject.form", "the subject cannot stand in a certificate: %s", what);
    if (!status && properties->subject && !*properties->subject && !properties->name_count)
        status = error_set(error, BAD_DATA, "subject.none",
                           "the certificate would have neither subject nor alternative names (RFC 5280 4.1.2.6): name one in the request");
    buf_clear(&der);
    if (!status && properties->name_count)
        status = general_names_add(&der, properties->names, properties->name_count, "subject.names", error);
    buf_free(&der);
    return status;
}

/* The policy sees what would go into the certificate: what an officer set or took out stands in the place of the request's. */
static int policy_ask(struct pipeline *p, struct error *error)
{
    struct general_name *names = NULL;
    struct extension *extensions = NULL;
    size_t name_count = 0, extension_count = 0;
    bool set = false;
    int status = officer_names(&p->request, &names, &name_count, &set, error);
    if (!status && extensions_effective(&p->request, &p->pkcs10, &extensions, &extension_count))
        status = error_memory(error);
    struct identity holder = p->requester; /* borrowed: whose names and whose right to enrol are asked about */
    if (p->request.on_behalf_of)
        holder.dn = p->request.on_behalf_of;
    struct policy_input input = {
        .request = &p->request,
        .requester = &holder,
        .resubmission = p->resubmission,
        .template = p->has_template ? &p->template : NULL,
        .names = set ? names : p->pkcs10.names,
        .name_count = set ? name_count : p->pkcs10.name_count,
        .extensions = extensions,
        .extension_count = extension_count,
        .key_algorithm = p->pkcs10.key_algorithm,
        .key_bits = p->pkcs10.key_bits,
    };
    if (!status)
        policy_verify(p->authority->policy, &input, &p->verdict);
    general_names_free(names, name_count);
    free(extensions);
    return status;
}

static int renewal_check(struct pipeline *p, bool *refused, struct error *error)
{
    struct renewal_fault fault = {0};
    int status = p->has_template ? renewal_judge(p->authority, &p->request, &p->template, &fault, error) : OK;
    *refused = !status && fault.reason;
    if (*refused)
        verdict_deny(&p->verdict, fault.reason, fault.message);
    return status;
}

/* Who asked for whom stands in the words of the verdict, and so on record. */
static void agent_say(const struct request *request, struct policy_result *verdict)
{
    char whole[sizeof verdict->message];
    if (!request->on_behalf_of)
        return;
    snprintf(whole, sizeof whole, "%.300s (on behalf of %.120s, agent's certificate: request %llu)", verdict->message,
             request->on_behalf_of, (unsigned long long)request->agent_id);
    snprintf(verdict->message, sizeof verdict->message, "%s", whole);
}

static int agent_check(struct pipeline *p, bool *refused, struct error *error)
{
    struct error why = ERROR_NONE;
    int status = p->has_template ? agent_judge(p->authority, &p->request, &p->template, &why) : OK;
    *refused = status == DENIED;
    if (*refused)
        verdict_deny(&p->verdict, why.reason, why.message);
    return *refused || !status ? OK : error_set(error, why.status, why.reason, "%s", why.message);
}

static int pipeline_policy(struct pipeline *p, struct error *error)
{
    struct key_fault fault;
    int status = keys_judge(p->authority, &p->request, buf_bytes(&p->pkcs10.spki), &fault, error);
    if (status)
        return status;
    if (fault.reason) {
        verdict_deny(&p->verdict, fault.reason, fault.message);
        return OK;
    }
    struct error none = ERROR_NONE;
    status = template_adopted(p->authority, p->request.template_name, &p->template, p->request.template_digest, &none);
    p->has_template = status == OK;
    bool stopped = status == REFUSED && strcmp(none.reason, "template.unknown") != 0;
    if ((status && status != REFUSED) || (stopped && p->resubmission)) /* what waits for an officer goes on waiting */
        return error_set(error, none.status, none.reason, "%s", none.message);
    if (stopped) {
        verdict_deny(&p->verdict, none.reason, none.message);
        return OK;
    }
    bool refused = false;
    status = renewal_check(p, &refused, error);
    if (status || refused)
        return status;
    status = agent_check(p, &refused, error);
    if (status || refused)
        return status;
    status = policy_ask(p, error);
    if (status)
        return status;
    agent_say(&p->request, &p->verdict);
    if (p->verdict.verdict == CHANCERY_TRY_AGAIN)
        return error_set(error, TEMPORARY, *p->verdict.reason ? p->verdict.reason : "policy.temporary", "%s", p->verdict.message);
    p->request.subject_replaced = p->verdict.properties.subject_replaced;
    return p->verdict.verdict == CHANCERY_DENY ? OK : names_check(&p->verdict.properties, error);
}

/* ---- issue, store, outbox ---- */

static int request_set_verdict(struct request *request, const struct policy_result *verdict)
{
    free(request->message);
    free(request->reason);
    request->message = strdup(verdict->message);
    request->reason = strdup(verdict->reason);
    return request->message && request->reason ? OK : INTERNAL;
}

/* Closure: a verdict that is not ISSUE: request, audit record and outbox rows in one transaction. */
static int verdict_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct pipeline *p = argument;
    bool denied = p->verdict.verdict == CHANCERY_DENY;
    if (!p->resubmission) {
        p->request.id = counter_next(txn, "request");
    } else {
        int status = unchanged_check(txn, p->request.id, p->loaded_at, p->request.disposition, error);
        if (status)
            return status;
    }
    requests_put(txn, &p->request);
    struct event event = authority_event(denied ? EVENT_DENIED : EVENT_PENDING, &p->request, NULL);
    authority_emit(p->authority, txn, &event);
    authority_audit(p->authority, txn, p->caller, p->resubmission ? "request.resubmit" : "request.submit",
                    authority_object(p->request.id).text, denied ? "denied" : "pending", p->verdict.reason, p->verdict.message);
    return store_txn_failed(txn);
}

static int pipeline_store_verdict(struct pipeline *p, struct error *error)
{
    enum disposition next = p->verdict.verdict == CHANCERY_DENY ? DISPOSITION_DENIED : DISPOSITION_PENDING;
    int status = disposition_check(p->request.disposition, next, error);
    if (!status && request_set_verdict(&p->request, &p->verdict))
        status = error_memory(error);
    if (status)
        return status;
    if (next == DISPOSITION_DENIED)
        request_void_approvals(&p->request); /* who resubmits it agrees anew */
    p->request.disposition = next;
    request_touch(&p->request, clock_now());
    return store_write(p->authority->store, verdict_store, p, error);
}

static int pipeline_issue_and_store(struct pipeline *p, struct error *error)
{
    if (request_set_verdict(&p->request, &p->verdict))
        return error_memory(error);
    p->issue.authority = p->authority;
    p->issue.caller = p->caller;
    p->issue.request = &p->request;
    p->issue.properties = &p->verdict.properties;
    p->issue.spki = buf_bytes(&p->pkcs10.spki);
    p->issue.exists = p->resubmission;
    p->issue.loaded_at = p->loaded_at;
    return issue_run(&p->issue, error);
}

/* The sentence. Publishing follows from the outbox rows, in exit/dispatch.c. */
static int pipeline_run(struct pipeline *p, const struct submission *submission, const struct renewal *renewal, struct error *error)
{
    int status = submission ? pipeline_request(p, submission, renewal, error) : OK;
    if (!status)
        status = pipeline_policy(p, error);
    if (!status)
        status = p->verdict.verdict == CHANCERY_ISSUE ? pipeline_issue_and_store(p, error) : pipeline_store_verdict(p, error);
    return status;
}

/* ---- what the client is told ---- */

static void outcome_certificate(struct outcome *outcome, const struct certificate *certificate)
{
    outcome->serial = certificate->serial;
    memcpy(outcome->sha256, certificate->sha256, 32);
    memcpy(outcome->sha1, certificate->sha1, 20);
    outcome->not_before = certificate->not_before;
    outcome->not_after = certificate->not_after;
}

static void outcome_request(struct outcome *outcome, const struct request *request)
{
    outcome->id = request->id;
    outcome->disposition = request->disposition;
    outcome->subject_replaced = request->subject_replaced;
    snprintf(outcome->reason, sizeof outcome->reason, "%s", request->reason ? request->reason : "");
    snprintf(outcome->message, sizeof outcome->message, "%s", request->message ? request->message : "");
}

static void outcome_fill(struct outcome *outcome, const struct pipeline *p)
{
    outcome_request(outcome, &p->request);
    outcome->validity_cut = p->issue.validity_cut;
    if (p->request.disposition == DISPOSITION_ISSUED)
        outcome_certificate(outcome, &p->issue.certificate);
}

/* The certificate whose key signed the submission; "": none did. */
static const char *envelope_object(const struct request *request)
{
    for (size_t i = 0; i < request->attribute_count; i++)
        if (request->attributes[i].origin == ORIGIN_SERVER && attribute_name_equal(request->attributes[i].name, RENEWAL_ATTRIBUTE))
            return request->attributes[i].value;
    return "";
}

/* Whether nothing else is asked for than the first time: template, attributes, usages, what is renewed. */
static bool repeat_same(const struct request *request, const struct submission *submission, const struct renewal *renewal)
{
    struct buf attributes = BUF_EMPTY;
    struct request asked = {0};
    const char *template_name = submission->template_name, *before = request->attributes_original;
    bool same = !submission->on_behalf_of && !request->on_behalf_of && usages_take(&asked, submission->usages) == OK && asked.usages.count == request->usages.count;

    attributes_join(submission->attributes, &attributes);
    same = same && strcmp(envelope_object(request), renewal->object) == 0 && (!template_name || (request->template_name && strcmp(template_name, request->template_name) == 0)) &&
           strcmp(buf_text(&attributes), before ? before : "") == 0;
    for (size_t i = 0; same && i < asked.usages.count; i++)
        same = strcmp(asked.usages.items[i], request->usages.items[i]) == 0;
    buf_free(&attributes);
    request_free(&asked);
    return same;
}

/* The same PKCS#10 from the same requester within a day: its first answer again. *found false: none. */
static int repeat_find(struct authority *a, const struct identity *caller, const struct submission *submission,
                       const struct renewal *renewal, bool *found, struct outcome *outcome)
{
    uint8_t digest[32];
    uint64_t id = 0;
    struct request request = {0};
    struct certificate certificate = {0};
    struct error none = ERROR_NONE;
    sha256_of(buf_bytes(&renewal->pkcs10), digest);
    int status = requests_find_same(a->store, caller->uid, digest, clock_now() - SAME_REQUEST_S, &id, &none);
    if (!status && id)
        status = requests_get(a->store, id, &request, &none);
    *found = !status && id && repeat_same(&request, submission, renewal) && (request.disposition == DISPOSITION_ISSUED || request.disposition == DISPOSITION_PENDING);
    if (*found && request.disposition == DISPOSITION_ISSUED)
        status = certificates_get(a->store, id, &certificate, &none);
    if (*found && !status) {
        outcome_request(outcome, &request);
        outcome->repeated = true;
        if (certificate.der)
            outcome_certificate(outcome, &certificate);
    }
    certificate_record_free(&certificate);
    request_free(&request);
    return OK;
}

int authority_submit(struct authority *authority, const struct identity *caller, const struct submission *submission,
                     struct outcome *outcome, struct error *error)
{
    struct pipeline p = {.authority = authority, .caller = caller};
    struct renewal renewal;
    bool repeated = false;
    memset(outcome, 0, sizeof *outcome);
    int status = submission->on_behalf_of ? agent_open(authority, submission->pkcs10, &renewal, error)
                                          : renewal_open(authority, submission->pkcs10, &renewal, error);
    if (!status)
        status = repeat_find(authority, caller, submission, &renewal, &repeated, outcome);
    if (!status && !repeated && !authority_issuer(authority, error))
        status = error->status;
    if (!status && !repeated)
        status = authority_in_service(authority, error);
    if (!status && !repeated)
        status = signing_check(authority, error) ? error->status : restore_check(authority, error);
    if (!status && !repeated)
        status = store_space(authority->store, error);
    if (!status && !repeated && identity_copy(&p.requester, caller))
        status = error_memory(error);
    if (!status && !repeated)
        status = pipeline_run(&p, submission, &renewal, error);
    if (status)
        authority_audit_refusal(authority, caller, "request.submit", "", error);
    else if (!repeated)
        outcome_fill(outcome, &p);
    renewal_free(&renewal);
    pipeline_free(&p);
    return status;
}

/* ---- resubmission: an officer says yes, and everything else is looked at anew ---- */

static int approval_add(struct request *request, const struct identity *officer, struct error *error)
{
    for (size_t i = 0; i < request->approval_count; i++)
        if (strcmp(request->approvals[i].account, officer->account) == 0)
            return error_set(error, REFUSED, "officer.approved_already",
                             "%s has approved request %llu already: another officer must", officer->account,
                             (unsigned long long)request->id);
    struct approval *more = realloc(request->approvals, (request->approval_count + 1) * sizeof *more);
    if (!more)
        return error_memory(error);
    request->approvals = more;
    more += request->approval_count;
    *more = (struct approval){.account = strdup(officer->account), .dn = officer->dn ? strdup(officer->dn) : NULL, .at = clock_now()};
    request->approval_count++;
    if (!more->account || (officer->dn && !more->dn))
        return error_memory(error);
    free(request->decided_by);
    request->decided_by = strdup(officer->account);
    return request->decided_by ? OK : error_memory(error);
}

static int requester_restore(struct pipeline *p, struct error *error)
{
    p->requester.uid = p->request.requester_uid;
    p->requester.account = strdup(p->request.requester);
    p->requester.dn = p->request.requester_dn ? strdup(p->request.requester_dn) : NULL;
    p->requester.roles = ROLE_ENROL;
    return p->requester.account ? OK : error_memory(error);
}

int authority_resubmit(struct authority *authority, const struct identity *caller, uint64_t id, const struct seen *seen,
                       struct outcome *outcome, struct error *error)
{
    struct pipeline p = {.authority = authority, .caller = caller, .resubmission = true};
    memset(outcome, 0, sizeof *outcome);
    int status = authority_issuer(authority, error) ? signing_check(authority, error) : error->status;
    if (!status)
        status = restore_check(authority, error);
    if (!status)
        status = store_space(authority->store, error);
    if (!status)
        status = authority_in_service(authority, error);
    if (!status)
        status = requests_get(authority->store, id, &p.request, error);
    if (!status)
        status = seen_check(seen, &p.request, error);
    p.loaded_at = p.request.resolved_at;
    if (!status)
        status = disposition_check(p.request.disposition, DISPOSITION_ISSUING, error);
    if (!status && p.request.disposition == DISPOSITION_ACTIVE)
        status = error_set(error, REFUSED, "state.transition", "request %llu is being processed", (unsigned long long)id);
    if (!status)
        status = authority_may_decide(authority, caller, &p.request, error);
    if (!status)
        status = approval_add(&p.request, caller, error);
    if (!status)
        status = requester_restore(&p, error);
    if (!status)
        status = pkcs10_read(bytes_of(p.request.pkcs10, p.request.pkcs10_size), &p.pkcs10, error);
    if (!status)
        status = pipeline_run(&p, NULL, NULL, error);
    if (status)
        authority_audit_refusal(authority, caller, "request.resubmit", authority_object(id).text, error);
    else
        outcome_fill(outcome, &p);
    pipeline_free(&p);
    return status;
}
