#!/bin/sh
# A User request is issued at once, its names come from the directory, and the certificate stands under the requester's entry.
. "$top_srcdir/tests/lib/ca.sh"
need openssl ldapsearch
ca_begin

key_and_request user /CN=whatever
expect 0 chancery --json submit "$D/user.csr" --template User --out "$D/user.pem"
id=$(json_field id)
[ -n "$id" ] || fail "no RequestID in the answer"
der "$D/user.pem" "$D/user.der"

say "names from the directory, not from the request"
openssl x509 -in "$D/user.pem" -noout -subject -ext subjectAltName,extendedKeyUsage >"$D/text"
grep -q 'Alice Example' "$D/text" || fail "subject: $(cat "$D/text")"
grep -q whatever "$D/text" && fail "the request's subject was used"
grep -q 'alice@example.com' "$D/text" || fail "no mail address"
grep -q 'TLS Web Client Authentication' "$D/text" || fail "no EKU"

say "published byte for byte, and pkiUser added"
within 20 entry_holds uid=alice,ou=people,"$SLAPD_SUFFIX" userCertificate "$D/user.der" || fail "not published"
ldapsearch -x -LLL -H "$SLAPD_URI" -b "uid=alice,ou=people,$SLAPD_SUFFIX" -s base '(objectClass=pkiUser)' 1.1 | grep -q ^dn ||
    fail "class pkiUser"

say "the same request again is the same request"
expect 0 chancery --json submit "$D/user.csr" --template User
[ "$(json_field id)" = "$id" ] || fail "a second RequestID"

say "retrieve, show and isvalid by every kind of object"
serial=$(openssl x509 -in "$D/user.pem" -noout -serial | sed 's/.*=//')
[ ${#serial} -eq 32 ] || fail "serial $serial has not 32 digits"
sha256=$(openssl x509 -in "$D/user.pem" -noout -fingerprint -sha256 | sed 's/.*=//')
sha1=$(openssl x509 -in "$D/user.pem" -noout -fingerprint -sha1 | sed 's/.*=//')
for object in "$id" "req:$id" "$serial" "sn:$serial" "$sha256" "fp:$sha1"; do
    rm -f "$D/again.pem"
    expect 0 chancery retrieve "$object" --out "$D/again.pem"
    cmp -s "$D/user.pem" "$D/again.pem" || fail "retrieve $object gives something else"
done
expect 0 chancery isvalid "$serial"
expect 0 chancery show "$id" --text
expect 74 chancery retrieve "$id" --out "$D/again.pem"
expect 0 chancery retrieve "$id" --out "$D/again.pem" --force
expect 0 chancery retrieve "$id" --chain
[ "$(grep -c 'BEGIN CERTIFICATE' "$D/out")" -eq 2 ] || fail "the chain has two certificates"
openssl verify -x509_strict -CAfile "$D/ca/www/EXAMPLE-CA.crt" "$D/user.pem" >/dev/null 2>&1 ||
    { openssl x509 -inform DER -in "$D/ca/www/EXAMPLE-CA.crt" -out "$D/ca.pem" && openssl verify -x509_strict -CAfile "$D/ca.pem" "$D/user.pem"; } ||
    fail "openssl verify"

say "lists and the audit speak of it"
expect 0 chancery list --disposition issued
grep -q Alice "$D/out" || grep -q alice "$D/out" || fail "list"
expect 0 chancery find alice
expect 0 chancery --json audit list
grep -q '"action"' "$D/out" || fail "audit"
expect 0 chancery config
grep -qF 'ca.example.com\EXAMPLE-CA' "$D/out" || fail "configuration string"
expect 0 chancery whoami
grep -q 'uid=alice' "$D/out" || fail "whoami"
