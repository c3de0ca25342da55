#!/bin/sh
# The walls of the house: who may include what, which library header and which call has one home only. The tables below are
# DESIGN.md's; a departure is a line here with its reason. Each rule is first tried on a tree that breaks it, so that a rule
# which has stopped finding anything fails the test.
set -u
LC_ALL=C
export LC_ALL

# The command line includes ca/x509/pkcs10.h: `chancery request` makes key and request where the key shall stay; and
# ca/template_text.h: `chancery template import` writes LDIF without asking the daemon.
# files (shell patterns by blanks) | headers of ours that they may include (prefixes), their own folder aside
includes='
ca/base/*                                  |
ca/request* ca/template* ca/event*         | ca/base/ ca/request.h ca/template.h ca/event.h
ca/module.h                                | ca/base/ ca/request.h ca/template.h ca/event.h
ca/x509/*                                  | ca/base/ ca/request.h ca/template.h
ca/signer/*                                | ca/base/ ca/request.h ca/template.h ca/x509/ ca/process/
ca/store/*                                 | ca/base/ ca/request.h ca/event.h ca/template.h
ca/audit/*                                 | ca/base/ ca/store/store.h ca/store/records.pb-c.h ca/signer/checkpoint.h ca/x509/
ca/directory/*                             | ca/base/ ca/template.h
ca/policy/*                                | ca/base/ ca/module.h ca/request.h ca/event.h ca/template.h ca/directory/
ca/authority*                              | ca/base/ ca/request.h ca/template ca/event.h ca/module.h ca/x509/ ca/signer/ ca/store/ ca/directory/ ca/policy/ ca/assign/ ca/audit/ ca/authority ca/object.h
ca/exit/*                                  | ca/base/ ca/module.h ca/request.h ca/event.h ca/store/ ca/process/
ca/process/*                               | ca/base/
ca/api/*                                   | ca/base/ ca/authority.h ca/authority_bulk.h ca/request.h ca/template.h ca/store/store.h ca/object.h
ca/object*                                 | ca/base/
ca/assign/*                                | ca/base/ ca/client.h ca/request.h ca/directory/ ca/x509/
ca/client*                                 | ca/base/ ca/client
ca/chancery.c ca/chancery_*                | ca/base/ ca/client.h ca/client_conf.h ca/chancery_ ca/audit/export.h ca/x509/pkcs10.h ca/template_text.h
ca/chancery-*.c                             | ca/base/ ca/client
ca/chanceryd* ca/init.* ca/newkey.* ca/check.* ca/restore* ca/emergency.* | ca/
enroll/*                                   | ca/base/ ca/client.h ca/x509/ ca/directory/
publish/*                                  | ca/base/ ca/module.h ca/event.h ca/request.h ca/directory/ ca/x509/
tui/*                                      | ca/base/ ca/client.h ca/client_conf.h ca/request.h
'

# extended regular expression in the source | files that may hold it | what it is, for the message
homes='
#include <gnutls/(x509|abstract)\.h>                        | ca/x509/* ca/signer/*                    | certificates and keys of the library
#include <gmp\.h>                                           | ca/x509/*                                | numbers of keys
#include <db\.h>                                            | ca/store/*                               | Berkeley DB
#include <(ldap|lber)\.h>                                   | ca/directory/* publish/ldap*             | LDAP
#include <microhttpd\.h>                                    | ca/api/* enroll/*                        | the HTTP server
#include <(ncursesw/)?(ncurses|curses|panel|form|menu)\.h>  | tui/screen.c                             | curses
#include <dlfcn\.h>                                         | ca/policy/* ca/exit/*                    | loading of modules
#include <seccomp\.h>                                       | ca/process/*                             | system call filters
(^|[^_[:alnum:]"])(v?fork|execl[pe]?|execvp?e?|fexecve|posix_spawnp?|setres[ug]id|set[ug]id|setgroups)\(   | ca/process/* ca/chanceryd.c ca/chancery_start.c ca/client.c | starting programs, changing users
(^|[^_[:alnum:]"])(mv|w|mvw)?add(n|ch|chn)?(w|ch)?str(ing)?\(  | tui/screen.c                          | drawing
(^|[^_[:alnum:]"])(mv|mvw|w|vw_?)?printw\(                     | tui/screen.c                          | drawing
(^|[^_[:alnum:]"])(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|system|popen|tmpnam|mktemp)\(     | none | calls that this house does without
#include "config\.h"                                        | *.c                                      | config.h in a header
'

matches() { # file patterns: does one of them stand for the file?
    file=$1
    shift
    for pattern in "$@"; do
        # shellcheck disable=SC2254 # the pattern is meant as one
        case $file in $pattern) return 0 ;; esac
    done
    return 1
}

sources() { # every C file of ours under the folder, generated ones aside
    for folder in ca publish tui enroll; do
        [ -d "$folder" ] && find "$folder" \( -name '*.c' -o -name '*.h' \) ! -name '*.pb-c.[ch]'
    done | sort
}

rule_of() { # prints the allowed prefixes of the file; fails when no row speaks of it
    set -f # patterns are for files by name, not for what lies in a folder; callers run this in a subshell
    while IFS='|' read -r patterns allowed; do
        [ -n "$patterns" ] || continue
        # shellcheck disable=SC2086
        if matches "$1" $patterns; then
            printf '%s\n' "$allowed"
            return 0
        fi
    done <<END
$includes
END
    return 1
}

check_includes() {
    sources | while read -r file; do
        if ! allowed=$(rule_of "$file"); then
            echo "$file: no row of tests/boundaries/boundaries.sh says what it may include"
            continue
        fi
        folder=${file%/*}/
        [ "$folder" = ca/ ] && folder=${file%.*}.h
        sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$file" | while read -r header; do
            case $header in config.h | "$folder"* | *.pb-c.h) continue ;; esac
            for prefix in $allowed; do
                case $header in "$prefix"*) continue 2 ;; esac
            done
            echo "$file: includes \"$header\", which is beyond its wall"
        done
    done
}

check_homes() {
    while IFS= read -r row; do
        [ -n "$row" ] || continue
        expression=$(printf '%s\n' "$row" | sed 's/[[:space:]]*| [^|]*| [^|]*$//')
        allowed=$(printf '%s\n' "$row" | sed 's/.*| \([^|]*\)| [^|]*$/\1/')
        what=$(printf '%s\n' "$row" | sed 's/.*| //')
        # Comments name calls that code may not make.
        sources | while read -r file; do
            # shellcheck disable=SC2086
            (set -f; matches "$file" $allowed) && continue
            sed -e 's,//.*,,' -e 's,/\*.*\*/,,' -e '/^[[:space:]]*\*/d' -e 's,/\*.*,,' "$file" |
                grep -qE -- "$expression" && echo "$file: $what does not belong here ($(printf '%s' "$expression" | cut -c1-60))"
        done
    done <<END
$homes
END
}

# A module of ours includes what a stranger's module would: the contract is complete or this fails.
check_modules() {
    for file in publish/*.c; do
        [ -f "$file" ] || continue
        if grep -q 'chancery_module' "$file" && ! grep -q '#include "ca/module.h"' "$file"; then
            echo "$file: a module includes ca/module.h"
        fi
    done
}

check_all() {
    check_includes
    check_homes
    check_modules
}

self_test() {
    scratch=$(mktemp -d) || exit 99
    trap 'rm -rf "$scratch"' EXIT
    (
        cd "$scratch" || exit 99
        mkdir -p ca/base ca/store ca/authority ca/x509 tui publish
        echo '#include "ca/store/store.h"' >ca/base/low.c
        echo '#include "ca/api/server.h"' >ca/authority.c
        echo '#include <db.h>' >ca/authority_list.c
        echo '#include <gnutls/x509.h>' >ca/store/x.c
        printf '#include <ldap.h>\n#include <microhttpd.h>\n#include <dlfcn.h>\n#include <seccomp.h>\n' >ca/x509/y.c
        printf 'void f(void) {\n    addstr("x");\n    mvprintw(0, 0, "x");\n}\n' >tui/view.c
        printf 'void f(void) {\n    waddnstr(w, "x", 1);\n}\n' >tui/screen.c
        echo '#include <ncursesw/ncurses.h>' >tui/model.c
        printf 'int f(void) {\n    return fork();\n}\n' >publish/file.c
        printf 'int f(void) {\n    return atoi("1");\n}\n' >publish/atoi.c
        printf '#include "config.h"\n' >tui/model.h
        echo 'const struct chancery_module chancery_module = {0};' >publish/module.c
        printf 'void f(void);\n' >ca/orphan.c
        check_all >found
        status=0
        for want in 'ca/base/low.c: includes' 'ca/authority.c: includes' 'ca/authority_list.c: Berkeley' 'ca/store/x.c: certificates' \
            'ca/x509/y.c: LDAP' 'ca/x509/y.c: the HTTP' 'ca/x509/y.c: loading' 'ca/x509/y.c: system call' 'tui/view.c: drawing' \
            'tui/model.c: curses' 'publish/file.c: starting' 'publish/atoi.c: calls' 'tui/model.h: config.h' \
            'publish/module.c: a module' 'ca/orphan.c: no row'; do
            grep -q "^$want" found || { echo "self-test: nothing says \"$want\""; status=1; }
        done
        grep -q '^tui/screen.c' found && { echo "self-test: tui/screen.c may draw"; status=1; }
        exit $status
    )
}

self_test || exit 1
trap - EXIT
rm -rf "$scratch"
cd "${top_srcdir:-.}" || exit 99
found=$(check_all)
if [ -n "$found" ]; then
    printf '%s\n' "$found"
    exit 1
fi
