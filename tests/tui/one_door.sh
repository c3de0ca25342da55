#!/bin/sh
# Only tui/screen.c speaks curses, only tui/sanitise.c makes cells of text, and nothing in the console prints around them.
top=${top_srcdir:-.}
cd "$top" || exit 1
failed=0
refuse() { # pattern, the files that may, why
    found=$(grep -nE "$1" tui/*.c tui/*.h | grep -vE "^tui/($2):")
    [ -z "$found" ] || { echo "$3:"; echo "$found"; failed=1; }
}
refuse '(mvw?|w)?add(n?w?str|ch|_wch)\b|\b(printw|wprintw|mvprintw|initscr|newterm)\b' 'screen\.c|screen\.h' "curses outside tui/screen.c"
refuse 'include <(n?curses[a-z]*/)?n?curses\.h>|include <term\.h>' 'screen\.c' "curses.h outside tui/screen.c"
refuse '\btext_scalar\b' 'sanitise\.c|sanitise\.h' "cells made outside tui/sanitise.c"
refuse '\b(printf|puts|putchar|vprintf) ?\(' 'none' "printing around the grid"
exit $failed
