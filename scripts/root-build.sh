#!/bin/sh
# Fills folder $1 with the Debian 13 root in which Windows programs are built and run (see root.mjs).
#   $2 = debootstrap  run as root in a private mount namespace
#   $2 = mmdebstrap   run as an ordinary user who has subordinate user ids (/etc/subuid)
#   $3 = Debian mirror
# Everything that shapes the root is in this file: its hash is part of the root's key.
set -eu
target=$1 tool=$2 mirror=$3

suite=trixie
base=ca-certificates,netbase
windows="wine wine64 wine32:i386"
tools="g++ g++-mingw-w64-x86-64-posix g++-mingw-w64-i686-posix mingw-w64-tools cmake ninja-build clang-format-19 clang-tidy-19"

# No manuals and translations; nothing recommended; no fsync, since a root that was not finished is thrown away.
dpkg_options='path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/icons/*
force-unsafe-io'

finish() { # FOLDER: what dpkg and apt leave behind
    rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/var/log/*.log "$1"/var/cache/debconf/*-old
}

case $tool in
debootstrap)
    debootstrap --variant=minbase --include="$base" "$suite" "$target" "$mirror"
    printf '%s\n' "$dpkg_options" > "$target/etc/dpkg/dpkg.cfg.d/winsock-spi"
    echo 'APT::Install-Recommends "false";' > "$target/etc/apt/apt.conf.d/99winsock-spi"
    apt-config dump 2>/dev/null | grep -i '^Acquire::.*Proxy' > "$target/etc/apt/apt.conf.d/98proxy" || true
    cp /etc/resolv.conf /etc/hosts "$target/etc/" 2>/dev/null || true
    mount --bind /proc "$target/proc"
    # shellcheck disable=SC2086 # lists of words
    chroot "$target" env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -ec '
        dpkg --add-architecture i386
        apt-get -q update
        apt-get -q install -y "$@"' install $windows $tools
    rm -f "$target/etc/apt/apt.conf.d/98proxy"
    umount "$target/proc"
    finish "$target"
    ;;
mmdebstrap)
    # Through a tar stream, unpacked as one owner: the tree then belongs to the user, who can also delete it.
    options=$target.dpkg
    printf '%s\n' "$dpkg_options" > "$options"
    include=$base,$(echo "$windows $tools" | tr ' ' ',')
    mkdir -p "$target"
    mmdebstrap --mode=unshare --variant=minbase --architectures=amd64,i386 --include="$include" \
        --dpkgopt="$options" --aptopt='APT::Install-Recommends "false"' --format=tar "$suite" - "$mirror" |
        tar -x -C "$target" --no-same-owner --exclude='./dev/*'
    rm -f "$options"
    finish "$target"
    ;;
esac

for program in wine wineserver cmake ninja clang-format-19 clang-tidy-19 g++ x86_64-w64-mingw32-g++-posix i686-w64-mingw32-g++-posix; do
    [ -e "$target/usr/bin/$program" ] || [ -L "$target/usr/bin/$program" ] || { echo "no $program in the root" >&2; exit 1; }
done
[ -e "$target/usr/lib/i386-linux-gnu/wine/i386-windows/ntdll.dll" ] || { echo "no 32-bit Wine in the root" >&2; exit 1; }

version=$(sed -n '/^Package: wine$/,/^$/s/^Version: \([0-9.]*\).*/\1/p' "$target/var/lib/dpkg/status")
printf '{ "debian": "%s", "wine": "%s" }\n' "$(cat "$target/etc/debian_version")" "$version" > "$target/etc/winsock-spi-root.json"
