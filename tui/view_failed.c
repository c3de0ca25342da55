/* Folder 3, Failed and denied: requests that ended without a certificate, the newest first. */
#include "tui/view.h"

static const struct column columns[] = {
    {"ReqID", 8, 0, false, cell_id},
    {"State", 7, 1, false, cell_disposition},
    {"Resolved (UTC)", 16, 3, false, cell_resolved},
    {"Requester", 12, 2, false, cell_requester},
    {"Subject CN", 16, 0, true, cell_name},
    {"Why", 24, 4, true, cell_message},
};

const struct view view_failed = {
    FOLDER_FAILED, '3', "Failed and denied", "Fail", "chancery list --disposition failed-or-denied", "failed-or-denied", true,
    "Nothing failed and nothing was denied.", columns, sizeof columns / sizeof columns[0], row_item, row_summary,
};
