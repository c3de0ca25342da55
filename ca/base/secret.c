/* A passphrase is in as few places as can be: one buffer with room from the start, so that growing leaves no copy. */
#include "config.h"

#include "ca/base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ca/base/file.h"

#define END_OF_TEXT 3 /* ^C: signals are off while nothing is echoed, or the terminal would stay silent for the shell */
#define END_OF_INPUT 4

void secret_free(void *memory)
{
    if (memory == NULL)
        return;
    explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

static int terminal_open(void)
{
    return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

bool terminal_there(void)
{
    int tty = terminal_open();
    bool foreground = tty >= 0 && tcgetpgrp(tty) == getpgrp();

    if (tty >= 0)
        close(tty);
    return foreground;
}

/* One line, without its end. False: the terminal went away. */
static bool line_read(int tty, struct buf *out, bool *fits)
{
    char c = '\0';
    ssize_t got;

    *fits = true;
    while ((got = read(tty, &c, 1)) == 1 && c != '\n' && c != '\r') {
        if (c == END_OF_TEXT || (c == END_OF_INPUT && out->size == 0)) {
            explicit_bzero(out->data, out->size);
            out->size = 0;
            break;
        }
        if (c == '\0' || out->size == SECRET_MAX)
            *fits = false;
        else
            out->data[out->size++] = (uint8_t)c;
    }
    out->data[out->size] = '\0';
    explicit_bzero(&c, sizeof c);
    return got == 1;
}

static int terminal_line(int tty, const char *prompt, struct buf *out, struct error *error)
{
    struct termios before, silent;
    bool fits = true, read_whole;

    if (tcgetattr(tty, &before) != 0)
        return error_set(error, TEMPORARY, "terminal.none", "the terminal cannot be asked: %s", strerror(errno));
    silent = before;
    silent.c_lflag &= (tcflag_t)~(ECHO | ECHOE | ECHOK | ISIG);
    silent.c_lflag |= ECHONL;
    silent.c_cc[VEOF] = _POSIX_VDISABLE; /* ^D comes as an octet */
    if (tcsetattr(tty, TCSAFLUSH, &silent) != 0)
        return error_set(error, TEMPORARY, "terminal.none", "the terminal cannot be asked: %s", strerror(errno));
    read_whole = fd_write_all(tty, prompt, strlen(prompt)) == OK && line_read(tty, out, &fits);
    tcsetattr(tty, TCSAFLUSH, &before);
    if (!read_whole)
        return error_set(error, TEMPORARY, "terminal.none", "the terminal went away");
    return fits ? OK : error_set(error, BAD_DATA, "terminal.text", "a passphrase has at most %d octets and no NUL", SECRET_MAX);
}

int terminal_ask(const char *prompt, struct buf *out, struct error *error)
{
    int tty, status;

    if (buf_reserve(out, SECRET_MAX + 1) == NULL)
        return error_memory(error);
    tty = terminal_open();
    if (tty < 0)
        return error_set(error, TEMPORARY, "terminal.none", "there is no terminal to ask for the passphrase on");
    status = terminal_line(tty, prompt, out, error);
    close(tty);
    if (status != OK)
        buf_wipe(out);
    return status;
}
