/* What every verb of the command line does: call the API, show JSON or words, read a certificate of a file.
 * The verbs themselves stand in the files named after what they work on. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <stdlib.h>
#include <string.h>

#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/base/text.h"

#define INPUT_MAX (256u * 1024)

static int call(struct cli *cli, const char *method, const char *pattern, const char *argument, json_t *body, json_t **answer)
{
    struct buf path = BUF_EMPTY;
    int status;

    if (argument != NULL)
        client_path_start(&path, pattern, argument);
    else
        buf_add_text(&path, pattern);
    status = path.failed ? error_memory(&cli->error) : client_call(cli->client, method, buf_text(&path), body, answer, &cli->error);
    buf_free(&path);
    return status;
}

int cli_get(struct cli *cli, const char *pattern, const char *argument, json_t **answer)
{
    return call(cli, "GET", pattern, argument, NULL, answer);
}

int cli_post(struct cli *cli, const char *pattern, const char *argument, json_t *body, json_t **answer)
{
    *answer = NULL;
    if (body == NULL)
        return error_memory(&cli->error);
    int status = call(cli, "POST", pattern, argument, body, answer);
    json_decref(body);
    return status;
}

int cli_json_or(struct cli *cli, json_t *answer, void (*show)(struct cli *cli, const json_t *answer))
{
    if (cli->json)
        out_json(cli, answer);
    else
        show(cli, answer);
    json_decref(answer);
    return OK;
}

int cli_read_request(struct cli *cli, const char *path, json_t **out)
{
    struct buf octets = BUF_EMPTY, text = BUF_EMPTY;

    int status = file_read(path, INPUT_MAX, &octets, &cli->error);
    if (status == OK && octets.size == 0)
        status = error_set(&cli->error, BAD_DATA, "cli.input", "%s is empty", path);
    if (status == OK && strstr(buf_text(&octets), "-----BEGIN ") != NULL && text_is_utf8(buf_text(&octets), octets.size))
        *out = json_string(buf_text(&octets));
    if (status == OK && *out == NULL) {
        base64_encode(&text, buf_bytes(&octets), 0);
        *out = text.failed ? NULL : json_string(buf_text(&text));
    }
    if (status == OK && *out == NULL)
        status = error_memory(&cli->error);
    buf_free(&octets);
    buf_free(&text);
    return status;
}

/* The certificates above the first one, as PEM in its order. */
static int read_above(struct cli *cli, struct bytes rest, struct buf *pem)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    int status = OK;

    while (status == OK && rest.size > 0 && memmem(rest.data, rest.size, "-----BEGIN", 10) != NULL) {
        struct buf der = BUF_EMPTY;
        struct bytes next = {NULL, 0};
        status = pem_or_der(rest, labels, &der, &next, &cli->error);
        if (status == OK)
            pem_encode(pem, labels[0], buf_bytes(&der));
        buf_free(&der);
        rest = next;
    }
    return status;
}

int cli_read_certificate(struct cli *cli, const char *path, bool chain, json_t **out)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct buf text = BUF_EMPTY, der = BUF_EMPTY, pem = BUF_EMPTY;
    struct bytes rest = {NULL, 0};

    int status = file_read(path, INPUT_MAX, &text, &cli->error);
    if (status == OK && text.size == 0)
        status = error_set(&cli->error, BAD_DATA, "cli.input", "%s is empty", path);
    if (status == OK) {
        status = pem_or_der(buf_bytes(&text), labels, &der, &rest, &cli->error);
        if (status != OK)
            error_prefix(&cli->error, "%s holds no certificate", path);
    }
    if (status == OK) {
        pem_encode(&pem, labels[0], buf_bytes(&der));
        if (chain)
            status = read_above(cli, rest, &pem);
    }
    if (status == OK) {
        *out = pem.failed ? NULL : json_string(buf_text(&pem));
        if (*out == NULL)
            status = error_memory(&cli->error);
    }
    buf_free(&text);
    buf_free(&der);
    buf_free(&pem);
    return status;
}
