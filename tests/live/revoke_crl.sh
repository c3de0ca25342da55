#!/bin/sh
# A revoked certificate is on the CRL in the directory and in the folder, and openssl refuses it and accepts the other one.
. "$top_srcdir/tests/lib/ca.sh"
need openssl ldapsearch curl
ca_begin

for name in one two; do
    key_and_request $name /CN=$name
    expect 0 chancery --json submit "$D/$name.csr" --template User --out "$D/$name.pem"
    eval "${name}_id=\$(json_field id)"
done
serial=$(openssl x509 -in "$D/two.pem" -noout -serial | sed 's/.*=//')
# shellcheck disable=SC2154
expect 64 chancery revoke "$two_id" --reason noSuchReason
expect 64 chancery revoke "$two_id"
expect 0 chancery revoke "$serial" --reason superseded
expect 1 chancery isvalid "$two_id"
grep -q superseded "$D/out" || fail "isvalid gives no reason"
expect 0 chancery crl publish

entry="cn=EXAMPLE-CA,ou=pki,$SLAPD_SUFFIX"
published() {
    curl -s "$SLAPD_URI/$entry?certificateRevocationList;binary?base" | sed -n 's/^.*certificateRevocationList;binary:: *//p' |
        tr -d ' \n' | base64 -d >"$D/crl.der" && openssl crl -inform DER -in "$D/crl.der" -noout -text | grep -qi "$serial"
}
within 20 published || { entry_values "$entry" certificateRevocationList; fail "the CRL in the directory does not list $serial"; }
openssl crl -inform DER -in "$D/crl.der" -out "$D/crl.pem"
openssl crl -in "$D/crl.pem" -noout -text | grep -q Superseded || fail "the reason"
expect 0 chancery retrieve "$two_id" --chain
awk '/BEGIN/ { n++ } n == 2' "$D/out" >"$D/ca.pem"
expect 0 openssl verify -crl_check -x509_strict -CAfile "$D/ca.pem" -CRLfile "$D/crl.pem" "$D/one.pem"
if openssl verify -crl_check -x509_strict -CAfile "$D/ca.pem" -CRLfile "$D/crl.pem" "$D/two.pem" >"$D/out" 2>&1; then
    fail "openssl accepts the revoked one"
fi
grep -q 'certificate revoked' "$D/out" || fail "refused for another reason: $(cat "$D/out")"

say "the same CRL as a file and from the CA"
filed() { for file in "$D"/ca/www/*.crl; do cmp -s "$file" "$D/crl.der" && return 0; done; return 1; }
within 20 filed || fail "no file in $D/ca/www is the CRL: $(ls "$D/ca/www")"
expect 0 chancery crl get --out "$D/got.crl"
openssl crl -in "$D/got.crl" -outform DER -out "$D/got.der" 2>/dev/null || openssl crl -inform DER -in "$D/got.crl" -outform DER -out "$D/got.der"
cmp -s "$D/got.der" "$D/crl.der" || fail "crl get"

say "nothing due is silence; numbers rise; a hold can be released"
expect 0 chancery crl publish --if-due
[ -s "$D/out" ] || [ -s "$D/err" ] && fail "noise: $(cat "$D/out" "$D/err")"
number() { openssl crl -inform DER -in "$1" -noout -crlnumber | sed 's/.*=//'; }
first=$(number "$D/got.der")
# shellcheck disable=SC2154
expect 0 chancery revoke "$one_id" --reason certificateHold
expect 0 chancery release "$one_id"
expect 1 chancery release "$two_id"
expect 0 chancery crl publish
expect 0 chancery crl get --out "$D/got2.crl"
openssl crl -in "$D/got2.crl" -outform DER -out "$D/got2.der" 2>/dev/null || cp "$D/got2.crl" "$D/got2.der"
[ $((first)) -lt $(($(number "$D/got2.der"))) ] || fail "the CRL number does not rise"
openssl crl -inform DER -in "$D/got2.der" -noout -text >"$D/text"
[ "$(grep -c 'Serial Number' "$D/text")" -eq 1 ] || fail "a released certificate is on the CRL"
