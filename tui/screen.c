/* The only curses file: styles become attributes, cells become cchar_t. Curses draws differences and nothing else; keys
 * are read by input.c, so that what a sequence means does not depend on it. */
#define NCURSES_WIDECHAR 1
#include "tui/screen.h"

#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>
#include <wchar.h>

#include "ca/base/file.h"

struct screen {
    SCREEN *terminal;
    int fd;
    bool coloured;
    const struct theme *theme;
};

struct look {
    short colour; /* COLOR_*, -1: the terminal's */
    attr_t attributes;
};
struct theme {
    const char *name;
    bool coloured;
    struct look looks[STYLE_COUNT];
};

#define PLAIN_LOOKS                                                                                                           \
    [STYLE_NORMAL] = {-1, A_NORMAL}, [STYLE_TITLE] = {-1, A_BOLD}, [STYLE_FOLDER] = {-1, A_NORMAL},                           \
    [STYLE_HERE] = {-1, A_REVERSE}, [STYLE_HEADING] = {-1, A_BOLD}, [STYLE_SELECTED] = {-1, A_REVERSE},                       \
    [STYLE_INPUT] = {-1, A_UNDERLINE}, [STYLE_KEY] = {-1, A_BOLD}

/* The sixteen colours and the terminal's own background. A word always says it before the colour does. */
static const struct theme themes[] = {
    {"default", true,
     {PLAIN_LOOKS, [STYLE_DIM] = {COLOR_CYAN, A_NORMAL}, [STYLE_OK] = {COLOR_GREEN, A_NORMAL}, [STYLE_WARN] = {COLOR_YELLOW, A_BOLD},
      [STYLE_ERROR] = {COLOR_RED, A_BOLD}, [STYLE_ESCAPED] = {COLOR_MAGENTA, A_REVERSE}}},
    {"mono", false,
     {PLAIN_LOOKS, [STYLE_DIM] = {-1, A_NORMAL}, [STYLE_OK] = {-1, A_NORMAL}, [STYLE_WARN] = {-1, A_BOLD},
      [STYLE_ERROR] = {-1, A_BOLD}, [STYLE_ESCAPED] = {-1, A_UNDERLINE}}},
    {"colour-blind", true,
     {PLAIN_LOOKS, [STYLE_DIM] = {-1, A_NORMAL}, [STYLE_OK] = {COLOR_BLUE, A_BOLD}, [STYLE_WARN] = {COLOR_YELLOW, A_NORMAL},
      [STYLE_ERROR] = {COLOR_YELLOW, A_REVERSE}, [STYLE_ESCAPED] = {-1, A_UNDERLINE}}},
    {"high-contrast", true,
     {PLAIN_LOOKS, [STYLE_DIM] = {-1, A_NORMAL}, [STYLE_OK] = {COLOR_GREEN, A_BOLD}, [STYLE_WARN] = {COLOR_YELLOW, A_BOLD},
      [STYLE_ERROR] = {COLOR_WHITE, A_BOLD | A_REVERSE}, [STYLE_ESCAPED] = {COLOR_WHITE, A_BOLD | A_UNDERLINE}}},
};

static const char paste_on[] = "\033[?2004h", paste_off[] = "\033[?2004l";

static const struct theme *theme_of(const char *name) {
    const char *no_color = getenv("NO_COLOR");
    if (name == NULL)
        name = no_color != NULL && no_color[0] ? "mono" : "default";
    for (size_t i = 0; i < sizeof themes / sizeof themes[0]; i++)
        if (strcmp(themes[i].name, name) == 0)
            return &themes[i];
    return NULL;
}

void screen_size(const struct screen *screen, int *rows, int *cols) {
    struct winsize size;
    *rows = 24;
    *cols = 80;
    if (ioctl(screen->fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
        *rows = size.ws_row;
        *cols = size.ws_col;
    }
}

static void colours_open(struct screen *screen) {
    screen->coloured = screen->theme->coloured && has_colors() && start_color() == OK;
    if (!screen->coloured)
        return;
    use_default_colors();
    for (short style = 0; style < STYLE_COUNT; style++)
        init_pair((short)(style + 1), screen->theme->looks[style].colour, -1);
}

/* newterm says only that it failed, and keeps what it had allocated until then. */
static bool terminal_is_known(const char *term, int fd) {
    int found = 0;
    bool known = term != NULL && setupterm(term, fd, &found) == 0;
    if (known)
        del_curterm(cur_term);
    return known;
}

int screen_open(const struct screen_options *options, struct screen **out, struct error *error) {
    const char *term = options->term != NULL ? options->term : getenv("TERM");
    struct screen *screen = calloc(1, sizeof *screen);
    int rows = options->rows, cols = options->cols;
    *out = NULL;
    if (screen == NULL)
        return error_memory(error);
    screen->fd = fileno(options->out);
    screen->theme = theme_of(options->theme);
    if (screen->theme == NULL) {
        free(screen);
        return error_set(error, USAGE, "console.theme", "There is no theme %s; there are default, mono, colour-blind and high-contrast.",
                         options->theme);
    }
    if (terminal_is_known(term, screen->fd))
        screen->terminal = newterm(term, options->out, options->in);
    if (screen->terminal == NULL) {
        free(screen);
        return error_set(error, BAD_CONFIG, "console.terminal",
                         "The terminal type %s is not known here or cannot move its cursor. Set TERM (xterm, tmux-256color, "
                         "vt100), or use --plain.", term != NULL ? term : "(TERM is not set)");
    }
    raw();
    noecho();
    nonl();
    idcok(stdscr, FALSE); /* terminals differ on inserting and deleting beside wide characters */
    colours_open(screen);
    if (rows == 0)
        screen_size(screen, &rows, &cols);
    resizeterm(rows, cols);
    fd_write_all(screen->fd, paste_on, sizeof paste_on - 1);
    *out = screen;
    return 0;
}

void screen_close(struct screen *screen) {
    if (screen == NULL)
        return;
    endwin();
    fd_write_all(screen->fd, paste_off, sizeof paste_off - 1);
    delscreen(screen->terminal);
    free(screen);
}

void screen_resize(struct screen *screen, int rows, int cols) {
    resizeterm(rows, cols);
    clearok(curscr, TRUE); /* a terminal may have moved its text: draw it whole */
}

static void cell_draw(const struct screen *screen, int row, int col, const struct grid_cell *cell) {
    const struct look *look = &screen->theme->looks[cell->style];
    wchar_t text[3] = {(wchar_t)cell->glyph.scalar, (wchar_t)cell->glyph.mark, 0};
    /* where the terminal's library disagrees on the width, a mark that is one cell wide keeps the row in order */
    if (cell->glyph.scalar >= 0x80 && wcwidth(text[0]) != cell->glyph.width) {
        text[0] = L'?';
        text[1] = 0;
        if (cell->glyph.width == 2)
            mvaddch(row, col + 1, ' ');
    }
    cchar_t glyph;
    setcchar(&glyph, text, look->attributes, screen->coloured ? (short)(cell->style + 1) : 0, NULL);
    mvadd_wch(row, col, &glyph);
}

void screen_draw(struct screen *screen, const struct grid *grid) {
    for (int row = 0; row < grid->rows && row < LINES; row++)
        for (int col = 0; col < grid->cols && col < COLS; col++)
            if (grid_at(grid, row, col)->glyph.scalar != 0)
                cell_draw(screen, row, col, grid_at(grid, row, col));
    move(grid->cursor_row, grid->cursor_col);
    refresh();
}
