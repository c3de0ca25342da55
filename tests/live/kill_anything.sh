#!/bin/sh
# kill -9 of daemon, signer and exit host: what was answered stands, and the daemon answers within two seconds of its restart.
. "$top_srcdir/tests/lib/ca.sh"
need openssl ldapsearch
ca_begin
key_and_request one /CN=alice
expect 0 chancery --json submit "$D/one.csr" --template User --out "$D/one.pem"
id=$(json_field id)

stands() {
    rm -f "$D/again.pem"
    expect 0 chancery retrieve "$1" --out "$D/again.pem"
    cmp -s "$D/again.pem" "$2" || fail "request $1 has another certificate"
}
restart() {
    ca_start
    say "answers $CA_START_MS ms after its start"
    [ "$CA_START_MS" -lt 2000 ] || [ -n "${CHANCERY_SLOW:-}" ] || fail "took $CA_START_MS ms"
    stands "$id" "$D/one.pem"
}

say "the daemon"
key_and_request two /CN=alice
expect 0 chancery --json submit "$D/two.csr" --template User --out "$D/two.pem"
two=$(json_field id)
ca_kill
restart
stands "$two" "$D/two.pem"
der "$D/two.pem" "$D/two.der"
within 30 entry_holds uid=alice,ou=people,"$SLAPD_SUFFIX" userCertificate "$D/two.der" || fail "what waited was lost"

say "the daemon, while requests come in"
mkdir "$D/many"
number=0
while [ $number -lt 12 ]; do
    key_and_request many/$number /CN=alice
    number=$((number + 1))
done
(
    number=0
    while [ $number -lt 12 ]; do
        chancery --json submit "$D/many/$number.csr" --template User --out "$D/many/$number.pem" >"$D/many/$number.answer" 2>/dev/null
        echo $? >"$D/many/$number.status"
        number=$((number + 1))
    done
) &
submitter=$!
within 10 test -s "$D/many/3.status" || fail "no requests come in"
ca_kill
wait $submitter
restart
for answer in "$D"/many/*.pem; do
    serial=$(openssl x509 -in "$answer" -noout -serial | sed 's/.*=//')
    stands "sn:$serial" "$answer"
done

say "an exit host: it comes back, nothing else ends"
host=$(ca_child "exit publish/ldap" | head -n 1)
[ -n "$host" ] || fail "no exit host"
kill -9 "$host"
key_and_request three /CN=alice
expect 0 chancery submit "$D/three.csr" --template User --out "$D/three.pem"
der "$D/three.pem" "$D/three.der"
within 30 entry_holds uid=alice,ou=people,"$SLAPD_SUFFIX" userCertificate "$D/three.der" || fail "publishing did not go on"
kill -0 "$CA_PID" || fail "the daemon ended with the exit host"

say "the signer: the daemon ends with it, and is well after a restart"
signer=$(ca_child signer | head -n 1)
[ -n "$signer" ] || fail "no signer"
kill -9 "$signer"
gone() { ! kill -0 "$CA_PID" 2>/dev/null; }
within 10 gone || fail "the daemon goes on without a signer"
wait "$CA_PID" && fail "the daemon's exit status is 0"
CA_PID=
restart
key_and_request four /CN=alice
expect 0 chancery submit "$D/four.csr" --template User
