/* The verbs about the command line itself: help and version. Both are made from the table of commands. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <string.h>

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
    fprintf(cli->out, "%s\n\n", CLI_FORM);
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
