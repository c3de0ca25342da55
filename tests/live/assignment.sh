#!/bin/sh
# An assignment is not offered while the root is missing from the site's trust store; imported, it is.
. "$top_srcdir/tests/lib/ca.sh"
need openssl setpriv
need_root
ca_begin
key_and_request web /CN=web07.example.com DNS:web07.example.com
expect 3 as $WEB07 chancery --json submit "$D/web.csr" --template WebServer --usage WebServicesInternal
id=$(json_field id)
expect 1 chancery assign "$id" WebServicesInternal
expect 0 chancery resubmit "$id"
expect 0 chancery usage list
for usage in Default WebServicesInternal WebServicesExternal; do grep -q $usage "$D/out" || fail "usage $usage"; done

say "refused, with the reason and the next step"
expect 1 chancery assign "$id" WebServicesInternal
grep -qi 'trust store' "$D/err" || fail "the reason: $(cat "$D/err")"
grep -qi 'trust import' "$D/err" || fail "the next step: $(cat "$D/err")"
expect 0 chancery --json assignments
grep -q '"usage"' "$D/out" && fail "something is assigned"

say "the import asks for the fingerprint"
expect 0 chancery retrieve "$id" --chain
awk '/BEGIN/ { n++ } n == 1' "$D/out" >"$D/web.pem"
awk '/BEGIN/ { n++ } n == 2' "$D/out" >"$D/ca.pem"
fingerprint=$(openssl x509 -in "$D/ca.pem" -noout -fingerprint -sha256 | sed 's/.*=//')
expect 64 chancery trust import "$D/ca.pem" --root
expect 1 chancery trust import "$D/ca.pem" --root --fingerprint "$(openssl x509 -in "$D/web.pem" -noout -fingerprint -sha256 | sed 's/.*=//')"
expect 0 chancery trust import "$D/ca.pem" --root --fingerprint "$fingerprint"
expect 0 chancery trust list
grep -q EXAMPLE-CA "$D/out" || fail "trust list"

say "assigned"
expect 0 chancery assign "$id" WebServicesInternal
expect 0 chancery assignments
grep -q WebServicesInternal "$D/out" || fail "not assigned"
expect 77 as $BOB chancery assign "$id" Default

say "revoked it can no longer be"
expect 0 chancery revoke "$id" --reason superseded
expect 1 chancery assign "$id" WebServicesExternal
