#!/bin/sh
# A template is issued from the copy that was adopted: when its entry in the directory is changed, deleted, made again or doubled,
# nothing is issued until an administrator has looked at the difference and adopts it again, even when the entry is put back; what
# waits goes on waiting. Export, import and the lint of what this CA cannot do.
. "$top_srcdir/tests/lib/ca.sh"
need openssl ldapsearch ldapmodify
ca_begin
sed -i 's/^\[templates\]$/&\ncompare = 1s/; s/^\[certificate\]$/&\npolicies = 1.2.3.5/' "$CHANCERY_CONF"
ca_stop
ca_start

T="cn=User,cn=templates,ou=pki,$SLAPD_SUFFIX"
modify() { ldapmodify -x -H "$SLAPD_URI" -D "$SLAPD_ADMIN" -w "$SLAPD_PASSWORD" >"$D/ldap" 2>&1 || { cat "$D/ldap" >&2; fail "ldapmodify"; }; }
change() { printf 'dn: %s\nchangetype: modify\n%s: %s\n%s: %s\n' "$T" "$1" "$2" "$2" "$3" | modify; } # add|replace|delete ATTRIBUTE VALUE
stopped() { chancery --json template list >"$D/list" && tr -d ' \n' <"$D/list" | grep -q "\"name\":\"User\"[^}]*\"stop_reason\":\"$1\""; }
waits_for_stop() { within 30 stopped "$1" || fail "not stopped with $1: $(cat "$D/list")"; }
is_audited() { # REASON
    expect 0 chancery --json audit list --all
    tr -d '\n ' <"$D/out" | grep -q "\"action\":\"template.stop\"[^}]*\"reason\":\"$1\"" || fail "the stop with $1 is not on record"
}
# A new request each time: the same one would be answered with its first certificate.
fresh() {
    made=$((${made:-0} + 1))
    openssl req -new -key "$D/alice.key" -subj "/CN=alice/OU=$made" -out "$D/alice.csr" && chmod 644 "$D/alice.csr" || fail "openssl req"
}
refused() { # REASON
    fresh
    expect 2 chancery --json submit "$D/alice.csr" --template User
    grep -q "$1" "$D/out" "$D/err" || fail "not refused with $1: $(cat "$D/out" "$D/err")"
    is_audited "$1"
}
adopted() {
    expect 0 chancery template adopt User
    fresh
    expect 0 chancery submit "$D/alice.csr" --template User
    expect 0 chancery template diff User
    [ ! -s "$D/out" ] || fail "a difference right after adoption: $(cat "$D/out")"
}
key_and_request alice /CN=alice
key_and_request web /CN=alice DNS:alice.example.com

say "as adopted: no difference"
expect 0 chancery template diff User
expect 1 chancery template diff SmartcardUser
expect 3 chancery --json submit "$D/web.csr" --template WebServer
waiting=$(json_field id)

say "an attribute is changed"
change replace msPKI-Certificate-Name-Flag 1
waits_for_stop template.changed
refused template.changed
expect 1 chancery template diff User
grep -qx -- '-msPKI-Certificate-Name-Flag: san-upn san-email subject-email subject-common-name' "$D/out" || fail "no line that was: $(cat "$D/out")"
grep -qx -- '+msPKI-Certificate-Name-Flag: enrollee-supplies-subject' "$D/out" || fail "no line that is: $(cat "$D/out")"
[ "$(grep -c '^[-+][^-+]' "$D/out")" -eq 2 ] || fail "more than the two lines: $(cat "$D/out")"
chancery health >"$D/out"
grep -q 'Templates.*stopped' "$D/out" || fail "health says nothing: $(cat "$D/out")"
expect 1 chancery template adopt User
grep -q template.supplies_names "$D/out" "$D/err" || fail "adopted what lets users name themselves"

say "put back: it stays stopped until it is adopted, also over a restart"
change replace msPKI-Certificate-Name-Flag 1711276032
sleep 2
refused template.changed
ca_stop
ca_start
refused template.changed
expect 0 chancery template diff User
adopted

say "who may enrol is changed"
change add chanceryEnroll "cn=pki-hosts,ou=groups,$SLAPD_SUFFIX"
waits_for_stop template.changed
refused template.changed
expect 1 chancery template diff User
digest=$(sed -n 's/^+++ in the directory, digest //p' "$D/out")
[ ${#digest} -eq 64 ] || fail "no digest: $(cat "$D/out")"

say "adopted with the digest that was looked at, not with another"
change replace displayName Changed
expect 1 chancery --json template adopt User --digest "$digest"
grep -q template.digest "$D/out" "$D/err" || fail "adopted another entry than the one looked at: $(cat "$D/out" "$D/err")"
expect 65 chancery template adopt User --digest 1234
expect 1 chancery template diff User
digest=$(sed -n 's/^+++ in the directory, digest //p' "$D/out")
expect 0 chancery template adopt User --digest "$digest"
adopted

say "deleted"
ldapsearch -x -LLL -o ldif-wrap=no -H "$SLAPD_URI" -D "$SLAPD_ADMIN" -w "$SLAPD_PASSWORD" -b "$T" -s base >"$D/template.ldif" 2>/dev/null
ldapdelete -x -H "$SLAPD_URI" -D "$SLAPD_ADMIN" -w "$SLAPD_PASSWORD" "$T" || fail "ldapdelete"
waits_for_stop template.removed
refused template.removed
expect 1 chancery template diff User
grep -q '^+++ in the directory: gone' "$D/out" || fail "not said that it is gone: $(cat "$D/out")"
expect 1 chancery template adopt User

say "made again, the same in every attribute: put back is not adopted"
ldapadd -x -H "$SLAPD_URI" -D "$SLAPD_ADMIN" -w "$SLAPD_PASSWORD" -f "$D/template.ldif" >/dev/null || fail "ldapadd"
sleep 2
refused template.removed
adopted

say "deleted and made again between two comparisons: another object under the same name"
{
    printf 'dn: %s\nchangetype: delete\n\n' "$T"
    sed 's/^dn:.*/&\nchangetype: add/' "$D/template.ldif"
} | modify
waits_for_stop template.replaced
refused template.replaced
expect 1 chancery template diff User
adopted

say "a second object of that name"
sed 's/^dn: cn=User,/dn: cn=Second,/; s/^cn: User/cn: Second\ncn: User/' "$D/template.ldif" |
    ldapadd -x -H "$SLAPD_URI" -D "$SLAPD_ADMIN" -w "$SLAPD_PASSWORD" >/dev/null || fail "ldapadd"
waits_for_stop template.ambiguous
refused template.ambiguous
ldapdelete -x -H "$SLAPD_URI" -D "$SLAPD_ADMIN" -w "$SLAPD_PASSWORD" "cn=Second,cn=templates,ou=pki,$SLAPD_SUFFIX" || fail "ldapdelete"
adopted

say "a request that waits goes on waiting while its template is stopped"
T="cn=WebServer,cn=templates,ou=pki,$SLAPD_SUFFIX"
change replace displayName Other
web_stopped() { chancery --json template list >"$D/list" && tr -d ' \n' <"$D/list" | grep -q '"name":"WebServer"[^}]*"stop_reason":"template.changed"'; }
within 30 web_stopped || fail "not stopped: $(cat "$D/list")"
if [ "$(id -u)" -eq 0 ]; then
    expect 1 as $CAROL chancery resubmit "$waiting"
    grep -q 'WebServer' "$D/err" || fail "not said why: $(cat "$D/err")"
fi
expect 0 chancery --json show "$waiting"
grep -q '"pending"' "$D/out" || fail "it waits no more: $(head -c 300 "$D/out")"
expect 0 chancery template adopt WebServer
[ "$(id -u)" -ne 0 ] || expect 0 as $CAROL chancery resubmit "$waiting"

say "exported, changed by hand, imported, adopted"
expect 0 chancery template export User WebServer --out "$D/two.txt"
expect 0 chancery template import "$D/two.txt"
[ "$(grep -c '^dn: cn=' "$D/out")" -eq 2 ] || fail "two templates in, not two out"
expect 0 chancery template export User
grep -qx 'pKIExpirationPeriod: 365 d' "$D/out" || fail "not readable: $(cat "$D/out")"
sed 's/^dn: cn=User,/dn: cn=Short,/; s/^cn: User/cn: Short/; s/^pKIExpirationPeriod:.*/pKIExpirationPeriod: 30 d/;
    s/^pKIOverlapPeriod:.*/pKIOverlapPeriod: 36 h/; s/^\(msPKI-Cert-Template-OID: .*\)/\19/' "$D/out" >"$D/short.txt"
expect 0 chancery template import "$D/short.txt" -- -x -H "$SLAPD_URI" -D "$SLAPD_ADMIN" -w "$SLAPD_PASSWORD"
expect 0 chancery template adopt Short
key_and_request short /CN=alice
expect 0 chancery submit "$D/short.csr" --template Short --out "$D/short.pem"
openssl x509 -in "$D/short.pem" -noout -checkend $((29 * 86400)) >/dev/null || fail "shorter than 30 days"
openssl x509 -in "$D/short.pem" -noout -checkend $((31 * 86400)) >/dev/null && fail "longer than 30 days"
expect 0 chancery template export User --ldif
cp "$D/out" "$D/user.ldif"
expect 0 chancery template import "$D/user.ldif"
cmp -s "$D/out" "$D/user.ldif" || fail "LDIF in is not LDIF out"
CHANCERY_DATADIR=$top_srcdir
export CHANCERY_DATADIR
expect 0 chancery template import --samples --base o=corp
[ "$(grep -c '^dn: cn=.*,cn=templates,ou=pki,o=corp$' "$D/out")" -eq 8 ] || fail "not eight samples under another base: $(grep ^dn: "$D/out")"
grep -q dc=example "$D/out" && fail "the samples' own base is still there"
sed 's/365 d/one year/' "$D/two.txt" >"$D/wrong.txt"
expect 65 chancery template import "$D/wrong.txt"

say "what this CA cannot do refuses adoption, each by its name"
T="cn=Short,cn=templates,ou=pki,$SLAPD_SUFFIX"
while read -r attribute value back reason; do
    change replace "$attribute" "$value"
    expect 1 chancery template lint Short
    grep -q "^REFUSED $reason:" "$D/out" || fail "$attribute $value: no $reason: $(cat "$D/out")"
    expect 1 chancery template adopt Short
    if [ "$back" = - ]; then
        printf 'dn: %s\nchangetype: modify\ndelete: %s\n' "$T" "$attribute" | modify
    else
        change replace "$attribute" "$back"
    fi
done <<'END'
msPKI-Certificate-Name-Flag 1077936128 1711276032 template.domain_dns
msPKI-Certificate-Name-Flag 1082130432 1711276032 template.spn
msPKI-Certificate-Name-Flag 1090519040 1711276032 template.guid
msPKI-Certificate-Name-Flag 1073741832 1711276032 template.old_certificate_names
msPKI-Private-Key-Flag 1 0 template.archival
msPKI-Private-Key-Flag 8192 0 template.attestation
msPKI-Enrollment-Flag 65544 8 template.key_based_renewal
msPKI-RA-Signature 2 0 template.ra_signatures
msPKI-Certificate-Policy 1.2.3.6 - template.policy_not_allowed
msPKI-Template-Schema-Version 9 2 template.schema_version
END
change replace msPKI-Certificate-Policy 1.2.3.5
expect 0 chancery template adopt Short
rm -f "$D/short.csr"
key_and_request short2 /CN=alice
expect 0 chancery submit "$D/short2.csr" --template Short --out "$D/short2.pem"
openssl x509 -in "$D/short2.pem" -noout -text | grep -q 'Policy: 1.2.3.5' || fail "no policy in the certificate"
change replace msPKI-Cert-Template-OID "$(sed -n 's/^msPKI-Cert-Template-OID: //p' "$D/user.ldif")"
expect 1 chancery template lint Short
grep -q '^REFUSED template.oid_used:' "$D/out" || fail "two templates with one identifier: $(cat "$D/out")"
