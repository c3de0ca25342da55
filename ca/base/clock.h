/* Time: seconds since 1970 (UTC) as int64_t, milliseconds where the name says so. */
#ifndef CHANCERY_BASE_CLOCK_H
#define CHANCERY_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "ca/base/error.h"

int64_t clock_now(void);            /* seconds since 1970 */
int64_t clock_now_ms(void);
int64_t clock_monotonic_ms(void);
void clock_set_offset(int64_t offset_s); /* for tests: clock_now() is the real time plus this */

#define TIME_TEXT_SIZE 21 /* 2026-01-20T07:12:09Z and NUL */
/* RFC 3339 in UTC with Z. Returns text. */
const char *time_format(int64_t at, char text[TIME_TEXT_SIZE]);
/* RFC 3339 with zone, or relative to now: +2h -3d +90s +10m +1w. OK or BAD_DATA. */
int time_parse(const char *text, int64_t now, int64_t *at);
/* "90s" "15m" "6h" "7d" "2w" "1y" or bare seconds. OK or BAD_DATA. */
int duration_parse(const char *text, int64_t *seconds);

#endif
