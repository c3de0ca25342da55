/* The verbs that decide: resubmit (issue, approve), deny, set-attribute, set-extension, revoke, release.
 * Who may is the authority's to say; here are forms and what is printed. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <string.h>

#include "ca/base/encode.h"
#include "ca/base/file.h"

#define VALUE_MAX 65536

static void show_done(struct cli *cli, const json_t *answer)
{
    out_member(cli, "RequestID", answer, "id");
    out_member(cli, "Disposition", answer, "disposition");
    out_member(cli, "Since", answer, "resolved_at");
    out_member(cli, "Message", answer, "message");
    out_member(cli, "Serial", answer, "serial");
    out_member(cli, "SHA-256", answer, "sha256");
    out_member(cli, "SHA-1 (legacy)", answer, "sha1");
}

/* An officer decides a RequestID: nothing else names a request that has no certificate. */
static int check_id(struct cli *cli)
{
    const char *id = cli->operands[0];

    if (strncmp(id, "req:", 4) == 0)
        id += 4;
    if (*id == '\0' || id[strspn(id, "0123456789")] != '\0')
        return cli_usage(cli, "\"%.60s\" is no RequestID", cli->operands[0]);
    return OK;
}

int verb_resubmit(struct cli *cli)
{
    json_t *answer = NULL;

    int status = check_id(cli);
    if (status == OK)
        status = cli_post(cli, "/v1/requests/%s/resubmit", cli->operands[0], json_object(), &answer);
    if (status != OK)
        return status;
    const char *disposition = client_text(answer, "disposition");
    status = strcmp(disposition, "issued") == 0 ? OK : strcmp(disposition, "pending") == 0 ? PENDING :
             strcmp(disposition, "denied") == 0 ? DENIED : REFUSED;
    cli_json_or(cli, answer, show_done);
    return status;
}

int verb_deny(struct cli *cli)
{
    json_t *answer = NULL;

    int status = check_id(cli);
    if (status == OK)
        status = cli_post(cli, "/v1/requests/%s/deny", cli->operands[0], json_pack("{s:s?}", "message", option_value(cli, "message")),
                          &answer);
    return status == OK ? cli_json_or(cli, answer, show_done) : status;
}

int verb_set_attribute(struct cli *cli)
{
    json_t *answer = NULL, *list = json_array();

    int status = check_id(cli);
    for (size_t i = 1; i < cli->operand_count; i++)
        json_array_append_new(list, json_string(cli->operands[i]));
    if (status == OK)
        status = cli_post(cli, "/v1/requests/%s/attributes", cli->operands[0], json_pack("{s:O}", "attributes", list), &answer);
    json_decref(list);
    return status == OK ? cli_json_or(cli, answer, show_done) : status;
}

/* The value as base64. */
static int read_value(struct cli *cli, const char *path, struct buf *text)
{
    struct buf octets = BUF_EMPTY;

    int status = file_read(path, VALUE_MAX, &octets, &cli->error);
    if (status == OK && octets.size == 0)
        status = error_set(&cli->error, BAD_DATA, "cli.input", "%s is empty: an extension's value is DER", path);
    if (status == OK) {
        base64_encode(text, buf_bytes(&octets), 0);
        status = text->failed ? error_memory(&cli->error) : OK;
    }
    buf_free(&octets);
    return status;
}

int verb_set_extension(struct cli *cli)
{
    bool remove = option_flag(cli, "remove"), given = cli->operand_count == 3;
    struct buf value = BUF_EMPTY;
    json_t *answer = NULL;

    int status = check_id(cli);
    if (status == OK && (remove == given || (remove && option_flag(cli, "critical"))))
        status = cli_usage(cli, "set-extension needs either a FILE with the value in DER, or --remove alone");
    if (status == OK && given)
        status = read_value(cli, cli->operands[2], &value);
    if (status == OK)
        status = cli_post(cli, "/v1/requests/%s/extensions", cli->operands[0],
                          json_pack("{s:s, s:b, s:b, s:s?}", "oid", cli->operands[1], "critical", option_flag(cli, "critical"), "remove",
                                    remove, "value", given ? buf_text(&value) : NULL),
                          &answer);
    buf_free(&value);
    return status == OK ? cli_json_or(cli, answer, show_done) : status;
}

int verb_revoke(struct cli *cli)
{
    char at[21], invalid_since[21];
    bool at_given = false, invalid_given = false;
    json_t *answer = NULL;

    if (option_value(cli, "reason") == NULL)
        return cli_usage(cli, "revoke needs --reason");
    if (option_value(cli, "match") != NULL)
        return cli->operand_count == 0 ? verb_revoke_match(cli) : cli_usage(cli, "an object and --match exclude each other");
    if (cli->operand_count == 0 || option_value(cli, "expect") != NULL || option_flag(cli, "dry-run"))
        return cli_usage(cli, cli->operand_count == 0 ? "revoke needs OBJECT, or --match" : "--expect and --dry-run go with --match");
    int status = option_time(cli, "at", at, &at_given);
    if (status == OK)
        status = option_time(cli, "invalid-since", invalid_since, &invalid_given);
    if (status != OK)
        return status;
    json_t *body = json_pack("{s:s, s:s?, s:s?}", "reason", option_value(cli, "reason"), "at", at_given ? at : NULL, "invalid_since",
                             invalid_given ? invalid_since : NULL);
    status = cli_post(cli, "/v1/requests/%s/revoke", cli->operands[0], body, &answer);
    return status == OK ? cli_json_or(cli, answer, show_done) : status;
}

int verb_release(struct cli *cli)
{
    json_t *answer = NULL;

    int status = cli_post(cli, "/v1/requests/%s/release", cli->operands[0], json_object(), &answer);
    return status == OK ? cli_json_or(cli, answer, show_done) : status;
}
