/* The verbs of templates. `import` alone does not speak to the daemon: the authority reads the directory and never writes
 * templates, so the LDIF goes to standard output or, as the calling administrator, through ldapadd. */
#include "config.h"

#include "ca/chancery_start.h"

#include <stdlib.h>
#include <string.h>

#include "ca/base/file.h"
#include "ca/template_text.h"

#define LDIF_MAX (4u * 1024 * 1024)
#define SAMPLE_BASE "dc=example,dc=com"

static const struct column template_columns[] = {
    {"NAME", "name", 40},         {"DISPLAY NAME", "display_name", 30}, {"ADOPTED", "adopted_at", 0}, {"BY", "by", 20},
    {"IN DIRECTORY", "in_directory", 0}, {"DIFFERS", "differs", 0},     {"STOPPED", "stop_reason", 0}, {NULL, NULL, 0},
};

static void show_templates(struct cli *cli, const json_t *answer)
{
    const json_t *rows = json_object_get(answer, "templates");
    size_t differing = 0, stopped = 0;
    bool unknown = json_array_size(rows) > 0 && json_is_null(json_object_get(json_array_get(rows, 0), "in_directory"));

    out_table(cli, rows, template_columns, true);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        bool is_stopped = json_is_string(json_object_get(row, "stopped_at"));
        stopped += is_stopped;
        differing += client_bool(row, "differs") && !is_stopped;
    }
    if (unknown)
        cli_note(cli, "the directory does not answer: adopted templates only, not compared with their entries");
    if (stopped > 0)
        cli_note(cli, "%zu are stopped: nothing is issued from them until they are adopted again", stopped);
    if (differing > 0)
        cli_note(cli, "%zu differ from their entry in the directory and will be stopped when they are compared next", differing);
}

int verb_template_list(struct cli *cli)
{
    json_t *answer = NULL;

    int status = cli_get(cli, "/v1/templates", NULL, &answer);
    return status == OK ? cli_json_or(cli, answer, show_templates) : status;
}

static void show_template(struct cli *cli, const json_t *answer)
{
    static const struct {
        const char *label, *member;
    } fields[] = {
        {"Name", "name"}, {"Display name", "display_name"}, {"Entry", "dn"}, {"Source", "source"}, {"OID", "oid"},
        {"Schema version", "schema_version"}, {"Revision", "revision"}, {"Minor revision", "minor_revision"}, {"Flags", "flags"},
        {"Enrollment flag", "enrollment_flag"}, {"Name flag", "name_flag"}, {"Private key flag", "private_key_flag"},
        {"Minimal key size", "minimal_key_size"}, {"RA signatures", "ra_signatures"}, {"Approvals", "approvals"},
        {"Key usage", "key_usage"}, {"Validity (s)", "validity_s"}, {"Overlap (s)", "overlap_s"}, {"EKUs", "ekus"},
        {"Policies", "policies"}, {"Application", "application_policies"}, {"Critical", "critical"},
        {"From the request", "request_extensions"}, {"RA policies", "ra_policies"},
        {"RA application", "ra_application_policies"}, {"Supersedes", "supersedes"}, {"May enrol", "enroll"},
        {"May auto-enrol", "auto_enroll"},
    };

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        out_member(cli, fields[i].label, answer, fields[i].member);
}

int verb_template_show(struct cli *cli)
{
    json_t *answer = NULL;
    bool directory = option_flag(cli, "directory");

    int status = cli_get(cli, directory ? "/v1/templates/%s?source=directory" : "/v1/templates/%s", cli->operands[0], &answer);
    return status == OK ? cli_json_or(cli, answer, show_template) : status;
}

static size_t count_fatal(const json_t *answer)
{
    const json_t *findings = json_object_get(answer, "findings");
    size_t fatal = 0;

    for (size_t i = 0; i < json_array_size(findings); i++)
        fatal += client_bool(json_array_get(findings, i), "fatal");
    return fatal;
}

static void show_findings(struct cli *cli, const json_t *answer)
{
    const json_t *findings = json_object_get(answer, "findings");
    struct buf line = BUF_EMPTY;

    for (size_t i = 0; i < json_array_size(findings); i++) {
        const json_t *finding = json_array_get(findings, i);
        buf_clear(&line);
        buf_printf(&line, "%s %s: %s", client_bool(finding, "fatal") ? "REFUSED" : "note   ", client_text(finding, "reason"),
                   client_text(finding, "message"));
        out_text(cli, buf_text(&line));
    }
    buf_free(&line);
}

int verb_template_lint(struct cli *cli)
{
    json_t *answer = NULL;
    bool adopted = option_flag(cli, "adopted");

    int status = cli_get(cli, adopted ? "/v1/templates/%s/lint?source=adopted" : "/v1/templates/%s/lint", cli->operands[0], &answer);
    if (status != OK)
        return status;
    size_t fatal = count_fatal(answer), all = json_array_size(json_object_get(answer, "findings"));
    cli_json_or(cli, answer, show_findings);
    if (fatal > 0)
        return error_set(&cli->error, REFUSED, "template.lint", "%s cannot be adopted: %zu of %zu findings refuse it", cli->operands[0],
                         fatal, all);
    if (all == 0)
        cli_note(cli, "nothing found");
    return OK;
}

static void show_difference(struct cli *cli, const json_t *answer)
{
    const json_t *lines = json_object_get(answer, "lines");
    struct buf line = BUF_EMPTY;

    if (!client_bool(answer, "differs"))
        return;
    out_text(cli, "--- adopted");
    buf_printf(&line, "+++ in the directory%s%s", client_bool(answer, "in_directory") ? ", digest " : ": gone",
               client_bool(answer, "in_directory") ? client_text(answer, "digest") : "");
    out_text(cli, buf_text(&line));
    for (size_t i = 0; i < json_array_size(lines); i++)
        out_text(cli, json_string_value(json_array_get(lines, i)));
    if (client_bool(answer, "replaced"))
        cli_note(cli, "another object stands in its place: it was deleted and made again");
    buf_free(&line);
}

int verb_template_diff(struct cli *cli)
{
    const char *name = cli->operands[0];
    json_t *answer = NULL;

    int status = cli_get(cli, "/v1/templates/%s/diff", name, &answer);
    if (status != OK)
        return status;
    bool differs = client_bool(answer, "differs"), stopped = json_is_string(json_object_get(answer, "stopped_at"));
    cli_json_or(cli, answer, show_difference);
    if (differs)
        return error_set(&cli->error, REFUSED, "template.differs", "%s differs from its entry in the directory%s", name,
                         stopped ? " and is stopped: adopt it again when it is as it should be" : "");
    cli_note(cli, stopped ? "%s is as it was adopted again, but stopped: adopt it" : "%s is as it was adopted", name);
    return OK;
}

static int export_one(struct cli *cli, const char *name, struct buf *out)
{
    struct buf path = BUF_EMPTY, text = BUF_EMPTY;

    client_path_start(&path, "/v1/templates/%s/text", name);
    client_path_query(&path, "form", option_flag(cli, "ldif") ? "ldif" : "text");
    client_path_query(&path, "source", option_flag(cli, "directory") ? "directory" : NULL);
    int status = path.failed ? error_memory(&cli->error) : client_get_bytes(cli->client, buf_text(&path), &text, &cli->error);
    if (status == OK && out->size > 0)
        buf_add_byte(out, '\n');
    if (status == OK)
        buf_add(out, text.data, text.size);
    buf_free(&path);
    buf_free(&text);
    return status;
}

int verb_template_export(struct cli *cli)
{
    struct buf out = BUF_EMPTY;
    int status = cli_out_free(cli, option_value(cli, "out"));

    for (size_t i = 0; i < cli->operand_count && status == OK; i++)
        status = export_one(cli, cli->operands[i], &out);
    if (status == OK && out.failed)
        status = error_memory(&cli->error);
    if (status == OK && cli->json) {
        json_t *value = json_pack("{s:s}", option_flag(cli, "ldif") ? "ldif" : "text", buf_text(&out));
        out_json(cli, value);
        json_decref(value);
    }
    if (status == OK && (!cli->json || option_value(cli, "out") != NULL))
        status = cli_write(cli, option_value(cli, "out"), buf_bytes(&out), 0644);
    buf_free(&out);
    return status;
}

int verb_template_adopt(struct cli *cli)
{
    const char *digest = option_value(cli, "digest");
    json_t *answer = NULL;

    int status = cli_post(cli, "/v1/templates/%s/adopt", cli->operands[0],
                          digest != NULL ? json_pack("{s:s}", "digest", digest) : json_object(), &answer);
    if (answer != NULL && (status == OK || !cli->json))
        cli_json_or(cli, answer, show_findings);
    else
        json_decref(answer);
    if (status == OK)
        cli_note(cli, "adopted %s", cli->operands[0]);
    return status;
}

static void show_nothing(struct cli *cli, const json_t *answer)
{
    (void)cli;
    (void)answer;
}

int verb_template_retire(struct cli *cli)
{
    json_t *answer = NULL;

    int status = cli_post(cli, "/v1/templates/%s/retire", cli->operands[0], json_object(), &answer);
    if (status != OK)
        return status;
    cli_note(cli, "%s is retired: nothing is issued from it", cli->operands[0]);
    return cli_json_or(cli, answer, show_nothing);
}

/* ---- import ---- */

/* The samples where they were installed; in a build tree the environment says where. */
static void samples_path(struct buf *path)
{
    const char *folder = secure_getenv("CHANCERY_DATADIR");
    buf_printf(path, "%s/schema/templates.ldif", folder != NULL ? folder : CHANCERY_DATADIR);
}

/* A base stands in LDIF as it is: only what is safe there (RFC 2849 SAFE-STRING) and looks like a DN. */
static bool base_is_safe(const char *base)
{
    for (const char *at = base; *at != '\0'; at++)
        if (*at < ' ' || *at > '~')
            return false;
    return strchr(base, '=') != NULL && base[strlen(base) - 1] != ' ';
}

/* Puts base in the place of the samples' suffix, everywhere: entries, groups that may enrol. */
static void replace_base(const char *ldif, const char *base, struct buf *out)
{
    for (const char *at = ldif;;) {
        const char *hit = strstr(at, SAMPLE_BASE);
        if (hit == NULL) {
            buf_add_text(out, at);
            return;
        }
        buf_add(out, at, (size_t)(hit - at));
        buf_add_text(out, base);
        at = hit + strlen(SAMPLE_BASE);
    }
}

/* As `template export` writes it, and not LDIF. */
static bool text_is_readable_form(const char *text)
{
    return strncmp(text, TEMPLATE_TEXT_HEAD, sizeof TEMPLATE_TEXT_HEAD - 1) == 0;
}

static int read_ldif(struct cli *cli, struct buf *ldif)
{
    const char *base = option_value(cli, "base");
    struct buf path = BUF_EMPTY, text = BUF_EMPTY;

    if (option_flag(cli, "samples"))
        samples_path(&path);
    else
        buf_add_text(&path, cli->operands[0]);
    int status = file_read(buf_text(&path), LDIF_MAX, &text, &cli->error);
    if (status == OK && text_is_readable_form(buf_text(&text))) {
        struct buf made = BUF_EMPTY;
        status = template_text_to_ldif(buf_bytes(&text), &made, &cli->error);
        buf_free(&text);
        text = made;
    }
    if (status == OK && (strcasestr(buf_text(&text), "dn:") == NULL || strcasestr(buf_text(&text), "pKICertificateTemplate") == NULL))
        status = error_set(&cli->error, BAD_DATA, "template.ldif", "%s is neither LDIF with templates (objectClass: pKICertificateTemplate) nor what template export writes",
                           buf_text(&path));
    if (status == OK)
        replace_base(buf_text(&text), base != NULL ? base : SAMPLE_BASE, ldif);
    if (status == OK && ldif->failed)
        status = error_memory(&cli->error);
    buf_free(&path);
    buf_free(&text);
    return status;
}

int verb_template_import(struct cli *cli)
{
    const char *base = option_value(cli, "base");
    size_t wanted = option_flag(cli, "samples") ? 0 : 1;
    struct buf ldif = BUF_EMPTY;

    if (cli->before_dashes != wanted)
        return cli_usage(cli, wanted == 0 ? "--samples takes no file" : "import needs one file, or --samples");
    if (base == NULL && wanted == 0)
        return cli_usage(cli, "--samples needs --base");
    if (base != NULL && (*base == '\0' || !base_is_safe(base)))
        return cli_usage(cli, "--base is a DN in printable ASCII, such as dc=corp,dc=example");
    int status = read_ldif(cli, &ldif);
    if (status == OK && cli->operand_count > cli->before_dashes)
        status = start_ldapadd(cli, cli->operands + cli->before_dashes, cli->operand_count - cli->before_dashes, buf_bytes(&ldif));
    else if (status == OK)
        status = cli_write(cli, option_value(cli, "out"), buf_bytes(&ldif), 0644);
    buf_free(&ldif);
    return status;
}
