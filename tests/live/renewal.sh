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
