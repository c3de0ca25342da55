/* The actions, and the command line equal to each. */
#include "tui/action.h"

#include <stdio.h>
#include <string.h>

#include "tui/view.h"

#define OFFICER (ROLE_OFFICER)
#define ISSUABLE (DISPOSITION_BIT(DISPOSITION_PENDING) | DISPOSITION_BIT(DISPOSITION_DENIED) | DISPOSITION_BIT(DISPOSITION_FAILED))
#define VALID (DISPOSITION_BIT(DISPOSITION_ISSUED))
#define REVOCABLE (DISPOSITION_BIT(DISPOSITION_ISSUED) | DISPOSITION_BIT(DISPOSITION_REVOKED))

static const struct action_row rows[ACTION_COUNT] = {
    [ACTION_NONE] = {"", ""},
    [ACTION_UP] = {"up", "one row up"},
    [ACTION_DOWN] = {"down", "one row down"},
    [ACTION_PAGE_UP] = {"page up", "one screen up"},
    [ACTION_PAGE_DOWN] = {"page down", "one screen down"},
    [ACTION_FIRST] = {"first", "to the first row"},
    [ACTION_FIRST_PREFIX] = {"first", "twice: to the first row"},
    [ACTION_LAST] = {"last", "to the last row"},
    [ACTION_OPEN] = {"details", "everything about the selected row"},
    [ACTION_BACK] = {"back", "back to where you came from"},
    [ACTION_QUIT] = {"quit", "leave the console"},
    [ACTION_FOLDER] = {"folder", "open the folder of this number"},
    [ACTION_NEXT_FOLDER] = {"next folder", "open the next folder"},
    [ACTION_REFRESH] = {"refresh", "ask the authority again"},
    [ACTION_HELP] = {"help", "this page"},
    [ACTION_COMMAND] = {"command", "the command line that does the same as what is on the screen"},
    [ACTION_WRITABLE] = {"writable", "leave the read-only mode"},
    [ACTION_FIND] = {"find", "find a host or user name in every folder, newest first"},
    [ACTION_VERIFY] = {"verify", "compare a fingerprint that you paste or type"},
    [ACTION_STOP] = {"stop", "stop waiting for what runs"},
    [ACTION_TICK] = {"tick", "tick the usage or take the tick away"},
    [ACTION_FINISH] = {"finish", "assign the ticked usages", "ASSIGN", CONFIRM_ASKS, OFFICER, VALID, ACT_ASSIGN},
    [ACTION_ISSUE] = {"issue", "issue the request", "ISSUE", CONFIRM_ASKS, OFFICER, ISSUABLE, ACT_ISSUE},
    [ACTION_DENY] = {"deny", "deny the request, with a message", "DENY", CONFIRM_ASKS, OFFICER,
                     DISPOSITION_BIT(DISPOSITION_PENDING), ACT_DENY},
    [ACTION_REVOKE] = {"revoke", "revoke the certificate, asks for the reason", "REVOKE", CONFIRM_ASKS, OFFICER, REVOCABLE,
                       ACT_REVOKE},
    [ACTION_HOLD] = {"hold", "revoke for the time being (certificateHold)", "HOLD", CONFIRM_ASKS, OFFICER, VALID, ACT_REVOKE},
    [ACTION_RELEASE] = {"release", "release a certificate on hold", "RELEASE", CONFIRM_ASKS, OFFICER,
                        DISPOSITION_BIT(DISPOSITION_REVOKED), ACT_RELEASE},
    [ACTION_CRL] = {"publish CRL", "make and publish a new CRL, asks which", "PUBLISH CRL", CONFIRM_ASKS,
                    OFFICER | ROLE_CRON, 0, ACT_CRL},
    [ACTION_ASSIGN] = {"assign", "assign the certificate to usages", NULL, CONFIRM_NOT, 0, 0, QUERY_NONE},
    [ACTION_IMPORT] = {"import chain", "import the next missing link of the chain", "IMPORT", CONFIRM_ASKS, ROLE_ADMINISTRATOR, 0,
                       ACT_IMPORT},
    [ACTION_YES] = {"yes", "do it"},
    [ACTION_CANCEL] = {"cancel", "leave everything as it is"},
    [ACTION_ACCEPT] = {"go on", "take what was typed"},
    [ACTION_ERASE] = {"erase", "erase the last character"},
    [ACTION_ERASE_ALL] = {"erase all", "erase the whole line"},
    [ACTION_CHOOSE] = {"choose", "take this one"},
};

const struct action_row *action_row(enum action action) {
    return &rows[action];
}

/* RFC 5280 5.3.1, without those that are for CA certificates. */
static const struct choice reasons[] = {
    {'u', "unspecified", "no reason given"},
    {'k', "keyCompromise", "somebody else has or may have the key"},
    {'a', "affiliationChanged", "the name in it is no longer right"},
    {'s', "superseded", "replaced by a newer certificate"},
    {'c', "cessationOfOperation", "no longer needed"},
    {'o', "certificateHold", "for the time being; can be released"},
    {'p', "privilegeWithdrawn", "the holder may no longer have it"},
    {0, NULL, NULL},
};
static const struct choice crls[] = {
    {'c', "complete", "the whole CRL"},
    {'d', "delta", "what changed since the last complete CRL"},
    {0, NULL, NULL},
};

const struct choice *action_choices(enum action action) {
    return action == ACTION_REVOKE ? reasons : action == ACTION_CRL ? crls : NULL;
}

/* One word for a shell, quoted where it must be. */
static void word_add(struct buf *out, const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+:/@%";
    if (*word != 0 && strspn(word, plain) == strlen(word)) {
        buf_add_text(out, word);
        return;
    }
    buf_add_byte(out, '\'');
    for (; *word; word++)
        buf_add_text(out, *word == '\'' ? "'\\''" : (const char[]){*word, 0});
    buf_add_byte(out, '\'');
}

static void assign_command(const struct model *model, struct buf *out) {
    const struct returned *returned = &model->returned;
    buf_printf(out, "chancery assign %llu", (unsigned long long)returned->object.id);
    for (size_t i = 0; i < returned->usage_count; i++)
        if (returned->usages[i].ticked) {
            buf_add_byte(out, ' ');
            word_add(out, returned->usages[i].name);
        }
    buf_add_text(out, " --host ");
    word_add(out, returned->host != NULL ? returned->host : "");
}

static void import_command(const struct model *model, struct buf *out) {
    size_t at = model->dialog.link;
    if (at >= model->returned.link_count)
        return;
    const struct link *link = &model->returned.links[at];
    buf_printf(out, "chancery trust import FILE --%s --fingerprint ", link->root ? "root" : "intermediate");
    for (int i = 0; i < 32; i++)
        buf_printf(out, "%02x", link->sha256[i]);
}

static void revoke_command(const struct model *model, enum action action, uint64_t id, struct buf *out) {
    const struct choice *choices = action_choices(action);
    int at = model->dialog.choice;
    const char *reason = action == ACTION_HOLD ? "certificateHold" : at >= 0 && choices != NULL ? choices[at].name : "NAME";
    buf_printf(out, "chancery revoke %llu --reason %s", (unsigned long long)id, reason);
}

static void page_command(const struct model *model, struct buf *out) {
    const struct row *row = model_row(model);
    if (model->view == VIEW_DETAIL) {
        buf_printf(out, "chancery show %llu", (unsigned long long)model->object.id);
    } else if (model->view == VIEW_WIZARD) {
        assign_command(model, out);
    } else if (model->folder == FOLDER_FIND) {
        buf_add_text(out, "chancery find ");
        word_add(out, model->find);
    } else {
        buf_add_text(out, view_of(model->folder)->command);
    }
    if (model->view == VIEW_LIST && row != NULL)
        buf_printf(out, "   this row: chancery show %llu", (unsigned long long)row->id);
}

void action_command(const struct model *model, enum action action, struct buf *out) {
    uint64_t id = model->dialog.target.id;
    switch (action) {
    case ACTION_ISSUE:
        buf_printf(out, "chancery resubmit %llu", (unsigned long long)id);
        break;
    case ACTION_DENY:
        buf_printf(out, "chancery deny %llu", (unsigned long long)id);
        if (model->dialog.input_size > 0) {
            buf_add_text(out, " --message ");
            word_add(out, model->dialog.input);
        }
        break;
    case ACTION_REVOKE:
    case ACTION_HOLD:
        revoke_command(model, action, id, out);
        break;
    case ACTION_RELEASE:
        buf_printf(out, "chancery release %llu", (unsigned long long)id);
        break;
    case ACTION_CRL:
        buf_printf(out, "chancery crl publish%s", model->dialog.choice == 1 ? " --delta" : "");
        break;
    case ACTION_IMPORT:
        import_command(model, out);
        break;
    case ACTION_FINISH:
        assign_command(model, out);
        break;
    default:
        page_command(model, out);
    }
}

void roles_text(unsigned roles, struct buf *out) {
    static const struct {
        unsigned role;
        const char *name;
    } names[] = {{ROLE_ADMINISTRATOR, "administrator"}, {ROLE_OFFICER, "officer"}, {ROLE_AUDITOR, "auditor"},
                 {ROLE_OPERATOR, "operator"}, {ROLE_READ, "read"}, {ROLE_ENROL, "enrol"}, {ROLE_CRON, "cron"}};
    size_t before = out->size;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (roles & names[i].role)
            buf_printf(out, "%s%s", out->size > before ? ", " : "", names[i].name);
    if (out->size == before)
        buf_add_text(out, "no role");
}

const char *action_refusal(const struct model *model, enum action action, char *room, size_t size) {
    const struct action_row *row = &rows[action];
    if (row->confirmation == CONFIRM_NOT)
        return NULL;
    if (model->read_only) {
        snprintf(room, size, "Read-only: nothing was done. w makes the console writable, then %s again.", row->name);
        return room;
    }
    if (row->roles != 0 && (row->roles & model->hello.roles) == 0) {
        struct buf needs = BUF_EMPTY, has = BUF_EMPTY;
        roles_text(row->roles, &needs);
        roles_text(model->hello.roles, &has);
        snprintf(room, size, "%s needs the role %s; you have: %s. `chancery whoami` says why.", row->verb, buf_text(&needs),
                 buf_text(&has));
        buf_free(&needs);
        buf_free(&has);
        return room;
    }
    return NULL;
}
