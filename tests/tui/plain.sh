#!/bin/sh
# --plain: the same model as lines. What is typed at a question is text, not keys; controls never come out.
top=${top_srcdir:-.}
build=${top_builddir:-.}
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
run() { LC_ALL=C.UTF-8 "$build/chancery-console" --fixture "$top/tests/tui/fixture.json" --plain; }
expect() { grep -qF -- "$1" "$out" || { echo "FAILED: no \"$1\""; cat "$out"; exit 1; }; }

printf '%s\n' jj i '<Enter>' x 'Not your host: q y' y 3 Q | run > "$out" || { echo "FAILED: exit $?"; exit 1; }
expect 'selected: ReqID 104993, '
expect 'p<U+0430>ypal.example.com'
expect 'ISSUE request 104993?'
expect 'status: Nothing was done.'
expect 'DENY request 104993?'
expect 'Message: Not your host: q y'
expect 'status: DENIED request 104993.'
expect 'selected: ReqID 104993, State denied'
expect '-(SAN) lab-14.example.com'
LC_ALL=C grep -q '[[:cntrl:]]' "$out" && { echo "FAILED: a control character came out"; exit 1; }
printf '%s\n' "$(printf 'j\377')" | run > "$out"
expect 'status: The script has no key at: <FF>'
