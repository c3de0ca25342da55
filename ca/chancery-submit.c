/* chancery-submit: certmonger's helper. certmonger starts it for each step of a certificate that it tracks, says in the environment
 * which, and reads standard output and exit status (chancery-submit(8)). The daemon is asked over its socket, as the account that
 * certmonger runs as; nothing is kept here, a pending request's number is certmonger's cookie. */
#include "config.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/base/encode.h"
#include "ca/base/text.h"
#include "ca/client.h"
#include "ca/client_conf.h"

enum answer { /* of a helper, as certmonger wants it */
    ANSWER_ISSUED = 0,
    ANSWER_REJECTED = 2,
    ANSWER_UNREACHABLE = 3, /* certmonger tries again by itself */
    ANSWER_UNCONFIGURED = 4,
    ANSWER_WAIT = 5, /* seconds, then the cookie */
    ANSWER_UNSUPPORTED = 6
};

struct submit {
    const char *conf_path, *socket_path, *host, *template;
    uint64_t poll_s;
    struct client *client;
    struct error error;
};

#define POLL_S 300

/* ---- what goes wrong ---- */

/* certmonger shows what stands on standard output as the CA's error. */
static int failed(const struct error *error)
{
    char *safe = text_safe(error->message);

    puts(safe != NULL ? safe : "out of memory");
    free(safe);
    switch (error->status) {
    case UNREACHABLE:
    case TEMPORARY:
    case INTERNAL:
        return ANSWER_UNREACHABLE;
    case BAD_CONFIG:
    case USAGE:
        return ANSWER_UNCONFIGURED;
    default:
        return ANSWER_REJECTED;
    }
}

static int rejected(const char *reason, const char *message)
{
    struct error error = ERROR_NONE;

    error_set(&error, DENIED, reason, "%s", message);
    return failed(&error);
}

/* ---- a request ---- */

static int print_certificate(struct submit *submit, const char *id)
{
    struct buf path = BUF_EMPTY, pem = BUF_EMPTY;
    int status;

    client_path_start(&path, "/v1/requests/%s/certificate", id);
    client_path_query(&path, "format", "pem");
    status = client_get_bytes(submit->client, buf_text(&path), &pem, &submit->error);
    if (status == OK)
        fwrite(pem.data, 1, pem.size, stdout);
    buf_free(&path);
    buf_free(&pem);
    return status == OK ? ANSWER_ISSUED : failed(&submit->error);
}

static int outcome(struct submit *submit, const json_t *answer)
{
    const char *disposition = client_text(answer, "disposition");
    char id[24];

    snprintf(id, sizeof id, "%lld", (long long)client_number(answer, "id"));
    if (strcmp(disposition, "issued") == 0)
        return print_certificate(submit, id);
    if (strcmp(disposition, "pending") == 0 || strcmp(disposition, "active") == 0 || strcmp(disposition, "issuing") == 0) {
        printf("%llu\n%s\n", (unsigned long long)submit->poll_s, id);
        return ANSWER_WAIT;
    }
    if (*client_text(answer, "message") != '\0')
        return rejected(client_text(answer, "reason"), client_text(answer, "message"));
    return rejected("request.state", disposition);
}

static int operation_submit(struct submit *submit)
{
    const char *csr = getenv("CERTMONGER_CSR"), *profile = getenv("CERTMONGER_CA_PROFILE");
    const char *template = profile != NULL && *profile != '\0' ? profile : submit->template;
    json_t *body, *answer = NULL;

    if (csr == NULL || *csr == '\0')
        return rejected("submit.csr", "certmonger gave no request (CERTMONGER_CSR)") == ANSWER_REJECTED ? ANSWER_UNCONFIGURED : ANSWER_REJECTED;
    body = json_pack("{s:s}", "pkcs10", csr);
    if (body != NULL && template != NULL)
        json_object_set_new(body, "template", json_string(template));
    int status = body != NULL ? client_call(submit->client, "POST", "/v1/requests", body, &answer, &submit->error)
                              : error_set(&submit->error, BAD_DATA, "submit.csr", "the request of certmonger is no text");
    int result = status == OK ? outcome(submit, answer) : failed(&submit->error);
    json_decref(body);
    json_decref(answer);
    return result;
}

static int operation_poll(struct submit *submit)
{
    const char *cookie = getenv("CERTMONGER_CA_COOKIE");
    struct buf path = BUF_EMPTY;
    json_t *answer = NULL;
    uint64_t id;

    if (cookie == NULL || number_parse(cookie, &id) != OK)
        return rejected("submit.cookie", "certmonger gave no number of a request (CERTMONGER_CA_COOKIE)");
    client_path_start(&path, "/v1/requests/%s", cookie);
    int status = client_call(submit->client, "GET", buf_text(&path), NULL, &answer, &submit->error);
    int result = status == OK ? outcome(submit, answer) : failed(&submit->error);
    json_decref(answer);
    buf_free(&path);
    return result;
}

/* ---- what certmonger asks of the CA itself ---- */

static int ca_info(struct submit *submit, json_t **info)
{
    return client_call(submit->client, "GET", "/v1/info", NULL, info, &submit->error) == OK ? ANSWER_ISSUED : failed(&submit->error);
}

static int operation_identify(struct submit *submit)
{
    (void)submit;
    puts("Chancery (chancery-submit " PACKAGE_VERSION ")");
    return ANSWER_ISSUED;
}

/* "NAME\nPEM" a certificate: first those that end in themselves, after an empty line twice the ones between. */
static void print_roots(const char *name, const json_t *info)
{
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(info, "certificates"), i, row)
        printf("%s %lld\n%s", name, (long long)client_number(row, "index"), client_text(row, "pem"));
}

static int operation_roots(struct submit *submit)
{
    json_t *info = NULL;
    int result = ca_info(submit, &info);
    const char *chain, *next;

    if (result == ANSWER_ISSUED) {
        char *name = text_safe(client_text(info, "name"));
        print_roots(name != NULL ? name : "CA", info);
        /* what stands above a subordinate: the chain begins with our own */
        chain = client_text(info, "chain");
        for (unsigned n = 0; (next = strstr(chain, "-----END CERTIFICATE-----")) != NULL; n++) {
            next += strlen("-----END CERTIFICATE-----");
            if (n > 0)
                printf("%s parent %u\n%.*s\n", name != NULL ? name : "CA", n, (int)(next - chain), chain);
            chain = next + strspn(next, "\r\n");
        }
        free(name);
    }
    json_decref(info);
    return result;
}

static int operation_templates(struct submit *submit)
{
    json_t *info = NULL;
    int result = ca_info(submit, &info);
    const json_t *name;
    size_t i;

    json_array_foreach(json_object_get(info, "templates"), i, name) {
        char *safe = json_is_string(name) ? text_safe(json_string_value(name)) : NULL;
        if (safe != NULL)
            puts(safe);
        free(safe);
    }
    json_decref(info);
    return result;
}

static int operation_default_template(struct submit *submit)
{
    if (submit->template != NULL)
        puts(submit->template);
    return ANSWER_ISSUED;
}

static int operation_requirements(struct submit *submit)
{
    (void)submit;
    puts("CERTMONGER_CSR");
    return ANSWER_ISSUED;
}

static const struct {
    const char *name;
    int (*run)(struct submit *submit);
} operations[] = {
    {"SUBMIT", operation_submit},
    {"POLL", operation_poll},
    {"IDENTIFY", operation_identify},
    {"FETCH-ROOTS", operation_roots},
    {"GET-SUPPORTED-TEMPLATES", operation_templates},
    {"GET-DEFAULT-TEMPLATE", operation_default_template},
    {"GET-NEW-REQUEST-REQUIREMENTS", operation_requirements},
    {"GET-RENEW-REQUEST-REQUIREMENTS", operation_requirements},
};

static int operation(struct submit *submit, const char *name)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (strcmp(operations[i].name, name) == 0)
            return operations[i].run(submit);
    return ANSWER_UNSUPPORTED;
}

/* ---- the program ---- */

static const char help[] =
    "usage: chancery-submit [-c FILE] [--socket PATH | --host NAME] [--template NAME] [--poll SECONDS]\n"
    "certmonger starts it; tell certmonger of it with:\n"
    "  getcert add-ca -c Chancery -e 'PATH/chancery-submit'\n"
    "  -c FILE          configuration that names the socket (default: $CHANCERY_CONF, else the built-in place)\n"
    "  --socket PATH    the daemon's socket\n"
    "  --host NAME      the daemon on another host, through ssh\n"
    "  --template NAME  where getcert is given none (-T)\n"
    "  --poll SECONDS   how often certmonger asks for a pending request (300)\n"
    "See chancery-submit(8).\n";

enum { OPTION_SOCKET = 256, OPTION_HOST, OPTION_TEMPLATE, OPTION_POLL, OPTION_VERSION };

static int options_read(struct submit *submit, int argc, char **argv)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, OPTION_SOCKET}, {"host", required_argument, NULL, OPTION_HOST},
        {"template", required_argument, NULL, OPTION_TEMPLATE}, {"poll", required_argument, NULL, OPTION_POLL},
        {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, OPTION_VERSION}, {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
        switch (option) {
        case 'c': submit->conf_path = optarg; break;
        case OPTION_SOCKET: submit->socket_path = optarg; break;
        case OPTION_HOST: submit->host = optarg; break;
        case OPTION_TEMPLATE: submit->template = optarg; break;
        case OPTION_POLL:
            if (number_parse(optarg, &submit->poll_s) != OK || submit->poll_s < 1 || submit->poll_s > 86400)
                return error_set(&submit->error, USAGE, "cli.usage", "--poll takes 1 to 86400 seconds");
            break;
        case 'h': fputs(help, stdout); return -1;
        case OPTION_VERSION: puts("chancery-submit " PACKAGE_VERSION); return -1;
        default: return error_set(&submit->error, USAGE, "cli.usage", "see chancery-submit --help");
        }
    if (optind < argc)
        return error_set(&submit->error, USAGE, "cli.usage", "chancery-submit takes no operands: certmonger says by its environment what is to be done");
    if (submit->host != NULL && submit->socket_path != NULL)
        return error_set(&submit->error, USAGE, "cli.usage", "--socket and --host exclude each other");
    return OK;
}

static int run(struct submit *submit)
{
    const char *name = getenv("CERTMONGER_OPERATION");
    char *socket_path = NULL;
    int status = OK, result;

    if (name == NULL || *name == '\0') {
        fputs(help, stderr);
        return USAGE;
    }
    if (submit->socket_path == NULL && submit->host == NULL)
        status = client_conf_socket(submit->conf_path, &socket_path, &submit->error);
    struct client_options options = {.socket_path = submit->socket_path != NULL ? submit->socket_path : socket_path, .host = submit->host,
                                     .timeout_ms = 60000};
    if (status == OK && (submit->client = client_open(&options)) == NULL)
        status = error_memory(&submit->error);
    result = status == OK ? operation(submit, name) : failed(&submit->error);
    client_close(submit->client);
    free(socket_path);
    return result;
}

int main(int argc, char **argv)
{
    struct submit submit = {.poll_s = POLL_S};
    int status = options_read(&submit, argc, argv);

    if (status == -1)
        return OK;
    if (status != OK) {
        fprintf(stderr, "chancery-submit: %s\n", submit.error.message);
        return USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    status = run(&submit);
    if (fflush(stdout) != 0 || ferror(stdout) != 0)
        return ANSWER_UNREACHABLE; /* certmonger did not read it: it asks again */
    return status;
}
