#!/bin/sh
# kill -9 of daemon, signer and exit hosts at random moments while requests come in: what was answered stands byte for byte, no
# request has two certificates, no serial and no audit number is missing or twice, and everything issued arrives in the directory.
#   KILLS=1000 SEED=7 make check TESTS=tests/crash/kill_under_load.sh     a long round, or the same one again
. "$top_srcdir/tests/lib/ca.sh"
need ldapsearch ps
kills=${KILLS:-100} seed=${SEED:-$$}
load=$top_builddir/tests/crash/load
ca_begin
: >"$D/answers"
chmod 666 "$D/answers"
loaders=
loaders_end() { for pid in $loaders; do kill "$pid" 2>/dev/null; done; }
ca_end_hook=loaders_end

# Clients of three people where we may be three, so that no entry gets too large to be quick.
start_load() {
    "$load" submit "$D/ca/run/api.sock" "$D/answers" 3 60 2>>"$D/load.err" &
    loaders=$!
    [ "$(id -u)" -eq 0 ] || return 0
    for person in $BOB $CAROL; do
        setpriv --reuid "$person" --regid "$person" --clear-groups -- "$load" submit "$D/ca/run/api.sock" "$D/answers" 3 60 2>>"$D/load.err" &
        loaders="$loaders $!"
    done
}
# The child of this daemon with this title; quicker than ca_child, which a hundred kills need.
child() {
    ps -eo pid=,ppid=,args= | awk -v root="$CA_PID" -v title="chanceryd: $1" '
        { parent[$1] = $2; args = $0; sub(/^ *[0-9]+ +[0-9]+ /, "", args); if (index(args, title) == 1) found[$1] = 1 }
        END { for (p in found) for (a = p; a > 1; a = parent[a]) if (a == root) { print p; exit } }'
}
# "TARGET MILLISECONDS" a line: of five kills three hit the daemon, one the signer, one an exit host.
plan() {
    awk -v n="$kills" -v seed="$seed" 'BEGIN { srand(seed); for (i = 0; i < n; i++) {
        t = int(rand() * 10); print (t < 6 ? "daemon" : t < 8 ? "signer" : t < 9 ? "ldap" : "file"), int(rand() * 200) } }'
}
again() {
    ca_start
    [ "$CA_START_MS" -le "$slowest" ] || slowest=$CA_START_MS
    [ "$CA_START_MS" -lt 2000 ] || [ -n "${CHANCERY_SLOW:-}" ] || fail "restart after kill $number took $CA_START_MS ms"
}
gone() { ! kill -0 "$CA_PID" 2>/dev/null; }

say "$kills kills, SEED=$seed"
slowest=0 number=0 begin=$(now_ms)
start_load
plan >"$D/plan"
while read -r target ms; do
    number=$((number + 1))
    sleep "$(printf '0.%03d' "$ms")"
    case $target in
    daemon)
        ca_kill
        again ;;
    signer)
        pid=$(child signer)
        [ -n "$pid" ] || fail "kill $number: no signer"
        kill -9 "$pid"
        within 10 gone || fail "kill $number: the daemon goes on without a signer"
        wait "$CA_PID" 2>/dev/null
        CA_PID=
        again ;;
    *)
        pid=$(child "exit publish/$target")
        [ -z "$pid" ] || kill -9 "$pid" ;; # it may be waiting to be started again
    esac
done <"$D/plan"
say "killed in $((($(now_ms) - begin) / 1000)) s; the slowest restart answered after $slowest ms"

loaders_end
for pid in $loaders; do wait "$pid" || { cat "$D/load.err" >&2; fail "a client was told something wrong"; }; done
loaders=
"$load" check "$D/ca/run/api.sock" "$D/answers" >"$D/issued" || fail "the database is not what was answered"
[ "$(wc -l <"$D/answers")" -ge "$kills" ] || fail "only $(wc -l <"$D/answers") answers: that was no load"

published() {
    ldapsearch -x -LLL -o ldif-wrap=no -H "$SLAPD_URI" -D "$SLAPD_ADMIN" -w "$SLAPD_PASSWORD" -b "ou=people,$SLAPD_SUFFIX" userCertificate |
        sed -n 's/^userCertificate[^:]*:: //p' | sort >"$D/published"
    cmp -s "$D/published" "$D/issued.sorted"
}
sort "$D/issued" >"$D/issued.sorted"
begin=$(now_ms)
within 60 published || fail "of $(wc -l <"$D/issued") certificates $(wc -l <"$D/published") are in the directory after 60 s: $(chancery publish status)"
say "all $(wc -l <"$D/issued") certificates are in the directory, after $((($(now_ms) - begin) / 1000)) s"
