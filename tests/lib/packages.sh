# What Debian packages Chancery needs, and how they are installed without anything being started. Source it.
#   packages_missing demo|check    prints those that are not installed, on one line
#   packages_install PACKAGE…      installs them as root; a service that comes with one is not started

PACKAGES_BUILD='gcc make autoconf automake libtool pkg-config protobuf-c-compiler libprotobuf-c-dev libldap-dev libgnutls28-dev libgmp-dev
libdb5.3-dev libncurses-dev libmicrohttpd-dev libjansson-dev libinih-dev libseccomp-dev libunistring-dev'
PACKAGES_DEMO='slapd ldap-utils gnutls-bin openssl curl procps'
PACKAGES_CHECK='git libc6-dev libcmocka-dev libvterm-dev tmux expect gnupg gpgsm dirmngr clang cppcheck mandoc shellcheck xz-utils
jq certmonger dbus-daemon dbus-bin softhsm2'

packages_missing() {
    wanted="$PACKAGES_BUILD $PACKAGES_DEMO"
    [ "$1" = check ] && wanted="$wanted $PACKAGES_CHECK"
    missing=
    for package in $wanted; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
    done
    echo "${missing# }"
}

packages_install() {
    if [ "$(id -u)" -ne 0 ]; then
        echo "these packages are missing and only root can install them: $*" >&2
        return 1
    fi
    # A slapd of the system must neither be started by its installation nor be touched when it is there already.
    policy=/usr/sbin/policy-rc.d
    policy_made=
    if [ ! -e "$policy" ]; then
        policy_made=yes
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" || return 1
    fi
    packages_apt "$@"
    installed=$?
    [ -z "$policy_made" ] || rm -f "$policy"
    return $installed
}

packages_apt() {
    if ! DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@" >/dev/null 2>&1; then
        # Lists may be old or absent: once more with fresh ones, and this time the reason is shown.
        apt-get -qq update || return 1
        DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@" >/dev/null || return 1
    fi
}
