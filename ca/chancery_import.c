/* import: a certificate of a file, or everything that an `openssl ca` knows. The files are read here, as who calls may read them;
 * whether a certificate is this CA's is the daemon's to say. Run again, it passes over what is there already. */
#include "config.h"

#include "ca/chancery_cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/chancery_index.h"

#define FILE_MAX (256u * 1024)
#define PAGE_MAX 100               /* certificates a call */
#define PAGE_OCTETS (160u * 1024)  /* of base64 a call */

static const char *const labels[] = {"CERTIFICATE", "TRUSTED CERTIFICATE", NULL};

/* ---- one file ---- */

static void show_result(struct cli *cli, const json_t *result)
{
    const char *message = client_text(result, "message");

    out_member(cli, "RequestID", result, "id");
    out_member(cli, "Outcome", result, "outcome");
    out_member(cli, "Reason code", result, "reason");
    if (*message != '\0')
        out_field(cli, "Message", message);
    if (client_bool(result, "expired"))
        out_field(cli, "Validity", "expired");
}

static void show_results(struct cli *cli, const json_t *answer)
{
    const json_t *results = json_object_get(answer, "results");

    for (size_t i = 0; i < json_array_size(results); i++)
        show_result(cli, json_array_get(results, i));
}

/* The first one that was refused is the error of the whole. */
static int results_status(struct cli *cli, const json_t *answer)
{
    const json_t *results = json_object_get(answer, "results");

    for (size_t i = 0; i < json_array_size(results); i++) {
        const json_t *result = json_array_get(results, i);
        if (strcmp(client_text(result, "outcome"), "refused") == 0)
            return error_set(&cli->error, REFUSED, client_text(result, "reason"), "%s (%s)", client_text(result, "message"),
                             client_text(result, "reason"));
    }
    return OK;
}

static int add_certificate(json_t *list, struct bytes der, struct error *error)
{
    struct buf text = BUF_EMPTY;

    base64_encode(&text, der, 0);
    int failed = text.failed || json_array_append_new(list, json_string(buf_text(&text))) != 0;
    buf_free(&text);
    return failed ? error_memory(error) : OK;
}

/* Every certificate of the file. */
static int read_file(struct cli *cli, const char *path, json_t *list)
{
    struct buf octets = BUF_EMPTY;

    int status = file_read(path, FILE_MAX, &octets, &cli->error);
    struct bytes rest = buf_bytes(&octets);
    do {
        struct buf der = BUF_EMPTY;
        struct bytes next = {NULL, 0};
        if (status == OK)
            status = pem_or_der(rest, labels, &der, &next, &cli->error);
        if (status == BAD_DATA)
            error_prefix(&cli->error, "%s holds no certificate", path);
        if (status == OK)
            status = add_certificate(list, buf_bytes(&der), &cli->error);
        buf_free(&der);
        rest = next;
    } while (status == OK && rest.size > 0 && memmem(rest.data, rest.size, "-----BEGIN", 10) != NULL);
    if (status == OK && json_array_size(list) > PAGE_MAX)
        status = error_set(&cli->error, BAD_DATA, "cli.input", "%s holds more than %d certificates", path, PAGE_MAX);
    buf_free(&octets);
    return status;
}

static int import_file(struct cli *cli)
{
    json_t *list = json_array(), *answer = NULL;

    int status = list == NULL ? error_memory(&cli->error) : read_file(cli, cli->operands[0], list);
    if (status == OK)
        status = cli_post(cli, "/v1/imports", NULL, json_pack("{s:O}", "certificates", list), &answer);
    json_decref(list);
    if (status != OK)
        return status;
    status = results_status(cli, answer);
    cli_json_or(cli, answer, show_results);
    return status;
}

/* ---- openssl ca ---- */

struct page_row {
    uint64_t line;
    struct index_line entry;
};
struct takeover {
    struct cli *cli;
    int directory, certificates; /* DIR and DIR/newcerts */
    uint64_t line, lines;
    uint64_t imported, known, revoked, expired, missing, refused, not_understood;
    struct page_row rows[PAGE_MAX];
    size_t count, octets;
    json_t *list, *serials, *revocations; /* of the page */
    json_t *details;                      /* with --json, of all */
};

/* One line of the report: what became of a certificate, or of a line. */
static void tell(struct takeover *t, const char *what, uint64_t line, const char *serial, const char *text)
{
    struct buf shown = BUF_EMPTY;

    if (t->details != NULL) {
        json_array_append_new(t->details, json_pack("{s:s, s:I, s:s?, s:s}", "what", what, "line", (json_int_t)line, "serial",
                                                    *serial != '\0' ? serial : NULL, "text", text));
        return;
    }
    buf_printf(&shown, "%-14s line %llu%s%s: %s", what, (unsigned long long)line, *serial != '\0' ? ", serial " : "", serial, text);
    out_text(t->cli, buf_text(&shown));
    buf_free(&shown);
}

static void tell_revoked(struct takeover *t, const struct page_row *row)
{
    char at[TIME_TEXT_SIZE];
    struct buf text = BUF_EMPTY;

    t->revoked++;
    buf_printf(&text, "%s %s", time_format(row->entry.revoked_at, at), row->entry.reason);
    tell(t, "revoked", row->line, row->entry.serial, buf_text(&text));
    buf_free(&text);
}

static void take_result(struct takeover *t, const struct page_row *row, const json_t *result)
{
    const char *outcome = client_text(result, "outcome");
    struct buf text = BUF_EMPTY;

    t->imported += strcmp(outcome, "imported") == 0;
    t->known += strcmp(outcome, "known") == 0;
    t->expired += client_bool(result, "expired");
    if (client_bool(result, "revoked"))
        tell_revoked(t, row);
    if (strcmp(outcome, "refused") == 0) {
        t->refused++;
        buf_printf(&text, "%s (%s)", client_text(result, "message"), client_text(result, "reason"));
        tell(t, "refused", row->line, row->entry.serial, buf_text(&text));
    }
    buf_free(&text);
}

static int page_begin(struct takeover *t)
{
    json_decref(t->list);
    json_decref(t->serials);
    json_decref(t->revocations);
    t->list = json_array();
    t->serials = json_array();
    t->revocations = json_array();
    t->count = t->octets = 0;
    return t->list != NULL && t->serials != NULL && t->revocations != NULL ? OK : error_memory(&t->cli->error);
}

static int page_send(struct takeover *t)
{
    json_t *answer = NULL;

    if (t->count == 0)
        return OK;
    int status = cli_post(t->cli, "/v1/imports", NULL, json_pack("{s:O, s:O, s:O, s:b}", "certificates", t->list, "serials", t->serials,
                                                                 "revocations", t->revocations, "takeover", 1), &answer);
    const json_t *results = json_object_get(answer, "results");
    if (status == OK && json_array_size(results) != t->count)
        status = error_set(&t->cli->error, BAD_DATA, "client.answer", "the daemon answered for another number of certificates");
    for (size_t i = 0; i < t->count && status == OK; i++)
        take_result(t, &t->rows[i], json_array_get(results, i));
    json_decref(answer);
    cli_progress(t->cli, "importing", (size_t)t->line, (size_t)(t->lines > t->line ? t->lines : t->line + 1));
    return status == OK ? page_begin(t) : status;
}

/* DIR/newcerts/SERIAL.pem: a regular file and no link, whatever the index says of file names. */
static int certificate_open(struct takeover *t, const char *serial, struct buf *der, const char **what)
{
    char name[INDEX_SERIAL_MAX + 8];
    struct buf text = BUF_EMPTY;
    struct error ignored = ERROR_NONE;
    struct stat facts;
    int status = BAD_DATA;

    snprintf(name, sizeof name, "%s.pem", serial);
    int fd = openat(t->certificates, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    *what = errno == ENOENT ? "its file is not in newcerts" : "its file in newcerts cannot be opened, or is a link";
    if (fd < 0)
        return BAD_DATA;
    *what = "its file in newcerts is no regular file of at most 256 KiB";
    if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size > 0 && facts.st_size <= (off_t)FILE_MAX) {
        uint8_t *room = buf_reserve(&text, (size_t)facts.st_size);
        *what = "its file in newcerts holds no certificate";
        if (room != NULL && fd_read_all(fd, room, (size_t)facts.st_size) == OK) {
            text.size = (size_t)facts.st_size;
            status = pem_or_der(buf_bytes(&text), labels, der, NULL, &ignored);
        }
    }
    close(fd);
    buf_free(&text);
    return status;
}

static int page_add(struct takeover *t, const struct index_line *entry, struct bytes der)
{
    char at[TIME_TEXT_SIZE], since[TIME_TEXT_SIZE];
    struct buf revocation = BUF_EMPTY;

    if (entry->state == 'R')
        buf_printf(&revocation, "%s %s%s%s", time_format(entry->revoked_at, at), entry->reason, entry->invalid_since != 0 ? " " : "",
                   entry->invalid_since != 0 ? time_format(entry->invalid_since, since) : "");
    int status = add_certificate(t->list, der, &t->cli->error);
    if (status == OK && (revocation.failed || json_array_append_new(t->serials, json_string(entry->serial)) != 0 ||
                         json_array_append_new(t->revocations, json_string(buf_text(&revocation))) != 0))
        status = error_memory(&t->cli->error);
    t->rows[t->count].line = t->line;
    t->rows[t->count++].entry = *entry;
    t->octets += der.size * 4 / 3 + 200;
    buf_free(&revocation);
    return status;
}

static int take_line(struct takeover *t, const char *text, size_t size)
{
    struct index_line entry;
    struct error why = ERROR_NONE;
    struct buf der = BUF_EMPTY;
    const char *what = "";
    int status = OK;

    if (size == 0)
        return OK;
    if (index_line_read(text, size, &entry, &why) != OK) {
        t->not_understood++;
        tell(t, "not understood", t->line, "", why.message);
    } else if (certificate_open(t, entry.serial, &der, &what) != OK) {
        struct buf told = BUF_EMPTY;
        t->missing++;
        buf_printf(&told, "%s%s", what, entry.state == 'R' ? "; it is REVOKED there and stands on no CRL of ours" : "");
        tell(t, "missing", t->line, entry.serial, buf_text(&told));
        buf_free(&told);
    } else {
        if (t->count == PAGE_MAX || (t->count > 0 && t->octets + der.size * 4 / 3 > PAGE_OCTETS))
            status = page_send(t);
        if (status == OK)
            status = page_add(t, &entry, buf_bytes(&der));
    }
    buf_free(&der);
    return status;
}

/* Line by line in constant memory: of one that is too long the rest is passed over. */
static int take_lines(struct takeover *t, FILE *file)
{
    char line[INDEX_LINE_MAX + 2];
    size_t size = 0;
    int c, status = OK;

    while (status == OK && (c = getc_unlocked(file)) != EOF) {
        if (c != '\n') {
            if (size < sizeof line)
                line[size++] = (char)c;
            continue;
        }
        t->line++;
        status = take_line(t, line, size);
        size = 0;
    }
    if (status == OK && size > 0) {
        t->line++;
        status = take_line(t, line, size);
    }
    if (status == OK && ferror(file))
        status = error_set(&t->cli->error, BAD_DATA, "cli.input", "index.txt cannot be read to its end");
    return status == OK ? page_send(t) : status;
}

static int open_failed(struct cli *cli, const char *name)
{
    return error_set(&cli->error, BAD_DATA, "cli.input", "%s/%s cannot be opened: %s", option_value(cli, "openssl"), name, strerror(errno));
}

/* A regular file of DIR; *file NULL with OK: it is not there, and need not be. */
static int file_open(struct takeover *t, const char *name, bool needed, FILE **file)
{
    struct stat facts;
    int fd = openat(t->directory, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    *file = NULL;
    if (fd < 0)
        return errno == ENOENT && !needed ? OK : open_failed(t->cli, name);
    if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        close(fd);
        return error_set(&t->cli->error, BAD_DATA, "cli.input", "%s/%s is no regular file", option_value(t->cli, "openssl"), name);
    }
    *file = fdopen(fd, "r");
    if (*file == NULL)
        close(fd);
    return *file != NULL ? OK : error_memory(&t->cli->error);
}

static int take_index(struct takeover *t)
{
    FILE *file;
    int c;

    int status = file_open(t, "index.txt", true, &file);
    if (status != OK)
        return status;
    while ((c = getc_unlocked(file)) != EOF) /* for the progress */
        t->lines += c == '\n';
    rewind(file);
    status = take_lines(t, file);
    fclose(file);
    return status;
}

/* A number file of DIR. *found false: there is none. */
static int read_number(struct takeover *t, const char *name, char text[128], size_t *size)
{
    FILE *file;

    *size = 0;
    int status = file_open(t, name, false, &file);
    if (status != OK || file == NULL)
        return status;
    *size = fread(text, 1, 128, file);
    fclose(file);
    return OK;
}

/* Our CRLs go on above theirs. */
static int take_crl_number(struct takeover *t, json_t **next)
{
    char text[128];
    size_t size;
    uint64_t number;
    json_t *answer = NULL;

    *next = json_null();
    int status = read_number(t, "crlnumber", text, &size);
    if (status != OK || size == 0)
        return status;
    if (size == sizeof text || index_number_read(text, size, &number) != OK || number > INT64_MAX)
        return error_set(&t->cli->error, BAD_DATA, "import.crl_number", "%s/crlnumber is no number, or too high to be true",
                         option_value(t->cli, "openssl"));
    status = cli_post(t->cli, "/v1/imports/crl-number", NULL, json_pack("{s:I}", "number", (json_int_t)number), &answer);
    if (status == OK)
        *next = json_incref(json_object_get(answer, "next"));
    json_decref(answer);
    return status;
}

static const struct {
    const char *label, *member;
} counts[] = {{"Lines", "lines"}, {"Imported", "imported"}, {"Already here", "known"}, {"Revoked", "revoked"}, {"Expired", "expired"},
              {"Missing files", "missing"}, {"Refused", "refused"}, {"Not understood", "not_understood"}, {"Next CRL number", "next_crl_number"}};

static void show_takeover(struct cli *cli, const json_t *answer)
{
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        out_member(cli, counts[i].label, answer, counts[i].member);
}

static int report(struct takeover *t, json_t *next)
{
    json_t *answer = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "lines", (json_int_t)t->line, "imported",
                               (json_int_t)t->imported, "known", (json_int_t)t->known, "revoked", (json_int_t)t->revoked, "expired",
                               (json_int_t)t->expired, "missing", (json_int_t)t->missing, "refused", (json_int_t)t->refused,
                               "not_understood", (json_int_t)t->not_understood, "next_crl_number", next);
    if (answer == NULL)
        return error_memory(&t->cli->error);
    if (t->details != NULL)
        json_object_set(answer, "details", t->details);
    cli_json_or(t->cli, answer, show_takeover);
    uint64_t outside = t->missing + t->refused + t->not_understood;
    if (outside == 0)
        return OK;
    return error_set(&t->cli->error, REFUSED, "import.partly", "%llu lines of index.txt were not taken over; the report says why",
                     (unsigned long long)outside);
}

static int import_openssl(struct cli *cli, const char *path)
{
    struct takeover *t = calloc(1, sizeof *t);
    json_t *next = NULL;

    if (t == NULL)
        return error_memory(&cli->error);
    t->cli = cli;
    t->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    t->certificates = t->directory >= 0 ? openat(t->directory, "newcerts", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int status = t->directory < 0 ? open_failed(cli, ".") : t->certificates < 0 ? open_failed(cli, "newcerts") : page_begin(t);
    if (status == OK && cli->json && (t->details = json_array()) == NULL)
        status = error_memory(&cli->error);
    if (status == OK)
        status = take_crl_number(t, &next); /* before any revocation can come on a CRL of ours */
    if (status == OK)
        status = take_index(t);
    cli_progress(cli, "importing", 2, 2);
    if (status == OK)
        status = report(t, next);
    else if (t->imported > 0)
        error_prefix(&cli->error, "%llu certificates are imported, run it again for the rest", (unsigned long long)t->imported);
    json_decref(next);
    json_decref(t->list);
    json_decref(t->serials);
    json_decref(t->revocations);
    json_decref(t->details);
    if (t->certificates >= 0)
        close(t->certificates);
    if (t->directory >= 0)
        close(t->directory);
    free(t);
    return status;
}

int verb_import(struct cli *cli)
{
    const char *path = option_value(cli, "openssl");

    if ((path == NULL) == (cli->operand_count == 0))
        return cli_usage(cli, "import needs FILE, or --openssl DIR");
    return path != NULL ? import_openssl(cli, path) : import_file(cli);
}
