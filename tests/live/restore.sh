#!/bin/sh
# A restore takes back what came after the backup: serials from the signer's journal, certificates from the directory, revocations from
# the CRL outside. Nothing is issued until the report was confirmed, and no number goes back.
. "$top_srcdir/tests/lib/ca.sh"
need openssl ldapsearch setpriv
if [ "$(id -u)" -eq 0 ]; then
    # First as somebody without rights, with all of it in a folder of his.
    as 65000 test -x "$top_builddir/chanceryd" || skip "$top_builddir is not open to other users"
    folder=$(mktemp -d "${TMPDIR:-/tmp}/chancery-ordinary.XXXXXX") || exit 99
    chown 65000:65000 "$folder"
    TMPDIR=$folder HOME=$folder as 65000 sh "$0"
    status=$?
    rm -rf "$folder"
    [ $status -eq 0 ] || exit $status
    say "and as root"
fi
ca_begin
backups=$D/backups
mkdir "$backups"
[ "$(id -u)" -ne 0 ] || chown $CA_AUTHORITY_UID:$CA_AUTHORITY_UID "$backups" "$D/ca"

issue() { # NAME TEMPLATE
    key_and_request "$1" "/CN=$1"
    expect 0 chancery --json submit "$D/$1.csr" --template User --out "$D/$1.pem"
    eval "$1_id=\$(json_field id)"
    der "$D/$1.pem" "$D/$1.der"
}
serial_of() { openssl x509 -in "$D/$1.pem" -noout -serial | sed 's/.*=//'; }
number_of() { openssl crl -inform DER -in "$1" -noout -crlnumber | sed 's/.*=//'; }
for name in before1 before2 before3; do issue $name; done
expect 0 chancery revoke "$(serial_of before2)" --reason superseded
expect 0 chancery crl publish
expect 0 chancery backup "$backups/b" --with-key
# after it: three certificates, of which the directory knows those that were published, and two revocations
for name in after1 after2 after3; do issue $name; done
within 30 entry_holds uid=alice,ou=people,"$SLAPD_SUFFIX" userCertificate "$D/after3.der" || fail "after3 is not published"
expect 0 chancery revoke "$(serial_of after1)" --reason keyCompromise
expect 0 chancery revoke "$(serial_of before3)" --reason cessationOfOperation
expect 0 chancery crl publish
expect 0 chancery crl get --out "$D/last.crl"
filed() { for file in "$D"/ca/www/*.crl; do cmp -s "$file" "$D/last.crl" && return 0; done; return 1; }
within 30 filed || fail "the CRL is not in the folder"
# one that is nowhere but in the journal: issued, and taken out of the directory
issue hidden
within 30 entry_holds uid=alice,ou=people,"$SLAPD_SUFFIX" userCertificate "$D/hidden.der" || fail "hidden is not published"
{ printf 'dn: uid=alice,ou=people,%s\nchangetype: modify\ndelete: userCertificate;binary\nuserCertificate;binary:: ' "$SLAPD_SUFFIX"
  base64 -w 0 "$D/hidden.der"; echo; } >"$D/hide.ldif"
ldapmodify -x -H "$SLAPD_URI" -D "$SLAPD_ADMIN" -w "$SLAPD_PASSWORD" -f "$D/hide.ldif" >/dev/null || fail "ldapmodify"

say "refused: while a daemon runs, what is no backup, what was changed; nothing is touched"
expect 1 chancery restore "$backups/b"
grep -q 'stop it first' "$D/err" || fail "$(cat "$D/err")"
ca_stop
find "$D/ca/db" -type f -exec sha256sum {} + | sort >"$D/sums"
expect 1 chancery restore "$D/ca/www"
cp -a "$backups/b" "$D/changed"
printf 'x' >>"$D/changed/signer/journal"
expect 1 chancery restore "$D/changed"
grep -q 'changed after the backup was made' "$D/err" || fail "$(cat "$D/err")"
find "$D/ca/db" -type f -exec sha256sum {} + | sort | cmp -s - "$D/sums" || fail "a refused restore changed the database"

say "killed in the middle: the database is the one before"
for wait in 0.05 0.15 0.3; do
    chanceryd --restore "$backups/b" >"$D/killed" 2>&1 &
    killed=$!
    sleep $wait
    kill -9 $killed 2>/dev/null
    wait $killed 2>/dev/null
done
if ! [ -e "$D/ca/db/requests.db" ]; then fail "no database is in place"; fi

say "restored"
expect 0 chancery restore "$backups/b"
cat "$D/out"
grep -q '^4 serials were signed after the backup' "$D/out" || grep -q 'serials were signed' "$D/out" || fail "no lost serials: $(cat "$D/out")"
grep -q '^3 certificates that were issued after the backup were taken back from the directory' "$D/out" || fail "the directory: $(cat "$D/out")"
grep -q '^1 certificates that were signed after the backup are nowhere' "$D/out" || fail "what is nowhere: $(cat "$D/out")"
grep -q '^2 revocations were taken back' "$D/out" || fail "the revocations: $(cat "$D/out")"
[ -d "$(ls -d "$D"/ca/db.before-restore-* | head -n 1)" ] || fail "the database before is not there"
[ ! -e "$D/ca/db.restoring" ] || fail "the stage is left"
ca_start

say "nothing is issued before the report was confirmed"
key_and_request early /CN=early
expect 75 chancery submit "$D/early.csr" --template User
grep -q 'chancery restore confirm' "$D/err" || fail "$(cat "$D/err")"
chancery health >"$D/out" 2>&1
[ $? -eq 2 ] && grep -q '^CRITICAL Restore: ' "$D/out" || fail "health: $(cat "$D/out")"
expect 0 chancery restore report
grep -q 'not confirmed' "$D/out" || fail "$(cat "$D/out")"
[ "$(id -u)" -ne 0 ] || expect 77 as $BOB chancery restore confirm
expect 0 chancery crl publish
expect 0 chancery crl get --out "$D/next.crl"
[ $(($(number_of "$D/next.crl"))) -gt $(($(number_of "$D/last.crl"))) ] || fail "the CRL number does not rise"
openssl crl -inform DER -in "$D/next.crl" -noout -text >"$D/text"
for name in before2 before3 after1; do
    grep -qi "$(serial_of $name)" "$D/text" || fail "$name is not on the CRL after the restore"
done
[ "$(grep -c 'Serial Number' "$D/text")" -eq 3 ] || fail "not three are on the CRL"

say "every certificate is the one that was issued"
for name in before1 before2 before3 after1 after2 after3; do
    expect 0 chancery retrieve "$(serial_of $name)" --out "$D/back.pem" --force
    cmp -s "$D/back.pem" "$D/$name.pem" || { der "$D/back.pem" "$D/back.der"; cmp -s "$D/back.der" "$D/$name.der"; } || fail "$name is another one"
done
expect 1 chancery isvalid "$(serial_of after1)"
expect 0 chancery isvalid "$(serial_of after2)"
say "one that is nowhere can be revoked"
expect 0 chancery --json list --disposition failed
lost=$(json_field id)
# shellcheck disable=SC2154
[ "$lost" -gt "$hidden_id" ] || fail "RequestID $lost was given before"
expect 0 chancery revoke "$lost" --reason keyCompromise
expect 0 chancery crl publish
expect 0 chancery crl get --out "$D/next.crl" --force
openssl crl -inform DER -in "$D/next.crl" -noout -text | grep -qi "$(serial_of hidden)" || fail "the lost serial is not on the CRL"

say "confirmed"
expect 0 chancery restore confirm
expect 1 chancery restore confirm
expect 0 chancery --json submit "$D/early.csr" --template User --out "$D/early.pem"
# shellcheck disable=SC2154
[ "$(json_field id)" -gt "$hidden_id" ] || fail "a RequestID was given twice"
expect 0 chancery check-db
expect 0 chancery --json audit list --all
for action in ca.restore restore.gap restore.serial restore.certificate restore.revocation restore.confirm; do
    grep -q "\"$action\"" "$D/out" || fail "$action is not on record"
done
# The signer signs checkpoints again: their numbers go on above those of the time that is lost.
expect 0 chancery audit export --out "$D/log.json"
expect 0 chancery audit verify "$D/log.json"
expect 0 chancery --json audit verify
[ "$(json_field lost)" -gt 0 ] || fail "the records that are lost are not told of: $(cat "$D/out")"
