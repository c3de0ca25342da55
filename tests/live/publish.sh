#!/bin/sh
# Module publish/ldap against a throw-away slapd with the shipped schema and access rules, bound as the publisher.
set -u
. "$top_srcdir/tests/lib/slapd.sh"
slapd_have || { echo "slapd or ldapsearch is missing"; exit 77; }
command -v openssl >/dev/null || { echo "openssl is missing"; exit 77; }
umask 077
dir=$(mktemp -d) || exit 1
trap 'slapd_stop; rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

bad() { echo "FAILED: $*"; failed=1; }
publish() { "$top_builddir/tests/live/publish" "$@" 2>&1; }
expect() { # OUTCOME WHAT ARGUMENT…: the outcome of an event begins with this
	want=$1 what=$2
	shift 2
	got=$(publish "$@")
	case $got in "$want"*) ;; *) bad "$what: \"$got\" instead of \"$want…\"" ;; esac
}
values() { # DN ATTRIBUTE: its values, base64 a line
	ldapsearch -LLL -o ldif-wrap=no -x -H "$SLAPD_URI" -b "$1" -s base "$2" 2>/dev/null | sed -n "s/^$2[^:]*:: //p; s/^$2[^:]*: //p"
}
holds() { # WHAT DN ATTRIBUTE FILE: exactly this one value, octet for octet
	[ "$(values "$2" "$3")" = "$(base64 -w0 <"$4")" ] || bad "$1: $2 does not hold exactly $4"
}

# A CA of openssl's with two keys, certificates and CRLs with numbers.
cat >"$dir/ca.cnf" <<'X'
[req]
distinguished_name = dn
[dn]
[v3]
basicConstraints = critical,CA:TRUE
subjectKeyIdentifier = hash
[ca]
default_ca = this
[this]
database = $ENV::DIR/index
crlnumber = $ENV::DIR/number
default_md = sha256
default_crl_days = 7
crl_extensions = crl
[crl]
authorityKeyIdentifier = keyid
X
DIR=$dir
export DIR
authority() { # NAME SUBJECT
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/$1.key" -out "$dir/$1.pem" -subj "$2" \
		-days 30 -config "$dir/ca.cnf" -extensions v3 2>/dev/null && openssl x509 -in "$dir/$1.pem" -outform DER -out "$dir/$1.der"
}
crl() { # FILE HEX-NUMBER CA
	echo "$2" >"$dir/number"
	: >"$dir/index"
	openssl ca -config "$dir/ca.cnf" -gencrl -keyfile "$dir/$3.key" -cert "$dir/$3.pem" -out "$dir/crl.pem" 2>/dev/null &&
		openssl crl -in "$dir/crl.pem" -outform DER -out "$dir/$1"
}
{ authority ca "/CN=EXAMPLE-CA" && authority other "/CN=OTHER-CA" && authority alice "/CN=Alice" && authority alice2 "/CN=Alice 2" &&
	crl crl5 05 ca && crl crl6 06 ca && crl crl4 04 ca && crl crlo 09 other; } || { echo "openssl made no CA"; exit 1; }

slapd_start "$dir" || exit 1
printf '%s\n' "$SLAPD_PASSWORD" >"$dir/password"
# For builds with sanitizers: reading LDAP_OPT_X_TLS_CTX takes a reference that libldap has no call to give back.
echo 'leak:ldap_set_option' >"$dir/suppressions"
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}fast_unwind_on_malloc=0
LSAN_OPTIONS=suppressions=$dir/suppressions:print_suppressions=0
export ASAN_OPTIONS LSAN_OPTIONS
configuration() { # FILE EXTRA…
	file=$1
	shift
	printf '%s\n' "[ca]" "name = EXAMPLE-CA" "[publish.ldap]" "uri = $SLAPD_URI" "base = $SLAPD_SUFFIX" "dns_host_name = ca.example.com" "$@" >"$file"
}
bound="bind_dn = cn=chancery-publisher,ou=pki,$SLAPD_SUFFIX"
configuration "$dir/conf" "bind = simple" "$bound" "bind_password_file = $dir/password"
configuration "$dir/remove" "bind = simple" "$bound" "bind_password_file = $dir/password" "remove_revoked = yes"
configuration "$dir/nobody" "bind = anonymous"
alice=uid=alice,ou=people,$SLAPD_SUFFIX
web07=cn=web07,ou=hosts,$SLAPD_SUFFIX
ca=cn=EXAMPLE-CA,ou=pki,$SLAPD_SUFFIX
service="cn=EXAMPLE-CA,cn=enrollment services,ou=pki,$SLAPD_SUFFIX"

# certificates
expect "done" "a certificate" "$dir/conf" issued "$alice" "$dir/alice.pem"
holds "a certificate" "$alice" userCertificate "$dir/alice.der"
expect "done" "a certificate twice" "$dir/conf" issued "$alice" "$dir/alice.pem"
holds "a certificate twice" "$alice" userCertificate "$dir/alice.der"
values "$alice" objectClass | grep -qx pkiUser || bad "class pkiUser was not added"
expect "done" "a second certificate" "$dir/conf" issued "$alice" "$dir/alice2.pem"
[ "$(values "$alice" userCertificate | wc -l)" = 2 ] || bad "the first certificate went away"
expect "done" "a host's certificate" "$dir/conf" issued "$web07" "$dir/alice.pem"
holds "a host's certificate" "$web07" userCertificate "$dir/alice.der"
expect "retry there is no entry" "no entry" "$dir/conf" issued "uid=nobody,ou=people,$SLAPD_SUFFIX" "$dir/alice.pem"
expect "give up" "outside the base" "$dir/conf" issued "uid=alice,dc=elsewhere" "$dir/alice.pem"
expect "give up" "not a DN" "$dir/conf" issued "alice)(uid=*" "$dir/alice.pem"
expect "retry" "no right" "$dir/nobody" issued "uid=bob,ou=people,$SLAPD_SUFFIX" "$dir/alice.pem"
expect "retry" "not our kind of entry" "$dir/conf" issued "cn=templates,ou=pki,$SLAPD_SUFFIX" "$dir/alice.pem"

# revocation
expect "done" "revoked, left there" "$dir/conf" revoked "$alice" "$dir/alice2.pem" 1
[ "$(values "$alice" userCertificate | wc -l)" = 2 ] || bad "a revoked certificate was removed though it should stay"
expect "done" "a hold, left there" "$dir/remove" revoked "$alice" "$dir/alice2.pem" 6
[ "$(values "$alice" userCertificate | wc -l)" = 2 ] || bad "a certificate on hold was removed"
expect "done" "revoked, removed" "$dir/remove" revoked "$alice" "$dir/alice2.pem" 1
holds "revoked, removed" "$alice" userCertificate "$dir/alice.der"
expect "done" "revoked, removed twice" "$dir/remove" revoked "$alice" "$dir/alice2.pem" 1
expect "done" "released" "$dir/remove" revoked "$alice" "$dir/alice2.pem" -1
[ "$(values "$alice" userCertificate | wc -l)" = 2 ] || bad "a released certificate did not come back"

# the CA's entries
expect "done" "the CA certificate" "$dir/conf" ca "$dir/ca.pem" 0 User WebServer
holds "the CA certificate" "$ca" cACertificate "$dir/ca.der"
values "$ca" objectClass | grep -qx cRLDistributionPoint || bad "the CA's entry is no cRLDistributionPoint: filters in CDP URLs miss it"
holds "the enrolment service" "$service" cACertificate "$dir/ca.der"
[ "$(values "$service" certificateTemplates | sort | tr '\n' ' ')" = "User WebServer " ] || bad "templates of the enrolment service"
[ "$(values "$service" dNSHostName)" = ca.example.com ] || bad "host of the enrolment service"
[ "$(values "$service" cACertificateDN)" = CN=EXAMPLE-CA ] || bad "DN of the enrolment service: $(values "$service" cACertificateDN)"
expect "done" "the CA certificate twice" "$dir/conf" ca "$dir/ca.pem" 0 User WebServer
expect "done" "templates" "$dir/conf" templates User
[ "$(values "$service" certificateTemplates)" = User ] || bad "a template that was retired is still there"
expect "done" "no templates" "$dir/conf" templates
[ -z "$(values "$service" certificateTemplates)" ] || bad "templates are there though none is adopted"
expect "retry" "another CA of our name" "$dir/conf" ca "$dir/other.pem" 0
holds "another CA of our name" "$service" cACertificate "$dir/ca.der"

# CRLs
expect "done" "a CRL" "$dir/conf" crl "$dir/crl5" 0
holds "a CRL" "$ca" certificateRevocationList "$dir/crl5"
expect "done" "a CRL twice" "$dir/conf" crl "$dir/crl5" 0
expect "done" "a newer CRL" "$dir/conf" crl "$dir/crl6" 0
holds "a newer CRL" "$ca" certificateRevocationList "$dir/crl6"
for older in crl5 crl4; do
	expect "give up" "an older CRL" "$dir/conf" crl "$dir/$older" 0
	holds "an older CRL" "$ca" certificateRevocationList "$dir/crl6"
done
expect "retry" "another CA's CRL is there" "$dir/conf" crl "$dir/crlo" 0
holds "another CA's CRL" "$ca" certificateRevocationList "$dir/crl6"
expect "done" "a CRL of the next key" "$dir/conf" crl "$dir/crl5" 1
holds "a CRL of the next key" "cn=EXAMPLE-CA(1),ou=pki,$SLAPD_SUFFIX" certificateRevocationList "$dir/crl5"
expect "done" "a delta CRL" "$dir/conf" delta "$dir/crl5" 0
holds "a delta CRL" "$ca" deltaRevocationList "$dir/crl5"
holds "a delta CRL beside the complete one" "$ca" certificateRevocationList "$dir/crl6"
curl=$(command -v curl) && { # as relying parties fetch it
	"$curl" -s "$SLAPD_URI/$ca?certificateRevocationList;binary?base?(objectClass=cRLDistributionPoint)" |
		grep -q certificateRevocationList || bad "curl finds no CRL at the CDP"
}

# rights: all there and no more, asked without changing anything
before=$(ldapsearch -LLL -x -H "$SLAPD_URI" -D "$SLAPD_ADMIN" -w "$SLAPD_PASSWORD" -b "$SLAPD_SUFFIX" '*' + | cksum)
publish "$dir/conf" probe "$alice" >"$dir/probe"
grep -q '^missing\|^error' "$dir/probe" && bad "rights: $(grep '^missing\|^error' "$dir/probe")"
[ "$(grep -c '^ok' "$dir/probe")" = 11 ] || bad "rights: $(cat "$dir/probe")"
publish "$dir/nobody" probe "$alice" >"$dir/probe"
[ "$(grep -c '^missing write\|^missing add' "$dir/probe")" = 7 ] || bad "rights of nobody: $(cat "$dir/probe")"
configuration "$dir/admin" "bind = simple" "bind_dn = $SLAPD_ADMIN" "bind_password_file = $dir/password"
publish "$dir/admin" probe "$alice" | grep -q '^missing limits' || bad "rights: nobody minds that the administrator publishes"
[ "$before" = "$(ldapsearch -LLL -x -H "$SLAPD_URI" -D "$SLAPD_ADMIN" -w "$SLAPD_PASSWORD" -b "$SLAPD_SUFFIX" '*' + | cksum)" ] ||
	bad "asking for rights changed the directory"

# the directory goes and comes back
slapd_stop
expect "retry" "directory down" "$dir/conf" issued "uid=bob,ou=people,$SLAPD_SUFFIX" "$dir/alice.pem"
expect "retry" "directory down, a whole batch" "$dir/conf" batch "uid=bob,ou=people,$SLAPD_SUFFIX" "$dir/alice.pem"
slapd_resume || bad "slapd did not come back"
expect "done" "directory back" "$dir/conf" issued "uid=bob,ou=people,$SLAPD_SUFFIX" "$dir/alice.pem"
holds "directory back" "uid=bob,ou=people,$SLAPD_SUFFIX" userCertificate "$dir/alice.der"

exit $failed
