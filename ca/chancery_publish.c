/* The verbs that show what left the authority: publish status, check and retry.
 * Repairing a directory is the publisher's; here its outbox is shown and hurried. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <string.h>

static const struct column module_columns[] = {
    {"MODULE", "module", 0}, {"WAITING", "waiting", 0},         {"PARKED", "parked", 0},   {"DONE", "done", 0},
    {"OLDEST", "oldest_added_at", 0}, {"LAST DONE", "last_done_at", 0}, {"LAST CRL", "last_crl", 0}, {NULL, NULL, 0},
};
static const struct column outbox_columns[] = {
    {"MODULE", "module", 0},     {"SEQUENCE", "sequence", 0}, {"KIND", "kind", 0},  {"REQUEST", "request_id", 0},
    {"CRL", "crl_number", 0},    {"ADDED", "added_at", 0},    {"TRIES", "attempts", 0}, {"NEXT", "next_at", 0},
    {"PARKED", "parked", 0},     {"WHY", "last_error", 0},    {NULL, NULL, 0},
};
static void show_status(struct cli *cli, const json_t *answer)
{
    const json_t *rows = json_object_get(answer, "rows");

    out_table(cli, json_object_get(answer, "modules"), module_columns, true);
    if (json_array_size(rows) > 0)
        out_text(cli, "");
    out_table(cli, rows, outbox_columns, true);
}

int verb_publish_status(struct cli *cli)
{
    json_t *answer = NULL;

    int status = cli_get(cli, "/v1/publish", NULL, &answer);
    return status == OK ? cli_json_or(cli, answer, show_status) : status;
}

static void show_lines(struct cli *cli, const json_t *answer)
{
    const json_t *lines = json_object_get(answer, "lines");

    for (size_t i = 0; i < json_array_size(lines); i++)
        out_text(cli, json_string_value(json_array_get(lines, i)));
}

int verb_publish_check(struct cli *cli)
{
    json_t *answer = NULL;
    int status = cli->operand_count > 0 ? cli_get(cli, "/v1/publish/check?dn=%s", cli->operands[0], &answer)
                                        : cli_get(cli, "/v1/publish/check", NULL, &answer);

    if (status != OK)
        return status;
    long long missing = (long long)client_number(answer, "missing");
    cli_json_or(cli, answer, show_lines);
    if (missing > 0)
        return error_set(&cli->error, REFUSED, "publish.rights", "%lld of what the publisher needs is missing; schema/access.conf and "
                         "access.ldif show rights that suffice", missing);
    return OK;
}

static void show_retried(struct cli *cli, const json_t *answer)
{
    if (!cli->quiet)
        out_member(cli, "Due at once", answer, "count");
}

int verb_publish_retry(struct cli *cli)
{
    json_t *answer = NULL;
    const char *module = cli->operand_count > 0 ? cli->operands[0] : NULL;

    int status = cli_post(cli, "/v1/publish/retry", NULL, json_pack("{s:s?}", "module", module), &answer);
    return status == OK ? cli_json_or(cli, answer, show_retried) : status;
}
