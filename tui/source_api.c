/* Queries as calls of the API, one row of the table each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/clock.h"
#include "ca/client.h"
#include "tui/decode.h"
#include "tui/source.h"
#include "tui/view.h"

typedef int (*source_method)(struct transport *, const struct query *, struct answer *);

static int call(struct transport *transport, const char *method, const char *path, json_t *body, json_t **out, struct error *error) {
    *out = NULL;
    int status = transport->call(transport->state, method, path, body, out, error);
    if (status != OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

static int get(struct transport *transport, const char *path, json_t **out, struct error *error) {
    return call(transport, "GET", path, NULL, out, error);
}

void transport_close(struct transport *transport) {
    if (transport->close != NULL)
        transport->close(transport->state);
    memset(transport, 0, sizeof *transport);
}

static int ask_hello(struct transport *transport, const struct query *query, struct answer *answer) {
    json_t *info = NULL, *whoami = NULL;
    int status = get(transport, "/v1/info", &info, &answer->error);
    if (status == OK)
        status = get(transport, "/v1/whoami", &whoami, &answer->error);
    if (status == OK)
        decode_hello(info, whoami, &answer->hello);
    json_decref(info);
    json_decref(whoami);
    return status;
}

static void page_reverse(struct page *page) {
    for (size_t i = 0; i + 1 < page->count - i; i++) {
        struct row row = page->rows[i];
        page->rows[i] = page->rows[page->count - 1 - i];
        page->rows[page->count - 1 - i] = row;
    }
}

static int ask_page(struct transport *transport, const struct query *query, struct answer *answer) {
    const struct view *view = view_of(query->folder);
    struct buf path = BUF_EMPTY;
    json_t *rows = NULL;
    client_path_start(&path, "/v1/requests", NULL);
    client_path_query(&path, "disposition", view->query);
    client_path_query(&path, "desc", view->descending != query->backwards ? "1" : NULL);
    if (query->after != 0)
        client_path_query_number(&path, "after", query->after);
    client_path_query_number(&path, "limit", query->limit);
    int status = get(transport, buf_text(&path), &rows, &answer->error);
    if (status == OK) {
        decode_page(rows, &answer->page);
        if (query->backwards)
            page_reverse(&answer->page);
    }
    json_decref(rows);
    buf_free(&path);
    return status;
}

static int ask_find(struct transport *transport, const struct query *query, struct answer *answer) {
    struct buf path = BUF_EMPTY;
    json_t *rows = NULL;
    client_path_start(&path, "/v1/find", NULL);
    client_path_query(&path, "text", query->text);
    client_path_query_number(&path, "limit", query->limit);
    int status = get(transport, buf_text(&path), &rows, &answer->error);
    if (status == OK)
        decode_page(rows, &answer->page);
    json_decref(rows);
    buf_free(&path);
    return status;
}

static int object_get(struct transport *transport, const char *pattern, uint64_t id, json_t **out, struct error *error) {
    struct buf path = BUF_EMPTY;
    char number[24];
    snprintf(number, sizeof number, "%llu", (unsigned long long)id);
    client_path_start(&path, pattern, number);
    int status = get(transport, buf_text(&path), out, error);
    buf_free(&path);
    return status;
}

static int ask_object(struct transport *transport, const struct query *query, struct answer *answer) {
    json_t *detail = NULL;
    int status = object_get(transport, "/v1/requests/%s", query->id, &detail, &answer->error);
    if (status == OK)
        decode_object(detail, &answer->object);
    json_decref(detail);
    return status;
}

/* The chain and the usages are asked for only where there is a certificate. */
static int ask_returned(struct transport *transport, const struct query *query, struct answer *answer) {
    json_t *detail = NULL, *assignability = NULL;
    int status = object_get(transport, "/v1/requests/%s", query->id, &detail, &answer->error);
    if (status == OK && json_is_object(json_object_get(detail, "certificate")))
        status = object_get(transport, "/v1/requests/%s/assignability", query->id, &assignability, &answer->error);
    if (status == OK) {
        int64_t now = transport->now != NULL ? transport->now(transport->state) : clock_now();
        decode_returned(detail, assignability, now, &answer->returned);
    }
    json_decref(detail);
    json_decref(assignability);
    return status;
}

static int ask_usages(struct transport *transport, const struct query *query, struct answer *answer) {
    json_t *usages = NULL, *assignments = NULL;
    int status = get(transport, "/v1/usages", &usages, &answer->error);
    if (status == OK)
        status = get(transport, "/v1/assignments", &assignments, &answer->error);
    if (status == OK)
        decode_usages(usages, assignments, answer);
    json_decref(usages);
    json_decref(assignments);
    return status;
}

static int ask_health(struct transport *transport, const struct query *query, struct answer *answer) {
    json_t *health = NULL;
    int status = get(transport, "/v1/health", &health, &answer->error);
    if (status == OK)
        decode_health(health, answer);
    json_decref(health);
    return status;
}

/* ---- what changes something: a path, a body, and the outcome in words ---- */

static json_t *version_body(const struct query *query) {
    char text[TIME_TEXT_SIZE];
    json_t *resolved = query->seen_resolved_at != 0 ? json_string(time_format(query->seen_resolved_at, text)) : json_null();
    return json_pack("{s:{s:s, s:o}}", "version", "disposition", disposition_name(query->seen), "resolved_at", resolved);
}

static json_t *deny_body(const struct query *query) {
    json_t *body = version_body(query);
    if (query->text != NULL && query->text[0])
        json_object_set_new(body, "message", json_string(query->text));
    return body;
}

static json_t *revoke_body(const struct query *query) {
    json_t *body = version_body(query);
    json_object_set_new(body, "reason", json_string(query->text));
    return body;
}

static json_t *crl_body(const struct query *query) {
    return json_pack("{s:b}", "delta", query->delta);
}

static json_t *import_body(const struct query *query) {
    return json_pack("{s:s, s:s, s:s}", "pem", query->pem, "kind", query->root ? "root" : "intermediate", "fingerprint", query->text);
}

static json_t *assign_body(const struct query *query) {
    char id[24];
    snprintf(id, sizeof id, "%llu", (unsigned long long)query->id);
    json_t *usages = json_array();
    for (size_t i = 0; i < query->usages.count; i++)
        json_array_append_new(usages, json_string(query->usages.items[i]));
    json_t *body = json_pack("{s:s, s:o}", "object", id, "usages", usages);
    if (query->text != NULL && query->text[0])
        json_object_set_new(body, "host", json_string(query->text));
    return body;
}

static void issue_text(const struct query *query, const json_t *answer, struct buf *out) {
    const char *disposition = client_text(answer, "disposition"), *message = client_text(answer, "message");
    unsigned long long id = (unsigned long long)query->id;
    if (strcmp(disposition, "issued") == 0)
        buf_printf(out, "ISSUED request %llu. a assigns its certificate.", id);
    else
        buf_printf(out, "Not issued: request %llu is %s. %s", id, disposition, message);
}

static void deny_text(const struct query *query, const json_t *answer, struct buf *out) {
    buf_printf(out, "DENIED request %llu.", (unsigned long long)query->id);
}

static void revoke_text(const struct query *query, const json_t *answer, struct buf *out) {
    buf_printf(out, "REVOKED request %llu (%s). p publishes a CRL that says so.", (unsigned long long)query->id, query->text);
}

static void release_text(const struct query *query, const json_t *answer, struct buf *out) {
    buf_printf(out, "RELEASED request %llu. p publishes a CRL that says so.", (unsigned long long)query->id);
}

static void crl_text(const struct query *query, const json_t *answer, struct buf *out) {
    const json_t *crl = json_object_get(answer, "crl");
    buf_printf(out, "CRL %lld made, %lld entries; publishing goes on by itself.", (long long)client_number(crl, "number"),
               (long long)client_number(crl, "entries"));
}

static void import_text(const struct query *query, const json_t *answer, struct buf *out) {
    buf_printf(out, "IMPORTED into the %s store: %s", query->root ? "trusted root" : "intermediate", client_text(answer, "subject"));
}

static void assign_text(const struct query *query, const json_t *answer, struct buf *out) {
    buf_printf(out, "ASSIGNED request %llu to ", (unsigned long long)query->id);
    for (size_t i = 0; i < query->usages.count; i++)
        buf_printf(out, "%s%s", i > 0 ? ", " : "", query->usages.items[i]);
    buf_printf(out, "%s%s.", query->text != NULL && query->text[0] ? " on " : "", query->text != NULL ? query->text : "");
}

static const struct act {
    const char *path;
    json_t *(*body)(const struct query *);
    void (*text)(const struct query *, const json_t *, struct buf *);
} acts[QUERY_KINDS] = {
    [ACT_ISSUE] = {"/v1/requests/%s/resubmit", version_body, issue_text},
    [ACT_DENY] = {"/v1/requests/%s/deny", deny_body, deny_text},
    [ACT_REVOKE] = {"/v1/requests/%s/revoke", revoke_body, revoke_text},
    [ACT_RELEASE] = {"/v1/requests/%s/release", version_body, release_text},
    [ACT_CRL] = {"/v1/crls", crl_body, crl_text},
    [ACT_IMPORT] = {"/v1/trust", import_body, import_text},
    [ACT_ASSIGN] = {"/v1/assignments", assign_body, assign_text},
};

static int ask_act(struct transport *transport, const struct query *query, struct answer *answer) {
    const struct act *act = &acts[query->kind];
    struct buf path = BUF_EMPTY, text = BUF_EMPTY;
    json_t *body = act->body(query), *done = NULL;
    char number[24];
    snprintf(number, sizeof number, "%llu", (unsigned long long)query->id);
    if (strchr(act->path, '%') != NULL)
        client_path_start(&path, act->path, number);
    else
        buf_add_text(&path, act->path);
    int status = body != NULL ? call(transport, "POST", buf_text(&path), body, &done, &answer->error) : error_memory(&answer->error);
    if (status == OK) {
        act->text(query, done, &text);
        answer->text = strdup(buf_text(&text));
        answer->id = query->id;
        answer->issued = query->kind == ACT_ISSUE && strcmp(client_text(done, "disposition"), "issued") == 0;
    }
    json_decref(body);
    json_decref(done);
    buf_free(&path);
    buf_free(&text);
    return status;
}

static const source_method methods[QUERY_KINDS] = {
    [QUERY_HELLO] = ask_hello, [QUERY_PAGE] = ask_page, [QUERY_FIND] = ask_find, [QUERY_OBJECT] = ask_object,
    [QUERY_RETURNED] = ask_returned, [QUERY_USAGES] = ask_usages, [QUERY_HEALTH] = ask_health,
    [ACT_ISSUE] = ask_act, [ACT_DENY] = ask_act, [ACT_REVOKE] = ask_act, [ACT_RELEASE] = ask_act,
    [ACT_CRL] = ask_act, [ACT_IMPORT] = ask_act, [ACT_ASSIGN] = ask_act,
};

void source_ask(struct transport *transport, const struct query *query, struct answer *answer) {
    memset(answer, 0, sizeof *answer);
    answer->ticket = query->ticket;
    answer->kind = query->kind;
    answer->folder = query->folder;
    answer->after = query->after;
    answer->backwards = query->backwards;
    answer->fetch = query->fetch;
    if (methods[query->kind](transport, query, answer) != OK && answer->error.status == OK)
        error_set(&answer->error, INTERNAL, "console.answer", "The call failed without saying why.");
}
