#!/bin/sh
# Runs a command in the root as an ordinary user: sh root-join.sh STATE ROOT FOLDER COMMAND ARGS...
#
# All commands of a user share one user namespace. Wine's server reads and writes the memory of the programs of its
# prefix, and Linux refuses that between two user namespaces, even of one user. A process that does nothing holds the
# namespace while any program runs in it, and a little longer. STATE is the folder of its lock and its process id.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
state=$1 root=$2 folder=$3
shift 3
scripts=$(dirname "$0")

# Held until we are inside, so that the holder cannot leave meanwhile.
exec 9>>"$state/lock"
flock 9

holder=
if [ -s "$state/holder" ] && read -r pid namespace < "$state/holder" &&
    [ "$(readlink "/proc/$pid/ns/mnt" 2>/dev/null)" = "$namespace" ]; then
    holder=$pid
fi
if [ -z "$holder" ]; then
    holder=$(setsid unshare --map-root-user --mount sh "$scripts/root-enter.sh" "$root" / "" \
        sh -c 'echo $$; exec "$@"' hold sh "$scripts/root-hold.sh" "$state" </dev/null 9>&- &)
    echo "$holder $(readlink "/proc/$holder/ns/mnt")" > "$state/holder"
fi

# shellcheck disable=SC2016
exec nsenter --preserve-credentials --user --mount --root --wd --target "$holder" \
    sh -c 'exec 9>&-; cd "$0" && exec "$@"' "$folder" "$@"
