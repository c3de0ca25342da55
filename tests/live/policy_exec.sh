#!/bin/sh
# A site's own policy program after the enterprise policy: its exit status is the verdict, what it prints can only narrow, and however it
# fails the answer is "try again" and nothing is issued. It runs as the exit user, and nothing of it outlives its time, the daemon's stop or
# the daemon's death.
. "$top_srcdir/tests/lib/ca.sh"
need openssl setsid python3
ca_begin

line() { [ "$(wc -l <"$D/err")" -eq 1 ] && grep -qF -- "$1" "$D/err" || { cat "$D/err" >&2; fail "no single line that says: $1"; }; }
audit_says() {
    chancery --json audit list --limit 1000 >"$D/audit" 2>/dev/null
    grep -q "\"$1\"" "$D/audit" || fail "no audit record with reason $1"
}
issued() { chancery --json info | tr -d '\n ' | sed 's/.*"issued":\([0-9]*\).*/\1/'; }

# One program for all cases: it does what $D/mode says. Its folder belongs to whoever runs the test, its notes go where it may write.
mkdir "$D/site" "$D/notes"
chmod 755 "$D/site"
chmod 777 "$D/notes"
cat >"$D/site/program" <<X
#!/bin/sh
told=\$(cat)
echo \$\$ >>$D/notes/asked
case \$(cat $D/mode) in
issue) exit 0 ;;
who) printf '{"message":"uid %s"}' "\$(id -u)"; exit 2 ;;
deny) echo '{"message":"not on a Friday"}'; exit 2 ;;
pend) case \$told in *'"resubmission":true'*) exit 0 ;; esac; echo '{"message":"the site wants to see it"}'; exit 3 ;;
pend-always) exit 3 ;;
again) exit 75 ;;
shorter) echo '{"properties":{"validity_s":86400,"ekus":["1.3.6.1.5.5.7.3.2"]}}'; exit 0 ;;
longer) echo '{"properties":{"validity_s":999999999}}'; exit 0 ;;
extension) echo '{"extensions":[{"oid":"1.2.3.99","value":"DAVoZWxsbw=="}]}'; exit 0 ;;
other-extension) echo '{"extensions":[{"oid":"1.2.3.98","value":"BQA="}]}'; exit 0 ;;
name) echo '{"properties":{"names":["upn:administrator@example.com"]}}'; exit 0 ;;
san) echo '{"extensions":[{"oid":"2.5.29.17","value":"MAA="}]}'; exit 0 ;;
ca) echo '{"properties":{"ca":true}}'; exit 0 ;;
rubbish) echo 'issue it'; exit 0 ;;
rubbish-deny) echo 'deny it'; exit 2 ;;
flood) exec yes ;;
crash) kill -SEGV \$\$ ;;
one) exit 1 ;;
hang) trap '' TERM HUP INT; setsid sleep 600 & echo \$! >>$D/notes/hanging; echo \$\$ >>$D/notes/hanging; sleep 600; exit 0 ;;
esac
exit 99
X
chmod 755 "$D/site/program"
mode() { printf '%s\n' "$1" >"$D/mode"; chmod 644 "$D/mode"; }
mode issue
sed -i "s/^modules = enterprise\$/modules = enterprise exec/" "$CHANCERY_CONF"
printf '[policy.exec]\nprogram = %s\ntimeout = 2s\nextensions = 1.2.3.99\n' "$D/site/program" >>"$CHANCERY_CONF"
expect 0 chanceryd -t
ca_stop
ca_start

number=0
# submit MODE STATUS TEMPLATE: a new key each time; the request's own answer in $D/out
submit() {
    mode "$1"
    number=$((number + 1))
    key_and_request "r$number" /CN=alice
    expect "$2" chancery --json submit "$D/r$number.csr" --template "${3:-User}" --out "$D/r$number.pem"
}
alive() { while read -r pid; do kill -0 "$pid" 2>/dev/null && return 0; done <"$D/notes/hanging"; return 1; }
gone() { ! alive; }

say "verdicts"
submit issue 0
submit deny 2
grep -q "not on a Friday" "$D/out" || fail "the program's message"
audit_says policy.exec_denied
submit again 75
submit pend 3
id=$(json_field id)
grep -q "the site wants to see it" "$D/out" || fail "the program's message"

say "another officer's approval, and the program is asked again and told so"
if [ "$(id -u)" -eq 0 ]; then
    asked=$(wc -l <"$D/notes/asked")
    # alice's own: somebody else decides
    expect 0 as $CAROL chancery approve "$id"
    [ "$(wc -l <"$D/notes/asked")" -eq $((asked + 1)) ] || fail "the program was not asked once more"
    expect 0 chancery retrieve "$id"
    submit pend-always 3
    id=$(json_field id)
    expect 3 as $CAROL chancery approve "$id"
fi

say "it runs as the exit user"
submit who 2
want=$(id -u)
[ "$want" -ne 0 ] || want=$CA_EXIT_UID
grep -q "uid $want\"" "$D/out" || fail "not uid $want: $(cat "$D/out")"

say "it can narrow"
submit shorter 0
[ "$(openssl x509 -in "$D/r$number.pem" -noout -checkend 90000)" = "Certificate will expire" ] || fail "it is valid for longer than a day"
openssl x509 -in "$D/r$number.pem" -noout -ext extendedKeyUsage | grep -q "TLS Web Client Authentication" || fail "the purpose that was left"
openssl x509 -in "$D/r$number.pem" -noout -ext extendedKeyUsage | grep -q "E-mail" && fail "a purpose that was taken away"
submit longer 0
openssl x509 -in "$D/r$number.pem" -noout -checkend 40000000 >/dev/null && fail "longer than the template gives"
submit extension 0
openssl x509 -in "$D/r$number.pem" -noout -text | grep -q "1.2.3.99" || fail "the extension that it may set"

say "it cannot widen, and what fails is no verdict"
before=$(issued)
while read -r what reason; do
    submit "$what" 75
    audit_says "$reason"
done <<X
name policy.exec_widens
san policy.exec_widens
other-extension policy.exec_widens
ca policy.exec_answer
rubbish policy.exec_answer
rubbish-deny policy.exec_answer
flood policy.exec_output
crash policy.exec_failed
one policy.exec_failed
X
[ "$(issued)" = "$before" ] || fail "a certificate was issued: $before, now $(issued)"

say "hanging: ended with all that it started, and the client is told to try again"
submit hang 75
audit_says policy.exec_timeout
within 30 gone || fail "something of the program is alive"
[ "$(wc -l <"$D/notes/hanging")" -eq 2 ] || fail "the program did not start what it should"

say "who comes first: the enterprise policy denies and the program is not asked; it pends and the program's issue does not change that"
asked=$(wc -l <"$D/notes/asked")
mode issue
key_and_request foreign /CN=x email:bob@example.com
expect 2 chancery submit "$D/foreign.csr" --template User
[ "$(wc -l <"$D/notes/asked")" -eq "$asked" ] || fail "the program was asked after a denial"
if [ "$(id -u)" -eq 0 ]; then
    key_and_request web /CN=web07.example.com DNS:web07.example.com
    expect 3 as $WEB07 chancery submit "$D/web.csr" --template WebServer
    mode deny
    key_and_request web2 /CN=web07.example.com DNS:web07.example.com
    expect 2 as $WEB07 chancery submit "$D/web2.csr" --template WebServer
fi

say "hanging while the daemon stops: both end, and the request can be made again"
sed -i 's/^timeout = 2s/timeout = 60s/' "$CHANCERY_CONF"
ca_stop
ca_start
hang_and() { # ACTION
    rm -f "$D/notes/hanging"
    mode hang
    key_and_request "$1" /CN=alice
    chancery submit "$D/$1.csr" --template User >"$D/$1.out" 2>&1 &
    client=$!
    within 30 test -s "$D/notes/hanging" || fail "$1: the program does not run"
    begun=$(now_ms)
    "$1"
    wait $client && fail "$1: a certificate came of it"
    within 30 gone || fail "$1: the program is alive"
    [ $(($(now_ms) - begun)) -lt 30000 ] || fail "$1: it took as long as the program's time limit"
    mode issue
    ca_start
    expect 0 chancery submit "$D/$1.csr" --template User
}
hang_and ca_stop
say "hanging while the daemon is killed"
hang_and ca_kill

say "a program that others could change is not started, neither at the start nor later"
chmod 777 "$D/site/program"
expect 78 chanceryd -t
line "$D/site/program"
key_and_request late /CN=alice
expect 75 chancery submit "$D/late.csr" --template User
audit_says policy.exec_start
chmod 755 "$D/site/program"
expect 0 chancery submit "$D/late.csr" --template User

say "a configuration with the program first, without one, or with a name as its extension"
sed 's/^modules = enterprise exec/modules = exec enterprise/' "$CHANCERY_CONF" >"$D/order.conf"
sed '/^program = /d' "$CHANCERY_CONF" >"$D/none.conf"
sed 's/^extensions = .*/extensions = 2.5.29.17/' "$CHANCERY_CONF" >"$D/san.conf"
while read -r file words; do
    expect 78 chanceryd -t -c "$D/$file.conf"
    line "$words"
done <<X
order before
none program is missing
san 2.5.29.17
X

say "the example; that it stands in the place of the other is on record after the next start"
cp "$top_srcdir/conf/policy-program.py" "$D/site/program"
chmod 755 "$D/site/program"
mode issue
ca_stop
ca_start
chancery --json audit list --limit 1000 >"$D/audit" 2>/dev/null
tr -d ' \n' <"$D/audit" | grep -q '"action":"start.digest","object":"policyexec","outcome":"changed"' || { grep digest "$D/audit"; fail "no record of the changed program"; }
if as_exit=$(id -u) && [ "$as_exit" -ne 0 ] || as $CA_EXIT_UID /usr/bin/python3 -I -c pass 2>/dev/null; then
    key_and_request example /CN=alice
    expect 0 chancery submit "$D/example.csr" --template User
    openssl req -new -newkey rsa:2048 -noenc -keyout "$D/rsa.key" -subj /CN=alice -out "$D/rsa.csr" 2>/dev/null
    expect 2 chancery submit "$D/rsa.csr" --template User
    line "3072"
fi
