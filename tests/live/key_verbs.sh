#!/bin/sh
# key check, passwd and export: a signature shows that key and certificate belong together; another passphrase opens the key from
# then on and the old one does not; the exported key is the CA's, by openssl. And what is refused.
. "$top_srcdir/tests/lib/ca.sh"
need expect openssl
ca_begin
secret=$(cat "$D/ca/passphrase")
chancery --json info >"$D/out" || fail "info"

# at_terminal STATUS ANSWERS… -- COMMAND…: gives the answers one by one to what asks on a terminal of its own.
at_terminal() {
    wanted=$1
    shift
    answers=
    while [ "$1" != -- ]; do answers="$answers {$1}" && shift; done
    shift
    expect "$wanted" env expect -c "set timeout 60
spawn -noecho $*
foreach answer [list $answers] {
    expect -re {: $} {} eof { puts {NO PROMPT}; exit 99 } timeout { puts {NO PROMPT}; exit 99 }
    send -- \"\$answer\r\"
}
expect eof
lassign [wait] pid id failed status
exit \$status"
}
line() { grep -qF -- "$1" "$D/out" "$D/err" || { cat "$D/out" "$D/err" >&2; fail "nothing says: $1"; }; }
audited() {
    expect 0 chancery audit list --all
    grep -F "$1" "$D/out" | grep -qF "$2" || { cat "$D/out" >&2; fail "no audit record $1 $2"; }
}
opens() { openssl pkey -in "$1" -passin "pass:$2" -pubout >"$3" 2>/dev/null; }
key=$D/ca/signer/key.pem

say "key check"
expect 0 chancery key check
line "ECDSA P-256"
line "$key"
line "they belong together"
audited key.check proven
openssl ecparam -name prime256v1 -genkey -noout -out "$D/other.key" 2>/dev/null
if [ "$(id -u)" -eq 0 ]; then
    expect 77 as $BOB chancery key check
    at_terminal 77 "$secret" new-one new-one -- setpriv --reuid $BOB --regid $BOB --clear-groups chancery key passwd
fi

say "key export: under a passphrase of its own, the present one is asked for"
at_terminal 1 wrong of-its-own of-its-own -- chancery key export "$D/wrong.pem"
line "the present passphrase is wrong"
[ ! -e "$D/wrong.pem" ] || fail "a file was written with a wrong passphrase"
audited key.export signer.passphrase
at_terminal 65 "$secret" of-its-own of-another -- chancery key export "$D/wrong.pem"
line "differ"
at_terminal 1 "$secret" of-its-own of-its-own -- chancery key export "$D/wrong.pem" --key 3
line "no key 3"
at_terminal 0 "$secret" of-its-own of-its-own -- chancery key export "$D/exported.pem"
[ "$(stat -c %a "$D/exported.pem")" = 600 ] || fail "the exported key has mode $(stat -c %a "$D/exported.pem")"
grep -q "BEGIN ENCRYPTED PRIVATE KEY" "$D/exported.pem" || fail "the exported key is not encrypted"
opens "$D/exported.pem" "$secret" "$D/pub" && fail "the exported key opens with the CA's passphrase"
opens "$D/exported.pem" of-its-own "$D/exported.pub" || fail "the exported key does not open with its own passphrase"
expect 0 chancery --json info
openssl x509 -in "$D/ca/www/EXAMPLE-CA.crt" -inform DER -noout -pubkey >"$D/ca.pub" 2>/dev/null ||
    within 20 sh -c "openssl x509 -in '$D'/ca/www/*.crt -inform DER -noout -pubkey >'$D/ca.pub' 2>/dev/null" || fail "the CA certificate"
cmp -s "$D/exported.pub" "$D/ca.pub" || fail "the exported key is not the CA's"
at_terminal 74 -- chancery key export "$D/exported.pem"
line "--force"
expect 64 chancery key export -
audited key.export exported

say "key passwd"
cp -p "$key" "$D/key.before"
at_terminal 1 wrong new-one new-one -- chancery key passwd
line "the present passphrase is wrong"
cmp -s "$key" "$D/key.before" || fail "the key file was changed with a wrong passphrase"
audited key.passwd begun
mode=$(stat -c '%a %u' "$key")
at_terminal 0 "$secret" "new one, longer" "new one, longer" -- chancery key passwd
line "$D/ca/passphrase"
opens "$key" "$secret" "$D/pub" && fail "the old passphrase still opens the key"
opens "$key" "new one, longer" "$D/pub" || fail "the new passphrase does not open the key"
cmp -s "$D/pub" "$D/ca.pub" || fail "the key file holds another key"
[ "$(stat -c '%a %u' "$key")" = "$mode" ] || fail "the key file was $mode and is $(stat -c '%a %u' "$key")"
[ "$(cat "$D/ca/passphrase")" = "$secret" ] || fail "the passphrase file was written"
[ ! -e "$key.next" ] || fail "$key.next was left"
audited key.passwd changed
grep -qF -e "$secret" -e "new one, longer" "$D/chanceryd.log" && fail "a passphrase stands in the log"
mkdir -m 700 "$D/backup"
[ "$(id -u)" -ne 0 ] || chown $CA_AUTHORITY_UID "$D/backup"
expect 0 chancery backup "$D/backup/one" --with-key
find "$D/backup" -name key.pem >"$D/found"
opens "$(cat "$D/found")" "new one, longer" "$D/pub" || fail "a backup's key does not open with the new passphrase"

say "the next start needs the new one"
ca_stop
expect 78 chanceryd -f
line "the passphrase is wrong"
echo "new one, longer" >"$D/ca/passphrase"
ca_start
expect 0 chancery key check
ca_stop

say "a change that a crash cut short is completed by the passphrase that it was made with"
cp -p "$key" "$key.next"
cp -p "$D/key.before" "$key"
ca_start
expect 0 chancery key check
[ ! -e "$key.next" ] || fail "$key.next was left"
opens "$key" "new one, longer" "$D/pub" || fail "the file that was about to take the key's place did not"
