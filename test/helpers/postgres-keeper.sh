#!/bin/sh
# Owns one throw-away PostgreSQL cluster: keeper.sh FOLDER BINARIES. It ends by itself, and leaves nothing behind, once no
# process that is listed in FOLDER/users has been alive for some seconds, however those processes ended.
set -eu
dir=$1 bin=$2
echo $$ > "$dir/keeper.pid"
cd "$dir"
"$bin/initdb" --pgdata=data --username=postgres --auth=trust --encoding=UTF8 --no-locale --no-sync > initdb.log 2>&1
# Nothing here outlives a crash of the machine, so nothing waits for the disk.
"$bin/postgres" -D data -k "$dir" -c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
  -c max_connections=200 -c shared_buffers=64MB -c max_wal_size=2GB > postgres.log 2>&1 &
server=$!
until "$bin/pg_isready" -q -h "$dir"; do
  kill -0 $server
  sleep 0.1
done
touch ready

is_alive() {
  if [ -d /proc/self ]; then [ -d "/proc/$1" ]; else ps -p "$1" > /dev/null; fi
}

idle=0
while [ $idle -lt 10 ]; do
  sleep 1
  kill -0 $server
  idle=$((idle + 1))
  for user in users/*; do
    [ -e "$user" ] || continue
    if is_alive "${user#users/}"; then idle=0; else rm -f "$user"; fi
  done
done
# Whoever comes now finds no folder, and starts a cluster of their own.
mv "$dir" "$dir.closing.$$"
kill -QUIT $server
wait $server || true
rm -rf "$dir.closing.$$"
