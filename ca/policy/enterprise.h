/* The enterprise policy's inside: what is known while one request is judged. Only ca/policy/enterprise*.c include this. */
#ifndef CHANCERY_POLICY_ENTERPRISE_H
#define CHANCERY_POLICY_ENTERPRISE_H

#include "ca/base/guard.h"
#include "ca/directory/directory.h"
#include "ca/module.h"

struct enterprise {
    struct directory *directory;
    struct strings policies;   /* certificate policies that templates may name */
    struct strings privileged; /* of these the ones that need two approvals */
};

struct decision {
    struct enterprise *enterprise;
    struct chancery_request *request;
    const struct request *value;
    const struct template *template;
    const struct identity *requester;
    struct properties *properties;
    struct directory_entries found;
    const struct directory_entry *entry; /* the requester's, read for this request */
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

/* CHANCERY_ISSUE: nothing against it. In the order in which they are asked. */
enum chancery_verdict extensions_judge(struct decision *d); /* enterprise_extension.c */
enum chancery_verdict names_judge(struct decision *d);      /* enterprise_names.c: subject and names into properties */
enum chancery_verdict unique_judge(struct decision *d);     /* enterprise_unique.c: no other entry has these names */
enum chancery_verdict foreign_judge(struct decision *d);    /* enterprise_unique.c: names in the request are not another's */

/* Is the text one of the attribute's values (ASCII case-blind)? */
bool entry_has(const struct directory_entry *entry, const char *attribute, const char *text);
bool template_supplies(const struct template *template); /* the enrollee supplies names */
bool template_supplies_subject(const struct template *template);
bool template_pends(const struct template *template);
bool name_is_own(const struct decision *d, const struct general_name *name);
bool email_is_plain(const char *text); /* one @ with something on both sides, printable ASCII, no blanks */

#endif
