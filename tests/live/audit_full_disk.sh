#!/bin/sh
# A full disk under the database: what must be audited does not happen, nothing that was answered is lost, and with room again all
# goes on. The database lies on a small tmpfs in a mount namespace of its own.
. "$top_srcdir/tests/lib/ca.sh"
need openssl unshare mount
need_root
if [ -z "${INSIDE:-}" ]; then
    unshare -m true 2>/dev/null || skip "no mount namespaces here"
    INSIDE=yes unshare -m sh "$0"
    exit $?
fi
ca_folder
mkdir "$D/disk"
mount -t tmpfs -o size=160m,mode=755 tmpfs "$D/disk" || skip "no tmpfs here"
. "$top_srcdir/tests/lib/slapd.sh"
slapd_have || skip "slapd is not installed"
ca_reachable
unmount() { umount -l "$D/disk" 2>/dev/null; }
ca_end_hook=unmount
slapd_start "$D/slapd" || fail "slapd"
ca_modules
ca_configure
sed -i "s,^path = .*,path = $D/disk/db,; s,^reserve = .*,reserve = 32," "$CHANCERY_CONF"
ca_init
ca_start
expect 0 chancery template adopt User
key_and_request one /CN=x
key_and_request two /CN=x
expect 0 chancery --json submit "$D/one.csr" --template User
id=$(json_field id)
expect 0 chancery --json audit verify
records=$(json_field records)

say "full: refused for now, and nothing of it happened"
dd if=/dev/zero of="$D/disk/fill" bs=64k >/dev/null 2>&1
expect 75 chancery submit "$D/two.csr" --template User
expect 75 chancery revoke "$id" --reason superseded
expect 75 chancery template retire User
expect 77 as $BOB chancery deny "$id"
expect 0 chancery --json show "$id"
[ "$(json_field disposition)" = issued ] || fail "revoked without a record: $(cat "$D/out")"
expect 0 chancery template list
grep -q User "$D/out" || fail "the template is gone without a record"
expect 0 chancery --json audit verify
[ "$(json_field records)" = "$records" ] || fail "records: $(cat "$D/out")"
expect 75 chancery audit export

say "room again: the same things happen, once, and the chain is whole"
rm "$D/disk/fill"
expect 0 chancery revoke "$id" --reason superseded
expect 0 chancery --json submit "$D/two.csr" --template User
expect 0 chancery --json audit list --action certificate.revoke --outcome revoked
[ "$(grep -o '"certificate.revoke"' "$D/out" | wc -l)" -eq 1 ] || fail "revoked more than once: $(cat "$D/out")"
expect 0 chancery audit verify
expect 0 chancery audit export --out "$D/log.json"
expect 0 chancery audit verify "$D/log.json"

say "the refusal that had no room is told of later"
refusal_told() { chancery --json audit list --reason role.missing >"$D/out" && grep -q role.missing "$D/out"; }
ca_stop # at the latest by the stop
ca_start
refusal_told || fail "the refusal of the full disk is forgotten: $(cat "$D/out")"

say "killed with a full disk it comes back with all that it answered"
dd if=/dev/zero of="$D/disk/fill" bs=64k >/dev/null 2>&1
expect 75 chancery template retire User
ca_kill
rm "$D/disk/fill"
ca_start
expect 0 chancery audit verify
expect 0 chancery --json show "$id"
[ "$(json_field disposition)" = revoked ] || fail "the revocation is lost: $(cat "$D/out")"
expect 0 chancery template retire User
