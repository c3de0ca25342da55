/* The chain of policy modules: loading, opening, running in configured order. First DENY wins, PEND beats ISSUE. */
#ifndef CHANCERY_POLICY_POLICY_H
#define CHANCERY_POLICY_POLICY_H

#include "ca/module.h"

struct policy;

/* Loads modules by name from `directory` (owned by root, or by us when we are not root; not writable by others).
 * policy_load gives their conf items before the configuration is read in full; policy_open opens them. No names: an empty chain,
 * which denies everything. */
int policy_load(const char *directory, const struct strings *names, struct policy **out, struct error *error);
/* Appends a module that is linked in instead of loaded. It must outlive the policy. */
int policy_add(struct policy *policy, const struct chancery_module *module, struct error *error);
size_t policy_count(const struct policy *policy);
const struct chancery_module *policy_module(const struct policy *policy, size_t index);
int policy_check(const struct policy *policy, const struct conf *conf, struct error *error);
int policy_open(struct policy *policy, const struct conf *conf, struct error *error);
void policy_close(struct policy *policy);
/* How a module's program is started: by whoever has a forker. Set before policy_verify; without it chancery_run_program fails. */
typedef int (*policy_runner)(void *argument, const char *module, struct bytes input, struct chancery_run *run, struct error *error);
void policy_set_runner(struct policy *policy, policy_runner runner, void *argument);

struct policy_input {
    const struct request *request;
    const struct identity *requester;
    bool resubmission;
    const struct template *template; /* adopted copy or NULL */
    const struct general_name *names; /* as parsed from the PKCS#10 */
    size_t name_count;
    const struct extension *extensions; /* as parsed from the PKCS#10 */
    size_t extension_count;
    const char *key_algorithm; /* "rsa" "ecdsa" "ed25519" */
    unsigned key_bits;
};
struct policy_result {
    enum chancery_verdict verdict;
    struct properties properties; /* properties_free */
    char reason[64];
    char message[512];
};
/* Any thread. Never fails: an error of a module is its verdict TRY_AGAIN or DENY. */
void policy_verify(struct policy *policy, const struct policy_input *input, struct policy_result *result);
void policy_result_free(struct policy_result *result);

#endif
