/* What a site's program prints, and what becomes of the properties: never more than there was. */
#include <stdlib.h>
#include <string.h>

#include "ca/policy/exec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void properties_make(struct properties *p)
{
    memset(p, 0, sizeof *p);
    properties_add_name(p, NAME_DNS, "web07.example.com");
    properties_add_name(p, NAME_EMAIL, "a@example.com");
    strings_add(&p->ekus, "1.3.6.1.5.5.7.3.1");
    strings_add(&p->ekus, "1.3.6.1.5.5.7.3.2");
    p->key_usage = KEY_USAGE_DIGITAL_SIGNATURE;
    p->validity_s = 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = ERROR_NONE;
    struct strings allowed = {NULL, 0};
    struct exec_answer answer;
    struct properties p;

    strings_add(&allowed, "1.2.3.99");
    properties_make(&p);
    if (exec_answer_read(bytes_of(data, size), &answer, &error) == OK) {
        exec_answer_apply(&answer, &allowed, &p, &error);
        if (p.name_count > 2 || p.ekus.count > 2 || p.ekus.count < 1 || p.ca || p.validity_s > 1000 || p.validity_s < 1 ||
            p.extension_count > 1 || (p.key_usage & ~(unsigned)KEY_USAGE_DIGITAL_SIGNATURE))
            __builtin_trap(); /* it widened something */
        exec_answer_free(&answer);
    } else if (error.reason[0] == '\0') {
        __builtin_trap(); /* a refusal without a reason */
    }
    properties_free(&p);
    strings_free(&allowed);
    return 0;
}
