/* What the console's tests share: a model over the fixture, driven event by event, with the changes caught and counted. */
#ifndef CHANCERY_TESTS_TUI_HARNESS_H
#define CHANCERY_TESTS_TUI_HARNESS_H

#include "tui/script.h"

#define HARNESS_NOW 1768910400 /* 2026-01-20T12:00:00Z */

struct harness {
    struct transport transport;
    struct model model;
    bool lets_changes; /* they reach the fixture */
    bool holds;        /* questions are not answered until harness_answer */
    size_t changes;    /* asked for so far */
    struct query last_change; /* owned */
    struct query held[32];    /* owned */
    size_t held_count;
    bool quit;
};
void harness_open(struct harness *harness);
void harness_close(struct harness *harness);
/* A new model at the first screen, over the same fixture. */
void harness_start(struct harness *harness, int cols, int rows);
void harness_event(struct harness *harness, struct tui_event event);
void harness_key(struct harness *harness, uint32_t key);
void harness_keys(struct harness *harness, const char *script);
void harness_paste(struct harness *harness, const char *text, size_t size);
void harness_answer(struct harness *harness, size_t index); /* of the held ones */
/* The whole screen as text. Free it. */
char *harness_screen(struct harness *harness);

#endif
