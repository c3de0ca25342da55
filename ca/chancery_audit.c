/* The verbs of the auditor: audit list, verify and export. An exported file is verified here, without a daemon. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "ca/audit/export.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"

#define CERTIFICATES_MAX (1u << 20)
#define LINES_PAGE 500

static const struct column audit_columns[] = {
    {"NUMBER", "number", 0}, {"AT", "at", 0},       {"ACTOR", "actor", 24},   {"ROLE", "role", 0},
    {"ACTION", "action", 0}, {"OBJECT", "object", 40}, {"OUTCOME", "outcome", 0}, {"REASON", "reason", 0},
    {"DETAIL", "detail", 0}, {NULL, NULL, 0},
};

/* ---- list ---- */

static const char *const filters[] = {"actor", "role", "action", "object", "outcome", "reason"};

/* --since and --until as RFC 3339; "" where not given. */
static int filter_times(struct cli *cli, char times[2][21])
{
    static const char *const names[] = {"since", "until"};
    int status = OK;

    for (size_t i = 0; i < 2 && status == OK; i++) {
        bool given = false;
        status = option_time(cli, names[i], times[i], &given);
        if (!given)
            times[i][0] = '\0';
    }
    return status;
}

static void filter_query(const struct cli *cli, struct buf *path, char times[2][21])
{
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        client_path_query(path, filters[i], option_value(cli, filters[i]));
    client_path_query(path, "since", times[0][0] != '\0' ? times[0] : NULL);
    client_path_query(path, "until", times[1][0] != '\0' ? times[1] : NULL);
}

/* Takes page; whole gathers the pages of --json. */
static void take_audit(struct cli *cli, json_t **whole, json_t *page, bool first)
{
    if (cli->json && *whole == NULL) {
        *whole = page;
        return;
    }
    if (cli->json) {
        json_array_extend(json_object_get(*whole, "rows"), json_object_get(page, "rows"));
        json_object_set(*whole, "more", json_object_get(page, "more"));
    } else if (option_flag(cli, "csv")) {
        out_csv(cli, json_object_get(page, "rows"), audit_columns, first);
    } else {
        out_table(cli, json_object_get(page, "rows"), audit_columns, first);
    }
    json_decref(page);
}

int verb_audit_list(struct cli *cli)
{
    struct buf path = BUF_EMPTY;
    json_t *whole = NULL, *page = NULL;
    char after[24] = "";
    bool more = true, first = true;
    char times[2][21] = {"", ""};
    int status = filter_times(cli, times);

    if (option_flag(cli, "after"))
        snprintf(after, sizeof after, "%s", option_value(cli, "after"));
    while (status == OK && more) {
        client_path_start(&path, "/v1/audit", NULL);
        client_path_query(&path, "limit", option_value(cli, "limit"));
        client_path_query(&path, "after", after[0] != '\0' ? after : NULL);
        filter_query(cli, &path, times);
        status = client_call(cli->client, "GET", buf_text(&path), NULL, &page, &cli->error);
        if (status != OK)
            break;
        const json_t *rows = json_object_get(page, "rows");
        size_t count = json_array_size(rows);
        more = client_bool(page, "more") && count > 0;
        if (more)
            snprintf(after, sizeof after, "%lld", (long long)client_number(json_array_get(rows, count - 1), "number"));
        take_audit(cli, &whole, page, first);
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

/* ---- verify ---- */

static void show_verified(struct cli *cli, const json_t *answer)
{
    struct buf text = BUF_EMPTY;
    long long after = (long long)client_number(answer, "after_checkpoint");

    if (cli->quiet)
        return;
    buf_printf(&text, "%lld records are as they were written; %lld checkpoints, the last over record %lld of %s",
               (long long)client_number(answer, "records"), (long long)client_number(answer, "checkpoints"),
               (long long)client_number(answer, "checkpoint"), client_text(answer, "checkpoint_at"));
    out_text(cli, buf_text(&text));
    buf_clear(&text);
    if (after > 0)
        buf_printf(&text, "%lld records stand after it: who owns the database could have forged them; the next checkpoint will cover them",
                   after);
    else
        buf_printf(&text, "no record stands after it");
    out_text(cli, buf_text(&text));
    buf_clear(&text);
    if (client_number(answer, "lost") > 0)
        buf_printf(&text, "%lld records of a time before a restore are lost, and a record says so", (long long)client_number(answer, "lost"));
    if (text.size > 0)
        out_text(cli, buf_text(&text));
    buf_free(&text);
}

/* From --certificate, else from the daemon. */
static int keys_read(struct cli *cli, struct audit_keys *keys)
{
    const char *path = option_value(cli, "certificate");
    struct buf certificates = BUF_EMPTY;
    json_t *info = NULL;
    int status = OK;

    if (path != NULL) {
        status = file_read(path, CERTIFICATES_MAX, &certificates, &cli->error);
    } else if ((status = cli_get(cli, "/v1/info", NULL, &info)) == OK) {
        const json_t *all = json_object_get(info, "certificates");
        for (size_t i = 0; i < json_array_size(all); i++) /* every key that the CA ever signed with */
            buf_add_text(&certificates, client_text(json_array_get(all, i), "pem"));
        json_decref(info);
    } else {
        error_prefix(&cli->error, "give the CA's certificate with --certificate FILE, or start the daemon");
    }
    if (status == OK && audit_keys_add_certificates(keys, buf_bytes(&certificates), &cli->error) != OK)
        status = error_prefix(&cli->error, "%s", path != NULL ? path : "the CA's certificate");
    buf_free(&certificates);
    return status;
}

static int file_map(struct cli *cli, const char *path, struct bytes *out)
{
    struct stat state;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *at = MAP_FAILED;

    if (fd >= 0 && fstat(fd, &state) == 0 && S_ISREG(state.st_mode) && state.st_size > 0)
        at = mmap(NULL, (size_t)state.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd >= 0)
        close(fd);
    if (at == MAP_FAILED)
        return error_set(&cli->error, BAD_DATA, "cli.file", "%s cannot be read, or is empty", path);
    *out = bytes_of(at, (size_t)state.st_size);
    return OK;
}

static int verify_file(struct cli *cli, const char *path)
{
    struct audit_keys keys = {NULL, 0};
    struct audit_chain chain = {0};
    struct bytes file = {NULL, 0};
    uint64_t after = 0;
    char at[TIME_TEXT_SIZE];

    if (option_value(cli, "after") != NULL && number_parse(option_value(cli, "after"), &after) != OK)
        return cli_usage(cli, "--after takes the number of a record");
    int status = file_map(cli, path, &file);
    if (status == OK)
        status = keys_read(cli, &keys);
    if (status == OK && audit_export_verify(file, &keys, after, &chain, &cli->error) != OK)
        status = error_prefix(&cli->error, "%s", path);
    if (status == OK)
        status = cli_json_or(cli, json_pack("{s:I, s:I, s:I, s:I, s:s, s:I, s:I}",
                                            "after", (json_int_t)after,
                                            "records", (json_int_t)chain.records,
                                            "checkpoints", (json_int_t)chain.checkpoints,
                                            "checkpoint", (json_int_t)chain.checkpoint,
                                            "checkpoint_at", time_format(chain.checkpoint_at, at),
                                            "after_checkpoint", (json_int_t)chain.after_checkpoint,
                                            "lost", (json_int_t)chain.lost), show_verified);
    if (file.size > 0)
        munmap((void *)(uintptr_t)file.data, file.size);
    audit_keys_free(&keys);
    return status;
}

int verb_audit_verify(struct cli *cli)
{
    json_t *answer = NULL;

    if (cli->operand_count > 0)
        return verify_file(cli, cli->operands[0]);
    if (option_value(cli, "after") != NULL || option_value(cli, "certificate") != NULL)
        return cli_usage(cli, "--after and --certificate are for an exported file");
    int status = cli_get(cli, "/v1/audit/verify", NULL, &answer);
    return status == OK ? cli_json_or(cli, answer, show_verified) : status;
}

/* ---- export ---- */

/* A page at a time: to standard output as it comes, for --out gathered, because a file is there whole or not at all. */
static int export_put(struct cli *cli, struct buf *gathered, struct bytes text)
{
    if (option_value(cli, "out") != NULL && strcmp(option_value(cli, "out"), "-") != 0) {
        buf_add(gathered, text.data, text.size);
        return gathered->failed ? error_memory(&cli->error) : OK;
    }
    return cli_write(cli, NULL, text, 0600);
}

static int export_lines(struct cli *cli, uint64_t after, uint64_t until, struct buf *gathered)
{
    int status = OK;

    while (status == OK && after < until) {
        uint64_t to = until - after > LINES_PAGE ? after + LINES_PAGE : until;
        struct buf path = BUF_EMPTY, page = BUF_EMPTY;
        client_path_start(&path, "/v1/audit/lines", NULL);
        client_path_query_number(&path, "after", after);
        client_path_query_number(&path, "until", to);
        status = path.failed ? error_memory(&cli->error) : client_get_bytes(cli->client, buf_text(&path), &page, &cli->error);
        if (status == OK)
            status = export_put(cli, gathered, buf_bytes(&page));
        cli_progress(cli, "records", (size_t)to, (size_t)until);
        buf_free(&path);
        buf_free(&page);
        after = to;
    }
    return status;
}

int verb_audit_export(struct cli *cli)
{
    const char *out = option_value(cli, "out");
    struct buf gathered = BUF_EMPTY;
    json_t *begin = NULL;
    uint64_t after = 0;

    if (option_value(cli, "after") != NULL && number_parse(option_value(cli, "after"), &after) != OK)
        return cli_usage(cli, "--after takes the number of a record");
    int status = cli_out_free(cli, out);
    if (status == OK)
        status = cli_post(cli, after > 0 ? "/v1/audit/export?after=%s" : "/v1/audit/export", after > 0 ? option_value(cli, "after") : NULL,
                          json_object(), &begin);
    if (status != OK)
        return status;
    const char *line = client_text(begin, "line");
    cli->answered = true; /* the lines are the JSON */
    status = export_put(cli, &gathered, bytes_of_text(line));
    if (status == OK)
        status = export_lines(cli, after, (uint64_t)client_number(begin, "until"), &gathered);
    if (status == OK && gathered.size > 0)
        status = cli_write(cli, out, buf_bytes(&gathered), 0600);
    json_decref(begin);
    buf_free(&gathered);
    return status;
}
