/* Values of the authority as JSON, in the shapes of openapi.yaml. Each gives a new value, NULL only without memory. */
#ifndef CHANCERY_API_SHAPE_H
#define CHANCERY_API_SHAPE_H

#include "ca/api/json.h"
#include "ca/authority.h"

json_t *shape_row(const struct list_row *row);
json_t *shape_rows(const struct list_row *rows, size_t count, bool more);
json_t *shape_outcome(const struct outcome *outcome);
json_t *shape_detail(const struct detail *detail, bool with_text);
json_t *shape_crl(const struct crl_record *crl);
json_t *shape_assignment(const struct assignment *assignment);
json_t *shape_template(const struct template *template, bool adopted);
json_t *shape_findings(const char *name, const struct template_finding *findings, size_t count);
json_t *shape_anchor(const struct trust_anchor *anchor);
json_t *shape_assignability(uint64_t id, const struct assignability *value);
/* "warning" */
const char *health_name(enum health_state state);
/* An array of what each(rows + i * size) gives. */
json_t *shape_array(const void *rows, size_t count, size_t size, json_t *(*each)(const void *row));

#endif
