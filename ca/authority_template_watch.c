/* The comparison of adopted templates with the directory, in a thread of its own: a template whose entry was changed, removed or
 * replaced is stopped, and stays so until it is adopted again, even when the entry is put back (AUTHORITY.md, templates). Who can
 * write the entry can thus stop issuing, never widen it. Also the difference that an administrator looks at before he adopts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/authority_internal.h"
#include "ca/base/clock.h"
#include "ca/base/log.h"
#include "ca/template_text.h"

struct template_watch {
    struct authority *authority;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
    bool down; /* the directory gave no answer last time: said once */
};

static bool watch_stopped(struct template_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    bool stop = watch->stop;
    pthread_mutex_unlock(&watch->lock);
    return stop;
}

/* ---- stopping ---- */

struct stop {
    struct authority *authority;
    const struct adopted_template *seen;
    const char *reason;
    char message[256];
    struct strings names;
    bool done;
};

static int stop_store(struct store_txn *txn, void *argument, struct error *error)
{
    struct stop *s = argument;
    struct identity daemon = {.uid = -1, .account = (char *)"chanceryd"};
    struct adopted_template row;
    int status = templates_get_txn(txn, s->seen->name, &row);
    (void)error;
    /* retired, or adopted anew since it was compared: what was found is of another copy */
    bool same = !status && !row.stopped_at && row.at == s->seen->at && memcmp(row.digest, s->seen->digest, 32) == 0;
    if (same) {
        struct event event = {.kind = EVENT_TEMPLATES, .at = clock_now(), .reason = -1, .crl_fd = -1, .templates = s->names};
        row.stopped_at = clock_now();
        free(row.stop_reason);
        row.stop_reason = strdup(s->reason);
        templates_put(txn, &row);
        authority_emit(s->authority, txn, &event);
        authority_audit(s->authority, txn, &daemon, "template.stop", row.name, "stopped", s->reason, s->message);
        s->done = true;
    }
    adopted_template_free(&row);
    return status == REFUSED ? OK : store_txn_failed(txn);
}

static void stop_issuing(struct authority *authority, const struct adopted_template *row, const char *reason, const char *message)
{
    struct stop stop = {.authority = authority, .seen = row, .reason = reason};
    struct error error = ERROR_NONE;
    snprintf(stop.message, sizeof stop.message, "%s", message);
    int status = template_names_with(authority, row->name, false, &stop.names, &error);
    if (!status)
        status = store_write(authority->store, stop_store, &stop, &error);
    if (status)
        log_error("template %s differs in the directory and cannot be marked so: %s", row->name, error.message);
    else if (stop.done)
        log_warn("template %s: %s; nothing is issued from it until it is adopted again", row->name, stop.message);
    strings_free(&stop.names);
}

/* ---- comparing ---- */

static bool other_object(const struct adopted_template *row, const char *entry_id)
{
    return row->entry_id && entry_id && strcasecmp(row->entry_id, entry_id) != 0;
}

/* The reason for which it must stop, NULL: none. TEMPORARY in error: nothing can be said now. */
static const char *entry_differs(struct authority *authority, const struct adopted_template *row, struct error *error)
{
    struct template template;
    char *entry_id = NULL;
    uint8_t digest[32] = {0};
    const char *reason = NULL;
    int status = template_fetch(authority, row->name, &template, &entry_id, error);
    if (!status) {
        sha256_of(buf_bytes(&template.canonical), digest);
        if (other_object(row, entry_id))
            reason = "template.replaced";
        else if (memcmp(digest, row->digest, 32) != 0)
            reason = "template.changed";
    } else if (status == BAD_DATA) {
        reason = "template.unreadable";
    } else if (status == REFUSED) {
        reason = strcmp(error->reason, "template.unknown") == 0     ? "template.removed"
                 : strcmp(error->reason, "template.ambiguous") == 0 ? "template.ambiguous"
                                                                    : NULL;
    }
    template_free(&template);
    free(entry_id);
    return reason;
}

static const struct {
    const char *reason, *message;
} differences[] = {
    {"template.changed", "its entry in the directory was changed"},
    {"template.removed", "its entry in the directory is gone"},
    {"template.replaced", "another object stands in its place in the directory"},
    {"template.ambiguous", "more than one object of its name stands in the directory"},
    {"template.unreadable", "its entry in the directory has a value that it must not have"},
};

static const char *difference_message(const char *reason)
{
    for (size_t i = 0; i < sizeof differences / sizeof *differences; i++)
        if (strcmp(differences[i].reason, reason) == 0)
            return differences[i].message;
    return reason;
}

static void watch_compare(struct template_watch *watch)
{
    struct authority *authority = watch->authority;
    struct adopted_template *rows = NULL;
    size_t count = 0;
    struct error error = ERROR_NONE;
    bool down = false;
    if (template_rows(authority, &rows, &count, &error))
        log_warn("templates are not compared with the directory: %s", error.message);
    for (size_t i = 0; i < count && !down && !watch_stopped(watch); i++) {
        if (rows[i].stopped_at)
            continue;
        error_clear(&error);
        const char *reason = entry_differs(authority, &rows[i], &error);
        down = !reason && error.status != OK;
        if (down && !watch->down)
            log_warn("templates are not compared with the directory: %s", error.message);
        if (reason)
            stop_issuing(authority, &rows[i], reason, difference_message(reason));
    }
    watch->down = down;
    adopted_rows_free(rows, count);
}

static void *watch_run(void *argument)
{
    struct template_watch *watch = argument;
    int64_t interval_s = conf_number(watch->authority->conf, "templates", "compare");
    while (!watch_stopped(watch)) {
        struct timespec until;
        watch_compare(watch);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += interval_s;
        pthread_mutex_lock(&watch->lock);
        while (!watch->stop && pthread_cond_timedwait(&watch->wake, &watch->lock, &until) != ETIMEDOUT)
            continue;
        pthread_mutex_unlock(&watch->lock);
    }
    return NULL;
}

int template_watch_open(struct authority *authority, struct error *error)
{
    pthread_condattr_t monotonic;
    if (!authority->directory)
        return OK;
    struct template_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return error_memory(error);
    watch->authority = authority;
    pthread_mutex_init(&watch->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&watch->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&watch->thread, NULL, watch_run, watch) == 0) {
        authority->watch = watch;
        return OK;
    }
    pthread_cond_destroy(&watch->wake);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
    return error_set(error, INTERNAL, "template.watch", "the thread that compares templates with the directory cannot be started");
}

void template_watch_close(struct authority *authority)
{
    struct template_watch *watch = authority->watch;
    if (!watch)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->stop = true;
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    pthread_cond_destroy(&watch->wake);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
    authority->watch = NULL;
}

/* ---- the difference, for people ---- */

void template_difference_free(struct template_difference *difference)
{
    free(difference->name);
    free(difference->stop_reason);
    strings_free(&difference->lines);
    memset(difference, 0, sizeof *difference);
}

/* No entry: every line of the adopted copy is in it alone. */
static int difference_lines(const struct template *adopted, const struct template *there, struct strings *lines, struct error *error)
{
    struct buf text = BUF_EMPTY;
    int status = OK;
    if (there) {
        status = template_diff(adopted, there, lines);
    } else {
        struct strings all = {0};
        status = template_to_text(adopted, &text);
        if (!status)
            status = strings_split(&all, buf_text(&text), "\n");
        for (size_t i = 0; i < all.count && !status; i++) {
            buf_clear(&text);
            buf_printf(&text, "-%s", all.items[i]);
            status = text.failed ? INTERNAL : strings_add(lines, buf_text(&text));
        }
        strings_free(&all);
    }
    buf_free(&text);
    return status ? error_memory(error) : OK;
}

int authority_template_diff(struct authority *authority, const char *name, struct template_difference *out, struct error *error)
{
    struct adopted_template row;
    struct template adopted = {0}, there = {0};
    char *entry_id = NULL;
    struct error why = ERROR_NONE;
    memset(out, 0, sizeof *out);
    int status = template_row(authority, name, &row, error);
    if (!status)
        status = template_from_canonical(buf_bytes(&row.canonical), &adopted, error);
    if (!status) {
        status = template_fetch(authority, name, &there, &entry_id, &why);
        out->in_directory = status == OK;
        if (status == REFUSED && strcmp(why.reason, "template.unknown") == 0)
            status = OK;
        else if (status)
            error_set(error, why.status, why.reason, "%s", why.message);
    }
    if (!status)
        status = difference_lines(&adopted, out->in_directory ? &there : NULL, &out->lines, error);
    if (!status && out->in_directory) {
        sha256_of(buf_bytes(&there.canonical), out->digest);
        out->replaced = other_object(&row, entry_id);
    }
    if (!status) {
        out->name = strdup(row.name);
        out->stopped_at = row.stopped_at;
        out->stop_reason = row.stop_reason ? strdup(row.stop_reason) : NULL;
        status = out->name && !out->stop_reason == !row.stop_reason ? OK : error_memory(error);
    }
    adopted_template_free(&row);
    template_free(&adopted);
    template_free(&there);
    free(entry_id);
    if (status)
        template_difference_free(out);
    return status;
}

int authority_template_export(struct authority *authority, const char *name, bool from_directory, bool ldif, struct buf *out,
                              struct error *error)
{
    struct template template = {0};
    int status = authority_template_show(authority, name, from_directory, &template, error);
    if (!status && (ldif ? template_to_ldif : template_to_text)(&template, out))
        status = error_memory(error);
    template_free(&template);
    return status;
}
