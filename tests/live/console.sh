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
key_and_request user /CN=bob
expect 0 as $BOB chancery --json submit "$D/user.csr" --template User
issued=$(json_field id)

export TMUX_TMPDIR="$D"
unset TMUX
LC_ALL=C.UTF-8 tmux -f /dev/null new-session -d -s c -x 80 -y 24 "env TERM=screen-256color sh" || fail "tmux"
stop_tmux() { tmux kill-server 2>/dev/null; }
ca_end_hook=stop_tmux
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
await 'ISSUE request'
keys y
is() { chancery --json show "$1" | grep -q "\"disposition\": *\"$2\""; }
within 10 is "$pending" issued || { screen; fail "not issued"; }
await 'ISSUED request'

say "revoke: !, the reason, then the confirmation"
keys 2
await 'Issued'
keys f
await 'Find which'
keys bob Enter
await 'issued.*User'
keys '!'
await 'for which reason'
keys k
await 'REVOKE request .*keyCompromise'
is "$issued" issued || fail "revoked before it was confirmed"
keys y
within 10 is "$issued" revoked || { screen; fail "not revoked"; }
await 'REVOKED request'

say "quit: the terminal is as it was"
keys Q
await 'ended=0'
keys 'stty -a >'"$D"'/stty.after; echo af''ter' Enter
await after
cmp "$D/stty.before" "$D/stty.after" || fail "the terminal's settings are others"
