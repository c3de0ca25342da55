/* Every refusal is a guard. In a build for tests/refusals (--enable-mutants) each place that refuses can be switched off by the
 * environment, CHANCERY_MUTANT=REASON@FILE:LINE,…, and with CHANCERY_GUARDS set each says on standard error that it was reached. In
 * every other build there is nothing of this: GUARD_OFF is false. */
#ifndef CHANCERY_BASE_GUARD_H
#define CHANCERY_BASE_GUARD_H

#include <stdbool.h>

#ifdef CHANCERY_MUTANTS
#define GUARD_TEXT_(line) #line
#define GUARD_TEXT(line) GUARD_TEXT_(line)
/* Any thread. */
bool guard_off(const char *place, const char *reason);
#define GUARD_OFF(reason) guard_off(__FILE__ ":" GUARD_TEXT(__LINE__), reason)
#else
#define GUARD_OFF(reason) false
#endif

#endif
