/* The table of actions: what a person can do, in one row each. Help, the footer, the rights and the equal command read it. */
#ifndef CHANCERY_TUI_ACTION_H
#define CHANCERY_TUI_ACTION_H

#include "ca/base/buf.h"
#include "tui/model.h"

enum action {
    ACTION_NONE,
    ACTION_UP, ACTION_DOWN, ACTION_PAGE_UP, ACTION_PAGE_DOWN, ACTION_FIRST, ACTION_FIRST_PREFIX, ACTION_LAST,
    ACTION_OPEN, ACTION_BACK, ACTION_QUIT, ACTION_FOLDER, ACTION_NEXT_FOLDER, ACTION_REFRESH, ACTION_HELP, ACTION_COMMAND,
    ACTION_WRITABLE, ACTION_FIND, ACTION_VERIFY, ACTION_STOP,
    ACTION_TICK, ACTION_FINISH,
    ACTION_ISSUE, ACTION_DENY, ACTION_REVOKE, ACTION_HOLD, ACTION_RELEASE, ACTION_CRL, ACTION_ASSIGN, ACTION_IMPORT,
    ACTION_YES, ACTION_CANCEL, ACTION_ACCEPT, ACTION_ERASE, ACTION_ERASE_ALL, ACTION_CHOOSE,
    ACTION_COUNT
};

enum confirmation { CONFIRM_NOT, CONFIRM_ASKS };

struct action_row {
    const char *name;     /* "issue": in the footer and help */
    const char *help;     /* a sentence for the help page */
    const char *verb;     /* "ISSUE": in its confirmation */
    enum confirmation confirmation;
    unsigned roles;       /* one of these; 0: anybody */
    unsigned dispositions; /* DISPOSITION_BIT of those that it applies to; 0: no request needed */
    enum query_kind query; /* what is sent once confirmed */
};
#define DISPOSITION_BIT(d) (1u << (d))
const struct action_row *action_row(enum action action);

/* The command line that does the same. */
void action_command(const struct model *model, enum action action, struct buf *out);
/* Why this caller may not do it now ("read-only: w makes it writable"), or NULL. */
const char *action_refusal(const struct model *model, enum action action, char *room, size_t size);
void roles_text(unsigned roles, struct buf *out); /* "officer, auditor" */

struct choice { /* of a dialog that asks which */
    char letter;
    const char *name, *help;
};
/* The rows of an action's choice dialog, ended by letter 0; NULL: it has none. */
const struct choice *action_choices(enum action action);

#endif
