#!/bin/sh
# Started by an ordinary user everything runs as that user: CA, signer, publishing; and a second daemon is refused.
. "$top_srcdir/tests/lib/ca.sh"
need openssl ldapsearch setpriv
if [ "$(id -u)" -eq 0 ]; then
    # Again, as somebody without rights, with all of it in a folder of his.
    as 65000 test -x "$top_builddir/chanceryd" || skip "$top_builddir is not open to other users"
    folder=$(mktemp -d "${TMPDIR:-/tmp}/chancery-ordinary.XXXXXX") || exit 99
    chown 65000:65000 "$folder"
    TMPDIR=$folder HOME=$folder as 65000 sh "$0"
    status=$?
    rm -rf "$folder"
    exit $status
fi
ca_begin
key_and_request user /CN=alice
expect 0 chancery --json submit "$D/user.csr" --template User --out "$D/user.pem"
der "$D/user.pem" "$D/user.der"
within 20 entry_holds uid=alice,ou=people,"$SLAPD_SUFFIX" userCertificate "$D/user.der" || fail "not published"
for title in signer exit; do
    pid=$(ca_child $title | head -n 1)
    [ -n "$pid" ] || fail "no process $title"
    [ "$(stat -c %u "/proc/$pid" 2>/dev/null)" = "$(id -u)" ] ||
        [ "$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")" = "$(id -u)" ] || fail "$title runs as somebody else"
done

say "a second daemon on the same database"
chanceryd -f >"$D/out" 2>&1
status=$?
[ $status -ne 0 ] || fail "it ended with 0"
grep -qiE 'another|already|holds|in use' "$D/out" || fail "no clear refusal: $(cat "$D/out")"
expect 0 chancery whoami
ca_stop
chancery whoami >"$D/out" 2>"$D/err"
[ $? -eq 69 ] || fail "without a daemon it is 69"
[ "$(wc -l <"$D/err")" -eq 1 ] || fail "not one line"

say "a foreign DB_CONFIG is refused"
echo 'set_data_dir /tmp' >"$D/ca/db/DB_CONFIG"
chanceryd -f >"$D/out" 2>&1
[ $? -ne 0 ] && grep -q DB_CONFIG "$D/out" || fail "DB_CONFIG: $(cat "$D/out")"
