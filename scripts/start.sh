#!/bin/sh
# start.sh [COMMAND [ARGUMENT…]]: builds the sample if needed, then becomes COMMAND of it, by default the server `main`.
# Becomes, not starts: signals to this process reach the app itself, and not a parent of it.
set -eu
cd "$(dirname "$0")/.."
command=main
if [ $# -gt 0 ]; then
  command=$1
  shift
fi

node scripts/build.mjs --if-needed &
build=$!
# A stop during the build is an ordinary stop, once the compiler is gone.
trap 'trap "" TERM INT HUP; kill -TERM "$build" 2>/dev/null || true; wait "$build" || true; exit 0' TERM INT HUP
wait "$build" || exit 1
trap - TERM INT HUP

exec node "dist/src/$command.js" "$@"
