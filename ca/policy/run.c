/* The chain of policy modules: found by name in one guarded directory, opened in configured order, asked in that order.
 * What a module sees of a request (chancery_request_*) is here as well; what a module decides is in the modules. */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/base/file.h"
#include "ca/base/text.h"
#include "ca/policy/policy.h"

struct link {
    void *handle; /* NULL: linked in */
    const struct chancery_module *module;
    void *state;
    bool opened;
};

struct policy {
    struct link *links;
    size_t count;
    policy_runner runner;
    void *runner_argument;
};

struct chancery_request {
    const struct policy *policy;
    const struct chancery_module *module; /* that is asked just now */
    const struct policy_input *input;
    struct policy_result *result;
    char reason[64]; /* that module's */
    char message[512];
};

/* ---- what modules see ---- */

const struct request *chancery_request_value(const struct chancery_request *request) { return request->input->request; }
const struct identity *chancery_request_requester(const struct chancery_request *request) { return request->input->requester; }
bool chancery_request_is_resubmission(const struct chancery_request *request) { return request->input->resubmission; }
const struct template *chancery_request_template(const struct chancery_request *request) { return request->input->template; }
struct properties *chancery_request_properties(struct chancery_request *request) { return &request->result->properties; }

size_t chancery_request_names(const struct chancery_request *request, const struct general_name **names)
{
    *names = request->input->names;
    return request->input->name_count;
}

size_t chancery_request_extensions(const struct chancery_request *request, const struct extension **extensions)
{
    *extensions = request->input->extensions;
    return request->input->extension_count;
}

const char *chancery_request_key(const struct chancery_request *request, unsigned *bits)
{
    *bits = request->input->key_bits;
    return request->input->key_algorithm;
}

void chancery_set_validity(struct chancery_request *request, int64_t validity_s)
{
    int64_t *set = &request->result->properties.validity_s;

    if (validity_s > 0 && (*set == 0 || validity_s < *set))
        *set = validity_s;
}

void chancery_set_message(struct chancery_request *request, const char *reason, const char *format, ...)
{
    va_list arguments;

    snprintf(request->reason, sizeof request->reason, "%s", reason);
    va_start(arguments, format);
    vsnprintf(request->message, sizeof request->message, format, arguments);
    va_end(arguments);
}

int chancery_run_program(const struct chancery_request *request, struct bytes input, struct chancery_run *run, struct error *error)
{
    const struct policy *policy = request->policy;

    *run = (struct chancery_run){.output = BUF_EMPTY};
    if (!policy->runner)
        return error_set(error, TEMPORARY, "policy.no_runner", "nothing here can start the program of policy module %s", request->module->name);
    return policy->runner(policy->runner_argument, request->module->name, input, run, error);
}

void policy_set_runner(struct policy *policy, policy_runner runner, void *argument)
{
    policy->runner = runner;
    policy->runner_argument = argument;
}

/* ---- loading ---- */

static bool name_is_plain(const char *name)
{
    size_t length = strlen(name);

    return length > 0 && length <= 64 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}

/* Who can write here is the authority. */
static int place_check(const char *directory, struct error *error)
{
    struct stat st;

    if (stat(directory, &st) != 0 || !S_ISDIR(st.st_mode))
        return error_set(error, BAD_CONFIG, "module.directory", "%s, where modules are looked for, is no directory", directory);
    if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)))
        return error_set(error, BAD_CONFIG, "module.directory",
                         "%s must belong to root and be writable by nobody else: modules are loaded from it", directory);
    return OK;
}

static int module_check(const struct chancery_module *module, const char *path, const char *name, struct error *error)
{
    const char *trouble = !module                                ? "it exports no chancery_module"
                          : module->abi != CHANCERY_MODULE_ABI   ? "it was built for another version of chancery"
                          : module->kind != CHANCERY_POLICY      ? "it is no policy module"
                          : !module->name || strcmp(module->name, name) ? "it has another name"
                          : !module->verify_request              ? "it verifies nothing"
                                                                 : NULL;

    return trouble ? error_set(error, BAD_CONFIG, "module.load", "policy module %s: %s", path, trouble) : OK;
}

static int link_append(struct policy *policy, void *handle, const struct chancery_module *module, struct error *error)
{
    struct link *grown = realloc(policy->links, (policy->count + 1) * sizeof *grown);

    if (!grown)
        return error_memory(error);
    policy->links = grown;
    policy->links[policy->count++] = (struct link){handle, module, NULL, false};
    return OK;
}

static int module_load(struct policy *policy, const char *directory, const char *name, struct error *error)
{
    struct buf path = BUF_EMPTY;
    void *handle = NULL;
    const struct chancery_module *module;
    int status = OK;

    if (!name_is_plain(name))
        return error_set(error, BAD_CONFIG, "module.name", "[policy] modules: a name has a-z, 0-9, _ and - only");
    buf_printf(&path, "%s/policy_%s.so", directory, name);
    if (path.failed)
        status = error_memory(error);
    if (status == OK)
        status = file_check_owner(buf_text(&path), geteuid(), error);
    if (status == OK && !(handle = dlopen(buf_text(&path), RTLD_NOW | RTLD_LOCAL)))
        status = error_set(error, BAD_CONFIG, "module.load", "policy module %s", dlerror());
    if (status == OK) {
        module = dlsym(handle, "chancery_module");
        status = module_check(module, buf_text(&path), name, error);
        if (status == OK)
            status = link_append(policy, handle, module, error);
    }
    if (status != OK && handle)
        dlclose(handle);
    buf_free(&path);
    return status;
}

int policy_load(const char *directory, const struct strings *names, struct policy **out, struct error *error)
{
    struct policy *policy = calloc(1, sizeof *policy);
    size_t count = names ? names->count : 0;
    int status = policy ? OK : error_memory(error);

    *out = NULL;
    if (status == OK && count)
        status = place_check(directory, error);
    for (size_t i = 0; status == OK && i < count; i++)
        status = module_load(policy, directory, names->items[i], error);
    if (status == OK)
        *out = policy;
    else
        policy_close(policy);
    return status;
}

int policy_add(struct policy *policy, const struct chancery_module *module, struct error *error)
{
    int status = module_check(module, "(linked in)", module->name, error);

    return status == OK ? link_append(policy, NULL, module, error) : status;
}

size_t policy_count(const struct policy *policy)
{
    return policy->count;
}

const struct chancery_module *policy_module(const struct policy *policy, size_t index)
{
    return policy->links[index].module;
}

/* ---- opening ---- */

int policy_check(const struct policy *policy, const struct conf *conf, struct error *error)
{
    int status = policy->count ? OK
                               : error_set(error, BAD_CONFIG, "policy.none",
                                           "no policy module is configured ([policy] modules): every request would be denied");

    for (size_t i = 0; i < policy->count && status == OK; i++)
        if (policy->links[i].module->check)
            status = policy->links[i].module->check(conf, error);
    return status;
}

int policy_open(struct policy *policy, const struct conf *conf, struct error *error)
{
    for (size_t i = 0; i < policy->count; i++) {
        struct link *link = &policy->links[i];
        int status = link->module->open ? link->module->open(conf, &link->state, error) : OK;
        if (status != OK)
            return error_prefix(error, "policy module %s", link->module->name);
        link->opened = true;
    }
    return OK;
}

void policy_close(struct policy *policy)
{
    if (!policy)
        return;
    while (policy->count) {
        struct link *link = &policy->links[--policy->count];
        if (link->opened && link->module->close)
            link->module->close(link->state);
        if (link->handle)
            dlclose(link->handle);
    }
    free(policy->links);
    free(policy);
}

/* ---- asking ---- */

static const char *const silent[] = {[CHANCERY_ISSUE] = "issued", [CHANCERY_DENY] = "denied by the policy module",
                                     [CHANCERY_PEND] = "waits for an officer", [CHANCERY_TRY_AGAIN] = "try again later"};

/* A later PEND does not replace the first one's words, nor does ISSUE after it; an ISSUE without words adds none. */
static void verdict_take(const struct chancery_request *request, enum chancery_verdict verdict)
{
    struct policy_result *result = request->result;
    bool first = result->verdict == 0;

    if (result->verdict == CHANCERY_PEND && (verdict == CHANCERY_ISSUE || verdict == CHANCERY_PEND))
        return;
    result->verdict = verdict;
    if (request->reason[0]) {
        snprintf(result->reason, sizeof result->reason, "%s", request->reason);
        snprintf(result->message, sizeof result->message, "%s", request->message);
    } else if (first || verdict != CHANCERY_ISSUE) {
        snprintf(result->reason, sizeof result->reason, "policy.%.50s", request->module->name);
        snprintf(result->message, sizeof result->message, "%s", silent[verdict]);
    }
}

static void link_ask(const struct policy *policy, const struct link *link, const struct policy_input *input, struct policy_result *result)
{
    struct chancery_request request = {.policy = policy, .module = link->module, .input = input, .result = result};
    enum chancery_verdict verdict = link->module->verify_request(link->state, &request);

    if (verdict < CHANCERY_ISSUE || verdict > CHANCERY_TRY_AGAIN) {
        chancery_set_message(&request, "policy.verdict", "policy module %s gave no verdict that is known; nothing is issued",
                             link->module->name);
        verdict = CHANCERY_DENY;
    }
    verdict_take(&request, verdict);
}

void policy_verify(struct policy *policy, const struct policy_input *input, struct policy_result *result)
{
    memset(result, 0, sizeof *result);
    result->properties.path_length = -1;
    if (policy->count == 0) {
        result->verdict = CHANCERY_DENY;
        snprintf(result->reason, sizeof result->reason, "policy.none");
        snprintf(result->message, sizeof result->message, "no policy module is configured: nothing is issued");
    }
    for (size_t i = 0; i < policy->count; i++) {
        link_ask(policy, &policy->links[i], input, result);
        if (result->verdict == CHANCERY_DENY || result->verdict == CHANCERY_TRY_AGAIN)
            break;
    }
}

void policy_result_free(struct policy_result *result)
{
    properties_free(&result->properties);
    memset(result, 0, sizeof *result);
}
