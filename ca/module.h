/* The ONLY header that a policy or exit module includes (chancery-module(3)).
 *
 * A module is one const struct at the end of one file, exported as `chancery_module`, loaded by name from one
 * root-owned directory: policy "enterprise" is policy_enterprise.so, exit "publish/ldap" is publish_ldap.so.
 * Policy modules run inside the authority (fully trusted: loaded code), verify_request from several threads at once.
 * Exit modules run in an exit host, one process and one thread a module. Functions named chancery_* are the host's.
 * Strings that accessors return live until the call that was handed the object returns. Text from accessors is hostile. */
#ifndef CHANCERY_MODULE_H
#define CHANCERY_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/base/conf.h"
#include "ca/event.h"
#include "ca/request.h"
#include "ca/template.h"

#define CHANCERY_MODULE_ABI 1

enum chancery_module_kind { CHANCERY_POLICY = 1, CHANCERY_EXIT };

enum chancery_verdict { CHANCERY_ISSUE = 1, CHANCERY_DENY, CHANCERY_PEND, CHANCERY_TRY_AGAIN /* 75: directory down */ };
enum chancery_outcome { CHANCERY_DONE = 1, CHANCERY_RETRY, CHANCERY_GIVE_UP /* never can: parked at once */ };

/* One request before a policy module [ICertServerPolicy]. */
struct chancery_request;
const struct request *chancery_request_value(const struct chancery_request *request); /* read-only; extensions there are officers' */
const struct identity *chancery_request_requester(const struct chancery_request *request);
bool chancery_request_is_resubmission(const struct chancery_request *request); /* an officer approves: approval counts, all else anew */
const struct template *chancery_request_template(const struct chancery_request *request); /* the adopted copy; NULL: none of that name */
/* Names in the request as parsed: SANs of every extensionRequest attribute and of the attribute list; where an officer set the
 * alternative names, his instead, for they go into the certificate. */
size_t chancery_request_names(const struct chancery_request *request, const struct general_name **names);
/* Extensions in the request, all attributes of it, in order, without those that an officer set or took out. */
size_t chancery_request_extensions(const struct chancery_request *request, const struct extension **extensions);
/* "rsa", "ecdsa", "ed25519"; bits: modulus or curve. */
const char *chancery_request_key(const struct chancery_request *request, unsigned *bits);
/* The properties to fill in; shared by all modules of the chain, in order. */
struct properties *chancery_request_properties(struct chancery_request *request);
/* Never widens a validity that was already set. */
void chancery_set_validity(struct chancery_request *request, int64_t validity_s);
/* Why: a stable reason code and a sentence. */
void chancery_set_message(struct chancery_request *request, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Policy: starts the module's program (`program` below), hands it the input and gives back its end. OK, or TEMPORARY when there is no
 * end to speak of: a failure of this is never a verdict. The caller frees the output. */
enum chancery_run_end { CHANCERY_RUN_EXITED = 1, CHANCERY_RUN_KILLED, CHANCERY_RUN_TIMEOUT, CHANCERY_RUN_TOO_MUCH, CHANCERY_RUN_NOT_STARTED };
struct chancery_run {
    enum chancery_run_end end;
    int status;        /* what it exited with, the signal, or errno */
    struct buf output; /* of CHANCERY_RUN_EXITED */
};
int chancery_run_program(const struct chancery_request *request, struct bytes input, struct chancery_run *run, struct error *error);

struct chancery_delivery { /* one event before an exit module */
    const struct event *event;
    enum chancery_outcome outcome; /* set by the module; RETRY when it sets none */
    char message[256];             /* why not done */
};

struct chancery_module {
    int abi; /* CHANCERY_MODULE_ABI */
    const char *name; /* "enterprise", "publish/ldap" */
    enum chancery_module_kind kind;
    uint32_t event_mask; /* exit: enum event_kind */
    /* Items of the section "policy.NAME", or "publish.NAME" for exit modules publish/NAME; ended by section NULL. */
    const struct conf_item *items;
    /* Policy, may be NULL: the section whose items `program` (path), `timeout` (duration) and `output` (octets) say what the forker may
     * start for this module, under the exit user. */
    const char *program;
    /* Judges the configuration alone, touches nothing outside: `chanceryd -t`. OK or an error. */
    int (*check)(const struct conf *conf, struct error *error);
    /* Once, at start; a failure stops the daemon with its message. A directory that is down is no failure. */
    int (*open)(const struct conf *conf, void **state, struct error *error);
    void (*close)(void *state);
    enum chancery_verdict (*verify_request)(void *state, struct chancery_request *request);
    void (*notify)(void *state, struct chancery_delivery *deliveries, size_t count);
    /* Exit, may be NULL: what the module needs of the outside, each line "ok …" or "missing …" (`publish check`). */
    int (*probe)(void *state, const char *dn, struct strings *lines, struct error *error);
};

#endif
