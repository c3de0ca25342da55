#!/bin/sh
# An offline root without any directory signs an issuing CA and a CRL. Both are carried by file to a second Chancery with a directory,
# which issues; openssl verifies the chain with the CRLs of both. On the way: what the root's policy, its officers and its signer refuse.
. "$top_srcdir/tests/lib/ca.sh"
need openssl setpriv
need_root
# shellcheck source=tests/lib/slapd.sh
. "$top_srcdir/tests/lib/slapd.sh"
slapd_have || skip "slapd is not installed"
ca_reachable
ca_folder
slapd_start "$D/slapd" || fail "slapd"
ca_modules
ca_configure
ISSUING=$CHANCERY_CONF

line() { [ "$(wc -l <"$D/err")" -eq 1 ] && grep -qF -- "$1" "$D/err" || { cat "$D/err" >&2; fail "no single line that says: $1"; }; }
audit_says() {
    chancery --json audit list --limit 1000 >"$D/audit" 2>/dev/null
    grep -q "\"$1\"" "$D/audit" || fail "no audit record with reason $1"
}
# The account that asks is no officer; three others decide.
DAVE=60004

say "the issuing CA makes its key and its request"
ca_init --csr-out "$D/sub.csr" --subject "CN=Example Issuing CA,O=Example"
chmod 644 "$D/sub.csr"
cp -p "$D/ca/passphrase" "$D/issuing.passphrase" # ca_init makes a new one for the root, in the same place

say "the root: no directory anywhere in its configuration"
ROOT=$D/root
mkdir -p "$ROOT/run" "$ROOT/www" "$ROOT/templates"
chown $CA_AUTHORITY_UID:$CA_AUTHORITY_UID "$ROOT/run"
chown $CA_EXIT_UID:$CA_EXIT_UID "$ROOT/www"
cp "$top_srcdir"/conf/templates/*.template "$ROOT/templates/"
# one that takes its names from an entry, and one whose certificates could authenticate clients
sed 's/WebServer/Entry/; s/enrollee-supplies-subject/subject-common-name/; s/\.4\.3$/.4.91/' "$ROOT/templates/WebServer.template" >"$ROOT/templates/Entry.template"
sed 's/WebServer/Client/; s/1\.3\.6\.1\.5\.5\.7\.3\.1 (serverAuth)/1.3.6.1.5.5.7.3.2 (clientAuth)/; s/\.4\.3$/.4.92/' "$ROOT/templates/WebServer.template" >"$ROOT/templates/Client.template"
chmod 644 "$ROOT"/templates/*
CHANCERY_CONF=$ROOT/chancery.conf
cat >"$CHANCERY_CONF" <<X
[ca]
name = EXAMPLE-ROOT-CA
host = root.example.com
[store]
path = $ROOT/db
cache = 16
reserve = 16
[signer]
conf = $ROOT/signer.conf
state = $ROOT/signer
[api]
socket = $ROOT/run/api.sock
[process]
authority_user = $CA_AUTHORITY_UID
signer_user = $CA_SIGNER_UID
exit_user = $CA_EXIT_UID
[modules]
directory = $D/modules
[policy]
modules = standalone
[templates]
folder = $ROOT/templates
[roles]
administrators = 0
officers = 0 $CAROL $DAVE
auditors = 0
[publish]
modules = file
[publish.file]
directory = $ROOT/www
[certificate]
cdp = http://pki.example.com/root.crl
X
expect 0 chanceryd -t
ca_init --key ecdsa-p384 --subject "CN=Example Root CA,O=Example" --path-length 1 --days 7300
ca_start
expect 0 chancery crl publish
expect 0 chancery template list
cp "$D/out" "$D/list"
for template in SubordinateCA WebServer Entry Client; do
    grep -q $template "$D/list" || { cat "$D/out"; fail "template list does not show $template"; }
    chancery template adopt $template >"$D/out" 2>"$D/err" || { cat "$D/out" "$D/err"; fail "template adopt $template"; }
    grep -q nobody "$D/out" "$D/err" && fail "adopting $template speaks of rights that only a directory has"
done
expect 1 chancery template adopt .chancery
expect 1 chancery template adopt Nothing
expect 0 chancery health
grep -qi directory "$D/out" && fail "health speaks of a directory"
for words in "whoami" "info" "template list" "list" "publish status" "audit list" "crl show"; do
    # shellcheck disable=SC2086
    expect 0 chancery $words
done

say "templates that need a directory are denied"
key_and_request entry /CN=bob DNS:bob.example.com
expect 2 as $BOB chancery submit "$D/entry.csr" --template Entry
audit_says standalone.needs_directory
expect 2 as $BOB chancery submit "$D/entry.csr" --template Client
audit_says subject.no_identifier
expect 2 as $BOB chancery submit "$D/entry.csr" --template User
audit_says template.unknown

say "a web server: waits for one officer, who sees the names that the request asks for"
key_and_request web /CN=web07.example.com DNS:web07.example.com
expect 3 as $BOB chancery --json submit "$D/web.csr" --template WebServer
id=$(json_field id)
expect 77 as $BOB chancery approve "$id"
expect 0 chancery show "$id"
grep -q "dns:web07.example.com" "$D/out" || { cat "$D/out"; fail "the officer does not see the name"; }
expect 0 chancery approve "$id"
expect 0 as $BOB chancery retrieve "$id"
cp "$D/out" "$D/web.pem"
openssl x509 -in "$D/web.pem" -noout -ext subjectAltName | grep -q DNS:web07.example.com || fail "the name"

if command -v tmux >/dev/null && [ -x "$top_builddir/chancery-console" ]; then
    say "another in the console, which has no directory to ask either"
    key_and_request web2 /CN=web08.example.com DNS:web08.example.com
    expect 3 as $BOB chancery --json submit "$D/web2.csr" --template WebServer
    second=$(json_field id)
    export TMUX_TMPDIR="$D"
    unset TMUX
    stop_tmux() { tmux kill-server 2>/dev/null; }
    ca_end_hook=stop_tmux
    LC_ALL=C.UTF-8 tmux -f /dev/null new-session -d -s c -x 80 -y 24 "env TERM=screen-256color sh" || fail "tmux"
    shows() { tmux capture-pane -p -t c | grep -qE -- "$1"; }
    await() { within 30 shows "$1" || { tmux capture-pane -p -t c; fail "the screen does not show $1"; }; }
    tmux send-keys -t c chancery-console Enter
    await web08
    tmux send-keys -t c i
    await 'ISSUE request'
    tmux send-keys -t c y
    is() { chancery --json show "$1" | grep -q "\"disposition\": *\"$2\""; }
    within 30 is "$second" issued || { tmux capture-pane -p -t c; fail "not issued in the console"; }
    stop_tmux
fi

say "a request for a CA under the template for web servers"
expect 2 as $BOB chancery submit "$D/sub.csr" --template WebServer
audit_says request.extension

say "the issuing CA's request: two officers, neither of them the requester, and the key that root has listed"
expect 3 as $BOB chancery --json submit "$D/sub.csr" --template SubordinateCA
id=$(json_field id)
expect 0 chancery show "$id"
grep -q "Example Issuing CA" "$D/out" || fail "the officer does not see the subject"
expect 3 as $CAROL chancery approve "$id"
expect 1 as $CAROL chancery approve "$id"
audit_says officer.approved_already
expect 1 as $DAVE chancery approve "$id"
line "ca_spki"
audit_says lint.ca_not_listed

say "listed, and asked for anew"
spki=$(openssl req -in "$D/sub.csr" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -c 1-64)
grep -q '^ca_spki' "$ROOT/signer.conf" || fail "signer.conf lists no key"
sed -i "s/^\(ca_spki = .*\)/\1\n    $spki/" "$ROOT/signer.conf"
ca_stop
ca_start
expect 3 as $BOB chancery --json submit "$D/sub.csr" --template SubordinateCA
id=$(json_field id)
expect 3 as $CAROL chancery approve "$id"
expect 0 as $DAVE chancery approve "$id"
expect 0 as $BOB chancery retrieve "$id"
cp "$D/out" "$D/sub.pem"
openssl x509 -in "$D/sub.pem" -noout -ext basicConstraints | grep -q "CA:TRUE, pathlen:0" || fail "the constraints"
openssl x509 -in "$D/sub.pem" -noout -subject -nameopt RFC2253 | grep -q "CN=Example Issuing CA,O=Example" || fail "the subject"

say "the root revokes the web server and makes a CRL; both are files"
expect 0 as $CAROL chancery revoke "$(openssl x509 -in "$D/web.pem" -noout -serial | sed 's/.*=//')" --reason superseded
expect 0 chancery crl publish
expect 0 chancery crl get --pem --out "$D/root.crl"
published() { openssl crl -in "$D/root.crl" -outform DER | cmp -s - "$1"; }
any_published() { for file in "$ROOT"/www/*.crl; do published "$file" && return 0; done; return 1; }
within 30 any_published || { ls -l "$ROOT/www"; fail "the CRL is not among the published files"; }
within 30 chancery -q health || { chancery health; fail "health"; }
expect 0 as $BOB chancery retrieve "$id" --chain
cp "$D/out" "$D/chain.pem"
awk '/BEGIN/ { n++ } n == 2' "$D/chain.pem" >"$D/root.pem"
openssl x509 -in "$D/root.pem" -outform DER -out "$D/root.der" || fail "no root certificate in the chain"
root_published() { for file in "$ROOT"/www/*.crt; do cmp -s "$D/root.der" "$file" && return 0; done; return 1; }
within 30 root_published || { ls -l "$ROOT/www"; fail "the root's certificate is not among the published files"; }

ca_stop

say "carried to the issuing CA, which has a directory; the root is switched off"
CHANCERY_CONF=$ISSUING
cp -p "$D/issuing.passphrase" "$D/ca/passphrase"
ca_start
expect 0 chancery install-cert "$D/chain.pem"
expect 0 chancery template adopt User
key_and_request alice /CN=alice
expect 0 chancery submit "$D/alice.csr" --template User --out "$D/alice.pem"
expect 0 chancery crl publish
expect 0 chancery crl get --pem --out "$D/sub.crl"
cat "$D/root.crl" "$D/sub.crl" >"$D/both.crl"
expect 0 openssl verify -x509_strict -crl_check_all -CRLfile "$D/both.crl" -CAfile "$D/root.pem" -untrusted "$D/sub.pem" "$D/alice.pem"
openssl verify -crl_check_all -CRLfile "$D/both.crl" -CAfile "$D/root.pem" "$D/web.pem" >"$D/out" 2>&1 && fail "the revoked one verifies"
grep -q "certificate revoked" "$D/out" || { cat "$D/out"; fail "it is refused for another reason"; }
openssl verify -crl_check_all -CRLfile "$D/root.crl" -CAfile "$D/root.pem" -untrusted "$D/sub.pem" "$D/alice.pem" >/dev/null 2>&1 && fail "without its CRL it verifies"

say "either standalone or enterprise"
sed 's/^modules = enterprise$/modules = enterprise standalone/' "$ISSUING" >"$D/both.conf"
expect 78 chanceryd -t -c "$D/both.conf"
line "not both"
