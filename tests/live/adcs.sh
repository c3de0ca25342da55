#!/bin/sh
# Each task that chancery-adcs(7) names is done as it says there. A task that only the manual or only this test has is a fault.
. "$top_srcdir/tests/lib/ca.sh"
need openssl ldapsearch jq expect
need_root
task() {
    say "$1"
    printf '%s\n' "$1" >>"$D/tasks"
}
says() { cat "$D/out" "$D/err" | grep -qiE -- "$1" || { cat "$D/out" "$D/err" >&2; fail "nothing of \"$1\""; }; }
issued() { # a certificate of the caller's; its number in $id, the certificate in $D/issued.pem
    key_and_request issued /CN=alice
    expect 0 chancery --json submit "$D/issued.csr" --template User --out "$D/issued.pem" --force
    id=$(json_field id)
    serial=$(openssl x509 -in "$D/issued.pem" -noout -serial | sed 's/.*=//' | tr 'A-F' 'a-f')
}
waits() { # a pending request of web07's; its number in $id
    key_and_request waits /CN=web07.example.com DNS:web07.example.com
    expect 3 as $WEB07 chancery --json submit "$D/waits.csr" --template WebServer
    id=$(json_field id)
}
ca_begin

task 'certutil -ping'
expect 0 chancery info
expect 69 chancery --socket "$D/nothing" info
task 'certutil -CAInfo'
expect 0 chancery info
says 'Certificate index +0'
expect 0 chancery --json info
jq -e '.name == "EXAMPLE-CA" and (.certificates | length) == 1' "$D/out" >/dev/null || fail "info as JSON"
task 'certutil -getconfig'
expect 0 chancery config
says 'ca.example.com.EXAMPLE-CA'
task 'certutil -ca.cert'
expect 0 chancery ca get --out "$D/ca.pem"
openssl x509 -in "$D/ca.pem" -noout -subject | grep -q EXAMPLE-CA || fail "ca get"
expect 0 chancery ca get --der --out "$D/ca.der"
openssl x509 -inform DER -in "$D/ca.der" -noout || fail "ca get --der"
expect 1 chancery ca get --index 7
task 'certutil -ca.chain'
expect 0 chancery ca get --chain --out "$D/chain.pem"
openssl verify -CAfile "$D/chain.pem" "$D/ca.pem" >/dev/null || fail "ca get --chain"

task 'certreq -submit'
issued
openssl verify -CAfile "$D/chain.pem" "$D/issued.pem" >/dev/null || fail "submit"
task 'certreq -retrieve'
expect 0 chancery retrieve "$id" --out "$D/again.pem"
cmp -s "$D/again.pem" "$D/issued.pem" || fail "retrieve"
task 'certutil -view'
expect 0 chancery list
says alice
task 'certutil -view -restrict'
expect 0 chancery --json list --disposition issued --template User --since -1h
jq -e '.rows | length >= 1' "$D/out" >/dev/null || fail "list with restrictions"
expect 0 chancery --json list --template NoSuch
jq -e '.rows | length == 0' "$D/out" >/dev/null || fail "list of a template that there is none of"
expect 0 chancery find alice
says alice
task 'certutil -view csv'
expect 0 chancery list --all --csv
says '^"?id"?,'
task 'certutil -resubmit'
waits
expect 0 chancery resubmit "$id"
task 'certutil -deny'
waits
expect 0 chancery deny "$id" --message 'not today'
expect 0 chancery show "$id"
says 'not today'
task 'certutil -setattributes'
waits
expect 0 chancery set-attribute "$id" ExpirationDate:2027-06-01T00:00:00Z
expect 0 chancery show "$id"
says '2027-06-01|ExpirationDate'
task 'certutil -setextension'
printf '\005\000' >"$D/value"
expect 0 chancery set-extension "$id" 1.2.3.4.5 "$D/value"
expect 0 chancery show "$id"
says 1.2.3.4.5
task 'certutil -deleterow'
sleep 5 # decisions stand in whole seconds, each after the one before
expect 0 chancery purge --denied --before -1s --export "$D/purged.jsonl"
grep -q 'not today' "$D/purged.jsonl" || fail "the purged request is not in the export"

task 'certutil -revoke'
issued
expect 0 chancery revoke "$serial" --reason certificateHold
task 'certutil -isvalid'
expect 1 chancery isvalid "$serial"
says certificateHold
task 'certutil -revoke -1'
expect 0 chancery release "$serial"
expect 0 chancery isvalid "$serial"
expect 0 chancery revoke "$serial" --reason keyCompromise
task 'certutil -CRL'
expect 0 chancery crl publish
task 'certutil -GetCRL'
expect 0 chancery crl get --pem --out "$D/crl.pem"
openssl crl -in "$D/crl.pem" -noout -text | grep -qi "$serial" || fail "the revoked certificate is not on the CRL"
task 'certutil -CRL delta'
expect 0 chancery crl publish --delta
task 'certutil -importCert'
# by the CA's key, made elsewhere: the key is the test's to read
openssl pkcs8 -in "$(ls "$D"/ca/signer/key*.pem | head -n 1)" -passin file:"$D/ca/passphrase" -out "$D/ca.key" 2>/dev/null || fail "the CA's key"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=old.example.com -keyout /dev/null -out "$D/old.csr" 2>/dev/null
openssl x509 -req -in "$D/old.csr" -CA "$D/ca.pem" -CAkey "$D/ca.key" -set_serial 0x1234567890abcdef -days 30 -out "$D/old.pem" 2>/dev/null || fail "openssl x509"
expect 0 chancery import "$D/old.pem"
expect 0 chancery show sn:1234567890abcdef
says foreign

task 'certutil -CATemplates'
expect 0 chancery template list
says WebServer
task 'Remove-CATemplate'
expect 0 chancery template retire User
expect 2 chancery submit "$D/issued.csr" --template User
task 'Add-CATemplate'
expect 0 chancery template adopt User

task 'certutil -dsPublish'
published() { chancery --json publish status | jq -e 'all(.modules[]; .waiting == 0 and .parked == 0)'; }
within 30 published || fail "still waiting: $(chancery publish status)"
entry_holds "cn=EXAMPLE-CA,ou=pki,$SLAPD_SUFFIX" cACertificate "$D/ca.der" || fail "the CA's certificate is not in the directory"
expect 0 chancery publish retry
expect 0 chancery publish check

task 'Manage CA, Issue and Manage Certificates (certsrv.msc, Security)'
expect 0 as $CAROL chancery whoami
says officer
expect 77 as $CAROL chancery template retire User
expect 0 chancery report roles
task 'Certificate Managers restrictions (certsrv.msc)'
waits
ca_stop
printf '[officer.%s]\ntemplates = User\n' "$CAROL" >>"$CHANCERY_CONF"
ca_start
expect 77 as $CAROL chancery approve "$id"
says 'decides requests for User only'
expect 0 chancery approve "$id"
task 'Audit filter (certsrv.msc, Auditing)'
ca_stop
printf '[audit]\nreads = requests\n' >>"$CHANCERY_CONF"
ca_start
expect 0 chancery show "$id"
expect 0 chancery audit list --action show
says show
task 'Security event log'
expect 0 chancery audit list --limit 5
expect 0 chancery audit export --out "$D/audit.jsonl"
expect 0 chancery audit verify
expect 0 chancery audit verify "$D/audit.jsonl" --certificate "$D/chain.pem"

task 'certutil -db'
expect 0 chancery check-db
task 'certutil -backupDB'
install -d -o $CA_AUTHORITY_UID "$D/backups"
expect 0 chancery backup "$D/backups/one" --with-key
task 'certutil -backupKey'
printf 'a passphrase for the export' >"$D/new.passphrase"
expect 0 env expect -c "set timeout 60
    spawn -noecho chancery key export $D/key.p8
    foreach file {$D/ca/passphrase $D/new.passphrase $D/new.passphrase} {
        set open [open \$file]
        set words [string trimright [read \$open]]
        expect -re {: \$} {} eof { puts {NO PROMPT}; exit 99 } timeout { puts {NO PROMPT}; exit 99 }
        send -- \"\$words\r\"
    }
    expect eof
    exit [lindex [wait] 3]"
openssl pkcs8 -in "$D/key.p8" -passin file:"$D/new.passphrase" -out /dev/null 2>/dev/null || fail "the exported key does not open with its passphrase"
task 'certutil -renewCert ReuseKeys'
expect 0 chancery renew
expect 0 chancery --json info
jq -e '.certificate.index == 1 and .certificate.key_index == 0' "$D/out" >/dev/null || fail "renew: $(cat "$D/out")"
task 'certutil -restoreDB'
ca_stop
expect 0 chancery restore "$D/backups/one"
ca_start
expect 75 chancery submit "$D/issued.csr" --template User
expect 0 chancery restore confirm
task 'certutil -renewCert'
ca_stop
sed -i 's,cn=EXAMPLE-CA\(.*certificateRevocationList\),cn=EXAMPLE-CA%K\1,' "$CHANCERY_CONF"
expect 0 chancery renew --new-key
ca_start
expect 0 chancery --json info
jq -e '.certificate.key_index == 1' "$D/out" >/dev/null || fail "renew --new-key: $(cat "$D/out")"
issued
expect 0 chancery ca get --chain --out "$D/chain1.pem"
openssl verify -CAfile "$D/chain1.pem" "$D/issued.pem" >/dev/null || fail "a certificate of the new key does not verify"

task 'certutil -installCert'
# a subordinate asks a parent of openssl's, and installs the answer
ca_stop
mkdir "$D/sub"
sed "s,$D/ca,$D/sub,g; s/^name = EXAMPLE-CA/name = SUB-CA/" "$CHANCERY_CONF" >"$D/sub/chancery.conf"
mkdir -p "$D/sub/run" "$D/sub/www"
chown $CA_AUTHORITY_UID:$CA_AUTHORITY_UID "$D/sub/run"
chown $CA_EXIT_UID:$CA_EXIT_UID "$D/sub/www"
cp -p "$D/ca/passphrase" "$D/sub/passphrase"
CHANCERY_CONF=$D/sub/chancery.conf
expect 0 chanceryd --init --passphrase-file "$D/sub/passphrase" --csr-out "$D/sub.csr"
ca_start
openssl req -in "$D/sub.csr" -noout -verify 2>/dev/null || fail "the request for the parent"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=PARENT -days 900 -keyout "$D/parent.key" -out "$D/parent.pem" 2>/dev/null
printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign,digitalSignature\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n' >"$D/sub.ext"
openssl x509 -req -in "$D/sub.csr" -CA "$D/parent.pem" -CAkey "$D/parent.key" -set_serial 0x4711 -days 800 -extfile "$D/sub.ext" -out "$D/sub.pem" 2>/dev/null || fail "openssl x509"
cat "$D/parent.pem" >>"$D/sub.pem"
expect 0 chancery install-cert "$D/sub.pem"
expect 0 chancery info
says SUB-CA

say "the manual and this test name the same tasks"
sed -n 's/^\.It Li //p' "$top_srcdir/ca/chancery-adcs.7" | sort >"$D/manual"
sort "$D/tasks" | diff "$D/manual" - || fail "chancery-adcs(7) (<) and this test (>) differ"
say "$(wc -l <"$D/manual") tasks"
