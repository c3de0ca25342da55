#!/bin/sh
# Two of our CAs, one below the other: the subordinate's request approved by two officers of the parent, its answer installed; then it
# is renewed with its own key, with a new one, and once more after the parent got a new key. Each leaf verifies with its chain.
. "$top_srcdir/tests/lib/ca.sh"
need openssl certtool
need_root
ca_begin
expect 0 chancery template adopt SubordinateCA
line() { [ "$(wc -l <"$D/err")" -eq 1 ] && grep -qF -- "$1" "$D/err" || { cat "$D/err" >&2; fail "no single line that says: $1"; }; }

# ---- the subordinate: its own folder, no directory to publish to ----
S=$D/sub
mkdir -p "$S/run" "$S/www"
chown $CA_AUTHORITY_UID:$CA_AUTHORITY_UID "$S/run"
chown $CA_EXIT_UID:$CA_EXIT_UID "$S/www"
sed -e "s|$D/ca/|$S/|g; s|EXAMPLE-CA|SUB-CA|g; s|^modules = ldap file|modules = file|; s|^cdp = .*|cdp = http://pki.example.com/%N%K.crl|" \
    -e '/^\[publish.ldap\]/,/^\[publish.file\]/{/^\[publish.file\]/!d}' "$CHANCERY_CONF" >"$S/chancery.conf"
cp -p "$D/ca/passphrase" "$S/passphrase"
sub() { CHANCERY_CONF=$S/chancery.conf "$@"; }
sub_start() {
    CHANCERY_CONF=$S/chancery.conf chanceryd -f >>"$D/sub.log" 2>&1 &
    SUB_PID=$!
    CA_PIDS="$CA_PIDS $SUB_PID"
    within 30 sub chancery -q info || { tail "$D/sub.log" >&2; fail "the subordinate does not answer"; }
}
sub_stop() {
    kill "$SUB_PID"
    wait "$SUB_PID" || { tail "$D/sub.log" >&2; fail "the subordinate ended with $?"; }
}

# list_key CSR: root of the parent's host lets it certify this CA key; the signer reads that at its start.
list_key() {
    spki=$(openssl req -in "$1" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1)
    sed -i "s/^ca_spki = .*/&\n    $spki/" "$D/ca/signer.conf"
    ca_stop
    ca_start
}
# parent_signs CSR OUT: with the chain above it.
parent_signs() {
    chmod 644 "$1"
    expect 3 as $BOB chancery --json submit "$1" --template SubordinateCA
    id=$(json_field id)
    [ -n "$id" ] || fail "no RequestID"
    expect 3 as $CAROL chancery approve "$id"
    expect 0 chancery approve "$id"
    expect 0 as $BOB chancery retrieve "$id" --chain
    cp "$D/out" "$2"
}
part() { awk -v wanted="$2" '/BEGIN/ { n++ } n == wanted' "$1"; } # FILE N: the N-th certificate
leaf() { # NAME: NAME.pem alone, NAME.sub and NAME.root
    key_and_request "$1" /CN=alice
    expect 0 sub chancery submit "$D/$1.csr" --template User --out "$D/$1.chain" --chain
    [ "$(grep -c BEGIN "$D/$1.chain")" -eq 3 ] || fail "$1: the chain has not three certificates"
    part "$D/$1.chain" 1 >"$D/$1.pem"
    part "$D/$1.chain" 2 >"$D/$1.sub"
    part "$D/$1.chain" 3 >"$D/$1.root"
}
verifies() { # LEAF: by its own chain, with two libraries
    expect 0 openssl verify -x509_strict -CAfile "$D/$1.root" -untrusted "$D/$1.sub" "$D/$1.pem"
    expect 0 certtool --verify --load-ca-certificate "$D/$1.root" --infile "$D/$1.chain"
}
info_has() { sub chancery info >"$D/out" && grep -q "$1" "$D/out" || { cat "$D/out" >&2; fail "info does not say $1"; }; }

say "the first certificate"
sub chanceryd --init --csr-out "$D/sub0.csr" --passphrase-file "$S/passphrase" --subject "CN=Sub CA,O=Example" --path-length 0 \
    >"$D/init.log" 2>&1 || { cat "$D/init.log" >&2; fail "init of the subordinate"; }
list_key "$D/sub0.csr"
parent_signs "$D/sub0.csr" "$D/sub0.pem"
sub_start
expect 75 sub chancery renew --csr-out "$D/none.csr"
expect 0 sub chancery install-cert "$D/sub0.pem"
expect 0 sub chancery template adopt User
leaf first
verifies first

say "renewal with the same key"
expect 1 sub chancery renew
line "--csr-out"
expect 0 sub chancery renew --csr-out "$D/sub1.csr"
expect 74 sub chancery renew --csr-out "$D/sub1.csr"
info_has "^Certificate index *0$"
parent_signs "$D/sub1.csr" "$D/sub1.pem"
expect 1 sub chancery install-cert "$D/first.chain"
line "another key"
part "$D/sub1.pem" 1 >"$D/sub1.alone" # the chain of the certificate before holds for it as well
expect 0 sub chancery install-cert "$D/sub1.alone"
expect 1 sub chancery install-cert "$D/sub1.pem"
line "CA certificate 1"
info_has "^Certificate index *1$"
info_has "^Key index *0$"
leaf second
cmp -s "$D/second.sub" "$D/sub1.alone" || fail "the chain has not the new certificate"
verifies second
verifies first
expect 0 openssl verify -x509_strict -CAfile "$D/first.root" -untrusted "$D/second.sub" "$D/first.pem"

say "renewal with a new key: until the answer is there the old key signs"
sub_stop
expect 1 sub chancery renew --new-key
line "--csr-out"
expect 0 sub chancery renew --new-key --csr-out "$D/sub2.csr"
sub_start
info_has "waits for its certificate"
leaf between
verifies between
sub_stop
cp "$D/sub2.csr" "$D/sub2.first"
expect 1 sub chancery renew --new-key --csr-out "$D/sub2.csr"
rm "$D/sub2.csr"
expect 0 sub chancery renew --new-key --csr-out "$D/sub2.csr"
for csr in sub2.csr sub2.first; do openssl req -in "$D/$csr" -noout -pubkey >"$D/$csr.pub"; done
cmp -s "$D/sub2.csr.pub" "$D/sub2.first.pub" || fail "the request was made again with another key"
sub_start
list_key "$D/sub2.csr"
parent_signs "$D/sub2.csr" "$D/sub2.pem"
expect 0 sub chancery install-cert "$D/sub2.pem"
info_has "^Certificate index *2$"
info_has "^Key index *1$"
leaf third
verifies third
verifies first
expect 0 sub chancery crl publish
for key in 0 1; do expect 0 sub chancery crl get --key $key --pem --out "$D/crl$key.pem"; done
expect 0 openssl crl -in "$D/crl0.pem" -noout -CAfile "$D/second.sub" -verify
expect 0 openssl crl -in "$D/crl1.pem" -noout -CAfile "$D/third.sub" -verify
within 30 test -s "$S/www/SUB-CA(1).crl" || fail "the new key's CRL is no file"
[ -s "$S/www/SUB-CA.crl" ] || fail "the old key's CRL is no file"
openssl x509 -in "$D/third.pem" -noout -text | grep -q 'http://pki.example.com/SUB-CA(1).crl' || fail "no CDP of the new key"

say "the parent gets a new key, and the subordinate a certificate by it"
ca_stop
sed -i "s|^cdp = .*|cdp = http://pki.example.com/%N%K.crl|" "$CHANCERY_CONF"
expect 0 chancery renew --new-key
ca_start
expect 0 sub chancery renew --csr-out "$D/sub3.csr"
parent_signs "$D/sub3.csr" "$D/sub3.pem"
part "$D/sub3.pem" 1 >"$D/sub3.alone"
cat "$D/sub3.alone" "$D/first.root" >"$D/sub3.wrong"
expect 1 sub chancery install-cert "$D/sub3.wrong"
expect 0 sub chancery install-cert "$D/sub3.pem"
leaf fourth
cmp -s "$D/fourth.root" "$D/first.root" && fail "the chain ends in the parent's old certificate"
verifies fourth
for name in first second between third; do verifies $name; done
expect 0 sub chancery retrieve 1 --chain
part "$D/out" 2 | cmp -s - "$D/second.sub" || fail "the first leaf's chain is not of its own key"

say "a restart of both"
sub_stop
sub_start
info_has "^Certificate index *3$"
leaf fifth
verifies fifth
sub_stop
