#!/bin/sh
# What is no request, is too large, has too much in it, is badly signed, asks for what is not there or for somebody else: its own
# error on one line, the right exit status, within 100 ms, and the database is as before but for audit and the denied request.
. "$top_srcdir/tests/lib/ca.sh"
need openssl curl
ca_begin

tab=$(printf '\t')
printf 'this is not a request\n' >"$D/text.csr"
head -c 1048576 /dev/urandom >"$D/large.csr"
key_and_request good /CN=alice
openssl req -in "$D/good.csr" -outform DER -out "$D/good.der"
# One bit of the signature, which stands at the end.
size=$(wc -c <"$D/good.der")
head -c $((size - 1)) "$D/good.der" >"$D/signature.csr"
tail -c 1 "$D/good.der" | tr '\000-\377' '\001-\377\000' >>"$D/signature.csr"
{
    printf '[req]\ndistinguished_name = dn\nreq_extensions = x\nprompt = no\n[dn]\nCN = alice\n[x]\n'
    awk 'BEGIN { for (i = 1; i <= 2000; i++) printf "1.2.3.%d = DER:0500\n", i }'
} >"$D/many.cnf"
openssl req -new -key "$D/good.key" -config "$D/many.cnf" -outform DER -out "$D/many.csr" || fail "openssl with 2,000 extensions"
key_and_request else /CN=x email:bob@example.com

counts() { chancery --json info | tr -d '\n ' | sed 's/.*"counts"://; s/}.*//'; }
audits() { chancery --json audit list --limit 1000 | tr ',{' '\n\n' | grep -c '"action"'; }

# run the client once, so that the first case does not pay for reading programs from disk
chancery whoami >/dev/null
while IFS='|' read -r what status words file template; do
    [ -n "$what" ] || continue
    before=$(counts) audit_before=$(audits)
    begin=$(now_ms)
    chancery submit "$D/$file" --template "$template" >"$D/out" 2>"$D/err"
    got=$?
    took=$(($(now_ms) - begin))
    say "$what: $got in $took ms: $(cat "$D/err")"
    [ $got -eq "$status" ] || fail "$what: ended with $got, not $status"
    [ "$(wc -l <"$D/err")" -eq 1 ] || fail "$what: not one line on standard error"
    grep -qiE "$words" "$D/err" || fail "$what: the message says nothing of $words"
    grep -q "$tab" "$D/err" && fail "$what: a tab in the message"
    [ $took -lt 100 ] || [ -n "${CHANCERY_SLOW:-}" ] || fail "$what: took $took ms"
    after=$(counts)
    if [ "$status" -eq 65 ]; then
        [ "$before" = "$after" ] || fail "$what: the database changed: $before, $after"
    else
        [ "$(printf %s "$before" | sed 's/"denied":[0-9]*//')" = "$(printf %s "$after" | sed 's/"denied":[0-9]*//')" ] ||
            fail "$what: more than a denied request: $before, $after"
    fi
    # What is no request at all the client does not even send; every other refusal is the CA's and on record.
    [ "$file" = large.csr ] || [ "$file" = text.csr ] || [ "$(audits)" -gt "$audit_before" ] || fail "$what: no audit record"
done <<'END'
not PKCS#10|65|CERTIFICATE REQUEST|text.csr|User
one megabyte|65|large|large.csr|User
2,000 extensions|65|extension|many.csr|User
bad signature|65|signature|signature.csr|User
unknown template|2|template|good.csr|NoSuchTemplate
somebody else|2|another entry|else.csr|User
END

say "the same past the client, straight into the socket"
raw() { # BODY-FILE WANTED-STATUS-IN-THE-ANSWER
    curl -s --max-time 5 --unix-socket "$D/ca/run/api.sock" -H 'Content-Type: application/json' --data-binary @"$1" http://localhost/v1/requests >"$D/out"
    tr -d ' \n' <"$D/out" | grep -q "\"status\":$2[,}]" || fail "$1: $(head -c 300 "$D/out")"
}
before=$(counts)
printf '{"pkcs10":"this is not a request","template":"User"}' >"$D/raw"
raw "$D/raw" 65
{ printf '{"template":"User","pkcs10":"'; base64 -w0 "$D/many.csr"; printf '"}'; } >"$D/raw"
raw "$D/raw" 65
{ printf '{"template":"User","pkcs10":"'; base64 -w0 "$D/large.csr"; printf '"}'; } >"$D/raw"
raw "$D/raw" 65
printf '[[[[[[' >"$D/raw"
raw "$D/raw" 65
printf '{"template":"User","pkcs10":"MAA="}\000' >"$D/raw"
raw "$D/raw" 65
[ "$before" = "$(counts)" ] || fail "the database changed"

say "the daemon is as well as before"
expect 0 chancery submit "$D/good.csr" --template User
