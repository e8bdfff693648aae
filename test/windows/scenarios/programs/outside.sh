#!/bin/bash
# outside.sh SERVER REPORT COUNT NAME=SHA256...: a client that is no Windows program. Gets each file in turn, COUNT
# requests in all, from port SERVER, compares by hash, and says "RIGHT BYTES" to port REPORT.
server=$1 report=$2 count=$3
shift 3
files=("$@") right=0 bytes=0 blank=$'\r\n\r\n'
for ((i = 0; i < count; i++)); do
    file=${files[i % ${#files[@]}]}
    exec 3<>"/dev/tcp/127.0.0.1/$server"
    printf 'GET /%s HTTP/1.0\r\nHost: 127.0.0.1:%s\r\n\r\n' "${file%%=*}" "$server" >&3
    answer=$(cat <&3; echo end) # the shell drops line ends at the end
    answer=${answer%end}
    exec 3>&-
    hash=$(printf %s "${answer#*"$blank"}" | sha256sum)
    [ "${hash%% *}" = "${file#*=}" ] && right=$((right + 1))
    bytes=$((bytes + ${#answer}))
done
exec 3<>"/dev/tcp/127.0.0.1/$report"
echo "$right $bytes" >&3
