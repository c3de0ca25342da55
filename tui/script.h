/* The console without a terminal: keys from a text, questions answered at once, the last screen as a golden grid. */
#ifndef CHANCERY_TUI_SCRIPT_H
#define CHANCERY_TUI_SCRIPT_H

#include "tui/source.h"
#include "tui/update.h"

/* Runs an event and everything that follows from it, asking the transport in the foreground. true: the console quits. */
bool script_event(struct model *model, struct transport *transport, const struct tui_event *event);
/* Keys as key_parse reads them; also <paste TEXT>, <size 40x10> and <wait SECONDS>. USAGE for a key that it does not know.
 * *quit: the script left the console. */
int script_run(struct model *model, struct transport *transport, const char *keys, bool *quit, struct error *error);
/* "80x24" */
int size_parse(const char *text, int *cols, int *rows);

#endif
