# A throw-away slapd for tests: our schema, sample entries, sample templates and access rules. Source it.
#   slapd_start DIR   sets SLAPD_URI (ldap://127.0.0.1:PORT), SLAPD_LDAPI (ldapi://…), SLAPD_SUFFIX, SLAPD_ADMIN,
#                     SLAPD_PASSWORD, SLAPD_DIR; slapd_stop ends it, slapd_resume starts it again with its data.
# Before: SLAPD_AUTHORITY_UID and SLAPD_PUBLISHER_UID say which uids are mapped over ldapi (default: ours is the
# authority; the publisher is the user chancery-exit where there is one). Ours only: SLAPD_PUBLISHER_UID=$(id -u)
# SLAPD_AUTHORITY_UID=… . Both identities can also bind with the password "secret", as can the administrator.
# With SLAPD_TLS=yes it also listens on SLAPD_LDAPS (ldaps://127.0.0.1:PORT) and offers StartTLS; SLAPD_CA is its root.

SLAPD_SUFFIX=dc=example,dc=com
SLAPD_ADMIN=cn=admin,$SLAPD_SUFFIX
SLAPD_PASSWORD=secret
SLAPD_BIN=${SLAPD_BIN:-$(PATH=$PATH:/usr/sbin:/usr/libexec command -v slapd)}

slapd_have() { [ -n "$SLAPD_BIN" ] && command -v ldapsearch >/dev/null; }

slapd_tls() {
	[ -n "${SLAPD_TLS:-}" ] || return 0
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=slapd -addext subjectAltName=IP:127.0.0.1 \
		-keyout "$SLAPD_DIR/tls.key" -out "$SLAPD_DIR/tls.pem" >/dev/null 2>&1 || echo "no openssl" >&2
	printf '\nTLSCertificateFile %s\nTLSCertificateKeyFile %s\nTLSCipherSuite SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2\n' "$SLAPD_DIR/tls.pem" "$SLAPD_DIR/tls.key"
}

slapd_configuration() {
	schema=$top_srcdir/schema
	cat <<-X
	include /etc/ldap/schema/core.schema
	include /etc/ldap/schema/cosine.schema
	include /etc/ldap/schema/inetorgperson.schema
	include /etc/ldap/schema/nis.schema
	include $schema/chancery.schema
	modulepath /usr/lib/ldap
	moduleload back_mdb.so
	pidfile $SLAPD_DIR/slapd.pid
	$(slapd_tls)
	database mdb
	suffix "$SLAPD_SUFFIX"
	rootdn "$SLAPD_ADMIN"
	rootpw $SLAPD_PASSWORD
	directory $SLAPD_DIR/db
	maxsize 268435456
	dbnosync
	index objectClass eq
	index uid,cn,mail,uidNumber,member,uniqueMember,dNSHostName,userPrincipalName eq
	X
	sed "s/AUTHORITY_UID/${SLAPD_AUTHORITY_UID:-$(id -u)}/; s/PUBLISHER_UID/${SLAPD_PUBLISHER_UID:-$(id -u chancery-exit 2>/dev/null || echo 4294967294)}/" \
		"$schema/access.conf"
}

# A port that nobody listens on; slapd itself says when another was quicker.
slapd_port() { awk -v n="$$" -v t="$1" 'BEGIN { srand(n + t * 7919); print 20000 + int(rand() * 12000) }'; }

slapd_resume() {
	"$SLAPD_BIN" -f "$SLAPD_DIR/slapd.conf" -h "$SLAPD_URI/ $SLAPD_LDAPI${SLAPD_LDAPS:+ $SLAPD_LDAPS/}" -s 0 2>>"$SLAPD_DIR/slapd.log" || return 1
	waited=0
	until ldapsearch -x -H "$SLAPD_URI" -b '' -s base 1.1 >/dev/null 2>&1; do
		waited=$((waited + 1))
		[ $waited -lt 250 ] || { echo "slapd does not answer at $SLAPD_URI: $SLAPD_DIR/slapd.log" >&2; return 1; }
		sleep .02
	done
	SLAPD_PID=$(cat "$SLAPD_DIR/slapd.pid")
}

slapd_start() {
	SLAPD_DIR=$1
	SLAPD_CA=$SLAPD_DIR/tls.pem
	mkdir -p "$SLAPD_DIR/db" || return 1
	slapd_configuration >"$SLAPD_DIR/slapd.conf" || return 1
	SLAPD_LDAPI=ldapi://$(echo "$SLAPD_DIR/ldapi" | sed 's,/,%2F,g')
	{
		sed "s/^userPassword: !/userPassword: $SLAPD_PASSWORD/" "$top_srcdir/schema/sample.ldif"
		echo
		cat "$top_srcdir/schema/templates.ldif"
	} | "$(dirname "$SLAPD_BIN")/slapadd" -q -f "$SLAPD_DIR/slapd.conf" >"$SLAPD_DIR/slapadd.log" 2>&1 ||
		{ cat "$SLAPD_DIR/slapadd.log" >&2; return 1; }
	for try in 1 2 3 4 5 6 7 8; do
		SLAPD_URI=ldap://127.0.0.1:$(slapd_port $try)
		[ -z "${SLAPD_TLS:-}" ] || SLAPD_LDAPS=ldaps://127.0.0.1:$(slapd_port $((try + 100)))
		slapd_resume && return 0
	done
	cat "$SLAPD_DIR/slapd.log" >&2
	return 1
}

slapd_stop() {
	[ -n "${SLAPD_PID:-}" ] || return 0
	kill "$SLAPD_PID" 2>/dev/null
	while kill -0 "$SLAPD_PID" 2>/dev/null; do sleep .02; done
	SLAPD_PID=
}
