/* Actions that change something. Every one goes the same way: is it allowed, what exactly is it about (asked anew from the
 * authority when it starts in a list), what is missing (a reason, a message), the confirmation, and only then the query,
 * by identity and with the version that was seen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/encode.h"
#include "ca/base/text.h"
#include "tui/fingerprint.h"
#include "tui/keys.h"
#include "tui/pages.h"
#include "tui/update_parts.h"
#include "tui/view.h"

static void target_set(struct target *target, const struct object *object) {
    target_free(target);
    target->id = object->id;
    target->disposition = object->disposition;
    target->resolved_at = object->resolved_at;
    target->has_certificate = object->has_certificate;
    memcpy(target->sha256, object->sha256, sizeof target->sha256);
    memcpy(target->sha1, object->sha1, sizeof target->sha1);
    memcpy(target->key_sha256, object->key_sha256, sizeof target->key_sha256);
    text_set(&target->subject, object->subject);
    text_set(&target->requester, object->requester);
    text_set(&target->template_name, object->template_name);
}

static bool refuses(struct model *model, enum action action) {
    char room[320];
    const char *why = action_refusal(model, action, room, sizeof room);
    if (why != NULL)
        model_status(model, STYLE_WARN, "%s", why);
    return why != NULL;
}

static bool acts_already(struct model *model) {
    for (int kind = ACT_ISSUE; kind < QUERY_KINDS; kind++)
        if (model->waiting[kind] != 0) {
            model_status(model, STYLE_WARN, "An action still runs. Wait for it, or ^C stops waiting.");
            return true;
        }
    return false;
}

static bool applies(struct model *model, enum action action, uint64_t id, enum disposition disposition) {
    static const struct {
        enum action action;
        const char *to, *next;
    } hints[] = {{ACTION_ISSUE, "requests that are pending, denied or failed", "Enter shows it."},
                 {ACTION_DENY, "pending requests", "An issued certificate is revoked with !."},
                 {ACTION_REVOKE, "certificates", "A pending request is denied with x."},
                 {ACTION_HOLD, "valid certificates", "A pending request is denied with x."},
                 {ACTION_RELEASE, "certificates on hold", "Folder 4 has them."}};
    unsigned mask = action_row(action)->dispositions;
    if (mask == 0 || mask & DISPOSITION_BIT(disposition))
        return true;
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
        if (hints[i].action == action)
            model_status(model, STYLE_WARN, "Request %llu is %s; %s is for %s. %s", (unsigned long long)id,
                         disposition_name(disposition), action_row(action)->name, hints[i].to, hints[i].next);
    return false;
}

/* The next link that can be imported. */
static bool link_next(const struct returned *returned, size_t *at) {
    for (size_t i = 0; i < returned->link_count; i++)
        if (returned->links[i].state != LINK_PRESENT && returned->links[i].known) {
            *at = i;
            return true;
        }
    return false;
}

static void import_begin(struct model *model) {
    size_t at = 0;
    if (model->returned.complete) {
        model_status(model, STYLE_NORMAL, "The chain is complete.");
    } else if (!link_next(&model->returned, &at)) {
        model_status(model, STYLE_WARN, "No missing link is known here. Import it from a file: chancery trust import FILE --fingerprint HEX");
    } else {
        dialog_open(model, DIALOG_CONFIRM, ACTION_IMPORT, "IMPORT");
        model->dialog.link = at;
    }
}

static void finish_begin(struct model *model, struct effects *effects) {
    size_t ticked = 0;
    for (size_t i = 0; i < model->returned.usage_count; i++)
        ticked += model->returned.usages[i].ticked;
    if (!model->returned.complete || ticked == 0) {
        view_back(model, effects);
        model_status(model, STYLE_NORMAL, "Nothing was assigned. a on the certificate or in Usages assigns it later.");
        return;
    }
    if (refuses(model, ACTION_FINISH))
        return;
    target_set(&model->dialog.target, &model->returned.object);
    dialog_open(model, DIALOG_CONFIRM, ACTION_FINISH, "ASSIGN");
}

void act_begin(struct model *model, enum action action, const struct object *object) {
    if (refuses(model, action) || !applies(model, action, object->id, object->disposition))
        return;
    dialog_close(model);
    target_set(&model->dialog.target, object);
    if (action == ACTION_VERIFY || action == ACTION_DENY)
        dialog_open(model, DIALOG_INPUT, action, action == ACTION_DENY ? "DENY" : "Verify");
    else if (action_choices(action) != NULL)
        dialog_open(model, DIALOG_CHOICE, action, action_row(action)->verb);
    else
        dialog_open(model, DIALOG_CONFIRM, action, action_row(action)->verb);
}

static void act_on_row(struct model *model, enum action action, struct effects *effects) {
    const struct row *row = model_row(model);
    if (row == NULL) {
        model_status(model, STYLE_DIM, "No request is selected.");
    } else if (applies(model, action, row->id, row->disposition)) {
        effects_ask(effects, model, (struct query){.kind = QUERY_OBJECT, .id = row->id});
        model->intent = (int)action;
    }
}

void act_start(struct model *model, enum action action, struct effects *effects) {
    model->intent = 0;
    if (action == ACTION_FINISH && model->view == VIEW_WIZARD) {
        if (!acts_already(model))
            finish_begin(model, effects);
    } else if (refuses(model, action) || (action_row(action)->confirmation == CONFIRM_ASKS && acts_already(model))) {
        return;
    } else if (action == ACTION_IMPORT) {
        import_begin(model);
    } else if (action == ACTION_CRL) {
        dialog_close(model);
        dialog_open(model, DIALOG_CHOICE, action, action_row(action)->verb);
    } else if (model->view == VIEW_DETAIL) {
        act_begin(model, action, &model->object);
    } else if (model->view == VIEW_WIZARD) {
        act_begin(model, action, &model->returned.object);
    } else {
        act_on_row(model, action, effects);
    }
}

void act_choose(struct model *model, uint32_t key) {
    const struct choice *choices = action_choices((enum action)model->dialog.action);
    for (int i = 0; choices != NULL && choices[i].letter; i++)
        if (key == (uint32_t)choices[i].letter)
            model->dialog.choice = i;
    if (model->dialog.choice < 0)
        model_status(model, STYLE_WARN, "Nothing is selected. A letter or an arrow chooses, Esc cancels.");
    else if (key == KEYS_ENTER || key == (uint32_t)choices[model->dialog.choice].letter)
        dialog_open(model, DIALOG_CONFIRM, (enum action)model->dialog.action, action_row((enum action)model->dialog.action)->verb);
}

/* ---- what was confirmed goes out ---- */

static void query_fill(const struct model *model, struct query *query) {
    const struct dialog *dialog = &model->dialog;
    const struct choice *choices = action_choices((enum action)dialog->action);
    switch (dialog->action) {
    case ACTION_DENY:
        query->text = strdup(dialog->input);
        break;
    case ACTION_REVOKE:
        query->text = strdup(choices[dialog->choice].name);
        break;
    case ACTION_HOLD:
        query->text = strdup("certificateHold");
        break;
    case ACTION_CRL:
        query->delta = dialog->choice == 1;
        break;
    default:
        break;
    }
}

static void query_import(const struct model *model, struct query *query) {
    const struct link *link = &model->returned.links[model->dialog.link];
    struct buf hex = BUF_EMPTY;
    hex_encode(&hex, bytes_of(link->sha256, sizeof link->sha256));
    query->text = strdup(buf_text(&hex));
    query->pem = strdup(link->pem != NULL ? link->pem : "");
    query->root = link->root;
    buf_free(&hex);
}

static void query_assign(const struct model *model, struct query *query) {
    query->text = strdup(model->returned.host != NULL ? model->returned.host : "");
    for (size_t i = 0; i < model->returned.usage_count; i++)
        if (model->returned.usages[i].ticked)
            strings_add(&query->usages, model->returned.usages[i].name);
}

void act_confirmed(struct model *model, struct effects *effects) {
    enum action action = (enum action)model->dialog.action;
    const struct action_row *row = action_row(action);
    const struct target *target = &model->dialog.target;
    if (refuses(model, action) || acts_already(model))
        return;
    if (!confirm_fits(model)) {
        model_status(model, STYLE_WARN, "Nothing was done: the whole fingerprint is not on the screen.");
        return;
    }
    struct query query = {.kind = row->query, .id = target->id, .seen = target->disposition, .seen_resolved_at = target->resolved_at};
    query_fill(model, &query);
    if (action == ACTION_IMPORT)
        query_import(model, &query);
    if (action == ACTION_FINISH)
        query_assign(model, &query);
    model_status(model, STYLE_NORMAL, "%s: asking the authority ...", row->verb);
    dialog_close(model);
    effects_ask(effects, model, query);
}

/* ---- typing ---- */

static void input_add(struct dialog *dialog, const char *text, size_t size) {
    if (dialog->input_size + size >= sizeof dialog->input)
        return;
    memcpy(dialog->input + dialog->input_size, text, size);
    dialog->input_size += size;
    dialog->input[dialog->input_size] = 0;
}

static void input_erase(struct dialog *dialog) {
    while (dialog->input_size > 0 && (dialog->input[--dialog->input_size] & 0xc0) == 0x80)
        continue;
    dialog->input[dialog->input_size] = 0;
}

void input_key(struct model *model, uint32_t key) {
    struct dialog *dialog = &model->dialog;
    struct buf text = BUF_EMPTY;
    if (key == KEYS_BACKSPACE) {
        input_erase(dialog);
    } else if (key == KEYS_CTRL('U')) {
        dialog->input_size = 0;
        dialog->input[0] = 0;
    } else if (key >= ' ' && key < KEYS_UP) {
        cell_print(&(struct safe_cell){key, 0, 1, false}, &text);
        input_add(dialog, buf_text(&text), text.size);
    }
    buf_free(&text);
}

/* Octets of the scalar that begins here, 0: it is no UTF-8. */
static size_t scalar_size(const char *text, size_t size) {
    unsigned char lead = (unsigned char)text[0];
    size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return length <= size && text_is_utf8(text, length) ? length : 0;
}

/* Line ends and other controls of a paste become blanks: a paste never accepts. What is no UTF-8 cannot be sent: "?". */
void input_paste(struct model *model, const char *text, size_t size) {
    for (size_t at = 0; at < size;) {
        size_t taken = scalar_size(text + at, size - at);
        bool control = (unsigned char)text[at] < ' ' || text[at] == 127;
        if (taken == 0 || control)
            input_add(&model->dialog, control ? " " : "?", 1);
        else
            input_add(&model->dialog, text + at, taken);
        at += taken > 0 ? taken : 1;
    }
}

static void verify_say(struct model *model, struct fingerprint_result result, const char *what) {
    char line[160];
    const char *digest = result.sha1 ? "SHA-1" : "SHA-256";
    enum style style = STYLE_ERROR;
    if (result.match == FINGERPRINT_MATCH) {
        style = STYLE_OK;
        snprintf(line, sizeof line, "MATCH: it is the %s of the %s.", digest, what);
    } else if (result.match == FINGERPRINT_DIFFERENT) {
        snprintf(line, sizeof line, "DIFFERENT: the %s of the %s differs in %s %s.", digest, what,
                 result.sha1 ? "group" : "block", result.blocks);
    } else if (result.match == FINGERPRINT_NO_SHA1) {
        style = STYLE_WARN;
        snprintf(line, sizeof line, "Not compared: it is a SHA-1, and there is no certificate yet. Ask for the SHA-256 of the key.");
    } else {
        style = STYLE_WARN;
        snprintf(line, sizeof line, "Not compared: it is neither a SHA-256 (64 hex digits) nor a SHA-1 (40), nor base64 of one.");
    }
    strings_add(&model->dialog.lines, line);
    model->dialog.choice = (int)style;
}

static void verify_accept(struct model *model) {
    const struct target *target = &model->dialog.target;
    const char *text = model->dialog.input;
    struct fingerprint_result key = fingerprint_compare(text, target->key_sha256, NULL);
    struct fingerprint_result result = key;
    const char *what = "key";
    if (target->has_certificate && key.match != FINGERPRINT_MATCH) {
        result = fingerprint_compare(text, target->sha256, target->sha1);
        what = "certificate";
    }
    verify_say(model, result, what);
    strings_add(&model->dialog.lines, "Compared was:");
    strings_add(&model->dialog.lines, text);
    dialog_open(model, DIALOG_TEXT, ACTION_NONE, "Verify");
}

static void find_accept(struct model *model, struct effects *effects) {
    if (model->dialog.input_size == 0) {
        model_status(model, STYLE_WARN, "Type a name, or Esc.");
        return;
    }
    if (model->folder != FOLDER_FIND)
        model->folder_before_find = model->folder;
    snprintf(model->find, sizeof model->find, "%s", model->dialog.input);
    dialog_close(model);
    folder_open(model, FOLDER_FIND, effects);
}

void wizard_ask(struct model *model, uint64_t id, struct effects *effects) {
    effects_ask(effects, model, (struct query){.kind = QUERY_RETURNED, .id = id});
    model_status(model, STYLE_NORMAL, "Asking for the chain and the usages ...");
}

static void assign_accept(struct model *model, struct effects *effects) {
    uint64_t id = 0;
    if (number_parse(model->dialog.input, &id) != OK || id == 0) {
        model_status(model, STYLE_WARN, "A RequestID is digits only: 104981. f finds one by name.");
        return;
    }
    dialog_close(model);
    wizard_ask(model, id, effects);
}

void input_accept(struct model *model, struct effects *effects) {
    if (model->dialog.action == ACTION_FIND)
        find_accept(model, effects);
    else if (model->dialog.action == ACTION_VERIFY)
        verify_accept(model);
    else if (model->dialog.action == ACTION_ASSIGN)
        assign_accept(model, effects);
    else if (model->dialog.action == ACTION_DENY)
        dialog_open(model, DIALOG_CONFIRM, ACTION_DENY, "DENY");
}
