#!/bin/sh
# The life of a certificate after it was issued: reasons, dates now and to come, invalidity dates, hold and release, what can
# be repeated and what cannot, what the holder may do himself; and what had been pending is fetched later, which exit modules hear.
. "$top_srcdir/tests/lib/ca.sh"
need openssl setpriv curl
need_root
ca_begin

# An exit module that writes down every event, where the tests of the dispatcher were built.
heard=
if [ -f "$top_builddir/tests/unit/.libs/publish_fake.so" ]; then
    ca_stop
    heard=$D/ca/www/log
    cp "$top_builddir/tests/unit/.libs/publish_fake.so" "$D/modules/"
    sed -i 's/^modules = ldap file/& fake/' "$CHANCERY_CONF"
    export FAKE_DIR="$D/ca/www"
    ca_start
fi
was_heard() { grep -aq "^[0-9]*:$1:" "$heard"; } # EVENT-IN-HEX; delivery is at least once, so it is not counted

refused() { # STATUS REASON COMMAND…
    wanted=$2
    refused_status=$1
    shift 2
    expect "$refused_status" "$@"
    grep -q "\"reason\": \"$wanted\"" "$D/out" "$D/err" || { cat "$D/out" "$D/err" >&2; fail "not $wanted: $*"; }
}
certificate() { # NAME UID: sets $id
    key_and_request "$1" "/CN=$1"
    expect 0 as "$2" chancery --json submit "$D/$1.csr" --template User
    id=$(json_field id)
}
crl_text() { # [--delta]: a new CRL in $D/crl.txt
    expect 0 chancery crl publish "$@"
    rm -f "$D/new.crl"
    expect 0 chancery crl get "$@" --out "$D/new.crl"
    openssl crl -inform DER -in "$D/new.crl" -noout -text >"$D/crl.txt" || fail "openssl crl"
}
on_crl() { # ID: is its serial on the last CRL?
    expect 0 chancery --json show "$1"
    serial=$(sed -n 's/.*"serial": "\([0-9a-f]*\)".*/\1/p' "$D/out" | head -n 1 | tr a-f A-F)
    [ -n "$serial" ] || fail "no serial of $1"
    grep -q "Serial Number: 0*$serial" "$D/crl.txt"
}
valid() { expect 0 chancery isvalid "$1"; grep -q '^valid' "$D/out" || fail "isvalid: $(cat "$D/out")"; }
revoked() { # ID REASON
    expect 1 chancery isvalid "$1"
    grep -q "^revoked: $2, " "$D/out" || fail "isvalid: $(cat "$D/out")"
}

say "every reason there is, and none that is not"
for reason in unspecified keyCompromise cACompromise affiliationChanged superseded cessationOfOperation certificateHold privilegeWithdrawn \
    aACompromise; do
    certificate "r$reason" $BOB
    valid "$id"
    expect 0 chancery revoke "$id" --reason $reason
    revoked "$id" $reason
    eval "id_$reason=$id"
done
for reason in removeFromCRL unused 7 8 1; do
    expect 64 chancery revoke "$id" --reason $reason
done
crl_text
# shellcheck disable=SC2154
for one in "$id_unspecified" "$id_certificateHold" "$id_privilegeWithdrawn"; do
    on_crl "$one" || fail "$one is not on the CRL: $(cat "$D/crl.txt")"
done
for words in 'Key Compromise' 'CA Compromise' 'Affiliation Changed' Superseded 'Cessation Of Operation' 'Certificate Hold' 'Privilege Withdrawn' \
    'AA Compromise'; do
    [ "$(grep -c "^ *$words\$" "$D/crl.txt")" -eq 1 ] || fail "not once: $words: $(cat "$D/crl.txt")"
done
grep -q Unspecified "$D/crl.txt" && fail "a reason 0 is left out (RFC 5280 5.3.1)"

say "hold and release, again and again; nothing else can be released"
# shellcheck disable=SC2154
hold=$id_certificateHold
expect 0 chancery release "$hold"
valid "$hold"
refused 1 state.release chancery --json release "$hold"
expect 0 chancery revoke "$hold" --reason certificateHold
expect 0 chancery release "$hold"
# shellcheck disable=SC2154
refused 1 state.release chancery --json release "$id_superseded"
expect 0 chancery revoke "$hold" --reason certificateHold
expect 0 chancery revoke "$hold" --reason keyCompromise # a hold becomes final
refused 1 state.release chancery --json release "$hold"
refused 1 revoke.to_hold chancery --json revoke "$hold" --reason certificateHold

say "repeated: another reason, the date stays; the date of what is revoked does not move into the future"
revoked_at() { chancery --json show "$1" | sed -n 's/.*"revoked_at": "\([^"]*\)".*/\1/p' | head -n 1; }
date_before=$(revoked_at "$id_superseded")
expect 0 chancery revoke "$id_superseded" --reason privilegeWithdrawn
revoked "$id_superseded" privilegeWithdrawn
[ "$(revoked_at "$id_superseded")" = "$date_before" ] || fail "the date moved to $(revoked_at "$id_superseded")"
refused 1 revoke.date chancery --json revoke "$id_superseded" --reason superseded --at +2h
refused 65 revoke.date chancery --json revoke "$id_superseded" --reason superseded --at -2h

say "an invalidity date lies in the past"
certificate invalid $BOB
refused 65 revoke.invalid_since chancery --json revoke "$id" --reason keyCompromise --invalid-since +1h
expect 0 chancery revoke "$id" --reason keyCompromise --invalid-since 2026-01-20T07:12:09Z
crl_text
grep -A 1 'Invalidity Date' "$D/crl.txt" | grep -q 'Jan 20 07:12:09 2026' || fail "no invalidity date: $(cat "$D/crl.txt")"

say "a date to come: valid until then, on no CRL before, on the delta after, without another's doing"
certificate later $BOB
later=$id
expect 0 chancery revoke "$later" --reason superseded --at +2h
valid "$later"
grep -q 'to be revoked: superseded' "$D/out" || fail "isvalid says nothing of it: $(cat "$D/out")"
crl_text
on_crl "$later" && fail "on the CRL two hours before its date"
expect 0 chancery revoke "$later" --reason superseded --at +6s
crl_text
made=$(date -u -d "$(openssl crl -inform DER -in "$D/new.crl" -noout -lastupdate | sed 's/.*=//')" +%s)
if [ "$made" -lt "$(date -u -d "$(revoked_at "$later")" +%s)" ]; then # on a slow machine the date may have come
    on_crl "$later" && fail "on the CRL before its date"
fi
in_effect() { ! chancery isvalid "$later" && chancery --json audit list --all | tr -d '\n' | grep -q '"outcome": "in effect"'; }
within 60 in_effect || fail "the date has come and nothing happened"
revoked "$later" superseded
crl_text --delta
on_crl "$later" || fail "not on the delta CRL: $(cat "$D/crl.txt")"
crl_text
on_crl "$later" || fail "not on the CRL"
certificate never $BOB
expect 0 chancery revoke "$id" --reason certificateHold --at +2h
expect 0 chancery release "$id"
valid "$id"
grep -q 'to be' "$D/out" && fail "a released one is still to be revoked"

say "the holder: three reasons, his own, and no release"
for reason in keyCompromise superseded cessationOfOperation; do
    certificate "holder$reason" $BOB
    expect 0 as $BOB chancery revoke "$id" --reason $reason
    revoked "$id" $reason
done
certificate holder $BOB
for reason in unspecified cACompromise affiliationChanged certificateHold privilegeWithdrawn aACompromise; do
    refused 77 role.officer as $BOB chancery --json revoke "$id" --reason $reason
done
refused 77 role.officer as $WEB07 chancery --json revoke "$id" --reason keyCompromise
expect 77 as $BOB chancery release "$id"
valid "$id"

say "what never was a certificate"
expect 1 chancery isvalid 99999
grep -q '^never issued' "$D/out" || fail "isvalid 99999: $(cat "$D/out")"
key_and_request web /CN=web07.example.com DNS:web07.example.com
expect 3 as $WEB07 chancery --json submit "$D/web.csr" --template WebServer
web=$(json_field id)
refused 1 object.no_certificate chancery --json revoke "$web" --reason superseded
expect 1 chancery isvalid "$web"
grep -q '^never issued' "$D/out" || fail "isvalid of a pending one: $(cat "$D/out")"

say "denied is resubmitted, and the certificate fetched later, which is written down once"
expect 3 as $WEB07 chancery retrieve "$web"
expect 0 chancery deny "$web"
expect 2 as $WEB07 chancery retrieve "$web"
expect 0 chancery resubmit "$web"
expect 0 chancery retrieve "$web" # the officer's look is not the requester's
expect 0 chancery show "$web"
grep -q 'retrieved' "$D/out" && fail "the officer is taken for the requester"
expect 0 as $WEB07 chancery retrieve "$web"
expect 0 as $WEB07 chancery retrieve "$web"
expect 0 chancery show "$web"
[ "$(grep -c 'retrieved by uid 60107' "$D/out")" -eq 1 ] || fail "the history: $(cat "$D/out")"
expect 0 chancery --json audit list --all
[ "$(grep -c '"request.retrieve"' "$D/out")" -eq 1 ] || fail "not one record: $(grep request.retrieve "$D/out")"
if [ -n "$heard" ]; then
    within 30 was_heard 10 || fail "exit modules heard nothing of it: $(grep -a "^[0-9]*:" "$heard")"
    within 30 was_heard 2 || fail "exit modules heard nothing of what pends: $(grep -a "^[0-9]*:" "$heard")"
    within 30 was_heard 4 || fail "exit modules heard nothing of the denial: $(grep -a "^[0-9]*:" "$heard")"
fi

say "a version that was seen before decides nothing here either"
certificate version $BOB
expect 0 chancery --json show "$id"
seen=$(json_field resolved_at)
expect 0 chancery revoke "$id" --reason certificateHold
for path in revoke release; do
    curl -s -o "$D/answer" --unix-socket "$D/ca/run/api.sock" -H 'Content-Type: application/json' \
        -d "{\"version\": {\"disposition\": \"issued\", \"resolved_at\": \"$seen\"}$([ $path = revoke ] && echo ', "reason": "superseded"')}" \
        "http://localhost/v1/requests/$id/$path"
    grep -q object.changed "$D/answer" || fail "$path: $(cat "$D/answer")"
done
revoked "$id" certificateHold
