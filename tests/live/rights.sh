#!/bin/sh
# Who may enrol: groups in groups to their limit, loops; a membership that was taken away counts no longer than the cache's time, and
# not at all when a request that waited is approved; a directory that is stopped, ended and started while requests are judged gives
# "try again", never a verdict that is not so.
. "$top_srcdir/tests/lib/ca.sh"
need openssl ldapsearch ldapmodify setpriv
need_root
ca_begin
S=$SLAPD_SUFFIX
T="cn=User,cn=templates,ou=pki,$S"
modify() { ldapmodify -x -H "$SLAPD_URI" -D "$SLAPD_ADMIN" -w "$SLAPD_PASSWORD" >"$D/ldap" 2>&1 || { cat "$D/ldap" >&2; fail "ldapmodify"; }; }
before="uid=bob,ou=people,$S"
n=1
while [ $n -le 17 ]; do # g1 has bob, g2 has g1, …, g17 has g16
    printf 'dn: cn=g%d,ou=groups,%s\nchangetype: add\nobjectClass: groupOfNames\ncn: g%d\nmember: %s\n\n' $n "$S" $n "$before"
    before="cn=g$n,ou=groups,$S"
    n=$((n + 1))
done | modify
cached() { # SECONDS
    sed -i "/^group_cache/d; s/^\[directory\]\$/&\ngroup_cache = $1s/" "$CHANCERY_CONF"
    ca_stop
    ca_start
}
may_enrol() { # GROUP
    printf 'dn: %s\nchangetype: modify\nreplace: chanceryEnroll\nchanceryEnroll: cn=%s,ou=groups,%s\n' "$T" "$1" "$S" | modify
    expect 0 chancery template adopt User
}
openssl ecparam -name prime256v1 -genkey -noout -out "$D/bob.key" 2>/dev/null
openssl ecparam -name prime256v1 -genkey -noout -out "$D/host.key" 2>/dev/null
request() { # KEY NAME OU: another request of the same key each time
    openssl req -new -key "$D/$1.key" -subj "/CN=x/OU=$3" -out "$D/$2.csr" && chmod 644 "$D/$2.csr" || fail "openssl req"
}
fresh() {
    made=$((${made:-0} + 1))
    request bob bob $made
}

say "sixteen groups in each other, not seventeen; and a loop"
cached 2
may_enrol g16
fresh
expect 0 as $BOB chancery submit "$D/bob.csr" --template User
may_enrol g17
fresh
expect 2 as $BOB chancery --json submit "$D/bob.csr" --template User
grep -q '"template.no_right"' "$D/out" || fail "not template.no_right: $(cat "$D/out")"
may_enrol g16
printf 'dn: cn=g1,ou=groups,%s\nchangetype: modify\nadd: member\nmember: cn=g16,ou=groups,%s\n' "$S" "$S" | modify
fresh
expect 0 as $BOB chancery submit "$D/bob.csr" --template User

say "taken out of a group: refused when the cache's time is over"
printf 'dn: cn=g1,ou=groups,%s\nchangetype: modify\ndelete: member\nmember: uid=bob,ou=people,%s\n' "$S" "$S" | modify
no_right() {
    fresh
    as $BOB chancery --json submit "$D/bob.csr" --template User >"$D/out" 2>&1
    grep -q '"template.no_right"' "$D/out"
}
within 30 no_right || fail "still a member: $(cat "$D/out")"
printf 'dn: cn=g1,ou=groups,%s\nchangetype: modify\nadd: member\nmember: uid=bob,ou=people,%s\n' "$S" "$S" | modify

say "taken out while a request waits: refused at once when it is approved, with five minutes of cache"
cached 300
key_and_request web /CN=web07.example.com DNS:web07.example.com
expect 3 as $WEB07 chancery --json submit "$D/web.csr" --template WebServer
id=$(json_field id)
printf 'dn: cn=pki-webmasters,ou=groups,%s\nchangetype: modify\ndelete: member\nmember: cn=web07,ou=hosts,%s\n' "$S" "$S" | modify
expect 2 as $CAROL chancery --json resubmit "$id"
grep -q '"template.no_right"' "$D/out" || fail "approved for one who is no member any more: $(cat "$D/out")"

say "the directory stops, ends and begins while requests are judged"
cached 0
ROUNDS=14
n=1
while [ $n -le $ROUNDS ]; do
    request bob "bob$n" "r$n"
    request host "host$n" "r$n"
    n=$((n + 1))
done
judged() { # UID NAME: the exit status of each
    n=1
    while [ $n -le $ROUNDS ]; do
        as "$1" chancery submit "$D/$2$n.csr" --template User >>"$D/$2.log" 2>&1
        echo $?
        n=$((n + 1))
        sleep .1
    done >"$D/$2.codes"
}
wake() { [ -z "${SLAPD_PID:-}" ] || kill -CONT "$SLAPD_PID" 2>/dev/null; }
ca_end_hook=wake
judged $BOB bob &
first=$!
judged $WEB07 host &
second=$!
for _ in 1 2; do
    sleep .3
    slapd_stop
    sleep .3
    slapd_resume || fail "slapd does not start again"
done
kill -STOP "$SLAPD_PID"
sleep 2.5
kill -CONT "$SLAPD_PID"
wait $first $second
say "with the right: $(sort "$D/bob.codes" | uniq -c | tr -s ' \n' ' ')  without: $(sort "$D/host.codes" | uniq -c | tr -s ' \n' ' ')"
[ "$(wc -l <"$D/bob.codes")" -eq $ROUNDS ] || fail "not all were asked"
grep -vqxE '0|75' "$D/bob.codes" && { cat "$D/bob.log"; fail "who may enrol got something else than a certificate or \"try again\""; }
grep -vqxE '2|75' "$D/host.codes" && { cat "$D/host.log"; fail "who may not enrol got something else than a refusal or \"try again\""; }
grep -qx 75 "$D/bob.codes" "$D/host.codes" || fail "the directory was never down for them: this test shows nothing"
works() {
    fresh
    as $BOB chancery submit "$D/bob.csr" --template User
}
within 30 works || fail "no certificate after the return"
