# A whole CA for one test: slapd with the samples, chanceryd from the build tree, on free ports and in a folder of its own.
# Source it after setting nothing; it wants top_srcdir and top_builddir as `make check` gives them.
#   ca_begin            makes $D, starts slapd and a new CA with User, Computer and WebServer adopted
#   ca_start, ca_stop   the daemon alone; ca_kill kills it -9
#   as UID COMMAND…     as another identity (root only): $BOB 60002, $CAROL 60003, $WEB07 60107, $WEB08 60108
#   The caller maps to uid=alice and holds all roles. Sets CHANCERY_CONF and PATH. What was started ends with the script.

# shellcheck disable=SC2034 # tests use these
ALICE=60001 BOB=60002 CAROL=60003 WEB07=60107 WEB08=60108
CA_AUTHORITY_UID=64901 CA_SIGNER_UID=64902 CA_EXIT_UID=64903
CA_PIDS=

skip() { echo "skipped: $*"; exit 77; }
fail() { echo "FAILED: $*" >&2; exit 1; }
say() { echo "-- $*"; }

# now_ms: for measuring.
now_ms() { date +%s%3N; }

# expect STATUS COMMAND…: runs it, output in $D/out and $D/err, and fails unless it ends so.
expect() {
    expected=$1
    shift
    "$@" >"$D/out" 2>"$D/err"
    got=$?
    [ $got -eq "$expected" ] && return 0
    echo "\$ $*" >&2
    cat "$D/out" "$D/err" >&2
    fail "ended with $got, not $expected"
}

# within SECONDS COMMAND…: until it succeeds.
within() {
    deadline=$(($(now_ms) + $1 * 1000))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(now_ms)" -lt "$deadline" ] || return 1
        sleep .05
    done
}

as() {
    as_uid=$1
    shift
    setpriv --reuid "$as_uid" --regid "$as_uid" --clear-groups -- "$@"
}
need_root() { [ "$(id -u)" -eq 0 ] || skip "needs root for a second identity"; }
need() { for program in "$@"; do command -v "$program" >/dev/null || skip "$program is not installed"; done; }

# The id of the last answer of `chancery --json submit`.
json_field() { sed -n "s/.*\"$1\": *\"\\{0,1\\}\\([^\",}]*\\).*/\\1/p" "$D/out" | head -n 1; }

ca_folder() {
    D=$(mktemp -d "${TMPDIR:-/tmp}/chancery-test.XXXXXX") || exit 99
    chmod 755 "$D"
    mkdir -p "$D/ca/run" "$D/ca/www" "$D/bin"
    # Programs by their own names first in PATH, so that a script reads as an administrator would type it.
    for program in chanceryd chancery chancery-console; do
        [ -x "$top_builddir/$program" ] && ln -s "$top_builddir/$program" "$D/bin/$program"
    done
    PATH=$D/bin:$PATH:/usr/sbin
    export PATH D
    trap 'ca_end' EXIT
    trap 'exit 130' INT TERM HUP
    ca_users
}

ca_users() {
    if [ "$(id -u)" -eq 0 ]; then
        chown $CA_AUTHORITY_UID:$CA_AUTHORITY_UID "$D/ca/run"
        chown $CA_EXIT_UID:$CA_EXIT_UID "$D/ca/www"
        SLAPD_AUTHORITY_UID=$CA_AUTHORITY_UID SLAPD_PUBLISHER_UID=$CA_EXIT_UID
    else
        # One uid for all: it cannot be mapped to two identities, so the publisher binds with its password on loopback.
        SLAPD_AUTHORITY_UID=$(id -u) SLAPD_PUBLISHER_UID=4294967294
    fi
}

# Other users run the programs: a checkout under a folder that they may not enter is no fault of the CA.
ca_reachable() {
    [ "$(id -u)" -ne 0 ] && return 0
    as $CA_SIGNER_UID test -x "$top_builddir/chanceryd" || skip "$top_builddir is not open to other users"
}

ca_modules() { # modules from the build tree must be in one folder that nobody else writes
    mkdir -p "$D/modules"
    for module in "$top_builddir"/.libs/policy_*.so "$top_builddir"/.libs/publish_*.so; do
        [ -e "$module" ] && cp "$module" "$D/modules/"
    done
    chmod 755 "$D/modules"
}

ca_publisher() {
    if [ "$(id -u)" -eq 0 ]; then
        printf 'uri = %s\nbind = external\n' "$SLAPD_LDAPI"
    else
        printf %s "$SLAPD_PASSWORD" >"$D/ca/publisher.password"
        chmod 600 "$D/ca/publisher.password"
        printf 'uri = %s\nbind = simple\nbind_dn = cn=chancery-publisher,ou=pki,%s\nbind_password_file = %s\n' \
            "$SLAPD_URI" "$SLAPD_SUFFIX" "$D/ca/publisher.password"
    fi
}

ca_configure() {
    CHANCERY_CONF=$D/ca/chancery.conf
    export CHANCERY_CONF
    cat >"$CHANCERY_CONF" <<X
[ca]
name = EXAMPLE-CA
host = ca.example.com
[store]
path = $D/ca/db
cache = 16
reserve = 16
[signer]
conf = $D/ca/signer.conf
state = $D/ca/signer
[api]
socket = $D/ca/run/api.sock
[process]
authority_user = $CA_AUTHORITY_UID
signer_user = $CA_SIGNER_UID
exit_user = $CA_EXIT_UID
[modules]
directory = $D/modules
[policy]
modules = enterprise
[directory]
uri = $SLAPD_LDAPI
base = $SLAPD_SUFFIX
bind = external
network_timeout = 2s
operation_timeout = 2s
[identity.$(id -u)]
dn = uid=alice,ou=people,$SLAPD_SUFFIX
[roles]
administrators = $(id -u)
officers = $(id -u) $CAROL
auditors = $(id -u)
operators = $(id -u)
[templates]
base = cn=templates,ou=pki,$SLAPD_SUFFIX
[publish]
modules = ldap file
[publish.ldap]
base = $SLAPD_SUFFIX
ca_entry = cn=EXAMPLE-CA,ou=pki,$SLAPD_SUFFIX
$(ca_publisher)
[publish.file]
directory = $D/ca/www
[certificate]
cdp = $SLAPD_URI/cn=EXAMPLE-CA,ou=pki,$SLAPD_SUFFIX?certificateRevocationList;binary?base?(objectClass=*)
X
}

ca_init() {
    head -c 18 /dev/urandom | base64 >"$D/ca/passphrase"
    chmod 600 "$D/ca/passphrase"
    [ "$(id -u)" -ne 0 ] || chown $CA_SIGNER_UID "$D/ca/passphrase"
    chanceryd --init --passphrase-file "$D/ca/passphrase" "$@" >"$D/init.log" 2>&1 || { cat "$D/init.log" >&2; fail "init"; }
}

ca_start() {
    chanceryd -f >>"$D/chanceryd.log" 2>&1 &
    CA_PID=$!
    CA_PIDS="$CA_PIDS $CA_PID"
    started=$(now_ms)
    until chancery -q info >/dev/null 2>&1; do
        kill -0 "$CA_PID" 2>/dev/null || { tail -n 20 "$D/chanceryd.log" >&2; fail "chanceryd ended"; }
        [ $(($(now_ms) - started)) -lt 20000 ] || { tail -n 20 "$D/chanceryd.log" >&2; fail "chanceryd does not answer"; }
        sleep .02
    done
    # shellcheck disable=SC2034
    CA_START_MS=$(($(now_ms) - started))
}

ca_stop() {
    [ -n "${CA_PID:-}" ] || return 0
    ca_ended || fail "chanceryd ended with $CA_STATUS"
}

# The daemon's end after SIGTERM is a clean one: a sanitizer's report at the exit is seen here.
ca_ended() {
    kill "$CA_PID" 2>/dev/null
    wait "$CA_PID" 2>/dev/null
    CA_STATUS=$?
    CA_PID=
    [ $CA_STATUS -eq 0 ]
}

# Reports of daemon, signer and exit hosts: an exit host that one of them ended is started again, and nobody would see it.
ca_reports() {
    grep -hE -A 30 'Sanitizer|runtime error:' "$D/chanceryd.log" "$D/init.log" 2>/dev/null
}

ca_kill() {
    kill -9 "$CA_PID"
    wait "$CA_PID" 2>/dev/null
    CA_PID=
}

# The process of the daemon's that has this title: "signer", "exit publish/ldap".
ca_child() {
    for folder in /proc/[0-9]*; do
        title=$(cat "$folder/cmdline" 2>/dev/null | tr '\0' ' ')
        case $title in "chanceryd: $1"*)
            [ "$(ca_root_of "${folder#/proc/}")" = "$CA_PID" ] && echo "${folder#/proc/}" ;;
        esac
    done
}
ca_root_of() { # the ancestor that we started, over forker and hosts
    ancestor=$1
    while [ "$ancestor" -gt 1 ] && [ "$ancestor" != "$CA_PID" ]; do
        ancestor=$(awk '/^PPid:/ { print $2 }' "/proc/$ancestor/status" 2>/dev/null) || return 0
        [ -n "$ancestor" ] || return 0
    done
    echo "$ancestor"
}

ca_end() {
    ended=$?
    trap - EXIT
    # What else the test started: it sets ca_end_hook to the name of a function.
    [ -z "${ca_end_hook:-}" ] || $ca_end_hook
    if [ -n "${CA_PID:-}" ] && ! ca_ended && [ $ended -eq 0 ]; then
        echo "FAILED: chanceryd ended with $CA_STATUS" >&2
        ended=1
    fi
    for pid in $CA_PIDS; do kill "$pid" 2>/dev/null; done
    for pid in $CA_PIDS; do wait "$pid" 2>/dev/null; done
    slapd_stop
    if ca_reports >&2; then ended=1; fi
    [ $ended -eq 0 ] || [ $ended -eq 77 ] || { echo "last words of chanceryd:"; tail -n 15 "$D/chanceryd.log" 2>/dev/null; }
    if [ -n "${CA_KEEP:-}" ]; then echo "kept: $D"; else rm -rf "$D"; fi
    exit $ended
}

ca_begin() {
    # shellcheck source=tests/lib/slapd.sh
    . "$top_srcdir/tests/lib/slapd.sh"
    slapd_have || skip "slapd is not installed"
    [ -x "$top_builddir/chanceryd" ] && [ -x "$top_builddir/chancery" ] || fail "chanceryd and chancery are not built in $top_builddir"
    ca_reachable
    ca_folder
    slapd_start "$D/slapd" || fail "slapd"
    ca_modules
    ca_configure
    ca_init "$@"
    ca_start
    for template in User Computer WebServer; do
        expect 0 chancery template adopt $template
    done
}

# key_and_request FILE SUBJECT [SAN]: FILE.key and FILE.csr by openssl.
key_and_request() {
    openssl ecparam -name prime256v1 -genkey -noout -out "$D/$1.key" 2>/dev/null || fail "openssl ecparam"
    if [ -n "${3:-}" ]; then
        openssl req -new -key "$D/$1.key" -subj "$2" -addext "subjectAltName=$3" -out "$D/$1.csr"
    else
        openssl req -new -key "$D/$1.key" -subj "$2" -out "$D/$1.csr"
    fi || fail "openssl req"
    chmod 644 "$D/$1.csr"
}

# entry_certificate DN: the values of userCertificate, each in a file $D/entry.N
entry_values() { # DN ATTRIBUTE
    rm -f "$D"/entry.*
    ldapsearch -x -LLL -o ldif-wrap=no -H "$SLAPD_URI" -D "$SLAPD_ADMIN" -w "$SLAPD_PASSWORD" -b "$1" -s base "$2" 2>/dev/null |
        sed -n "s/^$2[^:]*:: //p" | {
        number=0
        while read -r value; do
            printf %s "$value" | base64 -d >"$D/entry.$number"
            number=$((number + 1))
        done
    }
}
entry_holds() { # DN ATTRIBUTE DER-FILE: byte for byte
    entry_values "$1" "$2"
    for value in "$D"/entry.*; do
        cmp -s "$value" "$3" && return 0
    done
    return 1
}
der() { openssl x509 -in "$1" -outform DER -out "$2"; }
