/* The main loop on a terminal, and the line by line one of --plain. */
#ifndef CHANCERY_TUI_LOOP_H
#define CHANCERY_TUI_LOOP_H

#include "tui/model.h"
#include "tui/screen.h"
#include "tui/worker.h"

/* Both run until the person or a signal ends them. */
int loop_run(struct model *model, struct worker *worker, const struct screen_options *options, struct error *error);
int plain_run(struct model *model, struct transport *transport, FILE *in, FILE *out);

#endif
