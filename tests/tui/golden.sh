#!/bin/sh
# Golden grids: every scene of golden/scenes, at three sizes, and at 80x24 in the C locale too, must look as it did.
# tests/tui/golden.sh --update writes them anew; read the difference before you commit it.
top=${top_srcdir:-.}
build=${top_builddir:-.}
[ -x "$build/chancery-console" ] || { echo "no chancery-console in $build" >&2; exit 1; }
dir=$top/tests/tui/golden
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
scenes=0

shoot() { # name, size, locale, keys
    LC_ALL=$3 "$build/chancery-console" --fixture "$top/tests/tui/fixture.json" --clock 2026-01-20T12:00:00Z \
        --script "$4" --size "$2" --dump - || { echo "the console failed: $1 at $2" >&2; exit 1; }
}

while IFS='	' read -r name keys; do
    case $name in ''|'#'*) continue ;; esac
    scenes=$((scenes + 1))
    for size in 80x24 132x43 40x10; do
        echo "== $size C.UTF-8"
        shoot "$name" $size C.UTF-8 "$keys"
    done > "$work/$name"
    { echo "== 80x24 C"; shoot "$name" 80x24 C "$keys"; } >> "$work/$name"
    if [ "$1" = --update ]; then
        cp "$work/$name" "$dir/$name.grid"
    elif ! diff -u "$dir/$name.grid" "$work/$name"; then
        echo "FAILED: $name"
        failed=$((failed + 1))
    fi
done < "$dir/scenes"
echo "$scenes scenes, $failed differ"
[ "$scenes" -gt 20 ] && [ $failed -eq 0 ]
