#!/bin/sh
# ./demo's last part in tmux, as a person does it: a pending request approved, an issued one revoked, quit; the terminal is as it
# was.
. "$top_srcdir/tests/lib/ca.sh"
need tmux openssl setpriv
need_root
[ -x "$top_builddir/chancery-console" ] || fail "chancery-console is not built"
ca_begin
key_and_request web /CN=web07.example.com DNS:web07.example.com
expect 3 as $WEB07 chancery --json submit "$D/web.csr" --template WebServer
pending=$(json_field id)
key_and_request user /CN=alice
expect 0 as $BOB chancery --json submit "$D/user.csr" --template User
issued=$(json_field id)

export TMUX_TMPDIR="$D"
unset TMUX
LC_ALL=C.UTF-8 tmux -f /dev/null new-session -d -s c -x 80 -y 24 "env TERM=screen-256color sh" || fail "tmux"
trap 'tmux kill-server 2>/dev/null; ca_end' EXIT
screen() { tmux capture-pane -p -t c; }
shows() { screen | grep -qE -- "$1"; }
keys() { for key in "$@"; do tmux send-keys -t c "$key"; sleep .1; done; }
await() { within 10 shows "$1" || { screen; fail "the screen does not show $1"; }; }

keys 'stty -a >'"$D"'/stty.before; echo be''fore' Enter
await before
keys 'chancery-console; echo en''ded=$?' Enter
await 'Pending'
await 'web07'

say "approve: i, then what the confirmation asks for"
keys i
await 'ISSUE|APPROVE'
screen
key=$(screen | sed -n 's/.*\(press\|Press\|key\) \([a-zA-Z]\)\b.*/\2/p' | head -n 1)
keys "${key:-y}"
is() { chancery --json show "$1" | grep -q "\"disposition\": *\"$2\""; }
within 10 is "$pending" issued || { screen; fail "not issued"; }

say "revoke"
keys 2
await 'Issued'
await 'alice|bob|Bob'
keys g
screen
keys '!'
await 'REVOKE'
screen
