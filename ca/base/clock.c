/* The clock, and times and durations as people write them (RFC 3339, "7d").
 * Everything is UTC; no time zone of the host ever matters here. */
#include "config.h"

#include "ca/base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

static _Atomic int64_t clock_offset_s; /* tests move the clock */

#define YEAR_1000 (-30610224000) /* years have four digits in RFC 3339 */
#define YEAR_9999_END 253402300799

int64_t clock_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return ((int64_t)now.tv_sec + atomic_load(&clock_offset_s)) * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec + atomic_load(&clock_offset_s);
}

int64_t clock_monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void clock_set_offset(int64_t offset_s)
{
    atomic_store(&clock_offset_s, offset_s);
}

const char *time_format(int64_t at, char text[TIME_TEXT_SIZE])
{
    time_t seconds = at < YEAR_1000 ? YEAR_1000 : at > YEAR_9999_END ? YEAR_9999_END : at;
    struct tm parts;

    gmtime_r(&seconds, &parts);
    strftime(text, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

static const struct {
    char letter;
    int64_t seconds;
} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}, {'y', 31536000}};

int duration_parse(const char *text, int64_t *seconds)
{
    int64_t value = 0, unit = 1;
    const char *at = text;

    for (; *at >= '0' && *at <= '9'; at++) {
        if (value > (INT64_MAX - 9) / 10)
            return BAD_DATA;
        value = value * 10 + (*at - '0');
    }
    if (at == text)
        return BAD_DATA;
    if (*at != '\0') {
        unit = 0;
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
            if (units[i].letter == *at)
                unit = units[i].seconds;
        if (unit == 0 || at[1] != '\0')
            return BAD_DATA;
    }
    if (value > INT64_MAX / unit)
        return BAD_DATA;
    *seconds = value * unit;
    return OK;
}

/* Exactly `digits` decimal digits at *text, which moves past them. */
static bool take_number(const char **text, int digits, int *out)
{
    int value = 0;

    for (int i = 0; i < digits; i++) {
        if ((*text)[i] < '0' || (*text)[i] > '9')
            return false;
        value = value * 10 + ((*text)[i] - '0');
    }
    *text += digits;
    *out = value;
    return true;
}

static bool take_letter(const char **text, const char *letters)
{
    if (**text == '\0' || strchr(letters, **text) == NULL)
        return false;
    (*text)++;
    return true;
}

static bool take_zone(const char **text, int64_t *offset_s)
{
    int hours, minutes, sign = **text == '-' ? -1 : 1;

    *offset_s = 0;
    if (take_letter(text, "zZ"))
        return true;
    if (!take_letter(text, "+-") || !take_number(text, 2, &hours) || !take_letter(text, ":") || !take_number(text, 2, &minutes))
        return false;
    *offset_s = (int64_t)sign * (hours * 3600 + minutes * 60);
    return hours < 24 && minutes < 60;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

static bool date_ok(int year, int month, int day)
{
    return year >= 1000 && month >= 1 && month <= 12 && day >= 1 && day <= days_of_month(year, month);
}

static int time_parse_absolute(const char *text, int64_t *at)
{
    struct tm parts = {0};
    int year, month, day, hour, minute, second;
    int64_t zone_s;

    if (!take_number(&text, 4, &year) || !take_letter(&text, "-") || !take_number(&text, 2, &month) ||
        !take_letter(&text, "-") || !take_number(&text, 2, &day) || !take_letter(&text, "tT ") ||
        !take_number(&text, 2, &hour) || !take_letter(&text, ":") || !take_number(&text, 2, &minute) ||
        !take_letter(&text, ":") || !take_number(&text, 2, &second))
        return BAD_DATA;
    if (take_letter(&text, ".")) { /* a fraction is read over */
        size_t digits = strspn(text, "0123456789");

        if (digits == 0)
            return BAD_DATA;
        text += digits;
    }
    if (!take_zone(&text, &zone_s) || *text != '\0')
        return BAD_DATA;
    if (!date_ok(year, month, day) || hour > 23 || minute > 59 || second > 59)
        return BAD_DATA;
    parts.tm_year = year - 1900;
    parts.tm_mon = month - 1;
    parts.tm_mday = day;
    parts.tm_hour = hour;
    parts.tm_min = minute;
    parts.tm_sec = second;
    *at = (int64_t)timegm(&parts) - zone_s;
    return OK;
}

int time_parse(const char *text, int64_t now, int64_t *at)
{
    int64_t seconds;

    if (*text != '+' && *text != '-')
        return time_parse_absolute(text, at);
    if (duration_parse(text + 1, &seconds) != OK || seconds > YEAR_9999_END)
        return BAD_DATA;
    if (*text == '+' ? now > INT64_MAX - seconds : now < INT64_MIN + seconds)
        return BAD_DATA;
    *at = *text == '+' ? now + seconds : now - seconds;
    return OK;
}
