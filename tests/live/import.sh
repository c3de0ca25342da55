#!/bin/sh
# Certificates that the CA's key signed elsewhere are taken over: one by one, and a whole `openssl ca` database that openssl made with
# this CA's own key. Foreign, forged, known and CA certificates stay outside, and a hostile index.txt is no way in.
. "$top_srcdir/tests/lib/ca.sh"
need openssl python3
ca_begin

# The CA's key and certificate for openssl: who migrates has both.
key_and_request first /CN=first
expect 0 chancery submit "$D/first.csr" --template User --out "$D/first.pem" --chain
awk '/BEGIN/ { n++ } n == 2' "$D/first.pem" >"$D/ca.pem"
openssl pkey -in "$D/ca/signer/key.pem" -passin "file:$D/ca/passphrase" -out "$D/ca.key" 2>/dev/null || fail "openssl cannot read the CA's key"

mkdir -p "$D/old/newcerts"
: >"$D/old/index.txt"
echo 1000 >"$D/old/serial"
echo 7700000000 >"$D/old/crlnumber"
cat >"$D/old/openssl.cnf" <<END
[ca]
default_ca = old
[old]
dir = $D/old
database = $D/old/index.txt
new_certs_dir = $D/old/newcerts
serial = $D/old/serial
crlnumber = $D/old/crlnumber
certificate = $D/ca.pem
private_key = $D/ca.key
default_md = sha256
default_days = 30
policy = any
unique_subject = no
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
basicConstraints = CA:FALSE
subjectAltName = DNS:\$ENV::SAN
[sub]
basicConstraints = critical,CA:TRUE
END
openssl_ca() { SAN=${SAN:-old.example.com} openssl ca -config "$D/old/openssl.cnf" -batch -notext "$@" >"$D/log" 2>&1 || { cat "$D/log" >&2; fail "openssl ca $*"; }; }
number=0
for host in alpha beta gamma delta epsilon; do
    key_and_request $host /CN=$host.example.com
    SAN=$host.example.com openssl_ca -in "$D/$host.csr" -out "$D/$host.pem"
    number=$((number + 1))
done
key_and_request gone /CN=gone.example.com
SAN=gone.example.com openssl_ca -in "$D/gone.csr" -out "$D/gone.pem" -startdate 200101000000Z -enddate 210101000000Z
openssl_ca -revoke "$D/beta.pem" -crl_reason superseded
openssl_ca -revoke "$D/gamma.pem" -crl_compromise 20240203040506Z

say "one certificate by itself"
expect 0 chancery --json import "$D/alpha.pem"
alpha=$(json_field id)
expect 0 chancery --json show "req:$alpha"
[ "$(json_field disposition_code)" = 12 ] || fail "not foreign: $(cat "$D/out")"
[ "$(json_field requester)" = "" ] || fail "it has a holder"
expect 0 chancery list --disposition foreign --name 'alpha*'
grep -q "^$alpha " "$D/out" || fail "not listed: $(cat "$D/out")"
expect 0 chancery find alpha
grep -q "^$alpha " "$D/out" || fail "not found: $(cat "$D/out")"
expect 0 chancery audit list --all
grep -q "certificate.import.*request $alpha .*imported" "$D/out" || fail "not audited"

refused() { # REASON FILE
    expect 1 chancery --json import "$2"
    [ "$(json_field reason)" = "$1" ] || fail "$2 is refused for $(json_field reason), not $1"
    expect 0 chancery audit list --all
    grep -q "certificate.import.*refused.*$1" "$D/out" || fail "the refusal $1 is not audited"
}
say "what is not the CA's, or here already, stays outside"
refused import.known "$D/alpha.pem"
refused import.known "$D/first.pem"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$D/foreign.key" -subj /CN=foreign -out "$D/foreign.pem" 2>/dev/null
refused import.issuer "$D/foreign.pem"
# the CA's name over another key
subject=$(openssl x509 -in "$D/ca.pem" -noout -subject -nameopt compat | sed 's/^subject=//')
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$D/fake.key" -subj "$subject" -out "$D/fakeca.pem" 2>/dev/null
openssl x509 -req -in "$D/delta.csr" -CA "$D/fakeca.pem" -CAkey "$D/fake.key" -set_serial 0x77 -out "$D/forged.pem" 2>/dev/null
python3 - "$D/delta.pem" "$D/broken.pem" <<'END'
import base64, re, sys
pem = lambda p: base64.b64decode(''.join(re.findall('-----BEGIN CERTIFICATE-----(.*?)-----END', open(p).read(), re.S)[0].split()))
der = bytearray(pem(sys.argv[1]))
der[-1] ^= 1 # the last octet of the signature
open(sys.argv[2], 'w').write('-----BEGIN CERTIFICATE-----\n' + base64.encodebytes(bytes(der)).decode() + '-----END CERTIFICATE-----\n')
END
refused import.signature "$D/broken.pem"
expect 1 chancery --json import "$D/forged.pem"
case $(json_field reason) in import.signature | import.issuer) ;; *) fail "forged: $(cat "$D/out")" ;; esac
refused import.own_certificate "$D/ca.pem"
key_and_request sub /CN=sub
openssl_ca -in "$D/sub.csr" -out "$D/sub.pem" -extensions sub
refused import.ca_certificate "$D/sub.pem"
openssl x509 -req -in "$D/delta.csr" -CA "$D/ca.pem" -CAkey "$D/ca.key" -set_serial 0x1000 -out "$D/twice.pem" 2>/dev/null
refused import.serial "$D/twice.pem"
head -c 300 /dev/urandom >"$D/noise"
expect 65 chancery import "$D/noise"
expect 64 chancery import
expect 64 chancery import "$D/alpha.pem" --openssl "$D/old"

say "the whole database"
before=$(chancery --json crl show 2>/dev/null | sed -n 's/.*"number": *\([0-9]*\).*/\1/p')
expect 1 chancery --json import --openssl "$D/old" # the subordinate CA stays outside, and says so
cp "$D/out" "$D/report"
field() { sed -n "s/^  \"$1\": *\\([0-9]*\\).*/\\1/p" "$D/report"; }
[ "$(field lines)" = 7 ] && [ "$(field imported)" = 5 ] && [ "$(field known)" = 1 ] && [ "$(field revoked)" = 2 ] &&
    [ "$(field expired)" = 1 ] && [ "$(field refused)" = 1 ] && [ "$(field missing)" = 0 ] || fail "$(cat "$D/report")"
grep -q 'superseded' "$D/report" || fail "no reason: $(cat "$D/report")"
serial_of() { openssl x509 -in "$1" -noout -serial | sed 's/.*=//'; }
expect 1 chancery isvalid "sn:$(serial_of "$D/beta.pem")"
grep -q superseded "$D/out" || fail "beta: $(cat "$D/out")"
expect 0 chancery --json show "sn:$(serial_of "$D/gamma.pem")"
[ "$(json_field invalid_since)" = 2024-02-03T04:05:06Z ] || fail "gamma: $(cat "$D/out")"
expect 0 chancery crl publish
expect 0 chancery crl get --pem --out "$D/crl.pem"
openssl crl -in "$D/crl.pem" -noout -text >"$D/text"
grep -qi "Serial Number: $(serial_of "$D/beta.pem")" "$D/text" || fail "beta is not on the CRL: $(cat "$D/text")"
crl_number=$(openssl crl -in "$D/crl.pem" -noout -crlnumber | sed 's/.*=//')
[ $((crl_number)) -gt $((0x7700000000)) ] || fail "CRL number $crl_number is not above theirs (it was $before)"
expect 0 openssl verify -crl_check -CAfile "$D/ca.pem" -CRLfile "$D/crl.pem" "$D/delta.pem"
openssl verify -crl_check -CAfile "$D/ca.pem" -CRLfile "$D/crl.pem" "$D/gamma.pem" >"$D/out" 2>&1 && fail "gamma is accepted"
expect 0 chancery revoke "sn:$(serial_of "$D/delta.pem")" --reason cessationOfOperation
expect 1 chancery isvalid "sn:$(serial_of "$D/delta.pem")"

say "a second time nothing is imported; what was revoked there since is"
openssl_ca -revoke "$D/epsilon.pem" -crl_reason keyCompromise
expect 1 chancery --json import --openssl "$D/old"
cp "$D/out" "$D/report"
[ "$(field imported)" = 0 ] && [ "$(field known)" = 6 ] && [ "$(field revoked)" = 1 ] || fail "$(cat "$D/report")"
expect 1 chancery isvalid "sn:$(serial_of "$D/epsilon.pem")"
count=$(chancery --json list --all | grep -c '"id"')
expect 1 chancery --json import --openssl "$D/old"
cp "$D/out" "$D/report"
[ "$(field imported)" = 0 ] && [ "$(field revoked)" = 0 ] || fail "$(cat "$D/report")"
[ "$(chancery --json list --all | grep -c '"id"')" = "$count" ] || fail "rows were added"

say "a hostile index.txt"
mkdir -p "$D/evil/newcerts" "$D/evil/secret"
cp "$D/foreign.pem" "$D/evil/newcerts/01.pem"
cp "$D/beta.pem" "$D/evil/newcerts/02.pem" # a good certificate under a wrong number
ln -s "$D/delta.pem" "$D/evil/newcerts/03.pem"
mkfifo "$D/evil/newcerts/04.pem"
: >"$D/evil/newcerts/05.pem"
python3 - "$D/evil/index.txt" <<'END'
import sys
good = 'V\t300101000000Z\t\t%s\tunknown\t/CN=x\n'
out = [good % '01', 'R\t300101000000Z\t240101000000Z,keyCompromise\t02\tunknown\t/CN=x\n', good % '03', good % '04', good % '05', good % '06',
       good % '../secret/key', 'V\t300101000000Z\t\t01\n', 'X\t300101000000Z\t\t01\tunknown\t/CN=x\n', 'R\t300101000000Z\t\t01\tunknown\t/CN=x\n',
       'R\t300101000000Z\t249901000000Z\t01\tunknown\t/CN=x\n', 'R\t300101000000Z\t240101000000Z,because\t01\tunknown\t/CN=x\n',
       'V\tnever\t\t01\tunknown\t/CN=x\n', good % ('A' * 42), good % 'ABC', 'V' * 100000 + '\n', '\x1b[2Jowned\n', 'V\t3001\x0001000000Z\t\t01\tunknown\t/CN=x\n',
       'R\t300101000000Z\t240101000000Z,keyTime,x\t01\tunknown\t/CN=x\n', '\n']
open(sys.argv[1], 'w', newline='').write(''.join(out) + 'V\t300101000000Z\t\t07\tunknown\t/CN=no newline\\')
END
expect 1 chancery import --openssl "$D/evil"
if grep -q "$(printf '\033')" "$D/out" "$D/err"; then fail "an escape reached the terminal"; fi
expect 1 chancery --json import --openssl "$D/evil"
cp "$D/out" "$D/report"
[ "$(field lines)" = 21 ] && [ "$(field imported)" = 0 ] && [ "$(field known)" = 0 ] && [ "$(field revoked)" = 0 ] && [ "$(field refused)" = 2 ] &&
    [ "$(field missing)" = 4 ] && [ "$(field not_understood)" = 14 ] || fail "$(cat "$D/report")"
grep -q '"line": 16' "$D/report" || fail "no line numbers"
echo FFFFFFFFFFFFFFFFFF >"$D/evil/crlnumber"
expect 65 chancery import --openssl "$D/evil"
echo 7FFFFFFFFFFFFFFF >"$D/evil/crlnumber"
expect 65 chancery import --openssl "$D/evil"
expect 65 chancery import --openssl "$D/nothing"
expect 0 chancery crl publish

if [ "$(id -u)" -eq 0 ]; then
    say "others may not"
    expect 77 as $CAROL "$D/bin/chancery" -c "$CHANCERY_CONF" import "$D/delta.pem"
fi
