/* The verbs that look: retrieve, list, find, show, isvalid.
 * What they print comes from requests, so all of it passes the sanitiser of chancery_output.c. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct column request_columns[] = {
    {"ID", "id", 0},
    {"DISPOSITION", "disposition", 0},
    {"SUBMITTED", "submitted_at", 0},
    {"REQUESTER", "requester", 20},
    {"TEMPLATE", "template", 20},
    {"NAME", "name", 40},
    {"SUBJECT", "subject", 60},
    {"NOT AFTER", "not_after", 0},
    {NULL, NULL, 0},
};
static const struct column csv_columns[] = {
    {"id", "id", 0},           {"disposition", "disposition", 0}, {"submitted", "submitted_at", 0}, {"resolved", "resolved_at", 0},
    {"requester", "requester", 0}, {"template", "template", 0},   {"subject", "subject", 0},        {"name", "name", 0},
    {"serial", "serial", 0},   {"sha256", "sha256", 0},           {"not_after", "not_after", 0},    {"revoked", "revoked_at", 0},
    {"reason", "revocation_reason", 0}, {"message", "message", 0}, {NULL, NULL, 0},
};

int verb_retrieve(struct cli *cli)
{
    struct buf path = BUF_EMPTY, octets = BUF_EMPTY;

    client_path_start(&path, "/v1/requests/%s/certificate", cli->operands[0]);
    client_path_query(&path, "format", option_flag(cli, "der") ? "der" : "pem");
    client_path_query(&path, "chain", option_flag(cli, "chain") ? "1" : NULL);
    if (option_flag(cli, "der") && option_flag(cli, "chain"))
        return cli_usage(cli, "a chain is PEM: --der and --chain exclude each other");
    int status = client_get_bytes(cli->client, buf_text(&path), &octets, &cli->error);
    if (status == OK && cli->json) {
        json_t *value = option_flag(cli, "der") ? NULL : json_pack("{s:s}", "pem", buf_text(&octets));
        if (value == NULL)
            status = cli_usage(cli, "--json goes with PEM");
        else
            out_json(cli, value);
        json_decref(value);
    }
    if (status == OK && (!cli->json || option_flag(cli, "out")))
        status = cli_write(cli, option_value(cli, "out"), buf_bytes(&octets), 0644);
    buf_free(&path);
    buf_free(&octets);
    return status;
}

/* The query of a list; the filters have the names of the options. */
static int list_path(struct cli *cli, const char *after, struct buf *path)
{
    static const char *const filters[] = {"disposition", "template", "requester", "name", "expiring", "since", "until", "limit"};
    const char *sort = option_value(cli, "sort");

    client_path_start(path, "/v1/requests", NULL);
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        client_path_query(path, filters[i], option_value(cli, filters[i]));
    if (sort != NULL && sort[0] == '-') {
        client_path_query(path, "sort", sort + 1);
        client_path_query(path, "desc", "1");
    } else {
        client_path_query(path, "sort", sort);
    }
    client_path_query(path, "after", after);
    return path->failed ? error_memory(&cli->error) : OK;
}

static const json_t *last_row(const json_t *answer)
{
    const json_t *rows = json_object_get(answer, "rows");
    return json_array_size(rows) > 0 ? json_array_get(rows, json_array_size(rows) - 1) : NULL;
}

static void show_rows(struct cli *cli, const json_t *answer, bool first)
{
    const json_t *rows = json_object_get(answer, "rows");

    if (option_value(cli, "csv") != NULL)
        out_csv(cli, rows, csv_columns, first);
    else
        out_table(cli, rows, request_columns, first);
}

/* Takes page. The pages of --json are one value: rows are gathered. */
static void take_page(struct cli *cli, json_t **whole, json_t *page, bool first)
{
    if (!cli->json) {
        show_rows(cli, page, first);
        json_decref(page);
    } else if (*whole == NULL) {
        *whole = page;
    } else {
        json_array_extend(json_object_get(*whole, "rows"), json_object_get(page, "rows"));
        json_object_set(*whole, "more", json_object_get(page, "more"));
        json_decref(page);
    }
}

int verb_list(struct cli *cli)
{
    struct buf path = BUF_EMPTY;
    json_t *whole = NULL, *page = NULL;
    char after[24] = "";
    bool more = true, first = true;
    int status = OK;

    if (option_value(cli, "after") != NULL)
        snprintf(after, sizeof after, "%s", option_value(cli, "after"));
    while (status == OK && more) {
        status = list_path(cli, after[0] != '\0' ? after : NULL, &path);
        if (status == OK)
            status = client_call(cli->client, "GET", buf_text(&path), NULL, &page, &cli->error);
        if (status != OK)
            break;
        const json_t *last = last_row(page);
        more = client_bool(page, "more") && last != NULL;
        if (more)
            snprintf(after, sizeof after, "%lld", (long long)client_number(last, "id"));
        take_page(cli, &whole, page, first);
        first = false;
        if (more && !option_flag(cli, "all"))
            break;
    }
    if (status == OK && whole != NULL)
        out_json(cli, whole);
    if (status == OK && more)
        cli_note(cli, "more: --after %s", after);
    json_decref(whole);
    buf_free(&path);
    return status;
}

static void show_found(struct cli *cli, const json_t *answer)
{
    if (json_array_size(json_object_get(answer, "rows")) == 0)
        cli_note(cli, "nothing is named so or begins so");
    out_table(cli, json_object_get(answer, "rows"), request_columns, true);
    if (client_bool(answer, "more"))
        cli_note(cli, "there may be more: say more of the name");
}

int verb_find(struct cli *cli)
{
    json_t *answer = NULL;

    int status = cli_get(cli, "/v1/find?text=%s", cli->operands[0], &answer);
    return status == OK ? cli_json_or(cli, answer, show_found) : status;
}

static void show_list(struct cli *cli, const char *label, const json_t *object, const char *member)
{
    const json_t *list = json_object_get(object, member);

    for (size_t i = 0; i < json_array_size(list); i++) {
        char *text = json_shown(json_array_get(list, i));
        out_field(cli, i == 0 ? label : "", text != NULL ? text : "");
        free(text);
    }
}

static void show_attributes(struct cli *cli, const json_t *answer)
{
    const json_t *list = json_object_get(answer, "attributes");
    struct buf line = BUF_EMPTY;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        buf_clear(&line);
        const char *actor = client_text(item, "actor");
        buf_printf(&line, "%s:%s (%s%s%s)", client_text(item, "name"), client_text(item, "value"), client_text(item, "set_by"),
                   *actor != '\0' ? " " : "", actor);
        out_field(cli, i == 0 ? "Attributes" : "", buf_text(&line));
    }
    list = json_object_get(answer, "extensions");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *actor = client_text(item, "actor");
        buf_clear(&line);
        buf_printf(&line, "%s %s%s (%s%s%s)", client_text(item, "oid"), client_bool(item, "critical") ? "critical " : "",
                   client_text(item, "value"), client_text(item, "set_by"), *actor != '\0' ? " " : "", actor);
        out_field(cli, i == 0 ? "Extensions" : "", buf_text(&line));
    }
    buf_free(&line);
}

static void show_certificate(struct cli *cli, const json_t *certificate)
{
    const json_t *revocation = json_object_get(certificate, "revocation");

    if (!json_is_object(certificate))
        return;
    out_text(cli, "");
    out_member(cli, "Certificate", certificate, "subject");
    show_list(cli, "Names", certificate, "names");
    out_member(cli, "Serial", certificate, "serial");
    out_member(cli, "SHA-256", certificate, "sha256");
    out_member(cli, "SHA-1 (legacy)", certificate, "sha1");
    out_member(cli, "Key SHA-256", certificate, "spki_sha256");
    out_member(cli, "Not before", certificate, "not_before");
    out_member(cli, "Not after", certificate, "not_after");
    out_member(cli, "Published to", certificate, "publish_dn");
    if (json_is_object(revocation)) {
        out_member(cli, "Revoked", revocation, "revoked_at");
        out_member(cli, "Reason", revocation, "reason");
        out_member(cli, "Invalid since", revocation, "invalid_since");
    }
}

static const struct {
    const char *label, *member;
} detail_fields[] = {
    {"RequestID", "id"},           {"Disposition", "disposition"}, {"Message", "message"},     {"Reason code", "reason"},
    {"Submitted", "submitted_at"}, {"Resolved", "resolved_at"},    {"Requester", "requester"}, {"Entry", "requester_dn"},
    {"On behalf of", "on_behalf_of"}, {"Agent's certificate", "agent_id"},
    {"Through", "intermediary"},   {"Template", "template"},       {"Usages", "usages"},       {"Subject asked for", "subject"},
    {"Names asked for", "names"},  {"Key", "key"},                 {"Key SHA-256", "spki_sha256"}, {"Request SHA-256", "pkcs10_sha256"},
    {"Decided by", "decided_by"},  {"Renewal of", "renewal_of"},
};

static void show_assignments(struct cli *cli, const json_t *answer)
{
    const json_t *list = json_object_get(answer, "assignments");
    struct buf line = BUF_EMPTY;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        buf_clear(&line);
        buf_printf(&line, "%s on %s from %s by %s", client_text(item, "usage"), client_text(item, "host"),
                   client_text(item, "effective_at"), client_text(item, "by"));
        out_field(cli, i == 0 ? "Assigned" : "", buf_text(&line));
    }
    buf_free(&line);
}

static void show_detail(struct cli *cli, const json_t *answer)
{
    for (size_t i = 0; i < sizeof detail_fields / sizeof detail_fields[0]; i++)
        out_member(cli, detail_fields[i].label, answer, detail_fields[i].member);
    if (client_bool(answer, "subject_replaced"))
        out_field(cli, "Subject", "replaced: names come from the directory entry");
    show_attributes(cli, answer);
    show_certificate(cli, json_object_get(answer, "certificate"));
    show_assignments(cli, answer);
    show_list(cli, "Publication", answer, "publication");
    show_list(cli, "History", answer, "history");
    if (option_flag(cli, "text"))
        out_lines(cli, client_text(answer, "text"));
}

/* The certificate, or the request where there is none. */
static int show_pem(struct cli *cli, const json_t *answer)
{
    struct buf path = BUF_EMPTY, pem = BUF_EMPTY;
    int status = OK;

    if (!json_is_object(json_object_get(answer, "certificate"))) {
        out_lines(cli, client_text(answer, "pkcs10"));
        return OK;
    }
    client_path_start(&path, "/v1/requests/%s/certificate", cli->operands[0]);
    client_path_query(&path, "format", "pem");
    status = client_get_bytes(cli->client, buf_text(&path), &pem, &cli->error);
    if (status == OK)
        out_lines(cli, buf_text(&pem));
    buf_free(&path);
    buf_free(&pem);
    return status;
}

int verb_show(struct cli *cli)
{
    json_t *answer = NULL;

    int status = cli_get(cli, option_flag(cli, "text") ? "/v1/requests/%s?text=1" : "/v1/requests/%s", cli->operands[0], &answer);
    if (status != OK)
        return status;
    if (cli->json) {
        out_json(cli, answer);
    } else {
        show_detail(cli, answer);
        if (option_flag(cli, "pem"))
            status = show_pem(cli, answer);
    }
    json_decref(answer);
    return status;
}

static void show_validity(struct cli *cli, const json_t *answer)
{
    struct buf line = BUF_EMPTY;

    buf_add_text(&line, client_text(answer, "state"));
    if (json_is_string(json_object_get(answer, "revoked_at")))
        buf_printf(&line, "%s %s, %s", strcmp(client_text(answer, "state"), "revoked") == 0 ? ":" : "; to be revoked:",
                   client_text(answer, "reason"), client_text(answer, "revoked_at"));
    if (client_bool(answer, "expired"))
        buf_printf(&line, "; expired %s", client_text(answer, "not_after"));
    out_text(cli, buf_text(&line));
    buf_free(&line);
}

int verb_isvalid(struct cli *cli)
{
    json_t *answer = NULL;

    int status = cli_get(cli, "/v1/requests/%s/validity", cli->operands[0], &answer);
    if (status != OK)
        return status;
    bool valid = strcmp(client_text(answer, "state"), "valid") == 0;
    cli_json_or(cli, answer, show_validity);
    return valid ? OK : REFUSED;
}
