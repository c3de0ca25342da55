/* Handlers of templates: list, show, lint, adopt, retire.
 * The lint is pure; what it judges comes from the directory or from the adopted copy, as asked. */
#include "ca/api/routes.h"

#include <string.h>

#include "ca/api/shape.h"
#include "ca/base/encode.h"

static json_t *template_each(const void *row)
{
    const struct template_row *template = row;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "name", json_of_text(template->name),
                     "display_name", json_of_text(template->display_name),
                     "adopted_at", json_of_time(template->adopted_at),
                     "by", json_of_text(template->by),
                     "in_directory", template->unknown ? json_null() : json_boolean(template->in_directory),
                     "differs", template->unknown ? json_null() : json_boolean(template->differs),
                     "digest", json_of_digest(template->digest, sizeof template->digest),
                     "stopped_at", json_of_time(template->stopped_at),
                     "stop_reason", json_of_text(template->stop_reason));
}

int handle_templates(struct call *call, struct error *error)
{
    struct template_row *rows = NULL;
    size_t count = 0;

    int status = authority_template_list(call->authority, &rows, &count, error);
    if (status == OK)
        status = call_answer(call, json_pack("{s:o}", "templates", shape_array(rows, count, sizeof *rows, template_each)), error);
    template_rows_free(rows, count);
    return status;
}

/* source=adopted or directory; the fallback when the query has none. */
static int query_source(const struct call *call, bool *from_directory, struct error *error)
{
    const char *source = call_query(call, "source");

    if (source == NULL)
        return OK;
    *from_directory = strcmp(source, "directory") == 0;
    if (!*from_directory && strcmp(source, "adopted") != 0)
        return error_set(error, USAGE, "api.query", "source is adopted or directory, not \"%.20s\"", source);
    return OK;
}

int handle_template_show(struct call *call, struct error *error)
{
    struct template template = {0};
    bool from_directory = false;

    int status = query_source(call, &from_directory, error);
    if (status == OK)
        status = authority_template_show(call->authority, call->argument, from_directory, &template, error);
    if (status == OK)
        status = call_answer(call, shape_template(&template, !from_directory), error);
    template_free(&template);
    return status;
}

int handle_template_lint(struct call *call, struct error *error)
{
    struct template_finding findings[TEMPLATE_FINDINGS_MAX];
    size_t count = 0;
    bool from_directory = true;

    int status = query_source(call, &from_directory, error);
    if (status == OK)
        status = authority_template_lint(call->authority, call->argument, from_directory, findings, &count, error);
    if (status == OK)
        status = call_answer(call, shape_findings(call->argument, findings, count), error);
    return status;
}

int handle_template_diff(struct call *call, struct error *error)
{
    struct template_difference difference = {0};

    int status = authority_template_diff(call->authority, call->argument, &difference, error);
    if (status == OK)
        status = call_answer(call,
                             json_pack("{s:o, s:b, s:b, s:b, s:o, s:o, s:o, s:o}",
                                       "name", json_of_text(difference.name),
                                       "differs", difference.lines.count > 0 || difference.replaced,
                                       "in_directory", difference.in_directory,
                                       "replaced", difference.replaced,
                                       "digest", json_of_digest(difference.digest, sizeof difference.digest),
                                       "stopped_at", json_of_time(difference.stopped_at),
                                       "stop_reason", json_of_text(difference.stop_reason),
                                       "lines", json_of_strings(&difference.lines)),
                             error);
    template_difference_free(&difference);
    return status;
}

int handle_template_export(struct call *call, struct error *error)
{
    const char *form = call_query(call, "form");
    bool from_directory = false, ldif = form != NULL && strcmp(form, "ldif") == 0;

    if (form != NULL && !ldif && strcmp(form, "text") != 0)
        return error_set(error, USAGE, "api.query", "form is text or ldif, not \"%.20s\"", form);
    int status = query_source(call, &from_directory, error);
    if (status == OK)
        status = authority_template_export(call->authority, call->argument, from_directory, ldif, &call->octets, error);
    call->content_type = "text/plain; charset=utf-8";
    return status;
}

/* The digest that the administrator looked at; none given: NULL. */
static int body_digest(const struct call *call, uint8_t room[32], const uint8_t **digest, struct error *error)
{
    const char *text = call->body != NULL ? body_text(call->body, "digest") : NULL;
    struct buf octets = BUF_EMPTY;

    *digest = NULL;
    if (text == NULL)
        return OK;
    int status = hex_decode(&octets, text, strlen(text)) == OK && octets.size == 32
                     ? OK
                     : error_set(error, BAD_DATA, "api.body", "digest is a SHA-256 of 64 hexadecimal digits");
    if (status == OK) {
        memcpy(room, octets.data, 32);
        *digest = room;
    }
    buf_free(&octets);
    return status;
}

int handle_template_adopt(struct call *call, struct error *error)
{
    struct template_finding findings[TEMPLATE_FINDINGS_MAX];
    size_t count = 0;
    uint8_t room[32];
    const uint8_t *digest;

    int status = body_digest(call, room, &digest, error);
    if (status == OK)
        status = authority_template_adopt(call->authority, &call->caller, call->argument, digest, findings, &count, error);
    if (status != OK && count == 0)
        return status;
    /* Also beside the error: the findings are what the administrator has to mend. */
    struct error memory = ERROR_NONE;
    int answered = call_answer(call, shape_findings(call->argument, findings, count), &memory);
    return status != OK ? status : answered;
}

int handle_template_retire(struct call *call, struct error *error)
{
    int status = authority_template_retire(call->authority, &call->caller, call->argument, error);
    return status == OK ? call_answer(call, json_pack("{s:b}", "done", 1), error) : status;
}
