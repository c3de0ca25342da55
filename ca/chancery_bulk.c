/* The verbs on many rows: revoke --match and batch.
 * The work is the daemon's and outlives this program; here it is begun, watched and told. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <string.h>
#include <time.h>

#include "ca/base/encode.h"

#define WATCH_MS 200
#define AWAY_MAX_MS 60000 /* a daemon that is started again goes on with the batch */

static void show_batch(struct cli *cli, const json_t *answer)
{
    static const struct {
        const char *label, *member;
    } fields[] = {{"Batch", "number"}, {"State", "state"}, {"Filter", "filter"}, {"Reason", "reason"}, {"Officer", "actor"},
                  {"Begun", "started_at"}, {"Ended", "ended_at"}, {"Certificates", "count"}, {"Revoked", "revoked"},
                  {"Left as they were", "skipped"}, {"Revoked before", "final"}, {"Of them expired", "expired"}};

    if (strcmp(client_text(answer, "state"), "none") == 0) {
        cli_note(cli, "there was no batch of revocations yet");
        return;
    }
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        out_member(cli, fields[i].label, answer, fields[i].member);
}

static void show_count(struct cli *cli, const json_t *answer)
{
    struct buf line = BUF_EMPTY;

    buf_printf(&line, "%lld certificates would be revoked", (long long)client_number(answer, "count"));
    if (client_number(answer, "expired") > 0)
        buf_printf(&line, ", %lld of them expired", (long long)client_number(answer, "expired"));
    if (client_number(answer, "final") > 0)
        buf_printf(&line, "; %lld more are revoked already", (long long)client_number(answer, "final"));
    out_text(cli, buf_text(&line));
    buf_free(&line);
}

static void pause_ms(long ms)
{
    const struct timespec moment = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&moment, NULL);
}

/* Until the batch has ended. *answer is replaced by the newest one. */
static int watch(struct cli *cli, json_t **answer)
{
    int64_t number = client_number(*answer, "number");
    int away_ms = 0, status = OK;

    while (strcmp(client_text(*answer, "state"), "running") == 0 && client_number(*answer, "number") == number) {
        json_t *next = NULL;
        cli_progress(cli, "revoking", (size_t)client_number(*answer, "position"), (size_t)client_number(*answer, "count"));
        pause_ms(WATCH_MS);
        status = client_call(cli->client, "GET", "/v1/revocations", NULL, &next, &cli->error);
        if (status == OK) {
            json_decref(*answer);
            *answer = next;
            away_ms = 0;
        } else if (status == UNREACHABLE && away_ms < AWAY_MAX_MS) {
            error_clear(&cli->error);
            away_ms += WATCH_MS;
        } else {
            error_prefix(&cli->error, "batch %lld is begun and goes on with the daemon (chancery batch)", (long long)number);
            return status;
        }
    }
    cli_progress(cli, "revoking", 2, 2);
    return OK;
}

/* The officer's number of certificates; USAGE otherwise. */
static int read_expect(struct cli *cli, json_t *body)
{
    const char *text = option_value(cli, "expect");
    uint64_t number;

    if (text == NULL)
        return option_flag(cli, "dry-run") ? OK : cli_usage(cli, "--match needs --expect N; --dry-run counts");
    if (number_parse(text, &number) != OK || number > INT64_MAX)
        return cli_usage(cli, "--expect is a number, not \"%.40s\"", text);
    return json_object_set_new(body, "expect", json_integer((json_int_t)number)) == 0 ? OK : error_memory(&cli->error);
}

int verb_revoke_match(struct cli *cli)
{
    char at[21], invalid_since[21];
    bool at_given = false, invalid_given = false;
    json_t *answer = NULL;

    int status = option_time(cli, "at", at, &at_given);
    if (status == OK)
        status = option_time(cli, "invalid-since", invalid_since, &invalid_given);
    if (status != OK)
        return status;
    json_t *body = json_pack("{s:s, s:s, s:s?, s:s?, s:b}", "filter", option_value(cli, "match"), "reason", option_value(cli, "reason"), "at",
                             at_given ? at : NULL, "invalid_since", invalid_given ? invalid_since : NULL, "dry_run",
                             option_flag(cli, "dry-run"));
    if (body == NULL)
        return error_memory(&cli->error);
    status = read_expect(cli, body);
    if (status == OK)
        status = cli_post(cli, "/v1/revocations", NULL, json_incref(body), &answer);
    json_decref(body);
    if (status == OK && !option_flag(cli, "dry-run"))
        status = watch(cli, &answer);
    if (status == OK)
        return cli_json_or(cli, answer, option_flag(cli, "dry-run") ? show_count : show_batch);
    json_decref(answer);
    return status;
}

int verb_batch(struct cli *cli)
{
    json_t *answer = NULL;

    int status = cli_get(cli, "/v1/revocations", NULL, &answer);
    return status == OK ? cli_json_or(cli, answer, show_batch) : status;
}
