/* The configuration file: what it gives, and that every mistake is named with
 * file and line instead of being guessed over. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/base/conf.h"
#include "ca/base/file.h"

static const struct conf_item first[] = {
    {"ca", "name", CONF_TEXT, "EXAMPLE", "", 0, 0},
    {"ca", "threads", CONF_NUMBER, "4", "", 1, 64},
    {"ca", "validity", CONF_DURATION, "7d", "", 3600, 864000},
    {"ca", "open", CONF_BOOL, "no", "", 0, 0},
    {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0},
};
static const struct conf_item second[] = {
    {"publish.ldap", "entry", CONF_TEXT, NULL, "", 0, 0},
    {"publish.ldap", "folder", CONF_PATH, NULL, "", 0, 0},
    {"usage.*", "ekus", CONF_LIST, NULL, "", 0, 0},
    {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0},
};
static const struct conf_item *const tables[] = {first, second, NULL};

static char path[] = "/tmp/chancery-conf-XXXXXX";

static int load(const char *text, size_t size, struct conf **conf, struct error *error)
{
    error_clear(error);
    assert_int_equal(file_write(path, bytes_of(text, size), 0600, true, error), OK);
    return conf_load(path, tables, conf, error);
}

static void everything(void **state)
{
    static const char text[] = "; a comment\n# another\n[ca]\nname = Beispiel & Söhne ; said inline\nvalidity: 2d\nopen = Yes\n\n"
                               "[usage.WebServicesInternal]\nekus = 1.2.3\n    1.2.4   1.2.5\n[publish.ldap]\n"
                               "entry = cn=EXAMPLE-CA,ou=pki;x\nfolder = /var/lib\n[usage.Default]\nekus = 1.2\n";
    struct error error = ERROR_NONE;
    struct conf *conf = NULL;
    struct strings list = {NULL, 0};

    if (load(text, sizeof text - 1, &conf, &error) != OK)
        fail_msg("%s", error.message);
    assert_string_equal(conf_text(conf, "ca", "name"), "Beispiel & Söhne");
    assert_int_equal(conf_number(conf, "ca", "threads"), 4);
    assert_int_equal(conf_number(conf, "ca", "validity"), 172800);
    assert_true(conf_bool(conf, "ca", "open"));
    assert_string_equal(conf_text(conf, "publish.ldap", "entry"), "cn=EXAMPLE-CA,ou=pki;x");
    assert_int_equal(conf_list(conf, "usage.WebServicesInternal", "ekus", &list), OK);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.items[2], "1.2.5");
    strings_free(&list);
    assert_int_equal(conf_sections(conf, "usage", &list), OK);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0], "WebServicesInternal");
    strings_free(&list);
    assert_null(conf_text(conf, "usage.None", "ekus"));
    assert_int_equal(conf_list(conf, "usage.None", "ekus", &list), OK);
    assert_int_equal(list.count, 0);
    assert_int_equal(conf_raw(conf).size, sizeof text - 1);
    assert_string_equal(conf_path(conf), path);
    conf_free(conf);
}

static void mistakes(void **state)
{
    static const struct {
        const char *text, *line, *reason;
    } cases[] = {
        {"[ca]\nnames = x\n", ":2:", "conf.unknown"},
        {"[cb]\nname = x\n", ":2:", "conf.unknown"},
        {"name = x\n", ":1:", "conf.unknown"},
        {"[usage.]\nekus = 1.2\n", ":2:", "conf.unknown"},
        {"[ca]\nname = x\n\nname = y\n", ":4:", "conf.repeated"},
        {"[ca]\nname = x\n[publish.ldap]\n[ca]\nname = x\n", ":5:", "conf.repeated"},
        {"[ca]\nname\n", ":2:", "conf.syntax"},
        {"[ca\nname = x\n", ":1:", "conf.syntax"},
        {"[ca]\nname = x\n  threads = 3\n", ":3:", "conf.syntax"},
        {"[ca]\nname = x\n  [publish.ldap]\n", ":3:", "conf.syntax"},
        {"[ca]\nname = \xFF\n", ":2:", "conf.syntax"},
        {"[ca]\nname =\n", ":2:", "conf.value"},
        {"[ca]\nthreads = four\n", ":2:", "conf.value"},
        {"[ca]\nthreads = 65\n", ":2:", "conf.range"},
        {"[ca]\nthreads = -1\n", ":2:", "conf.value"},
        {"[ca]\nvalidity = 7 days\n", ":2:", "conf.value"},
        {"[ca]\nvalidity = 1m\n", ":2:", "conf.range"},
        {"[ca]\nopen = perhaps\n", ":2:", "conf.value"},
        {"[publish.ldap]\nfolder = var\n", ":2:", "conf.value"},
    };
    struct error error = ERROR_NONE;
    struct conf *conf = NULL;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (load(cases[i].text, strlen(cases[i].text), &conf, &error) != BAD_CONFIG)
            fail_msg("taken: %s", cases[i].text);
        if (strcmp(error.reason, cases[i].reason) != 0 || strstr(error.message, cases[i].line) == NULL ||
            strstr(error.message, path) == NULL)
            fail_msg("%s: %s: %s", cases[i].text, error.reason, error.message);
    }
    assert_int_equal(load("[ca]\nname = a\0b\n", 16, &conf, &error), BAD_CONFIG);
    error_clear(&error);
    assert_int_equal(conf_load("/nonexistent/chancery.conf", tables, &conf, &error), BAD_CONFIG);
    assert_non_null(strstr(error.message, "/nonexistent/chancery.conf"));
}

/* Nothing is ever cut: what inih's line does not hold is an error, and a value goes on in indented lines. */
static void long_lines(void **state)
{
    struct error error = ERROR_NONE;
    struct conf *conf = NULL;
    struct buf text = BUF_EMPTY;
    char longest[600];

    memset(longest, 'x', sizeof longest);
    longest[191] = '\0'; /* "name = " and 191 make 198 */
    buf_printf(&text, "[ca]\nname = %s\n", longest);
    assert_int_equal(load(buf_text(&text), text.size, &conf, &error), OK);
    assert_string_equal(conf_text(conf, "ca", "name"), longest);
    conf_free(conf);
    buf_clear(&text);
    buf_printf(&text, "[ca]\nname = %sx\n", longest);
    assert_int_equal(load(buf_text(&text), text.size, &conf, &error), BAD_CONFIG);
    assert_non_null(strstr(error.message, ":2:"));
    buf_clear(&text);
    buf_printf(&text, "[ca]\nname = %s\n  %.100s\n", longest, longest);
    assert_int_equal(load(buf_text(&text), text.size, &conf, &error), OK);
    assert_int_equal(strlen(conf_text(conf, "ca", "name")), 191 + 1 + 100);
    conf_free(conf);
    /* The second part of a long comment is no item. */
    memset(longest, 'x', sizeof longest);
    longest[599] = '\0';
    buf_clear(&text);
    buf_printf(&text, "# %s name = evil\n[ca]\n", longest);
    assert_int_equal(load(buf_text(&text), text.size, &conf, &error), OK);
    assert_string_equal(conf_text(conf, "ca", "name"), "EXAMPLE");
    conf_free(conf);
    buf_clear(&text);
    buf_printf(&text, "[usage.%.60s]\nekus = 1.2\n", longest);
    assert_int_equal(load(buf_text(&text), text.size, &conf, &error), BAD_CONFIG);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(long_lines),
    };
    int fd = mkstemp(path), failed;

    if (fd < 0)
        return 1;
    close(fd);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
