#!/bin/sh
# The local groups and the cron account, in a mount namespace with an /etc/passwd and /etc/group of its own: a member of a group is
# what the group says, at once and for as long; chancery-cron may do its four things and nothing else.
. "$top_srcdir/tests/lib/ca.sh"
need openssl ldapsearch setpriv unshare mount
need_root
if [ -z "${INSIDE:-}" ]; then
    unshare -m true 2>/dev/null || skip "no mount namespaces here"
    INSIDE=yes unshare -m sh "$0"
    exit $?
fi
CRON=60910 OTIS=60911 DORA=60912
ca_folder
cp /etc/passwd "$D/passwd"
printf 'chancery-cron:x:%s:%s::/:/bin/sh\notis:x:%s:60999::/:/bin/sh\ndora:x:%s:%s::/:/bin/sh\n' $CRON $CRON $OTIS $DORA $DORA >>"$D/passwd"
grep -v '^chancery-\(admin\|officer\|auditor\|operator\):' /etc/group >"$D/group"
printf 'chancery-operator:x:60999:\nchancery-officer:x:60998:chancery-cron\n' >>"$D/group"
chmod 644 "$D/passwd" "$D/group"
mount --bind "$D/passwd" /etc/passwd && mount --bind "$D/group" /etc/group || skip "no bind mounts here"
. "$top_srcdir/tests/lib/slapd.sh"
slapd_have || skip "slapd is not installed"
ca_reachable
slapd_start "$D/slapd" || fail "slapd"
ca_modules
ca_configure
ca_init --administrator root
ca_start
expect 0 chancery template adopt User
roles_of() { as "$1" chancery --json whoami | sed -n '/"roles"/,/]/p' | tr -d ' \n"' | sed 's/.*"\{0,1\}roles"\{0,1\}:\[\([^]]*\)\].*/\1/'; }

say "chancery-cron has its role alone, whatever a group says"
[ "$(roles_of $CRON)" = cron ] || fail "chancery-cron is: $(roles_of $CRON)"
expect 0 as $CRON chancery crl publish
expect 0 as $CRON chancery -q crl publish --if-due
expect 0 as $CRON chancery publish retry
expect 0 as $CRON chancery health
key_and_request cron /CN=cron
expect 77 as $CRON chancery submit "$D/cron.csr" --template User
for verb in "deny 1" "publish status" "publish check" "template adopt User" "audit list" "audit verify" "isvalid 1" "assignments"; do
    # shellcheck disable=SC2086 # words of one command
    expect 77 as $CRON chancery $verb
done

say "an operator by his primary group backs up, and does nothing of the others'"
[ "$(roles_of $OTIS)" = operator,enrol ] || fail "otis is: $(roles_of $OTIS)"
expect 0 as $OTIS chancery list
for verb in "crl publish" "deny 1" "template adopt User" "audit list" "publish retry"; do
    # shellcheck disable=SC2086 # words of one command
    expect 77 as $OTIS chancery $verb
done

say "who is put into a group has the role at once, and who is taken out has lost it"
[ "$(roles_of $DORA)" = enrol ] || fail "dora is: $(roles_of $DORA)"
officers() { # written in place: a bind mount shows the file that it was made of
    sed "s/^chancery-officer:.*/chancery-officer:x:60998:$1/" /etc/group >"$D/group.new"
    cat "$D/group.new" >/etc/group
}
officer() { [ "$(roles_of $DORA)" = officer,enrol ]; }
nobody() { [ "$(roles_of $DORA)" = enrol ]; }
officers dora
within 30 officer || fail "dora is no officer: $(roles_of $DORA)"
officers ""
within 30 nobody || fail "dora is officer still: $(roles_of $DORA)"
