#!/bin/sh
# What a template says of extensions stands in the certificate: criticality, policies of the CA's list, application policies, the
# template's name and identifier, basic constraints, S/MIME capabilities, an extension of the request that it lists; keys that are too
# small for it are refused.
. "$top_srcdir/tests/lib/ca.sh"
need openssl ldapadd
ca_begin
sed -i 's/^\[certificate\]$/&\npolicies = 1.2.3.5 1.2.3.7\nprivileged_policies = 1.2.3.7/' "$CHANCERY_CONF"
ca_stop
ca_start
# put NAME SED-SCRIPT: the User template, changed, in the directory and adopted
put() {
    awk -v RS= '/dn: cn=User,/' "$top_srcdir/schema/templates.ldif" | grep -v '^#' |
        sed "s/^dn: cn=User,/dn: cn=$1,/; s/^cn: User\$/cn: $1/; s/^\\(msPKI-Cert-Template-OID: .*\\)/\\1$3/; $2" |
        ldapadd -x -H "$SLAPD_URI" -D "$SLAPD_ADMIN" -w "$SLAPD_PASSWORD" >"$D/ldap" 2>&1 || { cat "$D/ldap" >&2; fail "ldapadd"; }
    expect 0 chancery template adopt "$1"
}
issued() { # TEMPLATE CSR: $D/text
    expect 0 chancery submit "$D/$2.csr" --template "$1" --out "$D/$1.pem" --force
    openssl x509 -in "$D/$1.pem" -noout -text | tr -s ' \n' ' ' >"$D/text"
}
says() { for words; do grep -qF -- "$words" "$D/text" || fail "openssl sees no \"$words\": $(cat "$D/text")"; done; }
says_not() { for words; do grep -qF -- "$words" "$D/text" && fail "openssl sees \"$words\": $(cat "$D/text")"; done; }

{
    printf '[req]\ndistinguished_name=dn\nreq_extensions=x\nprompt=no\n[dn]\nCN=alice\n[x]\n'
    printf '1.2.840.113549.1.9.15=DER:300f300d06092a864886f70d0101010500\n'
    printf '1.2.3.99=DER:0500\n1.2.3.98=DER:0500\n'
} >"$D/x.cnf"
openssl ecparam -name prime256v1 -genkey -noout -out "$D/x.key" 2>/dev/null
openssl req -new -key "$D/x.key" -config "$D/x.cnf" -out "$D/x.csr" || fail "openssl req"

say "everything that a template can say"
put Full '/^flags:/s/.*/flags: 512/; /^msPKI-Enrollment-Flag:/s/.*/msPKI-Enrollment-Flag: 32777/
    /^pKICriticalExtensions:/a pKICriticalExtensions: 2.5.29.37\npKICriticalExtensions: 2.5.29.32\npKICriticalExtensions: 1.3.6.1.4.1.311.21.10\npKICriticalExtensions: 2.5.29.19\npKICriticalExtensions: 1.2.3.99\nmsPKI-Certificate-Policy: 1.2.3.5\nchanceryRequestExtension: 1.2.3.99' 1
issued Full x
says "X509v3 Key Usage: critical" "X509v3 Extended Key Usage: critical" "X509v3 Certificate Policies: critical Policy: 1.2.3.5" \
    "1.3.6.1.4.1.311.21.10: critical" "X509v3 Basic Constraints: critical" "1.2.3.99: critical" "1.3.6.1.4.1.311.20.2:" "1.3.6.1.4.1.311.21.7:" \
    "S/MIME Capabilities:"
says_not "1.2.3.98" "CA:TRUE"

say "and only what it says"
issued User x
says "X509v3 Key Usage: critical" "X509v3 Extended Key Usage: TLS" "1.3.6.1.4.1.311.21.7:"
says_not "S/MIME Capabilities" "1.2.3.99" "1.2.3.98" "Certificate Policies" "1.3.6.1.4.1.311.20.2:" "Basic Constraints"

say "schema version 1: the name instead of the identifier, no application policies"
put Old 's/^msPKI-Template-Schema-Version:.*/msPKI-Template-Schema-Version: 1/' 2
issued Old x
says "1.3.6.1.4.1.311.20.2:"
says_not "1.3.6.1.4.1.311.21.7:" "1.3.6.1.4.1.311.21.10:"

say "a policy that two officers must agree to: it pends though the template does not"
put Privileged '/^cn:/a msPKI-Certificate-Policy: 1.2.3.7' 3
expect 3 chancery --json submit "$D/x.csr" --template Privileged
id=$(json_field id)
grep -q '"approval.needed"' "$D/out" || fail "not said that it waits for officers: $(cat "$D/out")"
grep -q 'two' "$D/out" || fail "not said that it waits for two: $(cat "$D/out")"
[ "$(id -u)" -ne 0 ] || expect 3 as $CAROL chancery resubmit "$id"

say "smaller keys than it asks for"
put Strong 's/^msPKI-Minimal-Key-Size:.*/msPKI-Minimal-Key-Size: 384/' 4
expect 2 chancery --json submit "$D/x.csr" --template Strong
grep -q '"key.size"' "$D/out" || fail "not key.size: $(cat "$D/out")"
openssl ecparam -name secp384r1 -genkey -noout -out "$D/strong.key" 2>/dev/null
openssl req -new -key "$D/strong.key" -subj /CN=alice -out "$D/strong.csr"
issued Strong strong
says "ASN1 OID: secp384r1"
