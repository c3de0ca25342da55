/* The command line's table, options and output; its completion; the whole of it against hostile rows. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/base/file.h"
#include "ca/chancery_cli.h"
#include "ca/client_conf.h"

/* A call without a daemon, its output in memory. */
struct bench {
    struct cli *cli;
    char *text;
    size_t size;
};

static void bench_start(struct bench *bench)
{
    bench->cli = calloc(1, sizeof *bench->cli);
    bench->cli->out = open_memstream(&bench->text, &bench->size);
}

static const char *bench_text(struct bench *bench)
{
    fflush(bench->cli->out);
    return bench->text;
}

static void bench_end(struct bench *bench)
{
    fclose(bench->cli->out);
    free(bench->text);
    free(bench->cli->operands);
    free(bench->cli);
}

#define WORDS_MAX 16
static int parse(struct bench *bench, const char *line)
{
    static char *words[WORDS_MAX + 1];
    static struct strings list;
    int taken = 0;

    strings_free(&list);
    memset(words, 0, sizeof words);
    strings_split(&list, line, " ");
    for (size_t i = 0; i < list.count && i < WORDS_MAX; i++)
        words[i] = list.items[i];
    bench_start(bench);
    bench->cli->command = command_find(words, (int)list.count, &taken, &bench->cli->error);
    if (bench->cli->command == NULL)
        return USAGE;
    return options_read(bench->cli, words + taken, (int)list.count - taken);
}

static void test_parse(void **state)
{
    static const char *const good[] = {
        "info", "crl publish --delta --if-due", "crl publish --if-due", "revoke sn:1a --reason keyCompromise --invalid-since -3d",
        "submit a.csr b.csr --attr a:b --attr=c:d -q", "submit -", "submit -- --odd.csr", "template import --samples --base dc=x -- -Y EXTERNAL",
        "assign 17 Default Web --host h", "list --json --name=web*", "help", "help template lint"};
    static const char *const bad[] = {
        "", "crl", "crl frob", "inf", "info extra", "retrieve", "retrieve 1 2", "deny", "list --frob", "list --limit", "list --all=1",
        "list --limit 1 --limit 2", "list -x", "assign 17", "help a b c", "--json"};
    struct bench bench;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (parse(&bench, good[i]) != OK)
            fail_msg("%s: %s", good[i], bench.cli->error.message);
        bench_end(&bench);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (parse(&bench, bad[i]) != USAGE)
            fail_msg("%s is taken", bad[i]);
        bench_end(&bench);
    }
}

static void test_values(void **state)
{
    struct bench bench;
    struct strings list = {NULL, 0};
    char at[21];
    bool given;

    (void)state;
    assert_int_equal(parse(&bench, "submit a.csr --attr a:b --attr=c:d --out x -q -- -b.csr"), OK);
    assert_int_equal(option_list(bench.cli, "attr", &list), OK);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[1], "c:d");
    assert_string_equal(option_value(bench.cli, "out"), "x");
    assert_null(option_value(bench.cli, "template"));
    assert_true(bench.cli->quiet);
    assert_int_equal(bench.cli->operand_count, 2);
    assert_string_equal(bench.cli->operands[1], "-b.csr");
    assert_int_equal(bench.cli->before_dashes, 1);
    strings_free(&list);
    bench_end(&bench);
    assert_int_equal(parse(&bench, "revoke 1 --at 2026-01-20T08:12:09+01:00 --invalid-since gone"), OK);
    assert_int_equal(option_time(bench.cli, "at", at, &given), OK);
    assert_true(given);
    assert_string_equal(at, "2026-01-20T07:12:09Z");
    assert_int_equal(option_time(bench.cli, "invalid-since", at, &given), USAGE);
    assert_non_null(strstr(bench.cli->error.message, "chancery revoke [OBJECT]"));
    bench_end(&bench);
}

static void test_near(void **state)
{
    struct bench bench;

    (void)state;
    assert_int_equal(parse(&bench, "trust"), USAGE);
    assert_non_null(strstr(bench.cli->error.message, "trust list, trust import"));
    bench_end(&bench);
}

/* What COMMANDS promises of this release stands in the table, and every row can be helped with. */
static void test_table(void **state)
{
    struct bench bench;

    (void)state;
    for (const struct command *a = commands; a->name != NULL; a++) {
        assert_non_null(a->run);
        assert_true(a->max == -1 || a->max >= a->min);
        for (const struct command *b = a + 1; b->name != NULL; b++)
            assert_string_not_equal(a->name, b->name);
        for (const struct option_row *row = a->options; row->name != NULL; row++) {
            assert_int_equal(row->kind == OPTION_FLAG, row->value == NULL);
            assert_string_not_equal(row->name, "json");
            for (const struct option_row *other = row + 1; other->name != NULL; other++)
                assert_string_not_equal(row->name, other->name);
        }
    }
    assert_int_equal(parse(&bench, "help crl"), OK);
    assert_int_equal(bench.cli->command->run(bench.cli), OK);
    assert_non_null(strstr(bench_text(&bench), "chancery crl publish [--delta] [--if-due]\n"));
    assert_non_null(strstr(bench_text(&bench), "chancery crl get"));
    bench_end(&bench);
    assert_int_equal(parse(&bench, "help nothing"), OK);
    assert_int_equal(bench.cli->command->run(bench.cli), USAGE);
    bench_end(&bench);
}

static void test_completion(void **state)
{
    struct bench bench;
    struct buf path = BUF_EMPTY, file = BUF_EMPTY, table = BUF_EMPTY;

    (void)state;
    assert_int_equal(parse(&bench, "help --table"), OK);
    assert_int_equal(bench.cli->command->run(bench.cli), OK);
    buf_printf(&table, "_chancery_table='\n%s'\n", bench_text(&bench));
    buf_printf(&path, "%s/conf/completion/chancery", getenv("top_srcdir") != NULL ? getenv("top_srcdir") : ".");
    assert_int_equal(file_read(buf_text(&path), 1 << 20, &file, NULL), OK);
    if (strstr(buf_text(&file), buf_text(&table)) == NULL)
        fail_msg("conf/completion/chancery has not the table of `chancery help --table`");
    buf_free(&path);
    buf_free(&file);
    buf_free(&table);
    bench_end(&bench);
}

static const struct column columns[] = {{"ID", "id", 0}, {"NAME", "name", 8}, {"LIST", "list", 0}, {NULL, NULL, 0}};

static void test_table_output(void **state)
{
    struct bench bench;
    json_t *rows = json_pack("[{s:i, s:s, s:[s, s]}, {s:i, s:s, s:n}]", "id", 1, "name", "a\033[2J\nforged", "list", "x", "y", "id", 22,
                             "name", "\xe2\x80\xae" "evil", "list");

    (void)state;
    bench_start(&bench);
    out_table(bench.cli, rows, columns, true);
    const char *text = bench_text(&bench);
    assert_null(strchr(text, '\033'));
    assert_null(strstr(text, "\xe2\x80\xae"));
    assert_non_null(strstr(text, "x, y\n"));
    size_t lines = 0;
    for (const char *at = text; *at != '\0'; at++)
        lines += *at == '\n';
    assert_int_equal(lines, 3);
    bench_end(&bench);
    json_decref(rows);
}

static void test_csv(void **state)
{
    struct bench bench;
    json_t *rows = json_pack("[{s:i, s:s, s:[]}]", "id", 1, "name", "=cmd(\"x\"),1", "list");

    (void)state;
    bench_start(&bench);
    out_csv(bench.cli, rows, columns, true);
    assert_string_equal(bench_text(&bench), "\"id\",\"name\",\"list\"\r\n\"1\",\"'=cmd(\"\"x\"\"),1\",\"\"\r\n");
    bench_end(&bench);
    json_decref(rows);
}

static void test_json(void **state)
{
    struct bench bench;
    json_t *value = json_pack("{s:s}", "a", "\033\xe2\x80\xae");

    (void)state;
    bench_start(&bench);
    out_json(bench.cli, value);
    for (const char *at = bench_text(&bench); *at != '\0'; at++)
        assert_true((*at >= ' ' && *at <= '~') || *at == '\n');
    bench_end(&bench);
    json_decref(value);
}

static void test_write(void **state)
{
    struct bench bench;
    char folder[] = "/tmp/chancery-cli-XXXXXX";
    struct buf path = BUF_EMPTY;

    (void)state;
    assert_non_null(mkdtemp(folder));
    buf_printf(&path, "%s/out", folder);
    assert_int_equal(parse(&bench, "retrieve 1"), OK);
    assert_int_equal(cli_write(bench.cli, buf_text(&path), bytes_of_text("one"), 0644), OK);
    assert_int_equal(cli_write(bench.cli, buf_text(&path), bytes_of_text("two"), 0644), CANNOT_WRITE);
    assert_non_null(strstr(bench.cli->error.message, "--force"));
    bench_end(&bench);
    assert_int_equal(parse(&bench, "retrieve 1 --force"), OK);
    assert_int_equal(cli_write(bench.cli, buf_text(&path), bytes_of_text("two"), 0644), OK);
    assert_int_equal(cli_write(bench.cli, "/nonexistent/x", bytes_of_text("two"), 0644), CANNOT_WRITE);
    bench_end(&bench);
    remove(buf_text(&path));
    remove(folder);
    buf_free(&path);
}

static void test_import(void **state)
{
    struct bench bench;
    const char *source = getenv("top_srcdir") != NULL ? getenv("top_srcdir") : ".";

    (void)state;
    setenv("CHANCERY_DATADIR", source, 1);
    assert_int_equal(parse(&bench, "template import --samples --base dc=corp,dc=test"), OK);
    assert_int_equal(bench.cli->command->run(bench.cli), OK);
    assert_null(strstr(bench_text(&bench), "dc=example"));
    assert_non_null(strstr(bench_text(&bench), "dn: cn=User,cn=templates,ou=pki,dc=corp,dc=test\n"));
    bench_end(&bench);
    assert_int_equal(parse(&bench, "template import --samples --base nonsense"), OK);
    assert_int_equal(bench.cli->command->run(bench.cli), USAGE);
    bench_end(&bench);
    assert_int_equal(parse(&bench, "template import --samples file --base dc=x"), OK);
    assert_int_equal(bench.cli->command->run(bench.cli), USAGE);
    bench_end(&bench);
}

static void test_socket_of_configuration(void **state)
{
    char path[] = "/tmp/chancery-conf-XXXXXX";
    struct error error = ERROR_NONE;
    char *found = NULL;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, "[ca]\nname = X\n[api]\nsocket = /x/y\n", 34), OK);
    close(fd);
    assert_int_equal(client_conf_socket(path, &found, &error), OK);
    assert_string_equal(found, "/x/y");
    free(found);
    unlink(path);
    unsetenv("CHANCERY_CONF");
    if (access(CHANCERY_SYSCONFDIR "/chancery.conf", F_OK) != 0) { /* the built-in place need not be there */
        assert_int_equal(client_conf_socket(NULL, &found, &error), OK);
        assert_null(found);
    }
    assert_int_equal(client_conf_socket(path, &found, &error), BAD_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse), cmocka_unit_test(test_values), cmocka_unit_test(test_near), cmocka_unit_test(test_table),
        cmocka_unit_test(test_completion), cmocka_unit_test(test_table_output), cmocka_unit_test(test_csv), cmocka_unit_test(test_json),
        cmocka_unit_test(test_write), cmocka_unit_test(test_import), cmocka_unit_test(test_socket_of_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
