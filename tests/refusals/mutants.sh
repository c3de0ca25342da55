#!/bin/sh
# Every guard is one: each place that refuses in a case of tests/refusals is switched off in turn, and a case that ran into it must then
# be refused no more. Needs a build with --enable-mutants; `make mutants` in another makes one in the folder mutants.build. EVERY=N takes each
# Nth place only.
. "$top_srcdir/tests/lib/ca.sh"
. "$top_srcdir/tests/refusals/lib.sh"
need openssl curl ldapsearch
need_root
here=$top_srcdir/tests/refusals
. "$here/fixture.sh"
CHANCERY_GUARDS=yes
export CHANCERY_GUARDS
refusals_begin
RESULTS=$D/results
ca_stop
cp -a "$D/ca" "$D/ca.new"

cases() { # runs $CASES, or all of them
    case_number=0 case_open='' cases_refused=0 cases_wrong=0 case_alone=
    : >"$RESULTS"
    rm -f "$D/audit_at" "$D/audit_seen"
    for file in "$here"/*.cases; do
        # shellcheck source=/dev/null
        . "$file"
        case_close
        case_alone=
    done
}
# The cases of $CASES on a CA as new, in a shell of its own: a mutant may end anything.
run() {
    rm -rf "$D/ca" "$RESULTS.guards"
    cp -a "$D/ca.new" "$D/ca"
    : >"$D/chanceryd.log"
    (
        trap '[ -z "${CA_PID:-}" ] || kill -9 "$CA_PID"' EXIT
        cases
        [ -z "${CA_PID:-}" ] || ca_ended
    ) >"$D/run" 2>&1
    ! grep -q ' wrong ' "$RESULTS" && [ "$(grep -c ' refused ' "$RESULTS")" -eq "$(echo "$CASES" | wc -w)" ]
}
places() { grep -vE "$carriers" "$RESULTS.guards" 2>/dev/null; }

# Places that hand on what another process or function refused, or write it down: no guards of their own.
carriers='@ca/(client|authority_audit|signer/client|signer/protocol|init)\.c:'

cases >"$D/first"
[ -z "${CA_PID:-}" ] || ca_ended
CA_PID=
[ -s "$RESULTS.guards" ] || skip "this build has no switch for its guards (configure --enable-mutants)"
[ $cases_wrong -eq 0 ] || { grep -A 8 '^WRONG' "$D/first"; fail "$cases_wrong cases are wrong before anything is switched off"; }
# The same place in other cases: the first three are enough to look at.
places | sort -k 1,1 -k 2,2n | awk '$1 != place { if (place) print place, list; place = $1; list = ""; n = 0 }
    n < 3 { list = list " " $2; n++ } END { if (place) print place, list }' >"$D/all"
awk -v every="${EVERY:-1}" 'NR % every == 0' "$D/all" >"$D/places"
say "$cases_refused cases ran into $(wc -l <"$D/all") guards; switching off $(wc -l <"$D/places") of them"

# Where a rule stands twice (ours and the library's, say), one without the other changes nothing: then both are switched off.
caught=0 missed=0
QUIET=yes
while read -r place numbers <&3; do
    CASES=$numbers CHANCERY_MUTANT=$place
    export CHANCERY_MUTANT
    verdict_of=missed
    for round in 1 2 3; do
        run || { verdict_of=caught; break; }
        for other in $(places | grep "^${place%%@*}@" | cut -d' ' -f1 | sort -u); do
            case ,$CHANCERY_MUTANT, in *",$other,"*) ;; *) CHANCERY_MUTANT=$CHANCERY_MUTANT,$other ;; esac
        done
    done
    if [ $verdict_of = missed ]; then
        missed=$((missed + 1))
        printf 'MISSED   %s (cases %s)\n' "$CHANCERY_MUTANT" "$numbers"
    else
        caught=$((caught + 1))
        printf 'caught   %s\n' "$CHANCERY_MUTANT"
    fi
done 3<"$D/places"
unset CHANCERY_MUTANT
CASES=
echo "$((caught + missed)) mutants, $caught caught, $missed missed"
[ $missed -eq 0 ] && [ $caught -gt 0 ]
