#!/bin/sh
# check-db finds what is broken in a database, in words that name it: each case breaks a copy in one way. A sound one is called sound,
# running, stopped and as a backup.
. "$top_srcdir/tests/lib/ca.sh"
need openssl dd
break=$top_builddir/tests/live/break_store
[ -x "$break" ] || fail "break_store is not built"
ca_begin
for name in one two three four; do
    key_and_request $name "/CN=$name"
    expect 0 chancery --json submit "$D/$name.csr" --template User --out "$D/$name.pem"
    eval "${name}_id=\$(json_field id)"
done
# shellcheck disable=SC2154
expect 0 chancery revoke "$two_id" --reason superseded
# shellcheck disable=SC2154
expect 0 chancery revoke "$three_id" --reason certificateHold
expect 0 chancery release "$three_id"
expect 0 chancery crl publish
key_and_request web /CN=web07.example.com DNS:web07.example.com

say "sound: running, as a backup, stopped"
expect 0 chancery check-db
grep -qx 'the database is sound' "$D/out" || fail "$(cat "$D/out")"
backups=$D/backups
mkdir "$backups"
[ "$(id -u)" -ne 0 ] || chown $CA_AUTHORITY_UID:$CA_AUTHORITY_UID "$backups"
expect 0 chancery backup "$backups/good"
expect 0 chancery check-db --offline "$backups/good"
expect 1 chancery check-db --offline
grep -q 'stop it first' "$D/err" || fail "a running daemon's files: $(cat "$D/err")"
expect 64 chancery check-db "$backups/good"
[ "$(id -u)" -ne 0 ] || expect 77 as $BOB chancery check-db
ca_stop
expect 0 chancery check-db --offline
[ -z "$(find "$D/ca/db" -maxdepth 1 -name 'check*' ! -name '*.db')" ] || fail "something is left: $(ls "$D/ca/db")"

# broken WHAT PATTERN COMMAND…: a copy that COMMAND breaks ({} is its folder) is found to be, and the finding is a line with PATTERN.
broken() {
    what=$1 pattern=$2
    shift 2
    say "$what"
    rm -rf "$D/broken"
    cp -a "$backups/good" "$D/broken"
    if [ "$(id -u)" -eq 0 ]; then own="setpriv --reuid $CA_AUTHORITY_UID --regid $CA_AUTHORITY_UID --clear-groups --"; else own=; fi
    $own "$@" >"$D/break.log" 2>&1 || fail "cannot be broken so: $(cat "$D/break.log")"
    expect 1 chancery check-db --offline "$D/broken"
    grep -qE -- "$pattern" "$D/out" || fail "no finding says \"$pattern\": $(cat "$D/out")"
}
# after a change the manifest no longer holds: that is a finding of its own, and the check goes on
db=$D/broken/db
broken "a changed file" '/db/[a-z_0-9.]* was changed after the backup was made' "$break" "$db" i_serial drop
broken "an index row that is gone" 'index i_serial: a row of certificate [0-9]+ is missing' "$break" "$db" i_serial drop
broken "a name that finds nothing" 'index i_certificate_name: a row of certificate [0-9]+ is missing' "$break" "$db" i_certificate_name drop
broken "an index row for nothing" 'index i_disposition: it has a row for request 1' "$break" "$db" requests drop
broken "a certificate that is gone" 'request 1: its certificate is missing' "$break" "$db" certificates drop
broken "a serial that is gone" 'its serial is not among the serials in use' "$break" "$db" serials drop
broken "a revocation that is gone" 'certificate 2: it is revoked, and no CRL will have it' "$break" "$db" revoked drop
broken "an audit record that is gone" 'audit: the records 2 to 2 are missing' "$break" "$db" audit drop 2
broken "an audit record that was changed" 'audit record [34]: ' "$break" "$db" audit garble 3
broken "the last audit records cut off" 'not the one that the head of the chain names' \
    "$break" "$db" audit drop "$(sed -n 's/^audit //p' "$backups/good/manifest")"
broken "an adopted template that was changed" 'template .*: the adopted copy is not what its digest says' "$break" "$db" templates garble
broken "a certificate's octets" 'certificate 1: ' "$break" "$db" certificates garble

say "a flipped byte"
rm -rf "$D/broken"
cp -a "$backups/good" "$D/broken"
printf '\377' | dd of="$db/certificates.db" bs=1 seek=$((4096 + 600)) conv=notrunc 2>/dev/null
printf '\377\377\377' | dd of="$db/certificates.db" bs=1 seek=$((8192 + 2000)) conv=notrunc 2>/dev/null
expect 1 chancery check-db --offline "$D/broken"
grep -q 'certificates.db was changed' "$D/out" || fail "$(cat "$D/out")"
grep -qE 'certificates.db: the file is damaged|recovery ended|checksum' "$D/out" || fail "nothing but the manifest found it: $(cat "$D/out")"

say "a journal that lost its end"
rm -rf "$D/broken"
cp -a "$backups/good" "$D/broken"
truncate -s -732 "$D/broken/signer/journal"
expect 1 chancery check-db --offline "$D/broken"
grep -q "the signer's journal knows nothing of it" "$D/out" || fail "$(cat "$D/out")"

say "a manifest that lies, and none"
rm -rf "$D/broken"
cp -a "$backups/good" "$D/broken"
sed -i 's/^audit .*/audit 1/' "$D/broken/manifest"
expect 1 chancery check-db --offline "$D/broken"
grep -q 'was changed after it was written' "$D/err" || fail "$(cat "$D/err")"
rm "$D/broken/manifest"
expect 1 chancery check-db --offline "$D/broken"
grep -q 'is no backup' "$D/err" || fail "$(cat "$D/err")"

say "the running CA's own database, broken while it was stopped"
if [ "$(id -u)" -eq 0 ]; then as $CA_AUTHORITY_UID "$break" "$D/ca/db" i_sha256 drop; else "$break" "$D/ca/db" i_sha256 drop; fi || fail "break_store"
ca_start
expect 1 chancery check-db
grep -q 'index i_sha256: a row of certificate' "$D/out" || fail "$(cat "$D/out")"
expect 0 chancery --json audit list --all
grep -q '"outcome": *"damaged"' "$D/out" || fail "the check is not on record"
