#!/bin/sh
# ./demo as a stranger runs it: --batch in a new folder, again after a crash of both servers, by hand through DIR/env, and on a terminal
# up to its console, after which both servers are gone. Run by ./check, since it builds everything once more.
set -u
top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
[ "$(id -u)" -eq 0 ] || { echo "skipped: needs root"; exit 77; }
folder=$(mktemp -d /var/tmp/chancery-check.XXXXXX) || exit 99
chmod 755 "$folder"
DIR=$folder/demo
finish() {
    status=$?
    trap - EXIT
    tmux kill-server 2>/dev/null
    "$top/demo" --stop --dir "$DIR" >/dev/null
    slapd_stop
    rm -rf "$folder"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM HUP
fail() { echo "FAILED: $*"; exit 1; }
alive() { [ -s "$DIR/run/$1.pid" ] && kill -0 "$(cat "$DIR/run/$1.pid")" 2>/dev/null; }

# An slapd that was there before.
top_srcdir=$top
. "$top/tests/lib/slapd.sh"
slapd_start "$folder/before.d" || fail "slapd"
"$top/demo" --batch --dir "$DIR" || fail "demo --batch"
for server in slapd chanceryd; do alive $server || fail "$server does not run"; done

echo "-- by hand"
(
    # shellcheck disable=SC1091
    . "$DIR/env"
    cd "$folder" || exit 1
    openssl req -new -newkey rsa:2048 -noenc -keyout k -out r -subj /CN=x 2>/dev/null || exit 1
    chancery submit r --template User --out c || exit 1
    openssl x509 -in c -outform DER -out c.der
    for _ in $(seq 100); do
        ldapsearch -x -LLL -o ldif-wrap=no -b "$DEMO_REQUESTER_DN" userCertificate | grep -qF "$(base64 -w0 c.der)" && exit 0
        sleep .1
    done
    exit 1
) || fail "by hand"

echo "-- after a crash of both"
count=$( (. "$DIR/env"; chancery --json info) | tr -d ' \n' | sed 's/.*"issued":\([0-9]*\).*/\1/')
kill -9 "$(cat "$DIR/run/chanceryd.pid")" "$(cat "$DIR/run/slapd.pid")"
"$top/demo" --batch --dir "$DIR" >"$folder/log" || { cat "$folder/log"; fail "demo after a crash"; }
again=$( (. "$DIR/env"; chancery --json info) | tr -d ' \n' | sed 's/.*"issued":\([0-9]*\).*/\1/')
[ "$count" = "$again" ] || fail "$count certificates before the crash, $again after it"

echo "-- on a terminal"
command -v tmux >/dev/null || { echo "tmux is not installed"; exit 1; }
TMUX_TMPDIR=$folder
export TMUX_TMPDIR
unset TMUX
LC_ALL=C.UTF-8 tmux -f /dev/null new-session -d -s d -x 80 -y 24 'env TERM=screen-256color sh' || fail tmux
await() {
    for _ in $(seq 600); do
        tmux capture-pane -p -t d | grep -qE -- "$1" && return 0
        sleep .1
    done
    tmux capture-pane -p -t d
    fail "the terminal does not show $1"
}
tmux send-keys -t d "stty -a >$folder/before; $top/demo --dir $DIR; echo en''ded=\$?; stty -a >$folder/after" Enter
await 'Enter\]'
tmux send-keys -t d Enter
await 'Pending'
await 'web07'
tmux send-keys -t d i
await 'ISSUE'
tmux send-keys -t d y
await 'ISSUED'
tmux send-keys -t d Q
await 'ended=0'
cmp "$folder/before" "$folder/after" || fail "the terminal is not as it was"
for server in slapd chanceryd; do ! alive $server || fail "$server still runs"; done
ldapsearch -x -H "$SLAPD_URI" -b '' -s base 1.1 >/dev/null || fail "the slapd that was there before is gone"
slapd_stop
left=$(pgrep -f -- "$folder" | grep -vxF $$ | xargs -r ps -o args= -p | grep -E 'slapd|chanceryd')
[ -z "$left" ] || fail "still running: $left"
