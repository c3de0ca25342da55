#!/bin/sh
# A CA below another one: its request, signed by openssl as the parent, installed; wrong answers are refused one by one; then it
# issues, and a stranger builds the chain up to the parent's root. And a CA with each type of key.
. "$top_srcdir/tests/lib/ca.sh"
need openssl
# shellcheck source=tests/lib/slapd.sh
. "$top_srcdir/tests/lib/slapd.sh"
slapd_have || skip "slapd is not installed"
ca_reachable
ca_folder
slapd_start "$D/slapd" || fail "slapd"
ca_modules
ca_configure

line() { [ "$(wc -l <"$D/err")" -eq 1 ] && grep -qF -- "$1" "$D/err" || { cat "$D/err" >&2; fail "no single line that says: $1"; }; }
P=$D/parent
mkdir "$P"
cat >"$P/cnf" <<X
[req]
distinguished_name = dn
[dn]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[sub]
basicConstraints = critical,CA:TRUE,pathlen:1
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[less]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[otherid]
basicConstraints = critical,CA:TRUE,pathlen:1
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = 01:02:03:04
[norootpath]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
[nocrl]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
X
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -noenc -keyout "$P/root.key" -out "$P/root.pem" -subj "/O=Parent/CN=Parent Root" \
    -days 4000 -config "$P/cnf" -extensions root 2>/dev/null || fail "openssl, the root"
parent() { # SECTION OUT OPTIONS…
    section=$1 out=$2
    shift 2
    openssl x509 -req -in "$D/sub.csr" -CA "$P/root.pem" -CAkey "$P/root.key" -extfile "$P/cnf" -extensions "$section" -days 1000 \
        -out "$out" "$@" 2>/dev/null || fail "openssl x509 -req $section"
}

say "init makes a request, once"
ca_init --csr-out "$D/sub.csr" --key rsa-2048 --subject "CN=Example Issuing CA,O=Example"
openssl req -in "$D/sub.csr" -noout -verify 2>/dev/null || fail "the request's signature"
openssl req -in "$D/sub.csr" -noout -text | grep -q "CA:TRUE" || fail "the request does not ask for CA:TRUE"
expect 1 chancery init --csr-out "$D/other.csr" --passphrase-file "$D/ca/passphrase"
line "never overwritten"

say "without a certificate it says what is missing"
ca_start
expect 0 chancery template adopt User
key_and_request alice /CN=alice
expect 75 chancery submit "$D/alice.csr" --template User
line "install-cert"
expect 75 chancery crl publish
line "install-cert"
expect 2 chancery health
grep -q "install-cert" "$D/out" || fail "health does not say install-cert"

say "wrong answers"
parent sub "$D/sub.pem"
parent leaf "$D/leaf.pem"
parent nocrl "$D/nocrl.pem"
openssl req -new -newkey rsa:2048 -noenc -keyout "$P/x.key" -out "$P/x.csr" -subj "/O=Example/CN=Example Issuing CA" 2>/dev/null
openssl x509 -req -in "$P/x.csr" -CA "$P/root.pem" -CAkey "$P/root.key" -extfile "$P/cnf" -extensions sub -out "$D/otherkey.pem" 2>/dev/null
while read -r file status words; do
    expect "$status" chancery install-cert "$D/$file"
    line "$words"
done <<X
leaf.pem 1 not a CA
nocrl.pem 1 cRLSign
otherkey.pem 1 another key
sub.csr 65 certificate
missing.pem 65 missing.pem
X
[ "$(id -u)" -ne 0 ] || expect 77 as $WEB07 chancery install-cert "$D/sub.pem"

say "the right one, once, with what stands above it"
chmod 644 "$D/sub.pem"
cat "$D/sub.pem" "$P/root.pem" >"$D/chain.pem"
expect 0 chancery install-cert "$D/chain.pem"
expect 1 chancery install-cert "$D/chain.pem"
line "already"
expect 0 chancery info
grep -q "Example Issuing CA" "$D/out" || fail "info does not show the subject"

say "it issues, and a stranger builds the chain"
expect 0 chancery submit "$D/alice.csr" --template User --out "$D/alice.pem" --chain
[ "$(grep -c BEGIN "$D/alice.pem")" -ge 2 ] || fail "no chain"
expect 0 chancery crl publish
expect 0 chancery crl get --pem --out "$D/crl.pem"
expect 0 openssl verify -x509_strict -CAfile "$P/root.pem" -untrusted "$D/sub.pem" "$D/alice.pem"
openssl x509 -in "$D/sub.pem" -pubkey -noout >"$D/sub.pub"
openssl crl -in "$D/crl.pem" -noout -CAfile "$D/sub.pem" -verify 2>&1 | grep -q "verify OK" || fail "the CRL's signature"
within 10 chancery health || { chancery health; fail "health"; }

say "assignment: the root is missing, then the intermediate, then it is assigned"
key_and_request web /CN=web07.example.com DNS:web07.example.com
if [ "$(id -u)" -eq 0 ]; then
    expect 0 chancery template adopt WebServer
    expect 3 as $WEB07 chancery submit "$D/web.csr" --template WebServer
    id=$(sed -n 's/^RequestID *//p' "$D/out")
    expect 0 chancery approve "$id"
    expect 1 chancery assign "$id" Default
    finger() { openssl x509 -in "$1" -noout -fingerprint -sha256 | sed 's/.*=//'; }
    expect 0 chancery trust import "$P/root.pem" --root --fingerprint "$(finger "$P/root.pem")"
    expect 1 chancery assign "$id" Default
    line "Example Issuing CA"
    expect 0 chancery trust import "$D/sub.pem" --intermediate --fingerprint "$(finger "$D/sub.pem")"
    expect 0 chancery assign "$id" Default
fi

say "the chain is there after a restart"
ca_stop
ca_start
expect 0 chancery retrieve 1 --chain
[ "$(grep -c BEGIN "$D/out")" -ge 2 ] || fail "the chain is lost"

say "a renewal's answers: wrong ones are refused one by one and change nothing, the right one is installed"
expect 0 chancery renew --csr-out "$D/renewal.csr"
mv "$D/renewal.csr" "$D/sub.csr"
parent less "$D/less.pem"
parent otherid "$D/otherid.pem"
parent sub "$D/othername.pem" -subj "/O=Example/CN=Example Issuing CA 2"
parent sub "$D/renewed.pem"
for kind in norootpath leaf; do
    openssl req -x509 -key "$P/root.key" -out "$P/$kind.pem" -subj "/O=Parent/CN=Parent Root" -days 4000 -config "$P/cnf" -extensions $kind
    cat "$D/renewed.pem" "$P/$kind.pem" >"$D/by_$kind.pem"
done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout "$P/x.key" -out "$P/stranger.pem" -subj "/O=Parent/CN=Parent Root" \
    -days 4000 -config "$P/cnf" -extensions root 2>/dev/null
cat "$D/renewed.pem" "$P/stranger.pem" >"$D/by_stranger.pem"
expect 0 chancery --json info
cp "$D/out" "$D/info"
while read -r file reason; do
    expect 1 chancery --json install-cert "$D/$file.pem"
    grep -q "\"$reason\"" "$D/out" || { cat "$D/out" >&2; fail "$file: the reason is not $reason"; }
    expect 0 chancery --json info
    cmp -s "$D/out" "$D/info" || fail "$file changed something"
done <<X
less install.path_length
otherid install.key_id
othername install.subject
by_norootpath install.parent_path_length
by_leaf install.parent
by_stranger certificate.signature
sub install.exists
otherkey install.key
X
expect 0 chancery install-cert "$D/renewed.pem"
expect 0 chancery retrieve 1 --chain
awk '/BEGIN/ { n++ } n == 2' "$D/out" >"$D/above.pem"
cmp -s "$D/above.pem" "$D/renewed.pem" || fail "the chain has not the renewed certificate"
[ "$(grep -c BEGIN "$D/out")" -eq 3 ] || fail "the root above it was not kept"

say "a CA with each other type of key: it issues, and openssl verifies"
for key in ecdsa-p384 ed25519; do
    ca_stop
    rm -rf "$D/ca/db" "$D/ca/signer" "$D/ca/signer.conf" "$D/ca/passphrase"
    ca_init --key $key --days 200
    ca_start
    expect 0 chancery template adopt User
    key_and_request $key /CN=alice
    expect 0 chancery submit "$D/$key.csr" --template User --out "$D/$key.pem" --chain
    expect 0 chancery crl publish
    expect 0 chancery crl get --pem --out "$D/$key.crl"
    awk '/BEGIN/ { n++ } n == 2' "$D/$key.pem" >"$D/$key.ca"
    # It ends before a certificate of the template would: said while there is time to renew.
    expect 1 chancery health
    grep -q "^WARNING *CA certificate 0: .*template User.*are cut" "$D/out" || { cat "$D/out" >&2; fail "health does not say what is cut"; }
    expect 0 openssl verify -crl_check -x509_strict -CAfile "$D/$key.ca" -CRLfile "$D/$key.crl" "$D/$key.pem"
done
