#!/bin/sh
# Roles as a site has them: two approvals, nobody for himself or his own entry, directory groups, officers with limits, role
# separation, and a configuration that leaves nobody to administer or decide.
. "$top_srcdir/tests/lib/ca.sh"
need openssl ldapsearch setpriv
need_root
ca_begin
groups="ou=groups,$SLAPD_SUFFIX"
cp "$CHANCERY_CONF" "$D/base.conf"

# refused STATUS REASON COMMAND…: and the reason code stands in the audit.
refused() {
    status=$1 reason=$2
    shift 2
    expect "$status" "$@"
    as "${auditor:-0}" chancery --json audit list --reason "$reason" --limit 1000 >"$D/audit.out" 2>&1
    grep -q "\"$reason\"" "$D/audit.out" || fail "$*: not refused as $reason: $(cat "$D/err" "$D/audit.out")"
}
pending() { # UID NAME: a WebServer request that pends, its RequestID in $id
    key_and_request "$2" /CN=x DNS:"${3:-web07.example.com}"
    expect 3 as "$1" chancery --json submit "$D/$2.csr" --template WebServer
    id=$(json_field id)
}
roles() { # LINES for [roles], and what follows
    ca_stop
    awk -v lines="$1" '/^\[roles\]/ { print; print lines; skip = 1; next } /^\[/ { skip = 0 } !skip' "$D/base.conf" >"$CHANCERY_CONF"
    [ -z "${2:-}" ] || printf '%s\n' "$2" >>"$CHANCERY_CONF"
}

say "two officers, and not one of them twice"
ldapmodify -x -H "$SLAPD_URI" -D "$SLAPD_ADMIN" -w "$SLAPD_PASSWORD" >"$D/ldap.log" 2>&1 <<END || fail "$(cat "$D/ldap.log")"
dn: cn=WebServer,cn=templates,ou=pki,$SLAPD_SUFFIX
changetype: modify
replace: chanceryApprovals
chanceryApprovals: 2
END
expect 0 chancery template adopt WebServer
pending $WEB07 two
expect 3 chancery resubmit "$id"
grep -q '1 of 2' "$D/out" "$D/err" || fail "not approved 1 of 2: $(cat "$D/out" "$D/err")"
refused 1 officer.approved_already chancery resubmit "$id"
expect 0 as $CAROL chancery resubmit "$id"
issued=$id

say "nobody decides for his own entry, by whatever account it was asked"
pending $ALICE alice alice.example.com
for verb in resubmit deny; do refused 77 officer.own_entry chancery $verb "$id"; done
expect 0 as $CAROL chancery deny "$id"

say "officers with limits"
roles "administrators = 0
officers = 0 $CAROL
auditors = 0" "[officer.$CAROL]
templates = User
requesters = cn=pki-users,$groups"
ca_start
pending $WEB07 limited
refused 77 officer.template as $CAROL chancery deny "$id"
refused 77 officer.template as $CAROL chancery revoke "$issued" --reason superseded
roles "administrators = 0
officers = 0 $CAROL
auditors = 0" "[officer.$CAROL]
requesters = cn=pki-users,$groups"
ca_start
refused 77 officer.requester as $CAROL chancery deny "$id"
expect 0 chancery deny "$id"

say "directory groups give officer, read and enrol where the configuration names them"
roles "administrators = 0
officers = 0
auditors = 0
officer_groups = cn=pki-ca-managers,$groups
reader_groups = cn=pki-responders,$groups
enrol_groups = cn=pki-users,$groups; cn=pki-hosts,$groups"
ca_start
expect 0 as $BOB chancery whoami
grep -q 'officer' "$D/out" || fail "bob is no officer: $(cat "$D/out")"
pending $WEB07 group
refused 77 role.missing as $WEB08 chancery deny "$id"
expect 0 as $WEB08 chancery show "$id"
refused 77 role.missing as $CAROL chancery deny "$id"
refused 77 role.read as $CAROL chancery show "$id"
refused 77 role.missing as 4711 chancery submit "$D/group.csr" --template WebServer
expect 3 as $BOB chancery resubmit "$id"

say "without the directory nobody is officer by it; who is by the local files goes on"
ca_stop # what it remembers of groups is forgotten
slapd_stop
ca_start
expect 75 as $BOB chancery deny "$id"
expect 0 chancery revoke "$issued" --reason superseded
slapd_resume || fail "slapd"
within 30 as $BOB chancery deny "$id" || fail "bob is no officer any more"

say "with separation two roles are none, and whoami says why"
roles "administrators = $ALICE
officers = 0 $CAROL
auditors = 0 $WEB08
separation = yes"
expect 0 chanceryd -t
ca_start
expect 0 chancery whoami
grep -q 'Refused because.*separation' "$D/out" || fail "whoami does not say why: $(cat "$D/out")"
auditor=$WEB08
refused 77 role.separation chancery audit list
refused 77 role.separation chancery deny 1
expect 0 as $WEB08 chancery audit list
expect 0 as $WEB08 chancery audit verify
expect 0 as $CAROL chancery list

say "a configuration that leaves nobody does not start, and -t says so"
nobody() { # REASON-WORDS LINES
    roles "$2" "${3:-}"
    expect 78 chanceryd -t
    grep -q "$1" "$D/err" || fail "-t does not say \"$1\": $(cat "$D/err")"
    expect 78 chanceryd -f
    grep -q "$1" "$D/err" || fail "the start does not say \"$1\": $(cat "$D/err")"
}
nobody 'nobody is officer' "administrators = 0"
nobody 'nobody is administrator' "officers = 0"
nobody 'nobody can act as administrator' "administrators = no-such-account
officers = 0"
nobody 'separation' "administrators = 0
officers = 0 $CAROL
separation = yes"
nobody 'no such account' "administrators = 0
officers = 0" "[officer.no-such-account]
templates = User"
cp "$D/base.conf" "$CHANCERY_CONF"
expect 0 chanceryd -t
ca_start
expect 0 chancery audit verify
