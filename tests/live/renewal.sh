#!/bin/sh
# A root renewed with its own key, twice, then with a new one: openssl and certtool verify what was issued before and after with the
# chain of the key that signed; each key's revocations stand on its own CRL; files and entries carry (n); nothing is lost by a restart.
. "$top_srcdir/tests/lib/ca.sh"
need openssl certtool
# shellcheck source=tests/lib/slapd.sh
. "$top_srcdir/tests/lib/slapd.sh"
slapd_have || skip "slapd is not installed"
ca_reachable
ca_folder
slapd_start "$D/slapd" || fail "slapd"
ca_modules
ca_configure
ca_init --path-length 1
ca_start
expect 0 chancery template adopt User

line() { [ "$(wc -l <"$D/err")" -eq 1 ] && grep -qF -- "$1" "$D/err" || { cat "$D/err" >&2; fail "no single line that says: $1"; }; }
issue() { # NAME
    key_and_request "$1" /CN=alice
    expect 0 chancery submit "$D/$1.csr" --template User --out "$D/$1.pem" --chain
}
# verifies LEAF CA: leaf and CA's certificate, with the CRL of its key, by two libraries.
verifies() {
    expect 0 openssl verify -x509_strict -CAfile "$D/$2" "$D/$1.pem"
    cat "$D/$1.pem" "$D/$2" >"$D/whole.pem"
    expect 0 certtool --verify --load-ca-certificate "$D/$2" --infile "$D/whole.pem"
}
ca_of() { chancery retrieve "$1" --chain >"$D/out" || fail "retrieve $1"; awk '/BEGIN/ { n++ } n == 2' "$D/out"; } # the CA certificate of this chain
fingerprint() { openssl x509 -in "$1" -noout -fingerprint -sha256; }
info_has() { chancery info >"$D/out" && grep -q "$1" "$D/out" || { cat "$D/out" >&2; fail "info does not say $1"; }; }

say "before"
issue old
ca_of 1 >"$D/ca0.pem"
verifies old ca0.pem
expect 0 chancery crl publish

say "renewal with the same key: certificate index 1, key index 0"
[ "$(id -u)" -ne 0 ] || expect 77 as $WEB07 chancery renew
expect 1 chancery renew --days 30
line "before the present one"
expect 1 chancery renew --csr-out "$D/none.csr"
line "signs its own certificate"
[ ! -e "$D/none.csr" ] || fail "a request was made all the same"
expect 64 chancery renew --days none
expect 64 chancery renew --key rsa-2048
expect 1 chancery renew --days 5000
line "signer.conf"
expect 0 chancery renew --days 3650
info_has "^Certificate index *1$"
info_has "^Key index *0$"
issue same
ca_of 2 >"$D/ca1.pem"
[ "$(fingerprint "$D/ca0.pem")" != "$(fingerprint "$D/ca1.pem")" ] || fail "the chain has the certificate of before"
for leaf in old same; do
    for ca in ca0.pem ca1.pem; do verifies $leaf $ca; done
done
openssl x509 -in "$D/ca1.pem" -noout -text | grep -q "pathlen:1" || fail "the path length is lost"
expect 0 chancery renew
info_has "^Certificate index *2$"
ca_of 1 >"$D/ca2.pem"
verifies old ca2.pem
within 30 test -s "$D/ca/www/EXAMPLE-CA(2).crt" || fail "no file (2).crt"
[ -s "$D/ca/www/EXAMPLE-CA.crt" ] && [ -s "$D/ca/www/EXAMPLE-CA(1).crt" ] || fail "files of certificates are missing"
[ ! -e "$D/ca/www/EXAMPLE-CA(1).crl" ] || fail "a CRL of a key that is not there"

say "a new key wants a place of its own for each key's CRL, and the daemon stopped"
expect 78 chancery renew --new-key
line "%K or %D"
sed -i "s|^cdp = .*|cdp = $SLAPD_URI/%D?certificateRevocationList;binary?base?(objectClass=*)|" "$CHANCERY_CONF"
sed -i 's|^\[certificate\]|&\naia = http://pki.example.com/%N%K.crt|' "$CHANCERY_CONF"
cp "$D/ca/signer.conf" "$D/signer.conf.before"
expect 1 chancery renew --new-key
line "another chanceryd"
cmp -s "$D/ca/signer.conf" "$D/signer.conf.before" || fail "signer.conf changed all the same"
ca_stop
rm -rf "$D/db.before" && cp -a "$D/ca/db" "$D/db.before"

say "a new key: certificate index 3, key index 1; interrupted runs leave the old state and are gone on with"
expect 64 chancery renew --new-key --key wrong
cmp -s "$D/ca/signer.conf" "$D/signer.conf.before" || fail "signer.conf changed all the same"
expect 0 chancery renew --new-key --key rsa-2048
grep -q "^key 1$" "$D/out" || fail "init does not say key 1"
made=$(sed -n 's/^spki = //p' "$D/ca/signer.conf")
say "... as if it had ended after signer.conf: the old key signs, and the next run takes the key that is there"
rm -rf "$D/ca/db" && cp -a "$D/db.before" "$D/ca/db"
ca_start
info_has "^Certificate index *2$"
info_has "index 1, rsa-2048, waits for its certificate"
issue between
ca_stop
expect 1 chancery renew --new-key --key ecdsa-p384
line "waits for its certificate"
say "... as if it had ended before signer.conf"
rm -rf "$D/db.before" && cp -a "$D/ca/db" "$D/db.before"
cp "$D/signer.conf.before" "$D/ca/signer.conf"
ca_start
issue again
ca_stop
expect 0 chancery renew --new-key --key rsa-2048
[ "$(sed -n 's/^spki = //p' "$D/ca/signer.conf")" = "$made" ] || fail "another key was made"
ca_start
info_has "^Certificate index *3$"
info_has "^Key index *1$"

say "each leaf with the chain and the CRL of its own key"
issue new
id=$(sed -n 's/^RequestID *//p' "$D/out")
[ -n "$id" ] || { cat "$D/out" >&2; fail "no RequestID"; }
ca_of "$id" >"$D/ca3.pem"
ca_of 1 >"$D/again.pem"
[ "$(fingerprint "$D/again.pem")" = "$(fingerprint "$D/ca2.pem")" ] || fail "the old leaf's chain is not of the old key's newest certificate"
[ "$(fingerprint "$D/ca3.pem")" != "$(fingerprint "$D/ca2.pem")" ] || fail "the new leaf's chain is of the old key"
for leaf in old same between again; do verifies $leaf ca2.pem; done
verifies new ca3.pem
openssl verify -CAfile "$D/ca2.pem" "$D/new.pem" >/dev/null 2>&1 && fail "the new leaf verifies with the old key"
expect 2 chancery health
grep -q "CRITICAL *CRL of key 1: none was made" "$D/out" || { cat "$D/out" >&2; fail "health does not miss the new key's CRL"; }
expect 0 chancery revoke 1 --reason superseded
expect 0 chancery revoke "$id" --reason keyCompromise
expect 0 chancery crl publish
[ "$(grep -c '^CRL number' "$D/out")" -eq 2 ] || { cat "$D/out" >&2; fail "not one CRL a key"; }
expect 0 chancery crl publish --if-due
[ ! -s "$D/out" ] || { cat "$D/out" >&2; fail "nothing was due"; }
for key in 0 1; do expect 0 chancery crl get --key $key --pem --out "$D/crl$key.pem"; done
expect 1 chancery crl show --key 2
line "no certificate for a key 2"
expect 64 chancery crl show --key x
expect 0 openssl crl -in "$D/crl0.pem" -noout -CAfile "$D/ca2.pem" -verify
expect 0 openssl crl -in "$D/crl1.pem" -noout -CAfile "$D/ca3.pem" -verify
for pair in "old ca2 crl0" "new ca3 crl1"; do
    # shellcheck disable=SC2086
    set -- $pair
    openssl verify -crl_check -CAfile "$D/$2.pem" -CRLfile "$D/$3.pem" "$D/$1.pem" >"$D/out" 2>&1
    grep -q "certificate revoked" "$D/out" || { cat "$D/out" >&2; fail "$1 is not revoked by $3"; }
done
expect 0 openssl verify -crl_check -x509_strict -CAfile "$D/ca2.pem" -CRLfile "$D/crl0.pem" "$D/same.pem"
entries() { openssl crl -in "$D/$1.pem" -noout -text | grep -c "Serial Number:"; }
[ "$(entries crl0)" -eq 1 ] && [ "$(entries crl1)" -eq 1 ] || fail "a revocation stands on the other key's CRL"
expect 0 chancery health

say "places: the key's for CRLs, the certificate's for certificates, one entry with all of them"
openssl x509 -in "$D/new.pem" -noout -text >"$D/text"
grep -q 'EXAMPLE-CA(1).*certificateRevocationList\|EXAMPLE-CA\\28.*certificateRevocationList' "$D/text" || { cat "$D/text" >&2; fail "no CDP of key 1"; }
grep -q 'EXAMPLE-CA(3).crt' "$D/text" || { cat "$D/text" >&2; fail "no AIA of certificate 3"; }
within 30 test -s "$D/ca/www/EXAMPLE-CA(3).crt" || fail "no file of certificate 3"
within 30 test -s "$D/ca/www/EXAMPLE-CA(1).crl" || fail "no file of key 1's CRL"
openssl crl -in "$D/crl1.pem" -outform DER -out "$D/crl1.der"
openssl crl -in "$D/crl0.pem" -outform DER -out "$D/crl0.der"
within 30 entry_holds "cn=EXAMPLE-CA(1),ou=pki,$SLAPD_SUFFIX" certificateRevocationList "$D/crl1.der" || fail "the new key's entry lacks its CRL"
within 30 entry_holds "cn=EXAMPLE-CA,ou=pki,$SLAPD_SUFFIX" certificateRevocationList "$D/crl0.der" || fail "the old key's entry lacks its CRL"
for n in 0 1 2 3; do
    der "$D/ca$n.pem" "$D/ca$n.der"
    within 30 entry_holds "cn=EXAMPLE-CA,ou=pki,$SLAPD_SUFFIX" cACertificate "$D/ca$n.der" || fail "the CA's entry lacks certificate $n"
done
enrollment() { entry_holds "cn=EXAMPLE-CA,cn=enrollment services,ou=pki,$SLAPD_SUFFIX" cACertificate "$D/ca3.der" && [ ! -e "$D/entry.1" ]; }
within 30 enrollment || fail "the enrolment entry does not show the certificate that signs alone"

say "a restart: nothing is lost, and each series goes on"
ca_stop
ca_start
info_has "^Certificate index *3$"
verifies new ca3.pem
number() { chancery crl show --key "$1" | sed -n 's/^CRL number *//p'; }
before0=$(number 0) before1=$(number 1)
[ -n "$before0" ] && [ -n "$before1" ] || fail "no CRL numbers"
expect 0 chancery crl publish
[ "$(number 0)" -gt "$before0" ] && [ "$(number 1)" -gt "$before1" ] || fail "the numbers did not rise"

say "a CRL number that stands in the signer's journal alone: the next one is above it"
ca_stop
rm -rf "$D/db.before" && cp -a "$D/ca/db" "$D/db.before"
ca_start
mkdir -p "$D/former/newcerts"
: >"$D/former/index.txt"
ahead=$(($(date +%s) + 1000000))
printf '%X\n' $ahead >"$D/former/crlnumber"
expect 0 chancery import --openssl "$D/former"
expect 0 chancery crl publish
[ "$(number 1)" -gt $ahead ] || fail "the number of a former CA was not taken over: $(number 1)"
ahead=$(number 1)
ca_stop
rm -rf "$D/ca/db" && cp -a "$D/db.before" "$D/ca/db"
ca_start
[ "$(number 1)" -lt "$ahead" ] || fail "the database knows of it"
expect 0 chancery crl publish
[ "$(number 1)" -gt "$ahead" ] || fail "number $(number 1) is not above $ahead"

say "a CA that was decommissioned gets no new key"
expect 0 chancery decommission --expect EXAMPLE-CA
ca_stop
cp "$D/ca/signer.conf" "$D/signer.conf.before"
expect 1 chancery renew --new-key
line "decommissioned"
cmp -s "$D/ca/signer.conf" "$D/signer.conf.before" || fail "signer.conf changed all the same"
