/* The verbs of the CA key and the clock. What is asked on the terminal is in as few places as can be, and overwritten after. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <string.h>
#include <sys/prctl.h>

#include "ca/base/encode.h"
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

/* ---- the keys ---- */

static void show_keys(struct cli *cli, const json_t *answer)
{
    const json_t *keys = json_object_get(answer, "keys");

    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *key = json_array_get(keys, i);
        out_member(cli, "Key index", key, "index");
        out_member(cli, "Type", key, "type");
        out_member(cli, "Size", key, "size");
        out_member(cli, "Where", key, "where");
        out_member(cli, "Key identifier", key, "key_id");
        out_member(cli, "Certificate SHA-256", key, "certificate");
        if (json_is_string(json_object_get(key, "certificate")))
            out_field(cli, "Signature", "verified by the certificate: they belong together");
        else
            out_field(cli, "Signature", "verified; there is no certificate for this key yet");
    }
}

int verb_key_check(struct cli *cli)
{
    json_t *answer = NULL;

    int status = cli_post(cli, "/v1/keys/check", NULL, json_object(), &answer);
    return status == OK ? cli_json_or(cli, answer, show_keys) : status;
}

/* The present passphrase, and the next one twice, as members of a body. */
static int ask_change(struct cli *cli, const char *next_prompt, json_t **body)
{
    struct buf present = BUF_EMPTY, next = BUF_EMPTY, again = BUF_EMPTY;

    int status = ask(cli, "Present passphrase of the CA key: ", &present);
    if (status == OK)
        status = ask(cli, next_prompt, &next);
    if (status == OK)
        status = ask(cli, "The same again: ", &again);
    if (status == OK && !bytes_equal(buf_bytes(&next), buf_bytes(&again)))
        status = error_set(&cli->error, BAD_DATA, "cli.passphrase", "the two new passphrases differ: nothing is done");
    if (status == OK && (*body = json_pack("{s:o, s:o}", "present", secret_json(&present), "next", secret_json(&next))) == NULL)
        status = error_set(&cli->error, BAD_DATA, "cli.passphrase", "what was typed is no UTF-8 text");
    buf_wipe(&present);
    buf_wipe(&next);
    buf_wipe(&again);
    return status;
}

static void show_changed(struct cli *cli, const json_t *answer)
{
    const char *file = client_text(answer, "passphrase_file");

    cli_note(cli, "the CA's keys are encrypted under the new passphrase");
    if (*file != '\0')
        cli_note(cli, "the next start takes it from %s: put the new one there now", file);
}

int verb_key_passwd(struct cli *cli)
{
    json_t *body = NULL, *answer = NULL;

    int status = ask_change(cli, "New passphrase: ", &body);
    if (status == OK)
        status = cli_post(cli, "/v1/keys/passwd", NULL, body, &answer);
    return status == OK ? cli_json_or(cli, answer, show_changed) : status;
}

static int export_body(struct cli *cli, json_t **body)
{
    const char *key = option_value(cli, "key");
    uint64_t number = 0;

    if (key != NULL && (number_parse(key, &number) != OK || number > 1000))
        return cli_usage(cli, "--key takes a key index, such as 0");
    int status = cli_out_free(cli, cli->operands[0]);
    if (status == OK)
        status = ask_change(cli, "Passphrase of the exported key: ", body);
    if (status == OK && json_object_set_new(*body, "key", json_integer((json_int_t)number)) != 0)
        status = error_memory(&cli->error);
    return status;
}

int verb_key_export(struct cli *cli)
{
    json_t *body = NULL, *answer = NULL;

    int status = strcmp(cli->operands[0], "-") == 0 ? cli_usage(cli, "a key is written to a file, not to standard output")
                                                    : export_body(cli, &body);
    if (status == OK)
        status = cli_post(cli, "/v1/keys/export", NULL, body, &answer);
    if (status == OK)
        status = cli_write(cli, cli->operands[0], bytes_of_text(client_text(answer, "pem")), 0600);
    if (status == OK && cli->json) {
        json_t *value = json_pack("{s:s}", "file", cli->operands[0]);
        out_json(cli, value);
        json_decref(value);
    }
    json_decref(answer);
    return status;
}
