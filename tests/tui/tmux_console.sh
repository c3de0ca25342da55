#!/bin/sh
# The console on a real terminal, in tmux: starts on the fixture, moves, opens details, follows a resize, asks before it
# acts, quits; ends by a hang-up as well; and every time the terminal is as it was.
command -v tmux >/dev/null || exit 77
top=${top_srcdir:-.}
build=${top_builddir:-.}
work=$(mktemp -d) || exit 1
LC_ALL=C.UTF-8
TMUX_TMPDIR=$work
export LC_ALL TMUX_TMPDIR
unset TMUX
trap 'tmux kill-server 2>/dev/null; rm -rf "$work"' EXIT
start="$build/chancery-console --fixture $top/tests/tui/fixture.json"

screen() { tmux capture-pane -p -t t; }
keys() { tmux send-keys -t t "$@"; }
die() { echo "FAILED: $*"; screen; exit 1; }
expect() { # what must appear within half a minute
    for _ in $(seq 600); do
        screen | grep -qF -- "$1" && return
        sleep .05
    done
    die "no \"$1\" on the screen"
}
at_row() { # the hardware cursor stands on the row that shows this
    for _ in $(seq 600); do
        row=$(($(tmux display -p -t t '#{cursor_y}') + 1))
        screen | sed -n "${row}p" | grep -qF -- "$1" && return
        sleep .05
    done
    die "the cursor stands on row $row, not on \"$1\""
}

tmux -u new-session -d -s t -x 80 -y 24 "env PS1='prompt> ' sh" || exit 1
keys "stty -a > $work/before; echo first ''line" Enter
expect "first line"
keys "$start" Enter
expect "1Pend 5"
expect "ERR"
at_row 104981
keys j
at_row 104982
keys Down
at_row 104993
expect "p<U+0430>ypal.example.com"
keys Enter
expect "Key 256"
tmux resize-window -t t -x 132 -y 43
expect "History"
tmux resize-window -t t -x 40 -y 10
expect "Key a FF5F 81C8"
keys Escape
expect "2Issd"
tmux resize-window -t t -x 18 -y 4
expect "too small"
tmux resize-window -t t -x 80 -y 24
expect "Requester"
keys i
expect "ISSUE request 104993?"
keys Enter
expect "Nothing was done."
keys Escape 1 # within 50 ms: F1
expect "Keys in a list"
keys q
expect "1Pend 5"
tmux set-buffer "iy"
tmux paste-buffer -p -t t
expect "Pasted text does nothing here."
keys i
expect "ISSUE request 104993?"
keys y
expect "ISSUED request 104993"
expect "1Pend 5" # counts are the fixture's

keys C-c
expect "Nothing runs. Q leaves"
keys Q
expect "first line" # what was on the screen before is there again
keys "stty -a > $work/after; echo came ''back" Enter
expect "came back"
cmp "$work/before" "$work/after" || die "the terminal's settings are others"
[ "$(tmux display -p -t t '#{alternate_on}')" = 0 ] || die "the alternate screen is still on"

for signal in TERM HUP INT; do
    keys "clear; $start; echo ended with \$?" Enter
    expect "1Pend 5"
    pid=$(ps -o pid= --ppid "$(tmux display -p -t t '#{pane_pid}')") # the shell's only child: other consoles of this machine are not ours
    kill -$signal "$pid"
    expect "ended with 0"
    keys "stty -a > $work/after; echo has ''settled" Enter
    expect "has settled"
    cmp "$work/before" "$work/after" || die "after SIG$signal the terminal's settings are others"
done
echo "the console starts, moves, resizes, asks, quits and gives the terminal back"
