#!/bin/sh
# Runs tests/live/policy against a throw-away slapd with entries that try things.
set -u
. "$top_srcdir/tests/lib/slapd.sh"
slapd_have || { echo "slapd or ldapsearch is missing"; exit 77; }
umask 022
dir=$(mktemp -d) || exit 1
trap 'slapd_stop; rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
SLAPD_TLS=yes
slapd_start "$dir" || exit 1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=Other -keyout /dev/null \
	-out "$dir/other.pem" >/dev/null 2>&1 || exit 1

person() { # UID UIDNUMBER CN [MAIL]
	printf 'dn: uid=%s,ou=people,%s\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\nobjectClass: chancerySubject\n' "$1" "$SLAPD_SUFFIX"
	printf 'uid: %s\nuidNumber: %s\ngidNumber: %s\nhomeDirectory: /\nsn: %s\ncn:: %s\n' "$1" "$2" "$2" "$1" "$(printf '%s' "$3" | base64)"
	[ -z "${4:-}" ] || printf 'mail: %s\n' "$4"
}
host() { # CN [DNSHOSTNAME]
	printf 'dn: cn=%s,ou=hosts,%s\nobjectClass: device\nobjectClass: chancerySubject\ncn: %s\n' "$1" "$SLAPD_SUFFIX" "$1"
	[ -z "${2:-}" ] || printf 'dNSHostName: %s\n' "$2"
}
group() { # CN MEMBER…
	printf 'dn: cn=%s,ou=groups,%s\nobjectClass: groupOfNames\ncn: %s\n' "$1" "$SLAPD_SUFFIX" "$1"
	shift
	for member; do printf 'member: %s,%s\n' "$member" "$SLAPD_SUFFIX"; done
}
template() { # CN DN-PREFIX NAME EXTRA: the User template with more
	awk -v RS= '/dn: cn=User,/' "$top_srcdir/schema/templates.ldif" | grep -v '^#' |
		sed "s/^dn: cn=User,/dn: $1,/; s/^cn: User/cn: $2/; /^displayName/d; s/645545\.4\.1\$/645545.4.9/"
	printf '%s\n' "$3"
}
{
	person dave 60010 Dave; echo
	person erin 60011 Erin erin@example.com; echo
	person erin2 60012 Erin Erin@Example.com; echo
	person frank 60999 Frank frank@example.com; echo
	person grace 60999 Grace grace@example.com; echo
	person ctrl 60013 "$(printf 'Control\033[31m')" ctrl@example.com; echo
	person mallory 60014 Mallory mallory@example.com; echo "dNSHostName: mallory.example.com"; echo
	host web09 shared.example.com; echo
	host web10 SHARED.example.com; echo
	host web11; echo
	group loop-a uid=dave,ou=people cn=loop-b,ou=groups; echo
	group loop-b cn=loop-a,ou=groups; echo
	template cn=Privileged Privileged "msPKI-Certificate-Policy: 1.2.3.5
chanceryRequestExtension: 1.2.3.99"; echo
	template cn=Unlisted Unlisted "msPKI-Certificate-Policy: 1.2.3.6"; echo
	template cn=Twice Twice "description: one"; echo
	template cn=Other Twice "description: another" | sed 's/^cn: Twice/cn: Other\ncn: Twice/'; echo
	printf 'dn: cn=pki-users,ou=groups,%s\nchangetype: modify\nadd: member\n' "$SLAPD_SUFFIX"
	for uid in erin ctrl mallory; do printf 'member: uid=%s,ou=people,%s\n' $uid "$SLAPD_SUFFIX"; done
	printf 'member: cn=loop-b,ou=groups,%s\n\n' "$SLAPD_SUFFIX"
	printf 'dn: cn=pki-hosts,ou=groups,%s\nchangetype: modify\nadd: member\n' "$SLAPD_SUFFIX"
	for cn in web09 web10 web11; do printf 'member: cn=%s,ou=hosts,%s\n' $cn "$SLAPD_SUFFIX"; done
	printf 'member: uid=mallory,ou=people,%s\n' "$SLAPD_SUFFIX"
} >"$dir/more.ldif"
ldapmodify -a -x -H "$SLAPD_URI" -D "$SLAPD_ADMIN" -w "$SLAPD_PASSWORD" -f "$dir/more.ldif" >/dev/null || exit 1

printf '%s\n' "$SLAPD_PASSWORD" >"$dir/password"
chmod 600 "$dir/password"
ADMIN_CONF="uri = $SLAPD_URI
bind = simple
bind_dn = $SLAPD_ADMIN
bind_password_file = $dir/password"
MODULES=$top_builddir/.libs
export SLAPD_LDAPS SLAPD_CA SLAPD_URI SLAPD_LDAPI SLAPD_DIR SLAPD_PID ADMIN_CONF MODULES
# For builds with sanitizers: reading LDAP_OPT_X_TLS_CTX takes a reference that libldap has no call to give back.
echo 'leak:ldap_set_option' >"$dir/suppressions"
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}fast_unwind_on_malloc=0
LSAN_OPTIONS=suppressions=$dir/suppressions:print_suppressions=0
export ASAN_OPTIONS LSAN_OPTIONS
"$top_builddir/tests/live/policy"
