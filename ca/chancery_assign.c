/* The verbs of assignment: usages, assign, unassign, assignments, and the site's trust stores.
 * The checks before an assignment are the authority's; its refusal says link by link what is missing. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <string.h>

static const struct column usage_columns[] = {
    {"USAGE", "name", 40}, {"TITLE", "title", 40}, {"EKUS", "ekus", 0}, {"NAMES", "names", 0}, {NULL, NULL, 0}};
static const struct column assignment_columns[] = {
    {"NUMBER", "number", 0}, {"USAGE", "usage", 40}, {"HOST", "host", 40}, {"REQUEST", "request_id", 0}, {"EFFECTIVE", "effective_at", 0},
    {"BY", "by", 20}, {"SHA-256", "sha256", 0}, {NULL, NULL, 0}};
static const struct column trust_columns[] = {
    {"STORE", "kind", 0}, {"NOT AFTER", "not_after", 0}, {"ADDED", "added_at", 0}, {"BY", "added_by", 20}, {"SHA-256", "sha256", 0},
    {"SUBJECT", "subject", 0}, {NULL, NULL, 0}};

static void show_usages(struct cli *cli, const json_t *answer)
{
    out_table(cli, json_object_get(answer, "usages"), usage_columns, true);
}

int verb_usage_list(struct cli *cli)
{
    json_t *answer = NULL;

    int status = cli_get(cli, "/v1/usages", NULL, &answer);
    return status == OK ? cli_json_or(cli, answer, show_usages) : status;
}

/* The rows of the list whose member has the value; a new list. */
static json_t *rows_with(const json_t *list, const char *member, const char *value)
{
    json_t *found = json_array();

    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(client_text(json_array_get(list, i), member), value) == 0)
            json_array_append(found, json_array_get(list, i));
    return found;
}

static void show_usage(struct cli *cli, const json_t *answer)
{
    const json_t *usage = json_object_get(answer, "usage");

    out_member(cli, "Usage", usage, "name");
    out_member(cli, "Title", usage, "title");
    out_member(cli, "EKUs", usage, "ekus");
    out_member(cli, "Names", usage, "names");
    out_table(cli, json_object_get(answer, "assignments"), assignment_columns, true);
}

/* The assignments are shown to those who may read them. */
int verb_usage_show(struct cli *cli)
{
    json_t *usages = NULL, *assignments = NULL;

    int status = cli_get(cli, "/v1/usages", NULL, &usages);
    if (status != OK)
        return status;
    json_t *found = rows_with(json_object_get(usages, "usages"), "name", cli->operands[0]);
    if (json_array_size(found) == 0) {
        status = error_set(&cli->error, REFUSED, "usage.unknown", "there is no usage %.60s; see: chancery usage list", cli->operands[0]);
        goto out;
    }
    status = cli_get(cli, "/v1/assignments", NULL, &assignments);
    if (status == NOT_PERMITTED) {
        error_clear(&cli->error);
        status = OK;
    }
    if (status == OK) {
        json_t *rows = rows_with(json_object_get(assignments, "assignments"), "usage", cli->operands[0]);
        status = cli_json_or(cli, json_pack("{s:O, s:o}", "usage", json_array_get(found, 0), "assignments", rows), show_usage);
    }
out:
    json_decref(usages);
    json_decref(assignments);
    json_decref(found);
    return status;
}

static void show_nothing(struct cli *cli, const json_t *answer)
{
    (void)cli;
    (void)answer;
}

int verb_assign(struct cli *cli)
{
    char effective[21];
    bool given = false;
    json_t *usages = json_array(), *answer = NULL;

    int status = option_time(cli, "effective", effective, &given);
    if (status != OK) {
        json_decref(usages);
        return status;
    }
    for (size_t i = 1; i < cli->operand_count; i++)
        json_array_append_new(usages, json_string(cli->operands[i]));
    json_t *body = json_pack("{s:s, s:o, s:s?, s:s?}", "object", cli->operands[0], "usages", usages, "host", option_value(cli, "host"),
                             "effective_at", given ? effective : NULL);
    status = cli_post(cli, "/v1/assignments", NULL, body, &answer);
    if (status != OK)
        return status;
    cli_note(cli, "assigned to %zu usage%s", cli->operand_count - 1, cli->operand_count > 2 ? "s" : "");
    return cli_json_or(cli, answer, show_nothing);
}

/* The only host that has the usage assigned. */
static int only_host(struct cli *cli, const char *usage, struct buf *host)
{
    struct buf hosts = BUF_EMPTY;
    json_t *answer = NULL;
    size_t count = 0;

    int status = cli_get(cli, "/v1/assignments", NULL, &answer);
    if (status != OK)
        return status;
    json_t *rows = rows_with(json_object_get(answer, "assignments"), "usage", usage);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (client_number(row, "request_id") == 0)
            continue;
        buf_printf(&hosts, "%s%s", count++ > 0 ? ", " : "", client_text(row, "host"));
    }
    if (count == 0)
        status = error_set(&cli->error, REFUSED, "assign.none", "%.60s is assigned on no host", usage);
    else if (count > 1)
        status = cli_usage(cli, "%.60s is assigned on %zu hosts, say which with --host: %.100s", usage, count, buf_text(&hosts));
    else
        buf_add_text(host, buf_text(&hosts));
    json_decref(rows);
    json_decref(answer);
    buf_free(&hosts);
    return status;
}

int verb_unassign(struct cli *cli)
{
    struct buf host = BUF_EMPTY;
    json_t *answer = NULL;
    int status = OK;

    if (option_flag(cli, "host"))
        buf_add_text(&host, option_value(cli, "host"));
    else
        status = only_host(cli, cli->operands[0], &host);
    if (status == OK)
        status = cli_post(cli, "/v1/assignments/remove", NULL, json_pack("{s:s, s:s}", "usage", cli->operands[0], "host", buf_text(&host)),
                          &answer);
    if (status == OK) {
        cli_note(cli, "%s on %s has no certificate assigned any more", cli->operands[0], buf_text(&host));
        status = cli_json_or(cli, answer, show_nothing);
    }
    buf_free(&host);
    return status;
}

static void show_assignments(struct cli *cli, const json_t *answer)
{
    out_table(cli, json_object_get(answer, "assignments"), assignment_columns, true);
}

int verb_assignments(struct cli *cli)
{
    json_t *answer = NULL;

    int status = cli_get(cli, option_flag(cli, "history") ? "/v1/assignments?history=1" : "/v1/assignments", NULL, &answer);
    return status == OK ? cli_json_or(cli, answer, show_assignments) : status;
}

static void show_trust(struct cli *cli, const json_t *answer)
{
    out_table(cli, json_object_get(answer, "anchors"), trust_columns, true);
}

int verb_trust_list(struct cli *cli)
{
    json_t *answer = NULL;

    int status = cli_get(cli, "/v1/trust", NULL, &answer);
    return status == OK ? cli_json_or(cli, answer, show_trust) : status;
}

static void show_anchor(struct cli *cli, const json_t *answer)
{
    out_member(cli, "Store", answer, "kind");
    out_member(cli, "Subject", answer, "subject");
    out_member(cli, "SHA-256", answer, "sha256");
    out_member(cli, "Not after", answer, "not_after");
}

int verb_trust_import(struct cli *cli)
{
    const char *kind = option_flag(cli, "root") ? "root" : option_flag(cli, "intermediate") ? "intermediate" : NULL;
    json_t *pem = NULL, *answer = NULL;

    if (option_flag(cli, "root") && option_flag(cli, "intermediate"))
        return cli_usage(cli, "a certificate is a root or an intermediate, not both");
    if (option_value(cli, "fingerprint") == NULL)
        return cli_usage(cli, "trust import needs --fingerprint, from another source than the file");
    int status = cli_read_certificate(cli, cli->operands[0], false, &pem);
    if (status == OK)
        status = cli_post(cli, "/v1/trust", NULL, json_pack("{s:o, s:s?, s:s}", "pem", pem, "kind", kind, "fingerprint",
                                                            option_value(cli, "fingerprint")), &answer);
    return status == OK ? cli_json_or(cli, answer, show_anchor) : status;
}
