#!/bin/sh
# A disk that fills up: first a warning, then new requests are refused with 75 while revoking and CRLs go on in what was kept; when
# there is room again everything goes on by itself. On a small disk of the test's own.
. "$top_srcdir/tests/lib/ca.sh"
need_root
need unshare mount openssl
if [ -z "${DISK_FULL_OWN:-}" ]; then
    unshare -m true 2>/dev/null || skip "no mount of its own can be made here"
    DISK_FULL_OWN=yes exec unshare -m --propagation private sh "$0"
fi
# shellcheck source=tests/lib/slapd.sh
. "$top_srcdir/tests/lib/slapd.sh"
slapd_have || skip "slapd is not installed"
ca_reachable
ca_folder
mkdir "$D/ca/db"
mount -t tmpfs -o "size=400m,mode=0700,uid=$CA_AUTHORITY_UID,gid=$CA_AUTHORITY_UID" chancery-test "$D/ca/db" || skip "no tmpfs can be mounted"
disk_away() { # the daemon ends before its disk does
    [ -z "${CA_PID:-}" ] || ca_ended || :
    umount "$D/ca/db" 2>/dev/null || umount -l "$D/ca/db"
}
ca_end_hook=disk_away
slapd_start "$D/slapd" || fail "slapd"
ca_modules
ca_configure
sed -i 's/^reserve = .*/reserve = 50/' "$CHANCERY_CONF"
printf '[health]\ndisk_warning = 100\n' >>"$CHANCERY_CONF"
ca_init
ca_start
expect 0 chancery template adopt User
for name in one two three four five; do key_and_request $name "/CN=$name"; done

line() { grep -qF -- "$1" "$D/out" "$D/err" || { cat "$D/out" "$D/err" >&2; fail "nothing says: $1"; }; }
health_row() {
    chancery health >"$D/out" 2>"$D/err"
    grep -q "^$1 *$2:" "$D/out" || { cat "$D/out" "$D/err" >&2; fail "the row $2 of health is not $1"; }
}
free_mib() { df -m --output=avail "$D/ca/db" | tail -n 1 | tr -d ' '; }
fill_to() { # MIB left
    rm -f "$D/ca/db/filler"
    dd if=/dev/zero of="$D/ca/db/filler" bs=1M count=$(($(free_mib) - $1)) 2>"$D/err" || { cat "$D/err" >&2; fail "dd"; }
}

say "room: $(free_mib) MiB"
health_row OK Disk
expect 0 chancery --json submit "$D/one.csr" --template User --out "$D/one.pem"
id=$(json_field id)

say "below disk_warning: a warning, and nothing else changes"
fill_to 80
health_row WARNING Disk
expect 0 chancery submit "$D/two.csr" --template User

say "below reserve: new requests are refused, revoking and CRLs go on"
fill_to 40
health_row CRITICAL Disk
line "below"
expect 75 chancery --json submit "$D/three.csr" --template User
line store.disk
expect 75 chancery template adopt Computer
expect 0 chancery list
expect 0 chancery revoke "$id" --reason keyCompromise
expect 0 chancery crl publish
expect 0 chancery crl get --out "$D/crl.der"
openssl crl -inform DER -in "$D/crl.der" -noout -text | grep -qi "$(openssl x509 -in "$D/one.pem" -noout -serial | sed 's/.*=//')" ||
    fail "what was revoked on the full disk is not on the CRL"
expect 0 chancery audit list --all
grep -F request.submit "$D/out" | grep -qF store.disk || { cat "$D/out" >&2; fail "the refusal is not on record"; }

say "over a restart as well"
ca_stop
ca_start
expect 75 chancery --json submit "$D/three.csr" --template User
line store.disk
expect 0 chancery crl publish

say "room again: everything goes on by itself"
rm "$D/ca/db/filler"
expect 0 chancery submit "$D/three.csr" --template User
expect 0 chancery template adopt Computer
health_row OK Disk
ca_stop
