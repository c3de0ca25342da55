/* The assignment wizard's page "request returned". With a complete chain the box and the usages are drawn, ticked; without
 * one neither is: the reasons stand there instead, one by one, and what to do. */
#include "ca/base/clock.h"
#include "tui/action.h"
#include "tui/layout.h"
#include "tui/pages.h"
#include "tui/view.h"

static const struct {
    const char *word;
    enum style style;
} link_states[] = {
    [LINK_PRESENT] = {"present", STYLE_OK},
    [LINK_MISSING] = {"MISSING", STYLE_ERROR},
    [LINK_WRONG_STORE] = {"WRONG STORE", STYLE_ERROR},
};

void usage_short(const uint8_t sha256[32], struct buf *out) {
    buf_printf(out, "..%02X%02X", sha256[30], sha256[31]);
}

static const char *store_name(const struct link *link) {
    return link->root ? "trusted root store" : "intermediate store";
}

static void status_line(const struct model *model, struct lines *out) {
    const struct object *object = &model->returned.object;
    const char *ca = model->hello.ca_name != NULL ? model->hello.ca_name : "the CA";
    unsigned long long id = (unsigned long long)object->id;
    const char *why = model->returned.message != NULL ? model->returned.message : "";
    if (object->disposition == DISPOSITION_ISSUED)
        lines_add(out, STYLE_NORMAL, "Certificate request status: ISSUED by %s, request %llu", ca, id);
    else if (object->disposition == DISPOSITION_PENDING)
        lines_add(out, STYLE_WARN, "Certificate request status: still PENDING, request %llu. An officer decides it.", id);
    else
        lines_add(out, STYLE_ERROR, "Certificate request status: %s, request %llu%s%s",
                  object->disposition == DISPOSITION_REVOKED  ? "REVOKED"
                  : object->disposition == DISPOSITION_DENIED ? "DENIED"
                                                              : "FAILED",
                  id, why[0] ? ": " : "", why);
}

static void certificate_lines(const struct object *object, struct lines *out) {
    char from[TIME_TEXT_SIZE], to[TIME_TEXT_SIZE];
    fingerprint_lines(out, out->width < PAGE_COLS_WIDE ? "Crt" : "SHA-256 ", object->sha256);
    sha1_line(out, object->sha1);
    lines_add(out, STYLE_NORMAL, "Valid %s to %s", time_format(object->not_before, from), time_format(object->not_after, to));
    lines_add(out, STYLE_NORMAL, "Serial %s", object->serial != NULL ? object->serial : "");
}

static void chain_lines(const struct returned *returned, struct lines *out) {
    bool wide = out->width >= PAGE_COLS_WIDE;
    for (size_t i = 0; i < returned->link_count; i++) {
        const struct link *link = &returned->links[i];
        const char *state = link_states[link->state].word;
        if (!wide) {
            lines_add(out, link_states[link->state].style, "Chain %s: %s (%s)", link->subject, state, store_name(link));
            continue;
        }
        lines_row(out);
        lines_piece(out, 1, 8, STYLE_DIM, i == 0 ? "Chain" : "");
        lines_piece(out, 10, out->width - 48, STYLE_NORMAL, link->subject);
        lines_piece(out, out->width - 36, 20, STYLE_NORMAL, store_name(link));
        lines_piece(out, out->width - 15, 0, link_states[link->state].style, state);
    }
}

static void usage_row(const struct model *model, size_t index, struct lines *out) {
    const struct usage_choice *usage = &model->returned.usages[index];
    bool here = index == model->wizard_at;
    struct buf now = BUF_EMPTY;
    usage_short(model->returned.object.sha256, &now);
    lines_row(out);
    lines_piece(out, 0, 2, STYLE_NORMAL, here ? ">" : "");
    enum style style = !usage->fits ? STYLE_DIM : here ? STYLE_SELECTED : STYLE_NORMAL;
    lines_piece(out, 4, 4, style, usage->ticked ? "[x]" : usage->fits ? "[ ]" : " - ");
    if (out->width < PAGE_COLS_WIDE) {
        lines_piece(out, 8, 0, style, usage->name);
    } else {
        lines_piece(out, 8, 19, style, usage->name);
        lines_piece(out, 28, out->width - 54, style, usage->title);
        lines_piece(out, out->width - 25, 15, style, usage->now);
        lines_piece(out, out->width - 8, 0, style, usage->ticked ? buf_text(&now) : "-");
    }
    if (here)
        out->cursor = (int)out->count - 1;
    if (!usage->fits && usage->why[0])
        lines_add(out, STYLE_DIM, "        %s", usage->why);
    buf_free(&now);
}

static void usage_rows(const struct model *model, struct lines *out) {
    size_t ticked = 0;
    for (size_t i = 0; i < model->returned.usage_count; i++)
        ticked += model->returned.usages[i].ticked;
    lines_row(out);
    lines_piece(out, 1, 4, STYLE_NORMAL, ticked > 0 ? "[x]" : "[ ]");
    lines_piece(out, 5, 0, STYLE_HEADING, "Assign this certificate to usages:");
    if (out->width >= PAGE_COLS_WIDE) {
        lines_row(out);
        struct buf host = BUF_EMPTY;
        buf_printf(&host, "on host %s", model->returned.host != NULL ? model->returned.host : "");
        lines_piece(out, 8, out->width - 34, STYLE_DIM, buf_text(&host));
        lines_piece(out, out->width - 25, 15, STYLE_DIM, "now");
        lines_piece(out, out->width - 8, 0, STYLE_DIM, "new");
        buf_free(&host);
    }
    for (size_t i = 0; i < model->returned.usage_count; i++)
        usage_row(model, i, out);
    lines_blank(out);
    lines_add(out, STYLE_NORMAL, "F assigns the %zu ticked.", ticked);
}

static void reason_lines(const struct returned *returned, struct lines *out) {
    size_t importable = 0;
    lines_add(out, STYLE_ERROR, "This certificate cannot be assigned yet:");
    for (size_t i = 0; i < returned->findings.count; i++)
        lines_add(out, STYLE_NORMAL, "- %s", returned->findings.items[i]);
    for (size_t i = 0; i < returned->link_count; i++)
        importable += returned->links[i].known && returned->links[i].state != LINK_PRESENT;
    if (importable > 0)
        lines_add(out, STYLE_NORMAL, "+ shows each link with its fingerprint and asks before importing.");
    lines_add(out, STYLE_NORMAL, "F finishes; assign it later from Usages.");
}

void wizard_page(const struct model *model, struct lines *out) {
    const struct returned *returned = &model->returned;
    status_line(model, out);
    lines_add(out, STYLE_NORMAL, "%s", returned->object.subject[0] ? returned->object.subject : "(no subject)");
    if (!returned->object.has_certificate)
        return;
    certificate_lines(&returned->object, out);
    chain_lines(returned, out);
    if (returned->complete)
        usage_rows(model, out);
    else
        reason_lines(returned, out);
}
