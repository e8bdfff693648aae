#!/bin/sh
# Holds the namespace of root-join.sh until nothing has run in it for a while: sh root-hold.sh STATE
exec </dev/null >/dev/null 2>&1
state=$1
while sleep 15; do
    exec 9>>"$state/lock"
    if flock --nonblock 9; then
        others=0
        for process in /proc/[0-9]*; do
            # The shell's own children are gone by now: only this process and programs of the user are left.
            if [ "$process" != "/proc/$$" ] && [ "$process/ns/mnt" -ef "/proc/$$/ns/mnt" ]; then
                others=1
                break
            fi
        done
        if [ $others = 0 ]; then
            rm -f "$state/holder"
            exit 0
        fi
    fi
    exec 9>&-
done
