/* The pages of text as lines: details, the wizard, dialogs, help. Pure: from the model, for its width. */
#ifndef CHANCERY_TUI_PAGES_H
#define CHANCERY_TUI_PAGES_H

#include "tui/lines.h"
#include "tui/model.h"

/* The page that is open (dialog, wizard or details); false: the list of a folder is. */
bool page_build(const struct model *model, struct lines *out);
void page_title(const struct model *model, struct buf *out); /* "EXAMPLE-CA > Pending > request 17" */
int page_scroll(const struct model *model);

void detail_page(const struct model *model, struct lines *out);
void wizard_page(const struct model *model, struct lines *out);
void confirm_page(const struct model *model, struct lines *out);
void fingerprint_lines(struct lines *out, const char *label, const uint8_t sha256[32]);
void sha1_line(struct lines *out, const uint8_t sha1[20]);

/* Does what must be seen before deciding (verb, identity, version, the whole fingerprint) fit onto this screen? */
bool confirm_fits(const struct model *model);
void usage_short(const uint8_t sha256[32], struct buf *out); /* "..91A4" */

#endif
