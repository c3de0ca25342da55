/* What `f` found: a host or user name over all dispositions, the newest first. Not in the folder line. */
#include "tui/view.h"

static const struct column columns[] = {
    {"ReqID", 8, 0, false, cell_id},
    {"State", 8, 0, false, cell_disposition},
    {"Submitted (UTC)", 16, 3, false, cell_submitted},
    {"Requester", 12, 2, false, cell_requester},
    {"Template", 11, 1, false, cell_template},
    {"Subject CN", 16, 0, true, cell_name},
};

const struct view view_find = {
    FOLDER_FIND, 0, "Found", "Find", "chancery find", NULL, true,
    "Nothing was found. A name is found from its beginning: web07 finds web07.example.com.",
    columns, sizeof columns / sizeof columns[0], row_item, row_summary,
};
