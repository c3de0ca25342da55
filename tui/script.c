/* The headless driver: the same update and render as on a terminal, in one thread, with the time that it is told. */
#include "tui/script.h"

#include <stdio.h>
#include <string.h>

#include "tui/keys.h"

bool script_event(struct model *model, struct transport *transport, const struct tui_event *event) {
    struct effects effects;
    update(model, event, &effects);
    bool quit = effects.quit;
    for (size_t i = 0; i < effects.count && !quit; i++) {
        struct answer answer;
        source_ask(transport, &effects.queries[i], &answer);
        struct tui_event answered = {.kind = EVENT_ANSWER, .now = event->now, .answer = &answer};
        quit = script_event(model, transport, &answered);
        answer_free(&answer);
    }
    effects_free(&effects);
    return quit;
}

int size_parse(const char *text, int *cols, int *rows) {
    char end;
    bool good = sscanf(text, "%4dx%4d%c", cols, rows, &end) == 2 && *cols > 0 && *rows > 0 && *cols <= 1000 && *rows <= 1000;
    return good ? OK : USAGE;
}

/* <paste TEXT>, <size WxH>, <wait S>: the octets taken, 0: it is none of these. */
static size_t directive_parse(const char *at, struct tui_event *event) {
    const char *end = strchr(at, '>');
    int seconds = 0;
    if (at[0] != '<' || end == NULL)
        return 0;
    size_t size = (size_t)(end - at) + 1;
    char text[32] = "";
    if (strncmp(at, "<paste ", 7) == 0) {
        event->kind = EVENT_PASTE;
        event->text = at + 7;
        event->size = size - 8;
        return size;
    }
    snprintf(text, sizeof text, "%.*s", (int)size - 1, at);
    if (strncmp(text, "<size ", 6) == 0 && size_parse(text + 6, &event->cols, &event->rows) == OK) {
        event->kind = EVENT_RESIZE;
        return size;
    }
    if (sscanf(text, "<wait %9d", &seconds) == 1) {
        event->kind = EVENT_TICK;
        event->now += seconds;
        return size;
    }
    return 0;
}

int script_run(struct model *model, struct transport *transport, const char *keys, bool *quit, struct error *error) {
    *quit = false;
    while (*keys && !*quit) {
        struct tui_event event = {.kind = EVENT_KEY, .now = model->now};
        size_t taken = directive_parse(keys, &event);
        if (taken == 0)
            taken = key_parse(keys, &event.key);
        if (taken == 0)
            return error_set(error, USAGE, "console.script", "The script has no key at: %.20s", keys);
        *quit = script_event(model, transport, &event);
        keys += taken;
    }
    return OK;
}
