#!/bin/sh
# chancery.conf(5), the commented chancery.conf and the tables of the program say the same; wrong files are refused with their line.
. "$top_srcdir/tests/lib/ca.sh"
[ -x "$top_builddir/chanceryd" ] || fail "chanceryd is not built"
ca_folder
SLAPD_LDAPI=ldapi:/// SLAPD_URI=ldap://127.0.0.1:389 SLAPD_SUFFIX=dc=example,dc=com SLAPD_PASSWORD=secret SLAPD_PID=
slapd_stop() { :; }
ca_modules
ca_configure
sed -i 's/^modules = enterprise$/modules = enterprise exec/' "$CHANCERY_CONF"
printf '[policy.exec]\nprogram = /bin/true\n' >>"$CHANCERY_CONF"
expect 0 chanceryd -t
expect 0 chanceryd --list-items
cp "$D/out" "$D/items"
[ "$(wc -l <"$D/items")" -gt 30 ] || fail "--list-items is short"

say "the manual page"
awk '/^\.Ss \[/ { section = $2; gsub(/[][]/, "", section) }
    /^\.It Cm .* No = / { print section "\t" $3 }' "$top_srcdir/ca/chancery.conf.5" | sort >"$D/manual"
# [publish.ldap] has the items of [directory]; the page says so once.
cut -f 1,2 "$D/items" | sort -u >"$D/program"
directory_items=$(awk -F'\t' '$1 == "directory" { print $2 }' "$D/items" | tr '\n' ' ')
while IFS="$(printf '\t')" read -r section name; do
    if [ "$section" = publish.ldap ]; then
        case " $directory_items" in *" $name "*) continue ;; esac
    fi
    printf '%s\t%s\n' "$section" "$name"
done <"$D/program" >"$D/expected"
diff "$D/expected" "$D/manual" >"$D/diff" || { cat "$D/diff"; fail "chancery.conf(5) (right) and the program (left) differ"; }

say "the commented file: every item that it names exists, and it is good as it stands"
sed -n 's/^#\{0,1\}\(\[[a-z].*\]\)$/\1/p; s/^#\{0,1\}\([a-z_]*\) =.*/\1/p' "$top_srcdir/conf/chancery.conf" | while read -r word; do
    case $word in
        \[*) section=$(echo "$word" | tr -d '[]' | sed 's/^\(identity\|usage\|officer\|agent\)\..*/\1.*/') ;;
        *) awk -F'\t' -v s="$section" -v n="$word" '$1 == s && $2 == n { found = 1 } END { exit !found }' "$D/items" ||
            { echo "[$section] $word"; exit 1; } ;;
    esac
done || fail "conf/chancery.conf names what the program does not know"
sed -e "s,^\[modules\]$,&," "$top_srcdir/conf/chancery.conf" >"$D/shipped.conf"
printf '[modules]\ndirectory = %s\n' "$D/modules" >>"$D/shipped.conf"
printf '\n[process]\nauthority_user = 1001\nsigner_user = 1002\nexit_user = 1003\n' >"$D/process"
sed -i -e "/^\[process\]/,/^\[directory\]/{/^#/d;/^\[process\]/{r $D/process
d}}" "$D/shipped.conf"
# Who decides is the site's to say: the file as shipped names an administrator, and officers in a comment.
sed -i 's/^#officers =.*/officers = root/' "$D/shipped.conf"
expect 0 chanceryd -t -c "$D/shipped.conf"

say "what is wrong is refused, with file and line"
while IFS='|' read -r section line words; do
    [ -n "$section" ] || continue
    awk -v s="[$section]" -v l="$line" '{ print } $0 == s { print l; done = 1 } END { if (!done) print s "\n" l }' "$CHANCERY_CONF" >"$D/wrong.conf"
    expect 78 chanceryd -t -c "$D/wrong.conf"
    grep -qE "$words" "$D/err" || grep -qE "$words" "$D/out" || fail "$line: $(cat "$D/err")"
done <<'END'
ca|nonsense = 1|nonsense
crl|interval = soon|interval
store|path = relative/path|path
nosuchsection|a = b|nosuchsection
roles|separation = maybe|separation
END
expect 78 chanceryd -t -c "$D/no-such-file"
