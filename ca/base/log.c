/* The log: one line at a time to standard error and, where asked, to syslog.
 * Lines pass the sanitiser, so that what a client or directory sent cannot
 * forge one. The state here is the only global of the house. */
#include "config.h"

#include "ca/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "ca/base/text.h"

#define LOG_LINE_MAX 4096

static struct {
    char ident[64];
    bool to_syslog;
    bool verbose;
} state = {"chancery", false, false};

static const struct {
    const char *word;
    int priority;
} levels[] = {
    [LEVEL_ERROR] = {"error: ", LOG_ERR},
    [LEVEL_WARN] = {"warning: ", LOG_WARNING},
    [LEVEL_NOTICE] = {"", LOG_NOTICE},
    [LEVEL_DEBUG] = {"debug: ", LOG_DEBUG},
};

void log_open(const char *ident, bool to_syslog, bool verbose)
{
    snprintf(state.ident, sizeof state.ident, "%s", ident);
    state.to_syslog = to_syslog;
    state.verbose = verbose;
    if (to_syslog)
        openlog(state.ident, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void log_forked(void)
{
    if (!state.to_syslog)
        return;
    closelog();
    openlog(state.ident, LOG_PID, LOG_DAEMON);
}

void log_line(enum log_level level, const char *format, ...)
{
    char text[LOG_LINE_MAX];
    struct buf line = BUF_EMPTY;
    va_list arguments;
    size_t start;

    if (level == LEVEL_DEBUG && !state.verbose)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buf_printf(&line, "%s: %s", state.ident, levels[level].word);
    start = line.size;
    text_sanitise(&line, text, strlen(text));
    if (state.to_syslog && !line.failed)
        syslog(levels[level].priority, "%s%s", levels[level].word, buf_text(&line) + start);
    buf_add_byte(&line, '\n');
    /* One write, so that lines of several processes do not mix. Nothing can be done where even that fails. */
    if (line.failed || write(STDERR_FILENO, line.data, line.size) < 0)
        (void)0;
    buf_free(&line);
}
