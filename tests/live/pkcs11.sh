#!/bin/sh
# The CA key in a PKCS#11 token (SoftHSM): made there or used as it is there, the PIN given as a passphrase is; certificates and CRL
# that openssl verifies; a token that goes away and comes back; locked without the PIN; what is refused.
. "$top_srcdir/tests/lib/ca.sh"
need openssl softhsm2-util expect setsid
# shellcheck source=tests/lib/slapd.sh
. "$top_srcdir/tests/lib/slapd.sh"
slapd_have || skip "slapd is not installed"
ca_reachable
ca_folder
slapd_start "$D/slapd" || fail "slapd"
ca_modules
ca_configure
for module in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so; do [ -e "$module" ] && break; done
[ -e "$module" ] || skip "SoftHSM's module is not installed"

mkdir -m 700 "$D/tokens"
echo "directories.tokendir = $D/tokens
objectstore.backend = file
log.level = ERROR" >"$D/softhsm2.conf"
SOFTHSM2_CONF=$D/softhsm2.conf
export SOFTHSM2_CONF
softhsm2-util --init-token --free --label chancery --so-pin 87654321 --pin 12345678 >"$D/out" 2>&1 || { cat "$D/out" >&2; fail "softhsm2-util"; }
[ "$(id -u)" -ne 0 ] || chown -R $CA_SIGNER_UID:$CA_SIGNER_UID "$D/tokens"
uri="pkcs11:token=chancery;object=ca-key?module-path=$module"

line() { grep -qF -- "$1" "$D/out" "$D/err" || { cat "$D/out" "$D/err" >&2; fail "nothing says: $1"; }; }
pin() {
    echo "$1" >"$D/ca/passphrase"
    chmod 600 "$D/ca/passphrase"
    [ "$(id -u)" -ne 0 ] || chown $CA_SIGNER_UID "$D/ca/passphrase"
}
health_row() {
    chancery health >"$D/out" 2>"$D/err"
    grep -q "^$1 *$2:" "$D/out" || { cat "$D/out" "$D/err" >&2; fail "the row $2 of health is not $1"; }
}
audited() {
    expect 0 chancery audit list --all
    grep -F "$1" "$D/out" | grep -qF "$2" || { cat "$D/out" >&2; fail "no audit record $1 $2"; }
}

say "refused: a PIN in the URI, no key named, a token that is not there, a wrong PIN, a type that there is none of"
pin 12345678
while read -r status words key; do
    # shellcheck disable=SC2086
    expect "$status" chanceryd --init --passphrase-file "$D/ca/passphrase" --key $key
    line "$words"
    [ ! -e "$D/ca/signer.conf" ] || fail "signer.conf was made for $key"
done <<X2
78 PIN pkcs11:token=chancery;object=ca-key?pin-value=12345678
78 PIN pkcs11:token=chancery;object=ca-key;pin-source=/etc/passwd
78 object= pkcs11:token=chancery
78 token= pkcs11:object=ca-key
64 ecdsa-p256 $uri --key-type dsa-1024
64 --key-type ecdsa-p256 --key-type ecdsa-p384
X2
pin 11111111
expect 78 chanceryd --init --passphrase-file "$D/ca/passphrase" --key "$uri"
line "passphrase is wrong"

say "init makes the key in the token"
pin 12345678
expect 0 chanceryd --init --passphrase-file "$D/ca/passphrase" --key "$uri" --key-type ecdsa-p384
[ ! -e "$D/ca/signer/key.pem" ] || fail "there is a key in a file"
grep -q "^key = pkcs11:token=chancery;object=ca-key" "$D/ca/signer.conf" || fail "signer.conf does not name the key"
grep -rq 12345678 "$D/ca/signer.conf" "$D/ca/chancery.conf" && fail "the PIN stands in a configuration"
ca_start
expect 0 chancery template adopt User
key_and_request alice /CN=alice
expect 0 chancery submit "$D/alice.csr" --template User --out "$D/alice.pem"
expect 0 chancery retrieve 1 --chain
awk '/BEGIN/ { n++ } n == 2' "$D/out" >"$D/ca.pem"
expect 0 chancery crl publish
expect 0 chancery crl get --pem --out "$D/crl.pem"
expect 0 openssl verify -crl_check -x509_strict -CAfile "$D/ca.pem" -CRLfile "$D/crl.pem" "$D/alice.pem"
openssl x509 -in "$D/alice.pem" -noout -text | grep -q ecdsa-with-SHA384 || fail "the certificate is not signed by the token's key"

say "key check says where it is; the key neither leaves the token nor changes its PIN here"
expect 0 chancery key check
line "pkcs11:token=chancery;object=ca-key"
line "they belong together"
for verb in "export $D/exported.pem" passwd; do
    expect 1 env expect -c "set timeout 60
spawn -noecho chancery key $verb
foreach answer {12345678 new-one new-one} {
    expect -re {: \$} {} eof { exit 99 } timeout { exit 99 }
    send -- \"\$answer\r\"
}
expect eof
lassign [wait] pid id failed status
exit \$status"
    line "PKCS#11 token"
done
[ ! -e "$D/exported.pem" ] || fail "a file was written"

say "many at once"
for number in 1 2 3 4 5 6; do key_and_request "many$number" "/CN=many$number"; done
expect 0 chancery submit "$D"/many*.csr --template User

say "the token goes away: 75; it comes back: it signs again"
mv "$D/tokens" "$D/tokens.away"
for name in away back reset; do key_and_request $name "/CN=$name"; done
expect 75 chancery --json submit "$D/away.csr" --template User
line signer.token
health_row OK Disk
expect 0 chancery list
mv "$D/tokens.away" "$D/tokens"
signs() { chancery submit "$1" --template User --out "$2" --force; }
within 30 signs "$D/back.csr" "$D/back.pem" || { signs "$D/back.csr" "$D/back.pem"; fail "it does not sign again"; }
expect 0 openssl verify -x509_strict -CAfile "$D/ca.pem" "$D/back.pem"
expect 0 chancery key check
audited request.submit signer.token

say "after a restart of the daemon the same key is used"
ca_stop
ca_start
expect 0 chancery submit "$D/reset.csr" --template User --out "$D/reset.pem"
expect 0 openssl verify -x509_strict -CAfile "$D/ca.pem" "$D/reset.pem"
ca_stop

say "a wrong PIN in the file ends the start"
pin 11111111
expect 78 chanceryd -f
line "passphrase is wrong"

say "without the PIN it starts locked, and the PIN opens it"
rm "$D/ca/passphrase"
ca_start
expect 0 chancery info
line Locked
health_row CRITICAL Signer
expect 0 env expect -c "set timeout 60
spawn -noecho chancery unlock
expect -re {: \$} {} eof { exit 99 } timeout { exit 99 }
send -- 12345678\r
expect eof
lassign [wait] pid id failed status
exit \$status"
expect 0 chancery crl publish
expect 0 chancery key check
ca_stop

say "a key that is in the token already is used as it is"
mkdir "$D/first"
mv "$D/ca/db" "$D/ca/signer" "$D/ca/signer.conf" "$D/first"
pin 12345678
expect 0 chanceryd --init --passphrase-file "$D/ca/passphrase" --key "$uri"
ca_start
expect 0 chancery key check
line "ECDSA P-384"
chancery info --json >"$D/out" 2>/dev/null || chancery --json info >"$D/out"
cmp -s "$D/first/signer/key.pub" "$D/ca/signer/key.pub" || fail "another key was made"
ca_stop

say "a new key in the token: both sign, each with its own CRL; not the same key once more"
sed -i "s|^cdp = .*|cdp = $SLAPD_URI/%D?certificateRevocationList;binary?base?(objectClass=*)|" "$CHANCERY_CONF"
expect 1 chanceryd --new-key --key "$uri"
line "already"
[ "$(grep -c '^\[key' "$D/ca/signer.conf")" -eq 0 ] || fail "signer.conf names it"
expect 0 chanceryd --new-key --key "pkcs11:token=chancery;object=ca-key%202?module-path=$module"
ca_start
expect 0 chancery key check
[ "$(grep -c 'they belong together' "$D/out")" -eq 2 ] || { cat "$D/out" >&2; fail "two keys are not proven"; }
expect 0 chancery crl publish
for index in 0 1; do
    expect 0 chancery crl get --key $index --pem --out "$D/crl$index.pem"
done
cmp -s "$D/crl0.pem" "$D/crl1.pem" && fail "one CRL for two keys"
mv "$D/tokens" "$D/tokens.away"
expect 75 chancery key check
mv "$D/tokens.away" "$D/tokens"
within 30 chancery key check || { chancery key check; fail "the two keys do not sign again"; }
