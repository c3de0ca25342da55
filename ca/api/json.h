/* JSON at the border: bodies read with limits and checked against a table of members; plain values made into JSON. */
#ifndef CHANCERY_API_JSON_H
#define CHANCERY_API_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "ca/base/buf.h"
#include "ca/base/error.h"
#include "ca/request.h"

#define BODY_MAX (256u * 1024)
#define BODY_TEXTS_MAX 100

enum body_kind { BODY_TEXT = 1, BODY_BOOL, BODY_TIME, BODY_TEXTS, BODY_VERSION, BODY_NUMBER };
struct body_member {
    const char *name; /* NULL ends the table */
    enum body_kind kind;
    bool required;
};

/* An empty body is {}. BAD_DATA "api.json": not JSON, not an object, a member twice. */
int body_read(struct bytes text, json_t **out, struct error *error);
/* Every member known, of its kind, the required ones there; null counts as absent. BAD_DATA "api.body" naming the member. */
int body_check(const json_t *body, const struct body_member *members, struct error *error);
const char *body_text(const json_t *body, const char *name);  /* NULL: absent */
bool body_bool(const json_t *body, const char *name);         /* false: absent */
int64_t body_time(const json_t *body, const char *name);      /* 0: absent; checked before */
uint64_t body_number(const json_t *body, const char *name);     /* 0: absent */
int body_texts(const json_t *body, const char *name, struct strings *out);
/* PEM as it is, anything else as base64 of DER. BAD_DATA naming the member. */
int body_octets(const json_t *body, const char *name, struct buf *out, struct error *error);

/* Values: NULL only without memory (jansson's setters then fail, and the answer is found incomplete at the end). */
json_t *json_of_text(const char *text); /* NULL: null; what is not UTF-8 is shown escaped */
json_t *json_of_time(int64_t at);       /* 0: null */
json_t *json_of_hex(struct bytes octets); /* none: null */
json_t *json_of_digest(const uint8_t *digest, size_t size); /* all zero: null */
json_t *json_of_serial(const struct serial *serial);
json_t *json_of_number(uint64_t number);
json_t *json_of_strings(const struct strings *list);
json_t *json_of_pem(const char *label, struct bytes der); /* empty: null */
json_t *json_of_oids(const struct strings *oids); /* [{oid, name}] */
json_t *json_of_error(const struct error *error);

#endif
