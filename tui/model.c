/* Life and death of the model's values. What happens to them stands in update.c. */
#include "tui/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_set(char **to, const char *from) {
    char *copy = strdup(from != NULL ? from : "");
    free(*to);
    *to = copy;
}

void row_free(struct row *row) {
    char *const texts[] = {row->requester, row->template_name, row->subject, row->name,
                           row->message,   row->serial,        row->revocation_reason};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    memset(row, 0, sizeof *row);
}

void page_free(struct page *page) {
    for (size_t i = 0; i < page->count; i++)
        row_free(&page->rows[i]);
    free(page->rows);
    *page = (struct page){NULL, 0, false};
}

int object_add_field(struct object *object, const char *label, const char *value) {
    struct field *fields = realloc(object->fields, (object->field_count + 1) * sizeof *fields);
    if (fields == NULL)
        return INTERNAL;
    object->fields = fields;
    struct field *field = &fields[object->field_count++];
    *field = (struct field){strdup(label), value != NULL ? strdup(value) : NULL};
    return field->label != NULL && (value == NULL || field->value != NULL) ? OK : INTERNAL;
}

void object_free(struct object *object) {
    for (size_t i = 0; i < object->field_count; i++) {
        free(object->fields[i].label);
        free(object->fields[i].value);
    }
    free(object->fields);
    free(object->subject);
    free(object->requester);
    free(object->template_name);
    free(object->serial);
    memset(object, 0, sizeof *object);
}

void returned_free(struct returned *returned) {
    for (size_t i = 0; i < returned->link_count; i++) {
        free(returned->links[i].subject);
        free(returned->links[i].pem);
    }
    for (size_t i = 0; i < returned->usage_count; i++) {
        free(returned->usages[i].name);
        free(returned->usages[i].title);
        free(returned->usages[i].now);
        free(returned->usages[i].why);
    }
    free(returned->links);
    free(returned->usages);
    free(returned->host);
    free(returned->message);
    strings_free(&returned->findings);
    object_free(&returned->object);
    memset(returned, 0, sizeof *returned);
}

void usage_lines_free(struct usage_line *lines, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(lines[i].usage);
        free(lines[i].title);
        free(lines[i].host);
        free(lines[i].fingerprint);
        free(lines[i].state);
        free(lines[i].by);
    }
    free(lines);
}

void health_lines_free(struct health_line *lines, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(lines[i].name);
        free(lines[i].message);
    }
    free(lines);
}

void hello_free(struct hello *hello) {
    free(hello->ca_name);
    free(hello->account);
    memset(hello, 0, sizeof *hello);
}

void query_free(struct query *query) {
    free(query->text);
    free(query->pem);
    strings_free(&query->usages);
    memset(query, 0, sizeof *query);
}

void answer_free(struct answer *answer) {
    hello_free(&answer->hello);
    page_free(&answer->page);
    object_free(&answer->object);
    returned_free(&answer->returned);
    usage_lines_free(answer->usages, answer->usage_count);
    health_lines_free(answer->health, answer->health_count);
    free(answer->text);
    memset(answer, 0, sizeof *answer);
}

void target_free(struct target *target) {
    free(target->subject);
    free(target->requester);
    free(target->template_name);
    memset(target, 0, sizeof *target);
}

void model_open(struct model *model, int rows, int cols, bool utf8, bool read_only, int64_t now) {
    memset(model, 0, sizeof *model);
    model->rows = rows;
    model->cols = cols;
    model->utf8 = utf8;
    model->read_only = model->read_only_forced = read_only;
    model->now = model->last_key_at = now;
    model->next_ticket = 1;
    model->hello.health = 3;
}

void model_free(struct model *model) {
    for (size_t i = 0; i < model->window_count; i++)
        row_free(&model->window[i]);
    free(model->window);
    hello_free(&model->hello);
    object_free(&model->object);
    returned_free(&model->returned);
    usage_lines_free(model->usages, model->usage_count);
    health_lines_free(model->health, model->health_count);
    strings_free(&model->dialog.lines);
    free(model->dialog.title);
    target_free(&model->dialog.target);
    memset(model, 0, sizeof *model);
}

bool folder_has_requests(enum folder folder) {
    return folder != FOLDER_USAGES && folder != FOLDER_HEALTH;
}

size_t model_row_count(const struct model *model) {
    if (model->folder == FOLDER_USAGES)
        return model->usage_count;
    if (model->folder == FOLDER_HEALTH)
        return model->health_count;
    return model->window_count;
}

const struct row *model_row(const struct model *model) {
    size_t selected = model->lists[model->folder].selected;
    return folder_has_requests(model->folder) && selected < model->window_count ? &model->window[selected] : NULL;
}

void model_status(struct model *model, int style, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(model->status, sizeof model->status, format, arguments);
    va_end(arguments);
    model->status_style = style;
}
