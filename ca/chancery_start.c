/* The verbs that start other programs: init (chanceryd --init takes this program's place), template import (ldapadd);
 * and proxy, which other machines start through ssh. No shell is involved. */
#include "config.h"

#include "ca/chancery_start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ca/base/file.h"

extern char **environ;

/* chanceryd in the folder that the environment names, beside this program, or where it was installed. */
static void daemon_path(struct buf *path)
{
    const char *folder = secure_getenv("CHANCERY_SBINDIR");
    char self[4096];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);

    if (folder != NULL) {
        buf_printf(path, "%s/chanceryd", folder);
        return;
    }
    if (size > 0) {
        self[size] = '\0';
        char *slash = strrchr(self, '/');
        if (slash != NULL)
            *slash = '\0';
        buf_printf(path, "%s/chanceryd", self);
        if (access(buf_text(path), X_OK) == 0)
            return;
        buf_clear(path);
    }
    buf_add_text(path, CHANCERY_SBINDIR "/chanceryd");
}

/* The options were checked against the table; the daemon's mode takes them as they are, but for what is the command line's own. */
static bool own_option(const char *argument)
{
    return strcmp(argument, "-q") == 0 || strcmp(argument, "--json") == 0 || strcmp(argument, "--offline") == 0;
}

int start_daemon_mode(struct cli *cli, const char *mode)
{
    struct buf path = BUF_EMPTY;
    size_t count = 0, at = 0;

    while (cli->arguments[count] != NULL)
        count++;
    const char **arguments = calloc(count + 5, sizeof *arguments);
    if (arguments == NULL)
        return error_memory(&cli->error);
    daemon_path(&path);
    arguments[at++] = "chanceryd";
    if (cli->conf_path != NULL) {
        arguments[at++] = "-c";
        arguments[at++] = cli->conf_path;
    }
    if (mode != NULL)
        arguments[at++] = mode;
    for (size_t i = 0; i < count; i++)
        if (!own_option(cli->arguments[i]))
            arguments[at++] = cli->arguments[i];
    execv(buf_text(&path), (char *const *)arguments);
    int status = error_set(&cli->error, BAD_CONFIG, "cli.init", "%s cannot be started: %s; CHANCERY_SBINDIR may name its folder",
                           buf_text(&path), strerror(errno));
    free(arguments);
    buf_free(&path);
    return status;
}

int verb_init(struct cli *cli)
{
    return start_daemon_mode(cli, "--init");
}

int start_ldapadd(struct cli *cli, const char *const *arguments, size_t count, struct bytes ldif)
{
    posix_spawn_file_actions_t actions;
    const char **whole = calloc(count + 2, sizeof *whole);
    int ends[2], state = 0;
    pid_t pid = 0;

    if (whole == NULL || pipe2(ends, O_CLOEXEC) != 0) {
        free(whole);
        return error_memory(&cli->error);
    }
    whole[0] = "ldapadd";
    for (size_t i = 0; i < count; i++)
        whole[i + 1] = arguments[i];
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
    /* Standard output belongs to the verb. */
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    int failed = posix_spawnp(&pid, "ldapadd", &actions, NULL, (char *const *)whole, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    if (failed == 0)
        fd_write_all(ends[1], ldif.data, ldif.size); /* that it reads no further is in its own exit status */
    close(ends[1]);
    free(whole);
    if (failed != 0)
        return error_set(&cli->error, BAD_CONFIG, "cli.ldapadd", "ldapadd cannot be started: %s (package ldap-utils)", strerror(failed));
    while (waitpid(pid, &state, 0) < 0 && errno == EINTR)
        continue;
    if (!WIFEXITED(state) || WEXITSTATUS(state) != 0)
        return error_set(&cli->error, REFUSED, "cli.ldapadd", "ldapadd failed with status %d; what it said stands above",
                         WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state));
    return OK;
}

int verb_proxy(struct cli *cli)
{
    return client_proxy(cli->socket_path, STDIN_FILENO, STDOUT_FILENO, &cli->error);
}
