#!/bin/sh
# Retention: what is old is exported whole and then removed, its serial never comes again, and what a CRL or an open question still needs
# stays. Reports tell of it all from the audit records, safely for a spreadsheet. At its end the CA issues no more and leaves a last CRL.
. "$top_srcdir/tests/lib/ca.sh"
need openssl python3
ca_begin
fill=$top_builddir/tests/bench/fill_store
[ -x "$fill" ] || fail "fill_store is not built"
ca_stop
if [ "$(id -u)" -eq 0 ]; then
    expect 0 as $CA_AUTHORITY_UID "$fill" "$D/ca/db" 3 0 230
else
    expect 0 "$fill" "$D/ca/db" 3 0 230
fi
ca_start
field() { sed -n "s/^  \"$1\": *\"\\{0,1\\}\\([^\",]*\\).*/\\1/p" "$D/out" | head -n 1; }
rows() { [ "$(wc -l <"$1")" -eq "$2" ] || fail "$1 has $(wc -l <"$1") lines, not $2"; }

say "failed requests go, but for those whose serial may stand somewhere"
expect 0 chancery --json purge --failed --before -1m --export "$D/failed.jsonl"
[ "$(field exported)" = 115 ] && [ "$(field removed)" = 115 ] && [ "$(field kept)" = 115 ] || fail "$(cat "$D/out")"
rows "$D/failed.jsonl" 115
[ "$(field sha256)" = "$(sha256sum <"$D/failed.jsonl" | cut -d' ' -f1)" ] || fail "the digest is not the file's"
python3 -c 'import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
assert all(r["disposition"] == "failed" and r["serial"] is None and r["requester"] == "bench" for r in rows), rows[0]
assert len({r["id"] for r in rows}) == 115
print(rows[0]["id"])' "$D/failed.jsonl" >"$D/first" || fail "the export"
expect 1 chancery show "$(cat "$D/first")"
expect 0 chancery audit list --all
grep -q "request.purge.*failed before.*removed.*$(sha256sum <"$D/failed.jsonl" | cut -d' ' -f1)" "$D/out" || fail "not audited with the export's digest"
expect 0 chancery --json list --disposition failed --all
[ "$(grep -c '"id"' "$D/out")" = 115 ] || fail "$(grep -c '"id"' "$D/out") failed requests are left"
expect 0 chancery --json purge --failed --before -1m --export "$D/again.jsonl"
[ "$(field exported)" = 0 ] && [ "$(field kept)" = 115 ] && [ ! -e "$D/again.jsonl" ] || fail "$(cat "$D/out")"

say "nothing is removed that is not on file"
expect 74 chancery purge --denied --before -1m --export "$D/failed.jsonl"
expect 64 chancery purge --denied --before +1h --export "$D/x.jsonl"
[ ! -e "$D/x.jsonl" ] || fail "a file was left"
expect 64 chancery purge --before -1m --export "$D/x.jsonl"
expect 64 chancery purge --denied --failed --before -1m --export "$D/x.jsonl"
expect 64 chancery purge --denied --export "$D/x.jsonl"
key_and_request evil /CN=alice DNS:=cmd.example.com
expect 2 chancery --json submit "$D/evil.csr" --template User
denied=$(field id)
[ -n "$denied" ] || denied=$(json_field id)
sleep 2 # a time is in whole seconds, and what is purged lies before it
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
expect 74 chancery purge --denied --before "$now" --export "$D/nowhere/x.jsonl"
expect 0 chancery show "$denied"
if [ "$(id -u)" -eq 0 ]; then
    install -d -o $CAROL -m 700 "$D/carol"
    expect 77 as $CAROL "$D/bin/chancery" -c "$CHANCERY_CONF" purge --denied --before "$now" --export "$D/carol/x"
    [ -z "$(ls "$D/carol")" ] || fail "a refused purge left files: $(ls "$D/carol")"
fi
expect 0 chancery --json purge --denied --before "$now" --export "$D/denied.jsonl"
[ "$(field removed)" = 1 ] || fail "$(cat "$D/out")"
grep -q 'BEGIN CERTIFICATE REQUEST' "$D/denied.jsonl" || fail "the request is not in the export"
expect 1 chancery show "$denied"

say "expired certificates go; a revoked one only after a complete CRL past its end; serials stay taken"
key_and_request one /CN=one
expect 0 chancery --json submit "$D/one.csr" --template User --out "$D/one.pem" --chain
one=$(json_field id)
awk '/BEGIN/ { n++ } n == 2' "$D/one.pem" >"$D/ca.pem"
openssl pkey -in "$D/ca/signer/key.pem" -passin "file:$D/ca/passphrase" -out "$D/ca.key" 2>/dev/null || fail "openssl cannot read the CA's key"
mkdir -p "$D/old/newcerts"
: >"$D/old/index.txt"
echo 2000 >"$D/old/serial"
printf '[ca]\ndefault_ca = old\n[old]\ndatabase = %s/index.txt\nnew_certs_dir = %s/newcerts\nserial = %s/serial\ncertificate = %s\nprivate_key = %s\ndefault_md = sha256\npolicy = any\nunique_subject = no\n[any]\ncommonName = supplied\n' \
    "$D/old" "$D/old" "$D/old" "$D/ca.pem" "$D/ca.key" >"$D/old/openssl.cnf"
for name in gone lost; do
    key_and_request $name /CN=$name
    openssl ca -config "$D/old/openssl.cnf" -batch -notext -in "$D/$name.csr" -out "$D/$name.pem" -startdate 200101000000Z -enddate 210101000000Z \
        >"$D/log" 2>&1 || fail "openssl ca: $(cat "$D/log")"
done
openssl ca -config "$D/old/openssl.cnf" -batch -revoke "$D/lost.pem" -crl_reason keyCompromise >"$D/log" 2>&1 || fail "openssl ca: $(cat "$D/log")"
expect 0 chancery crl publish
expect 0 chancery import --openssl "$D/old"
expect 0 chancery --json purge --expired --before -1d --export "$D/expired.jsonl"
[ "$(field removed)" = 1 ] && [ "$(field kept)" = 1 ] || fail "before the CRL: $(cat "$D/out")"
grep -q 'BEGIN CERTIFICATE--' "$D/expired.jsonl" || fail "the certificate is not in the export"
expect 0 chancery crl publish
expect 0 chancery crl get --pem --out "$D/crl.pem"
openssl crl -in "$D/crl.pem" -noout -text | grep -q "Serial Number: 2001" || fail "the expired one is not on a CRL past its end"
expect 0 chancery --json purge --expired --before -1d --export "$D/revoked.jsonl"
[ "$(field removed)" = 1 ] && [ "$(field kept)" = 0 ] || fail "after the CRL: $(cat "$D/out")"
expect 0 chancery crl publish
expect 0 chancery isvalid "$one"
expect 1 chancery --json import "$D/gone.pem"
[ "$(json_field reason)" = import.serial ] || fail "a purged serial is free: $(cat "$D/out")"
expect 1 chancery check-db # it finds the filler's rows, which are no certificates, and misses nothing of what was purged
if grep -vE "its octets are not those|its serial is not among the serials in use" "$D/out" | grep .; then fail "check-db after a purge"; fi

say "reports"
expect 0 chancery revoke "$one" --reason superseded
expect 0 chancery --json report issued --from -1h
grep -q "\"id\": $one," "$D/out" && grep -q '"what": "imported"' "$D/out" || fail "issued: $(cat "$D/out")"
python3 -c 'import json, sys
report = json.load(sys.stdin)
assert report["report"] == "issued" and len([r for r in report["rows"] if r["what"] == "issued"]) == 1' <"$D/out" || fail "issued"
expect 0 chancery report revoked --from -1h --to +1h
grep -q "revoked .* $one .*superseded" "$D/out" || fail "revoked: $(cat "$D/out")"
expect 0 chancery --json report revoked --from -2d --to -1d
grep -q '"rows": \[\]' "$D/out" || fail "another day: $(cat "$D/out")"
expect 64 chancery report revoked --from +1h --to -1h
expect 64 chancery report gossip
expect 0 chancery report roles
grep -q "administrator" "$D/out" && grep -q "holds" "$D/out" || fail "roles: $(cat "$D/out")"
key_and_request web /CN=web.example.com DNS:web.example.com
expect 3 chancery --json submit "$D/web.csr" --template WebServer
web=$(json_field id)
if [ "$(id -u)" -eq 0 ]; then
    expect 0 as $CAROL "$D/bin/chancery" -c "$CHANCERY_CONF" deny "$web" --message '=HYPERLINK("x")'
    expect 0 chancery --json report approvals --from -1h
    grep -q "\"id\": $web," "$D/out" && grep -q '"what": "denied"' "$D/out" || fail "approvals: $(cat "$D/out")"
    expect 0 chancery report approvals --from -1h --csv
    python3 -c 'import csv, sys
data = open(sys.argv[1], newline="").read()
assert data.count("\r\n") == data.count("\n") == 2, data
rows = list(csv.DictReader(data.splitlines()))
assert rows[0]["detail"] == "'"'"'=HYPERLINK(\"x\")", rows[0]
assert not any(cell[:1] in "=+-@\t\r" for row in rows for cell in row.values() if cell), rows' "$D/out" || fail "csv: $(cat "$D/out")"
    expect 77 as $BOB "$D/bin/chancery" -c "$CHANCERY_CONF" report issued
fi

say "the end"
expect 64 chancery decommission
expect 1 chancery decommission --expect OTHER-CA
key_and_request two /CN=two
expect 0 chancery --json submit "$D/two.csr" --template User
two=$(json_field id)
if [ "$(id -u)" -eq 0 ]; then
    install -d -o $CA_AUTHORITY_UID -m 700 "$D/backups"
    expect 77 as $CAROL "$D/bin/chancery" -c "$CHANCERY_CONF" decommission --expect EXAMPLE-CA
else
    mkdir -p "$D/backups"
fi
expect 0 chancery --json decommission --expect EXAMPLE-CA --backup "$D/backups/last"
[ -e "$D/backups/last/manifest" ] || fail "no backup: $(cat "$D/out")"
expect 0 chancery --json crl show
end=$(openssl x509 -in "$D/ca.pem" -noout -enddate | sed 's/.*=//')
[ "$(json_field next_update)" = "$(date -u -d "$end" +%Y-%m-%dT%H:%M:%SZ)" ] || fail "the last CRL ends $(json_field next_update), the CA $end"
key_and_request three /CN=three
expect 1 chancery --json submit "$D/three.csr" --template User
[ "$(json_field reason)" = ca.decommissioned ] || fail "submit: $(cat "$D/out")"
expect 1 chancery --json renew
[ "$(json_field reason)" = ca.decommissioned ] || fail "renew: $(cat "$D/out")"
chancery health >"$D/out" 2>&1
grep -qi "decommissioned" "$D/out" || fail "health: $(cat "$D/out")"
ca_stop
ca_start
expect 1 chancery --json submit "$D/three.csr" --template User
[ "$(json_field reason)" = ca.decommissioned ] || fail "submit after a restart: $(cat "$D/out")"
expect 0 chancery revoke "$two" --reason cessationOfOperation
expect 0 chancery crl publish
expect 0 chancery --json crl show
[ "$(json_field next_update)" = "$(date -u -d "$end" +%Y-%m-%dT%H:%M:%SZ)" ] || fail "the CRL after it ends $(json_field next_update)"
expect 0 chancery decommission --expect EXAMPLE-CA
grep -q "chancery backup" "$D/err" || fail "it does not say what to run: $(cat "$D/err")"
