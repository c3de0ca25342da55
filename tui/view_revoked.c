/* Folder 4, Revoked: revoked certificates, and those on hold, the newest request first. */
#include "tui/view.h"

static void cell_revoked(const void *item, struct buf *out, enum style *style) {
    time_short(((const struct row *)item)->revoked_at, out);
}

static void cell_reason(const void *item, struct buf *out, enum style *style) {
    const char *reason = ((const struct row *)item)->revocation_reason;
    buf_add_text(out, reason[0] ? reason : "-");
}

static const struct column columns[] = {
    {"ReqID", 8, 0, false, cell_id},
    {"Revoked (UTC)", 16, 2, false, cell_revoked},
    {"Reason", 20, 1, false, cell_reason},
    {"Requester", 12, 3, false, cell_requester},
    {"Subject CN", 16, 0, true, cell_name},
    {"Serial", 32, 4, false, cell_serial},
};

const struct view view_revoked = {
    FOLDER_REVOKED, '4', "Revoked", "Revk", "chancery list --disposition revoked", "revoked", true,
    "Nothing is revoked.", columns, sizeof columns / sizeof columns[0], row_item, row_summary,
};
