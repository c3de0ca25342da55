#!/bin/sh
# A CA that starts without its passphrase: it serves and signs nothing, says so, and is opened at the terminal. Wrong passphrases
# cost time and are on record; one that a file holds ends the start; a systemd credential and the terminal open it at the start.
. "$top_srcdir/tests/lib/ca.sh"
need expect openssl setsid
ca_begin
cp "$D/ca/passphrase" "$D/secret"
secret=$(cat "$D/secret")
key_and_request alice /CN=alice
key_and_request late /CN=alice
expect 0 chancery submit "$D/alice.csr" --template User --out "$D/alice.pem"

# at_terminal STATUS PROMPTS ANSWERS… -- COMMAND…: gives the answers one by one to what asks on a terminal of its own.
at_terminal() {
    wanted=$1
    shift
    answers=
    while [ "$1" != -- ]; do answers="$answers {$1}" && shift; done
    shift
    expect "$wanted" env expect -c "log_user 1
set timeout 60
spawn -noecho $*
foreach answer [list $answers] {
    expect -ex {: } {} eof { puts {NO PROMPT}; exit 99 } timeout { puts {NO PROMPT}; exit 99 }
    send -- \"\$answer\r\"
}
expect eof
lassign [wait] pid id failed status
exit \$status"
}
line() { grep -qF -- "$1" "$D/out" "$D/err" || { cat "$D/out" "$D/err" >&2; fail "nothing says: $1"; }; }
locked() { chancery info >"$D/info" 2>&1 && grep -q '^Locked' "$D/info"; }
health_row() { # STATE NAME; the other rows are not what is tested here
    chancery health >"$D/out" 2>"$D/err"
    grep -q "^$1 *$2:" "$D/out" || { cat "$D/out" "$D/err" >&2; fail "the row $2 of health is not $1"; }
}
audited() { # ACTION OUTCOME-OR-REASON
    expect 0 chancery audit list --all
    grep -F "$1" "$D/out" | grep -qF "$2" || { cat "$D/out" >&2; fail "no audit record $1 $2"; }
}

say "without its passphrase the daemon starts locked"
ca_stop
rm "$D/ca/passphrase"
ca_start
locked || { cat "$D/info" >&2; fail "info does not say that it is locked"; }
grep -q "starts locked" "$D/chanceryd.log" || fail "the log does not say that it starts locked"
expect 0 chancery list
expect 0 chancery show 1
expect 0 chancery retrieve 1 --out "$D/again.pem"
expect 0 chancery submit "$D/alice.csr" --template User
grep -q "^fp\|SHA-256\|issued" "$D/out" || fail "the answer of before is not given again"
health_row CRITICAL Signer
line "Signer: locked"

say "it signs nothing: 75, with the next step"
expect 75 chancery submit "$D/late.csr" --template User
line "chancery unlock"
expect 75 chancery crl publish
expect 75 chancery --json crl publish --if-due
line signer.locked
expect 0 chancery revoke 1 --reason superseded
audited request.submit signer.locked

say "a wrong passphrase: refused, on record, and the next one waits"
at_terminal 1 "not this" -- chancery unlock
line "the passphrase is wrong (1 wrong so far)"
at_terminal 75 "$secret" -- chancery unlock
line "the next one is taken in"
locked || fail "it is not locked any more"
audited signer.unlock signer.passphrase
audited signer.unlock signer.unlock_wait
expect 64 chancery unlock extra
setsid -w chancery unlock </dev/null >"$D/out" 2>"$D/err"
[ $? -eq 75 ] || fail "unlock without a terminal ended otherwise than with 75"
line "no terminal"
at_terminal 64 "" -- chancery unlock
line "no passphrase"
if [ "$(id -u)" -eq 0 ]; then
    at_terminal 77 "$secret" -- setpriv --reuid $BOB --regid $BOB --clear-groups chancery unlock
fi

say "the right one opens it"
opened() { at_terminal 0 "$secret" -- chancery unlock; }

deadline=$(($(now_ms) + 30000))
until (opened) >/dev/null 2>&1; do
    [ "$(now_ms)" -lt $deadline ] || { cat "$D/out" "$D/err" >&2; fail "it cannot be unlocked"; }
    sleep .3
done
line "is unlocked"
locked && fail "info still says that it is locked"
expect 1 chancery unlock
line "not locked"
expect 0 chancery submit "$D/late.csr" --template User --out "$D/late.pem"
expect 0 chancery crl publish
expect 0 chancery crl get --out "$D/crl.der"
openssl crl -inform DER -in "$D/crl.der" -noout -text | grep -qi "$(openssl x509 -in "$D/alice.pem" -noout -serial | sed 's/serial=//')" ||
    fail "what was revoked while it was locked is not on the CRL"
audited signer.unlock unlocked
health_row OK Signer
for file in "$D/chanceryd.log" "$D/init.log"; do
    grep -qF -- "$secret" "$file" && fail "the passphrase stands in $file"
done
ca_stop

say "a passphrase file that is wrong ends the start with a clear sentence"
echo wrong >"$D/ca/passphrase"
chmod 600 "$D/ca/passphrase"
[ "$(id -u)" -ne 0 ] || chown $CA_SIGNER_UID "$D/ca/passphrase"
expect 78 chanceryd -f
line "the passphrase is wrong"
: >"$D/ca/passphrase"
expect 78 chanceryd -f
line "is empty"
rm "$D/ca/passphrase"

say "a systemd credential, which only root can read"
mkdir "$D/credentials"
cp "$D/secret" "$D/credentials/chancery-passphrase"
chmod 400 "$D/credentials/chancery-passphrase"
chmod 500 "$D/credentials"
cp "$D/ca/signer.conf" "$D/signer.conf.with"
sed -i '/^passphrase_file/d' "$D/ca/signer.conf"
CREDENTIALS_DIRECTORY=$D/credentials
export CREDENTIALS_DIRECTORY
ca_start
locked && fail "it is locked although the credential is there"
ca_stop
unset CREDENTIALS_DIRECTORY
chmod 700 "$D/credentials"

say "the terminal, at the start: mistyped once, then right"
cat >"$D/start.expect" <<'X2'
set timeout 60
spawn -noecho sh -c "exec chanceryd -f"
set daemon [exp_pid]
foreach answer [list mistyped [lindex $argv 0]] {
    expect -ex "locked): " {} eof { puts "NO PROMPT"; exit 99 } timeout { puts "NO PROMPT"; exit 99 }
    send -- "$answer\r"
}
expect "is ready on" {} eof { puts "NOT READY"; exit 98 } timeout { puts "NOT READY"; exit 98 }
exec chancery info > [lindex $argv 1]
exec kill $daemon
expect eof
lassign [wait] pid id failed status
exit $status
X2
expect 0 env expect "$D/start.expect" "$secret" "$D/info"
grep -q "^Key" "$D/info" || { cat "$D/info" >&2; fail "the daemon did not answer"; }
grep -q "^Locked" "$D/info" && fail "it is locked although the passphrase was typed"
grep -qF -- "$secret" "$D/out" && fail "the terminal showed the passphrase"

say "an empty answer starts it locked"
sed -i 's/mistyped \[lindex \$argv 0\]/""/' "$D/start.expect"
expect 0 env expect "$D/start.expect" "$secret" "$D/info"
grep -q "^Locked" "$D/info" || { cat "$D/info" >&2; fail "it is not locked"; }

say "other keys than the CA's are not opened"
ca_start_locked() { setsid chanceryd -f >>"$D/chanceryd.log" 2>&1 & CA_PID=$!; CA_PIDS="$CA_PIDS $CA_PID"; within 30 chancery -q info || fail "it does not answer"; }
ca_start_locked
locked || fail "it is not locked"
mkdir "$D/other"
openssl ecparam -name prime256v1 -genkey -noout 2>/dev/null |
    openssl pkcs8 -topk8 -v2 aes-256-cbc -passout "file:$D/secret" -out "$D/other/key.pem" || fail "openssl pkcs8"
cp -p "$D/ca/signer/key.pem" "$D/key.kept"
cat "$D/other/key.pem" >"$D/ca/signer/key.pem"
at_terminal 78 "$secret" -- chancery unlock
line "other keys"
locked || fail "it was opened with another key"
cat "$D/key.kept" >"$D/ca/signer/key.pem"
at_terminal 0 "$secret" -- chancery unlock
health_row OK Signer
