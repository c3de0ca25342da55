#!/bin/sh
# An officer edits a pending request: attributes and extensions, with their limits; what policy and certificate make of it;
# who set what is shown; approvals and versions do not outlive an edit; everything is on record.
. "$top_srcdir/tests/lib/ca.sh"
need openssl setpriv curl
need_root
ca_begin

submit_web() { # NAME [SAN]: pends; sets $id
    key_and_request "$1" "/CN=web07.example.com" "${2:-DNS:web07.example.com}"
    expect 3 as $WEB07 chancery --json submit "$D/$1.csr" --template WebServer --attr ExpirationDate:+90d
    id=$(json_field id)
    [ -n "$id" ] || fail "no RequestID"
}
refused() { # STATUS REASON COMMAND…
    wanted=$2
    refused_status=$1
    shift 2
    expect "$refused_status" "$@"
    grep -q "\"reason\": \"$wanted\"" "$D/out" "$D/err" || { cat "$D/out" "$D/err" >&2; fail "not $wanted: $*"; }
}
hex_file() { # FILE HEX
    for octet in $(echo "$2" | sed 's/../& /g'); do printf "\\$(printf %03o "0x$octet")"; done >"$D/$1"
}

say "attributes: known ones, within their limits, while pending, by an officer who is not the requester"
submit_web one
expect 77 as $WEB07 chancery set-attribute "$id" ExpirationDate:+10d
expect 77 as $BOB chancery set-attribute "$id" ExpirationDate:+10d
refused 65 request.attribute_unknown chancery --json set-attribute "$id" san:dns=x.example.com
refused 65 request.attribute chancery --json set-attribute "$id" nocolon
refused 65 request.attribute_size chancery --json set-attribute "$id" "$(head -c 128 /dev/zero | tr '\0' n):x"
refused 65 request.attribute_size chancery --json set-attribute "$id" "ccm:$(head -c 4097 /dev/zero | tr '\0' v)"
refused 65 request.expiration chancery --json set-attribute "$id" ExpirationDate:yesterday
expect 0 chancery set-attribute "$id" "ccm:$(head -c 4096 /dev/zero | tr '\0' v)" ccm:
expect 0 chancery set-attribute "$id" "expiration date:+10d" cdc:dc1.example.com
expect 0 chancery --json show "$id"
grep -q '"attributes_original": "ExpirationDate:+90d' "$D/out" || fail "the original is not kept: $(cat "$D/out")"
tr -d '\n' <"$D/out" | grep -q '"name": "ExpirationDate"[^}]*"value": "+10d"[^}]*"set_by": "officer"[^}]*"actor": "root"' ||
    fail "the edit is not in the parsed list: $(cat "$D/out")"
grep -q '"name": "ccm"' "$D/out" && fail "ccm was taken out"
expect 0 chancery show "$id"
grep -q 'attribute expiration date from .*+90d.* to .*+10d.* by root' "$D/out" || fail "the history: $(cat "$D/out")"

say "extensions: form and criticality are asked for at once, the CA's own stay"
hex_file codesign 300a06082b06010505070303
hex_file stamping 300a06082b06010505070308
hex_file client 300a06082b06010505070302
hex_file usage 03020780
hex_file note 0c0568656c6c6f
refused 65 extension.form chancery --json set-extension "$id" 2.5.29.15 "$D/usage"
refused 65 extension.ours chancery --json set-extension "$id" 2.5.29.14 "$D/usage"
refused 65 extension.oid chancery --json set-extension "$id" keyUsage "$D/usage"
refused 65 extension.oid chancery --json set-extension "$id" 2.25.99093035642563043370547096153827645545.3 "$D/note"
printf '\060\200' >"$D/notder"
refused 65 extension.der chancery --json set-extension "$id" 1.2.3.4 "$D/notder"
refused 1 extension.not_there chancery --json set-extension "$id" 1.2.3.4 --remove
refused 1 extension.not_there chancery --json set-extension "$id" 2.5.29.15 --remove
expect 64 chancery set-extension "$id" 1.2.3.4
expect 64 chancery set-extension "$id" 1.2.3.4 "$D/note" --remove
expect 77 as $WEB07 chancery set-extension "$id" 1.2.3.4 "$D/note"
expect 0 chancery set-extension "$id" 2.5.29.15 --critical "$D/usage"
expect 0 chancery set-extension "$id" 1.2.3.4 "$D/note"
expect 0 chancery set-extension "$id" 1.2.3.5 "$D/note"
expect 0 chancery set-extension "$id" 1.2.3.5 --remove
expect 0 chancery set-extension "$id" 2.5.29.37 "$D/codesign"

say "issued: the officer's win, and everything says who put it there"
expect 0 chancery set-extension "$id" 2.5.29.37 --remove
expect 0 chancery resubmit "$id"
expect 0 chancery retrieve "$id" --out "$D/one.pem"
openssl x509 -in "$D/one.pem" -noout -text >"$D/text"
grep -A 1 'Key Usage: critical' "$D/text" | grep -qx ' *Digital Signature' || fail "key usage is not the officer's: $(cat "$D/text")"
grep -q '1\.2\.3\.4:' "$D/text" || fail "the further extension"
grep -q '1\.2\.3\.5:' "$D/text" && fail "an extension that was taken out"
openssl x509 -in "$D/one.pem" -noout -checkend $((11 * 86400)) >/dev/null && fail "ExpirationDate was not heeded"
expect 0 chancery show "$id"
for line in '2\.5\.29\.15 .*(officer root)' '1\.2\.3\.4 .*(officer root)' '2\.5\.29\.37 .*(policy)' '2\.5\.29\.17 .*(request)' \
    '2\.5\.29\.14 .*(server)' '2\.5\.29\.35 .*(server)'; do
    grep -q "$line" "$D/out" || fail "no line $line: $(cat "$D/out")"
done
refused 1 state.edit chancery --json set-attribute "$id" ccm:x
refused 1 state.edit chancery --json set-extension "$id" 1.2.3.4 "$D/note"

say "what signer.conf does not allow, the signer does not sign: failed, and a failed request is not resubmitted"
submit_web lint
expect 0 chancery set-extension "$id" 2.5.29.37 "$D/stamping"
refused 1 lint.eku_not_allowed chancery --json resubmit "$id"
expect 0 chancery --json show "$id"
grep -q '"disposition": "failed"' "$D/out" || fail "not failed"
refused 1 state.transition chancery --json resubmit "$id"

say "alternative names that an officer sets are judged as a request's, and listed under"
submit_web two
san() { openssl req -new -key "$D/two.key" -subj /CN=x -addext "subjectAltName=$1" -outform DER 2>/dev/null | openssl asn1parse -inform DER |
    sed -n '/X509v3 Subject Alternative Name/,$ s/.*OCTET STRING.*\[HEX DUMP\]:\(.*\)/\1/p' | head -n 1; }
hex_file foreign "$(san email:bob@example.com)"
hex_file good "$(san DNS:shop.example.com,DNS:web07.example.com)"
expect 0 chancery set-extension "$id" 2.5.29.17 "$D/foreign"
refused 2 subject.foreign chancery --json resubmit "$id"
expect 0 chancery --json show "$id"
grep -q '"disposition": "denied"' "$D/out" || fail "not denied"
refused 1 state.edit chancery --json set-extension "$id" 2.5.29.17 "$D/good"
submit_web three
expect 0 chancery set-extension "$id" 2.5.29.17 "$D/good"
expect 0 chancery resubmit "$id"
expect 0 chancery retrieve "$id" --out "$D/three.pem"
openssl x509 -in "$D/three.pem" -noout -ext subjectAltName | grep -q 'DNS:shop.example.com, DNS:web07.example.com' || fail "the officer's names"
expect 0 chancery --json list --name shop.example.com
grep -q "\"id\": $id" "$D/out" || fail "not found by the officer's name"

say "powers are the template's alone to give"
submit_web four
expect 0 chancery set-extension "$id" 2.5.29.37 "$D/client"
refused 2 request.extension chancery --json resubmit "$id"

say "another template: its rights and rules, at the resubmission"
submit_web five
expect 0 chancery set-attribute "$id" CertificateTemplate:User
expect 0 chancery --json show "$id"
grep -q '"template": "User"' "$D/out" || fail "the template"
expect 2 chancery resubmit "$id"

say "a version that was seen before an edit decides nothing"
submit_web six
expect 0 chancery --json show "$id"
version=$(json_field resolved_at)
post() { curl -s -o "$D/answer" -w '%{http_code}' --unix-socket "$D/ca/run/api.sock" -H 'Content-Type: application/json' -d "$2" "http://localhost$1"; }
body="\"version\": {\"disposition\": \"pending\", \"resolved_at\": \"$version\"}"
expect 0 chancery set-attribute "$id" ccm:first
for path in resubmit deny; do
    post "/v1/requests/$id/$path" "{$body}" >/dev/null
    grep -q object.changed "$D/answer" || fail "$path: $(cat "$D/answer")"
done
post "/v1/requests/$id/attributes" "{\"attributes\": [\"ccm:second\"], $body}" >/dev/null
grep -q object.changed "$D/answer" || fail "attributes: $(cat "$D/answer")"
post "/v1/requests/$id/extensions" "{\"oid\": \"1.2.3.4\", \"value\": \"BQA=\", $body}" >/dev/null
grep -q object.changed "$D/answer" || fail "extensions: $(cat "$D/answer")"

say "an officer does not edit his own request"
key_and_request own /CN=alice DNS:alice.example.com
expect 3 chancery --json submit "$D/own.csr" --template WebServer
own=$(json_field id)
refused 77 officer.own_request chancery --json set-attribute "$own" ccm:x
refused 77 officer.own_request chancery --json set-extension "$own" 1.2.3.4 "$D/note"

say "on record: what was done and what was refused"
expect 0 chancery --json audit list --all
tr -d '\n' <"$D/out" >"$D/audit"
for record in 'request.set-attribute"[^}]*"outcome": "edited"' 'request.set-extension"[^}]*"outcome": "edited"' \
    'request.set-extension"[^}]*"reason": "extension.ours"' 'request.set-attribute"[^}]*"reason": "request.attribute_unknown"'; do
    grep -q "$record" "$D/audit" || fail "no audit record $record"
done

say "edits outlive a stop"
ca_stop
ca_start
expect 0 chancery --json show "$id"
tr -d '\n' <"$D/out" | grep -q '"name": "ccm"[^}]*"value": "first"[^}]*"actor": "root"' || fail "lost at the restart: $(cat "$D/out")"
expect 0 chancery show "$id"
grep -q '(officer root)' "$D/out" || fail "the actor was lost"
