#!/bin/sh
# README's "From demo to production", cut out and run as it stands, against a slapd as Debian makes it, in a mount namespace whose
# /etc, /usr, /var, /root, /run and /tmp are copies: nothing of it reaches this machine.
set -u
need() { for program in "$@"; do command -v "$program" >/dev/null || { echo "skipped: $program is not installed"; exit 77; }; done; }
PATH=$PATH:/usr/sbin:/sbin
need slapd slapadd slappasswd ldapsearch unshare setpriv openssl systemd-sysusers systemd-tmpfiles
[ "$(id -u)" -eq 0 ] || { echo "skipped: needs root"; exit 77; }
[ -f /usr/share/slapd/slapd.init.ldif ] || { echo "skipped: no slapd.init.ldif as in Debian's slapd"; exit 77; }

if [ -z "${INSIDE:-}" ]; then
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/chancery-production.XXXXXX") || exit 99
    trap 'rm -rf "$scratch"' EXIT
    unshare -m sh -c 'mount -t tmpfs tmpfs "$1" && mkdir "$1/u" "$1/w" && mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/u,workdir=$1/w" /etc' sh "$scratch" \
        2>/dev/null || { echo "skipped: no overlay file systems here"; exit 77; }
    INSIDE=$scratch unshare -m -n -p -f --mount-proc sh "$0"
    exit $?
fi

D=$INSIDE
mount -t tmpfs tmpfs "$D" || exit 99
chmod 755 "$D"
# The build tree and the sources may lie below what is about to be covered.
mkdir "$D/src" "$D/build"
mount --bind "$top_srcdir" "$D/src" && mount --bind "$top_builddir" "$D/build" || exit 99
for folder in etc usr var root; do
    mkdir -p "$D/$folder.u" "$D/$folder.w"
    mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$D/$folder.u,workdir=$D/$folder.w" "/$folder" || exit 99
done
# These keep what lies there, so D stays where it is.
mount -t tmpfs tmpfs /run && mkdir -p /run/slapd || exit 99
ip link set lo up 2>/dev/null

echo "-- a slapd as Debian's package makes it, with people, hosts and groups in it"
rm -rf /etc/ldap/slapd.d /var/lib/ldap
mkdir -p /etc/ldap/slapd.d /var/lib/ldap
hash=$(slappasswd -s secret)
sed -e 's/@SUFFIX@/dc=example,dc=com/g' -e "s|@PASSWORD@|$hash|g" -e 's/@BACKEND@/mdb/g' -e 's/@BACKENDOBJECTCLASS@/olcMdbConfig/g' \
    -e 's/@BACKENDOPTIONS@//g' /usr/share/slapd/slapd.init.ldif >"$D/init.ldif"
slapadd -F /etc/ldap/slapd.d -b cn=config -l "$D/init.ldif" || exit 1
slapd -F /etc/ldap/slapd.d -h 'ldap://127.0.0.1:389/ ldapi:///' || exit 1
for _ in $(seq 100); do ldapsearch -x -H ldapi:/// -b '' -s base 1.1 >/dev/null 2>&1 && break; sleep .05; done
# What a site has before it thinks of a CA: the sample without ou=pki and without our classes.
awk 'BEGIN { RS = ""; ORS = "\n\n" } !/dn: (ou|cn=[a-z-]*,ou)=pki/ && !/^dn: cn=templates/' "$D/src/schema/sample.ldif" |
    sed '/^#/d; /^objectClass: chancerySubject/d; /^userPrincipalName/d; /^dNSHostName/d' >"$D/site.ldif"
ldapadd -x -H ldapi:/// -D cn=admin,dc=example,dc=com -w secret -f "$D/site.ldif" >"$D/site.log" 2>&1 || { cat "$D/site.log"; exit 1; }
pkill_slapd() { kill "$(cat /run/slapd/slapd.pid)"; while kill -0 "$(cat /run/slapd/slapd.pid 2>/dev/null)" 2>/dev/null; do sleep .05; done; }
(umask 077; printf secret >/root/.ldap-password)

# There is no systemd here: what its two units would do is done for it.
mkdir -p "$D/bin"
cat >"$D/bin/systemctl" <<'X'
#!/bin/sh
case "$*" in
    *chanceryd.service)
        case $* in
            stop*) kill "$(cat /run/chanceryd.pid)"; while kill -0 "$(cat /run/chanceryd.pid)" 2>/dev/null; do sleep .05; done; exit 0 ;;
        esac
        grep -q '^ExecStart=/usr/sbin/chanceryd -f$' /usr/lib/systemd/system/chanceryd.service || { echo "no such unit"; exit 1; }
        chanceryd -f >>/run/chanceryd.log 2>&1 &
        echo $! >/run/chanceryd.pid
        for _ in $(seq 200); do chancery -q info >/dev/null 2>&1 && exit 0; sleep .05; done
        cat /run/chanceryd.log
        exit 1 ;;
    *chancery-crl.timer)
        command=$(sed -n 's/^ExecStart=//p' /usr/lib/systemd/system/chancery-crl.service)
        exec setpriv --reuid chancery-cron --regid chancery-cron --clear-groups $command ;;
esac
exit 1
X
chmod 755 "$D/bin/systemctl"

echo "-- the numbered commands"
awk '/^From demo to production/ { on = 1 } on && /^Then: officers/ { exit } on && /^    / { sub(/^    /, ""); print }' \
    "$D/src/README" >"$D/commands"
[ "$(grep -c . "$D/commands")" -gt 25 ] || { echo "README has no commands"; exit 1; }
grep -q '^chancery health$' "$D/commands" || { echo "README does not end in chancery health"; exit 1; }
# The sources are built already; building again is ./demo's and make distcheck's business.
sed -i -e 's/^\.\/configure .*/:/' -e 's/^make$/:/' -e "s|^make install\$|sh $D/install|" "$D/commands"
cat >"$D/install" <<X
set -e
cd $D/build
mkdir -p $D/obj && cd $D/obj
if [ -e $D/src/config.status ]; then echo "the source folder is configured: make distclean"; exit 1; fi
$D/src/configure -q --prefix=/usr --sysconfdir=/etc --localstatedir=/var --runstatedir=/run >$D/configure.log 2>&1
make -s -j2 >$D/make.log 2>&1 || { tail -n 20 $D/make.log; exit 1; }
make -s install >$D/install.log 2>&1 || { tail -n 20 $D/install.log; exit 1; }
X
PATH=$D/bin:$PATH
export PATH
cd "$D/src" || exit 99
sh -e -x "$D/commands" >"$D/log" 2>&1
status=$?
tail -n 60 "$D/log"
[ $status -eq 0 ] || { tail -n 20 /run/chanceryd.log 2>/dev/null; echo "FAILED: README's commands ended with $status"; }
[ $status -ne 0 ] || tail -n 20 "$D/log" | grep -q 'CHANCERY OK' || { echo "FAILED: health is not OK"; status=1; }
if [ $status -eq 0 ]; then
    ldapsearch -x -LLL -H ldap://127.0.0.1 -b uid=alice,ou=people,dc=example,dc=com -s base userCertificate | grep -q 'userCertificate' ||
        { echo "FAILED: the first certificate is not in the directory"; status=1; }
fi
[ -s /run/chanceryd.pid ] && kill "$(cat /run/chanceryd.pid)"
pkill_slapd
umount "$D/src" "$D/build" 2>/dev/null
exit $status
