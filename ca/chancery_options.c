/* Reading the command line against the table of commands, and the one item of the configuration that it needs.
 * What the options mean is the verbs' own matter. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/base/clock.h"

/* How many words of the name stand at the front of the arguments: all of them, or 0. */
static int name_fits(const char *name, char *const *arguments, int count)
{
    int words = 0;

    while (*name != '\0') {
        size_t size = strcspn(name, " ");
        if (words == count || strlen(arguments[words]) != size || memcmp(arguments[words], name, size) != 0)
            return 0;
        words++;
        name += size + (name[size] == ' ');
    }
    return words;
}

/* The verbs of two words whose first is this, or those that begin as the word does. */
static void name_near(const char *word, struct buf *out)
{
    size_t size = strlen(word);

    for (const struct command *command = commands; size > 0 && command->name != NULL; command++) {
        bool group = strncmp(command->name, word, size) == 0;
        if (group && out->size < 400)
            buf_printf(out, "%s%s", out->size > 0 ? ", " : "", command->name);
    }
}

const struct command *command_find(char **arguments, int count, int *words, struct error *error)
{
    struct buf near = BUF_EMPTY;

    for (const struct command *command = commands; count > 0 && command->name != NULL; command++)
        if ((*words = name_fits(command->name, arguments, count)) > 0)
            return command;
    if (count == 0) {
        error_set(error, USAGE, "cli.verb", "no verb; `chancery help` lists them");
        return NULL;
    }
    name_near(arguments[0], &near);
    if (near.size > 0 && count > 1 && (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "-h") == 0)) {
        arguments[1] = arguments[0]; /* `crl --help` is `help crl` */
        arguments[0] = (char *)(uintptr_t)"help";
        *words = 1;
        buf_free(&near);
        return command_find(arguments, 1, words, error);
    }
    error_set(error, USAGE, "cli.verb", "there is no verb \"%.40s%s%.40s\"%s%s; `chancery help` lists all", arguments[0],
              count > 1 && near.size > 0 ? " " : "", count > 1 && near.size > 0 ? arguments[1] : "", near.size > 0 ? ": did you mean " : "",
              buf_text(&near));
    buf_free(&near);
    return NULL;
}

void command_form(const struct command *command, struct buf *out)
{
    buf_printf(out, "chancery %s", command->name);
    if (command->operands[0] != '\0')
        buf_printf(out, " %s", command->operands);
    for (const struct option_row *row = command->options; row->name != NULL; row++)
        buf_printf(out, " [--%s%s%s]%s", row->name, row->value != NULL ? " " : "", row->value != NULL ? row->value : "",
                   row->kind == OPTION_MANY ? "…" : "");
}

int cli_usage(struct cli *cli, const char *format, ...)
{
    char what[256];
    struct buf form = BUF_EMPTY;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    command_form(cli->command, &form);
    error_set(&cli->error, USAGE, "cli.usage", "%s; the form is: %s", what, buf_text(&form));
    buf_free(&form);
    return USAGE;
}

static const struct option_row *row_find(const struct command *command, const char *name, size_t size)
{
    for (const struct option_row *row = command->options; row->name != NULL; row++)
        if (strlen(row->name) == size && memcmp(row->name, name, size) == 0)
            return row;
    return NULL;
}

static int add_option(struct cli *cli, const struct option_row *row, const char *value)
{
    if (row->kind != OPTION_MANY && option_value(cli, row->name) != NULL)
        return cli_usage(cli, "--%s is given twice", row->name);
    if (cli->option_count == CLI_OPTIONS_MAX)
        return cli_usage(cli, "more than %d options", CLI_OPTIONS_MAX);
    cli->options[cli->option_count].row = row;
    cli->options[cli->option_count++].value = value;
    return OK;
}

/* One option that begins with two dashes; *at moves on over a value of its own. */
static int read_option(struct cli *cli, char **arguments, int count, int *at)
{
    const char *name = arguments[*at] + 2, *equals = strchr(name, '=');
    size_t size = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const struct option_row *row = row_find(cli->command, name, size);

    if (row == NULL && strcmp(name, "json") == 0) {
        cli->json = true;
        return OK;
    }
    if (row == NULL)
        return cli_usage(cli, "%s has no option --%.*s", cli->command->name, (int)(size < 40 ? size : 40), name);
    if (row->kind == OPTION_FLAG)
        return equals == NULL ? add_option(cli, row, "1") : cli_usage(cli, "--%s takes no value", row->name);
    if (equals != NULL)
        return add_option(cli, row, equals + 1);
    if (*at + 1 == count)
        return cli_usage(cli, "--%s needs a value: %s", row->name, row->value);
    return add_option(cli, row, arguments[++*at]);
}

static int check_operands(struct cli *cli)
{
    const struct command *command = cli->command;

    if ((int)cli->operand_count < command->min)
        return cli_usage(cli, "%s needs %s", command->name, command->operands);
    if (command->max >= 0 && (int)cli->operand_count > command->max)
        return cli_usage(cli, "\"%.60s\" is one too many", cli->operands[command->max]);
    for (size_t i = 0; i < cli->operand_count; i++)
        if (*cli->operands[i] == '\0') /* an unset variable of a script */
            return cli_usage(cli, "%s: %s is empty", command->name, command->operands);
    const char *out = option_value(cli, "out");
    if (cli->json && out != NULL && strcmp(out, "-") == 0)
        return cli_usage(cli, "--json and --out - both want standard output");
    return OK;
}

int options_read(struct cli *cli, char **arguments, int count)
{
    bool operands_only = false;

    cli->arguments = arguments;
    cli->operands = calloc((size_t)count + 1, sizeof *cli->operands);
    if (cli->operands == NULL)
        return error_memory(&cli->error);
    for (int at = 0; at < count; at++) {
        const char *word = arguments[at];
        if (!operands_only && strcmp(word, "--") == 0) {
            operands_only = true;
            cli->before_dashes = cli->operand_count;
        } else if (!operands_only && strcmp(word, "-q") == 0) {
            cli->quiet = true;
        } else if (!operands_only && (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)) {
            struct buf form = BUF_EMPTY;
            command_form(cli->command, &form);
            out_text(cli, buf_text(&form));
            buf_free(&form);
            cli->command = NULL; /* nothing more to do */
            return OK;
        } else if (!operands_only && word[0] == '-' && word[1] != '\0') {
            if (word[1] != '-')
                return cli_usage(cli, "%s has no option %.20s", cli->command->name, word);
            int status = read_option(cli, arguments, count, &at);
            if (status != OK)
                return status;
        } else {
            cli->operands[cli->operand_count++] = word;
        }
    }
    if (!operands_only)
        cli->before_dashes = cli->operand_count;
    return check_operands(cli);
}

const char *option_value(const struct cli *cli, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < cli->option_count; i++)
        if (strcmp(cli->options[i].row->name, name) == 0)
            value = cli->options[i].value;
    return value;
}

bool option_flag(const struct cli *cli, const char *name)
{
    return option_value(cli, name) != NULL;
}

int option_list(const struct cli *cli, const char *name, struct strings *out)
{
    for (size_t i = 0; i < cli->option_count; i++)
        if (strcmp(cli->options[i].row->name, name) == 0 && strings_add(out, cli->options[i].value) != OK)
            return INTERNAL;
    return OK;
}

int option_time(struct cli *cli, const char *name, char text[21], bool *given)
{
    const char *value = option_value(cli, name);
    int64_t at;

    *given = value != NULL;
    if (value == NULL)
        return OK;
    if (time_parse(value, clock_now(), &at) != OK)
        return cli_usage(cli, "--%s is a time such as 2026-01-20T07:12:09Z, +2h or -3d, not \"%.40s\"", name, value);
    time_format(at, text);
    return OK;
}
