/* Details, input, choice, help: the pages that only tell or ask. The wizard and the confirmation have files of their own. */
#include "tui/pages.h"

#include <string.h>

#include "tui/action.h"
#include "tui/fingerprint.h"
#include "tui/keymap.h"
#include "tui/layout.h"
#include "tui/view.h"

void fingerprint_lines(struct lines *out, const char *label, const uint8_t sha256[32]) {
    int label_width = (int)strlen(label) + 1;
    int per_row = fingerprint_per_row(out->width - 1 - label_width);
    for (int row = 0; row < 8; row++) {
        struct buf text = BUF_EMPTY;
        if (fingerprint_row(sha256, per_row, row, &text)) {
            lines_row(out);
            if (row == 0)
                lines_piece(out, per_row == 4 ? 1 : 0, 0, STYLE_DIM, label);
            lines_piece(out, label_width + (per_row == 4 ? 1 : 0), 0, STYLE_NORMAL, buf_text(&text));
        }
        buf_free(&text);
    }
}

void sha1_line(struct lines *out, const uint8_t sha1[20]) {
    struct buf text = BUF_EMPTY;
    fingerprint_sha1(sha1, &text);
    lines_add(out, STYLE_DIM, "SHA-1    %s    (legacy)", buf_text(&text));
    buf_free(&text);
}

void detail_page(const struct model *model, struct lines *out) {
    const struct object *object = &model->object;
    bool narrow = out->width < PAGE_COLS_WIDE;
    if (object->has_certificate) {
        fingerprint_lines(out, narrow ? "Crt" : "SHA-256 ", object->sha256);
        sha1_line(out, object->sha1);
    }
    fingerprint_lines(out, narrow ? "Key" : "Key 256 ", object->key_sha256);
    lines_blank(out);
    for (size_t i = 0; i < object->field_count; i++) {
        const struct field *field = &object->fields[i];
        if (field->value == NULL)
            lines_add(out, STYLE_HEADING, "%s", field->label);
        else
            lines_label(out, STYLE_NORMAL, field->label, field->value);
    }
}

static void input_page(const struct model *model, struct lines *out) {
    static const struct {
        enum action action;
        const char *question, *hint;
    } questions[] = {
        {ACTION_DENY, "Why is it denied? The requester can read this.", "It may be empty. What is typed here does nothing yet."},
        {ACTION_FIND, "Find which host or user name?", "The name or its beginning; every folder, newest first."},
        {ACTION_VERIFY, "Paste or type the other fingerprint.",
         "Hex with or without separators, or base64; SHA-256 or SHA-1, told by its length."},
        {ACTION_ASSIGN, "Assign which certificate?", "Its RequestID."},
    };
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
        if ((int)questions[i].action == model->dialog.action) {
            lines_add(out, STYLE_HEADING, "%s", questions[i].question);
            lines_add(out, STYLE_DIM, "%s", questions[i].hint);
        }
    lines_blank(out);
    lines_add(out, STYLE_INPUT, "%s_", model->dialog.input);
    out->cursor = (int)out->count - 1;
}

static void choice_page(const struct model *model, struct lines *out) {
    const struct choice *choices = action_choices((enum action)model->dialog.action);
    if (model->dialog.action == ACTION_REVOKE)
        lines_cut(out, STYLE_HEADING, "REVOKE request %llu: for which reason?", (unsigned long long)model->dialog.target.id);
    else
        lines_cut(out, STYLE_HEADING, "%s: which one?", action_row((enum action)model->dialog.action)->verb);
    for (int i = 0; choices != NULL && choices[i].letter; i++) {
        bool here = i == model->dialog.choice;
        lines_row(out);
        lines_piece(out, 0, 2, STYLE_NORMAL, here ? ">" : "");
        lines_piece(out, 2, 2, STYLE_KEY, (const char[]){choices[i].letter, 0});
        lines_piece(out, 4, 20, here ? STYLE_SELECTED : STYLE_NORMAL, choices[i].name);
        if (out->width > 44)
            lines_piece(out, 26, 0, STYLE_DIM, choices[i].help);
        if (here)
            out->cursor = (int)out->count - 1;
    }
    if (model->dialog.choice < 0)
        lines_add(out, STYLE_DIM, "None is selected: a letter chooses.");
}

static void help_section(enum place place, struct lines *out) {
    lines_add(out, STYLE_HEADING, "Keys %s", place_name(place));
    for (int action = ACTION_NONE + 1; action < ACTION_COUNT; action++) {
        struct buf keys = BUF_EMPTY;
        keymap_keys(place, (enum action)action, &keys);
        if (keys.size > 0) {
            lines_row(out);
            lines_piece(out, 1, 16, STYLE_KEY, buf_text(&keys));
            lines_piece(out, 18, 0, STYLE_NORMAL, action_row((enum action)action)->help);
        }
        buf_free(&keys);
    }
    lines_blank(out);
}

static void help_page(const struct model *model, struct lines *out) {
    enum place place = (enum place)model->dialog.action;
    help_section(place, out);
    if (!place_is_modal(place))
        help_section(PLACE_COMMON, out);
    help_section(PLACE_CONFIRM, out);
    lines_add(out, STYLE_NORMAL, "Esc and a digit within 50 ms are that F-key. Pasted text never acts. Nothing is changed "
                                 "before its confirmation; Enter there leaves everything as it is.");
}

static void text_page(const struct model *model, struct lines *out) {
    for (size_t i = 0; i < model->dialog.lines.count; i++)
        lines_add(out, i == 0 ? (enum style)model->dialog.choice : STYLE_NORMAL, "%s", model->dialog.lines.items[i]);
}

typedef void (*page_maker)(const struct model *, struct lines *);

static page_maker maker_of(const struct model *model) {
    static const page_maker dialogs[] = {[DIALOG_CONFIRM] = confirm_page, [DIALOG_INPUT] = input_page,
                                         [DIALOG_CHOICE] = choice_page,   [DIALOG_HELP] = help_page,
                                         [DIALOG_TEXT] = text_page};
    if (model->dialog.kind != DIALOG_NONE)
        return dialogs[model->dialog.kind];
    return model->view == VIEW_WIZARD ? wizard_page : model->view == VIEW_DETAIL ? detail_page : NULL;
}

bool page_build(const struct model *model, struct lines *out) {
    page_maker maker = maker_of(model);
    lines_open(out, model->cols, model->utf8);
    if (maker != NULL)
        maker(model, out);
    return maker != NULL;
}

int page_scroll(const struct model *model) {
    if (model->dialog.kind != DIALOG_NONE)
        return model->dialog.scroll;
    return model->view == VIEW_WIZARD ? model->wizard_scroll : model->detail_scroll;
}

void page_title(const struct model *model, struct buf *out) {
    const char *ca = model->hello.ca_name != NULL && model->hello.ca_name[0] ? model->hello.ca_name : "chancery";
    if (model->view == VIEW_WIZARD)
        buf_add_text(out, "Assign certificate > Request returned");
    else
        buf_printf(out, "%s > %s", ca, view_of(model->folder)->title);
    if (model->view == VIEW_LIST && model->folder == FOLDER_FIND)
        buf_printf(out, " \"%s\"", model->find);
    if (model->view == VIEW_DETAIL)
        buf_printf(out, " > %llu", (unsigned long long)model->object.id);
    if (model->dialog.kind == DIALOG_HELP)
        buf_add_text(out, " > Help");
    else if (model->dialog.kind != DIALOG_NONE && model->dialog.title != NULL)
        buf_printf(out, " > %s", model->dialog.title);
}
