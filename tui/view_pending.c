/* Folder 1, Pending: requests that wait for an officer, the oldest first. */
#include "tui/view.h"

static const struct column columns[] = {
    {"ReqID", 8, 0, false, cell_id},
    {"Submitted (UTC)", 16, 3, false, cell_submitted},
    {"Requester", 14, 2, false, cell_requester},
    {"Template", 11, 1, false, cell_template},
    {"Subject CN", 16, 0, true, cell_name},
};

const struct view view_pending = {
    FOLDER_PENDING, '1', "Pending", "Pend", "chancery list --disposition pending", "pending", false,
    "Nothing is pending.", columns, sizeof columns / sizeof columns[0], row_item, row_summary,
};
