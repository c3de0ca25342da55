/* The log: the one global of the house. Standard error always, syslog when asked.
 * Every line passes the sanitiser: what came from outside cannot forge a line. Any thread. */
#ifndef CHANCERY_BASE_LOG_H
#define CHANCERY_BASE_LOG_H

#include <stdbool.h>

enum log_level { LEVEL_ERROR, LEVEL_WARN, LEVEL_NOTICE, LEVEL_DEBUG };

void log_open(const char *ident, bool to_syslog, bool verbose);
/* In a child, before descriptors are closed: syslog's is opened anew when needed. */
void log_forked(void);
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define log_error(...) log_line(LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LEVEL_WARN, __VA_ARGS__)
#define log_notice(...) log_line(LEVEL_NOTICE, __VA_ARGS__)
#define log_debug(...) log_line(LEVEL_DEBUG, __VA_ARGS__)

#endif
