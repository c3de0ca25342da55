# Cases of what must be refused. A case file holds lines
#   row ROW "what is tried" && refused REASON STATUS COMMAND…
# or a block with what has to be there first:
#   row 7 "own request" && { prepare COMMAND…; refused REASON STATUS COMMAND…; }
# ROW is a row of the catalogue, or a word ("input", "state", "key"). refused runs the command and wants four things: the exit status, the
# stable reason code in its answer, an audit record with that reason, and that the signer's journal did not grow. refused_alone is for
# commands that need no daemon (a start that must fail, the signer and the publisher by themselves): status and reason.
# With $CASES only these numbers run; $RESULTS gets a line a case.

# shellcheck disable=SC2034
case_number=0 case_open='' cases_refused=0 cases_wrong=0

row() { # ROW WHAT
    case_close
    case_number=$((case_number + 1))
    case_row=$1 case_what=$2
    [ -z "${CASES:-}" ] || case " $CASES " in *" $case_number "*) ;; *) return 1 ;; esac
    case_open=yes
    [ -n "${CA_PID:-}" ] || [ -n "${case_alone:-}" ] || ca_start
}

# A case that never asked is a wrong case.
case_close() {
    [ -z "$case_open" ] || verdict "nothing was asked"
}

verdict() { # WHY: empty when all is as it should be
    case_open=
    if [ -z "$1" ]; then
        cases_refused=$((cases_refused + 1))
        printf 'refused  row %-6s %-30s %s\n' "$case_row" "$case_reason" "$case_what"
        printf '%s refused %s\n' "$case_number" "$case_reason" >>"$RESULTS"
        return 0
    fi
    cases_wrong=$((cases_wrong + 1))
    printf 'WRONG    row %-6s %s: %s\n' "$case_row" "$case_what" "$1"
    printf '%s wrong %s\n' "$case_number" "${case_reason:-none}" >>"$RESULTS"
    [ -n "${QUIET:-}" ] || { head -c 1500 "$D/out"; head -c 1500 "$D/err"; } 2>/dev/null | sed 's/^/    | /'
}

prepare() { # COMMAND…: must succeed (0, or 3: pending)
    "$@" >"$D/out" 2>"$D/err"
    case_status=$?
    [ $case_status -eq 0 ] || [ $case_status -eq 3 ] || { case_reason=none; verdict "preparation ended with $case_status: $*"; return 1; }
}
prepared_id() { sed -n 's/.*"id": *\([0-9]*\).*/\1/p' "$D/out" | head -n 1; }

# ---- what is looked at ----

audit_new() { # prints the records since the last call
    curl -s --max-time 10 --unix-socket "$D/ca/run/api.sock" "http://localhost/v1/audit?after=$(cat "$D/audit_at" 2>/dev/null || echo 0)&limit=1000" >"$D/audit_page" 2>/dev/null
    audit_to=$(sed -n 's/.*"number": *\([0-9]*\).*/\1/p' "$D/audit_page" | tail -n 1)
    [ -z "$audit_to" ] || echo "$audit_to" >"$D/audit_at"
    cat "$D/audit_page"
}
# Records of the journal (122 octets behind a line, the kind at 20) that are no checkpoint (4): those the daemon makes of itself.
journal_size() { tail -c +20 "$D/ca/signer/journal" 2>/dev/null | od -An -v -tu1 -w122 | awk '$21 != 4' | wc -l; }
log_size() { cat "$D/chanceryd.log" 2>/dev/null | wc -c; }
reason_in() { grep -qE "\"reason\": *\"$1\"|\\($1\\)\$|refused $1\$" "$2"; }

reason_said() { cat "$D/out" "$D/err" | sed -n 's/.*"reason": *"\([^"]*\)".*/\1/p; s/.*(\([a-z_]*\.[a-z_]*\))$/\1/p; s/.*refused \([a-z_]*\.[a-z_]*\)$/\1/p' | head -n 1; }

# Repeated refusals of one uid share a record a minute: then the record is one that this CA wrote before.
audited() { # REASON
    audit_new >"$D/audit_now"
    if grep -q "\"reason\": *\"$1\"" "$D/audit_now"; then
        echo "$1" >>"$D/audit_seen"
        return 0
    fi
    grep -qxF "$1" "$D/audit_seen" 2>/dev/null
}
guards_note() { # which places refused, in a build that says so
    [ -n "${CHANCERY_GUARDS:-}" ] || return 0
    { tail -c "+$(($1 + 1))" "$D/chanceryd.log" 2>/dev/null; cat "$D/err"; } | sed -n "s/^.*guard \\($case_reason@[^ ]*\\)\$/\\1/p" | sort -u |
        while read -r place; do echo "$place $case_number" >>"$RESULTS.guards"; done
}

refused() { # REASON STATUS COMMAND…
    [ -n "$case_open" ] || return 0
    case_reason=$1 case_status=$2
    shift 2
    audit_new >/dev/null
    journal=$(journal_size) log=$(log_size)
    "$@" >"$D/out" 2>"$D/err"
    got=$?
    wrong=
    if [ $got -ne "$case_status" ]; then wrong="ended with $got, not $case_status ($(reason_said))"
    elif ! reason_in "$case_reason" "$D/out" && ! reason_in "$case_reason" "$D/err"; then wrong="not $case_reason but $(reason_said)"
    elif [ "$(journal_size)" -ne "$journal" ]; then wrong="something was signed"
    elif ! audited "${audit_reason:-$case_reason}"; then wrong="no audit record with ${audit_reason:-$case_reason}"
    fi
    guards_note "$log"
    verdict "$wrong"
}
# refused_as AUDIT-REASON REASON STATUS COMMAND…: the record's reason is a wider one than the answer's
refused_as() {
    audit_reason=$1
    shift
    refused "$@"
    audit_reason=
}
refused_alone() { # REASON STATUS COMMAND…
    [ -n "$case_open" ] || return 0
    case_reason=$1 case_status=$2
    shift 2
    "$@" >"$D/out" 2>"$D/err"
    got=$?
    wrong=
    if [ $got -ne "$case_status" ]; then wrong="ended with $got, not $case_status ($(reason_said))"
    elif ! reason_in "$case_reason" "$D/out" && ! reason_in "$case_reason" "$D/err"; then wrong="not $case_reason but $(reason_said)"
    fi
    guards_note 999999999
    verdict "$wrong"
}

# ---- words of the cases ----

# ask TEMPLATE SUBJECT [SAN [SUBMIT-OPTION…]]: a new key, a request by openssl, submitted. ASK_UID asks as that uid.
ask() {
    ask_template=$1 ask_subject=$2 ask_san=${3:-}
    shift $(($# < 3 ? $# : 3))
    key_and_request case "$ask_subject" "$ask_san"
    ask_file "$D/case.csr" "$ask_template" "$@"
}
ask_file() { # FILE TEMPLATE [OPTION…]
    ask_csr=$1 ask_template=$2
    shift 2
    chmod 644 "$ask_csr" 2>/dev/null
    if [ -n "${ASK_UID:-}" ]; then
        as "$ASK_UID" chancery --json submit "$ask_csr" --template "$ask_template" "$@"
    else
        chancery --json submit "$ask_csr" --template "$ask_template" "$@"
    fi
}
# ask_extensions TEMPLATE LINE…: a request with these lines in its extension section (openssl.cnf)
ask_extensions() {
    ask_template=$1
    shift
    openssl ecparam -name prime256v1 -genkey -noout -out "$D/case.key" 2>/dev/null
    { printf '[req]\ndistinguished_name=dn\nreq_extensions=x\nprompt=no\nutf8=yes\n[dn]\nCN=alice\n[x]\n'; printf '%s\n' "$@"; } >"$D/case.cnf"
    openssl req -new -key "$D/case.key" -config "$D/case.cnf" -out "$D/case.csr" || return 99
    ask_file "$D/case.csr" "$ask_template"
}
by() { # UID COMMAND…: sets who asks in ask
    ASK_UID=$1
    shift
    "$@"
    by_status=$?
    ASK_UID=
    return $by_status
}
ldap_change() { # LDIF on standard input
    ldapmodify -a -x -H "$SLAPD_URI" -D "$SLAPD_ADMIN" -w "$SLAPD_PASSWORD" >"$D/ldap.out" 2>&1 || { cat "$D/ldap.out" >&2; return 1; }
}
ldap_remove() { ldapdelete -x -H "$SLAPD_URI" -D "$SLAPD_ADMIN" -w "$SLAPD_PASSWORD" "$1" >/dev/null 2>&1; }
# The User template under another name, changed by an awk program on its lines, adopted.
template_put() { # NAME SED-SCRIPT [FROM]
    ldap_remove "cn=$1,cn=templates,ou=pki,$SLAPD_SUFFIX"
    awk -v RS= "/dn: cn=${3:-User},/" "$top_srcdir/schema/templates.ldif" | grep -v '^#' |
        sed "s/^dn: cn=${3:-User},/dn: cn=$1,/; s/^cn: ${3:-User}\$/cn: $1/; s/^displayName: .*/displayName: $1/; s/645545\\.4\\.[0-9]*\$/645545.4.$(printf %s "$1" | cksum | cut -d' ' -f1)/; $2" |
        ldap_change
}
template_refused() { # NAME SED-SCRIPT [FROM]: put, and asked for adoption
    template_put "$@" && chancery --json template adopt "$1"
}
# configured SED-SCRIPT [LINE…]: the configuration, changed and with more lines, before `chanceryd -t`
configured() {
    script=$1
    shift
    { sed "$script" "$CHANCERY_CONF"; [ $# -eq 0 ] || printf '%s\n' "$@"; } >"$D/ca/case.conf"
    chanceryd -t -c "$D/ca/case.conf"
}
# hostile WORD…: a request by tests/refusals/hostile; prints its path
hostile() {
    "$top_builddir/tests/refusals/hostile" "$@" >"$D/hostile.csr" || echo "hostile $*" >&2
    echo "$D/hostile.csr"
}
hex() { printf "$1" | od -An -v -tx1 | tr -d ' \n'; } # printf's escapes are read

# ---- past the client, straight into the socket ----
raw_answer() { # the status in the answer is the exit status
    curl -s --max-time 20 --unix-socket "$D/ca/run/api.sock" "$@" >"$D/raw.out" || return 69
    cat "$D/raw.out"
    return "$(tr -d ' \n' <"$D/raw.out" | sed -n 's/.*"status":\([0-9]*\).*/\1/p')"
}
raw_json() { printf '%s' "$1" >"$D/raw.in"; raw_answer -H 'Content-Type: application/json' --data-binary @"$D/raw.in" http://localhost/v1/requests; }
raw() { raw_json "{\"template\":\"User\",\"pkcs10\":\"$(printf '%s' "$1" | base64 -w0)\"}"; }
raw_der() { raw_json "{\"template\":\"User\",\"pkcs10\":\"$(printf "$(printf '%s' "$1" | sed 's/../\\x&/g')" | base64 -w0)\"}"; }
raw_get() { raw_answer "http://localhost$1"; }
raw_post() { raw_answer -H 'Content-Type: application/json' -d "$2" "http://localhost$1"; }
