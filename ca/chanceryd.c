/* main: options, configuration, fork, open the store, start; stop in reverse. The one file that knows every part. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ca/api/api.h"
#include "ca/authority.h"
#include "ca/base/clock.h"
#include "ca/base/encode.h"
#include "ca/base/file.h"
#include "ca/base/log.h"
#include "ca/chanceryd_conf.h"
#include "ca/check.h"
#include "ca/directory/directory.h"
#include "ca/emergency.h"
#include "ca/exit/dispatch.h"
#include "ca/init.h"
#include "ca/newkey.h"
#include "ca/process/forker.h"
#include "ca/process/program.h"
#include "ca/process/sandbox.h"
#include "ca/signer/keeper.h"
#include "ca/restore.h"
#include "ca/signer/signer.h"
#include "config.h"

#define STARTED_MAX (2 * EXITS_MAX + EXECS_MAX + 3)

struct daemon {
    struct daemon_conf conf;
    struct signer_process signer_process;
    struct exit_host hosts[EXITS_MAX];
    char host_names[EXITS_MAX][80], host_titles[EXITS_MAX][96];
    struct program exec[EXECS_MAX]; /* programs of policy modules, by their names */
    char exec_names[EXECS_MAX][80], exec_titles[EXECS_MAX][96];
    size_t exec_count;
    struct forker_program programs[EXITS_MAX + EXECS_MAX + 3];
    struct exit_interest interests[EXITS_MAX];
    struct started_file started[STARTED_MAX];
    size_t started_count;
    struct forker *forker;
    struct signer *signer;
    struct store *store;
    struct directory *directory;
    struct authority *authority;
    _Atomic(struct dispatch *) dispatch;
    struct api *api;
    pid_t signer_pid;
    atomic_bool signer_gone, stopping;
    bool policy_opened;
};

struct arguments {
    const char *conf_path;
    bool test, foreground, init, new_key, items;
    struct init_options init_options;
    int (*mode)(const struct daemon_conf *conf, const struct arguments *arguments, struct error *error); /* instead of a daemon */
    char *operand; /* of the mode: a folder; NULL: none */
    bool yes;      /* asks nothing */
    struct emergency_options emergency;
};

/* ---- children ---- */

static void child_ended(void *argument, const char *name, pid_t pid, int wait_status)
{
    struct daemon *daemon = argument;
    if (atomic_load(&daemon->stopping))
        return;
    if (strcmp(name, "signer") == 0) {
        if (atomic_load(&daemon->stopping))
            return;
        log_error("the signer (pid %d) ended: the daemon stops; see the lines above for why", (int)pid);
        atomic_store(&daemon->signer_gone, true);
        kill(getpid(), SIGTERM);
        return;
    }
    struct dispatch *dispatch = atomic_load(&daemon->dispatch);
    if (dispatch)
        dispatch_host_ended(dispatch, name, pid, wait_status);
}

/* Rows for the programs of policy modules, from `row` on. daemon_conf_load has seen that there are not more than fit. */
static void start_programs(struct daemon *daemon, size_t row)
{
    const struct daemon_conf *conf = &daemon->conf;
    for (size_t i = 0; i < policy_count(conf->policy) && daemon->exec_count < EXECS_MAX; i++) {
        const struct chancery_module *module = policy_module(conf->policy, i);
        size_t at = daemon->exec_count;
        if (!module->program)
            continue;
        daemon->exec[at] = (struct program){.path = conf_text(conf->conf, module->program, "program"), .owner = geteuid(),
                                            .timeout_ms = conf_number(conf->conf, module->program, "timeout") * 1000,
                                            .output_max = (size_t)conf_number(conf->conf, module->program, "output")};
        snprintf(daemon->exec_names[at], sizeof daemon->exec_names[at], "policy %s", module->name);
        snprintf(daemon->exec_titles[at], sizeof daemon->exec_titles[at], "chanceryd: policy %s", module->name);
        daemon->programs[row + at] = (struct forker_program){daemon->exec_names[at], conf->exit_uid, conf->exit_gid, program_watch,
                                                             &daemon->exec[at], daemon->exec_titles[at]};
        daemon->exec_count++;
    }
}

/* policy_runner: any thread. */
static int run_program(void *argument, const char *module, struct bytes input, struct chancery_run *run, struct error *error)
{
    static const enum chancery_run_end ends[] = {
        [PROGRAM_EXITED] = CHANCERY_RUN_EXITED,     [PROGRAM_KILLED] = CHANCERY_RUN_KILLED,
        [PROGRAM_TIMEOUT] = CHANCERY_RUN_TIMEOUT,   [PROGRAM_TOO_MUCH] = CHANCERY_RUN_TOO_MUCH,
        [PROGRAM_NOT_STARTED] = CHANCERY_RUN_NOT_STARTED};
    struct daemon *daemon = argument;
    struct program_answer answer;
    char name[80];
    int64_t timeout_ms = 0;
    snprintf(name, sizeof name, "policy %s", module);
    for (size_t i = 0; i < daemon->exec_count; i++)
        if (strcmp(daemon->exec_names[i], name) == 0)
            timeout_ms = daemon->exec[i].timeout_ms;
    int status = program_ask(daemon->forker, name, input, timeout_ms, &daemon->stopping, &answer, error);
    if (!status)
        *run = (struct chancery_run){.end = ends[answer.end], .status = answer.status, .output = answer.output};
    return status;
}

static int start_forker(struct daemon *daemon, struct error *error)
{
    const struct daemon_conf *conf = &daemon->conf;
    daemon->signer_process = (struct signer_process){.conf_path = conf_text(conf->conf, "signer", "conf"),
                                                     .state_path = conf_text(conf->conf, "signer", "state")};
    daemon->programs[0] = (struct forker_program){"signer", conf->signer_uid, conf->signer_gid, signer_process_run,
                                                  &daemon->signer_process, "chanceryd: signer", signer_process_prepare};
    for (size_t i = 0; i < conf->exit_names.count; i++) {
        daemon->hosts[i] = (struct exit_host){.module_directory = conf->module_directory, .name = conf->exit_names.items[i],
                                              .conf = conf->conf};
        snprintf(daemon->host_names[i], sizeof daemon->host_names[i], "exit %s", conf->exit_names.items[i]);
        snprintf(daemon->host_titles[i], sizeof daemon->host_titles[i], "chanceryd: exit %s", conf->exit_names.items[i]);
        daemon->programs[i + 1] = (struct forker_program){daemon->host_names[i], conf->exit_uid, conf->exit_gid, exit_host_run,
                                                          &daemon->hosts[i], daemon->host_titles[i], NULL};
        daemon->interests[i] = (struct exit_interest){conf->exit_names.items[i], conf->exits[i]->event_mask};
    }
    start_programs(daemon, conf->exit_names.count + 1);
    size_t count = conf->exit_names.count + 1 + daemon->exec_count;
    daemon->programs[count] = (struct forker_program){CHECK_PROGRAM, conf->authority_uid, conf->authority_gid, check_process_run, NULL,
                                                      "chanceryd: check", NULL};
    daemon->programs[count + 1] = (struct forker_program){"keeper", conf->signer_uid, conf->signer_gid, signer_keeper_run,
                                                          &daemon->signer_process, "chanceryd: keeper", NULL};
    return forker_start(daemon->programs, count + 2, &daemon->forker, error);
}

/* ---- starting, in order; stopping, in reverse ---- */

static int start_socket_folder(struct daemon *daemon, struct error *error)
{
    char *folder = strdup(conf_text(daemon->conf.conf, "api", "socket"));
    char *slash = folder ? strrchr(folder, '/') : NULL;
    struct stat st;
    int status = OK;
    if (slash && slash != folder) {
        *slash = 0;
        if (stat(folder, &st) && errno == ENOENT)
            status = directory_ensure(folder, 0755, daemon->conf.authority_uid, daemon->conf.authority_gid, error);
    }
    free(folder);
    return status;
}

static int start_signer(struct daemon *daemon, struct error *error)
{
    int fd = -1;
    int status = forker_spawn(daemon->forker, "signer", &fd, &daemon->signer_pid, error);
    return status ? status : signer_connect(fd, &daemon->signer, error);
}

static int start_drop(struct daemon *daemon, struct error *error)
{
    if (geteuid() == 0) {
        int status = sandbox_drop(daemon->conf.authority_uid, daemon->conf.authority_gid, error);
        if (status)
            return status;
    }
    return forker_watch(daemon->forker, child_ended, daemon, error);
}

static int start_store(struct daemon *daemon, struct error *error)
{
    const struct conf *conf = daemon->conf.conf;
    struct store_options options = {
        .path = conf_text(conf, "store", "path"),
        .cache_bytes = (size_t)conf_number(conf, "store", "cache") << 20,
        .disk_reserve_bytes = (uint64_t)conf_number(conf, "store", "reserve") << 20,
        .checkpoint_s = conf_number(conf, "store", "checkpoint"),
    };
    return store_open(&options, &daemon->store, error);
}

static int start_policy(struct daemon *daemon, struct error *error)
{
    int status = OK;
    if (conf_text(daemon->conf.conf, "directory", "uri"))
        status = directory_open(daemon->conf.conf, "directory", &daemon->directory, error);
    if (!status)
        status = policy_open(daemon->conf.policy, daemon->conf.conf, error);
    policy_set_runner(daemon->conf.policy, run_program, daemon);
    daemon->policy_opened = status == OK;
    return status;
}

static int probe(void *argument, const char *module, const char *dn, struct strings *lines, struct error *error)
{
    struct daemon *daemon = argument;
    struct dispatch *dispatch = atomic_load(&daemon->dispatch);
    return dispatch ? dispatch_probe(dispatch, module, dn, lines, error)
                    : error_set(error, TEMPORARY, "publish.starting", "the exit modules are being started");
}

static int keeper(void *argument, int *fd, struct error *error)
{
    struct daemon *daemon = argument;
    pid_t pid;
    return forker_spawn(daemon->forker, "keeper", fd, &pid, error);
}

static int check(void *argument, const char *folder, int64_t since, const struct checking *checking, struct error *error)
{
    struct daemon *daemon = argument;
    struct check_order order = {.folder = folder, .from_backup = true, .since = since};
    return check_copy(daemon->forker, &order, checking, error);
}

static int started_add(struct daemon *daemon, const char *kind, const char *name, struct error *error)
{
    char *path = NULL, *title = NULL;
    if (asprintf(&path, "%s/%s_%s.so", daemon->conf.module_directory, kind, name) < 0 || asprintf(&title, "%s/%s", kind, name) < 0)
        return error_memory(error); /* the daemon does not start: what was made stays until it has ended */
    daemon->started[daemon->started_count++] = (struct started_file){title, path};
    return OK;
}

/* What runs here, for the audit of a change between two starts. */
static int started_list(struct daemon *daemon, struct error *error)
{
    const struct daemon_conf *conf = &daemon->conf;
    int status = OK;
    daemon->started[daemon->started_count++] = (struct started_file){"chanceryd", "/proc/self/exe"};
    daemon->started[daemon->started_count++] = (struct started_file){"signer.conf", conf_text(conf->conf, "signer", "conf")};
    for (size_t i = 0; i < policy_count(conf->policy) && daemon->started_count < STARTED_MAX && !status; i++)
        status = started_add(daemon, "policy", policy_module(conf->policy, i)->name, error);
    for (size_t i = 0; i < conf->exit_names.count && daemon->started_count < STARTED_MAX && !status; i++)
        status = started_add(daemon, "publish", conf->exit_names.items[i] + strlen("publish/"), error);
    for (size_t i = 0; i < daemon->exec_count && daemon->started_count < STARTED_MAX; i++) /* "policy exec": its program */
        daemon->started[daemon->started_count++] = (struct started_file){daemon->exec_names[i], daemon->exec[i].path};
    if (conf_text(conf->conf, "keys", "blocklist") && daemon->started_count < STARTED_MAX)
        daemon->started[daemon->started_count++] = (struct started_file){"blocked keys", conf_text(conf->conf, "keys", "blocklist")};
    return status;
}

static int start_authority(struct daemon *daemon, struct error *error)
{
    int status = started_list(daemon, error);
    if (status)
        return status;
    struct authority_options options = {
        .conf = daemon->conf.conf, .store = daemon->store, .signer = daemon->signer, .policy = daemon->conf.policy,
        .directory = daemon->directory, .exits = daemon->interests, .exit_count = daemon->conf.exit_names.count,
        .probe = probe, .probe_argument = daemon, .keeper = keeper, .keeper_argument = daemon,
        .started = daemon->started, .started_count = daemon->started_count,
        .check = check, .check_argument = daemon,
    };
    return authority_open(&options, &daemon->authority, error);
}

static int start_dispatch(struct daemon *daemon, struct error *error)
{
    struct dispatch *dispatch = NULL;
    int status = dispatch_start(daemon->store, daemon->forker, (const char *const *)daemon->conf.exit_names.items,
                                daemon->conf.exit_names.count, &dispatch, error);
    atomic_store(&daemon->dispatch, dispatch);
    return status;
}

static int start_api(struct daemon *daemon, struct error *error)
{
    return api_open(daemon->conf.conf, daemon->authority, &daemon->api, error);
}

static int daemon_start(struct daemon *daemon, struct error *error)
{
    static int (*const steps[])(struct daemon *, struct error *) = {
        start_forker, start_socket_folder, start_signer, start_drop, start_store, start_policy, start_authority, start_dispatch, start_api,
    };
    int status = OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !status; i++)
        status = steps[i](daemon, error);
    return status;
}

static void daemon_stop(struct daemon *daemon)
{
    atomic_store(&daemon->stopping, true);
    struct dispatch *dispatch = atomic_exchange(&daemon->dispatch, NULL);
    api_close(daemon->api);
    if (daemon->store)
        store_wake(daemon->store);
    if (dispatch)
        dispatch_stop(dispatch);
    if (daemon->authority)
        authority_stop(daemon->authority);
    authority_close(daemon->authority);
    if (daemon->policy_opened)
        policy_close(daemon->conf.policy);
    if (daemon->directory)
        directory_close(daemon->directory);
    if (daemon->store)
        store_close(daemon->store);
    if (daemon->signer)
        signer_close(daemon->signer);
    if (daemon->forker)
        forker_stop(daemon->forker);
    daemon_conf_free(&daemon->conf);
}

/* ---- the main thread: signals and a tick a second ---- */

/* SIGHUP: lists that change from day to day are read anew, the configuration is not. */
static void hang_up(struct daemon *daemon)
{
    struct error error = ERROR_NONE;

    log_notice("SIGHUP: the list of blocked keys is read anew; the configuration is read at start only: restart to use a changed one");
    if (authority_keys_reload(daemon->authority, &error))
        log_error("the list of blocked keys stays as it was: %s", error.message);
}

static void wait_for_end(struct daemon *daemon, const sigset_t *signals)
{
    const struct timespec second = {.tv_sec = 1};
    for (;;) {
        int got = sigtimedwait(signals, NULL, &second);
        if (got == SIGTERM || got == SIGINT)
            return;
        if (got == SIGHUP)
            hang_up(daemon);
        authority_tick(daemon->authority);
    }
}

/* Goes into the background; the parent waits until the child is ready and ends with its status. *ready is the child's end. */
static void detach(int *ready)
{
    int ends[2];
    uint8_t status = INTERNAL;
    if (pipe2(ends, O_CLOEXEC))
        exit(INTERNAL);
    pid_t pid = fork();
    if (pid < 0)
        exit(INTERNAL);
    if (pid > 0) {
        close(ends[1]);
        if (fd_read_all(ends[0], &status, 1))
            status = INTERNAL;
        _exit(status);
    }
    close(ends[0]);
    *ready = ends[1];
}

static void detached(int ready)
{
    uint8_t status = OK;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    setsid();
    if (null >= 0) {
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        close(null);
    }
    fd_write_all(ready, &status, 1);
    close(ready);
}

static int daemon_run(struct daemon *daemon, bool foreground, struct error *error)
{
    sigset_t signals;
    int ready = -1;
    if (!foreground)
        detach(&ready);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    umask(0077);
    int status = daemon_start(daemon, error);
    if (!status) {
        log_notice("CA %s is ready on %s", conf_text(daemon->conf.conf, "ca", "name"), conf_text(daemon->conf.conf, "api", "socket"));
        if (!foreground)
            detached(ready);
        wait_for_end(daemon, &signals);
        atomic_store(&daemon->stopping, true);
        log_notice("stopping");
        if (atomic_load(&daemon->signer_gone))
            status = error_set(error, INTERNAL, "signer.gone", "the signer ended");
    }
    return status;
}

/* ---- options ---- */

static void help(void)
{
    puts("usage: chanceryd [-c FILE] [-f]          run the authority (-f: stay in the foreground)\n"
         "       chanceryd [-c FILE] -t            test the configuration\n"
         "       chanceryd [-c FILE] --init [--name CA-NAME] [--subject DN] [--key TYPE|pkcs11:URI] [--key-type TYPE] [--passphrase-file F]\n"
         "                 [--days N] [--path-length N] [--administrator USER] [--csr-out FILE]\n"
         "       chanceryd [-c FILE] --new-key [--key TYPE] [--days N] [--csr-out FILE]\n"
         "       chanceryd [-c FILE] --check-db [DIR]  check the database of a stopped daemon, or a backup\n"
         "       chanceryd [-c FILE] --restore DIR [--yes]  a backup in the place of the database\n"
         "       chanceryd [-c FILE] --emergency-crl FILE [--from BACKUP] [--valid HOURS] [--key N]\n"
         "       chanceryd [-c FILE] --list-items  every configuration item, tab-separated\n"
         "       chanceryd --version | --help\n"
         "See chanceryd(8) and chancery.conf(5).");
}

enum { OPT_INIT = 256, OPT_NAME, OPT_SUBJECT, OPT_KEY, OPT_PASSPHRASE, OPT_DAYS, OPT_PATH, OPT_ADMIN, OPT_CSR, OPT_ITEMS, OPT_NEWKEY,
       OPT_CHECK, OPT_RESTORE, OPT_YES, OPT_KEY_TYPE, OPT_EMERGENCY, OPT_FROM, OPT_VALID };

static const struct option long_options[] = {
    {"new-key", no_argument, NULL, OPT_NEWKEY},
    {"init", no_argument, NULL, OPT_INIT}, {"name", required_argument, NULL, OPT_NAME},
    {"subject", required_argument, NULL, OPT_SUBJECT}, {"key", required_argument, NULL, OPT_KEY}, {"key-type", required_argument, NULL, OPT_KEY_TYPE},
    {"passphrase-file", required_argument, NULL, OPT_PASSPHRASE}, {"days", required_argument, NULL, OPT_DAYS},
    {"path-length", required_argument, NULL, OPT_PATH}, {"administrator", required_argument, NULL, OPT_ADMIN},
    {"csr-out", required_argument, NULL, OPT_CSR}, {"list-items", no_argument, NULL, OPT_ITEMS},
    {"check-db", no_argument, NULL, OPT_CHECK}, {"restore", no_argument, NULL, OPT_RESTORE}, {"yes", no_argument, NULL, OPT_YES},
    {"emergency-crl", required_argument, NULL, OPT_EMERGENCY}, {"from", required_argument, NULL, OPT_FROM},
    {"valid", required_argument, NULL, OPT_VALID},
    {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {NULL, 0, NULL, 0},
};

static bool take_number(const char *text, uint64_t least, uint64_t most, long *out)
{
    uint64_t number;
    if (number_parse(text, &number) || number < least || number > most)
        return false;
    *out = (long)number;
    return true;
}

static int usage_error(const char *what)
{
    fprintf(stderr, "chanceryd: %s; try `chanceryd --help`\n", what);
    return USAGE;
}

/* ---- modes with the daemon stopped: each takes one folder at most ---- */

static int mode_check(const struct daemon_conf *conf, const struct arguments *arguments, struct error *error)
{
    return check_offline(conf, arguments->operand, error);
}

/* --key is a type for --init, and a key's index here. */
static int mode_emergency(const struct daemon_conf *conf, const struct arguments *arguments, struct error *error)
{
    struct emergency_options options = arguments->emergency;
    const char *key = arguments->init_options.key_type;
    if (arguments->operand)
        return error_set(error, USAGE, "emergency.operand", "an argument too many: the backup is named with --from");
    if (key && !take_number(key, 0, 15, &options.key_index))
        return error_set(error, USAGE, "emergency.key", "--key takes the index of a key, 0 to 15");
    return emergency_run(conf, &options, error);
}

static int mode_restore(const struct daemon_conf *conf, const struct arguments *arguments, struct error *error)
{
    return restore_run(conf, arguments->operand, arguments->yes, error);
}

/* OK to go on, else the exit status plus one (so that 0 can end too). */
static int take_option(int option, struct arguments *a)
{
    long path_length;
    char *optarg_copy = optarg ? strdup(optarg) : NULL; /* children write their titles over argv */
    switch (option) {
    case 'c': a->conf_path = optarg_copy; break;
    case 't': a->test = true; break;
    case 'f': a->foreground = true; break;
    case OPT_INIT: a->init = true; break;
    case OPT_NEWKEY: a->new_key = true; break;
    case OPT_ITEMS: a->items = true; break;
    case OPT_CHECK: a->mode = mode_check; break;
    case OPT_RESTORE: a->mode = mode_restore; break;
    case OPT_YES: a->yes = true; break;
    case OPT_EMERGENCY: a->mode = mode_emergency; a->emergency.file = optarg_copy; break;
    case OPT_FROM: a->emergency.backup = optarg_copy; break;
    case OPT_VALID:
        free(optarg_copy);
        if (!take_number(optarg, 1, 24 * 366, &a->emergency.hours))
            return usage_error("--valid takes 1 to 8784 hours") + 1;
        break;
    case OPT_NAME: a->init_options.name = optarg_copy; break;
    case OPT_SUBJECT: a->init_options.subject = optarg_copy; break;
    case OPT_KEY: a->init_options.key_type = optarg_copy; break;
    case OPT_KEY_TYPE: a->init_options.token_key_type = optarg_copy; break;
    case OPT_PASSPHRASE: a->init_options.passphrase_file = optarg_copy; break;
    case OPT_ADMIN: a->init_options.administrator = optarg_copy; break;
    case OPT_CSR: a->init_options.csr_out = optarg_copy; break;
    case OPT_DAYS:
        free(optarg_copy);
        if (!take_number(optarg, 1, 36500, &a->init_options.days))
            return usage_error("--days takes 1 to 36500") + 1;
        break;
    case OPT_PATH:
        free(optarg_copy);
        if (!take_number(optarg, 0, 10, &path_length))
            return usage_error("--path-length takes 0 to 10") + 1;
        a->init_options.path_length = (int)path_length;
        break;
    case 'h': help(); return OK + 1;
    case 'V': puts("chanceryd " PACKAGE_VERSION); return OK + 1;
    default: return USAGE + 1;
    }
    return OK;
}

static int report(const struct error *error)
{
    if (error->status)
        log_error("%s (%s)", error->message, error->reason);
    return error->status;
}

int main(int argc, char **argv)
{
    static struct daemon daemon; /* large, and the forker's table must outlive main's frame in its children */
    struct error error = ERROR_NONE;
    static struct arguments a = {.init_options = {.path_length = -1}};
    const char *environment = getenv("CHANCERY_CONF");
    a.conf_path = environment && *environment ? environment : CHANCERY_SYSCONFDIR "/chancery.conf";
    int option, status = OK;
    while ((option = getopt_long(argc, argv, "c:tfhV", long_options, NULL)) != -1)
        if ((status = take_option(option, &a)))
            return status - 1;
    if (a.mode && optind < argc && !(a.operand = strdup(argv[optind++])))
        return INTERNAL;
    if (optind < argc)
        return usage_error("an argument too many");
    sandbox_title_init(argc, argv);
    log_open("chanceryd", !a.foreground && !a.test && !a.init && !a.new_key && !a.items && !a.mode, false);
    status = daemon_conf_load(a.conf_path, &daemon.conf, &error);
    if (!status && a.items)
        daemon_conf_print_items(&daemon.conf);
    if (!status && !a.items)
        status = daemon_conf_check(&daemon.conf, &error);
    if (!status && a.test)
        status = authority_check_roles(daemon.conf.conf, &error);
    if (!status && a.test)
        printf("%s: configuration is good\n", a.conf_path);
    if (!status && a.init)
        status = init_run(&daemon.conf, &a.init_options, &error);
    if (!status && a.new_key)
        status = newkey_run(&daemon.conf, &(struct newkey_options){a.init_options.key_type, a.init_options.csr_out, a.init_options.days}, &error);
    if (!status && a.mode)
        status = a.mode(&daemon.conf, &a, &error);
    if (status || a.items || a.test || a.init || a.new_key || a.mode) {
        status = report(&error);
        daemon_conf_free(&daemon.conf);
        return status;
    }
    daemon_run(&daemon, a.foreground, &error);
    status = report(&error);
    daemon_stop(&daemon);
    return status;
}
