/* publish/file.c: whole files or none, links replaced and never followed, an older CRL never wins. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/base/file.h"
#include "ca/module.h"
#include "publish/crl_compare.h"
#include "tests/unit/publish_crl.h"

extern const struct chancery_module chancery_module;
static char folder[64];
static void *opened;

static const struct conf_item ca_items[] = {{"ca", "name", CONF_TEXT, NULL, "", 0, 0}, {NULL, NULL, CONF_TEXT, NULL, NULL, 0, 0}};

static struct conf *conf_of(const char *more)
{
    const struct conf_item *const tables[] = {ca_items, chancery_module.items, NULL};
    char path[] = "/tmp/chancery-conf-XXXXXX";
    struct conf *conf = NULL;
    struct error error = ERROR_NONE;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    dprintf(fd, "[ca]\nname = ../A/CA\n[publish.file]\ndirectory = %s\n%s", folder, more);
    close(fd);
    if (conf_load(path, tables, &conf, &error) != OK)
        fail_msg("%s", error.message);
    unlink(path);
    return conf;
}

static int fresh(void **state)
{
    struct conf *conf;
    struct error error = ERROR_NONE;

    snprintf(folder, sizeof folder, "/tmp/chancery-file-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    conf = conf_of("");
    if (chancery_module.open(conf, &opened, &error) != OK)
        fail_msg("%s", error.message);
    conf_free(conf);
    return 0;
}

static int clean(void **state)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;

    chancery_module.close(opened);
    while (directory && (entry = readdir(directory)))
        if (entry->d_name[0] != '.' || strlen(entry->d_name) > 2)
            unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    return rmdir(folder);
}

static enum chancery_outcome deliver(struct event event, char message[256])
{
    struct chancery_delivery delivery = {.event = &event};

    chancery_module.notify(opened, &delivery, 1);
    if (message)
        memcpy(message, delivery.message, 256);
    return delivery.outcome;
}

static enum chancery_outcome deliver_crl(char issuer, uint8_t number, unsigned key_index, bool delta)
{
    struct event event = {.kind = EVENT_CRL_ISSUED, .crl_number = number, .key_index = key_index, .delta = delta};
    struct buf crl = BUF_EMPTY;
    enum chancery_outcome outcome;

    crl_make(&crl, issuer, number);
    event.crl_fd = crl_descriptor_of(&crl);
    outcome = deliver(event, NULL);
    close(event.crl_fd);
    buf_free(&crl);
    return outcome;
}

static char *path_of(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void assert_crl(const char *name, char issuer, uint8_t number)
{
    struct buf expected = BUF_EMPTY, there = BUF_EMPTY;

    crl_make(&expected, issuer, number);
    assert_int_equal(file_read(path_of(name), 10000, &there, NULL), OK);
    assert_true(bytes_equal(buf_bytes(&expected), buf_bytes(&there)));
    buf_free(&expected);
    buf_free(&there);
}

static void names_stay_in_the_folder(void **state)
{
    uint8_t der[] = {0x30, 0};
    struct event event = {.kind = EVENT_CA_CERTIFICATE, .certificate = der, .certificate_size = 2, .crl_fd = -1};

    assert_int_equal(deliver(event, NULL), CHANCERY_DONE);
    assert_int_equal(access(path_of("_._A_CA.crt"), R_OK), 0);
    event.key_index = 1;
    assert_int_equal(deliver(event, NULL), CHANCERY_DONE);
    assert_int_equal(access(path_of("_._A_CA(1).crt"), R_OK), 0);
    assert_int_equal(deliver_crl('A', 1, 1, true), CHANCERY_DONE);
    assert_crl("_._A_CA(1)+.crl", 'A', 1);
}

static void an_older_crl_never_wins(void **state)
{
    struct stat before, after;

    assert_int_equal(deliver_crl('A', 5, 0, false), CHANCERY_DONE);
    assert_int_equal(stat(path_of("_._A_CA.crl"), &before), 0);
    assert_int_equal(before.st_mode & 07777, 0644);
    assert_int_equal(deliver_crl('A', 5, 0, false), CHANCERY_DONE); /* a second time: not written again */
    assert_int_equal(stat(path_of("_._A_CA.crl"), &after), 0);
    assert_true(before.st_ino == after.st_ino);
    assert_int_equal(deliver_crl('A', 4, 0, false), CHANCERY_GIVE_UP);
    assert_crl("_._A_CA.crl", 'A', 5);
    assert_int_equal(deliver_crl('B', 9, 0, false), CHANCERY_RETRY); /* another CA's file: not ours to replace */
    assert_crl("_._A_CA.crl", 'A', 5);
    assert_int_equal(deliver_crl('A', 6, 0, false), CHANCERY_DONE);
    assert_crl("_._A_CA.crl", 'A', 6);
}

static void links_are_replaced_not_followed(void **state)
{
    char victim[] = "/tmp/chancery-victim-XXXXXX";
    struct stat info;
    int fd = mkstemp(victim);

    assert_int_equal(write(fd, "precious", 8), 8);
    assert_int_equal(symlink(victim, path_of("_._A_CA.crl")), 0);
    assert_int_equal(symlink(victim, path_of(".chancery-publish.new")), 0);
    assert_int_equal(deliver_crl('A', 1, 0, false), CHANCERY_DONE);
    assert_crl("_._A_CA.crl", 'A', 1);
    assert_int_equal(lstat(path_of("_._A_CA.crl"), &info), 0);
    assert_true(S_ISREG(info.st_mode));
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(info.st_size, 8);
    assert_int_equal(lstat(path_of(".chancery-publish.new"), &info), -1);
    close(fd);
    unlink(victim);
}

static void odd_things_in_the_way(void **state)
{
    assert_int_equal(mkfifo(path_of("_._A_CA.crl"), 0600), 0); /* would block a careless reader for ever */
    assert_int_equal(deliver_crl('A', 1, 0, false), CHANCERY_DONE);
    assert_crl("_._A_CA.crl", 'A', 1);
    assert_int_equal(truncate(path_of("_._A_CA.crl"), 20), 0); /* half a CRL */
    assert_int_equal(deliver_crl('A', 1, 0, false), CHANCERY_DONE);
    assert_crl("_._A_CA.crl", 'A', 1);
    assert_int_equal(chmod(folder, 0777), 0);
    assert_int_equal(deliver_crl('A', 2, 0, false), CHANCERY_RETRY);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(deliver_crl('A', 2, 0, false), CHANCERY_DONE);
}

static void what_is_no_crl_is_given_up(void **state)
{
    struct event event = {.kind = EVENT_CRL_ISSUED, .crl_fd = -1};
    struct buf nonsense = BUF_EMPTY;
    char message[256];

    assert_int_equal(deliver(event, message), CHANCERY_GIVE_UP);
    assert_non_null(strstr(message, "without its CRL"));
    buf_add_text(&nonsense, "nonsense");
    event.crl_fd = crl_descriptor_of(&nonsense);
    assert_int_equal(deliver(event, message), CHANCERY_GIVE_UP);
    assert_int_equal(access(path_of("_._A_CA.crl"), F_OK), -1);
    close(event.crl_fd);
    buf_free(&nonsense);
}

static void configurations(void **state)
{
    static const struct {
        const char *text;
        int status;
    } rows[] = {
        {"", OK},
        {"crl_file = ca%K%D.crl\n", OK},
        {"crl_file = ca%K.crl\n", BAD_CONFIG},
        {"crl_file = ../ca%K%D.crl\n", BAD_CONFIG},
        {"ca_file = ca.crt\n", BAD_CONFIG},
        {"ca_file = ca%K%s\n", BAD_CONFIG},
        {"ca_file = ca%K%\n", BAD_CONFIG},
        {"ca_file = ca%K%D.crt\n", BAD_CONFIG},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct conf *conf = conf_of(rows[i].text);
        struct error error = ERROR_NONE;

        assert_int_equal(chancery_module.check(conf, &error), rows[i].status);
        conf_free(conf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_stay_in_the_folder, fresh, clean),
        cmocka_unit_test_setup_teardown(an_older_crl_never_wins, fresh, clean),
        cmocka_unit_test_setup_teardown(links_are_replaced_not_followed, fresh, clean),
        cmocka_unit_test_setup_teardown(odd_things_in_the_way, fresh, clean),
        cmocka_unit_test_setup_teardown(what_is_no_crl_is_given_up, fresh, clean),
        cmocka_unit_test_setup_teardown(configurations, fresh, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
