/* The rule on the clock that a signature's dates come from. Pure but for clock_read: readings go in, a judgement comes out. */
#ifndef CHANCERY_BASE_CLOCK_WATCH_H
#define CHANCERY_BASE_CLOCK_WATCH_H

#include "ca/base/error.h"

#include <stdint.h>

#define CLOCK_BACK_S 300   /* so far behind the last signature a clock may stand */
#define CLOCK_JUMP_S 86400 /* so far it may be set while we run */

/* What the clock says, and for how long the host has been running, sleep included (CLOCK_BOOTTIME: nobody can set it). */
struct clock_reading {
    int64_t now_s;
    int64_t running_ms;
};
struct clock_reading clock_read(void);
/* How far the clock went astray since `from`, in seconds; negative: back. */
int64_t clock_jump_s(const struct clock_reading *from, const struct clock_reading *to);
/* from: at start, or when an administrator last accepted the clock. last_signed 0: nothing was signed yet.
 * OK, or TEMPORARY "clock.before_last" or "clock.jumped". */
int clock_judge(const struct clock_reading *from, int64_t last_signed, const struct clock_reading *now, struct error *error);

#endif
