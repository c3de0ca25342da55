#!/bin/sh
# A WebServer request of another identity pends; nobody decides his own; approved it is issued and published to its entry.
. "$top_srcdir/tests/lib/ca.sh"
need openssl ldapsearch setpriv
need_root
ca_begin

key_and_request web /CN=web07.example.com DNS:web07.example.com
expect 3 as $WEB07 chancery --json submit "$D/web.csr" --template WebServer
id=$(json_field id)
[ -n "$id" ] || fail "no RequestID"
expect 3 as $WEB07 chancery retrieve "$id"
expect 77 as $WEB07 chancery resubmit "$id"
expect 77 as $BOB chancery deny "$id"
expect 0 chancery list --disposition pending
grep -qw "$id" "$D/out" || fail "not in the list"

say "approved by the officer, fetched by the requester"
expect 0 chancery resubmit "$id"
expect 0 as $WEB07 chancery retrieve "$id"
cp "$D/out" "$D/web.pem"
der "$D/web.pem" "$D/web.der"
openssl x509 -in "$D/web.pem" -noout -ext subjectAltName | grep -q DNS:web07.example.com || fail "the name"
within 20 entry_holds cn=web07,ou=hosts,"$SLAPD_SUFFIX" userCertificate "$D/web.der" || fail "not published"
expect 1 chancery deny "$id"

say "bob sees nothing of it, and may not ask for the template"
expect 0 as $BOB chancery --json list
grep -q '"id"' "$D/out" && fail "bob sees requests that are not his"
expect 77 as $BOB chancery retrieve "$id"
key_and_request bob /CN=bob DNS:bob.example.com
expect 2 as $BOB chancery submit "$D/bob.csr" --template WebServer

say "denied with a message, approved later"
key_and_request web2 /CN=web07.example.com DNS:web07.example.com
expect 3 as $WEB07 chancery --json submit "$D/web2.csr" --template WebServer
id=$(json_field id)
expect 0 chancery deny "$id" --message "not before monday"
expect 2 as $WEB07 chancery retrieve "$id"
grep -q 'not before monday' "$D/err" "$D/out" || fail "the officer's message"
expect 0 chancery approve "$id"

say "an officer's own request is decided by another officer"
key_and_request own /CN=alice DNS:alice.example.com
expect 3 chancery --json submit "$D/own.csr" --template WebServer
id=$(json_field id)
expect 77 chancery resubmit "$id"
expect 0 as $CAROL chancery resubmit "$id"
