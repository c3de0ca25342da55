/* The policy module "standalone": a CA without any directory, such as an offline root. Templates are adopted from files of root's, names
 * come from the request and are shown to the officer, and everything waits for one; what makes a CA waits for two. The rules that need
 * no directory are those of enterprise (decision.c). */
#include <stdlib.h>
#include <string.h>

#include "ca/policy/decision.h"

struct standalone {
    struct strings policies, privileged;
};

/* ---- rules ---- */

static enum chancery_verdict source_judge(struct decision *d)
{
    if (template_supplies_subject(d->template))
        return CHANCERY_ISSUE;
    return decision_deny(d, "standalone.needs_directory",
                         "template %s takes names from the requester's entry, and this CA has no directory; use one whose names the request supplies",
                         d->template->name);
}

/* A certificate for clients must say who its holder is in a way that outlives his name, and there is nobody here who knows. */
static enum chancery_verdict client_judge(struct decision *d)
{
    if ((d->template->flags & TEMPLATE_IS_CA) || !template_authenticates(d->template))
        return CHANCERY_ISSUE;
    return decision_deny(d, "subject.no_identifier",
                         "certificates of template %s can authenticate clients and must carry an immutable identifier of the requester, which "
                         "only a directory has", d->template->name);
}

static enum chancery_verdict supplied_judge(struct decision *d)
{
    struct buf subject = BUF_EMPTY;
    enum chancery_verdict verdict = decision_san_supplied(d);

    if (verdict == CHANCERY_ISSUE)
        verdict = decision_subject_supplied(d, &subject);
    if (verdict == CHANCERY_ISSUE)
        verdict = decision_subject_set(d, &subject);
    if (verdict == CHANCERY_ISSUE && (d->template->flags & TEMPLATE_IS_CA) && subject.size == 0)
        verdict = decision_deny(d, "subject.no_names", "a CA needs a subject (RFC 5280 4.1.2.6)");
    buf_free(&subject);
    return verdict;
}

static enum chancery_verdict standalone_verify(void *state, struct chancery_request *request)
{
    static enum chancery_verdict (*const rules[])(struct decision *) = {
        template_judge, source_judge,   client_judge,   attributes_judge, key_judge,
        extensions_judge, supplied_judge, policies_judge, properties_fill,  approvals_judge};
    struct standalone *standalone = state;
    struct decision d = {.policies = &standalone->policies,
                         .privileged = &standalone->privileged,
                         .approvals_min = 1,
                         .request = request,
                         .value = chancery_request_value(request),
                         .template = chancery_request_template(request),
                         .requester = chancery_request_requester(request),
                         .properties = chancery_request_properties(request)};
    enum chancery_verdict verdict = CHANCERY_ISSUE;

    for (size_t i = 0; i < sizeof rules / sizeof *rules && verdict == CHANCERY_ISSUE; i++)
        verdict = rules[i](&d);
    return verdict;
}

/* ---- the module ---- */

/* Each of the two says what a certificate holds: only one can. */
static int alone_check(const struct conf *conf, struct error *error)
{
    struct strings modules = {NULL, 0};
    int status = conf_list(conf, "policy", "modules", &modules) == OK ? OK : error_memory(error);

    if (status == OK && strings_contain(&modules, "enterprise"))
        status = error_set(error, BAD_CONFIG, "policy.order", "[policy] modules: either enterprise or standalone gives certificates their names, not both");
    strings_free(&modules);
    return status;
}

static void standalone_close(void *state)
{
    struct standalone *standalone = state;

    strings_free(&standalone->policies);
    strings_free(&standalone->privileged);
    free(standalone);
}

static int standalone_open(const struct conf *conf, void **state, struct error *error)
{
    struct standalone *standalone = calloc(1, sizeof *standalone);
    int status = standalone ? alone_check(conf, error) : error_memory(error);

    if (status == OK)
        status = decision_policies_read(conf, &standalone->policies, &standalone->privileged, error);
    if (status == OK)
        *state = standalone;
    else if (standalone)
        standalone_close(standalone);
    return status;
}

/* What a start would refuse. */
static int standalone_check(const struct conf *conf, struct error *error)
{
    void *state = NULL;
    int status = standalone_open(conf, &state, error);

    if (status == OK)
        standalone_close(state);
    return status;
}

static const struct conf_item items[] = {
    {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0}, /* what it reads is the CA's: the policies of [certificate] */
};

extern const struct chancery_module chancery_module;
const struct chancery_module chancery_module = {
    .abi = CHANCERY_MODULE_ABI,
    .name = "standalone",
    .kind = CHANCERY_POLICY,
    .items = items,
    .check = standalone_check,
    .open = standalone_open,
    .close = standalone_close,
    .verify_request = standalone_verify,
};
