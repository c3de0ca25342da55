#!/bin/sh
# A backup is taken while requests and revocations go on: it is whole under its name or not there, and each file is what the
# manifest says. Who may not is refused; what exists is never replaced.
. "$top_srcdir/tests/lib/ca.sh"
need openssl sha256sum
ca_begin
backups=$D/backups
mkdir -m 755 "$backups"
[ "$(id -u)" -ne 0 ] || chown $CA_AUTHORITY_UID:$CA_AUTHORITY_UID "$backups"

# load N: N requests, every second of them revoked, until stopped.
load() {
    for number in $(seq 1 "$1"); do
        key_and_request "load$number" "/CN=load$number"
        chancery -q submit "$D/load$number.csr" --template User --out "$D/load$number.pem" >/dev/null 2>>"$D/load.err" || return 1
        [ $((number % 2)) -eq 0 ] || continue
        chancery -q revoke "$(openssl x509 -in "$D/load$number.pem" -noout -serial | sed 's/.*=//')" --reason superseded >/dev/null 2>>"$D/load.err" || return 1
    done
}
load 12 &
loading=$!
for number in 1 2 3; do
    expect 0 chancery backup "$backups/b$number" --with-key
    grep -q "^$backups/b$number: [0-9]* files, [0-9]* octets$" "$D/out" || fail "backup says: $(cat "$D/out")"
done
wait $loading || fail "the load failed: $(cat "$D/load.err")"

say "what stands in it"
for number in 1 2 3; do
    folder=$backups/b$number
    for file in db/requests.db db/certificates.db db/log.0000000001 etc/chancery.conf etc/signer.conf signer/journal signer/key.pem; do
        [ -s "$folder/$file" ] || fail "$folder/$file is not there"
    done
    sed -n 's/^file \([0-9a-f]*\) [0-9]* \(.*\)$/\1  \2/p' "$folder/manifest" >"$D/sums"
    [ "$(wc -l <"$D/sums")" -eq "$(find "$folder" -type f ! -name manifest | wc -l)" ] || fail "files that the manifest does not name"
    (cd "$folder" && sha256sum -c --quiet "$D/sums") || fail "the manifest does not say what stands there"
    [ "$(sed -n 's/^end //p' "$folder/manifest")" = "$(sed '/^end /d' "$folder/manifest" | sha256sum | cut -d' ' -f1)" ] || fail "the seal"
    grep -q ENCRYPTED "$folder/signer/key.pem" || fail "the key is not encrypted"
    cmp -s "$folder/etc/chancery.conf" "$CHANCERY_CONF" || fail "the configuration"
    [ "$(stat -c %a "$folder")" = 700 ] || fail "others may enter $folder"
done
[ -z "$(find "$backups" -name '.*partial*')" ] || fail "something is left: $(ls -a "$backups")"

say "refusals"
expect 1 chancery backup "$backups/b1"
grep -q 'is there already' "$D/err" || fail "$(cat "$D/err")"
expect 1 chancery backup "$D/ca/db/inside"
expect 1 chancery backup "$D/nowhere/b"
expect 64 chancery backup
if [ "$(id -u)" -eq 0 ]; then
    expect 77 as $BOB chancery backup "$backups/b4"
    [ ! -e "$backups/b4" ] || fail "made for somebody without the role"
    mkdir -m 700 "$D/closed"
    expect 74 chancery backup "$D/closed/b"
fi
expect 0 chancery --json audit list --all
grep -q backup.exists "$D/out" || fail "the refusal is not on record"
grep -q '"outcome": *"made"' "$D/out" || fail "the backup is not on record"

say "killed while it copies: nothing has the name, and the next one removes what is left"
for wait in 0.02 0.06; do
    chancery -q backup "$backups/killed" >/dev/null 2>&1 &
    asking=$!
    sleep $wait
    ca_kill
    wait $asking 2>/dev/null
    if [ -e "$backups/killed" ]; then
        expect 0 chancery check-db --offline "$backups/killed"
        rm -rf "$backups/killed"
    fi
    ca_start
done
expect 0 chancery backup "$backups/b4"
[ -z "$(find "$backups" -name '.*partial*')" ] || fail "something is left: $(ls -a "$backups")"
expect 0 chancery check-db --offline "$backups/b4"
for number in 1 2 3; do expect 0 chancery check-db --offline "$backups/b$number"; done

say "without the key; health knows the age"
expect 0 chancery --json backup "$backups/b5"
[ "$(json_field folder)" = "$backups/b5" ] || fail "$(cat "$D/out")"
[ ! -e "$backups/b5/signer/key.pem" ] || fail "the key, which nobody asked for"
chancery health >"$D/out" 2>&1
grep -q '^OK *Backup: the last one is' "$D/out" || fail "$(cat "$D/out")"
