/* Certificates of others, and TBSCertificates before the lint. */
#include "ca/x509/chain.h"
#include "ca/x509/lint.h"
#include "ca/x509/tbs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The limits are what the input itself says, so that the rules behind issuer and algorithm are reached too. */
static void lint_part(struct bytes in)
{
    struct lint_limits limits = {.validity_max_s = INT64_C(4000000000), .key_usages = 0xffff};
    struct serial serial;
    struct tlv whole, tbs;
    struct tbs_view view;
    const char *what;

    lint_pkcs10(in, &limits, NULL);
    if (walk_next(&in, &whole) != OK || walk_next(&whole.content, &tbs) != OK)
        return;
    if (tbs_split(tbs.whole, &view, &what) == OK) {
        limits.issuer_name = view.issuer;
        limits.algorithm = view.algorithm;
    }
    lint_certificate(tbs.whole, &limits, view.not_before, &serial, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct chain_anchor anchor = {in, true};
    struct certificate_facts facts;
    struct error error = ERROR_NONE;
    struct issuer issuer;
    struct chain chain;

    if (certificate_read(in, &facts, &error) == OK)
        certificate_facts_free(&facts);
    else if (error.status == OK || error.reason[0] == '\0')
        __builtin_trap(); /* a refusal without a reason */
    if (issuer_from_certificate(in, &issuer, NULL) == OK)
        issuer_free(&issuer);
    if (chain_build_at(in, &anchor, 1, INT64_C(1800000000), &chain, NULL) == OK)
        chain_free(&chain);
    lint_part(in);
    return 0;
}
