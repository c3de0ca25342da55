#!/bin/sh
# `make bench`: durable issues a second over the API, on a whole CA with its own slapd.
. "$top_srcdir/tests/lib/ca.sh"
ca_begin
bench=$top_builddir/tests/bench/bench_issue
for connections in ${CONNECTIONS:-1 8 16}; do
    "$bench" issue "$D/ca/run/api.sock" "$connections" "${COUNT:-1500}" || fail "bench_issue"
done
[ -z "${BENCH_HOLD:-}" ] || { echo "$D $CA_PID"; sleep "$BENCH_HOLD"; }
