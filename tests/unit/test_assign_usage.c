/* ca/assign/usage.c: the built-in usages, and what a section may change, add and not say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/assign/usage.h"
#include "ca/base/oid.h"

static int load(const char *text, struct usages *usages, struct error *error)
{
    static const struct conf_item *const tables[] = {usage_items, NULL};
    char path[] = "/tmp/chancery-usage-XXXXXX";
    struct conf *conf = NULL;
    int fd = mkstemp(path), status;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    status = conf_load(path, tables, &conf, error);
    unlink(path);
    assert_int_equal(status, OK);
    status = usages_load(conf, usages, error);
    conf_free(conf);
    return status;
}

static void built_in_usages(void **state)
{
    static const char *const names[] = {"Default", "WebServicesInternal", "WebServicesExternal"};
    struct usages usages;
    struct error error = ERROR_NONE;

    assert_int_equal(load("", &usages, &error), OK);
    assert_int_equal(usages.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(usages.items[i].name, names[i]);
        assert_true(strings_contain(&usages.items[i].ekus, OID_EKU_SERVER_AUTH));
        assert_int_equal(usages.items[i].key_usage, KEY_USAGE_DIGITAL_SIGNATURE);
    }
    assert_true(strings_contain(&usages.items[0].names, "%H"));
    usages_free(&usages);
}

static void a_section_changes_one_and_adds_one(void **state)
{
    struct usages usages;
    struct error error = ERROR_NONE;
    const struct usage *usage;

    assert_int_equal(load("[usage.default]\n"
                          "ekus = serverAuth clientAuth\n"
                          "[usage.OAuthTokenIssuer]\n"
                          "title = signs tokens\n"
                          "ekus = 1.3.6.1.4.1.99999.7\n"
                          "key_usage = digitalSignature nonrepudiation\n"
                          "names = tokens.example.com\n"
                          "hosts = web07.example.com\n",
                          &usages, &error),
                     OK);
    assert_int_equal(usages.count, 4);
    usage = usages_find(&usages, "DEFAULT");
    assert_ptr_equal(usage, &usages.items[0]);
    assert_int_equal(usage->ekus.count, 2);
    assert_string_equal(usage->title, "mutual TLS between servers");
    assert_true(strings_contain(&usage->names, "%H")); /* not given: as built in */
    usage = usages_find(&usages, "oauthtokenissuer");
    assert_ptr_equal(usage, &usages.items[3]);
    assert_string_equal(usage->title, "signs tokens");
    assert_string_equal(usage->ekus.items[0], "1.3.6.1.4.1.99999.7");
    assert_int_equal(usage->key_usage, KEY_USAGE_DIGITAL_SIGNATURE | KEY_USAGE_NON_REPUDIATION);
    assert_string_equal(usage->hosts.items[0], "web07.example.com");
    assert_null(usages_find(&usages, "nothing"));
    usages_free(&usages);
}

static void what_cannot_be_is_refused(void **state)
{
    static const struct {
        const char *text, *reason;
    } rows[] = {
        {"[usage.X]\nekus = serverAuht\n", "usage.eku"},
        {"[usage.X]\nkey_usage = signing\n", "usage.key_usage"},
        {"[usage.X]\nnames = not_a_name\n", "usage.name"},
        {"[usage.a/b]\ntitle = x\n", "usage.section"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct usages usages;
        struct error error = ERROR_NONE;

        assert_int_equal(load(rows[i].text, &usages, &error), BAD_CONFIG);
        assert_string_equal(error.reason, rows[i].reason);
        assert_int_equal(usages.count, 0);
        assert_null(usages.items);
    }
}

static void every_key_usage_has_a_name_and_back(void **state)
{
    static const unsigned bits[] = {0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01, 0x8000};

    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        unsigned bit = 0;

        assert_int_equal(key_usage_parse(key_usage_name(bits[i]), &bit), OK);
        assert_int_equal(bit, bits[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in_usages),
        cmocka_unit_test(a_section_changes_one_and_adds_one),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(every_key_usage_has_a_name_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
