/* The configuration file. inih splits it into sections, names and values; a
 * reader of ours hands it the lines one by one, so that every message names
 * file and line, and refuses what inih would cut without a word. */
#include "config.h"

#include "ca/base/conf.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/base/text.h"

#define CONF_SIZE_MAX 1048576
#define LINE_MAX_OCTETS (INI_MAX_LINE - 2) /* inih's line, its newline and NUL */
#define NAME_MAX_OCTETS 48                 /* inih keeps 50 octets of a section's or item's name */

struct conf_value {
    char *section;
    const struct conf_item *item;
    struct buf text;
    int64_t number;
    unsigned line;
    struct conf_value *next;
};

struct conf {
    char *path;
    struct buf raw;
    const struct conf_item *const *tables;
    const struct conf_item **table_copy;
    struct conf_value *first, *last;
    struct strings sections; /* those that a ".*" row knows, in file order */
};

struct reading {
    struct conf *conf;
    struct error *error;
    size_t at;
    unsigned line;
    bool indented;            /* the current line begins with a blank */
    bool section_line;
    struct conf_value *open;  /* what an indented line continues */
    bool whole;               /* inih has been handed the whole text */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Does the row's section ("usage.*" or "publish.ldap") stand for this one? */
static bool section_matches(const char *pattern, const char *section)
{
    size_t length = strlen(pattern);

    if (length >= 2 && strcmp(pattern + length - 2, ".*") == 0)
        return strncmp(pattern, section, length - 1) == 0 && section[length - 1] != '\0';
    return strcmp(pattern, section) == 0;
}

static const struct conf_item *item_find(const struct conf *conf, const char *section, const char *name, bool *section_known)
{
    *section_known = false;
    for (size_t t = 0; conf->tables[t] != NULL; t++)
        for (const struct conf_item *item = conf->tables[t]; item->section != NULL; item++) {
            if (!section_matches(item->section, section))
                continue;
            *section_known = true;
            if (strcmp(item->name, name) == 0)
                return item;
        }
    return NULL;
}

static struct conf_value *value_find(const struct conf *conf, const char *section, const char *name)
{
    for (struct conf_value *value = conf->first; value != NULL; value = value->next)
        if (strcmp(value->section, section) == 0 && strcmp(value->item->name, name) == 0)
            return value;
    return NULL;
}

static int complain(struct reading *reading, const char *what)
{
    return error_set(reading->error, BAD_CONFIG, "conf.syntax", "%s:%u: %s", reading->conf->path, reading->line, what);
}

/* Known names that would silently become part of the value above. */
static bool looks_like_item(const struct reading *reading, const char *text, size_t size)
{
    size_t length = 0;
    char name[NAME_MAX_OCTETS + 1];
    bool known;

    while (length < size && text[length] != '=' && text[length] != ':')
        length++;
    if (length == size)
        return false;
    while (length > 0 && is_blank(text[length - 1]))
        length--;
    if (length == 0 || length > NAME_MAX_OCTETS)
        return false;
    memcpy(name, text, length);
    name[length] = '\0';
    return item_find(reading->conf, reading->open->section, name, &known) != NULL;
}

/* What inih would cut, mistake or lose. */
static const char *line_fault(struct reading *reading, const char *line, size_t size)
{
    const char *text = line;

    if (memchr(line, '\0', size) != NULL)
        return "the line holds a NUL octet";
    if (!text_is_utf8(line, size))
        return "the line is not UTF-8";
    if (size > LINE_MAX_OCTETS)
        return "the line is too long: 198 octets at most; break it and begin the next line with a blank";
    while (size > 0 && is_blank(*text)) {
        text++;
        size--;
    }
    reading->section_line = size > 0 && *text == '[';
    if (reading->section_line && size > NAME_MAX_OCTETS + 2)
        return "the section's name is too long";
    /* inih goes on after such a line, and what follows would be blamed. */
    if (reading->section_line && memchr(text, ']', size) == NULL)
        return "the section's name has no ] after it";
    if (!reading->section_line && size > 0 && (!reading->indented || reading->open == NULL) && memchr(text, '=', size) == NULL &&
        memchr(text, ':', size) == NULL)
        return "neither [section] nor name = value nor a comment";
    if (reading->section_line && text != line && reading->open != NULL)
        return "a section begins at the left edge: take the blanks before [ away";
    if (reading->section_line)
        reading->open = NULL;
    else if (reading->indented && reading->open != NULL && size > 0 && looks_like_item(reading, text, size))
        return "an item begins at the left edge: the blanks before it would make it part of the value above";
    return NULL;
}

/* ini_reader: one line a call. Comments are blanked here: inih would take the second part of a long one for an item. */
static char *line_read(char *to, int room, void *argument)
{
    struct reading *reading = argument;
    const char *line = (const char *)reading->conf->raw.data + reading->at;
    size_t left = reading->conf->raw.size - reading->at, size, first = 0;
    const char *newline, *fault;

    if (left == 0 || (reading->error->status != OK)) {
        reading->whole = left == 0;
        return NULL;
    }
    newline = memchr(line, '\n', left);
    size = newline == NULL ? left : (size_t)(newline - line);
    reading->at += newline == NULL ? left : size + 1;
    reading->line++;
    while (first < size && is_blank(line[first]))
        first++;
    reading->indented = first > 0 && first < size;
    if (first < size && (line[first] == '#' || line[first] == ';'))
        size = 0;
    fault = line_fault(reading, line, size);
    if (fault != NULL || size + 2 > (size_t)room) {
        complain(reading, fault != NULL ? fault : "the line is too long");
        return NULL;
    }
    memcpy(to, line, size);
    to[size] = '\n';
    to[size + 1] = '\0';
    return to;
}

static struct conf_value *value_new(struct conf *conf, const char *section, const struct conf_item *item, unsigned line)
{
    struct conf_value *value = calloc(1, sizeof *value);

    if (value == NULL)
        return NULL;
    value->section = strdup(section);
    if (value->section == NULL) {
        free(value);
        return NULL;
    }
    value->item = item;
    value->line = line;
    if (conf->last == NULL)
        conf->first = value;
    else
        conf->last->next = value;
    conf->last = value;
    return value;
}

static int take_item(struct reading *reading, const char *section, const char *name, const char *text)
{
    struct conf *conf = reading->conf;
    const struct conf_item *item;
    struct conf_value *value;
    bool section_known;

    item = item_find(conf, section, name, &section_known);
    if (item == NULL)
        return error_set(reading->error, BAD_CONFIG, "conf.unknown", "%s:%u: %s%s%s%s; see chancery.conf(5)", conf->path,
                         reading->line, section_known ? "unknown item " : "unknown section [", section_known ? name : section,
                         section_known ? " in section " : "]", section_known ? section : "");
    value = value_find(conf, section, name);
    if (value != NULL)
        return error_set(reading->error, BAD_CONFIG, "conf.repeated", "%s:%u: %s in section %s stands already in line %u", conf->path,
                         reading->line, name, section, value->line);
    value = value_new(conf, section, item, reading->line);
    if (value == NULL)
        return error_memory(reading->error);
    buf_add_text(&value->text, text);
    if (value->text.failed ||
        (strstr(item->section, ".*") != NULL && !strings_contain(&conf->sections, section) && strings_add(&conf->sections, section) != OK))
        return error_memory(reading->error);
    reading->open = value;
    return OK;
}

/* ini_handler: 1 when fine. A continued value comes again under its name. */
static int item_read(void *argument, const char *section, const char *name, const char *text)
{
    struct reading *reading = argument;

    if (reading->error->status != OK)
        return 0;
    if (!reading->indented || reading->open == NULL)
        return take_item(reading, section, name, text) == OK;
    buf_add_byte(&reading->open->text, ' ');
    buf_add_text(&reading->open->text, text);
    if (reading->open->text.failed)
        error_memory(reading->error);
    return !reading->open->text.failed;
}

struct kind {
    const char *wanted;
    int (*check)(const char *text, int64_t *number);
};

static int check_text(const char *text, int64_t *number)
{
    return *text == '\0' ? BAD_DATA : OK;
}

static int check_number(const char *text, int64_t *number)
{
    uint64_t value;

    if (number_parse(text, &value) != OK || value > INT64_MAX)
        return BAD_DATA;
    *number = (int64_t)value;
    return OK;
}

static int check_bool(const char *text, int64_t *number)
{
    static const struct {
        const char *word;
        int value;
    } words[] = {{"yes", 1}, {"no", 0}, {"true", 1}, {"false", 0}, {"on", 1}, {"off", 0}, {"1", 1}, {"0", 0}};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (text_equal_nocase(words[i].word, text)) {
            *number = words[i].value;
            return OK;
        }
    return BAD_DATA;
}

static int check_path(const char *text, int64_t *number)
{
    return text[0] == '/' ? OK : BAD_DATA;
}

static int check_list(const char *text, int64_t *number)
{
    return OK;
}

static const struct kind kinds[] = {
    [CONF_TEXT] = {"a text that is not empty", check_text},
    [CONF_NUMBER] = {"a number", check_number},
    [CONF_DURATION] = {"a duration such as 90s, 15m, 6h, 7d, 2w or 1y", duration_parse},
    [CONF_BOOL] = {"yes or no", check_bool},
    [CONF_PATH] = {"a path from the root, beginning with /", check_path},
    [CONF_LIST] = {"words with blanks between", check_list},
};

static int value_check(const struct conf *conf, struct conf_value *value, struct error *error)
{
    const struct conf_item *item = value->item;

    if (kinds[item->kind].check(buf_text(&value->text), &value->number) != OK)
        return error_set(error, BAD_CONFIG, "conf.value", "%s:%u: %s = %s: must be %s", conf->path, value->line, item->name,
                         buf_text(&value->text), kinds[item->kind].wanted);
    if ((item->min != 0 || item->max != 0) && (value->number < item->min || value->number > item->max))
        return error_set(error, BAD_CONFIG, "conf.range", "%s:%u: %s = %s: must lie between %lld and %lld%s", conf->path, value->line,
                         item->name, buf_text(&value->text), (long long)item->min, (long long)item->max,
                         item->kind == CONF_DURATION ? " seconds" : "");
    return OK;
}

static int conf_parse(struct conf *conf, struct error *error)
{
    struct reading reading = {.conf = conf, .error = error};
    int result = ini_parse_stream(line_read, &reading, item_read, &reading);

    if (error->status != OK)
        return error->status;
    if (result != 0 || !reading.whole)
        return error_set(error, BAD_CONFIG, "conf.syntax", "%s:%d: neither [section] nor name = value nor a comment", conf->path,
                         result > 0 ? result : (int)reading.line);
    for (struct conf_value *value = conf->first; value != NULL; value = value->next)
        if (value_check(conf, value, error) != OK)
            return error->status;
    return OK;
}

static int tables_copy(struct conf *conf, const struct conf_item *const tables[])
{
    size_t count = 0;

    while (tables != NULL && tables[count] != NULL)
        count++;
    conf->table_copy = calloc(count + 1, sizeof *conf->table_copy);
    if (conf->table_copy == NULL)
        return INTERNAL;
    for (size_t i = 0; i < count; i++)
        conf->table_copy[i] = tables[i];
    conf->tables = conf->table_copy;
    return OK;
}

int conf_load(const char *path, const struct conf_item *const tables[], struct conf **out, struct error *error)
{
    struct error own = ERROR_NONE;
    struct conf *conf = calloc(1, sizeof *conf);

    if (error == NULL)
        error = &own;
    if (error->status != OK) {
        free(conf);
        return error->status;
    }
    if (conf == NULL || tables_copy(conf, tables) != OK || (conf->path = strdup(path)) == NULL) {
        error_memory(error);
        goto out;
    }
    if (file_read(path, CONF_SIZE_MAX, &conf->raw, error) != OK) {
        error->status = BAD_CONFIG;
        goto out;
    }
    conf_parse(conf, error);
out:
    if (error->status == OK)
        *out = conf;
    else
        conf_free(conf);
    return error->status;
}

void conf_free(struct conf *conf)
{
    struct conf_value *value, *next;

    if (conf == NULL)
        return;
    for (value = conf->first; value != NULL; value = next) {
        next = value->next;
        free(value->section);
        buf_free(&value->text);
        free(value);
    }
    strings_free(&conf->sections);
    buf_free(&conf->raw);
    free(conf->table_copy);
    free(conf->path);
    free(conf);
}

const char *conf_path(const struct conf *conf)
{
    return conf->path;
}

const char *conf_text(const struct conf *conf, const char *section, const char *name)
{
    const struct conf_value *value = value_find(conf, section, name);
    const struct conf_item *item;
    bool known;

    if (value != NULL)
        return buf_text(&value->text);
    item = item_find(conf, section, name, &known);
    return item == NULL ? NULL : item->fallback;
}

int64_t conf_number(const struct conf *conf, const char *section, const char *name)
{
    const struct conf_value *value = value_find(conf, section, name);
    const struct conf_item *item;
    int64_t number = 0;
    bool known;

    if (value != NULL)
        return value->number;
    item = item_find(conf, section, name, &known);
    if (item == NULL || item->fallback == NULL)
        return 0;
    kinds[item->kind].check(item->fallback, &number);
    return number;
}

bool conf_bool(const struct conf *conf, const char *section, const char *name)
{
    return conf_number(conf, section, name) != 0;
}

int conf_list(const struct conf *conf, const char *section, const char *name, struct strings *out)
{
    const char *text = conf_text(conf, section, name);

    return text == NULL ? OK : strings_split(out, text, " \t\r\n");
}

int conf_sections(const struct conf *conf, const char *prefix, struct strings *out)
{
    size_t length = strlen(prefix);

    for (size_t i = 0; i < conf->sections.count; i++) {
        const char *section = conf->sections.items[i];

        if (strncmp(section, prefix, length) == 0 && section[length] == '.' && strings_add(out, section + length + 1) != OK)
            return INTERNAL;
    }
    return OK;
}

struct bytes conf_raw(const struct conf *conf)
{
    return buf_bytes(&conf->raw);
}
