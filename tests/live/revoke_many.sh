#!/bin/sh
# Many are revoked at once: exactly as many as expected or none, each on record, also when the daemon is killed in between. COUNT
# certificates of a filled database (5,000; `make bench-revoke` takes 100,000 and judges SECONDS_MAX).
. "$top_srcdir/tests/lib/ca.sh"
need openssl python3
ca_begin
count=${COUNT:-5000}
me=$(id -un 2>/dev/null) || me="uid $(id -u)" # as the CA calls him
[ -z "${CHANCERY_SLOW:-}" ] || count=${COUNT:-2000}
fill=$top_builddir/tests/bench/fill_store
[ -x "$fill" ] || fail "fill_store is not built"
for name in one two three; do
    key_and_request $name "/CN=$name"
    expect 0 chancery --json submit "$D/$name.csr" --template User
    eval "${name}_id=\$(json_field id)"
done
ca_stop
if [ "$(id -u)" -eq 0 ]; then
    expect 0 as $CA_AUTHORITY_UID "$fill" "$D/ca/db" "$count" 7
else
    expect 0 "$fill" "$D/ca/db" "$count" 7
fi
many=$((count - 7))
ca_start

number() { json_field "$1"; }
revoked() { chancery --json info | sed -n 's/.*"revoked": *\([0-9]*\).*/\1/p' | head -n 1; }
audited() { # how many records of revocations, and of the batch
    chancery audit list --all >"$D/audit" || fail "audit list"
    grep -c "certificate.revoke .*batch" "$D/audit"
}

say "a filter that is none, a count that differs: nothing changes"
before=$(revoked)
expect 0 chancery --json revoke --match 'requester=bench name=host*' --reason superseded --dry-run
[ "$(number count)" = $many ] && [ "$(number final)" = 7 ] || fail "$(cat "$D/out")"
expect 1 chancery revoke --match 'requester=bench name=host*' --reason superseded --expect $((many + 1))
grep -q "fits $many certificates" "$D/err" || fail "the true count is not said: $(cat "$D/err")"
expect 1 chancery revoke --match 'requester=nobody' --reason superseded --expect 0
for filter in '' 'colour=red' 'template' 'template=' 'template=User template=User' 'name=*' 'name=a*b' 'since=yesterday' 'key-index=x' \
    'disposition=pending' 'template="User' 'template="User"x' 'expiring=-1'; do
    expect 64 chancery revoke --match "$filter" --reason superseded --expect 1
done
expect 64 chancery revoke --match 'requester=bench' --reason superseded
expect 64 chancery revoke --match 'requester=bench' --reason nothing --expect 1
expect 64 chancery revoke --match 'requester=bench' --expect 1
expect 64 chancery revoke 1 --match 'requester=bench' --reason superseded --expect 1
expect 65 chancery revoke --match 'requester=bench' --reason superseded --expect 1 --at -3d
[ "$(revoked)" = "$before" ] || fail "something was revoked"
if [ "$(id -u)" -eq 0 ]; then
    expect 77 as $BOB "$D/bin/chancery" -c "$CHANCERY_CONF" revoke --match 'requester=bench' --reason superseded --dry-run
fi

say "$many, with a kill in between"
begin=$(now_ms)
chancery --json revoke --match 'requester=bench name=host* template=user' --reason superseded --expect $many >"$D/batch.out" 2>"$D/batch.err" &
batch_pid=$!
CA_PIDS="$CA_PIDS $batch_pid"
position() { chancery --json batch >"$D/out" 2>/dev/null && [ "$(number position)" -ge "$1" ]; }
if within 60 position $((count / 5)); then :; else fail "the batch does not go on: $(cat "$D/out" "$D/batch.err")"; fi
killed_at=$(number position)
ca_kill
[ "$killed_at" -lt $many ] || say "it was done before it was killed: $killed_at"
say "killed at $killed_at; submissions go on beside it"
ca_start
expect 0 chancery --json submit "$D/one.csr" --template User --usage Default
beside=$(number id)
wait $batch_pid
status=$?
batch_ended() { chancery --json batch >"$D/batch.out" 2>/dev/null && grep -q '"state": "done"' "$D/batch.out"; }
if [ $status -eq 69 ]; then # the kill came before the answer that the batch is begun: what goes on is the daemon's
    within 60 batch_ended || fail "the batch does not end: $(cat "$D/batch.out")"
    status=0
fi
took=$(($(now_ms) - begin))
[ $status -eq 0 ] || fail "ended with $status: $(cat "$D/batch.out" "$D/batch.err")"
cp "$D/batch.out" "$D/out"
[ "$(number state)" = '"done' ] || [ "$(number state)" = done ] || fail "state: $(cat "$D/out")"
[ "$(number revoked)" = $many ] && [ "$(number skipped)" = 0 ] || fail "$(cat "$D/out")"
say "$many certificates in $took ms"
echo "measure revoke_many_s $(awk "BEGIN { print $took / 1000 }") s"
[ -z "${SECONDS_MAX:-}" ] || [ $took -le $((SECONDS_MAX * 1000)) ] || fail "longer than $SECONDS_MAX s"

say "each once: counts, audit, CRL; what did not fit is as it was"
[ "$(revoked)" = $((before + many)) ] || fail "$(revoked) are revoked, not $((before + many))"
[ "$(audited)" = $many ] || fail "$(audited) audit records, not $many"
grep "certificate.revoke " "$D/audit" | grep -o 'request [0-9]*' | sort | uniq -d | grep . && fail "one was revoked twice"
[ "$(grep -c "revoke.batch .*begun" "$D/audit")" = 1 ] && [ "$(grep -c "revoke.batch .*done" "$D/audit")" = 1 ] || fail "the batch's own records"
[ "$(grep -c "revoke.batch .*refused" "$D/audit")" -ge 1 ] || fail "refusals are not audited"
# shellcheck disable=SC2154
expect 0 chancery isvalid "$one_id"
expect 0 chancery isvalid "$beside"
expect 0 chancery crl publish
expect 0 chancery --json crl show
[ "$(number entries)" = $((many + 7)) ] || fail "the CRL has $(number entries) entries"
expect 1 chancery revoke --match 'requester=bench' --reason superseded --expect $many
grep -q "fits 0 certificates.*$count that are revoked already" "$D/err" || fail "$(cat "$D/err")"

say "a hold can be made final by a batch; another hold stays"
# shellcheck disable=SC2154
expect 0 chancery revoke "$two_id" --reason certificateHold
expect 0 chancery --json revoke --match "requester=\"$me\" disposition=revoked" --reason keyCompromise --expect 1
[ "$(number revoked)" = 1 ] || fail "$(cat "$D/out")"
expect 1 chancery release "$two_id"
# shellcheck disable=SC2154
expect 0 chancery revoke --match "requester=\"$me\" since=-1h until=+1h key-index=0 disposition=issued" --reason certificateHold --expect 3
expect 0 chancery release "$three_id"
expect 0 chancery batch
grep -q "certificateHold" "$D/out" || fail "batch: $(cat "$D/out")"
