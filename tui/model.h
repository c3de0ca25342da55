/* The console's model: everything that is shown and nothing of how. Plain owned values, no curses types, no I/O.
 * Rows come in pages of the API; only a window around the cursor is kept, however long the table is. */
#ifndef CHANCERY_TUI_MODEL_H
#define CHANCERY_TUI_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/base/buf.h"
#include "ca/base/error.h"
#include "ca/request.h"

enum folder { FOLDER_PENDING, FOLDER_ISSUED, FOLDER_FAILED, FOLDER_REVOKED, FOLDER_USAGES, FOLDER_HEALTH, FOLDER_FIND, FOLDER_COUNT };

/* ---- values that come from the authority; the *_free functions free the contents and zero the struct ---- */

struct row { /* of a list: indexed columns only */
    uint64_t id;
    enum disposition disposition;
    int64_t submitted_at, resolved_at, not_after, revoked_at; /* 0: none */
    char *requester, *template_name, *subject, *name, *message, *serial, *revocation_reason; /* never NULL */
};
struct page {
    struct row *rows;
    size_t count;
    bool more; /* in the direction that was asked */
};
void row_free(struct row *row);
void page_free(struct page *page);

struct field { /* a line of the detail view */
    char *label; /* NULL value: a heading */
    char *value;
};
struct object { /* one request with everything that is known of it */
    uint64_t id;
    enum disposition disposition;
    int64_t resolved_at;
    char *subject, *requester, *template_name; /* never NULL */
    bool has_certificate;
    char *serial;
    int64_t not_before, not_after;
    uint8_t sha256[32], sha1[20], key_sha256[32];
    struct field *fields;
    size_t field_count;
};
int object_add_field(struct object *object, const char *label, const char *value); /* OK or INTERNAL */
void object_free(struct object *object);

enum link_state { LINK_PRESENT, LINK_MISSING, LINK_WRONG_STORE };
struct link {
    char *subject;
    bool root; /* belongs in the trusted root store, else in the intermediate one */
    enum link_state state;
    bool known; /* fingerprints and certificate are there: it can be imported */
    uint8_t sha256[32], sha1[20];
    char *pem;
};
struct usage_choice {
    char *name, *title, *now; /* now: what is assigned, "..91A4, 12 d" or "none" */
    bool fits, ticked, asked;
    char *why; /* it does not fit, "" */
};
struct returned { /* the wizard's page: request returned */
    struct object object;
    char *host, *message; /* message: of the last verdict */
    bool complete;
    struct link *links;
    size_t link_count;
    struct strings findings;
    struct usage_choice *usages;
    size_t usage_count;
};
void returned_free(struct returned *returned);

struct usage_line { /* Usages: an assignment, or a usage with none */
    char *usage, *title, *host, *fingerprint, *state, *by;
    uint64_t request_id; /* 0: none */
    int64_t at;
};
struct health_line {
    unsigned state; /* 0 ok, 1 warning, 2 error, 3 unknown */
    char *name, *message;
};
struct hello { /* header and counts */
    char *ca_name, *account;
    unsigned roles;
    uint64_t counts[FOLDER_COUNT];
    bool counted;
    unsigned health; /* worst state; 3 until known */
    bool health_known;
};

/* ---- asking: what update wants done, and what comes back ---- */

enum query_kind {
    QUERY_NONE,
    QUERY_HELLO,
    QUERY_PAGE,
    QUERY_FIND,
    QUERY_OBJECT,
    QUERY_RETURNED,
    QUERY_USAGES,
    QUERY_HEALTH,
    /* from here on something changes */
    ACT_ISSUE,
    ACT_DENY,
    ACT_REVOKE,
    ACT_RELEASE,
    ACT_CRL,
    ACT_IMPORT,
    ACT_ASSIGN,
    QUERY_KINDS
};
static inline bool query_changes(enum query_kind kind) {
    return kind >= ACT_ISSUE;
}

enum fetch { FETCH_REPLACE, FETCH_APPEND, FETCH_PREPEND }; /* what a page does to the window */

struct query {
    enum query_kind kind;
    uint64_t ticket;
    enum folder folder;      /* QUERY_PAGE */
    uint64_t after;          /* the row before, 0: from the end that comes first */
    bool backwards;          /* towards the start of the folder; rows still come in the folder's order */
    enum fetch fetch;
    size_t limit;
    uint64_t id;             /* RequestID */
    enum disposition seen;   /* the version that the officer saw */
    int64_t seen_resolved_at;
    char *text;              /* find: text; deny: message; revoke: reason; assign: host; import: SHA-256 in hex */
    char *pem;               /* import */
    bool root, delta;
    struct strings usages;
};
void query_free(struct query *query);

struct answer {
    uint64_t ticket;
    enum query_kind kind;
    enum folder folder;
    uint64_t after;
    bool backwards;
    enum fetch fetch;
    struct error error;
    struct hello hello;
    struct page page;
    struct object object;
    struct returned returned;
    struct usage_line *usages;
    size_t usage_count;
    struct health_line *health;
    size_t health_count;
    char *text; /* an action's outcome in words */
    uint64_t id;
    bool issued;
};
void answer_free(struct answer *answer);
void usage_lines_free(struct usage_line *lines, size_t count);
void health_lines_free(struct health_line *lines, size_t count);
void hello_free(struct hello *hello);

/* ---- the model itself ---- */

enum page_view { VIEW_LIST, VIEW_DETAIL, VIEW_WIZARD };

enum dialog_kind { DIALOG_NONE, DIALOG_CONFIRM, DIALOG_INPUT, DIALOG_CHOICE, DIALOG_HELP, DIALOG_TEXT };
enum action; /* action.h */

struct target { /* what an action is about to change, as it was seen */
    uint64_t id;
    enum disposition disposition;
    int64_t resolved_at;
    char *subject, *requester, *template_name;
    bool has_certificate;
    uint8_t sha256[32], sha1[20], key_sha256[32];
};
void target_free(struct target *target);

#define INPUT_MAX 1024
struct dialog {
    enum dialog_kind kind;
    int action;              /* enum action that the dialog is for */
    char input[INPUT_MAX];   /* DIALOG_INPUT: UTF-8, kept for the confirmation */
    size_t input_size;
    int choice;              /* DIALOG_CHOICE: row, -1: none selected */
    int scroll;
    struct strings lines;    /* DIALOG_TEXT */
    char *title;
    struct target target;
    size_t link;             /* import: which link of the wizard's page */
};

#define WINDOW_MAX 400 /* rows kept around the cursor */
struct list {
    size_t selected, top;
};

struct model {
    int rows, cols;          /* the screen */
    bool utf8;
    int64_t now, last_key_at;
    bool read_only, read_only_forced; /* forced: --read-only, until `w` */
    struct hello hello;
    bool connected;

    enum folder folder, folder_before_find;
    enum page_view view;
    struct list lists[FOLDER_COUNT];
    struct row *window;      /* of the open folder of requests */
    size_t window_count;
    bool loaded, failed, more_before, more_after; /* failed: the last answer for this folder was an error */
    char find[INPUT_MAX];

    struct object object;    /* detail view */
    int detail_scroll;
    struct returned returned; /* wizard */
    size_t wizard_at;        /* row of the usages */
    int wizard_scroll;
    enum page_view back[4];  /* where Esc leads, below the list of the folder */
    size_t depth;
    struct usage_line *usages;
    size_t usage_count;
    struct health_line *health;
    size_t health_count;

    struct dialog dialog;
    char status[512];
    int status_style;        /* enum style */
    uint64_t last_issued;    /* for `a` right after `i` */

    uint64_t next_ticket;
    uint64_t waiting[QUERY_KINDS]; /* ticket that is under way by kind, 0: none */
    int intent;              /* action that waits for QUERY_OBJECT, 0: none */
    bool g_pressed;
};

void model_open(struct model *model, int rows, int cols, bool utf8, bool read_only, int64_t now);
void model_free(struct model *model);
bool folder_has_requests(enum folder folder);
const struct row *model_row(const struct model *model); /* the selected one, NULL: none */
size_t model_row_count(const struct model *model);      /* of the open folder's list */
void model_status(struct model *model, int style, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Frees the old text, takes a copy of the new one ("" for NULL). */
void text_set(char **to, const char *from);

#endif
