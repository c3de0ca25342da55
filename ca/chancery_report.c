/* report and decommission: what happened in a time, and the end of a CA. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <string.h>

/* ---- report ---- */

static const struct column report_columns[] = {
    {"AT", "at", 0}, {"WHAT", "what", 0}, {"ID", "id", 0}, {"BY", "actor", 20}, {"ROLE", "role", 0}, {"REQUESTER", "requester", 20},
    {"TEMPLATE", "template", 20}, {"REASON", "reason", 24}, {"SUBJECT", "subject", 60}, {NULL, NULL, 0},
};
static const struct column report_csv[] = {
    {"number", "number", 0}, {"at", "at", 0}, {"what", "what", 0}, {"id", "id", 0}, {"actor", "actor", 0}, {"role", "role", 0},
    {"requester", "requester", 0}, {"template", "template", 0}, {"subject", "subject", 0}, {"serial", "serial", 0},
    {"not_after", "not_after", 0}, {"reason", "reason", 0}, {"detail", "detail", 0}, {NULL, NULL, 0},
};
static const struct column role_columns[] = {
    {"ACCOUNT", "actor", 0}, {"ROLE", "role", 0}, {"WHAT", "what", 0}, {"FIRST", "first_at", 0}, {"LAST", "last_at", 0}, {"ACTS", "acts", 0},
    {"REFUSED", "refusals", 0}, {NULL, NULL, 0},
};

struct report {
    struct cli *cli;
    char from[21], to[21];
    bool from_given, to_given, first, roles;
    json_t *rows; /* with --json, of all pages */
};

static int report_page(struct report *report, const char *after, json_t **page)
{
    struct cli *cli = report->cli;
    struct buf path = BUF_EMPTY;

    client_path_start(&path, "/v1/reports/%s", cli->operands[0]);
    client_path_query(&path, "from", report->from_given ? report->from : NULL);
    client_path_query(&path, "to", report->to_given ? report->to : NULL);
    client_path_query(&path, "after", after);
    int status = path.failed ? error_memory(&cli->error) : client_call(cli->client, "GET", buf_text(&path), NULL, page, &cli->error);
    buf_free(&path);
    return status;
}

static void show_page(struct report *report, const json_t *page)
{
    const json_t *rows = json_object_get(page, "rows");

    if (report->rows != NULL)
        json_array_extend(report->rows, (json_t *)rows);
    else if (option_flag(report->cli, "csv"))
        out_csv(report->cli, rows, report->roles ? role_columns : report_csv, report->first);
    else
        out_table(report->cli, rows, report->roles ? role_columns : report_columns, report->first);
    report->first = report->first && json_array_size(rows) == 0 && !option_flag(report->cli, "csv");
}

int verb_report(struct cli *cli)
{
    struct report report = {.cli = cli, .first = true, .roles = strcmp(cli->operands[0], "roles") == 0};
    char after[24] = "";
    bool more = true;

    int status = option_time(cli, "from", report.from, &report.from_given);
    if (status == OK)
        status = option_time(cli, "to", report.to, &report.to_given);
    if (status == OK && cli->json && (report.rows = json_array()) == NULL)
        status = error_memory(&cli->error);
    while (status == OK && more) {
        json_t *page = NULL;
        status = report_page(&report, after[0] != '\0' ? after : NULL, &page);
        if (status == OK)
            show_page(&report, page);
        more = client_bool(page, "more");
        snprintf(after, sizeof after, "%lld", (long long)client_number(page, "next"));
        json_decref(page);
    }
    if (status == OK && report.rows != NULL) {
        json_t *value = json_pack("{s:s, s:O}", "report", cli->operands[0], "rows", report.rows);
        out_json(cli, value);
        json_decref(value);
    }
    json_decref(report.rows);
    return status;
}

/* ---- decommission ---- */

static void show_crls(struct cli *cli, const json_t *crls)
{
    struct buf line = BUF_EMPTY;

    for (size_t i = 0; i < json_array_size(crls); i++) {
        const json_t *crl = json_array_get(crls, i);
        buf_clear(&line);
        buf_printf(&line, "%lld, valid to %s", (long long)client_number(crl, "number"), client_text(crl, "next_update"));
        out_field(cli, "Last CRL", buf_text(&line));
    }
    buf_free(&line);
}

static void show_end(struct cli *cli, const json_t *answer)
{
    const json_t *backup = json_object_get(answer, "backup");

    out_member(cli, "Decommissioned", answer, "decommissioned_at");
    show_crls(cli, json_object_get(answer, "crls"));
    if (json_is_object(backup))
        out_member(cli, "Backup", backup, "folder");
    else
        cli_note(cli, "there is no last backup yet: chancery backup DIR --with-key");
}

int verb_decommission(struct cli *cli)
{
    const char *expect = option_value(cli, "expect"), *folder = option_value(cli, "backup");
    struct buf path = BUF_EMPTY;
    json_t *answer = NULL, *state = NULL;

    if (expect == NULL)
        return cli_usage(cli, "this cannot be undone: name the CA with --expect CA-NAME");
    if (folder == NULL && option_flag(cli, "with-key"))
        return cli_usage(cli, "--with-key goes with --backup");
    int status = folder != NULL ? backup_path(cli, folder, &path) : OK;
    if (status == OK)
        status = cli_post(cli, "/v1/decommission", NULL, json_pack("{s:s, s:s?, s:b}", "expect", expect, "backup",
                                                                 folder != NULL ? buf_text(&path) : NULL, "with_key",
                                                                 option_flag(cli, "with-key")), &answer);
    if (status == OK && folder != NULL)
        status = backup_await(cli, client_number(answer, "backup"), &state);
    if (state != NULL)
        json_object_set(answer, "backup", state);
    if (status == OK)
        cli_json_or(cli, json_incref(answer), show_end);
    json_decref(state);
    json_decref(answer);
    buf_free(&path);
    return status;
}
