/* What is known while one request is judged, and the rules that enterprise and standalone share (decision*.c). Only ca/policy/enterprise*.c,
 * standalone.c and decision*.c include this. */
#ifndef CHANCERY_POLICY_DECISION_H
#define CHANCERY_POLICY_DECISION_H

#include "ca/base/guard.h"
#include "ca/directory/directory.h"
#include "ca/module.h"

struct decision {
    struct directory *directory;       /* NULL: there is none */
    const struct strings *policies;    /* certificate policies that templates may name */
    const struct strings *privileged;  /* of these the ones that need two approvals */
    unsigned approvals_min;            /* whatever the template says */
    struct chancery_request *request;
    const struct request *value;
    const struct template *template;
    const struct identity *requester;
    struct properties *properties;
    struct directory_entries found;
    const struct directory_entry *entry; /* the requester's, read for this request; NULL: there is no directory */
    struct error error;
};

/* Say why and return the verdict. */
enum chancery_verdict decision_deny(struct decision *d, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#ifdef CHANCERY_MUTANTS
#define decision_deny(d, reason, ...) (GUARD_OFF(reason) ? CHANCERY_ISSUE : (decision_deny)(d, reason, __VA_ARGS__))
#endif
/* The directory gave no answer (d->error): never a verdict on the request. */
enum chancery_verdict decision_again(struct decision *d);
enum chancery_verdict decision_no_memory(struct decision *d);

/* CHANCERY_ISSUE: nothing against it. In the order in which they are asked. */
enum chancery_verdict template_judge(struct decision *d);
enum chancery_verdict attributes_judge(struct decision *d);
enum chancery_verdict key_judge(struct decision *d);
enum chancery_verdict extensions_judge(struct decision *d); /* decision_extension.c */
enum chancery_verdict policies_judge(struct decision *d);
enum chancery_verdict properties_fill(struct decision *d);
enum chancery_verdict approvals_judge(struct decision *d);

/* decision_names.c: names from the request into the properties. */
enum chancery_verdict decision_san_supplied(struct decision *d);
enum chancery_verdict decision_subject_supplied(struct decision *d, struct buf *subject);
enum chancery_verdict decision_subject_set(struct decision *d, const struct buf *subject);
enum chancery_verdict decision_name_add(struct decision *d, enum name_kind kind, const char *value);

/* [certificate] policies and privileged_policies; appended. BAD_CONFIG "policy.config". */
int decision_policies_read(const struct conf *conf, struct strings *policies, struct strings *privileged, struct error *error);

/* Is the text one of the attribute's values (ASCII case-blind)? */
bool entry_has(const struct directory_entry *entry, const char *attribute, const char *text);
bool template_supplies(const struct template *template); /* the enrollee supplies names */
bool template_supplies_subject(const struct template *template);
bool template_pends(const struct template *template);
bool name_is_own(const struct decision *d, const struct general_name *name);
bool text_is_plain(const char *text, size_t size); /* 1 to 255 octets that may be shown as they are */
bool email_is_plain(const char *text); /* one @ with something on both sides, printable ASCII, no blanks */
bool upn_is_plain(const char *text);

#endif
