/* JSON of the API (ca/api/openapi.yaml) -> values of the model. Columns of rows as they are; nothing parses a certificate. */
#ifndef CHANCERY_TUI_DECODE_H
#define CHANCERY_TUI_DECODE_H

#include <jansson.h>

#include "tui/model.h"

void decode_page(const json_t *rows_answer, struct page *out);
void decode_object(const json_t *detail, struct object *out);
void decode_hello(const json_t *info, const json_t *whoami, struct hello *out);
void decode_health(const json_t *health, struct answer *out);
void decode_usages(const json_t *usages, const json_t *assignments, struct answer *out);
void decode_returned(const json_t *detail, const json_t *assignability, int64_t now, struct returned *out);

#endif
