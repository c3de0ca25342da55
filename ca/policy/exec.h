/* The inside of the policy module "exec": what its program is told, and what its answer may do. Only ca/policy/exec*.c and their tests
 * include this. The JSON is documented in chancery-module(3). */
#ifndef CHANCERY_POLICY_EXEC_H
#define CHANCERY_POLICY_EXEC_H

#include "ca/module.h"

#define EXEC_MESSAGE_MAX 400
#define EXEC_EXTENSIONS_MAX 16
#define EXEC_EXTENSION_MAX 4096 /* octets of one value */
#define EXEC_LIST_MAX 100

/* What the program is told: one JSON object. INTERNAL without memory. */
int exec_request_write(const struct chancery_request *request, struct buf *out, struct error *error);

/* What it answered, read strictly. Zeroed: nothing was said. */
struct exec_answer {
    char *message;
    int64_t validity_s, not_after; /* 0: not said */
    bool has_ekus, has_names, has_key_usage, no_publishing;
    struct strings ekus, names; /* names as "dns:web07.example.com" */
    unsigned key_usage;
    struct extension *extensions;
    size_t extension_count;
};
/* BAD_DATA "policy.exec_answer" with what is wrong. No octets at all are an answer that says nothing. */
int exec_answer_read(struct bytes text, struct exec_answer *out, struct error *error);
void exec_answer_free(struct exec_answer *answer);
/* Narrows the properties by it, all or nothing: a shorter validity, fewer names, usages and purposes, and extensions that `allowed` lists
 * and nobody set before. BAD_DATA "policy.exec_widens" for what would be more than there was. */
int exec_answer_apply(const struct exec_answer *answer, const struct strings *allowed, struct properties *properties, struct error *error);
const char *exec_usage_name(size_t index, unsigned *bit); /* the names of key usages in both JSONs; NULL past the last */

#endif
