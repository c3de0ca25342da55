/* Requests as values: the whole table of transitions, and what attribute
 * names, serials and limits are equal or too much. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/event.h"

static const enum disposition all[] = {
    DISPOSITION_ACTIVE, DISPOSITION_PENDING, DISPOSITION_ISSUING, DISPOSITION_FOREIGN,
    DISPOSITION_ISSUED, DISPOSITION_REVOKED, DISPOSITION_FAILED,  DISPOSITION_DENIED,
};
/* Rows and columns as in all[]: what AUTHORITY says of each state. */
static const char *const table[] = {
    /* to: APIFIRFD (active pending issuing foreign issued revoked failed denied) */
    ".xx...xx", /* active */
    ".xx...xx", /* pending */
    "....x.x.", /* issuing */
    ".....x..", /* foreign */
    ".....x..", /* issued */
    "....xx..", /* revoked */
    ".....x..", /* failed */
    ".xx....x", /* denied */
};

static void transitions(void **state)
{
    for (size_t from = 0; from < 8; from++)
        for (size_t to = 0; to < 8; to++) {
            struct error error = ERROR_NONE;
            int status = disposition_check(all[from], all[to], &error);

            if ((status == OK) != (table[from][to] == 'x'))
                fail_msg("%s to %s: %d", disposition_name(all[from]), disposition_name(all[to]), status);
            if (status != OK) {
                assert_int_equal(status, REFUSED);
                assert_string_equal(error.reason, "state.transition");
                assert_non_null(strstr(error.message, disposition_name(all[from])));
                assert_non_null(strstr(error.message, disposition_name(all[to])));
            }
        }
    assert_int_equal(disposition_check((enum disposition)99, DISPOSITION_ISSUED, NULL), REFUSED);
}

static void names(void **state)
{
    enum disposition back;

    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(disposition_parse(disposition_name(all[i]), &back), OK);
        assert_int_equal(back, all[i]);
    }
    assert_int_equal(disposition_parse("lost", &back), BAD_DATA);
    assert_string_equal(disposition_name((enum disposition)99), "unknown");
    assert_string_equal(origin_name(ORIGIN_OFFICER), "officer");
    assert_string_equal(origin_name((enum origin)77), "unknown");
    assert_string_equal(name_kind_name(NAME_UPN), "upn");
    assert_string_equal(event_kind_name(EVENT_CRL_ISSUED), "crl-issued");
    assert_string_equal(event_kind_name((enum event_kind)3), "unknown");
}

static void attribute_names(void **state)
{
    assert_true(attribute_name_equal("CertificateTemplate", "certificate-template"));
    assert_true(attribute_name_equal(" Certificate Template-", "certificatetemplate"));
    assert_false(attribute_name_equal("certificatetemplate", "certificatetemplates"));
    assert_false(attribute_name_equal("a", ""));
    assert_true(attribute_name_equal("-", " "));
}

static void attributes(void **state)
{
    struct request request = {0};
    char name[ATTRIBUTE_NAME_MAX + 2], value[ATTRIBUTE_VALUE_MAX + 2];

    memset(name, 'n', sizeof name);
    memset(value, 'v', sizeof value);
    name[sizeof name - 1] = value[sizeof value - 1] = '\0';
    assert_int_equal(request_add_attribute(&request, name, "v", ORIGIN_REQUEST), BAD_DATA);
    assert_int_equal(request_add_attribute(&request, "n", value, ORIGIN_REQUEST), BAD_DATA);
    name[sizeof name - 2] = value[sizeof value - 2] = '\0';
    assert_int_equal(request_add_attribute(&request, name, value, ORIGIN_REQUEST), OK);
    assert_string_equal(request_attribute(&request, name), value);
    assert_int_equal(request_add_attribute(&request, "- -", "v", ORIGIN_REQUEST), BAD_DATA);
    assert_int_equal(request_add_attribute(&request, "Usage", "Default", ORIGIN_REQUEST), OK);
    assert_int_equal(request_add_attribute(&request, "u-sage", "Other", ORIGIN_REQUEST), BAD_DATA);
    assert_string_equal(request_attribute(&request, "us age"), "Default");
    assert_null(request_attribute(&request, "other"));
    for (size_t i = 2; i < ATTRIBUTES_MAX; i++) {
        char short_name[3] = {'a', (char)('A' + i), '\0'};

        assert_int_equal(request_add_attribute(&request, short_name, "", ORIGIN_OFFICER), OK);
    }
    assert_int_equal(request_add_attribute(&request, "onemore", "", ORIGIN_OFFICER), BAD_DATA);
    request_free(&request);
    assert_null(request.attributes);
}

static void serials(void **state)
{
    char text[2 * SERIAL_MAX + 1];
    struct serial serial;

    assert_int_equal(serial_parse("00:00:4A:0b", &serial), OK);
    assert_int_equal(serial.size, 2);
    assert_string_equal(serial_text(&serial, text), "4a0b");
    assert_int_equal(serial_parse("", &serial), BAD_DATA);
    assert_int_equal(serial_parse("0000", &serial), BAD_DATA);
    assert_int_equal(serial_parse("4a0", &serial), BAD_DATA);
    assert_int_equal(serial_parse("xyz", &serial), BAD_DATA);
    assert_int_equal(serial_parse("0102030405060708090a0b0c0d0e0f1011121314", &serial), OK);
    assert_int_equal(serial.size, 20);
    assert_int_equal(serial_parse("0102030405060708090a0b0c0d0e0f101112131415", &serial), BAD_DATA);
}

static void owned(void **state)
{
    struct properties properties = {.path_length = -1};
    struct identity from = {.uid = 7, .account = (char *)(uintptr_t)"alice", .roles = ROLE_OFFICER}, to;
    struct event event = {.crl_fd = -1};

    assert_int_equal(properties_add_name(&properties, NAME_DNS, "web07.example.com"), OK);
    assert_int_equal(properties_set_extension(&properties, "1.2.3", false, bytes_of("\x05\x00", 2), ORIGIN_POLICY, NULL), OK);
    assert_int_equal(properties_set_extension(&properties, "1.2.3", true, bytes_of("\x30\x00", 2), ORIGIN_OFFICER, "bob"), OK);
    assert_int_equal(properties_set_extension(&properties, "1.2.4", true, bytes_of(NULL, 0), ORIGIN_OFFICER, "bob"), OK);
    assert_int_equal(properties.extension_count, 2);
    assert_true(properties.extensions[0].critical);
    assert_string_equal(properties.extensions[0].actor, "bob");
    assert_memory_equal(properties.extensions[0].value, "\x30\x00", 2);
    properties_free(&properties);
    assert_int_equal(identity_copy(&to, &from), OK);
    assert_string_equal(to.account, "alice");
    assert_null(to.dn);
    identity_free(&to);
    assert_int_equal(to.uid, -1);
    event.message = strdup("pending");
    event_free(&event);
    assert_int_equal(event.crl_fd, -1);
    assert_null(event.message);
}

static void edits(void **state)
{
    struct request request = {0};
    char value[ATTRIBUTE_VALUE_MAX + 2];

    memset(value, 'v', sizeof value);
    value[sizeof value - 1] = '\0';
    assert_int_equal(request_add_attribute(&request, "Expiration-Date", "+10d", ORIGIN_REQUEST), OK);
    assert_int_equal(request_edit_attribute(&request, "expiration date", "+20d", "carol"), OK);
    assert_int_equal(request.attribute_count, 1);
    assert_string_equal(request.attributes[0].name, "Expiration-Date");
    assert_string_equal(request.attributes[0].value, "+20d");
    assert_string_equal(request.attributes[0].actor, "carol");
    assert_int_equal(request.attributes[0].origin, ORIGIN_OFFICER);
    assert_int_equal(request_edit_attribute(&request, "ccm", "host", "bob"), OK);
    assert_int_equal(request.attribute_count, 2);
    assert_int_equal(request_edit_attribute(&request, "ccm", value, "bob"), BAD_DATA);
    assert_string_equal(request_attribute(&request, "ccm"), "host");
    assert_int_equal(request_edit_attribute(&request, "EXPIRATIONDATE", "", "carol"), OK);
    assert_int_equal(request.attribute_count, 1);
    assert_null(request_attribute(&request, "ExpirationDate"));
    assert_int_equal(request_edit_attribute(&request, "never there", "", "carol"), OK);

    assert_false(request_drop_extension(&request, "1.2.3"));
    assert_int_equal(strings_add(&request.removed, "1.2.3"), OK);
    assert_int_equal(strings_add(&request.removed, "1.2.4"), OK);
    assert_int_equal(request_edit_extension(&request, "1.2.3", true, bytes_of("\x05\x00", 2), "carol"), OK);
    assert_int_equal(request.removed.count, 1);
    assert_string_equal(request.removed.items[0], "1.2.4");
    assert_int_equal(request_edit_extension(&request, "1.2.3", false, bytes_of("\x30\x00", 2), "bob"), OK);
    assert_int_equal(request.extension_count, 1);
    assert_false(request.extensions[0].critical);
    assert_string_equal(request.extensions[0].actor, "bob");
    assert_int_equal(request.extensions[0].origin, ORIGIN_OFFICER);
    assert_true(request_drop_extension(&request, "1.2.3"));
    assert_int_equal(request.extension_count, 0);

    for (int i = 0; i < EDITS_MAX; i++)
        assert_int_equal(request_add_edit(&request, "carol", i, "something"), OK);
    assert_int_equal(request_add_edit(&request, "carol", 1, "one more"), BAD_DATA);
    request_free(&request);
}

/* Two changes in one second, or with the clock put back, are two versions. */
static void versions(void **state)
{
    struct request request = {0};

    request_touch(&request, 1000);
    assert_int_equal(request.resolved_at, 1000);
    request_touch(&request, 1000);
    assert_int_equal(request.resolved_at, 1001);
    request_touch(&request, 900);
    assert_int_equal(request.resolved_at, 1002);
    request_touch(&request, 2000);
    assert_int_equal(request.resolved_at, 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transitions), cmocka_unit_test(names),   cmocka_unit_test(attribute_names),
        cmocka_unit_test(attributes),  cmocka_unit_test(serials), cmocka_unit_test(owned),
        cmocka_unit_test(edits),       cmocka_unit_test(versions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
