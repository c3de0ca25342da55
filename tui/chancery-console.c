/* chancery-console: options, where the authority is, and one of the three ways to run (terminal, --plain, --script). */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/client_conf.h"
#include "ca/base/clock.h"
#include "ca/base/file.h"
#include "tui/grid.h"
#include "tui/loop.h"
#include "tui/render.h"
#include "tui/script.h"

struct options {
    const char *conf, *socket_path, *host, *theme, *fixture, *script, *dump, *size, *clock;
    bool read_only, plain;
    char *conf_socket; /* owned */
    int64_t now;
};

enum { OPTION_SOCKET = 256, OPTION_HOST, OPTION_THEME, OPTION_FIXTURE, OPTION_SCRIPT, OPTION_DUMP, OPTION_SIZE, OPTION_CLOCK,
       OPTION_READ_ONLY, OPTION_PLAIN, OPTION_HELP, OPTION_VERSION };

static const struct option long_options[] = {
    {"socket", required_argument, NULL, OPTION_SOCKET},   {"host", required_argument, NULL, OPTION_HOST},
    {"theme", required_argument, NULL, OPTION_THEME},     {"fixture", required_argument, NULL, OPTION_FIXTURE},
    {"script", required_argument, NULL, OPTION_SCRIPT},   {"dump", required_argument, NULL, OPTION_DUMP},
    {"size", required_argument, NULL, OPTION_SIZE},       {"clock", required_argument, NULL, OPTION_CLOCK},
    {"read-only", no_argument, NULL, OPTION_READ_ONLY},   {"plain", no_argument, NULL, OPTION_PLAIN},
    {"help", no_argument, NULL, OPTION_HELP},             {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static const char usage[] =
    "usage: chancery-console [-c FILE] [--socket PATH | --host NAME] [--read-only] [--plain] [--theme NAME]\n"
    "                        [--script KEYS [--size WxH] [--clock TIME] [--dump FILE]]\n"
    "? in the console shows its keys; the manual is chancery-console(1).\n";

static void option_take(struct options *options, int option, const char *value) {
    const struct {
        int option;
        const char **to;
    } texts[] = {{'c', &options->conf}, {OPTION_SOCKET, &options->socket_path}, {OPTION_HOST, &options->host},
                 {OPTION_THEME, &options->theme}, {OPTION_FIXTURE, &options->fixture}, {OPTION_SCRIPT, &options->script},
                 {OPTION_DUMP, &options->dump}, {OPTION_SIZE, &options->size}, {OPTION_CLOCK, &options->clock}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].option == option)
            *texts[i].to = value;
    options->read_only |= option == OPTION_READ_ONLY;
    options->plain |= option == OPTION_PLAIN;
}

static int options_read(int argc, char **argv, struct options *options, bool *done) {
    int option;
    while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) != -1) {
        if (option == OPTION_HELP || option == OPTION_VERSION) {
            fputs(option == OPTION_HELP ? usage : "chancery-console " PACKAGE_VERSION "\n", stdout);
            *done = true;
            return OK;
        }
        if (option == '?')
            return USAGE;
        option_take(options, option, optarg);
    }
    return optind == argc ? OK : USAGE;
}

/* The configuration is the daemon's to judge; the console wants to know where its socket is, and may be unable to read more. */
static int socket_find(struct options *options, struct error *error) {
    if (options->socket_path != NULL && options->host != NULL)
        return error_set(error, USAGE, "console.usage", "--socket and --host exclude each other.");
    if (options->socket_path != NULL || options->host != NULL || options->fixture != NULL)
        return OK;
    int status = client_conf_socket(options->conf, &options->conf_socket, error);
    options->socket_path = options->conf_socket;
    return status;
}

static int transport_open(void *argument, struct transport *out, struct error *error) {
    const struct options *options = argument;
    if (options->fixture != NULL)
        return transport_fixture_open(options->fixture, options->now, out, error);
    return transport_client_open(options->socket_path, options->host, out, error);
}

static int dump_write(const struct model *model, const char *path, struct error *error) {
    struct grid grid;
    struct buf text = BUF_EMPTY;
    int status = OK;
    if (!grid_open(&grid, model->rows, model->cols, model->utf8))
        return error_memory(error);
    render(model, &grid);
    grid_dump(&grid, &text);
    if (strcmp(path, "-") == 0)
        fwrite(text.data, 1, text.size, stdout);
    else
        status = file_write(path, buf_bytes(&text), 0644, true, error);
    buf_free(&text);
    grid_free(&grid);
    return status;
}

static int run_script(struct options *options, struct model *model, struct error *error) {
    struct transport transport = {NULL, NULL, NULL, NULL};
    bool quit = false;
    if (size_parse(options->size != NULL ? options->size : "80x24", &model->cols, &model->rows) != OK)
        return error_set(error, USAGE, "console.size", "--size wants columns and rows, 80x24, not %s.", options->size);
    int status = transport_open(options, &transport, error);
    if (status == OK) {
        script_event(model, &transport, &(struct tui_event){.kind = EVENT_START, .now = options->now});
        status = script_run(model, &transport, options->script, &quit, error);
    }
    if (status == OK && options->dump != NULL)
        status = dump_write(model, options->dump, error);
    transport_close(&transport);
    return status;
}

static int run_plain(struct options *options, struct model *model, struct error *error) {
    struct transport transport = {NULL, NULL, NULL, NULL};
    int status = transport_open(options, &transport, error);
    if (status == OK)
        status = plain_run(model, &transport, stdin, stdout);
    transport_close(&transport);
    return status;
}

static int run_terminal(struct options *options, struct model *model, struct error *error) {
    struct screen_options screen = {.in = stdin, .out = stdout, .theme = options->theme};
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return error_set(error, USAGE, "console.terminal", "This is not a terminal. --plain works with lines, --script without anybody.");
    struct worker *worker = worker_open(transport_open, options);
    if (worker == NULL)
        return error_memory(error);
    int status = loop_run(model, worker, &screen, error);
    worker_close(worker);
    return status;
}

int main(int argc, char **argv) {
    struct options options = {.now = clock_now()};
    struct error error = ERROR_NONE;
    struct model model;
    bool done = false;
    setlocale(LC_ALL, "");
    if (options_read(argc, argv, &options, &done) != OK ||
        (options.clock != NULL && time_parse(options.clock, clock_now(), &options.now) != OK)) {
        fputs(usage, stderr);
        return USAGE;
    }
    if (done)
        return OK;
    int status = socket_find(&options, &error);
    model_open(&model, 24, 80, strcmp(nl_langinfo(CODESET), "UTF-8") == 0, options.read_only, options.now);
    if (status == OK)
        status = options.script != NULL ? run_script(&options, &model, &error)
                 : options.plain        ? run_plain(&options, &model, &error)
                                        : run_terminal(&options, &model, &error);
    if (status != OK)
        fprintf(stderr, "chancery-console: %s\n", error.message);
    model_free(&model);
    free(options.conf_socket);
    return status;
}
