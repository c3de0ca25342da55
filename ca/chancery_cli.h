/* The command line's own frame: the table of commands, the options of one call, output. Used by ca/chancery*.c only.
 * Help, usage errors, completion and the check of options read the same rows (chancery_commands.c). */
#ifndef CHANCERY_CLI_H
#define CHANCERY_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "ca/base/buf.h"
#include "ca/base/error.h"
#include "ca/client.h"

enum option_kind { OPTION_FLAG = 1, OPTION_VALUE, OPTION_MANY };
struct option_row {
    const char *name; /* without the dashes; NULL ends the list */
    enum option_kind kind;
    const char *value; /* "FILE": what help calls it; NULL for flags */
    const char *help;
};

struct cli;
struct command {
    const char *name; /* "crl publish"; NULL ends the table */
    const char *operands; /* "OBJECT", as help shows them; "" none */
    int min, max;     /* how many operands; max -1: any number */
    const char *role; /* who may, in words */
    const char *help;
    const struct option_row *options;
    int (*run)(struct cli *cli);
};
extern const struct command commands[];

#define CLI_FORM "chancery [-c FILE] [--socket PATH | --host NAME] [--json] [-q] VERB …"
#define CLI_OPTIONS_MAX 512
struct cli {
    const struct command *command;
    struct client *client;
    const char *program, *conf_path, *socket_path, *host;
    bool json, quiet;
    bool answered; /* JSON stands on standard output: no second value follows */
    struct {
        const struct option_row *row;
        const char *value;
    } options[CLI_OPTIONS_MAX];
    size_t option_count;
    const char **operands; /* room for all of argv */
    size_t operand_count;
    size_t before_dashes; /* how many operands stood before "--"; operand_count where there was none */
    char **arguments;     /* as given after the verb, for init */
    FILE *out;            /* standard output */
    struct error error;
};

/* chancery_options.c */
/* The row of the verb at arguments[0..count); *words is how many words its name has. USAGE with the nearest verbs otherwise. */
const struct command *command_find(char **arguments, int count, int *words, struct error *error);
/* "chancery crl publish [--delta] [--if-due]" */
void command_form(const struct command *command, struct buf *out);
/* Reads what stands after the verb. USAGE naming the verb's form. */
int options_read(struct cli *cli, char **arguments, int count);
const char *option_value(const struct cli *cli, const char *name); /* the last; NULL: not given */
bool option_flag(const struct cli *cli, const char *name);
int option_list(const struct cli *cli, const char *name, struct strings *out);
/* A time (RFC 3339 or +2h) as RFC 3339, into text; *given false when the option is not there. USAGE otherwise. */
int option_time(struct cli *cli, const char *name, char text[21], bool *given);
int cli_usage(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3))); /* USAGE with the form */

/* chancery_output.c: everything shown passes the sanitiser */
struct column {
    const char *title;
    const char *member; /* of the row; lists are joined by ", ", objects by their "name" */
    size_t width;       /* at most so many characters; 0: any */
};
void out_text(struct cli *cli, const char *text); /* as one line */
void out_lines(struct cli *cli, const char *text); /* newlines stay */
void out_field(struct cli *cli, const char *label, const char *text); /* nothing when text is "" */
void out_member(struct cli *cli, const char *label, const json_t *object, const char *member);
void out_table(struct cli *cli, const json_t *rows, const struct column *columns, bool with_title);
void out_csv(struct cli *cli, const json_t *rows, const struct column *columns, bool with_title);
void out_json(struct cli *cli, const json_t *value);
char *json_shown(const json_t *value); /* one cell's text, not sanitised; free it */
void cli_note(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3))); /* to standard error, not with -q */
void cli_error(struct cli *cli, const struct error *error); /* one line to standard error */
void cli_progress(struct cli *cli, const char *what, size_t done, size_t of); /* on a terminal only */
/* CANNOT_WRITE when `path` (NULL or "-": none) exists and --force was not given: for asking before anything is done. */
int cli_out_free(struct cli *cli, const char *path);
/* To --out by rename, refusing an existing file without --force; to standard output where there is no --out. */
int cli_write(struct cli *cli, const char *path, struct bytes data, mode_t mode);

/* chancery_calls.c: what every verb does */
int cli_get(struct cli *cli, const char *pattern, const char *argument, json_t **answer);
int cli_post(struct cli *cli, const char *pattern, const char *argument, json_t *body, json_t **answer); /* takes body */
int cli_json_or(struct cli *cli, json_t *answer, void (*show)(struct cli *cli, const json_t *answer)); /* takes answer */
/* A request as it is: PEM as text, anything else as base64. What is no request is refused, and put on record, by the CA.
 * *out starts NULL. */
int cli_read_request(struct cli *cli, const char *path, json_t **out);
/* A certificate, PEM or DER, as PEM in a JSON string; with chain those after it in the file too. */
int cli_read_certificate(struct cli *cli, const char *path, bool chain, json_t **out);

/* The verbs. */
int verb_init(struct cli *cli);
int verb_install(struct cli *cli);
int verb_renew(struct cli *cli);
int verb_info(struct cli *cli);
int verb_config(struct cli *cli);
int verb_whoami(struct cli *cli);
int verb_request(struct cli *cli);
int verb_submit(struct cli *cli);
int verb_retrieve(struct cli *cli);
int verb_list(struct cli *cli);
int verb_find(struct cli *cli);
int verb_show(struct cli *cli);
int verb_resubmit(struct cli *cli);
int verb_deny(struct cli *cli);
int verb_set_attribute(struct cli *cli);
int verb_set_extension(struct cli *cli);
int verb_revoke(struct cli *cli);
int verb_release(struct cli *cli);
int verb_revoke_match(struct cli *cli); /* of verb_revoke: with --match */
int verb_batch(struct cli *cli);
int verb_import(struct cli *cli);
int verb_purge(struct cli *cli);
int verb_report(struct cli *cli);
int verb_decommission(struct cli *cli);
int verb_isvalid(struct cli *cli);
int verb_crl_publish(struct cli *cli);
int verb_crl_show(struct cli *cli);
int verb_crl_get(struct cli *cli);
int verb_ca_get(struct cli *cli);
int verb_publish_status(struct cli *cli);
int verb_publish_check(struct cli *cli);
int verb_publish_retry(struct cli *cli);
int verb_template_list(struct cli *cli);
int verb_template_show(struct cli *cli);
int verb_template_adopt(struct cli *cli);
int verb_template_retire(struct cli *cli);
int verb_template_lint(struct cli *cli);
int verb_template_diff(struct cli *cli);
int verb_template_export(struct cli *cli);
int verb_template_import(struct cli *cli);
int verb_usage_list(struct cli *cli);
int verb_usage_show(struct cli *cli);
int verb_assign(struct cli *cli);
int verb_unassign(struct cli *cli);
int verb_assignments(struct cli *cli);
int verb_trust_list(struct cli *cli);
int verb_trust_import(struct cli *cli);
int verb_health(struct cli *cli);
int verb_audit_list(struct cli *cli);
int verb_backup(struct cli *cli);
/* chancery_backup.c, for other verbs that end with a backup: DIR as the daemon must know it; until backup NUMBER has ended */
int backup_path(struct cli *cli, const char *given, struct buf *path);
int backup_await(struct cli *cli, int64_t number, json_t **state);
int verb_check_db(struct cli *cli);
int verb_restore(struct cli *cli);
int verb_key_check(struct cli *cli);
int verb_key_passwd(struct cli *cli);
int verb_key_export(struct cli *cli);
int verb_restore_report(struct cli *cli);
int verb_restore_confirm(struct cli *cli);
int verb_unlock(struct cli *cli);
int verb_clock_accept(struct cli *cli);
int verb_audit_verify(struct cli *cli);
int verb_audit_export(struct cli *cli);
int verb_proxy(struct cli *cli);
int verb_help(struct cli *cli);
int verb_version(struct cli *cli);

#endif
