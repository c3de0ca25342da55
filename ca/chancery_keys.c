/* The verbs of the CA key and the clock. What is asked on the terminal is in as few places as can be, and overwritten after. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <string.h>
#include <sys/prctl.h>

#include "ca/base/secret.h"

/* A crash must leave no core with a passphrase in it. */
static int ask(struct cli *cli, const char *prompt, struct buf *out)
{
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    int status = terminal_ask(prompt, out, &cli->error);

    if (status == OK && out->size == 0)
        status = error_set(&cli->error, USAGE, "cli.passphrase", "no passphrase was given: nothing is done");
    return status;
}

/* JSON takes text; its memory is overwritten when it is freed (main). */
static json_t *secret_json(const struct buf *secret)
{
    return json_stringn((const char *)secret->data, secret->size);
}

static void show_unlocked(struct cli *cli, const json_t *answer)
{
    cli_note(cli, "CA %s is unlocked", client_text(answer, "name"));
}

/* Asked before anybody types a passphrase for nothing. */
static int unlock_wanted(struct cli *cli)
{
    json_t *answer = NULL;

    int status = cli_get(cli, "/v1/info", NULL, &answer);
    if (status == OK && !client_bool(answer, "locked"))
        status = error_set(&cli->error, REFUSED, "signer.unlocked", "the CA key is not locked: there is nothing to unlock");
    json_decref(answer);
    return status;
}

int verb_unlock(struct cli *cli)
{
    struct buf passphrase = BUF_EMPTY;
    json_t *text = NULL, *answer = NULL;

    int status = unlock_wanted(cli);
    if (status == OK)
        status = ask(cli, "Passphrase of the CA key: ", &passphrase);
    if (status == OK && (text = secret_json(&passphrase)) == NULL)
        status = error_set(&cli->error, BAD_DATA, "cli.passphrase", "what was typed is no UTF-8 text");
    buf_wipe(&passphrase);
    if (status == OK)
        status = cli_post(cli, "/v1/unlock", NULL, json_pack("{s:o}", "passphrase", text), &answer);
    return status == OK ? cli_json_or(cli, answer, show_unlocked) : status;
}

static void show_accepted(struct cli *cli, const json_t *answer)
{
    cli_note(cli, "the clock is accepted: it is %s, %lld seconds from what was expected", client_text(answer, "now"),
             (long long)client_number(answer, "jump"));
}

int verb_clock_accept(struct cli *cli)
{
    json_t *answer = NULL;

    int status = cli_post(cli, "/v1/clock/accept", NULL, json_object(), &answer);
    return status == OK ? cli_json_or(cli, answer, show_accepted) : status;
}
