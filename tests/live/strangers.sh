#!/bin/sh
# A stranger's S/MIME client (gpgsm with dirmngr) finds certificate and CRL in the directory: good, then revoked.
. "$top_srcdir/tests/lib/ca.sh"
need openssl gpgsm dirmngr dirmngr-client curl gpg-connect-agent
# dirmngr of Debian 12 (2.2.40) cannot verify a CRL that is signed with ECDSA.
ca_begin --key rsa-2048
key_and_request user /CN=alice
expect 0 chancery --json submit "$D/user.csr" --template User --out "$D/user.pem"
id=$(json_field id)
der "$D/user.pem" "$D/user.der"
expect 0 chancery crl publish
within 20 entry_holds uid=alice,ou=people,"$SLAPD_SUFFIX" userCertificate "$D/user.der" || fail "not published"
entry="cn=EXAMPLE-CA,ou=pki,$SLAPD_SUFFIX"
crl_there() { curl -s "$SLAPD_URI/$entry?certificateRevocationList;binary?base" | grep -q 'certificateRevocationList;binary::'; }
within 20 crl_there || fail "no CRL in the directory"
expect 0 chancery retrieve "$id" --chain
awk '/BEGIN/ { n++ } n == 2' "$D/out" >"$D/ca.pem"

GNUPGHOME=$D/g
export GNUPGHOME
mkdir -m 700 "$GNUPGHOME"
stop_agents() { gpg-connect-agent --dirmngr KILLDIRMNGR /bye >/dev/null 2>&1; gpgconf --kill gpg-agent >/dev/null 2>&1; }
ca_end_hook=stop_agents
printf 'ldapserver 127.0.0.1:%s:::%s\nldaptimeout 10\n' "${SLAPD_URI##*:}" "$SLAPD_SUFFIX" >"$GNUPGHOME/dirmngr.conf"
openssl x509 -in "$D/ca.pem" -noout -fingerprint | sed 's/.*=//;s/$/ S relax/' >"$GNUPGHOME/trustlist.txt"
expect 0 gpgsm --batch --import "$D/ca.pem"

say "found in the directory by mail address"
expect 0 dirmngr-client --lookup '<alice@example.com>'
gpgsm --batch --list-external-keys alice@example.com >"$D/out" 2>&1
grep -qi "$(openssl x509 -in "$D/user.pem" -noout -fingerprint | sed 's/.*=//')" "$D/out" || fail "gpgsm does not find it: $(cat "$D/out")"

say "good"
expect 0 gpgsm --batch --import "$D/user.pem"
gpgsm --batch --with-validation --list-keys alice@example.com >"$D/out" 2>&1
grep -q 'certificate is good' "$D/out" || fail "not good: $(cat "$D/out")"

say "revoked"
expect 0 chancery revoke "$id" --reason keyCompromise
expect 0 chancery crl publish
expect 0 chancery crl get --out "$D/crl"
openssl crl -in "$D/crl" -outform DER -out "$D/crl.der" 2>/dev/null || cp "$D/crl" "$D/crl.der"
within 20 entry_holds "$entry" certificateRevocationList "$D/crl.der" || fail "the new CRL is not in the directory"
stop_agents
rm -rf "$GNUPGHOME/crls.d"
gpgsm --batch --with-validation --list-keys alice@example.com >"$D/out" 2>&1
grep -q 'certificate has been revoked' "$D/out" || fail "not revoked: $(cat "$D/out")"
