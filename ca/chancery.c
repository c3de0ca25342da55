/* chancery: the command line (COMMANDS: chancery(1)). Global options, the verb's row of the table, its function, exit status.
 * The verbs stand in chancery_*.c, the table in chancery_commands.c. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/secret.h"
#include "ca/client_conf.h"

/* ---- start ---- */

static int global_value(struct cli *cli, char **arguments, int count, int *at, const char **value)
{
    if (*at + 1 >= count)
        return error_set(&cli->error, USAGE, "cli.usage", "%s needs a value; the form is: " CLI_FORM, arguments[*at]);
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
            return error_set(&cli->error, USAGE, "cli.usage", "there is no option %.40s before the verb; the form is: " CLI_FORM, word);
    }
    return status;
}

/* The socket of the command line, of the configuration, or the one that is built in. */
static int open_client(struct cli *cli, char **socket_path)
{
    int status = OK;

    if (cli->host != NULL && cli->socket_path != NULL)
        return error_set(&cli->error, USAGE, "cli.usage", "--socket and --host exclude each other");
    if (cli->host == NULL && cli->socket_path == NULL) {
        status = client_conf_socket(cli->conf_path, socket_path, &cli->error);
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
    json_set_alloc_funcs(malloc, secret_free); /* passphrases travel as JSON */
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
