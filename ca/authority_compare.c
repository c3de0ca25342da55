/* What the directory holds for this CA is compared with what was published, at every CRL run (cron's, every quarter of an hour):
 * the CA's certificates and the newest CRL of each key. What others changed there is put right by the exit module and is an audit
 * record, publish.repaired (ca/exit/drain.c). Rows for it are written only where nothing waits: what is on its way is no difference. */
#include <stdlib.h>
#include <string.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/log.h"

struct comparison {
    struct authority *authority;
    struct buf certificates; /* all of the CA's, one after the other */
    struct crl_record crls[2 * CA_KEYS_MAX];
    size_t crl_count;
    bool idle[PUBLISH_MODULES_MAX];
};

static int certificates_gather(struct comparison *c)
{
    const struct issuer *issuers[CA_CERTIFICATES_MAX];
    size_t count = authority_issuers(c->authority, issuers);

    for (size_t i = 0; i < count; i++)
        buf_add(&c->certificates, issuers[i]->certificate.data, issuers[i]->certificate.size);
    return c->certificates.failed ? INTERNAL : OK;
}

static int crls_gather(struct comparison *c, struct error *error)
{
    size_t keys = authority_key_count(c->authority);

    for (unsigned i = 0; i < 2 * keys && i < 2 * CA_KEYS_MAX; i++) {
        struct error none = ERROR_NONE;
        int status = crls_latest(c->authority->store, i / 2, 0, i % 2 == 1, &c->crls[c->crl_count], &none);
        if (status == OK)
            c->crl_count++;
        else if (status != REFUSED)
            return error_set(error, status, none.reason, "%s", none.message);
    }
    return OK;
}

/* Which modules ask for it and have nothing waiting or parked. */
static int idle_gather(struct comparison *c, bool *any, struct error *error)
{
    const struct authority_options *options = &c->authority->options;
    int status = OK;

    *any = false;
    for (size_t i = 0; i < options->exit_count && i < PUBLISH_MODULES_MAX && status == OK; i++) {
        struct outbox_stats stats;
        if (!(options->exits[i].event_mask & EVENT_COMPARE))
            continue;
        status = outbox_stats(c->authority->store, options->exits[i].name, &stats, error);
        c->idle[i] = status == OK && stats.waiting == 0 && stats.parked == 0;
        *any |= c->idle[i];
    }
    return status;
}

static void comparison_add(struct comparison *c, struct store_txn *txn, const char *module)
{
    struct event event = {.kind = EVENT_COMPARE, .at = clock_now(), .reason = -1, .crl_fd = -1, .again = true,
                          .certificate = c->certificates.data, .certificate_size = c->certificates.size};

    outbox_add(txn, module, &event);
    for (size_t i = 0; i < c->crl_count; i++) {
        const struct crl_record *crl = &c->crls[i];
        event = (struct event){.kind = EVENT_CRL_ISSUED, .at = clock_now(), .reason = -1, .crl_fd = -1, .again = true,
                               .crl_number = crl->number, .key_index = crl->key_index, .delta = crl->delta,
                               .superseded = crl->key_index + 1 < authority_key_count(c->authority)};
        outbox_add(txn, module, &event);
    }
}

static int comparison_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct comparison *c = argument;

    (void)error;
    for (size_t i = 0; i < c->authority->options.exit_count && i < PUBLISH_MODULES_MAX; i++)
        if (c->idle[i])
            comparison_add(c, txn, c->authority->options.exits[i].name);
    return store_txn_failed(txn);
}

void authority_compare(struct authority *authority)
{
    struct comparison *c = calloc(1, sizeof *c);
    struct error error = ERROR_NONE;
    bool any = false;
    int status = c != NULL ? OK : error_memory(&error);

    if (status == OK) {
        c->authority = authority;
        status = idle_gather(c, &any, &error);
    }
    if (status == OK && any && certificates_gather(c) != OK)
        status = error_memory(&error);
    if (status == OK && any)
        status = crls_gather(c, &error);
    if (status == OK && any)
        status = store_write_reserved(authority->store, comparison_store, c, &error);
    if (status != OK)
        log_warn("what is published is not compared this time: %s", error.message);
    if (c != NULL)
        buf_free(&c->certificates);
    free(c);
}
