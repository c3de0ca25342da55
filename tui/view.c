/* The table of folders, and the cells that folders of requests share. Cells read indexed columns, never a certificate. */
#include "tui/view.h"

#include <stdio.h>
#include <string.h>

#include "ca/base/clock.h"

const struct view *view_of(enum folder folder) {
    static const struct view *const views[FOLDER_COUNT] = {
        [FOLDER_PENDING] = &view_pending, [FOLDER_ISSUED] = &view_issued, [FOLDER_FAILED] = &view_failed,
        [FOLDER_REVOKED] = &view_revoked, [FOLDER_USAGES] = &view_usages, [FOLDER_HEALTH] = &view_health,
        [FOLDER_FIND] = &view_find,
    };
    return views[folder];
}

const char *view_empty(const struct model *model) {
    if (model->failed)
        return "Not loaded: the authority gave no answer. R asks again.";
    return model->loaded ? view_of(model->folder)->empty : "Loading ...";
}

const struct view *view_by_digit(char digit) {
    for (int folder = 0; folder < FOLDER_COUNT; folder++)
        if (view_of((enum folder)folder)->digit == digit && digit != 0)
            return view_of((enum folder)folder);
    return NULL;
}

const void *row_item(const struct model *model, size_t index) {
    return &model->window[index];
}

void time_short(int64_t at, struct buf *out) {
    char text[TIME_TEXT_SIZE];
    if (at == 0)
        buf_add_byte(out, '-');
    else
        buf_printf(out, "%.10s %.5s", time_format(at, text), text + 11);
}

void cell_id(const void *item, struct buf *out, enum style *style) {
    buf_printf(out, "%llu", (unsigned long long)((const struct row *)item)->id);
}

static void text_or_dash(struct buf *out, const char *text) {
    buf_add_text(out, text[0] ? text : "-");
}

void cell_requester(const void *item, struct buf *out, enum style *style) {
    text_or_dash(out, ((const struct row *)item)->requester);
}

void cell_template(const void *item, struct buf *out, enum style *style) {
    text_or_dash(out, ((const struct row *)item)->template_name);
}

/* The common name of the subject, else the first alternative name, else the subject as it is. */
void cell_name(const void *item, struct buf *out, enum style *style) {
    const struct row *row = item;
    const char *common = strncmp(row->subject, "CN=", 3) == 0 ? row->subject : strstr(row->subject, ",CN=");
    if (common != NULL) {
        common = strchr(common, '=') + 1;
        const char *end = common;
        while (*end && *end != ',') /* an escaped comma is part of the name */
            end += *end == '\\' && end[1] ? 2 : 1;
        buf_add(out, common, (size_t)(end - common));
    } else if (row->name[0]) {
        buf_printf(out, "-(SAN) %s", row->name);
    } else {
        text_or_dash(out, row->subject);
    }
}

void cell_disposition(const void *item, struct buf *out, enum style *style) {
    const struct row *row = item;
    *style = row->disposition == DISPOSITION_ISSUED ? STYLE_OK
             : row->disposition == DISPOSITION_PENDING ? STYLE_WARN
                                                       : STYLE_ERROR;
    buf_add_text(out, disposition_name(row->disposition));
}

void cell_submitted(const void *item, struct buf *out, enum style *style) {
    time_short(((const struct row *)item)->submitted_at, out);
}

void cell_resolved(const void *item, struct buf *out, enum style *style) {
    time_short(((const struct row *)item)->resolved_at, out);
}

void cell_expires(const void *item, struct buf *out, enum style *style) {
    time_short(((const struct row *)item)->not_after, out);
}

void cell_serial(const void *item, struct buf *out, enum style *style) {
    text_or_dash(out, ((const struct row *)item)->serial);
}

void cell_message(const void *item, struct buf *out, enum style *style) {
    text_or_dash(out, ((const struct row *)item)->message);
}

void row_summary(const struct model *model, size_t index, struct lines *out) {
    const struct row *row = &model->window[index];
    size_t escapes = 0;
    struct safe_text cells = {NULL, 0, 0, 0};
    if (safe_text_add(&cells, row->subject, strlen(row->subject), model->utf8))
        escapes = cells.escapes;
    safe_text_free(&cells);
    char note[96] = "";
    if (escapes > 0)
        snprintf(note, sizeof note, "   (%zu character%s escaped%s)", escapes, escapes == 1 ? "" : "s",
                 text_mixes_scripts(row->subject, strlen(row->subject)) ? ": scripts are mixed" : "");
    lines_cut(out, STYLE_NORMAL, "%s%s", row->subject[0] ? row->subject : "(no subject)", note);
    lines_cut(out, STYLE_NORMAL, "%s%s", row->name[0] ? "Name " : "", row->name);
    lines_cut(out, STYLE_DIM, "%s%s", row->message[0] ? "Verdict: " : "", row->message);
}
