/* update(model, event) -> effects: everything that happens, as a pure function. No I/O, no clock, no threads. */
#ifndef CHANCERY_TUI_UPDATE_H
#define CHANCERY_TUI_UPDATE_H

#include "tui/model.h"

#define IDLE_READ_ONLY_S 900

enum event_kind_tui { EVENT_START, EVENT_KEY, EVENT_PASTE, EVENT_RESIZE, EVENT_TICK, EVENT_ANSWER };
struct tui_event {
    enum event_kind_tui kind;
    int64_t now;            /* seconds since 1970, always set */
    uint32_t key;
    const char *text;       /* EVENT_PASTE: borrowed, size octets */
    size_t size;
    int rows, cols;
    struct answer *answer;  /* EVENT_ANSWER: emptied */
};

#define EFFECTS_MAX 6
struct effects {
    struct query queries[EFFECTS_MAX]; /* to be asked, in order; owned: effects_free */
    size_t count;
    bool quit;
    bool cancel; /* nobody waits any more for what runs */
};
void effects_free(struct effects *effects);
void update(struct model *model, const struct tui_event *event, struct effects *effects);

#endif
