#!/bin/sh
# With the daemon stopped and no directory a CRL is made from the database or from a backup; its number is above every other, and the
# next start puts it on record.
. "$top_srcdir/tests/lib/ca.sh"
need openssl
ca_begin
backups=$D/backups
mkdir "$backups"
[ "$(id -u)" -ne 0 ] || chown $CA_AUTHORITY_UID:$CA_AUTHORITY_UID "$backups"
for name in one two three; do
    key_and_request $name /CN=$name
    expect 0 chancery --json submit "$D/$name.csr" --template User --out "$D/$name.pem"
done
serial_of() { openssl x509 -in "$D/$1.pem" -noout -serial | sed 's/.*=//'; }
number_of() { openssl crl -inform DER -in "$1" -noout -crlnumber | sed 's/.*=//'; }
expect 0 chancery retrieve "$(serial_of one)" --chain
awk '/BEGIN/ { n++ } n == 2' "$D/out" >"$D/ca.pem"
expect 0 chancery revoke "$(serial_of one)" --reason superseded
expect 0 chancery crl publish
expect 0 chancery crl get --out "$D/normal.crl"
expect 0 chancery backup "$backups/b"
expect 0 chancery revoke "$(serial_of two)" --reason keyCompromise
expect 1 chanceryd --emergency-crl "$D/e.crl"
grep -q 'stop it first' "$D/err" || fail "$(cat "$D/err")"
[ ! -e "$D/e.crl" ] || fail "made beside a running daemon"
ca_stop
slapd_stop

say "from the database, then from the backup, without a directory"
expect 0 chanceryd --emergency-crl "$D/e.crl" --valid 48
expect 1 chanceryd --emergency-crl "$D/e.crl"
grep -q 'not replaced' "$D/err" || fail "$(cat "$D/err")"
expect 0 chanceryd --emergency-crl "$D/f.crl" --from "$backups/b"
expect 1 chanceryd --emergency-crl "$D/g.crl" --from "$D/ca/www"
expect 1 chanceryd --emergency-crl "$D/g.crl" --key 7
expect 64 chanceryd --emergency-crl "$D/g.crl" --valid 0
[ ! -e "$D/g.crl" ] || fail "a refused one is there"
[ $(($(number_of "$D/normal.crl"))) -lt $(($(number_of "$D/e.crl"))) ] || fail "the first number does not rise"
[ $(($(number_of "$D/e.crl"))) -lt $(($(number_of "$D/f.crl"))) ] || fail "the second number does not rise"
for crl in e f; do
    expect 0 openssl crl -inform DER -in "$D/$crl.crl" -CAfile "$D/ca.pem" -noout
    grep -q 'verify OK' "$D/err" || fail "the signature: $(cat "$D/err")"
    openssl crl -inform DER -in "$D/$crl.crl" -noout -text >"$D/$crl.text"
    grep -qi "$(serial_of one)" "$D/$crl.text" || fail "one is not on $crl"
done
grep -qi "$(serial_of two)" "$D/e.text" || fail "two is not on the one from the database"
grep -qi "$(serial_of two)" "$D/f.text" && fail "the backup knows of what came later"
grep -qi "$(serial_of three)" "$D/e.text" && fail "three was never revoked"

say "the next start audits it, and goes on above it"
slapd_resume || fail "slapd"
ca_start
expect 0 chancery --json audit list --all
grep -q 'crl.outside' "$D/out" || fail "it is not on record"
grep -q "CRL $(($(number_of "$D/f.crl" | sed 's/^/0x/;s/0x0x/0x/'))) of key 0" "$D/out" || fail "its number is not on record"
expect 0 chancery crl publish
expect 0 chancery crl get --out "$D/next.crl"
[ $(($(number_of "$D/f.crl"))) -lt $(($(number_of "$D/next.crl"))) ] || fail "the next number does not rise"
