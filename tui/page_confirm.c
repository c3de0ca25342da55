/* The confirmation: what is about to change, as it was seen. First what must be seen before deciding, in full; then the
 * rest, which a small screen may lose. */
#include "ca/base/clock.h"
#include "tui/action.h"
#include "tui/layout.h"
#include "tui/pages.h"

static void target_lines(const struct model *model, struct lines *out) {
    const struct target *target = &model->dialog.target;
    char when[TIME_TEXT_SIZE];
    bool narrow = out->width < PAGE_COLS_WIDE;
    const char *label = target->has_certificate ? (narrow ? "Crt" : "SHA-256    ") : (narrow ? "Key" : "Key SHA-256");
    fingerprint_lines(out, label, target->has_certificate ? target->sha256 : target->key_sha256);
    const char *subject = target->subject[0] ? target->subject : "(no subject)";
    if (text_rows(subject, out->width - 1, out->utf8) > 2)
        lines_cut(out, STYLE_NORMAL, "%s", subject);
    else
        lines_add(out, STYLE_NORMAL, "%s", subject);
    lines_cut(out, STYLE_NORMAL, "Seen: %s, %s", disposition_name(target->disposition),
              target->resolved_at ? time_format(target->resolved_at, when) : "not decided");
}

static void target_rest(const struct model *model, struct lines *out) {
    const struct target *target = &model->dialog.target;
    lines_cut(out, STYLE_NORMAL, "Requester %s, template %s", target->requester,
              target->template_name[0] ? target->template_name : "none");
    if (target->has_certificate)
        sha1_line(out, target->sha1);
}

static void verb_line(const struct model *model, struct lines *out) {
    const struct dialog *dialog = &model->dialog;
    const struct action_row *row = action_row((enum action)dialog->action);
    const struct choice *choices = action_choices((enum action)dialog->action);
    const char *chosen = choices != NULL && dialog->choice >= 0 ? choices[dialog->choice].name : NULL;
    unsigned long long id = (unsigned long long)dialog->target.id;
    if (dialog->action == ACTION_CRL)
        lines_cut(out, STYLE_HEADING, "%s (%s)?", row->verb, chosen != NULL ? chosen : "complete");
    else if (dialog->action == ACTION_IMPORT)
        lines_cut(out, STYLE_HEADING, "%s into %s store?", row->verb,
                  model->returned.links[dialog->link].root ? "trusted root" : "intermediate");
    else if (chosen != NULL)
        lines_cut(out, STYLE_HEADING, "%s request %llu (%s)?", row->verb, id, chosen);
    else
        lines_cut(out, STYLE_HEADING, "%s request %llu?", row->verb, id);
}

static void import_lines(const struct model *model, struct lines *out) {
    const struct link *link = &model->returned.links[model->dialog.link];
    fingerprint_lines(out, out->width < PAGE_COLS_WIDE ? "Crt" : "SHA-256    ", link->sha256);
    if (text_rows(link->subject, out->width - 1, out->utf8) > 2)
        lines_cut(out, STYLE_NORMAL, "%s", link->subject);
    else
        lines_add(out, STYLE_NORMAL, "%s", link->subject);
}

static void assign_rest(const struct model *model, struct lines *out) {
    struct buf names = BUF_EMPTY;
    for (size_t i = 0; i < model->returned.usage_count; i++)
        if (model->returned.usages[i].ticked)
            buf_printf(&names, "%s%s", names.size > 0 ? ", " : "", model->returned.usages[i].name);
    lines_add(out, STYLE_NORMAL, "To %s on host %s", buf_text(&names), model->returned.host);
    buf_free(&names);
}

static void essential_lines(const struct model *model, struct lines *out) {
    verb_line(model, out);
    if (model->dialog.action == ACTION_IMPORT)
        import_lines(model, out);
    else if (model->dialog.action == ACTION_CRL)
        lines_cut(out, STYLE_NORMAL, "of %s, with the next number", model->hello.ca_name != NULL ? model->hello.ca_name : "this CA");
    else
        target_lines(model, out);
    if (model->dialog.action == ACTION_FINISH)
        assign_rest(model, out);
}

bool confirm_fits(const struct model *model) {
    struct lines lines;
    lines_open(&lines, model->cols, model->utf8);
    essential_lines(model, &lines);
    bool fits = lines_rows(&lines) <= layout_of(model).page_rows;
    lines_free(&lines);
    return fits;
}

static void rest_lines(const struct model *model, struct lines *out) {
    const struct dialog *dialog = &model->dialog;
    if (dialog->action == ACTION_IMPORT)
        sha1_line(out, model->returned.links[dialog->link].sha1);
    else if (dialog->action != ACTION_CRL)
        target_rest(model, out);
    if (dialog->action == ACTION_DENY)
        lines_add(out, STYLE_NORMAL, "Message: %s", dialog->input_size > 0 ? dialog->input : "(none)");
    if (dialog->action == ACTION_IMPORT)
        lines_add(out, STYLE_WARN, "Compare the fingerprint with one that came to you another way (v compares before you ask).");
    struct buf command = BUF_EMPTY;
    action_command(model, (enum action)dialog->action, &command);
    lines_add(out, STYLE_DIM, "Same as: %s", buf_text(&command));
    buf_free(&command);
}

void confirm_page(const struct model *model, struct lines *out) {
    if (!confirm_fits(model)) {
        lines_add(out, STYLE_ERROR, "The screen is too small to show the whole fingerprint before you decide. "
                                    "Enlarge it to 40x10, or cancel with Esc.");
        return;
    }
    essential_lines(model, out);
    rest_lines(model, out);
    lines_blank(out);
    lines_row(out);
    lines_piece(out, 1, 10, STYLE_SELECTED, "[Cancel]");
    lines_piece(out, 12, 0, STYLE_NORMAL, "Enter or Esc leaves everything as it is.");
    out->cursor = (int)out->count - 1;
    lines_row(out);
    lines_piece(out, 1, 2, STYLE_KEY, "y");
    lines_piece(out, 3, 0, STYLE_NORMAL, action_row((enum action)model->dialog.action)->verb);
}
