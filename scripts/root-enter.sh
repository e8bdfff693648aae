#!/bin/sh
# Runs a command in the root, in the mount namespace that root-join.sh just made: sh root-enter.sh ROOT COMMAND ARGS...
#
# The root's own folders (usr, etc, var, ...) are bound read-only below a tmpfs, together with every other top-level
# folder of the host at its own path: a host path means the same file on both sides, and the root is never written.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
root=$1
shift

new=$root/mnt
mount -t tmpfs -o mode=755 tmpfs "$new"

bind() { # SOURCE NAME
    if [ -L "$1" ]; then
        cp -P "$1" "$new/$2"
    else
        mkdir "$new/$2"
        mount --rbind "$1" "$new/$2"
    fi
}

for entry in "$root"/* /*; do
    name=${entry##*/}
    case $name in
    usr | bin | sbin | lib* | etc | var) [ "$entry" != "/$name" ] || continue ;;
    *) [ "$entry" = "/$name" ] || continue ;;
    esac
    [ ! -d "$entry" ] || bind "$entry" "$name"
done

# Names and users are the host's.
for file in hosts resolv.conf passwd group; do
    [ ! -e "/etc/$file" ] || [ ! -e "$new/etc/$file" ] || mount --bind "/etc/$file" "$new/etc/$file"
done
for name in usr etc var; do
    # Refused where the file system below has flags that an ordinary user may not touch; file modes protect it there.
    mount -o remount,bind,ro "$new/$name" 2>/dev/null || true
done

cd "$new"
exec chroot . "$@"
