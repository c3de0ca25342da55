/* Priority strings that would let in what must stay out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ca/base/conf.h"
#include "ca/directory/directory.h"
#include "ca/directory/tls.h"

static void each_is_judged_by_what_it_allows(void **state)
{
    static const struct {
        const char *priority, *says; /* NULL: good */
    } rows[] = {
        {"SECURE192:+SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", NULL},
        {"SECURE256:-VERS-ALL:+VERS-TLS1.3", NULL},
        {"NORMAL:-VERS-TLS1.0:-VERS-TLS1.1", NULL},
        {"NORMAL:-VERS-TLS1.0", "TLS1.1"},
        {"SECURE192:-VERS-ALL:+VERS-TLS1.0", "TLS1.0"},
        {"NORMAL:-VERS-ALL:+VERS-TLS1.2:+NULL", "NULL"},
        {"NORMAL:-VERS-ALL:+VERS-TLS1.2:+ARCFOUR-128", "ARCFOUR"},
        {"NORMAL:-VERS-ALL:+VERS-TLS1.2:+3DES-CBC", "3DES"},
        {"NORMAL:-VERS-ALL:+VERS-TLS1.2:+ANON-ECDH", "ANON"},
        {"NORMAL:-VERS-ALL:+VERS-TLS1.2:+ANON-DH", "ANON"},
        {"NORMAL:-VERS-ALL:+VERS-TLS1.2:+MD5", "MD5"},
        {"NORMAL:-VERS-ALL", "understood"},
        {"NORMAL:-VERS-TLS1.0:-VERS-TLS1.1:-CIPHER-ALL", "understood"},
        {"NORMAL:-VERS-TLS1.0:-VERS-TLS1.1:%VERIFY_ALLOW_SIGN_RSA_MD5", "protection"},
        {"NORMAL:-VERS-TLS1.0:-VERS-TLS1.1:%unsafe_renegotiation", "protection"},
        {"NORMAL:+NO-SUCH-CIPHER", "NO-SUCH-CIPHER"},
        {"", "understood"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = ERROR_NONE;
        int status = tls_priority_check("directory", rows[i].priority, &error);

        if (rows[i].says ? status != BAD_CONFIG || strcmp(error.reason, "directory.tls") || !strstr(error.message, rows[i].says) : status != OK)
            fail_msg("\"%s\": wanted %s, got %d: %s", rows[i].priority, rows[i].says ? rows[i].says : "OK", status, error.message);
    }
}

static void what_is_shipped_is_good(void **state)
{
    static const struct conf_item items[] = {DIRECTORY_ITEMS("directory"), {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0}};
    struct error error = ERROR_NONE;
    size_t found = 0;

    (void)state;
    for (size_t i = 0; items[i].section; i++)
        if (strcmp(items[i].name, "tls_priority") == 0) {
            found++;
            if (tls_priority_check("directory", items[i].fallback, &error) != OK)
                fail_msg("%s", error.message);
        }
    assert_int_equal(found, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_judged_by_what_it_allows), cmocka_unit_test(what_is_shipped_is_good)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
