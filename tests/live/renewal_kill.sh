#!/bin/sh
# `renew --new-key` killed with -9 at different moments: each time the CA is in its old state or in a new one, issues, and its leaf
# verifies; the run after that goes on and ends with a new key. Nothing that was listed in signer.conf is ever lost.
. "$top_srcdir/tests/lib/ca.sh"
need openssl flock
# shellcheck source=tests/lib/slapd.sh
. "$top_srcdir/tests/lib/slapd.sh"
slapd_have || skip "slapd is not installed"
ca_reachable
ca_folder
slapd_start "$D/slapd" || fail "slapd"
ca_modules
ca_configure
sed -i "s|^cdp = .*|cdp = http://pki.example.com/%N%K.crl|; s|^modules = ldap file|modules = file|" "$CHANCERY_CONF"
sed -i '/^\[publish.ldap\]/,/^\[publish.file\]/{/^\[publish.file\]/!d}' "$CHANCERY_CONF"
ca_init
ca_start
expect 0 chancery template adopt User

listed() { grep -c '^\[key\.' "$D/ca/signer.conf"; } # keys beside the first
key_files() { find "$D/ca/signer" -name 'key.[0-9]*.pem' | wc -l; }
key_index() { chancery info | sed -n 's/^Key index *//p'; }
# The daemon starts once what the killed run left has ended: its own processes see their end by themselves.
free_again() { flock -n "$D/ca/db/lock" true && flock -n "$D/ca/signer/journal" true; }

# reached MOMENT: what a run leaves behind, in the order in which it does.
reached() {
    case $1 in
    begun) [ -s "$D/begun" ] ;;
    made) [ -e "$D/ca/signer/key.$next.pem" ] ;;
    listed) [ "$(listed)" -ge "$next" ] ;;
    signed) [ "$(stat -c %s "$D/ca/signer/journal")" -gt "$journal" ] ;;
    esac
}

say "killed, looked at, killed again"
keys=0 number=0
for moment in begun made listed signed; do
    number=$((number + 1))
    ca_stop
    next=$(($(key_files) + 1)) journal=$(stat -c %s "$D/ca/signer/journal")
    [ "$moment" = begun ] || [ "$moment" = made ] || next=$(($(listed) + 1))
    { echo begun >"$D/begun"; exec chanceryd --new-key; } >"$D/run.$number" 2>&1 &
    pid=$!
    until reached $moment || ! kill -0 "$pid" 2>/dev/null; do :; done
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    within 30 free_again || { cat /proc/locks >&2; fail "$moment: something still holds the database or the journal"; }
    ca_start
    index=$(key_index)
    [ "$(listed)" -eq "$index" ] || [ "$(listed)" -eq $((index + 1)) ] || fail "$moment: key index $index, signer.conf lists $(listed) further keys"
    [ "$index" -eq "$keys" ] || [ "$index" -eq $((keys + 1)) ] || fail "$moment: key index $index after $keys"
    [ "$(key_files)" -le $((index + 1)) ] || fail "$moment: more than one key waits"
    keys=$index
    key_and_request "leaf$number" /CN=alice
    expect 0 chancery submit "$D/leaf$number.csr" --template User --out "$D/leaf$number.pem" --chain
    awk '/BEGIN/ { n++ } n == 2' "$D/leaf$number.pem" >"$D/ca$number.pem"
    expect 0 openssl verify -x509_strict -CAfile "$D/ca$number.pem" "$D/leaf$number.pem"
    echo "   killed when $moment: key index $index, $(listed) further keys listed, $(key_files) made"
done

say "and then to its end"
ca_stop
expect 0 chancery renew --new-key
ca_start
[ "$(key_index)" -eq $((keys + 1)) ] || fail "key index $(key_index) after $keys"
[ "$(listed)" -eq $((keys + 1)) ] || fail "signer.conf lists $(listed) further keys"
expect 0 chancery crl publish
[ "$(grep -c '^CRL number' "$D/out")" -eq $((keys + 2)) ] || { cat "$D/out" >&2; fail "not a CRL of every key"; }
expect 0 chancery health
for leaf in 1 2 3 4; do expect 0 openssl verify -x509_strict -CAfile "$D/ca$leaf.pem" "$D/leaf$leaf.pem"; done
