#!/bin/sh
# A clock that is set wrong: nothing is signed, and everything else goes on; by itself when it is right again, or when an
# administrator says that it is. The daemon alone sees the clock that the test sets.
. "$top_srcdir/tests/lib/ca.sh"
need openssl perl
shim=$top_builddir/.libs/clock_shim.so
[ -e "$shim" ] || shim=$top_builddir/tests/lib/.libs/clock_shim.so
[ -e "$shim" ] || fail "tests/lib/clock_shim.la is not built in $top_builddir"
ca_begin
cp "$shim" "$D/clock_shim.so" && chmod 755 "$D/clock_shim.so"

clock() { # SECONDS: that the daemon's clock stands from ours, written at once
    perl -e 'print pack("q", $ARGV[0])' -- "$1" >"$D/clock.new" && cat "$D/clock.new" 1<>"$D/clock"
}
clock_start() {
    clock "$1"
    LD_PRELOAD=$D/clock_shim.so
    CLOCK_SHIM=$D/clock
    ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
    export LD_PRELOAD CLOCK_SHIM ASAN_OPTIONS
    chanceryd -f >>"$D/chanceryd.log" 2>&1 &
    CA_PID=$!
    CA_PIDS="$CA_PIDS $CA_PID"
    unset LD_PRELOAD CLOCK_SHIM
    within 30 chancery -q info || fail "chanceryd does not answer"
}
: >"$D/clock"
chmod 644 "$D/clock"
clock 0
line() { grep -qF -- "$1" "$D/out" "$D/err" || { cat "$D/out" "$D/err" >&2; fail "nothing says: $1"; }; }
health_row() { # STATE NAME; the other rows are not what is tested here
    chancery health >"$D/out" 2>"$D/err"
    grep -q "^$1 *$2:" "$D/out" || { cat "$D/out" "$D/err" >&2; fail "the row $2 of health is not $1"; }
}
audited() {
    expect 0 chancery audit list --all
    grep -F "$1" "$D/out" | grep -qF "$2" || { cat "$D/out" >&2; fail "no audit record $1 $2"; }
}
for name in one two three four five six; do key_and_request $name "/CN=$name"; done
day=86400

say "the clock runs evenly"
ca_stop
clock_start 0
health_row OK Clock
line "runs evenly"
expect 0 chancery submit "$D/one.csr" --template User --out "$D/one.pem"
expect 1 chancery clock accept
line "nothing to accept"

say "it is set two days ahead while the CA runs: nothing is signed"
clock $((2 * day))
expect 75 chancery --json submit "$D/two.csr" --template User
line clock.jumped
expect 75 chancery crl publish
line "clock accept"
health_row CRITICAL Clock
line "Clock: nothing is signed"
expect 0 chancery revoke 1 --reason superseded
expect 0 chancery list
audited request.submit clock.jumped

say "set right again it signs, with nothing to be done"
clock 0
health_row OK Clock
expect 0 chancery submit "$D/two.csr" --template User --out "$D/two.pem"
clock $((day / 2))
expect 0 chancery submit "$D/three.csr" --template User
health_row OK Clock

say "before the last signature: nothing is signed, by less than five minutes it is"
clock $((day / 2 - 200))
expect 0 chancery submit "$D/four.csr" --template User
clock 0
expect 75 chancery --json submit "$D/five.csr" --template User
line clock.before_last
health_row CRITICAL Clock
line "the last signature was made at"

say "neither does a restart help: the journal knows"
ca_stop
clock_start 0
expect 75 chancery --json submit "$D/five.csr" --template User
line clock.before_last

say "an administrator accepts it"
if [ "$(id -u)" -eq 0 ]; then
    expect 77 as "$BOB" chancery clock accept
fi
expect 0 chancery clock accept
expect 0 chancery submit "$D/five.csr" --template User --out "$D/five.pem"
expect 0 chancery crl publish
health_row OK Clock
audited clock.accept accepted
ca_stop
ca_start
expect 0 chancery submit "$D/six.csr" --template User
health_row OK Clock
grep -q "the clock is accepted" "$D/chanceryd.log" || fail "the signer's log does not say that the clock was accepted"
