/* A thread that asks the source, so that the screen never waits. Answers come back through a descriptor that becomes
 * readable. What hangs is left behind by worker_cancel: a new thread with a connection of its own takes over. */
#ifndef CHANCERY_TUI_WORKER_H
#define CHANCERY_TUI_WORKER_H

#include "tui/source.h"

struct worker;
typedef int (*transport_opener)(void *argument, struct transport *out, struct error *error);

/* NULL: no memory or no thread. The argument must live as long as the program. */
struct worker *worker_open(transport_opener opener, void *argument);
void worker_close(struct worker *worker); /* waits for nothing that hangs */
/* Takes over what the query owns. */
void worker_ask(struct worker *worker, struct query *query);
void worker_cancel(struct worker *worker);
int worker_fd(const struct worker *worker);
/* The next answer that is there; false: none. The caller frees it with answer_free. */
bool worker_answer(struct worker *worker, struct answer *answer);

#endif
