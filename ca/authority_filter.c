/* Filters: the small language of `revoke --match`. Pure: text in, a value for the store's walk out. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ca/authority_bulk.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"

#define FILTER_MAX 1024
#define EXPIRING_DAYS_MAX 36500

struct field {
    struct filter *filter;
    const char *name, *value;
    int64_t now;
};

static int bad_value(const struct field *field, const char *form, struct error *error)
{
    return error_set(error, USAGE, "filter.value", "the filter's %s must be %s, not \"%.60s\"", field->name, form, field->value);
}

static int text_take(const struct field *field, const char **to, struct error *error)
{
    struct strings *texts = &field->filter->texts;
    if (!*field->value || strcmp(field->value, "*") == 0)
        return bad_value(field, "a text that says something", error);
    if (strings_add(texts, field->value))
        return error_memory(error);
    *to = texts->items[texts->count - 1];
    return OK;
}

static int take_template(const struct field *field, struct error *error)
{
    return text_take(field, &field->filter->match.template_name, error);
}

static int take_requester(const struct field *field, struct error *error)
{
    return text_take(field, &field->filter->match.requester, error);
}

static int take_name(const struct field *field, struct error *error)
{
    const char *star = strchr(field->value, '*');
    if (star && star[1] && !(star == field->value && star[1] == '.')) /* *.example.com is a name that certificates have */
        return bad_value(field, "a name, or the start of names with a * at its end", error);
    return text_take(field, &field->filter->match.name, error);
}

static int time_take(const struct field *field, int64_t *to, struct error *error)
{
    return time_parse(field->value, field->now, to) ? bad_value(field, "a time such as 2026-01-20T00:00:00Z or -3d", error) : OK;
}

static int take_since(const struct field *field, struct error *error)
{
    return time_take(field, &field->filter->match.since, error);
}

static int take_until(const struct field *field, struct error *error)
{
    return time_take(field, &field->filter->match.until, error);
}

static int take_expiring(const struct field *field, struct error *error)
{
    uint64_t days;
    if (number_parse(field->value, &days) || days > EXPIRING_DAYS_MAX)
        return bad_value(field, "a number of days", error);
    field->filter->match.expiring_before = field->now + (int64_t)days * 86400;
    return OK;
}

static int take_key_index(const struct field *field, struct error *error)
{
    uint64_t number;
    if (number_parse(field->value, &number) || number > UINT16_MAX)
        return bad_value(field, "the number of a CA key (chancery info)", error);
    field->filter->match.key_index = (int64_t)number;
    return OK;
}

static int take_disposition(const struct field *field, struct error *error)
{
    enum disposition disposition;
    if (disposition_parse(field->value, &disposition) ||
        (disposition != DISPOSITION_ISSUED && disposition != DISPOSITION_FOREIGN && disposition != DISPOSITION_REVOKED))
        return bad_value(field, "issued, foreign or revoked", error);
    field->filter->match.disposition = (int)disposition;
    return OK;
}

static const struct {
    const char *name;
    int (*take)(const struct field *field, struct error *error);
} fields[] = {
    {"template", take_template}, {"requester", take_requester}, {"name", take_name},           {"since", take_since},
    {"until", take_until},       {"expiring", take_expiring},   {"key-index", take_key_index}, {"disposition", take_disposition},
};
#define FIELD_COUNT (sizeof fields / sizeof *fields)

/* One VALUE, in quotes or up to the next blank; *at moves behind it. */
static int value_read(const char **at, struct buf *value, struct error *error)
{
    bool quoted = **at == '"';
    const char *end = quoted ? strchr(*at + 1, '"') : *at + strcspn(*at, " \t\"");
    if (!end || (!quoted && *end == '"') || (quoted && end[1] && !isspace((unsigned char)end[1])))
        return error_set(error, USAGE, "filter.form", "the filter's quotes do not pair: a value with blanks is written as FIELD=\"VALUE\"");
    buf_add(value, *at + quoted, (size_t)(end - *at) - quoted);
    *at = end + quoted;
    return value->failed ? error_memory(error) : OK;
}

static int field_read(const char **at, unsigned *seen, struct field *field, struct error *error)
{
    size_t size = strcspn(*at, "= \t\"");
    struct buf value = BUF_EMPTY;
    size_t i = 0;
    while (i < FIELD_COUNT && (strlen(fields[i].name) != size || memcmp(fields[i].name, *at, size) != 0))
        i++;
    if ((*at)[size] != '=')
        return error_set(error, USAGE, "filter.form", "the filter is not of the form FIELD=VALUE at \"%.40s\"", *at);
    if (i == FIELD_COUNT)
        return error_set(error, USAGE, "filter.field", "a filter has no field \"%.*s\": template, requester, name, since, until, expiring, "
                         "key-index, disposition", (int)(size < 40 ? size : 40), *at);
    if (*seen & 1u << i)
        return error_set(error, USAGE, "filter.field", "the filter has %s twice", fields[i].name);
    *seen |= 1u << i;
    *at += size + 1;
    int status = value_read(at, &value, error);
    field->name = fields[i].name;
    field->value = buf_text(&value);
    if (!status)
        status = fields[i].take(field, error);
    buf_free(&value);
    return status;
}

int filter_parse(const char *text, int64_t now, struct filter *out, struct error *error)
{
    struct field field = {.filter = out, .now = now};
    unsigned seen = 0;
    int status = OK;
    *out = (struct filter){.match = {.key_index = -1}};
    if (strlen(text) > FILTER_MAX)
        return error_set(error, USAGE, "filter.form", "the filter is longer than %d octets", FILTER_MAX);
    for (const char *at = text + strspn(text, " \t"); *at && !status; at += strspn(at, " \t"))
        status = field_read(&at, &seen, &field, error);
    if (!status && !seen)
        status = error_set(error, USAGE, "filter.empty",
                           "an empty filter would mean every certificate; key-index=0 says that of one CA key outright");
    if (!status && out->match.since && out->match.until && out->match.since >= out->match.until)
        status = error_set(error, USAGE, "filter.value", "the filter's since is not before its until: nothing can fit");
    if (status)
        filter_free(out);
    return status;
}

void filter_free(struct filter *filter)
{
    strings_free(&filter->texts);
    *filter = (struct filter){.match = {.key_index = -1}};
}
