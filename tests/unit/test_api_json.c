/* Bodies of the API: limits, forms, members; and values that must become JSON whatever they hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/api/json.h"

static int read_text(const char *text, json_t **out, struct error *error)
{
    return body_read(bytes_of_text(text), out, error);
}

static void test_read(void **state)
{
    static const char *const bad[] = {"[1]", "1", "\"a\"", "{", "{\"a\":1,\"a\":2}", "{} {}", "{\"a\":\"\\u0000\"}", "{\"a\":\"\xff\"}", "nul"};
    json_t *body = NULL;

    (void)state;
    assert_int_equal(read_text("", &body, NULL), OK);
    assert_int_equal(json_object_size(body), 0);
    json_decref(body);
    assert_int_equal(read_text("{\"a\": [1, {\"b\": null}]}", &body, NULL), OK);
    json_decref(body);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error error = ERROR_NONE;
        assert_int_equal(read_text(bad[i], &body, &error), BAD_DATA);
        assert_string_equal(error.reason, "api.json");
        assert_null(body);
    }
}

static void test_limits(void **state)
{
    struct error error = ERROR_NONE;
    json_t *body = NULL;
    char *text = malloc(BODY_MAX + 1);

    (void)state;
    memset(text, ' ', BODY_MAX + 1);
    memcpy(text, "{}", 2);
    assert_int_equal(body_read(bytes_of(text, BODY_MAX), &body, &error), OK);
    json_decref(body);
    assert_int_equal(body_read(bytes_of(text, BODY_MAX + 1), &body, &error), BAD_DATA);
    assert_string_equal(error.reason, "api.size");
    /* Nesting as deep as the limit allows must not take the stack. */
    memset(text, '[', BODY_MAX);
    memcpy(text, "{\"a\":", 5);
    error_clear(&error);
    assert_int_equal(body_read(bytes_of(text, BODY_MAX), &body, &error), BAD_DATA);
    assert_string_equal(error.reason, "api.json");
    free(text);
}

static const struct body_member members[] = {
    {"text", BODY_TEXT, true}, {"flag", BODY_BOOL, false}, {"list", BODY_TEXTS, false}, {"at", BODY_TIME, false},
    {"version", BODY_VERSION, false}, {NULL, 0, false},
};

static int check_text(const char *text, struct error *error)
{
    json_t *body = NULL;

    assert_int_equal(read_text(text, &body, error), OK);
    int status = body_check(body, members, error);
    json_decref(body);
    return status;
}

static void test_members(void **state)
{
    static const char *const good[] = {
        "{\"text\":\"a\"}", "{\"text\":\"a\",\"flag\":true,\"list\":[\"b\"],\"at\":\"2026-01-20T07:12:09Z\"}",
        "{\"text\":\"a\",\"flag\":null,\"list\":null}", "{\"text\":\"a\",\"version\":{\"disposition\":\"pending\",\"resolved_at\":null}}",
        "{\"text\":\"a\",\"version\":{\"disposition\":\"issued\",\"resolved_at\":\"2026-01-20T07:12:09Z\"}}"};
    static const char *const bad[] = {
        "{}", "{\"text\":null}", "{\"text\":1}", "{\"text\":\"a\",\"flag\":1}", "{\"text\":\"a\",\"list\":\"b\"}",
        "{\"text\":\"a\",\"list\":[1]}", "{\"text\":\"a\",\"at\":5}", "{\"text\":\"a\",\"at\":\"soon\"}", "{\"text\":\"a\",\"txet\":\"a\"}",
        "{\"text\":\"a\",\"version\":\"pending\"}", "{\"text\":\"a\",\"version\":{\"disposition\":\"odd\",\"resolved_at\":null}}",
        "{\"text\":\"a\",\"version\":{\"disposition\":\"pending\"}}"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(check_text(good[i], NULL), OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error error = ERROR_NONE;
        assert_int_equal(check_text(bad[i], &error), BAD_DATA);
        assert_string_equal(error.reason, "api.body");
    }
    struct error error = ERROR_NONE;
    json_t *body = json_pack("{s:s}", "x", "y");
    assert_int_equal(body_check(body, NULL, &error), BAD_DATA); /* a route without members takes none */
    json_decref(body);
}

static void test_too_many_texts(void **state)
{
    json_t *list = json_array(), *body = json_pack("{s:s, s:o}", "text", "a", "list", list);

    (void)state;
    for (int i = 0; i < BODY_TEXTS_MAX; i++)
        json_array_append_new(list, json_string("x"));
    assert_int_equal(body_check(body, members, NULL), OK);
    json_array_append_new(list, json_string("x"));
    assert_int_equal(body_check(body, members, NULL), BAD_DATA);
    json_decref(body);
}

static void test_octets(void **state)
{
    struct buf out = BUF_EMPTY;
    json_t *body = json_pack("{s:s, s:s, s:s}", "der", "MIIB", "pem", "-----BEGIN X-----\n", "bad", "!!");

    (void)state;
    assert_int_equal(body_octets(body, "der", &out, NULL), OK);
    assert_int_equal(out.size, 3);
    buf_clear(&out);
    assert_int_equal(body_octets(body, "pem", &out, NULL), OK);
    assert_string_equal(buf_text(&out), "-----BEGIN X-----\n");
    buf_clear(&out);
    assert_int_equal(body_octets(body, "bad", &out, NULL), BAD_DATA);
    assert_int_equal(body_octets(body, "none", &out, NULL), BAD_DATA);
    buf_free(&out);
    json_decref(body);
}

/* What came from a request may be no UTF-8: an answer is made all the same. */
static void test_values(void **state)
{
    uint8_t zeros[20] = {0}, some[2] = {0xab, 0x01};
    json_t *value = json_of_text("a\xff" "b");

    (void)state;
    assert_true(json_is_string(value));
    assert_non_null(strstr(json_string_value(value), "<FF>"));
    json_decref(value);
    assert_true(json_is_null(json_of_text(NULL)));
    assert_true(json_is_null(json_of_time(0)));
    assert_true(json_is_null(json_of_digest(zeros, sizeof zeros)));
    value = json_of_digest(some, sizeof some);
    assert_string_equal(json_string_value(value), "ab01");
    json_decref(value);
    value = json_of_time(1768893129);
    assert_string_equal(json_string_value(value), "2026-01-20T07:12:09Z");
    json_decref(value);
    struct error error = ERROR_NONE;
    error_set(&error, REFUSED, "a.b", "c\xff");
    value = json_of_error(&error);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(value, "error"), "status")), REFUSED);
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read), cmocka_unit_test(test_limits), cmocka_unit_test(test_members),
        cmocka_unit_test(test_too_many_texts), cmocka_unit_test(test_octets), cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
