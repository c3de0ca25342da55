#!/bin/sh
# certmonger, the real one, gets certificates by chancery-submit: templates and roots, one issued at once and renewed, one that waits for
# an officer and is approved, one that he denies.
. "$top_srcdir/tests/lib/ca.sh"
need openssl getcert dbus-run-session dbus-send
[ -x /usr/sbin/certmonger ] || skip "certmonger is not installed"
need_root
ca_begin
helper="$top_builddir/chancery-submit -c $CHANCERY_CONF --poll 1"

say "by hand, as certmonger would"
hand() { env CERTMONGER_OPERATION="$1" $helper; }
expect 0 hand IDENTIFY
expect 0 hand GET-SUPPORTED-TEMPLATES
for template in User Computer WebServer; do grep -qx "$template" "$D/out" || fail "no template $template: $(cat "$D/out")"; done
expect 0 hand FETCH-ROOTS
openssl x509 -in "$D/out" -noout -subject | grep -q EXAMPLE-CA || fail "no root"
expect 0 hand GET-NEW-REQUEST-REQUIREMENTS
expect 0 hand GET-DEFAULT-TEMPLATE
expect 6 hand NOTHING
expect 64 env -u CERTMONGER_OPERATION "$top_builddir/chancery-submit"
expect 3 env CERTMONGER_OPERATION=POLL CERTMONGER_CA_COOKIE=1 "$top_builddir/chancery-submit" --socket "$D/nothing"
expect 2 env CERTMONGER_OPERATION=POLL CERTMONGER_CA_COOKIE=x "$top_builddir/chancery-submit" -c "$CHANCERY_CONF"
key_and_request hand /CN=alice
expect 0 env CERTMONGER_OPERATION=SUBMIT CERTMONGER_CA_PROFILE=User CERTMONGER_CSR="$(cat "$D/hand.csr")" $helper
openssl x509 -in "$D/out" -noout || fail "no certificate on standard output"
expect 2 env CERTMONGER_OPERATION=SUBMIT CERTMONGER_CA_PROFILE=NoSuch CERTMONGER_CSR="$(cat "$D/hand.csr")" $helper
grep -q NoSuch "$D/out" || fail "the reason is not on standard output"

# The rest in a session bus of its own, where certmonger runs as root: the entry of uid 0 is web07's here, so that an officer other than
# the requester decides.
ca_stop
sed -i "s/^dn = uid=alice,.*/dn = cn=web07,ou=hosts,$SLAPD_SUFFIX/" "$CHANCERY_CONF"
ca_start
mkdir -p "$D/cm/cas" "$D/cm/req" "$D/cm/tmp" "$D/cm/local"
cat >"$D/session.sh" <<S
. "$top_srcdir/tests/lib/ca.sh"
D=$D
export CERTMONGER_CONFIG_DIR=$D/cm CERTMONGER_CAS_DIR=$D/cm/cas CERTMONGER_REQUESTS_DIR=$D/cm/req CERTMONGER_TMPDIR=$D/cm/tmp CERTMONGER_LOCAL_CA_DIR=$D/cm/local
/usr/sbin/certmonger -s -n -d 3 >"$D/cm.log" 2>&1 &
certmonger=\$!
finish() { status=\$?; kill \$certmonger; wait \$certmonger; exit \$status; }
trap finish EXIT
# asked of the bus, not of getcert, whose call would have the bus start a second one
owned() { dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner string:org.fedorahosted.certmonger | grep -q 'boolean true'; }
within 60 owned || fail "certmonger does not answer"
getcert add-ca -s -c Chancery -e "$helper" || fail "add-ca"
state() { getcert list -s -i "\$1" | sed -n 's/.*status: //p'; }
is() { [ "\$(state "\$1")" = "\$2" ]; }
await() { within 60 is "\$1" "\$2" || { getcert list -s -i "\$1"; fail "\$1 is \$(state "\$1"), not \$2"; }; }

say "issued at once, and renewed"
getcert request -s -c Chancery -T Computer -f "$D/host.pem" -k "$D/host.key" -N CN=web07.example.com -D web07.example.com -I host -F "$D/roots.pem" || fail request
await host MONITORING
openssl verify -CAfile "$D/roots.pem" "$D/host.pem" || fail "the certificate does not verify with the roots that certmonger wrote"
first=\$(openssl x509 -in "$D/host.pem" -noout -serial)
renewed() { [ -s "$D/host.pem" ] && [ "\$(openssl x509 -in "$D/host.pem" -noout -serial)" != "\$first" ]; }
getcert rekey -s -i host || fail rekey
within 60 renewed || { getcert list -s -i host; fail "not renewed"; }
await host MONITORING
openssl verify -CAfile "$D/roots.pem" "$D/host.pem" || fail "the renewed certificate does not verify"

say "waits for an officer, and is approved"
getcert request -s -c Chancery -T WebServer -f "$D/web.pem" -k "$D/web.key" -N CN=w.example.com -D w.example.com -I web || fail request
await web CA_WORKING
touch "$D/approve"
await web MONITORING
openssl x509 -in "$D/web.pem" -noout -ext subjectAltName | grep -q DNS:w.example.com || fail "not the name that was asked for"

say "waits, and is denied"
getcert request -s -c Chancery -T WebServer -f "$D/no.pem" -k "$D/no.key" -N CN=n.example.com -D n.example.com -I no || fail request
await no CA_WORKING
touch "$D/deny"
await no CA_REJECTED
getcert list -s -i no | grep -q 'not on my watch' || { getcert list -s -i no; fail "the officer's words are not shown"; }
S
dbus-run-session -- sh "$D/session.sh" >"$D/session.log" 2>&1 &
session=$!
CA_PIDS="$CA_PIDS $session"
session_over() { ! kill -0 "$session" 2>/dev/null; }
asked() { [ -e "$D/$1" ] || session_over; }
pending() { as $CAROL chancery --json list --disposition pending | sed -n 's/.*"id": *\([0-9]*\).*/\1/p' | head -n 1; }
within 300 asked approve
[ ! -e "$D/approve" ] || expect 0 as $CAROL chancery approve "$(pending)"
within 300 asked deny
[ ! -e "$D/deny" ] || expect 0 as $CAROL chancery deny "$(pending)" --message "not on my watch"
within 300 session_over
wait "$session"
status=$?
grep -v '^$' "$D/session.log"
[ $status -eq 0 ] || { tail -n 30 "$D/cm.log"; fail "certmonger's cycle"; }
