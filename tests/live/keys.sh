#!/bin/sh
# Keys and names that are refused when they are submitted: each with its reason code on record, and none that the signer would refuse
# takes a RequestID. The list of blocked keys is read at start and at SIGHUP; a bad one stops the start and changes nothing later.
. "$top_srcdir/tests/lib/ca.sh"
need openssl python3
ca_begin

line() { [ "$(wc -l <"$D/err")" -eq 1 ] && grep -qF -- "$1" "$D/err" || { cat "$D/err" >&2; fail "no single line that says: $1"; }; }
# The reason of the newest audit record.
audit_says() {
    chancery --json audit list --limit 1000 >"$D/audit" 2>/dev/null
    grep -q "\"$1\"" "$D/audit" || fail "no audit record with reason $1"
}
last_id() { chancery --json list --limit 1 2>/dev/null | tr -d ' \n' | sed 's/.*"id":\([0-9]*\).*/\1/'; }
blocked() { openssl req -in "$1" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -c 1-64; }

say "the private keys of weak RSA keys, each as its published description says"
cat >"$D/weak.py" <<'P'
import random, subprocess, sys
def prime(n):
    while True:
        n += 1
        if n % 2 and pow(2, n - 1, n) == 1 and pow(3, n - 1, n) == 1:
            return n
def write(path, p, q, e=65537):
    n, f = p * q, (p - 1) * (q - 1)
    d = pow(e, -1, f)
    numbers = [0, n, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p)]
    with open(path + ".cnf", "w") as out:
        out.write("asn1=SEQUENCE:k\n[k]\n" + "".join(f"n{i}=INTEGER:0x{v:x}\n" for i, v in enumerate(numbers)))
    subprocess.run(["openssl", "asn1parse", "-genconf", path + ".cnf", "-noout", "-out", path + ".der"], check=True)
    subprocess.run(["openssl", "rsa", "-inform", "DER", "-in", path + ".der", "-out", path + ".key"], check=True, stderr=subprocess.DEVNULL)
r = random.Random(1)
p = prime(r.getrandbits(1024) | 3 << 1022)
write(sys.argv[1] + "/close", prime(p), p)
m = 1
for n in [n for n in range(2, 354) if all(n % k for k in range(2, n))]:
    m *= n
def roca():
    while True:
        n = r.randrange((3 << 1022) // m + 1, (1 << 1024) // m) * m + pow(65537, r.getrandbits(64), m)
        if pow(2, n - 1, n) == 1 and n % 65537 != 1:
            return n
write(sys.argv[1] + "/roca", roca(), roca())
P
python3 "$D/weak.py" "$D" || fail "the weak keys"
while read -r name reason; do
    openssl req -new -key "$D/$name.key" -subj /CN=alice -out "$D/$name.csr" || fail "openssl req $name"
    expect 65 chancery submit "$D/$name.csr" --template User
    audit_says "$reason"
done <<X
close key.close_primes
roca key.roca
X

say "SHA-1 under ECDSA"
openssl ecparam -name prime256v1 -genkey -noout -out "$D/sha1.key" 2>/dev/null
openssl req -new -sha1 -key "$D/sha1.key" -subj /CN=alice -out "$D/sha1.csr" || fail "openssl req -sha1"
expect 65 chancery submit "$D/sha1.csr" --template User
line "SHA-1"
audit_says request.signature_algorithm

say "the CA's own key"
openssl req -new -key "$D/ca/signer/key.pem" -passin "file:$D/ca/passphrase" -subj /CN=alice -out "$D/own.csr" 2>"$D/openssl.log" ||
    { cat "$D/openssl.log"; fail "openssl req with the CA's key"; }
expect 2 chancery submit "$D/own.csr" --template User
audit_says key.of_ca

if [ "$(id -u)" -eq 0 ]; then
    say "a key that is certified for another"
    key_and_request shared /CN=alice
    expect 0 chancery submit "$D/shared.csr" --template User
    openssl req -new -key "$D/shared.key" -subj /CN=bob -out "$D/bob.csr"
    chmod 644 "$D/bob.csr"
    expect 2 as $BOB chancery submit "$D/bob.csr" --template User
    audit_says key.of_other

    say "a subject that could not be signed takes no RequestID"
    key_and_request first /CN=alice
    expect 0 chancery submit "$D/first.csr" --template User
    before=$(last_id)
    # openssl holds to the bounds of RFC 5280: the request is made by hand, with an organisation of 70 characters
    openssl ecparam -name prime256v1 -genkey -noout -out "$D/long.key" 2>/dev/null
    python3 - "$D/long" <<'P'
import subprocess, sys
def tlv(tag, content):
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x81, size]) if size < 256 else bytes([0x82, size >> 8, size & 255])
    return bytes([tag]) + length + content
def openssl(*words):
    return subprocess.run(["openssl"] + list(words), check=True, capture_output=True).stdout
path = sys.argv[1]
spki = openssl("pkey", "-in", path + ".key", "-pubout", "-outform", "DER")
name = tlv(0x30, tlv(0x31, tlv(0x30, bytes.fromhex("060355040a") + tlv(0x0c, b"1" * 70)))
           + tlv(0x31, tlv(0x30, bytes.fromhex("0603550403") + tlv(0x0c, b"web07.example.com"))))
san = tlv(0x30, tlv(0x30, bytes.fromhex("0603551d11") + tlv(0x04, tlv(0x30, tlv(0x82, b"web07.example.com")))))
asked = tlv(0xa0, tlv(0x30, bytes.fromhex("06092a864886f70d01090e") + tlv(0x31, san)))
info = tlv(0x30, b"\2\1\0" + name + spki + asked)
open(path + ".info", "wb").write(info)
signature = openssl("dgst", "-sha256", "-sign", path + ".key", path + ".info")
open(path + ".csr", "wb").write(tlv(0x30, info + tlv(0x30, bytes.fromhex("06082a8648ce3d040302")) + tlv(0x03, b"\0" + signature)))
P
    chmod 644 "$D/long.csr"
    expect 65 as $WEB07 chancery submit "$D/long.csr" --template WebServer
    audit_says subject.form
    [ "$(last_id)" = "$before" ] || fail "a RequestID was used: $before, now $(last_id)"
fi

say "the list of blocked keys"
key_and_request leaked /CN=alice
key_and_request sound /CN=alice
{ echo "# keys that leaked"; blocked "$D/leaked.csr"; } >"$D/ca/blocked"
chmod 644 "$D/ca/blocked"
printf '[keys]\nblocklist = %s\n' "$D/ca/blocked" >>"$CHANCERY_CONF"
expect 0 chanceryd -t
ca_stop
ca_start
expect 2 chancery submit "$D/leaked.csr" --template User
audit_says key.blocked
expect 0 chancery submit "$D/sound.csr" --template User

say "it is read again at SIGHUP, and not when it is wrong"
key_and_request late /CN=alice
blocked "$D/late.csr" >>"$D/ca/blocked"
kill -HUP "$CA_PID"
within 30 grep -q "2 keys are blocked" "$D/chanceryd.log" || fail "SIGHUP: no second key"
expect 2 chancery submit "$D/late.csr" --template User
chancery --json audit list --limit 1000 >"$D/audit" 2>/dev/null
grep -q keys.reload "$D/audit" || fail "the list was read again and nothing is on record"
echo nonsense >>"$D/ca/blocked"
kill -HUP "$CA_PID"
within 30 grep -q "stays as it was.*line 4" "$D/chanceryd.log" || fail "SIGHUP with a wrong list says nothing of line 4"
key_and_request other /CN=alice
expect 0 chancery submit "$D/other.csr" --template User
expect 78 chanceryd -t
line "line 4"
sed -i '$d' "$D/ca/blocked"
chmod 666 "$D/ca/blocked"
expect 78 chanceryd -t
chmod 644 "$D/ca/blocked"
expect 0 chanceryd -t

say "a priority string that would let TLS 1.1 in"
sed "s/^base = $SLAPD_SUFFIX/&\ntls_priority = NORMAL/" "$CHANCERY_CONF" >"$D/tls.conf"
expect 78 chanceryd -t -c "$D/tls.conf"
line "TLS1.1"
