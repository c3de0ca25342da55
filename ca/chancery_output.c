/* Output of the command line: fields, tables, CSV, JSON, messages, files. Everything shown passes the sanitiser, for it comes
 * from requests and directories. What is shown is the verbs' own matter. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/base/file.h"
#include "ca/base/text.h"

#define COLUMNS_MAX 16

/* How many characters: UTF-8, sanitised (no combining tails, no wide ones beyond what a list can bear). */
static size_t characters(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

/* Octets of the first so many characters. */
static size_t octets_of(const char *text, size_t count)
{
    size_t at = 0;

    while (text[at] != '\0' && (count > 0 || ((unsigned char)text[at] & 0xC0) == 0x80)) {
        count -= ((unsigned char)text[at] & 0xC0) != 0x80;
        at++;
    }
    return at;
}

void out_text(struct cli *cli, const char *text)
{
    char *safe = text_safe(text);
    fprintf(cli->out, "%s\n", safe != NULL ? safe : "");
    free(safe);
}

void out_lines(struct cli *cli, const char *text)
{
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        char *line = strndup(text, size);
        for (size_t i = 0; line != NULL && line[i] != '\0'; i++)
            line[i] = line[i] == '\t' ? ' ' : line[i]; /* the library's text has tabs */
        out_text(cli, line != NULL ? line : "");
        free(line);
        text += size + (text[size] == '\n');
    }
}

void out_field(struct cli *cli, const char *label, const char *text)
{
    char *safe = *text != '\0' ? text_safe(text) : NULL;

    if (safe != NULL)
        fprintf(cli->out, "%-18s %s\n", label, safe);
    free(safe);
}

char *json_shown(const json_t *value)
{
    struct buf text = BUF_EMPTY;

    if (json_is_string(value))
        return strdup(json_string_value(value));
    if (json_is_integer(value))
        buf_printf(&text, "%lld", (long long)json_integer_value(value));
    else if (json_is_boolean(value))
        buf_add_text(&text, json_is_true(value) ? "yes" : "no");
    else if (json_is_object(value))
        buf_add_text(&text, client_text(value, "name"));
    for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++) {
        char *item = json_shown(json_array_get(value, i));
        buf_printf(&text, "%s%s", i > 0 ? ", " : "", item != NULL ? item : "");
        free(item);
    }
    char *copy = text.failed ? NULL : strdup(buf_text(&text));
    buf_free(&text);
    return copy;
}

void out_member(struct cli *cli, const char *label, const json_t *object, const char *member)
{
    char *text = json_shown(json_object_get(object, member));
    out_field(cli, label, text != NULL ? text : "");
    free(text);
}

static char *cell(const json_t *row, const struct column *column)
{
    char *shown = json_shown(json_object_get(row, column->member));
    char *safe = text_safe(shown != NULL ? shown : "");

    free(shown);
    return safe != NULL ? safe : strdup("");
}

/* The last column takes what is left and is never padded. */
static void out_cell(struct cli *cli, const char *text, size_t width, size_t limit, bool last)
{
    size_t shown = characters(text);

    if (limit > 0 && shown > limit) {
        fprintf(cli->out, "%.*s+", (int)octets_of(text, limit - 1), text);
        shown = limit;
    } else {
        fputs(text, cli->out);
    }
    if (!last)
        fprintf(cli->out, "%*s", (int)(shown < width ? width - shown : 0) + 2, "");
}

static void out_row(struct cli *cli, const json_t *row, const struct column *columns, const size_t *widths)
{
    for (size_t i = 0; columns[i].title != NULL; i++) {
        char *text = row != NULL ? cell(row, &columns[i]) : strdup(columns[i].title);
        out_cell(cli, text != NULL ? text : "", widths[i], columns[i].width, columns[i + 1].title == NULL);
        free(text);
    }
    fputc('\n', cli->out);
}

void out_table(struct cli *cli, const json_t *rows, const struct column *columns, bool with_title)
{
    size_t widths[COLUMNS_MAX];

    for (size_t i = 0; columns[i].title != NULL; i++) {
        widths[i] = characters(columns[i].title);
        for (size_t row = 0; row < json_array_size(rows); row++) {
            char *text = cell(json_array_get(rows, row), &columns[i]);
            size_t width = characters(text != NULL ? text : "");
            if (columns[i].width > 0 && width > columns[i].width)
                width = columns[i].width;
            widths[i] = width > widths[i] ? width : widths[i];
            free(text);
        }
    }
    if (with_title && json_array_size(rows) > 0)
        out_row(cli, NULL, columns, widths);
    for (size_t row = 0; row < json_array_size(rows); row++)
        out_row(cli, json_array_get(rows, row), columns, widths);
}

/* RFC 4180. A cell that a spreadsheet would take for a formula gets an apostrophe before it: cells come from requests. */
static void csv_cell(struct cli *cli, const char *text, bool last)
{
    fputc('"', cli->out);
    if (*text != '\0' && strchr("=+-@", *text) != NULL)
        fputc('\'', cli->out);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            fputc('"', cli->out);
        fputc(*text, cli->out);
    }
    fputs(last ? "\"\r\n" : "\",", cli->out);
}

void out_csv(struct cli *cli, const json_t *rows, const struct column *columns, bool with_title)
{
    for (size_t i = 0; with_title && columns[i].title != NULL; i++)
        csv_cell(cli, columns[i].member, columns[i + 1].title == NULL);
    for (size_t row = 0; row < json_array_size(rows); row++)
        for (size_t i = 0; columns[i].title != NULL; i++) {
            char *text = cell(json_array_get(rows, row), &columns[i]);
            csv_cell(cli, text != NULL ? text : "", columns[i + 1].title == NULL);
            free(text);
        }
}

void out_json(struct cli *cli, const json_t *value)
{
    /* ASCII only: what a terminal would obey is escaped, what a parser reads is the same. */
    json_dumpf(value, cli->out, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    fputc('\n', cli->out);
    cli->answered = true;
}

static void message_line(const char *text)
{
    char *safe = text_safe(text);
    fprintf(stderr, "chancery: %s\n", safe != NULL ? safe : text);
    free(safe);
}

void cli_note(struct cli *cli, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    if (cli->quiet)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    message_line(text);
}

void cli_error(struct cli *cli, const struct error *error)
{
    if (cli->json && !cli->answered) { /* one value on standard output: what was found, else why there is nothing */
        json_t *value = json_pack("{s:{s:i, s:s, s:s%}}", "error", "status", error->status, "reason", error->reason, "message",
                                  error->message, strlen(error->message));
        if (value != NULL)
            out_json(cli, value);
        json_decref(value);
    }
    message_line(error->message);
}

void cli_progress(struct cli *cli, const char *what, size_t done, size_t of)
{
    if (cli->quiet || of < 2 || isatty(STDERR_FILENO) == 0)
        return;
    fprintf(stderr, done < of ? "\r%s %zu of %zu" : "\r\033[K", what, done, of);
    fflush(stderr);
}

static int refuse_existing(struct cli *cli, const char *path)
{
    error_clear(&cli->error);
    return error_set(&cli->error, CANNOT_WRITE, "cli.exists", "%s is there already and stays as it is; --force replaces it", path);
}

int cli_out_free(struct cli *cli, const char *path)
{
    bool file = path != NULL && strcmp(path, "-") != 0 && !option_flag(cli, "force");
    return file && access(path, F_OK) == 0 ? refuse_existing(cli, path) : OK;
}

int cli_write(struct cli *cli, const char *path, struct bytes data, mode_t mode)
{
    if (path != NULL && strcmp(path, "-") != 0) {
        bool replace = option_value(cli, "force") != NULL;
        int status = file_write(path, data, mode, replace, &cli->error);
        if (status != REFUSED || replace)
            return status;
        return refuse_existing(cli, path);
    }
    if (fwrite(data.data, 1, data.size, cli->out) != data.size)
        return error_set(&cli->error, CANNOT_WRITE, "cli.output", "standard output cannot be written");
    return OK;
}
