/* Folder 2, Issued: valid certificates, the newest first. */
#include "tui/view.h"

static const struct column columns[] = {
    {"ReqID", 8, 0, false, cell_id},
    {"Expires (UTC)", 16, 2, false, cell_expires},
    {"Requester", 12, 3, false, cell_requester},
    {"Template", 11, 1, false, cell_template},
    {"Subject CN", 16, 0, true, cell_name},
    {"Serial", 32, 4, false, cell_serial},
};

const struct view view_issued = {
    FOLDER_ISSUED, '2', "Issued", "Issd", "chancery list --disposition issued", "issued", true,
    "Nothing was issued yet.", columns, sizeof columns / sizeof columns[0], row_item, row_summary,
};
