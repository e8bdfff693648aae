#!/bin/sh
# Runs a command in the root: sh root-join.sh STATE ROOT FOLDER OWNER COMMAND ARGS...
# FOLDER is the working folder; OWNER is uid:gid to go back to where this runs under sudo, else empty.
#
# All commands of a user share one mount namespace (and, for ordinary users, one user namespace), which a process that
# does nothing holds while any program runs in it, and a little longer. Wine's server hands open files and folders to
# the programs of its prefix, which have no path in another mount namespace; and it reads and writes the memory of those
# programs, which Linux refuses between two user namespaces. STATE is the folder of the holder's process id and lock.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
state=$1 root=$2 folder=$3 owner=$4
shift 4
scripts=$(dirname "$0")

if [ "$(id -u)" = 0 ]; then
    user='' same_user=''
else
    user=--map-root-user same_user='--user --preserve-credentials'
fi

# Held until we are inside, so that the holder cannot leave meanwhile.
exec 9>>"$state/lock"
flock 9

holder=
if [ -s "$state/holder" ] && read -r pid namespace < "$state/holder" &&
    [ "$(readlink "/proc/$pid/ns/mnt" 2>/dev/null)" = "$namespace" ]; then
    holder=$pid
fi
if [ -z "$holder" ]; then
    # It says its process id when it is inside. What the host mounts later appears there too: propagation slave.
    # shellcheck disable=SC2086
    holder=$(setsid unshare $user --mount --propagation slave sh "$scripts/root-enter.sh" "$root" \
        sh -c 'echo $$; exec "$@"' hold sh "$scripts/root-hold.sh" "$state" </dev/null 9>&- &)
    [ -n "$holder" ] || exit 1
    echo "$holder $(readlink "/proc/$holder/ns/mnt")" > "$state/holder"
fi

if [ -n "$owner" ]; then
    set -- setpriv --reuid "${owner%:*}" --regid "${owner#*:}" --clear-groups "$@"
fi
# shellcheck disable=SC2016,SC2086
exec nsenter $same_user --mount --root --wd --target "$holder" \
    sh -c 'exec 9>&-; cd "$0" && exec "$@"' "$folder" "$@"
