/* Two clocks are compared: the one that is set, by people and by NTP, and the one that only runs. A day between them is no
 * correction; and time before the last signature is time that has been signed already. */
#include "config.h"

#include "ca/base/clock_watch.h"

#include <time.h>

#include "ca/base/clock.h"

#define NEXT_STEP "set the clock right; or, if it is right, an administrator says so with `chancery clock accept`"

struct clock_reading clock_read(void)
{
    struct timespec running;

    clock_gettime(CLOCK_BOOTTIME, &running);
    return (struct clock_reading){clock_now(), (int64_t)running.tv_sec * 1000 + running.tv_nsec / 1000000};
}

int64_t clock_jump_s(const struct clock_reading *from, const struct clock_reading *to)
{
    return to->now_s - from->now_s - (to->running_ms - from->running_ms) / 1000;
}

int clock_judge(const struct clock_reading *from, int64_t last_signed, const struct clock_reading *now, struct error *error)
{
    char here[TIME_TEXT_SIZE], there[TIME_TEXT_SIZE];
    int64_t jump = clock_jump_s(from, now);

    if (last_signed != 0 && now->now_s < last_signed - CLOCK_BACK_S)
        return error_set(error, TEMPORARY, "clock.before_last", "nothing is signed: the clock says %s, and the last signature was made "
                         "at %s; " NEXT_STEP, time_format(now->now_s, here), time_format(last_signed, there));
    if (jump > CLOCK_JUMP_S || jump < -CLOCK_JUMP_S)
        return error_set(error, TEMPORARY, "clock.jumped", "nothing is signed: the clock says %s, %lld hours %s what it said before and "
                         "the time gone since; " NEXT_STEP, time_format(now->now_s, here), (long long)((jump < 0 ? -jump : jump) / 3600),
                         jump < 0 ? "behind" : "ahead of");
    return OK;
}
