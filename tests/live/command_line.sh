#!/bin/sh
# What a new administrator types wrong or twice: nothing is issued that cannot be written, a request that asks for something else is
# no repetition, --json has standard output to itself, help of a group, names of publishers, entries that are not there.
. "$top_srcdir/tests/lib/ca.sh"
need openssl python3
ca_begin

json() { python3 -c 'import json, sys; json.load(sys.stdin)' <"$D/out" || fail "not one JSON value: $(head -c 200 "$D/out")"; }
newest() { chancery --json list --sort -id --limit 1 | sed -n 's/.*"id": *\([0-9]*\).*/\1/p'; }
line() { [ "$(wc -l <"$D/err")" -eq 1 ] && grep -qF -- "$1" "$D/err" || { cat "$D/err" >&2; fail "no single line that says: $1"; }; }

say "a file that is there stops a submission before anything is issued"
key_and_request one /CN=alice
key_and_request two /CN=alice
expect 0 chancery submit "$D/one.csr" --template User --out "$D/one.pem"
first=$(newest)
expect 74 chancery submit "$D/two.csr" --template User --out "$D/one.pem"
line "is there already"
expect 74 chancery request --template User --key "$D/new.key" --out "$D/one.pem"
[ ! -e "$D/new.key" ] || fail "a key was made for nothing"
expect 74 chancery submit "$D/one.csr" "$D/two.csr" --template User --out "$D/one.pem"
line "a folder"
[ "$(newest)" = "$first" ] || fail "something was issued that could not be written"
expect 0 chancery submit "$D/two.csr" --template User --out "$D/one.pem" --force

say "the same request is a repetition only when nothing else is asked for"
expect 0 chancery --json submit "$D/one.csr" --template User
[ "$(json_field id)" = "$first" ] || fail "not repeated"
expect 65 chancery submit "$D/one.csr" --template User --on-behalf-of "uid=bob,ou=people,$SLAPD_SUFFIX" # that takes a CMS that an agent signed
expect 65 chancery submit "$D/one.csr" --template User --attr nocolon
expect 65 chancery submit "$D/one.csr" --template User --attr unknown:value
expect 0 chancery --json submit "$D/one.csr" --template User --usage Default
[ "$(json_field id)" != "$first" ] || fail "another usage was asked for"

say "--json and --out - both want standard output; without --json the certificate has it alone"
expect 64 chancery --json submit "$D/one.csr" --template User --out -
line "standard output"
expect 0 chancery submit - --template User --out - <"$D/one.csr"
[ "$(head -n 1 "$D/out")" = "-----BEGIN CERTIFICATE-----" ] && [ "$(tail -n 1 "$D/out")" = "-----END CERTIFICATE-----" ] ||
    fail "more than the certificate on standard output"
expect 65 chancery --json submit "$D/one.csr" "$D/nothing" --template User
json
expect 1 chancery --json show 99999
json

say "a group of verbs has help; an empty word is usage"
expect 0 chancery crl --help
grep -q "crl publish" "$D/out" || fail "no help"
expect 64 chancery show ""
line "empty"

say "publishers by the names of the configuration; entries that are not there are missing"
expect 0 chancery publish retry ldap
expect 0 chancery publish retry publish/ldap
expect 1 chancery publish retry nothing
expect 1 chancery publish check uid=nobody,dc=nowhere
grep -q "^missing .*uid=nobody,dc=nowhere" "$D/out" || fail "not missing"

say "files that are something else are named"
expect 65 chancery template import /etc/passwd
line /etc/passwd
expect 65 chancery request --template User --key /etc/passwd
line /etc/passwd

say "--json is one value also where something is missing or refused"
"$D/bin/chancery" --json publish check uid=nobody,dc=nowhere >"$D/out" 2>"$D/err" && fail "nothing is missing"
json

say "the configuration's test says what a start would"
for broken in 's/^uri = .*/uri = nonsense/' 's/^bind = external/bind = simple/'; do
    sed "$broken" "$CHANCERY_CONF" >"$D/broken.conf"
    expect 78 chanceryd -t -c "$D/broken.conf"
done

say "with the directory down the list of templates does not say that they are gone"
slapd_stop
expect 0 chancery template list
line "does not answer"
expect 0 chancery --json template list
json
tr -d ' ' <"$D/out" | grep -q '"in_directory":null' || fail "something was said of a directory that did not answer"
