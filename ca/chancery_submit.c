/* The verbs that ask for a certificate: submit (files and folders) and request (makes key and PKCS#10 first).
 * The exit status is the disposition's: 0 issued, 1 failed, 2 denied, 3 pending. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/base/text.h"
#include "ca/x509/pkcs10.h"

#define KEY_MAX 65536

static int disposition_status(const char *disposition)
{
    static const struct {
        const char *name;
        int status;
    } statuses[] = {{"issued", OK}, {"pending", PENDING}, {"active", PENDING}, {"issuing", PENDING}, {"denied", DENIED}};

    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (strcmp(statuses[i].name, disposition) == 0)
            return statuses[i].status;
    return REFUSED;
}

/* Of many, the one that a script must not overlook: an error before a failure before a denial before waiting. */
static int worse(int a, int b)
{
    static const int order[] = {OK, PENDING, DENIED, REFUSED};
    int rank_a = 4, rank_b = 4;

    for (int i = 0; i < 4; i++) {
        rank_a = order[i] == a ? i : rank_a;
        rank_b = order[i] == b ? i : rank_b;
    }
    return rank_a >= rank_b ? a : b;
}

static void show_outcome(struct cli *cli, const json_t *answer)
{
    out_member(cli, "RequestID", answer, "id");
    out_member(cli, "Disposition", answer, "disposition");
    out_member(cli, "Message", answer, "message");
    out_member(cli, "Reason code", answer, "reason");
    out_member(cli, "Serial", answer, "serial");
    out_member(cli, "SHA-256", answer, "sha256");
    out_member(cli, "SHA-1 (legacy)", answer, "sha1");
    out_member(cli, "Not before", answer, "not_before");
    out_member(cli, "Not after", answer, "not_after");
    if (client_bool(answer, "subject_replaced"))
        out_field(cli, "Subject", "subject replaced: names come from the directory entry");
    if (client_bool(answer, "validity_cut"))
        out_field(cli, "Validity", "cut to the end of the CA certificate");
    if (client_bool(answer, "repeated"))
        out_field(cli, "Repeated", "the same request was submitted before; this is what became of it");
}

static int write_issued(struct cli *cli, const json_t *answer, const char *out)
{
    struct buf path = BUF_EMPTY, pem = BUF_EMPTY;
    char id[24];

    snprintf(id, sizeof id, "%lld", (long long)client_number(answer, "id"));
    client_path_start(&path, "/v1/requests/%s/certificate", id);
    client_path_query(&path, "format", "pem");
    client_path_query(&path, "chain", option_flag(cli, "chain") ? "1" : NULL);
    int status = client_get_bytes(cli->client, buf_text(&path), &pem, &cli->error);
    if (status == OK)
        status = cli_write(cli, out, buf_bytes(&pem), 0644);
    buf_free(&path);
    buf_free(&pem);
    return status;
}

static json_t *list_json(struct cli *cli, const char *option)
{
    struct strings list = {NULL, 0};
    json_t *array = json_array();

    option_list(cli, option, &list);
    for (size_t i = 0; i < list.count; i++)
        json_array_append_new(array, json_string(list.items[i]));
    strings_free(&list);
    return array;
}

/* The attributes given, and what is renewed as one more. */
static json_t *attributes_json(struct cli *cli, bool given)
{
    json_t *array = given ? list_json(cli, "attr") : json_array();

    if (option_value(cli, "renew") != NULL)
        json_array_append_new(array, json_sprintf("RenewalCertificate:%s", option_value(cli, "renew")));
    return array;
}

/* Takes pkcs10. Absent options are null, which the daemon reads as absent. */
static json_t *submission(struct cli *cli, json_t *pkcs10)
{
    bool attributes = cli->command->run == verb_submit;

    return json_pack("{s:o, s:s?, s:o, s:o, s:s?}", "pkcs10", pkcs10, "template", option_value(cli, "template"), "attributes",
                     attributes_json(cli, attributes), "usages", list_json(cli, "usage"), "on_behalf_of",
                     attributes ? option_value(cli, "on-behalf-of") : NULL);
}

/* Submits, writes the certificate when it is issued and `out` is given. The answer is the caller's, NULL with an error. */
static int submit_one(struct cli *cli, json_t *pkcs10, const char *out, json_t **answer)
{
    int status = cli_out_free(cli, out);

    if (status != OK) { /* before a certificate is made that could not be written */
        json_decref(pkcs10);
        return status;
    }
    status = cli_post(cli, "/v1/requests", NULL, submission(cli, pkcs10), answer);
    if (status != OK)
        return status;
    int disposition = disposition_status(client_text(*answer, "disposition"));
    if (disposition == OK && out != NULL)
        status = write_issued(cli, *answer, out);
    return status != OK ? status : disposition;
}

/* ---- submit: files and folders ---- */

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* The regular files of a folder, by name; hidden ones are left out. */
static int add_folder(struct cli *cli, const char *folder, struct strings *files)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_visible, compare_names), status = OK;

    if (count < 0)
        return error_set(&cli->error, BAD_DATA, "cli.input", "%s: %s", folder, strerror(errno));
    for (int i = 0; i < count; i++) {
        struct buf path = BUF_EMPTY;
        struct stat state;
        buf_printf(&path, "%s/%s", folder, entries[i]->d_name);
        if (stat(buf_text(&path), &state) == 0 && S_ISREG(state.st_mode) && strings_add(files, buf_text(&path)) != OK)
            status = error_memory(&cli->error);
        buf_free(&path);
        free(entries[i]);
    }
    free(entries);
    return status;
}

static int gather_files(struct cli *cli, struct strings *files)
{
    int status = OK;

    for (size_t i = 0; status == OK && i < cli->operand_count; i++) {
        struct stat state;
        if (stat(cli->operands[i], &state) == 0 && S_ISDIR(state.st_mode))
            status = add_folder(cli, cli->operands[i], files);
        else if (strings_add(files, cli->operands[i]) != OK)
            status = error_memory(&cli->error);
    }
    if (status == OK && files->count == 0)
        status = error_set(&cli->error, BAD_DATA, "cli.input", "there is no request in %s", cli->operands[0]);
    return status;
}

/* With several requests --out is a folder, and a certificate gets its request's name with .crt. */
static void out_path(struct cli *cli, const char *file, bool many, struct buf *path)
{
    const char *out = option_value(cli, "out"), *base = strrchr(file, '/');
    struct stat state;

    buf_clear(path);
    base = base != NULL ? base + 1 : file;
    if (!many && (stat(out, &state) != 0 || !S_ISDIR(state.st_mode))) {
        buf_add_text(path, out);
        return;
    }
    const char *dot = strrchr(base, '.');
    buf_printf(path, "%s/%.*s.crt", out, (int)(dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base)), base);
}

/* One file of many: its error is told and the next one comes. */
static int submit_file(struct cli *cli, const char *file, bool many, json_t **answer)
{
    struct buf path = BUF_EMPTY;
    json_t *pkcs10 = NULL;

    int status = cli_read_request(cli, file, &pkcs10);
    if (status == OK) {
        if (option_flag(cli, "out"))
            out_path(cli, file, many, &path);
        status = submit_one(cli, pkcs10, option_flag(cli, "out") ? buf_text(&path) : NULL, answer);
        if (*answer == NULL && cli->error.status == BAD_DATA)
            error_prefix(&cli->error, strcmp(cli->error.reason, "data.pem") == 0 ? "%s is no PKCS#10 request" : "%s", file);
    }
    buf_free(&path);
    return status;
}

static json_t *error_json(const char *file, const struct error *error)
{
    return json_pack("{s:s, s:{s:i, s:s, s:s}}", "file", file, "error", "status", error->status, "reason", error->reason, "message",
                     error->message);
}

/* What is not issued is said on standard error too, with what to do next. */
static void note_outcome(struct cli *cli, const json_t *answer)
{
    long long id = (long long)client_number(answer, "id");
    int status = disposition_status(client_text(answer, "disposition"));

    if (status == PENDING)
        cli_note(cli, "request %lld is pending: %s; once it is issued: chancery retrieve %lld", id, client_text(answer, "message"), id);
    else if (status != OK)
        cli_note(cli, "request %lld is %s: %s", id, client_text(answer, "disposition"), client_text(answer, "message"));
}

static void show_one(struct cli *cli, const char *file, const json_t *answer, json_t *list)
{
    note_outcome(cli, answer);
    if (list != NULL) {
        json_t *copy = json_copy((json_t *)answer);
        json_object_set_new(copy, "file", json_string(file));
        json_array_append_new(list, copy);
    } else if (cli->json) {
        out_json(cli, answer);
    } else if (option_value(cli, "out") == NULL || strcmp(option_value(cli, "out"), "-") != 0) {
        show_outcome(cli, answer); /* else the certificate has standard output to itself */
    }
}

/* Tells the error of one of many and clears it, so that the next one has its own. */
static void tell_error(struct cli *cli, const char *file, json_t *list)
{
    if (list != NULL)
        json_array_append_new(list, error_json(file, &cli->error));
    bool json = cli->json;
    cli->json = false; /* the list is the one value on standard output */
    if (strstr(cli->error.message, file) == NULL)
        error_prefix(&cli->error, "%s", file);
    cli_error(cli, &cli->error);
    cli->json = json;
    error_clear(&cli->error);
}

int verb_submit(struct cli *cli)
{
    struct strings files = {NULL, 0};
    json_t *list = NULL;

    int status = gather_files(cli, &files);
    bool many = files.count > 1;
    const char *out = option_value(cli, "out");
    struct stat state;
    if (status == OK && many && out != NULL && (stat(out, &state) != 0 || !S_ISDIR(state.st_mode)))
        status = error_set(&cli->error, CANNOT_WRITE, "cli.output", "with several requests --out is a folder, and %s is none", out);
    if (many && cli->json)
        list = json_array();
    for (size_t i = 0; i < files.count && cli->error.status == OK; i++) {
        json_t *answer = NULL;
        cli_progress(cli, "submitting", i + 1, files.count + 1);
        int one = submit_file(cli, files.items[i], many, &answer);
        cli_progress(cli, "", 2, 2);
        if (answer != NULL) {
            if (many && !cli->json)
                out_field(cli, "File", files.items[i]);
            show_one(cli, files.items[i], answer, list);
            if (many && !cli->json)
                out_text(cli, "");
        }
        json_decref(answer);
        status = worse(status, one);
        /* Without a daemon the others would fail in the same way. */
        if (many && cli->error.status != OK && cli->error.status != UNREACHABLE)
            tell_error(cli, files.items[i], list);
    }
    if (list != NULL)
        out_json(cli, list);
    json_decref(list);
    strings_free(&files);
    return status;
}

/* ---- request ---- */

/* The key of the file, or a new one written there, for its owner alone. */
static int key_ensure(struct cli *cli, const char *path, struct buf *pem)
{
    const char *type = option_value(cli, "key-type");

    if (access(path, F_OK) == 0) {
        if (type != NULL)
            return cli_usage(cli, "%s is there already, so --key-type has no meaning", path);
        return file_read(path, KEY_MAX, pem, &cli->error);
    }
    int status = key_make_pem(type != NULL ? type : "ecdsa-p256", pem, &cli->error);
    if (status == OK)
        status = file_write(path, buf_bytes(pem), 0600, false, &cli->error);
    if (status == OK)
        cli_note(cli, "made the key %s", path);
    return status;
}

/* "web07.example.com" as "dns:…"; what has a kind before it stays as it is. */
static int name_add(struct strings *names, const char *name)
{
    static const char *const kinds[] = {"dns:", "email:", "ip:", "upn:", "uri:"};
    unsigned char address[sizeof(struct in6_addr)];
    struct buf text = BUF_EMPTY;
    const char *kind = strchr(name, '@') != NULL ? "email:" : "dns:";

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strncmp(name, kinds[i], strlen(kinds[i])) == 0)
            kind = "";
    if (*kind != '\0' && (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1))
        kind = "ip:";
    buf_printf(&text, "%s%s", kind, name);
    int status = text.failed ? INTERNAL : strings_add(names, buf_text(&text));
    buf_free(&text);
    return status;
}

/* CN of the first name, for templates whose subject the request supplies; elsewhere the directory replaces it. */
static void subject_of(const struct strings *names, struct buf *subject)
{
    const char *colon = names->count > 0 ? strchr(names->items[0], ':') : NULL;

    if (colon == NULL)
        return;
    buf_add_text(subject, "CN=");
    text_dn_escape(subject, colon + 1, strlen(colon + 1));
}

static int request_make(struct cli *cli, struct buf *der)
{
    struct strings given = {NULL, 0}, names = {NULL, 0};
    struct buf key = BUF_EMPTY, subject = BUF_EMPTY;

    int status = key_ensure(cli, option_value(cli, "key"), &key);
    if (status == OK && option_list(cli, "name", &given) != OK)
        status = error_memory(&cli->error);
    for (size_t i = 0; status == OK && i < given.count; i++)
        if (name_add(&names, given.items[i]) != OK)
            status = error_memory(&cli->error);
    subject_of(&names, &subject);
    if (status == OK)
        status = pkcs10_make(buf_text(&key), buf_text(&subject), &names, der, &cli->error);
    if (status == BAD_DATA)
        error_prefix(&cli->error, "%s", option_value(cli, "key"));
    buf_wipe(&key);
    buf_free(&subject);
    strings_free(&given);
    strings_free(&names);
    return status;
}

int verb_request(struct cli *cli)
{
    struct buf der = BUF_EMPTY, pem = BUF_EMPTY;
    json_t *answer = NULL;

    if ((option_value(cli, "template") == NULL && option_value(cli, "renew") == NULL) || option_value(cli, "key") == NULL)
        return cli_usage(cli, "request needs --template and --key");
    int status = cli_out_free(cli, option_value(cli, "out"));
    if (status == OK)
        status = request_make(cli, &der);
    if (status != OK)
        goto out;
    pem_encode(&pem, "CERTIFICATE REQUEST", buf_bytes(&der));
    if (pem.failed) {
        status = error_memory(&cli->error);
        goto out;
    }
    status = submit_one(cli, json_string(buf_text(&pem)), option_value(cli, "out"), &answer);
    if (answer != NULL)
        show_one(cli, option_value(cli, "key"), answer, NULL);
    json_decref(answer);
out:
    buf_free(&der);
    buf_free(&pem);
    return status;
}
