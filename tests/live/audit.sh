#!/bin/sh
# The auditor's day: filters, verification, an export that jq reads and that is verified without a daemon by the CA's certificate,
# edits of it that are found, reads on record where asked for, and what a start puts on record.
. "$top_srcdir/tests/lib/ca.sh"
need openssl
ca_begin
key_and_request user /CN=x
expect 0 chancery --json submit "$D/user.csr" --template User
id=$(json_field id)
expect 0 chancery revoke "$id" --reason superseded
expect 1 chancery release "$id"

say "filters"
expect 0 chancery --json audit list --action 'certificate.*' --all
grep -q certificate.revoke "$D/out" && grep -q certificate.release "$D/out" || fail "certificate.*: $(cat "$D/out")"
grep -q request.submit "$D/out" && fail "a filter lets other actions through"
expect 0 chancery --json audit list --object "request $id" --outcome refused
grep -q state.release "$D/out" || fail "refused: $(cat "$D/out")"
grep -q superseded "$D/out" && fail "a filter lets other outcomes through"
expect 0 chancery --json audit list --reason state.release --since -1h
grep -q state.release "$D/out" || fail "--since -1h"
expect 0 chancery --json audit list --reason state.release --since +1h
grep -q state.release "$D/out" && fail "--since +1h finds what is older"
expect 0 chancery --json audit list --reason state.release --until -1h
grep -q state.release "$D/out" && fail "--until -1h finds what is newer"
expect 64 chancery audit list --since yesterday

say "the database verifies, and says what no checkpoint covers yet"
expect 0 chancery --json audit verify
[ "$(json_field records)" -gt 5 ] || fail "records: $(cat "$D/out")"
started() { chancery --json audit verify >"$D/out" && [ "$(json_field checkpoint)" -ge 1 ]; }
within 30 started || fail "no checkpoint since the start: $(cat "$D/out")"

say "an export"
expect 0 chancery audit export --out "$D/log.json"
expect 74 chancery audit export --out "$D/log.json"
expect 0 chancery --json audit verify
last=$(json_field checkpoint)
expect 0 chancery retrieve "$id" --chain
awk '/BEGIN/ { n++ } n == 2' "$D/out" >"$D/ca.pem"
openssl x509 -in "$D/ca.pem" -noout || fail "the CA's certificate"
if command -v jq >/dev/null; then
    [ "$(jq -r 'select(.action == "certificate.revoke") | .reason' "$D/log.json")" = superseded ] || fail "jq does not read it"
    [ "$(jq -s 'map(select(.record)) | length' "$D/log.json")" -gt 5 ] || fail "jq counts no records"
fi
head -n 1 "$D/log.json" | grep -q '^{"checkpoint":' || fail "it does not begin with its last checkpoint"
[ "$(head -n 1 "$D/log.json")" = "$(tail -n 1 "$D/log.json")" ] || fail "it does not end with its last checkpoint"
expect 0 chancery audit export
head -n 1 "$D/out" | grep -q '^{"checkpoint":' || fail "nothing on standard output"

say "verified with the daemon's certificate, and without a daemon"
expect 0 chancery audit verify "$D/log.json"
ca_stop
expect 69 chancery audit verify "$D/log.json"
expect 0 chancery --json audit verify "$D/log.json" --certificate "$D/ca.pem"
[ "$(json_field after_checkpoint)" = 0 ] || fail "records after the checkpoint of an export: $(cat "$D/out")"
openssl x509 -in "$D/ca.pem" -outform DER -out "$D/ca.der"
expect 0 chancery audit verify "$D/log.json" --certificate "$D/ca.der"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=EXAMPLE-CA -keyout "$D/other.key" \
    -out "$D/other.pem" 2>/dev/null
expect 1 chancery audit verify "$D/log.json" --certificate "$D/other.pem"
grep -q 'none of this CA' "$D/err" || fail "another CA's certificate: $(cat "$D/err")"

say "an edit is found, with its place"
bad() { # WORDS
    expect 1 chancery audit verify "$D/bad.json" --certificate "$D/ca.pem"
    grep -q "$1" "$D/err" || fail "expected \"$1\": $(cat "$D/err")"
}
sed '5s/"actor":"\(.\)/"actor":"x\1/' "$D/log.json" >"$D/bad.json" && bad 'line 5'
sed 5d "$D/log.json" >"$D/bad.json" && bad 'line 5.*missing'
sed '$d' "$D/log.json" >"$D/bad.json" && bad 'cut off'
sed 1d "$D/log.json" >"$D/bad.json" && bad 'line 1'
head -c -1 "$D/log.json" >"$D/bad.json" && bad 'within a line'
{ cat "$D/log.json"; sed -n 3p "$D/log.json"; } >"$D/bad.json" && bad 'after its end'
printf 'nothing' >"$D/bad.json" && bad 'line 1'
expect 65 chancery audit verify "$D/no-such-file" --certificate "$D/ca.pem"

say "a later part alone"
ca_start
expect 0 chancery audit export --after "$last" --out "$D/tail.json"
expect 0 chancery audit verify "$D/tail.json" --after "$last" --certificate "$D/ca.pem"
expect 1 chancery audit verify "$D/tail.json" --certificate "$D/ca.pem"
expect 1 chancery audit export --after 99999999

say "stop, start, and what changed between them"
expect 0 chancery --json audit list --action daemon.stop
grep -q daemon.stop "$D/out" || fail "the stop is not on record"
expect 0 chancery --json audit list --action start.digest --after "$last"
grep -q start.digest "$D/out" && fail "nothing changed: $(cat "$D/out")"
ca_stop
printf '# a comment\n[audit]\nreads = requests audit\ncheckpoint = 1s\n' >>"$CHANCERY_CONF"
cp "$D/modules/policy_enterprise.so" "$D/module" && printf x >>"$D/module" && cat "$D/module" >"$D/modules/policy_enterprise.so"
expect 0 chanceryd -t
ca_start
expect 0 chancery --json audit list --action start.digest --after "$last"
for what in chancery.conf policy/enterprise; do grep -q "$what" "$D/out" || fail "the change of $what is not on record: $(cat "$D/out")"; done
grep -q publish/file "$D/out" && fail "publish/file did not change"

say "reads on record where the configuration names the kind"
expect 0 chancery show "$id"
expect 0 chancery template list
expect 0 chancery --json audit list --outcome read --after "$last"
grep -q '"show"' "$D/out" || fail "show is not on record: $(cat "$D/out")"
grep -q 'template' "$D/out" && fail "a kind that is not named is on record"
covered() { chancery --json audit verify >"$D/covered" && grep -q '"after_checkpoint": *[01][,}]*$' "$D/covered"; }
within 30 covered || fail "no checkpoint by the clock: $(cat "$D/covered")"
ca_stop
printf '[audit]\nreads = everything\n' >"$D/wrong"
sed '/^\[audit\]/,$d' "$CHANCERY_CONF" | cat - "$D/wrong" >"$D/wrong.conf"
expect 78 chanceryd -t -c "$D/wrong.conf"
grep -q everything "$D/err" || fail "reads = everything: $(cat "$D/err")"
ca_start
