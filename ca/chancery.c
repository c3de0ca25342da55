/* chancery: the command line (COMMANDS: chancery(1)). Global options, the verb's row of the table, its function, exit status.
 * The verbs stand in chancery_*.c, the table in chancery_commands.c. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define CONF_DEFAULT CHANCERY_SYSCONFDIR "/chancery.conf"
#define FORM "chancery [-c FILE] [--socket PATH | --host NAME] [--json] [-q] VERB …"

int verb_version(struct cli *cli)
{
    if (cli->json) {
        json_t *value = json_pack("{s:s}", "version", PACKAGE_VERSION);
        out_json(cli, value);
        json_decref(value);
    } else {
        fprintf(cli->out, "chancery %s\n", PACKAGE_VERSION);
    }
    return OK;
}

static void help_all(struct cli *cli)
{
    fprintf(cli->out, "%s\n\n", FORM);
    for (const struct command *command = commands; command->name != NULL; command++)
        fprintf(cli->out, "  %-16s %s\n", command->name, command->help);
    fprintf(cli->out, "\n`chancery help VERB` says more. Exit status: 0 done, 1 refused, 2 denied, 3 pending, 64 usage, 65 bad input,\n"
            "69 daemon not reachable, 70 internal error, 74 cannot write, 75 temporary, 77 not permitted, 78 configuration.\n");
}

static void help_one(struct cli *cli, const struct command *command)
{
    struct buf form = BUF_EMPTY;

    command_form(command, &form);
    fprintf(cli->out, "%s\n\n%s. Role: %s.\n", buf_text(&form), command->help, command->role);
    for (const struct option_row *row = command->options; row->name != NULL; row++) {
        buf_clear(&form);
        buf_printf(&form, "--%s%s%s", row->name, row->value != NULL ? " " : "", row->value != NULL ? row->value : "");
        fprintf(cli->out, "  %-24s %s%s\n", buf_text(&form), row->help, row->kind == OPTION_MANY ? " (may be repeated)" : "");
    }
    buf_free(&form);
}

/* A verb and its options a line: what a shell completes, checked against conf/completion/chancery. */
static void help_table(struct cli *cli)
{
    for (const struct command *command = commands; command->name != NULL; command++) {
        fprintf(cli->out, "%s:", command->name);
        for (const struct option_row *row = command->options; row->name != NULL; row++)
            fprintf(cli->out, " --%s%s", row->name, row->kind == OPTION_FLAG ? "" : "=");
        fputc('\n', cli->out);
    }
}

/* Every verb of a group ("template"), or the one that is named. */
int verb_help(struct cli *cli)
{
    bool found = false;

    if (option_flag(cli, "table")) {
        help_table(cli);
        return OK;
    }
    if (cli->operand_count == 0) {
        help_all(cli);
        return OK;
    }
    for (const struct command *command = commands; command->name != NULL; command++) {
        size_t size = strlen(cli->operands[0]);
        bool first = strncmp(command->name, cli->operands[0], size) == 0 && (command->name[size] == '\0' || command->name[size] == ' ');
        bool second = cli->operand_count < 2 || (command->name[size] == ' ' && strcmp(command->name + size + 1, cli->operands[1]) == 0);
        if (!first || !second)
            continue;
        if (found)
            fputc('\n', cli->out);
        help_one(cli, command);
        found = true;
    }
    return found ? OK : cli_usage(cli, "there is no verb \"%.60s\"", cli->operands[0]);
}

/* ---- start ---- */

static int global_value(struct cli *cli, char **arguments, int count, int *at, const char **value)
{
    if (*at + 1 >= count)
        return error_set(&cli->error, USAGE, "cli.usage", "%s needs a value; the form is: " FORM, arguments[*at]);
    *value = arguments[++*at];
    return OK;
}

/* Options before the verb; *at is the verb's place afterwards. */
static int read_globals(struct cli *cli, char **arguments, int count, int *at)
{
    static const struct {
        const char *name;
        size_t offset;
    } values[] = {{"-c", offsetof(struct cli, conf_path)}, {"--socket", offsetof(struct cli, socket_path)}, {"--host", offsetof(struct cli, host)}};
    int status = OK;

    for (; status == OK && *at < count && arguments[*at][0] == '-'; ++*at) {
        const char *word = arguments[*at];
        bool known = true;
        if (strcmp(word, "--json") == 0)
            cli->json = true;
        else if (strcmp(word, "-q") == 0)
            cli->quiet = true;
        else if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)
            arguments[(*at)--] = (char *)(uintptr_t)"help";
        else if (strcmp(word, "--version") == 0)
            arguments[(*at)--] = (char *)(uintptr_t)"version";
        else
            known = false;
        for (size_t i = 0; !known && i < 3; i++)
            if (strcmp(values[i].name, word) == 0) {
                known = true;
                status = global_value(cli, arguments, count, at, (const char **)(void *)((char *)cli + values[i].offset));
            }
        if (!known)
            return error_set(&cli->error, USAGE, "cli.usage", "there is no option %.40s before the verb; the form is: " FORM, word);
    }
    return status;
}

/* The socket of the command line, of the configuration, or the one that is built in. */
static int open_client(struct cli *cli, char **socket_path)
{
    const char *asked = cli->conf_path != NULL ? cli->conf_path : secure_getenv("CHANCERY_CONF");
    int status = OK;

    if (cli->host != NULL && cli->socket_path != NULL)
        return error_set(&cli->error, USAGE, "cli.usage", "--socket and --host exclude each other");
    if (cli->host == NULL && cli->socket_path == NULL) {
        status = conf_socket(asked != NULL ? asked : CONF_DEFAULT, asked != NULL, socket_path, &cli->error);
        cli->socket_path = *socket_path;
    }
    struct client_options options = {.socket_path = cli->socket_path, .host = cli->host};
    if (status == OK && (cli->client = client_open(&options)) == NULL)
        status = error_memory(&cli->error);
    return status;
}

/* These need no daemon, and no configuration that can be read. */
static bool needs_daemon(const struct command *command)
{
    return command->run != verb_help && command->run != verb_version && command->run != verb_init && command->run != verb_template_import;
}

static int run(struct cli *cli, char **arguments, int count)
{
    char *socket_path = NULL;
    int at = 1, words = 0;

    int status = read_globals(cli, arguments, count, &at);
    if (status == OK && (cli->command = command_find(arguments + at, count - at, &words, &cli->error)) == NULL)
        status = USAGE;
    if (status == OK)
        status = options_read(cli, arguments + at + words, count - at - words);
    if (status == OK && cli->command != NULL && needs_daemon(cli->command))
        status = open_client(cli, &socket_path);
    if (status == OK && cli->command != NULL)
        status = cli->command->run(cli);
    client_close(cli->client);
    free(socket_path);
    free(cli->operands);
    return status;
}

int main(int argc, char **argv)
{
    struct cli *cli = calloc(1, sizeof *cli);

    if (cli == NULL)
        return INTERNAL;
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN); /* a reader that has gone is "cannot write", with words */
    cli->program = argv[0];
    cli->out = stdout;
    int status = run(cli, argv, argc);
    if (cli->error.status != OK)
        cli_error(cli, &cli->error);
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        struct error why = ERROR_NONE;
        error_set(&why, CANNOT_WRITE, "cli.output", "standard output cannot be written: %m");
        cli->json = false;
        cli_error(cli, &why);
        status = CANNOT_WRITE;
    }
    free(cli);
    return status;
}
