/* A transport over a file of canned answers: for tests and for showing the console without an authority. Requests are kept
 * as the API's details; lists are made from them, and the actions change them in memory. Nothing here knows what a
 * certificate is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/clock.h"
#include "ca/client.h"
#include "tui/source.h"

struct fixture {
    json_t *root;
    int64_t now;
};

static const char *const columns[] = {"id", "disposition", "submitted_at", "resolved_at", "requester", "template", "message"};

static const char *parameter(const char *path, const char *name, char *room, size_t size) {
    const char *at = strchr(path, '?');
    size_t length = strlen(name);
    while (at != NULL && *at) {
        at++;
        if (strncmp(at, name, length) == 0 && at[length] == '=') {
            snprintf(room, size, "%.*s", (int)strcspn(at + length + 1, "&"), at + length + 1);
            return room;
        }
        at = strchr(at, '&');
    }
    return "";
}

static json_t *row_of(json_t *detail) {
    json_t *row = json_object(), *certificate = json_object_get(detail, "certificate");
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        json_object_set(row, columns[i], json_object_get(detail, columns[i]));
    bool issued = json_is_object(certificate);
    json_object_set(row, "subject", json_object_get(issued ? certificate : detail, "subject"));
    json_t *names = json_object_get(issued ? certificate : detail, "names");
    const char *name = json_string_value(json_array_get(names, 0));
    const char *value = name != NULL && strchr(name, ':') != NULL ? strchr(name, ':') + 1 : "";
    json_object_set_new(row, "name", json_string(value));
    json_t *revocation = json_object_get(certificate, "revocation");
    json_object_set(row, "serial", json_object_get(certificate, "serial"));
    json_object_set(row, "not_after", json_object_get(certificate, "not_after"));
    json_object_set(row, "revoked_at", json_object_get(revocation, "revoked_at"));
    json_object_set(row, "revocation_reason", json_object_get(revocation, "reason"));
    return row;
}

static char *row_text(json_t *detail) {
    json_t *row = row_of(detail);
    char *text = json_dumps(row, JSON_COMPACT);
    json_decref(row);
    return text;
}

static bool is_in(json_t *detail, const char *disposition) {
    const char *own = client_text(detail, "disposition");
    if (strcmp(disposition, "failed-or-denied") == 0)
        return strcmp(own, "failed") == 0 || strcmp(own, "denied") == 0;
    return disposition[0] == 0 || strcmp(own, disposition) == 0;
}

static int list_rows(struct fixture *fixture, const char *path, json_t **answer, struct error *error) {
    char room[5][64];
    json_t *requests = json_object_get(fixture->root, "requests"), *rows = json_array();
    const char *disposition = parameter(path, "disposition", room[0], 64), *find = parameter(path, "text", room[1], 64);
    bool find_all = strncmp(path, "/v1/find", 8) == 0;
    bool descending = find_all || parameter(path, "desc", room[2], 64)[0] == '1', more = false;
    long long after = strtoll(parameter(path, "after", room[3], 64), NULL, 10);
    size_t limit = (size_t)strtoull(parameter(path, "limit", room[4], 64), NULL, 10), count = json_array_size(requests);
    for (size_t i = 0; i < count; i++) {
        json_t *detail = json_array_get(requests, descending ? count - 1 - i : i);
        long long id = (long long)client_number(detail, "id");
        char *text = find_all ? row_text(detail) : NULL;
        bool wanted = is_in(detail, disposition) && (after == 0 || (descending ? id < after : id > after)) &&
                      (text == NULL || strcasestr(text, find) != NULL);
        free(text);
        if (wanted && json_array_size(rows) == limit)
            more = true;
        else if (wanted)
            json_array_append_new(rows, row_of(detail));
    }
    *answer = json_pack("{s:o, s:b}", "rows", rows, "more", more);
    return OK;
}

static json_t *request_find(struct fixture *fixture, const char *id) {
    size_t i;
    json_t *detail;
    json_array_foreach(json_object_get(fixture->root, "requests"), i, detail) {
        char text[24];
        snprintf(text, sizeof text, "%lld", (long long)client_number(detail, "id"));
        if (strcmp(text, id) == 0)
            return detail;
    }
    return NULL;
}

static bool version_differs(json_t *detail, json_t *body) {
    json_t *version = json_object_get(body, "version");
    return json_is_object(version) &&
           (strcmp(client_text(version, "disposition"), client_text(detail, "disposition")) != 0 ||
            client_time(version, "resolved_at") != client_time(detail, "resolved_at"));
}

static void decide(struct fixture *fixture, json_t *detail, const char *verb, json_t *body) {
    static const char *const becomes[][2] = {{"resubmit", "issued"}, {"deny", "denied"}, {"revoke", "revoked"}, {"release", "issued"}};
    char now[TIME_TEXT_SIZE];
    for (size_t i = 0; i < sizeof becomes / sizeof becomes[0]; i++)
        if (strcmp(becomes[i][0], verb) == 0)
            json_object_set_new(detail, "disposition", json_string(becomes[i][1]));
    json_object_set_new(detail, "resolved_at", json_string(time_format(fixture->now, now)));
    if (json_is_string(json_object_get(body, "message")))
        json_object_set(detail, "message", json_object_get(body, "message"));
    if (strcmp(verb, "resubmit") == 0 && !json_is_object(json_object_get(detail, "certificate")))
        json_object_set(detail, "certificate", json_object_get(detail, "to_be_issued"));
    if (strcmp(verb, "revoke") == 0)
        json_object_set_new(json_object_get(detail, "certificate"), "revocation",
                            json_pack("{s:s, s:s, s:n}", "reason", client_text(body, "reason"), "revoked_at", now, "invalid_since"));
}

static int request_call(struct fixture *fixture, const char *method, const char *path, json_t *body, json_t **answer,
                        struct error *error) {
    char id[24], verb[24] = "";
    if (sscanf(path, "/v1/requests/%23[0-9]/%23[a-z]", id, verb) < 1)
        return error_set(error, USAGE, "route.unknown", "The fixture has no %s.", path);
    json_t *detail = request_find(fixture, id);
    if (detail == NULL)
        return error_set(error, REFUSED, "object.unknown", "There is no request %s. Look for it with: chancery list", id);
    if (strcmp(verb, "assignability") == 0)
        *answer = json_incref(json_object_get(json_object_get(fixture->root, "assignability"), id));
    else if (strcmp(method, "GET") == 0)
        *answer = json_incref(detail);
    else if (version_differs(detail, body))
        return error_set(error, REFUSED, "object.changed", "request %s is %s now.", id, client_text(detail, "disposition"));
    else {
        decide(fixture, detail, verb, body);
        *answer = json_incref(detail);
    }
    return *answer != NULL ? OK : error_set(error, REFUSED, "object.unknown", "The fixture says nothing about %s.", path);
}

/* The link of this fingerprint is present from now on; a chain without a gap is complete. */
static int trust_call(struct fixture *fixture, json_t *body, json_t **answer) {
    const char *id, *fingerprint = client_text(body, "fingerprint");
    json_t *one, *link;
    size_t i;
    json_object_foreach(json_object_get(fixture->root, "assignability"), id, one) {
        bool complete = true;
        json_array_foreach(json_object_get(one, "links"), i, link) {
            if (strcmp(client_text(link, "sha256"), fingerprint) == 0) {
                json_object_set_new(link, "state", json_string("present"));
                *answer = json_incref(link);
            }
            complete &= strcmp(client_text(link, "state"), "present") == 0;
        }
        if (complete)
            json_object_set_new(one, "complete", json_true());
    }
    return OK;
}

static int assign_call(struct fixture *fixture, json_t *body, json_t **answer) {
    char now[TIME_TEXT_SIZE];
    size_t i;
    json_t *usage, *list = json_object_get(json_object_get(fixture->root, "assignments"), "assignments");
    json_t *detail = request_find(fixture, client_text(body, "object"));
    time_format(fixture->now, now);
    json_array_foreach(json_object_get(body, "usages"), i, usage)
        json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:s, s:s, s:s}", "usage", json_string_value(usage), "host",
                                              client_text(body, "host"), "request_id", (json_int_t)client_number(detail, "id"),
                                              "sha256", client_text(json_object_get(detail, "certificate"), "sha256"), "at", now,
                                              "by", "jdoe"));
    *answer = json_object();
    return OK;
}

static int fixture_call(void *state, const char *method, const char *path, json_t *body, json_t **answer, struct error *error) {
    static const struct {
        const char *path, *member;
    } canned[] = {{"/v1/info", "info"}, {"/v1/whoami", "whoami"}, {"/v1/usages", "usages"}, {"/v1/health", "health"},
                  {"/v1/crls", "crl_made"}};
    struct fixture *fixture = state;
    bool posts = strcmp(method, "POST") == 0;
    for (size_t i = 0; i < sizeof canned / sizeof canned[0]; i++)
        if (strcmp(canned[i].path, path) == 0) {
            *answer = json_incref(json_object_get(fixture->root, canned[i].member));
            return *answer != NULL ? OK : error_set(error, TEMPORARY, "fixture.absent", "The fixture has no %s.", canned[i].member);
        }
    if (strncmp(path, "/v1/requests?", 13) == 0 || strncmp(path, "/v1/find?", 9) == 0)
        return list_rows(fixture, path, answer, error);
    if (strcmp(path, "/v1/trust") == 0)
        return trust_call(fixture, body, answer);
    if (strcmp(path, "/v1/assignments") == 0 && posts)
        return assign_call(fixture, body, answer);
    if (strcmp(path, "/v1/assignments") == 0) {
        *answer = json_incref(json_object_get(fixture->root, "assignments"));
        return OK;
    }
    return request_call(fixture, method, path, body, answer, error);
}

static int64_t fixture_now(void *state) {
    return ((struct fixture *)state)->now;
}

static void fixture_close(void *state) {
    struct fixture *fixture = state;
    json_decref(fixture->root);
    free(fixture);
}

int transport_fixture_open(const char *path, int64_t now, struct transport *out, struct error *error) {
    json_error_t why;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (fixture == NULL)
        return error_memory(error);
    fixture->now = now;
    fixture->root = json_load_file(path, 0, &why);
    if (fixture->root == NULL) {
        free(fixture);
        return error_set(error, BAD_DATA, "console.fixture", "%s, line %d: %s", path, why.line, why.text);
    }
    *out = (struct transport){fixture_call, fixture_close, fixture, fixture_now};
    return OK;
}
