#!/bin/sh
# Enrolment agents: a request inside CMS, signed with an agent's certificate, for whom and for what the configuration says, and every
# way in which it is refused: no entry, protected target, signature over another request, foreign, revoked, expired certificate, a
# certificate that is no agent's or not the caller's, nobody's signature where the template asks for one.
. "$top_srcdir/tests/lib/ca.sh"
need openssl ldapsearch ldapmodify setpriv perl
need_root
ca_begin
ALICE_DN="uid=alice,ou=people,$SLAPD_SUFFIX" BOB_DN="uid=bob,ou=people,$SLAPD_SUFFIX" CAROL_DN="uid=carol,ou=people,$SLAPD_SUFFIX"
HOLDERS="cn=cardholders,ou=groups,$SLAPD_SUFFIX" T="cn=SmartcardUser,cn=templates,ou=pki,$SLAPD_SUFFIX"
modify() { ldapmodify -x -H "$SLAPD_URI" -D "$SLAPD_ADMIN" -w "$SLAPD_PASSWORD" >"$D/ldap" 2>&1 || { cat "$D/ldap" >&2; fail "ldapmodify"; }; }
{
    printf 'dn: %s\nchangetype: add\nobjectClass: groupOfNames\ncn: cardholders\nmember: %s\nmember: %s\nmember: %s\n\n' \
        "$HOLDERS" "$ALICE_DN" "$CAROL_DN" "$BOB_DN"
    printf 'dn: cn=domain-admins,ou=groups,%s\nchangetype: add\nobjectClass: groupOfNames\ncn: domain-admins\nmember: cn=inner,ou=groups,%s\n\n' \
        "$SLAPD_SUFFIX" "$SLAPD_SUFFIX"
    printf 'dn: cn=inner,ou=groups,%s\nchangetype: add\nobjectClass: groupOfNames\ncn: inner\nmember: %s\n\n' "$SLAPD_SUFFIX" "$CAROL_DN"
    printf 'dn: %s\nchangetype: modify\nadd: userPrincipalName\nuserPrincipalName: carol@example.com\n-\nadd: objectClass\nobjectClass: chancerySubject\n' "$CAROL_DN"
} | modify
configured() { # LINES: with these and without those before
    sed -i '/^#agents$/,$d' "$CHANCERY_CONF"
    printf '#agents\n%s\n' "$1" >>"$CHANCERY_CONF"
}
ENTRY="[agents]
protected = cn=nobody,ou=groups,$SLAPD_SUFFIX; cn=domain-admins,ou=groups,$SLAPD_SUFFIX
[agent.helpdesk]
agent = $BOB_DN
template = SmartcardUser
targets = $HOLDERS"
configured "[agent.x]
agent = nobody
template = User
targets = $HOLDERS"
expect 78 chanceryd -t
configured "[agent.x]
agent = $BOB_DN
targets = $HOLDERS"
expect 78 chanceryd -t
configured "$ENTRY"
expect 0 chanceryd -t
ca_stop
ca_start
adopt() { expect 0 chancery template adopt "$1"; }
adopt SmartcardUser
adopt EnrollmentAgent

# certified TEMPLATE NAME [ATTRIBUTE]: NAME.key, NAME.pem of bob's, approved by carol where it must be; $id
certified() {
    key_and_request "$2" /CN=bob
    as $BOB chancery --json submit "$D/$2.csr" --template "$1" ${3:+--attr "$3"} >"$D/out" 2>"$D/err"
    submitted=$?
    id=$(json_field id)
    [ $submitted -eq 0 ] || { [ $submitted -eq 3 ] && expect 0 as $CAROL chancery resubmit "$id"; } || fail "$1: $(cat "$D/out" "$D/err")"
    expect 0 as $BOB chancery retrieve "$id"
    cp "$D/out" "$D/$2.pem"
}
# wrapped CSR SIGNER CMS: the request, signed; RSA, so that all requests have one length
card() { # NAME OU
    [ -e "$D/card.key" ] || openssl genrsa -out "$D/card.key" 2048 2>/dev/null
    openssl req -new -key "$D/card.key" -subj "/CN=card/OU=$2" -outform DER -out "$D/$1.der" || fail "openssl req"
}
wrapped() { # NAME SIGNER [OPTIONS]
    name=$1 signer=$2
    shift 2
    openssl cms -sign -binary -nodetach -md sha256 "$@" -signer "$D/$signer.pem" -inkey "$D/$signer.key" -in "$D/$name.der" \
        -outform DER -out "$D/$name.cms" || fail "openssl cms"
    chmod 644 "$D/$name.cms"
}
asked() { # STATUS UID TARGET NAME [REASON] [TEMPLATE]
    expect "$1" as "$2" chancery --json submit "$D/$4.cms" --template "${6:-SmartcardUser}" --on-behalf-of "$3"
    id=$(json_field id)
    [ -z "${5:-}" ] || grep -q "\"$5\"" "$D/out" "$D/err" || fail "not refused with $5: $(cat "$D/out" "$D/err")"
}
fresh() { # NAME: another request each time
    count=$((${count:-100} + 1))
    rm -f "$D/$1.key"
    openssl genrsa -out "$D/card.key" 2048 2>/dev/null
    card "$1" $count
    wrapped "$1" "${2:-agent}"
}
root_uid=$(id -u)

certified EnrollmentAgent agent
agent_id=$id
say "an agent asks for alice: her names, her entry, on record"
fresh one
asked 0 $BOB "$ALICE_DN" one
issued=$id
expect 0 as $BOB chancery retrieve "$id"
cp "$D/out" "$D/card.pem"
openssl x509 -in "$D/card.pem" -noout -subject | grep -q 'CN = Alice Example' || fail "not in alice's name: $(openssl x509 -in "$D/card.pem" -noout -subject)"
der "$D/card.pem" "$D/card.der"
within 30 entry_holds "$ALICE_DN" userCertificate "$D/card.der" || fail "not published to alice's entry"
entry_holds "$BOB_DN" userCertificate "$D/card.der" && fail "published to the agent's entry"
expect 0 chancery --json show "$issued"
tr -d '\n ' <"$D/out" | grep -q "\"on_behalf_of\":\"$ALICE_DN\",\"agent_id\":$agent_id" || fail "show does not say for whom: $(head -c 600 "$D/out")"
expect 0 chancery --json audit list --all
grep -q "on behalf of $ALICE_DN" "$D/out" || fail "not on record"
say "the key of a card is one holder's"
card one 999
wrapped one agent
asked 2 $BOB "$CAROL_DN" one key.of_other
say "by key identifier instead of issuer and serial"
fresh two
wrapped two agent -keyid
asked 0 $BOB "$ALICE_DN" two

say "no entry says so"
fresh three
asked 2 $BOB "cn=web07,ou=hosts,$SLAPD_SUFFIX" three agent.none
asked 2 $BOB "uid=nobody,ou=people,$SLAPD_SUFFIX" three agent.none
asked 2 $BOB "$ALICE_DN" three agent.template User
asked 65 $BOB "alice" three agent.target
say "protected, in a group of a group; himself"
asked 2 $BOB "$CAROL_DN" three agent.protected
asked 2 $BOB "$BOB_DN" three agent.self
say "the certificate is another's than who asks"
asked 2 "$root_uid" "$CAROL_DN" three agent.not_own
say "a request without a signature"
cp "$D/three.der" "$D/plain.cms"
chmod 644 "$D/plain.cms"
asked 65 $BOB "$ALICE_DN" plain agent.form
openssl cms -sign -binary -md sha256 -signer "$D/agent.pem" -inkey "$D/agent.key" -in "$D/three.der" -outform DER -out "$D/detached.cms"
chmod 644 "$D/detached.cms"
asked 65 $BOB "$ALICE_DN" detached agent.form

say "a signature over another request"
card other 888
hex() { od -An -v -tx1 "$1" | tr -d ' \n'; }
[ "$(wc -c <"$D/other.der")" -eq "$(wc -c <"$D/three.der")" ] || fail "two lengths"
hex "$D/three.cms" | sed "s/$(hex "$D/three.der")/$(hex "$D/other.der")/" | perl -ne 'print pack("H*", $_)' >"$D/swapped.cms"
cmp -s "$D/swapped.cms" "$D/three.cms" && fail "nothing was swapped"
chmod 644 "$D/swapped.cms"
asked 2 $BOB "$ALICE_DN" swapped agent.signature

say "certificates of nobody's, and of the same name and serial"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=Bob Builder" \
    -addext extendedKeyUsage=1.3.6.1.4.1.311.20.2.1 -keyout "$D/foreign.key" -out "$D/foreign.pem" 2>/dev/null
fresh four foreign
asked 2 $BOB "$ALICE_DN" four agent.foreign
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout "$D/forged_ca.key" -out "$D/forged_ca.pem" \
    -subj "$(openssl x509 -in "$D/agent.pem" -noout -issuer -nameopt compat | sed 's/^issuer= *//')" 2>/dev/null
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=Bob Builder" -keyout "$D/forged.key" 2>/dev/null |
    openssl x509 -req -CA "$D/forged_ca.pem" -CAkey "$D/forged_ca.key" -days 2 \
        -set_serial "0x$(openssl x509 -in "$D/agent.pem" -noout -serial | sed 's/.*=//')" -out "$D/forged.pem" 2>/dev/null
fresh five forged
asked 2 $BOB "$ALICE_DN" five agent.signature

say "a certificate that is no agent's"
certified User person
fresh six person
asked 2 $BOB "$ALICE_DN" six agent.not_agent

say "an expired one"
certified EnrollmentAgent short ExpirationDate:+3s
ended() { ! openssl x509 -in "$D/short.pem" -noout -checkend 0; }
within 60 ended || fail "it does not expire"
fresh seven short
asked 2 $BOB "$ALICE_DN" seven agent.expired

say "agents alone: the template asks for one, and for policies in his certificate"
change() { printf 'dn: %s\nchangetype: modify\n%s\n' "$T" "$1" | modify; }
change "replace: msPKI-RA-Signature
msPKI-RA-Signature: 1
-
add: msPKI-RA-Application-Policies
msPKI-RA-Application-Policies: 1.3.6.1.4.1.311.20.2.1"
adopt SmartcardUser
openssl genrsa -out "$D/own.key" 2048 2>/dev/null
openssl req -new -key "$D/own.key" -subj /CN=x -out "$D/own.csr"
chmod 644 "$D/own.csr"
expect 2 chancery --json submit "$D/own.csr" --template SmartcardUser
grep -q '"agent.needed"' "$D/out" || fail "not agent.needed: $(cat "$D/out")"
fresh eight
asked 0 $BOB "$ALICE_DN" eight
change "add: msPKI-RA-Policies
msPKI-RA-Policies: 1.2.3.4"
adopt SmartcardUser
fresh nine
asked 2 $BOB "$ALICE_DN" nine agent.policies

say "what waits is looked at anew when it is approved"
change "delete: msPKI-RA-Policies
-
replace: msPKI-Enrollment-Flag
msPKI-Enrollment-Flag: 2058"
adopt SmartcardUser
fresh ten
asked 3 $BOB "$ALICE_DN" ten
ten=$id
fresh eleven
asked 3 $BOB "$ALICE_DN" eleven
eleven=$id
fresh twelve
asked 3 $BOB "$ALICE_DN" twelve
twelve=$id
expect 77 chancery resubmit "$ten"
grep -q 'your own entry' "$D/err" || fail "whom it is for approves it himself: $(cat "$D/err")"
expect 0 as $CAROL chancery resubmit "$ten"
printf 'dn: %s\nchangetype: modify\ndelete: member\nmember: %s\n' "$HOLDERS" "$ALICE_DN" | modify
expect 2 as $CAROL chancery --json resubmit "$eleven"
grep -q '"agent.none"' "$D/out" || fail "a target who has left the group: $(cat "$D/out")"
printf 'dn: %s\nchangetype: modify\nadd: member\nmember: %s\n' "$HOLDERS" "$ALICE_DN" | modify

say "a revoked one, also for what waits"
expect 0 chancery revoke "$agent_id" --reason keyCompromise
expect 2 as $CAROL chancery --json resubmit "$twelve"
grep -q '"agent.revoked"' "$D/out" || fail "approved with a revoked agent: $(cat "$D/out")"
fresh thirteen
asked 2 $BOB "$ALICE_DN" thirteen agent.revoked

say "without a section nobody asks for others"
configured ""
ca_stop
ca_start
certified EnrollmentAgent agent2
fresh fourteen agent2
asked 2 $BOB "$ALICE_DN" fourteen agent.none
