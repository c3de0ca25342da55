/* The verbs of the CA itself: info, config, whoami, install-cert, crl, health.
 * `health` alone follows the monitoring plug-in convention; every other verb has the exit status of ca/base/error.h. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <string.h>
#include <unistd.h>

#include "ca/base/encode.h"
#include "ca/chancery_start.h"

static void show_crl_line(struct cli *cli, const char *label, const json_t *crl)
{
    struct buf line = BUF_EMPTY;

    if (!json_is_object(crl))
        return;
    buf_printf(&line, "number %lld, %lld entries, next update %s", (long long)client_number(crl, "number"),
               (long long)client_number(crl, "entries"), client_text(crl, "next_update"));
    out_field(cli, label, buf_text(&line));
    buf_free(&line);
}

static void show_ca_certificate(struct cli *cli, const json_t *certificate)
{
    struct buf line = BUF_EMPTY;

    buf_printf(&line, "index %lld, key %lld, until %s, SHA-256 %s%s", (long long)client_number(certificate, "index"),
               (long long)client_number(certificate, "key_index"), client_text(certificate, "not_after"), client_text(certificate, "sha256"),
               client_bool(certificate, "signs") ? ", signs now" : "");
    out_field(cli, "Certificate", buf_text(&line));
    buf_free(&line);
}

static void show_ca_key(struct cli *cli, const json_t *key)
{
    const json_t *crl = json_object_get(key, "crl");
    struct buf line = BUF_EMPTY;

    buf_printf(&line, "index %lld, %s", (long long)client_number(key, "index"), client_text(key, "type"));
    if (json_is_null(json_object_get(key, "ends_at")))
        buf_add_text(&line, ", waits for its certificate");
    else
        buf_printf(&line, ", until %s", client_text(key, "ends_at"));
    if (json_is_object(crl))
        buf_printf(&line, ", CRL %lld", (long long)client_number(crl, "number"));
    if (client_bool(key, "signs"))
        buf_add_text(&line, ", signs now");
    out_field(cli, "CA key", buf_text(&line));
    buf_free(&line);
}

/* A CA that was never renewed has one of each, which stand above already. */
static void show_renewed(struct cli *cli, const json_t *answer)
{
    const json_t *certificates = json_object_get(answer, "certificates"), *keys = json_object_get(answer, "keys");

    for (size_t i = 0; json_array_size(certificates) > 1 && i < json_array_size(certificates); i++)
        show_ca_certificate(cli, json_array_get(certificates, i));
    for (size_t i = 0; json_array_size(keys) > 1 && i < json_array_size(keys); i++)
        show_ca_key(cli, json_array_get(keys, i));
}

static void show_counts(struct cli *cli, const json_t *counts)
{
    struct buf line = BUF_EMPTY;

    if (!json_is_object(counts))
        return;
    buf_printf(&line, "%lld pending, %lld issued, %lld failed, %lld denied, %lld revoked", (long long)client_number(counts, "pending"),
               (long long)client_number(counts, "issued"), (long long)client_number(counts, "failed"),
               (long long)client_number(counts, "denied"), (long long)client_number(counts, "revoked"));
    out_field(cli, "Requests", buf_text(&line));
    buf_free(&line);
}

static void show_info(struct cli *cli, const json_t *answer)
{
    const json_t *certificate = json_object_get(answer, "certificate");

    out_member(cli, "CA", answer, "name");
    out_member(cli, "Configuration", answer, "config");
    out_member(cli, "Version", answer, "version");
    out_member(cli, "Subject", answer, "subject");
    out_member(cli, "Key", answer, "key");
    if (client_bool(answer, "locked"))
        out_field(cli, "Locked", "the CA key is locked: nothing is signed until the daemon is started with its passphrase");
    if (json_is_object(certificate)) {
        out_member(cli, "Certificate index", certificate, "index");
        out_member(cli, "Key index", certificate, "key_index");
        out_member(cli, "SHA-256", certificate, "sha256");
        out_member(cli, "Not before", certificate, "not_before");
        out_member(cli, "Not after", certificate, "not_after");
    } else {
        out_field(cli, "Certificate", "none yet: install the parent's answer with `chancery install-cert FILE`");
    }
    show_crl_line(cli, "CRL", json_object_get(answer, "crl"));
    show_crl_line(cli, "Delta CRL", json_object_get(answer, "delta_crl"));
    show_renewed(cli, answer);
    show_counts(cli, json_object_get(answer, "counts"));
}

int verb_info(struct cli *cli)
{
    json_t *answer = NULL;

    int status = cli_get(cli, "/v1/info", NULL, &answer);
    return status == OK ? cli_json_or(cli, answer, show_info) : status;
}

int verb_install(struct cli *cli)
{
    json_t *certificate = NULL, *answer = NULL;

    int status = cli_read_certificate(cli, cli->operands[0], true, &certificate);
    if (status == OK)
        status = cli_post(cli, "/v1/ca/certificate", NULL, json_pack("{s:o}", "certificate", certificate), &answer);
    return status == OK ? cli_json_or(cli, answer, show_info) : status;
}

/* The new certificate's validity, or a request: the daemon makes either with the key that it has. */
static int renew_here(struct cli *cli)
{
    const char *days = option_value(cli, "days");
    json_t *answer = NULL, *body = json_pack("{s:b}", "request", option_value(cli, "csr-out") != NULL);
    struct buf until = BUF_EMPTY;

    if (days != NULL) {
        buf_printf(&until, "+%sd", days);
        json_object_set_new(body, "not_after", json_string(buf_text(&until)));
        buf_free(&until);
    }
    int status = cli_out_free(cli, option_value(cli, "csr-out"));
    if (status != OK)
        json_decref(body);
    else
        status = cli_post(cli, "/v1/ca/renewal", NULL, body, &answer);
    if (status == OK && option_value(cli, "csr-out") != NULL) {
        status = cli_write(cli, option_value(cli, "csr-out"), bytes_of_text(client_text(answer, "request")), 0644);
        if (cli->json)
            out_json(cli, answer);
        json_decref(answer);
        return status;
    }
    return status == OK ? cli_json_or(cli, answer, show_info) : status;
}

int verb_renew(struct cli *cli)
{
    const char *days = option_value(cli, "days");
    uint64_t number;

    if (days != NULL && (number_parse(days, &number) != OK || number < 1 || number > 36500))
        return error_set(&cli->error, USAGE, "cli.days", "--days takes 1 to 36500, not %s", days);
    if (option_flag(cli, "new-key"))
        return start_daemon_mode(cli, NULL);
    if (option_value(cli, "key") != NULL)
        return error_set(&cli->error, USAGE, "cli.key", "--key is for --new-key: the present key stays what it is");
    return renew_here(cli);
}

static void show_config(struct cli *cli, const json_t *answer)
{
    const json_t *list = json_object_get(answer, "config");

    for (size_t i = 0; i < json_array_size(list); i++)
        out_text(cli, json_string_value(json_array_get(list, i)));
}

int verb_config(struct cli *cli)
{
    json_t *answer = NULL;

    int status = cli_get(cli, option_flag(cli, "all") ? "/v1/config?all=1" : "/v1/config", NULL, &answer);
    return status == OK ? cli_json_or(cli, answer, show_config) : status;
}

static void show_whoami(struct cli *cli, const json_t *answer)
{
    out_member(cli, "Uid", answer, "uid");
    out_member(cli, "Account", answer, "account");
    out_member(cli, "Entry", answer, "dn");
    out_member(cli, "No entry because", answer, "mapping");
    out_member(cli, "Roles", answer, "roles");
    if (json_array_size(json_object_get(answer, "refused")) > 0) {
        out_member(cli, "Refused", answer, "refused");
        out_field(cli, "Refused because", "role separation: an identity that holds two of administrator, officer, auditor and operator "
                  "has none of them; leave you one of them in [roles] and the local groups");
    }
    if (json_array_size(json_object_get(answer, "roles")) == 0)
        out_field(cli, "Roles", "none: you see your own requests only");
}

int verb_whoami(struct cli *cli)
{
    json_t *answer = NULL;

    int status = cli_get(cli, "/v1/whoami", NULL, &answer);
    return status == OK ? cli_json_or(cli, answer, show_whoami) : status;
}

/* ---- certificates of the CA ---- */

/* The PEM that was asked for; NULL: there is none of that index. */
static const char *ca_pem(const struct cli *cli, const json_t *info, uint64_t index)
{
    const json_t *row;
    size_t i;

    if (option_flag(cli, "chain"))
        return client_text(info, "chain");
    if (option_value(cli, "index") == NULL)
        return client_text(json_object_get(info, "certificate"), "pem");
    json_array_foreach(json_object_get(info, "certificates"), i, row)
        if ((uint64_t)client_number(row, "index") == index)
            return client_text(row, "pem");
    return NULL;
}

int verb_ca_get(struct cli *cli)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    const char *text = option_value(cli, "index"), *pem = NULL;
    struct buf der = BUF_EMPTY;
    json_t *info = NULL;
    uint64_t index = 0;

    if (text != NULL && number_parse(text, &index) != OK)
        return cli_usage(cli, "--index takes a number");
    if (option_flag(cli, "chain") && (text != NULL || option_flag(cli, "der")))
        return cli_usage(cli, "--chain goes with neither --index nor --der");
    int status = cli_get(cli, "/v1/info", NULL, &info);
    if (status == OK && ((pem = ca_pem(cli, info, index)) == NULL || *pem == '\0'))
        status = error_set(&cli->error, REFUSED, "ca.no_certificate", "the CA has no such certificate (chancery info lists those it has)");
    if (status == OK && option_flag(cli, "der"))
        status = pem_or_der(bytes_of_text(pem), labels, &der, NULL, &cli->error);
    if (status == OK && cli->json) {
        json_t *value = json_pack("{s:s}", "pem", pem);
        out_json(cli, value);
        json_decref(value);
    }
    if (status == OK && (!cli->json || option_flag(cli, "out")))
        status = cli_write(cli, option_value(cli, "out"), option_flag(cli, "der") ? buf_bytes(&der) : bytes_of_text(pem), 0644);
    buf_free(&der);
    json_decref(info);
    return status;
}

/* ---- CRLs ---- */

static void show_crl(struct cli *cli, const json_t *crl)
{
    out_member(cli, "CRL number", crl, "number");
    if (client_bool(crl, "delta"))
        out_member(cli, "Delta of", crl, "base_number");
    out_member(cli, "Key index", crl, "key_index");
    out_member(cli, "Entries", crl, "entries");
    out_member(cli, "This update", crl, "this_update");
    out_member(cli, "Next update", crl, "next_update");
    out_member(cli, "Next CRL", crl, "next_publish");
    out_member(cli, "Octets", crl, "size");
    out_member(cli, "SHA-256", crl, "sha256");
}

/* Nothing to do is silence: cron would mail what is said. */
static void show_made(struct cli *cli, const json_t *answer)
{
    const json_t *crls = json_object_get(answer, "crls");

    for (size_t i = 0; !cli->quiet && i < json_array_size(crls); i++)
        show_crl(cli, json_array_get(crls, i));
}

int verb_crl_publish(struct cli *cli)
{
    json_t *answer = NULL;
    json_t *body = json_pack("{s:b, s:b}", "delta", option_flag(cli, "delta"), "if_due", option_flag(cli, "if-due"));

    int status = cli_post(cli, "/v1/crls", NULL, body, &answer);
    return status == OK ? cli_json_or(cli, answer, show_made) : status;
}

/* The path with the query that --delta and --key make. */
static int crl_path(struct cli *cli, const char *path, struct buf *out)
{
    const char *key = option_value(cli, "key");
    uint64_t number;

    if (key != NULL && (number_parse(key, &number) != OK || number > 15))
        return error_set(&cli->error, USAGE, "cli.key", "--key takes the index of one of the CA's keys (chancery info), not %s", key);
    buf_printf(out, "%s?delta=%d", path, option_flag(cli, "delta") ? 1 : 0);
    if (key != NULL)
        buf_printf(out, "&key=%s", key);
    return out->failed ? error_memory(&cli->error) : OK;
}

int verb_crl_show(struct cli *cli)
{
    struct buf path = BUF_EMPTY;
    json_t *answer = NULL;

    int status = crl_path(cli, "/v1/crls/latest", &path);
    if (status == OK)
        status = cli_get(cli, buf_text(&path), NULL, &answer);
    buf_free(&path);
    return status == OK ? cli_json_or(cli, answer, show_crl) : status;
}

/* DER, as it is published; PEM when asked for, and on a terminal, which DER would upset. */
int verb_crl_get(struct cli *cli)
{
    struct buf der = BUF_EMPTY, pem = BUF_EMPTY, path = BUF_EMPTY;
    bool terminal = !option_flag(cli, "out") && isatty(STDOUT_FILENO) != 0;

    int status = crl_path(cli, "/v1/crls/latest/der", &path);
    if (status == OK)
        status = client_get_bytes(cli->client, buf_text(&path), &der, &cli->error);
    if (status == OK)
        pem_encode(&pem, "X509 CRL", buf_bytes(&der));
    if (status == OK && pem.failed)
        status = error_memory(&cli->error);
    if (status == OK && cli->json) {
        json_t *value = json_pack("{s:s}", "pem", buf_text(&pem));
        out_json(cli, value);
        json_decref(value);
    }
    if (status == OK && (!cli->json || option_flag(cli, "out")))
        status = cli_write(cli, option_value(cli, "out"), option_flag(cli, "pem") || terminal ? buf_bytes(&pem) : buf_bytes(&der), 0644);
    buf_free(&der);
    buf_free(&pem);
    buf_free(&path);
    return status;
}

/* ---- health: exit status 0, 1, 2 or 3 ---- */

static const struct {
    const char *state, *word;
} health_states[] = {{"ok", "OK"}, {"warning", "WARNING"}, {"critical", "CRITICAL"}, {"unknown", "UNKNOWN"}};

static int health_status(const char *state)
{
    for (int i = 0; i < 4; i++)
        if (strcmp(health_states[i].state, state) == 0)
            return i;
    return 3;
}

/* The worst row says why; the metrics count the rows of each state. */
static void show_health(struct cli *cli, const json_t *answer)
{
    const json_t *rows = json_object_get(answer, "rows"), *worst = NULL;
    struct buf line = BUF_EMPTY;
    unsigned counts[4] = {0};
    int state = health_status(client_text(answer, "state"));

    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        int row_state = health_status(client_text(row, "state"));
        counts[row_state]++;
        if (worst == NULL && row_state == state && state != 0)
            worst = row;
    }
    buf_printf(&line, "CHANCERY %s: ", health_states[state].word);
    if (worst != NULL)
        buf_printf(&line, "%s: %s", client_text(worst, "name"), client_text(worst, "message"));
    else
        buf_printf(&line, "%zu checks", json_array_size(rows));
    /* A bar begins the metrics: one in a message would be taken for it. */
    for (size_t i = 0; i < line.size; i++)
        if (line.data[i] == '|')
            line.data[i] = '/';
    buf_printf(&line, " | ok=%u warning=%u critical=%u unknown=%u", counts[0], counts[1], counts[2], counts[3]);
    out_text(cli, buf_text(&line));
    for (size_t i = 0; !cli->quiet && i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        buf_clear(&line);
        buf_printf(&line, "%-8s %s: %s", health_states[health_status(client_text(row, "state"))].word, client_text(row, "name"),
                   client_text(row, "message"));
        out_text(cli, buf_text(&line));
    }
    buf_free(&line);
}

int verb_health(struct cli *cli)
{
    json_t *answer = NULL;

    int status = cli_get(cli, "/v1/health", NULL, &answer);
    if (status != OK) {
        int state = status == UNREACHABLE ? 2 : 3;
        struct buf line = BUF_EMPTY;
        buf_printf(&line, "CHANCERY %s: %s |", health_states[state].word, cli->error.message);
        if (!cli->json)
            out_text(cli, buf_text(&line));
        buf_free(&line);
        return state;
    }
    status = health_status(client_text(answer, "state"));
    cli_json_or(cli, answer, show_health);
    return status;
}
