/* The vocabulary of errors: filling in a struct error once, and naming a
 * status. What a code means to a caller is in the header; nothing here
 * allocates or logs. */
#include "config.h"

#include "ca/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A cut in the middle of a UTF-8 sequence would make the message unreadable
 * for the journal: the incomplete rest goes. */
static void cut_at_scalar(char *text, size_t length)
{
    size_t start = length;

    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start > 0 && (unsigned char)text[start - 1] >= 0xC0) {
        unsigned char lead = (unsigned char)text[start - 1];
        size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;

        if (length - (start - 1) < wanted)
            text[start - 1] = '\0';
    }
}

/* In parentheses: the name may be a macro (guard.h). */
int (error_set)(struct error *error, int status, const char *reason, const char *format, ...)
{
    va_list arguments;
    int length;

    if (error == NULL)
        return status;
    if (error->status != OK)
        return error->status;
    error->status = status;
    snprintf(error->reason, sizeof error->reason, "%s", reason);
    va_start(arguments, format);
    length = vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof error->message)
        cut_at_scalar(error->message, sizeof error->message - 1);
    return status;
}

int error_prefix(struct error *error, const char *format, ...)
{
    char prefix[sizeof error->message], rest[sizeof error->message];
    va_list arguments;
    size_t length;

    if (error == NULL)
        return OK;
    if (error->status == OK)
        return OK;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    memcpy(rest, error->message, sizeof rest);
    length = strlen(prefix);
    memcpy(error->message, prefix, length);
    if (snprintf(error->message + length, sizeof error->message - length, ": %s", rest) < 0)
        error->message[length] = 0;
    cut_at_scalar(error->message, strlen(error->message));
    return error->status;
}

void error_clear(struct error *error)
{
    if (error == NULL)
        return;
    error->status = OK;
    error->reason[0] = '\0';
    error->message[0] = '\0';
}

const char *status_name(int status)
{
    static const struct {
        int status;
        const char *name;
    } names[] = {
        {OK, "ok"}, {REFUSED, "refused"}, {DENIED, "denied"}, {PENDING, "pending"}, {USAGE, "usage"},
        {BAD_DATA, "bad data"}, {UNREACHABLE, "unreachable"}, {INTERNAL, "internal"},
        {CANNOT_WRITE, "cannot write"}, {TEMPORARY, "temporary"}, {NOT_PERMITTED, "not permitted"},
        {BAD_CONFIG, "bad configuration"},
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].status == status)
            return names[i].name;
    return "unknown";
}
