/* The enterprise policy's inside. Only ca/policy/enterprise*.c include this. */
#ifndef CHANCERY_POLICY_ENTERPRISE_H
#define CHANCERY_POLICY_ENTERPRISE_H

#include "ca/policy/decision.h"

struct enterprise {
    struct directory *directory;
    struct strings policies;   /* certificate policies that templates may name */
    struct strings privileged; /* of these the ones that need two approvals */
};

/* CHANCERY_ISSUE: nothing against it. */
enum chancery_verdict names_judge(struct decision *d);   /* enterprise_names.c: subject and names into properties */
enum chancery_verdict unique_judge(struct decision *d);  /* enterprise_unique.c: no other entry has these names */
enum chancery_verdict foreign_judge(struct decision *d); /* enterprise_unique.c: names in the request are not another's */

#endif
