#!/bin/sh
# Every sample template is adopted as it stands and a certificate of it issued to whom it is for; openssl reads what the template
# says: subject, alternative names, key usage, extended key usages, template, validity. A CA below takes two officers and root.
. "$top_srcdir/tests/lib/ca.sh"
need openssl ldapsearch setpriv
need_root
ca_begin
for template in SmartcardUser EnrollmentAgent OCSPSigning SubordinateCA CodeSigning; do
    expect 0 chancery template adopt $template
done
expect 0 chancery template list
[ "$(grep -cE '^(User|Computer|WebServer|SmartcardUser|EnrollmentAgent|OCSPSigning|SubordinateCA|CodeSigning) ' "$D/out")" -eq 8 ] ||
    fail "not eight templates: $(cat "$D/out")"

# submitted STATUS UID TEMPLATE NAME [SUBJECT [SAN]]: NAME.pem when issued, $id
submitted() {
    [ -e "$D/$4.csr" ] || key_and_request "$4" "${5:-/CN=whoever}" "${6:-}"
    rm -f "$D/$4.pem"
    expect "$1" as "$2" chancery --json submit "$D/$4.csr" --template "$3"
    id=$(json_field id)
    [ -n "$id" ] || fail "$3: no RequestID: $(cat "$D/out")"
    [ "$1" -ne 0 ] || fetched "$2" "$4"
}
fetched() { # UID NAME
    expect 0 as "$1" chancery retrieve "$id"
    cp "$D/out" "$D/$2.pem"
    openssl x509 -in "$D/$2.pem" -noout -text -nameopt RFC2253 >"$D/$2.text" || fail "$2: openssl does not read it"
}
approved() { expect "$1" as "$2" chancery resubmit "$id"; } # STATUS OFFICER
says() { # NAME WORDS…: each stands in the certificate
    name=$1
    shift
    for words; do
        tr -s ' \n' ' ' <"$D/$name.text" | grep -qF -- "$words" || { cat "$D/$name.text" >&2; fail "$name: openssl sees no \"$words\""; }
    done
}
says_not() {
    name=$1
    shift
    for words; do
        tr -s ' \n' ' ' <"$D/$name.text" | grep -qF -- "$words" && { cat "$D/$name.text" >&2; fail "$name: openssl sees \"$words\""; }
    done
}
lives() { # NAME DAYS
    openssl x509 -in "$D/$1.pem" -noout -checkend $((($2 - 1) * 86400)) >/dev/null || fail "$1 lives for less than $(($2 - 1)) days"
    openssl x509 -in "$D/$1.pem" -noout -checkend $((($2 + 1) * 86400)) >/dev/null && fail "$1 lives for more than $(($2 + 1)) days"
}
alice() { id -u; } # the caller is alice here

say "User: names from the entry, whatever the request says"
submitted 0 "$(alice)" User user
says user "CN=Alice Example" "X509v3 Key Usage: critical Digital Signature X509v3" "TLS Web Client Authentication, E-mail Protection" \
    email:alice@example.com "1.3.6.1.4.1.311.21.7" "1.3.6.1.4.1.311.21.10"
says_not user "CA:TRUE" whoever
lives user 365

say "Computer: the host's own name"
submitted 0 $WEB07 Computer computer
says computer "CN=web07.example.com" DNS:web07.example.com "TLS Web Server Authentication, TLS Web Client Authentication"
lives computer 365

say "WebServer: the request's names, an officer"
submitted 3 $WEB07 WebServer web /CN=www.example.com DNS:www.example.com
approved 0 $CAROL
fetched $WEB07 web
says web "CN=www.example.com" DNS:www.example.com "Extended Key Usage: TLS Web Server Authentication"
says_not web "Client Authentication"

say "SmartcardUser: UPN"
openssl genrsa -out "$D/card.key" 2048 2>/dev/null && openssl req -new -key "$D/card.key" -subj /CN=x -out "$D/card.csr" && chmod 644 "$D/card.csr"
submitted 0 $BOB SmartcardUser card
says card "CN=Bob Builder" "Key Usage: critical Digital Signature, Key Encipherment" "Microsoft Smartcard Login" "TLS Web Client Authentication"
openssl asn1parse -in "$D/card.pem" -strparse "$(openssl asn1parse -in "$D/card.pem" | awk '/Subject Alternative Name/ { getline; sub(":.*", ""); print $1 }')" |
    grep -q bob@example.com || fail "no UPN in the card's certificate"

say "EnrollmentAgent: an officer, and nobody but agents"
submitted 2 $WEB07 EnrollmentAgent stranger
submitted 3 $BOB EnrollmentAgent agent
approved 0 $CAROL
fetched $BOB agent
says agent "CN=Bob Builder" "Extended Key Usage: 1.3.6.1.4.1.311.20.2.1"

say "OCSPSigning: nocheck, no revocation information, two weeks"
submitted 3 $WEB08 OCSPSigning ocsp
approved 0 $CAROL
fetched $WEB08 ocsp
says ocsp "CN=web08.example.com" "Extended Key Usage: OCSP Signing" "OCSP No Check"
says_not ocsp "CRL Distribution Points"
lives ocsp 14

say "CodeSigning: developers"
submitted 0 "$(alice)" CodeSigning code
says code "CN=Alice Example" "Key Usage: critical Digital Signature X509v3" "Extended Key Usage: Code Signing"
submitted 2 $BOB CodeSigning code_bob

say "SubordinateCA: one officer is not enough, the same one twice neither"
submitted 3 $BOB SubordinateCA sub "/O=Example/CN=Sub CA"
first=$id
approved 3 $CAROL
grep -q 'approved 1 of 2' "$D/out" "$D/err" || fail "not said that one of two has approved: $(cat "$D/out" "$D/err")"
approved 1 $CAROL
say "two, and a key that root has not listed: the signer refuses"
expect 1 chancery resubmit "$first"
grep -q 'ca_spki in signer.conf' "$D/err" || fail "not said what root has to do: $(cat "$D/err")"
expect 0 chancery --json show "$first"
grep -q '"failed"' "$D/out" || fail "request $first is not failed"
say "two, and a key that root has listed"
spki=$(openssl req -in "$D/sub.csr" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1)
sed -i "s/^ca_spki = .*/& $spki/" "$D/ca/signer.conf"
grep -q "$spki" "$D/ca/signer.conf" || fail "signer.conf has no ca_spki"
ca_stop
ca_start
submitted 3 $BOB SubordinateCA sub
[ "$id" != "$first" ] || fail "the failed request again"
approved 3 $CAROL
expect 0 chancery resubmit "$id"
fetched $BOB sub
says sub "CN=Sub CA,O=Example" "Basic Constraints: critical CA:TRUE, pathlen:0" "Key Usage: critical Digital Signature, Certificate Sign, CRL Sign"
says_not sub "Extended Key Usage"
lives sub 1826

say "all of them by the CA's certificate"
expect 0 chancery retrieve "$id" --chain
awk '/BEGIN/ { n++ } n > 1' "$D/out" >"$D/ca.pem"
for name in user computer web card agent ocsp code sub; do
    openssl verify -CAfile "$D/ca.pem" "$D/$name.pem" >/dev/null || fail "$name: openssl verify"
done
