#!/bin/sh
# The manual pages are well formed; every verb of the program stands in chancery(1) and the other way round; the example of
# chancery-module(3) compiles as it is printed.
cd "$top_builddir" || exit 99
command -v mandoc >/dev/null || { echo "skipped: mandoc is not installed"; exit 77; }
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
for page in "$top_srcdir"/ca/*.[1-8] "$top_srcdir"/tui/*.[1-8]; do
    [ -e "$page" ] || continue
    mandoc -T lint -W error "$page" || exit 1
done

mandoc -T ascii "$top_srcdir/ca/chancery.1" | sed 's/.\x08//g' >"$scratch/page"
./chancery help >"$scratch/help" 2>&1 || ./chancery --help >"$scratch/help" 2>&1
awk '/^  [a-z]/ { print substr($0, 3, 16) }' "$scratch/help" | sed 's/ *$//' | sort -u >"$scratch/verbs"
[ "$(wc -l <"$scratch/verbs")" -gt 20 ] || { cat "$scratch/help"; echo "chancery help lists no verbs"; exit 1; }
while read -r verb; do
    grep -qE "(^|[ ,(])$verb([ ,)]|$)" "$scratch/page" || { echo "chancery(1) says nothing of $verb"; status=1; }
done <"$scratch/verbs"
sed -n 's/^\.It Cm \([a-z][a-z-]*\( [a-z][a-z-]*\)\{0,1\}\).*/\1/p' "$top_srcdir/ca/chancery.1" | sort -u | while read -r verb; do
    grep -qx "$verb" "$scratch/verbs" || { echo "chancery(1) describes $verb, which the program does not know"; exit 1; }
done || status=1

awk '/^\.Bd -literal/ { on = 1; next } /^\.Ed/ { on = 0 } on' "$top_srcdir/ca/chancery-module.3" | sed 's/\\e/\\/g; s/\\&//g' >"$scratch/site.c"
grep -q chancery_module "$scratch/site.c" || { echo "no example in chancery-module(3)"; exit 1; }
${CC:-cc} -std=gnu11 -Wall -Werror -shared -fPIC -iquote "$top_srcdir" -I "$top_srcdir" -o "$scratch/policy_site.so" "$scratch/site.c" || status=1
exit ${status:-0}
