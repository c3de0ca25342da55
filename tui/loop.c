/* The loop: wait for keys, answers, signals and the idle limit; update; draw when the grid is another one. Signals arrive
 * through a pipe of their own, so that the terminal is always given back by the same few lines at the end. */
#include "tui/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/base/clock.h"
#include "tui/input.h"
#include "tui/keys.h"
#include "tui/render.h"
#include "tui/script.h"
#include "tui/update.h"

struct loop {
    struct model *model;
    struct worker *worker;
    struct screen *screen;
    struct input input;
    struct grid drawn;
    bool quit;
};

static int signal_pipe[2] = {-1, -1}; /* a handler has nothing else to reach it by */

static void on_signal(int number) {
    int kept = errno;
    uint8_t octet = (uint8_t)number;
    if (write(signal_pipe[1], &octet, 1) < 0)
        errno = kept; /* the pipe is full: the loop will look anyway */
    errno = kept;
}

static int signals_open(void) {
    static const int numbers[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        return -1;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

static void signals_close(void) {
    static const int numbers[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        signal(numbers[i], SIG_DFL);
    close(signal_pipe[0]);
    close(signal_pipe[1]);
}

static void loop_event(struct loop *loop, struct tui_event event) {
    struct effects effects;
    event.now = clock_now();
    update(loop->model, &event, &effects);
    loop->quit |= effects.quit;
    if (effects.cancel)
        worker_cancel(loop->worker);
    for (size_t i = 0; i < effects.count; i++)
        worker_ask(loop->worker, &effects.queries[i]);
    effects_free(&effects);
}

static void on_input(void *argument, uint32_t key, const char *paste, size_t size) {
    struct loop *loop = argument;
    if (loop->quit)
        return;
    if (paste != NULL)
        loop_event(loop, (struct tui_event){.kind = EVENT_PASTE, .text = paste, .size = size});
    else
        loop_event(loop, (struct tui_event){.kind = EVENT_KEY, .key = key});
}

static void read_keys(struct loop *loop) {
    uint8_t octets[4096];
    ssize_t size = read(STDIN_FILENO, octets, sizeof octets);
    if (size > 0)
        input_feed(&loop->input, octets, (size_t)size, clock_monotonic_ms(), on_input, loop);
    else if (size == 0 || (errno != EAGAIN && errno != EINTR))
        loop->quit = true; /* the terminal is gone */
}

static void read_signals(struct loop *loop) {
    uint8_t number;
    while (read(signal_pipe[0], &number, 1) == 1) {
        if (number != SIGWINCH) {
            loop->quit = true;
            continue;
        }
        struct tui_event event = {.kind = EVENT_RESIZE};
        screen_size(loop->screen, &event.rows, &event.cols);
        screen_resize(loop->screen, event.rows, event.cols);
        loop_event(loop, event);
        grid_free(&loop->drawn);
    }
}

static void read_answers(struct loop *loop) {
    struct answer answer;
    while (worker_answer(loop->worker, &answer)) {
        loop_event(loop, (struct tui_event){.kind = EVENT_ANSWER, .answer = &answer});
        answer_free(&answer);
    }
}

static bool grid_same(const struct grid *a, const struct grid *b) {
    if (b->cells == NULL || a->cursor_row != b->cursor_row || a->cursor_col != b->cursor_col)
        return false;
    for (size_t i = 0; i < (size_t)a->rows * (size_t)a->cols; i++) {
        const struct grid_cell *x = &a->cells[i], *y = &b->cells[i];
        if (x->glyph.scalar != y->glyph.scalar || x->glyph.mark != y->glyph.mark || x->style != y->style)
            return false;
    }
    return true;
}

static void draw(struct loop *loop) {
    struct grid grid;
    if (!grid_open(&grid, loop->model->rows, loop->model->cols, loop->model->utf8))
        return;
    render(loop->model, &grid);
    if (!grid_same(&grid, &loop->drawn))
        screen_draw(loop->screen, &grid);
    grid_free(&loop->drawn);
    loop->drawn = grid;
}

/* Until an undecided Esc is decided, or the console becomes read-only; else for ever. */
static int timeout_ms(const struct loop *loop) {
    int escape = input_timeout_ms(&loop->input, clock_monotonic_ms());
    if (escape >= 0 || loop->model->read_only)
        return escape;
    int64_t left = loop->model->last_key_at + IDLE_READ_ONLY_S - clock_now();
    return left > 0 ? (int)(left > IDLE_READ_ONLY_S ? IDLE_READ_ONLY_S : left) * 1000 : 0;
}

static void loop_once(struct loop *loop) {
    struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {signal_pipe[0], POLLIN, 0}, {worker_fd(loop->worker), POLLIN, 0}};
    int ready = poll(fds, 3, timeout_ms(loop));
    if (fds[1].revents && ready > 0)
        read_signals(loop);
    if (fds[0].revents && ready > 0)
        read_keys(loop);
    input_expire(&loop->input, clock_monotonic_ms(), on_input, loop);
    if (fds[2].revents && ready > 0)
        read_answers(loop);
    if (ready == 0)
        loop_event(loop, (struct tui_event){.kind = EVENT_TICK});
}

int loop_run(struct model *model, struct worker *worker, const struct screen_options *options, struct error *error) {
    struct loop loop = {.model = model, .worker = worker};
    if (signals_open() != 0)
        return error_set(error, INTERNAL, "console.pipe", "No pipe for signals: %s", strerror(errno));
    int status = screen_open(options, &loop.screen, error);
    if (status == OK) {
        screen_size(loop.screen, &model->rows, &model->cols);
        loop_event(&loop, (struct tui_event){.kind = EVENT_START});
        while (!loop.quit) {
            draw(&loop);
            loop_once(&loop);
        }
    }
    screen_close(loop.screen);
    signals_close();
    input_free(&loop.input);
    grid_free(&loop.drawn);
    return status;
}

/* ---- --plain ---- */

static void plain_write(const struct model *model, FILE *out) {
    struct buf text = BUF_EMPTY;
    render_plain(model, &text);
    fwrite(text.data, 1, text.size, out);
    fputc('\n', out);
    fflush(out);
    buf_free(&text);
}

/* Every line of input is keys in the notation of scripts: "j", "<Enter>", "x". While text is asked for, the line is the
 * text and its end takes it. */
int plain_run(struct model *model, struct transport *transport, FILE *in, FILE *out) {
    char *line = NULL;
    size_t room = 0;
    bool quit = script_event(model, transport, &(struct tui_event){.kind = EVENT_START, .now = clock_now()});
    while (!quit) {
        plain_write(model, out);
        ssize_t size = getline(&line, &room, in);
        if (size < 0)
            break;
        line[strcspn(line, "\r\n")] = 0;
        struct error error = ERROR_NONE;
        script_event(model, transport, &(struct tui_event){.kind = EVENT_TICK, .now = clock_now()});
        model->last_key_at = model->now;
        if (model->dialog.kind == DIALOG_INPUT) {
            quit = script_event(model, transport, &(struct tui_event){.kind = EVENT_PASTE, .now = model->now, .text = line, .size = strlen(line)}) ||
                   script_event(model, transport, &(struct tui_event){.kind = EVENT_KEY, .now = model->now, .key = KEYS_ENTER});
        } else if (script_run(model, transport, line, &quit, &error) != OK) {
            model_status(model, 0, "%s", error.message);
        }
    }
    free(line);
    return OK;
}
