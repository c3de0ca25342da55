#!/bin/sh
# A holder renews his certificate: by a CMS that the old key signs (openssl cms as the stranger), or by naming it. Too early,
# revoked, expired, another's, another template's, not ours: each refused by its own reason, nothing issued.
. "$top_srcdir/tests/lib/ca.sh"
need openssl setpriv
need_root
ca_begin

refused() { # STATUS REASON COMMAND…
    wanted=$2
    refused_status=$1
    shift 2
    expect "$refused_status" "$@"
    grep -q "\"reason\": \"$wanted\"" "$D/out" "$D/err" || { cat "$D/out" "$D/err" >&2; fail "not $wanted: $*"; }
}
issue_old() { # NAME ATTRIBUTE…: a certificate of alice in $D/NAME.pem; sets $id
    name=$1
    shift
    [ -f "$D/$name.csr" ] || key_and_request "$name" "/CN=$name"
    expect 0 chancery --json submit "$D/$name.csr" --template User --out "$D/$name.pem" "$@"
    id=$(json_field id)
}
csr_der() { key_and_request "$1" "/CN=$1"; openssl req -in "$D/$1.csr" -outform DER -out "$D/$1.der" || fail "openssl req"; }
envelope() { # OLD NEW FILE OPTION…: the request NEW signed by OLD's key
    old=$1 new=$2 file=$3
    shift 3
    openssl cms -sign -in "$D/$new.der" -binary -signer "$D/$old.pem" -inkey "$D/$old.key" -outform DER -out "$D/$file" "$@" 2>"$D/err" ||
        { cat "$D/err" >&2; fail "openssl cms"; }
    chmod 644 "$D/$file"
}
is_renewal_of() { # ID OLD-ID
    expect 0 chancery --json show "$1"
    grep -q "\"renewal_of\": $2[,}]*$" "$D/out" || fail "request $1 is no renewal of $2: $(cat "$D/out")"
}

key_and_request short /CN=short
expect 0 chancery --json submit "$D/short.csr" --template User --out "$D/short.pem" --attr ExpirationDate:+18s
short_id=$(json_field id)
issue_old old --attr ExpirationDate:+10d
old_id=$id
issue_old long
long_id=$id

say "signed by the old key, with a new one: the template is the old one's"
csr_der new
envelope old new new.p7 -nodetach
expect 0 chancery --json submit "$D/new.p7" --out "$D/renewed.pem"
new_id=$(json_field id)
is_renewal_of "$new_id" "$old_id"
grep -q '"template": "User"' "$D/out" || fail "not of the old template"
[ "$(openssl x509 -in "$D/renewed.pem" -noout -pubkey)" = "$(openssl req -in "$D/new.csr" -noout -pubkey)" ] || fail "another key"
expect 0 chancery retrieve "$new_id" --chain
awk '/BEGIN/ { n++ } n == 2' "$D/out" >"$D/ca.pem"
expect 0 openssl verify -x509_strict -CAfile "$D/ca.pem" "$D/renewed.pem"
expect 0 chancery --json submit "$D/new.p7"
[ "$(json_field id)" = "$new_id" ] || fail "the same renewal again is another request"
expect 0 chancery show "$new_id"
grep -q "^Renewal of  *$old_id" "$D/out" || fail "show: $(cat "$D/out")"

say "as other tools write it: PEM, by key identifier, without attributes, without certificates, RSA with SHA-384"
for variant in keyid noattr nocerts; do
    csr_der $variant
    envelope old $variant $variant.p7 -nodetach -$variant
done
csr_der pem
openssl cms -sign -in "$D/pem.csr" -binary -nodetach -signer "$D/old.pem" -inkey "$D/old.key" -outform PEM -out "$D/pem.p7" || fail "openssl cms"
openssl genrsa -out "$D/rsa.key" 2048 2>/dev/null && openssl req -new -key "$D/rsa.key" -subj /CN=rsa -out "$D/rsa.csr" || fail "openssl rsa"
issue_old rsa --attr ExpirationDate:+10d
csr_der sha384
envelope rsa sha384 sha384.p7 -nodetach -md sha384
for variant in keyid noattr pem sha384; do
    expect 0 chancery --json submit "$D/$variant.p7"
    grep -q '"disposition": "issued"' "$D/out" || fail "$variant: $(cat "$D/out")"
done
expect 0 chancery --json submit "$D/nocerts.p7"

say "named by the requester, in each way that an object is named"
serial=$(openssl x509 -in "$D/old.pem" -noout -serial | sed 's/.*=//')
sha256=$(openssl x509 -in "$D/old.pem" -noout -fingerprint -sha256 | sed 's/.*=//')
for object in "$old_id" "$serial" "fp:$sha256"; do
    csr_der named
    expect 0 chancery --json submit "$D/named.csr" --renew "$object"
    is_renewal_of "$(json_field id)" "$old_id"
done
csr_der attribute
expect 0 chancery --json submit "$D/attribute.csr" --attr "renewal-certificate:$old_id"
is_renewal_of "$(json_field id)" "$old_id"
expect 0 chancery --json request --key "$D/made.key" --renew "$old_id" --out "$D/made.pem"
is_renewal_of "$(json_field id)" "$old_id"

say "too early: refused with the date from which it is allowed; an officer cannot move it"
refused 2 renewal.too_early chancery --json submit "$D/named.csr" --renew "$long_id"
id=$(json_field id)
end=$(date -u -d "$(openssl x509 -in "$D/long.pem" -noout -enddate | sed 's/.*=//')" +%s)
from=$(date -u -d "@$((end - 42 * 86400))" +%Y-%m-%dT%H:%M:%SZ)
grep -q "allows it from $from" "$D/out" || fail "not from $from: $(cat "$D/out")"
refused 2 renewal.too_early as $CAROL chancery --json resubmit "$id"
csr_der early
envelope long early early.p7 -nodetach
refused 2 renewal.too_early chancery --json submit "$D/early.p7"

say "revoked or on hold"
issue_old held --attr ExpirationDate:+10d
expect 0 chancery revoke "$id" --reason certificateHold
csr_der after
refused 2 renewal.revoked chancery --json submit "$D/after.csr" --renew "$id"
envelope held after after.p7 -nodetach
refused 2 renewal.revoked chancery --json submit "$D/after.p7"
expect 0 chancery release "$id"
expect 0 chancery submit "$D/after.p7"

say "another's, by name and by a copied envelope"
refused 2 renewal.requester as $BOB chancery --json submit "$D/early.csr" --renew "$old_id"
refused 2 renewal.requester as $BOB chancery --json submit "$D/early.p7"

say "of another template"
refused 2 renewal.template chancery --json submit "$D/early.csr" --renew "$old_id" --template WebServer

say "not ours: never issued here, and one that only looks like it"
refused 2 renewal.not_ours chancery --json submit "$D/early.csr" --renew 99999 --template User
refused 2 renewal.not_ours chancery --json submit "$D/early.csr" --renew "fp:$(printf %064d 7)" --template User
key_and_request self /CN=self
openssl req -x509 -key "$D/self.key" -subj /CN=self -days 10 -out "$D/self.pem"
csr_der stranger
envelope self stranger stranger.p7 -nodetach
refused 2 renewal.not_ours chancery --json submit "$D/stranger.p7" --template User
# An impostor CA of the same name gave out the same serial.
key_and_request imp /CN=imp
openssl req -x509 -key "$D/imp.key" -subj "/$(openssl x509 -in "$D/ca.pem" -noout -subject -nameopt RFC2253 | sed 's/subject=//; s/,/\//g')" -days 10 \
    -out "$D/impca.pem" 2>/dev/null || fail "openssl impostor"
openssl x509 -req -in "$D/imp.csr" -CA "$D/impca.pem" -CAkey "$D/imp.key" -set_serial "0x$serial" -days 10 -out "$D/imp.pem" 2>/dev/null ||
    fail "openssl x509"
[ "$(openssl x509 -in "$D/imp.pem" -noout -issuer)" = "$(openssl x509 -in "$D/old.pem" -noout -issuer)" ] || fail "the impostor's name"
envelope imp stranger impostor.p7 -nodetach
refused 2 renewal.not_ours chancery --json submit "$D/impostor.p7" --template User
envelope imp stranger naked.p7 -nodetach -nocerts
refused 65 renewal.signature chancery --json submit "$D/naked.p7" --template User

say "not as it should be: nothing of it is stored"
expect 0 chancery --json list --all
before=$(grep -c '"id"' "$D/out")
csr_der form
envelope old form form.p7 -nodetach
hex=$(od -An -v -tx1 "$D/form.p7" | tr -d ' \n')
at=$(printf %s "$hex" | grep -bo "$(printf form | od -An -tx1 | tr -d ' \n')" | head -n 1 | cut -d: -f1)
cp "$D/form.p7" "$D/changed.p7"
printf F | dd of="$D/changed.p7" bs=1 seek=$((at / 2)) conv=notrunc 2>/dev/null
refused 65 renewal.signature chancery --json submit "$D/changed.p7"
envelope old form detached.p7
refused 65 renewal.form chancery --json submit "$D/detached.p7"
envelope old form stream.p7 -nodetach -stream
refused 65 renewal.form chancery --json submit "$D/stream.p7"
envelope old form two.p7 -nodetach -signer "$D/rsa.pem" -inkey "$D/rsa.key"
refused 65 renewal.form chancery --json submit "$D/two.p7"
envelope old form sha1.p7 -nodetach -md sha1
refused 65 renewal.digest chancery --json submit "$D/sha1.p7"
cp "$D/form.der" "$D/form.saved"
echo "no request" >"$D/form.der"
envelope old form text.p7 -nodetach
refused 65 data.pem chancery --json submit "$D/text.p7"
refused 65 renewal.twice chancery --json submit "$D/early.p7" --attr "RenewalCertificate:$old_id"
expect 0 chancery --json list --all
[ "$(grep -c '"id"' "$D/out")" = "$before" ] || fail "something was stored"
expect 0 chancery --json audit list --all
tr -d '\n' <"$D/out" >"$D/audit"
for reason in renewal.form renewal.signature renewal.digest renewal.too_early renewal.requester; do
    grep -q "\"reason\": \"$reason\"" "$D/audit" || fail "no audit record with $reason"
done

say "where the template pends it pends, and the approval looks at it again"
key_and_request web "/CN=web07.example.com" DNS:web07.example.com
expect 3 as $WEB07 chancery --json submit "$D/web.csr" --template WebServer --attr ExpirationDate:+20d
web_id=$(json_field id)
expect 0 chancery approve "$web_id"
key_and_request web2 "/CN=web07.example.com" DNS:web07.example.com
expect 3 as $WEB07 chancery --json submit "$D/web2.csr" --renew "$web_id"
id=$(json_field id)
refused 65 request.attribute_officer chancery --json set-attribute "$id" "RenewalCertificate:$old_id"
expect 0 chancery revoke "$web_id" --reason superseded
refused 2 renewal.revoked chancery --json approve "$id"

say "expired"
is_over() { ! openssl x509 -in "$D/short.pem" -noout -checkend 0; }
within 60 is_over || fail "the short one does not end"
refused 2 renewal.expired chancery --json submit "$D/early.csr" --renew "$short_id"
