#!/bin/sh
# Everything that must be refused: a case a line in *.cases beside this script, against a real CA, a real slapd, and requests by
# openssl or by tests/refusals/hostile. `make refusals` shows each; the last line counts them. See lib.sh.
. "$top_srcdir/tests/lib/ca.sh"
. "$top_srcdir/tests/refusals/lib.sh"
need openssl curl ldapsearch
need_root
here=$top_srcdir/tests/refusals
[ -x "$top_builddir/tests/refusals/hostile" ] || fail "tests/refusals/hostile is not built"
. "$here/fixture.sh"
refusals_begin
RESULTS=$D/results
: >"$RESULTS"
for file in "$here"/*.cases; do
    say "${file##*/}"
    # shellcheck source=/dev/null
    . "$file"
    case_close
    case_alone=
done
echo "$((cases_refused + cases_wrong)) cases, $cases_refused refused, $cases_wrong wrong"
[ "$cases_wrong" -eq 0 ] && [ "$cases_refused" -ge 60 ]
