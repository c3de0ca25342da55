/* The verbs backup, check-db and restore. The daemon copies and checks by itself; these start it, show how far it is on a terminal,
 * and wait for its end. restore, and check-db --offline, are modes of chanceryd, which takes this program's place. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ca/chancery_start.h"

#define FIRST_PAUSE_MS 20
#define PAUSE_MAX_MS 500

/* ---- waiting ---- */

static void pause_ms(long ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

static void show_progress(struct cli *cli, const json_t *state)
{
    uint64_t total = (uint64_t)client_number(state, "total") >> 10;

    if (total > 0)
        cli_progress(cli, client_text(state, "phase"), (size_t)client_number(state, "done") >> 10, (size_t)total);
}

/* Until what was started as `number` has ended; *state is what is told of it. A number of a later one: the daemon was started
 * anew, or somebody else's follows ours already. */
static int await(struct cli *cli, int64_t number, json_t **state)
{
    long wait_ms = FIRST_PAUSE_MS;

    for (;;) {
        int status = cli_get(cli, "/v1/background", NULL, state);
        if (status != OK)
            return status;
        if (client_number(*state, "number") != number) {
            json_decref(*state);
            *state = NULL;
            return error_set(&cli->error, TEMPORARY, "backup.lost", "the daemon does not know of it any more: it was started anew, or "
                             "another one follows; the audit records say how it ended");
        }
        show_progress(cli, *state);
        if (!client_bool(*state, "running"))
            return OK;
        json_decref(*state);
        *state = NULL;
        pause_ms(wait_ms);
        wait_ms = wait_ms * 2 < PAUSE_MAX_MS ? wait_ms * 2 : PAUSE_MAX_MS;
    }
}

/* How it ended, as an error of this call. */
static int ended(struct cli *cli, const json_t *state)
{
    const json_t *failure = json_object_get(state, "failure");

    if (!json_is_object(failure))
        return OK;
    return error_set(&cli->error, (int)client_number(failure, "status"), client_text(failure, "reason"), "%s", client_text(failure, "message"));
}

static int run(struct cli *cli, const char *path, json_t *body, json_t **state)
{
    json_t *started = NULL;
    int status = cli_post(cli, path, NULL, body, &started);

    *state = NULL;
    if (status == OK)
        status = await(cli, client_number(started, "number"), state);
    json_decref(started);
    return status == OK ? ended(cli, *state) : status;
}

int backup_await(struct cli *cli, int64_t number, json_t **state)
{
    *state = NULL;
    int status = await(cli, number, state);
    return status == OK ? ended(cli, *state) : status;
}

/* ---- backup ---- */

/* The daemon knows nothing of our working folder. */
int backup_path(struct cli *cli, const char *given, struct buf *path)
{
    char here[4096];

    if (given[0] != '/' && cli->host != NULL)
        return cli_usage(cli, "with --host DIR must be a full path: it is a folder over there");
    if (given[0] == '/') {
        buf_add_text(path, given);
    } else {
        if (getcwd(here, sizeof here) == NULL)
            return error_set(&cli->error, USAGE, "cli.folder", "this folder has no path: name DIR by its full path");
        buf_printf(path, "%s/%s", here, given);
    }
    while (path->size > 1 && path->data[path->size - 1] == '/')
        path->data[--path->size] = '\0';
    return path->failed ? error_memory(&cli->error) : OK;
}

static void show_backup(struct cli *cli, const json_t *state)
{
    struct buf line = BUF_EMPTY;

    buf_printf(&line, "%s: %lld files, %lld octets", client_text(state, "folder"), (long long)client_number(state, "files"),
               (long long)client_number(state, "octets"));
    if (!cli->quiet)
        out_text(cli, buf_text(&line));
    buf_free(&line);
}

int verb_backup(struct cli *cli)
{
    struct buf path = BUF_EMPTY;
    json_t *state = NULL;
    int status = backup_path(cli, cli->operands[0], &path);

    if (status == OK)
        status = run(cli, "/v1/backup", json_pack("{s:s, s:b}", "folder", buf_text(&path), "with_key", option_flag(cli, "with-key")), &state);
    if (status == OK)
        cli_json_or(cli, json_incref(state), show_backup);
    json_decref(state);
    buf_free(&path);
    return status;
}

/* ---- check-db ---- */

static void show_findings(struct cli *cli, const json_t *state)
{
    const json_t *findings = json_object_get(state, "findings");

    for (size_t i = 0; i < json_array_size(findings); i++)
        out_text(cli, json_string_value(json_array_get(findings, i)));
    if (json_array_size(findings) == 0 && !cli->quiet)
        out_text(cli, "the database is sound");
}

int verb_check_db(struct cli *cli)
{
    json_t *state = NULL;

    if (option_flag(cli, "offline"))
        return start_daemon_mode(cli, "--check-db");
    if (cli->operand_count > 0)
        return cli_usage(cli, "a DIR goes with --offline; without it the running daemon's database is checked");
    int status = run(cli, "/v1/check-db", json_object(), &state);
    if (status == OK) {
        int64_t count = client_number(state, "finding_count");
        cli_json_or(cli, json_incref(state), show_findings);
        if (count > 0)
            status = error_set(&cli->error, REFUSED, "check.findings", "%lld findings: the database is damaged; stop the daemon, keep its "
                               "folder, and restore a backup that is sound (chancery restore)", (long long)count);
    }
    json_decref(state);
    return status;
}

int verb_restore(struct cli *cli)
{
    return start_daemon_mode(cli, "--restore");
}

static void show_report(struct cli *cli, const json_t *answer)
{
    const json_t *lines = json_object_get(answer, "lines");

    for (size_t i = 0; i < json_array_size(lines); i++)
        out_text(cli, json_string_value(json_array_get(lines, i)));
    out_text(cli, client_bool(answer, "pending") ? "not confirmed: nothing is issued until `chancery restore confirm`" : "confirmed");
}

int verb_restore_report(struct cli *cli)
{
    json_t *answer = NULL;
    int status = cli_get(cli, "/v1/restore", NULL, &answer);

    return status == OK ? cli_json_or(cli, answer, show_report) : status;
}

static void show_nothing(struct cli *cli, const json_t *answer)
{
    (void)cli;
    (void)answer;
}

int verb_restore_confirm(struct cli *cli)
{
    json_t *answer = NULL;
    int status = cli_post(cli, "/v1/restore/confirm", NULL, json_object(), &answer);

    return status == OK ? cli_json_or(cli, answer, show_nothing) : status;
}
