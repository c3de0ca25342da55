# The CA of the refusals: ca_begin's, with entries that try things.

DAVE=60010 ERIN=60011 FRANK=60012 MALLORY=60014 TWIN=60999 WEB09=60109 WEB10=60110 LOST=60777

person() { # UID UIDNUMBER CN [LINE…]
    printf 'dn: uid=%s,ou=people,%s\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\nobjectClass: chancerySubject\n' "$1" "$SLAPD_SUFFIX"
    printf 'uid: %s\nuidNumber: %s\ngidNumber: %s\nhomeDirectory: /\nsn: %s\ncn:: %s\n' "$1" "$2" "$2" "$1" "$(printf '%s' "$3" | base64 -w0)"
    shift 3
    [ $# -eq 0 ] || printf '%s\n' "$@"
    echo
}
host() { # CN UIDNUMBER [LINE…]
    printf 'dn: cn=%s,ou=hosts,%s\nobjectClass: device\nobjectClass: posixAccount\nobjectClass: chancerySubject\n' "$1" "$SLAPD_SUFFIX"
    printf 'uid: host/%s\nuidNumber: %s\ngidNumber: %s\nhomeDirectory: /\ncn: %s\n' "$1" "$2" "$2" "$1"
    shift 2
    [ $# -eq 0 ] || printf '%s\n' "$@"
    echo
}
members() { # GROUP DN-PREFIX…
    printf 'dn: cn=%s,ou=groups,%s\nchangetype: modify\nadd: member\n' "$1" "$SLAPD_SUFFIX"
    shift
    printf "member: %s,$SLAPD_SUFFIX\n" "$@"
    echo
}
refusals_entries() {
    person dave $DAVE Dave 'mail: dave@example.com'
    person erin $ERIN Erin 'mail: same@example.com'
    person erin2 60013 Erin 'mail: Same@Example.com'
    person frank $FRANK "$(printf 'Frank\033[31m')" 'mail: frank@example.com'
    person mallory $MALLORY Mallory 'mail: mallory@example.com' 'dNSHostName: mallory.example.com'
    person twin1 $TWIN Twin 'mail: twin1@example.com'
    person twin2 $TWIN Twin 'mail: twin2@example.com'
    person grace 60015 'Grace' 'mail: not a mail'
    person heidi 60016 'Heidi'
    host web09 $WEB09 'dNSHostName: shared.example.com'
    host web10 $WEB10 'dNSHostName: SHARED.example.com'
    host web11 60111
    host web12 60112 'dNSHostName: web 12'
    host web13 60113 'dNSHostName: mallory.example.com'
    refusals_groups
    members pki-users uid=erin,ou=people uid=frank,ou=people uid=mallory,ou=people uid=grace,ou=people uid=heidi,ou=people
    members pki-hosts cn=web09,ou=hosts cn=web10,ou=hosts cn=web11,ou=hosts cn=web12,ou=hosts cn=web13,ou=hosts uid=mallory,ou=people
}
# Bob may ask for those of the group cardholders, in which carol is too, who is protected.
refusals_agents() {
    cat <<X
[agents]
protected = cn=protected,ou=groups,$SLAPD_SUFFIX
X
    for template in SmartcardUser AgentsOnly AgentsPolicy User; do
        cat <<X
[agent.$template]
agent = uid=bob,ou=people,$SLAPD_SUFFIX
template = $template
targets = cn=cardholders,ou=groups,$SLAPD_SUFFIX
X
    done
}
refusals_groups() {
    for group in cardholders protected; do
        printf 'dn: cn=%s,ou=groups,%s\nobjectClass: groupOfNames\ncn: %s\nmember: uid=carol,ou=people,%s\n' $group "$SLAPD_SUFFIX" $group "$SLAPD_SUFFIX"
        [ $group = protected ] || printf 'member: uid=alice,ou=people,%s\nmember: uid=bob,ou=people,%s\n' "$SLAPD_SUFFIX" "$SLAPD_SUFFIX"
        echo
    done
}
refusals_begin() {
    ca_begin "$@"
    refusals_entries | ldap_change || fail "entries"
    refusals_agents >>"$CHANCERY_CONF"
    sed -i 's/^\[templates\]$/&\ncompare = 1s/' "$CHANCERY_CONF"
    ca_stop
    ca_start
}
